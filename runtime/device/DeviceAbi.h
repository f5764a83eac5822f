// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// The border between code compiled for a device and the runtime.
///
/// A program for a device is host code, which computes sizes and addresses and launches kernels, and the
/// kernels' code: blobs of the payload named `device.CHIP.FORM` ("device.sm_80.ptx", "device.sm_90a.cubin"),
/// and, in programs that can be emulated, functions of the host.

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
  uint32_t sharedBytes; ///< of a block's memory
};
/// Programs for the CPU have none of both.
extern const AttuneKernel attune_kernels[] __attribute__((weak));
extern const uint64_t attune_kernel_count __attribute__((weak));

//===---------------------------------- what host code may call -----------------------------------===//

/// Launches a kernel on the device of the entry that runs, after what was launched before. `arguments` are
/// the addresses of the arguments' values, which are copied. A grid without blocks is no launch. Errors come
/// out of the step.
void attune_device_launch(int32_t kernel, int64_t gridX, int64_t gridY, int64_t gridZ, int64_t blockX,
                          int64_t blockY, int64_t blockZ, void **arguments);
/// Memory of the device for buffers that no workspace holds; given back after the launches that use it.
void *attune_device_allocate(int64_t bytes);
void attune_device_free(void *memory);
/// One number of the device's memory, after what was launched before.
int32_t attune_device_read(int64_t address);

//===--------------------------------- what emulated kernels may call -----------------------------===//

// `dimension` is 0 to 2.
int64_t attune_item_thread_id(int32_t dimension);
int64_t attune_item_block_id(int32_t dimension);
int64_t attune_item_block_size(int32_t dimension);
int64_t attune_item_grid_size(int32_t dimension);
/// Returns when all work items of the block have called it.
void attune_item_barrier(void);
/// The block's memory: `sharedBytes`, at a multiple of 64, bytes of 0xff when the block begins.
void *attune_item_shared(void);

/// Operations of 32 consecutive work items, all of which must call them.

/// The value that another one gave: number `lane` (mode 0), or number id ^ lane (1), id - lane (2), id + lane
/// (3), within groups of `width`; its own where there is none.
uint32_t attune_item_shuffle(uint32_t value, uint32_t lane, int32_t mode, uint32_t width);
/// PTX's mma.m16n8k16 with row-major A, column-major B, and sums in f32: `sums` is C, then D. Registers as
/// PTX lays them out, two elements in each of `a` and `b`.
void attune_item_mma_m16n8k16_f16(uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3, uint32_t b0,
                                  uint32_t b1, float *sums);
void attune_item_mma_m16n8k16_bf16(uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3, uint32_t b0,
                                   uint32_t b1, float *sums);
}

#endif // ATTUNE_RUNTIME_DEVICE_DEVICEABI_H
