// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chat templates: parsing and rendering, with a conversation and tools.
#include "runtime/Error.h"
#include "runtime/template/Template.h"

using namespace attune;
using jinja::Value;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const Value context = Value::fromJson(
      R"({"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hé?"},
          {"role": "assistant", "content": "", "tool_calls": [{"name": "f", "arguments": {"x": 1.5}}]}],
          "tools": [{"name": "f", "parameters": {"x": "number"}}], "add_generation_prompt": true,
          "bos_token": "<s>", "eos_token": "</s>"})");
  jinja::RenderOptions options;
  options.maxSteps = 100'000;
  options.now = std::tm{};
  try {
    std::string_view text(reinterpret_cast<const char *>(data), size);
    jinja::Template::parse(text, "fuzz").render(context, options);
  } catch (const Error &) {
  }
  return 0;
}
