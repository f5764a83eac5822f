// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// FlashAttention-2 (Dao 2023) on matrix units. The query heads that share a key head are rows of one matrix,
// token by token: a block takes 64 of these rows, 16 for each of its subgroups, and walks tiles of keys.
// Scores, the state of the softmax and sums of values stay in registers; keys and values come through the
// block's memory, the next values while scores are made and the next keys while values are summed.

#include "passes/gpu/TiledAttention.h"
#include "passes/gpu/MatrixUnits.h"
#include "passes/lower/KeyInterval.h"
#include "passes/lower/Scalars.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {

constexpr int64_t kKeyGroup = 16; ///< keys that lie side by side in the cache
constexpr int64_t kSubgroup = 32;
constexpr int64_t kRows = 64; ///< of a block
constexpr int64_t kThreads = kRows / 16 * kSubgroup;
constexpr int64_t kSums = MatrixUnits::sums;
constexpr int64_t kPad = MatrixUnits::pad;
constexpr int64_t kRegisters =
    160; ///< words of a work item that tiles may take: addresses and states need others
constexpr int64_t kValueColumns = 128; ///< that one block sums
constexpr double kLog2E = 1.4426950408889634;
constexpr float kLowest = -1.0e30f; ///< where maxima start: finite, so that a hidden tile changes nothing

/// Sizes of a block's tiles. Columns of heads are filled up to whole fragments.
struct Tiles {
  int64_t keySize, valueParts, valueSize, keyColumns, valueColumns, keys = 64;
  bool isCopied; ///< the cache has the type that is multiplied

  Tiles(kernel::AttentionOp op, Type type) {
    auto keyType = cast<MemRefType>(op.getKeyMemory().getType()),
         valueType = cast<MemRefType>(op.getValueMemory().getType());
    keySize = keyType.getDimSize(2), keyColumns = llvm::alignTo(keySize, 16);
    valueSize = valueType.getDimSize(2);
    // What more columns would need of registers is scores' once more.
    valueParts = valueSize % (2 * 16) == 0 && valueSize > kValueColumns ? 2 : 1;
    valueSize /= valueParts, valueColumns = llvm::alignTo(valueSize, 16);
    isCopied = keyType.getElementType() == type && valueType.getElementType() == type;
  }

  int64_t sharedBytes() const { return 2 * (keyColumns * (keys + kPad) + keys * (valueColumns + kPad)); }
  /// Of a work item: queries, scores and sums of values.
  int64_t registers() const { return keyColumns / 4 + keys / 2 + valueColumns / 2; }
  /// Whether there is room for a tile that is on its way as well; copies need none.
  bool loadsEarly() const {
    return isCopied || registers() + keys * std::max(keyColumns, valueColumns) / 2 / kThreads <= kRegisters;
  }

  /// As many keys as there is room for, if there is any.
  static std::optional<Tiles> choose(kernel::AttentionOp op, const GpuTarget &target) {
    for (Tiles tiles(op, target.matrixType); tiles.keys >= kKeyGroup; tiles.keys /= 2)
      if (tiles.sharedBytes() <= target.sharedBytes && tiles.registers() <= kRegisters)
        return tiles;
    return std::nullopt;
  }
};

class TiledAttention : Scalars {
public:
  TiledAttention(DeviceEmitter &e, kernel::AttentionOp op, const Tiles &tiles, Type type)
      : Scalars{e}, e(e), op(op), tiles(tiles), type(type), units(e, type) {
    keyHeads = cast<MemRefType>(op.getKeyMemory().getType()).getDimSize(1);
    group = cast<MemRefType>(op.getQueries().getType()).getDimSize(1) / keyHeads;
    keyTile = e.shared({tiles.keyColumns, tiles.keys + kPad}, type);
    valueTile = e.shared({tiles.keys, tiles.valueColumns + kPad}, type);
    keyHead = e.block(1);
    firstRow = e.mul(e.block(0), kRows);
    firstValue = tiles.valueParts == 1 ? e.index(0) : e.mul(e.block(2), tiles.valueSize);
    count = e.sub(e.mul(e.dimension(op.getQueries(), 0), group), firstRow);
    count = arith::MinSIOp::create(e, count, e.index(kRows));
    lane = e.rem(e.thread, kSubgroup);
    column = word(e.mul(e.rem(lane, 4), 2));
  }

