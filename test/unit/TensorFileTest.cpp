// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ErrorText.h"
#include "runtime/safetensors/Safetensors.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

using namespace attune;
using namespace attune::test;
namespace fs = std::filesystem;

namespace {

class TensorFileTest : public testing::Test {
protected:
  void SetUp() override {
    char name[] = "/tmp/attune test ü'\"-XXXXXX"; // what paths may hold
    folder = mkdtemp(name);
    path = folder + "/file.safetensors";
  }
  void TearDown() override {
    fs::permissions(folder, fs::perms::owner_all);
    fs::remove_all(folder);
  }

  void writeRaw(uint64_t length, const std::string &header, size_t dataBytes) {
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char *>(&length), 8);
    file << header << std::string(dataBytes, 'x');
  }
  void writeHeader(const std::string &header, size_t dataBytes) {
    writeRaw(header.size(), header, dataBytes);
  }

  std::string error() {
    return errorOf([&] { SafetensorsFile file(path); });
  }
  void expectError(const std::string &part) {
    std::string text = error();
    EXPECT_NE(text.find(part), std::string::npos) << text;
    EXPECT_NE(text.find(path), std::string::npos) << text;
  }

  std::string folder, path;
};

TEST_F(TensorFileTest, RoundTrip) {
  std::vector<float> a = {1.5f, -2.f, 3.f, 4.f, 5.f, 6.f};
  std::vector<int64_t> b = {7};
  std::vector<NamedTensor> tensors = {{"logits \"quoted\" ü", "F32", {2, 3}, std::as_bytes(std::span(a))},
                                      {"empty", "F16", {0, 4}, {}},
                                      {"ids", "I64", {1}, std::as_bytes(std::span(b))},
                                      {"scalar", "F32", {}, std::as_bytes(std::span(a).first(1))}};
  writeSafetensors(path, tensors);
  SafetensorsFile file(path);
  ASSERT_EQ(file.tensors().size(), 4u);
  for (const NamedTensor &expected : tensors) {
    const NamedTensor *got = file.find(expected.name);
    ASSERT_TRUE(got) << expected.name;
    EXPECT_EQ(got->type, expected.type);
    EXPECT_EQ(got->shape, expected.shape);
    EXPECT_TRUE(std::ranges::equal(got->bytes, expected.bytes));
  }
  EXPECT_EQ(file.find("none"), nullptr);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()),
            1); // nothing else is left
}

TEST_F(TensorFileTest, HeaderLengths) {
  std::ofstream(path) << "short";
  expectError("5 bytes are too few");
  writeRaw(0, "{}", 0);
  expectError("a header of 0 bytes");
  writeRaw(UINT64_MAX, "{}", 0);
  expectError("a header of 18446744073709551615 bytes, expected 2 to 2");
  writeRaw(3, "{}", 0);
  expectError("a header of 3 bytes");
  writeRaw(100'000'001, "{}", 0);
  expectError("a header of 100000001 bytes");
  writeRaw(2, "{}", 0);
  EXPECT_EQ(error(), "no error");
}

TEST_F(TensorFileTest, HeaderTexts) {
  for (const char *header : {"xx", "[]", "{\"a\":", "null", "{\"a\":1", "\"\\ud800\""}) {
    writeHeader(header, 0);
    expectError("not a JSON object");
  }
  writeHeader(std::string(5000, '['), 0);
  expectError("not a JSON object");
  writeHeader("{\"a\":1}", 0);
  expectError("tensor 'a'");
  writeHeader(R"({"__metadata__":{"format":"pt"}})", 0);
  EXPECT_EQ(error(), "no error");
}

