// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Attention in its parts, for entries that show the weights or with fusion switched off: scores exist here,
// and nothing is tuned.

#include "dialect/Transformer.h"
#include "passes/layout/ToKernel.h"
#include "passes/lower/LinalgBuilder.h"
#include "passes/lower/ToLinalg.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <limits>

using namespace mlir;
using namespace mlir::transformer;

namespace {

constexpr float kHidden = -std::numeric_limits<float>::infinity();
constexpr float kLowest = std::numeric_limits<float>::lowest();

class AttentionBuilder : public LinalgBuilder {
public:
  using LinalgBuilder::LinalgBuilder;

  Value batchColumn(Value batch, Value token, BatchColumn column) {
    Value value = tensor::ExtractOp::create(b, loc, batch, ValueRange{token, index(column)});
    return arith::IndexCastOp::create(b, loc, b.getIndexType(), value);
  }

  /// The largest key count of the batch.
  Value largestKeyCount(Value batch) {
    Value tokens = dim(batch, 0);
    auto loop = scf::ForOp::create(
        b, loc, index(0), tokens, index(1), index(0),
        [&](OpBuilder &inner, Location at, Value token, ValueRange largest) {
          OpBuilder::InsertionGuard guard(b);
          b.setInsertionPoint(inner.getInsertionBlock(), inner.getInsertionPoint());
          Value count = batchColumn(batch, token, kKeyCount);
          scf::YieldOp::create(b, at, arith::MaxUIOp::create(b, at, largest[0], count).getResult());
        });
    return loop.getResult(0);
  }

  Value less(Value x, Value y) { return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, x, y); }
  Value both(Value x, Value y) { return arith::AndIOp::create(b, loc, x, y); }
  Value select(Value condition, Value x, Value y) { return arith::SelectOp::create(b, loc, condition, x, y); }
  Value isHidden(Value score) {
    return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, score, f32(kHidden));
  }
  Value addIndex(Value x, int64_t y) { return arith::AddIOp::create(b, loc, x, index(y)); }

  /// sum over 0 <= i < count of term(i), in f32
  Value sumOver(Value count, function_ref<Value(Value)> term) {
    auto loop =
        scf::ForOp::create(b, loc, index(0), count, index(1), f32(0.0),
                           [&](OpBuilder &inner, Location at, Value i, ValueRange sum) {
                             OpBuilder::InsertionGuard guard(b);
                             b.setInsertionPoint(inner.getInsertionBlock(), inner.getInsertionPoint());
                             scf::YieldOp::create(b, at, add(sum[0], term(i)));
                           });
    return loop.getResult(0);
  }

  /// An element of a cache's table, of a row and head.
  Value loadElement(const TableMemory &table, ValueRange indices, Value row, Value head) {
    Value x = memref::LoadOp::create(b, loc, table.elements, indices);
    if (x.getType().isF32())
      return x;
    if (!table.scales)
      return arith::ExtFOp::create(b, loc, b.getF32Type(), x);
    Value scale = memref::LoadOp::create(b, loc, table.scales, ValueRange{groupOf(row), head, laneOf(row)});
    return mul(arith::SIToFPOp::create(b, loc, b.getF32Type(), x), scale);
  }
  /// Where a row lies in groups of keys.
  Value groupOf(Value row) { return arith::DivUIOp::create(b, loc, row, index(kernel::kKeyGroup)); }
  Value laneOf(Value row) { return arith::RemUIOp::create(b, loc, row, index(kernel::kKeyGroup)); }
  Value keyHeadOf(Value head, int64_t heads, int64_t keyHeads) {
    return arith::DivUIOp::create(b, loc, head, index(heads / keyHeads));
  }
};

