// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/gpu/WeightReader.h"

using namespace mlir;
using namespace mlir::transformer;
using attune::PackedFormat;

/// `count` elements at byte `offset` of a panel. Offsets are multiples of the size that is read.
Value WeightReader::loadBytes(Value panels, Value panel, Value offset, Type element, int64_t count) {
  int64_t bytes = count * element.getIntOrFloatBitWidth() / 8;
  auto type = VectorType::get(bytes, e.getI8Type());
  Value loaded = vector::LoadOp::create(e, type, panels, ValueRange{panel, offset}, /*nontemporal=*/false,
                                        llvm::MaybeAlign(static_cast<uint64_t>(bytes)));
  return vector::BitCastOp::create(e, VectorType::get(count, element), loaded);
}

static Type elementType(Builder &builder, PackedFormat::Codes codes) {
  return codes == PackedFormat::F32   ? Type(builder.getF32Type())
         : codes == PackedFormat::F16 ? Type(builder.getF16Type())
                                      : Type(builder.getBF16Type());
}

Value WeightReader::dense(Value panels, Value panel, Value column, Value lane, int64_t count) {
  Type element = elementType(e, format.codes);
  Value place = e.add(e.mul(column, PackedFormat::panelRows), lane);
  Value vector = loadBytes(panels, panel, e.mul(place, format.elementBytes()), element, count);
  if (element.isF32())
    return vector;
  return arith::ExtFOp::create(e, VectorType::get(count, e.getF32Type()), vector);
}

Value WeightReader::firstColumn(Value word, int64_t part) {
  return e.add(e.mul(e.div(word, PackedFormat::panelRows), 4), 16 * part);
}

Value WeightReader::scaleOffset(Value block, Value column, Value lane) {
  if (format.isRowScaled())
    return e.mul(lane, format.scaleBytes());
  Value place = e.add(e.mul(e.div(column, format.group), PackedFormat::panelRows), lane);
  return e.add(e.mul(block, format.blockBytes()), e.mul(place, format.scaleBytes()));
}

Value WeightReader::scale(Value panels, Value panel, Value offset) {
  Type type = format.scale == PackedFormat::ScaleF32 ? Type(e.getF32Type()) : Type(e.getF16Type());
  Value scale = vector::ExtractOp::create(e, loadBytes(panels, panel, offset, type, 1), 0);
  return type.isF32() ? scale : arith::ExtFOp::create(e, e.getF32Type(), scale).getResult();
}

Value WeightReader::weight(Value code, Value scale, Value minimum) {
  if (format.zero)
    code = arith::SubIOp::create(e, code, arith::ConstantOp::create(e, e.getI32IntegerAttr(format.zero)));
  Value value = arith::MulFOp::create(e, arith::SIToFPOp::create(e, e.getF32Type(), code), scale);
  return minimum ? arith::AddFOp::create(e, value, minimum).getResult() : value;
}

SmallVector<WeightReader::Quad> WeightReader::quantized(Value panels, Value panel, Value block, Value word) {
  Value base = e.mul(block, format.blockBytes());
  Value lane = e.rem(word, PackedFormat::panelRows);
  Value codes =
      loadBytes(panels, panel, e.add(e.add(base, format.codesOffset()), e.mul(word, 4)), e.getI32Type(), 1);
  codes = vector::ExtractOp::create(e, codes, 0);
  auto constant = [&](int64_t value) { return arith::ConstantOp::create(e, e.getI32IntegerAttr(value)); };
  SmallVector<Quad> quads;
  for (int64_t part = 0; part < parts(); ++part) {
    Value offset = scaleOffset(block, firstColumn(word, part), lane);
    Value factor = scale(panels, panel, offset);
    Value minimum = format.hasMin ? scale(panels, panel, e.add(offset, format.minsOffset())) : Value();
    Quad quad;
    for (int64_t j = 0; j < 4; ++j) {
      Value code;
      if (parts() == 2) {
        code = arith::AndIOp::create(e, arith::ShRUIOp::create(e, codes, constant(8 * j + 4 * part)),
                                     constant(15));
      } else if (format.codes == PackedFormat::U8) {
        code = arith::AndIOp::create(e, arith::ShRUIOp::create(e, codes, constant(8 * j)), constant(255));
      } else { // with its sign
        Value high = arith::ShLIOp::create(e, codes, constant(24 - 8 * j));
        code = arith::ShRSIOp::create(e, high, constant(24));
      }
      quad.weights.push_back(weight(code, factor, minimum));
    }
    quads.push_back(quad);
  }
  return quads;
}

Value WeightReader::element(Value panels, Value panel, Value lane, Value column) {
  if (!format.isQuantized())
    return vector::ExtractOp::create(e, dense(panels, panel, column, lane, 1), 0);
  // Where the column's code is: see PackedFormat.h.
  Value block = e.div(column, PackedFormat::blockColumns), within = e.rem(column, PackedFormat::blockColumns);
  Value base = e.mul(block, format.blockBytes());
  bool isNibble = format.codes == PackedFormat::U4;
  Value place = isNibble ? e.rem(within, 16) : within;
  Value byteOffset = e.add(e.add(e.mul(e.div(place, 4), 64), e.mul(lane, 4)), e.rem(place, 4));
  Value byte = vector::ExtractOp::create(
      e, loadBytes(panels, panel, e.add(e.add(base, format.codesOffset()), byteOffset), e.getI8Type(), 1), 0);
  Value code;
  if (isNibble) {
    Value wide = arith::ExtUIOp::create(e, e.getI32Type(), byte);
    Value shift = arith::IndexCastOp::create(e, e.getI32Type(), e.mul(e.div(within, 16), 4));
    code = arith::AndIOp::create(e, arith::ShRUIOp::create(e, wide, shift),
                                 arith::ConstantOp::create(e, e.getI32IntegerAttr(15)));
  } else if (format.codes == PackedFormat::U8) {
    code = arith::ExtUIOp::create(e, e.getI32Type(), byte);
  } else {
    code = arith::ExtSIOp::create(e, e.getI32Type(), byte);
  }
  Value offset = scaleOffset(block, within, lane);
  Value minimum = format.hasMin ? scale(panels, panel, e.add(offset, format.minsOffset())) : Value();
  return weight(code, scale(panels, panel, offset), minimum);
}
