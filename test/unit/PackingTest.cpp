// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/weights/Packing.h"
#include "BlockFixture.h"
#include "PackMatrix.h"
#include "WeightFiles.h"
#include <cmath>

using namespace attune;
using namespace attune::test;

namespace {

using S = StorageType;
using P = PackedFormat;

constexpr S weightTypes[] = {S::F32,  S::F16,  S::BF16, S::Q4_0, S::Q4_1, S::Q5_0,   S::Q5_1, S::Q8_0,
                             S::Q2_K, S::Q3_K, S::Q4_K, S::Q5_K, S::Q6_K, S::IQ4_NL, S::MXFP4};

//===----------------------------------------------------------------------===//
// The layout, byte by byte
//===----------------------------------------------------------------------===//

TEST(PackedFormat, Sizes) {
  P dense = packedFormatOf(S::F32);
  EXPECT_EQ(dense.panelBytes(5), 5 * 16 * 4);
  EXPECT_EQ(dense.bytes(17, 5), 2 * 5 * 16 * 4);
  EXPECT_EQ(packedFormatOf(S::BF16).panelBytes(5), 5 * 16 * 2);
  P q4_1 = packedFormatOf(S::Q4_1);
  EXPECT_EQ(q4_1.blockBytes(), 320);
  EXPECT_EQ(q4_1.panelBytes(33), 640);
  EXPECT_EQ(packedFormatOf(S::Q4_0).blockBytes(), 288);
  EXPECT_EQ(packedFormatOf(S::Q8_0).blockBytes(), 32 + 512);
  EXPECT_EQ(packedFormatOf(S::Q6_K).blockBytes(), 2 * 64 + 512);
  EXPECT_EQ(packedFormatOf(S::Q2_K).blockBytes(), 2 * 2 * 64 + 256);
  P rows = packedFormatOf(S::INT8);
  EXPECT_EQ(rows.blockBytes(), 512);
  EXPECT_EQ(rows.codesOffset(), 64);
  EXPECT_EQ(rows.panelBytes(33), 64 + 2 * 512);
}

TEST(PackedFormat, EveryWeightTypeHasOne) {
  for (int i = 0; i < numStorageTypes; ++i) {
    S type = static_cast<S>(i);
    EXPECT_EQ(packedFormatNamed(storageTypeName(type).str()).has_value(),
              isWeightType(type) || canQuantizeTo(type))
        << storageTypeName(type).str();
  }
}

TEST(Packing, DensePanelsHoldColumnAfterColumn) {
  Matrix matrix = matrixOf(S::F32, 18, 3);
  std::vector<uint8_t> packed = pack(packedFormatOf(S::F32), matrix.source());
  std::vector<float> values = matrix.values();
  for (int row = 0; row < 32; ++row)
    for (int column = 0; column < 3; ++column) {
      float found;
      std::memcpy(&found, &packed[((row / 16 * 3 + column) * 16 + row % 16) * 4], 4);
      EXPECT_EQ(found, row < 18 ? values[row * 3 + column] : 0.0f);
    }
}

TEST(Packing, NibblesStandWhereKernelsReadThem) {
  // One block per row: scale row + 1, minimum -row, code of column c: (c + row) mod 16.
  Matrix matrix{S::Q4_1, 16, 64, std::vector<uint8_t>(16 * 2 * 20)};
  for (int row = 0; row < 16; ++row)
    for (int block = 0; block < 2; ++block) {
      std::string bytes = little<uint16_t>(llvm::bit_cast<uint16_t>(static_cast<_Float16>(row + 1)));
      bytes += little<uint16_t>(llvm::bit_cast<uint16_t>(static_cast<_Float16>(-row - block)));
      for (int i = 0; i < 16; ++i)
        bytes += static_cast<char>((i + row + block) % 16 | ((i + 16 + 3 * row) % 16) << 4);
      std::memcpy(&matrix.bytes[(row * 2 + block) * 20], bytes.data(), 20);
    }
  std::vector<uint8_t> packed = pack(packedFormatOf(S::Q4_1), matrix.source());
  ASSERT_EQ(packed.size(), 640u);
  for (int block = 0; block < 2; ++block)
    for (int row = 0; row < 16; ++row) {
      const uint8_t *at = &packed[block * 320];
      auto half = [&](int offset) {
        return static_cast<float>(llvm::bit_cast<_Float16>(llvm::support::endian::read16le(at + offset)));
      };
      EXPECT_EQ(half(row * 2), row + 1);
      EXPECT_EQ(half(32 + row * 2), -row - block);
      for (int g = 0; g < 4; ++g)
        for (int j = 0; j < 4; ++j) {
          uint8_t byte = at[64 + g * 64 + row * 4 + j];
          EXPECT_EQ(byte & 15, (4 * g + j + row + block) % 16);
          EXPECT_EQ(byte >> 4, (16 + 4 * g + j + 3 * row) % 16);
        }
    }
}

TEST(Packing, BytesStandWhereKernelsReadThem) {
  Matrix matrix{S::Q8_0, 16, 32, {}};
  for (int row = 0; row < 16; ++row) {
    matrix.bytes.insert(matrix.bytes.end(), {static_cast<uint8_t>(row), 0x3c});
    for (int column = 0; column < 32; ++column)
      matrix.bytes.push_back(static_cast<uint8_t>(column * 5 - 7 * row));
  }
  std::vector<uint8_t> packed = pack(packedFormatOf(S::Q8_0), matrix.source());
  for (int row = 0; row < 16; ++row) {
    EXPECT_EQ(packed[row * 2], row);
    for (int column = 0; column < 32; ++column)
      EXPECT_EQ(packed[32 + column / 4 * 64 + row * 4 + column % 4],
                static_cast<uint8_t>(column * 5 - 7 * row));
  }
}

//===----------------------------------------------------------------------===//
// Every type keeps its values
//===----------------------------------------------------------------------===//

class PackEveryType : public BlockFixture {
protected:
  /// The recorded blocks as a matrix of whole blocks, an odd number of rows if there are enough.
  Matrix recordedMatrix() {
    S type = GetParam();
    std::vector<uint8_t> blocks = bytes(storageTypeName(type), "blocks");
    if (type == S::F32) {
      std::vector<float> values = someValues(7 * 37, 3);
      blocks.resize(values.size() * 4);
      std::memcpy(blocks.data(), values.data(), blocks.size());
    }
    int64_t columns = isBlockQuantized(type) ? blockSize(type) : 37;
    int64_t rows = blocks.size() / storageBytes(type, columns);
    blocks.resize(storageBytes(type, rows * columns));
    return {type, rows, columns, std::move(blocks)};
  }

