// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Tiles of inputs and weights go through the block's memory, in the type that is multiplied: while one step
// of 32 columns is multiplied, the next is on its way to the other of two buffers.

#include "passes/gpu/MatrixProduct.h"
#include "passes/gpu/WeightReader.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace mlir::transformer;
using attune::PackedFormat;

void transformer::storeOutput(DeviceEmitter &e, const Product &product, const Stretch &stretch, Value row,
                              Value column, ArrayRef<Value> products) {
  auto loadExtra = [&](Value extra) {
    if (cast<MemRefType>(extra.getType()).getRank() == 2)
      return e.load(extra, {row, column});
    return e.load(extra, stretch.matrix ? e.add(e.mul(stretch.matrix, product.outputs()), column) : column);
  };
  auto storeIt = [&] {
    IRMapping map;
    Values arguments(products);
    for (Value extra : product.extras)
      arguments.push_back(loadExtra(extra));
    map.map(product.epilogue->getArguments(), arguments);
    for (Operation &inner : product.epilogue->without_terminator())
      e.clone(inner, map);
    Value result = map.lookupOrDefault(product.epilogue->getTerminator()->getOperand(0));
    e.store(result, product.output, {row, column});
  };
  if (product.outputs() % kMatrixTileColumns == 0)
    return storeIt();
  e.when(arith::CmpIOp::create(e, CmpIPredicate::ult, column, e.index(product.outputs())), storeIt);
}

namespace {

constexpr int64_t kPanel = PackedFormat::panelRows;
constexpr int64_t kStep = PackedFormat::blockColumns; ///< columns of a step
constexpr int64_t kRows = 64;                         ///< of a tile
constexpr int64_t kColumns = kMatrixTileColumns;      ///< outputs of a tile
constexpr int64_t kPad = 8;                           ///< 16 bytes: eight rows lie in eight banks
constexpr int64_t kPart = 32;     ///< rows and outputs of a subgroup: two subgroups by four make a tile
constexpr int64_t kFragments = 8; ///< of a subgroup's sums: 2 of 16 rows by 4 of 8 outputs
constexpr int64_t kSums = 4;      ///< numbers of a fragment that a work item has

class MatrixEmitter : Scalars {
public:
  MatrixEmitter(DeviceEmitter &e, Type type, const Product &product, const Stretch &stretch, Value columnTile)
      : Scalars{e}, e(e), type(type), product(product), stretch(stretch), columnTile(columnTile),
        reader(e, product.format) {
    inputs = e.shared({2, kRows, kStep + kPad}, type);
    for (size_t i = 0; i < product.weights.size(); ++i)
      tiles.push_back(outputsFirst() ? e.shared({tileBuffers(), kColumns, kStep + kPad}, type)
                                     : e.shared({2, kStep, kColumns + kPad}, type));
    lane = e.rem(e.thread, 32);
    Value subgroup = e.div(e.thread, 32);
    firstRow = e.mul(e.div(subgroup, kColumns / kPart), kPart);
    firstColumn = e.mul(e.rem(subgroup, kColumns / kPart), kPart);
  }

  void emit() {
    e.loop(stretch.begin, stretch.end, kRows, [&](Value tileRow) {
      storeAll(load(tileRow, e.index(0), e.index(0)));
      int64_t end = llvm::alignTo(product.columns, kStep);
      Values zeros(tiles.size() * kFragments * kSums, number(0));
      Values sums =
          e.loop(e.index(0), e.index(end), kStep, zeros, [&](Value k, ValueRange carried) -> Values {
            NVVM::CpAsyncWaitGroupOp::create(e, 0);
            e.barrier();
            Value buffer = e.rem(e.div(k, kStep), 2);
            // The last step loads itself once more, where nothing reads it.
            Value next = e.min(e.add(k, kStep), e.index(end - kStep));
            SmallVector<Pending> pending = load(tileRow, next, e.sub(e.index(1), buffer));
            Values results = multiply(buffer, carried);
            if (tileBuffers() == 1) // all have read what is there
              e.barrier();
            storeAll(pending);
            return results;
          });
      NVVM::CpAsyncWaitGroupOp::create(e, 0);
      e.barrier();
      storeOutputs(tileRow, sums);
    });
  }

private:
  /// On its way to the block's memory, in registers.
  struct Pending {
    Value vector, memory;
    Values place;
  };

