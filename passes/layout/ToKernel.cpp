// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The pass, and the patterns for weights and caches.

#include "passes/layout/ToKernel.h"
#include "passes/Passes.h"
#include "passes/layout/Formats.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TOKERNEL
#define GEN_PASS_DEF_VERIFYLAYOUT
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

Value transformer::physicalOf(Value value) {
  auto cast = value.getDefiningOp<UnrealizedConversionCastOp>();
  return cast && cast.getInputs().size() == 1 ? cast.getInputs().front() : Value();
}

TableMemory transformer::tableMemoryOf(Value table) {
  auto cast = table.getDefiningOp<UnrealizedConversionCastOp>();
  if (!cast || cast.getInputs().empty() || cast.getInputs().size() > 2)
    return {};
  return {cast.getInputs()[0], cast.getInputs().size() == 2 ? cast.getInputs()[1] : Value()};
}

Value transformer::emptyLike(OpBuilder &builder, Location loc, RankedTensorType type, Value like) {
  SmallVector<Value> sizes;
  auto likeType = cast<RankedTensorType>(like.getType());
  for (int64_t dim = 0, from = 0; dim < type.getRank(); ++dim) {
    if (!type.isDynamicDim(dim))
      continue;
    while (!likeType.isDynamicDim(from))
      ++from;
    sizes.push_back(tensor::DimOp::create(builder, loc, like, from++));
  }
  return tensor::EmptyOp::create(builder, loc, type.getShape(), type.getElementType(), sizes);
}

namespace {

/// The argument of the enclosing function that has a role.
Value argumentWithRole(Operation *op, StringRef role) {
  auto function = op->getParentOfType<func::FuncOp>();
  for (BlockArgument argument : function.getArguments())
    if (auto attribute = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), kRoleAttr);
        attribute && attribute == role)
      return argument;
  return {};
}

/// A weight is a view of the packed weights at offset + record * stride.
struct ViewWeight : OpRewritePattern<WeightOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(WeightOp op, PatternRewriter &rewriter) const override {
    auto parameter = SymbolTable::lookupNearestSymbolFrom<ParameterOp>(op, op.getParameterAttr());
    Value weights = argumentWithRole(op, "weights");
    if (!weights || !parameter.getOffset())
      return rewriter.notifyMatchFailure(op,
                                         "needs an assigned layout and the packed weights as an argument");
    Location loc = op.getLoc();
    Value offset = arith::ConstantIndexOp::create(rewriter, loc, *parameter.getOffset());
    if (op.getRecord()) {
      Value stride = arith::ConstantIndexOp::create(rewriter, loc, *parameter.getStride());
      Value distance = arith::MulIOp::create(rewriter, loc, op.getRecord(), stride);
      offset = arith::AddIOp::create(rewriter, loc, offset, distance);
    }
    Value view = memref::ViewOp::create(rewriter, loc, viewType(parameter), weights, offset, ValueRange{});
    if (op.getType().getRank() >= 2)
      rewriter.replaceOpWithNewOp<UnrealizedConversionCastOp>(op, op.getType(), view);
    else
      rewriter.replaceOpWithNewOp<bufferization::ToTensorOp>(
          op, RankedTensorType::get(op.getType().getShape(), rewriter.getF32Type()), view,
          /*restrict=*/true);
    return success();
  }
};

struct LowerEmbed : OpRewritePattern<EmbedOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(EmbedOp op, PatternRewriter &rewriter) const override {
    Value table = physicalOf(op.getTable());
    if (!table)
      return rewriter.notifyMatchFailure(op, "table has no physical form yet");
    auto format = packedFor(getContext(), storageOf(cast<RankedTensorType>(op.getTable().getType())));
    Value output = emptyLike(rewriter, op.getLoc(), cast<RankedTensorType>(op.getType()), op.getIds());
    rewriter.replaceOpWithNewOp<kernel::EmbedOp>(op, op.getType(), op.getIds(), table, output, format);
    return success();
  }
};

/// Keys and values of a layer: views of the cache's memory, keys in groups of rows.
std::pair<TableMemory, TableMemory> viewTables(OpBuilder &builder, Location loc, CacheType cache,
                                               Value memory, Value layer) {
  int64_t width = cache.getElementType().getIntOrFloatBitWidth() / 8;
  auto constant = [&](int64_t value) -> Value { return arith::ConstantIndexOp::create(builder, loc, value); };
  auto mul = [&](Value a, Value b) -> Value { return arith::MulIOp::create(builder, loc, a, b); };
  // The memory is layers x (keys, values, their scales), all of the same number of rows.
  Value bytes = memref::DimOp::create(builder, loc, memory, 0);
  int64_t rowBytes = cache.getRowBytes();
  Value rows = arith::DivUIOp::create(builder, loc, bytes, constant(rowBytes * cache.getLayers()));
  Value begin = mul(mul(rows, constant(rowBytes)), layer);
  auto view = [&](MemRefType type, Value count, int64_t bytesOfRow) -> Value {
    Value part = memref::ViewOp::create(builder, loc, type, memory, begin, count);
    begin = arith::AddIOp::create(builder, loc, begin, mul(rows, constant(cache.getHeads() * bytesOfRow)));
    return part;
  };
  Value groups = arith::DivUIOp::create(builder, loc, rows, constant(kernel::kKeyGroup));
  auto keyType =
      MemRefType::get({ShapedType::kDynamic, cache.getHeads(), cache.getKeySize(), kernel::kKeyGroup},
                      cache.getElementType());
  auto valueType =
      MemRefType::get({ShapedType::kDynamic, cache.getHeads(), cache.getValueSize()}, cache.getElementType());
  TableMemory keys{view(keyType, groups, cache.getKeySize() * width), {}},
      values{view(valueType, rows, cache.getValueSize() * width), {}};
  if (cache.isScaled()) {
    auto scaleType =
        MemRefType::get({ShapedType::kDynamic, cache.getHeads(), kernel::kKeyGroup}, builder.getF32Type());
    keys.scales = view(scaleType, groups, 4);
    values.scales = view(scaleType, groups, 4);
  }
  return {keys, values};
}

