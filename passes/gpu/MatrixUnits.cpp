// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/gpu/MatrixUnits.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::transformer;

void MatrixUnits::storeAll(ArrayRef<Pending> pending) {
  for (const Pending &store : pending) {
    auto bytes = static_cast<uint64_t>(cast<VectorType>(store.vector.getType()).getNumElements() * 2);
    vector::StoreOp::create(e, store.vector, store.memory, store.place, /*nontemporal=*/false,
                            llvm::MaybeAlign(bytes));
  }
}

void MatrixUnits::copy(Value from, ValueRange fromPlace, Value to, ValueRange toPlace, int64_t bytes) {
  // Past the first cache, which takes all sizes, go whole lines alone.
  auto cache = bytes == 16 ? NVVM::LoadCacheModifierKind::CG : NVVM::LoadCacheModifierKind::CA;
  NVVM::CpAsyncOp::create(e, pointer(to, toPlace, NVVM::NVVMMemorySpace::Shared),
                          pointer(from, fromPlace, NVVM::NVVMMemorySpace::Global),
                          static_cast<uint32_t>(bytes), cache, Value());
}

Value MatrixUnits::narrow(Value vector) {
  auto narrowed = VectorType::get(cast<VectorType>(vector.getType()).getShape(), type);
  return arith::TruncFOp::create(e, narrowed, vector);
}

Value MatrixUnits::pair(Value low, Value high) {
  auto wide = VectorType::get(2, e.getF32Type());
  Value narrowed = narrow(vector::FromElementsOp::create(e, wide, ValueRange{low, high}));
  // What the instruction's operands are.
  return type.isF16() ? narrowed : LLVM::BitcastOp::create(e, e.getI32Type(), narrowed).getResult();
}

Values MatrixUnits::loadMatrices(Value memory, ValueRange place, NVVM::MMALayout layout) {
  Type i32 = e.getI32Type();
  auto result = LLVM::LLVMStructType::getLiteral(e.getContext(), {i32, i32, i32, i32});
  auto shape = NVVM::LdStMatrixShapeAttr::get(e.getContext(), 8, 8);
  Value loaded = NVVM::LdMatrixOp::create(e, result, pointer(memory, place, NVVM::NVVMMemorySpace::Shared), 4,
                                          layout, shape, NVVM::LdStMatrixEltType::B16);
  Values words;
  for (int64_t i = 0; i < 4; ++i) {
    Value word = LLVM::ExtractValueOp::create(e, loaded, i);
    if (type.isF16())
      word = LLVM::BitcastOp::create(e, VectorType::get(2, type), word);
    words.push_back(word);
  }
  return words;
}

void MatrixUnits::accumulate(MutableArrayRef<Value> sums, ArrayRef<Value> rows, ArrayRef<Value> columns) {
  Type f32 = e.getF32Type();
  auto result = LLVM::LLVMStructType::getLiteral(e.getContext(), {f32, f32, f32, f32});
  NVVM::MMATypes multiplied = type.isF16() ? NVVM::MMATypes::f16 : NVVM::MMATypes::bf16;
  Value product = NVVM::MmaOp::create(e, result, ValueRange(rows), ValueRange(columns), ValueRange(sums),
                                      ArrayRef<int64_t>{16, 8, 16}, std::nullopt, std::nullopt,
                                      std::array{multiplied, multiplied},
                                      std::array{NVVM::MMALayout::row, NVVM::MMALayout::col});
  for (auto [i, sum] : llvm::enumerate(sums))
    sum = LLVM::ExtractValueOp::create(e, product, static_cast<int64_t>(i));
}

Value MatrixUnits::address(Value memref, ValueRange indices) {
  auto memory = cast<MemRefType>(memref.getType());
  Value element = indices[0];
  for (auto [index, size] : llvm::zip(indices.drop_front(), memory.getShape().drop_front()))
    element = e.add(e.mul(element, size), index);
  Value base = memref::ExtractAlignedPointerAsIndexOp::create(e, memref);
  Value bytes = e.add(base, e.mul(element, memory.getElementTypeBitWidth() / 8));
  return arith::IndexCastOp::create(e, e.getI64Type(), bytes);
}

Value MatrixUnits::pointer(Value memref, ValueRange indices, NVVM::NVVMMemorySpace space) {
  return LLVM::IntToPtrOp::create(e, LLVM::LLVMPointerType::get(e.getContext(), static_cast<unsigned>(space)),
                                  address(memref, indices));
}
