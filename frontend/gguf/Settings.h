// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// A GGUF file's metadata as a mapping reads it: keys below the architecture's name, the first problem kept
/// until `takeError`.

#ifndef ATTUNE_FRONTEND_GGUF_SETTINGS_H
#define ATTUNE_FRONTEND_GGUF_SETTINGS_H

#include "frontend/weights/Gguf.h"

namespace attune::gguf {

class Settings {
public:
  Settings(const GgufMetadata &metadata, const WeightStore &weights, std::string architecture)
      : metadata(metadata), weights(weights), architecture(std::move(architecture)) {}

  bool has(llvm::StringRef key) const { return metadata.has(full(key)); }

  /// A number from 1 to 2^31 - 1; required without a preset.
  int64_t size(llvm::StringRef key, std::optional<int64_t> preset = {});
  /// The same for each of `layers` layers: one number for all, or a list.
  std::vector<int64_t> sizes(llvm::StringRef key, int64_t layers, std::optional<int64_t> preset = {});
  double number(llvm::StringRef key, std::optional<double> preset = {});
  std::string text(llvm::StringRef key, llvm::StringRef preset);
  bool flag(llvm::StringRef key, bool preset = false);
  /// A number that may be 0 or less, which `preset` is where there is none.
  int64_t integer(llvm::StringRef key, int64_t preset = 0);

  /// A tensor that need not be there.
  const TensorInfo *tensor(llvm::StringRef name) const { return weights.find(name); }

  /// Keeps "FILE: 'KEY' MESSAGE".
  void fail(llvm::StringRef key, const llvm::Twine &message);
  /// The value, or `preset` after keeping the error.
  template <typename T> T take(llvm::Expected<T> value, T preset = T()) {
    if (value)
      return std::move(*value);
    keep(value.takeError());
    return preset;
  }

  bool failed() const { return !problem.empty(); }
  llvm::Error takeError();
  std::string full(llvm::StringRef key) const { return architecture + "." + key.str(); }

  const GgufMetadata &metadata;

private:
  int64_t checkSize(llvm::StringRef key, int64_t value);
  void keep(llvm::Error error);

  const WeightStore &weights;
  std::string architecture, problem;
};

} // namespace attune::gguf

#endif // ATTUNE_FRONTEND_GGUF_SETTINGS_H
