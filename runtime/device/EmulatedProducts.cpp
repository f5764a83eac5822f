// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Products of warp groups, of DeviceAbi.h's closed list.
#include "runtime/device/EmulatedProducts.h"
#include "runtime/device/BlockRunner.h"
#include "runtime/device/EmulatedTypes.h"

#include <algorithm>
#include <array>
#include <cstring>

using namespace attune;

bool EmulatedProducts::wait(int64_t left) {
  areRegistersFenced = false;
  fencedLanes = 0;
  auto groups = static_cast<int64_t>(groupEnds.size()) - left;
  if (groups <= 0)
    return true;
  size_t end = groupEnds[static_cast<size_t>(groups - 1)];
  auto isUnchanged = [](const Read &read) {
    return std::memcmp(read.place, read.bytes, sizeof(read.bytes)) == 0;
  };
  bool areUnchanged =
      std::all_of(begun.begin(), begun.begin() + static_cast<ptrdiff_t>(end),
                  [&](const auto &reads) { return std::ranges::all_of(*reads, isUnchanged); });
  begun.erase(begun.begin(), begun.begin() + static_cast<ptrdiff_t>(end));
  groupEnds.erase(groupEnds.begin(), groupEnds.begin() + groups);
  for (size_t &each : groupEnds)
    each -= end;
  return areUnchanged;
}

namespace {

constexpr size_t Rows = 64, Depth = 16, MostColumns = 256;
constexpr uint64_t AddressBits = 18; ///< of the block's memory, as descriptors have them

/// Of an operand in the block's memory: PTX, "Matrix Descriptor Format". Offsets in bytes.
struct Descriptor {
  explicit Descriptor(uint64_t bits)
      : start((bits & 0x3fff) << 4), leading((bits >> 16 & 0x3fff) << 4), stride((bits >> 32 & 0x3fff) << 4),
        baseOffset(bits >> 49 & 7), swizzle(bits >> 62) {}

  uint64_t start, leading, stride, baseOffset, swizzle;

  /// A row of the swizzle has 128, 64 or 32 bytes: numbers 1, 2 and 3.
  uint64_t pieces() const { return 16 >> swizzle; }
  const char *problem() const {
    if (swizzle == 0)
      return "a descriptor has no swizzle";
    if (baseOffset != 0 || (start >> 7 & (pieces() - 1)) != 0)
      return "a matrix does not begin where a pattern of its swizzle does";
    return nullptr;
  }
  /// The swizzle exchanges the pieces of 16 bytes of a row by the address.
  uint64_t addressOf(uint64_t offset) const {
    uint64_t address = start + offset;
    return address ^ (address >> 7 & (pieces() - 1)) << 4;
  }
  // Sixteen bytes, in order: rows lie one after the other in patterns of eight ("K-major") ...
  uint64_t alongDepth(size_t row, size_t piece) const {
    return addressOf(row / 8 * stride + row % 8 * pieces() * 16 + piece * 16);
  }
  // ... or the matrix is transposed: as many rows as a row of the swizzle has lie side by side, depth after
  // depth ("MN-major").
  uint64_t alongRows(size_t depth, size_t piece) const {
    return addressOf(depth / 8 * stride + depth % 8 * pieces() * 16 + piece / pieces() * leading +
                     piece % pieces() * 16);
  }
};

/// Reads operands and keeps what it has read.
class OperandReader {
public:
  const char *problem = nullptr;
  std::shared_ptr<EmulatedProducts::Reads> reads = std::make_shared<EmulatedProducts::Reads>();

  std::array<uint16_t, 8> at(uint64_t address) {
    std::span<std::byte> memory = BlockRunner::running().sharedSpan();
    uint64_t offset = (address - reinterpret_cast<uintptr_t>(memory.data())) & ((1 << AddressBits) - 1);
    std::array<uint16_t, 8> elements{};
    if (offset + sizeof(elements) > memory.size()) {
      problem = "a matrix lies outside of the block's memory";
      return elements;
    }
    if (BlockRunner::running().barriers().isAwaited(memory.data() + offset, sizeof(elements)))
      problem = "a copy is still on its way to a matrix";
    EmulatedProducts::Read read{memory.data() + offset, {}};
    std::memcpy(read.bytes, read.place, sizeof(read.bytes));
    std::memcpy(&elements, read.bytes, sizeof(elements));
    reads->push_back(read);
    return elements;
  }
};

struct Wgmma {
  uint64_t a, b;
  int32_t columns, transposed;
  float *sums;
  EmulatedProducts *products; ///< of the item's warp

