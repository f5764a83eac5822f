// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Linear maps, alone, split or inside a feed-forward network, become products with packed weights.

#include "passes/layout/Products.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {

template <typename Op> struct ProductPattern : OpRewritePattern<Op> {
  ProductPattern(MLIRContext *context, const Quantization &quantization)
      : OpRewritePattern<Op>(context), quantization(quantization) {}
  Quantization quantization;
};

struct LowerLinear : ProductPattern<LinearOp> {
  using ProductPattern::ProductPattern;
  LogicalResult matchAndRewrite(LinearOp op, PatternRewriter &rewriter) const override {
    auto weight = Weight::of(op.getWeight());
    if (!weight)
      return rewriter.notifyMatchFailure(op, "weight has no packed form yet");
    rewriter.replaceOp(
        op, Products(rewriter, op.getLoc(), quantization).linear(op.getInput(), *weight, op.getBias()));
    return success();
  }
};

/// Weights that follow one another in memory are one product, of which the results are slices; others are
/// products of their own.
struct LowerLinearSplit : ProductPattern<LinearSplitOp> {
  using ProductPattern::ProductPattern;
  LogicalResult matchAndRewrite(LinearSplitOp op, PatternRewriter &rewriter) const override {
    SmallVector<Weight> weights;
    for (Value logical : op.getWeights()) {
      auto weight = Weight::of(logical);
      if (!weight)
        return rewriter.notifyMatchFailure(op, "a weight has no packed form yet");
      weights.push_back(*weight);
    }
    Products products(rewriter, op.getLoc(), quantization);
    if (op.getBiases().empty() && areContiguous(op, weights)) {
      rewriter.replaceOp(op, splitOfOneProduct(op, weights, products, rewriter));
      return success();
    }
    SmallVector<Value> results;
    for (auto [i, weight] : llvm::enumerate(weights))
      results.push_back(
          products.linear(op.getInput(), weight, op.getBiases().empty() ? Value() : op.getBiases()[i]));
    rewriter.replaceOp(op, results);
    return success();
  }

  /// Whether the panels of each weight begin where the previous one's end, in one format.
  static bool areContiguous(LinearSplitOp op, ArrayRef<Weight> weights) {
    int64_t expected = -1;
    for (const Weight &weight : weights) {
      auto view = weight.memory.getDefiningOp<memref::ViewOp>();
      auto [base, offset] =
          view ? splitOffset(view.getByteShift()) : std::pair<Value, std::optional<int64_t>>();
      auto [firstBase, firstOffset] =
          splitOffset(weights.front().memory.getDefiningOp<memref::ViewOp>().getByteShift());
      if (!view || !offset || base != firstBase || weight.format != weights.front().format ||
          weight.rows % 16)
        return false;
      if (expected >= 0 && *offset != expected)
        return false;
      expected = *offset + weight.format.getFormat().bytes(weight.rows, weight.columns);
    }
    return true;
  }

  /// An offset as (record * stride, constant): `ViewWeight` builds them so.
  static std::pair<Value, std::optional<int64_t>> splitOffset(Value offset) {
    IntegerAttr constant;
    if (matchPattern(offset, m_Constant(&constant)))
      return {Value(), constant.getInt()};
    if (auto add = offset.getDefiningOp<arith::AddIOp>()) {
      for (auto [a, b] : {std::pair(add.getLhs(), add.getRhs()), std::pair(add.getRhs(), add.getLhs())})
        if (matchPattern(a, m_Constant(&constant)))
          if (auto mul = b.getDefiningOp<arith::MulIOp>())
            return {record(mul), constant.getInt()};
    }
    return {Value(), std::nullopt};
  }

  static Value record(arith::MulIOp mul) {
    return matchPattern(mul.getLhs(), m_Constant()) ? mul.getRhs() : mul.getLhs();
  }

  static SmallVector<Value> splitOfOneProduct(LinearSplitOp op, ArrayRef<Weight> weights, Products &products,
                                              PatternRewriter &rewriter) {
    Location loc = op.getLoc();
    Weight all = weights.front();
    for (const Weight &weight : weights.drop_front())
      all.rows += weight.rows;
    auto view = all.memory.getDefiningOp<memref::ViewOp>();
    auto type = MemRefType::get({all.rows / 16, view.getType().getDimSize(1)}, rewriter.getI8Type());
    // The shift is defined before the first view, hence before this operation.
    all.memory =
        memref::ViewOp::create(rewriter, loc, type, view.getSource(), view.getByteShift(), ValueRange{});
    Value product = products.linear(op.getInput(), all, Value());
    SmallVector<Value> results;
    int64_t column = 0;
    for (const Weight &weight : weights) {
      SmallVector<OpFoldResult> offsets{rewriter.getIndexAttr(0), rewriter.getIndexAttr(column)};
      SmallVector<OpFoldResult> sizes{tensor::getMixedSize(rewriter, loc, product, 0),
                                      rewriter.getIndexAttr(weight.rows)};
      SmallVector<OpFoldResult> strides(2, rewriter.getIndexAttr(1));
      results.push_back(tensor::ExtractSliceOp::create(rewriter, loc, product, offsets, sizes, strides));
      column += weight.rows;
    }
    return results;
  }
};

