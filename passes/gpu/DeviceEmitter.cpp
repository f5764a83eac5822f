// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/gpu/DeviceEmitter.h"
#include "passes/gpu/DeviceModules.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::transformer;

/// A name that no other launch has, of letters that assemblers take.
static std::string kernelName(Operation *op, StringRef what) {
  auto function = op->getParentOfType<func::FuncOp>();
  auto module = op->getParentOfType<ModuleOp>();
  auto count = module->getAttrOfType<IntegerAttr>(DeviceEmitter::kLaunchCount);
  int64_t number = count ? count.getInt() : 0;
  module->setAttr(DeviceEmitter::kLaunchCount, Builder(op->getContext()).getI64IntegerAttr(number + 1));
  std::string name = (function.getName() + "_" + what + "_" + Twine(number)).str();
  std::replace_if(name.begin(), name.end(), [](char c) { return !llvm::isAlnum(c); }, '_');
  return name;
}

DeviceEmitter::DeviceEmitter(Operation *op, StringRef what, ArrayRef<Value> grid, int64_t threads,
                             StringRef chip)
    : LoopEmitter(op), threads(threads) {
  auto size = [&](size_t i) { return i < grid.size() ? grid[i] : index(1); };
  launch = gpu::LaunchOp::create(*this, size(0), size(1), size(2), index(threads), index(1), index(1),
                                 Value(), Type(), ValueRange(), TypeRange(), TypeRange(), Value(), Value(),
                                 Value(), FlatSymbolRefAttr::get(getContext(), deviceModuleOf(chip)),
                                 FlatSymbolRefAttr::get(getContext(), kernelName(op, what)));
  Block &body = launch.getBody().front();
  setInsertionPointToEnd(&body);
  auto terminator = gpu::TerminatorOp::create(*this);
  setInsertionPoint(terminator);
  thread = launch.getThreadIds().x;
}

Value DeviceEmitter::block(int dimension) const {
  gpu::KernelDim3 ids = const_cast<gpu::LaunchOp &>(launch).getBlockIds();
  return dimension == 0 ? ids.x : dimension == 1 ? ids.y : ids.z;
}

Value DeviceEmitter::shared(ArrayRef<int64_t> shape, Type element) {
  auto space = gpu::AddressSpaceAttr::get(getContext(), gpu::AddressSpace::Workgroup);
  return launch.addWorkgroupAttribution(MemRefType::get(shape, element, MemRefLayoutAttrInterface(), space),
                                        getLoc());
}

void DeviceEmitter::barrier() { gpu::BarrierOp::create(*this); }

void DeviceEmitter::forThreads(Value end, function_ref<void(Value)> body) {
  loop(thread, end, threads, body);
}

void DeviceEmitter::when(Value condition, function_ref<void()> body) {
  auto branch = scf::IfOp::create(*this, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(branch.thenBlock());
  body();
}

void DeviceEmitter::once(function_ref<void()> body) {
  when(arith::CmpIOp::create(*this, arith::CmpIPredicate::eq, thread, index(0)), body);
}

Value DeviceEmitter::reduce(Value value, Combine combine) {
  Value &scratch = scratches[value.getType()];
  if (!scratch)
    scratch = shared({threads}, value.getType());
  store(value, scratch, thread);
  barrier();
  for (int64_t half = threads / 2; half > 0; half /= 2) {
    when(arith::CmpIOp::create(*this, arith::CmpIPredicate::ult, thread, index(half)), [&] {
      Value other = load(scratch, add(thread, half));
      store(combine(load(scratch, thread), other), scratch, thread);
    });
    barrier();
  }
  Value result = load(scratch, index(0));
  barrier(); // before the scratch is used again
  return result;
}

LogicalResult transformer::launchByRows(Operation *op, Value rows, int64_t limit,
                                        function_ref<LogicalResult(Operation *)> few,
                                        function_ref<LogicalResult(Operation *)> many) {
  LoopEmitter host(op);
  Value isFew = arith::CmpIOp::create(host, arith::CmpIPredicate::ule, rows, host.index(limit));
  auto branch = scf::IfOp::create(host, isFew, /*withElseRegion=*/true);
  return success(succeeded(few(branch.thenBlock()->getTerminator())) &&
                 succeeded(many(branch.elseBlock()->getTerminator())));
}

Value transformer::callRuntime(LoopEmitter &host, StringRef name, Type result, ValueRange arguments) {
  auto module = host.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  auto function = module.lookupSymbol<func::FuncOp>(name);
  if (!function) {
    OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
    function = func::FuncOp::create(builder, module.getLoc(), name,
                                    builder.getFunctionType(arguments.getTypes(), result));
    function.setPrivate();
  }
  return func::CallOp::create(host, function, arguments).getResult(0);
}

Value transformer::ceilDiv(LoopEmitter &e, Value count, int64_t size) {
  return e.div(e.add(count, size - 1), size);
}
