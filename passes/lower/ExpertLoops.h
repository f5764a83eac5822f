// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// kernel.route and kernel.dispatch as scalar loops, for any target.

#ifndef ATTUNE_PASSES_LOWER_EXPERTLOOPS_H
#define ATTUNE_PASSES_LOWER_EXPERTLOOPS_H

#include "dialect/Kernel.h"
#include "passes/lower/LoopEmitter.h"

namespace mlir::transformer {

/// The choices of tokens. `forRows` calls what it is given with each row, from a loop of its own or as one
/// work item of many; the scratch is created before it.
void emitRoute(LoopEmitter &e, kernel::RouteOp op, function_ref<void(function_ref<void(Value row)>)> forRows);

/// The order of all choices: a counting sort.
void emitDispatch(LoopEmitter &e, kernel::DispatchOp op);

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_LOWER_EXPERTLOOPS_H
