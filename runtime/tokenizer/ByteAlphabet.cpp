// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/tokenizer/ByteAlphabet.h"

#include "runtime/tokenizer/Utf8.h"

namespace attune::tokenizer {

static constexpr std::array<uint32_t, 256> makeAlphabet() {
  std::array<uint32_t, 256> alphabet{};
  uint32_t next = 0x100;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    alphabet[byte] = printable ? byte : next++;
  }
  return alphabet;
}

static constexpr std::array<uint32_t, 256> Alphabet = makeAlphabet();

// The byte of each character below U+0144, or -1.
static constexpr std::array<int16_t, 0x144> makeBytes() {
  std::array<int16_t, 0x144> bytes{};
  for (int16_t &byte : bytes)
    byte = -1;
  for (size_t byte = 0; byte < 256; ++byte)
    bytes[Alphabet[byte]] = static_cast<int16_t>(byte);
  return bytes;
}

static constexpr std::array<int16_t, 0x144> Bytes = makeBytes();

const std::array<uint32_t, 256> &byteAlphabet() { return Alphabet; }

std::string mapBytes(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() + bytes.size() / 4);
  for (char byte : bytes)
    appendCharacter(out, Alphabet[static_cast<unsigned char>(byte)]);
  return out;
}

void appendMappedBytes(std::string &out, std::string_view token) {
  size_t before = out.size();
  bool mapped = true;
  forEachCharacter(token, [&](uint32_t c, size_t, size_t) {
    if (c < Bytes.size() && Bytes[c] >= 0)
      out += static_cast<char>(Bytes[c]);
    else
      mapped = false;
  });
  if (!mapped) {
    out.resize(before);
    out += token;
  }
}

} // namespace attune::tokenizer
