// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How the elements of a tensor are stored in a file: plain numbers, or GGML's blocks of small integers with
// scales.

#ifndef ATTUNE_FRONTEND_WEIGHTS_BLOCKFORMAT_H
#define ATTUNE_FRONTEND_WEIGHTS_BLOCKFORMAT_H

#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <optional>

namespace attune {

/// Names are GGML's and, for plain numbers, those of safetensors.
enum class StorageType : uint8_t {
  // Usable as weights.
  F32,
  F16,
  BF16,
  Q4_0,
  Q4_1,
  Q5_0,
  Q5_1,
  Q8_0,
  Q2_K,
  Q3_K,
  Q4_K,
  Q5_K,
  Q6_K,
  IQ4_NL,
  MXFP4,
  // What weights are stored as anew, in no file: 8 bits, with one scale for a row of a matrix.
  INT8,
  // Can be listed and read as bytes, are no weights.
  F64,
  F8_E4M3,
  F8_E5M2,
  F8_E8M0,
  I8,
  I16,
  I32,
  I64,
  U8,
  U16,
  U32,
  U64,
  BOOL,
  C64,
};
constexpr int numStorageTypes = static_cast<int>(StorageType::C64) + 1;

/// Lower-case name: "f32", "q4_k", "i64".
llvm::StringRef storageTypeName(StorageType type);
std::optional<StorageType> storageTypeNamed(llvm::StringRef name);

/// Elements and bytes of one block; a plain number is a block of one. Blocks run along a tensor's last
/// dimension.
int64_t blockSize(StorageType type);
int64_t blockBytes(StorageType type);

/// Bytes of `count` elements, which must be whole blocks (of INT8: without the scales of rows).
int64_t storageBytes(StorageType type, int64_t count);

/// Whether dequantize() takes the type.
bool isWeightType(StorageType type);

/// Whether the type is stored in blocks with scales.
bool isBlockQuantized(StorageType type);

/// Whether packing stores weights anew as the type.
bool canQuantizeTo(StorageType type);

/// Decodes `count` elements (whole blocks) of a weight type. `src` needs no alignment.
void dequantize(StorageType type, const uint8_t *src, float *dst, int64_t count);

/// Encodes `count` elements (whole blocks) as F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0 or Q5_1, rounding as
/// GGML's reference code does. An element that is no number gets some valid code.
void quantize(StorageType type, const float *src, uint8_t *dst, int64_t count);

/// Encodes a row of INT8: codes from -127 to 127. Returns the scale.
float quantizeRow(const float *src, int8_t *dst, int64_t count);

} // namespace attune

#endif
