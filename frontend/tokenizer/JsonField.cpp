// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/tokenizer/JsonField.h"

#include "frontend/weights/MappedFile.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/raw_ostream.h"

namespace attune {

using llvm::StringRef;
using llvm::Twine;

void JsonErrors::report(StringRef path, const Twine &text) {
  if (first.empty())
    first = (path.empty() ? text : path + ": " + text).str();
}

llvm::Error JsonErrors::take() const {
  if (first.empty())
    return llvm::Error::success();
  return fileError(file, first);
}

// A short text of any value for messages.
static std::string describe(const llvm::json::Value *value) {
  if (!value)
    return "nothing";
  if (const llvm::json::Object *object = value->getAsObject())
    return ("an object of " + Twine(object->size()) + " members").str();
  if (const llvm::json::Array *array = value->getAsArray())
    return ("an array of " + Twine(array->size()) + " elements").str();
  std::string text;
  llvm::raw_string_ostream(text) << *value;
  constexpr size_t Longest = 60;
  return text.size() > Longest ? llvm::json::fixUTF8(StringRef(text).take_front(Longest)) + "…" : text;
}

void JsonField::expected(const Twine &what) const {
  errors->report(path, "found " + Twine(describe(value)) + ", expected " + what);
}

JsonField JsonField::operator[](StringRef key) const {
  const llvm::json::Object *object = value ? value->getAsObject() : nullptr;
  return JsonField(object ? object->get(key) : nullptr, path.empty() ? key.str() : path + "." + key.str(),
                   *errors);
}

std::vector<JsonField> JsonField::elements() const {
  std::vector<JsonField> result;
  if (const llvm::json::Array *elements = array())
    for (size_t i = 0; i < elements->size(); ++i)
      result.push_back(JsonField(&(*elements)[i], path + "[" + std::to_string(i) + "]", *errors));
  return result;
}

std::string JsonField::string() const {
  std::optional<StringRef> text = value ? value->getAsString() : std::nullopt;
  if (!text)
    expected("a string");
  return text.value_or("").str();
}

int64_t JsonField::integer(int64_t low, int64_t high) const {
  std::optional<int64_t> number = value ? value->getAsInteger() : std::nullopt;
  if (!number || *number < low || *number > high) {
    expected("an integer from " + Twine(low) + " to " + Twine(high));
    return low;
  }
  return *number;
}

double JsonField::number() const {
  std::optional<double> number = value ? value->getAsNumber() : std::nullopt;
  if (!number)
    expected("a number");
  return number.value_or(0);
}

const llvm::json::Object *JsonField::object() const {
  const llvm::json::Object *object = value ? value->getAsObject() : nullptr;
  if (!object)
    expected("an object");
  return object;
}

const llvm::json::Array *JsonField::array() const {
  const llvm::json::Array *array = value ? value->getAsArray() : nullptr;
  if (!array)
    expected("an array");
  return array;
}

bool JsonField::booleanOr(bool other) const {
  if (!present())
    return other;
  std::optional<bool> boolean = value->getAsBoolean();
  if (!boolean)
    expected("true or false");
  return boolean.value_or(other);
}

} // namespace attune
