// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Batches, scores, masks, weights, weighted sums, the cache, and fused attention.

#include "dialect/reference/Interpreter.h"
#include "dialect/reference/Semantics.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::reference;

static constexpr double minusInfinity = -std::numeric_limits<double>::infinity();

//===------------------------------- batch --------------------------------===//

llvm::Expected<SmallVector<BatchRow>> reference::batchRows(const Tensor &batch) {
  if (llvm::Error error = expectSize("batch", batch.dim(1), kBatchColumns, "position, first key, key count"))
    return error;
  SmallVector<BatchRow> rows;
  for (int64_t t = 0; t < batch.dim(0); ++t) {
    auto entry = [&](BatchColumn column) { return static_cast<int64_t>(batch(t, column)); };
    BatchRow row{entry(kPosition), entry(kFirstKey), entry(kKeyCount)};
    if (row.position < 0 || row.firstKey < 0 || row.keyCount < 0)
      return llvm::createStringError(
          llvm::Twine("row ").concat(llvm::Twine(t)).concat(" of the batch has a negative entry").str());
    rows.push_back(row);
  }
  return rows;
}

llvm::Expected<SmallVector<BatchRow>> reference::batchRows(const Tensor &batch, int64_t tokens,
                                                           int64_t keyRows) {
  if (llvm::Error error = expectSize("batch", batch.dim(0), tokens, "the number of tokens"))
    return error;
  llvm::Expected<SmallVector<BatchRow>> rows = batchRows(batch);
  if (!rows)
    return rows;
  for (auto [t, row] : llvm::enumerate(*rows))
    if (row.firstKey + row.keyCount > keyRows)
      return llvm::createStringError(("row " + Twine(t) + " of the batch has keys up to row " +
                                      Twine(row.firstKey + row.keyCount) + " of a table of " + Twine(keyRows))
                                         .str());
  return rows;
}

static int64_t largestKeyCount(ArrayRef<BatchRow> rows) {
  int64_t largest = 0;
  for (const BatchRow &row : rows)
    largest = std::max(largest, row.keyCount);
  return largest;
}

//===---------------------------- plain parts -----------------------------===//

static llvm::Error expectGroups(int64_t queryHeads, int64_t keyHeads) {
  if (keyHeads > 0 && queryHeads % keyHeads == 0)
    return llvm::Error::success();
  return llvm::createStringError(
      ("has " + Twine(queryHeads) + " query heads, which " + Twine(keyHeads) + " key heads do not divide")
          .str());
}

llvm::Expected<Tensor> reference::scores(const Tensor &queries, const Tensor &keys, const Tensor &batch,
                                         double scale) {
  int64_t tokens = queries.dim(0), heads = queries.dim(1), size = queries.dim(2);
  if (llvm::Error error = expectGroups(heads, keys.dim(1)))
    return error;
  if (llvm::Error error = expectSize("queries", size, keys.dim(2), "the keys' head size"))
    return error;
  llvm::Expected<SmallVector<BatchRow>> rows = batchRows(batch, tokens, keys.dim(0));
  if (!rows)
    return rows.takeError();
  int64_t group = heads / keys.dim(1);
  llvm::Expected<Tensor> result = Tensor::zeros({tokens, heads, largestKeyCount(*rows)});
  if (!result)
    return result;
  for (auto [t, row] : llvm::enumerate(*rows))
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t j = 0; j < row.keyCount; ++j) {
        double sum = 0;
        for (int64_t d = 0; d < size; ++d)
          sum += queries(t, h, d) * keys(row.firstKey + j, h / group, d);
        (*result)(t, h, j) = scale * sum;
      }
  return result;
}

llvm::Expected<Tensor> reference::relativeBias(Tensor scores, const Tensor &bias, const Tensor &batch) {
  if (llvm::Error error = expectSize("bias", bias.dim(0), scores.dim(1), "the query heads"))
    return error;
  llvm::Expected<SmallVector<BatchRow>> rows =
      batchRows(batch, scores.dim(0), std::numeric_limits<int64_t>::max());
  if (!rows)
    return rows.takeError();
  int64_t most = bias.dim(1) / 2;
  for (auto [t, row] : llvm::enumerate(*rows))
    for (int64_t h = 0; h < scores.dim(1); ++h)
      for (int64_t j = 0; j < scores.dim(2); ++j)
        scores(t, h, j) += bias(h, most + std::clamp(j - row.position, -most, most));
  return scores;
}

