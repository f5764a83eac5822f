// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialect/Kernel.h"
#include "passes/Passes.h"
#include "passes/cpu/ByteCodes.h"
#include "passes/cpu/Expansion.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_EXPANDQUANTIZE
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;
using attune::PackedFormat;

namespace {

struct QuantizeLoops {
  Emitter &e;
  kernel::QuantizeOp op;
  int64_t columns = cast<MemRefType>(op.getInput().getType()).getDimSize(1);
  int64_t blocks = llvm::divideCeil(columns, PackedFormat::blockColumns);
  bool byRow = op.isScaledByRow();
  /// Of blocks; with a scale for the row its own stands behind them.
  int64_t sums = cast<MemRefType>(op.getSums().getType()).getDimSize(1) - (byRow ? 1 : 0);
  /// With several outliers: a copy of the row without them.
  Value rest = {};
  /// With one outlier: its place as i32, and the largest magnitude beside it.
  Value taken = {}, largestLeft = {};

  /// The block's `i`th vector without outliers; columns from `valid` on are 0.
  Value loadInput(Value row, Value first, int64_t i, int64_t valid) {
    Value column = e.add(first, i * e.lanes());
    if (rest)
      return e.loadVector(e.floats(), rest, {column});
    Value vector = loadColumns(row, column, std::clamp<int64_t>(valid - i * e.lanes(), 0, e.lanes()));
    if (!taken)
      return vector;
    Value lane = e.broadcast(arith::SubIOp::create(e, taken, toInt(column)), e.ints());
    Value isTaken = arith::CmpIOp::create(e, arith::CmpIPredicate::eq, laneNumbers(), lane);
    return arith::SelectOp::create(e, isTaken, e.zeros(e.floats()), vector);
  }

  /// A vector of the input of which `present` columns are there.
  Value loadColumns(Value row, Value column, int64_t present) {
    if (present == e.lanes())
      return e.loadVector(e.floats(), op.getInput(), {row, column});
    if (present == 0)
      return e.zeros(e.floats());
    Value mask =
        vector::CreateMaskOp::create(e, e.vectorOf(e.getI1Type(), e.lanes()), ValueRange{e.index(present)});
    return vector::MaskedLoadOp::create(e, e.floats(), op.getInput(), ValueRange{row, column}, mask,
                                        e.zeros(e.floats()));
  }

  Value toInt(Value index) { return arith::IndexCastOp::create(e, e.getI32Type(), index); }
  Value laneNumbers() {
    auto numbers = llvm::to_vector(llvm::seq<int32_t>(0, e.lanes()));
    return arith::ConstantOp::create(e, DenseElementsAttr::get(e.ints(), ArrayRef(numbers)));
  }

  Value floatConstant(double value) { return arith::ConstantOp::create(e, e.getF32FloatAttr(value)); }

  Values loadBlock(Value row, Value block, int64_t valid) {
    Values inputs;
    for (int64_t i = 0; i < PackedFormat::blockColumns / e.lanes(); ++i)
      inputs.push_back(loadInput(row, e.mul(block, PackedFormat::blockColumns), i, valid));
    return inputs;
  }

  /// Blocks `first` to `first + count - 1`, which share scale `s`; the last one has `valid` columns.
  void emitBlocks(Value row, Value s, Value first, int64_t count, int64_t valid) {
    SmallVector<Values> inputs;
    Values all, largest;
    for (int64_t b = 0; b < count; ++b) {
      Value block = e.add(first, b);
      inputs.push_back(loadBlock(row, block, b + 1 < count ? PackedFormat::blockColumns : valid));
      llvm::append_range(all, inputs.back());
    }
    auto [scale, inverse] = scaleFor(e, largestMagnitude(e, all));
    memref::StoreOp::create(e, scale, op.getScales(), ValueRange{row, s});
    for (auto [b, block] : llvm::enumerate(inputs))
      storeSums(row, e.add(first, b), storeCodes(row, e.add(first, b), block, inverse));
  }

  /// A scale for each few blocks.
  void emitScales(Value row) {
    constexpr int64_t together = PackedFormat::scaledBlocks;
    int64_t left = blocks % together, last = columns - (blocks - 1) * PackedFormat::blockColumns;
    int64_t whole = blocks / together - (left == 0 && last != PackedFormat::blockColumns ? 1 : 0);
    e.loop(e.index(0), e.index(whole), 1,
           [&](Value s) { emitBlocks(row, s, e.mul(s, together), together, PackedFormat::blockColumns); });
    if (int64_t rest = blocks - whole * together)
      emitBlocks(row, e.index(whole), e.index(whole * together), rest, last);
  }

