// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the handles of the C interface are, and how errors leave it.
#pragma once

#include "runtime/Error.h"
#include "runtime/engine/Engine.h"
#include "runtime/model/Model.h"

#include "attune/attune.h"

#include <algorithm>
#include <exception>
#include <memory>
#include <string>
#include <vector>

struct attune_model {
  attune_model(attune::Program program, const attune_open_options &options);

  /// Made when first needed: a tokenizer alone has none.
  attune::Engine &engine();

  attune::Model model;
  attune::EngineOptions engineOptions;
  std::unique_ptr<attune::Engine> loadedEngine;
  std::unique_ptr<attune::Engine> translator; ///< with a sequence for each beam
  int64_t translatorBeams = 0;
  attune_model_info info{};
  int sessions = 0; ///< that have not been freed
};

struct attune_session {
  attune_model *owner;
  int sequence;
  std::vector<float> logits; ///< empty before anything was fed
};

namespace attune::capi {

/// Remembers what the thread's last failing call met.
void setError(const char *text) noexcept;

/// Runs code that may throw; gives `failure` and remembers the error if it does.
template <typename T, typename Use> T guarded(T failure, Use use) noexcept {
  try {
    return use();
  } catch (const std::exception &error) {
    setError(error.what());
  } catch (...) {
    setError("unknown error");
  }
  return failure;
}

template <typename T> T *require(T *pointer, const char *what) {
  if (!pointer)
    throw Error(std::string(what) + " is NULL");
  return pointer;
}

/// Copies as many elements as fit and gives their number in all.
template <typename T, typename Range> int64_t copyOut(const Range &from, T *to, int64_t capacity) {
  int64_t all = static_cast<int64_t>(from.size()), count = all < capacity ? all : capacity;
  if (count > 0)
    std::copy(from.begin(), from.begin() + count, require(to, "the buffer"));
  return all;
}

} // namespace attune::capi