llvm::Expected<Tensor> reference::mask(Tensor scores, const Tensor &batch, MaskAttr mask) {
  llvm::Expected<SmallVector<BatchRow>> rows =
      batchRows(batch, scores.dim(0), std::numeric_limits<int64_t>::max());
  if (!rows)
    return rows.takeError();
  for (auto [t, row] : llvm::enumerate(*rows))
    for (int64_t h = 0; h < scores.dim(1); ++h)
      for (int64_t j = 0; j < scores.dim(2); ++j)
        if (j >= row.keyCount || !mask.sees(row.position, j))
          scores(t, h, j) = minusInfinity;
  return scores;
}

/// Softmax of one row; `sink` is minus infinity where there is none.
static void softmaxRow(MutableArrayRef<double> row, double sink) {
  double largest = sink;
  for (double score : row)
    largest = std::max(largest, score);
  bool anyVisible = llvm::any_of(row, [](double score) { return score != minusInfinity; });
  if (!anyVisible)
    return llvm::fill(row, 0.0);
  double sum = std::exp(sink - largest);
  for (double &score : row)
    sum += score = std::exp(score - largest);
  for (double &weight : row)
    weight /= sum;
}

llvm::Expected<Tensor> reference::softmax(Tensor scores, const Tensor *sinks) {
  int64_t heads = scores.dim(1), keys = scores.dim(2);
  if (sinks)
    if (llvm::Error error = expectSize("sinks", sinks->dim(0), heads, "the query heads"))
      return error;
  for (int64_t row = 0; row < scores.dim(0) * heads; ++row)
    softmaxRow(scores.data().slice(row * keys, keys), sinks ? (*sinks)(row % heads) : minusInfinity);
  return scores;
}

Tensor reference::sumNormalize(Tensor scores) {
  int64_t keys = scores.dim(2);
  for (int64_t start = 0; start < scores.size(); start += keys) {
    MutableArrayRef<double> row = scores.data().slice(start, keys);
    double sum = 0;
    for (double &score : row)
      sum += score = score == minusInfinity ? 0 : score;
    for (double &weight : row)
      weight = sum == 0 ? 0 : weight / sum;
  }
  return scores;
}

llvm::Expected<Tensor> reference::weightedSum(const Tensor &weights, const Tensor &values,
                                              const Tensor &batch) {
  int64_t tokens = weights.dim(0), heads = weights.dim(1), size = values.dim(2);
  if (llvm::Error error = expectGroups(heads, values.dim(1)))
    return error;
  llvm::Expected<SmallVector<BatchRow>> rows = batchRows(batch, tokens, values.dim(0));
  if (!rows)
    return rows.takeError();
  if (llvm::Error error =
          expectSize("weights", weights.dim(2), largestKeyCount(*rows), "the batch's largest key count"))
    return error;
  int64_t group = heads / values.dim(1);
  llvm::Expected<Tensor> result = Tensor::zeros({tokens, heads, size});
  if (!result)
    return result;
  for (auto [t, row] : llvm::enumerate(*rows))
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t j = 0; j < row.keyCount; ++j)
        for (int64_t d = 0; d < size; ++d)
          (*result)(t, h, d) += weights(t, h, j) * values(row.firstKey + j, h / group, d);
  return result;
}

//===----------------------------- operations -----------------------------===//

static llvm::Error evaluateScores(ScoresOp op, Frame &frame) {
  return frame.set(op.getResult(), scores(frame.tensor(op.getQueries()), frame.tensor(op.getKeys()),
                                          frame.tensor(op.getBatch()), op.getScale().convertToDouble()));
}

static llvm::Error evaluateDistanceBias(DistanceBiasOp op, Frame &frame) {
  const Tensor &table = frame.tensor(op.getTable());
  int64_t heads = op.getResult().getType().getDimSize(0), most = op.getMaxDistance();
  llvm::Expected<Tensor> result = Tensor::zeros({heads, 2 * most + 1});
  if (!result)
    return result.takeError();
  for (int64_t h = 0; h < heads; ++h)
    for (int64_t distance = -most; distance <= most; ++distance)
      (*result)(h, most + distance) = table(op.bucketOf(distance) * heads + h);
  return frame.set(op.getResult(), std::move(result));
}

static llvm::Error evaluateRelativeBias(RelativeBiasOp op, Frame &frame) {
  return frame.set(op.getResult(), relativeBias(frame.tensor(op.getScores()), frame.tensor(op.getBias()),
                                                frame.tensor(op.getBatch())));
}

static llvm::Error evaluateMask(MaskOp op, Frame &frame) {
  return frame.set(op.getResult(),
                   mask(frame.tensor(op.getScores()), frame.tensor(op.getBatch()), op.getMask()));
}

