// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/huggingface/Config.h"
#include "frontend/weights/JsonText.h"
#include "frontend/weights/MappedFile.h"

#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace attune;
using namespace attune::huggingface;
using llvm::StringRef;
using llvm::Twine;

llvm::Expected<Config> Config::open(StringRef path) {
  auto mapping = mapFile(path);
  if (!mapping)
    return mapping.takeError();
  llvm::Expected<llvm::json::Value> json = parseJson((*mapping)->getBuffer(), path);
  if (!json)
    return json.takeError();
  if (llvm::json::Object *object = json->getAsObject())
    return Config(path.str(), std::move(*object));
  return fileError(path, "expected a JSON object");
}

Config::Config(std::string file, llvm::json::Object object)
    : file(std::move(file)), object(std::make_shared<llvm::json::Object>(std::move(object))) {}

const llvm::json::Value *Config::value(StringRef key) const {
  const llvm::json::Value *found = object->get(key);
  return found && found->kind() != llvm::json::Value::Null ? found : nullptr;
}

static std::string valueText(const llvm::json::Value &value) {
  std::string text = llvm::formatv("{0}", value).str();
  return text.size() <= 80 ? text : text.substr(0, 77) + "...";
}

void Config::fail(StringRef key, const Twine &message) const {
  if (problem->empty())
    *problem = (file + ": '" + prefix + key + "' " + message).str();
}

void Config::refuse(StringRef key, const Twine &expected) const {
  const llvm::json::Value *found = value(key);
  fail(key, Twine(found ? "is " + valueText(*found) : "is absent") + ", expected " + expected);
}

llvm::Error Config::takeError() const {
  if (problem->empty())
    return llvm::Error::success();
  return llvm::createStringError(llvm::inconvertibleErrorCode(), "%s", problem->c_str());
}

int64_t Config::size(StringRef key, std::optional<int64_t> preset) const {
  const llvm::json::Value *found = value(key);
  if (!found && preset)
    return *preset;
  std::optional<int64_t> number = found ? found->getAsInteger() : std::nullopt;
  if (number && *number >= 1 && *number < int64_t(1) << 31)
    return *number;
  refuse(key, "a whole number from 1 to 2147483647");
  return 1;
}

std::optional<int64_t> Config::maybeInteger(StringRef key) const {
  const llvm::json::Value *found = value(key);
  if (!found)
    return std::nullopt;
  std::optional<int64_t> number = found->getAsInteger();
  if (!number)
    refuse(key, "a whole number");
  return number;
}

std::optional<double> Config::maybeNumber(StringRef key) const {
  const llvm::json::Value *found = value(key);
  if (!found)
    return std::nullopt;
  std::optional<double> number = found->getAsNumber();
  if (!number || !std::isfinite(*number)) {
    refuse(key, "a number");
    return std::nullopt;
  }
  return number;
}

double Config::number(StringRef key, std::optional<double> preset) const {
  if (!has(key) && !preset)
    refuse(key, "a number");
  return maybeNumber(key).value_or(preset.value_or(1));
}

double Config::positive(StringRef key, std::optional<double> preset) const {
  double value = number(key, preset);
  if (value <= 0)
    refuse(key, "a positive number");
  return value;
}

std::optional<bool> Config::maybeFlag(StringRef key) const {
  const llvm::json::Value *found = value(key);
  if (!found)
    return std::nullopt;
  std::optional<bool> flag = found->getAsBoolean();
  if (!flag)
    refuse(key, "true or false");
  return flag;
}

bool Config::flag(StringRef key, bool preset) const { return maybeFlag(key).value_or(preset); }

std::string Config::text(StringRef key, std::optional<StringRef> preset) const {
  const llvm::json::Value *found = value(key);
  if (!found && preset)
    return preset->str();
  if (std::optional<StringRef> text = found ? found->getAsString() : std::nullopt)
    return text->str();
  refuse(key, "a string");
  return "";
}

std::vector<int64_t> Config::integers(StringRef key) const {
  const llvm::json::Value *found = value(key);
  std::vector<int64_t> numbers;
  auto add = [&](const llvm::json::Value &item) {
    if (std::optional<int64_t> number = item.getAsInteger())
      numbers.push_back(*number);
    else
      refuse(key, "a whole number or a list of them");
  };
  if (const llvm::json::Array *array = found ? found->getAsArray() : nullptr)
    llvm::for_each(*array, add);
  else if (found)
    add(*found);
  return numbers;
}

std::vector<std::string> Config::texts(StringRef key) const {
  const llvm::json::Value *found = value(key);
  const llvm::json::Array *array = found ? found->getAsArray() : nullptr;
  if (found && !array)
    refuse(key, "a list of strings");
  std::vector<std::string> texts;
  for (const llvm::json::Value &item : array ? *array : llvm::json::Array())
    if (std::optional<StringRef> text = item.getAsString())
      texts.push_back(text->str());
    else
      refuse(key, "a list of strings");
  return texts;
}

std::vector<double> Config::numbers(StringRef key) const {
  const llvm::json::Value *found = value(key);
  const llvm::json::Array *array = found ? found->getAsArray() : nullptr;
  if (!array)
    refuse(key, "a list of numbers");
  std::vector<double> numbers;
  for (const llvm::json::Value &item : array ? *array : llvm::json::Array())
    if (std::optional<double> number = item.getAsNumber(); number && std::isfinite(*number))
      numbers.push_back(*number);
    else
      refuse(key, "a list of numbers");
  return numbers;
}

std::optional<Config> Config::section(StringRef key) const {
  const llvm::json::Value *found = value(key);
  if (!found)
    return std::nullopt;
  const llvm::json::Object *inner = found->getAsObject();
  if (!inner) {
    refuse(key, "an object");
    return std::nullopt;
  }
  Config section(file, *inner);
  section.prefix = prefix + key.str() + ".";
  section.problem = problem;
  return section;
}
