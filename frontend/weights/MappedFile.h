// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Mapping a file into memory, and errors that name the file.

#ifndef ATTUNE_FRONTEND_WEIGHTS_MAPPEDFILE_H
#define ATTUNE_FRONTEND_WEIGHTS_MAPPEDFILE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>

namespace attune {

/// An error that reads "FILE: MESSAGE".
llvm::Error fileError(llvm::StringRef file, const llvm::Twine &message);

/// A name from a file, made fit for a message: in single quotes, unprintable bytes escaped, shortened if very
/// long.
std::string quoted(llvm::StringRef name);

/// Maps a regular file for reading (a file of a few pages may be read instead). Fails on anything else, such
/// as a folder or a device.
llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> mapFile(llvm::StringRef path);

} // namespace attune

#endif