  void emit() {
    Value first = e.add(e.mul(e.div(e.thread, kSubgroup), 16), e.div(lane, 4));
    for (int64_t i = 0; i < 2; ++i)
      rows[i] = describe(e.add(first, 8 * i));
    for (int64_t i = 0; i < 2; ++i)
      scanned[i] = describe(e.add(lane, kSubgroup * i));
    loadQueries();
    clearMissingColumns();
    Values state(2, number(kLowest));
    state.append(2 + tiles.valueColumns / 8 * kSums, number(0));
    finish(overSequences(state));
  }

private:
  /// A row of the block: a token's head.
  struct Row {
    Value index;       ///< in the block
    Value token, head; ///< of another row, where this one is past the last
    Value firstKey;    ///< of its sequence
    Value low, high;   ///< rows [low, high) of the cache that it sees
    Value origin;      ///< where its own position is in the cache
    Value isThere;     ///< it is not past the last
  };
  /// What of the cache a row sees while keys of one sequence are walked: `keys` from `low` on.
  struct Window {
    Value low, keys;
  };

  DeviceEmitter &e;
  kernel::AttentionOp op;
  Tiles tiles;
  Type type;
  MatrixUnits units;
  int64_t keyHeads, group;
  Value keyTile, valueTile;
  Value keyHead, firstRow, firstValue, count; ///< `count`: rows of the block
  Value lane, column; ///< `column`: of a fragment's eight, the first of the two that are the work item's
  Row rows[2];        ///< whose sums the work item has
  Row scanned[2];     ///< a share of the block's, to find out what it sees
  SmallVector<Values> queries; ///< operands of 16 columns

  Value word(Value index) { return arith::IndexCastOp::create(e, e.getI32Type(), index); }
  Value wide(Value word) { return arith::IndexCastOp::create(e, e.getIndexType(), word); }
  Value word(int64_t value) {
    return arith::ConstantOp::create(e, e.getI32IntegerAttr(static_cast<int32_t>(value)));
  }
  Value addWords(Value a, Value b) { return arith::AddIOp::create(e, a, b); }
  Value subtractWords(Value a, Value b) { return arith::SubIOp::create(e, a, b); }
  Value smallerWord(Value a, Value b) { return arith::MinSIOp::create(e, a, b); }
  Value largerWord(Value a, Value b) { return arith::MaxSIOp::create(e, a, b); }
  Value multiply(Value a, Value b) { return arith::MulFOp::create(e, a, b); }
  /// One instruction of the device.
  Value exp2(Value x) {
    return LLVM::CallIntrinsicOp::create(e, e.getF32Type(), e.getStringAttr("llvm.nvvm.ex2.approx.ftz"), x)
        .getResult(0);
  }

  Value fromLane(Value value, int64_t distance) {
    return gpu::ShuffleOp::create(e, value, word(distance), word(kSubgroup), gpu::ShuffleMode::XOR)
        .getShuffleResult();
  }
  /// Over the lanes whose numbers differ in the bits of `distances`.
  Value reduceLanes(Value value, ArrayRef<int64_t> distances, function_ref<Value(Value, Value)> combine) {
    for (int64_t distance : distances)
      value = combine(value, fromLane(value, distance));
    return value;
  }

  //===-------------------------------- which rows see which keys ---------------------------------===//

  Row describe(Value index) {
    Row row;
    row.index = word(index);
    row.isThere = compare(CmpIPredicate::slt, index, count);
    Value number = e.add(firstRow, select(row.isThere, index, e.index(0)));
    row.token = e.div(number, group);
    row.head = e.add(e.mul(keyHead, group), e.rem(number, group));
    auto entry = [&](BatchColumn which) { return batchColumn(e, op.getBatch(), row.token, which); };
    Value position = entry(kPosition), firstKey = entry(kFirstKey);
    auto [low, high] = keyInterval(e, op.getMask(), position, entry(kKeyCount));
    row.firstKey = word(firstKey);
    row.low = word(e.add(firstKey, low));
    row.high = word(e.add(firstKey, high));
    row.origin = word(e.add(firstKey, position));
    return row;
  }

