// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading JSON that may be wrong: a field knows where it stands, and the first thing that is not as expected
// is kept as the error of the whole file. Readers go on with harmless values and ask for the error at the
// end.
#pragma once

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"

#include <optional>
#include <string>
#include <vector>

namespace attune {

class JsonErrors {
public:
  explicit JsonErrors(llvm::StringRef file) : file(file) {}

  void report(llvm::StringRef path, const llvm::Twine &text);
  bool any() const { return !first.empty(); }
  llvm::Error take() const;
  llvm::StringRef fileName() const { return file; }

private:
  std::string file;
  std::string first;
};

class JsonField {
public:
  JsonField(const llvm::json::Value *value, std::string path, JsonErrors &errors)
      : value(value), path(std::move(path)), errors(&errors) {}

  // Whether the field is there and not null.
  bool present() const { return value && value->kind() != llvm::json::Value::Null; }

  // A member of an object; not present in anything else.
  JsonField operator[](llvm::StringRef key) const;
  // The elements of an array; reports anything else.
  std::vector<JsonField> elements() const;

  // The value; these report an absent field or another type.
  std::string string() const;
  int64_t integer(int64_t low, int64_t high) const;
  double number() const;
  const llvm::json::Object *object() const;
  const llvm::json::Array *array() const;

  // The value, or the given one if the field is not present.
  std::string stringOr(llvm::StringRef other) const { return present() ? string() : other.str(); }
  bool booleanOr(bool other) const;

  // Reports what was found instead of what was expected.
  void expected(const llvm::Twine &what) const;
  // Reports something else about this field.
  void report(const llvm::Twine &text) const { errors->report(path, text); }

  bool isArray() const { return value && value->kind() == llvm::json::Value::Array; }

private:
  const llvm::json::Value *value;
  std::string path;
  JsonErrors *errors;
};

} // namespace attune
