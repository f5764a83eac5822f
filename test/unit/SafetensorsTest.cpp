// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/weights/Safetensors.h"
#include "WeightFiles.h"

using namespace attune;
using namespace attune::test;

namespace {

/// One file of a folder, opened.
llvm::Expected<WeightStore> openBytes(const Folder &folder, llvm::StringRef bytes) {
  return openSafetensors(folder.write("model.safetensors", bytes));
}

/// A header with one tensor, whose fields are given as JSON.
std::string header(llvm::StringRef dtype, llvm::StringRef shape, llvm::StringRef offsets) {
  return (R"({"w": {"dtype": )" + dtype + R"(, "shape": )" + shape + R"(, "data_offsets": )" + offsets + "}}")
      .str();
}

TEST(Safetensors, ReadsNamesShapesTypesAndData) {
  Folder folder;
  std::string data = someBytes(24 + 6 + 8);
  auto store = valueOf(openBytes(folder, safetensors(R"({"__metadata__": {"format": "pt"},
    "b.weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    "a.weight": {"dtype": "BF16", "shape": [3], "data_offsets": [24, 30]},
    "ids": {"dtype": "I64", "shape": [], "data_offsets": [30, 38]}})",
                                                     data)));
  ASSERT_TRUE(store);
  ASSERT_EQ(store->tensors().size(), 3u);
  const TensorInfo *b = store->find("b.weight");
  ASSERT_TRUE(b);
  EXPECT_EQ(b->shape, (llvm::SmallVector<int64_t, 4>{2, 3}));
  EXPECT_EQ(b->type, StorageType::F32);
  EXPECT_EQ(bytesOf(b), data.substr(0, 24));
  EXPECT_EQ(b->file, folder.path("model.safetensors"));
  EXPECT_EQ(bytesOf(store->find("a.weight")), data.substr(24, 6));
  ASSERT_TRUE(store->find("ids"));
  EXPECT_EQ(store->find("ids")->type, StorageType::I64);
  EXPECT_TRUE(store->find("ids")->shape.empty());
  EXPECT_FALSE(store->find("absent"));
}

// LLVM's parser joins the halves of pairs beyond U+1FFFF wrongly; and both spellings of a name are the same
// name.
TEST(Safetensors, ReadsEscapedSurrogatePairs) {
  Folder folder;
  std::string entry = R"({"dtype": "U8", "shape": [1], "data_offsets": [)";
  auto store = valueOf(
      openBytes(folder, safetensors(R"({"\ud83d\ude00": )" + entry + R"(0, 1]}, "\ud842\udfb7": )" + entry +
                                        R"(1, 2]}, "\uDBFF\uDFFF\\ud842": )" + entry + "2, 3]}}",
                                    "abc")));
  ASSERT_TRUE(store);
  EXPECT_EQ(bytesOf(store->find("\U0001F600")), "a");
  EXPECT_EQ(bytesOf(store->find("\U00020BB7")), "b");
  EXPECT_EQ(bytesOf(store->find("\U0010FFFF\\ud842")), "c");
  expectError(openBytes(folder, safetensors(R"({"\ud842\udfb7": )" + entry +
                                                "0, 1]}, \"\U00020BB7\": " + entry + "1, 2]}}",
                                            "ab")),
              {R"(\F0\A0\AE\B7)", "stands twice"});
}

TEST(Safetensors, ReadsEveryPlainType) {
  for (auto [dtype, bytes] : {std::pair("F16", 2),
                              {"F64", 8},
                              {"F8_E4M3", 1},
                              {"F8_E5M2", 1},
                              {"F8_E8M0", 1},
                              {"I8", 1},
                              {"I16", 2},
                              {"I32", 4},
                              {"U8", 1},
                              {"U16", 2},
                              {"U32", 4},
                              {"U64", 8},
                              {"BOOL", 1},
                              {"C64", 8}}) {
    Folder folder;
    auto store = valueOf(openBytes(folder, safetensors(header('"' + std::string(dtype) + '"', "[3]",
                                                              "[0, " + std::to_string(3 * bytes) + "]"),
                                                       someBytes(3 * bytes))));
    ASSERT_TRUE(store) << dtype;
    EXPECT_EQ(storageTypeName(store->find("w")->type).upper(), dtype);
  }
}