struct LowerScores : OpRewritePattern<ScoresOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ScoresOp op, PatternRewriter &rewriter) const override {
    TableMemory memory = tableMemoryOf(op.getKeys());
    if (!memory)
      return rewriter.notifyMatchFailure(op, "keys have no physical form");
    AttentionBuilder a(rewriter, op.getLoc());
    auto type = cast<RankedTensorType>(op.getType());
    auto keys = cast<MemRefType>(memory.elements.getType());
    Value output = a.empty(type, {a.dim(op.getQueries(), 0), a.largestKeyCount(op.getBatch())});
    rewriter.replaceOp(op, a.map({}, {}, output, [&](ValueRange) {
      Value token = a.loopIndex(0), head = a.loopIndex(1), key = a.loopIndex(2);
      Value exists = a.less(key, a.batchColumn(op.getBatch(), token, kKeyCount));
      Value row = arith::AddIOp::create(rewriter, a.loc, a.batchColumn(op.getBatch(), token, kFirstKey),
                                        a.select(exists, key, a.index(0)));
      Value group = a.groupOf(row), lane = a.laneOf(row);
      Value keyHead = a.keyHeadOf(head, type.getDimSize(1), keys.getDimSize(1));
      Value score = a.sumOver(a.index(keys.getDimSize(2)), [&](Value d) {
        Value q = tensor::ExtractOp::create(rewriter, a.loc, op.getQueries(), ValueRange{token, head, d});
        return a.mul(q, a.loadElement(memory, {group, keyHead, d, lane}, row, keyHead));
      });
      return a.select(exists, a.mul(score, a.f32(op.getScale().convertToDouble())), a.f32(0.0));
    }));
    return success();
  }
};

struct LowerMask : OpRewritePattern<MaskOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MaskOp op, PatternRewriter &rewriter) const override {
    AttentionBuilder a(rewriter, op.getLoc());
    Value output = emptyLike(rewriter, op.getLoc(), cast<RankedTensorType>(op.getType()), op.getScores());
    rewriter.replaceOp(op, a.map(op.getScores(), a.identity(3), output, [&](ValueRange v) {
      Value token = a.loopIndex(0), key = a.loopIndex(2);
      Value position = a.batchColumn(op.getBatch(), token, kPosition);
      Value visible = a.less(key, a.batchColumn(op.getBatch(), token, kKeyCount));
      MaskAttr mask = op.getMask();
      if (mask.getCausal())
        visible = a.both(visible, a.less(key, a.addIndex(position, 1)));
      if (mask.getWindow()) {
        visible = a.both(visible, a.less(position, a.addIndex(key, mask.getWindow())));
        visible = a.both(visible, a.less(key, a.addIndex(position, mask.getWindow())));
      }
      if (mask.getChunk()) {
        auto chunk = [&](Value x) -> Value {
          return arith::DivUIOp::create(rewriter, a.loc, x, a.index(mask.getChunk()));
        };
        visible = a.both(visible, arith::CmpIOp::create(rewriter, a.loc, arith::CmpIPredicate::eq, chunk(key),
                                                        chunk(position)));
      }
      return a.select(visible, v[0], a.f32(kHidden));
    }));
    return success();
  }
};