Value toTable(OpBuilder &builder, Location loc, Type type, TableMemory memory) {
  SmallVector<Value> parts{memory.elements};
  if (memory.scales)
    parts.push_back(memory.scales);
  return UnrealizedConversionCastOp::create(builder, loc, type, parts).getResult(0);
}

/// The tables become views, into which an update stores first.
template <typename Op> struct LowerTables : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    Value memory = physicalOf(op.getCache());
    if (!memory)
      return rewriter.notifyMatchFailure(op, "cache has no physical form yet");
    Location loc = op.getLoc();
    auto [keys, values] = viewTables(rewriter, loc, op.getCache().getType(), memory, op.getLayer());
    if constexpr (std::is_same_v<Op, CacheUpdateOp>)
      kernel::CacheUpdateOp::create(rewriter, loc, op.getKeys(), op.getValues(), op.getBatch(), keys.elements,
                                    values.elements, keys.scales, values.scales);
    rewriter.replaceOp(op, {toTable(rewriter, loc, op.getKeyRows().getType(), keys),
                            toTable(rewriter, loc, op.getValueRows().getType(), values)});
    return success();
  }
};

struct LowerAttention : OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AttentionOp op, PatternRewriter &rewriter) const override {
    TableMemory keys = tableMemoryOf(op.getKeys()), values = tableMemoryOf(op.getValues());
    if (!keys || !values)
      return rewriter.notifyMatchFailure(op, "keys and values have no physical form yet");
    Value output = emptyLike(rewriter, op.getLoc(), cast<RankedTensorType>(op.getType()), op.getQueries());
    rewriter.replaceOpWithNewOp<kernel::AttentionOp>(
        op, op.getType(), op.getQueries(), op.getBatch(), keys.elements, values.elements, keys.scales,
        values.scales, op.getSinks(), op.getBias(),
        /*partials=*/Value(), output, op.getMask(), op.getScaleAttr(), op.getSoftCapAttr(),
        op.getNormalizerAttr());
    return success();
  }
};

struct ToKernel : transformer::impl::ToKernelBase<ToKernel> {
  using ToKernelBase::ToKernelBase;
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateWeightPatterns(patterns);
    populateCachePatterns(patterns);
    bool isEncoder = isTextEncoder();
    Quantization quantization{quantizeActivations, isEncoder, isEncoder ? kEncoderOutliers : kOutliers};
    populateLinearPatterns(patterns, quantization);
    populateHeadLinearPatterns(patterns);
    populateExpertPatterns(patterns, quantization);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }

  /// Elements of a row of activations that stay f32 where a token is chosen by the model's output, which
  /// feeds it again: perplexity of SmolLM2 moves by 7 % without, by 0.6 % with them.
  static constexpr int64_t kOutliers = 4;
  /// In an encoder, whose rows have one scale each: vectors of MiniLM keep a cosine of 0.998 with one, 0.991
  /// without.
  static constexpr int64_t kEncoderOutliers = 1;

  /// Whether every token of a text sees all others: no text is continued.
  bool isTextEncoder() {
    bool attends = false, causal = false;
    auto note = [&](MaskAttr mask) {
      attends = true;
      causal |= mask.getCausal();
    };
    getOperation().walk([&](AttentionOp op) { note(op.getMask()); });
    getOperation().walk([&](MaskOp op) { note(op.getMask()); });
    return attends && !causal;
  }
};

/// After the layout stage no tensor says how it is stored: upstream passes would drop that silently.
struct VerifyLayout : transformer::impl::VerifyLayoutBase<VerifyLayout> {
  void runOnOperation() override {
    WalkResult result = getOperation().walk([](Operation *op) {
      if (isa<ParameterOp>(op))
        return WalkResult::advance();
      auto encoded = [](Type type) {
        auto tensor = dyn_cast<RankedTensorType>(type);
        return tensor && isa_and_nonnull<StoredAttr>(tensor.getEncoding());
      };
      if (llvm::none_of(op->getOperandTypes(), encoded) && llvm::none_of(op->getResultTypes(), encoded))
        return WalkResult::advance();
      op->emitOpError() << "still has a tensor with a storage encoding after the layout stage: no kernel "
                           "takes it in this form";
      return WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};

} // namespace

void transformer::populateWeightPatterns(RewritePatternSet &patterns) {
  patterns.add<ViewWeight, LowerEmbed>(patterns.getContext());
}

void transformer::populateCachePatterns(RewritePatternSet &patterns) {
  patterns.add<LowerTables<CacheUpdateOp>, LowerTables<CacheReadOp>, LowerAttention>(patterns.getContext());
}
