// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tokens of a blob by id and by spelling. Every access is checked; ids out of range have an empty
// spelling.
#pragma once

#include "runtime/tokenizer/Blob.h"

#include <optional>

namespace attune::tokenizer {

class Vocabulary {
public:
  explicit Vocabulary(const Blob &blob);

  int32_t size() const { return count; }
  bool contains(int32_t id) const { return id >= 0 && id < count; }
  std::string_view token(int32_t id) const;
  bool hasFlag(int32_t id, uint8_t flag) const {
    return contains(id) && (flags[static_cast<size_t>(id)] & flag);
  }

  // Any token with this spelling.
  std::optional<int32_t> find(std::string_view spelling) const;

  // The token that the model may produce for this spelling, or -1.
  int32_t findInModel(std::string_view spelling) const {
    std::optional<int32_t> id = find(spelling);
    return id && hasFlag(*id, TokenFlag::InModel) ? *id : -1;
  }

private:
  int32_t count = 0;
  std::span<const uint32_t> offsets;
  std::string_view bytes;
  std::span<const uint8_t> flags;
  std::span<const uint32_t> slots;
};

} // namespace attune::tokenizer
