// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/gguf/Architecture.h"

using namespace attune;
using namespace attune::gguf;

llvm::ArrayRef<Architecture> gguf::architectures() {
  static const Architecture table[] = {
      {"llama", describeLlama},
  };
  return table;
}
