// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Mixtures of experts become kernels: tokens' choices are ordered by expert, their rows gathered in that
// order, so that each expert's rows are one stretch of a product, and the results summed up by token.

#include "passes/layout/Products.h"
#include "passes/lower/LinalgBuilder.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// Rows of a block of work, as of a tile of any product: a multiple of every register tile's height.
constexpr int64_t kBlockRows = 96;

struct LowerRoute : OpRewritePattern<RouteOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(RouteOp op, PatternRewriter &rewriter) const override {
    SmallVector<Value> outputs;
    for (Value result : op.getResults())
      outputs.push_back(
          emptyLike(rewriter, op.getLoc(), cast<RankedTensorType>(result.getType()), op.getLogits()));
    rewriter.replaceOpWithNewOp<kernel::RouteOp>(
        op, op.getResultTypes(), op.getScoresAttr(), op.getLogits(), op.getCorrectionBias(), outputs[0],
        outputs[1], op.getGroupsAttr(), op.getTopGroupsAttr(), op.getGroupScoreAttr(),
        op.getRenormalizeAttr(), op.getScaleAttr());
    return success();
  }
};

/// Emits the parts of one `experts`. Rows in the order of the experts are tensors [tokens, choices, ...]
/// while they are made, so that their size is seen to be so many rows a token; products take them as a list.
class ExpertLowering {
public:
  ExpertLowering(OpBuilder &builder, ExpertsOp op, const Quantization &quantization)
      : l(builder, op.getLoc()), op(op), products(builder, op.getLoc(), quantization),
        choices(cast<RankedTensorType>(op.getExperts().getType()).getDimSize(1)) {}

  Value emit(const std::optional<Weight> &gate, const Weight &up, const Weight &down) {
    dispatch();
    Value hidden = gate && gate->format != up.format ? separate(*gate, up) : together(gate, up);
    return combine(product(prepared(hidden, down.format), down, op.getDownBias(),
                           [&](OpBuilder &, Location, ValueRange v) { return sum(v, 0, 1); }));
  }

private:
  LinalgBuilder l;
  ExpertsOp op;
  Products products;
  int64_t choices;
  Value places, sources, blocks, count;

  /// Memory for a tensor [tokens, choices, width...], of its own: if two shared it, a copy of the list of
  /// rows would be made, whose size would no longer tell the number of tokens.
  Value emptyByChoice(ArrayRef<int64_t> width, Type element) {
    SmallVector<int64_t> shape{ShapedType::kDynamic, choices};
    llvm::append_range(shape, width);
    return bufferization::AllocTensorOp::create(l.b, l.loc, RankedTensorType::get(shape, element),
                                                l.dim(op.getInput(), 0));
  }

  /// Tokens and choices as one dimension.
  Value asRows(Value byChoice) {
    auto type = cast<RankedTensorType>(byChoice.getType());
    auto rows = RankedTensorType::get({ShapedType::kDynamic, type.getDimSize(2)}, type.getElementType());
    return tensor::CollapseShapeOp::create(l.b, l.loc, rows, byChoice,
                                           SmallVector<ReassociationIndices>{{0, 1}, {2}});
  }

  /// Rows in the order of the experts as weights of this format take them.
  Activations prepared(Value rows, kernel::PackedAttr format) {
    return products.prepare(rows, format, [&](int64_t columns, Type element) {
      return asRows(emptyByChoice({columns}, element));
    });
  }

  void dispatch() {
    Type i32 = l.b.getI32Type();
    SmallVector<Value> outputs{emptyByChoice({}, i32), emptyByChoice({}, i32),
                               asRows(emptyByChoice({3}, i32)), l.empty(RankedTensorType::get({1}, i32), {})};
    int64_t experts = cast<RankedTensorType>(op.getUp().getType()).getDimSize(0);
    auto order = kernel::DispatchOp::create(
        l.b, l.loc, TypeRange(ValueRange(outputs)), op.getExperts(), outputs[0], outputs[1], outputs[2],
        outputs[3], l.b.getI64IntegerAttr(experts), l.b.getI64IntegerAttr(kBlockRows));
    places = order.getResult(0), sources = order.getResult(1), blocks = order.getResult(2),
    count = order.getResult(3);
  }

  Value indexOf(Value number) { return arith::IndexCastOp::create(l.b, l.loc, l.b.getIndexType(), number); }

  /// The row of each place's token; `weighed` by the choice's weight.
  Value gather(Value rows, bool weighed = false) {
    if (!rows)
      return {};
    auto type = cast<RankedTensorType>(rows.getType());
    Value output = emptyByChoice({type.getDimSize(1)}, type.getElementType());
    return asRows(l.map(sources, l.leading(3, 2), output, [&](ValueRange v) -> Value {
      Value choice = indexOf(v[0]), ofToken = l.index(choices);
      Value token = arith::DivUIOp::create(l.b, l.loc, choice, ofToken);
      Value element = tensor::ExtractOp::create(l.b, l.loc, rows, ValueRange{token, l.loopIndex(2)});
      if (!weighed)
        return element;
      Value j = arith::RemUIOp::create(l.b, l.loc, choice, ofToken);
      return l.mul(element, tensor::ExtractOp::create(l.b, l.loc, op.getWeights(), ValueRange{token, j}));
    }));
  }

