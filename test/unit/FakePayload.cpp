// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes what a linked fake program needs to the folder that it is given: payload.bin, and inputs for `run`.
#include "FakeModel.h"
#include "FakeTokenizer.h"
#include "runtime/safetensors/Safetensors.h"

#include <fstream>

using namespace attune;
using namespace attune::test;

int main(int argc, char **argv) {
  if (argc != 2)
    return 2;
  std::string folder = argv[1];
  nlohmann::json metadata = decoderMetadata(2048, 512);
  metadata["tokens"] = {{"bos", 1}, {"eos", {2}}};
  metadata["chat_template"] = "{% for m in messages %}{{ m.role[0] }} {{ m.content }}. {% endfor %}{% if "
                              "add_generation_prompt %}a {% endif %}";
  metadata["cpus"] = {{{"name", "x86-64"}, {"features", {"sse2"}}}};
  std::vector<std::byte> payload = makePayload(metadata, fakeTokenizer());
  std::ofstream(folder + "/payload.bin", std::ios::binary)
      .write(reinterpret_cast<const char *>(payload.data()), static_cast<std::streamsize>(payload.size()));
  metadata["cpus"][0]["features"] = {"sse2", "warp-drive"};
  payload = makePayload(metadata);
  std::ofstream(folder + "/other-cpu.bin", std::ios::binary)
      .write(reinterpret_cast<const char *>(payload.data()), static_cast<std::streamsize>(payload.size()));
  std::vector<int64_t> ids = {1, 2, 3, 4, 5, 6};
  std::vector<NamedTensor> tensors = {{"input_ids", "I64", {2, 3}, std::as_bytes(std::span(ids))}};
  writeSafetensors(folder + "/in.safetensors", tensors);
}
