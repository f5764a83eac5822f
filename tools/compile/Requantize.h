// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef ATTUNE_TOOLS_COMPILE_REQUANTIZE_H
#define ATTUNE_TOOLS_COMPILE_REQUANTIZE_H

#include "frontend/Description.h"

namespace attune {

/// Every matrix of the model is to be stored as `type`; one whose columns no block of the type divides
/// becomes f16. With INT8 tables of embeddings become Q8_0. Vectors stay f32, and routers of experts as they
/// are.
void requantize(Description &description, StorageType type);

} // namespace attune

#endif // ATTUNE_TOOLS_COMPILE_REQUANTIZE_H