static llvm::Error evaluateSoftmax(SoftmaxOp op, Frame &frame) {
  return frame.set(op.getResult(),
                   softmax(frame.tensor(op.getScores()), frame.optionalTensor(op.getSinks())));
}

static llvm::Error evaluateSumNormalize(SumNormalizeOp op, Frame &frame) {
  return frame.set(op.getResult(), sumNormalize(frame.tensor(op.getScores())));
}

static llvm::Error evaluateWeightedSum(WeightedSumOp op, Frame &frame) {
  return frame.set(op.getResult(), weightedSum(frame.tensor(op.getWeights()), frame.tensor(op.getValues()),
                                               frame.tensor(op.getBatch())));
}

/// The tables of a layer.
template <typename Op> static llvm::Error giveTables(Op op, Frame &frame, CacheValue &cache, int64_t layer) {
  if (llvm::Error error = frame.set(op.getKeyRows(), cache.keys(layer)))
    return error;
  return frame.set(op.getValueRows(), cache.values(layer));
}

static llvm::Error evaluateCacheRead(CacheReadOp op, Frame &frame) {
  CacheValue &cache = frame.cache(op.getCache());
  int64_t layer = frame.index(op.getLayer());
  if (llvm::Error error = expectIndex("layer", layer, cache.type().getLayers(), "the cache's layers"))
    return error;
  return giveTables(op, frame, cache, layer);
}

static llvm::Error evaluateCacheUpdate(CacheUpdateOp op, Frame &frame) {
  CacheValue &cache = frame.cache(op.getCache());
  const Tensor &keys = frame.tensor(op.getKeys()), &values = frame.tensor(op.getValues());
  int64_t layer = frame.index(op.getLayer());
  if (llvm::Error error = expectIndex("layer", layer, cache.type().getLayers(), "the cache's layers"))
    return error;
  if (llvm::Error error = expectSize("values", values.dim(0), keys.dim(0), "the rows of keys"))
    return error;
  const Tensor &batch = frame.tensor(op.getBatch());
  llvm::Expected<SmallVector<BatchRow>> rows = batchRows(batch, keys.dim(0), cache.rows());
  if (!rows)
    return rows.takeError();
  for (auto [t, row] : llvm::enumerate(*rows)) {
    int64_t target = row.firstKey + row.position;
    if (llvm::Error error = expectIndex("first key + position", target, cache.rows(), "the cache's rows"))
      return error;
    cache.store(layer, target, keys, values, t);
  }
  return giveTables(op, frame, cache, layer);
}

/// How the scores of a fused attention become weights.
static llvm::Expected<Tensor> attentionWeights(AttentionOp op, Frame &frame) {
  const Tensor &batch = frame.tensor(op.getBatch());
  llvm::Expected<Tensor> raw = scores(frame.tensor(op.getQueries()), frame.tensor(op.getKeys()), batch,
                                      op.getScale().convertToDouble());
  if (!raw)
    return raw;
  double cap = op.getSoftCap().convertToDouble();
  llvm::Expected<Tensor> biased = cap == 0 ? std::move(*raw) : softCap(std::move(*raw), cap);
  if (const Tensor *bias = frame.optionalTensor(op.getBias()))
    biased = relativeBias(std::move(*biased), *bias, batch);
  if (!biased)
    return biased;
  llvm::Expected<Tensor> masked = mask(std::move(*biased), batch, op.getMask());
  if (!masked)
    return masked;
  if (op.getNormalizer() == Normalizer::sum)
    return sumNormalize(std::move(*masked));
  return softmax(std::move(*masked), frame.optionalTensor(op.getSinks()));
}

static llvm::Error evaluateAttention(AttentionOp op, Frame &frame) {
  llvm::Expected<Tensor> weights = attentionWeights(op, frame);
  if (!weights)
    return weights.takeError();
  return frame.set(op.getResult(),
                   weightedSum(*weights, frame.tensor(op.getValues()), frame.tensor(op.getBatch())));
}

void reference::addAttentionEvaluators(Evaluators &table) {
  table.add(evaluateScores);
  table.add(evaluateDistanceBias);
  table.add(evaluateRelativeBias);
  table.add(evaluateMask);
  table.add(evaluateSoftmax);
  table.add(evaluateSumNormalize);
  table.add(evaluateWeightedSum);
  table.add(evaluateCacheUpdate);
  table.add(evaluateCacheRead);
  table.add(evaluateAttention);
}
