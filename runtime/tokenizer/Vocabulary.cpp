// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/tokenizer/Vocabulary.h"

#include "runtime/Error.h"

#include <fmt/format.h>

namespace attune::tokenizer {

Vocabulary::Vocabulary(const Blob &blob)
    : offsets(blob.array<uint32_t>(Section::TokenOffsets)), flags(blob.array<uint8_t>(Section::TokenFlags)),
      slots(blob.array<uint32_t>(Section::VocabularyHash)) {
  std::span<const char> text = blob.array<char>(Section::TokenBytes);
  bytes = {text.data(), text.size()};
  if (offsets.empty() || offsets.size() - 1 != flags.size() || flags.size() > INT32_MAX)
    throw Error(
        fmt::format("tokenizer: {} token offsets do not fit {} tokens", offsets.size(), flags.size()));
  if (slots.size() > UINT32_MAX)
    throw Error("tokenizer: the vocabulary's table is too large");
  count = static_cast<int32_t>(flags.size());
}

std::string_view Vocabulary::token(int32_t id) const {
  if (!contains(id))
    return {};
  uint32_t begin = offsets[static_cast<size_t>(id)], end = offsets[static_cast<size_t>(id) + 1];
  if (begin > end || end > bytes.size())
    return {}; // damaged
  return bytes.substr(begin, end - begin);
}

std::optional<int32_t> Vocabulary::find(std::string_view spelling) const {
  if (slots.empty())
    return std::nullopt;
  uint64_t hash = hashBytes(spelling);
  size_t slot = slotOf(hash, static_cast<uint32_t>(slots.size()));
  for (size_t tried = 0; tried < slots.size() && slots[slot] != 0; ++tried) {
    uint32_t entry = slots[slot];
    auto id = static_cast<int32_t>(entry & ((1u << SlotIdBits) - 1)) - 1;
    if (entry >> SlotIdBits == tagOf(hash) && contains(id) && token(id) == spelling)
      return id;
    if (++slot == slots.size())
      slot = 0;
  }
  return std::nullopt;
}

} // namespace attune::tokenizer
