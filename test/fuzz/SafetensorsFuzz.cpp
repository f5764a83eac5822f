// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// safetensors: the compiler's reader and the runtime's, which are to agree on what is a file.
#include "InputFile.h"
#include "frontend/weights/Packing.h"
#include "frontend/weights/Safetensors.h"
#include "runtime/Error.h"
#include "runtime/safetensors/Safetensors.h"

using namespace attune;

/// Packs the first panel of each matrix.
static void readMatrices(const WeightStore &store) {
  for (const TensorInfo &tensor : store.tensors()) {
    llvm::Expected<PackSource> source = PackSource::of(tensor);
    if (!source) {
      llvm::consumeError(source.takeError());
      continue;
    }
    if (source->columns > 4096) // zeros of no file's size
      continue;
    PackedFormat format = packedFormatOf(source->type);
    std::vector<uint8_t> packed(format.panelBytes(source->columns));
    llvm::consumeError(packPanels(format, {*source}, 0, 1, packed.data()));
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz::InputFile file(data, size);
  if (llvm::Expected<WeightStore> store = openSafetensors(file.path()))
    readMatrices(*store);
  else
    llvm::consumeError(store.takeError());
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
