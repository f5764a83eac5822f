// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/weights/Gguf.h"
#include "WeightFiles.h"
#include <cmath>

using namespace attune;
using namespace attune::test;

namespace {

// GGML's numbers of metadata and tensor types.
enum : uint32_t { U8, I8, U16, I16, U32, I32, F32, Bool, String, Array, U64, I64, F64 };
enum : uint32_t { TypeF32 = 0, TypeF16 = 1, TypeQ4_1 = 3, TypeQ4_K = 12, TypeIQ2_XXS = 16, TypeI32 = 26 };

llvm::Expected<GgufModel> openBytes(const Folder &folder, llvm::StringRef bytes) {
  return openGguf(folder.write("model.gguf", bytes));
}

std::string string(llvm::StringRef text) { return GgufBuilder::string(text); }

TEST(Gguf, ReadsTensors) {
  for (uint32_t version : {2, 3}) {
    Folder folder;
    GgufBuilder file;
    file.version = version;
    file.entry("general.architecture", String, string("llama"))
        .tensor("blk.0.attn_q.weight", {64, 3}, TypeQ4_1, someBytes(120))
        .tensor("norm", {5}, TypeF32, someBytes(20, 3))
        .tensor("stack", {2, 3, 4, 5}, TypeF16, someBytes(240, 4))
        .tensor("ids", {3}, TypeI32, someBytes(12, 9));
    auto model = valueOf(openBytes(folder, file.build()));
    ASSERT_TRUE(model);
    EXPECT_EQ(model->weights.tensors().size(), 4u);
    const TensorInfo *query = model->weights.find("blk.0.attn_q.weight");
    ASSERT_TRUE(query);
    EXPECT_EQ(query->shape, (llvm::SmallVector<int64_t, 4>{3, 64}));
    EXPECT_EQ(query->type, StorageType::Q4_1);
    EXPECT_EQ(bytesOf(query), someBytes(120));
    EXPECT_EQ(bytesOf(model->weights.find("norm")), someBytes(20, 3));
    EXPECT_EQ(model->weights.find("stack")->shape, (llvm::SmallVector<int64_t, 4>{5, 4, 3, 2}));
    EXPECT_EQ(bytesOf(model->weights.find("stack")), someBytes(240, 4));
    EXPECT_EQ(model->weights.find("ids")->type, StorageType::I32);
  }
}

TEST(Gguf, HonoursTheAlignment) {
  Folder folder;
  GgufBuilder file;
  file.alignment = 128;
  file.entry("general.alignment", U32, little<uint32_t>(128))
      .tensor("a", {1}, TypeF32, "abcd")
      .tensor("b", {1}, TypeF32, "efgh");
  auto model = valueOf(openBytes(folder, file.build()));
  ASSERT_TRUE(model);
  EXPECT_EQ(bytesOf(model->weights.find("b")), "efgh");
}

TEST(Gguf, AFileOfMetadataAlone) {
  Folder folder;
  std::string bytes = GgufBuilder().entry("k", U8, "\x05").build();
  bytes.resize(4 + 4 + 8 + 8 + 9 + 4 + 1); // without the padding that would come before data
  auto model = valueOf(openBytes(folder, bytes));
  ASSERT_TRUE(model);
  EXPECT_TRUE(model->weights.tensors().empty());
  EXPECT_EQ(valueOf(model->metadata.getInt("k")), 5);
}

//===----------------------------------------------------------------------===//
// Metadata
//===----------------------------------------------------------------------===//

struct Metadata : testing::Test {
  void SetUp() override {
    GgufBuilder file;
    file.entry("u8", U8, little<uint8_t>(200))
        .entry("i8", I8, little<int8_t>(-100))
        .entry("u16", U16, little<uint16_t>(60000));
    file.entry("i16", I16, little<int16_t>(-30000))
        .entry("u32", U32, little<uint32_t>(4000000000))
        .entry("i32", I32, little<int32_t>(-2000000000));
    file.entry("u64", U64, little<uint64_t>(1ull << 62)).entry("i64", I64, little<int64_t>(INT64_MIN));
    file.entry("too large", U64, little<uint64_t>(1ull << 63));
    file.entry("f32", F32, little<float>(1e-5f))
        .entry("f64", F64, little<double>(1e-5))
        .entry("inf", F32, little<float>(INFINITY));
    file.entry("yes", Bool, "\x01").entry("no", Bool, llvm::StringRef("\0", 1)).entry("maybe", Bool, "\x02");
    file.entry("text", String, string("gr\xc3\xbc\xc3\x9f")).entry("empty", String, string(""));
    file.list("tokens", String, 3, string("a") + string("") + string("\xff raw bytes"));
    file.list("merges", String, 0, "");
    file.list("ints", I16, 3, little<int16_t>(1) + little<int16_t>(-2) + little<int16_t>(3));
    file.list("big ints", U64, 2, little<uint64_t>(1) + little<uint64_t>(~0ull));
    file.list("floats", F32, 2, little<float>(0.5f) + little<float>(-1.25f));
    file.list("doubles", F64, 1, little<double>(0.1));
    file.list("bools", Bool, 3, llvm::StringRef("\x01\x00\x01", 3)).list("bad bools", Bool, 2, "\x01\x07");
    auto opened = valueOf(openBytes(folder, file.build()));
    ASSERT_TRUE(opened);
    model.emplace(std::move(*opened));
  }

