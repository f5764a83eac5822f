// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Llama and what converters file under its name. Rows of the query and key matrices are permuted for
// interleaved rotary pairs.

#include "frontend/gguf/Architecture.h"

#include "llvm/Support/FormatVariadic.h"

using namespace attune;
using namespace attune::gguf;
using llvm::formatv;

/// Heads of one layer.
static Attention readAttention(Settings &settings, const Description &model, int64_t heads,
                               int64_t keyHeads) {
  Attention attention;
  attention.heads = heads;
  attention.keyHeads = keyHeads;
  if (heads % keyHeads)
    settings.fail("attention.head_count_kv", formatv("is {0}, which does not divide '{1}', which is {2}",
                                                     keyHeads, settings.full("attention.head_count"), heads));
  if (!settings.has("attention.key_length") && model.hidden % heads)
    settings.fail("attention.head_count", formatv("is {0}, which does not divide '{1}', which is {2}", heads,
                                                  settings.full("embedding_length"), model.hidden));
  attention.headSize = settings.size("attention.key_length", std::max<int64_t>(1, model.hidden / heads));
  int64_t valueSize = settings.size("attention.value_length", attention.headSize);
  if (valueSize != attention.headSize)
    settings.fail("attention.value_length",
                  formatv("is {0}, expected the keys' length, which is {1}", valueSize, attention.headSize));
  attention.mask.causal = true;
  return attention;
}

void gguf::describeLlama(Settings &settings, Description &model) {
  if (settings.has("expert_count") &&
      settings.take(settings.metadata.getInt(settings.full("expert_count"))) != 0)
    settings.fail("expert_count", "is not 0, expected 0: experts are not supported");
  int64_t layers = settings.size("block_count");
  if (layers > 10000)
    settings.fail("block_count", formatv("is {0}, expected at most 10000", layers));
  model.hidden = settings.size("embedding_length");
  model.context = settings.size("context_length");
  if (settings.failed())
    return;
  Norm norm{NormKind::rms, settings.number("attention.layer_norm_rms_epsilon")};
  std::vector<int64_t> heads = settings.sizes("attention.head_count", layers);
  std::vector<int64_t> sizes = settings.sizes("feed_forward_length", layers);
  std::vector<int64_t> keyHeads =
      settings.has("attention.head_count_kv") ? settings.sizes("attention.head_count_kv", layers) : heads;
  if (settings.failed())
    return;

  FeedForward ffn;
  ffn.gated = true;
  ffn.bias = settings.tensor("blk.0.ffn_up.bias");
  ffn.normBefore = norm;
  std::optional<Rotary> rotary;
  for (int64_t i = 0; i < layers && !settings.failed(); ++i) {
    Attention attention = readAttention(settings, model, heads[i], keyHeads[i]);
    if (!rotary || attention.headSize != model.layers[0].attention->headSize)
      rotary = readRotary(settings, attention.headSize, Pairing::interleaved, model);
    attention.rotary = rotary;
    attention.bias = settings.tensor("blk.0.attn_q.bias");
    attention.outputBias = settings.tensor("blk.0.attn_output.bias");
    attention.normBefore = norm;
    ffn.size = sizes[i];
    model.layers.push_back({attention, ffn});
  }
  model.finalNorm = norm;
  model.head = Head{/*tied=*/!settings.tensor("output.weight")};
  nameTensors(model);
}