  /// The keys of each sequence that the block has tokens of: rows [row, next) are one's.
  Values overSequences(ValueRange start) {
    Values carried{word(int64_t{0})};
    llvm::append_range(carried, start);
    SmallVector<Type> types(ValueRange(carried).getTypes());
    SmallVector<Location> locations(types.size(), e.getLoc());
    auto loop = scf::WhileOp::create(e, types, carried);
    OpBuilder::InsertionGuard guard(e);
    Block *before = e.createBlock(&loop.getBefore(), {}, types, locations);
    Value isLeft = compare(CmpIPredicate::slt, before->getArgument(0), word(count));
    scf::ConditionOp::create(e, isLeft, before->getArguments());
    Block *after = e.createBlock(&loop.getAfter(), {}, types, locations);
    Value row = after->getArgument(0), next = endOfSequence(row);
    Values results{next};
    llvm::append_range(results, overKeys(row, next, after->getArguments().drop_front()));
    scf::YieldOp::create(e, results);
    return loop.getResults().drop_front();
  }

  Value endOfSequence(Value row) {
    Value token = e.div(e.add(firstRow, wide(row)), group);
    Value firstKey = word(batchColumn(e, op.getBatch(), token, kFirstKey)), next = word(count);
    for (const Row &other : scanned) {
      Value isOther = compare(CmpIPredicate::ne, other.firstKey, firstKey);
      Value follows = both(both(compare(CmpIPredicate::sgt, other.index, row), isOther), other.isThere);
      next = smallerWord(next, select(follows, other.index, word(count)));
    }
    return reduceLanes(next, {1, 2, 4, 8, 16}, [&](Value a, Value b) { return smallerWord(a, b); });
  }

  Value isWithin(const Row &row, Value begin, Value end) {
    return both(compare(CmpIPredicate::sge, row.index, begin), compare(CmpIPredicate::slt, row.index, end));
  }

  Values overKeys(Value row, Value next, ValueRange start) {
    Value low = word(std::numeric_limits<int32_t>::max()), high = word(int64_t{0});
    for (const Row &other : scanned) {
      Value sees = both(isWithin(other, row, next), compare(CmpIPredicate::slt, other.low, other.high));
      low = smallerWord(low, select(sees, other.low, low));
      high = largerWord(high, select(sees, other.high, high));
    }
    low = reduceLanes(low, {1, 2, 4, 8, 16}, [&](Value a, Value b) { return smallerWord(a, b); });
    high = reduceLanes(high, {1, 2, 4, 8, 16}, [&](Value a, Value b) { return largerWord(a, b); });
    Window windows[2];
    for (auto [own, window] : llvm::zip(rows, windows)) {
      Value keys = largerWord(subtractWords(own.high, own.low), word(int64_t{0}));
      window = {own.low, select(isWithin(own, row, next), keys, word(int64_t{0}))};
    }
    Value begin = e.roundDown(wide(low), kKeyGroup), end = wide(high);
    e.when(compare(CmpIPredicate::ult, begin, end), [&] {
      units.storeAll(loadKeys(begin, end));
      NVVM::CpAsyncCommitGroupOp::create(e);
    });
    Values state = e.loop(begin, end, tiles.keys, start, [&](Value tile, ValueRange carried) {
      return emitTile(tile, end, windows, carried);
    });
    awaitTile(); // before the next sequence's keys come
    return state;
  }

  //===------------------------------- keys and values on their way -------------------------------===//

  void awaitTile() {
    NVVM::CpAsyncWaitGroupOp::create(e, 0);
    e.barrier();
  }

  /// Rows of keys that are there only to fill a fragment: queries have zeros there, but zero times what is no
  /// number is none.
  void clearMissingColumns() {
    int64_t width = tiles.keys + kPad, missing = (tiles.keyColumns - tiles.keySize) * width;
    if (missing == 0)
      return;
    Value zero = arith::ConstantOp::create(e, e.getFloatAttr(type, 0.0));
    e.forThreads(e.index(missing), [&](Value i) {
      store(zero, keyTile, {e.add(e.div(i, width), tiles.keySize), e.rem(i, width)});
    });
  }

