// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "runtime/engine/TensorRun.h"

namespace attune {

/// How a file of tensors spells an element type: "F32".
std::string storedName(ElementType type);

/// Puts the results of steps, which come by token, into tensors of the batch's shape.
class TensorGather {
public:
  /// All must stay. `sources` are what a decoder's rows belong to.
  TensorGather(const Engine &engine, const TokenBatch &batch, const TensorRunOptions &options,
               const TokenBatch *sources = nullptr)
      : engine(engine), batch(batch), options(options), sources(sources) {}

  /// Takes the results of the engine's last step for `count` tokens of a row: its tokens from `first` on (of
  /// those that count), which were the step's tokens from `token` on. Outputs of all tokens must have been
  /// wanted.
  void collect(int64_t row, int64_t first, int64_t token, int64_t count);

  std::vector<OwnedTensor> take() { return std::move(tensors); }

private:
  struct Place {
    int64_t row, column, token, count;
  };

  OwnedTensor &tensor(const std::string &name, ElementType type, std::vector<int64_t> shape);
  void collectRows(const std::string &name, const TensorView &view, int64_t layer, size_t leading,
                   const Place &place);
  void collectAttention(const std::string &name, const TensorView &view, int64_t layer, const Place &place);
  void collectExperts(const TensorView &view, int64_t layer, const Place &place);
  void collectTap(const TensorView &view, const Place &place);

  const Engine &engine;
  const TokenBatch &batch;
  const TensorRunOptions &options;
  const TokenBatch *sources;
  std::vector<OwnedTensor> tensors;
};

} // namespace attune
