// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// BERT and RoBERTa: bidirectional attention, a norm after each branch, token types, learned positions. The
// model itself, or the one that predicts masked words.

#include "frontend/huggingface/Encoder.h"

#include "llvm/Support/FormatVariadic.h"

using namespace attune;
using namespace attune::huggingface;
using llvm::StringRef;

/// The names within the base model, all of which begin with the family's prefix.
static void nameBase(Description &model, StringRef prefix) {
  static const TensorName vectors[] = {
      {"embedding_norm", "embeddings.LayerNorm"},
      {"layer.attention.query", "encoder.layer.{}.attention.self.query"},
      {"layer.attention.key", "encoder.layer.{}.attention.self.key"},
      {"layer.attention.value", "encoder.layer.{}.attention.self.value"},
      {"layer.attention.output", "encoder.layer.{}.attention.output.dense"},
      {"layer.attention.norm_after", "encoder.layer.{}.attention.output.LayerNorm"},
      {"layer.feed_forward.up", "encoder.layer.{}.intermediate.dense"},
      {"layer.feed_forward.down", "encoder.layer.{}.output.dense"},
      {"layer.feed_forward.norm_after", "encoder.layer.{}.output.LayerNorm"},
  };
  nameWithBiases(model, prefix, vectors);
  model.tensors["embedding"].name = (prefix + "embeddings.word_embeddings.weight").str();
  model.tensors["positions"].name = (prefix + "embeddings.position_embeddings.weight").str();
  model.tensors["token_types"].name = (prefix + "embeddings.token_type_embeddings.weight").str();
  // Buffers of old files, and what turns the first token into a sentence's class.
  model.weights.ignore = {(prefix + "embeddings.position_ids").str(),
                          (prefix + "embeddings.token_type_ids").str(), (prefix + "pooler.dense.*").str()};
}

/// The parts that BERT and RoBERTa share; positions and head are left.
static Norm describeBase(const Config &config, Description &model) {
  model.kind = ModelKind::encoder;
  refuseUnknownSettings(config);
  if (config.text("position_embedding_type", "absolute") != "absolute")
    config.refuse("position_embedding_type", "\"absolute\"");
  model.vocabulary = config.size("vocab_size", 30522);
  model.hidden = config.size("hidden_size", 768);
  model.embedding.tokenTypes = config.size("type_vocab_size", 2);
  model.positions.kind = PositionKind::learned;
  model.positions.rows = config.size("max_position_embeddings", 512);

  Norm norm{NormKind::layer, config.positive("layer_norm_eps", 1e-12), true, true};
  model.embedding.norm = norm;
  Attention attention;
  readHeads(config, model.hidden, attention);
  attention.bias = attention.outputBias = true;
  attention.normAfter = norm;
  FeedForward ffn;
  ffn.size = config.size("intermediate_size", 3072);
  ffn.activation = readActivation(config, "hidden_act", "gelu");
  ffn.bias = true;
  ffn.normAfter = norm;
  model.layers.assign(readLayerCount(config, "num_hidden_layers", 12), Layer{attention, ffn});
  return norm;
}

void huggingface::describeBert(const Config &config, Description &model) {
  Norm norm = describeBase(config, model);
  model.context = model.positions.rows;
  StringRef kind = expectOneOf(config, {"BertModel", "BertForMaskedLM", "BertForPreTraining"});
  nameBase(model, "bert.");
  if (kind == "BertModel")
    return;
  describeWordHead(config, model, readActivation(config, "hidden_act", "gelu"), norm);
  nameWordHead(model, {"cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm",
                       "cls.predictions.decoder.weight", "cls.predictions.bias"});
  model.weights.ignore.push_back("cls.predictions.bias"); // one of the two is read, and the matrix if untied
  model.weights.ignore.push_back("cls.predictions.decoder.*");
  model.weights.ignore.push_back("cls.seq_relationship.*"); // whether one sentence follows another
}

/// Positions count from the row behind the padding token's: the table has rows that no text reaches.
static void describeRobertaPositions(const Config &config, Description &model) {
  int64_t padding = config.maybeInteger("pad_token_id").value_or(1);
  model.positions.offset = padding + 1;
  model.positions.uncounted = padding;
  model.context = model.positions.rows - model.positions.offset;
  if (padding < 0 || model.context < 1)
    config.fail("pad_token_id", llvm::formatv("is {0}, expected a number from 0, so that positions from the "
                                              "next row on fit 'max_position_embeddings', which is {1}",
                                              padding, model.positions.rows));
}

static void describeAsRoberta(const Config &config, Description &model, StringRef family) {
  Norm norm = describeBase(config, model);
  describeRobertaPositions(config, model);
  std::string base = (family + "Model").str(), masked = (family + "ForMaskedLM").str();
  StringRef kind = expectOneOf(config, {base, masked});
  nameBase(model, "roberta.");
  if (kind == base)
    return;
  // The head's activation is fixed, whatever that of the layers is.
  describeWordHead(config, model, Activation::gelu, norm);
  nameWordHead(model, {"lm_head.dense", "lm_head.layer_norm", "lm_head.decoder.weight", "lm_head.bias"});
  model.weights.ignore.push_back("lm_head.bias"); // one of the two is read, and the matrix if untied
  model.weights.ignore.push_back("lm_head.decoder.*");
}

void huggingface::describeRoberta(const Config &config, Description &model) {
  describeAsRoberta(config, model, "Roberta");
}

void huggingface::describeXlmRoberta(const Config &config, Description &model) {
  describeAsRoberta(config, model, "XLMRoberta");
}

void huggingface::describeCamembert(const Config &config, Description &model) {
  describeAsRoberta(config, model, "Camembert");
}
