// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "runtime/engine/BoundEntry.h"
#include "runtime/engine/Buffer.h"
#include "runtime/program/Program.h"
#include "runtime/sampler/Sampler.h"

#include <memory>
#include <optional>

namespace attune {

/// The likeliest tokens of rows of logits, which a device finds where the logits lie: some hundred bytes of a
/// row come to the host in the place of a whole vocabulary.
class Candidates {
public:
  /// Null if the program has no code for it.
  static std::unique_ptr<Candidates> find(const Program &program, Device &device);

  /// How many of a row.
  int64_t count() const { return most; }

  /// Of the rows that lie at `logits`, one after the other.
  void make(void *logits, int64_t rows, double temperature);
  void forget() { made = 0; }

  /// Nothing if there is no such row, or none was made since forget().
  std::optional<LikeliestTokens> of(int64_t row) const;

private:
  Candidates(const EntryInfo &info, const AttuneEntry &code, Device &device);
  void bind(void *logits, int64_t rows);
  void uploadTemperature(int64_t rows, double temperature);

  Device &device;
  BoundEntry entry;
  int64_t most, rowSize, made = 0;
  std::vector<Buffer> scratch;    ///< by argument; empty for others
  Buffer results, temperatures;   ///< all choices side by side, so that they come at once
  std::vector<float> uploaded;    ///< what `temperatures` holds
  std::vector<std::byte> fetched; ///< `results`
  int64_t valuesAt = 0;           ///< in `results`
};

} // namespace attune
