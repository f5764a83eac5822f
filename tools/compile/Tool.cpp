// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/compile/Tool.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

#include <optional>

using namespace attune;
using llvm::Error;
using llvm::StringRef;

namespace {

/// A file that is gone in the end.
struct TemporaryFile {
  llvm::SmallString<128> path;
  llvm::FileRemover remover;

  Error create(StringRef suffix) {
    if (std::error_code code = llvm::sys::fs::createTemporaryFile("attune", suffix, path))
      return llvm::createStringError(code, "temporary file: " + code.message());
    remover.setFile(path);
    return Error::success();
  }

  std::string read() const {
    auto buffer = llvm::MemoryBuffer::getFile(path);
    return buffer ? (*buffer)->getBuffer().str() : std::string();
  }
};

} // namespace

llvm::Expected<std::string> attune::findLinker(StringRef name) {
  for (std::string candidate : {(name + "-22").str(), name.str()})
    if (auto path = llvm::sys::findProgramByName(candidate))
      return *path;
  if (auto path = llvm::sys::findProgramByName(name, {"/usr/lib/llvm-22/bin"}))
    return *path;
  return llvm::createStringError("'" + name +
                                 "' is needed to link and was not found: install the package lld-22");
}

Error attune::runTool(const std::string &path, llvm::ArrayRef<StringRef> arguments) {
  TemporaryFile log;
  if (Error error = log.create("log"))
    return error;
  llvm::SmallVector<StringRef> all{path};
  all.append(arguments.begin(), arguments.end());
  std::optional<StringRef> redirects[] = {StringRef(""), StringRef(log.path), StringRef(log.path)};
  std::string message;
  if (llvm::sys::ExecuteAndWait(path, all, std::nullopt, redirects, 0, 0, &message) == 0)
    return Error::success();
  return llvm::createStringError(path + " failed: " + message + log.read().substr(0, 2000));
}

llvm::Expected<std::string> attune::filterThrough(const std::string &path, llvm::ArrayRef<StringRef> before,
                                                  StringRef bytes, StringRef suffix) {
  TemporaryFile input, output;
  if (Error error = llvm::joinErrors(input.create(suffix), output.create("out")))
    return std::move(error);
  std::error_code code;
  llvm::raw_fd_ostream stream(input.path, code);
  stream << bytes;
  stream.close();
  if (stream.has_error())
    return llvm::createStringError(stream.error(), "temporary file: " + stream.error().message());
  llvm::SmallVector<StringRef> arguments(before);
  arguments.append({input.path, "-o", output.path});
  if (Error error = runTool(path, arguments))
    return std::move(error);
  return output.read();
}
