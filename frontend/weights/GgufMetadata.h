// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The metadata of a GGUF file: typed values by key, such as "llama.block_count".

#ifndef ATTUNE_FRONTEND_WEIGHTS_GGUFMETADATA_H
#define ATTUNE_FRONTEND_WEIGHTS_GGUFMETADATA_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace attune {

class GgufCursor;

/// The types of metadata, numbered as in the file.
enum class GgufType : uint32_t { U8, I8, U16, I16, U32, I32, F32, Bool, String, Array, U64, I64, F64 };

struct GgufValue {
  GgufType type;                 ///< Of the elements, if a list.
  bool isList;                   ///< Arrays of arrays do not occur.
  uint64_t count;                ///< Elements; 1 if no list.
  llvm::ArrayRef<uint8_t> bytes; ///< As they stand in the mapped file, checked to hold `count` elements.

  /// Such as "u32" or "list of string".
  std::string typeText() const;
};

/// Getters fail if the key is absent or its value is of another type or does not fit; the getOptional forms
/// give nothing for an absent key. Integers of any width are read as int64_t, f32 and f64 as double; nothing
/// else converts. Strings point into the mapped file, which lives as long as the GgufModel.
class GgufMetadata {
public:
  explicit GgufMetadata(llvm::StringRef file) : file(file) {}

  const std::string &filePath() const { return file; }
  /// In the order of the file.
  llvm::ArrayRef<std::string> keys() const { return order; }
  /// The value as it stands in the file, or null.
  const GgufValue *find(llvm::StringRef key) const;
  bool has(llvm::StringRef key) const { return find(key); }
  bool isList(llvm::StringRef key) const { return has(key) && find(key)->isList; }

  llvm::Expected<int64_t> getInt(llvm::StringRef key) const;
  llvm::Expected<double> getFloat(llvm::StringRef key) const;
  llvm::Expected<bool> getBool(llvm::StringRef key) const;
  llvm::Expected<llvm::StringRef> getString(llvm::StringRef key) const;
  llvm::Expected<std::vector<int64_t>> getInts(llvm::StringRef key) const;
  llvm::Expected<std::vector<double>> getFloats(llvm::StringRef key) const;
  llvm::Expected<std::vector<bool>> getBools(llvm::StringRef key) const;
  llvm::Expected<std::vector<llvm::StringRef>> getStrings(llvm::StringRef key) const;

  llvm::Expected<std::optional<int64_t>> getOptionalInt(llvm::StringRef key) const {
    return optional(key, &GgufMetadata::getInt);
  }
  llvm::Expected<std::optional<double>> getOptionalFloat(llvm::StringRef key) const {
    return optional(key, &GgufMetadata::getFloat);
  }
  llvm::Expected<std::optional<bool>> getOptionalBool(llvm::StringRef key) const {
    return optional(key, &GgufMetadata::getBool);
  }
  llvm::Expected<std::optional<llvm::StringRef>> getOptionalString(llvm::StringRef key) const {
    return optional(key, &GgufMetadata::getString);
  }
  llvm::Expected<std::optional<std::vector<int64_t>>> getOptionalInts(llvm::StringRef key) const {
    return optional(key, &GgufMetadata::getInts);
  }
  llvm::Expected<std::optional<std::vector<double>>> getOptionalFloats(llvm::StringRef key) const {
    return optional(key, &GgufMetadata::getFloats);
  }
  llvm::Expected<std::optional<std::vector<bool>>> getOptionalBools(llvm::StringRef key) const {
    return optional(key, &GgufMetadata::getBools);
  }
  llvm::Expected<std::optional<std::vector<llvm::StringRef>>> getOptionalStrings(llvm::StringRef key) const {
    return optional(key, &GgufMetadata::getStrings);
  }

  /// Reads one key and its value. Fails on a key that is there already, is no UTF-8, or has a value of
  /// unknown type or that passes the end of the file.
  llvm::Error readEntry(GgufCursor &cursor);

private:
  template <typename T>
  llvm::Expected<std::optional<T>>
  optional(llvm::StringRef key, llvm::Expected<T> (GgufMetadata::*get)(llvm::StringRef) const) const {
    if (!has(key))
      return std::optional<T>();
    llvm::Expected<T> value = (this->*get)(key);
    if (!value)
      return value.takeError();
    return std::optional<T>(std::move(*value));
  }

  llvm::Error keyError(llvm::StringRef key, const llvm::Twine &problem) const;
  /// The value, if `fits` accepts its element type and it is a list just if `list` says so.
  llvm::Expected<const GgufValue *> require(llvm::StringRef key, bool list, bool (*fits)(GgufType),
                                            const char *expected) const;
  template <typename T>
  llvm::Expected<std::vector<T>>
  elements(llvm::StringRef key, const GgufValue &value,
           llvm::Expected<T> (GgufMetadata::*decode)(llvm::StringRef, GgufType, const uint8_t *) const) const;
  llvm::Expected<int64_t> decodeInt(llvm::StringRef key, GgufType type, const uint8_t *bytes) const;
  llvm::Expected<double> decodeFloat(llvm::StringRef key, GgufType type, const uint8_t *bytes) const;
  llvm::Expected<bool> decodeBool(llvm::StringRef key, GgufType type, const uint8_t *bytes) const;

  std::string file;
  std::vector<std::string> order;
  llvm::StringMap<GgufValue> values;
};

} // namespace attune

#endif