  using Place = std::pair<Values, Values>; ///< in the cache, in a tile
  /// Work items share out `parts` of `size` elements: copied where the cache has the type, else rounded on
  /// the way.
  SmallVector<MatrixUnits::Pending> load(int64_t parts, int64_t size, Value cache, Value tile,
                                         function_ref<Place(Value part)> placeOf) {
    SmallVector<MatrixUnits::Pending> pending;
    Type element = cast<MemRefType>(cache.getType()).getElementType();
    int64_t bytes = size * element.getIntOrFloatBitWidth() / 8;
    for (int64_t at = 0; at < parts; at += kThreads) {
      Value part = e.add(e.thread, at);
      if (at + kThreads > parts) // the last one is loaded more than once
        part = e.min(part, e.index(parts - 1));
      auto [from, to] = placeOf(part);
      if (element == type && bytes >= 4) {
        units.copy(cache, from, tile, to, bytes);
        continue;
      }
      Value loaded =
          vector::LoadOp::create(e, VectorType::get(size, element), cache, from, /*nontemporal=*/false,
                                 llvm::MaybeAlign(static_cast<uint64_t>(std::min<int64_t>(bytes, 16))));
      if (element != type) {
        auto wide = VectorType::get(size, e.getF32Type());
        loaded = units.narrow(element.isF32() ? loaded : arith::ExtFOp::create(e, wide, loaded).getResult());
      }
      pending.push_back({loaded, tile, to});
    }
    return pending;
  }

  /// Keys from `tile` on, below each other's columns; those past the last group are the last group's.
  SmallVector<MatrixUnits::Pending> loadKeys(Value tile, Value end) {
    constexpr int64_t kPart = 8;
    int64_t perColumn = kKeyGroup / kPart, perGroup = tiles.keySize * perColumn;
    Value firstGroup = e.div(tile, kKeyGroup), lastGroup = e.div(e.add(end, -1), kKeyGroup);
    return load(tiles.keys / kKeyGroup * perGroup, kPart, op.getKeyMemory(), keyTile,
                [&](Value part) -> Place {
                  Value group = e.div(part, perGroup), d = e.div(e.rem(part, perGroup), perColumn);
                  Value key = e.mul(e.rem(part, perColumn), kPart);
                  return {{e.min(e.add(firstGroup, group), lastGroup), keyHead, d, key},
                          {d, e.add(e.mul(group, kKeyGroup), key)}};
                });
  }

  /// Values from `tile` on; those past the end are the last one: a weight of zero times what is no number is
  /// none.
  SmallVector<MatrixUnits::Pending> loadValues(Value tile, Value end) {
    int64_t size = std::min<int64_t>(8, tiles.valueSize & -tiles.valueSize), perRow = tiles.valueSize / size;
    return load(tiles.keys * perRow, size, op.getValueMemory(), valueTile, [&](Value part) -> Place {
      Value key = e.div(part, perRow), d = e.mul(e.rem(part, perRow), size);
      return {{e.min(e.add(tile, key), e.add(end, -1)), keyHead, e.add(firstValue, d)}, {key, d}};
    });
  }

  //===-------------------------------------- one tile of keys ------------------------------------===//

  Values emitTile(Value tile, Value end, ArrayRef<Window> windows, ValueRange carried) {
    awaitTile(); // keys are there, values have been used
    Values scores, state(carried);
    during([&] { return loadValues(tile, end); }, [&] { scores = multiplyKeys(); });
    Values weights = softmax(shapeScores(scores, word(tile), windows), state);
    awaitTile(); // values are there, keys have been used
    during([&] { return loadKeys(e.add(tile, tiles.keys), end); },
           [&] { addValues(weights, MutableArrayRef<Value>(state).drop_front(4)); });
    return state;
  }

  /// A tile is on its way during the work, or comes after it.
  void during(function_ref<SmallVector<MatrixUnits::Pending>()> load, function_ref<void()> work) {
    SmallVector<MatrixUnits::Pending> pending;
    if (!tiles.loadsEarly())
      work();
    pending = load();
    NVVM::CpAsyncCommitGroupOp::create(e);
    if (tiles.loadsEarly())
      work();
    units.storeAll(pending);
  }

  /// Fragments of 16 rows and columns, whose columns past the head's are zeros.
  void loadQueries() {
    for (int64_t first = 0; first < tiles.keyColumns; first += 16) {
      Values operands;
      for (int64_t half = 0; half < 2; ++half)
        for (const Row &row : rows) {
          Values elements;
          for (int64_t i = 0; i < 2; ++i)
            elements.push_back(queryElement(row, first + 8 * half + i));
          operands.push_back(units.pair(elements[0], elements[1]));
        }
      queries.push_back(operands);
    }
  }

