// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// DistilBERT: BERT without token types, under other names. The epsilon of its norms is fixed.

#include "frontend/huggingface/Encoder.h"

#include "llvm/Support/FormatVariadic.h"

using namespace attune;
using namespace attune::huggingface;

static void nameTensors(Description &model) {
  static const TensorName names[] = {
      {"embedding_norm", "embeddings.LayerNorm"},
      {"layer.attention.query", "transformer.layer.{}.attention.q_lin"},
      {"layer.attention.key", "transformer.layer.{}.attention.k_lin"},
      {"layer.attention.value", "transformer.layer.{}.attention.v_lin"},
      {"layer.attention.output", "transformer.layer.{}.attention.out_lin"},
      {"layer.attention.norm_after", "transformer.layer.{}.sa_layer_norm"},
      {"layer.feed_forward.up", "transformer.layer.{}.ffn.lin1"},
      {"layer.feed_forward.down", "transformer.layer.{}.ffn.lin2"},
      {"layer.feed_forward.norm_after", "transformer.layer.{}.output_layer_norm"},
  };
  nameWithBiases(model, "distilbert.", names);
  model.tensors["embedding"].name = "distilbert.embeddings.word_embeddings.weight";
  model.tensors["positions"].name = "distilbert.embeddings.position_embeddings.weight";
  model.weights.ignore = {"distilbert.embeddings.position_ids"};
}

void huggingface::describeDistilBert(const Config &config, Description &model) {
  model.kind = ModelKind::encoder;
  refuseUnknownSettings(config);
  model.vocabulary = config.size("vocab_size", 30522);
  model.hidden = config.size("dim", 768);
  // Sinusoidal positions are the table's initial values: files hold the table either way.
  model.positions.kind = PositionKind::learned;
  model.positions.rows = model.context = config.size("max_position_embeddings", 512);

  Norm norm{NormKind::layer, 1e-12, true, true};
  model.embedding.norm = norm;
  Attention attention;
  attention.heads = attention.keyHeads = config.size("n_heads", 12);
  attention.headSize = std::max<int64_t>(1, model.hidden / attention.heads);
  if (model.hidden % attention.heads)
    config.fail("n_heads", llvm::formatv("is {0}, which does not divide 'dim', which is {1}", attention.heads,
                                         model.hidden));
  attention.bias = attention.outputBias = true;
  attention.normAfter = norm;
  FeedForward ffn;
  ffn.size = config.size("hidden_dim", 3072);
  ffn.activation = readActivation(config, "activation", "gelu");
  ffn.bias = true;
  ffn.normAfter = norm;
  model.layers.assign(readLayerCount(config, "n_layers", 6), Layer{attention, ffn});

  llvm::StringRef kind = expectOneOf(config, {"DistilBertModel", "DistilBertForMaskedLM"});
  nameTensors(model);
  if (kind == "DistilBertModel")
    return;
  describeWordHead(config, model, ffn.activation, norm);
  nameWordHead(model,
               {"vocab_transform", "vocab_layer_norm", "vocab_projector.weight", "vocab_projector.bias"});
  if (model.head->tied)
    model.weights.ignore.push_back("vocab_projector.weight"); // a copy that some files hold
}