  static void expectEqual(const std::vector<float> &found, const std::vector<float> &expected) {
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i)
      ASSERT_TRUE(found[i] == expected[i] || (std::isnan(found[i]) && std::isnan(expected[i])))
          << "element " << i << ": " << found[i] << ", expected " << expected[i];
  }
};

TEST_P(PackEveryType, ExactlyInItsOwnFormat) {
  Matrix matrix = recordedMatrix();
  P format = packedFormatOf(GetParam());
  expectEqual(unpacked(format, pack(format, matrix.source()), matrix.rows, matrix.columns), matrix.values());
}

TEST_P(PackEveryType, ExactlyInEveryFormatThatHoldsIt) {
  Matrix matrix = recordedMatrix();
  for (S other : weightTypes) {
    P format = commonFormat({GetParam(), other});
    ASSERT_TRUE(holdsExactly(format, GetParam()) && holdsExactly(format, other))
        << storageTypeName(other).str();
    SCOPED_TRACE(storageTypeName(other).str());
    expectEqual(unpacked(format, pack(format, matrix.source()), matrix.rows, matrix.columns),
                matrix.values());
  }
}

INSTANTIATE_TEST_SUITE_P(All, PackEveryType, testing::ValuesIn(weightTypes), nameOf);

TEST(CommonFormat, IsTheSmallestThatHoldsAll) {
  EXPECT_EQ(commonFormat({S::Q4_K, S::Q4_K}), packedFormatOf(S::Q4_K));
  EXPECT_EQ(commonFormat({S::Q5_0, S::Q8_0, S::IQ4_NL}), packedFormatOf(S::Q8_0));
  EXPECT_EQ(commonFormat({S::Q4_K, S::Q6_K}), (P{P::I8, 16, P::ScaleF32, true, 0}));
  EXPECT_EQ(commonFormat({S::Q4_1, S::Q4_K}), packedFormatOf(S::Q4_K));
  EXPECT_EQ(commonFormat({S::Q4_0, S::Q4_1}), (P{P::I8, 32, P::ScaleF16, true, 0}));
  EXPECT_EQ(commonFormat({S::F16, S::F16}), packedFormatOf(S::F16));
  EXPECT_EQ(commonFormat({S::F16, S::BF16}), packedFormatOf(S::F32));
  EXPECT_EQ(commonFormat({S::Q8_0, S::F16}), packedFormatOf(S::F32));
  EXPECT_EQ(commonFormat({S::Q8_0, S::INT8}), packedFormatOf(S::F32));
}

TEST(HoldsExactly, SaysNoWhereValuesWouldChange) {
  EXPECT_FALSE(holdsExactly(packedFormatOf(S::INT8), S::Q8_0)); // scales of blocks
  EXPECT_FALSE(holdsExactly(packedFormatOf(S::Q8_0), S::INT8)); // a scale of a row
  EXPECT_FALSE(holdsExactly(packedFormatOf(S::Q4_0), S::Q4_1));
  EXPECT_FALSE(holdsExactly(packedFormatOf(S::Q4_1), S::Q4_0));  // other offset of the codes
  EXPECT_FALSE(holdsExactly(packedFormatOf(S::Q8_0), S::MXFP4)); // f16 scales
  EXPECT_FALSE(holdsExactly(packedFormatOf(S::Q4_K), S::Q2_K));  // groups of 16
  EXPECT_FALSE(holdsExactly(packedFormatOf(S::F16), S::F32));
  EXPECT_FALSE(holdsExactly(packedFormatOf(S::F16), S::BF16));
  EXPECT_FALSE(holdsExactly(packedFormatOf(S::Q8_0), S::F32));
  EXPECT_FALSE(holdsExactly(packedFormatOf(S::F32), S::I32));
}

