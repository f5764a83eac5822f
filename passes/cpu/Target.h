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
  Neon,    ///< sdot on 128 bits
};

struct CpuTarget {
  std::string request; ///< what `get` was called with: passes take it as their option
  std::string triple;
  std::string name;                  ///< what programs call it: `cpu`, or "aarch64"
  std::string cpu;                   ///< LLVM's name, e.g. "x86-64-v3", "znver3"
  std::string features;              ///< LLVM's feature string
  std::vector<std::string> required; ///< features that the runtime checks at start, e.g. "avx2"
  int vectorBits = 128;              ///< preferred vector width
  int registers = 16;                ///< for vectors
  DotKind dot = DotKind::Generic;
  bool fma = false;            ///< fused multiply-add of vectors
  bool halfConversion = false; ///< f16 to f32 in hardware

  /// "512" where LLVM must be told to use vectors of 512 bits (the function attribute prefer-vector-width).
  std::string preferredWidth() const { return std::to_string(vectorBits); }

  /// f32 lanes of a vector; 16 rows of a panel are 16 / lanes() vectors.
  int lanes() const { return vectorBits / 32; }
  /// Sums that a loop keeps in registers beside what it multiplies.
  int accumulators() const { return registers == 32 ? 24 : 12; }
  /// Panels of 16 outputs in a register tile: with one vector for each, an activation is loaded for every
  /// multiply-add, and loads are the limit.
  int panels() const { return vectorBits == 512 ? 2 : 1; }
  /// Rows of the register tile of a dense product.
  int denseRows() const { return vectorBits == 512 ? 12 : vectorBits == 256 || registers == 32 ? 6 : 2; }
  /// Columns of f32 weights that stay in a cache while rows pass, at most: 20 KB of the first level, or 96 KB
  /// of the second, where a line of weights is enough for 24 multiply-adds.
  int columnBlock() const { return vectorBits == 512 ? 768 : 320; }
  /// Rows and vectors of outputs of the register tile of an integer product.
  int quantizedRows() const { return vectorBits == 512 ? 6 : 4; }
  int quantizedVectors() const { return registers == 32 ? 2 : 1; }
  /// Whether codes that multiply any number of rows are the same bytes, so that unpacking them once pays.
  bool unpacksOnce() const { return dot == DotKind::Vnni512; }
  /// Rows for which unpacking pays: eight tiles. For fewer, what is unpacked between the products costs less
  /// than writing it down and reading it again.
  int leastUnpackedRows() const { return 8 * quantizedRows(); }

  /// Whether the compiler's own machine is of this kind.
  bool isHostKind() const;
  /// As Debian calls the kind of machine: "aarch64-linux-gnu".
  std::string machine() const;

  /// `name`: "native", an x86-64 level ("x86-64-v3"), "aarch64" for any processor of 64-bit Arm, or LLVM's
  /// name of a CPU of either kind; the name chooses the kind. Unknown names are errors that list the levels.
  static llvm::Expected<CpuTarget> get(llvm::StringRef name);
};

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_CPU_TARGET_H
