// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/gguf/Settings.h"
#include "frontend/Words.h"

#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace attune;
using namespace attune::gguf;
using llvm::StringRef;
using llvm::Twine;

void Settings::keep(llvm::Error error) {
  std::string text = llvm::toString(std::move(error));
  if (problem.empty())
    problem = std::move(text);
}

void Settings::fail(StringRef key, const Twine &message) {
  if (problem.empty())
    problem = (metadata.filePath() + ": '" + full(key) + "' " + message).str();
}

llvm::Error Settings::takeError() {
  if (problem.empty())
    return llvm::Error::success();
  return llvm::createStringError(llvm::inconvertibleErrorCode(), "%s", problem.c_str());
}

int64_t Settings::checkSize(StringRef key, int64_t value) {
  if (value >= 1 && value < int64_t(1) << 31)
    return value;
  fail(key, "is " + Twine(value) + ", expected a number from 1 to 2147483647");
  return 1;
}

int64_t Settings::size(StringRef key, std::optional<int64_t> preset) {
  if (preset && !has(key))
    return *preset;
  return checkSize(key, take(metadata.getInt(full(key)), int64_t(1)));
}

std::vector<int64_t> Settings::sizes(StringRef key, int64_t layers, std::optional<int64_t> preset) {
  if (!metadata.isList(full(key)))
    return std::vector<int64_t>(layers, size(key, preset));
  std::vector<int64_t> values = take(metadata.getInts(full(key)));
  if (static_cast<int64_t>(values.size()) != layers)
    fail(key, llvm::formatv("is a list of {0} numbers, expected one for each of {1} layers", values.size(),
                            layers));
  values.resize(layers, 1);
  for (int64_t &value : values)
    value = checkSize(key, value);
  return values;
}

double Settings::number(StringRef key, std::optional<double> preset) {
  if (preset && !has(key))
    return *preset;
  double value = take(metadata.getFloat(full(key)), preset.value_or(1.0));
  if (!std::isfinite(value))
    fail(key, "is " + numberText(value) + ", expected a finite number");
  return value;
}

bool Settings::flag(StringRef key, bool preset) {
  return has(key) ? take(metadata.getBool(full(key)), preset) : preset;
}

int64_t Settings::integer(StringRef key, int64_t preset) {
  return has(key) ? take(metadata.getInt(full(key)), preset) : preset;
}

std::string Settings::text(StringRef key, StringRef preset) {
  return has(key) ? take(metadata.getString(full(key))).str() : preset.str();
}
