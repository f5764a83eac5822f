// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Functions on tensors become functions on memory: results and taps are memory of the caller, the stream of
// activations that layers pass on is one buffer updated in place, the packed weights are an argument.

#include "passes/Passes.h"
#include "passes/layout/Formats.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_LOWERBOUNDARIES
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;
using bufferization::MaterializeInDestinationOp;
using bufferization::ToTensorOp;

namespace {

/// Taps that a function's body or the layers that it repeats store, by name, with the type of the memory for
/// all layers.
using Taps = llvm::MapVector<StringAttr, MemRefType>;

MemRefType memoryOf(TensorType type) { return MemRefType::get(type.getShape(), type.getElementType()); }

MemRefType tapMemory(TapOp tap) {
  auto type = cast<RankedTensorType>(tap.getValue().getType());
  SmallVector<int64_t> shape(type.getShape());
  if (tap.getLayer())
    shape.insert(shape.begin(), ShapedType::kDynamic);
  return MemRefType::get(shape, type.getElementType());
}

/// A function on its way to its new signature.
class Boundary {
public:
  Boundary(func::FuncOp function, const Taps &taps, bool isLayer)
      : function(function), taps(taps), isLayer(isLayer), builder(function.getContext()) {}

  void lower(const llvm::DenseMap<StringAttr, Taps> &tapsOf) {
    Block &body = function.front();
    originalArguments = body.getNumArguments();
    lowerArguments(body);
    addResults(body);
    for (auto &[name, type] : taps)
      tapArguments[name] = addArgument(type, "tap", name);
    weights = addArgument(MemRefType::get({ShapedType::kDynamic}, builder.getI8Type()), "weights",
                          builder.getStringAttr("weights"));
    function.walk([&](TapOp tap) { lowerTap(tap); });
    SmallVector<RepeatOp> repeats;
    function.walk([&](RepeatOp repeat) { repeats.push_back(repeat); });
    for (RepeatOp repeat : repeats)
      lowerRepeat(repeat, tapsOf.lookup(repeat.getLayerAttr().getAttr()));
    function.setFunctionType(builder.getFunctionType(body.getArgumentTypes(), {}));
  }

private:
  func::FuncOp function;
  const Taps &taps;
  bool isLayer;
  OpBuilder builder;
  unsigned originalArguments = 0;
  llvm::DenseMap<StringAttr, Value> tapArguments;
  llvm::DenseMap<Value, Value> sharedMemory;
  Value weights;

  /// Tensors become memory seen as a tensor; only the stream of a layer may be written.
  void lowerArguments(Block &body) {
    builder.setInsertionPointToStart(&body);
    for (unsigned i = 0; i < originalArguments; ++i) {
      BlockArgument argument = body.getArgument(i);
      Location loc = argument.getLoc();
      if (auto type = dyn_cast<RankedTensorType>(argument.getType())) {
        argument.setType(memoryOf(type));
        bool writable = isLayer && i == 0;
        auto tensor = ToTensorOp::create(builder, loc, type, argument, /*restrict=*/true, writable);
        argument.replaceAllUsesExcept(tensor, tensor);
      } else if (auto cache = dyn_cast<CacheType>(argument.getType())) {
        argument.setType(MemRefType::get({ShapedType::kDynamic}, builder.getI8Type()));
        auto cast = UnrealizedConversionCastOp::create(builder, loc, cache, argument);
        argument.replaceAllUsesExcept(cast.getResult(0), cast);
        function.setArgAttr(i, kRoleAttr, builder.getStringAttr("cache"));
      }
    }
  }

  /// Results are stored where the caller says; a layer's result replaces its stream.
  void addResults(Block &body) {
    auto terminator = cast<func::ReturnOp>(body.getTerminator());
    SmallVector<Value> destinations;
    for (unsigned i = 0; i < terminator.getNumOperands(); ++i) {
      auto type = cast<RankedTensorType>(terminator.getOperand(i).getType());
      auto name = function.getResultAttrOfType<StringAttr>(i, kNameAttr);
      destinations.push_back(isLayer ? Value(body.getArgument(0))
                                     : addArgument(memoryOf(type), "output", name));
    }
    builder.setInsertionPoint(terminator);
    for (auto [result, destination] : llvm::zip_equal(terminator.getOperands(), destinations))
      storeTensor(terminator.getLoc(), result, destination);
    terminator->setOperands({});
    function.setResAttrsAttr(nullptr);
    function.setFunctionType(builder.getFunctionType(function.getArgumentTypes(), {}));
  }

  Value addArgument(Type type, StringRef role, StringAttr name) {
    SmallVector<NamedAttribute> attributes{builder.getNamedAttr(kRoleAttr, builder.getStringAttr(role))};
    if (name)
      attributes.push_back(builder.getNamedAttr(kNameAttr, name));
    unsigned index = function.front().getNumArguments();
    function.setFunctionType(
        builder.getFunctionType(function.front().getArgumentTypes(), function.getResultTypes()));
    (void)function.insertArgument(index, type, builder.getDictionaryAttr(attributes), function.getLoc());
    return function.getArgument(index);
  }

  void storeTensor(Location loc, Value tensor, Value memory) {
    MaterializeInDestinationOp::create(builder, loc, TypeRange{}, tensor, memory, /*restrict=*/true,
                                       /*writable=*/true);
  }

