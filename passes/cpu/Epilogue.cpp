// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// What follows a product while it is in registers: the op's scalar region on vectors, and stores.

#include "passes/cpu/Product.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/OpDefinition.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// The scalar region on vectors of the target's width.
struct VectorRegion {
  Emitter &e;
  Block &block;

  Type vectorType(Type scalar) { return e.vectorOf(scalar, e.lanes()); }

  /// A scalar of the region on a vector; constants and values from outside it become splats.
  Value operand(IRMapping &map, Value scalar) {
    if (Value vector = map.lookupOrNull(scalar))
      return vector;
    Value vector = e.broadcast(scalar, cast<VectorType>(vectorType(scalar.getType())));
    map.map(scalar, vector);
    return vector;
  }

  void constant(IRMapping &map, arith::ConstantOp op) {
    auto type = cast<VectorType>(vectorType(op.getType()));
    map.map(op.getResult(),
            arith::ConstantOp::create(e, DenseElementsAttr::get(type, cast<TypedAttr>(op.getValue()))));
  }

  FailureOr<Value> emit(ArrayRef<Value> arguments) {
    IRMapping map;
    map.map(block.getArguments(), arguments);
    for (Operation &op : block.without_terminator()) {
      if (auto constantOp = dyn_cast<arith::ConstantOp>(op)) {
        constant(map, constantOp);
        continue;
      }
      if (!OpTrait::hasElementwiseMappableTraits(&op))
        return op.emitOpError() << "in an epilogue, which takes elementwise operations";
      OperationState state(e.getLoc(), op.getName());
      for (Value value : op.getOperands())
        state.addOperands(operand(map, value));
      for (Type type : op.getResultTypes())
        state.addTypes(vectorType(type));
      state.addAttributes(op.getAttrs());
      map.map(op.getResults(), e.create(state)->getResults());
    }
    return operand(map, cast<kernel::YieldOp>(block.getTerminator()).getValue());
  }
};

struct TileStore {
  Emitter &e;
  kernel::LinearOp op;
  const Tile &tile;
  ArrayRef<Values> products;
  Value outputs = e.dimension(op.getOutput(), 1);

  /// The output column of a tile's column.
  Value position(const Column &column) {
    return e.add(e.mul(column.panel, attune::PackedFormat::panelRows), column.first);
  }

  Value loadExtra(Value extra, Value row, Value column, Value mask) {
    Values indices{row, column};
    if (cast<MemRefType>(extra.getType()).getRank() == 1)
      indices = {column};
    if (!mask)
      return e.loadVector(e.floats(), extra, indices);
    return vector::MaskedLoadOp::create(e, e.floats(), extra, indices, mask, e.zeros(e.floats()));
  }

  /// Stores a vector of outputs; with `mask` only some lanes are outputs.
  LogicalResult storeVector(int r, size_t c, Value mask) {
    Value row = e.add(tile.row, r), column = position(tile.columns[c]);
    Values arguments;
    for (const Values &product : products)
      arguments.push_back(product[r * tile.columns.size() + c]);
    for (Value extra : op.getExtras())
      arguments.push_back(loadExtra(extra, row, column, mask));
    FailureOr<Value> result = VectorRegion{e, op.getEpilogue().front()}.emit(arguments);
    if (failed(result))
      return failure();
    if (mask)
      vector::MaskedStoreOp::create(e, op.getOutput(), ValueRange{row, column}, mask, *result);
    else
      e.storeVector(*result, op.getOutput(), {row, column});
    return success();
  }

  LogicalResult store(bool masked) {
    for (size_t c = 0; c < tile.columns.size(); ++c) {
      Value mask;
      if (masked) {
        // A panel's last rows may be no outputs at all: then no lane is set.
        Value end = e.add(position(tile.columns[c]), 0);
        Value left = arith::MaxSIOp::create(e, e.sub(outputs, end), e.index(0));
        mask = vector::CreateMaskOp::create(e, e.vectorOf(e.getI1Type(), e.lanes()), left);
      }
      for (int r = 0; r < tile.rows; ++r)
        if (failed(storeVector(r, c, mask)))
          return failure();
    }
    return success();
  }

  LogicalResult emit() {
    std::optional<int64_t> known = constantOf(outputs);
    if (known && *known % attune::PackedFormat::panelRows == 0)
      return store(/*masked=*/false);
    Value end = e.add(position(tile.columns.back()), e.lanes());
    Value whole = arith::CmpIOp::create(e, arith::CmpIPredicate::ule, end, outputs);
    LogicalResult full = success(), tail = success();
    e.branch(whole, [&] { full = store(/*masked=*/false); }, [&] { tail = store(/*masked=*/true); });
    return success(succeeded(full) && succeeded(tail));
  }
};

} // namespace

LogicalResult transformer::storeTile(Emitter &e, kernel::LinearOp op, const Tile &tile,
                                     ArrayRef<Values> products) {
  return TileStore{e, op, tile, products}.emit();
}
