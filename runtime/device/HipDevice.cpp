// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// AMD's GPUs, through HIP: code objects are for one chip each, "device.gfx90a.hsaco".
#include "runtime/Error.h"
#include "runtime/device/GpuDevice.h"
#include "runtime/program/Program.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

using namespace attune;

namespace {

constexpr std::string_view kPrefix = "device.", kSuffix = ".hsaco";

/// The chips that a program has code for.
std::vector<std::string> chipsOf(const Program &program) {
  std::vector<std::string> chips;
  for (std::string_view name : program.blobNames())
    if (name.starts_with(kPrefix) && name.ends_with(kSuffix))
      chips.emplace_back(name.substr(kPrefix.size(), name.size() - kPrefix.size() - kSuffix.size()));
  return chips;
}

class HipDevice : public GpuDevice {
public:
  HipDevice(const Program &program, int number)
      : GpuDevice(program, HipDriver::get(), number), code(choose(program)) {
    open(program.blob(code)->data(), [](std::string_view) { return false; });
  }
  ~HipDevice() override { close(); }

protected:
  void activate() const override { driver.setDevice(device); }
  Handle loadModule(const void *image) override;

private:
  std::string choose(const Program &program) const;

  const HipDriver &driver = HipDriver::get();
  std::string code; ///< the blob
};

/// What HIP calls a chip goes on with its settings, "gfx90a:sramecc+:xnack-"; the code is for any of them.
std::string HipDevice::choose(const Program &program) const {
  HipDriver::Properties properties = {};
  driver.check(driver.getProperties(&properties, device), "asking for the GPU's chip");
  std::string name = properties.chip, chip = name.substr(0, name.find(':'));
  std::vector<std::string> chips = chipsOf(program);
  if (std::ranges::find(chips, chip) == chips.end())
    throw Error(fmt::format(
        "{} is a {}, but this program was compiled for {}: compile the model again with --chip={}", title,
        chip, fmt::join(chips, " and "), chip));
  return fmt::format("{}{}{}", kPrefix, chip, kSuffix);
}

GpuDevice::Handle HipDevice::loadModule(const void *image) {
  Handle module = nullptr;
  Result result = driver.moduleLoad(&module, image, 0, nullptr, nullptr);
  if (result == HipDriver::Success)
    return module;
  int version = 0;
  driver.getVersion(&version);
  throw Error(fmt::format("{}: the driver (HIP {}.{}) does not take the program's code '{}': {}", title,
                          version / 10000000, version / 100000 % 100, code, driver.textOf(result)));
}

} // namespace

std::unique_ptr<Device> attune::openHipDevice(const Program &program, int number) {
  return std::make_unique<HipDevice>(program, number);
}
