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
// Malformed files
//===----------------------------------------------------------------------===//

struct BadFile {
  const char *title;
  std::string bytes;
  std::vector<std::string> texts; ///< What the error must say, besides the file.
};

GgufBuilder tensorOf(const std::vector<uint64_t> &dimensions, uint32_t type,
                     llvm::StringRef bytes = someBytes(64), std::optional<uint64_t> offset = std::nullopt) {
  return GgufBuilder().tensor("w", dimensions, type, bytes, offset);
}

std::vector<BadFile> badHeaders() {
  std::string good = tensorOf({2}, TypeF32).build();
  auto patched = [&](size_t at, llvm::StringRef bytes) {
    return std::string(good).replace(at, bytes.size(), bytes.str());
  };
  GgufBuilder manyTensors = tensorOf({2}, TypeF32), manyEntries = GgufBuilder().entry("k", U8, "a");
  manyTensors.tensorCount = 1ull << 60;
  manyEntries.entryCount = ~0ull;
  GgufBuilder oneMore = tensorOf({2}, TypeF32);
  oneMore.tensorCount = 2;
  return {
      {"empty file", "", {"signature"}},
      {"wrong signature", patched(0, "GGML"), {"'GGML'", "'GGUF'"}},
      {"version 1", patched(4, little<uint32_t>(1)), {"version 1", "2 or 3"}},
      {"version 4", patched(4, little<uint32_t>(4)), {"version 4", "2 or 3"}},
      {"big-endian", patched(4, std::string("\0\0\0\3", 4)), {"big-endian"}},
      {"file that ends in its header",
       good.substr(0, 12),
       {"number of tensors", "the file ends 4 bytes later"}},
      {"file that ends before its tensors", good.substr(0, 20), {"1 tensors", "20 bytes"}},
      {"huge number of tensors", manyTensors.build(), {"1152921504606846976 tensors"}},
      {"huge number of entries", manyEntries.build(), {"18446744073709551615 metadata entries"}},
      {"fewer tensors than claimed", oneMore.build(), {"of a tensor"}},
  };
}

std::vector<BadFile> badMetadata() {
  auto entry = [](uint32_t type, llvm::StringRef value) {
    return GgufBuilder().entry("k", type, value).build();
  };
  auto alignment = [](uint32_t type, llvm::StringRef value) {
    return GgufBuilder().entry("general.alignment", type, value).build();
  };
  std::string nested =
      little<uint32_t>(Array) + little<uint64_t>(1) + little<uint32_t>(U8) + little<uint64_t>(1) + "a";
  GgufBuilder badKey;
  badKey.entries = little<uint64_t>(1ull << 40) + std::string(40, 'k');
  badKey.numEntries = 1;
  return {
      {"key past the end", badKey.build(), {"metadata key", "1099511627776"}},
      {"key that is not UTF-8", GgufBuilder().entry("k\xff", U8, "a").build(), {"'k\\FF'", "UTF-8"}},
      {"key given twice", GgufBuilder().entry("k", U8, "a").entry("k", U8, "b").build(), {"'k'", "twice"}},
      {"unknown type", entry(13, "abcdefgh"), {"'k'", "type 13", "0 to 12"}},
      {"huge type", entry(0xffffffff, "abcdefgh"), {"'k'", "type 4294967295"}},
      {"list of an unknown type",
       entry(Array, little<uint32_t>(77) + little<uint64_t>(1) + "a"),
       {"'k'", "type 77"}},
      {"list of lists", entry(Array, nested), {"'k'", "array of arrays"}},
      {"string past the end", entry(String, little<uint64_t>(1000) + "abc"), {"'k'", "1000"}},
      {"string of length 2^64 - 1",
       entry(String, little<uint64_t>(~0ull) + "abc"),
       {"'k'", "18446744073709551615"}},
      {"list past the end",
       entry(Array, little<uint32_t>(F64) + little<uint64_t>(100) + "abc"),
       {"'k'", "100 x 8"}},
      {"list of 2^61 doubles",
       entry(Array, little<uint32_t>(F64) + little<uint64_t>(1ull << 61) + "abc"),
       {"'k'", "2305843009213693952 x 8"}},
      {"list of 2^63 strings",
       entry(Array, little<uint32_t>(String) + little<uint64_t>(1ull << 63) + string("a")),
       {"'k'"}},
      {"string of a list past the end",
       entry(Array, little<uint32_t>(String) + little<uint64_t>(2) + string("a") + little<uint64_t>(999)),
       {"'k'", "999"}},
      {"alignment of another type",
       alignment(U64, little<uint64_t>(32)),
       {"'general.alignment'", "u64", "expected u32"}},
      {"alignment that is a list",
       alignment(Array, little<uint32_t>(U32) + little<uint64_t>(1) + little<uint32_t>(32)),
       {"'general.alignment'", "list of u32"}},
      {"alignment that is an empty list",
       alignment(Array, little<uint32_t>(U32) + little<uint64_t>(0)),
       {"'general.alignment'", "list of u32"}},
      {"alignment 0", alignment(U32, little<uint32_t>(0)), {"'general.alignment'", "0", "power of two"}},
      {"alignment 48", alignment(U32, little<uint32_t>(48)), {"'general.alignment'", "48", "power of two"}},
      {"split.count that is a string",
       GgufBuilder().entry("split.count", String, string("2")).build(),
       {"'split.count'", "string"}},
      {"split.count that is negative",
       GgufBuilder().entry("split.count", I16, little<int16_t>(-3)).build(),
       {"'split.count'", "-3"}},
  };
}

