// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/Parameters.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"

using namespace attune;
using llvm::StringRef;
using llvm::Twine;

namespace {
/// Collects parameters, with their biases.
struct Collector {
  std::vector<Parameter> found;

  void add(const Twine &name, std::vector<int64_t> shape) { found.push_back({name.str(), std::move(shape)}); }

  void matrix(const std::string &name, int64_t out, int64_t in, bool bias) {
    add(name, {out, in});
    if (bias)
      add(name + ".bias", {out});
  }

  void norm(const std::string &name, const std::optional<Norm> &norm, int64_t size) {
    if (norm && norm->weight)
      add(name, {size});
    if (norm && norm->bias)
      add(name + ".bias", {size});
  }

  void branch(const std::string &name, const Branch &branch, int64_t hidden) {
    norm(name + ".norm_before", branch.normBefore, hidden);
    norm(name + ".norm_branch", branch.normBranch, hidden);
    norm(name + ".norm_after", branch.normAfter, hidden);
  }

  void attention(const Attention &attention, int64_t hidden) {
    const std::string name = "layer.attention";
    int64_t queries = attention.heads * attention.headSize, keys = attention.keyHeads * attention.headSize;
    branch(name, attention, hidden);
    if (attention.projections) {
      matrix(name + ".query", queries, hidden, attention.bias);
      matrix(name + ".key", keys, hidden, attention.bias);
      matrix(name + ".value", keys, hidden, attention.bias);
    }
    bool perHead = attention.queryKeyNormSpan == NormSpan::head;
    norm(name + ".query_norm", attention.queryKeyNorm, perHead ? attention.headSize : queries);
    norm(name + ".key_norm", attention.queryKeyNorm, perHead ? attention.headSize : keys);
    if (attention.output)
      matrix(name + ".output", hidden, queries, attention.outputBias);
  }

  void feedForward(const FeedForward &ffn, int64_t hidden) {
    const std::string name = "layer.feed_forward";
    branch(name, ffn, hidden);
    if (ffn.gated)
      matrix(name + ".gate", ffn.size, hidden, ffn.bias);
    matrix(name + ".up", ffn.size, hidden, ffn.bias);
    matrix(name + ".down", hidden, ffn.size, ffn.bias);
  }
};
} // namespace

std::vector<Parameter> attune::layerParameters(const Description &description, const Layer &layer) {
  Collector collector;
  if (layer.attention)
    collector.attention(*layer.attention, description.hidden);
  if (layer.feedForward)
    collector.feedForward(*layer.feedForward, description.hidden);
  return std::move(collector.found);
}

std::vector<Parameter> attune::modelParameters(const Description &description) {
  Collector collector;
  int64_t hidden = description.hidden;
  if (description.kind != ModelKind::literal)
    collector.add("embedding", {description.vocabulary, hidden});
  if (description.positions.kind == PositionKind::learned)
    collector.add("positions", {description.positions.rows, hidden});
  collector.norm("embedding_norm", description.embedding.norm, hidden);
  collector.norm("final_norm", description.finalNorm, hidden);
  if (description.head && !description.head->tied)
    collector.add("head", {description.vocabulary, hidden});
  if (description.head && description.head->bias)
    collector.add("head.bias", {description.vocabulary});
  return std::move(collector.found);
}

std::string attune::tensorName(StringRef pattern, int64_t layer) {
  size_t hole = pattern.find("{}");
  if (hole == StringRef::npos)
    return pattern.str();
  return (pattern.take_front(hole) + Twine(layer) + pattern.drop_front(hole + 2)).str();
}

StorageType attune::storageOf(const Description &description, StringRef name, int64_t layer) {
  auto found = description.tensors.find(name.str());
  if (found == description.tensors.end() || found->second.types.empty())
    return StorageType::F32;
  const std::vector<StorageType> &types = found->second.types;
  return types[std::min<size_t>(layer, types.size() - 1)];
}
