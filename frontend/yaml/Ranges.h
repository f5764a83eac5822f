// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Sets of layers as YAML writes them: `0-4`, or `[0-4, 6, 8-10]`.

#ifndef ATTUNE_FRONTEND_YAML_RANGES_H
#define ATTUNE_FRONTEND_YAML_RANGES_H

#include "frontend/yaml/Reader.h"

namespace attune::yaml {

/// No more layers than this: a range is a few bytes of text, but its layers take memory.
inline constexpr int64_t mostLayers = 10000;

std::vector<int64_t> readRanges(ReadState &state, const Tree &tree, const std::string &path);

/// `layers` ascending.
Tree writeRanges(llvm::ArrayRef<int64_t> layers);

} // namespace attune::yaml

#endif // ATTUNE_FRONTEND_YAML_RANGES_H
