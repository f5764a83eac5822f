// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Splits kernels and linalg operations into tiles that run in parallel, and linalg tiles into vectors.

#include "dialect/Kernel.h"
#include "passes/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TILE
#define GEN_PASS_DEF_VECTORIZE
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
      if (kernels && isa<kernel::KernelDialect>(op->getDialect()) && op->getNumResults() && !isInsideLoop(op))
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

  /// Row operations, from the last one up: each takes the producers that only it uses into its tile of one
  /// token.
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
      llvm::SmallPtrSet<Operation *, 8> tiledAway{op}; // what the loop replaces
      options.setFusionControlFn([&](tensor::ExtractSliceOp slice, OpResult producer,
                                     bool) -> std::optional<scf::SCFTileAndFuseOptions::ControlFnResult> {
        auto linalgOp = dyn_cast<linalg::LinalgOp>(producer.getOwner());
        if (!linalgOp || !isTokenWise(linalgOp) || !fitsTile(producer) ||
            isUsedElsewhere(linalgOp, slice, tiledAway))
          return std::nullopt;
        tiledAway.insert(linalgOp);
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

  /// Whether a producer's result is needed as a whole: by anything but slices in the loop, the loop itself
  /// (as what it writes over), what the loop replaces, and those who ask for its size.
  static bool isUsedElsewhere(Operation *producer, tensor::ExtractSliceOp slice,
                              const llvm::SmallPtrSetImpl<Operation *> &tiledAway) {
    auto loop = slice->getParentOfType<scf::ForallOp>();
    return llvm::any_of(producer->getUsers(), [&](Operation *user) {
      return user != loop && !loop->isAncestor(user) && !tiledAway.contains(user) &&
             !isa<tensor::DimOp>(user);
    });
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

/// Splits the last loop of linalg operations on one token into vectors, and vectorises them.
struct Vectorize : transformer::impl::VectorizeBase<Vectorize> {
  using VectorizeBase::VectorizeBase;
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<linalg::LinalgOp> operations;
    getOperation().walk([&](linalg::LinalgOp op) { operations.push_back(op); });
    for (linalg::LinalgOp op : operations)
      if (isVectorizable(op))
        vectorize(rewriter, op);
  }

  /// The largest power of two that divides the last loop's extent, up to the width.
  int64_t vectorSize(linalg::LinalgOp op) {
    int64_t extent = op.getStaticLoopRanges().back(), size = 1;
    if (ShapedType::isDynamic(extent))
      return 1;
    while (size < width && extent % (2 * size) == 0)
      size *= 2;
    return size;
  }

  void vectorize(RewriterBase &rewriter, linalg::LinalgOp op) {
    int64_t size = vectorSize(op);
    SmallVector<int64_t> ranges = op.getStaticLoopRanges();
    if (size == 1)
      return;
    SmallVector<int64_t> tile(ranges.size(), 1);
    tile.back() = size;
    rewriter.setInsertionPoint(op);
    scf::SCFTilingOptions options;
    options.setTileSizes(sizesOf(rewriter, tile));
    FailureOr<scf::SCFTilingResult> tiled =
        scf::tileUsingSCF(rewriter, cast<TilingInterface>(op.getOperation()), options);
    if (failed(tiled))
      return;
    rewriter.replaceOp(op, tiled->replacements);
    for (Operation *inner : tiled->tiledOps) {
      rewriter.setInsertionPoint(inner);
      FailureOr<linalg::VectorizationResult> result = linalg::vectorize(rewriter, inner);
      if (succeeded(result))
        rewriter.replaceOp(inner, result->replacements);
    }
  }

  /// Only bodies of plain arithmetic on tensors: what indexes memory or calls the mathematical library stays
  /// a loop.
  static bool isVectorizable(linalg::LinalgOp op) {
    if (!op.hasPureTensorSemantics() || op->getRegion(0).empty())
      return false;
    return llvm::all_of(op->getRegion(0).front().getOperations(), [](Operation &inner) {
      return isa<linalg::YieldOp>(inner) ||
             (inner.getNumRegions() == 0 && isa<arith::ArithDialect, math::MathDialect>(inner.getDialect()) &&
              !isa<math::SinOp, math::CosOp>(inner));
    });
  }
};

} // namespace
