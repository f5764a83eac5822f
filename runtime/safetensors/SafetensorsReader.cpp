// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/Error.h"
#include "runtime/safetensors/Safetensors.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstring>
#include <set>

using namespace attune;
using nlohmann::json;

namespace {

constexpr uint64_t largestHeader = 100'000'000;

/// Bits of an element; 0 for types that there are none of.
uint64_t bitsOf(std::string_view type) {
  constexpr std::pair<std::string_view, uint64_t> types[] = {
      {"BOOL", 8}, {"U8", 8},   {"I8", 8},   {"F8_E4M3", 8}, {"F8_E5M2", 8}, {"F8_E8M0", 8},
      {"U16", 16}, {"I16", 16}, {"F16", 16}, {"BF16", 16},   {"U32", 32},    {"I32", 32},
      {"F32", 32}, {"U64", 64}, {"I64", 64}, {"F64", 64},    {"F4", 4}};
  auto found = std::ranges::find(types, type, [](auto &each) { return each.first; });
  return found == std::end(types) ? 0 : found->second;
}

class HeaderParser {
public:
  HeaderParser(const std::string &path, std::span<const std::byte> bytes) : path(path), bytes(bytes) {}

  std::vector<NamedTensor> parse() {
    json header = parseHeader();
    std::vector<NamedTensor> tensors;
    for (auto &[name, fields] : header.items())
      if (name != "__metadata__")
        tensors.push_back(parseTensor(name, fields));
    requireContiguous(tensors);
    return tensors;
  }

private:
  [[noreturn]] void fail(const std::string &what) const { throw Error(fmt::format("'{}': {}", path, what)); }
  [[noreturn]] void fail(const std::string &tensor, const std::string &what) const {
    throw Error(fmt::format("'{}': tensor '{}': {}", path, tensor, what));
  }

  json parseHeader() {
    uint64_t length = 0;
    if (bytes.size() < sizeof(length))
      fail(fmt::format("{} bytes are too few for a safetensors file", bytes.size()));
    std::memcpy(&length, bytes.data(), sizeof(length));
    uint64_t most = std::min<uint64_t>(bytes.size() - sizeof(length), largestHeader);
    if (length < 2 || length > most)
      fail(fmt::format("a header of {} bytes, expected 2 to {}", length, most));
    const char *text = reinterpret_cast<const char *>(bytes.data()) + sizeof(length);

    std::set<std::string> names;
    std::string twice;
    auto watchNames = [&](int depth, json::parse_event_t event, json &value) {
      if (depth == 1 && event == json::parse_event_t::key && !names.insert(value.get<std::string>()).second)
        twice = value.get<std::string>();
      return true;
    };
    json header = json::parse(text, text + length, watchNames, false);
    if (header.is_discarded() || !header.is_object())
      fail("its header is not a JSON object");
    if (!twice.empty())
      fail(twice, "occurs twice");
    data = bytes.subspan(sizeof(length) + length);
    return header;
  }

  static bool isSize(const json &value) {
    return value.is_number_unsigned() && value.get<uint64_t>() <= INT64_MAX;
  }

  NamedTensor parseTensor(const std::string &name, const json &fields) {
    if (!fields.is_object())
      fail(name, "its entry is not an object");
    auto field = [&](const char *key) -> const json & {
      auto found = fields.find(key);
      if (found == fields.end())
        fail(name, fmt::format("'{}' is missing", key));
      return *found;
    };
    NamedTensor tensor{name, {}, {}, {}};
    const json &type = field("dtype"), &shape = field("shape"), &offsets = field("data_offsets");
    if (!type.is_string() || bitsOf(type.get<std::string>()) == 0)
      fail(name, fmt::format("the dtype {} is not known",
                             type.dump(-1, ' ', true, json::error_handler_t::replace)));
    tensor.type = type.get<std::string>();
    if (!shape.is_array() || !std::ranges::all_of(shape, isSize))
      fail(name, "'shape' is not a list of sizes");
    tensor.shape = shape.get<std::vector<int64_t>>();
    if (!offsets.is_array() || offsets.size() != 2 || !std::ranges::all_of(offsets, isSize))
      fail(name, "'data_offsets' is not a list of two offsets");

    uint64_t begin = offsets[0].get<uint64_t>(), end = offsets[1].get<uint64_t>(), needed = bytesOf(tensor);
    if (begin > end || end > data.size())
      fail(name, fmt::format("its data at [{}, {}) is not within the file's {} bytes of data", begin, end,
                             data.size()));
    if (end - begin != needed)
      fail(name, fmt::format("{} bytes of data, but {} of shape [{}] needs {}", end - begin, tensor.type,
                             fmt::join(tensor.shape, ", "), needed));
    tensor.bytes = data.subspan(begin, needed);
    return tensor;
  }

  uint64_t bytesOf(const NamedTensor &tensor) const {
    uint64_t bits = bitsOf(tensor.type);
    bool isEmpty = std::ranges::find(tensor.shape, 0) != tensor.shape.end();
    for (int64_t size : tensor.shape)
      if (__builtin_mul_overflow(bits, isEmpty ? 0 : static_cast<uint64_t>(size), &bits))
        fail(tensor.name, fmt::format("the shape [{}] is too large", fmt::join(tensor.shape, ", ")));
    if (bits % 8)
      fail(tensor.name, "its elements do not fill whole bytes");
    return bits / 8;
  }

  /// The tensors in the order of their data must follow each other and fill the file.
  void requireContiguous(std::vector<NamedTensor> &tensors) const {
    std::ranges::sort(tensors, {},
                      [](const NamedTensor &t) { return std::pair(t.bytes.data(), t.bytes.size()); });
    uint64_t end = 0;
    for (const NamedTensor &tensor : tensors) {
      uint64_t begin = static_cast<uint64_t>(tensor.bytes.data() - data.data());
      if (begin != end)
        fail(tensor.name,
             fmt::format("its data begins at {}, expected {}, where the tensor before it ends", begin, end));
      end = begin + tensor.bytes.size();
    }
    if (end != data.size())
      fail(fmt::format("{} bytes of data, but its tensors have {}", data.size(), end));
  }

  const std::string &path;
  std::span<const std::byte> bytes, data;
};

} // namespace

int64_t NamedTensor::elements() const {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

SafetensorsFile::SafetensorsFile(const std::string &path)
    : filePath(path), file(path), entries(HeaderParser(filePath, file.bytes()).parse()) {}

const NamedTensor *SafetensorsFile::find(std::string_view name) const {
  auto found = std::ranges::find(entries, name, &NamedTensor::name);
  return found == entries.end() ? nullptr : &*found;
}
