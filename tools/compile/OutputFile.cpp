// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/compile/OutputFile.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"

using namespace attune;
using llvm::Error;
namespace fs = llvm::sys::fs;

static Error cannotWrite(const std::string &path, std::error_code code) {
  return llvm::createStringError(code, path + ": cannot be written: " + code.message());
}

OutputFile::OutputFile(std::string path, std::string temporary)
    : path(std::move(path)), temporaryPath(std::move(temporary)),
      remover(std::make_unique<llvm::FileRemover>(llvm::Twine(temporaryPath))) {
  llvm::sys::RemoveFileOnSignal(temporaryPath);
}

llvm::Expected<OutputFile> OutputFile::create(const std::string &path) {
  fs::file_status status;
  if (!fs::status(path, status) && status.type() != fs::file_type::regular_file)
    return llvm::createStringError(path + ": cannot be written: it is " +
                                   (fs::is_directory(status) ? "a folder" : "no regular file"));
  llvm::SmallString<256> temporary;
  int descriptor;
  if (std::error_code code = fs::createUniqueFile(path + ".%%%%%%.partial", descriptor, temporary,
                                                  fs::OF_None, fs::all_read | fs::all_write))
    return cannotWrite(path, code);
  llvm::sys::Process::SafelyCloseFileDescriptor(descriptor);
  return OutputFile(path, std::string(temporary));
}

Error OutputFile::commit() {
  if (std::error_code code = fs::rename(temporaryPath, path))
    return cannotWrite(path, code);
  remover->releaseFile();
  llvm::sys::DontRemoveFileOnSignal(temporaryPath);
  return Error::success();
}

Error attune::checkWritable(const std::string &path) { return OutputFile::create(path).takeError(); }

Error attune::writeFile(const std::string &path, llvm::StringRef text) {
  llvm::Expected<OutputFile> file = OutputFile::create(path);
  if (!file)
    return file.takeError();
  std::error_code code;
  llvm::raw_fd_ostream out(file->temporary(), code);
  out << text;
  out.close();
  if (out.has_error()) {
    code = out.error();
    out.clear_error();
    return cannotWrite(path, code);
  }
  return file->commit();
}
