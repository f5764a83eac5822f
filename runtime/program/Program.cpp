// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/program/Program.h"
#include "runtime/Error.h"
#include "runtime/program/CpuFeatures.h"
#include "runtime/program/ElfSection.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <unistd.h>

using namespace attune;

namespace {

/// What to call a program's file in messages, and where files beside it are.
std::string shownPath(const std::string &path) {
  char target[4096];
  ssize_t length = readlink(path.c_str(), target, sizeof(target));
  return length > 0 ? std::string(target, static_cast<size_t>(length)) : path;
}

std::string folderOf(const std::string &path) {
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

} // namespace

template <typename Use> void Program::forEachBlob(Use use) const {
  auto damaged = [&](const std::string &what) {
    return Error(fmt::format("'{}': damaged payload of {} bytes: {}", name, payload.size(), what));
  };
  PayloadHeader header;
  if (payload.size() < sizeof(header))
    throw damaged("too short for its header");
  std::memcpy(&header, payload.data(), sizeof(header));
  if (std::memcmp(header.magic, payloadMagic, sizeof(payloadMagic)) != 0)
    throw damaged("it does not begin with the mark of this version");
  if (header.blobCount > (payload.size() - sizeof(header)) / sizeof(PayloadBlob))
    throw damaged(fmt::format("{} blobs do not fit", header.blobCount));

  for (uint64_t i = 0; i < header.blobCount; ++i) {
    PayloadBlob blob;
    std::memcpy(&blob, payload.data() + sizeof(header) + i * sizeof(blob), sizeof(blob));
    std::string_view found(blob.name, strnlen(blob.name, sizeof(blob.name)));
    if (blob.offset > payload.size() || blob.bytes > payload.size() - blob.offset)
      throw damaged(
          fmt::format("blob '{}' (offset {}, {} bytes) lies outside", found, blob.offset, blob.bytes));
    if (use(found, payload.subspan(blob.offset, blob.bytes)))
      return;
  }
}

Program Program::own() {
  Program program;
  program.codes = {__start_attune_code, __stop_attune_code};
  if (attune_kernels)
    program.kernelTable = {attune_kernels, attune_kernel_count};
  std::string path = fileOfAddress(__start_attune_code);
  program.name = shownPath(path);
  std::optional<FileRange> range = findElfSection(path, payloadSection);
  if (!range)
    range = findElfSegment(path, payloadSegment);
  if (!range)
    throw Error(fmt::format(
        "'{}' carries no model (it has no section '{}'): compile one with attune-compile; if this "
        "is one, a tool that rewrites programs has dropped its weights",
        program.name, payloadSection));
  program.file = MappedFile(path, range->offset, range->bytes);
  program.payload = program.file.bytes();
  program.load(folderOf(program.name));
  return program;
}

Program::Program(std::span<const std::byte> payload, std::span<const AttuneEntry> entries, std::string name,
                 std::span<const AttuneKernel> kernels)
    : payload(payload), entries(entries), kernelTable(kernels), name(std::move(name)) {
  load("");
}

void Program::load(const std::string &folder) {
  std::optional<std::span<const std::byte>> metadata = blob("metadata");
  if (!metadata)
    throw Error(fmt::format("'{}': the payload has no metadata: the file is damaged", name));
  data = parseMetadata({reinterpret_cast<const char *>(metadata->data()), metadata->size()});
  chooseCpu();
  if (!codes.empty())
    chooseCode();
  tokenizerBlob = blob("tokenizer").value_or(std::span<const std::byte>());
  loadWeights(folder);
  for (const EntryInfo &info : data.entries)
    entry(info.name); // absent ones are found now rather than in the middle of a run
}

std::optional<std::span<const std::byte>> Program::blob(std::string_view wanted) const {
  std::optional<std::span<const std::byte>> result;
  forEachBlob([&](std::string_view found, std::span<const std::byte> bytes) {
    if (found == wanted)
      result = bytes;
    return result.has_value();
  });
  return result;
}

std::vector<std::string> Program::blobNames() const {
  std::vector<std::string> names;
  forEachBlob([&](std::string_view found, std::span<const std::byte>) {
    names.emplace_back(found);
    return false;
  });
  return names;
}

void Program::loadWeights(const std::string &folder) {
  if (data.weightsFile.empty()) {
    weightsBlob = blob("weights").value_or(std::span<const std::byte>());
  } else {
    weightsFile =
        MappedFile(data.weightsFile.starts_with('/') ? data.weightsFile : folder + data.weightsFile);
    weightsBlob = weightsFile.bytes();
  }
  uint64_t expected = static_cast<uint64_t>(data.weightBytes);
  if (weightsBlob.size() < expected)
    throw Error(fmt::format("'{}': {} bytes of weights, expected {}: the file is cut short",
                            data.weightsFile.empty() ? name : data.weightsFile, weightsBlob.size(),
                            expected));
}

void Program::chooseCpu() {
  if (data.cpus.empty())
    return;
  auto missing = [](const CpuInfo &cpu) { return missingCpuFeatures(cpu.features); };
  auto found = std::ranges::find_if(data.cpus.rbegin(), data.cpus.rend(),
                                    [&](const CpuInfo &cpu) { return missing(cpu).empty(); });
  if (found == data.cpus.rend()) {
    const CpuInfo &least = data.cpus.front();
    throw Error(
        fmt::format("this program was compiled for {}, a processor with {}, which is not available "
                    "here. Compile the model again with --cpu={}, or with --cpu=native on this machine.",
                    least.name, fmt::join(missing(least), ", "), cpuLevel()));
  }
  chosen = &*found;
}

void Program::chooseCode() {
  for (const AttuneCode &code : codes)
    if (!chosen || code.cpu == chosen->name) {
      entries = {code.entries, code.entryCount};
      return;
    }
  throw Error(fmt::format("'{}': there is no code for {}, which its metadata names", name, chosen->name));
}

const AttuneEntry &Program::entry(std::string_view entryName) const {
  for (const AttuneEntry &entry : entries)
    if (entry.name == entryName)
      return entry;
  throw Error(
      fmt::format("'{}': the compiled code has no entry '{}', which its metadata names", name, entryName));
}
