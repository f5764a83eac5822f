// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Descriptions: YAML to a description, which printed reads back.
#include "frontend/yaml/DescriptionText.h"

using namespace attune;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::StringRef text(reinterpret_cast<const char *>(data), size);
  auto parsed = yaml::parseDescription(text, "fuzz.yaml");
  if (!parsed) {
    llvm::consumeError(parsed.takeError());
    return 0;
  }
  auto again = yaml::parseDescription(yaml::printDescription(parsed->description), "printed.yaml");
  if (!again)
    llvm::report_fatal_error(again.takeError());
  return 0;
}
