// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is done to a text before it is cut into pieces.
#pragma once

#include "runtime/tokenizer/Blob.h"
#include "runtime/tokenizer/Regex.h"

#include <string>

namespace attune::tokenizer {

class Normalizer {
public:
  // Throws attune::Error for steps that are no normalisers or lack a parameter.
  explicit Normalizer(const std::vector<Step> &steps);

  bool empty() const { return steps.empty(); }

  // Requires valid UTF-8 and gives valid UTF-8.
  std::string apply(std::string_view text) const;

private:
  struct Compiled {
    Step step;
    std::shared_ptr<const Regex> regex;
  };
  std::vector<Compiled> steps;
};

} // namespace attune::tokenizer
