// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What emulated kernels call: the closed list of DeviceAbi.h.
#include "runtime/device/BlockRunner.h"
#include "runtime/device/EmulatedTypes.h"

#include <cstring>

using namespace attune;

int64_t attune_item_thread_id(int32_t dimension) { return BlockRunner::running().thread(dimension); }
int64_t attune_item_block_id(int32_t dimension) { return BlockRunner::running().block(dimension); }
int64_t attune_item_block_size(int32_t dimension) { return BlockRunner::running().grid().block[dimension]; }
int64_t attune_item_grid_size(int32_t dimension) { return BlockRunner::running().grid().grid[dimension]; }
void attune_item_barrier(void) { BlockRunner::running().barrier(); }
void *attune_item_shared(void) { return BlockRunner::running().shared(); }

namespace {

/// What an item gives to an operation and gets from it, as the operation's `complete` sees it.
template <typename Operands> Operands &of(std::span<void *const> operands, size_t lane) {
  return *static_cast<Operands *>(operands[lane]);
}

constexpr const char *incomplete = "it needs all 32 work items of a subgroup, and the block has not so many";

//===-------------------------------------- shuffles and votes ------------------------------------===//

struct Shuffle {
  uint32_t value, lane;
  int32_t mode;
  uint32_t width, result;
};

const char *completeShuffle(std::span<void *const> operands) {
  for (size_t i = 0; i < operands.size(); ++i) {
    auto &own = of<Shuffle>(operands, i);
    if (own.width == 0 || own.width > 32 || (own.width & (own.width - 1)))
      return "its width is no power of two up to 32";
    auto self = static_cast<uint32_t>(i);
    uint32_t first = self / own.width * own.width, from;
    switch (own.mode) {
    case 0:
      from = first + own.lane % own.width;
      break;
    case 1:
      from = self ^ own.lane;
      break;
    case 2:
      from = self - own.lane;
      break;
    default:
      from = self + own.lane;
    }
    bool isThere = from >= first && from < first + own.width && from < operands.size();
    own.result = isThere ? of<Shuffle>(operands, from).value : own.value;
  }
  return nullptr;
}
const Collective shuffle{"a shuffle", completeShuffle};

struct Vote {
  uint32_t predicate, result;
};

const char *completeVote(std::span<void *const> operands) {
  uint32_t ballot = 0;
  for (size_t i = 0; i < operands.size(); ++i)
    ballot |= static_cast<uint32_t>(of<Vote>(operands, i).predicate != 0) << i;
  for (size_t i = 0; i < operands.size(); ++i)
    of<Vote>(operands, i).result = ballot;
  return nullptr;
}
const Collective vote{"a vote", completeVote};

//===---------------------------------------- matrix products -------------------------------------===//

struct Mma {
  const uint32_t *a, *b;
  float *sums;
};

/// A[16, 16], B[16, 8] and C[16, 8] lie in registers as PTX ("Matrix Fragments for mma.m16n8k16") defines:
/// lane l has of each 8 x 8 quarter of A row l / 4 and columns 2 * (l % 4) and the next, of B the same with
/// rows and columns changed.
template <typename Element> const char *completeMma(std::span<void *const> operands) {
  if (operands.size() != 32)
    return incomplete;
  float a[16][16], b[16][8];
  for (size_t lane = 0; lane < 32; ++lane) {
    auto &own = of<Mma>(operands, lane);
    size_t row = lane / 4, column = lane % 4 * 2;
    for (size_t half = 0; half < 2; ++half) {
      for (size_t i = 0; i < 4; ++i)
        a[row + i % 2 * 8][column + i / 2 * 8 + half] =
            Element::toFloat(static_cast<uint16_t>(own.a[i] >> (16 * half)));
      for (size_t i = 0; i < 2; ++i)
        b[column + i * 8 + half][row] = Element::toFloat(static_cast<uint16_t>(own.b[i] >> (16 * half)));
    }
  }
  for (size_t lane = 0; lane < 32; ++lane)
    for (size_t i = 0; i < 4; ++i) {
      size_t row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
      float sum = of<Mma>(operands, lane).sums[i];
      for (size_t k = 0; k < 16; ++k)
        sum += a[row][k] * b[k][column];
      of<Mma>(operands, lane).sums[i] = sum;
    }
  return nullptr;
}
const Collective mmaF16{"a matrix product (m16n8k16, f16)", completeMma<F16>};
const Collective mmaBf16{"a matrix product (m16n8k16, bf16)", completeMma<Bf16>};

struct LoadMatrix {
  const void *row;
  int32_t count, transposed;
  uint32_t *result;
};

/// Lanes 8 i to 8 i + 7 say where the rows of matrix i are.
const char *completeLoadMatrix(std::span<void *const> operands) {
  if (operands.size() != 32)
    return incomplete;
  int32_t count = of<LoadMatrix>(operands, 0).count;
  if (count != 1 && count != 2 && count != 4)
    return "it loads 1, 2 or 4 matrices";
  for (size_t matrix = 0; matrix < static_cast<size_t>(count); ++matrix) {
    uint16_t elements[8][8];
    for (size_t row = 0; row < 8; ++row) {
      const void *from = of<LoadMatrix>(operands, matrix * 8 + row).row;
      if (reinterpret_cast<uintptr_t>(from) % 16)
        return "the address of a row is no multiple of 16";
      std::memcpy(elements[row], from, sizeof(elements[row]));
    }
    for (size_t lane = 0; lane < 32; ++lane) {
      size_t i = lane / 4, j = lane % 4 * 2;
      auto &own = of<LoadMatrix>(operands, lane);
      uint32_t low = own.transposed ? elements[j][i] : elements[i][j];
      uint32_t high = own.transposed ? elements[j + 1][i] : elements[i][j + 1];
      own.result[matrix] = low | high << 16;
    }
  }
  return nullptr;
}
const Collective loadMatrix{"a load of matrices", completeLoadMatrix};

} // namespace

uint32_t attune_item_shuffle(uint32_t value, uint32_t lane, int32_t mode, uint32_t width) {
  Shuffle own{value, lane, mode, width, 0};
  BlockRunner::running().collect(shuffle, &own);
  return own.result;
}

uint32_t attune_item_ballot(uint32_t predicate) {
  Vote own{predicate, 0};
  BlockRunner::running().collect(vote, &own);
  return own.result;
}

void attune_item_subgroup_barrier(void) {
  static const Collective barrier{"a barrier of its subgroup",
                                  [](std::span<void *const>) -> const char * { return nullptr; }};
  BlockRunner::running().collect(barrier, nullptr);
}

void attune_item_mma_m16n8k16_f16(const uint32_t *a, const uint32_t *b, float *sums) {
  Mma own{a, b, sums};
  BlockRunner::running().collect(mmaF16, &own);
}
void attune_item_mma_m16n8k16_bf16(const uint32_t *a, const uint32_t *b, float *sums) {
  Mma own{a, b, sums};
  BlockRunner::running().collect(mmaBf16, &own);
}

void attune_item_load_matrix(const void *row, int32_t count, int32_t transposed, uint32_t *result) {
  LoadMatrix own{row, count, transposed, result};
  BlockRunner::running().collect(loadMatrix, &own);
}

void attune_item_copy_async(void *shared, const void *global, int32_t bytes, int32_t sourceBytes) {
  BlockRunner::running().startCopy(
      {static_cast<std::byte *>(shared), static_cast<const std::byte *>(global), bytes, sourceBytes});
}
void attune_item_copy_commit(void) { BlockRunner::running().commitCopies(); }
void attune_item_copy_wait(int32_t left) { BlockRunner::running().awaitCopies(left); }
