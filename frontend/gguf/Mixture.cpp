// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Architectures with mixtures of experts. Which layers are mixtures is seen by their routers.

#include "frontend/gguf/Architecture.h"

#include "llvm/Support/FormatVariadic.h"

using namespace attune;
using namespace attune::gguf;
using llvm::formatv;

static std::string tensorOf(int64_t layer, llvm::StringRef name) {
  return ("blk." + llvm::Twine(layer) + "." + name).str();
}

static Experts readExperts(Settings &settings, int64_t layer) {
  Experts experts;
  experts.count = settings.size("expert_count");
  experts.perToken = settings.size("expert_used_count");
  if (experts.perToken > experts.count)
    settings.fail("expert_used_count", formatv("is {0}, more than '{1}', which is {2}", experts.perToken,
                                               settings.full("expert_count"), experts.count));
  experts.routerBias = settings.tensor(tensorOf(layer, "ffn_gate_inp.bias"));
  experts.scale = settings.number("expert_weights_scale", 1.0);
  if (experts.scale == 0) // as if absent
    experts.scale = 1;
  if (const TensorInfo *up = settings.tensor(tensorOf(layer, "ffn_up_shexp.weight")))
    experts.shared = SharedExpert{up->shape.empty() ? 1 : up->shape[0],
                                  settings.tensor(tensorOf(layer, "ffn_gate_inp_shexp.weight")) != nullptr};
  return experts;
}

void gguf::readMixture(Settings &settings, int64_t layer, FeedForward &ffn) {
  if (!settings.tensor(tensorOf(layer, "ffn_gate_inp.weight")))
    return;
  ffn.experts = readExperts(settings, layer);
  ffn.size = settings.size("expert_feed_forward_length", ffn.size);
  ffn.bias = settings.tensor(tensorOf(layer, "ffn_up_exps.bias"));
}

/// Older files have a tensor for each expert.
static void nameSeparateExperts(Settings &settings, Description &model) {
  for (llvm::StringRef part : {"gate", "up", "down"})
    if (settings.tensor(("blk.0.ffn_" + part + ".0.weight").str()))
      model.tensors[("layer.feed_forward.experts." + part).str()].name =
          ("blk.{}.ffn_" + part + ".{expert}.weight").str();
}

static void setRouting(Description &model, RouterScores scores, bool renormalize) {
  for (Layer &layer : model.layers)
    if (std::optional<Experts> &experts = layer.feedForward->experts) {
      experts->scores = scores;
      experts->renormalize = renormalize;
    }
}

void gguf::finishMixtral(Settings &settings, Description &model) {
  setRouting(model, RouterScores::softmax, /*renormalize=*/true);
  nameSeparateExperts(settings, model);
}

void gguf::describeQwen2Moe(Settings &settings, Description &model) {
  readDecoder(settings, {}, model);
  setRouting(model, RouterScores::softmax, /*renormalize=*/false);
}

void gguf::describeQwen3Moe(Settings &settings, Description &model) {
  readDecoder(settings, {}, model);
  setRouting(model, RouterScores::softmax, /*renormalize=*/true);
}

/// Attention with sinks, in every other layer over a window; gates limited to 7. Its ramp of rotary
/// frequencies does not begin and end at whole dimensions.
void gguf::describeGptOss(Settings &settings, Description &model) {
  readDecoder(settings, {.activation = Activation::quick_gelu}, model);
  if (settings.failed())
    return;
  setRouting(model, RouterScores::softmax_chosen, /*renormalize=*/false);
  setWindows(settings, 2, model);
  for (Layer &layer : model.layers) {
    Attention &attention = *layer.attention;
    FeedForward &ffn = *layer.feedForward;
    attention.sinks = true;
    attention.rotary->scaling.truncate = attention.rotary->scaling.kind != ScalingKind::yarn;
    std::swap(attention.normBranch, ffn.normBefore); // the norm "after attention" is the network's
    if (ffn.experts) {
      ffn.experts->limit = 7;
      ffn.experts->upOffset = 1;
    }
  }
  nameTensors(model);
  model.tensors.erase("layer.attention.norm_branch");
  model.tensors["layer.feed_forward.norm_before"].name = "blk.{}.post_attention_norm.weight";
}
