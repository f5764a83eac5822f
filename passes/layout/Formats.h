// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// How parameters lie in the packed weights, shared by the passes of the layout stage.

#ifndef ATTUNE_PASSES_LAYOUT_FORMATS_H
#define ATTUNE_PASSES_LAYOUT_FORMATS_H

#include "dialect/Kernel.h"

namespace mlir::transformer {

/// Name of the attribute that tells a packed parameter's format; vectors have none and are stored as f32.
inline constexpr StringLiteral kFormatAttr = "kernel.format";
/// Name of the module's attribute that holds the size of the packed weights in bytes.
inline constexpr StringLiteral kWeightBytesAttr = "kernel.weight_bytes";
/// Name of the argument attribute that tells what memory a function's argument is: "weights", "cache",
/// "workspace", "tap".
inline constexpr StringLiteral kRoleAttr = "kernel.role";
/// Name of the argument (and result) attribute of entries that gives the tensor's name for the caller.
inline constexpr StringLiteral kNameAttr = "transformer.name";

/// The packed form of a matrix stored as `type`.
kernel::PackedAttr packedFor(MLIRContext *context, StorageType type);

/// Bytes of one record of a parameter.
int64_t recordBytes(ParameterOp parameter);

/// The type of a view of one record: the panels of a matrix, those of a stack of matrices one matrix after
/// another, or a vector of f32.
MemRefType viewType(ParameterOp parameter);

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_LAYOUT_FORMATS_H
