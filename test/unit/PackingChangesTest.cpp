// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Packing in another type than the stored one, where sources come from, and errors.

#include "PackMatrix.h"
#include "WeightFiles.h"
#include "frontend/weights/Packing.h"
#include <cmath>

using namespace attune;
using namespace attune::test;

namespace {

using S = StorageType;
using P = PackedFormat;

//===----------------------------------------------------------------------===//
// Storing anew in another type
//===----------------------------------------------------------------------===//

TEST(Packing, RequantizesAsQuantizeDoes) {
  Matrix matrix = matrixOf(S::F32, 19, 96);
  for (S type : {S::F16, S::BF16, S::Q8_0, S::Q4_0, S::Q4_1, S::Q5_0, S::Q5_1}) {
    P format = packedFormatOf(type);
    Matrix direct = matrixOf(type, 19, 96);
    EXPECT_EQ(unpacked(format, pack(format, matrix.source(), type), 19, 96), direct.values())
        << storageTypeName(type).str();
  }
}

TEST(Packing, RequantizedErrorIsBounded) {
  // Half a step of the codes, plus the rounding of f16 scale and minimum; 45 columns: a padded block.
  Matrix matrix = matrixOf(S::F32, 5, 45);
  std::vector<float> exact = matrix.values();
  // Steps over the values' range: (type, codes per magnitude 0.3, or per range 0.6).
  for (auto [type, step] : {std::pair(S::Q8_0, 0.3f / 127),
                            {S::Q4_0, 0.3f / 8},
                            {S::Q4_1, 0.6f / 15},
                            {S::Q5_0, 0.3f / 16},
                            {S::Q5_1, 0.6f / 31}}) {
    P format = packedFormatOf(type);
    std::vector<float> values = unpacked(format, pack(format, matrix.source(), type), 5, 45);
    for (size_t i = 0; i < values.size(); ++i) {
      // The symmetric types have no code for the negative of the extreme: there the error is a whole step.
      float bound = (format.hasMin || type == S::Q8_0 ? 0.5f : 1.0f) * step + 0.3f * 0x1p-10f;
      ASSERT_NEAR(values[i], exact[i], bound) << storageTypeName(type).str();
    }
  }
}

// A scale for each row, whatever its columns: the largest element is kept, the others move by half a step.
TEST(Packing, RowsHaveOneScale) {
  P format = packedFormatOf(S::INT8);
  Matrix matrix = matrixOf(S::F32, 19, 37);
  std::vector<float> stored = matrix.values();
  stored[3 * 37 + 36] = -2.5f;
  std::fill_n(stored.begin() + 5 * 37, 37, 0.0f);
  std::memcpy(matrix.bytes.data(), stored.data(), matrix.bytes.size());
  std::vector<float> values = unpacked(format, pack(format, matrix.source(), S::INT8), 19, 37);
  for (int row = 0; row < 19; ++row) {
    float largest = 0;
    for (int k = 0; k < 37; ++k)
      largest = std::max(largest, std::fabs(stored[row * 37 + k]));
    for (int k = 0; k < 37; ++k)
      EXPECT_NEAR(values[row * 37 + k], stored[row * 37 + k], largest / 127 * 0.501f) << row << ", " << k;
  }
  EXPECT_FLOAT_EQ(values[3 * 37 + 36], -2.5f);
}

TEST(Packing, ASourceThatFitsIsNotRequantized) {
  Matrix kept = matrixOf(S::Q8_0, 16, 32, 1), changed = matrixOf(S::F32, 16, 32, 2);
  P format = packedFormatOf(S::Q8_0);
  std::vector<float> values =
      unpacked(format, pack(format, {kept.source(), changed.source()}, S::Q8_0), 32, 32);
  EXPECT_EQ(std::vector<float>(values.begin(), values.begin() + 512), kept.values());
  EXPECT_EQ(std::vector<float>(values.begin() + 512, values.end()), matrixOf(S::Q8_0, 16, 32, 2).values());
}

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

struct PackingErrors : testing::Test {
  llvm::Error packed(llvm::ArrayRef<PackSource> sources, S format = S::Q8_0,
                     std::optional<S> requantize = std::nullopt, int64_t first = 0, int64_t count = 1) {
    std::vector<uint8_t> out(1 << 16);
    return packPanels(packedFormatOf(format), sources, first, count, out.data(), requantize);
  }
  Matrix matrix = matrixOf(S::Q8_0, 16, 32);
  PackSource source = matrix.source();
};

TEST_F(PackingErrors, NameWhatIsWrong) {
  expectError(packed({}), {"no weights"});
  Matrix wide = matrixOf(S::Q8_0, 16, 64);
  expectError(packed({source, wide.source()}), {"'w'", "64 columns", "expected 32"});
  PackSource cut = source;
  cut.data = cut.data.drop_back(3);
  expectError(packed(cut), {"'w'", "541 bytes", "expected 544"});
  PackSource partial = source;
  partial.columns = 33;
  expectError(packed(partial), {"'w'", "33", "multiple of 32"});
  PackSource integers = source;
  integers.type = S::I8;
  expectError(packed(integers), {"'w'", "i8", "no weights"});
  PackSource negative = source;
  negative.storedRows = -16;
  expectError(packed(negative), {"'w'", "negative"});
  PackSource order = source;
  order.rowOrder = {3, 16};
  expectError(packed(order), {"'w'", "row 16", "place 1", "0 to 15"});
  order.rowOrder = {-1};
  expectError(packed(order), {"'w'", "row -1"});
  PackSource transposed = source;
  transposed.transposed = true;
  expectError(packed(transposed), {"'w'", "transposed", "q8_0"});
}

TEST_F(PackingErrors, FormatsThatDoNotFit) {
  expectError(packed(source, S::Q4_0), {"'w'", "q8_0", "cannot hold"});
  expectError(packed(source, S::Q4_0, S::Q4_1), {"q4_1", "packed format"});
  expectError(packed(source, S::Q4_K, S::Q4_K), {"q4_k", "packed format"});
}

TEST_F(PackingErrors, PanelsThatDoNotExist) {
  expectError(packed(source, S::Q8_0, {}, 1, 1), {"'w'", "1 panels"});
  expectError(packed(source, S::Q8_0, {}, 0, 2), {"'w'", "1 panels"});
  expectError(packed(source, S::Q8_0, {}, -1, 1), {"'w'", "1 panels"});
  expectError(packed(source, S::Q8_0, {}, INT64_MAX, 1), {"'w'", "1 panels"});
  EXPECT_FALSE(static_cast<bool>(packed(source, S::Q8_0, {}, 1, 0)));
}

TEST(PackSource, OfTensors) {
  Matrix matrix = matrixOf(S::Q4_1, 6, 32);
  TensorInfo tensor{"experts", {3, 2, 32}, S::Q4_1, matrix.bytes, "model.gguf"};
  auto source = valueOf(PackSource::of(tensor, 2));
  ASSERT_TRUE(source);
  EXPECT_EQ(source->rows(), 2);
  EXPECT_EQ(source->columns, 32);
  EXPECT_EQ(source->data.data(), matrix.bytes.data() + 4 * 20);
  EXPECT_EQ(source->data.size(), 40u);
  expectError(PackSource::of(tensor, 3), {"model.gguf", "'experts'", "[3, 2, 32]", "no matrix 3"});
  expectError(PackSource::of(tensor, -1), {"no matrix -1"});
  expectError(PackSource::ofTransposed(tensor), {"'experts'", "q4_1", "plain numbers"});
  tensor.shape = {192};
  expectError(PackSource::of(tensor), {"model.gguf", "'experts'", "[192]", "a matrix"});
  tensor.type = S::I32;
  tensor.shape = {5, 6};
  expectError(PackSource::of(tensor), {"'experts'", "i32", "no weights"});
}

TEST(PackSource, OfTransposedTensors) {
  Matrix matrix = matrixOf(S::F16, 5, 7);
  TensorInfo tensor{"conv", {5, 7}, S::F16, matrix.bytes, "model.safetensors"};
  auto source = valueOf(PackSource::ofTransposed(tensor));
  ASSERT_TRUE(source);
  EXPECT_EQ(source->rows(), 7);
  EXPECT_EQ(source->columns, 5);
  P format = packedFormatOf(S::F16);
  std::vector<float> values = unpacked(format, pack(format, *source), 7, 5), stored = matrix.values();
  for (int row = 0; row < 7; ++row)
    for (int column = 0; column < 5; ++column)
      EXPECT_EQ(values[row * 5 + column], stored[column * 7 + row]);
}

} // namespace
