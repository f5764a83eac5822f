// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/tokenizer/Blob.h"

#include "runtime/Error.h"
#include "runtime/tokenizer/Utf8.h"

#include <fmt/format.h>

namespace attune::tokenizer {

int32_t Step::integer(size_t index) const {
  if (index >= integers.size())
    throw Error(fmt::format("tokenizer: step {} has {} integers, number {} is needed",
                            static_cast<uint32_t>(kind), integers.size(), index));
  return integers[index];
}

std::string_view Step::string(size_t index) const {
  if (index >= strings.size())
    throw Error(fmt::format("tokenizer: step {} has {} strings, number {} is needed",
                            static_cast<uint32_t>(kind), strings.size(), index));
  return strings[index];
}

Blob::Blob(std::span<const std::byte> bytes) : bytes(bytes) {
  if (bytes.size() < sizeof(Header))
    throw Error(fmt::format("tokenizer: {} bytes are too few for a header", bytes.size()));
  if (reinterpret_cast<uintptr_t>(bytes.data()) % SectionAlignment != 0)
    throw Error("tokenizer: the data is not aligned to 8 bytes");
  Header header;
  std::memcpy(&header, bytes.data(), sizeof(Header));
  if (header.magic != BlobMagic)
    throw Error("tokenizer: the data does not begin with ATOK");
  if (header.version != BlobVersion)
    throw Error(fmt::format("tokenizer: format version {}, expected {}", header.version, BlobVersion));
  if (header.sectionCount > (bytes.size() - sizeof(Header)) / sizeof(SectionEntry))
    throw Error(
        fmt::format("tokenizer: {} sections do not fit in {} bytes", header.sectionCount, bytes.size()));
  entries = {reinterpret_cast<const SectionEntry *>(bytes.data() + sizeof(Header)), header.sectionCount};
  for (const SectionEntry &entry : entries)
    if (entry.offset % SectionAlignment != 0 || entry.offset > bytes.size() ||
        entry.size > bytes.size() - entry.offset)
      throw Error(fmt::format("tokenizer: section {} at {} with {} bytes lies outside of {} bytes",
                              entry.kind, entry.offset, entry.size, bytes.size()));
}

std::span<const std::byte> Blob::find(Section section) const {
  for (const SectionEntry &entry : entries)
    if (entry.kind == static_cast<uint32_t>(section))
      return bytes.subspan(entry.offset, entry.size);
  return {};
}

void Blob::requireMultiple(Section section, size_t size, size_t element) {
  if (size % element != 0)
    throw Error(fmt::format("tokenizer: section {} has {} bytes, no multiple of {}",
                            static_cast<uint32_t>(section), size, element));
}

namespace {

// Reads the program section from front to back.
class ProgramReader {
public:
  explicit ProgramReader(std::span<const std::byte> bytes) : rest(bytes) {}

  std::vector<Step> steps() {
    std::vector<Step> result(count(MaxSteps));
    for (Step &step : result)
      step = readStep();
    return result;
  }

  Step onlyStep(const char *what) {
    std::vector<Step> list = steps();
    if (list.size() != 1)
      throw Error(fmt::format("tokenizer: {} {} steps, expected 1", list.size(), what));
    return std::move(list.front());
  }

private:
  static constexpr uint32_t MaxSteps = 256;

  uint32_t word() {
    if (rest.size() < 4)
      throw Error("tokenizer: the program ends within a step");
    uint32_t value;
    std::memcpy(&value, rest.data(), 4);
    rest = rest.subspan(4);
    return value;
  }

  // A count of things of which each takes at least four of the bytes that are left.
  uint32_t count(uint32_t limit) {
    uint32_t value = word();
    if (value > limit || value > rest.size() / 4)
      throw Error(fmt::format("tokenizer: a count of {} in the program", value));
    return value;
  }

  std::string_view text() {
    uint32_t length = word();
    size_t padded = (size_t{length} + 3) / 4 * 4;
    if (padded > rest.size())
      throw Error(fmt::format("tokenizer: a string of {} bytes where {} are left", length, rest.size()));
    std::string_view value(reinterpret_cast<const char *>(rest.data()), length);
    rest = rest.subspan(padded);
    return value;
  }

  Step readStep() {
    Step step;
    step.kind = static_cast<StepKind>(word());
    step.flags = word();
    step.integers.resize(count(UINT32_MAX));
    for (int32_t &value : step.integers)
      value = static_cast<int32_t>(word());
    step.strings.resize(count(UINT32_MAX));
    for (std::string_view &value : step.strings) {
      value = text();
      // Everything after the first check of a text relies on valid UTF-8. The character map is binary.
      if (step.kind != StepKind::Precompiled && !isValidUtf8(value))
        throw Error("tokenizer: a string of the program is not UTF-8");
    }
    return step;
  }

  std::span<const std::byte> rest;
};

} // namespace

Program Blob::program() const {
  ProgramReader reader(find(Section::Program));
  Program program;
  program.normalizers = reader.steps();
  program.preTokenizers = reader.steps();
  program.model = reader.onlyStep("model");
  program.surroundings = reader.onlyStep("template");
  program.decoders = reader.steps();
  if (program.surroundings.kind != StepKind::Template)
    throw Error("tokenizer: the template is of another kind");
  return program;
}

} // namespace attune::tokenizer
