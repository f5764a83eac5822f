// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/program/ElfSection.h"
#include "runtime/Error.h"
#include "runtime/program/MappedFile.h"

#include <fmt/format.h>

#include <cstring>
#include <elf.h>
#include <link.h>

using namespace attune;

namespace {

/// Reads structures of an ELF file, each access checked.
class ElfReader {
public:
  ElfReader(const std::string &path, std::span<const std::byte> bytes) : path(path), bytes(bytes) {}

  template <typename T> T read(uint64_t offset, const char *what) const {
    if (offset > bytes.size() || sizeof(T) > bytes.size() - offset)
      throw Error(fmt::format("'{}': the {} at byte {} lies outside of the file ({} bytes)", path, what,
                              offset, bytes.size()));
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof(T));
    return value;
  }

  std::string_view string(const Elf64_Shdr &table, uint32_t index) const {
    if (table.sh_offset > bytes.size() || table.sh_size > bytes.size() - table.sh_offset ||
        index >= table.sh_size)
      return {};
    const char *begin = reinterpret_cast<const char *>(bytes.data() + table.sh_offset) + index;
    return {begin, strnlen(begin, table.sh_size - index)};
  }

  Elf64_Ehdr header() const {
    auto header = read<Elf64_Ehdr>(0, "ELF header");
    if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
        header.e_ident[EI_DATA] != ELFDATA2LSB)
      throw Error(fmt::format("'{}' is not a 64-bit little-endian ELF file", path));
    return header;
  }

private:
  const std::string &path;
  std::span<const std::byte> bytes;
};

} // namespace

std::optional<FileRange> attune::findElfSection(const std::string &path, std::string_view name) {
  MappedFile file(path);
  ElfReader elf(path, file.bytes());
  Elf64_Ehdr header = elf.header();
  if (header.e_shoff == 0)
    return std::nullopt;
  if (header.e_shentsize != sizeof(Elf64_Shdr))
    throw Error(fmt::format("'{}': section headers of {} bytes, expected {}", path, header.e_shentsize,
                            sizeof(Elf64_Shdr)));

  auto section = [&](uint64_t index) {
    return elf.read<Elf64_Shdr>(header.e_shoff + index * sizeof(Elf64_Shdr), "section header");
  };
  // With very many sections, the first section's header holds the numbers that have no room in the file's.
  Elf64_Shdr first = section(0);
  uint64_t count = header.e_shnum ? header.e_shnum : first.sh_size;
  uint64_t namesIndex = header.e_shstrndx == SHN_XINDEX ? first.sh_link : header.e_shstrndx;
  if (namesIndex >= count)
    return std::nullopt;
  Elf64_Shdr names = section(namesIndex);
  for (uint64_t i = 0; i < count; ++i) {
    Elf64_Shdr candidate = section(i);
    if (candidate.sh_type != SHT_NOBITS && elf.string(names, candidate.sh_name) == name)
      return FileRange{candidate.sh_offset, candidate.sh_size};
  }
  return std::nullopt;
}

std::optional<FileRange> attune::findElfSegment(const std::string &path, uint32_t type) {
  MappedFile file(path);
  ElfReader elf(path, file.bytes());
  Elf64_Ehdr header = elf.header();
  if (header.e_phnum && header.e_phentsize != sizeof(Elf64_Phdr))
    throw Error(fmt::format("'{}': program headers of {} bytes, expected {}", path, header.e_phentsize,
                            sizeof(Elf64_Phdr)));
  for (uint64_t i = 0; i < header.e_phnum; ++i) {
    auto segment = elf.read<Elf64_Phdr>(header.e_phoff + i * sizeof(Elf64_Phdr), "program header");
    if (segment.p_type == type && segment.p_filesz)
      return FileRange{segment.p_offset, segment.p_filesz};
  }
  return std::nullopt;
}

std::string attune::fileOfAddress(const void *address) {
  struct Search {
    uintptr_t address;
    std::string path;
  } search{reinterpret_cast<uintptr_t>(address), {}};
  dl_iterate_phdr(
      [](dl_phdr_info *object, size_t, void *data) {
        auto &search = *static_cast<Search *>(data);
        for (int i = 0; i < object->dlpi_phnum; ++i) {
          const auto &segment = object->dlpi_phdr[i];
          uintptr_t begin = object->dlpi_addr + segment.p_vaddr;
          if (segment.p_type == PT_LOAD && search.address >= begin &&
              search.address - begin < segment.p_memsz) {
            search.path = object->dlpi_name;
            return 1;
          }
        }
        return 0;
      },
      &search);
  return search.path.empty() ? "/proc/self/exe" : search.path; // the main program's name is empty
}
