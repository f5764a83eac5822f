// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/engine/Embed.h"
#include "runtime/Error.h"
#include "runtime/cli/Commands.h"
#include "runtime/cli/Terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>

using namespace attune;
using namespace attune::cli;

namespace {

/// Texts that are tokenized at once.
constexpr size_t textsAtOnce = 256;

std::string numbers(std::span<const float> vector) { return fmt::format("[{}]", fmt::join(vector, ",")); }

class EmbedRun {
public:
  EmbedRun(Model &model, const Common &common, const cli::Embed &options)
      : model(model), options(options), engine(model.program(), {.context = common.context}),
        embedder(engine, options.isStatic ? TokenVectors::Static : TokenVectors::Contextual),
        how(sentenceVectorOf(model.metadata())) {
    if (options.pooling)
      how.pooling = *options.pooling;
    how.normalize = options.normalize.value_or(how.normalize);
  }

  void run(const std::vector<std::string> &texts) {
    ProgressLine progress("texts embedded");
    for (size_t first = 0; first < texts.size(); first += textsAtOnce) {
      std::vector<std::vector<int32_t>> ids;
      for (size_t i = first; i < std::min(texts.size(), first + textsAtOnce); ++i)
        ids.push_back(encode(texts[i], i));
      embedder.run(ids, [&](size_t i, std::span<const float> vectors) { take(ids[i], vectors); });
      if (options.output.empty()) {
        cli::write(text);
        text.clear();
      }
      progress.show(std::min(texts.size(), first + textsAtOnce), texts.size());
    }
    if (!options.output.empty())
      writeTensors(static_cast<int64_t>(texts.size()));
  }

private:
  bool ofTokens() const { return options.tokens || options.isStatic; }

  /// The ids of a text, cut where the model's makers or the user say so.
  std::vector<int32_t> encode(const std::string &line, size_t index) {
    std::vector<int32_t> ids =
        options.isStatic ? model.tokenizer().encode(line, false) : model.encodeWhole(line);
    std::string where =
        options.texts.empty() ? fmt::format("line {}", index + 1) : fmt::format("text {}", index + 1);
    if (ids.empty())
      throw Error(fmt::format("{} has no tokens", where));
    int64_t most = engine.context();
    if (how.maxTokens && how.maxTokens < most)
      most = how.maxTokens;
    else if (static_cast<int64_t>(ids.size()) > most && !options.truncate)
      throw Error(fmt::format("{} has {} tokens, but the context holds {}: --truncate cuts it", where,
                              ids.size(), most));
    if (static_cast<int64_t>(ids.size()) > most)
      cut(ids, static_cast<size_t>(most), where);
    return ids;
  }

  void cut(std::vector<int32_t> &ids, size_t most, const std::string &where) {
    fmt::print(stderr, "{}: {} tokens, cut to {}\n", where, ids.size(), most);
    int32_t last = ids.back();
    ids.resize(most);
    if (model.tokenizer().isSpecial(last)) // what ends a text still does
      ids.back() = last;
  }

  void take(const std::vector<int32_t> &ids, std::span<const float> vectors) {
    if (!ofTokens()) {
      add(pooled(vectors, embedder.width(), how), {});
    } else {
      add(vectors, ids);
      lengths.push_back(static_cast<int64_t>(ids.size()));
    }
  }

  /// A line of JSON: a vector, or one for each token. For a file: the numbers alone.
  void add(std::span<const float> vectors, std::span<const int32_t> ids) {
    if (!options.output.empty()) {
      values.insert(values.end(), vectors.begin(), vectors.end());
      allIds.insert(allIds.end(), ids.begin(), ids.end());
      return;
    }
    if (!ofTokens()) {
      text += numbers(vectors) + "\n";
      return;
    }
    for (size_t i = 0; i < ids.size(); ++i)
      text += fmt::format(
          R"({}{{"token":{},"id":{},"vector":{}}})", i ? "," : "[",
          nlohmann::json(model.label(ids[i])).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
          ids[i], numbers(vectors.subspan(i * embedder.width(), embedder.width())));
    text += "]\n";
  }

  void writeTensors(int64_t texts) {
    int64_t width = static_cast<int64_t>(embedder.width());
    std::vector<NamedTensor> tensors = {{"embeddings",
                                         "F32",
                                         {static_cast<int64_t>(values.size()) / width, width},
                                         std::as_bytes(std::span(values))}};
    if (ofTokens()) {
      tensors.push_back(
          {"input_ids", "I64", {static_cast<int64_t>(allIds.size())}, std::as_bytes(std::span(allIds))});
      tensors.push_back({"lengths", "I64", {texts}, std::as_bytes(std::span(lengths))});
    }
    writeSafetensors(options.output, tensors);
  }

  Model &model;
  const cli::Embed &options;
  Engine engine;
  Embedder embedder;
  SentenceVector how;
  std::string text;
  std::vector<float> values;
  std::vector<int64_t> allIds, lengths;
};

} // namespace

void cli::Embed::run(Model &model, const Common &common) {
  if (file.empty() == texts.empty())
    throw Error(file.empty() ? "'embed' needs a file with a text per line (- for standard input), or --text"
                             : "'embed' takes a file or --text, not both");
  if (tokens && isStatic)
    throw Error("--tokens and --static are different vectors: give one of them");
  std::vector<std::string> lines = texts.empty() ? linesOf(readAll(file)) : texts;
  if (lines.empty())
    throw Error(fmt::format("'{}' has no lines", file));
  EmbedRun(model, common, *this).run(lines);
}
