// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Tiles of 64 rows and 128 outputs (64 of each of two weights) that a warp group, a block of 128, multiplies
// by `wgmma.mma_async`: both operands are read from the block's memory. While one step of 64 columns is
// multiplied, the next is on its way to the other of two buffers.

#include "passes/gpu/MatrixTiles.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {

constexpr int64_t kStep = 64;  ///< columns of a step: 128 bytes, a row of the swizzle
constexpr int64_t kDepth = 16; ///< columns of an instruction
constexpr int64_t kRows = TileLoader::rows;
constexpr int64_t kColumns = kMatrixTileColumns;             ///< of the product
constexpr int64_t kSums = kRows * kColumns / kWarpGroup;     ///< that a work item has
constexpr int64_t kRowBytes = 128, kPattern = 8 * kRowBytes; ///< of the swizzle

class WarpGroupEmitter : Scalars {
public:
  WarpGroupEmitter(DeviceEmitter &e, Type type, const Product &product, const Stretch &stretch,
                   Value columnTile)
      : Scalars{e}, e(e), type(type), units(e, type), product(product), stretch(stretch),
        outputs(warpGroupColumns(product)), columnTile(columnTile),
        loader(e, units, product, stretch, {kStep, outputs, columnTile}) {
    inputs = e.shared({2, kRows, kStep}, type);
    weights = e.shared({2, kColumns, kStep}, type);
    loader.inputs = {inputs, 0, /*isSwizzled=*/true, kStep};
    for (size_t i = 0; i < product.weights.size(); ++i)
      loader.weights.push_back({weights, static_cast<int64_t>(i) * outputs, /*isSwizzled=*/true, kStep});
    Type sum = LLVM::LLVMStructType::getLiteral(e.getContext(), SmallVector<Type>(kSums, e.getF32Type()));
    zeros = LLVM::ZeroOp::create(e, sum);
  }

  void emit() {
    e.loop(stretch.begin, stretch.end, kRows, [&](Value tileRow) {
      storeAll(load(tileRow, e.index(0), e.index(0)));
      int64_t end = llvm::alignTo(product.columns, kStep);
      Value sums = e.loop(e.index(0), e.index(end), kStep, zeros, [&](Value k, ValueRange carried) -> Values {
        waitForTiles();
        Value buffer = e.rem(e.div(k, kStep), 2);
        Value results = multiply(buffer, carried[0]);
        // The last step loads itself once more, where nothing reads it.
        Value next = e.min(e.add(k, kStep), e.index(end - kStep));
        storeAll(load(tileRow, next, e.sub(e.index(1), buffer)));
        NVVM::WgmmaWaitGroupSyncOp::create(e, 0);
        return {results};
      })[0];
      NVVM::CpAsyncWaitGroupOp::create(e, 0);
      e.barrier();
      storeOutputs(tileRow, sums);
    });
  }

private:
  DeviceEmitter &e;
  Type type;
  MatrixUnits units;
  const Product &product;
  const Stretch &stretch;
  int64_t outputs; ///< of each weight
  Value columnTile;
  TileLoader loader;
  Value inputs, weights, zeros;

  SmallVector<MatrixUnits::Pending> load(Value tileRow, Value k, Value buffer) {
    return loader.load(tileRow, k, buffer, buffer);
  }

  /// Rounds as late as it can: until then a value may still be on its way while the product runs.
  void storeAll(SmallVector<MatrixUnits::Pending> pending) {
    for (MatrixUnits::Pending &each : pending)
      each.vector = units.narrow(each.vector);
    units.storeAll(pending);
  }

  /// What all work items have copied and stored is there, and is seen by products.
  void waitForTiles() {
    NVVM::CpAsyncWaitGroupOp::create(e, 0);
    auto shared = NVVM::SharedSpaceAttr::get(e.getContext(), NVVM::SharedSpace::shared_cta);
    auto kind = NVVM::ProxyKindAttr::get(e.getContext(), NVVM::ProxyKind::async_shared);
    NVVM::FenceProxyOp::create(e, kind, shared);
    e.barrier();
  }

  Value multiply(Value buffer, Value sums) {
    // Inputs: eight rows are a pattern, 16 columns are 32 bytes of each. Weights: 16 columns are two
    // patterns, and the next 64 outputs follow all of a step's columns.
    Value rows = descriptor(inputs, buffer, /*leading=*/16, /*stride=*/kPattern);
    Value columns = descriptor(weights, buffer, /*leading=*/kStep * kRowBytes, /*stride=*/kPattern);
    NVVM::WgmmaFenceAlignedOp::create(e);
    for (int64_t k = 0; k < kStep; k += kDepth)
      sums = accumulate(sums, advance(rows, k * 2), advance(columns, k * kRowBytes));
    NVVM::WgmmaGroupSyncAlignedOp::create(e);
    return sums;
  }

