// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Files that appear whole or not at all.

#ifndef ATTUNE_TOOLS_COMPILE_OUTPUTFILE_H
#define ATTUNE_TOOLS_COMPILE_OUTPUTFILE_H

#include "llvm/Support/Error.h"
#include "llvm/Support/FileUtilities.h"

#include <memory>
#include <string>

namespace attune {

/// A file that is written beside its final place and renamed when all went well; removed with this object, or
/// when a signal ends the process. Devices and pipes are refused: a rename would put a file in their place.
class OutputFile {
public:
  static llvm::Expected<OutputFile> create(const std::string &path);
  const std::string &temporary() const { return temporaryPath; }
  llvm::Error commit();

private:
  OutputFile(std::string path, std::string temporary);
  std::string path, temporaryPath;
  std::unique_ptr<llvm::FileRemover> remover;
};

/// Whether a file could be written there, so that nobody waits for minutes to learn that it cannot.
llvm::Error checkWritable(const std::string &path);

/// Writes a whole file.
llvm::Error writeFile(const std::string &path, llvm::StringRef text);

} // namespace attune

#endif // ATTUNE_TOOLS_COMPILE_OUTPUTFILE_H
