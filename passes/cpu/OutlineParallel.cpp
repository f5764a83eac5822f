// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The body of a parallel loop becomes a function of a range of iterations, run by kernel.launch: as
// gpu.launch is outlined for a GPU.

#include "dialect/Kernel.h"
#include "passes/Passes.h"
#include "passes/cpu/LaunchWork.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_OUTLINEPARALLEL
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

struct OutlineParallel : transformer::impl::OutlineParallelBase<OutlineParallel> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    SmallVector<scf::ForallOp> loops;
    getOperation().walk<WalkOrder::PreOrder>([&](scf::ForallOp loop) {
      loops.push_back(loop);
      return WalkResult::skip();
    });
    for (scf::ForallOp loop : loops)
      outline(loop, symbols);
  }

  void outline(scf::ForallOp loop, SymbolTable &symbols) {
    Location loc = loop.getLoc();
    OpBuilder builder(loop);
    sinkConstants(loop);
    llvm::SetVector<Value> captured;
    getUsedValuesDefinedAbove(loop.getRegion(), captured);
    // Trip counts are captured too: the body turns a flat index back into its indices.
    SmallVector<Value> trips = tripCounts(builder, loop);
    captured.insert(trips.begin(), trips.end());
    for (OpFoldResult bound : llvm::concat<OpFoldResult>(loop.getMixedLowerBound(), loop.getMixedStep()))
      if (auto value = dyn_cast<Value>(bound))
        captured.insert(value);
    Value count = trips.front();
    for (Value trip : ArrayRef<Value>(trips).drop_front())
      count = arith::MulIOp::create(builder, loc, count, trip);
    func::FuncOp body = createBody(loop, captured.getArrayRef(), trips, symbols);
    auto launch =
        kernel::LaunchOp::create(builder, loc, FlatSymbolRefAttr::get(body), count, captured.getArrayRef());
    launch->setAttr(kWorkAttr, workOf(loop, captured.getArrayRef()));
    loop.erase();
  }

  static SmallVector<Value> tripCounts(OpBuilder &builder, scf::ForallOp loop) {
    Location loc = loop.getLoc();
    SmallVector<Value> trips;
    for (auto [lower, upper, step] :
         llvm::zip_equal(loop.getLowerBound(builder), loop.getUpperBound(builder), loop.getStep(builder)))
      trips.push_back(
          arith::CeilDivUIOp::create(builder, loc, arith::SubIOp::create(builder, loc, upper, lower), step));
    return trips;
  }

  /// Constants are cloned into the body rather than passed.
  static void sinkConstants(scf::ForallOp loop) {
    llvm::SetVector<Value> captured;
    getUsedValuesDefinedAbove(loop.getRegion(), captured);
    OpBuilder builder = OpBuilder::atBlockBegin(loop.getBody());
    for (Value value : captured)
      if (Operation *constant = value.getDefiningOp();
          constant && constant->hasTrait<OpTrait::ConstantLike>())
        replaceAllUsesInRegionWith(value, builder.clone(*constant)->getResult(0), loop.getRegion());
  }

  func::FuncOp createBody(scf::ForallOp loop, ArrayRef<Value> captured, ArrayRef<Value> trips,
                          SymbolTable &symbols) {
    Location loc = loop.getLoc();
    OpBuilder builder(&getContext());
    SmallVector<Type> types(2, builder.getIndexType());
    llvm::append_range(types, TypeRange(ValueRange(captured)));
    std::string name = (loop->getParentOfType<func::FuncOp>().getSymName() + "_parallel").str();
    auto body = func::FuncOp::create(loc, name, builder.getFunctionType(types, {}));
    body.setPrivate();
    symbols.insert(body);
    Block *entry = body.addEntryBlock();
    IRMapping mapping;
    for (auto [value, argument] : llvm::zip_equal(captured, entry->getArguments().drop_front(2)))
      mapping.map(value, argument);
    builder.setInsertionPointToStart(entry);
    Value one = arith::ConstantIndexOp::create(builder, loc, 1);
    auto range = scf::ForOp::create(builder, loc, entry->getArgument(0), entry->getArgument(1), one);
    func::ReturnOp::create(builder, loc);
    builder.setInsertionPoint(range);
    for (Operation &op : loop.getBody()->without_terminator())
      if (isScratch(op))
        builder.clone(op, mapping);
    builder.setInsertionPointToStart(range.getBody());
    mapInductionVariables(builder, loop, trips, range.getInductionVar(), mapping);
    for (Operation &op : loop.getBody()->without_terminator())
      if (!isScratch(op))
        builder.clone(op, mapping);
    return body;
  }

  /// Scratch of known size: one for all iterations of a call, since what is taken from the stack stays taken
  /// until the function returns.
  static bool isScratch(Operation &op) { return isa<memref::AllocaOp>(op) && op.getNumOperands() == 0; }

  /// index = lower + step * digit, the digits of the flat index in the system of the trip counts; the last
  /// one runs fastest.
  static void mapInductionVariables(OpBuilder &builder, scf::ForallOp loop, ArrayRef<Value> trips, Value flat,
                                    IRMapping &mapping) {
    Location loc = loop.getLoc();
    auto valueIn = [&](OpFoldResult bound) -> Value {
      if (auto value = dyn_cast<Value>(bound))
        return mapping.lookup(value);
      return arith::ConstantIndexOp::create(builder, loc, *getConstantIntValue(bound));
    };
    SmallVector<OpFoldResult> lower = loop.getMixedLowerBound(), step = loop.getMixedStep();
    for (int64_t i = static_cast<int64_t>(trips.size()) - 1; i >= 0; --i) {
      Value digit = flat;
      if (i > 0) {
        Value trip = mapping.lookup(trips[i]);
        digit = arith::RemUIOp::create(builder, loc, flat, trip);
        flat = arith::DivUIOp::create(builder, loc, flat, trip);
      }
      Value scaled = arith::MulIOp::create(builder, loc, digit, valueIn(step[i]));
      mapping.map(loop.getInductionVar(i),
                  arith::AddIOp::create(builder, loc, scaled, valueIn(lower[i])).getResult());
    }
  }
};

} // namespace
