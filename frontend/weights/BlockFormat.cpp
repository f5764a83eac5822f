// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/weights/BlockFormat.h"
#include "frontend/weights/BlockCodes.h"
#include "frontend/weights/HalfFloat.h"
#include "llvm/Support/ErrorHandling.h"
#include <cassert>
#include <cstring>

using namespace attune;

namespace {
struct TypeTraits {
  StorageType type;
  const char *name;
  int blockSize;
  int blockBytes;
};
} // namespace

/// In the order of the enumeration.
static constexpr TypeTraits traits[] = {
    {StorageType::F32, "f32", 1, 4},         {StorageType::F16, "f16", 1, 2},
    {StorageType::BF16, "bf16", 1, 2},       {StorageType::Q4_0, "q4_0", 32, 18},
    {StorageType::Q4_1, "q4_1", 32, 20},     {StorageType::Q5_0, "q5_0", 32, 22},
    {StorageType::Q5_1, "q5_1", 32, 24},     {StorageType::Q8_0, "q8_0", 32, 34},
    {StorageType::Q2_K, "q2_k", 256, 84},    {StorageType::Q3_K, "q3_k", 256, 110},
    {StorageType::Q4_K, "q4_k", 256, 144},   {StorageType::Q5_K, "q5_k", 256, 176},
    {StorageType::Q6_K, "q6_k", 256, 210},   {StorageType::IQ4_NL, "iq4_nl", 32, 18},
    {StorageType::MXFP4, "mxfp4", 32, 17},   {StorageType::INT8, "int8", 1, 1},
    {StorageType::F64, "f64", 1, 8},         {StorageType::F8_E4M3, "f8_e4m3", 1, 1},
    {StorageType::F8_E5M2, "f8_e5m2", 1, 1}, {StorageType::F8_E8M0, "f8_e8m0", 1, 1},
    {StorageType::I8, "i8", 1, 1},           {StorageType::I16, "i16", 1, 2},
    {StorageType::I32, "i32", 1, 4},         {StorageType::I64, "i64", 1, 8},
    {StorageType::U8, "u8", 1, 1},           {StorageType::U16, "u16", 1, 2},
    {StorageType::U32, "u32", 1, 4},         {StorageType::U64, "u64", 1, 8},
    {StorageType::BOOL, "bool", 1, 1},       {StorageType::C64, "c64", 1, 8},
};
static_assert(std::size(traits) == numStorageTypes);

static const TypeTraits &traitsOf(StorageType type) {
  const TypeTraits &entry = traits[static_cast<int>(type)];
  assert(entry.type == type && "the table is out of order");
  return entry;
}

llvm::StringRef attune::storageTypeName(StorageType type) { return traitsOf(type).name; }

std::optional<StorageType> attune::storageTypeNamed(llvm::StringRef name) {
  for (const TypeTraits &entry : traits)
    if (name == entry.name)
      return entry.type;
  return std::nullopt;
}

int64_t attune::blockSize(StorageType type) { return traitsOf(type).blockSize; }

int64_t attune::blockBytes(StorageType type) { return traitsOf(type).blockBytes; }

int64_t attune::storageBytes(StorageType type, int64_t count) {
  assert(count % blockSize(type) == 0 && "not whole blocks");
  return count / blockSize(type) * blockBytes(type);
}

bool attune::isWeightType(StorageType type) { return type <= StorageType::MXFP4; }

bool attune::isBlockQuantized(StorageType type) { return blockSize(type) > 1; }

static void dequantizeBlocks(StorageType type, const uint8_t *src, float *dst, int64_t count) {
  BlockDecoder decode = blockDecoder(type);
  int64_t size = blockSize(type), bytes = blockBytes(type);
  CodeBlock blocks[maxCodeBlocks];
  for (int64_t done = 0; done < count; done += size, src += bytes) {
    decode(src, blocks);
    for (int64_t b = 0; b < size / CodeBlock::columns; ++b)
      for (int j = 0; j < CodeBlock::columns; ++j)
        *dst++ = blocks[b].scales[j / 16] * static_cast<float>(blocks[b].codes[j]) + blocks[b].mins[j / 16];
  }
}

void attune::dequantize(StorageType type, const uint8_t *src, float *dst, int64_t count) {
  assert(count % blockSize(type) == 0 && "not whole blocks");
  assert(isWeightType(type) && "holds no weights");
  switch (type) {
  case StorageType::F32:
    std::memcpy(dst, src, count * sizeof(float));
    return;
  case StorageType::F16:
    for (int64_t i = 0; i < count; ++i)
      dst[i] = readHalf(src + 2 * i);
    return;
  case StorageType::BF16:
    for (int64_t i = 0; i < count; ++i)
      dst[i] = bfloatToFloat(llvm::support::endian::read16le(src + 2 * i));
    return;
  default:
    return dequantizeBlocks(type, src, dst, count);
  }
}
