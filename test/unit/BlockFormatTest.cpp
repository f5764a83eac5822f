// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/weights/BlockFormat.h"
#include "BlockFixture.h"
#include "frontend/weights/HalfFloat.h"
#include <cmath>
#include <limits>

using namespace attune;
using namespace attune::test;

namespace {

using S = StorageType;

constexpr S recorded[] = {S::F16,  S::BF16, S::Q4_0, S::Q4_1, S::Q5_0, S::Q5_1,   S::Q8_0,
                          S::Q2_K, S::Q3_K, S::Q4_K, S::Q5_K, S::Q6_K, S::IQ4_NL, S::MXFP4};

class Dequantize : public BlockFixture {};

TEST_P(Dequantize, EqualsTheRecordedNumbers) {
  std::vector<uint8_t> blocks = bytes(storageTypeName(GetParam()), "blocks");
  std::vector<float> expected = floats(storageTypeName(GetParam()), "values"), values(expected.size());
  ASSERT_GE(expected.size(), 512u);
  ASSERT_EQ(storageBytes(GetParam(), expected.size()), static_cast<int64_t>(blocks.size()));
  dequantize(GetParam(), blocks.data(), values.data(), values.size());
  EXPECT_EQ(bitsOf(values), bitsOf(expected));
}

TEST_P(Dequantize, TakesBytesOfAnyAlignment) {
  std::vector<uint8_t> blocks = bytes(storageTypeName(GetParam()), "blocks");
  std::vector<float> expected = floats(storageTypeName(GetParam()), "values"), values(expected.size());
  blocks.insert(blocks.begin(), 0xaa);
  dequantize(GetParam(), blocks.data() + 1, values.data(), values.size());
  EXPECT_EQ(bitsOf(values), bitsOf(expected));
}

INSTANTIATE_TEST_SUITE_P(All, Dequantize, testing::ValuesIn(recorded), nameOf);

class Quantize : public BlockFixture {};

TEST_P(Quantize, EqualsTheRecordedBytes) {
  std::vector<float> input = floats("quantize", "input");
  std::vector<uint8_t> expected = bytes("quantize", storageTypeName(GetParam()));
  ASSERT_EQ(static_cast<int64_t>(expected.size()), storageBytes(GetParam(), input.size()));
  std::vector<uint8_t> blocks(expected.size());
  quantize(GetParam(), input.data(), blocks.data(), input.size());
  EXPECT_EQ(blocks, expected);
}

TEST_P(Quantize, AnyNumberGivesAValidCode) {
  // Nothing is promised of the values; converting them must not be undefined.
  float infinity = std::numeric_limits<float>::infinity();
  for (float odd : {infinity, -infinity, std::nanf(""), 3e38f, -3e38f, 1e-45f, -1e-45f}) {
    std::vector<float> input(32, 0.25f), values(32);
    input[7] = odd;
    std::vector<uint8_t> blocks(storageBytes(GetParam(), 32));
    quantize(GetParam(), input.data(), blocks.data(), 32);
    dequantize(GetParam(), blocks.data(), values.data(), 32);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Quantize,
                         testing::Values(S::F16, S::BF16, S::Q8_0, S::Q4_0, S::Q4_1, S::Q5_0, S::Q5_1),
                         nameOf);

TEST(BlockFormat, F32IsKept) {
  std::vector<float> input = {1.5f, -0.0f, 1e-45f, std::numeric_limits<float>::infinity()}, output(4);
  std::vector<uint8_t> bytes(16);
  quantize(S::F32, input.data(), bytes.data(), 4);
  dequantize(S::F32, bytes.data(), output.data(), 4);
  EXPECT_EQ(bitsOf(output), bitsOf(input));
}

TEST(BlockFormat, NamesGoBothWays) {
  for (int i = 0; i < numStorageTypes; ++i) {
    S type = static_cast<S>(i);
    EXPECT_EQ(storageTypeNamed(storageTypeName(type)), type);
  }
  EXPECT_EQ(storageTypeName(S::Q4_K), "q4_k");
  EXPECT_EQ(storageTypeNamed("Q4_K"), std::nullopt);
  EXPECT_EQ(storageTypeNamed(""), std::nullopt);
}

TEST(BlockFormat, Sizes) {
  EXPECT_EQ(blockSize(S::Q4_1), 32);
  EXPECT_EQ(blockBytes(S::Q4_1), 20);
  EXPECT_EQ(storageBytes(S::Q6_K, 512), 420);
  EXPECT_EQ(storageBytes(S::BF16, 3), 6);
  EXPECT_TRUE(isWeightType(S::MXFP4));
  EXPECT_FALSE(isWeightType(S::I64));
  EXPECT_FALSE(isWeightType(S::F64));
  EXPECT_TRUE(isBlockQuantized(S::IQ4_NL));
  EXPECT_FALSE(isBlockQuantized(S::BF16));
  EXPECT_TRUE(canQuantizeTo(S::Q5_1));
  EXPECT_TRUE(canQuantizeTo(S::F32));
  EXPECT_FALSE(canQuantizeTo(S::Q4_K));
  EXPECT_FALSE(canQuantizeTo(S::U8));
}

//===----------------------------------------------------------------------===//
// 16-bit floats, against the compiler's own
//===----------------------------------------------------------------------===//

TEST(HalfFloat, EveryHalfBecomesItsFloat) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    float expected = static_cast<float>(llvm::bit_cast<_Float16>(static_cast<uint16_t>(bits)));
    float value = halfToFloat(bits);
    if (std::isnan(expected))
      EXPECT_TRUE(std::isnan(value)) << bits;
    else
      ASSERT_EQ(llvm::bit_cast<uint32_t>(value), llvm::bit_cast<uint32_t>(expected)) << bits;
  }
}