  Values storeCodes(Value row, Value block, ArrayRef<Value> inputs, Value inverse) {
    Value first = e.mul(block, PackedFormat::blockColumns);
    Values codes;
    for (auto [i, input] : llvm::enumerate(inputs)) {
      codes.push_back(codesOf(e, input, inverse));
      e.storeVector(toBytes(e, codes.back()), op.getCodes(), {row, e.add(first, i * e.lanes())});
    }
    return codes;
  }

  void storeSum(Value row, Value i, Value codes) {
    Value sum = vector::ReductionOp::create(e, vector::CombiningKind::ADD, codes);
    Value scaled =
        arith::MulFOp::create(e, arith::SIToFPOp::create(e, e.getF32Type(), sum), floatConstant(-128));
    memref::StoreOp::create(e, scaled, op.getSums(), ValueRange{row, i});
  }

  /// The sums of a block's codes.
  void storeSums(Value row, Value block, ArrayRef<Value> codes) {
    int64_t sets = sums / blocks, perSet = sets ? static_cast<int64_t>(codes.size()) / sets : 0;
    for (int64_t set = 0; set < sets; ++set) {
      storeSum(row, e.add(e.mul(block, sets), set), e.sumInts(codes.slice(set * perSet, perSet)));
    }
  }

  /// Calls `body` for each block of a row, with the number of its columns that are there.
  void forBlocks(function_ref<void(Value block, int64_t valid)> body) {
    forBlocks({}, [&](Value block, int64_t valid, ValueRange) {
      body(block, valid);
      return Values();
    });
  }

  /// The same with values that each block takes from the one before.
  Values forBlocks(Values carried,
                   function_ref<Values(Value block, int64_t valid, ValueRange carried)> body) {
    int64_t whole = columns / PackedFormat::blockColumns, left = columns % PackedFormat::blockColumns;
    carried = e.loop(e.index(0), e.index(whole), 1, carried, [&](Value block, ValueRange inner) {
      return body(block, PackedFormat::blockColumns, inner);
    });
    return left ? body(e.index(whole), left, carried) : carried;
  }

  //===------------------------------------------------- a scale for the row
  //---------------------------------------------------===//

  /// The largest magnitude of the row, or of what is left of it.
  Value largestOfRow(Value row) {
    if (largestLeft)
      return largestLeft;
    return largestLane(forBlocks({e.zeros(e.floats())}, [&](Value block, int64_t valid, ValueRange found) {
      Value largest = found[0];
      for (Value input : loadBlock(row, block, valid))
        largest = larger(e, largest, math::AbsFOp::create(e, input));
      return Values{largest};
    })[0]);
  }

  Value largestLane(Value vector) {
    return vector::ReductionOp::create(e, vector::CombiningKind::MAXNUMF, vector, arith::FastMathFlags::nnan);
  }

  void emitRow(Value row) {
    auto [scale, inverse] = scaleFor(e, largestOfRow(row));
    memref::StoreOp::create(e, scale, op.getScales(), ValueRange{row, e.index(0)});
    Value sum = forBlocks({e.zeros(e.ints())},
                          [&, inverse = inverse](Value block, int64_t valid, ValueRange found) -> Values {
                            Values codes = storeCodes(row, block, loadBlock(row, block, valid), inverse);
                            if (sums)
                              storeSums(row, block, codes);
                            return {arith::AddIOp::create(e, found[0], e.sumInts(codes))};
                          })[0];
    storeSum(row, e.index(sums), sum);
  }

  //===------------------------------------------------- outliers
  //---------------------------------------------------===//

  /// Columns are of 16 classes by their remainder, so that a lane has one class, whatever the vector's
  /// length.
  static constexpr int64_t classes = 16;

