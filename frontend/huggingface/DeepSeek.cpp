// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// DeepSeek-V2 and V3: latent attention, experts in groups, shared experts.

#include "frontend/Parameters.h"
#include "frontend/huggingface/Family.h"

#include <cmath>

using namespace attune;
using namespace attune::huggingface;

static Attention readAttention(const Config &config) {
  Attention attention;
  attention.heads = attention.keyHeads = config.size("num_attention_heads");
  int64_t plain = config.size("qk_nope_head_dim"), turned = config.size("qk_rope_head_dim");
  attention.headSize = plain + turned;
  attention.valueSize = config.size("v_head_dim");
  attention.mask.causal = true;
  attention.bias = attention.outputBias = config.flag("attention_bias", false);
  attention.rotary = readRotary(config, turned);
  Latent latent;
  latent.rank = config.size("kv_lora_rank");
  if (config.has("q_lora_rank"))
    latent.queryRank = config.size("q_lora_rank");
  attention.latent = latent;
  return attention;
}

/// YaRN's second factor: scores are multiplied by the square of `0.1 * mscale_all_dim * log(factor) + 1`.
static void scaleScores(const Config &config, Attention &attention) {
  std::optional<Config> rope = config.section("rope_parameters");
  if (!rope)
    rope = config.section("rope_scaling");
  if (!rope || attention.rotary->scaling.kind != ScalingKind::yarn)
    return;
  double all = rope->number("mscale_all_dim", 0.0), factor = attention.rotary->scaling.factor;
  double scale = all != 0 && factor > 1 ? 0.1 * all * std::log(factor) + 1 : 1;
  attention.scale = scale * scale / std::sqrt(static_cast<double>(attention.headSize));
}

static void readGroups(const Config &config, bool third, Experts &experts) {
  auto preset = [&](int64_t value) { return third ? std::optional<int64_t>(value) : std::nullopt; };
  int64_t groups = config.size("n_group", preset(8)), kept = config.size("topk_group", preset(4));
  if (experts.count % groups)
    config.fail("n_group", "is " + llvm::Twine(groups) +
                               ", which does not divide 'n_routed_experts', which is " +
                               llvm::Twine(experts.count));
  if (kept > groups)
    config.fail("topk_group",
                "is " + llvm::Twine(kept) + ", more than 'n_group', which is " + llvm::Twine(groups));
  if (groups == 1)
    return;
  experts.groups = groups;
  experts.topGroups = kept;
}

static void readRouting(const Config &config, bool third, Experts &experts) {
  experts.scale = config.number("routed_scaling_factor", third ? 2.5 : 1.0);
  if (third) {
    if (config.text("scoring_func", "sigmoid") != "sigmoid")
      config.refuse("scoring_func", "sigmoid");
    if (config.text("topk_method", "noaux_tc") != "noaux_tc")
      config.refuse("topk_method", "noaux_tc");
    experts.scores = RouterScores::sigmoid;
    experts.renormalize = config.flag("norm_topk_prob", true);
    experts.correctionBias = true;
    experts.groupScore = GroupScore::top2_sum;
    return readGroups(config, third, experts);
  }
  if (config.text("scoring_func", "softmax") != "softmax")
    config.refuse("scoring_func", "softmax");
  std::string method = config.text("topk_method", "greedy");
  if (method == "group_limited_greedy")
    readGroups(config, third, experts);
  else if (method != "greedy")
    config.refuse("topk_method", "one of: greedy, group_limited_greedy");
}

/// The layers from first_k_dense_replace on, every moe_layer_freq-th, are mixtures.
static FeedForward readMixture(const Config &config, const FeedForward &dense, bool third) {
  FeedForward mixture = dense;
  mixture.size = config.size("moe_intermediate_size");
  Experts experts;
  experts.count = config.size("n_routed_experts");
  experts.perToken = config.size("num_experts_per_tok");
  if (experts.perToken > experts.count)
    config.fail("num_experts_per_tok", "is " + llvm::Twine(experts.perToken) +
                                           ", more than 'n_routed_experts', which is " +
                                           llvm::Twine(experts.count));
  readRouting(config, third, experts);
  if (config.has("n_shared_experts"))
    experts.shared = SharedExpert{config.size("n_shared_experts") * mixture.size};
  mixture.experts = experts;
  return mixture;
}

static bool hasCorrection(const Description &model) {
  return llvm::any_of(model.layers, [](const Layer &layer) {
    return layer.feedForward->experts && layer.feedForward->experts->correctionBias;
  });
}