  Value constant(int64_t value) { return arith::ConstantOp::create(e, e.getI64IntegerAttr(value)); }

  /// PTX's "Matrix Descriptor Format" of a tile with the swizzle of 128 bytes.
  Value descriptor(Value memory, Value buffer, int64_t leading, int64_t stride) {
    constexpr int64_t kAddresses = 0x3ffff, kSwizzle128 = int64_t{1} << 62;
    auto field = [](int64_t bytes) { return bytes >> 4; };
    Value address = units.address(memory, {buffer, e.index(0), e.index(0)});
    address = arith::AndIOp::create(e, address, constant(kAddresses));
    address = arith::ShRUIOp::create(e, address, constant(4));
    return arith::OrIOp::create(e, address,
                                constant(field(leading) << 16 | field(stride) << 32 | kSwizzle128));
  }
  Value advance(Value descriptor, int64_t bytes) {
    return bytes ? arith::AddIOp::create(e, descriptor, constant(bytes >> 4)).getResult() : descriptor;
  }

  /// The weights' outputs lie side by side, which is the other way than this instruction calls plain.
  Value accumulate(Value sums, Value rows, Value columns) {
    MLIRContext *context = e.getContext();
    auto shape = NVVM::MMAShapeAttr::get(context, kRows, kColumns, kDepth);
    NVVM::WGMMATypes multiplied = type.isF16() ? NVVM::WGMMATypes::f16 : NVVM::WGMMATypes::bf16;
    return NVVM::WgmmaMmaAsyncOp::create(
        e, sums.getType(), sums, rows, columns, shape, NVVM::WGMMATypesAttr::get(context, multiplied),
        NVVM::WGMMATypesAttr::get(context, multiplied),
        NVVM::WGMMATypesAttr::get(context, NVVM::WGMMATypes::f32),
        NVVM::WGMMAScaleOutAttr::get(context, NVVM::WGMMAScaleOut::one),
        NVVM::WGMMAScaleInAttr::get(context, NVVM::WGMMAScaleIn::one),
        NVVM::WGMMAScaleInAttr::get(context, NVVM::WGMMAScaleIn::one),
        NVVM::MMALayoutAttr::get(context, NVVM::MMALayout::row),
        NVVM::MMALayoutAttr::get(context, NVVM::MMALayout::row), NVVM::MMAIntOverflowAttr());
  }

  /// A work item has two rows, the second eight after the first, and of every eight columns two neighbours.
  void storeOutputs(Value tileRow, Value sums) {
    Value lane = e.rem(e.thread, 32), firstRow = e.add(e.mul(e.div(e.thread, 32), 16), e.div(lane, 4));
    Value firstColumn = e.add(e.mul(columnTile, outputs), e.mul(e.rem(lane, 4), 2));
    int64_t weightSums = kSums / static_cast<int64_t>(product.weights.size());
    for (int64_t second = 0; second < 2; ++second) {
      Value row = e.add(e.add(tileRow, firstRow), second * 8);
      e.when(compare(CmpIPredicate::ult, row, stretch.end), [&] {
        for (int64_t eight = 0; eight < outputs; eight += 8)
          for (int64_t neighbour = 0; neighbour < 2; ++neighbour) {
            Values products;
            for (int64_t at = eight / 2 + second * 2 + neighbour; at < kSums; at += weightSums)
              products.push_back(LLVM::ExtractValueOp::create(e, sums, at));
            storeOutput(e, product, stretch, row, e.add(firstColumn, eight + neighbour), products);
          }
      });
    }
  }
};

} // namespace

bool transformer::suitsWarpGroup(const Product &product, Type type) {
  auto codes = type.isF16() ? attune::PackedFormat::F16 : attune::PackedFormat::BF16;
  return product.format.codes == codes && product.weights.size() <= 2;
}

int64_t transformer::warpGroupColumns(const Product &product) {
  return kColumns / static_cast<int64_t>(product.weights.size());
}

LogicalResult transformer::emitWarpGroupTiles(DeviceEmitter &e, Type type, const Product &product,
                                              const Stretch &stretch, Value columnTile) {
  assert(e.threads == kWarpGroup && suitsWarpGroup(product, type));
  WarpGroupEmitter(e, type, product, stretch, columnTile).emit();
  return success();
}
