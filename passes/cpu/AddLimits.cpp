// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Functions that do nothing but multiply and add, or read, as fast as the processor can: what profiles
// compare kernels with. Generated, since the runtime knows no instructions beyond the baseline.

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

constexpr int64_t kPiece = 4096; ///< bytes of a row that is read

/// What a row of a range is.
struct RowWork {
  int64_t operations = 0, bytes = 0;
  bool isInt8 = false;
};

/// `void f(i64 begin, i64 end, ptr)` with the work that a row of its range is.
func::FuncOp createRange(ModuleOp module, StringRef name, StringRef cpu, const RowWork &row) {
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
  number("operationsOfRow", row.operations);
  number("bytesOfRow", row.bytes);
  number("isInt8", row.isInt8);
  number("rowsAt", -1);
  number("batchAt", -1);
  function->setAttr(kWorkAttr, work.getDictionary(builder.getContext()));
  builder.setInsertionPointToStart(function.addEntryBlock());
  func::ReturnOp::create(builder, module.getLoc());
  return function;
}

Value asIndex(Emitter &e, Value number) { return arith::IndexCastOp::create(e, e.getIndexType(), number); }

/// Stores a result where nobody may leave that out.
void keep(Emitter &e, Value result) {
  Value one = LLVM::ConstantOp::create(e, e.getI64Type(), e.getI64IntegerAttr(1));
  Value memory = LLVM::AllocaOp::create(e, LLVM::LLVMPointerType::get(e.getContext()), result.getType(), one);
  LLVM::StoreOp::create(e, result, memory, /*alignment=*/0, /*isVolatile=*/true);
}

/// The chains of a range. Their first values are not known before the program runs.
Values emitChains(Emitter &e, func::FuncOp function, function_ref<Value(int64_t chain)> first,
                  function_ref<Value(Value chain)> next) {
  Values chains;
  for (int64_t i = 0; i < kChains; ++i)
    chains.push_back(first(i));
  Value rows = e.sub(asIndex(e, function.getArgument(1)), asIndex(e, function.getArgument(0)));
  return e.loop(e.index(0), e.mul(rows, kRounds), 1, chains,
                [&](Value, ValueRange carried) { return llvm::map_to_vector(carried, next); });
}

void addMultiplyAdd(ModuleOp module, const CpuTarget &target) {
  func::FuncOp function =
      createRange(module, "limit_f32", target.name, {.operations = 2 * target.lanes() * kChains * kRounds});
  Emitter e(function.front().getTerminator(), target);
  Value seed = e.broadcast(arith::SIToFPOp::create(e, e.getF32Type(), function.getArgument(0)), e.floats());
  auto first = [&](int64_t chain) -> Value {
    return arith::AddFOp::create(e, seed, e.splat(e.floats(), static_cast<double>(chain)));
  };
  keep(e, e.sumFloats(emitChains(e, function, first, [&](Value chain) { return e.fma(seed, seed, chain); })));
}

/// A factor is the chain itself: what does not change would be multiplied once.
void addByteDot(ModuleOp module, const CpuTarget &target) {
  func::FuncOp function =
      createRange(module, "limit_int8", target.name,
                  {.operations = 2 * 4 * target.lanes() * kChains * kRounds, .isInt8 = true});
  Emitter e(function.front().getTerminator(), target);
  Value seed = e.broadcast(arith::TruncIOp::create(e, e.getI32Type(), function.getArgument(0)), e.ints());
  ByteDot dot(e, /*nibbles=*/false);
  ByteDot::Weights weights = dot.prepare(e.bitcast(seed, e.bytes()));
  auto first = [&](int64_t chain) -> Value {
    return arith::AddIOp::create(e, seed, e.splat(e.ints(), chain));
  };
  keep(e, e.sumInts(emitChains(e, function, first, [&](Value chain) {
    return dot.finish(dot.add(chain, weights, e.bitcast(chain, e.bytes())));
  })));
}

/// The context is the memory that is read, of which each row is a piece.
void addReading(ModuleOp module, const CpuTarget &target) {
  constexpr int64_t kStreams = 8; // sums that do not wait for each other
  func::FuncOp function = createRange(module, "limit_read", target.name, {.bytes = kPiece});
  Emitter e(function.front().getTerminator(), target);
  int64_t size = target.vectorBits / 8;
  auto offsetOf = [&](unsigned argument) {
    return e.mul(asIndex(e, function.getArgument(argument)), kPiece);
  };
  auto read = [&](Value offset) -> Value {
    Value at = arith::IndexCastOp::create(e, e.getI64Type(), offset);
    Value address = LLVM::GEPOp::create(e, function.getArgument(2).getType(), e.getI8Type(),
                                        function.getArgument(2), ArrayRef<LLVM::GEPArg>{at});
    return LLVM::LoadOp::create(e, e.ints(), address, /*alignment=*/1);
  };
  keep(e, e.sumInts(e.loop(offsetOf(0), offsetOf(1), kStreams * size, Values(kStreams, e.zeros(e.ints())),
                           [&](Value offset, ValueRange carried) {
                             Values next;
                             for (auto [i, sum] : llvm::enumerate(carried))
                               next.push_back(arith::AddIOp::create(
                                   e, sum, read(e.add(offset, static_cast<int64_t>(i) * size))));
                             return next;
                           })));
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
    addReading(module, *target);
  }
};

} // namespace
