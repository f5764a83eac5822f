// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The recorded numbers of data/make_block_fixture.py.

#ifndef ATTUNE_TEST_UNIT_BLOCKFIXTURE_H
#define ATTUNE_TEST_UNIT_BLOCKFIXTURE_H

#include "frontend/weights/Safetensors.h"
#include <cstring>
#include <gtest/gtest.h>

namespace attune::test {

/// Each test of a weight type; see INSTANTIATE_TEST_SUITE_P.
class BlockFixture : public testing::TestWithParam<StorageType> {
protected:
  void SetUp() override {
    llvm::Expected<WeightStore> opened =
        openSafetensors(ATTUNE_TEST_DATA "/unit/data/block_fixture.safetensors");
    if (!opened)
      GTEST_FAIL() << llvm::toString(opened.takeError());
    store = std::move(*opened);
  }

  /// "q4_1.blocks" and the like, empty if the fixture has none.
  std::vector<uint8_t> bytes(llvm::StringRef type, llvm::StringRef what) {
    const TensorInfo *tensor = store.find((type + "." + what).str());
    return tensor ? std::vector<uint8_t>(tensor->data.begin(), tensor->data.end()) : std::vector<uint8_t>();
  }
  std::vector<float> floats(llvm::StringRef type, llvm::StringRef what) {
    std::vector<uint8_t> raw = bytes(type, what);
    std::vector<float> values(raw.size() / sizeof(float));
    std::memcpy(values.data(), raw.data(), raw.size());
    return values;
  }

  WeightStore store;
};

/// The bit patterns: what is to be equal is so to the last bit, the sign of a zero included.
inline std::vector<uint32_t> bitsOf(const std::vector<float> &values) {
  std::vector<uint32_t> bits(values.size());
  std::memcpy(bits.data(), values.data(), values.size() * sizeof(float));
  return bits;
}

inline std::string nameOf(const testing::TestParamInfo<StorageType> &info) {
  return storageTypeName(info.param).str();
}

} // namespace attune::test

#endif
