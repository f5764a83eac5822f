// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Splits kernels and linalg operations into tiles that run in parallel.

#include "dialect/Kernel.h"
#include "passes/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TILE
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

SmallVector<OpFoldResult> sizesOf(Builder &builder, ArrayRef<int64_t> sizes) {
  return llvm::map_to_vector(sizes, [&](int64_t size) -> OpFoldResult { return builder.getIndexAttr(size); });
}

bool isInsideLoop(Operation *op) { return op->getParentOfType<LoopLikeOpInterface>() != nullptr; }

struct Tile : transformer::impl::TileBase<Tile> {
  using TileBase::TileBase;
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    IRRewriter rewriter(&getContext());
    SmallVector<TilingInterface> found;
    function.walk([&](TilingInterface op) {
      if (kernels && isa<kernel::KernelDialect>(op->getDialect()) && !isInsideLoop(op))
        found.push_back(op);
    });
    for (TilingInterface op : found)
      if (failed(tileInParallel(rewriter, op, kernelTile(op))))
        return signalPassFailure();
    tileRows(rewriter, function);
  }

  /// Tokens or blocks of them, and pairs of panels of 16 columns or key heads.
  SmallVector<int64_t> kernelTile(Operation *op) {
    if (isa<kernel::LinearOp>(op))
      return {rows, 32};
    if (isa<kernel::GroupedLinearOp>(op))
      return {1, 32};
    if (isa<kernel::AttentionOp>(op))
      return {queries, 1};
    if (isa<kernel::CacheUpdateOp>(op)) // each token has rows of the cache of its own
      return {queries};
    return {1};
  }

  LogicalResult tileInParallel(RewriterBase &rewriter, TilingInterface op, ArrayRef<int64_t> sizes) {
    rewriter.setInsertionPoint(op);
    scf::SCFTilingOptions options;
    options.setTileSizes(sizesOf(rewriter, sizes)).setLoopType(scf::SCFTilingOptions::LoopType::ForallOp);
    FailureOr<scf::SCFTilingResult> tiled = scf::tileUsingSCF(rewriter, op, options);
    if (failed(tiled))
      return failure();
    rewriter.replaceOp(op, tiled->replacements);
    return success();
  }

  /// Row operations, from the last one up: each takes the producers that only it uses, directly or through
  /// each other, into its tile of one token.
  void tileRows(RewriterBase &rewriter, func::FuncOp function) {
    SmallVector<linalg::LinalgOp> operations;
    function.walk([&](linalg::LinalgOp op) { operations.push_back(op); });
    for (linalg::LinalgOp op : llvm::reverse(operations)) {
      if (isErased(op) || !isTokenWise(op) || isInsideLoop(op))
        continue;
      rewriter.setInsertionPoint(op);
      scf::SCFTileAndFuseOptions options;
      options.tilingOptions.setTileSizes(sizesOf(rewriter, {1}))
          .setLoopType(scf::SCFTilingOptions::LoopType::ForallOp);
      llvm::SmallPtrSet<Operation *, 8> together = usedOnlyBy(op, operations);
      options.setFusionControlFn([&](tensor::ExtractSliceOp, OpResult producer,
                                     bool) -> std::optional<scf::SCFTileAndFuseOptions::ControlFnResult> {
        if (!together.contains(producer.getOwner()))
          return std::nullopt;
        return scf::SCFTileAndFuseOptions::ControlFnResult{};
      });
      FailureOr<scf::SCFTileAndFuseResult> tiled = scf::tileConsumerAndFuseProducersUsingSCF(
          rewriter, cast<TilingInterface>(op.getOperation()), options);
      if (failed(tiled))
        continue;
      for (OpResult result : op->getResults())
        if (Value replacement = tiled->replacements.lookup(result))
          rewriter.replaceAllUsesWith(result, replacement);
      eraseDead(rewriter, op);
    }
  }

  /// Whether a token's part of a result is known to be small enough for a tile's own memory.
  bool fitsTile(OpResult result) const {
    auto type = cast<RankedTensorType>(result.getType());
    ArrayRef<int64_t> shape = type.getShape().drop_front();
    if (most == 0)
      return true;
    return !ShapedType::isDynamicShape(shape) &&
           ShapedType::getNumElements(shape) * type.getElementTypeBitWidth() / 8 <= most;
  }

  /// `op` and the operations that nobody else needs, in whatever order they use each other: a mean is used by
  /// the variance and by what both normalise. Asking for a result's size is no use of it.
  llvm::SmallPtrSet<Operation *, 8> usedOnlyBy(linalg::LinalgOp op, ArrayRef<linalg::LinalgOp> operations) {
    llvm::SmallPtrSet<Operation *, 8> together{op};
    for (linalg::LinalgOp producer : llvm::reverse(operations)) {
      if (isErased(producer) || producer == op || !isTokenWise(producer) || isInsideLoop(producer) ||
          !llvm::all_of(producer->getResults(), [&](OpResult result) { return fitsTile(result); }))
        continue;
      if (llvm::all_of(producer->getUsers(),
                       [&](Operation *user) { return together.contains(user) || isa<tensor::DimOp>(user); }))
        together.insert(producer);
    }
    return together;
  }

  llvm::DenseSet<Operation *> erased;
  bool isErased(Operation *op) { return erased.contains(op); }

  /// Erases an operation without uses, and producers that it leaves without uses.
  void eraseDead(RewriterBase &rewriter, Operation *op) {
    if (!op->use_empty() || !isa<linalg::LinalgOp>(op))
      return;
    SmallVector<Operation *> producers;
    for (Value operand : op->getOperands())
      if (Operation *producer = operand.getDefiningOp())
        producers.push_back(producer);
    erased.insert(op);
    rewriter.eraseOp(op);
    for (Operation *producer : producers)
      if (!isErased(producer))
        eraseDead(rewriter, producer);
  }

  /// Whether the first loop is parallel and runs over tokens (a dynamic extent).
  static bool isTokenWise(linalg::LinalgOp op) {
    return op.getNumLoops() && op.getIteratorTypesArray().front() == utils::IteratorType::parallel &&
           ShapedType::isDynamic(op.getStaticLoopRanges().front()) && op.hasPureTensorSemantics();
  }
};

} // namespace
