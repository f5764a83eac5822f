// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/Error.h"
#include "runtime/safetensors/Safetensors.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

using namespace attune;

namespace {

/// A file that gets its name when it is complete, and leaves nothing behind otherwise.
class OutputFile {
public:
  explicit OutputFile(const std::string &path) : path(path) {
    struct stat status;
    isDirect = stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
    temporary = isDirect ? path : path + ".partial-XXXXXX";
    descriptor = isDirect ? open(path.c_str(), O_WRONLY | O_CLOEXEC) : mkostemp(temporary.data(), O_CLOEXEC);
    if (descriptor < 0)
      fail("open");
  }

  ~OutputFile() {
    if (descriptor >= 0)
      close(descriptor);
    if (!isDirect && !isComplete && !temporary.empty())
      unlink(temporary.c_str());
  }

  void write(const void *data, size_t bytes) {
    const char *from = static_cast<const char *>(data);
    while (bytes > 0) {
      ssize_t written = ::write(descriptor, from, bytes);
      if (written < 0 && errno == EINTR)
        continue;
      if (written < 0)
        fail("write");
      from += written;
      bytes -= static_cast<size_t>(written);
    }
  }

  void complete() {
    if (!isDirect) {
      mode_t mask = umask(0);
      umask(mask);
      fchmod(descriptor, 0666 & ~mask); // temporary files are private
    }
    if (close(std::exchange(descriptor, -1)) != 0)
      fail("write");
    if (!isDirect && std::rename(temporary.c_str(), path.c_str()) != 0)
      fail("write");
    isComplete = true;
  }

private:
  [[noreturn]] void fail(const char *what) {
    int error = errno;
    // A constructor's exception skips the destructor; mkostemp has made nothing then.
    throw Error(fmt::format("cannot {} '{}': {}", what, path, std::strerror(error)));
  }

  std::string path, temporary;
  int descriptor = -1;
  bool isDirect = false, isComplete = false;
};

} // namespace

void attune::writeSafetensors(const std::string &path, std::span<const NamedTensor> tensors) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  uint64_t offset = 0;
  for (const NamedTensor &tensor : tensors) {
    uint64_t end = offset + tensor.bytes.size();
    header[tensor.name] = {{"dtype", tensor.type}, {"shape", tensor.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' '); // keeps the data aligned
  uint64_t length = text.size();

  OutputFile file(path);
  file.write(&length, sizeof(length));
  file.write(text.data(), text.size());
  for (const NamedTensor &tensor : tensors)
    file.write(tensor.bytes.data(), tensor.bytes.size());
  file.complete();
}
