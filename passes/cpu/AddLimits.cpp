// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Functions that do nothing but multiply and add, as fast as the processor can: what profiles compare kernels
// with. Generated, since the runtime knows no instructions beyond the baseline.

#include "dialect/Kernel.h"
#include "passes/Passes.h"
#include "passes/cpu/ByteDot.h"
#include "passes/cpu/LaunchWork.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_ADDLIMITS
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

constexpr int64_t kChains = 12;    ///< independent of each other, enough to hide an instruction's latency
constexpr int64_t kRounds = 10000; ///< of a row, in each of which every chain goes on by one

/// `void f(i64 begin, i64 end, ptr)` with the work that a row of its range is.
func::FuncOp createRange(ModuleOp module, StringRef name, StringRef cpu, int64_t operations, bool isInt8) {
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  Type i64 = builder.getI64Type();
  auto type =
      builder.getFunctionType({i64, i64, LLVM::LLVMPointerType::get(builder.getContext())}, TypeRange());
  auto function = func::FuncOp::create(builder, module.getLoc(), name, type);
  function.setPrivate();
  NamedAttrList work;
  auto number = [&](StringRef field, int64_t value) { work.set(field, builder.getI64IntegerAttr(value)); };
  work.set("kind", builder.getStringAttr("limit"));
  work.set("name", builder.getStringAttr(cpu));
  number("operationsOfRow", operations);
  number("isInt8", isInt8);
  number("rowsAt", -1);
  number("batchAt", -1);
  function->setAttr(kWorkAttr, work.getDictionary(builder.getContext()));
  builder.setInsertionPointToStart(function.addEntryBlock());
  func::ReturnOp::create(builder, module.getLoc());
  return function;
}

/// The chains of a range. Their first values are not known before the program runs; their results are stored
/// where nobody may leave that out.
void emitChains(Emitter &e, func::FuncOp function, VectorType type,
                function_ref<Value(Value seed, int64_t chain)> first,
                function_ref<Value(Value seed, Value chain)> next, function_ref<Value(Values)> sum) {
  auto asIndex = [&](unsigned i) -> Value {
    return arith::IndexCastOp::create(e, e.getIndexType(), function.getArgument(i));
  };
  Value seed = function.getArgument(0);
  Values chains;
  for (int64_t i = 0; i < kChains; ++i)
    chains.push_back(first(seed, i));
  Value rounds = e.mul(e.sub(asIndex(1), asIndex(0)), kRounds);
  Values results = e.loop(e.index(0), rounds, 1, chains, [&](Value, ValueRange carried) {
    return llvm::map_to_vector(carried, [&](Value chain) { return next(seed, chain); });
  });
  Value one = LLVM::ConstantOp::create(e, e.getI64Type(), e.getI64IntegerAttr(1));
  Value memory = LLVM::AllocaOp::create(e, LLVM::LLVMPointerType::get(e.getContext()), type, one);
  LLVM::StoreOp::create(e, sum(results), memory, /*alignment=*/0, /*isVolatile=*/true);
}

void addMultiplyAdd(ModuleOp module, const CpuTarget &target) {
  func::FuncOp function =
      createRange(module, "limit_f32", target.name, 2 * target.lanes() * kChains * kRounds, /*isInt8=*/false);
  Emitter e(function.front().getTerminator(), target);
  auto splat = [&](Value seed) {
    return e.broadcast(arith::SIToFPOp::create(e, e.getF32Type(), seed), e.floats());
  };
  Value factor = splat(function.getArgument(0));
  emitChains(
      e, function, e.floats(),
      [&](Value seed, int64_t chain) {
        return arith::AddFOp::create(e, splat(seed), e.splat(e.floats(), static_cast<double>(chain)))
            .getResult();
      },
      [&](Value, Value chain) { return e.fma(factor, factor, chain); },
      [&](Values results) { return e.sumFloats(results); });
}

/// A factor is the chain itself: what does not change would be multiplied once.
void addByteDot(ModuleOp module, const CpuTarget &target) {
  func::FuncOp function = createRange(module, "limit_int8", target.name,
                                      2 * 4 * target.lanes() * kChains * kRounds, /*isInt8=*/true);
  Emitter e(function.front().getTerminator(), target);
  ByteDot dot(e, /*nibbles=*/false);
  auto splat = [&](Value seed) {
    return e.broadcast(arith::TruncIOp::create(e, e.getI32Type(), seed), e.ints());
  };
  ByteDot::Weights weights = dot.prepare(e.bitcast(splat(function.getArgument(0)), e.bytes()));
  emitChains(
      e, function, e.ints(),
      [&](Value seed, int64_t chain) {
        return arith::AddIOp::create(e, splat(seed), e.splat(e.ints(), chain)).getResult();
      },
      [&](Value, Value chain) { return dot.finish(dot.add(chain, weights, e.bitcast(chain, e.bytes()))); },
      [&](Values results) { return e.sumInts(results); });
}

bool isProfiled(ModuleOp module) {
  return module
      .walk([](kernel::LaunchOp op) {
        return op->hasAttr(kWorkAttr) ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

struct AddLimits : transformer::impl::AddLimitsBase<AddLimits> {
  using AddLimitsBase::AddLimitsBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (!isProfiled(module))
      return;
    auto target = CpuTarget::get(cpu);
    if (!target) {
      module.emitError() << llvm::toString(target.takeError());
      return signalPassFailure();
    }
    addMultiplyAdd(module, *target);
    addByteDot(module, *target);
  }
};

} // namespace
