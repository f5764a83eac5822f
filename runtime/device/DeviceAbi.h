// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// The border between code compiled for a device and the runtime.
///
/// A program for a device is host code, which computes sizes and addresses and launches kernels, and the
/// kernels' code: blobs of the payload named `device.CHIP.FORM` ("device.sm_80.ptx", "device.sm_90a.cubin",
/// "device.gfx90a.hsaco"), and, in programs that can be emulated, functions of the host.

#ifndef ATTUNE_RUNTIME_DEVICE_DEVICEABI_H
#define ATTUNE_RUNTIME_DEVICE_DEVICEABI_H

#include <cstdint>

extern "C" {

//===--------------------------------- what compiled code supplies --------------------------------===//

/// A kernel; its number is its place in the table.
struct AttuneKernel {
  const char *name;
  void (*emulated)(void **arguments); ///< one work item on the host, or null
  const uint8_t *argumentBytes;       ///< of each argument
  uint32_t argumentCount;
  uint32_t sharedBytes;       ///< of a block's memory
  const char *chip = nullptr; ///< "sm_90a": the code for this chip alone holds it; null: every code does
  uint32_t dynamicBytes = 0;  ///< of `sharedBytes`, what a launch gives on NVIDIA's devices
};
/// Programs for the CPU have none of both. (Hidden: another library's are not taken for this one's.)
extern const AttuneKernel attune_kernels[] __attribute__((weak, visibility("hidden")));
extern const uint64_t attune_kernel_count __attribute__((weak, visibility("hidden")));

//===---------------------------------- what host code may call -----------------------------------===//

/// Launches a kernel on the device of the entry that runs, after what was launched before. `arguments` are
/// the addresses of the arguments' values, which are copied. A grid without blocks is no launch. Errors come
/// out of the step.
void attune_device_launch(int32_t kernel, int64_t gridX, int64_t gridY, int64_t gridZ, int64_t blockX,
                          int64_t blockY, int64_t blockZ, void **arguments);
/// Memory of the device for buffers that no workspace holds; given back after the launches that use it.
void *attune_device_allocate(int64_t bytes);
void attune_device_free(void *memory);
/// Not 0 if warp groups can multiply on the device: it runs the kernels whose chip is sm_90a.
int32_t attune_device_has_warp_groups(void);
/// A tensor map, which a kernel gets by value, of `panels` dense panels of two bytes an element at `address`:
/// dimensions are outputs, columns and panels, a box has all outputs of `boxColumns` of `boxPanels`, with the
/// swizzle of 32 bytes. It stays. Null after an error.
const void *attune_device_panel_map(int64_t address, int64_t panels, int64_t columns, int32_t boxPanels,
                                    int32_t boxColumns);
/// One number of the device's memory, after what was launched before.
int32_t attune_device_read(int64_t address);

//===--------------------------------- what emulated kernels may call -----------------------------===//

// A closed list: a kernel that needs more is not emulated. Items of a block take turns on one thread;
// operations of several items are done when the last of them has come. An item that has ended, or waits
// elsewhere, while others wait for it is an error of the step.

// `dimension` is 0 to 2.
int64_t attune_item_thread_id(int32_t dimension);
int64_t attune_item_block_id(int32_t dimension);
int64_t attune_item_block_size(int32_t dimension);
int64_t attune_item_grid_size(int32_t dimension);

/// Returns when all work items of the block have called it.
void attune_item_barrier(void);

/// The block's memory: `sharedBytes`, at a multiple of 64, bytes of 0xff (not a number in f32, f16 and bf16)
/// when the block begins.
void *attune_item_shared(void);

// Operations of a subgroup: 32 consecutive work items (x runs first), all of which call them; the last
// subgroup of a block may be smaller, but not for matrices.

/// Returns when all of the subgroup have called it.
void attune_item_subgroup_barrier(void);

/// The value that another item gave: number `lane` (mode 0), number id ^ lane (1), id - lane (2), id + lane
/// (3), within groups of `width` (a power of two) items; its own where there is none.
uint32_t attune_item_shuffle(uint32_t value, uint32_t lane, int32_t mode, uint32_t width);

/// Bit i is 1 if item i of the subgroup has a predicate that is not 0. (All: it equals the ballot of 1. Any:
/// it is not 0.)
uint32_t attune_item_ballot(uint32_t predicate);

/// PTX's `mma.sync.aligned.m16n8k16.row.col.f32.TYPE.TYPE.f32`: `a` are its 4 registers of A, `b` the 2 of B,
/// two elements in each, the lower one in the lower half; `sums` are the 4 of C and then of D.
void attune_item_mma_m16n8k16_f16(const uint32_t *a, const uint32_t *b, float *sums);
void attune_item_mma_m16n8k16_bf16(const uint32_t *a, const uint32_t *b, float *sums);

/// PTX's `ldmatrix.sync.aligned.m8n8.xCOUNT[.trans].shared.b16`: `row` is the address that the instruction
/// gets, `result` gets `count` (1, 2 or 4) registers.
void attune_item_load_matrix(const void *row, int32_t count, int32_t transposed, uint32_t *result);

/// PTX's `cp.async`: `bytes` is 16, 8 or 4, of which the last `bytes - sourceBytes` become 0. Nothing is
/// copied before the wait, so that a wait that is missing shows.
void attune_item_copy_async(void *shared, const void *global, int32_t bytes, int32_t sourceBytes);
/// `cp.async.commit_group` and `cp.async.wait_group left`, of this work item.
void attune_item_copy_commit(void);
void attune_item_copy_wait(int32_t left);

// Operations of a warp group: four subgroups, the first of which has a number that is a multiple of four.

/// PTX's `wgmma.mma_async.sync.aligned.m64nCOLUMNSk16.f32.TYPE.TYPE`: `a` and `b` are matrix descriptors with
/// a swizzle, A lies along its columns, B along its columns too or, if it is `transposed`,
/// along its rows; `sums` are the `columns` / 2 registers of D. The sums are there at once, but an operand
/// that changes before the wait is an error of the step, and so is a block that ends without the wait. Each
/// warp needs both fences before its first product, and again after a wait.
void attune_item_wgmma_f16(uint64_t a, uint64_t b, int32_t columns, int32_t transposed, float *sums);
void attune_item_wgmma_bf16(uint64_t a, uint64_t b, int32_t columns, int32_t transposed, float *sums);
/// `wgmma.fence.sync.aligned`, `wgmma.commit_group` and `wgmma.wait_group left`, of a subgroup.
void attune_item_wgmma_fence(void);
void attune_item_wgmma_commit(void);
void attune_item_wgmma_wait(int32_t left);
/// `fence.proxy.async.shared::cta`: what the item has written is there for products of its warp group.
void attune_item_proxy_fence(void);

// Barriers in the block's memory (`mbarrier`), of one work item each. Others than the one that has
// initialised a barrier may use it after the next barrier of the block.

/// `mbarrier.init.shared.b64`, for `count` arrivals, and `fence.mbarrier_init.release.cluster`, without which
/// no copy completes on what the item has initialised.
void attune_item_mbarrier_init(void *barrier, int32_t count);
void attune_item_mbarrier_fence(void);
/// `mbarrier.arrive.expect_tx`: an arrival, and so many bytes more that copies have to bring in this phase.
void attune_item_mbarrier_expect(void *barrier, int32_t bytes);
/// `mbarrier.try_wait.parity` until it is true: the phase of this parity is over.
void attune_item_mbarrier_wait(void *barrier, int32_t parity);
/// `cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes`. Nothing is copied
/// before the wait for the barrier; what lay there is gone.
void attune_item_copy_tensor(void *shared, const void *map, void *barrier, int32_t x, int32_t y, int32_t z);
}

#endif // ATTUNE_RUNTIME_DEVICE_DEVICEABI_H
