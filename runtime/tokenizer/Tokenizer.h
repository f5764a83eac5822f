// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Text to token ids and back. All state is in the blob that the compiler wrote (TokenizerFormat.h); loading
// checks its outline and compiles the pre-tokenizer's expressions, no more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace attune {

namespace tokenizer {
class Engine;
}

// What becomes of control tokens (<|im_start|>, [MASK], …) that are written out in a text.
enum class ControlText {
  Default, // as the model's own tokenizer does
  Parse,   // they become their tokens: prompts made from templates
  Plain,   // they are text like any other: what strangers typed
};

// Copies share the tokenizer; all methods may be called by several threads at once.
class Tokenizer {
public:
  // The blob must be aligned to 8 bytes and stay where it is. Throws attune::Error if it is damaged.
  static Tokenizer load(std::span<const std::byte> blob);

  // What load would throw, without throwing: for the compiler, which checks what it wrote.
  static std::optional<std::string> problemOf(std::span<const std::byte> blob) noexcept;

  // The ids of a text; with `addSpecial` between the tokens that the model expects around it. Invalid UTF-8
  // counts as U+FFFD. Every id is below vocabularySize(). Throws attune::Error if a character has no token
  // and the model none for the unknown.
  std::vector<int32_t> encode(std::string_view text, bool addSpecial = true,
                              ControlText control = ControlText::Default) const;

  // The text of ids, valid UTF-8. Ids without a token are skipped.
  std::string decode(std::span<const int32_t> ids, bool skipSpecial) const;

  // One more than the highest id.
  int32_t vocabularySize() const;
  // The token with this spelling, as the model's own file has it ("Ġthe", "▁the", "##ing").
  std::optional<int32_t> find(std::string_view spelling) const;
  // The spelling of a token; empty for ids that are none.
  std::string_view token(int32_t id) const;
  bool isSpecial(int32_t id) const;
  // The token of characters that have none, or -1.
  int32_t unknownId() const;

private:
  friend class StreamDecoder;
  explicit Tokenizer(std::shared_ptr<const tokenizer::Engine> engine);

  std::shared_ptr<const tokenizer::Engine> engine;
};

// Turns ids into text one by one. The texts of all pushes and the flush make up what decode() gives.
class StreamDecoder {
public:
  explicit StreamDecoder(const Tokenizer &tokenizer, bool skipSpecial = true);
  ~StreamDecoder();
  StreamDecoder(StreamDecoder &&) noexcept;
  StreamDecoder &operator=(StreamDecoder &&) noexcept;

  // The text that is certain after this token. A character that is spread over tokens comes with its last
  // one; bytes that cannot become a character come as U+FFFD.
  std::string push(int32_t id);
  // What is left; the decoder begins anew after it.
  std::string flush();

private:
  struct State;
  std::unique_ptr<State> state;
};

} // namespace attune
