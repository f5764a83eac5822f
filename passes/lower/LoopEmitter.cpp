// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/lower/LoopEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::transformer;

std::optional<int64_t> transformer::constantOf(Value value) {
  APInt constant;
  if (!matchPattern(value, m_ConstantInt(&constant)))
    return std::nullopt;
  return constant.getSExtValue();
}

Value LoopEmitter::index(int64_t value) { return arith::ConstantIndexOp::create(*this, value); }
Value LoopEmitter::add(Value a, Value b) { return createOrFold<arith::AddIOp>(a, b); }
Value LoopEmitter::add(Value a, int64_t b) { return b == 0 ? a : add(a, index(b)); }
Value LoopEmitter::sub(Value a, Value b) { return createOrFold<arith::SubIOp>(a, b); }
Value LoopEmitter::mul(Value a, int64_t b) { return createOrFold<arith::MulIOp>(a, index(b)); }
Value LoopEmitter::div(Value a, int64_t b) { return b == 1 ? a : createOrFold<arith::DivUIOp>(a, index(b)); }
Value LoopEmitter::rem(Value a, int64_t b) { return createOrFold<arith::RemUIOp>(a, index(b)); }
Value LoopEmitter::min(Value a, Value b) { return createOrFold<arith::MinUIOp>(a, b); }
Value LoopEmitter::roundDown(Value a, int64_t b) { return mul(div(a, b), b); }

Value LoopEmitter::dimension(Value memref, int64_t dim) {
  auto type = cast<MemRefType>(memref.getType());
  if (!type.isDynamicDim(dim))
    return index(type.getDimSize(dim));
  return createOrFold<memref::DimOp>(memref, dim);
}

Value LoopEmitter::load(Value memref, ValueRange indices) {
  return memref::LoadOp::create(*this, memref, indices);
}

void LoopEmitter::store(Value value, Value memref, ValueRange indices) {
  memref::StoreOp::create(*this, value, memref, indices);
}

Value LoopEmitter::stackBuffer(MemRefType type) {
  OpBuilder::InsertionGuard guard(*this);
  Operation *scope = getInsertionBlock()->getParentOp();
  while (!isa<func::FuncOp, gpu::LaunchOp>(scope))
    scope = scope->getParentOp();
  setInsertionPointToStart(&scope->getRegion(0).front());
  return memref::AllocaOp::create(*this, type, getI64IntegerAttr(64));
}

Values LoopEmitter::loop(Value from, Value to, int64_t step, ValueRange carried, Body body) {
  auto loop = scf::ForOp::create(*this, from, to, index(step), carried);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(loop.getBody());
  Values results = body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!carried.empty())
    scf::YieldOp::create(*this, results);
  return loop.getResults();
}

void LoopEmitter::loop(Value from, Value to, int64_t step, function_ref<void(Value)> body) {
  loop(from, to, step, {}, [&](Value iv, ValueRange) {
    body(iv);
    return Values();
  });
}

void LoopEmitter::branch(Value condition, function_ref<void()> whenTrue, function_ref<void()> whenFalse) {
  if (std::optional<int64_t> constant = constantOf(condition))
    return *constant ? whenTrue() : whenFalse();
  auto branch = scf::IfOp::create(*this, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(branch.thenBlock());
  whenTrue();
  setInsertionPointToStart(branch.elseBlock());
  whenFalse();
}
