// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tries over bytes: walking one that lies in a blob, and building one.
#pragma once

#include "runtime/tokenizer/TokenizerFormat.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace attune::tokenizer {

class Trie {
public:
  static constexpr uint32_t Nowhere = UINT32_MAX;

  Trie() = default;
  explicit Trie(std::span<const TrieNode> nodes) : nodes(nodes) {}

  bool empty() const { return nodes.empty(); }
  uint32_t root() const { return nodes.empty() ? Nowhere : 0; }

  // The node one byte further, or Nowhere.
  uint32_t step(uint32_t node, unsigned char byte) const {
    const TrieNode &from = nodes[node];
    if (from.firstChild > nodes.size() || from.childCount > nodes.size() - from.firstChild)
      return Nowhere; // damaged
    const TrieNode *begin = nodes.data() + from.firstChild, *end = begin + from.childCount;
    const TrieNode *child =
        std::lower_bound(begin, end, byte, [](const TrieNode &n, unsigned char b) { return n.label < b; });
    return child != end && child->label == byte ? static_cast<uint32_t>(child - nodes.data()) : Nowhere;
  }

  // The node after these bytes, or Nowhere.
  uint32_t walk(uint32_t node, std::string_view bytes) const {
    for (size_t i = 0; i < bytes.size() && node != Nowhere; ++i)
      node = step(node, static_cast<unsigned char>(bytes[i]));
    return node;
  }

  // The value of the key that ends here, or -1.
  int32_t value(uint32_t node) const { return nodes[node].value; }

  // Calls `use(length, value)` for each key that `text` begins with, the shortest first.
  template <typename Use> void forEachPrefix(std::string_view text, Use use) const {
    uint32_t node = root();
    for (size_t i = 0; i < text.size() && node != Nowhere; ++i) {
      node = step(node, static_cast<unsigned char>(text[i]));
      if (node != Nowhere && value(node) >= 0)
        use(i + 1, value(node));
    }
  }

private:
  std::span<const TrieNode> nodes;
};

// Of equal keys the smallest value counts. Empty keys are left out. Values must not be negative.
inline std::vector<TrieNode> buildTrie(std::vector<std::pair<std::string_view, int32_t>> keys) {
  std::erase_if(keys, [](const auto &key) { return key.first.empty(); });
  std::sort(keys.begin(), keys.end());

  // Breadth first: each entry of `ranges` is the range of keys that pass through the node with the same
  // index.
  struct Range {
    size_t begin, end, depth;
  };
  std::vector<TrieNode> nodes = {{0, -1, 0, 0, 0}};
  std::vector<Range> ranges = {{0, keys.size(), 0}};
  for (size_t at = 0; at < nodes.size(); ++at) {
    auto [begin, end, depth] = ranges[at];
    if (begin < end && depth > 0 && keys[begin].first.size() == depth)
      nodes[at].value = keys[begin].second;
    while (begin < end && keys[begin].first.size() == depth)
      ++begin;
    nodes[at].firstChild = static_cast<uint32_t>(nodes.size());
    while (begin < end) {
      char label = keys[begin].first[depth];
      size_t next = begin;
      while (next < end && keys[next].first[depth] == label)
        ++next;
      nodes.push_back({0, -1, 0, static_cast<uint8_t>(label), 0});
      ranges.push_back({begin, next, depth + 1});
      ++nodes[at].childCount;
      begin = next;
    }
  }
  return nodes;
}

} // namespace attune::tokenizer
