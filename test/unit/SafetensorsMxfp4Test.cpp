// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Matrices in MXFP4 of safetensors: two tensors that are one.

#include "WeightFiles.h"
#include "frontend/weights/Packing.h"
#include "frontend/weights/Safetensors.h"
#include <cmath>
#include <cstring>

using namespace attune;
using namespace attune::test;

namespace {

constexpr int matrices = 2, rows = 18, blocks = 3, columns = 32 * blocks;
constexpr int blockBytes = matrices * rows * blocks * 16, scaleBytes = matrices * rows * blocks;

std::string entry(llvm::StringRef name, llvm::StringRef type, llvm::StringRef shape, int begin, int end) {
  return ("\"" + name + R"(": {"dtype": ")" + type + R"(", "shape": )" + shape + R"(, "data_offsets": [)" +
          llvm::Twine(begin) + ", " + llvm::Twine(end) + "]}")
      .str();
}

std::string blocksEntry() { return entry("w_blocks", "U8", "[2, 18, 3, 16]", 0, blockBytes); }

/// A file of both, whose data are codes of all kinds and exponents of -7 to 8.
std::string goodFile() {
  std::string data = someBytes(blockBytes, 3);
  for (int i = 0; i < scaleBytes; ++i)
    data += static_cast<char>(120 + i * 7 % 16);
  return safetensors("{" + blocksEntry() + ", " +
                         entry("w_scales", "U8", "[2, 18, 3]", blockBytes, blockBytes + scaleBytes) + "}",
                     data);
}

llvm::Expected<WeightStore> open(const Folder &folder, llvm::StringRef bytes) {
  return openSafetensors(folder.write("model.safetensors", bytes));
}

/// Element `column` of row `row` by the definition of the format: e2m1 times a power of two.
float valueOf(const std::string &file, int matrix, int row, int column) {
  constexpr float magnitudes[] = {0, 0.5, 1, 1.5, 2, 3, 4, 6};
  size_t data = file.size() - blockBytes - scaleBytes;
  int block = (matrix * rows + row) * blocks + column / 32;
  int byte = static_cast<uint8_t>(file[data + block * 16 + column % 32 / 2]);
  int code = column % 2 ? byte >> 4 : byte & 15;
  int exponent = static_cast<uint8_t>(file[data + blockBytes + block]) - 127;
  return std::ldexp(code & 8 ? -magnitudes[code & 7] : magnitudes[code & 7], exponent);
}

TEST(SafetensorsMxfp4, IsOneTensorWhoseValuesAreExact) {
  Folder folder;
  std::string file = goodFile();
  auto store = test::valueOf(open(folder, file));
  ASSERT_TRUE(store);
  ASSERT_EQ(store->tensors().size(), 1u);
  const TensorInfo *tensor = store->find("w");
  ASSERT_TRUE(tensor);
  EXPECT_EQ(tensor->type, StorageType::MXFP4);
  EXPECT_EQ(tensor->shape, (llvm::SmallVector<int64_t, 4>{matrices, rows, columns}));
  // As they are, and stored anew.
  for (StorageType type : {StorageType::MXFP4, StorageType::F32})
    for (int matrix = 0; matrix < matrices; ++matrix) {
      auto source = test::valueOf(PackSource::of(*tensor, matrix));
      ASSERT_TRUE(source);
      for (int row = rows - 1; row >= 0; --row) // in another order than the file's
        source->rowOrder.push_back(row);
      PackedFormat format = packedFormatOf(type);
      std::vector<uint8_t> packed(format.bytes(rows, columns));
      ASSERT_FALSE(packPanels(format, {*source}, 0, PackedFormat::panels(rows), packed.data()));
      std::vector<float> values(rows * columns);
      unpack(format, packed.data(), rows, columns, values.data());
      for (int row = 0; row < rows; ++row)
        for (int column = 0; column < columns; ++column)
          ASSERT_EQ(values[row * columns + column], valueOf(file, matrix, rows - 1 - row, column))
              << matrix << " " << row << " " << column;
    }
}

TEST(SafetensorsMxfp4, ShardsMayHoldOneOfTheTwoEach) {
  Folder folder;
  folder.write("model-1.safetensors", safetensors("{" + blocksEntry() + "}", someBytes(blockBytes)));
  folder.write(
      "model-2.safetensors",
      safetensors("{" + entry("w_scales", "U8", "[2, 18, 3]", 0, scaleBytes) + "}", someBytes(scaleBytes)));
  folder.write("model.safetensors.index.json",
               R"({"weight_map": {"w_blocks": "model-1.safetensors", "w_scales": "model-2.safetensors"}})");
  auto store = test::valueOf(openSafetensors(folder.path()));
  ASSERT_TRUE(store && store->find("w"));
  EXPECT_EQ(store->find("w")->scales.size(), static_cast<size_t>(scaleBytes));
  EXPECT_FALSE(store->find("w_blocks") || store->find("w_scales"));
}

TEST(SafetensorsMxfp4, HalvesThatDoNotFitAreErrors) {
  Folder folder;
  auto with = [&](llvm::StringRef scales) {
    return open(folder, safetensors("{" + blocksEntry() + (scales.empty() ? "" : ", " + scales.str()) + "}",
                                    std::string(blockBytes + (scales.empty() ? 0 : scaleBytes), 'a')));
  };
  expectError(with(""),
              {"model.safetensors: tensor 'w_blocks' holds blocks of MXFP4, but tensor 'w_scales' is "
               "missing; expected it as u8 [2, 18, 3]"});
  for (auto [type, shape] : {std::pair("U8", "[2, 3, 18]"), {"I8", "[2, 18, 3]"}, {"U8", "[108]"}})
    expectError(with(entry("w_scales", type, shape, blockBytes, blockBytes + scaleBytes)),
                {"tensor 'w_scales' is ", llvm::StringRef(shape),
                 "expected u8 [2, 18, 3]: a scale for each block of tensor 'w_blocks'"});
  expectError(
      open(folder,
           safetensors("{" + blocksEntry() + ", " +
                           entry("w_scales", "U8", "[2, 18, 3]", blockBytes, blockBytes + scaleBytes) + ", " +
                           entry("w", "U8", "[1]", blockBytes + scaleBytes, blockBytes + scaleBytes + 1) +
                           "}",
                       std::string(blockBytes + scaleBytes + 1, 'a'))),
      {"tensor 'w' exists twice"});
}

TEST(SafetensorsMxfp4, OtherTensorsOfThatNameStay) {
  Folder folder;
  auto store = test::valueOf(
      open(folder, safetensors("{" + entry("w_blocks", "U8", "[2, 16]", 0, 32) + "}", someBytes(32))));
  ASSERT_TRUE(store);
  EXPECT_TRUE(store->find("w_blocks"));
}

} // namespace
