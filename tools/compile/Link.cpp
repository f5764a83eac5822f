// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/compile/Link.h"

#include "tools/compile/Tool.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace attune;
using llvm::Error;
using llvm::StringRef;

namespace {

/// `lib/attune` beside the compiler's own folder.
std::string shippedFolder() {
  static int anchor;
  llvm::SmallString<256> path(
      llvm::sys::path::parent_path(llvm::sys::fs::getMainExecutable(nullptr, &anchor)));
  llvm::sys::path::append(path, "..", "lib", "attune");
  llvm::sys::path::remove_dots(path, /*remove_dot_dot=*/true);
  return std::string(path);
}

std::string runtimeFolder(const std::string &machine) { return shippedFolder() + "/" + machine; }

/// The program that the runtime folder says links its products (a compiler driver in builds with sanitizers).
llvm::Expected<std::string> linkerOf(const std::string &folder) {
  auto buffer = llvm::MemoryBuffer::getFile(folder + "/link.json");
  if (!buffer)
    return llvm::createStringError(buffer.getError(),
                                   folder + "/link.json: " + buffer.getError().message() +
                                       " (the runtime belongs beside the compiler, in lib/attune)");
  auto json = llvm::json::parse((*buffer)->getBuffer());
  if (!json)
    return json.takeError();
  auto program = json->getAsObject() ? json->getAsObject()->getString("program") : std::nullopt;
  if (!program)
    return llvm::createStringError(folder + "/link.json: no \"program\"");
  return program->str();
}

} // namespace

Error attune::checkRuntime(const std::string &machine) {
  std::string folder = runtimeFolder(machine);
  if (llvm::sys::fs::exists(folder + "/link.json"))
    return Error::success();
  return llvm::createStringError("programs and libraries for " + machine + " are linked from " + folder +
                                 ", which this build of the compiler is without (CONTRIBUTING.md tells what "
                                 "it is built from); --emit=obj, asm and llvm do without it");
}

std::string attune::runtimeHeader() { return shippedFolder() + "/include/attune/attune.h"; }

Error attune::linkProduct(const std::vector<std::string> &objects, const std::string &machine,
                          const std::string &output, Product product, bool sanitize) {
  std::string folder = runtimeFolder(machine);
  auto name = linkerOf(folder);
  if (!name)
    return name.takeError();
  std::string base = product == Product::executable ? "exe" : "shared";
  bool isDriver = StringRef(*name).starts_with("clang");
  if (sanitize && !isDriver) {
    name = std::string("clang++-22");
    base += "-sanitize";
  }
  auto program = findLinker(*name);
  if (!program)
    return program.takeError();
  // Objects first: the linker takes from archives what is missing by then.
  std::string response = "@" + folder + "/" + base + ".rsp";
  llvm::SmallVector<StringRef> arguments{"-L", folder};
  arguments.append(objects.begin(), objects.end());
  arguments.append({response, "-o", output});
  if (Error error = runTool(*program, arguments))
    return llvm::createStringError("linking failed: " + llvm::toString(std::move(error)));
  return Error::success();
}
