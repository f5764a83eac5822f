// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// safetensors: the compiler's reader and the runtime's, which are to agree on what is a file.
#include "InputFile.h"
#include "frontend/weights/Safetensors.h"
#include "runtime/Error.h"
#include "runtime/safetensors/Safetensors.h"

using namespace attune;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz::InputFile file(data, size);
  WeightStore store;
  llvm::consumeError(addSafetensorsFile(file.path(), store));
  try {
    SafetensorsFile tensors(file.path());
    volatile uint8_t sum = 0;
    for (const NamedTensor &tensor : tensors.tensors())
      if (!tensor.bytes.empty())
        sum = static_cast<uint8_t>(sum + static_cast<uint8_t>(tensor.bytes.front()) +
                                   static_cast<uint8_t>(tensor.bytes.back()));
  } catch (const Error &) {
  }
  return 0;
}
