// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// gpt-oss: attention with sinks, in every other layer over a window; mixtures of experts whose gates are
// limited.

#include "frontend/huggingface/Family.h"

using namespace attune;
using namespace attune::huggingface;

static FeedForward readMixture(const Config &config, const Norm &norm) {
  FeedForward mixture;
  mixture.size = config.size("intermediate_size", 2880);
  if (config.text("hidden_act", "silu") != "silu")
    config.refuse("hidden_act", "silu");
  if (config.number("swiglu_alpha", 1.702) != 1.702)
    config.refuse("swiglu_alpha", "1.702");
  mixture.activation = Activation::quick_gelu; // x * sigmoid(1.702 x)
  mixture.gated = mixture.bias = true;
  mixture.normBefore = norm;
  Experts experts = readExperts(config, "num_local_experts", 128, 4);
  experts.scores = RouterScores::softmax_chosen;
  experts.routerBias = true;
  experts.limit = config.positive("swiglu_limit", 7.0);
  experts.upOffset = 1;
  mixture.experts = experts;
  return mixture;
}

/// Whether the experts are stored in MXFP4, as OpenAI publishes them. All else is as in other files then.
static bool readsMxfp4(const Config &config) {
  std::optional<Config> stored = config.section("quantization_config");
  if (!stored || !stored->has("quant_method")) // readDecoder refuses the latter
    return false;
  if (stored->text("quant_method") != "mxfp4")
    stored->refuse("quant_method", "\"mxfp4\"");
  if (stored->has("modules_to_not_convert"))
    for (llvm::StringRef module : stored->texts("modules_to_not_convert"))
      if (module.contains("experts") || module.ends_with(".mlp"))
        stored->refuse("modules_to_not_convert", "no experts: those of all layers are in MXFP4, or none are");
  return true;
}

void huggingface::describeGptOss(const Config &config, Description &model) {
  bool inBlocks = readsMxfp4(config);
  readDecoder(config, "GptOssForCausalLM", /*tied=*/false, model, inBlocks);
  Norm norm{NormKind::rms, config.positive("rms_norm_eps", 1e-5)};
  Attention attention;
  readHeads(config, model.hidden, attention);
  attention.mask.causal = true;
  attention.bias = attention.outputBias = config.flag("attention_bias", true);
  attention.sinks = true;
  attention.normBefore = norm;
  attention.rotary = readRotary(config, attention.headSize, 150000);
  FeedForward mixture = readMixture(config, norm);

  std::vector<int64_t> windows =
      readWindows(config, readLayerCount(config), readSizeOrNull(config, "sliding_window", 128),
                  [](int64_t layer) { return layer % 2 == 0; });
  for (int64_t window : windows) {
    attention.mask.window = window;
    model.layers.push_back(Layer{attention, mixture});
  }
  model.finalNorm = norm;
  model.tensors["layer.attention.sinks"].name = "model.layers.{}.self_attn.sinks";
  nameFusedExperts(model, "model.layers.{}.mlp.experts", /*interleaved=*/true, /*transposed=*/!inBlocks);
  nameLlamaTensors(model, {{"layer.feed_forward.router", "model.layers.{}.mlp.router"}});
}
