// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/Emitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::transformer;

Emitter::Emitter(Operation *op, const CpuTarget &target) : LoopEmitter(op), target(target) {}

//===------------------------------ vectors -------------------------------===//

Value Emitter::splat(VectorType type, double value) {
  return arith::ConstantOp::create(*this, DenseElementsAttr::get(type, getF32FloatAttr(value).getValue()));
}

Value Emitter::splat(VectorType type, int64_t value) {
  return arith::ConstantOp::create(
      *this, DenseElementsAttr::get(type, getIntegerAttr(type.getElementType(), value)));
}

Value Emitter::zeros(VectorType type) {
  return arith::ConstantOp::create(*this, cast<TypedAttr>(getZeroAttr(type)));
}
Value Emitter::broadcast(Value scalar, VectorType type) {
  return vector::BroadcastOp::create(*this, type, scalar);
}
Value Emitter::bitcast(Value vector, VectorType type) {
  return vector.getType() == type ? vector : vector::BitCastOp::create(*this, type, vector).getResult();
}
Value Emitter::toFloats(Value ints) {
  return arith::SIToFPOp::create(*this, cast<VectorType>(ints.getType()).clone(getF32Type()), ints);
}

/// Without a fused instruction LLVM would call a function for every lane.
Value Emitter::fma(Value a, Value b, Value c) {
  if (target.fma)
    return vector::FMAOp::create(*this, a, b, c);
  return arith::AddFOp::create(*this, arith::MulFOp::create(*this, a, b), c);
}

Value Emitter::extend(Value halves) {
  auto type = cast<VectorType>(halves.getType());
  if (type.getElementType().isBF16()) {
    auto wide = type.clone(getI32Type());
    Value bits = arith::ExtUIOp::create(*this, wide, bitcast(halves, type.clone(getI16Type())));
    return bitcast(arith::ShLIOp::create(*this, bits, splat(wide, int64_t(16))), type.clone(getF32Type()));
  }
  if (target.halfConversion)
    return arith::ExtFOp::create(*this, type.clone(getF32Type()), halves);
  return extendHalfBits(halves);
}

/// f16 to f32 in integer arithmetic, since LLVM calls a function for every lane where there is no
/// instruction. Exponent and fraction are moved into place and scaled by 2^112, which is exact for subnormals
/// too; infinities and NaN get the exponent 255.
Value Emitter::extendHalfBits(Value halves) {
  auto type = cast<VectorType>(halves.getType());
  auto wide = type.clone(getI32Type()), floats = type.clone(getF32Type());
  auto constant = [&](int64_t value) { return splat(wide, value); };
  Value bits = arith::ExtUIOp::create(*this, wide, bitcast(halves, type.clone(getI16Type())));
  Value sign =
      arith::ShLIOp::create(*this, arith::AndIOp::create(*this, bits, constant(0x8000)), constant(16));
  Value magnitude =
      arith::ShLIOp::create(*this, arith::AndIOp::create(*this, bits, constant(0x7fff)), constant(13));
  Value scaled = arith::MulFOp::create(*this, bitcast(magnitude, floats), splat(floats, 0x1p112));
  Value special = arith::CmpIOp::create(*this, arith::CmpIPredicate::uge, magnitude, constant(0x7c00 << 13));
  Value result = arith::SelectOp::create(
      *this, special, arith::OrIOp::create(*this, magnitude, constant(0x7f800000)), bitcast(scaled, wide));
  return bitcast(arith::OrIOp::create(*this, result, sign), floats);
}

template <typename AddOp> static Value sumTree(Emitter &e, ArrayRef<Value> values) {
  Values level(values);
  while (level.size() > 1) {
    Values next;
    for (size_t i = 0; i + 1 < level.size(); i += 2)
      next.push_back(AddOp::create(e, level[i], level[i + 1]));
    if (level.size() % 2)
      next.push_back(level.back());
    level = next;
  }
  return level.front();
}

Value Emitter::sumInts(ArrayRef<Value> values) { return sumTree<arith::AddIOp>(*this, values); }
Value Emitter::sumFloats(ArrayRef<Value> values) { return sumTree<arith::AddFOp>(*this, values); }

Value Emitter::intrinsic(StringRef name, Type result, ValueRange arguments) {
  return LLVM::CallIntrinsicOp::create(*this, result, getStringAttr(name), arguments).getResults();
}

//===------------------------------- memory -------------------------------===//

Value Emitter::loadVector(VectorType type, Value memref, ValueRange indices) {
  return vector::LoadOp::create(*this, type, memref, indices);
}

Value Emitter::loadBytes(VectorType type, Value memref, Value row, Value offset) {
  int64_t size = type.getNumElements() * type.getElementTypeBitWidth() / 8;
  return bitcast(loadVector(vectorOf(getI8Type(), size), memref, {row, offset}), type);
}

void Emitter::storeVector(Value vector, Value memref, ValueRange indices) {
  vector::StoreOp::create(*this, vector, memref, indices);
}

void Emitter::prefetch(Value memref, Value row, Value offset, int locality) {
  memref::PrefetchOp::create(*this, memref, ValueRange{row, offset}, /*isWrite=*/false, locality,
                             /*isDataCache=*/true);
}
