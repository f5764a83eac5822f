// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/yaml/Ranges.h"

using namespace attune::yaml;
using llvm::StringRef;

static bool appendRange(StringRef text, std::vector<int64_t> &layers) {
  auto [first, last] = text.split('-');
  int64_t from, to;
  if (first.trim().getAsInteger(10, from) || from < 0)
    return false;
  to = from;
  if (text.contains('-') && last.trim().getAsInteger(10, to))
    return false;
  if (to < from || to >= mostLayers)
    return false;
  for (int64_t layer = from; layer <= to; ++layer)
    layers.push_back(layer);
  return true;
}

std::vector<int64_t> attune::yaml::readRanges(ReadState &state, const Tree &tree, const std::string &path) {
  std::vector<int64_t> layers;
  auto one = [&](const Tree &item) {
    std::optional<StringRef> text =
        scalarOf(state, item, path, "layers: a number, a range as in 0-11, or a list of both");
    if (text && (layers.size() > mostLayers || !appendRange(*text, layers)))
      state.fail(item.range, path + " is '" + *text +
                                 "', expected layers: a number or a range as in 0-11, below " +
                                 llvm::Twine(mostLayers));
  };
  if (tree.kind == Tree::list)
    llvm::for_each(tree.items, one);
  else
    one(tree);
  llvm::sort(layers);
  return layers;
}

Tree attune::yaml::writeRanges(llvm::ArrayRef<int64_t> layers) {
  Tree list = Tree::makeList();
  for (size_t i = 0; i < layers.size();) {
    size_t end = i + 1;
    while (end < layers.size() && layers[end] == layers[end - 1] + 1)
      ++end;
    std::string text = std::to_string(layers[i]);
    if (end > i + 1)
      text += "-" + std::to_string(layers[end - 1]);
    list.items.push_back(Tree::makeScalar(std::move(text)));
    i = end;
  }
  return list.items.size() == 1 ? list.items[0] : list;
}
