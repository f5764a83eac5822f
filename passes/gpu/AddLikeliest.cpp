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

/// What an argument of an entry is for, and its name.
DictionaryAttr describe(Builder builder, StringRef role, StringRef name) {
  return builder.getDictionaryAttr({builder.getNamedAttr(kRoleAttr, builder.getStringAttr(role)),
                                    builder.getNamedAttr(kNameAttr, builder.getStringAttr(name))});
}

void addLikeliest(func::FuncOp entry, BlockArgument logits) {
  OpBuilder builder(entry.front().getTerminator());
  int64_t rows = cast<MemRefType>(logits.getType()).getDimSize(0);
  unsigned last = entry.getNumArguments();
  if (succeeded(entry.insertArgument(last, MemRefType::get({rows, 1}, builder.getI32Type()),
                                     describe(builder, "choice", "likeliest"), entry.getLoc())))
    kernel::LikeliestOp::create(builder, entry.getLoc(), logits, /*temperatures=*/Value(),
                                /*partial_tokens=*/Value(), /*partial_masses=*/Value(),
                                entry.getArgument(last), /*values=*/Value());
}

/// An entry of its own behind `entry`: what it does is not done for who wants one token.
void addCandidates(func::FuncOp entry, MemRefType logits, int64_t count) {
  OpBuilder builder(entry.getContext());
  builder.setInsertionPointAfter(entry);
  int64_t rows = logits.getDimSize(0);
  int64_t slices = llvm::divideCeil(logits.getDimSize(1), kernel::LikeliestOp::kSlice);
  Type i32 = builder.getI32Type(), f32 = builder.getF32Type();
  SmallVector<Type> types{logits,
                          MemRefType::get({rows}, f32),
                          MemRefType::get({rows, slices, count}, i32),
                          MemRefType::get({rows, slices}, f32),
                          MemRefType::get({rows, count}, i32),
                          MemRefType::get({rows, count + 1}, f32)};
  SmallVector<DictionaryAttr> arguments{
      describe(builder, "input", "logits"),           describe(builder, "input", "temperatures"),
      describe(builder, "scratch", "partial_tokens"), describe(builder, "scratch", "partial_masses"),
      describe(builder, "choice", "candidates"),      describe(builder, "choice", "candidate_values")};
  auto function = func::FuncOp::create(builder, entry.getLoc(), (entry.getName() + "_candidates").str(),
                                       builder.getFunctionType(types, {}));
  function.setAllArgAttrs(arguments);
  Block *body = function.addEntryBlock();
  builder.setInsertionPointToStart(body);
  auto values = body->getArguments();
  kernel::LikeliestOp::create(builder, entry.getLoc(), values[0], values[1], values[2], values[3], values[4],
                              values[5]);
  func::ReturnOp::create(builder, entry.getLoc());
}

struct AddLikeliest : transformer::impl::AddLikeliestBase<AddLikeliest> {
  using AddLikeliestBase::AddLikeliestBase;

  void runOnOperation() override {
    for (auto entry : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>())) {
      if (!entry.isPublic() || entry.isExternal())
        continue;
      BlockArgument logits = findLogits(entry);
      if (!logits)
        continue;
      addLikeliest(entry, logits);
      if (auto type = cast<MemRefType>(logits.getType()); !type.isDynamicDim(1))
        addCandidates(entry, type, count);
    }
  }
};

} // namespace
