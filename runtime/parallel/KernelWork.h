// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// What compiled code tells of the kernels that it gives to attune_parallel_for.

#ifndef ATTUNE_RUNTIME_PARALLEL_KERNELWORK_H
#define ATTUNE_RUNTIME_PARALLEL_KERNELWORK_H

#include <cstdint>

extern "C" {
/// A kernel, and what a launch of it costs as numbers of the rows (tokens, for the most part) that the launch
/// has. The section `attune_work` is an array of them. Bytes count as if each thing were moved once; an
/// operation is an addition, a multiplication or an element that is made.
struct AttuneKernelWork {
  void (*body)(int64_t begin, int64_t end, void *context);
  const char *kind; ///< "linear", "attention", "norm"; "limit": it is never launched, but shows what can be
  const char *name; ///< the field of the description that it was made of, may be empty; of a limit the CPU
  int64_t weightBytes; ///< of which a row reads `weightBytesOfRow`, and none is read twice
  int64_t weightBytesOfRow;
  int64_t bytesOfRow; ///< of what is read and written for each row
  int64_t operationsOfRow;
  int64_t bytesOfKey;              ///< for each key that any row of a sequence sees
  int64_t operationsOfKey;         ///< for each key and row that sees it
  int64_t isInt8;                  ///< whether the operations are int8 products
  int64_t rowsAt;                  ///< where in the context the number of rows stands (int64_t); -1: it is 1
  int64_t batchAt;                 ///< where the address of the batch stands; -1: there are no keys
  int64_t isCausal, window, chunk; ///< of the mask; window and chunk 0: there is none
};
// As for `attune_code`: weak, since the runtime by itself has no kernels, and hidden.
extern const AttuneKernelWork __start_attune_work[] __attribute__((weak, visibility("hidden")));
extern const AttuneKernelWork __stop_attune_work[] __attribute__((weak, visibility("hidden")));
}

#endif // ATTUNE_RUNTIME_PARALLEL_KERNELWORK_H
