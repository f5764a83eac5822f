// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/engine/BoundEntry.h"
#include "runtime/Error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

using namespace attune;

BoundEntry::BoundEntry(const EntryInfo &info, const AttuneEntry &code) : entry(info), code(code.call) {
  for (const ArgumentInfo &argument : info.arguments) {
    Argument bound;
    for (const Dimension &dimension : argument.shape)
      bound.dimensions.push_back(dimension.isNamed() ? indexOfName(dimension.name) : -1);
    bound.words.resize(3 + 2 * bound.rank());
    for (size_t i = 0; i < bound.rank(); ++i)
      bound.sizes()[i] = argument.shape[i].size;
    arguments.push_back(std::move(bound));
  }
  for (Argument &argument : arguments)
    pointers.push_back(argument.words.data());
}

int BoundEntry::indexOfName(const std::string &name) {
  auto found = std::ranges::find(named, name, &NamedSize::name);
  if (found == named.end())
    found = named.insert(named.end(), NamedSize{name, 0});
  return static_cast<int>(found - named.begin());
}

int BoundEntry::find(std::string_view argument) const {
  const ArgumentInfo *found = entry.find(argument);
  return found ? static_cast<int>(found - entry.arguments.data()) : -1;
}

void BoundEntry::setSize(std::string_view dimension, int64_t size) {
  for (NamedSize &each : named)
    if (each.name == dimension)
      each.size = size;
}

void BoundEntry::updateSizes(Argument &argument) {
  int64_t stride = 1;
  for (size_t i = argument.rank(); i-- > 0;) {
    if (argument.dimensions[i] >= 0)
      argument.sizes()[i] = named[static_cast<size_t>(argument.dimensions[i])].size;
    argument.strides()[i] = stride;
    stride *= std::max<int64_t>(argument.sizes()[i], 1);
  }
}

std::span<const int64_t> BoundEntry::sizes(int index) {
  Argument &argument = arguments[static_cast<size_t>(index)];
  updateSizes(argument);
  return {argument.sizes(), argument.rank()};
}

int64_t BoundEntry::bytes(int index) {
  const ArgumentInfo &argument = entry.arguments[static_cast<size_t>(index)];
  int64_t bytes = sizeOf(argument.type);
  for (int64_t size : sizes(index))
    if (__builtin_mul_overflow(bytes, size, &bytes) || bytes > int64_t{1} << 46)
      throw Error(
          fmt::format("'{}' of the entry '{}' is too large for any memory", argument.name, entry.name));
  return bytes;
}

void BoundEntry::setData(int index, void *data) {
  int64_t *words = arguments[static_cast<size_t>(index)].words.data();
  std::memcpy(words, &data, sizeof(data));     // allocated
  std::memcpy(words + 1, &data, sizeof(data)); // aligned
}

void *BoundEntry::data(int index) const {
  void *data;
  std::memcpy(&data, arguments[static_cast<size_t>(index)].words.data(), sizeof(data));
  return data;
}

std::span<const int64_t> BoundEntry::key() {
  words.assign(1, reinterpret_cast<int64_t>(code));
  for (Argument &argument : arguments) {
    updateSizes(argument);
    words.insert(words.end(), argument.words.begin(), argument.words.end());
  }
  return words;
}

void BoundEntry::call() {
  for (size_t i = 0; i < arguments.size(); ++i) {
    updateSizes(arguments[i]);
    if (!data(static_cast<int>(i)))
      throw Error(
          fmt::format("metadata: the entry '{}' has the argument '{}', which this runtime cannot supply",
                      entry.name, entry.arguments[i].name));
  }
  code(pointers.data());
}