/// Gate, up and activation are one product with two weights; down is another.
struct LowerFfn : ProductPattern<FfnOp> {
  using ProductPattern::ProductPattern;
  LogicalResult matchAndRewrite(FfnOp op, PatternRewriter &rewriter) const override {
    auto up = Weight::of(op.getUp()), down = Weight::of(op.getDown());
    auto gate = op.getGate() ? Weight::of(op.getGate()) : std::nullopt;
    if (!up || !down || (op.getGate() && !gate))
      return rewriter.notifyMatchFailure(op, "a weight has no packed form yet");
    Products products(rewriter, op.getLoc(), quantization);
    Value hidden = gate ? gated(op, *gate, *up, products) : plain(op, *up, products);
    if (!hidden) {
      // Gate and up are stored in different ways: two products.
      Value gateProduct =
          products.emit(op.getInput(), *gate, biasRange(op.getGateBias()), activatedSum(op.getActivation()));
      Value upProduct = products.linear(op.getInput(), *up, op.getUpBias());
      hidden = arith::MulFOp::create(rewriter, op.getLoc(), gateProduct, upProduct);
    }
    rewriter.replaceOp(op, products.linear(hidden, *down, op.getDownBias()));
    return success();
  }

  static ValueRange biasRange(const Value &bias) { return bias ? ValueRange(bias) : ValueRange(); }

  /// activation(product [+ bias])
  static std::function<Value(OpBuilder &, Location, ValueRange)> activatedSum(Activation activation) {
    return [activation](OpBuilder &b, Location loc, ValueRange values) {
      Value x =
          values.size() == 1 ? values[0] : arith::AddFOp::create(b, loc, values[0], values[1]).getResult();
      return emitActivation(b, loc, activation, x);
    };
  }

  static Value plain(FfnOp op, const Weight &up, Products &products) {
    Value bias = op.getUpBias();
    return products.emit(op.getInput(), up, biasRange(bias), activatedSum(op.getActivation()));
  }

  static Value gated(FfnOp op, const Weight &gate, const Weight &up, Products &products) {
    if (gate.format != up.format)
      return {};
    SmallVector<Value> extras;
    for (Value bias : {op.getGateBias(), op.getUpBias()})
      if (bias)
        extras.push_back(bias);
    bool gateBias = static_cast<bool>(op.getGateBias()), upBias = static_cast<bool>(op.getUpBias());
    Activation activation = op.getActivation();
    return products.emit(op.getInput(), {gate, up}, extras,
                         [=](OpBuilder &b, Location loc, ValueRange values) -> Value {
                           Value g = values[0], u = values[1];
                           unsigned next = 2;
                           if (gateBias)
                             g = arith::AddFOp::create(b, loc, g, values[next++]);
                           if (upBias)
                             u = arith::AddFOp::create(b, loc, u, values[next]);
                           return arith::MulFOp::create(b, loc, emitActivation(b, loc, activation, g), u);
                         });
  }
};

/// The sum of a residual norm can join the product before it; the norm is a pass over the rows.
struct SplitResidualNorm : OpRewritePattern<ResidualNormOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ResidualNormOp op, PatternRewriter &rewriter) const override {
    Value sum = arith::AddFOp::create(rewriter, op.getLoc(), op.getResidual(), op.getUpdate());
    Value norm = NormOp::create(rewriter, op.getLoc(), op.getResult().getType(), op.getKindAttr(), sum,
                                op.getWeight(), op.getBias(), op.getEpsAttr(), op.getWeightOffsetAttr());
    rewriter.replaceOp(op, {sum, norm});
    return success();
  }
};

/// residual + product: the addition joins the product's epilogue.
struct AddResidualInEpilogue : OpRewritePattern<arith::AddFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::AddFOp op, PatternRewriter &rewriter) const override {
    for (auto [product, residual] :
         {std::pair(op.getLhs(), op.getRhs()), std::pair(op.getRhs(), op.getLhs())}) {
      auto linear = product.getDefiningOp<kernel::LinearOp>();
      if (!linear || !linear->hasOneUse() || linear->getBlock() != op->getBlock())
        continue;
      rewriter.replaceOp(op, withResidual(linear, residual, op, rewriter));
      rewriter.eraseOp(linear);
      return success();
    }
    return rewriter.notifyMatchFailure(op, "no operand is a product that only this addition uses");
  }

  static Value withResidual(kernel::LinearOp linear, Value residual, arith::AddFOp add,
                            PatternRewriter &rewriter) {
    SmallVector<Value> extras(linear.getExtras());
    extras.push_back(residual);
    auto fused = kernel::LinearOp::create(rewriter, linear.getLoc(), linear.getResult().getType(),
                                          linear.getInput(), linear.getScales(), linear.getSums(),
                                          linear.getOutliers(), linear.getWeights(), extras,
                                          linear.getOutput(), linear.getFormat(), linear.getColumnsAttr());
    rewriter.inlineRegionBefore(linear.getEpilogue(), fused.getEpilogue(), fused.getEpilogue().end());
    Block &body = fused.getEpilogue().front();
    Value extra = body.addArgument(rewriter.getF32Type(), add.getLoc());
    auto yield = cast<kernel::YieldOp>(body.getTerminator());
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPoint(yield);
    Value sum = arith::AddFOp::create(rewriter, add.getLoc(), yield.getValue(), extra);
    rewriter.modifyOpInPlace(yield, [&] { yield.getValueMutable().assign(sum); });
    return fused.getResult();
  }
};

} // namespace

void transformer::populateLinearPatterns(RewritePatternSet &patterns, const Quantization &quantization) {
  patterns.add<LowerLinear, LowerLinearSplit, LowerFfn>(patterns.getContext(), quantization);
  patterns.add<SplitResidualNorm, AddResidualInEpilogue>(patterns.getContext());
}
