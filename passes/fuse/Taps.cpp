// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Taps: erasing them, and splitting entries into a form without and a form with them.

#include "dialect/Transformer.h"
#include "passes/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_DROPTAPS
#define GEN_PASS_DEF_SPLITTAPS
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;
using mlir::func::FuncOp;

namespace {

constexpr StringLiteral kWithTaps = "transformer.taps";

using Functions = llvm::SmallSetVector<FuncOp, 8>;

int64_t eraseTaps(Operation *root) {
  int64_t erased = 0;
  root->walk([&](TapOp tap) {
    tap->erase();
    ++erased;
  });
  return erased;
}

bool holdsTap(FuncOp function) {
  return function.walk([](TapOp) { return WalkResult::interrupt(); }).wasInterrupted();
}

struct DropTaps : transformer::impl::DropTapsBase<DropTaps> {
  void runOnOperation() override { dropped += eraseTaps(getOperation()); }
};

struct SplitTaps : transformer::impl::SplitTapsBase<SplitTaps> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    Functions tapped;
    for (FuncOp entry : getOperation().getOps<FuncOp>())
      if (entry.isPublic() && !entry->hasAttr(kWithTaps))
        for (FuncOp function : reachableFrom(entry, symbols))
          if (reachesTap(function, symbols))
            tapped.insert(function);
    llvm::MapVector<FuncOp, FuncOp> clones;
    for (FuncOp function : tapped) {
      FuncOp clone = cloneWithTaps(function, symbols);
      if (!clone)
        return signalPassFailure();
      clones[function] = clone;
    }
    for (auto [function, clone] : clones)
      if (failed(redirect(clone, clones)))
        return signalPassFailure();
    for (FuncOp function : tapped)
      eraseTaps(function);
    cloned += clones.size();
  }

private:
  /// `start` and every function that it names, directly or through others.
  static Functions reachableFrom(FuncOp start, const SymbolTable &symbols) {
    Functions reached;
    reached.insert(start);
    for (size_t next = 0; next < reached.size(); ++next)
      if (auto uses = SymbolTable::getSymbolUses(reached[next]))
        for (SymbolTable::SymbolUse use : *uses)
          if (auto callee = symbols.lookup<FuncOp>(use.getSymbolRef().getRootReference()))
            reached.insert(callee);
    return reached;
  }

  static bool reachesTap(FuncOp start, const SymbolTable &symbols) {
    return llvm::any_of(reachableFrom(start, symbols), holdsTap);
  }

  /// A copy of `function` behind it; null, with a diagnostic, if its name is taken.
  static FuncOp cloneWithTaps(FuncOp function, SymbolTable &symbols) {
    std::string name = (function.getName() + "_taps").str();
    if (Operation *taken = symbols.lookup(name)) {
      function.emitError() << "its form with taps needs the name @" << name << ", which is taken";
      taken->emitRemark() << "@" << name << " is here";
      return {};
    }
    FuncOp clone = function.clone();
    clone.setName(name);
    if (clone.isPublic())
      clone->setAttr(kWithTaps, UnitAttr::get(clone.getContext()));
    symbols.insert(clone, std::next(Block::iterator(function)));
    return clone;
  }

  /// Lets `clone` name the clones instead of their originals.
  static LogicalResult redirect(FuncOp clone, const llvm::MapVector<FuncOp, FuncOp> &clones) {
    for (auto [original, replacement] : clones)
      if (failed(SymbolTable::replaceAllSymbolUses(original.getNameAttr(), replacement.getNameAttr(), clone)))
        return clone.emitError() << "cannot rename @" << original.getName() << " in it";
    return success();
  }
};

} // namespace
