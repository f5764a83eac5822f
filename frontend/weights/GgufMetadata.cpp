// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/weights/GgufMetadata.h"
#include "frontend/weights/GgufCursor.h"
#include "llvm/Support/JSON.h"

using namespace attune;
namespace endian = llvm::support::endian;

static constexpr uint32_t numTypes = static_cast<uint32_t>(GgufType::F64) + 1;

static const char *typeName(GgufType type) {
  static constexpr const char *names[numTypes] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                                  "bool", "string", "array", "u64", "i64", "f64"};
  return names[static_cast<uint32_t>(type)];
}

/// Bytes of one value; 0 for those of no fixed size.
static uint64_t sizeOf(GgufType type) {
  static constexpr uint8_t sizes[numTypes] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return sizes[static_cast<uint32_t>(type)];
}

std::string GgufValue::typeText() const { return (isList ? "list of " : "") + std::string(typeName(type)); }

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

static llvm::Expected<GgufType> readType(GgufCursor &cursor, const llvm::Twine &what) {
  llvm::Expected<uint32_t> number = cursor.read<uint32_t>(what);
  if (!number)
    return number.takeError();
  if (*number >= numTypes)
    return fileError(cursor.file, what + " has type " + llvm::Twine(*number) + ", expected 0 to " +
                                      llvm::Twine(numTypes - 1));
  return static_cast<GgufType>(*number);
}

/// Strings follow each other, each with its length: the only way to their end is over all of them.
static llvm::Expected<llvm::ArrayRef<uint8_t>> takeStrings(GgufCursor &cursor, uint64_t count,
                                                           const llvm::Twine &what) {
  GgufCursor start = cursor;
  for (uint64_t i = 0; i < count; ++i)
    if (llvm::Expected<llvm::StringRef> text = cursor.readString(what); !text)
      return text.takeError();
  return start.take(cursor.offset() - start.offset(), 1, what);
}

static llvm::Expected<GgufValue> readValue(GgufCursor &cursor, const llvm::Twine &what) {
  llvm::Expected<GgufType> type = readType(cursor, what);
  if (!type)
    return type.takeError();
  GgufValue value{*type, *type == GgufType::Array, 1, {}};
  if (value.isList) {
    llvm::Expected<GgufType> element = readType(cursor, what);
    if (!element)
      return element.takeError();
    if (*element == GgufType::Array)
      return fileError(cursor.file, what + " is an array of arrays, which is not supported");
    llvm::Expected<uint64_t> count = cursor.read<uint64_t>(what);
    if (!count)
      return count.takeError();
    value.type = *element;
    value.count = *count;
  }
  uint64_t size = sizeOf(value.type);
  auto bytes = size ? cursor.take(value.count, size, what) : takeStrings(cursor, value.count, what);
  if (!bytes)
    return bytes.takeError();
  value.bytes = *bytes;
  return value;
}

