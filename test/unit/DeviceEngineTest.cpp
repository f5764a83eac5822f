// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Engines on devices: the emulated one, NVIDIA's and AMD's with fake drivers (the test's run path leads to
// them).
#include "ErrorText.h"
#include "FakeGpu.h"
#include "FakeModel.h"
#include "runtime/device/Device.h"
#include "runtime/engine/Engine.h"
#include "runtime/engine/Generation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>

using namespace attune;
using namespace attune::test;

namespace {

nlohmann::json deviceMetadata(const char *target = "cuda") {
  nlohmann::json metadata = decoderMetadata(40, 8);
  metadata["target"] = target;
  return metadata;
}

const Blobs code = {{"device.sm_80.ptx", "//\n.version 8.3\n.target sm_80\n"}};
/// The fake reads code up to a zero.
const Blobs amdCode = {{"device.gfx90a.hsaco", {"code of gfx90a", 15}},
                       {"device.gfx942.hsaco", {"code of gfx942", 15}}};

const std::vector<int32_t> prompt = {4, 9, 1, 33, 7, 7, 12, 40, 2, 5, 17};

std::vector<int32_t> expectedTokens(std::vector<int32_t> ids, size_t count) {
  std::vector<int32_t> tokens;
  for (size_t i = 0; i < count; ++i) {
    tokens.push_back(expectedNext(ids));
    ids.push_back(tokens.back());
  }
  return tokens;
}

class DeviceEngine : public testing::Test {
protected:
  void SetUp() override { observed = {}; }
  void TearDown() override {
    unsetenv("ATTUNE_DEVICE");
    EXPECT_EQ(observed.problem, "");
  }
  static void choose(const char *device) { setenv("ATTUNE_DEVICE", device, 1); }
};

/// On whichever device is chosen.
void checkGeneration(const Program &program) {
  Engine engine(program, {.context = 40, .sequences = 2});
  int sequence = engine.open();
  EXPECT_EQ(generateGreedily(engine, sequence, prompt, 9), expectedTokens(prompt, 9));
  // What a sequence holds can be copied and goes on apart.
  engine.close(sequence);
  int first = engine.open(), second = engine.open();
  engine.feed({first, prompt});
  engine.copy(first, second);
  for (auto [which, id] : {std::pair(second, 30), std::pair(first, 31)}) {
    std::vector<int32_t> ids = prompt;
    ids.push_back(id);
    engine.feed({which, std::span(ids).last(1)});
    std::span<const float> logits = engine.logits(0);
    EXPECT_EQ(std::vector<float>(logits.begin(), logits.end()), expectedLogits(ids));
  }
  // Taps come as they do on the host.
  engine.observe(true);
  engine.step(std::vector<Feed>{{first, std::span(prompt).first(2), {}, Rows::All}});
  EXPECT_EQ(engine.result("hidden_states").floats()[3], 9.f);
  EXPECT_EQ(engine.result("attentions").sizes[3], 14);
  EXPECT_EQ(observed.read, 0);
  engine.observe(false);
  const EngineStatistics &statistics = engine.statistics();
  ASSERT_EQ(statistics.kernels.size(), 2u);
  EXPECT_EQ(statistics.kernels[0].name, "step");
  EXPECT_EQ(statistics.kernels[0].launches, statistics.steps - 1);
  EXPECT_EQ(statistics.kernels[1].launches, 1);
}

TEST_F(DeviceEngine, RunsOnTheEmulatedDevice) {
  choose("emulate");
  FakeProgram fake(deviceMetadata());
  checkGeneration(fake.program);
  EXPECT_EQ(Engine(fake.program).statistics().device, "emulated device");
  for (auto [name, hasWarpGroups] :
       {std::pair("emulate", false), std::pair("emulate:sm_80", false), std::pair("emulate:sm_90a", true)}) {
    choose(name);
    EXPECT_EQ(openDevice(fake.program)->hasWarpGroups(), hasWarpGroups) << name;
  }
}

TEST_F(DeviceEngine, TheHostIsNoDevice) {
  FakeProgram fake(decoderMetadata(40, 8));
  Engine engine(fake.program);
  EXPECT_EQ(engine.device(), nullptr);
  EXPECT_EQ(engine.statistics().device, "");
  for (const char *device : {"cuda", "emulate"}) {
    choose(device);
    EXPECT_EQ(errorOf([&] { Engine{fake.program}; }),
              std::string("ATTUNE_DEVICE is '") + device +
                  "', but this program was compiled for the CPU: compile the model with --target, or leave "
                  "ATTUNE_DEVICE out");
  }
  choose("cpu");
  Engine{fake.program};
}

TEST_F(DeviceEngine, OtherChoicesAreErrors) {
  FakeProgram fake(deviceMetadata(), code);
  for (const char *device : {"cpu", "cuda:", "cuda:x", "cuda:-1", "gpu", "emulated", "emulate:sm_70"}) {
    choose(device);
    EXPECT_EQ(errorOf([&] { Engine{fake.program}; }),
              std::string("ATTUNE_DEVICE is '") + device +
                  "', expected cuda, cuda:NUMBER, emulate, emulate:sm_80 or emulate:sm_90a: this program was "
                  "compiled for an NVIDIA GPU");
  }
  nlohmann::json metadata = decoderMetadata(40, 8);
  metadata["target"] = "abacus";
  FakeProgram other(metadata);
  unsetenv("ATTUNE_DEVICE");
  EXPECT_EQ(errorOf([&] { Engine{other.program}; }),
            "metadata: the target is 'abacus', expected cpu, cuda, rocm or opencl");
}

/// Engines on a GPU whose driver is a fake.
class GpuEngine : public DeviceEngine {
protected:
  void open(const char *library) {
    DeviceEngine::SetUp();
    void *found = dlopen(library, RTLD_NOW);
    auto *get = found ? reinterpret_cast<FakeGpu *(*)()>(dlsym(found, "fakeGpu")) : nullptr;
    ASSERT_TRUE(get) << "this test needs its own " << library << " in front of others";
    driver = get();
    *driver = {};
    driver->kernels = kernelsFor(deviceMetadata());
  }
  void TearDown() override {
    DeviceEngine::TearDown();
    EXPECT_TRUE(driver->open.empty()) << *driver->open.begin() << " was not given back";
    EXPECT_EQ(driver->taken, 0u);
  }

