// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/weights/JsonEscapes.h"

#include "llvm/Support/ConvertUTF.h"

#include <optional>

namespace attune {

using llvm::StringRef;

// The number in an escape like \ud842 at the front.
static std::optional<uint32_t> unicodeEscape(StringRef text) {
  uint32_t value;
  if (!text.starts_with("\\u") || text.size() < 6 || text.substr(2, 4).getAsInteger(16, value))
    return std::nullopt;
  return value;
}

std::string spellOutSurrogates(StringRef json) {
  std::string out;
  while (true) {
    size_t escape = json.find('\\');
    out += json.take_front(escape);
    json = json.drop_front(std::min(escape, json.size()));
    if (json.empty())
      return out;
    std::optional<uint32_t> high = unicodeEscape(json),
                            low = unicodeEscape(json.drop_front(std::min<size_t>(6, json.size())));
    if (high && low && (*high & 0xFC00) == 0xD800 && (*low & 0xFC00) == 0xDC00) {
      char bytes[4], *end = bytes;
      llvm::ConvertCodePointToUTF8(0x10000 + ((*high & 0x3FF) << 10) + (*low & 0x3FF), end);
      out.append(bytes, end);
      json = json.drop_front(12);
    } else { // a backslash and what it escapes, perhaps another backslash
      out += json.take_front(2);
      json = json.drop_front(std::min<size_t>(2, json.size()));
    }
  }
}

} // namespace attune
