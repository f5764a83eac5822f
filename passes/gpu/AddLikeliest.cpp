// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialect/Kernel.h"
#include "passes/Passes.h"
#include "passes/layout/Formats.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_ADDLIKELIEST
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

bool has(func::FuncOp entry, BlockArgument argument, StringRef attribute, StringRef value) {
  auto found = entry.getArgAttrOfType<StringAttr>(argument.getArgNumber(), attribute);
  return found && found.getValue() == value;
}

/// The memory that an entry writes its logits to; null if it has none, or taps.
BlockArgument findLogits(func::FuncOp entry) {
  BlockArgument logits;
  for (BlockArgument argument : entry.getArguments()) {
    if (has(entry, argument, kRoleAttr, "tap"))
      return {};
    if (has(entry, argument, kRoleAttr, "output") && has(entry, argument, kNameAttr, "logits"))
      logits = argument;
  }
  return logits;
}

void addLikeliest(func::FuncOp entry, BlockArgument logits) {
  OpBuilder builder(entry.front().getTerminator());
  auto type =
      MemRefType::get(cast<MemRefType>(logits.getType()).getShape().take_front(), builder.getI32Type());
  unsigned last = entry.getNumArguments();
  auto attributes =
      builder.getDictionaryAttr({builder.getNamedAttr(kRoleAttr, builder.getStringAttr("choice")),
                                 builder.getNamedAttr(kNameAttr, builder.getStringAttr("likeliest"))});
  if (succeeded(entry.insertArgument(last, type, attributes, entry.getLoc())))
    kernel::LikeliestOp::create(builder, entry.getLoc(), logits, entry.getArgument(last));
}

struct AddLikeliest : transformer::impl::AddLikeliestBase<AddLikeliest> {
  void runOnOperation() override {
    for (auto entry : getOperation().getOps<func::FuncOp>()) {
      if (!entry.isPublic() || entry.isExternal())
        continue;
      if (BlockArgument logits = findLogits(entry))
        addLikeliest(entry, logits);
    }
  }
};

} // namespace
