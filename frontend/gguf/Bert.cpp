// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// BERT and what converters file under its name, RoBERTa among them: vectors of texts, without a head that
// predicts words. Rows of the position table that no token uses are cut off.

#include "frontend/gguf/Architecture.h"

#include "llvm/Support/FormatVariadic.h"

using namespace attune;
using namespace attune::gguf;
using llvm::formatv;
using llvm::StringRef;

void gguf::readPooling(Settings &settings, Description &model) {
  if (!settings.has("pooling_type"))
    return;
  int64_t kind = settings.take(settings.metadata.getInt(settings.full("pooling_type")));
  if (kind == 0) // each token's own
    return;
  if (kind < 1 || kind > 3)
    settings.fail("pooling_type",
                  formatv("is {0}, expected 0 (none), 1 (mean), 2 (first token) or 3 (last)", kind));
  else
    model.sentence = SentenceVector{kind == 1   ? Pooling::mean
                                    : kind == 2 ? Pooling::first
                                                : Pooling::last,
                                    true};
}

/// Tables that are added to the embeddings; their sizes are those of the tensors.
static void readTables(Settings &settings, Description &model) {
  auto rows = [&](StringRef name) -> int64_t {
    const TensorInfo *table = settings.tensor(name);
    return table && table->shape.size() == 2 ? table->shape[0] : 1;
  };
  if (settings.tensor("token_types.weight"))
    model.embedding.tokenTypes = rows("token_types.weight");
  model.positions.kind = PositionKind::learned;
  model.positions.rows = rows("position_embd.weight");
  model.context = std::min(model.context, model.positions.rows);
}

/// The names that only these files have; the others are the usual ones.
static void nameEncoderTensors(Settings &settings, Description &model) {
  static const std::pair<StringRef, StringRef> names[] = {
      {"token_types", "token_types"},
      {"embedding_norm", "token_embd_norm"},
      {"layer.attention.norm_after", "blk.{}.attn_output_norm"},
      {"layer.feed_forward.norm_after", "blk.{}.layer_output_norm"},
  };
  nameTensors(model);
  for (auto [parameter, tensor] : names) {
    if (parameter == "token_types" && !model.embedding.tokenTypes)
      continue;
    model.tensors[parameter.str()].name = (tensor + ".weight").str();
    if (parameter != "token_types")
      model.tensors[(parameter + ".bias").str()].name = (tensor + ".bias").str();
  }
  if (settings.tensor("blk.0.attn_qkv.weight"))
    sliceQueriesKeysValues(*model.layers[0].attention, model);
}

void gguf::describeBert(Settings &settings, Description &model) {
  model.kind = ModelKind::encoder;
  if (settings.flag("attention.causal"))
    settings.fail("attention.causal", "is true, expected false: an encoder sees the whole text");
  int64_t layers = readSizes(settings, model);
  Norm norm{NormKind::layer, settings.number("attention.layer_norm_epsilon"), true, true};
  model.embedding.norm = norm;

  Attention attention;
  readEqualHeads(settings, model, attention);
  attention.bias = settings.tensor("blk.0.attn_q.bias") || settings.tensor("blk.0.attn_qkv.bias");
  attention.outputBias = settings.tensor("blk.0.attn_output.bias");
  attention.normAfter = norm;
  FeedForward ffn;
  ffn.size = settings.size("feed_forward_length");
  ffn.activation = Activation::gelu;
  ffn.bias = settings.tensor("blk.0.ffn_up.bias");
  ffn.normAfter = norm;
  readTables(settings, model);
  readPooling(settings, model);
  if (settings.failed())
    return;
  model.layers.assign(layers, Layer{attention, ffn});
  nameEncoderTensors(settings, model);
}
