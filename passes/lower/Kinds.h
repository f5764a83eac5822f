// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Locations that remember what operation code was made of, once it is plain loops.

#ifndef ATTUNE_PASSES_LOWER_KINDS_H
#define ATTUNE_PASSES_LOWER_KINDS_H

#include "mlir/IR/Location.h"
#include "mlir/IR/Operation.h"

namespace mlir::transformer {

/// The operation's location, with its name ("norm").
inline Location withKind(Operation *op) {
  StringAttr kind = StringAttr::get(op->getContext(), op->getName().stripDialect());
  return FusedLoc::get(op->getContext(), {op->getLoc()}, kind);
}

/// The name in a location; empty if it remembers none.
inline StringRef kindIn(Location loc) {
  auto found = loc->findInstanceOf<FusedLocWith<StringAttr>>();
  return found ? found.getMetadata().getValue() : StringRef();
}

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_LOWER_KINDS_H