TEST_F(TensorFileTest, BadTensorsAreNamed) {
  auto tensor = [&](const char *type, const char *shape, const char *offsets) {
    writeHeader(std::string("{\"w\":{\"dtype\":") + type + ",\"shape\":" + shape +
                    ",\"data_offsets\":" + offsets + "}}",
                8);
    expectError("tensor 'w'");
  };
  tensor("\"F99\"", "[2]", "[0,8]");
  tensor("7", "[2]", "[0,8]");
  tensor("\"F32\"", "2", "[0,8]");
  tensor("\"F32\"", "[-2]", "[0,8]");
  tensor("\"F32\"", "[2.5]", "[0,8]");
  tensor("\"F32\"", "[2]", "[0]");
  tensor("\"F32\"", "[2]", "[0,4,8]");
  tensor("\"F32\"", "[2]", "[8,0]");
  tensor("\"F32\"", "[2]", "[-8,0]");
  tensor("\"F32\"", "[2]", "[0,16]");
  tensor("\"F32\"", "[2]", "[4,12]");
  tensor("\"F32\"", "[2]", "[0,18446744073709551615]");
  tensor("\"F32\"", "[1]", "[0,8]");
  tensor("\"F32\"", "[3]", "[0,8]");
  tensor("\"F32\"", "[9223372036854775807,2]", "[0,8]");
  tensor("\"F32\"", "[4294967296,4294967296]", "[0,8]");
  tensor("\"F32\"", "[1]", "[4,8]"); // a hole before it
  writeHeader(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 8);
  expectError("8 bytes of data, but its tensors have 4");
  writeHeader(
      R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
      8);
  expectError("its data begins at 4, expected 8");
  writeHeader(
      R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
      8);
  expectError("occurs twice");
}

TEST_F(TensorFileTest, AnyCutIsAnError) {
  std::vector<float> a(5);
  std::vector<NamedTensor> tensors = {{"a", "F32", {5}, std::as_bytes(std::span(a))}};
  writeSafetensors(path, tensors);
  auto size = fs::file_size(path);
  for (uintmax_t cut = 0; cut < size; ++cut) {
    fs::resize_file(path, cut);
    EXPECT_NE(error(), "no error") << cut;
    fs::resize_file(path, 0);
    writeSafetensors(path, tensors);
  }
}

TEST_F(TensorFileTest, RandomDamageStaysInBounds) {
  std::vector<float> a(6);
  std::vector<int64_t> b(2);
  std::vector<NamedTensor> tensors = {{"a", "F32", {2, 3}, std::as_bytes(std::span(a))},
                                      {"b", "I64", {2}, std::as_bytes(std::span(b))}};
  writeSafetensors(path, tensors);
  std::ifstream file(path, std::ios::binary);
  const std::string good((std::istreambuf_iterator<char>(file)), {});
  uint32_t random = 3;
  auto next = [&] { return random = random * 1664525 + 1013904223; };
  for (int i = 0; i < 2000; ++i) {
    std::string damaged = good;
    for (uint32_t flips = 1 + (next() >> 30); flips-- > 0;)
      damaged[(next() >> 8) % damaged.size()] = "0123456789[]{}\",:- "[(next() >> 24) % 20];
    std::ofstream(path, std::ios::binary) << damaged;
    try {
      SafetensorsFile read(path);
      size_t bytes = 0;
      for (const NamedTensor &tensor : read.tensors())
        for (std::byte byte : tensor.bytes) // reading all of it must be safe
          bytes += byte <= std::byte(255);
      EXPECT_LE(bytes, damaged.size());
    } catch (const Error &error) {
      EXPECT_NE(std::string(error.what()).find(path), std::string::npos);
    }
  }
}

TEST_F(TensorFileTest, WritingFailsCleanly) {
  std::vector<float> a(100000);
  std::vector<NamedTensor> tensors = {{"a", "F32", {100000}, std::as_bytes(std::span(a))}};
  EXPECT_NE(errorOf([&] { writeSafetensors(folder + "/none/file", tensors); }).find("No such file"),
            std::string::npos);
  EXPECT_NE(errorOf([&] { writeSafetensors(folder, tensors); }), "no error");
  // A device that is full: an error, and the device stays.
  EXPECT_NE(errorOf([&] { writeSafetensors("/dev/full", tensors); }).find("No space left"),
            std::string::npos);
  EXPECT_TRUE(fs::is_character_file("/dev/full"));
  EXPECT_EQ(errorOf([&] { SafetensorsFile file(folder); }), "'" + folder + "' is not a regular file");
  EXPECT_NE(errorOf([&] { SafetensorsFile file(folder + "/none"); }).find("cannot open"), std::string::npos);
}

} // namespace
