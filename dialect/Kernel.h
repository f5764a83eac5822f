// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// The `kernel` dialect: operations on packed weights and the physical cache. Semantics stand in
/// KernelOps.td.

#ifndef ATTUNE_DIALECT_KERNEL_H
#define ATTUNE_DIALECT_KERNEL_H

#include "dialect/PackedFormat.h"
#include "dialect/Transformer.h"

#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/TilingInterface.h"

namespace mlir::kernel {
/// Rows of the cache whose keys lie side by side, element by element; scales of integers go in such groups
/// too.
inline constexpr int64_t kKeyGroup = 16;
} // namespace mlir::kernel

#include "dialect/KernelDialect.h.inc"
#include "dialect/KernelEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/KernelAttrs.h.inc"

#define GET_OP_CLASSES
#include "dialect/KernelOps.h.inc"

#endif // ATTUNE_DIALECT_KERNEL_H
