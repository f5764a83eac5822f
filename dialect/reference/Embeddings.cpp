// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Embeddings, positions, rotations, chosen rows.

#include "dialect/reference/Interpreter.h"
#include "dialect/reference/Semantics.h"

#include <cmath>

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::reference;

llvm::Error reference::expectIndex(StringRef what, int64_t index, int64_t size, StringRef source) {
  if (index >= 0 && index < size)
    return llvm::Error::success();
  return llvm::createStringError(
      (what + " is " + Twine(index) + ", expected 0 to " + Twine(size - 1) + " (" + source + ")").str());
}

llvm::Expected<Tensor> reference::gatherRows(const Tensor &table, const Tensor &rows) {
  int64_t count = rows.dim(0), size = table.dim(1);
  llvm::Expected<Tensor> result = Tensor::zeros({count, size});
  if (!result)
    return result;
  for (int64_t r = 0; r < count; ++r) {
    int64_t row = rows(r);
    if (llvm::Error error = expectIndex("entry " + std::to_string(r), row, table.dim(0), "the table's rows"))
      return error;
    for (int64_t i = 0; i < size; ++i)
      (*result)(r, i) = table(row, i);
  }
  return result;
}

static llvm::Error evaluateEmbed(EmbedOp op, Frame &frame) {
  return frame.set(op.getResult(), gatherRows(frame.tensor(op.getTable()), frame.tensor(op.getIds())));
}

static llvm::Error evaluateGather(GatherOp op, Frame &frame) {
  return frame.set(op.getResult(), gatherRows(frame.tensor(op.getInput()), frame.tensor(op.getRows())));
}

static llvm::Error evaluatePositions(PositionsOp op, Frame &frame) {
  llvm::Expected<SmallVector<BatchRow>> rows = batchRows(frame.tensor(op.getBatch()));
  if (!rows)
    return rows.takeError();
  llvm::Expected<Tensor> result = Tensor::zeros({static_cast<int64_t>(rows->size())}, ElementKind::integer);
  if (!result)
    return result.takeError();
  for (auto [t, row] : llvm::enumerate(*rows))
    (*result)(t) = row.position + static_cast<int64_t>(op.getOffset());
  return frame.set(op.getResult(), std::move(result));
}

static llvm::Error evaluatePosition(PositionOp op, Frame &frame) {
  llvm::Expected<SmallVector<BatchRow>> rows = batchRows(frame.tensor(op.getBatch()));
  if (!rows)
    return rows.takeError();
  int64_t features = op.getResult().getType().getDimSize(1), n = features / 2;
  bool interleaved = op.getPairing() == Pairing::interleaved;
  llvm::Expected<Tensor> result = Tensor::zeros({static_cast<int64_t>(rows->size()), features});
  if (!result)
    return result.takeError();
  for (auto [t, row] : llvm::enumerate(*rows))
    for (int64_t i = 0; i < n; ++i) {
      double angle = row.position / std::pow(op.getBase().convertToDouble(), static_cast<double>(i) / n);
      (*result)(t, interleaved ? 2 * i : i) = std::sin(angle);
      (*result)(t, interleaved ? 2 * i + 1 : n + i) = std::cos(angle);
    }
  return frame.set(op.getResult(), std::move(result));
}

static llvm::Error evaluateRotaryTable(RotaryTableOp op, Frame &frame) {
  llvm::Expected<SmallVector<BatchRow>> rows = batchRows(frame.tensor(op.getBatch()));
  if (!rows)
    return rows.takeError();
  ArrayRef<float> usual = op.getFrequencies(), ofLong = op.getLongFrequencies().value_or(usual);
  double magnitude = op.getMagnitude().convertToDouble();
  llvm::Expected<Tensor> result =
      Tensor::zeros({static_cast<int64_t>(rows->size()), 2, static_cast<int64_t>(usual.size())});
  if (!result)
    return result.takeError();
  for (auto [t, row] : llvm::enumerate(*rows)) {
    bool isLong = row.keyCount > static_cast<int64_t>(op.getSwitchLength());
    for (auto [i, frequency] : llvm::enumerate(isLong ? ofLong : usual)) {
      float angle = static_cast<float>(row.position) * frequency; // in f32: part of the operation's meaning
      (*result)(t, 0, i) = magnitude * std::cos(static_cast<double>(angle));
      (*result)(t, 1, i) = magnitude * std::sin(static_cast<double>(angle));
    }
  }
  return frame.set(op.getResult(), std::move(result));
}

static llvm::Error evaluateRotary(RotaryOp op, Frame &frame) {
  Tensor x = frame.tensor(op.getInput());
  const Tensor &table = frame.tensor(op.getTable());
  int64_t n = table.dim(2);
  if (llvm::Error error = expectSize("table", table.dim(0), x.dim(0), "the number of tokens"))
    return error;
  if (llvm::Error error = expectSize("table's second dimension", table.dim(1), 2, "cosines and sines"))
    return error;
  if (2 * n > x.dim(2))
    return llvm::createStringError(
        ("rotates " + Twine(2 * n) + " elements of heads of size " + Twine(x.dim(2))).str());
  bool interleaved = op.getPairing() == Pairing::interleaved;
  for (int64_t t = 0; t < x.dim(0); ++t)
    for (int64_t h = 0; h < x.dim(1); ++h)
      for (int64_t i = 0; i < n; ++i) {
        double &a = x(t, h, interleaved ? 2 * i : i), &b = x(t, h, interleaved ? 2 * i + 1 : i + n);
        double cosine = table(t, 0, i), sine = table(t, 1, i), oldA = a;
        a = oldA * cosine - b * sine;
        b = b * cosine + oldA * sine;
      }
  return frame.set(op.getResult(), std::move(x));
}

static llvm::Error evaluateTemperature(TemperatureOp op, Frame &frame) {
  Tensor x = frame.tensor(op.getInput());
  llvm::Expected<SmallVector<BatchRow>> rows = batchRows(frame.tensor(op.getBatch()));
  if (!rows)
    return rows.takeError();
  if (llvm::Error error = expectSize("batch", rows->size(), x.dim(0), "the number of tokens"))
    return error;
  int64_t size = x.dim(1) * x.dim(2);
  for (auto [t, row] : llvm::enumerate(*rows)) {
    double steps = std::floor((row.position + 1) / op.getFloorScale().convertToDouble());
    double factor = 1 + op.getScale().convertToDouble() * std::log(1 + steps);
    for (double &element : x.data().slice(t * size, size))
      element *= factor;
  }
  return frame.set(op.getResult(), std::move(x));
}

void reference::addEmbeddingEvaluators(Evaluators &table) {
  table.add(evaluateEmbed);
  table.add(evaluateGather);
  table.add(evaluatePositions);
  table.add(evaluatePosition);
  table.add(evaluateRotaryTable);
  table.add(evaluateRotary);
  table.add(evaluateTemperature);
}