//===----------------------------------------------------------------------===//
// Shapes, stacks, pieces
//===----------------------------------------------------------------------===//

TEST(Packing, OddShapes) {
  for (int64_t rows : {1, 15, 16, 17, 33})
    for (int64_t columns : {1, 2, 31, 33}) {
      Matrix matrix = matrixOf(S::F16, rows, columns);
      P format = packedFormatOf(S::F16);
      EXPECT_EQ(unpacked(format, pack(format, matrix.source()), rows, columns), matrix.values());
    }
  for (int64_t rows : {1, 15, 17, 33})
    for (int64_t columns : {32, 96}) {
      Matrix matrix = matrixOf(S::Q4_0, rows, columns);
      P format = packedFormatOf(S::Q4_0);
      EXPECT_EQ(unpacked(format, pack(format, matrix.source()), rows, columns), matrix.values());
    }
}

TEST(Packing, PaddingRowsAreZero) {
  for (S type : {S::F16, S::BF16, S::Q4_0, S::Q4_1, S::Q5_1, S::Q8_0}) {
    Matrix matrix = matrixOf(type, 3, 64);
    P format = packedFormatOf(type);
    std::vector<float> values = unpacked(format, pack(format, matrix.source()), 16, 64);
    for (size_t i = 3 * 64; i < values.size(); ++i)
      ASSERT_EQ(values[i], 0.0f);
  }
}

TEST(Packing, StacksSourcesAcrossPanels) {
  // 20 + 9 + 9 rows: the first two panels hold rows of two sources each; types differ, too.
  Matrix query = matrixOf(S::Q4_1, 20, 64, 1), key = matrixOf(S::Q8_0, 9, 64, 2),
         value = matrixOf(S::Q5_1, 9, 64, 3);
  P format = commonFormat({S::Q4_1, S::Q8_0, S::Q5_1});
  std::vector<float> expected;
  for (const Matrix *matrix : {&query, &key, &value}) {
    std::vector<float> values = matrix->values();
    expected.insert(expected.end(), values.begin(), values.end());
  }
  EXPECT_EQ(unpacked(format, pack(format, {query.source(), key.source(), value.source()}), 38, 64), expected);
}

TEST(Packing, PiecesEqualTheWhole) {
  Matrix first = matrixOf(S::Q4_1, 50, 64, 1), second = matrixOf(S::Q4_1, 23, 64, 2);
  std::vector<PackSource> sources = {first.source(), second.source()};
  P format = packedFormatOf(S::Q4_1);
  std::vector<uint8_t> whole = pack(format, sources), pieces(whole.size());
  for (int64_t panel = 0; panel < P::panels(73); ++panel)
    ASSERT_FALSE(static_cast<bool>(
        packPanels(format, sources, panel, 1, pieces.data() + panel * format.panelBytes(64))));
  EXPECT_EQ(pieces, whole);
}

TEST(Packing, RowOrder) {
  Matrix matrix = matrixOf(S::Q8_0, 40, 32);
  PackSource source = matrix.source();
  source.rowOrder = {39, 0, 0, 7};
  std::vector<float> all = matrix.values(), expected;
  for (int64_t row : source.rowOrder)
    expected.insert(expected.end(), all.begin() + row * 32, all.begin() + (row + 1) * 32);
  P format = packedFormatOf(S::Q8_0);
  EXPECT_EQ(unpacked(format, pack(format, source), 4, 32), expected);
}

TEST(Packing, HalfSplitRowOrderUndoesInterleaving) {
  EXPECT_EQ(halfSplitRowOrder(2, 6), (std::vector<int64_t>{0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11}));
}

TEST(Packing, TransposedSource) {
  Matrix stored = matrixOf(S::BF16, 37, 19); // 37 inputs, 19 outputs
  PackSource source{"w", S::BF16, stored.bytes, 19, 37, {}, true};
  std::vector<float> values = stored.values(), expected(19 * 37);
  for (int row = 0; row < 19; ++row)
    for (int column = 0; column < 37; ++column)
      expected[row * 37 + column] = values[column * 19 + row];
  for (S type : {S::BF16, S::F32}) {
    P format = packedFormatOf(type);
    EXPECT_EQ(unpacked(format, pack(format, source), 19, 37), expected);
  }
  source.rowOrder = {18, 3};
  P format = packedFormatOf(S::BF16);
  EXPECT_EQ(unpacked(format, pack(format, source), 2, 37), [&] {
    std::vector<float> rows(expected.begin() + 18 * 37, expected.end());
    rows.insert(rows.end(), expected.begin() + 3 * 37, expected.begin() + 4 * 37);
    return rows;
  }());
}

} // namespace
