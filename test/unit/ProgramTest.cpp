// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ErrorText.h"
#include "FakeModel.h"
#include "runtime/program/CpuFeatures.h"
#include "runtime/program/ElfSection.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <gnu/libc-version.h>
#include <unistd.h>

using namespace attune;
using namespace attune::test;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

std::string errorOfPayload(std::span<const std::byte> payload) {
  return errorOf([&] { Program program(payload, decoderEntries, "file"); });
}

std::string errorOfMetadata(const json &metadata) {
  return errorOf([&] { FakeProgram fake(metadata); });
}

TEST(ProgramTest, ReadsItsMetadata) {
  json metadata = decoderMetadata(20, 8);
  metadata["tokens"] = {{"bos", 1}, {"eos", 2}, {"pad", nullptr}, {"add_bos", true}};
  metadata["generation"] = {{"temperature", 0.2}, {"top_k", 40}};
  metadata["description"] = {{"layers", 2}};
  FakeProgram fake(metadata);
  const Metadata &data = fake.program.metadata();
  EXPECT_EQ(data.name, "fake");
  EXPECT_EQ(data.kind, ModelKind::Decoder);
  EXPECT_EQ(data.context, 20);
  EXPECT_EQ(data.chunk, 8);
  EXPECT_EQ(data.tokens.bos, 1);
  EXPECT_EQ(data.tokens.eos, std::vector<int32_t>{2});
  EXPECT_EQ(data.tokens.pad, std::nullopt);
  EXPECT_TRUE(data.tokens.addBos);
  EXPECT_EQ(data.generation.temperature, 0.2);
  EXPECT_EQ(data.generation.topP, std::nullopt);
  EXPECT_EQ(data.generation.topK, 40);
  EXPECT_EQ(data.cache.bytesPerRow(), 2 * 2 * 4);
  const ArgumentInfo *logits = data.find("step")->find("logits");
  ASSERT_TRUE(logits);
  EXPECT_EQ(logits->role, ArgumentRole::Output);
  EXPECT_EQ(logits->rowSize(), logitWidth);
  EXPECT_EQ(logits->shape[0].name, "outputs");
  EXPECT_TRUE(fake.program.tokenizer().empty());
}

TEST(ProgramTest, WrongMetadataNamesTheField) {
  json good = decoderMetadata(20, 8);
  auto with = [&](const char *pointer, json value) {
    json changed = good;
    changed[json::json_pointer(pointer)] = std::move(value);
    return errorOfMetadata(changed);
  };
  EXPECT_EQ(errorOfMetadata(good), "no error");
  EXPECT_EQ(with("/context", "many"),
            "metadata: 'context' is \"many\", expected an integer from 1 to 2147483647");
  EXPECT_EQ(with("/context", nullptr), "metadata: 'context' is missing");
  EXPECT_EQ(with("/context", 0), "metadata: 'context' is 0, expected an integer from 1 to 2147483647");
  EXPECT_NE(with("/context", 18446744073709551615ull).find("'context'"), std::string::npos);
  EXPECT_NE(with("/context", 2.5).find("'context'"), std::string::npos);
  EXPECT_EQ(with("/kind", "robot"),
            "metadata: 'kind' is \"robot\", expected one of decoder, encoder, encoder-decoder, tokenizer");
  EXPECT_NE(with("/cache/type", "f99").find("'cache.type'"), std::string::npos);
  EXPECT_NE(with("/cache", 7).find("'cache'"), std::string::npos);
  EXPECT_NE(with("/entries/0/arguments/0/role", "guest").find("'entries[0].arguments[0].role'"),
            std::string::npos);
  EXPECT_NE(with("/entries/0/arguments/0/shape", json::array({-1})).find("shape"), std::string::npos);
  EXPECT_NE(with("/entries/0/arguments/0/shape", json::array({{1}})).find("shape"), std::string::npos);
  EXPECT_NE(with("/entries/0/name", "unknown").find("no entry 'unknown'"), std::string::npos);
  EXPECT_NE(with("/tokens", {{"eos", {"x"}}}).find("'tokens.eos'"), std::string::npos);
  EXPECT_NE(with("/weight_bytes", 4096).find("0 bytes of weights, expected 4096"), std::string::npos);
  EXPECT_NE(with("/weights_file", "/nowhere/weights").find("/nowhere/weights"), std::string::npos);
  EXPECT_EQ(errorOfMetadata(json::array()).find("metadata"), 0u);
}

