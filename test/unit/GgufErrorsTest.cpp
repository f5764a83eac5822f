// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// GGUF files that are none.

#include "WeightFiles.h"
#include "frontend/weights/Gguf.h"

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

} // namespace