TEST(Safetensors, AnEmptyTensorIsAllowed) {
  Folder folder;
  auto store = valueOf(openBytes(folder, safetensors(R"({
    "a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
    "e": {"dtype": "F32", "shape": [0, 7], "data_offsets": [4, 4]},
    "b": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}})",
                                                     someBytes(8))));
  ASSERT_TRUE(store);
  EXPECT_EQ(store->find("e")->data.size(), 0u);
}

TEST(Safetensors, ALargeFileIsMapped) {
  Folder folder;
  // A file of 4 GB that takes no room on disk: reading it whole would be noticed.
  std::string bytes = safetensors(header("\"U8\"", "[4294967296]", "[0, 4294967296]"), "");
  std::string path = folder.write("model.safetensors", bytes);
  int descriptor;
  ASSERT_FALSE(llvm::sys::fs::openFileForReadWrite(path, descriptor, llvm::sys::fs::CD_OpenExisting,
                                                   llvm::sys::fs::OF_None));
  ASSERT_FALSE(llvm::sys::fs::resize_file_sparse(descriptor, bytes.size() + 4294967296));
  llvm::sys::fs::file_t file = llvm::sys::fs::convertFDToNativeFile(descriptor);
  ASSERT_FALSE(llvm::sys::fs::closeFile(file));
  auto store = valueOf(openSafetensors(path));
  ASSERT_TRUE(store);
  EXPECT_EQ(store->find("w")->data.size(), 4294967296u);
  EXPECT_EQ(store->find("w")->data.back(), 0);
}

//===----------------------------------------------------------------------===//
// Malformed files
//===----------------------------------------------------------------------===//

struct BadFile {
  const char *title;
  std::string bytes;
  std::vector<std::string> texts; ///< What the error must say, besides the file.
};

