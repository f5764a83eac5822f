// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/Target.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

#include <memory>

using namespace llvm;
using namespace mlir::transformer;

namespace {

/// What a set of features gives; the last line whose features are all there wins.
struct Capability {
  StringRef features; ///< comma-separated, in LLVM's names
  int vectorBits, registers;
  DotKind dot;
};

constexpr Capability x86Capabilities[] = {
    {"", 128, 16, DotKind::Generic},
    {"avx2,fma", 256, 16, DotKind::Avx2},
    {"avx2,fma,avxvnni", 256, 16, DotKind::AvxVnni},
    {"avx512f,avx512bw,avx512vl", 512, 32, DotKind::Avx2},
    {"avx512f,avx512bw,avx512vl,avx512vnni", 512, 32, DotKind::Vnni512},
};

/// The name of what every processor of 64-bit Arm has, which LLVM has none for.
constexpr StringRef armBaseline = "aarch64";

constexpr Capability armCapabilities[] = {
    {"", 128, 32, DotKind::Generic},
    {"dotprod", 128, 32, DotKind::Neon},
};

/// Features of x86 that generated code may use; those that the target has are what a program checks at its
/// start.
constexpr StringRef x86Checked[] = {"sse3",     "ssse3",      "sse4.1",    "sse4.2",   "popcnt",   "avx",
                                    "f16c",     "fma",        "avx2",      "bmi",      "bmi2",     "lzcnt",
                                    "movbe",    "avxvnni",    "avx512f",   "avx512bw", "avx512cd", "avx512dq",
                                    "avx512vl", "avx512vnni", "avx512bf16"};

/// The same of 64-bit Arm. Vectors of floats are there always.
constexpr StringRef armChecked[] = {"crc",     "lse",     "rdm",    "fullfp16",  "rcpc", "dotprod", "flagm",
                                    "fp16fml", "fptoint", "jsconv", "complxnum", "aes",  "sha2",    "sha3",
                                    "bf16",    "i8mm",    "sve",    "sve2",      "cssc", "mops",    "sve2p1"};

bool hasAll(const MCSubtargetInfo &subtarget, StringRef features) {
  SmallVector<StringRef> names;
  features.split(names, ',', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  return all_of(names, [&](StringRef name) { return subtarget.checkFeatures(("+" + name).str()); });
}

std::string hostFeatures() {
  SmallVector<std::string> features;
  for (const auto &feature : sys::getHostCPUFeatures())
    features.push_back((feature.second ? "+" : "-") + feature.first().str());
  sort(features); // the map's order is not the same in every run
  return join(features, ",");
}

void describe(CpuTarget &target, const MCSubtargetInfo &subtarget, ArrayRef<Capability> capabilities,
              ArrayRef<StringRef> checked) {
  for (const Capability &capability : capabilities)
    if (hasAll(subtarget, capability.features)) {
      target.vectorBits = capability.vectorBits;
      target.registers = capability.registers;
      target.dot = capability.dot;
    }
  for (StringRef name : checked)
    if (hasAll(subtarget, name))
      target.required.push_back(name.str());
}

/// Sets triple and CPU to what `name` is a name of: the host's kind of machine comes first. Nothing if LLVM
/// does not know the CPU, which would otherwise make it print a warning and go on.
const Target *findMachine(CpuTarget &target, StringRef name) {
  target.name = target.cpu = name == "native" ? sys::getHostCPUName().str() : name.str();
  if (name == armBaseline)
    target.cpu = "generic";
  for (const std::string &text : {sys::getDefaultTargetTriple(), std::string("aarch64-unknown-linux-gnu"),
                                  std::string("x86_64-unknown-linux-gnu")}) {
    Triple triple(text);
    if (name == armBaseline && !triple.isAArch64())
      continue;
    std::string error;
    const Target *machine = TargetRegistry::lookupTarget(triple, error);
    if (!machine)
      continue;
    // Asked of a CPU that is known.
    std::unique_ptr<MCSubtargetInfo> known(machine->createMCSubtargetInfo(triple, "", ""));
    if (!known->isCPUStringValid(target.cpu))
      continue;
    target.triple = text;
    return machine;
  }
  return nullptr;
}

} // namespace

bool CpuTarget::isHostKind() const {
  return Triple(triple).getArch() == Triple(sys::getDefaultTargetTriple()).getArch();
}

std::string CpuTarget::machine() const { return (Triple(triple).getArchName() + "-linux-gnu").str(); }

Expected<CpuTarget> CpuTarget::get(StringRef name) {
  InitializeAllTargetInfos();
  InitializeAllTargetMCs();
  CpuTarget target;
  target.request = name.str();
  if (name == "native")
    target.features = hostFeatures();
  const Target *machine = findMachine(target, name);
  if (!machine)
    return createStringError("unknown CPU '%s': expected native, x86-64, x86-64-v2, x86-64-v3, x86-64-v4, "
                             "aarch64 or one of LLVM's "
                             "names (llc -march=x86-64 -mcpu=help lists them, or -march=aarch64)",
                             target.cpu.c_str());
  Triple triple(target.triple);
  std::unique_ptr<MCSubtargetInfo> subtarget(
      machine->createMCSubtargetInfo(triple, target.cpu, target.features));
  if (triple.isX86()) {
    describe(target, *subtarget, x86Capabilities, x86Checked);
    target.fma = hasAll(*subtarget, "fma");
    target.halfConversion = hasAll(*subtarget, "f16c");
  } else if (triple.isAArch64()) {
    describe(target, *subtarget, armCapabilities, armChecked);
    target.fma = target.halfConversion = true;
  }
  return target;
}