  const GgufMetadata &metadata() { return model->metadata; }

  Folder folder;
  std::optional<GgufModel> model;
};

TEST_F(Metadata, IntegersOfEveryWidth) {
  for (auto [key, value] : {std::pair<const char *, int64_t>("u8", 200),
                            {"i8", -100},
                            {"u16", 60000},
                            {"i16", -30000},
                            {"u32", 4000000000},
                            {"i32", -2000000000},
                            {"u64", 1ll << 62},
                            {"i64", INT64_MIN}})
    EXPECT_EQ(valueOf(metadata().getInt(key)), value) << key;
  expectError(metadata().getInt("too large"),
              {"model.gguf", "'too large'", "9223372036854775808", "2^63 - 1"});
}

TEST_F(Metadata, FloatsBoolsStrings) {
  EXPECT_EQ(valueOf(metadata().getFloat("f32")), static_cast<double>(1e-5f));
  EXPECT_EQ(valueOf(metadata().getFloat("f64")), 1e-5);
  EXPECT_EQ(valueOf(metadata().getFloat("inf")), INFINITY);
  EXPECT_EQ(valueOf(metadata().getBool("yes")), true);
  EXPECT_EQ(valueOf(metadata().getBool("no")), false);
  expectError(metadata().getBool("maybe"), {"'maybe'", "byte 2", "0 or 1"});
  EXPECT_EQ(valueOf(metadata().getString("text")), "gr\xc3\xbc\xc3\x9f");
  EXPECT_EQ(valueOf(metadata().getString("empty")), "");
}

TEST_F(Metadata, Lists) {
  EXPECT_EQ(valueOf(metadata().getStrings("tokens")),
            (std::vector<llvm::StringRef>{"a", "", "\xff raw bytes"}));
  EXPECT_EQ(valueOf(metadata().getStrings("merges")), std::vector<llvm::StringRef>());
  EXPECT_EQ(valueOf(metadata().getInts("ints")), (std::vector<int64_t>{1, -2, 3}));
  expectError(metadata().getInts("big ints"), {"'big ints'", "18446744073709551615"});
  EXPECT_EQ(valueOf(metadata().getFloats("floats")), (std::vector<double>{0.5, -1.25}));
  EXPECT_EQ(valueOf(metadata().getFloats("doubles")), (std::vector<double>{0.1}));
  EXPECT_EQ(valueOf(metadata().getBools("bools")), (std::vector<bool>{true, false, true}));
  expectError(metadata().getBools("bad bools"), {"'bad bools'", "byte 7"});
  EXPECT_TRUE(metadata().isList("ints"));
  EXPECT_FALSE(metadata().isList("u8"));
  EXPECT_FALSE(metadata().isList("absent"));
}

TEST_F(Metadata, WrongTypesAreErrors) {
  expectError(metadata().getInt("f32"), {"model.gguf", "'f32'", "of type f32", "expected an integer"});
  expectError(metadata().getInt("ints"), {"'ints'", "list of i16", "expected an integer"});
  expectError(metadata().getInt("yes"), {"'yes'", "of type bool"});
  expectError(metadata().getFloat("u32"), {"'u32'", "of type u32", "expected a float"});
  expectError(metadata().getBool("u8"), {"'u8'", "expected a bool"});
  expectError(metadata().getString("u8"), {"'u8'", "expected a string"});
  expectError(metadata().getInts("u8"), {"'u8'", "of type u8", "expected a list of integers"});
  expectError(metadata().getFloats("ints"), {"'ints'", "list of i16", "expected a list of floats"});
  expectError(metadata().getBools("ints"), {"'ints'", "expected a list of bools"});
  expectError(metadata().getStrings("text"), {"'text'", "of type string", "expected a list of strings"});
  expectError(metadata().getInt("absent"), {"model.gguf", "'absent' is absent", "expected an integer"});
}

template <typename T> void expectNothing(llvm::Expected<std::optional<T>> value) {
  auto got = valueOf(std::move(value));
  EXPECT_TRUE(got && !got->has_value());
}

TEST_F(Metadata, OptionalValues) {
  EXPECT_EQ(valueOf(metadata().getOptionalInt("u8")), std::optional<int64_t>(200));
  expectNothing(metadata().getOptionalInt("absent"));
  expectNothing(metadata().getOptionalFloat("absent"));
  EXPECT_EQ(valueOf(metadata().getOptionalBool("no")), std::optional<bool>(false));
  expectNothing(metadata().getOptionalString("absent"));
  EXPECT_EQ(valueOf(metadata().getOptionalInts("ints")), (std::optional<std::vector<int64_t>>({1, -2, 3})));
  expectNothing(metadata().getOptionalFloats("absent"));
  expectNothing(metadata().getOptionalBools("absent"));
  expectNothing(metadata().getOptionalStrings("absent"));
  expectError(metadata().getOptionalInt("text"), {"'text'", "expected an integer"});
}

TEST_F(Metadata, KeysKeepTheOrderOfTheFile) {
  ASSERT_EQ(metadata().keys().size(), 25u);
  EXPECT_EQ(metadata().keys().front(), "u8");
  EXPECT_EQ(metadata().keys().back(), "bad bools");
}

//===----------------------------------------------------------------------===//
// Models in several files
//===----------------------------------------------------------------------===//

struct Split : testing::Test {
  void SetUp() override {
    for (int i = 0; i < 3; ++i)
      writePart(i, i, 3);
  }
  GgufBuilder part(int number, int claimedNumber, int claimedCount) {
    GgufBuilder file;
    if (number == 0)
      file.entry("general.architecture", String, string("llama"));
    file.entry("split.no", U16, little<uint16_t>(claimedNumber))
        .entry("split.count", U16, little<uint16_t>(claimedCount));
    file.entry("split.tensors.count", I32, little<int32_t>(3));
    return file.tensor("t" + std::to_string(number), {4}, TypeF32, someBytes(16, number));
  }
  void writePart(int number, int claimedNumber, int claimedCount) {
    folder.write(name(number), part(number, claimedNumber, claimedCount).build());
  }
  static std::string name(int number) { return "model-0000" + std::to_string(number + 1) + "-of-00003.gguf"; }