  /// For each class the largest magnitude of a row and its column, in vectors of lanes; meanwhile the row
  /// goes to `copy`. What is no number counts as none.
  std::pair<Values, Values> copyRow(Value row, Value copy) {
    size_t vectors = classes / e.lanes();
    Values start(vectors, e.splat(e.floats(), -1.0));
    start.append(vectors, laneNumbers());
    Values found = forBlocks(start, [&](Value block, int64_t valid, ValueRange carried) {
      Values current(carried);
      for (auto [i, input] : llvm::enumerate(loadBlock(row, block, valid))) {
        Value column = e.add(e.mul(block, PackedFormat::blockColumns), i * e.lanes());
        e.storeVector(input, copy, {column});
        Value &largest = current[i % vectors], &place = current[vectors + i % vectors];
        Value magnitudes = math::AbsFOp::create(e, input);
        Value isLarger = arith::CmpFOp::create(e, arith::CmpFPredicate::OGT, magnitudes, largest);
        Value places = arith::AddIOp::create(e, e.broadcast(toInt(column), e.ints()), laneNumbers());
        largest = arith::SelectOp::create(e, isLarger, magnitudes, largest);
        place = arith::SelectOp::create(e, isLarger, places, place);
      }
      return current;
    });
    return {Values(ArrayRef(found).take_front(vectors)), Values(ArrayRef(found).drop_front(vectors))};
  }

  /// The lowest of `places` whose lane is the largest of all.
  Value placeOfLargest(ArrayRef<Value> magnitudes, ArrayRef<Value> places) {
    Value all = magnitudes.front(), first;
    for (Value other : magnitudes.drop_front())
      all = larger(e, all, other);
    Value largest = e.broadcast(largestLane(all), e.floats());
    for (auto [lanes, place] : llvm::zip_equal(magnitudes, places)) {
      Value isLargest = arith::CmpFOp::create(e, arith::CmpFPredicate::OEQ, lanes, largest);
      Value candidate = arith::SelectOp::create(e, isLargest, place, e.splat(e.ints(), int64_t(INT32_MAX)));
      first = first ? arith::MinUIOp::create(e, first, candidate).getResult() : candidate;
    }
    return vector::ReductionOp::create(e, vector::CombiningKind::MINUI, first);
  }

  /// The only outlier, without a copy of the row.
  void takeLargest(Value row) {
    taken = {}; // what is loaded here has it still
    Values lanes = laneMaxima(row);
    Value places = arith::AddIOp::create(
        e, arith::MulIOp::create(e, lanes[2], e.splat(e.ints(), int64_t(e.lanes()))), laneNumbers());
    Value last = arith::ConstantOp::create(e, e.getI32IntegerAttr(static_cast<int32_t>(columns - 1)));
    taken = arith::MinUIOp::create(e, placeOfLargest({lanes[0]}, {places}),
                                   last); // no padding, even if no element is a number
    Value isTaken = arith::CmpIOp::create(e, arith::CmpIPredicate::eq, places, e.broadcast(taken, e.ints()));
    largestLeft = largestLane(arith::SelectOp::create(e, isTaken, lanes[1], lanes[0]));
    Value place = arith::IndexCastOp::create(e, e.getIndexType(), taken);
    storeOutlier(row, 0, 1, e.load(op.getInput(), {row, place}), taken);
  }

  /// For each lane of a row's vectors: the largest magnitude, the largest of all others, and the number of
  /// the vector, the first of several, that has the former. What is no number counts as none.
  Values laneMaxima(Value row) {
    constexpr double none = -1;
    Values start{e.splat(e.floats(), none), e.splat(e.floats(), none), e.zeros(e.ints())};
    return forBlocks(start, [&](Value block, int64_t valid, ValueRange found) {
      Values current(found);
      Value number = e.mul(block, PackedFormat::blockColumns / e.lanes());
      for (auto [i, input] : llvm::enumerate(loadBlock(row, block, valid)))
        addToMaxima(math::AbsFOp::create(e, input), e.add(number, static_cast<int64_t>(i)), current);
      return current;
    });
  }

  void addToMaxima(Value magnitudes, Value number, MutableArrayRef<Value> maxima) {
    auto exceeds = [&](Value a, Value b) -> Value {
      return arith::CmpFOp::create(e, arith::CmpFPredicate::OGT, a, b);
    };
    auto choose = [&](Value condition, Value yes, Value no) -> Value {
      return arith::SelectOp::create(e, condition, yes, no);
    };
    Value isLargest = exceeds(magnitudes, maxima[0]), other = choose(isLargest, maxima[0], magnitudes);
    maxima[1] = choose(exceeds(other, maxima[1]), other, maxima[1]);
    maxima[0] = choose(isLargest, magnitudes, maxima[0]);
    maxima[2] = choose(isLargest, e.broadcast(toInt(number), e.ints()), maxima[2]);
  }

