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
  std::string prefix; ///< of the stack
  std::vector<Parameter> found;

  void add(const Twine &name, std::vector<int64_t> shape, int64_t vectorRows = 1) {
    found.push_back({(prefix + name).str(), std::move(shape), vectorRows});
  }

  void matrix(const Twine &name, int64_t out, int64_t in, bool bias) {
    add(name, {out, in});
    if (bias)
      add(name + ".bias", {out});
  }

  /// A matrix for each expert; their biases are one vector.
  void stack(const Twine &name, int64_t count, int64_t out, int64_t in, bool bias) {
    add(name, {count, out, in});
    if (bias)
      add(name + ".bias", {count * out}, count);
  }

  void norm(const Twine &name, const std::optional<Norm> &norm, int64_t size) {
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

  void latentProjections(const std::string &name, const Attention &attention, int64_t hidden) {
    const Latent &latent = *attention.latent;
    int64_t queries = attention.heads * attention.headSize;
    int64_t rotary = attention.rotary ? attention.rotary->dims : 0;
    if (latent.queryRank) {
      matrix(name + ".query_down", latent.queryRank, hidden, attention.bias);
      norm(name + ".query_down_norm", latent.norm, latent.queryRank);
    }
    add(name + ".query", {queries, latent.queryRank ? latent.queryRank : hidden});
    matrix(name + ".key_down", latent.rank + rotary, hidden, attention.bias);
    norm(name + ".key_down_norm", latent.norm, latent.rank);
    add(name + ".key_up", {attention.heads, latent.rank, attention.headSize - rotary});
    add(name + ".value_up", {attention.heads, attention.sizeOfValues(), latent.rank});
  }

  void attention(const std::string &name, const Attention &attention, int64_t hidden) {
    int64_t queries = attention.heads * attention.headSize, keys = attention.keyHeads * attention.headSize;
    int64_t values = attention.keyHeads * attention.sizeOfValues();
    branch(name, attention, hidden);
    if (attention.latent) {
      latentProjections(name, attention, hidden);
    } else if (attention.projections) {
      matrix(name + ".query", queries, hidden, attention.bias);
      matrix(name + ".key", keys, hidden, attention.bias);
      matrix(name + ".value", values, hidden, attention.bias);
    }
    bool perHead = attention.queryKeyNormSpan == NormSpan::head;
    norm(name + ".query_norm", attention.queryKeyNorm, perHead ? attention.headSize : queries);
    norm(name + ".key_norm", attention.queryKeyNorm, perHead ? attention.headSize : keys);
    if (attention.sinks)
      add(name + ".sinks", {attention.heads});
    if (attention.output)
      matrix(name + ".output", hidden, attention.heads * attention.sizeOfValues(), attention.outputBias);
  }

  void network(const std::string &name, int64_t size, bool gated, bool bias, int64_t hidden) {
    if (gated)
      matrix(name + ".gate", size, hidden, bias);
    matrix(name + ".up", size, hidden, bias);
    matrix(name + ".down", hidden, size, bias);
  }

  void experts(const std::string &name, const FeedForward &ffn, int64_t hidden) {
    const Experts &experts = *ffn.experts;
    matrix(name + ".router", experts.count, hidden, experts.routerBias);
    if (experts.correctionBias)
      add(name + ".correction_bias", {experts.count});
    if (ffn.gated)
      stack(name + ".experts.gate", experts.count, ffn.size, hidden, ffn.bias);
    stack(name + ".experts.up", experts.count, ffn.size, hidden, ffn.bias);
    stack(name + ".experts.down", experts.count, hidden, ffn.size, ffn.bias);
    if (!experts.shared)
      return;
    network(name + ".shared", experts.shared->size, ffn.gated, /*bias=*/false, hidden);
    if (experts.shared->gate)
      add(name + ".shared.score", {1, hidden});
  }

  void feedForward(const FeedForward &ffn, int64_t hidden) {
    const std::string name = "layer.feed_forward";
    branch(name, ffn, hidden);
    if (ffn.experts)
      experts(name, ffn, hidden);
    else
      network(name, ffn.size, ffn.gated, ffn.bias, hidden);
  }

  /// What stands around a stack's layers, its embedding table apart.
  void aroundLayers(const Stack &stack, int64_t hidden) {
    if (stack.embedding.tokenTypes)
      add("token_types", {stack.embedding.tokenTypes, hidden});
    if (stack.positions.kind == PositionKind::learned)
      add("positions", {stack.positions.rows, hidden});
    norm("embedding_norm", stack.embedding.norm, hidden);
    for (const Layer &layer : stack.layers)
      if (layer.attention && layer.attention->relativeBias) {
        int64_t buckets = layer.attention->relativeBias->buckets;
        add("relative_bias", {buckets * layer.attention->heads}, buckets);
        break;
      }
    norm("final_norm", stack.finalNorm, hidden);
  }

  void head(const Description &model, int64_t hidden, int64_t embeddingSize) {
    const Head &head = *model.head;
    if (head.transform) {
      norm("head_norm_before", head.transform->normBefore, hidden);
      matrix("head_transform", hidden, hidden, head.transform->bias);
      norm("head_norm", head.transform->norm, hidden);
    }
    if (embeddingSize != hidden)
      add("head_projection", {embeddingSize, hidden});
    if (!head.tied)
      add("head", {model.vocabulary, embeddingSize});
    if (head.bias)
      add("head.bias", {model.vocabulary});
  }
};
} // namespace

