// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// What code generation asks of a CPU: the one place where an instruction set becomes vector widths and
/// tiles.

#ifndef ATTUNE_PASSES_CPU_TARGET_H
#define ATTUNE_PASSES_CPU_TARGET_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace mlir::transformer {

/// How sums of products of bytes are formed.
enum class DotKind {
  Generic, ///< widening multiplications, on any target
  Avx2,    ///< vpmaddubsw and vpmaddwd on 256 bits
  AvxVnni, ///< vpdpbusd on 256 bits
  Vnni512, ///< vpdpbusd on 512 bits
};

struct CpuTarget {
  std::string request; ///< what `get` was called with: passes take it as their option
  std::string triple;
  std::string cpu;                   ///< LLVM's name, e.g. "x86-64-v3", "znver3"
  std::string features;              ///< LLVM's feature string
  std::vector<std::string> required; ///< features that the runtime checks at start, e.g. "avx2"
  int vectorBits = 128;              ///< preferred vector width
  DotKind dot = DotKind::Generic;
  bool fma = false;            ///< fused multiply-add of vectors
  bool halfConversion = false; ///< f16 to f32 in hardware

  /// "512" where LLVM must be told to use vectors of 512 bits (the function attribute prefer-vector-width).
  std::string preferredWidth() const { return std::to_string(vectorBits); }

  /// f32 lanes of a vector; 16 rows of a panel are 16 / lanes() vectors.
  int lanes() const { return vectorBits / 32; }
  /// Rows of the register tile of a dense product whose panel is 16 wide.
  int denseRows() const { return vectorBits == 512 ? 12 : vectorBits == 256 ? 6 : 2; }
  /// Rows of the register tile of an integer product.
  int quantizedRows() const { return vectorBits == 512 ? 8 : 4; }

  /// `name`: "native", an x86-64 level ("x86-64-v3") or an LLVM CPU name. Unknown names are errors that list
  /// the levels.
  static llvm::Expected<CpuTarget> get(llvm::StringRef name);
};

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_CPU_TARGET_H
