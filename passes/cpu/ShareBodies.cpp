// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Launches of equal functions run one of them. The entry with taps, above all, does most of what the entry
// without them does, in functions of its own: code for them is generated once.

#include "dialect/Kernel.h"
#include "passes/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/OperationSupport.h"
#include "llvm/ADT/Hashing.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_SHAREBODIES
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// All attributes but the name.
NamedAttrList attributesOf(func::FuncOp function) {
  NamedAttrList attributes(function->getAttrDictionary());
  attributes.erase(function.getSymNameAttrName());
  return attributes;
}

llvm::hash_code hashOf(func::FuncOp function) {
  llvm::hash_code hash = hash_value(function.getFunctionType());
  function.getBody().walk<WalkOrder::PreOrder>([&](Operation *op) {
    hash =
        llvm::hash_combine(hash, OperationEquivalence::computeHash(op, OperationEquivalence::ignoreHashValue,
                                                                   OperationEquivalence::ignoreHashValue,
                                                                   OperationEquivalence::IgnoreLocations));
  });
  return hash;
}

bool areEqual(func::FuncOp a, func::FuncOp b) {
  return attributesOf(a) == attributesOf(b) &&
         OperationEquivalence::isRegionEquivalentTo(&a.getBody(), &b.getBody(),
                                                    OperationEquivalence::IgnoreLocations);
}

/// Private, and run by launches alone.
bool isBody(func::FuncOp function, ArrayRef<Operation *> users) {
  return function.isPrivate() && !function.isExternal() &&
         llvm::all_of(users, llvm::IsaPred<kernel::LaunchOp>);
}

struct ShareBodies : transformer::impl::ShareBodiesBase<ShareBodies> {
  void runOnOperation() override {
    SymbolTableCollection tables;
    SymbolUserMap users(tables, getOperation());
    llvm::DenseMap<size_t, SmallVector<func::FuncOp>> kept;
    for (func::FuncOp function : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>())) {
      if (!isBody(function, users.getUsers(function)))
        continue;
      SmallVector<func::FuncOp> &candidates = kept[hashOf(function)];
      auto equal = llvm::find_if(candidates, [&](func::FuncOp other) { return areEqual(function, other); });
      if (equal == candidates.end()) {
        candidates.push_back(function);
        continue;
      }
      for (Operation *user : users.getUsers(function))
        cast<kernel::LaunchOp>(user).setBody(equal->getSymName());
      function.erase();
    }
  }
};

} // namespace