  DeviceEmitter &e;
  Type type;
  const Product &product;
  const Stretch &stretch;
  Value columnTile;
  WeightReader reader;
  Value inputs;
  Values tiles; ///< of each weight
  Value lane, firstRow, firstColumn;

  /// Block-quantised weights are read along the columns, dense ones along the outputs, and stay so.
  bool outputsFirst() const { return product.format.isQuantized(); }

  /// Two tiles of weights leave no room in 48 KB for two of each; what is dequantised waits in registers
  /// then.
  int64_t tileBuffers() const { return outputsFirst() && product.weights.size() > 1 ? 1 : 2; }
  Value tileBuffer(Value buffer) { return tileBuffers() == 1 ? e.index(0) : buffer; }

  Value narrow(Value vector) {
    auto narrowed = VectorType::get(cast<VectorType>(vector.getType()).getShape(), type);
    return arith::TruncFOp::create(e, narrowed, vector);
  }

  void storeAll(ArrayRef<Pending> pending) {
    for (const Pending &store : pending) {
      auto bytes = static_cast<uint64_t>(cast<VectorType>(store.vector.getType()).getNumElements() * 2);
      vector::StoreOp::create(e, store.vector, store.memory, store.place, /*nontemporal=*/false,
                              llvm::MaybeAlign(bytes));
    }
  }

  SmallVector<Pending> load(Value tileRow, Value k, Value buffer) {
    SmallVector<Pending> pending;
    for (auto [weight, tile] : llvm::zip(product.weights, tiles))
      outputsFirst() ? loadQuantized(pending, weight, tile, k, buffer)
                     : loadDense(pending, weight, tile, k, buffer);
    NVVM::CpAsyncCommitGroupOp::create(e);
    loadInputs(pending, tileRow, k, buffer);
    return pending;
  }

  void loadInputs(SmallVectorImpl<Pending> &pending, Value tileRow, Value k, Value buffer) {
    constexpr int64_t kCount = 8; // a work item's share of 64 x 32
    Value r = e.div(e.thread, kStep / kCount), c = e.mul(e.rem(e.thread, kStep / kCount), kCount);
    Value row = e.add(tileRow, r);
    row = select(compare(CmpIPredicate::ult, row, stretch.end), row, stretch.begin); // no row reads another
    Values elements;
    for (int64_t i = 0; i < kCount; ++i)
      elements.push_back(inputOrZero(row, e.add(e.add(k, c), i)));
    Value wide = vector::FromElementsOp::create(e, VectorType::get(kCount, e.getF32Type()), elements);
    pending.push_back({narrow(wide), inputs, {buffer, r, c}});
  }

  Value inputOrZero(Value row, Value column) {
    if (product.columns % kStep == 0)
      return e.load(product.input, {row, column});
    Value inside = compare(CmpIPredicate::ult, column, e.index(product.columns));
    Value value = e.load(product.input, {row, select(inside, column, e.index(0))});
    return select(inside, value, number(0));
  }

  /// Panels past the last one hold no outputs.
  Value panelOf(Value i) {
    Value panel = e.min(e.add(e.mul(columnTile, kColumns / kPanel), i), e.index(product.panels() - 1));
    return stretch.panelOf(e, product, panel);
  }

