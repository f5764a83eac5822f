// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/compile/Payload.h"

#include "runtime/program/PayloadFormat.h"

#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

using namespace attune;
using llvm::Error;
using llvm::ELF::Elf64_Ehdr;
using llvm::ELF::Elf64_Phdr;
using llvm::ELF::Elf64_Shdr;

namespace {

/// A file that is read and written at offsets.
class File {
public:
  explicit File(const std::string &path) : path(path), descriptor(::open(path.c_str(), O_RDWR | O_CLOEXEC)) {}
  ~File() {
    if (descriptor >= 0)
      ::close(descriptor);
  }
  File(const File &) = delete;
  File &operator=(const File &) = delete;

  bool isOpen() const { return descriptor >= 0; }
  Error failure(const char *what) const {
    return llvm::createStringError(path + ": " + what + ": " + std::strerror(errno));
  }

  Error write(uint64_t offset, const void *data, size_t bytes) const {
    auto *from = static_cast<const char *>(data);
    while (bytes) {
      ssize_t written = ::pwrite(descriptor, from, bytes, static_cast<off_t>(offset));
      if (written < 0 && errno == EINTR)
        continue;
      if (written <= 0)
        return failure("cannot write");
      from += written;
      offset += written;
      bytes -= written;
    }
    return Error::success();
  }

  Error read(uint64_t offset, void *data, size_t bytes) const {
    if (::pread(descriptor, data, bytes, static_cast<off_t>(offset)) != static_cast<ssize_t>(bytes))
      return failure("cannot read");
    return Error::success();
  }

  Error resize(uint64_t bytes) const {
    return ::ftruncate(descriptor, static_cast<off_t>(bytes)) ? failure("cannot grow") : Error::success();
  }

  Error close() {
    int result = ::close(descriptor);
    descriptor = -1;
    return result ? failure("cannot close") : Error::success();
  }

private:
  std::string path;
  int descriptor;
};

/// The section headers and their names, as they are rewritten with one more section.
struct Sections {
  Elf64_Ehdr header;
  std::vector<Elf64_Shdr> sections;
  std::string names;

  Error read(const File &file) {
    if (Error error = file.read(0, &header, sizeof(header)))
      return error;
    sections.resize(header.e_shnum);
    if (Error error = file.read(header.e_shoff, sections.data(), sections.size() * sizeof(Elf64_Shdr)))
      return error;
    const Elf64_Shdr &table = sections[header.e_shstrndx];
    names.resize(table.sh_size);
    return file.read(table.sh_offset, names.data(), names.size());
  }

  void add(const char *name, uint64_t offset, uint64_t bytes) {
    Elf64_Shdr section{};
    section.sh_name = names.size();
    section.sh_type = llvm::ELF::SHT_PROGBITS;
    section.sh_offset = offset;
    section.sh_size = bytes;
    section.sh_addralign = payloadAlignment;
    sections.push_back(section);
    names += name;
    names += '\0';
  }

  /// Makes the program header of the notes, which nothing needs at run time, one of the payload: a section
  /// that lies in a segment outlives every kind of strip. A program without notes goes without it.
  Error addSegment(const File &file, uint64_t offset, uint64_t bytes) const {
    for (uint64_t i = 0; i < header.e_phnum; ++i) {
      Elf64_Phdr segment;
      uint64_t place = header.e_phoff + i * sizeof(segment);
      if (Error error = file.read(place, &segment, sizeof(segment)))
        return error;
      if (segment.p_type != llvm::ELF::PT_NOTE)
        continue;
      segment = {};
      segment.p_type = payloadSegment;
      segment.p_flags = llvm::ELF::PF_R;
      segment.p_offset = offset;
      segment.p_filesz = bytes;
      segment.p_align = payloadAlignment;
      return file.write(place, &segment, sizeof(segment));
    }
    return Error::success();
  }

  /// Writes names and headers from `offset` on, and points the file's header to them.
  Error write(const File &file, uint64_t offset) {
    if (Error error = file.write(offset, names.data(), names.size()))
      return error;
    sections[header.e_shstrndx].sh_offset = offset;
    sections[header.e_shstrndx].sh_size = names.size();
    header.e_shoff = llvm::alignTo(offset + names.size(), 8);
    header.e_shnum = sections.size();
    if (Error error = file.write(header.e_shoff, sections.data(), sections.size() * sizeof(Elf64_Shdr)))
      return error;
    return file.write(0, &header, sizeof(header));
  }
};

} // namespace

Blob attune::textBlob(std::string name, std::string text) {
  int64_t bytes = text.size();
  return {std::move(name), bytes, [text = std::move(text)](BlobWriter write) {
            return write(0, llvm::ArrayRef(reinterpret_cast<const uint8_t *>(text.data()), text.size()));
          }};
}

Error attune::appendPayload(const std::string &path, llvm::ArrayRef<Blob> blobs) {
  File file(path);
  if (!file.isOpen())
    return file.failure("cannot open");
  Sections sections;
  if (Error error = sections.read(file))
    return error;
  uint64_t size = 0;
  if (std::error_code code = llvm::sys::fs::file_size(path, size))
    return llvm::createStringError(code, path + ": " + code.message());
  uint64_t begin = llvm::alignTo(size, payloadAlignment);

  PayloadHeader header{};
  std::memcpy(header.magic, payloadMagic, sizeof(payloadMagic));
  header.blobCount = blobs.size();
  std::vector<PayloadBlob> table;
  uint64_t end = sizeof(PayloadHeader) + blobs.size() * sizeof(PayloadBlob);
  for (const Blob &blob : blobs) {
    PayloadBlob row{};
    std::strncpy(row.name, blob.name.c_str(), sizeof(row.name) - 1);
    row.offset = llvm::alignTo(end, payloadAlignment);
    row.bytes = blob.bytes;
    end = row.offset + row.bytes;
    table.push_back(row);
  }
  if (Error error = file.resize(begin + end))
    return error;
  if (Error error = file.write(begin, &header, sizeof(header)))
    return error;
  if (Error error = file.write(begin + sizeof(header), table.data(), table.size() * sizeof(PayloadBlob)))
    return error;
  for (size_t i = 0; i < blobs.size(); ++i) {
    uint64_t blobBegin = begin + table[i].offset;
    if (Error error = blobs[i].fill([&](int64_t offset, llvm::ArrayRef<uint8_t> bytes) {
          return file.write(blobBegin + offset, bytes.data(), bytes.size());
        }))
      return error;
  }
  sections.add(payloadSection, begin, end);
  if (Error error = sections.addSegment(file, begin, end))
    return error;
  if (Error error = sections.write(file, llvm::alignTo(begin + end, 8)))
    return error;
  return file.close();
}
