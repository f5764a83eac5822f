// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// What the passes that expand kernel operations to loops have in common.

#ifndef ATTUNE_PASSES_CPU_EXPANSION_H
#define ATTUNE_PASSES_CPU_EXPANSION_H

#include "passes/cpu/Emitter.h"

namespace mlir::transformer {

/// Replaces every `KernelOp` on memrefs below `root` by what `expand(Emitter &, KernelOp)` emits before it.
/// Operations on tensors are left alone. Fails where `expand` does, and for a CPU that is not known.
template <typename KernelOp, typename Expand>
LogicalResult expandAll(Operation *root, StringRef cpu, Expand expand) {
  SmallVector<KernelOp> ops;
  root->walk([&](KernelOp op) {
    if (llvm::none_of(op->getOperandTypes(), llvm::IsaPred<TensorType>))
      ops.push_back(op);
  });
  if (ops.empty())
    return success();
  llvm::Expected<CpuTarget> target = CpuTarget::get(cpu);
  if (!target)
    return root->emitError() << llvm::toString(target.takeError());
  for (KernelOp op : ops) {
    Emitter emitter(op, *target);
    if (failed(expand(emitter, op)))
      return failure();
    op->erase();
  }
  return success();
}

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_CPU_EXPANSION_H
