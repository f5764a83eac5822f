// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels on OpenCL, where the machine has a device for them (Intel's runtime for processors is one).
#include "ErrorText.h"
#include "FakeModel.h"
#include "runtime/device/Device.h"
#include "runtime/device/OpenClDriver.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <numeric>

using namespace attune;
using namespace attune::test;

namespace {

const uint8_t scaleBytes[] = {8, 8, 8, 4}, numberBytes[] = {8};
const AttuneKernel kernels[] = {{"scale", nullptr, scaleBytes, 4, 0}, {"number", nullptr, numberBytes, 1, 0}};

class OpenCl : public testing::Test {
protected:
  void SetUp() override {
    unsetenv("ATTUNE_DEVICE");
    std::string missing = errorOf([&] {
      for (const opencl::Candidate &candidate : opencl::findDevices(opencl::Loader::get()))
        isThere |= candidate.lacks.empty();
    });
    if (!isThere)
      GTEST_SKIP() << (missing == "no error" ? "no device of OpenCL takes SPIR-V and addresses here"
                                             : missing);
  }
  void TearDown() override { unsetenv("ATTUNE_DEVICE"); }

  static std::string code() {
    std::ifstream file(ATTUNE_TEST_KERNELS, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  struct Loaded {
    explicit Loaded(const Blobs &blobs, std::span<const AttuneKernel> table = kernels)
        : payload(makePayload(metadata(), {}, blobs)),
          program(payload, entriesFor(metadata()), "fake", table) {}
    static nlohmann::json metadata() {
      nlohmann::json metadata = decoderMetadata(20, 4);
      metadata["target"] = "opencl";
      return metadata;
    }
    std::vector<std::byte> payload;
    Program program;
  };

  bool isThere = false;
};

TEST_F(OpenCl, KernelsRunInOrderOnAddresses) {
  Loaded loaded({{"device.spv", code()}});
  std::unique_ptr<Device> device = openDevice(loaded.program);
  EXPECT_NE(device->name(), "");
  constexpr int64_t count = 192;
  attune::DeviceMemory a(*device, count * 4 + 32, "numbers"), b(*device, count * 4, "numbers");
  std::vector<float> numbers(count + 8), results(count);
  std::iota(numbers.begin(), numbers.end(), 1.f);
  // Memory begins as zeros.
  device->download(results.data(), b.data(), count * 4);
  EXPECT_EQ(results, std::vector<float>(count));
  device->upload(a.data(), numbers.data(), count * 4 + 32);
  int64_t offset = 5, none = 0;
  float factor = 2;
  std::byte *in = a.data(), *out = b.data();
  void *first[] = {&in, &out, &offset, &factor}, *second[] = {&out, &out, &none, &factor};
  device->run({}, [&] {
    attune_device_launch(0, 3, 1, 1, 64, 1, 1, first);
    attune_device_launch(0, 3, 1, 1, 64, 1, 1, second);
    attune_device_launch(0, 3, 0, 1, 64, 1, 1, second);
  });
  device->download(results.data(), b.data(), count * 4);
  for (size_t i = 0; i < count; ++i)
    EXPECT_EQ(results[i], static_cast<float>(i + 6) * 4);
  EXPECT_EQ(device->launches(), (std::vector<int64_t>{2, 0}));
  device->copy(a.data(), b.data(), count * 4);
  device->download(numbers.data(), a.data(), count * 4);
  EXPECT_TRUE(std::equal(results.begin(), results.end(), numbers.begin()));
}

TEST_F(OpenCl, AddressesMayComeAsNumbers) {
  Loaded loaded({{"device.spv", code()}});
  std::unique_ptr<Device> device = openDevice(loaded.program);
  attune::DeviceMemory memory(*device, 96 * 8, "numbers");
  auto address = reinterpret_cast<int64_t>(memory.data());
  void *arguments[] = {&address};
  int32_t seen = 0;
  device->run({}, [&] {
    attune_device_launch(1, 2, 2, 3, 4, 2, 1, arguments); // 8 x 4 x 3
    seen = attune_device_read(address + 11 * 8);
  });
  EXPECT_EQ(seen, 103);
  std::vector<int64_t> results(96);
  device->download(results.data(), memory.data(), 96 * 8);
  for (size_t i = 0; i < results.size(); ++i)
    EXPECT_EQ(results[i], static_cast<int64_t>(i / 8 * 100 + i % 8));
}

TEST_F(OpenCl, WhatIsWrongIsSaid) {
  EXPECT_EQ(errorOf([&] { openDevice(Loaded({}).program); }),
            "the payload has no 'device.spv': the file is damaged");
  Loaded nonsense({{"device.spv", "this is no SPIR-V"}});
  EXPECT_NE(errorOf([&] { openDevice(nonsense.program); }).find("OpenCL"), std::string::npos);
  AttuneKernel unknown{"unknown", nullptr, numberBytes, 1, 0};
  Loaded other({{"device.spv", code()}}, {&unknown, 1});
  EXPECT_NE(errorOf([&] { openDevice(other.program); }).find("finding the kernel 'unknown'"),
            std::string::npos);
  Loaded good({{"device.spv", code()}});
  setenv("ATTUNE_DEVICE", "opencl:99", 1);
  EXPECT_EQ(
      errorOf([&] { openDevice(good.program); }).find("ATTUNE_DEVICE is 'opencl:99', but this machine has "),
      0u);
  setenv("ATTUNE_DEVICE", "cuda", 1);
  EXPECT_EQ(errorOf([&] { openDevice(good.program); }),
            "ATTUNE_DEVICE is 'cuda', expected opencl, opencl:NUMBER or emulate: this program was compiled "
            "for OpenCL");
  setenv("ATTUNE_DEVICE", "opencl:0", 1);
  std::unique_ptr<Device> device = openDevice(good.program);
  EXPECT_NE(errorOf([&] { device->allocate(int64_t{1} << 50, "a test"); })
                .find("has not enough memory: 1125899906842624 "
                      "bytes are needed for a test"),
            std::string::npos);
}

} // namespace