TEST(ProgramTest, AnyDamageIsAnError) {
  std::vector<std::byte> good = makePayload(decoderMetadata(20, 8));
  ASSERT_EQ(errorOfPayload(good), "no error");
  // Up to the end of the metadata; what follows is padding.
  for (size_t cut = 0; cut + 64 < good.size(); ++cut)
    EXPECT_NE(errorOfPayload(std::span(good).first(cut)), "no error") << cut;
  auto changed = [&](size_t at, uint64_t value) {
    std::vector<std::byte> bad = good;
    std::memcpy(bad.data() + at, &value, 8);
    return errorOfPayload(bad);
  };
  EXPECT_NE(changed(0, 0).find("mark of this version"), std::string::npos);
  EXPECT_NE(changed(8, UINT64_MAX).find("18446744073709551615 blobs"), std::string::npos);
  EXPECT_NE(changed(8, 0).find("no metadata"), std::string::npos);
  size_t blob = sizeof(PayloadHeader);
  EXPECT_NE(changed(blob + 24, UINT64_MAX - 10).find("blob 'metadata'"), std::string::npos);
  EXPECT_NE(changed(blob + 32, UINT64_MAX).find("lies outside"), std::string::npos);
  EXPECT_NE(changed(blob + 32, 10).find("not valid JSON"), std::string::npos);
}

TEST(ProgramTest, RandomDamageNeverCrashes) {
  const std::vector<std::byte> good = makePayload(decoderMetadata(20, 8));
  uint32_t random = 7;
  auto next = [&] { return random = random * 1664525 + 1013904223; };
  for (int i = 0; i < 2000; ++i) {
    std::vector<std::byte> damaged = good;
    for (uint32_t flips = 1 + (next() >> 30); flips > 0; --flips)
      damaged[(next() >> 8) % damaged.size()] = static_cast<std::byte>(next() >> 24);
    errorOfPayload(damaged); // an error or none, but no crash
  }
}

TEST(ProgramTest, RefusesAnotherProcessor) {
  json metadata = decoderMetadata(20, 8);
  metadata["cpus"] = {{{"name", "x86-64-v9"}, {"features", {"sse2", "warp-drive", "mind-reading"}}}};
  std::string error = errorOfMetadata(metadata);
  EXPECT_NE(error.find("x86-64-v9"), std::string::npos) << error;
  EXPECT_NE(error.find("warp-drive, mind-reading"), std::string::npos) << error;
  EXPECT_EQ(error.find("sse2"), std::string::npos) << error;
  EXPECT_NE(error.find("--cpu="), std::string::npos) << error;
  metadata["cpus"][0]["features"] = {"sse2", "cmov"};
  EXPECT_EQ(errorOfMetadata(metadata), "no error");
}

TEST(ProgramTest, TheMostDemandingCodeThatTheProcessorRunsIsUsed) {
  json metadata = decoderMetadata(20, 8);
  json least = {{"name", "least"}, {"features", {"sse2"}}},
       more = {{"name", "more"}, {"features", {"sse2", "cmov"}}},
       most = {{"name", "most"}, {"features", {"sse2", "cmov", "warp-drive"}}};
  metadata["cpus"] = {least, more, most};
  EXPECT_EQ(FakeProgram(metadata).program.cpu()->name, "more");
  metadata["cpus"] = {least, most};
  EXPECT_EQ(FakeProgram(metadata).program.cpu()->name, "least");
  metadata["cpus"] = {most};
  EXPECT_NE(errorOfMetadata(metadata).find("warp-drive"), std::string::npos);
  metadata["cpus"] = {{{"name", 7}}};
  EXPECT_NE(errorOfMetadata(metadata).find("'cpus[0].name'"), std::string::npos);
}