struct LowerSoftmax : OpRewritePattern<SoftmaxOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SoftmaxOp op, PatternRewriter &rewriter) const override {
    AttentionBuilder a(rewriter, op.getLoc());
    auto type = cast<RankedTensorType>(op.getType());
    auto rowType = RankedTensorType::get(type.getShape().drop_back(), type.getElementType());
    AffineMap perRow = a.leading(3, 2), perHead = a.dims(2, {1});
    auto row = [&] { return a.empty(rowType, {a.dim(op.getScores(), 0)}); };
    Value largest =
        a.reduceLast(op.getScores(), a.identity(3), a.filled(row(), kLowest), [&](ValueRange v) -> Value {
          return arith::MaximumFOp::create(rewriter, a.loc, v[0], v[1]);
        });
    if (op.getSinks())
      largest = a.map({largest, op.getSinks()}, {a.identity(2), perHead}, row(), [&](ValueRange v) -> Value {
        return arith::MaximumFOp::create(rewriter, a.loc, v[0], v[1]);
      });
    auto exponential = [&](Value x, Value max) -> Value {
      return math::ExpOp::create(rewriter, a.loc, a.sub(x, max));
    };
    Value shares = a.map({op.getScores(), largest}, {a.identity(3), perRow},
                         emptyLike(rewriter, op.getLoc(), type, op.getScores()), [&](ValueRange v) {
                           return a.select(a.isHidden(v[0]), a.f32(0.0), exponential(v[0], v[1]));
                         });
    Value sum = a.reduceLast(shares, a.identity(3), a.filled(row(), 0.0),
                             [&](ValueRange v) { return a.add(v[0], v[1]); });
    if (op.getSinks())
      sum = a.map({sum, op.getSinks(), largest}, {a.identity(2), perHead, a.identity(2)}, row(),
                  [&](ValueRange v) { return a.add(v[0], exponential(v[1], v[2])); });
    rewriter.replaceOp(op, divideRows(a, shares, sum));
    return success();
  }

  /// shares / sum, 0 where the sum is 0
  static Value divideRows(AttentionBuilder &a, Value shares, Value sum) {
    Value output = emptyLike(a.b, a.loc, cast<RankedTensorType>(shares.getType()), shares);
    return a.map({shares, sum}, {a.identity(3), a.leading(3, 2)}, output, [&](ValueRange v) {
      Value empty = arith::CmpFOp::create(a.b, a.loc, arith::CmpFPredicate::OEQ, v[1], a.f32(0.0));
      return a.select(empty, a.f32(0.0), a.div(v[0], v[1]));
    });
  }
};

struct LowerSumNormalize : OpRewritePattern<SumNormalizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SumNormalizeOp op, PatternRewriter &rewriter) const override {
    AttentionBuilder a(rewriter, op.getLoc());
    auto type = cast<RankedTensorType>(op.getType());
    auto rowType = RankedTensorType::get(type.getShape().drop_back(), type.getElementType());
    Value shares =
        a.map(op.getScores(), a.identity(3), emptyLike(rewriter, op.getLoc(), type, op.getScores()),
              [&](ValueRange v) { return a.select(a.isHidden(v[0]), a.f32(0.0), v[0]); });
    Value zero = a.filled(a.empty(rowType, {a.dim(op.getScores(), 0)}), 0.0);
    Value sum = a.reduceLast(shares, a.identity(3), zero, [&](ValueRange v) { return a.add(v[0], v[1]); });
    rewriter.replaceOp(op, LowerSoftmax::divideRows(a, shares, sum));
    return success();
  }
};

struct LowerWeightedSum : OpRewritePattern<WeightedSumOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(WeightedSumOp op, PatternRewriter &rewriter) const override {
    TableMemory memory = tableMemoryOf(op.getValues());
    if (!memory)
      return rewriter.notifyMatchFailure(op, "values have no physical form");
    AttentionBuilder a(rewriter, op.getLoc());
    auto type = cast<RankedTensorType>(op.getType());
    int64_t keyHeads = cast<MemRefType>(memory.elements.getType()).getDimSize(1);
    Value output = emptyLike(rewriter, op.getLoc(), type, op.getWeights());
    rewriter.replaceOp(op, a.map({}, {}, output, [&](ValueRange) {
      Value token = a.loopIndex(0), head = a.loopIndex(1), d = a.loopIndex(2);
      Value first = a.batchColumn(op.getBatch(), token, kFirstKey),
            keyHead = a.keyHeadOf(head, type.getDimSize(1), keyHeads);
      return a.sumOver(a.batchColumn(op.getBatch(), token, kKeyCount), [&](Value key) {
        Value row = arith::AddIOp::create(rewriter, a.loc, first, key);
        Value p = tensor::ExtractOp::create(rewriter, a.loc, op.getWeights(), ValueRange{token, head, key});
        return a.mul(p, a.loadElement(memory, {row, keyHead, d}, row, keyHead));
      });
    }));
    return success();
  }
};

} // namespace

void transformer::populatePlainAttentionPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerScores, LowerMask, LowerSoftmax, LowerSumNormalize, LowerWeightedSum>(
      patterns.getContext());
}