static void nameTensors(Description &model) {
  static constexpr struct {
    const char *parameter, *tensor;
  } names[] = {
      {"layer.attention.norm_before", "input_layernorm"},
      {"layer.attention.query_down", "self_attn.q_a_proj"},
      {"layer.attention.query_down_norm", "self_attn.q_a_layernorm"},
      {"layer.attention.key_down", "self_attn.kv_a_proj_with_mqa"},
      {"layer.attention.key_down_norm", "self_attn.kv_a_layernorm"},
      {"layer.attention.output", "self_attn.o_proj"},
      {"layer.feed_forward.norm_before", "post_attention_layernorm"},
      {"layer.feed_forward.gate", "mlp.gate_proj"},
      {"layer.feed_forward.up", "mlp.up_proj"},
      {"layer.feed_forward.down", "mlp.down_proj"},
      {"layer.feed_forward.router", "mlp.gate"},
      {"layer.feed_forward.experts.gate", "mlp.experts.{expert}.gate_proj"},
      {"layer.feed_forward.experts.up", "mlp.experts.{expert}.up_proj"},
      {"layer.feed_forward.experts.down", "mlp.experts.{expert}.down_proj"},
      {"layer.feed_forward.shared.gate", "mlp.shared_experts.gate_proj"},
      {"layer.feed_forward.shared.up", "mlp.shared_experts.up_proj"},
      {"layer.feed_forward.shared.down", "mlp.shared_experts.down_proj"},
  };
  auto name = [&](const std::string &parameter, const std::string &tensor) {
    model.tensors[parameter].name = tensor;
  };
  for (auto [parameter, tensor] : names)
    for (const Layer &layer : model.layers)
      for (const Parameter &wanted : layerParameters(model, stacksOf(model)[0], layer))
        if (wanted.name == parameter || wanted.name == parameter + std::string(".bias"))
          name(wanted.name,
               std::string("model.layers.{}.") + tensor + (wanted.name == parameter ? ".weight" : ".bias"));
  const Attention &attention = *model.layers[0].attention;
  name("layer.attention.query", attention.latent->queryRank ? "model.layers.{}.self_attn.q_b_proj.weight"
                                                            : "model.layers.{}.self_attn.q_proj.weight");
  if (hasCorrection(model))
    name("layer.feed_forward.correction_bias", "model.layers.{}.mlp.gate.e_score_correction_bias");
  name("embedding", "model.embed_tokens.weight");
  name("final_norm", "model.norm.weight");
  if (!model.head->tied)
    name("head", "lm_head.weight");
  nameLatentMatrix(model, "model.layers.{}.self_attn.kv_b_proj.weight");
}

static void describe(const Config &config, Description &model, bool third) {
  config.refuseFlag("is_encoder_decoder");
  if (config.has("quantization_config"))
    config.refuse("quantization_config", "none (weights quantised that way are not supported)");
  model.vocabulary = config.size("vocab_size");
  model.hidden = config.size("hidden_size");
  model.context = config.size("max_position_embeddings", 2048);
  model.head = Head{config.flag("tie_word_embeddings", false)};

  Norm norm{NormKind::rms, config.positive("rms_norm_eps", 1e-6)};
  Attention attention = readAttention(config);
  bool interleaved = !third || config.flag("rope_interleave", true);
  attention.rotary->pairing = interleaved ? Pairing::interleaved : Pairing::half_split;
  scaleScores(config, attention);
  attention.normBefore = norm;

  FeedForward dense;
  dense.size = config.size("intermediate_size");
  dense.activation = readActivation(config, "hidden_act", "silu");
  dense.gated = true;
  dense.bias = config.flag("mlp_bias", false);
  dense.normBefore = norm;

  int64_t layers = config.size("num_hidden_layers"), firstMixture = layers;
  FeedForward mixture = dense;
  if (config.has("n_routed_experts")) {
    mixture = readMixture(config, dense, third);
    firstMixture = config.maybeInteger("first_k_dense_replace").value_or(third ? 3 : 0);
  }
  int64_t every = config.size("moe_layer_freq", 1);
  if (layers > 10000)
    config.refuse("num_hidden_layers", "at most 10000");
  if (config.failed())
    return;
  for (int64_t i = 0; i < layers; ++i)
    model.layers.push_back(Layer{attention, i >= firstMixture && i % every == 0 ? mixture : dense});
  model.finalNorm = norm;
  nameTensors(model);
  model.weights.ignore = {"model.layers.*.self_attn.rotary_emb.inv_freq"};
  if (third) // layers behind the last one that predict further tokens
    for (int64_t i = 0, more = config.maybeInteger("num_nextn_predict_layers").value_or(0); i < more; ++i)
      model.weights.ignore.push_back("model.layers." + std::to_string(layers + i) + ".*");
}

void huggingface::describeDeepSeekV2(const Config &config, Description &model) {
  expectArchitecture(config, "DeepseekV2ForCausalLM");
  describe(config, model, /*third=*/false);
}

void huggingface::describeDeepSeekV3(const Config &config, Description &model) {
  expectArchitecture(config, "DeepseekV3ForCausalLM");
  describe(config, model, /*third=*/true);
}
