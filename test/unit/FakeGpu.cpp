// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "FakeGpu.h"
#include "FakeGpuNames.h"
#include "runtime/device/GpuDriver.h"

#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>

using namespace attune;
using namespace attune::test;

namespace {

using Result = int;
using Handle = void *;
using Graph = std::vector<std::function<void()>>;

FakeGpu fake;
std::map<void *, size_t> blocks;
Graph *captured = nullptr;

Result note(std::string call) {
  fake.calls.push_back(std::move(call));
  return 0;
}

/// Work of a stream: done at once, or kept for the graph.
Result enqueue(std::function<void()> work) {
  if (captured)
    captured->push_back(std::move(work));
  else
    work();
  return 0;
}

Result copy(void *to, const void *from, size_t bytes) {
  return enqueue([=] { std::memcpy(to, from, bytes); });
}

std::string shape(unsigned x, unsigned y, unsigned z) {
  return std::to_string(x) + "x" + std::to_string(y) + "x" + std::to_string(z);
}

} // namespace

extern "C" {

FakeGpu *fakeGpu() { return &fake; }

Result fakeInit(unsigned) { return fake.devices ? 0 : 100; }
Result fakeGetVersion(int *version) {
  *version = fake.version;
  return 0;
}
Result fakeGetErrorString(Result result, const char **text) {
  *text = result == 2     ? "out of memory"
          : result == 222 ? "the provided PTX was compiled with an unsupported toolchain."
                          : "fake error";
  return 0;
}
Result fakeDeviceGetCount(int *count) {
  *count = fake.devices;
  return 0;
}
Result fakeDeviceGet(int *device, int number) {
  *device = number;
  return 0;
}
Result fakeDeviceGetName(char *name, int size, int device) {
  std::strncpy(name, ("Fake GPU " + std::to_string(device)).c_str(), static_cast<size_t>(size));
  return 0;
}
#ifdef FAKE_HIP
Result hipGetDevicePropertiesR0600(HipDriver::Properties *properties, int) {
  std::strcpy(properties->chip, fake.chip.c_str());
  return 0;
}
Result hipSetDevice(int device) { return device < fake.devices ? 0 : 101; }
#else
Result cuDeviceGetAttribute(int *value, int attribute, int) {
  *value = attribute == 75 ? fake.major : fake.minor;
  return 0;
}
Result cuDevicePrimaryCtxRetain(Handle *context, int device) {
  fake.open.insert("context " + std::to_string(device));
  *context = &fake;
  return 0;
}
Result cuDevicePrimaryCtxRelease_v2(int device) {
  fake.open.erase("context " + std::to_string(device));
  return 0;
}
Result cuCtxSetCurrent(Handle context) { return context == &fake ? 0 : 201; }
Result cuFuncSetAttribute(Handle function, int attribute, int value) {
  const auto &kernel = *static_cast<const AttuneKernel *>(function);
  note(std::string("attribute ") + std::to_string(attribute) + " of " + kernel.name + ": " +
       std::to_string(value));
  return value > fake.blockMemory ? 1 : 0;
}
/// The map holds the address that it is for.
Result cuTensorMapEncodeTiled(void *map, int type, uint32_t rank, void *address, const uint64_t *sizes,
                              const uint64_t *strides, const uint32_t *box, const uint32_t *steps,
                              int interleave, int swizzle, int promotion, int fill) {
  if (reinterpret_cast<uintptr_t>(map) % 64 || reinterpret_cast<uintptr_t>(address) % 16 || rank < 1 ||
      rank > 5)
    return 1;
  std::string text = "map of type " + std::to_string(type) + ":";
  for (uint32_t i = 0; i < rank; ++i) {
    if (sizes[i] == 0 || box[i] == 0 || box[i] > 256 || (i > 0 && strides[i - 1] % 16) || steps[i] != 1)
      return 1;
    text += " " + std::to_string(box[i]) + "/" + std::to_string(sizes[i]) +
            (i > 0 ? " by " + std::to_string(strides[i - 1]) : "");
  }
  note(text + ", modes " + std::to_string(interleave) + " " + std::to_string(swizzle) + " " +
       std::to_string(promotion) + " " + std::to_string(fill));
  std::memset(map, 0, 128);
  std::memcpy(map, &address, sizeof(address));
  return 0;
}
#endif

Result fakeModuleLoad(Handle *module, const void *data, unsigned options, int *names, void **values) {
  fake.module = static_cast<const char *>(data);
  for (unsigned i = 0; i < options; ++i)
    if (names[i] == 5)
      std::strcpy(static_cast<char *>(values[i]), fake.loadLog.c_str());
  *module = &fake;
  if (!fake.loadResult)
    fake.open.insert("module");
  return fake.loadResult;
}
Result fakeModuleUnload(Handle) {
  fake.open.erase("module");
  return 0;
}
Result fakeModuleGetFunction(Handle *function, Handle, const char *name) {
  for (const AttuneKernel &kernel : fake.kernels)
    if (kernel.name == std::string(name)) {
      *function = const_cast<AttuneKernel *>(&kernel);
      return 0;
    }
  return 500;
}

Result fakeMemoryInfo(size_t *free, size_t *total) {
  *free = fake.memory - fake.taken;
  *total = fake.memory;
  return 0;
}
Result fakeAllocate(void **memory, size_t bytes) {
  if (captured)
    return 900;
  if (bytes > fake.memory - fake.taken)
    return 2;
  void *block = nullptr;
  if (posix_memalign(&block, 256, bytes))
    return 2;
  std::memset(block, 0x77, bytes);
  *memory = block;
  blocks[*memory] = bytes;
  fake.taken += bytes;
  return 0;
}
Result fakeRelease(void *memory) {
  auto found = blocks.find(memory);
  if (found == blocks.end())
    return 1;
  fake.taken -= found->second;
  blocks.erase(found);
  std::free(memory);
  return 0;
}
Result fakeFill(void *memory, unsigned char value, size_t bytes, Handle) {
  return enqueue([=] { std::memset(memory, value, bytes); });
}
Result fakeCopyToDevice(void *to, const void *from, size_t bytes, Handle) { return copy(to, from, bytes); }
Result fakeCopyToHost(void *to, const void *from, size_t bytes, Handle) {
  fake.downloaded += bytes;
  return copy(to, from, bytes);
}
Result fakeCopyOnDevice(void *to, const void *from, size_t bytes, Handle) {
  note("copy " + std::to_string(bytes));
  return copy(to, from, bytes);
}

Result fakeStreamCreate(Handle *stream, unsigned) {
  fake.open.insert("stream");
  *stream = &fake;
  return 0;
}
Result fakeStreamDestroy(Handle) {
  fake.open.erase("stream");
  return 0;
}
Result fakeStreamSynchronize(Handle) { return captured ? 900 : 0; }

Result fakeLaunch(Handle function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,
                  unsigned blockY, unsigned blockZ, unsigned bytes, Handle, void **arguments, void **) {
  const auto &kernel = *static_cast<const AttuneKernel *>(function);
  note(std::string("launch ") + kernel.name + " " + shape(gridX, gridY, gridZ) + " of " +
       shape(blockX, blockY, blockZ) + (bytes ? " with " + std::to_string(bytes) : ""));
  if (gridX == 0 || blockX > 1024)
    return 1;
  std::vector<std::string> values;
  for (uint32_t i = 0; i < kernel.argumentCount; ++i)
    values.emplace_back(static_cast<const char *>(arguments[i]), kernel.argumentBytes[i]);
  return enqueue([&kernel, values]() mutable {
    std::vector<void *> pointers;
    for (std::string &value : values)
      pointers.push_back(value.data());
    kernel.emulated(pointers.data());
  });
}

Result fakeBeginCapture(Handle, int) {
  note("begin capture");
  captured = new Graph;
  return 0;
}
Result fakeEndCapture(Handle, Handle *graph) {
  note("end capture");
  *graph = captured;
  captured = nullptr;
  if (fake.captureResult) {
    delete static_cast<Graph *>(*graph);
    *graph = nullptr;
  }
  return fake.captureResult;
}
Result fakeGraphInstantiate(Handle *instance, Handle graph, unsigned long long) {
  *instance = new Graph(*static_cast<Graph *>(graph));
  fake.open.insert("graph " + std::to_string(reinterpret_cast<uintptr_t>(*instance)));
  return 0;
}
Result fakeGraphDestroy(Handle graph) {
  delete static_cast<Graph *>(graph);
  return 0;
}
Result fakeGraphExecDestroy(Handle instance) {
  fake.open.erase("graph " + std::to_string(reinterpret_cast<uintptr_t>(instance)));
  delete static_cast<Graph *>(instance);
  return 0;
}
Result fakeGraphLaunch(Handle instance, Handle) {
  note("launch graph");
  for (const std::function<void()> &work : *static_cast<Graph *>(instance))
    work();
  return 0;
}
}
