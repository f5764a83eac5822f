// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef ATTUNE_DIALECT_KERNELBUFFERIZE_H
#define ATTUNE_DIALECT_KERNELBUFFERIZE_H

namespace mlir {
class DialectRegistry;

namespace kernel {
/// Lets one-shot bufferisation handle the kernel dialect.
void registerBufferizableOpInterfaceExternalModels(DialectRegistry &registry);
} // namespace kernel
} // namespace mlir

#endif // ATTUNE_DIALECT_KERNELBUFFERIZE_H
