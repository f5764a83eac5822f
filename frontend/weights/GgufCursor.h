// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading a GGUF file front to back, every read checked against its end. Internal to the reader.

#ifndef ATTUNE_FRONTEND_WEIGHTS_GGUFCURSOR_H
#define ATTUNE_FRONTEND_WEIGHTS_GGUFCURSOR_H

#include "frontend/weights/MappedFile.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"

namespace attune {

class GgufCursor {
public:
  GgufCursor(llvm::StringRef file, llvm::ArrayRef<uint8_t> bytes) : file(file), bytes(bytes) {}

  uint64_t offset() const { return position; }
  uint64_t remaining() const { return bytes.size() - position; }

  /// The next `count` elements of `size` bytes; `what` they are is for the error.
  llvm::Expected<llvm::ArrayRef<uint8_t>> take(uint64_t count, uint64_t size, const llvm::Twine &what) {
    if (count > remaining() / size)
      return fileError(file, what + " needs " + llvm::Twine(count) + " x " + llvm::Twine(size) +
                                 " bytes at byte " + llvm::Twine(position) + ", but the file ends " +
                                 llvm::Twine(remaining()) + " bytes later");
    llvm::ArrayRef<uint8_t> taken = bytes.slice(position, count * size);
    position += count * size;
    return taken;
  }

  /// A little-endian number.
  template <typename T> llvm::Expected<T> read(const llvm::Twine &what) {
    llvm::Expected<llvm::ArrayRef<uint8_t>> taken = take(1, sizeof(T), what);
    if (!taken)
      return taken.takeError();
    return llvm::support::endian::read<T, llvm::endianness::little>(taken->data());
  }

  /// A string: its length in eight bytes, then its bytes.
  llvm::Expected<llvm::StringRef> readString(const llvm::Twine &what) {
    llvm::Expected<uint64_t> length = read<uint64_t>(what);
    if (!length)
      return length.takeError();
    llvm::Expected<llvm::ArrayRef<uint8_t>> taken = take(*length, 1, what);
    if (!taken)
      return taken.takeError();
    return llvm::toStringRef(*taken);
  }

  const llvm::StringRef file;

private:
  llvm::ArrayRef<uint8_t> bytes;
  uint64_t position = 0;
};

} // namespace attune

#endif
