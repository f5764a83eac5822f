// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Compiles kernel operations on memrefs as the product does and runs them in this process: for tests and
/// benchmarks.

#ifndef ATTUNE_TEST_UNIT_KERNELS_KERNELJIT_H
#define ATTUNE_TEST_UNIT_KERNELS_KERNELJIT_H

#include "dialect/PackedFormat.h"
#include <cstdint>

#include <memory>
#include <string>

/// What a function takes for an argument of type memref<?x?xT> (or memref<?xT>, of which only the first sizes
/// count).
struct Matrix {
  void *allocated = nullptr, *aligned = nullptr;
  int64_t offset = 0;
  int64_t sizes[2] = {0, 0}, strides[2] = {0, 1};

  Matrix() = default;
  Matrix(const void *data, int64_t rows, int64_t columns, int64_t stride)
      : allocated(const_cast<void *>(data)), aligned(allocated), sizes{rows, columns}, strides{stride, 1} {}
};

struct Vector {
  void *allocated = nullptr, *aligned = nullptr;
  int64_t offset = 0, size = 0, stride = 1;

  Vector() = default;
  Vector(const void *data, int64_t size)
      : allocated(const_cast<void *>(data)), aligned(allocated), size(size) {}
};

class KernelJit {
public:
  /// Compiles a module's text for `cpu` ("native", ...); prints what is wrong and exits if it does not
  /// compile.
  explicit KernelJit(const std::string &module, const std::string &cpu = "native");
  ~KernelJit();

  /// Address of a function with the attribute llvm.emit_c_interface; it takes pointers to Matrix and Vector.
  template <typename... Arguments> void call(const std::string &name, Arguments *...arguments) const {
    reinterpret_cast<void (*)(Arguments *...)>(address(name))(arguments...);
  }
  /// Names of the functions outside the module that its code calls.
  const std::string &calls() const;
  /// Whether products of that many quantised rows with weights of a format may round these to 8 bits.
  bool roundsWeights(attune::PackedFormat format, int64_t rows) const;

private:
  void *address(const std::string &name) const;
  struct State;
  std::unique_ptr<State> state;
};

#endif // ATTUNE_TEST_UNIT_KERNELS_KERNELJIT_H