  /// The input's rows in the order of the experts, as weights of this format take them. Rows are quantised
  /// once, before they are multiplied by being chosen.
  Activations gathered(kernel::PackedAttr format) {
    if (op.getWeighInput())
      return prepared(gather(op.getInput(), /*weighed=*/true), format);
    auto [values, scales, sums, outliers] = products.prepare(op.getInput(), format);
    return {gather(values), gather(scales), gather(sums), gather(outliers)};
  }

  Value product(const Activations &input, ArrayRef<Weight> weights, ValueRange extras, Epilogue epilogue) {
    const Weight &first = weights.front();
    Value output = asRows(emptyByChoice({first.rows}, l.b.getF32Type()));
    SmallVector<Value> memories =
        llvm::map_to_vector(weights, [](const Weight &weight) { return weight.memory; });
    SmallVector<Value> present;
    llvm::copy_if(extras, std::back_inserter(present), [](Value extra) { return static_cast<bool>(extra); });
    auto grouped = kernel::GroupedLinearOp::create(
        l.b, l.loc, output.getType(), input.values, input.scales, input.sums, input.outliers, blocks, count,
        memories, present, output, first.format, l.b.getI64IntegerAttr(first.columns));
    emitEpilogue(l.b, grouped.getEpilogue(), weights.size() + present.size(), epilogue);
    return grouped.getResult();
  }

  /// Product and bias; `bias` is the place of the latter, if there is one.
  Value sum(ValueRange values, unsigned product, unsigned bias) {
    return bias < values.size() ? l.add(values[product], values[bias]) : values[product];
  }

  //===--------------------------------------------- before down
  //-------------------------------------------------===//

  Value activated(Value gate) {
    if (double limit = op.getLimit().convertToDouble(); limit > 0)
      gate = arith::MinimumFOp::create(l.b, l.loc, gate, l.f32(limit));
    return emitActivation(l.b, l.loc, op.getActivation(), gate);
  }

  Value bounded(Value up) {
    if (double limit = op.getLimit().convertToDouble(); limit > 0)
      up = arith::MinimumFOp::create(l.b, l.loc, arith::MaximumFOp::create(l.b, l.loc, up, l.f32(-limit)),
                                     l.f32(limit));
    double offset = op.getUpOffset().convertToDouble();
    return offset == 0 ? up : l.add(up, l.f32(offset));
  }

  /// activation(gate) * up, or activation(up), in one product.
  Value together(const std::optional<Weight> &gate, const Weight &up) {
    if (!gate)
      return product(gathered(up.format), up, op.getUpBias(),
                     [&](OpBuilder &, Location, ValueRange v) { return activated(sum(v, 0, 1)); });
    bool gateBias = static_cast<bool>(op.getGateBias()), upBias = static_cast<bool>(op.getUpBias());
    return product(gathered(up.format), {*gate, up}, {op.getGateBias(), op.getUpBias()},
                   [&](OpBuilder &, Location, ValueRange v) {
                     Value g = gateBias ? sum(v, 0, 2) : v[0], u = upBias ? sum(v, 1, 2 + gateBias) : v[1];
                     return l.mul(activated(g), bounded(u));
                   });
  }

  /// Gate and up are stored in different ways: two products.
  Value separate(const Weight &gate, const Weight &up) {
    Value g = product(gathered(gate.format), gate, op.getGateBias(),
                      [&](OpBuilder &, Location, ValueRange v) { return activated(sum(v, 0, 1)); });
    Value u = product(gathered(up.format), up, op.getUpBias(),
                      [&](OpBuilder &, Location, ValueRange v) { return bounded(sum(v, 0, 1)); });
    Value output = asRows(emptyByChoice({up.rows}, l.b.getF32Type()));
    return l.map({g, u}, {l.identity(2), l.identity(2)}, output,
                 [&](ValueRange v) { return l.mul(v[0], v[1]); });
  }

  //===---------------------------------------------- after down
  //-------------------------------------------------===//

  /// The sum of each token's rows, weighed unless its input was: always in the order of its choices.
  Value combine(Value rows) {
    Value zero = l.filled(emptyLike(l.b, l.loc, op.getType(), op.getInput()), 0.0);
    AffineMap choice = l.leading(3, 2);
    return l.reduce(1, {places, op.getWeights()}, {choice, choice}, zero, [&](ValueRange v) {
      Value y = tensor::ExtractOp::create(l.b, l.loc, rows, ValueRange{indexOf(v[0]), l.loopIndex(2)});
      return l.add(v[2], op.getWeighInput() ? y : l.mul(v[1], y));
    });
  }
};

struct LowerExperts : OpRewritePattern<ExpertsOp> {
  LowerExperts(MLIRContext *context, const Quantization &quantization)
      : OpRewritePattern(context), quantization(quantization) {}
  Quantization quantization;

  LogicalResult matchAndRewrite(ExpertsOp op, PatternRewriter &rewriter) const override {
    auto up = Weight::of(op.getUp()), down = Weight::of(op.getDown());
    auto gate = op.getGate() ? Weight::of(op.getGate()) : std::nullopt;
    if (!up || !down || (op.getGate() && !gate))
      return rewriter.notifyMatchFailure(op, "a weight has no packed form yet");
    rewriter.replaceOp(op, ExpertLowering(rewriter, op, quantization).emit(gate, *up, *down));
    return success();
  }
};

} // namespace

void transformer::populateExpertPatterns(RewritePatternSet &patterns, const Quantization &quantization) {
  patterns.add<LowerRoute>(patterns.getContext());
  patterns.add<LowerExperts>(patterns.getContext(), quantization);
}