  /// `first`: of the fragment's column where lane 0 is.
  Value queryElement(const Row &row, int64_t first) {
    Value d = e.add(wide(column), first);
    if (first + 6 < tiles.keySize)
      return e.load(op.getQueries(), {row.token, row.head, d});
    Value inside = compare(CmpIPredicate::ult, d, e.index(tiles.keySize));
    return select(inside, e.load(op.getQueries(), {row.token, row.head, select(inside, d, e.index(0))}),
                  number(0));
  }

  /// 16 rows from `first` on of a tile, and 16 columns: the operands of two products that add over these
  /// rows.
  Values loadOperands(Value tile, int64_t first, int64_t firstColumn) {
    Value row = e.add(e.rem(lane, 16), first), where = e.add(e.mul(e.div(lane, 16), 8), firstColumn);
    return units.loadMatrices(tile, {row, where}, NVVM::MMALayout::col);
  }

  /// Adds the product of 16 rows by `columns` of a tile.
  void multiplyTile(Value tile, int64_t first, int64_t columns, ArrayRef<Value> operands,
                    MutableArrayRef<Value> sums) {
    for (int64_t at = 0; at < columns; at += 16) {
      Values loaded = loadOperands(tile, first, at);
      for (int64_t half = 0; half < 2; ++half)
        units.accumulate(sums.slice(static_cast<size_t>((at / 8 + half) * kSums), kSums), operands,
                         ArrayRef<Value>(loaded).slice(static_cast<size_t>(2 * half), 2));
    }
  }

  Values multiplyKeys() {
    Values scores(static_cast<size_t>(tiles.keys / 8 * kSums), number(0));
    for (auto [i, operands] : llvm::enumerate(queries))
      multiplyTile(keyTile, static_cast<int64_t>(i) * 16, tiles.keys, operands, scores);
    return scores;
  }

  /// Weights become operands as they lie: what are two fragments of sums is one of 16 x 16 elements.
  void addValues(ArrayRef<Value> weights, MutableArrayRef<Value> sums) {
    for (int64_t key = 0; key < tiles.keys; key += 16) {
      ArrayRef<Value> part = weights.slice(static_cast<size_t>(key / 8 * kSums), 2 * kSums);
      Values operands;
      for (size_t i = 0; i < 2 * kSums; i += 2)
        operands.push_back(units.pair(part[i], part[i + 1]));
      multiplyTile(valueTile, key, tiles.valueColumns, operands, sums);
    }
  }

  /// Of scores, in their order: fragment of eight keys, then row, then key.
  static size_t rowOf(size_t i) { return i % kSums / 2; }
  static int64_t keyOf(size_t i) { return static_cast<int64_t>(i) / kSums * 8 + static_cast<int64_t>(i % 2); }

  /// Nothing but the scale makes exponents of scores: one multiplication and addition does it then.
  bool areScaledLate() {
    return op.getSoftCap().isZero() && !op.getBias() && op.getScale().convertToDouble() > 0;
  }
  /// Of two, whose powers weights are: what scores are still multiplied by.
  double exponentScale() { return areScaledLate() ? op.getScale().convertToDouble() * kLog2E : 1.0; }

  /// Scale, cap and bias.
  Value shapeScore(Value score, const Row &row, Value key) {
    if (areScaledLate())
      return score;
    double scale = op.getScale().convertToDouble();
    if (double cap = op.getSoftCap().convertToDouble(); cap != 0.0)
      score = multiply(math::TanhOp::create(e, multiply(score, number(scale / cap))), number(cap * kLog2E));
    else
      score = multiply(score, number(scale * kLog2E));
    if (op.getBias())
      score = math::FmaOp::create(e, distanceBias(row, key), number(kLog2E), score);
    return score;
  }

  Values shapeScores(Values scores, Value tile, ArrayRef<Window> windows) {
    Value own = addWords(tile, column);
    Value hidden[2];
    for (auto [i, window] : llvm::enumerate(windows))
      hidden[i] = subtractWords(window.low, own);
    for (auto [i, score] : llvm::enumerate(scores)) {
      size_t row = rowOf(i);
      score = shapeScore(score, rows[row], addWords(own, word(keyOf(i))));
      Value place = subtractWords(word(keyOf(i)), hidden[row]);
      Value visible = compare(CmpIPredicate::ult, place, windows[row].keys);
      score = select(visible, score, minusInfinity());
    }
    return scores;
  }

