// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/weights/JsonText.h"
#include "frontend/weights/JsonEscapes.h"
#include "frontend/weights/MappedFile.h"
#include "llvm/ADT/StringSet.h"
#include <vector>

using namespace attune;

namespace {
/// Walks over the tokens of a JSON text, well-formed or not, and watches what the parser does not.
class JsonScanner {
public:
  JsonScanner(llvm::StringRef text, llvm::StringRef file) : rest(text), file(file) {}

  llvm::Error scan() {
    while (!rest.empty()) {
      char next = rest.front();
      if (next == '"') {
        if (llvm::Error error = scanString())
          return error;
        continue;
      }
      rest = rest.drop_front();
      if (next == '{' || next == '[')
        keysOfOpen.emplace_back();
      else if ((next == '}' || next == ']') && !keysOfOpen.empty())
        keysOfOpen.pop_back();
      if (keysOfOpen.size() > deepest)
        return fileError(file, "JSON is nested deeper than " + llvm::Twine(deepest));
    }
    return llvm::Error::success();
  }

private:
  /// The quoted string at the front; a key if a colon follows.
  llvm::Error scanString() {
    size_t end = 1;
    while (end < rest.size() && rest[end] != '"')
      end += rest[end] == '\\' ? 2 : 1;
    llvm::StringRef token = rest.take_front(end + 1);
    rest = rest.drop_front(token.size());
    if (!rest.ltrim().starts_with(":") || keysOfOpen.empty())
      return llvm::Error::success();
    std::string key = decoded(token);
    if (!keysOfOpen.back().insert(key).second)
      return fileError(file, "key " + quoted(key) + " stands twice in one JSON object");
    return llvm::Error::success();
  }

  /// Two spellings of one key are one key. A malformed token is left as it is: the parser will refuse it.
  static std::string decoded(llvm::StringRef token) {
    llvm::StringRef inside = token.drop_front().drop_back();
    if (!inside.contains('\\'))
      return inside.str();
    llvm::Expected<llvm::json::Value> value = llvm::json::parse(token);
    if (value)
      if (std::optional<llvm::StringRef> text = value->getAsString())
        return text->str();
    llvm::consumeError(value.takeError());
    return inside.str();
  }

  static constexpr size_t deepest = 256;
  llvm::StringRef rest, file;
  std::vector<llvm::StringSet<>> keysOfOpen;
};
} // namespace

llvm::Expected<llvm::json::Value> attune::parseJson(llvm::StringRef text, llvm::StringRef file) {
  std::string spelled = spellOutSurrogates(text);
  text = spelled;
  if (llvm::Error error = JsonScanner(text, file).scan())
    return std::move(error);
  llvm::Expected<llvm::json::Value> value = llvm::json::parse(text);
  if (!value)
    return fileError(file, "is no JSON: " + llvm::toString(value.takeError()));
  return value;
}
