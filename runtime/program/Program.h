// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "runtime/device/DeviceAbi.h"
#include "runtime/program/MappedFile.h"
#include "runtime/program/Metadata.h"
#include "runtime/program/PayloadFormat.h"

#include <optional>

namespace attune {

/// Compiled code with its payload: what a program or shared library is made of. Immutable.
class Program {
public:
  /// The program or shared library that this code is linked into. Throws attune::Error if its payload is
  /// absent or damaged, or if the processor lacks features that the code was compiled for.
  static Program own();

  /// A payload in memory, which must stay, with the entries for this processor. For tests and other hosts;
  /// errors as above.
  Program(std::span<const std::byte> payload, std::span<const AttuneEntry> entries, std::string name,
          std::span<const AttuneKernel> kernels = {});

  const Metadata &metadata() const { return data; }

  /// Of metadata's `cpus`, the one whose code is used; null if it names none.
  const CpuInfo *cpu() const { return chosen; }

  /// The tokenizer's tables; empty if there is none.
  std::span<const std::byte> tokenizer() const { return tokenizerBlob; }
  std::span<const std::byte> weights() const { return weightsBlob; }

  /// Kernels for a device; empty in programs for the CPU.
  std::span<const AttuneKernel> kernels() const { return kernelTable; }

  /// What the payload holds, by name.
  std::vector<std::string> blobNames() const;
  std::optional<std::span<const std::byte>> blob(std::string_view name) const;

  /// The code of an entry; throws attune::Error if there is none of this name.
  const AttuneEntry &entry(std::string_view name) const;

  /// Bytes of everything that is embedded.
  uint64_t payloadBytes() const { return payload.size(); }

private:
  Program() = default;

  void load(const std::string &folder);
  /// Calls `use(name, bytes)` for each blob until it returns true.
  template <typename Use> void forEachBlob(Use use) const;
  void loadWeights(const std::string &folder);
  void chooseCpu();
  void chooseCode();

  MappedFile file, weightsFile;
  std::span<const std::byte> payload, tokenizerBlob, weightsBlob;
  std::span<const AttuneCode> codes; // to choose `entries` from
  std::span<const AttuneEntry> entries;
  std::span<const AttuneKernel> kernelTable;
  std::string name; // for messages
  Metadata data;
  const CpuInfo *chosen = nullptr;
};

} // namespace attune
