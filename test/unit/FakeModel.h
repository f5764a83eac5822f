// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A small hand-written model in the place of compiled code. What it predicts depends on every token before
// and on where it stands, and it reads them from the cache alone: a wrong batch row, chunk or cache row gives
// another answer.
#pragma once

#include "runtime/program/Program.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace attune::test {

constexpr int64_t vocabulary = 50, logitWidth = 52; // a padded head
constexpr int64_t candidateCount = 8;               // of a device that chooses tokens

/// What the model must give for the last of these tokens.
std::vector<float> expectedLogits(std::span<const int32_t> ids);
int32_t expectedNext(std::span<const int32_t> ids);

/// What the code has been called with.
struct Observations {
  int64_t calls = 0, tokens = 0, mostTokens = 0;
  int32_t read = -1;   ///< by an entry from a device
  std::string problem; ///< the first thing that breaks the contract
};
extern Observations observed;

/// Metadata of the decoder; change what a test needs.
nlohmann::json decoderMetadata(int64_t context, int64_t chunk);
/// A decoder for a device that chooses tokens.
nlohmann::json withChoices(nlohmann::json metadata);
/// An encoder: its hidden state of a token is (id, position, length, sum of all ids).
nlohmann::json encoderMetadata(int64_t context);

/// A model of two tokens with inputs of its own and the taps q and scores.
nlohmann::json literalMetadata();

/// A payload of these blobs, as the compiler writes it.
using Blobs = std::vector<std::pair<std::string, std::string>>;
std::vector<std::byte> makePayload(const nlohmann::json &metadata, std::span<const std::byte> tokenizer = {},
                                   const Blobs &others = {});

/// The code of decoders.
extern const AttuneEntry decoderEntries[2];

/// The code that belongs to metadata. With the target "cuda" or "rocm" entries do nothing but launch a
/// kernel, which does what the entry does otherwise.
std::span<const AttuneEntry> entriesFor(const nlohmann::json &metadata);
std::span<const AttuneKernel> kernelsFor(const nlohmann::json &metadata);

/// Owns a payload and the program in it.
struct FakeProgram {
  explicit FakeProgram(const nlohmann::json &metadata, const Blobs &blobs = {})
      : payload(makePayload(metadata, {}, blobs)),
        program(payload, entriesFor(metadata), "fake", kernelsFor(metadata)) {}

  std::vector<std::byte> payload;
  Program program;
};

} // namespace attune::test