llvm::Error GgufMetadata::readEntry(GgufCursor &cursor) {
  llvm::Expected<llvm::StringRef> key = cursor.readString("a metadata key");
  if (!key)
    return key.takeError();
  if (!llvm::json::isUTF8(*key))
    return keyError(*key, "its key is not UTF-8");
  llvm::Expected<GgufValue> value = readValue(cursor, "metadata " + quoted(*key));
  if (!value)
    return value.takeError();
  if (!values.try_emplace(*key, *value).second)
    return keyError(*key, "stands in the file twice");
  order.push_back(key->str());
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Getting
//===----------------------------------------------------------------------===//

const GgufValue *GgufMetadata::find(llvm::StringRef key) const {
  auto found = values.find(key);
  return found == values.end() ? nullptr : &found->second;
}

llvm::Error GgufMetadata::keyError(llvm::StringRef key, const llvm::Twine &problem) const {
  return fileError(file, "metadata " + quoted(key) + " " + problem);
}

llvm::Expected<const GgufValue *> GgufMetadata::require(llvm::StringRef key, bool list,
                                                        bool (*fits)(GgufType), const char *expected) const {
  const GgufValue *value = find(key);
  if (!value)
    return keyError(key, llvm::Twine("is absent, expected ") + expected);
  if (value->isList != list || !fits(value->type))
    return keyError(key, "is of type " + value->typeText() + ", expected " + expected);
  return value;
}

static bool isInt(GgufType type) {
  return type <= GgufType::I32 || type == GgufType::U64 || type == GgufType::I64;
}
static bool isFloat(GgufType type) { return type == GgufType::F32 || type == GgufType::F64; }
static bool isBool(GgufType type) { return type == GgufType::Bool; }
static bool isString(GgufType type) { return type == GgufType::String; }

llvm::Expected<int64_t> GgufMetadata::decodeInt(llvm::StringRef key, GgufType type,
                                                const uint8_t *bytes) const {
  switch (type) {
  case GgufType::U8:
    return *bytes;
  case GgufType::I8:
    return static_cast<int8_t>(*bytes);
  case GgufType::U16:
    return endian::read16le(bytes);
  case GgufType::I16:
    return static_cast<int16_t>(endian::read16le(bytes));
  case GgufType::U32:
    return endian::read32le(bytes);
  case GgufType::I32:
    return static_cast<int32_t>(endian::read32le(bytes));
  default: {
    uint64_t number = endian::read64le(bytes);
    if (type == GgufType::U64 && number > static_cast<uint64_t>(INT64_MAX))
      return keyError(key, "is " + llvm::Twine(number) + ", expected at most 2^63 - 1");
    return static_cast<int64_t>(number);
  }
  }
}

llvm::Expected<double> GgufMetadata::decodeFloat(llvm::StringRef, GgufType type, const uint8_t *bytes) const {
  if (type == GgufType::F32)
    return llvm::bit_cast<float>(endian::read32le(bytes));
  return llvm::bit_cast<double>(endian::read64le(bytes));
}

llvm::Expected<bool> GgufMetadata::decodeBool(llvm::StringRef key, GgufType, const uint8_t *bytes) const {
  if (*bytes > 1)
    return keyError(key, "holds the byte " + llvm::Twine(unsigned(*bytes)) + ", expected a bool, 0 or 1");
  return *bytes == 1;
}

template <typename T>
llvm::Expected<std::vector<T>>
GgufMetadata::elements(llvm::StringRef key, const GgufValue &value,
                       llvm::Expected<T> (GgufMetadata::*decode)(llvm::StringRef, GgufType, const uint8_t *)
                           const) const {
  std::vector<T> list;
  list.reserve(value.count);
  for (uint64_t i = 0; i < value.count; ++i) {
    llvm::Expected<T> element = (this->*decode)(key, value.type, value.bytes.data() + i * sizeOf(value.type));
    if (!element)
      return element.takeError();
    list.push_back(*element);
  }
  return list;
}

llvm::Expected<int64_t> GgufMetadata::getInt(llvm::StringRef key) const {
  auto value = require(key, false, isInt, "an integer");
  if (!value)
    return value.takeError();
  return decodeInt(key, (*value)->type, (*value)->bytes.data());
}

llvm::Expected<double> GgufMetadata::getFloat(llvm::StringRef key) const {
  auto value = require(key, false, isFloat, "a float");
  if (!value)
    return value.takeError();
  return decodeFloat(key, (*value)->type, (*value)->bytes.data());
}

llvm::Expected<bool> GgufMetadata::getBool(llvm::StringRef key) const {
  auto value = require(key, false, isBool, "a bool");
  if (!value)
    return value.takeError();
  return decodeBool(key, (*value)->type, (*value)->bytes.data());
}

static std::vector<llvm::StringRef> decodeStrings(const GgufValue &value) {
  std::vector<llvm::StringRef> list;
  list.reserve(value.count);
  const uint8_t *at = value.bytes.data();
  for (uint64_t i = 0; i < value.count; ++i) {
    uint64_t length = endian::read64le(at);
    list.emplace_back(reinterpret_cast<const char *>(at + 8), length);
    at += 8 + length;
  }
  return list;
}

llvm::Expected<llvm::StringRef> GgufMetadata::getString(llvm::StringRef key) const {
  auto value = require(key, false, isString, "a string");
  if (!value)
    return value.takeError();
  return decodeStrings(**value).front();
}

llvm::Expected<std::vector<int64_t>> GgufMetadata::getInts(llvm::StringRef key) const {
  auto value = require(key, true, isInt, "a list of integers");
  if (!value)
    return value.takeError();
  return elements(key, **value, &GgufMetadata::decodeInt);
}

llvm::Expected<std::vector<double>> GgufMetadata::getFloats(llvm::StringRef key) const {
  auto value = require(key, true, isFloat, "a list of floats");
  if (!value)
    return value.takeError();
  return elements(key, **value, &GgufMetadata::decodeFloat);
}

llvm::Expected<std::vector<bool>> GgufMetadata::getBools(llvm::StringRef key) const {
  auto value = require(key, true, isBool, "a list of bools");
  if (!value)
    return value.takeError();
  return elements(key, **value, &GgufMetadata::decodeBool);
}

llvm::Expected<std::vector<llvm::StringRef>> GgufMetadata::getStrings(llvm::StringRef key) const {
  auto value = require(key, true, isString, "a list of strings");
  if (!value)
    return value.takeError();
  return decodeStrings(**value);
}
