// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/program/MappedFile.h"
#include "runtime/Error.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

using namespace attune;

namespace {

struct File {
  explicit File(const std::string &path) : descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat status;
    if (descriptor < 0 || fstat(descriptor, &status) != 0)
      throw Error(fmt::format("cannot open '{}': {}", path, std::strerror(errno)));
    if (!S_ISREG(status.st_mode))
      throw Error(fmt::format("'{}' is not a regular file", path));
    size = static_cast<uint64_t>(status.st_size);
  }
  ~File() { close(descriptor); }
  File(const File &) = delete;

  int descriptor;
  uint64_t size = 0;
};

} // namespace

MappedFile::MappedFile(const std::string &path, uint64_t offset, uint64_t bytes) {
  File file(path);
  if (offset > file.size || bytes > file.size - offset)
    throw Error(fmt::format("'{}' has {} bytes, but bytes {} to {} are needed: the file is cut short", path,
                            file.size, offset, offset + bytes));
  map(path, file.descriptor, offset, bytes);
}

MappedFile::MappedFile(const std::string &path) {
  File file(path);
  map(path, file.descriptor, 0, file.size);
}

void MappedFile::map(const std::string &path, int file, uint64_t offset, uint64_t bytes) {
  if (bytes == 0)
    return;
  uint64_t skip = offset % static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  void *memory = mmap(nullptr, bytes + skip, PROT_READ, MAP_PRIVATE, file, static_cast<off_t>(offset - skip));
  if (memory == MAP_FAILED)
    throw Error(fmt::format("cannot map {} bytes of '{}': {}", bytes, path, std::strerror(errno)));
  mapping = memory;
  mappingSize = bytes + skip;
  data = static_cast<const std::byte *>(memory) + skip;
  size = bytes;
}

MappedFile &MappedFile::operator=(MappedFile &&other) noexcept {
  std::swap(mapping, other.mapping);
  std::swap(mappingSize, other.mappingSize);
  std::swap(data, other.data);
  std::swap(size, other.size);
  return *this;
}

MappedFile::~MappedFile() {
  if (mapping)
    munmap(mapping, mappingSize);
}
