// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bytes as a file: what readers map is given to them by path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

namespace attune::fuzz {

class InputFile {
public:
  InputFile(const uint8_t *data, size_t size) : descriptor(memfd_create("input", 0)) {
    if (descriptor < 0 || write(descriptor, data, size) != static_cast<ssize_t>(size))
      abort();
  }
  ~InputFile() { close(descriptor); }
  InputFile(const InputFile &) = delete;
  InputFile &operator=(const InputFile &) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor); }

private:
  int descriptor;
};

} // namespace attune::fuzz
