// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/weights/BlockCodes.h"
#include "frontend/weights/HalfFloat.h"
#include "llvm/Support/ErrorHandling.h"

using namespace attune;

static void setScale(CodeBlock &out, float scale) { out.scales = {scale, scale}; }
static void setMin(CodeBlock &out, float min) { out.mins = {min, min}; }

//===----------------------------------------------------------------------===//
// Blocks of 32: byte i holds the low bits of element i in its low half and those of element i + 16 in its
// high half
//===----------------------------------------------------------------------===//

static void decodeNibbles(const uint8_t *bytes, int bias, CodeBlock &out) {
  for (int i = 0; i < 16; ++i) {
    out.codes[i] = (bytes[i] & 15) - bias;
    out.codes[i + 16] = (bytes[i] >> 4) - bias;
  }
}

static void decodeNibblesAndBit(const uint8_t *highBits, const uint8_t *bytes, int bias, CodeBlock &out) {
  decodeNibbles(bytes, 0, out);
  uint32_t high = llvm::support::endian::read32le(highBits);
  for (int i = 0; i < CodeBlock::columns; ++i)
    out.codes[i] += static_cast<int>((high >> i & 1) << 4) - bias;
}

static void decodeQ4_0(const uint8_t *block, CodeBlock *out) {
  setScale(*out, readHalf(block));
  decodeNibbles(block + 2, 8, *out);
}

static void decodeQ4_1(const uint8_t *block, CodeBlock *out) {
  setScale(*out, readHalf(block));
  setMin(*out, readHalf(block + 2));
  decodeNibbles(block + 4, 0, *out);
}

static void decodeQ5_0(const uint8_t *block, CodeBlock *out) {
  setScale(*out, readHalf(block));
  decodeNibblesAndBit(block + 2, block + 6, 16, *out);
}

static void decodeQ5_1(const uint8_t *block, CodeBlock *out) {
  setScale(*out, readHalf(block));
  setMin(*out, readHalf(block + 2));
  decodeNibblesAndBit(block + 4, block + 8, 0, *out);
}

static void decodeQ8_0(const uint8_t *block, CodeBlock *out) {
  setScale(*out, readHalf(block));
  for (int i = 0; i < CodeBlock::columns; ++i)
    out->codes[i] = static_cast<int8_t>(block[2 + i]);
}

/// Codes that are looked up in a table of 16 values.
static void decodeTable(const uint8_t *bytes, const int8_t (&table)[16], CodeBlock &out) {
  for (int i = 0; i < 16; ++i) {
    out.codes[i] = table[bytes[i] & 15];
    out.codes[i + 16] = table[bytes[i] >> 4];
  }
}

static void decodeIQ4_NL(const uint8_t *block, CodeBlock *out) {
  static constexpr int8_t table[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                       1,    13,   25,  38,  53,  69,  89,  113};
  setScale(*out, readHalf(block));
  decodeTable(block + 2, table, *out);
}

/// Half of 2^(exponent - 127), the codes being twice the E2M1 values; the smallest are subnormal numbers.
static float halfPowerOfTwo(uint8_t exponent) {
  uint32_t bits = exponent < 2 ? 0x00200000u << exponent : static_cast<uint32_t>(exponent - 1) << 23;
  return llvm::bit_cast<float>(bits);
}