std::vector<BadFile> badFiles() {
  std::string good = header("\"F32\"", "[2]", "[0, 8]"), data = someBytes(8);
  auto file = [&](const std::string &text) { return safetensors(text, data); };
  auto two = [](llvm::StringRef first, llvm::StringRef second) {
    return (R"({"a": {"dtype": "U8", "shape": [4], "data_offsets": )" + first +
            R"(}, "b": {"dtype": "U8", "shape": [4], "data_offsets": )" + second + "}}")
        .str();
  };
  return {
      {"empty file", "", {"0 bytes"}},
      {"too short for a length", "abcdefg", {"7 bytes"}},
      {"header of length 0", little<uint64_t>(0) + "{}", {"length 0"}},
      {"negative header length", little<int64_t>(-1) + good, {"18446744073709551615", "100000000"}},
      {"header above 100 MB", little<uint64_t>(100000001) + good, {"100000001", "100000000"}},
      {"header past the end", little<uint64_t>(5000) + good, {"5000", "only"}},
      {"header that is no JSON", file("{\"w\": "), {"JSON"}},
      {"header that is no object", file("[1, 2]"), {"no JSON object"}},
      {"header that is nested deeply", file(std::string(100000, '[')), {"nested deeper than 256"}},
      {"header of nested objects",
       file([] {
         std::string text;
         for (int i = 0; i < 5000; ++i)
           text += "{\"a\":";
         return text;
       }()),
       {"nested deeper than 256"}},
      {"header that is not UTF-8", file("{\"w\xff\": {}}"), {"UTF-8"}},
      {"entry that is no object", file(R"({"w": 3})"), {"'w'", "no JSON object"}},
      {"no dtype", file(R"({"w": {"shape": [2], "data_offsets": [0, 8]}})"), {"'w'", "'dtype'"}},
      {"unknown dtype", file(header("\"F31\"", "[2]", "[0, 8]")), {"'w'", "'F31'"}},
      {"dtype of a block type", file(header("\"Q4_0\"", "[32]", "[0, 8]")), {"'w'", "'Q4_0'"}},
      {"dtype in lower case", file(header("\"f32\"", "[2]", "[0, 8]")), {"'w'", "'f32'"}},
      {"no shape", file(R"({"w": {"dtype": "F32", "data_offsets": [0, 8]}})"), {"'w'", "'shape'"}},
      {"negative dimension", file(header("\"F32\"", "[-2]", "[0, 8]")), {"'w'", "-2"}},
      {"fractional dimension", file(header("\"F32\"", "[2.5]", "[0, 8]")), {"'w'", "2.5"}},
      {"dimension above 2^63",
       file(header("\"F32\"", "[18446744073709551615]", "[0, 8]")),
       {"'w'", "18446744073709551615"}},
      {"elements overflow", file(header("\"F32\"", "[4294967296, 4294967296]", "[0, 8]")), {"'w'", "2^63"}},
      {"bytes overflow", file(header("\"F32\"", "[4611686018427387904]", "[0, 8]")), {"'w'", "2^63"}},
      {"no offsets", file(R"({"w": {"dtype": "F32", "shape": [2]}})"), {"'w'", "'data_offsets'"}},
      {"one offset", file(header("\"F32\"", "[2]", "[8]")), {"'w'", "1 numbers", "expected 2"}},
      {"three offsets", file(header("\"F32\"", "[2]", "[0, 8, 8]")), {"'w'", "3 numbers", "expected 2"}},
      {"inverted offsets", file(header("\"F32\"", "[2]", "[8, 0]")), {"'w'", "begins at 8", "end at 0"}},
      {"negative offset", file(header("\"F32\"", "[2]", "[-8, 0]")), {"'w'", "-8"}},
      {"offset past the end", file(header("\"F32\"", "[3]", "[0, 12]")), {"'w'", "byte 12", "8 bytes"}},
      {"huge offset",
       file(header("\"F32\"", "[2]", "[9223372036854775800, 9223372036854775807]")),
       {"'w'", "9223372036854775807"}},
      {"wrong size", file(header("\"F32\"", "[3]", "[0, 8]")), {"'w'", "8 bytes", "expected 12"}},
      {"size too large", file(header("\"F32\"", "[1]", "[0, 8]")), {"'w'", "8 bytes", "expected 4"}},
      {"name given twice",
       file(
           R"({"w": {"dtype": "U8", "shape": [8], "data_offsets": [0, 8]}, "w": {"dtype": "U8", "shape": [0], "data_offsets": [8, 8]}})"),
       {"'w'", "twice"}},
      {"name given twice, spelt differently",
       file(
           R"({"w": {"dtype": "U8", "shape": [8], "data_offsets": [0, 8]}, "\u0077" : {"dtype": "U8", "shape": [0], "data_offsets": [8, 8]}})"),
       {"'w'", "twice"}},
      {"field given twice",
       file(R"({"w": {"dtype": "U8", "dtype": "F32", "shape": [2], "data_offsets": [0, 8]}})"),
       {"'dtype'", "twice"}},
      {"overlap", file(two("[0, 4]", "[2, 6]")), {"'b'", "byte 2", "'a'", "ends at 4"}},
      {"the same data twice", file(two("[0, 4]", "[0, 4]")), {"'a'", "'b'"}},
      {"hole", safetensors(two("[0, 4]", "[5, 9]"), someBytes(9)), {"'b'", "byte 5", "expected 4"}},
      {"hole at the front",
       safetensors(two("[1, 5]", "[5, 9]"), someBytes(9)),
       {"'a'", "byte 1", "expected 0"}},
      {"bytes left over", safetensors(good, someBytes(11)), {"11 bytes", "end at byte 8"}},
      {"no tensor but data", file("{}"), {"8 bytes", "byte 0"}},
  };
}

