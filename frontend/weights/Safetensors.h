// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading safetensors: one file, or a model folder as Hugging Face lays it out.

#ifndef ATTUNE_FRONTEND_WEIGHTS_SAFETENSORS_H
#define ATTUNE_FRONTEND_WEIGHTS_SAFETENSORS_H

#include "frontend/weights/WeightStore.h"

namespace attune {

/// Opens a .safetensors file, or a folder that holds model.safetensors or model.safetensors.index.json with
/// the shards that it names. Files are mapped, not read. Whatever the format does not allow is an error that
/// names the file, the tensor, what was found and what was expected: a header that is no JSON or does not
/// fit, offsets that are inverted, overlap, leave holes, exceed the file or do not match the shape, unknown
/// types, names given twice.
/// Matrices in MXFP4, which are two tensors in such files, are one of the store: see joinMxfp4.
llvm::Expected<WeightStore> openSafetensors(llvm::StringRef path);

/// Adds the tensors of one file to `store`.
llvm::Error addSafetensorsFile(llvm::StringRef path, WeightStore &store);

/// Each `NAME_blocks`, u8 [matrices, rows, blocks, 16], and `NAME_scales`, u8 [matrices, rows, blocks],
/// become `NAME`, mxfp4 [matrices, rows, 32 * blocks] (gpt-oss' experts; OCP's Microscaling Formats 1.0:
/// elements e2m1, scales e8m0). Nothing is copied. Errors: blocks without scales, scales of another shape or
/// type.
llvm::Error joinMxfp4(WeightStore &store);

} // namespace attune

#endif