  void storeOutlier(Value row, int64_t j, int64_t count, Value value, Value place) {
    memref::StoreOp::create(e, value, op.getOutliers(), ValueRange{row, e.index(j)});
    memref::StoreOp::create(e, arith::SIToFPOp::create(e, e.getF32Type(), place), op.getOutliers(),
                            ValueRange{row, e.index(count + j)});
  }

  /// The largest of the classes' largest. From here on the row is its copy.
  void takeOutliers(Value row, int64_t count) {
    Value copy = e.stackBuffer(MemRefType::get({blocks * PackedFormat::blockColumns}, e.getF32Type()));
    auto [magnitudes, places] = copyRow(row, copy);
    for (int64_t j = 0; j < count; ++j) {
      Value place = placeOfLargest(magnitudes, places);
      Value column = arith::IndexCastOp::create(e, e.getIndexType(), place);
      storeOutlier(row, j, count, e.load(copy, {column}), place);
      memref::StoreOp::create(e, floatConstant(0), copy, ValueRange{column});
      for (auto [lanes, ofLanes] : llvm::zip_equal(magnitudes, places)) {
        Value isTaken =
            arith::CmpIOp::create(e, arith::CmpIPredicate::eq, ofLanes, e.broadcast(place, e.ints()));
        lanes = arith::SelectOp::create(e, isTaken, e.splat(e.floats(), -1.0), lanes);
      }
    }
    rest = copy;
  }

  LogicalResult emit() {
    e.loop(e.index(0), e.dimension(op.getInput(), 0), 1, [&](Value row) {
      int64_t count = op.getOutliers() ? cast<MemRefType>(op.getOutliers().getType()).getDimSize(1) / 2 : 0;
      if (count == 1)
        takeLargest(row);
      else if (count)
        takeOutliers(row, count);
      if (byRow)
        emitRow(row);
      else
        emitScales(row);
    });
    return success();
  }
};

/// Refuses shapes that do not fit together: the loops take their constants from them.
LogicalResult check(kernel::QuantizeOp op) {
  auto columnsOf = [](Value memref) { return cast<MemRefType>(memref.getType()).getDimSize(1); };
  for (Value operand : op->getOperands()) {
    auto type = cast<MemRefType>(operand.getType());
    if (type.getRank() != 2 || type.isDynamicDim(1) || !type.isLastDimUnitStride())
      return op.emitOpError() << "needs matrices of known width whose elements are adjacent, got " << type;
  }
  int64_t blocks = llvm::divideCeil(columnsOf(op.getInput()), PackedFormat::blockColumns);
  int64_t padded = blocks * PackedFormat::blockColumns;
  if (columnsOf(op.getCodes()) < padded)
    return op.emitOpError() << "needs codes of " << padded << " columns (" << columnsOf(op.getInput())
                            << " in whole blocks), got " << columnsOf(op.getCodes());
  int64_t scales = PackedFormat::activationScales(columnsOf(op.getInput()));
  if (columnsOf(op.getScales()) != scales && !op.isScaledByRow())
    return op.emitOpError() << "needs " << scales << " scales a row, or one, got "
                            << columnsOf(op.getScales());
  if (op.getOutliers() && padded >= (1 << 24))
    return op.emitOpError() << "has outliers among " << padded << " columns, more than f32 can number";
  int64_t sums = columnsOf(op.getSums()), ofRow = op.isScaledByRow() ? 1 : 0, ofBlocks = sums - ofRow;
  if (ofBlocks != blocks && ofBlocks != 2 * blocks && (ofBlocks || !ofRow))
    return op.emitOpError() << "needs " << blocks + ofRow << " or " << 2 * blocks + ofRow
                            << " sums a row, got " << sums;
  return success();
}

struct ExpandQuantize : transformer::impl::ExpandQuantizeBase<ExpandQuantize> {
  using ExpandQuantizeBase::ExpandQuantizeBase;

  void runOnOperation() override {
    auto expand = [](Emitter &e, kernel::QuantizeOp op) -> LogicalResult {
      if (failed(check(op)))
        return failure();
      return QuantizeLoops{e, op}.emit();
    };
    if (failed(expandAll<kernel::QuantizeOp>(getOperation(), cpu, expand)))
      signalPassFailure();
  }
};

} // namespace