  Folder folder;
};

TEST_F(Split, AnyPartOpensAll) {
  for (int i = 0; i < 3; ++i) {
    auto model = valueOf(openGguf(folder.path(name(i))));
    ASSERT_TRUE(model);
    EXPECT_EQ(model->weights.tensors().size(), 3u);
    EXPECT_EQ(bytesOf(model->weights.find("t2")), someBytes(16, 2));
    EXPECT_EQ(valueOf(model->metadata.getString("general.architecture")), "llama");
  }
}

TEST_F(Split, AMissingPart) {
  llvm::sys::fs::remove(folder.path(name(1)));
  expectError(openGguf(folder.path(name(0))), {name(0), "3 files", name(1), "missing"});
}

TEST_F(Split, APartOfAnotherNumber) {
  writePart(1, 2, 3);
  expectError(openGguf(folder.path(name(0))), {name(1), "'split.no'", "is 2", "expected 1"});
}

TEST_F(Split, APartOfAnotherCount) {
  writePart(1, 1, 4);
  expectError(openGguf(folder.path(name(0))), {name(1), "'split.count'", "is 4", "expected 3"});
}

TEST_F(Split, APartThatIsNone) {
  folder.write(name(1), GgufBuilder().tensor("t1", {4}, TypeF32, someBytes(16)).build());
  expectError(openGguf(folder.path(name(0))), {name(1), "'split.no'", "absent"});
}

TEST_F(Split, ATensorTwice) {
  folder.write(name(1), part(1, 1, 3).tensor("t0", {4}, TypeF32, someBytes(16)).build());
  expectError(openGguf(folder.path(name(0))), {name(1), "'t0'", "twice", name(0)});
}

TEST_F(Split, TooFewTensors) {
  folder.write(name(1), part(1, 1, 3).tensor("t3", {4}, TypeF32, someBytes(16)).build());
  expectError(openGguf(folder.path(name(0))), {"'split.tensors.count'", "is 3", "4 tensors"});
}

TEST_F(Split, ANameThatHidesTheOthers) {
  std::string file = folder.write("renamed.gguf", part(0, 0, 3).build());
  expectError(openGguf(file), {"renamed.gguf", "3 files", "-00001-of-00003.gguf"});
}

TEST(Gguf, WhatIsNoFileIsAnError) {
  Folder folder;
  expectError(openGguf(folder.path("absent.gguf")), {"absent.gguf", "No such file"});
  expectError(openGguf(folder.path()), {folder.path(), "not a regular file"});
}

} // namespace
