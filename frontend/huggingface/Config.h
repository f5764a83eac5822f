// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Typed access to a JSON file of settings. The first problem is kept and `takeError` gives it; until then
/// getters return harmless values, so that a mapping reads as a list of fields. A field that is `null` counts
/// as absent.

#ifndef ATTUNE_FRONTEND_HUGGINGFACE_CONFIG_H
#define ATTUNE_FRONTEND_HUGGINGFACE_CONFIG_H

#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace attune::huggingface {

class Config {
public:
  /// Reads a file that must hold a JSON object.
  static llvm::Expected<Config> open(llvm::StringRef path);
  Config(std::string file, llvm::json::Object object);

  bool has(llvm::StringRef key) const { return value(key); }
  /// Whether the file has the key at all, be it null.
  bool mentions(llvm::StringRef key) const { return object->get(key); }

  /// A number from 1 to 2^31 - 1, for sizes and counts; required without a preset.
  int64_t size(llvm::StringRef key, std::optional<int64_t> preset = {}) const;
  std::optional<int64_t> maybeInteger(llvm::StringRef key) const;
  double number(llvm::StringRef key, std::optional<double> preset = {}) const;
  /// A number above 0; required without a preset.
  double positive(llvm::StringRef key, std::optional<double> preset = {}) const;
  std::optional<double> maybeNumber(llvm::StringRef key) const;
  bool flag(llvm::StringRef key, bool preset) const;
  std::optional<bool> maybeFlag(llvm::StringRef key) const;
  std::string text(llvm::StringRef key, std::optional<llvm::StringRef> preset = {}) const;
  /// One number or a list of them; empty if absent.
  std::vector<int64_t> integers(llvm::StringRef key) const;
  std::vector<std::string> texts(llvm::StringRef key) const;
  /// A list of numbers; required.
  std::vector<double> numbers(llvm::StringRef key) const;
  /// A nested object; problems in it are problems of this file.
  std::optional<Config> section(llvm::StringRef key) const;
  const llvm::json::Value *value(llvm::StringRef key) const;

  /// Keeps "FILE: 'KEY' is VALUE, expected EXPECTED" ("is absent" if it is).
  void refuse(llvm::StringRef key, const llvm::Twine &expected) const;
  /// Keeps "FILE: 'KEY' MESSAGE".
  void fail(llvm::StringRef key, const llvm::Twine &message) const;
  /// A flag that changes the model in a way that is not supported.
  void refuseFlag(llvm::StringRef key) const {
    if (flag(key, false))
      refuse(key, "false (true is not supported)");
  }

  bool failed() const { return !problem->empty(); }
  llvm::Error takeError() const;

private:
  std::string file, prefix;
  std::shared_ptr<llvm::json::Object> object;
  std::shared_ptr<std::string> problem = std::make_shared<std::string>();
};

} // namespace attune::huggingface

#endif // ATTUNE_FRONTEND_HUGGINGFACE_CONFIG_H