TEST(HalfFloat, FloatsRoundToTheNearestHalf) {
  // Every half, the middle between it and the next, and the floats beside each.
  for (uint32_t bits = 0; bits < 0x7c00; ++bits) {
    float low = halfToFloat(bits), next = bits == 0x7bff ? 65536.0f : halfToFloat(bits + 1),
          middle = (low + next) / 2;
    for (float place : {low, middle})
      for (float value : {place, std::nextafter(place, 0.0f), std::nextafter(place, 1e30f)})
        for (float sign : {1.0f, -1.0f})
          ASSERT_EQ(floatToHalf(sign * value), llvm::bit_cast<uint16_t>(static_cast<_Float16>(sign * value)))
              << value;
  }
  EXPECT_EQ(floatToHalf(1e30f), 0x7c00);
  EXPECT_EQ(floatToHalf(-1e30f), 0xfc00);
  EXPECT_EQ(floatToHalf(1e-45f), 0);
  EXPECT_TRUE(std::isnan(halfToFloat(floatToHalf(std::nanf("")))));
}

TEST(HalfFloat, EveryFloatExponentRounds) {
  for (uint32_t top = 0; top < 0x10000; ++top)
    for (uint32_t low : {0u, 0x0fffu, 0x1000u, 0x1001u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu}) {
      float value = llvm::bit_cast<float>(top << 16 | low);
      if (!std::isnan(value))
        ASSERT_EQ(floatToHalf(value), llvm::bit_cast<uint16_t>(static_cast<_Float16>(value))) << value;
    }
}

TEST(HalfFloat, BfloatsRoundToNearestEven) {
  EXPECT_EQ(floatToBfloat(1.0f), 0x3f80);
  EXPECT_EQ(floatToBfloat(llvm::bit_cast<float>(0x3f808000u)), 0x3f80); // a tie, down to even
  EXPECT_EQ(floatToBfloat(llvm::bit_cast<float>(0x3f818000u)), 0x3f82); // a tie, up to even
  EXPECT_EQ(floatToBfloat(llvm::bit_cast<float>(0x3f808001u)), 0x3f81);
  EXPECT_EQ(floatToBfloat(std::numeric_limits<float>::max()), 0x7f80);
  EXPECT_TRUE(std::isnan(bfloatToFloat(floatToBfloat(llvm::bit_cast<float>(0x7f800001u)))));
  for (uint32_t bits = 0; bits < 0x10000; ++bits)
    if (float value = bfloatToFloat(bits); !std::isnan(value))
      ASSERT_EQ(floatToBfloat(value), bits);
}

} // namespace