TEST(ProgramTest, CpuFeaturesAgreeWithTheCompilersOwn) {
  auto has = [](const char *name) { return missingCpuFeatures(std::vector<std::string>{name}).empty(); };
  EXPECT_EQ(has("avx"), __builtin_cpu_supports("avx") != 0);
  EXPECT_EQ(has("avx2"), __builtin_cpu_supports("avx2") != 0);
  EXPECT_EQ(has("fma"), __builtin_cpu_supports("fma") != 0);
  EXPECT_EQ(has("bmi2"), __builtin_cpu_supports("bmi2") != 0);
  EXPECT_EQ(has("sse4.2"), __builtin_cpu_supports("sse4.2") != 0);
  EXPECT_EQ(has("popcnt"), __builtin_cpu_supports("popcnt") != 0);
  EXPECT_EQ(has("avx512f"), __builtin_cpu_supports("avx512f") != 0);
  EXPECT_EQ(has("avx512vnni"), __builtin_cpu_supports("avx512vnni") != 0);
  EXPECT_EQ(cpuLevel() >= "x86-64-v3", __builtin_cpu_supports("x86-64-v3") != 0);
  EXPECT_EQ(cpuLevel() >= "x86-64-v4", __builtin_cpu_supports("x86-64-v4") != 0);
}

TEST(ProgramTest, AProgramWithoutAModelSaysSo) {
  std::string error = errorOf([] { Program::own(); });
  EXPECT_NE(error.find("carries no model"), std::string::npos) << error;
  EXPECT_NE(error.find("ProgramTest"), std::string::npos) << error;
}

TEST(ProgramTest, FindsSections) {
  EXPECT_EQ(fileOfAddress(reinterpret_cast<const void *>(&makePayload)), "/proc/self/exe");
  EXPECT_NE(fileOfAddress(reinterpret_cast<const void *>(&gnu_get_libc_version)).find("libc"),
            std::string::npos);
  auto range = findElfSection("/proc/self/exe", ".interp");
  ASSERT_TRUE(range);
  MappedFile file("/proc/self/exe", range->offset, range->bytes);
  EXPECT_EQ(std::memcmp(file.bytes().data(), "/lib64/ld-linux", 15), 0);
  EXPECT_FALSE(findElfSection("/proc/self/exe", ".no-such-section"));
  auto segment = findElfSegment("/proc/self/exe", 3); // PT_INTERP
  ASSERT_TRUE(segment);
  EXPECT_EQ(segment->offset, range->offset);
  EXPECT_EQ(segment->bytes, range->bytes);
  EXPECT_FALSE(findElfSegment("/proc/self/exe", 0x6FFFFFFF));
  EXPECT_NE(errorOf([] { findElfSection("/etc/passwd", ".text"); }).find("not a 64-bit"), std::string::npos);
  EXPECT_NE(errorOf([] { findElfSection("/nowhere", ".text"); }).find("cannot open"), std::string::npos);
}

TEST(ProgramTest, DamagedElfFilesAreErrorsOrHaveNoSection) {
  std::ifstream self("/proc/self/exe", std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(self)), {});
  // Keep it small: the header, and the section headers moved to the front.
  uint64_t headers;
  std::memcpy(&headers, &bytes[0x28], 8);
  std::string small = bytes.substr(0, 64) + bytes.substr(headers);
  headers = 64;
  std::memcpy(&small[0x28], &headers, 8);
  std::string path = fs::temp_directory_path() / ("attune-elf-" + std::to_string(getpid()));
  uint32_t random = 1;
  for (int i = 0; i < 300; ++i) {
    std::string damaged = small;
    for (int flips = 0; flips < 4; ++flips) {
      random = random * 1664525 + 1013904223;
      damaged[(random >> 8) % std::min<size_t>(damaged.size(), 600)] = static_cast<char>(random >> 3);
    }
    if (i % 3 == 0)
      damaged.resize((random >> 4) % damaged.size());
    std::ofstream(path, std::ios::binary) << damaged;
    errorOf([&] { findElfSection(path, ".attune.payload"); });
    errorOf([&] { findElfSegment(path, 0x60617474); });
  }
  fs::remove(path);
}

} // namespace
