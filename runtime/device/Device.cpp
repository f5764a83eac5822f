// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/device/Device.h"
#include "runtime/Error.h"
#include "runtime/program/Program.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <exception>
#include <utility>

using namespace attune;

static thread_local Device *currentDevice = nullptr;

Device *Device::current() { return currentDevice; }

template <typename Call> auto Device::guarded(Call call) -> decltype(call()) {
  if (!failure) {
    try {
      return call();
    } catch (...) {
      failure = std::current_exception();
    }
  }
  return decltype(call())();
}

void Device::run(std::span<const int64_t> key, const std::function<void()> &entry) {
  Device *before = std::exchange(currentDevice, this);
  failure = nullptr;
  guarded([&] { runEntry(key, entry); });
  currentDevice = before;
  if (std::exception_ptr error = std::exchange(failure, nullptr))
    std::rethrow_exception(error);
}

void Device::launch(int32_t kernel, const Launch &launch) {
  for (int64_t size : launch.grid)
    if (size == 0)
      return;
  guarded([&] {
    ++counts.at(static_cast<size_t>(kernel));
    launchKernel(kernel, launch);
  });
}

void *Device::allocateInEntry(int64_t bytes) {
  return guarded([&] {
    refuseRecord();
    return allocate(bytes > 0 ? bytes : 1, "what the step shows");
  });
}

void Device::releaseInEntry(void *memory) {
  guarded([&] {
    synchronize();
    if (memory)
      release(memory);
  });
}

int32_t Device::read(int64_t address) {
  return guarded([&] {
    refuseRecord();
    int32_t value = 0;
    download(&value, reinterpret_cast<const void *>(address), sizeof(value));
    return value;
  });
}

const TensorMap *Device::panelMap(const PanelTensor &tensor) {
  return guarded([&]() -> const TensorMap * {
    auto found = maps.find(tensor);
    if (found == maps.end())
      found = maps.emplace(tensor, makeMap(tensor)).first;
    return &found->second;
  });
}

TensorMap Device::makeMap(const PanelTensor &) { throw Error("this device copies no tensors"); }

//===-------------------------------------- choice of a device ------------------------------------===//

namespace {

/// A kind of device that programs are compiled for.
struct Target {
  std::string_view name;
  const char *hardware; ///< for messages
  std::unique_ptr<Device> (*open)(const Program &program, int number);
};
constexpr Target targets[] = {{"cuda", "an NVIDIA GPU", openCudaDevice},
                              {"rocm", "an AMD GPU", openHipDevice},
                              {"opencl", "OpenCL", openOpenClDevice}};

/// "cuda" or "cuda:1": the device's number.
std::optional<int> parseNumber(std::string_view text, std::string_view target) {
  if (text.empty() || text == target)
    return 0;
  if (!text.starts_with(target) || text.substr(target.size(), 1) != ":")
    return std::nullopt;
  text.remove_prefix(target.size() + 1);
  int number = -1;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= 0 ? std::optional(number)
                                                                                 : std::nullopt;
}

} // namespace

std::unique_ptr<Device> attune::openDevice(const Program &program) {
  const char *variable = std::getenv("ATTUNE_DEVICE");
  std::string wanted = variable ? variable : "", compiledFor = program.metadata().target;
  if (compiledFor == "cpu") {
    if (!wanted.empty() && wanted != "cpu")
      throw Error(fmt::format(
          "ATTUNE_DEVICE is '{}', but this program was compiled for the CPU: compile the model with "
          "--target, or leave ATTUNE_DEVICE out",
          wanted));
    return nullptr;
  }
  for (const Target &target : targets) {
    if (target.name != compiledFor)
      continue;
    if (wanted == "emulate" || (compiledFor == "cuda" && wanted == "emulate:sm_80"))
      return openEmulatedDevice(program.kernels());
    if (compiledFor == "cuda" && wanted == "emulate:sm_90a")
      return openEmulatedDevice(program.kernels(), /*hasWarpGroups=*/true);
    if (std::optional<int> number = parseNumber(wanted, target.name))
      return target.open(program, *number);
    throw Error(
        fmt::format("ATTUNE_DEVICE is '{}', expected {}, {}:NUMBER{}: this program was compiled for {}",
                    wanted, target.name, target.name,
                    compiledFor == "cuda" ? ", emulate, emulate:sm_80 or emulate:sm_90a" : " or emulate",
                    target.hardware));
  }
  throw Error(fmt::format("metadata: the target is '{}', expected cpu, cuda, rocm or opencl", compiledFor));
}

//===-------------------------------------------- memory ------------------------------------------===//

DeviceMemory::DeviceMemory(Device &device, int64_t bytes, const char *purpose) {
  if (bytes <= 0)
    return;
  memory = static_cast<std::byte *>(device.allocate(bytes, purpose));
  size = bytes;
  this->device = &device;
}

DeviceMemory::~DeviceMemory() {
  if (memory)
    device->release(memory);
}

void DeviceMemory::ensure(Device &on, int64_t bytes, const char *purpose) {
  if (bytes <= size)
    return;
  if (memory)
    on.synchronize(); // what was launched may still use the old one
  DeviceMemory().swap(*this);
  *this = DeviceMemory(on, bytes, purpose);
}

void DeviceMemory::swap(DeviceMemory &other) noexcept {
  std::swap(device, other.device);
  std::swap(memory, other.memory);
  std::swap(size, other.size);
}

//===------------------------------------- calls of host code -------------------------------------===//

void attune_device_launch(int32_t kernel, int64_t gridX, int64_t gridY, int64_t gridZ, int64_t blockX,
                          int64_t blockY, int64_t blockZ, void **arguments) {
  Device::current()->launch(kernel, {{gridX, gridY, gridZ}, {blockX, blockY, blockZ}, arguments});
}
void *attune_device_allocate(int64_t bytes) { return Device::current()->allocateInEntry(bytes); }
void attune_device_free(void *memory) { Device::current()->releaseInEntry(memory); }
int32_t attune_device_has_warp_groups(void) { return Device::current()->hasWarpGroups(); }
int32_t attune_device_read(int64_t address) { return Device::current()->read(address); }
const void *attune_device_panel_map(int64_t address, int64_t panels, int64_t columns, int32_t boxPanels,
                                    int32_t boxColumns) {
  return Device::current()->panelMap({address, panels, columns, boxPanels, boxColumns});
}