  void loadQuantized(SmallVectorImpl<Pending> &pending, Value weight, Value tile, Value k, Value buffer) {
    for (int64_t at = 0; at < kColumns / kPanel * reader.words(); at += e.threads) {
      Value i = e.add(e.thread, at);
      Value panel = e.div(i, reader.words()), word = e.rem(i, reader.words());
      auto quads = reader.quantized(weight, panelOf(panel), e.div(k, kStep), word);
      Value output = e.add(e.mul(panel, kPanel), e.rem(word, kPanel));
      for (auto [part, quad] : llvm::enumerate(quads)) {
        Value wide = vector::FromElementsOp::create(e, VectorType::get(4, e.getF32Type()), quad.weights);
        pending.push_back(
            {narrow(wide),
             tile,
             {tileBuffer(buffer), output, reader.firstColumn(word, static_cast<int64_t>(part))}});
      }
    }
  }

  void loadDense(SmallVectorImpl<Pending> &pending, Value weight, Value tile, Value k, Value buffer) {
    PackedFormat::Codes codes = type.isF16() ? PackedFormat::F16 : PackedFormat::BF16;
    bool isCopied = product.format.codes == codes;
    int64_t lanes = 16 / product.format.elementBytes(), reads = kPanel / lanes;
    for (int64_t at = 0; at < kColumns * kStep / lanes; at += e.threads) {
      Value i = e.add(e.thread, at);
      Value first = e.mul(e.rem(i, reads), lanes), c = e.rem(e.div(i, reads), kStep);
      Value panel = e.div(i, reads * kStep);
      Value column = e.min(e.add(k, c), e.index(product.columns - 1)); // past it, inputs are zero
      Value output = e.add(e.mul(panel, kPanel), first);
      if (!isCopied) {
        Value wide = reader.dense(weight, panelOf(panel), column, first, lanes);
        pending.push_back({narrow(wide), tile, {buffer, c, output}});
        continue;
      }
      Value offset = e.mul(e.add(e.mul(column, kPanel), first), product.format.elementBytes());
      NVVM::CpAsyncOp::create(e, pointer(tile, {buffer, c, output}, NVVM::NVVMMemorySpace::Shared),
                              pointer(weight, {panelOf(panel), offset}, NVVM::NVVMMemorySpace::Global), 16,
                              NVVM::LoadCacheModifierKind::CG, Value());
    }
  }

  /// The address of an element of a memref that lies row by row.
  Value pointer(Value memref, ValueRange indices, NVVM::NVVMMemorySpace space) {
    auto memory = cast<MemRefType>(memref.getType());
    Value element = indices[0];
    for (auto [index, size] : llvm::zip(indices.drop_front(), memory.getShape().drop_front()))
      element = e.add(e.mul(element, size), index);
    Value base = memref::ExtractAlignedPointerAsIndexOp::create(e, memref);
    Value bytes = e.add(base, e.mul(element, memory.getElementTypeBitWidth() / 8));
    Value address = arith::IndexCastOp::create(e, e.getI64Type(), bytes);
    return LLVM::IntToPtrOp::create(
        e, LLVM::LLVMPointerType::get(e.getContext(), static_cast<unsigned>(space)), address);
  }

  /// Four matrices of 8 x 8, as operands of a product.
  Values loadMatrices(Value memory, ValueRange place, NVVM::MMALayout layout) {
    Type i32 = e.getI32Type();
    auto result = LLVM::LLVMStructType::getLiteral(e.getContext(), {i32, i32, i32, i32});
    auto shape = NVVM::LdStMatrixShapeAttr::get(e.getContext(), 8, 8);
    Value loaded = NVVM::LdMatrixOp::create(e, result, pointer(memory, place, NVVM::NVVMMemorySpace::Shared),
                                            4, layout, shape, NVVM::LdStMatrixEltType::B16);
    Values words;
    for (int64_t i = 0; i < 4; ++i) {
      Value word = LLVM::ExtractValueOp::create(e, loaded, i);
      if (type.isF16())
        word = LLVM::BitcastOp::create(e, VectorType::get(2, type), word);
      words.push_back(word);
    }
    return words;
  }

  /// 16 rows and columns of the inputs.
  Values loadRows(Value buffer, int64_t row, int64_t column) {
    Value r = e.add(e.add(firstRow, row), e.rem(lane, 16)), c = e.add(e.mul(e.div(lane, 16), 8), column);
    return loadMatrices(inputs, {buffer, r, c}, NVVM::MMALayout::row);
  }

