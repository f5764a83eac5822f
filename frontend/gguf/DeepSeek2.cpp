// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// DeepSeek-V2 and V3, which converters file under one name: latent attention, experts in groups. The matrix
// that makes keys and values of the latent vector is cut in two, one of them turned round; in files of before
// that it is one.

#include "frontend/Parameters.h"
#include "frontend/gguf/Architecture.h"

#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace attune;
using namespace attune::gguf;
using llvm::formatv;
using llvm::StringRef;

/// Files tell `mscale_all_dim / 10` alone: the other factor of YaRN, of cosines and sines, is the same where
/// this one is there, so that they cancel. Scores are multiplied by the square.
static void readYarn(Settings &settings, Attention &attention) {
  RotaryScaling &scaling = attention.rotary->scaling;
  double all = 10 * settings.number("rope.scaling.yarn_log_multiplier", 0.0);
  if (scaling.kind != ScalingKind::yarn || all == 0)
    return;
  scaling.magnitude = 1;
  double scale = 1 + 0.1 * all * std::log(scaling.factor);
  attention.scale = scale * scale / std::sqrt(static_cast<double>(attention.headSize));
}

static Attention readAttention(Settings &settings, const Norm &norm, Description &model) {
  bool isCut = settings.has("attention.key_length_mla"); // the other lengths are those of the cache then
  Attention attention;
  attention.heads = attention.keyHeads = settings.size("attention.head_count");
  attention.headSize = settings.size(isCut ? "attention.key_length_mla" : "attention.key_length");
  attention.valueSize = settings.size(isCut ? "attention.value_length_mla" : "attention.value_length");
  attention.mask.causal = true;
  attention.normBefore = norm;
  attention.rotary = readRotary(settings, attention.headSize, Pairing::interleaved, model);
  readYarn(settings, attention);
  Latent latent;
  latent.rank = settings.size("attention.kv_lora_rank");
  if (settings.tensor("blk.0.attn_q_a.weight"))
    latent.queryRank = settings.size("attention.q_lora_rank");
  attention.latent = latent;
  return attention;
}

static void readGroups(Settings &settings, Experts &experts) {
  int64_t groups = settings.size("expert_group_count", 1);
  int64_t kept = settings.size("expert_group_used_count", groups);
  if (experts.count % groups)
    settings.fail("expert_group_count", formatv("is {0}, which does not divide '{1}', which is {2}", groups,
                                                settings.full("expert_count"), experts.count));
  if (kept > groups)
    settings.fail("expert_group_used_count", formatv("is {0}, more than '{1}', which is {2}", kept,
                                                     settings.full("expert_group_count"), groups));
  if (groups == 1)
    return;
  experts.groups = groups;
  experts.topGroups = kept;
}

/// V2 scores by softmax, V3, which alone has a correction, by sigmoid; a group's score is V2's best or the
/// sum of V3's two best experts.
static void readRouting(Settings &settings, StringRef layer, Experts &experts) {
  experts.correctionBias = settings.tensor((layer + "exp_probs_b.bias").str());
  int64_t gating = settings.size("expert_gating_func", experts.correctionBias ? 2 : 1);
  if (gating != 1 && gating != 2)
    settings.fail("expert_gating_func", formatv("is {0}, expected 1 (softmax) or 2 (sigmoid)", gating));
  bool sigmoid = gating == 2;
  experts.scores = sigmoid ? RouterScores::sigmoid : RouterScores::softmax;
  experts.groupScore = sigmoid ? GroupScore::top2_sum : GroupScore::max;
  experts.renormalize = settings.flag("expert_weights_norm");
  readGroups(settings, experts);
}

static void nameLatentTensors(Settings &settings, Description &model) {
  nameTensors(model);
  auto rename = [&](StringRef parameter, StringRef tensor) {
    if (auto found = model.tensors.find(("layer." + parameter).str()); found != model.tensors.end())
      found->second.name = ("blk.{}." + tensor).str();
  };
  if (model.layers[0].attention->latent->queryRank)
    rename("attention.query", "attn_q_b.weight");
  rename("feed_forward.correction_bias", "exp_probs_b.bias");
  if (!settings.tensor("blk.0.attn_k_b.weight"))
    nameLatentMatrix(model, "blk.{}.attn_kv_b.weight");
}

void gguf::describeDeepSeek2(Settings &settings, Description &model) {
  int64_t layers = readSizes(settings, model);
  Norm norm{NormKind::rms, settings.number("attention.layer_norm_rms_epsilon")};
  Attention attention = readAttention(settings, norm, model);
  std::vector<int64_t> sizes = settings.sizes("feed_forward_length", layers);
  for (int64_t i = 0; i < layers && !settings.failed(); ++i) {
    FeedForward ffn;
    ffn.size = sizes[i];
    ffn.activation = Activation::silu;
    ffn.gated = true;
    ffn.normBefore = norm;
    readMixture(settings, i, ffn);
    if (ffn.experts)
      readRouting(settings, ("blk." + llvm::Twine(i) + ".").str(), *ffn.experts);
    model.layers.push_back({attention, ffn});
  }
  model.finalNorm = norm;
  model.head = Head{/*tied=*/!settings.tensor("output.weight")};
  if (!settings.failed())
    nameLatentTensors(settings, model);
}