  void lowerTap(TapOp tap) {
    builder.setInsertionPoint(tap);
    Location loc = tap.getLoc();
    Value memory = tapArguments.lookup(tap.getNameAttr());
    if (tap.getLayer()) {
      auto type = cast<MemRefType>(memory.getType());
      SmallVector<OpFoldResult> offsets(type.getRank(), builder.getIndexAttr(0)),
          strides(type.getRank(), builder.getIndexAttr(1)), sizes;
      offsets[0] = tap.getLayer();
      sizes = memref::getMixedSizes(builder, loc, memory);
      sizes[0] = builder.getIndexAttr(1);
      auto reduced = memref::SubViewOp::inferRankReducedResultType(
          cast<RankedTensorType>(tap.getValue().getType()).getShape(), type, offsets, sizes, strides);
      memory =
          memref::SubViewOp::create(builder, loc, cast<MemRefType>(reduced), memory, offsets, sizes, strides);
    }
    storeTensor(loc, tap.getValue(), memory);
    tap.erase();
  }

  /// The memory that holds a shared operand. What was computed is stored in memory of its own, where all
  /// layers find it: bufferization, which does not see calls, would give it away after the first.
  Value memoryFor(Location loc, Value value) {
    if (auto tensor = value.getDefiningOp<ToTensorOp>())
      return tensor.getBuffer();
    if (auto cast = value.getDefiningOp<UnrealizedConversionCastOp>())
      return cast.getInputs().front();
    if (!isa<RankedTensorType>(value.getType()))
      return value;
    Value &memory = sharedMemory[value];
    if (!memory) {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointAfterValue(value);
      memory = copyToMemory(loc, value);
    }
    return memory;
  }

  void lowerRepeat(RepeatOp repeat, const Taps &layerTaps) {
    builder.setInsertionPoint(repeat);
    Location loc = repeat.getLoc();
    Value stream = copyToMemory(loc, repeat.getInput());
    SmallVector<Value> shared;
    for (Value value : repeat.getShared())
      shared.push_back(memoryFor(loc, value));
    for (auto &[name, type] : layerTaps)
      shared.push_back(tapArguments.lookup(name));
    shared.push_back(weights);
    auto constant = [&](int64_t value) -> Value {
      return arith::ConstantIndexOp::create(builder, loc, value);
    };
    auto loop = scf::ForOp::create(builder, loc, constant(0), constant(repeat.getCount()), constant(1));
    {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointToStart(loop.getBody());
      Value i = loop.getInductionVar();
      SmallVector<Value> operands{stream,
                                  arith::AddIOp::create(builder, loc, i, constant(repeat.getRecord())),
                                  arith::AddIOp::create(builder, loc, i, constant(repeat.getFirst()))};
      llvm::append_range(operands, shared);
      func::CallOp::create(builder, loc, repeat.getLayerAttr(), TypeRange{}, operands);
    }
    Value result = ToTensorOp::create(builder, loc, repeat.getResult().getType(), stream, /*restrict=*/true,
                                      /*writable=*/true);
    repeat.replaceAllUsesWith(result);
    repeat.erase();
  }

  Value copyToMemory(Location loc, Value input) {
    auto type = cast<RankedTensorType>(input.getType());
    SmallVector<Value> sizes;
    for (int64_t dim = 0; dim < type.getRank(); ++dim)
      if (type.isDynamicDim(dim))
        sizes.push_back(tensor::DimOp::create(builder, loc, input, dim));
    Value memory = memref::AllocOp::create(builder, loc, memoryOf(type), sizes);
    storeTensor(loc, input, memory);
    return memory;
  }
};

struct LowerBoundaries : transformer::impl::LowerBoundariesBase<LowerBoundaries> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    llvm::DenseSet<StringAttr> layers;
    module.walk([&](RepeatOp repeat) { layers.insert(repeat.getLayerAttr().getAttr()); });
    llvm::DenseMap<StringAttr, Taps> tapsOf;
    SymbolTable symbols(module);
    for (auto function : module.getOps<func::FuncOp>())
      collectTaps(function, symbols, tapsOf[function.getSymNameAttr()]);
    for (auto function : llvm::make_early_inc_range(module.getOps<func::FuncOp>())) {
      if (function.isExternal() || !llvm::any_of(function.getFunctionType().getInputs(), isTensorOrCache))
        continue;
      Boundary(function, tapsOf.find(function.getSymNameAttr())->second,
               layers.contains(function.getSymNameAttr()))
          .lower(tapsOf);
    }
  }

  static bool isTensorOrCache(Type type) { return isa<TensorType, CacheType>(type); }

  /// Taps of the function and of the layers that it repeats.
  static void collectTaps(func::FuncOp function, SymbolTable &symbols, Taps &taps) {
    function.walk([&](Operation *op) {
      if (auto tap = dyn_cast<TapOp>(op))
        taps.insert({tap.getNameAttr(), tapMemory(tap)});
      else if (auto repeat = dyn_cast<RepeatOp>(op))
        collectTaps(symbols.lookup<func::FuncOp>(repeat.getLayer()), symbols, taps);
    });
  }
};

} // namespace
