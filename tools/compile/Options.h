// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// The command line of attune-compile.

#ifndef ATTUNE_TOOLS_COMPILE_OPTIONS_H
#define ATTUNE_TOOLS_COMPILE_OPTIONS_H

#include "frontend/weights/BlockFormat.h"

#include <optional>
#include <string>
#include <vector>

namespace attune {

/// What is written, from the most abstract form to the product.
enum class Emit {
  description,
  graph,
  transformer,
  fused,
  layout,
  linalg,
  gpu,
  llvm,
  assembly,
  object,
  library,
  executable
};

enum class Activations { automatic, f32, int8, f16, bf16 };
/// Where the kernels run.
enum class Target { cpu, cuda, rocm, opencl };

/// As a program's metadata has it: "cuda".
const char *targetName(Target target);

enum class CacheType { automatic, f32, f16, int8 };

struct CompileOptions {
  std::string model, output;
  Emit emit = Emit::executable;
  Target target = Target::cpu;
  std::vector<std::string> chips; ///< of the device, the oldest first; empty: the usual ones
  bool emulate = false;           ///< kernels are compiled for the host as well
  std::vector<std::string> cpus;  ///< that run the program, its kernels included if the target is the CPU
  Activations activations = Activations::automatic;
  CacheType cache = CacheType::automatic;
  std::optional<StorageType> quantize; ///< nothing: keep
  int64_t context = 0;                 ///< 0: the model's own
  bool weightsInFile = false;
  std::optional<std::string> compare;     ///< token ids to compare on (Compare.h); nothing is written then
  std::optional<double> compareTolerance; ///< nothing: as the types of activations and cache allow
  bool sanitize = false;
  bool report = false;
  std::string dumpPassesTo;
  std::vector<std::string> disabledFusions;
};

/// Parses the command line; on a usage error, prints it and exits with 2.
CompileOptions parseOptions(int argc, char **argv);

} // namespace attune

#endif // ATTUNE_TOOLS_COMPILE_OPTIONS_H
