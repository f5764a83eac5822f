// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/engine/TokenBatch.h"
#include "runtime/Error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>

using namespace attune;

namespace {

template <typename T> int64_t elementAt(std::span<const std::byte> bytes, size_t index) {
  T value;
  std::memcpy(&value, bytes.data() + index * sizeof(T), sizeof(T));
  return static_cast<int64_t>(value);
}

/// An integer tensor of rank 2.
class Integers {
public:
  explicit Integers(const NamedTensor &tensor) : tensor(tensor) {
    if (tensor.type == "I64")
      read = elementAt<int64_t>;
    else if (tensor.type == "I32")
      read = elementAt<int32_t>;
    else if (tensor.type == "U8" || tensor.type == "BOOL")
      read = elementAt<uint8_t>;
    else
      throw Error(fmt::format("input '{}' has the type {}, expected I32 or I64", tensor.name, tensor.type));
    if (tensor.shape.size() != 2 || tensor.elements() == 0)
      throw Error(fmt::format("input '{}' has the shape [{}], expected [rows, columns], neither 0",
                              tensor.name, fmt::join(tensor.shape, ", ")));
  }

  int64_t at(int64_t row, int64_t column) const {
    return read(tensor.bytes, static_cast<size_t>(row * tensor.shape[1] + column));
  }

  int32_t idAt(int64_t row, int64_t column) const {
    int64_t id = at(row, column);
    if (id < INT32_MIN || id > INT32_MAX)
      throw Error(fmt::format("input '{}' has the value {} at [{}, {}], which is no id", tensor.name, id, row,
                              column));
    return static_cast<int32_t>(id);
  }

  void requireShapeOf(const NamedTensor &other) const {
    if (tensor.shape != other.shape)
      throw Error(fmt::format("input '{}' has the shape [{}], expected [{}] as '{}' has", tensor.name,
                              fmt::join(tensor.shape, ", "), fmt::join(other.shape, ", "), other.name));
  }

private:
  const NamedTensor &tensor;
  int64_t (*read)(std::span<const std::byte>, size_t);
};

const NamedTensor *find(std::span<const NamedTensor> tensors, std::string_view name) {
  auto found = std::ranges::find(tensors, name, &NamedTensor::name);
  return found == tensors.end() ? nullptr : &*found;
}

struct Run {
  int64_t begin, end;
};

Run runOfOnes(const Integers &mask, int64_t row, int64_t width) {
  auto fail = [&](const char *what) {
    return Error(
        fmt::format("input 'attention_mask', row {}: {}, expected one run of 1s, 0 elsewhere", row, what));
  };
  int64_t begin = 0, end = 0, ones = 0;
  for (int64_t column = 0; column < width; ++column) {
    int64_t value = mask.at(row, column);
    if (value != 0 && value != 1)
      throw fail(fmt::format("the value {}", value).c_str());
    if (value == 0)
      continue;
    if (ones++ == 0)
      begin = column;
    end = column + 1;
  }
  if (ones == 0)
    throw fail("no 1");
  if (ones != end - begin)
    throw fail("a gap between its 1s");
  return {begin, end};
}

} // namespace

int64_t TokenBatch::longest() const {
  size_t longest = 0;
  for (const Row &row : rows)
    longest = std::max(longest, row.ids.size());
  return static_cast<int64_t>(longest);
}

static void requireNames(std::span<const NamedTensor> tensors,
                         std::initializer_list<std::string_view> known) {
  for (const NamedTensor &tensor : tensors)
    if (std::ranges::find(known, tensor.name) == known.end())
      throw Error(
          fmt::format("input '{}' is not one of this model's: {}", tensor.name, fmt::join(known, ", ")));
}

/// Rows of `input_ids` as the mask says; other tensors are left.
static TokenBatch readRows(std::span<const NamedTensor> tensors) {
  const NamedTensor *idTensor = find(tensors, "input_ids");
  if (!idTensor)
    throw Error("input 'input_ids' is missing");
  Integers ids(*idTensor);
  auto optional = [&](const char *name) {
    const NamedTensor *tensor = find(tensors, name);
    std::optional<Integers> integers;
    if (tensor)
      integers.emplace(*tensor).requireShapeOf(*idTensor);
    return integers;
  };
  std::optional<Integers> mask = optional("attention_mask"), types = optional("token_type_ids");

  TokenBatch batch;
  batch.width = idTensor->shape[1];
  for (int64_t r = 0; r < idTensor->shape[0]; ++r) {
    Run run = mask ? runOfOnes(*mask, r, batch.width) : Run{0, batch.width};
    TokenBatch::Row row{run.begin, {}, {}};
    for (int64_t column = run.begin; column < run.end; ++column) {
      row.ids.push_back(ids.idAt(r, column));
      if (types)
        row.types.push_back(types->idAt(r, column));
    }
    batch.rows.push_back(std::move(row));
  }
  return batch;
}

TokenBatch attune::readTokenBatch(std::span<const NamedTensor> tensors, bool withTypes) {
  if (withTypes)
    requireNames(tensors, {"input_ids", "attention_mask", "token_type_ids"});
  else
    requireNames(tensors, {"input_ids", "attention_mask"});
  return readRows(tensors);
}

PairBatch attune::readPairBatch(std::span<const NamedTensor> tensors) {
  requireNames(tensors, {"input_ids", "attention_mask", "decoder_input_ids"});
  PairBatch batch{readRows(tensors), {}};
  const NamedTensor *targets = find(tensors, "decoder_input_ids");
  if (!targets)
    return batch;
  Integers ids(*targets);
  auto rows = static_cast<int64_t>(batch.sources.rows.size());
  if (targets->shape[0] != rows)
    throw Error(fmt::format("input 'decoder_input_ids' has {} rows, expected {} as 'input_ids' has",
                            targets->shape[0], rows));
  batch.targets.width = targets->shape[1];
  for (int64_t r = 0; r < rows; ++r) {
    TokenBatch::Row row;
    for (int64_t column = 0; column < batch.targets.width; ++column)
      row.ids.push_back(ids.idAt(r, column));
    batch.targets.rows.push_back(std::move(row));
  }
  return batch;
}
