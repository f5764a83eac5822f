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
  int vectorBits;
  DotKind dot;
};

constexpr Capability x86Capabilities[] = {
    {"", 128, DotKind::Generic},
    {"avx2,fma", 256, DotKind::Avx2},
    {"avx2,fma,avxvnni", 256, DotKind::AvxVnni},
    {"avx512f,avx512bw,avx512vl", 512, DotKind::Avx2},
    {"avx512f,avx512bw,avx512vl,avx512vnni", 512, DotKind::Vnni512},
};

/// Features of x86 that generated code may use; those that the target has are what a program checks at its
/// start.
constexpr StringRef x86Checked[] = {"sse3",     "ssse3",      "sse4.1",    "sse4.2",   "popcnt",   "avx",
                                    "f16c",     "fma",        "avx2",      "bmi",      "bmi2",     "lzcnt",
                                    "movbe",    "avxvnni",    "avx512f",   "avx512bw", "avx512cd", "avx512dq",
                                    "avx512vl", "avx512vnni", "avx512bf16"};

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

void describeX86(CpuTarget &target, const MCSubtargetInfo &subtarget) {
  for (const Capability &capability : x86Capabilities)
    if (hasAll(subtarget, capability.features)) {
      target.vectorBits = capability.vectorBits;
      target.dot = capability.dot;
    }
  target.fma = hasAll(subtarget, "fma");
  target.halfConversion = hasAll(subtarget, "f16c");
  for (StringRef name : x86Checked)
    if (hasAll(subtarget, name))
      target.required.push_back(name.str());
}

} // namespace

Expected<CpuTarget> CpuTarget::get(StringRef name) {
  InitializeAllTargetInfos();
  InitializeAllTargetMCs();
  CpuTarget target;
  target.request = name.str();
  Triple triple(sys::getDefaultTargetTriple());
  target.triple = triple.str();
  target.cpu = name == "native" ? sys::getHostCPUName().str() : name.str();
  if (name == "native")
    target.features = hostFeatures();

  std::string error;
  const Target *llvmTarget = TargetRegistry::lookupTarget(triple, error);
  if (!llvmTarget)
    return createStringError("no code generator for %s: %s", target.triple.c_str(), error.c_str());
  // An unknown name would make LLVM print a warning and go on, so it is looked up from a known one.
  std::unique_ptr<MCSubtargetInfo> known(llvmTarget->createMCSubtargetInfo(triple, "", ""));
  if (!known->isCPUStringValid(target.cpu))
    return createStringError(
        "unknown CPU '%s': expected native, x86-64, x86-64-v2, x86-64-v3, x86-64-v4 or one of LLVM's names "
        "(llc -mcpu=help lists them)",
        target.cpu.c_str());
  std::unique_ptr<MCSubtargetInfo> subtarget(
      llvmTarget->createMCSubtargetInfo(triple, target.cpu, target.features));
  if (triple.isX86()) {
    describeX86(target, *subtarget);
  } else if (triple.isAArch64()) {
    target.fma = target.halfConversion = true;
  }
  return target;
}
