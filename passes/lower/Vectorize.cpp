// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Turns linalg operations on one token into vectors.

#include "passes/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_VECTORIZE
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

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
    getOperation().walk([&](vector::MultiDimReductionOp op) { combineInTree(rewriter, op); });
  }

  /// A vector's lanes that become one number may be combined in any order.
  static void combineInTree(RewriterBase &rewriter, vector::MultiDimReductionOp op) {
    auto result = dyn_cast<VectorType>(op.getDestType());
    if (!result || result.getNumElements() != 1)
      return;
    Location loc = op.getLoc();
    rewriter.setInsertionPoint(op);
    VectorType source = op.getSourceVectorType();
    auto lanes = VectorType::get(source.getNumElements(), source.getElementType());
    Value vector = vector::ShapeCastOp::create(rewriter, loc, lanes, op.getSource());
    Value start =
        vector::ExtractOp::create(rewriter, loc, op.getAcc(), SmallVector<int64_t>(result.getRank(), 0));
    Value number = vector::ReductionOp::create(rewriter, loc, op.getKind(), vector, start,
                                               arith::FastMathFlags::reassoc);
    rewriter.replaceOpWithNewOp<vector::BroadcastOp>(op, result, number);
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
    if (isSummedInLanes(op, size)) {
      tile.back() = 0;
      for (Operation *row : tileBy(rewriter, op, tile))
        sumInLanes(rewriter, cast<linalg::LinalgOp>(row), size);
      return;
    }
    tile.back() = size;
    for (Operation *inner : tileBy(rewriter, op, tile))
      toVectors(rewriter, inner);
  }

  /// The tiles that replace `op`; none if it cannot be tiled.
  static SmallVector<Operation *> tileBy(RewriterBase &rewriter, linalg::LinalgOp op,
                                         ArrayRef<int64_t> sizes) {
    rewriter.setInsertionPoint(op);
    scf::SCFTilingOptions options;
    options.setTileSizes(getAsIndexOpFoldResult(rewriter.getContext(), sizes));
    FailureOr<scf::SCFTilingResult> tiled =
        scf::tileUsingSCF(rewriter, cast<TilingInterface>(op.getOperation()), options);
    if (failed(tiled))
      return {};
    rewriter.replaceOp(op, tiled->replacements);
    return tiled->tiledOps;
  }

  /// Whether each lane of a vector takes every size-th element, and the lanes are combined at the end: a sum
  /// in the elements' order would wait for every addition.
  static bool isSummedInLanes(linalg::LinalgOp op, int64_t size) {
    SmallVector<utils::IteratorType> kinds = op.getIteratorTypesArray();
    return kinds.back() == utils::IteratorType::reduction &&
           llvm::count(kinds, utils::IteratorType::reduction) == 1 &&
           op.getStaticLoopRanges().back() > size && isa<PartialReductionOpInterface>(op.getOperation());
  }

  void sumInLanes(RewriterBase &rewriter, linalg::LinalgOp row, int64_t size) {
    rewriter.setInsertionPoint(row);
    SmallVector<int64_t> tile(row.getNumLoops(), 0);
    tile.back() = size;
    scf::SCFTilingOptions options;
    options.setTileSizes(getAsIndexOpFoldResult(rewriter.getContext(), tile))
        .setReductionTilingStrategy(ReductionTilingStrategy::PartialReductionOuterReduction)
        .setReductionDims({row.getNumLoops() - 1});
    FailureOr<scf::SCFTilingResult> tiled =
        scf::tileUsingSCF(rewriter, cast<TilingInterface>(row.getOperation()), options);
    if (failed(tiled))
      return;
    rewriter.replaceOp(row, tiled->replacements);
    for (Value init : tiled->initialValues)
      if (auto fill = init.getDefiningOp<linalg::FillOp>())
        toVectors(rewriter, fill);
    for (Operation *inner : llvm::concat<Operation *>(tiled->tiledOps, tiled->mergeOps))
      toVectors(rewriter, inner);
  }

  void toVectors(RewriterBase &rewriter, Operation *op) {
    rewriter.setInsertionPoint(op);
    FailureOr<linalg::VectorizationResult> result = linalg::vectorize(rewriter, op);
    if (succeeded(result))
      rewriter.replaceOp(op, result->replacements);
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