TEST(Safetensors, MalformedFilesAreErrors) {
  for (const BadFile &bad : badFiles()) {
    SCOPED_TRACE(bad.title);
    Folder folder;
    auto store = openBytes(folder, bad.bytes);
    if (store) {
      ADD_FAILURE() << "was accepted";
      continue;
    }
    std::string message = llvm::toString(store.takeError());
    EXPECT_EQ(message.find(folder.path("model.safetensors") + ": "), 0u) << message;
    for (const std::string &text : bad.texts)
      EXPECT_NE(message.find(text), std::string::npos) << "no \"" << text << "\" in: " << message;
  }
}

TEST(Safetensors, ALongNameIsShortenedInMessages) {
  Folder folder;
  auto store = openBytes(folder, safetensors("{\"" + std::string(1 << 20, 'n') + "\": 1}", ""));
  ASSERT_FALSE(store);
  EXPECT_LT(llvm::toString(store.takeError()).size(), 1000u);
}

TEST(Safetensors, EveryCutAndEveryFlippedByteIsSafe) {
  // Whatever comes out, it is a store or an error: what matters is that nothing is read out of bounds.
  std::string good = safetensors(
      R"({"__metadata__":{"a":"b"},"w":{"dtype":"F16","shape":[2,2],"data_offsets":[0,8]}})", someBytes(8));
  Folder folder;
  for (size_t i = 0; i < good.size(); ++i) {
    expectError(openBytes(folder, good.substr(0, i)), {"model.safetensors"});
    std::string bad = good;
    bad[i] ^= "\x01\x80\x7f"[i % 3];
    auto store = openBytes(folder, bad);
    if (!store)
      llvm::consumeError(store.takeError());
  }
}

TEST(Safetensors, WhatIsNoFileIsAnError) {
  Folder folder;
  expectError(openSafetensors(folder.path("absent.safetensors")), {"absent.safetensors", "No such file"});
  expectError(openSafetensors("/dev/zero"), {"/dev/zero", "not a regular file"});
}

//===----------------------------------------------------------------------===//
// Folders
//===----------------------------------------------------------------------===//

/// A model in two shards, with biases.
struct Sharded : testing::Test {
  void SetUp() override {
    folder.write(first,
                 safetensors(R"({"q.weight": {"dtype": "F32", "shape": [2, 25], "data_offsets": [0, 200]},
      "q.bias": {"dtype": "F32", "shape": [2], "data_offsets": [200, 208]}})",
                             someBytes(208)));
    folder.write(second,
                 safetensors(R"({"norm.weight": {"dtype": "F32", "shape": [25], "data_offsets": [0, 100]}})",
                             someBytes(100, 5)));
    writeIndex(
        R"({"q.weight": "model-00001-of-00002.safetensors", "q.bias": "model-00001-of-00002.safetensors",
                   "norm.weight": "model-00002-of-00002.safetensors"})");
  }
  void writeIndex(llvm::StringRef weightMap) {
    folder.write("model.safetensors.index.json",
                 (R"({"metadata": {"total_size": 308}, "weight_map": )" + weightMap + "}").str());
  }

  static constexpr char first[] = "model-00001-of-00002.safetensors",
                        second[] = "model-00002-of-00002.safetensors";
  Folder folder;
};

TEST_F(Sharded, ReadsAllShards) {
  auto store = valueOf(openSafetensors(folder.path()));
  ASSERT_TRUE(store);
  ASSERT_EQ(store->tensors().size(), 3u);
  EXPECT_EQ(bytesOf(store->find("q.bias")), someBytes(208).substr(200));
  EXPECT_EQ(bytesOf(store->find("norm.weight")), someBytes(100, 5));
  EXPECT_EQ(store->find("norm.weight")->file, folder.path(second));
}

