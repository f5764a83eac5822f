// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the tests of the weight readers share: a folder of files that vanishes, files built in memory, checks
// of errors.

#ifndef ATTUNE_TEST_UNIT_WEIGHTFILES_H
#define ATTUNE_TEST_UNIT_WEIGHTFILES_H

#include "frontend/weights/WeightStore.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <gtest/gtest.h>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

namespace attune::test {

/// A folder for the files of one test.
class Folder {
public:
  Folder() { EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("attune weights", root)); }
  ~Folder() { llvm::sys::fs::remove_directories(root); }
  Folder(const Folder &) = delete;

  std::string path() const { return root.str().str(); }
  std::string path(llvm::StringRef name) const {
    llvm::SmallString<128> joined(root);
    llvm::sys::path::append(joined, name);
    return joined.str().str();
  }
  std::string write(llvm::StringRef name, llvm::StringRef content) const {
    std::error_code code;
    llvm::raw_fd_ostream stream(path(name), code);
    EXPECT_FALSE(code) << code.message();
    stream << content;
    return path(name);
  }

private:
  llvm::SmallString<128> root;
};

/// The bytes of a number, little endian.
template <typename T> std::string little(T value) {
  char bytes[sizeof(T)];
  llvm::support::endian::write<T, llvm::endianness::little>(bytes, value);
  return std::string(bytes, sizeof(T));
}

/// `count` bytes that differ from place to place.
inline std::string someBytes(size_t count, int seed = 1) {
  std::string bytes(count, '\0');
  for (size_t i = 0; i < count; ++i)
    bytes[i] = static_cast<char>(i * 7 + seed);
  return bytes;
}

inline std::string safetensors(llvm::StringRef header, llvm::StringRef data) {
  return little<uint64_t>(header.size()) + header.str() + data.str();
}

/// Builds GGUF files, right and wrong ones. Dimensions are innermost first, types GGML's numbers.
struct GgufBuilder {
  uint32_t version = 3;
  uint32_t alignment = 32;
  std::optional<uint64_t> tensorCount, entryCount; ///< What the file claims, if not the truth.
  std::string entries, tensors, data;
  uint64_t numEntries = 0, numTensors = 0;

  static std::string string(llvm::StringRef text) { return little<uint64_t>(text.size()) + text.str(); }

  GgufBuilder &entry(llvm::StringRef key, uint32_t type, llvm::StringRef value) {
    entries += string(key) + little(type) + value.str();
    ++numEntries;
    return *this;
  }
  GgufBuilder &list(llvm::StringRef key, uint32_t type, uint64_t count, llvm::StringRef values) {
    return entry(key, 9, little(type) + little(count) + values.str());
  }
  /// Describes a tensor; its data, if any, is added where the last one ended, aligned.
  GgufBuilder &tensor(llvm::StringRef name, const std::vector<uint64_t> &dimensions, uint32_t type,
                      llvm::StringRef bytes, std::optional<uint64_t> offset = std::nullopt) {
    data.resize((data.size() + alignment - 1) / alignment * alignment);
    tensors += string(name) + little<uint32_t>(dimensions.size());
    for (uint64_t size : dimensions)
      tensors += little(size);
    tensors += little(type) + little<uint64_t>(offset.value_or(data.size()));
    data += bytes;
    ++numTensors;
    return *this;
  }
  std::string build() const {
    std::string file = "GGUF" + little(version) + little(tensorCount.value_or(numTensors)) +
                       little(entryCount.value_or(numEntries)) + entries + tensors;
    file.resize((file.size() + alignment - 1) / alignment * alignment);
    return file + data;
  }
};

/// Checks that there is an error that holds all of the texts.
inline void expectError(llvm::Error error, std::initializer_list<llvm::StringRef> texts) {
  ASSERT_TRUE(static_cast<bool>(error)) << "no error, expected one with " << texts.begin()->str();
  std::string message = llvm::toString(std::move(error));
  for (llvm::StringRef text : texts)
    EXPECT_NE(message.find(text.str()), std::string::npos) << "no '" << text.str() << "' in: " << message;
}

template <typename T>
void expectError(llvm::Expected<T> value, std::initializer_list<llvm::StringRef> texts) {
  expectError(value.takeError(), texts);
}

/// The value, or a failure of the test and nothing.
template <typename T> std::optional<T> valueOf(llvm::Expected<T> value) {
  if (value)
    return std::move(*value);
  ADD_FAILURE() << llvm::toString(value.takeError());
  return std::nullopt;
}

inline std::string bytesOf(const TensorInfo *tensor) {
  return tensor ? std::string(tensor->data.begin(), tensor->data.end()) : "no such tensor";
}

} // namespace attune::test

#endif