  FakeGpu *driver = nullptr;
};

struct CudaEngine : GpuEngine {
  void SetUp() override { open("libcuda.so.1"); }
};
struct RocmEngine : GpuEngine {
  void SetUp() override { open("libamdhip64.so.7"); }
};

/// Makers of GPUs.
struct Maker {
  const char *target, *library, *maker;
  const Blobs &code;
  friend void PrintTo(const Maker &maker, std::ostream *out) { *out << maker.target; }
};

/// What holds for both.
class EitherEngine : public GpuEngine, public testing::WithParamInterface<Maker> {
protected:
  void SetUp() override { open(GetParam().library); }
  static nlohmann::json metadata() { return deviceMetadata(GetParam().target); }
};
INSTANTIATE_TEST_SUITE_P(, EitherEngine,
                         testing::Values(Maker{"cuda", "libcuda.so.1", "NVIDIA", code},
                                         Maker{"rocm", "libamdhip64.so.7", "AMD", amdCode}),
                         [](const auto &info) { return std::string(info.param.target); });

TEST_P(EitherEngine, RunsWithTheDriver) {
  FakeProgram fake(metadata(), GetParam().code);
  checkGeneration(fake.program);
  EXPECT_EQ(driver->module, GetParam().code[0].second.c_str());
  EXPECT_NE(std::ranges::count(driver->calls, "launch graph"), 0);
  EXPECT_EQ(Engine(fake.program).statistics().device, "Fake GPU 0");
  driver->devices = 2;
  choose((std::string(GetParam().target) + ":1").c_str());
  EXPECT_EQ(Engine(fake.program).statistics().device, "Fake GPU 1");
}

TEST_P(EitherEngine, LogitsStayOnTheDeviceUntilSomeoneAsks) {
  FakeProgram fake(withChoices(metadata()), GetParam().code);
  driver->kernels = fake.program.kernels();
  Engine engine(fake.program);
  int sequence = engine.open();
  std::vector<int32_t> ids = prompt;
  auto generated = [&](Sampler sampler, int64_t count) {
    engine.truncate(sequence, 0);
    driver->downloaded = 0;
    std::vector<int32_t> tokens;
    generate(engine, sequence, ids, sampler, {count, false},
             [&](int32_t id) { return tokens.push_back(id), true; });
    return tokens;
  };
  const std::vector<int32_t> expected = expectedTokens(ids, 9);
  EXPECT_EQ(generateGreedily(engine, sequence, ids, 9), expected);
  EXPECT_EQ(driver->downloaded, 9 * sizeof(int32_t));
  EXPECT_EQ(generated(Sampler({}, vocabulary), 9), expected);
  EXPECT_EQ(driver->downloaded, 9 * sizeof(int32_t));

  // Whoever asks gets them, and they come once.
  constexpr size_t row = logitWidth * sizeof(float);
  ids.insert(ids.end(), expected.begin(), expected.end() - 1);
  for (int i = 0; i < 2; ++i) {
    std::span<const float> logits = engine.logits(0);
    EXPECT_EQ(std::vector<float>(logits.begin(), logits.end()), expectedLogits(ids));
    EXPECT_EQ(driver->downloaded, 9 * sizeof(int32_t) + row);
  }
  EXPECT_EQ(engine.likeliest(0), expected.back());
  EXPECT_EQ(engine.likeliest(1), std::nullopt);

  // Samplers that need them, and a choice that is no token of the vocabulary.
  generated(Sampler({.temperature = 1}, vocabulary), 3);
  EXPECT_EQ(driver->downloaded, 3 * (sizeof(int32_t) + row));
  generated(Sampler({.repetitionPenalty = 1.5}, vocabulary), 3);
  EXPECT_EQ(driver->downloaded, 3 * (sizeof(int32_t) + row));
  int32_t start = 0;
  while (expectedNext({&start, 1}) <= start)
    start += 1;
  int32_t unknown = expectedNext({&start, 1});
  std::vector<float> logits = expectedLogits({&start, 1});
  ids = {start};
  std::vector<int32_t> others = generated(Sampler({}, unknown), 1);
  EXPECT_EQ(others.at(0), std::max_element(logits.begin(), logits.begin() + unknown) - logits.begin());
  EXPECT_EQ(driver->downloaded, sizeof(int32_t) + row);
}

TEST_P(EitherEngine, SamplersTakeCandidatesInThePlaceOfLogits) {
  nlohmann::json onGpu = withChoices(metadata()), onCpu = decoderMetadata(40, 8);
  onGpu["vocabulary"] = onCpu["vocabulary"] = logitWidth; // samplers may know fewer
  FakeProgram fake(onGpu, GetParam().code), host(onCpu);
  driver->kernels = fake.program.kernels();
  Engine onDevice(fake.program), onHost(host.program);
  constexpr size_t few = 64 + 64, row = logitWidth * sizeof(float); // eight ids, eight logits and their sum
  constexpr int64_t count = 12;
  auto generated = [&](Engine &engine, const SamplerOptions &options, int64_t known) {
    int sequence = engine.open();
    std::vector<int32_t> tokens;
    Sampler sampler(options, static_cast<int32_t>(known));
    generate(engine, sequence, prompt, sampler, {count, false},
             [&](int32_t id) { return tokens.push_back(id), true; });
    engine.close(sequence);
    return tokens;
  };
  struct Case {
    SamplerOptions options;
    size_t bytes; ///< that go to the host
    int64_t known = vocabulary;
  };
  for (auto [options, bytes, known] :
       {Case{{.temperature = 1, .topK = 5, .seed = 3}, count * few},
        {{.temperature = 3, .topK = 6, .topP = 0.8, .minP = 0.1, .seed = 4}, count * few},
        {{.temperature = 0.5, .topP = 0.5, .seed = 5}, count * few, logitWidth},
        {{.temperature = 0.5, .minP = 0.01, .seed = 6}, count * few},
        // What these leave cannot be known.
        {{.temperature = 9, .topP = 0.9, .seed = 7}, count * (few + row), logitWidth},
        {{.temperature = 0.5, .topP = 0.5, .seed = 8}, count * (few + row)},
        // These look at all logits in any case.
        {{.temperature = 1, .topK = 9, .seed = 9}, count * (sizeof(int32_t) + row)},
        {{.temperature = 1, .topK = 5, .repetitionPenalty = 1.3, .seed = 9},
         count * (sizeof(int32_t) + row)}}) {
    std::vector<int32_t> expected = generated(onHost, options, known);
    driver->downloaded = 0;
    EXPECT_EQ(generated(onDevice, options, known), expected) << "seed " << options.seed;
    EXPECT_EQ(driver->downloaded, bytes) << "seed " << options.seed;
  }
  // Two records for a token; who wants the likeliest one alone has no more than that.
  driver->calls.clear();
  generated(onDevice, {.temperature = 1, .topK = 5}, vocabulary);
  EXPECT_GE(std::ranges::count(driver->calls, "launch graph"), 2 * (count - 3));
  driver->calls.clear();
  int64_t launches = onDevice.statistics().kernels[2].launches;
  EXPECT_EQ(generateGreedily(onDevice, onDevice.open(), prompt, 9), expectedTokens(prompt, 9));
  EXPECT_EQ(onDevice.statistics().kernels[2].launches, launches);
  EXPECT_EQ(onDevice.candidates(0), std::nullopt);
}

TEST_P(EitherEngine, StepsOfOneTokenAreRecordedOnce) {
  FakeProgram fake(metadata(), GetParam().code);
  Engine engine(fake.program);
  int sequence = engine.open();
  std::vector<int32_t> ids = {3};
  auto next = [&] {
    driver->calls.clear();
    engine.feed({sequence, std::span(ids).last(1)});
    EXPECT_EQ(engine.logits(0)[0], expectedLogits(ids)[0]);
    ids.push_back(expectedNext(ids));
    return driver->calls;
  };
  using Calls = std::vector<std::string>;
  EXPECT_EQ(next(), Calls{"launch step 1x1x1 of 1x1x1"});
  EXPECT_EQ(next(), (Calls{"begin capture", "launch step 1x1x1 of 1x1x1", "end capture", "launch graph"}));
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(next(), Calls{"launch graph"});
  EXPECT_EQ(engine.statistics().kernels[0].launches, 7);
  // Another size is another record; the first one stays.
  engine.truncate(sequence, 0);
  engine.feed({sequence, std::span(ids).first(3)});
  driver->calls.clear();
  engine.feed({sequence, std::span(ids).subspan(3, 1)});
  EXPECT_EQ(driver->calls, Calls{"launch graph"});
  // Many sizes: the oldest records make room, and nothing is lost.
  for (int64_t context = 1; context <= 8; ++context)
    for (Rows rows : {Rows::None, Rows::All, Rows::Last}) {
      engine.truncate(sequence, 0);
      engine.feed(
          {sequence, std::span(ids).first(static_cast<size_t>(std::min<int64_t>(context, 8))), {}, rows});
    }
  engine.feed({sequence, std::span(ids).first(1)});
}

TEST_P(EitherEngine, WhatAllocatesOrReadsIsNotRecorded) {
  FakeProgram fake(metadata(), GetParam().code);
  Engine engine(fake.program);
  int sequence = engine.open();
  engine.observe(true);
  for (int i = 0; i < 4; ++i) {
    engine.truncate(sequence, 0);
    engine.feed({sequence, std::span(prompt).first(2)});
  }
  EXPECT_EQ(std::ranges::count(driver->calls, "begin capture"), 0);
}

TEST_P(EitherEngine, ADriverThatCannotRecordIsNotAskedAgain) {
  FakeProgram fake(metadata(), GetParam().code);
  driver->captureResult = 901;
  Engine engine(fake.program);
  EXPECT_EQ(generateGreedily(engine, engine.open(), prompt, 9), expectedTokens(prompt, 9));
  EXPECT_EQ(std::ranges::count(driver->calls, "begin capture"), 1);
  EXPECT_EQ(engine.statistics().kernels[0].launches, engine.statistics().steps);
}

TEST_F(CudaEngine, TheBestCodeForTheChipIsTaken) {
  Blobs blobs;
  for (const char *name :
       {"device.sm_80.ptx", "device.sm_80.cubin", "device.sm_86.cubin", "device.sm_90.cubin",
        "device.sm_90a.cubin", "device.unknown", "device.sm_.ptx", "device.sm_80.text"})
    blobs.push_back({name, name});
  FakeProgram fake(deviceMetadata(), blobs);
  struct Case {
    int major, minor;
    const char *code;
  };
  for (auto [major, minor, chosen] : {Case{8, 0, "device.sm_80.cubin"}, Case{8, 6, "device.sm_86.cubin"},
                                      Case{8, 9, "device.sm_86.cubin"}, Case{9, 0, "device.sm_90a.cubin"},
                                      Case{10, 0, "device.sm_80.ptx"}, Case{12, 1, "device.sm_80.ptx"}}) {
    driver->major = major, driver->minor = minor;
    Engine{fake.program};
    EXPECT_EQ(driver->module, chosen) << major << "." << minor;
  }
  driver->major = 7, driver->minor = 5;
  EXPECT_EQ(errorOf([&] { Engine{fake.program}; }), "Fake GPU 0 has the compute capability 7.5, but this "
                                                    "program was compiled for 8.0 and later: compile the "
                                                    "model again with --chip=sm_75");
}

TEST_F(CudaEngine, KernelsOfOneChipAreInItsCodeAlone) {
  std::vector<AttuneKernel> table(driver->kernels.begin(), driver->kernels.end());
  table.push_back({"wide", nullptr, nullptr, 0, 0, "sm_90a"});
  auto payload = makePayload(deviceMetadata(), {}, {{"device.sm_80.cubin", ""}, {"device.sm_90a.cubin", ""}});
  Program program(payload, entriesFor(deviceMetadata()), "fake", table);
  EXPECT_FALSE(openDevice(program)->hasWarpGroups());
  driver->major = 9, driver->minor = 0;
  EXPECT_EQ(errorOf([&] { openDevice(program); }), "NVIDIA's driver: wide: fake error (error 500)");
  driver->kernels = table;
  EXPECT_TRUE(openDevice(program)->hasWarpGroups());
}

TEST_F(CudaEngine, LaunchesGiveMemoryAndTensorMaps) {
  static int64_t seen = 0;
  constexpr uint8_t bytes[] = {128, 8};
  std::vector<AttuneKernel> table(driver->kernels.begin(), driver->kernels.end());
  auto emulated = [](void **arguments) { std::memcpy(&seen, arguments[0], sizeof(seen)); };
  table.push_back({"wide", emulated, bytes, 2, 65600, "sm_90a", 65600});
  driver->kernels = table;
  driver->major = 9, driver->minor = 0;
  auto payload = makePayload(deviceMetadata(), {}, {{"device.sm_80.cubin", ""}, {"device.sm_90a.cubin", ""}});
  Program program(payload, entriesFor(deviceMetadata()), "fake", table);
  std::unique_ptr<Device> device = openDevice(program);
  auto step = [&](int64_t address) {
    device->run({}, [&] {
      auto *map = const_cast<void *>(attune_device_panel_map(address, 24, 320, 4, 64));
      int64_t number = 0;
      void *arguments[] = {map, &number};
      if (map)
        attune_device_launch(static_cast<int32_t>(table.size()) - 1, 3, 1, 1, 128, 1, 1, arguments);
    });
  };
  step(0x1000);
  EXPECT_EQ(seen, 0x1000);
  // Outputs, columns and panels: of two bytes, the halves of 32 exchanged, what lies beyond is zero.
  const std::string map = "map of type 1: 16/16 64/320 by 32 4/24 by 10240, modes 0 1 3 0",
                    launch = "launch wide 3x1x1 of 128x1x1 with 65600";
  EXPECT_EQ(driver->calls, (std::vector<std::string>{"attribute 8 of wide: 65600", map, launch}));
  // The second launch comes from a record, with the same map.
  driver->calls.clear();
  step(0x1000);
  EXPECT_EQ(driver->calls,
            (std::vector<std::string>{"begin capture", launch, "end capture", "launch graph"}));
  EXPECT_EQ(errorOf([&] {
              device->run(std::array{int64_t{1}}, [] { attune_device_panel_map(0x1008, 24, 320, 4, 64); });
            }),
            "NVIDIA's driver: describing weights for copies: fake error (error 1)");
  device.reset();
  driver->blockMemory = 48 << 10;
  EXPECT_EQ(errorOf([&] { openDevice(program); }), "NVIDIA's driver: wide: fake error (error 1)");
}

TEST_F(CudaEngine, WhatIsMissingIsSaid) {
  FakeProgram fake(deviceMetadata(), code);
  auto error = [&] { return errorOf([&] { Engine{fake.program}; }); };
  choose("cuda:3");
  EXPECT_EQ(error(), "ATTUNE_DEVICE is 'cuda:3', but this machine has 1 NVIDIA GPU, numbered from 0");
  choose("cuda");
  driver->devices = 0;
  EXPECT_EQ(error(), "this program runs on an NVIDIA GPU, but there is none here");
  driver->devices = 1;
  driver->loadResult = 222;
  driver->version = 12020;
  EXPECT_EQ(error(),
            "NVIDIA's driver on this machine is too old for this program: it is one for CUDA 12.2, and the "
            "program needs one for CUDA 12.3 or later");
  driver->version = 12040;
  driver->loadLog = "ptxas fatal: nonsense";
  EXPECT_EQ(error(),
            "Fake GPU 0: the driver (CUDA 12.4) does not take the program's code 'device.sm_80.ptx': the "
            "provided PTX was compiled with an unsupported toolchain.: ptxas fatal: nonsense");
}

TEST_P(EitherEngine, MemoryAndKernelsThatAreMissingAreSaid) {
  FakeProgram fake(metadata(), GetParam().code);
  auto error = [&] { return errorOf([&] { Engine{fake.program}; }); };
  driver->memory = 700;
  EXPECT_EQ(error(),
            "Fake GPU 0 has not enough memory: 640 bytes are needed for the cache of keys and values (a "
            "smaller context needs less), but 636 bytes of 700 bytes are free");
  driver->memory = 1 << 20;
  driver->kernels = driver->kernels.first(1);
  EXPECT_EQ(error(), std::string(GetParam().maker) + "'s driver: step_taps: fake error (error 500)");
}

TEST_P(EitherEngine, WeightsGoToTheDeviceOnce) {
  nlohmann::json metadata = EitherEngine::metadata();
  metadata["weight_bytes"] = 3000;
  Blobs blobs = GetParam().code;
  blobs.push_back({"weights", std::string(3000, 'w')});
  FakeProgram fake(metadata, blobs), without(EitherEngine::metadata(), GetParam().code);
  size_t taken[2];
  for (const Program *program : {&without.program, &fake.program}) {
    Engine engine(*program);
    taken[program == &fake.program] = driver->taken;
    EXPECT_EQ(generateGreedily(engine, engine.open(), prompt, 3), expectedTokens(prompt, 3));
  }
  EXPECT_EQ(taken[1], taken[0] + 3000);
}

TEST_F(RocmEngine, TheCodeOfTheChipIsTaken) {
  FakeProgram fake(deviceMetadata("rocm"), amdCode);
  for (auto [chip, code] :
       {std::pair("gfx90a", 0), std::pair("gfx90a:sramecc-:xnack+", 0), std::pair("gfx942:xnack-", 1)}) {
    driver->chip = chip;
    Engine{fake.program};
    EXPECT_EQ(driver->module, amdCode[static_cast<size_t>(code)].second.c_str()) << chip;
  }
  driver->chip = "gfx908:sramecc+:xnack-";
  EXPECT_EQ(errorOf([&] { Engine{fake.program}; }),
            "Fake GPU 0 is a gfx908, but this program was compiled for gfx90a and gfx942: compile the model "
            "again with --chip=gfx908");
}

TEST_F(RocmEngine, WhatIsMissingIsSaid) {
  FakeProgram fake(deviceMetadata("rocm"), amdCode);
  auto error = [&] { return errorOf([&] { Engine{fake.program}; }); };
  choose("rocm:3");
  EXPECT_EQ(error(), "ATTUNE_DEVICE is 'rocm:3', but this machine has 1 AMD GPU, numbered from 0");
  choose("cuda");
  EXPECT_EQ(error(), "ATTUNE_DEVICE is 'cuda', expected rocm, rocm:NUMBER or emulate: this program was "
                     "compiled for an AMD GPU");
  choose("rocm");
  driver->devices = 0;
  EXPECT_EQ(error(), "this program runs on an AMD GPU, but there is none here");
  driver->devices = 1;
  driver->loadResult = 209;
  driver->version = 60241134;
  EXPECT_EQ(error(), "Fake GPU 0: the driver (HIP 6.2) does not take the program's code "
                     "'device.gfx90a.hsaco': fake error");
}

} // namespace