  /// 16 columns of 16 outputs: the operands of two products.
  Values loadOutputs(Value tile, Value buffer, int64_t output, int64_t column) {
    Value first = e.add(firstColumn, output);
    if (outputsFirst()) {
      Value n = e.add(e.add(first, e.rem(lane, 8)), e.mul(e.div(lane, 16), 8));
      Value c = e.add(e.mul(e.rem(e.div(lane, 8), 2), 8), column);
      return loadMatrices(tile, {tileBuffer(buffer), n, c}, NVVM::MMALayout::row);
    }
    Value n = e.add(first, e.mul(e.div(lane, 16), 8)), c = e.add(e.rem(lane, 16), column);
    return loadMatrices(tile, {buffer, c, n}, NVVM::MMALayout::col);
  }

  Values multiply(Value buffer, ValueRange carried) {
    Values sums(carried);
    for (int64_t k = 0; k < kStep; k += 16) {
      SmallVector<Values> rows = {loadRows(buffer, 0, k), loadRows(buffer, 16, k)};
      size_t at = 0;
      for (Value tile : tiles)
        for (int64_t output = 0; output < kPart; output += 16) {
          Values outputs = loadOutputs(tile, buffer, output, k);
          for (size_t half = 0; half < 2; ++half)
            for (const Values &part : rows) {
              MutableArrayRef<Value> fragment = MutableArrayRef<Value>(sums).slice(at, kSums);
              accumulate(fragment, part, ArrayRef<Value>(outputs).slice(2 * half, 2));
              at += kSums;
            }
        }
    }
    return sums;
  }

  void accumulate(MutableArrayRef<Value> sums, ArrayRef<Value> rows, ArrayRef<Value> outputs) {
    Type f32 = e.getF32Type();
    auto result = LLVM::LLVMStructType::getLiteral(e.getContext(), {f32, f32, f32, f32});
    NVVM::MMATypes multiplied = type.isF16() ? NVVM::MMATypes::f16 : NVVM::MMATypes::bf16;
    Value product = NVVM::MmaOp::create(e, result, ValueRange(rows), ValueRange(outputs), ValueRange(sums),
                                        ArrayRef<int64_t>{16, 8, 16}, std::nullopt, std::nullopt,
                                        std::array{multiplied, multiplied},
                                        std::array{NVVM::MMALayout::row, NVVM::MMALayout::col});
    for (auto [i, sum] : llvm::enumerate(sums))
      sum = LLVM::ExtractValueOp::create(e, product, static_cast<int64_t>(i));
  }

  /// Sums lie in the order of `multiply`: weight, eight outputs, sixteen rows, then the four of a work item.
  void storeOutputs(Value tileRow, ArrayRef<Value> sums) {
    for (int64_t fragment = 0; fragment < kFragments; ++fragment)
      for (int64_t i = 0; i < kSums; ++i) {
        Values products;
        for (size_t weight = 0; weight < tiles.size(); ++weight)
          products.push_back(
              sums[(weight * kFragments + static_cast<size_t>(fragment)) * kSums + static_cast<size_t>(i)]);
        Value row = e.add(e.add(e.add(tileRow, firstRow), e.div(lane, 4)), fragment % 2 * 16 + i / 2 * 8);
        Value column = e.add(e.add(firstColumn, e.mul(e.rem(lane, 4), 2)), fragment / 2 * 8 + i % 2);
        e.when(compare(CmpIPredicate::ult, row, stretch.end), [&] {
          storeOutput(e, product, stretch, row, e.add(e.mul(columnTile, kColumns), column), products);
        });
      }
  }
};

} // namespace

LogicalResult transformer::emitMatrixTiles(DeviceEmitter &e, Type type, const Product &product,
                                           const Stretch &stretch, Value columnTile) {
  assert(e.threads == 256 && "eight subgroups share a tile");
  MatrixEmitter(e, type, product, stretch, columnTile).emit();
  return success();
}
