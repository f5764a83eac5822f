// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialect/Transformer.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::transformer;

#include "dialect/TransformerDialect.cpp.inc"
#include "dialect/TransformerEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/TransformerAttrs.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialect/TransformerTypes.cpp.inc"

void TransformerDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialect/TransformerAttrs.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialect/TransformerTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialect/TransformerOps.cpp.inc"
      >();
}

StorageType transformer::storageOf(RankedTensorType type) {
  if (auto stored = dyn_cast_or_null<StoredAttr>(type.getEncoding()))
    return stored.getType();
  return StorageType::f32;
}

LogicalResult MaskAttr::verify(function_ref<InFlightDiagnostic()> emitError, bool causal, int64_t window,
                               int64_t chunk) {
  if (window < 0)
    return emitError() << "mask: window is " << window << ", expected 0 (none) or a number of keys";
  if (chunk < 0)
    return emitError() << "mask: chunk is " << chunk << ", expected 0 (none) or a number of keys";
  return success();
}

bool MaskAttr::sees(int64_t position, int64_t key) const {
  if (getCausal() && key > position)
    return false;
  if (getWindow() && std::abs(key - position) >= getWindow())
    return false;
  return !getChunk() || key / getChunk() == position / getChunk();
}

LogicalResult CacheType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t layers, int64_t heads,
                                int64_t keySize, int64_t valueSize, Type elementType) {
  if (layers < 1 || heads < 1 || keySize < 1 || valueSize < 1)
    return emitError() << "cache: layers, heads and sizes must be positive, got " << layers << " x " << heads
                       << " x " << keySize << " x " << valueSize;
  if (!elementType.isF32() && !elementType.isF16() && !elementType.isBF16() &&
      !elementType.isSignlessInteger(8))
    return emitError() << "cache: elements are f32, f16, bf16 or i8, got " << elementType;
  return success();
}

Type CacheType::getTableElementType() const {
  return isScaled() ? Float32Type::get(getContext()) : getElementType();
}

int64_t CacheType::getRowBytes() const {
  int64_t elements = getKeySize() + getValueSize(), scales = isScaled() ? 2 : 0;
  return getHeads() * (elements * getElementType().getIntOrFloatBitWidth() / 8 + scales * 4);
}
