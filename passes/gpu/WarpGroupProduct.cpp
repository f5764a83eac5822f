// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Tiles of 64 rows and 128 outputs (64 of each of two weights) that a warp group, a block of 128, multiplies
// by `wgmma.mma_async`: both operands are read from the block's memory. While one step of 64 columns is
// multiplied, the next one's inputs are on their way to the other of two buffers, and the weights of the next
// two to their stages.

#include "passes/gpu/MatrixTiles.h"
#include "passes/gpu/WeightStages.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {

constexpr int64_t kStep = WeightStages::step; ///< columns of a step: 128 bytes, a row of the inputs' swizzle
constexpr int64_t kDepth = 16;                ///< columns of an instruction
constexpr int64_t kRows = TileLoader::rows;
constexpr int64_t kColumns = kMatrixTileColumns;              ///< of the product
constexpr int64_t kSums = kRows * kColumns / kWarpGroup;      ///< that a work item has
constexpr int64_t kAhead = (WeightStages::count - 1) * kStep; ///< columns whose weights are on their way

/// How an operand's elements change places, as its descriptor has it.
enum Swizzle : uint64_t { kSwizzle128 = 1, kSwizzle32 = 3 };

class WarpGroupEmitter : Scalars {
public:
  WarpGroupEmitter(DeviceEmitter &e, Type type, const Product &product, const Stretch &stretch,
                   Value columnTile)
      : Scalars{e}, e(e), type(type), units(e, type), product(product), stretch(stretch),
        outputs(warpGroupColumns(product)), columnTile(columnTile),
        loader(e, units, product, stretch, {kStep, outputs, columnTile}) {
    inputs = e.shared({2, kRows, kStep}, type);
    loader.inputs = {inputs, /*isSwizzled=*/true};
    stages.emplace(e, units, type, product, stretch, outputs, columnTile);
    Type sum = LLVM::LLVMStructType::getLiteral(e.getContext(), SmallVector<Type>(kSums, e.getF32Type()));
    zeros = LLVM::ZeroOp::create(e, sum);
  }

  void emit() {
    stages->open();
    e.loop(stretch.begin, stretch.end, kRows, [&](Value tileRow) {
      int64_t end = llvm::alignTo(product.columns, kStep);
      // The block's steps are counted through all its tiles.
      Value firstStep = e.mul(e.div(e.sub(tileRow, stretch.begin), kRows), end / kStep);
      e.once([&] {
        for (int64_t k = 0; k < std::min(kAhead, end); k += kStep)
          stages->copy(e.add(firstStep, k / kStep), e.index(k));
      });
      storeInputs(tileRow, e.index(0), e.index(0));
      Value sums = e.loop(e.index(0), e.index(end), kStep, zeros, [&](Value k, ValueRange carried) -> Values {
        awaitBlock();
        Value step = e.add(firstStep, e.div(k, kStep)), buffer = e.rem(e.div(k, kStep), 2);
        copyAhead(step, k, end);
        stages->wait(step);
        Value results = multiply(buffer, stages->stageOf(step), carried[0]);
        // The last step loads itself once more, where nothing reads it.
        Value next = e.min(e.add(k, kStep), e.index(end - kStep));
        storeInputs(tileRow, next, e.sub(e.index(1), buffer));
        NVVM::WgmmaWaitGroupSyncOp::create(e, 0);
        return {results};
      })[0];
      e.barrier(); // before the next tile is copied
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
  std::optional<WeightStages> stages;
  Value inputs, zeros;

  /// Rounds as late as it can: until then a value may still be on its way while the product runs.
  void storeInputs(Value tileRow, Value k, Value buffer) {
    SmallVector<MatrixUnits::Pending> pending;
    loader.loadInputs(pending, tileRow, k, buffer);
    for (MatrixUnits::Pending &each : pending)
      each.vector = units.narrow(each.vector);
    units.storeAll(pending);
  }

  /// What all work items have stored is there, and is seen by products; nothing is multiplied any more.
  void awaitBlock() {
    auto shared = NVVM::SharedSpaceAttr::get(e.getContext(), NVVM::SharedSpace::shared_cta);
    auto kind = NVVM::ProxyKindAttr::get(e.getContext(), NVVM::ProxyKind::async_shared);
    NVVM::FenceProxyOp::create(e, kind, shared);
    e.barrier();
  }

  /// To the stage that was multiplied last.
  void copyAhead(Value step, Value k, int64_t end) {
    if (end <= kAhead)
      return;
    e.once([&] {
      e.when(compare(CmpIPredicate::ult, k, e.index(end - kAhead)),
             [&] { stages->copy(e.add(step, WeightStages::count - 1), e.add(k, kAhead)); });
    });
  }

  Value multiply(Value buffer, Value stage, Value sums) {
    // Inputs: eight rows are a pattern, 16 columns are 32 bytes of each. Weights: eight columns of a panel
    // are a pattern, and the next 16 outputs are the next panel.
    constexpr int64_t kPanel = WeightStages::panelBytes, kPattern = WeightStages::patternBytes;
    Value zero = e.index(0);
    Value rows =
        descriptor(inputs, {buffer, zero, zero}, kSwizzle128, /*leading=*/16, /*stride=*/8 * kStep * 2);
    Value columns = descriptor(stages->memory, {stage, zero, zero, zero}, kSwizzle32, kPanel, kPattern);
    NVVM::WgmmaFenceAlignedOp::create(e);
    for (int64_t k = 0; k < kStep; k += kDepth)
      sums = accumulate(sums, advance(rows, k * 2), advance(columns, k * WeightStages::columnBytes));
    NVVM::WgmmaGroupSyncAlignedOp::create(e);
    return sums;
  }

  Value constant(int64_t value) { return arith::ConstantOp::create(e, e.getI64IntegerAttr(value)); }

  /// PTX's "Matrix Descriptor Format".
  Value descriptor(Value memory, ValueRange place, Swizzle swizzle, int64_t leading, int64_t stride) {
    constexpr int64_t kAddresses = 0x3ffff;
    auto field = [](int64_t bytes) { return static_cast<uint64_t>(bytes >> 4); };
    Value address = arith::AndIOp::create(e, units.address(memory, place), constant(kAddresses));
    address = arith::ShRUIOp::create(e, address, constant(4));
    uint64_t bits = field(leading) << 16 | field(stride) << 32 | static_cast<uint64_t>(swizzle) << 62;
    return arith::OrIOp::create(e, address, constant(static_cast<int64_t>(bits)));
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
