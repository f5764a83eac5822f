// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/tokenizer/CharacterMap.h"

#include "runtime/Error.h"
#include "runtime/tokenizer/Unicode.h"
#include "runtime/tokenizer/Utf8.h"

#include <cstring>
#include <fmt/format.h>

namespace attune::tokenizer {

// A unit of the double array: a label or a value, and the way to the children.
static bool hasLeaf(uint32_t unit) { return unit & (1u << 8); }
static uint32_t labelOf(uint32_t unit) { return unit & ((1u << 31) | 0xFF); }
static uint32_t offsetOf(uint32_t unit) { return (unit >> 10) << ((unit & (1u << 9)) >> 6); }
static uint32_t valueOf(uint32_t unit) { return unit & ~(1u << 31); }

CharacterMap::CharacterMap(std::string_view bytes) {
  uint32_t size = 0;
  if (bytes.size() >= 4)
    std::memcpy(&size, bytes.data(), 4);
  if (bytes.size() < 4 || size % 4 != 0 || size == 0 || size > bytes.size() - 4)
    throw Error(fmt::format("character map: a trie of {} bytes in {} bytes", size, bytes.size()));
  units = bytes.substr(4, size);
  pool = bytes.substr(4 + size);
}

std::optional<std::string> CharacterMap::problemOf(std::string_view bytes) noexcept {
  try {
    CharacterMap map(bytes);
    return std::nullopt;
  } catch (const std::exception &error) {
    return error.what();
  }
}

std::optional<uint32_t> CharacterMap::unit(size_t index) const {
  if (index >= units.size() / 4)
    return std::nullopt;
  uint32_t value;
  std::memcpy(&value, units.data() + 4 * index, 4);
  return value;
}

std::optional<CharacterMap::Match> CharacterMap::match(std::string_view text, bool longest) const {
  std::optional<Match> found;
  std::optional<uint32_t> current = unit(0);
  size_t node = current ? offsetOf(*current) : 0;
  for (size_t i = 0; i < text.size(); ++i) {
    auto byte = static_cast<unsigned char>(text[i]);
    if (byte == 0)
      return found;
    node ^= byte;
    current = unit(node);
    if (!current || labelOf(*current) != byte)
      return found;
    node ^= offsetOf(*current);
    if (!hasLeaf(*current))
      continue;
    std::optional<uint32_t> leaf = unit(node);
    if (!leaf || valueOf(*leaf) > pool.size())
      return found;
    std::string_view rest = pool.substr(valueOf(*leaf));
    found = Match{i + 1, rest.substr(0, rest.find('\0'))};
    if (!longest)
      return found;
  }
  return found;
}

// The shortest key that the text begins with decides, as in Hugging Face's implementation.
std::optional<std::string_view> CharacterMap::replacementOf(std::string_view text) const {
  std::optional<Match> found = match(text, /*longest=*/false);
  return found ? std::optional(found->replacement) : std::nullopt;
}

std::string CharacterMap::applyLongest(std::string_view text) const {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    std::optional<Match> found = match(text, /*longest=*/true);
    size_t length = found ? found->length : firstCharacter(text).length;
    out += found ? found->replacement : text.substr(0, length);
    text.remove_prefix(length);
  }
  return isValidUtf8(out) ? out : repairUtf8(out);
}

std::string CharacterMap::apply(std::string_view text) const {
  // A user-perceived character of fewer than six bytes is looked up as a whole first.
  constexpr size_t WholeLimit = 6;
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    std::string_view grapheme = text.substr(0, graphemeLength(text));
    text.remove_prefix(grapheme.size());
    if (grapheme.size() < WholeLimit) {
      if (auto replacement = replacementOf(grapheme)) {
        out += *replacement;
        continue;
      }
    }
    forEachCharacter(grapheme, [&](uint32_t, size_t position, size_t length) {
      std::string_view part = grapheme.substr(position, length);
      out += replacementOf(part).value_or(part);
    });
  }
  return isValidUtf8(out) ? out : repairUtf8(out);
}

} // namespace attune::tokenizer
