// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/device/Fiber.h"
#include "runtime/Error.h"

#include <cstring>
#include <sys/mman.h>

using namespace attune;

#if defined(__x86_64__)
extern "C" {
/// Keeps what a call must preserve on the stack, notes in `*from` where that is, and goes on where `to` was
/// noted.
/// It jumps where it could return: processors expect a return to match the latest call, which it does not.
void attune_fiber_switch(void **from, void *to);
}
asm(R"(
.text
.p2align 4
.globl attune_fiber_switch
.hidden attune_fiber_switch
.type attune_fiber_switch, @function
attune_fiber_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  popq %rcx
  jmpq *%rcx
.globl attune_fiber_begin
.hidden attune_fiber_begin
.type attune_fiber_begin, @function
attune_fiber_begin:
  movq %r12, %rdi
  callq *%r13
  ud2
.size attune_fiber_switch, .-attune_fiber_switch
)");
extern "C" void attune_fiber_begin();
bool FiberSet::isSupported() { return true; }
#else
static void attune_fiber_switch(void **, void *) {}
bool FiberSet::isSupported() { return false; }
#endif

// There only in programs with AddressSanitizer, which must know on which stack the program is.
extern "C" {
__attribute__((weak)) void __sanitizer_start_switch_fiber(void **, const void *, size_t);
__attribute__((weak)) void __sanitizer_finish_switch_fiber(void *, const void **, size_t *);
__attribute__((weak)) void __asan_unpoison_memory_region(const volatile void *, size_t);
}

static constexpr size_t SlabFibers = 32, GuardBytes = 4096;
static constexpr size_t SlabBytes = GuardBytes + SlabFibers * FiberSet::StackBytes;
static constexpr uint64_t Mark = 0x7a5c3e1f9b8d6042; // at the end of a stack, to see whether it was enough

FiberSet::~FiberSet() {
  abandon();
  for (std::byte *slab : slabs)
    munmap(slab, SlabBytes);
}

void FiberSet::allocate() {
  void *mapped =
      mmap(nullptr, SlabBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED)
    throw Error("cannot get memory for the stacks of emulated work items");
  slabs.push_back(static_cast<std::byte *>(mapped));
  mprotect(mapped, GuardBytes, PROT_NONE);
  for (size_t i = 0; i < SlabFibers; ++i)
    unused.push_back(static_cast<int32_t>(fibers.size() + i));
  for (size_t i = 0; i < SlabFibers; ++i) {
    Fiber fiber;
    fiber.stack = slabs.back() + GuardBytes + i * StackBytes;
    std::memcpy(fiber.stack, &Mark, sizeof(Mark));
    fibers.push_back(fiber);
  }
}

/// Lays out a stack as attune_fiber_switch leaves it.
void FiberSet::prepare(int32_t index) {
#if defined(__x86_64__)
  Fiber &fiber = fibers[static_cast<size_t>(index)];
  // Stacks whose ends are a power of two apart would all want the same lines of the cache.
  size_t colour = static_cast<size_t>(index) % 64 * 320;
  auto *word = reinterpret_cast<void **>(fiber.stack + StackBytes - colour - 64);
  *--word = nullptr; // keeps the stack aligned as calls need it
  *--word = nullptr;
  *--word = reinterpret_cast<void *>(attune_fiber_begin);
  *--word = nullptr;                                  // rbp
  *--word = nullptr;                                  // rbx
  *--word = this;                                     // r12
  *--word = reinterpret_cast<void *>(&FiberSet::run); // r13
  *--word = nullptr;                                  // r14
  *--word = nullptr;                                  // r15
  fiber.position = word;
  fiber.fakeStack = nullptr;
  fiber.isThrough = false;
#endif
}

void FiberSet::run(FiberSet *set) {
  if (__sanitizer_finish_switch_fiber)
    __sanitizer_finish_switch_fiber(nullptr, &set->outsideStack, &set->outsideStackBytes);
  set->body(set->context);
  set->leave(true);
}

bool FiberSet::enter(int32_t index) {
  Fiber &fiber = fibers[static_cast<size_t>(index)];
  current = index;
  if (__sanitizer_start_switch_fiber)
    __sanitizer_start_switch_fiber(&outsideFakeStack, fiber.stack, StackBytes);
  attune_fiber_switch(&outside, fiber.position);
  if (__sanitizer_finish_switch_fiber)
    __sanitizer_finish_switch_fiber(outsideFakeStack, nullptr, nullptr);
  current = -1;
  if (fiber.isThrough) {
    uint64_t mark;
    std::memcpy(&mark, fiber.stack, sizeof(mark));
    overflown |= mark != Mark;
    unused.push_back(index);
  }
  return !fiber.isThrough;
}

void FiberSet::leave(bool forGood) {
  Fiber &fiber = fibers[static_cast<size_t>(current)];
  fiber.isThrough = forGood;
  if (__sanitizer_start_switch_fiber)
    __sanitizer_start_switch_fiber(forGood ? nullptr : &fiber.fakeStack, outsideStack, outsideStackBytes);
  attune_fiber_switch(&fiber.position, outside);
  if (__sanitizer_finish_switch_fiber) // the set may have grown: `fiber` is gone
    __sanitizer_finish_switch_fiber(fibers[static_cast<size_t>(current)].fakeStack, &outsideStack,
                                    &outsideStackBytes);
}

int32_t FiberSet::start() {
  if (unused.empty())
    allocate();
  int32_t index = unused.back();
  unused.pop_back();
  prepare(index);
  return enter(index) ? index : -1;
}

bool FiberSet::resume(int32_t fiber) { return enter(fiber); }

void FiberSet::suspend() { leave(false); }

void FiberSet::abandon() {
  if (unused.size() == fibers.size())
    return;
  unused.clear();
  for (size_t i = fibers.size(); i-- > 0;) {
    unused.push_back(static_cast<int32_t>(i));
    if (__asan_unpoison_memory_region)
      __asan_unpoison_memory_region(fibers[i].stack, StackBytes);
    std::memcpy(fibers[i].stack, &Mark, sizeof(Mark));
  }
  overflown = false;
}