std::vector<BadFile> badTensors() {
  constexpr uint64_t huge = (1ull << 63) - 1;
  GgufBuilder badName;
  badName.tensors = little<uint64_t>(~0ull) + std::string(40, 'n');
  badName.numTensors = 1;
  auto shape = [](const std::vector<uint64_t> &dimensions) { return tensorOf(dimensions, TypeF32).build(); };
  return {
      {"name past the end", badName.build(), {"name of a tensor", "18446744073709551615"}},
      {"name that is not UTF-8",
       GgufBuilder().tensor("w\xc3", {2}, TypeF32, someBytes(8)).build(),
       {"'w\\C3'", "UTF-8"}},
      {"name given twice",
       tensorOf({2}, TypeF32).tensor("w", {2}, TypeF32, someBytes(8)).build(),
       {"'w'", "twice"}},
      {"dimensions (2^63 - 1, 2)", shape({huge, 2}), {"'w'", "[2, 9223372036854775807]", "2^63"}},
      {"dimensions whose bytes overflow", shape({huge}), {"'w'", "9223372036854775807", "bytes"}},
      {"dimension 2^64 - 1", shape({~0ull}), {"'w'", "dimension 0", "18446744073709551615"}},
      {"dimension zero", shape({4, 0}), {"'w'", "dimension 1", "size 0"}},
      {"four dimensions that overflow", shape({1 << 16, 1 << 16, 1 << 16, 1 << 16}), {"'w'", "2^63"}},
      {"nine dimensions", shape({1, 1, 1, 1, 1, 1, 1, 1, 1}), {"'w'", "9 dimensions", "at most 4"}},
      {"part of a block", tensorOf({33, 2}, TypeQ4_1).build(), {"'w'", "33", "multiple of 32", "q4_1"}},
      {"part of a super-block", tensorOf({128}, TypeQ4_K).build(), {"'w'", "128", "multiple of 256", "q4_k"}},
      {"unknown type", tensorOf({2}, 77).build(), {"'w'", "unknown type 77"}},
      {"type that has been removed", tensorOf({32}, 4).build(), {"'w'", "unknown type 4"}},
      {"type that is not supported",
       tensorOf({256}, TypeIQ2_XXS).build(),
       {"'w'", "iq2_xxs", "not supported"}},
      {"offset that is not aligned",
       tensorOf({2}, TypeF32, someBytes(64), 4).build(),
       {"'w'", "offset 4", "multiple of 32"}},
      {"offset past the end",
       tensorOf({2}, TypeF32, someBytes(64), 64).build(),
       {"'w'", "8 bytes", "offset 64", "64 bytes of data"}},
      {"huge offset", tensorOf({2}, TypeF32, someBytes(64), ~31ull).build(), {"'w'", "18446744073709551584"}},
      {"data past the end", tensorOf({17}, TypeF32).build(), {"'w'", "68 bytes", "64 bytes of data"}},
      {"overlap",
       tensorOf({16}, TypeF32).tensor("v", {2}, TypeF32, someBytes(8), 32).build(),
       {"'v'", "inside", "'w'"}},
      {"the same data twice",
       tensorOf({2}, TypeF32).tensor("v", {2}, TypeF32, "", 0).build(),
       {"inside", "'v'", "'w'"}},
  };
}

void expectErrors(const std::vector<BadFile> &files) {
  for (const BadFile &bad : files) {
    SCOPED_TRACE(bad.title);
    Folder folder;
    auto model = openBytes(folder, bad.bytes);
    if (model) {
      ADD_FAILURE() << "was accepted";
      continue;
    }
    std::string message = llvm::toString(model.takeError());
    EXPECT_EQ(message.find(folder.path("model.gguf") + ": "), 0u) << message;
    for (const std::string &text : bad.texts)
      EXPECT_NE(message.find(text), std::string::npos) << "no \"" << text << "\" in: " << message;
  }
}

TEST(Gguf, MalformedHeadersAreErrors) { expectErrors(badHeaders()); }
TEST(Gguf, MalformedMetadataAreErrors) { expectErrors(badMetadata()); }
TEST(Gguf, MalformedTensorsAreErrors) { expectErrors(badTensors()); }

TEST(Gguf, EveryCutAndEveryFlippedByteIsSafe) {
  std::string good = GgufBuilder()
                         .entry("general.alignment", U32, little<uint32_t>(32))
                         .list("tokens", String, 2, string("a") + string("bc"))
                         .list("ints", I16, 2, "abcd")
                         .tensor("w", {32, 2}, TypeQ4_1, someBytes(40))
                         .tensor("v", {2}, TypeF32, someBytes(8))
                         .build();
  Folder folder;
  for (size_t i = 0; i < good.size(); ++i) {
    expectError(openBytes(folder, good.substr(0, i)), {"model.gguf"});
    std::string bad = good;
    bad[i] ^= "\x01\x80\x7f"[i % 3];
    auto model = openBytes(folder, bad);
    if (!model) {
      llvm::consumeError(model.takeError());
      continue;
    }
    // Whatever was accepted can be read.
    for (const TensorInfo &tensor : model->weights.tensors())
      bytesOf(&tensor);
    for (const char *key : {"tokens", "ints"})
      if (auto strings = model->metadata.getStrings(key); !strings)
        llvm::consumeError(strings.takeError());
  }
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