std::vector<StackView> attune::stacksOf(const Description &description) {
  std::vector<StackView> stacks{{&description, ""}};
  if (description.encoder)
    stacks.push_back({&*description.encoder, "encoder."});
  return stacks;
}

std::vector<Parameter> attune::layerParameters(const Description &description, const StackView &stack,
                                               const Layer &layer) {
  Collector collector{stack.prefix, {}};
  if (layer.attention)
    collector.attention("layer.attention", *layer.attention, description.hidden);
  if (layer.crossAttention)
    collector.attention("layer.cross_attention", *layer.crossAttention, description.hidden);
  if (layer.feedForward)
    collector.feedForward(*layer.feedForward, description.hidden);
  return std::move(collector.found);
}

std::vector<Parameter> attune::modelParameters(const Description &description) {
  Collector collector;
  int64_t hidden = description.hidden;
  int64_t embeddingSize = description.embedding.size ? description.embedding.size : hidden;
  if (description.kind != ModelKind::literal)
    collector.add("embedding", {description.vocabulary, embeddingSize});
  if (embeddingSize != hidden)
    collector.add("embedding_projection", {hidden, embeddingSize});
  collector.aroundLayers(description, hidden);
  if (description.head)
    collector.head(description, hidden, embeddingSize);
  if (description.encoder) {
    collector.prefix = "encoder.";
    collector.aroundLayers(*description.encoder, hidden);
  }
  return std::move(collector.found);
}

bool attune::isLayered(StringRef name) {
  name.consume_front("encoder.");
  return name.starts_with("layer.");
}

int64_t attune::recordCount(const Description &description, StringRef name) {
  if (!isLayered(name))
    return 1;
  bool encoder = name.starts_with("encoder.");
  return encoder ? description.encoder ? description.encoder->layers.size() : 0 : description.layers.size();
}

static std::string replaced(StringRef pattern, StringRef hole, int64_t number) {
  size_t at = pattern.find(hole);
  if (at == StringRef::npos)
    return pattern.str();
  return (pattern.take_front(at) + Twine(number) + pattern.drop_front(at + hole.size())).str();
}

std::string attune::tensorName(StringRef pattern, int64_t layer, int64_t expert) {
  return replaced(replaced(pattern, "{}", layer), expertHole, expert);
}

StorageType attune::storageOf(const Description &description, StringRef name, int64_t layer) {
  auto found = description.tensors.find(name.str());
  if (found == description.tensors.end() || found->second.types.empty())
    return StorageType::F32;
  const std::vector<StorageType> &types = found->second.types;
  return types[std::min<size_t>(layer, types.size() - 1)];
}

void attune::nameLatentMatrix(Description &description, StringRef tensor) {
  const Attention &attention = *description.layers[0].attention;
  int64_t plain = attention.headSize - attention.rotary->dims, both = plain + attention.sizeOfValues();
  TensorSource &keys = description.tensors["layer.attention.key_up"];
  TensorSource &values = description.tensors["layer.attention.value_up"];
  keys.name = values.name = tensor.str();
  keys.transposed = true;
  keys.storedColumns = both;
  values.rows = RowSlice{plain, attention.sizeOfValues(), 0, both};
}