  /// Far distances count as the farthest of the table.
  Value distanceBias(const Row &row, Value key) {
    int64_t most = cast<MemRefType>(op.getBias().getType()).getDimSize(1) / 2;
    Value distance = subtractWords(key, row.origin);
    distance = smallerWord(largerWord(distance, word(-most)), word(most));
    return e.load(op.getBias(), {row.head, wide(addWords(distance, word(most)))});
  }

  /// The weights of a tile. The state, of both rows: largest scores, sums of the work item's own weights,
  /// sums of values.
  Values softmax(Values scores, MutableArrayRef<Value> state) {
    auto largerOf = [&](Value a, Value b) { return larger(a, b); };
    Value corrections[2], exponents[2], scale = number(exponentScale());
    for (size_t row = 0; row < 2; ++row) {
      Value largest = state[row];
      for (auto [i, score] : llvm::enumerate(scores))
        if (rowOf(i) == row)
          largest = larger(largest, score);
      largest = reduceLanes(largest, {1, 2}, largerOf);
      corrections[row] = exp2(multiply(arith::SubFOp::create(e, state[row], largest), scale));
      exponents[row] = arith::NegFOp::create(e, multiply(largest, scale));
      state[row] = largest;
      state[2 + row] = multiply(state[2 + row], corrections[row]);
    }
    for (auto [i, sum] : llvm::enumerate(state.drop_front(4)))
      sum = multiply(sum, corrections[rowOf(i)]);
    for (auto [i, score] : llvm::enumerate(scores)) {
      size_t row = rowOf(i);
      score = exp2(math::FmaOp::create(e, score, scale, exponents[row]));
      state[2 + row] = add(state[2 + row], score);
    }
    return scores;
  }

  /// Divides by the sum; a row that saw no key is zeros. A sink joins maximum and sum.
  void finish(ValueRange state) {
    for (int64_t i = 0; i < 2; ++i) {
      const Row &row = rows[i];
      Value sum =
          reduceLanes(state[static_cast<size_t>(2 + i)], {1, 2}, [&](Value a, Value b) { return add(a, b); });
      Value scale = number(1);
      if (op.getSinks()) {
        Value largest = multiply(state[static_cast<size_t>(i)], number(exponentScale()));
        Value sink = multiply(e.load(op.getSinks(), row.head), number(kLog2E)), all = larger(sink, largest);
        scale = exp2(arith::SubFOp::create(e, largest, all));
        sum = add(multiply(sum, scale), exp2(arith::SubFOp::create(e, sink, all)));
      }
      Value empty = compare(CmpFPredicate::OEQ, sum, number(0));
      Value factor = select(empty, number(0), div(scale, sum));
      e.when(row.isThere, [&] { storeRow(row, factor, state.drop_front(4), i); });
    }
  }

  void storeRow(const Row &row, Value factor, ValueRange sums, int64_t which) {
    for (int64_t fragment = 0; fragment * 8 < tiles.valueSize; ++fragment)
      for (int64_t i = 0; i < 2; ++i) {
        Value d = e.add(wide(column), fragment * 8 + i);
        auto storeIt = [&] {
          Value sum = sums[static_cast<size_t>(fragment * kSums + 2 * which + i)];
          store(multiply(sum, factor), op.getOutput(), {row.token, row.head, e.add(firstValue, d)});
        };
        if (fragment * 8 + 8 <= tiles.valueSize)
          storeIt();
        else
          e.when(compare(CmpIPredicate::ult, d, e.index(tiles.valueSize)), storeIt);
      }
  }
};

} // namespace

bool transformer::canTileAttention(kernel::AttentionOp op, const GpuTarget &target) {
  return target.matrixType && op.getNormalizer() == Normalizer::softmax && Tiles::choose(op, target);
}

void transformer::launchTiledAttention(kernel::AttentionOp op, const GpuTarget &target, Operation *before) {
  LoopEmitter around(before);
  Tiles tiles = *Tiles::choose(op, target);
  int64_t keyHeads = cast<MemRefType>(op.getKeyMemory().getType()).getDimSize(1);
  int64_t group = cast<MemRefType>(op.getQueries().getType()).getDimSize(1) / keyHeads;
  Value rows = around.mul(around.dimension(op.getQueries(), 0), group);
  DeviceEmitter e(before, "attention_tiles",
                  {ceilDiv(around, rows, kRows), around.index(keyHeads), around.index(tiles.valueParts)},
                  kThreads);
  TiledAttention(e, op, tiles, target.matrixType).emit();
}