static void decodeMXFP4(const uint8_t *block, CodeBlock *out) {
  static constexpr int8_t table[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
  setScale(*out, halfPowerOfTwo(block[0]));
  decodeTable(block + 1, table, *out);
}

//===----------------------------------------------------------------------===//
// Super-blocks of 256: eight code blocks, whose scales are small integers times an f16
//===----------------------------------------------------------------------===//

/// Code block b of the types with two low bits per element: 128 elements share 32 bytes.
static void decodePairsOfBits(const uint8_t *bytes, int b, CodeBlock &out) {
  const uint8_t *half = bytes + b / 4 * 32;
  for (int i = 0; i < CodeBlock::columns; ++i)
    out.codes[i] = half[i] >> (b % 4 * 2) & 3;
}

static void decodeQ2_K(const uint8_t *block, CodeBlock *out) {
  const uint8_t *scales = block, *codes = block + 16;
  float d = readHalf(block + 80), dmin = readHalf(block + 82);
  for (int b = 0; b < 8; ++b) {
    decodePairsOfBits(codes, b, out[b]);
    for (int g = 0; g < 2; ++g) {
      out[b].scales[g] = d * static_cast<float>(scales[2 * b + g] & 15);
      out[b].mins[g] = -(dmin * static_cast<float>(scales[2 * b + g] >> 4));
    }
  }
}

/// Scale `index` of 16: four low bits in bytes 0..7, two high bits in bytes 8..11.
static int scaleQ3_K(const uint8_t *scales, int index) {
  int low = index < 8 ? scales[index] & 15 : scales[index - 8] >> 4;
  int high = scales[8 + index % 4] >> (index / 4 * 2) & 3;
  return (low | high << 4) - 32;
}

static void decodeQ3_K(const uint8_t *block, CodeBlock *out) {
  const uint8_t *highBits = block, *codes = block + 32, *scales = block + 96;
  float d = readHalf(block + 108);
  for (int b = 0; b < 8; ++b) {
    decodePairsOfBits(codes, b, out[b]);
    for (int i = 0; i < CodeBlock::columns; ++i)
      out[b].codes[i] -= (highBits[i] >> b & 1) ? 0 : 4;
    for (int g = 0; g < 2; ++g)
      out[b].scales[g] = d * static_cast<float>(scaleQ3_K(scales, 2 * b + g));
  }
}

/// Scale and minimum `b` of eight, six bits each in 12 bytes: the first four of each stand in the low six
/// bits of bytes 0..3 and 4..7; the others have their low halves in bytes 8..11 and their top bits above the
/// first four.
static void setScaleAndMin(const uint8_t *scales, int b, float d, float dmin, CodeBlock &out) {
  int j = b % 4;
  int scale = scales[j] & 63, min = scales[4 + j] & 63;
  if (b >= 4) {
    scale = (scales[8 + j] & 15) | (scales[j] >> 2 & 0x30);
    min = (scales[8 + j] >> 4) | (scales[4 + j] >> 2 & 0x30);
  }
  setScale(out, d * static_cast<float>(scale));
  setMin(out, -(dmin * static_cast<float>(min)));
}

/// Code block b of the types with four low bits per element: 64 elements share 32 bytes.
static void decodeHalves(const uint8_t *bytes, int b, CodeBlock &out) {
  const uint8_t *pair = bytes + b / 2 * 32;
  for (int i = 0; i < CodeBlock::columns; ++i)
    out.codes[i] = pair[i] >> (b % 2 * 4) & 15;
}

static void decodeQ4_K(const uint8_t *block, CodeBlock *out) {
  float d = readHalf(block), dmin = readHalf(block + 2);
  for (int b = 0; b < 8; ++b) {
    setScaleAndMin(block + 4, b, d, dmin, out[b]);
    decodeHalves(block + 16, b, out[b]);
  }
}

static void decodeQ5_K(const uint8_t *block, CodeBlock *out) {
  const uint8_t *highBits = block + 16;
  float d = readHalf(block), dmin = readHalf(block + 2);
  for (int b = 0; b < 8; ++b) {
    setScaleAndMin(block + 4, b, d, dmin, out[b]);
    decodeHalves(block + 48, b, out[b]);
    for (int i = 0; i < CodeBlock::columns; ++i)
      out[b].codes[i] |= (highBits[i] >> b & 1) << 4;
  }
}

static void decodeQ6_K(const uint8_t *block, CodeBlock *out) {
  const uint8_t *low = block, *high = block + 128, *scales = block + 192;
  float d = readHalf(block + 208);
  for (int b = 0; b < 8; ++b) {
    int half = b / 4, quarter = b % 4;
    const uint8_t *lowBytes = low + half * 64 + quarter % 2 * 32;
    const uint8_t *highBytes = high + half * 32;
    for (int i = 0; i < CodeBlock::columns; ++i) {
      int lowBits = lowBytes[i] >> (quarter / 2 * 4) & 15;
      int topBits = highBytes[i] >> (quarter * 2) & 3;
      out[b].codes[i] = (lowBits | topBits << 4) - 32;
    }
    for (int g = 0; g < 2; ++g)
      out[b].scales[g] = d * static_cast<float>(static_cast<int8_t>(scales[2 * b + g]));
  }
}

BlockDecoder attune::blockDecoder(StorageType type) {
  switch (type) {
  case StorageType::Q4_0:
    return decodeQ4_0;
  case StorageType::Q4_1:
    return decodeQ4_1;
  case StorageType::Q5_0:
    return decodeQ5_0;
  case StorageType::Q5_1:
    return decodeQ5_1;
  case StorageType::Q8_0:
    return decodeQ8_0;
  case StorageType::Q2_K:
    return decodeQ2_K;
  case StorageType::Q3_K:
    return decodeQ3_K;
  case StorageType::Q4_K:
    return decodeQ4_K;
  case StorageType::Q5_K:
    return decodeQ5_K;
  case StorageType::Q6_K:
    return decodeQ6_K;
  case StorageType::IQ4_NL:
    return decodeIQ4_NL;
  case StorageType::MXFP4:
    return decodeMXFP4;
  default:
    llvm_unreachable("not a block-quantised type");
  }
}
