// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/weights/MappedFile.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace attune;

llvm::Error attune::fileError(llvm::StringRef file, const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), file + ": " + message);
}

std::string attune::quoted(llvm::StringRef name) {
  constexpr size_t longest = 120;
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << '\'';
  llvm::printEscapedString(name.take_front(longest), stream);
  if (name.size() > longest)
    stream << "...";
  stream << '\'';
  return text;
}

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> attune::mapFile(llvm::StringRef path) {
  llvm::sys::fs::file_status status;
  if (std::error_code code = llvm::sys::fs::status(path, status))
    return fileError(path, "cannot be opened: " + code.message());
  if (!llvm::sys::fs::is_regular_file(status))
    return fileError(path, "is not a regular file");
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return fileError(path, "cannot be opened: " + buffer.getError().message());
  return std::move(*buffer);
}
