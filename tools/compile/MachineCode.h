// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// LLVM's optimiser and code generators, for processors and for devices.

#ifndef ATTUNE_TOOLS_COMPILE_MACHINECODE_H
#define ATTUNE_TOOLS_COMPILE_MACHINECODE_H

#include "llvm/Support/CodeGen.h"
#include "llvm/Support/Error.h"
#include "llvm/Target/TargetMachine.h"

#include <memory>
#include <optional>
#include <string>

namespace attune {

/// As LLVM names a machine.
struct MachineName {
  std::string triple, cpu, features;
  std::optional<llvm::Reloc::Model> relocation = std::nullopt;
  llvm::CodeGenOptLevel level = llvm::CodeGenOptLevel::Aggressive; ///< of `generate`
};

/// Products and sums are contracted: a * b + c in one rounding, as vector.fma already is.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>> createMachine(const MachineName &name);

/// The module is for this machine. Before `optimize`.
void setMachine(llvm::Module &module, const llvm::TargetMachine &machine);

/// -O3. `sanitize` adds LLVM's AddressSanitizer.
void optimize(llvm::Module &module, llvm::TargetMachine &machine, bool sanitize = false);

/// Assembly or an object file.
llvm::Expected<std::string> generate(llvm::Module &module, llvm::TargetMachine &machine,
                                     llvm::CodeGenFileType type);

} // namespace attune

#endif // ATTUNE_TOOLS_COMPILE_MACHINECODE_H