TEST_F(Sharded, TensorsOutliveAMove) {
  auto store = valueOf(openSafetensors(folder.path()));
  ASSERT_TRUE(store);
  const TensorInfo *tensor = store->find("q.bias");
  WeightStore moved = std::move(*store);
  EXPECT_EQ(moved.find("q.bias"), tensor);
  EXPECT_EQ(bytesOf(tensor), someBytes(208).substr(200));
}

TEST_F(Sharded, AShardCutBy100Bytes) {
  std::string whole =
      safetensors(R"({"norm.weight": {"dtype": "F32", "shape": [25], "data_offsets": [0, 100]}})", "");
  folder.write(second, whole);
  expectError(openSafetensors(folder.path()), {second, "'norm.weight'", "byte 100", "0 bytes"});
}

TEST_F(Sharded, AMissingShard) {
  llvm::sys::fs::remove(folder.path(second));
  expectError(openSafetensors(folder.path()), {"model.safetensors.index.json", second, "'norm.weight'"});
}

TEST_F(Sharded, ATensorThatItsShardDoesNotHold) {
  writeIndex(
      R"({"q.weight": "model-00001-of-00002.safetensors", "absent": "model-00002-of-00002.safetensors"})");
  expectError(openSafetensors(folder.path()), {"index.json", "'absent'", second, "does not hold it"});
}

TEST_F(Sharded, ATensorInAnotherShard) {
  writeIndex(
      R"({"q.weight": "model-00001-of-00002.safetensors", "q.bias": "model-00002-of-00002.safetensors"})");
  expectError(openSafetensors(folder.path()), {"index.json", "'q.bias'", first, second});
}

TEST_F(Sharded, ATensorInTwoShards) {
  folder.write(second, safetensors(R"({"q.bias": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}})",
                                   someBytes(8)));
  expectError(openSafetensors(folder.path()), {first, second, "'q.bias'", "twice"});
}

TEST_F(Sharded, BadIndexFiles) {
  const char index[] = "model.safetensors.index.json";
  for (auto [text, expected] : {std::pair("", "JSON"),
                                {"[]", "weight_map"},
                                {R"({"weight_map": []})", "weight_map"},
                                {R"({"weight_map": {}})", "empty"},
                                {R"({"weight_map": {"a": 1}})", "'a'"},
                                {R"({"weight_map": {"a": "x", "a": "y"}})", "twice"},
                                {R"({"weight_map": {"a": "../model.safetensors"}})", "plain name"},
                                {R"({"weight_map": {"a": "/etc/passwd"}})", "plain name"},
                                {R"({"weight_map": {"a": ".."}})", "plain name"},
                                {R"({"weight_map": {"a": ""}})", "plain name"},
                                {R"({"weight_map": {"a": "x\u0000y"}})", "plain name"}}) {
    folder.write(index, text);
    expectError(openSafetensors(folder.path()), {index, expected});
  }
}

TEST_F(Sharded, OneFileComesBeforeAnIndex) {
  folder.write("model.safetensors",
               safetensors(R"({"x": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}})", "ab"));
  auto store = valueOf(openSafetensors(folder.path()));
  ASSERT_TRUE(store);
  EXPECT_EQ(store->tensors().size(), 1u);
}

TEST(Safetensors, AFolderWithoutWeights) {
  Folder folder;
  expectError(openSafetensors(folder.path()),
              {folder.path(), "model.safetensors", "model.safetensors.index.json"});
  folder.write("pytorch_model.bin", "x");
  expectError(openSafetensors(folder.path()), {"pytorch_model.bin", "only safetensors"});
}

TEST(Safetensors, OddPaths) {
  Folder folder;
  std::string name = "gewichte 'ä' \"x\" \xe6\xa8\xa1.safetensors";
  auto store = valueOf(
      openSafetensors(folder.write(name, safetensors(header("\"F32\"", "[2]", "[0, 8]"), someBytes(8)))));
  ASSERT_TRUE(store);
  EXPECT_EQ(store->find("w")->file, folder.path(name));
}

} // namespace