  bool isSame(const Wgmma &other) const {
    return a == other.a && b == other.b && columns == other.columns && transposed == other.transposed;
  }
};

template <typename Element> struct Operands {
  float a[Rows][Depth], b[Depth][MostColumns];

  void read(OperandReader &reader, const Wgmma &product) {
    Descriptor of(product.a), by(product.b);
    auto columns = static_cast<size_t>(product.columns);
    for (size_t row = 0; row < Rows; ++row)
      for (size_t piece = 0; piece < Depth / 8; ++piece)
        for (size_t i = 0; uint16_t element : reader.at(of.alongDepth(row, piece)))
          a[row][piece * 8 + i++] = Element::toFloat(element);
    if (product.transposed) {
      for (size_t depth = 0; depth < Depth; ++depth)
        for (size_t piece = 0; piece < columns / 8; ++piece)
          for (size_t i = 0; uint16_t element : reader.at(by.alongRows(depth, piece)))
            b[depth][piece * 8 + i++] = Element::toFloat(element);
      return;
    }
    for (size_t column = 0; column < columns; ++column)
      for (size_t piece = 0; piece < Depth / 8; ++piece)
        for (size_t i = 0; uint16_t element : reader.at(by.alongDepth(column, piece)))
          b[piece * 8 + i++][column] = Element::toFloat(element);
  }
};

const char *check(std::span<void *const> operands) {
  if (operands.size() != BlockRunner::GroupSize)
    return "it needs all 128 work items of a warp group, and the block has not so many";
  const Wgmma &first = *static_cast<Wgmma *>(operands[0]);
  if (first.columns < 8 || first.columns > static_cast<int32_t>(MostColumns) || first.columns % 8)
    return "its columns are no multiple of 8 up to 256";
  for (void *each : operands)
    if (!static_cast<Wgmma *>(each)->isSame(first))
      return "its work items have different matrices";
    else if (!static_cast<Wgmma *>(each)->products->isFenced())
      return "a warp has not come by wgmma.fence and fence.proxy.async before it";
  for (uint64_t bits : {first.a, first.b})
    if (const char *problem = Descriptor(bits).problem())
      return problem;
  return nullptr;
}

/// D[64, columns] lies in registers as PTX ("Register Fragments for wgmma.mma_async.m64nNk16") defines: warp
/// w has rows 16 w to 16 w + 15, of which lane l has row l / 4 and the eighth after it, and of eight columns
/// 2 * (l % 4) and the next.
template <typename Element> const char *completeWgmma(std::span<void *const> operands) {
  if (const char *problem = check(operands))
    return problem;
  const Wgmma &first = *static_cast<Wgmma *>(operands[0]);
  OperandReader reader;
  Operands<Element> matrices;
  matrices.read(reader, first);
  if (reader.problem)
    return reader.problem;
  for (size_t item = 0; item < operands.size(); ++item) {
    auto &own = *static_cast<Wgmma *>(operands[item]);
    size_t lane = item % 32;
    for (size_t i = 0; i < static_cast<size_t>(first.columns) / 2; ++i) {
      size_t row = item / 32 * 16 + lane / 4 + i / 2 % 2 * 8, column = i / 4 * 8 + lane % 4 * 2 + i % 2;
      for (size_t k = 0; k < Depth; ++k)
        own.sums[i] += matrices.a[row][k] * matrices.b[k][column];
    }
    if (lane == 0)
      own.products->begin(reader.reads);
  }
  return nullptr;
}
const Collective wgmmaF16{"a product of a warp group (f16)", completeWgmma<F16>, BlockRunner::GroupSize};
const Collective wgmmaBf16{"a product of a warp group (bf16)", completeWgmma<Bf16>, BlockRunner::GroupSize};

/// What a warp does with its products; the first of its items does it for all.
struct Step {
  EmulatedProducts &products;
  int32_t left;

  static Step &of(std::span<void *const> operands) { return *static_cast<Step *>(operands[0]); }
};

void takeStep(const Collective &collective, int32_t left = 0) {
  Step own{BlockRunner::running().products(), left};
  BlockRunner::running().collect(collective, &own);
}

const Collective wgmmaFence{"wgmma.fence", [](std::span<void *const> operands) -> const char * {
                              Step::of(operands).products.fenceRegisters();
                              return nullptr;
                            }};
const Collective wgmmaCommit{"wgmma.commit_group", [](std::span<void *const> operands) -> const char * {
                               Step::of(operands).products.commit();
                               return nullptr;
                             }};
const Collective wgmmaWait{"wgmma.wait_group", [](std::span<void *const> operands) -> const char * {
                             Step &step = Step::of(operands);
                             return step.products.wait(step.left)
                                        ? nullptr
                                        : "what a product reads has changed before the wait for it";
                           }};

} // namespace

void attune_item_wgmma_f16(uint64_t a, uint64_t b, int32_t columns, int32_t transposed, float *sums) {
  Wgmma own{a, b, columns, transposed, sums, &BlockRunner::running().products()};
  BlockRunner::running().collect(wgmmaF16, &own);
}
void attune_item_wgmma_bf16(uint64_t a, uint64_t b, int32_t columns, int32_t transposed, float *sums) {
  Wgmma own{a, b, columns, transposed, sums, &BlockRunner::running().products()};
  BlockRunner::running().collect(wgmmaBf16, &own);
}
void attune_item_wgmma_fence(void) { takeStep(wgmmaFence); }
void attune_item_wgmma_commit(void) { takeStep(wgmmaCommit); }
void attune_item_wgmma_wait(int32_t left) { takeStep(wgmmaWait, left); }
void attune_item_proxy_fence(void) {
  BlockRunner::running().products().fenceMemory(BlockRunner::running().lane());
}
