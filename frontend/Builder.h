// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// A description to a module of the `transformer` dialect, in plain operations only.
///
/// The entry `@step` names its arguments and results by the attribute `transformer.name`. With T tokens and R
/// rows whose logits are wanted:
///
/// | kind | arguments | results |
/// |---|---|---|
/// | decoder | `input_ids` [T], `batch` [T, 3], `output_rows` [R], `cache` | `logits` [R, vocabulary] |
/// | encoder | the same | `last_hidden_state` [T, hidden], and `logits` with a head |
/// | literal | `batch`, `cache` | `outputs` [T, hidden] |
///
/// An encoder without a head has no `output_rows`. A literal model's inputs are rows of literal parameters:
/// the one at a token's position. Each layer kind is a private function `(x, record, layer, batch[, angles],
/// cache) -> x`.
///
/// Taps: `hidden_states` (before each layer, and after the final norm under the number of layers),
/// `attentions`; literal models: `q`, `k`, `v`, `scores`, `weights`, `outputs`.

#ifndef ATTUNE_FRONTEND_BUILDER_H
#define ATTUNE_FRONTEND_BUILDER_H

#include "frontend/Description.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace attune {

/// How keys and values are kept.
enum class CacheElement { f32, f16, bf16, int8 };

struct BuilderOptions {
  CacheElement cache = CacheElement::f32;
};

/// Builds and verifies the module of a validated description with bound tensors. Null after a diagnostic, for
/// what the dialect cannot say: layers whose keys differ in size.
mlir::OwningOpRef<mlir::ModuleOp> buildModule(mlir::MLIRContext &context, const Description &description,
                                              const BuilderOptions &options = {});

} // namespace attune

#endif // ATTUNE_FRONTEND_BUILDER_H
