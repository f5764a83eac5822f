// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `attend` of models that read texts: a table of one layer's and head's weights, or a page with all.
#include "runtime/Error.h"
#include "runtime/cli/AttentionMaps.h"
#include "runtime/cli/Commands.h"
#include "runtime/cli/Terminal.h"
#include "runtime/engine/TensorRun.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

using namespace attune;
using namespace attune::cli;

namespace {

/// Characters of UTF-8 text; wide ones count as one.
size_t widthOf(const std::string &text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string padded(const std::string &text, size_t width, bool right) {
  std::string space(width - std::min(width, widthOf(text)), ' ');
  return right ? space + text : text + space;
}

/// A background from the terminal's own to a strong blue, with writing that can be read on it.
std::string shaded(const std::string &cell, float weight) {
  static constexpr int blues[] = {0, 17, 18, 19, 20, 21, 27, 33, 39};
  size_t step = static_cast<size_t>(std::clamp(std::sqrt(weight), 0.f, 1.f) * 8.99f);
  if (step == 0)
    return cell;
  return fmt::format("\033[48;5;{};38;5;{}m{}\033[0m", blues[step], step > 6 ? 16 : 231, cell);
}

bool usesColour() { return isatty(STDOUT_FILENO) && !std::getenv("NO_COLOR"); }

/// A line for each token that looks, a column for each that is looked at.
std::string tableOf(const AttentionMaps &maps, const std::vector<float> &map, int decimals, bool colour) {
  size_t tokens = maps.labels.size(), first = 0;
  for (const std::string &label : maps.labels)
    first = std::max(first, widthOf(label));
  std::string text = std::string(first + 2, ' ');
  std::vector<size_t> widths;
  for (const std::string &label : maps.labels) {
    widths.push_back(std::max(widthOf(label), static_cast<size_t>(decimals) + 2));
    text += "  " + padded(label, widths.back(), true);
  }
  text += "\n";
  for (size_t q = 0; q < tokens; ++q) {
    text += "  " + padded(maps.labels[q], first, false);
    for (size_t k = 0; k < tokens; ++k) {
      float weight = map[q * tokens + k];
      std::string cell = padded(fmt::format("{:.{}f}", weight, decimals), widths[k], true);
      text += "  " + (colour ? shaded(cell, weight) : cell);
    }
    text += "\n";
  }
  return text;
}

void requireIndex(const char *what, std::optional<int64_t> index, int64_t count) {
  if (index && (*index < 0 || *index >= count))
    throw Error(
        fmt::format("there is no {} {}: the model has {} of them (0 to {})", what, *index, count, count - 1));
}

} // namespace

std::vector<float> AttentionMaps::map(int64_t layer, int64_t head) const {
  size_t size = labels.size() * labels.size();
  const std::vector<float> &all = layers[static_cast<size_t>(layer)];
  if (head >= 0)
    return {all.begin() + head * static_cast<int64_t>(size),
            all.begin() + (head + 1) * static_cast<int64_t>(size)};
  std::vector<float> mean(size);
  for (size_t i = 0; i < size; ++i) {
    double sum = 0;
    for (size_t h = 0; h < static_cast<size_t>(heads); ++h)
      sum += all[h * size + i];
    mean[i] = static_cast<float>(sum / static_cast<double>(heads));
  }
  return mean;
}

AttentionMaps cli::attentionMapsOf(Model &model, std::string_view text) {
  bool encoder = model.metadata().kind == ModelKind::Encoder;
  std::vector<int32_t> ids = encoder ? model.encodeWhole(text) : model.encodePrompt(text);
  if (ids.empty())
    throw Error("the text has no tokens");
  NamedTensor input{"input_ids", "I32", {1, static_cast<int64_t>(ids.size())}, std::as_bytes(std::span(ids))};
  TensorRunOptions options;
  options.attentions = true;
  AttentionMaps maps;
  for (int32_t id : ids)
    maps.labels.push_back(model.label(id));
  for (const OwnedTensor &tensor : runTensors(model.program(), {&input, 1}, options))
    if (tensor.name.starts_with("attentions.")) {
      maps.heads = tensor.shape[1];
      maps.layers.emplace_back(tensor.bytes.size() / sizeof(float));
      std::memcpy(maps.layers.back().data(), tensor.bytes.data(), tensor.bytes.size());
    }
  if (maps.layers.empty())
    throw Error("this program shows no attention weights");
  return maps;
}

void cli::Attend::showText(Model &model) {
  std::string given = *text == "-" ? readAll("-") : *text;
  while (!given.empty() && (given.back() == '\n' || given.back() == '\r'))
    given.pop_back();
  AttentionMaps maps = attentionMapsOf(model, given);
  int64_t layers = static_cast<int64_t>(maps.layers.size());
  requireIndex("layer", layer, layers);
  requireIndex("head", head, maps.heads);
  if (!output.empty())
    return writeFile(output, pageOf(maps, model.metadata().name, given));
  std::string shown;
  bool colour = usesColour();
  auto add = [&](int64_t l, int64_t h) {
    std::string which = h < 0 ? fmt::format("mean of {} heads", maps.heads) : fmt::format("head {}", h);
    shown += fmt::format("{}layer {}, {}\n", shown.empty() ? "" : "\n", l, which);
    shown += tableOf(maps, maps.map(l, h), decimals, colour);
  };
  if (all)
    for (int64_t l = layer.value_or(0); l <= layer.value_or(layers - 1); ++l)
      for (int64_t h = head.value_or(0); h <= head.value_or(maps.heads - 1); ++h)
        add(l, h);
  else
    add(layer.value_or(layers - 1), head.value_or(-1));
  cli::write(shown);
}
