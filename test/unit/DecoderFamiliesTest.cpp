// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Families of next-word models: what their options mean, and what is refused.

#include "WeightFiles.h"
#include "frontend/Model.h"
#include "frontend/RotaryFrequencies.h"
#include "frontend/huggingface/HuggingFace.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include <cmath>

using namespace attune;
using namespace attune::test;
using llvm::StringRef;

namespace {

/// What the smallest configuration of a family says.
constexpr struct {
  StringRef type, config;
} families[] = {
    {"gpt2",
     R"({"architectures": ["GPT2LMHeadModel"], "n_embd": 8, "n_head": 2, "n_layer": 3, "n_positions": 16})"},
    {"opt",
     R"({"architectures": ["OPTForCausalLM"], "hidden_size": 8, "ffn_dim": 12, "num_attention_heads": 2,
                "num_hidden_layers": 2, "max_position_embeddings": 16})"},
    {"gpt_neox", R"({"architectures": ["GPTNeoXForCausalLM"], "hidden_size": 32, "intermediate_size": 12,
                     "num_attention_heads": 2, "num_hidden_layers": 2, "max_position_embeddings": 16})"},
    {"mistral", R"({"architectures": ["MistralForCausalLM"]})"},
    {"qwen2", R"({"architectures": ["Qwen2ForCausalLM"]})"},
    {"qwen3", R"({"architectures": ["Qwen3ForCausalLM"]})"},
    {"gemma2", R"({"architectures": ["Gemma2ForCausalLM"]})"},
    {"gemma3_text", R"({"architectures": ["Gemma3ForCausalLM"]})"},
    {"phi3", R"({"architectures": ["Phi3ForCausalLM"]})"},
    {"smollm3", R"({"architectures": ["SmolLM3ForCausalLM"]})"},
    {"olmo2", R"({"architectures": ["Olmo2ForCausalLM"]})"},
    {"granite", R"({"architectures": ["GraniteForCausalLM"]})"},
};

/// Under Llama's keys.
constexpr StringRef usual = R"({"hidden_size": 8, "intermediate_size": 12, "num_attention_heads": 2,
  "num_key_value_heads": 1, "num_hidden_layers": 4, "max_position_embeddings": 64})";

llvm::json::Object parsed(StringRef text) {
  llvm::Expected<llvm::json::Value> value = llvm::json::parse(text);
  return value ? *value->getAsObject() : (llvm::consumeError(value.takeError()), llvm::json::Object());
}

void merge(llvm::json::Object &config, StringRef text) {
  for (auto &[key, value] : parsed(text))
    config[key] = value;
}

struct DecoderFamilies : testing::Test {
  Folder folder;

  /// The family's smallest configuration with further settings.
  llvm::Expected<Description> read(StringRef type, StringRef more = "{}") {
    llvm::json::Object config{{"model_type", type}, {"vocab_size", 10}};
    for (const auto &family : families)
      if (family.type == type) {
        if (!family.config.contains("n_layer") && !family.config.contains("num_hidden_layers"))
          merge(config, usual);
        merge(config, family.config);
      }
    merge(config, more);
    folder.write("config.json", llvm::formatv("{0}", llvm::json::Value(std::move(config))).str());
    return huggingface::describeFolder(folder.path());
  }
  Description description(StringRef type, StringRef more = "{}") {
    std::optional<Description> model = valueOf(read(type, more));
    return model ? *model : Description();
  }
  const Attention &attention(const Description &model, size_t layer = 0) {
    return *model.layers.at(layer).attention;
  }
  std::vector<int64_t> windows(StringRef type, StringRef more) {
    std::vector<int64_t> windows;
    for (const Layer &layer : description(type, more).layers)
      windows.push_back(layer.attention->mask.window);
    return windows;
  }
  void refuses(StringRef type, StringRef more, StringRef error) { expectError(read(type, more), {error}); }
};

TEST_F(DecoderFamilies, AllRefuseWhatTheyDoNotKnow) {
  for (const auto &family : families) {
    SCOPED_TRACE(family.type.str());
    EXPECT_FALSE(description(family.type).layers.empty());
    refuses(family.type, R"({"architectures": ["OtherModel"]})",
            "'architectures' is [\"OtherModel\"], expected [\"");
    refuses(family.type, R"({"add_cross_attention": true})", "'add_cross_attention' is true, expected false");
    refuses(family.type, R"({"quantization_config": {"bits": 4}})", "'quantization_config' is {\"bits\":4}");
    refuses(family.type, R"({"vocab_size": 0})", "'vocab_size' is 0, expected a whole number from 1");
    bool gpt2 = family.type == "gpt2", opt = family.type == "opt", gemma = family.type.starts_with("gemma");
    StringRef activation = gpt2 || opt ? "activation_function" : gemma ? "hidden_activation" : "hidden_act";
    refuses(family.type, ("{\"" + activation + "\": \"snake\"}").str(),
            "is \"snake\", expected one of: gelu, ");
    if (gpt2)
      refuses(family.type, R"({"n_head": 3})", "'n_head' is 3, which does not divide 'n_embd', which is 8");
    else
      refuses(family.type, R"({"num_attention_heads": 3, "num_key_value_heads": 2})",
              "'num_key_value_heads' is 2, which does not divide 'num_attention_heads', which is 3");
    if (!gpt2 && !opt)
      refuses(family.type,
              R"({"rope_scaling": {"type": "default", "mrope_section": [1, 2]}, "rope_parameters": null})",
              "'rope_scaling.mrope_section' is [1,2], expected none");
    refuses(family.type, gpt2 ? R"({"n_layer": 20000})" : R"({"num_hidden_layers": 20000})",
            "is 20000, expected at most 10000");
  }
}

TEST_F(DecoderFamilies, Gpt2ScalesItsScores) {
  Description model = description("gpt2");
  EXPECT_EQ(attention(model).scale, 0.5);
  EXPECT_EQ(model.layers[0].feedForward->size, 32);
  EXPECT_EQ(model.layers[0].feedForward->activation, Activation::gelu_tanh);
  EXPECT_TRUE(model.head->tied);
  EXPECT_EQ(model.tensors.at("layer.attention.value").rows, (RowSlice{16, 8, 0, 24}));
  EXPECT_TRUE(model.tensors.at("layer.attention.value").transposed);
  EXPECT_EQ(model.tensors.at("layer.attention.value.bias").rows, (RowSlice{16, 8, 0, 24}));
  model = description(
      "gpt2", R"({"scale_attn_by_inverse_layer_idx": true, "activation_function": "relu", "n_inner": 5})");
  EXPECT_EQ(attention(model, 2).scale, 0.5 / 3);
  EXPECT_EQ(model.layers[0].feedForward->size, 5);
  EXPECT_EQ(model.layers[0].feedForward->activation, Activation::relu);
  EXPECT_EQ(attention(description("gpt2", R"({"scale_attn_weights": false})")).scale, 1);
}

TEST_F(DecoderFamilies, OptBeforeAndAfter) {
  Description model = description("opt");
  EXPECT_TRUE(model.finalNorm && attention(model).normBefore && !attention(model).normAfter);
  EXPECT_EQ(model.positions.rows, 18);
  EXPECT_EQ(model.positions.offset, 2);
  EXPECT_FALSE(projectsEmbeddings(model));
  model =
      description("opt", R"({"do_layer_norm_before": false, "word_embed_proj_dim": 4, "enable_bias": false,
                                 "layer_norm_elementwise_affine": false})");
  EXPECT_TRUE(!model.finalNorm && !attention(model).normBefore && attention(model).normAfter);
  EXPECT_FALSE(attention(model).normAfter->weight || attention(model).bias ||
               model.layers[0].feedForward->bias);
  EXPECT_TRUE(projectsEmbeddings(model));
  EXPECT_FALSE(description("opt", R"({"_remove_final_layer_norm": true})").finalNorm);
}

TEST_F(DecoderFamilies, GptNeoXTurnsAPart) {
  Description model = description("gpt_neox");
  EXPECT_EQ(attention(model).rotary->dims, 4);
  EXPECT_TRUE(model.layers[0].parallel);
  EXPECT_EQ(model.tensors.at("layer.attention.key").rows, (RowSlice{16, 16, 48}));
  model =
      description("gpt_neox", R"({"rotary_pct": 0.5, "rotary_emb_base": 500, "use_parallel_residual": false,
                                      "attention_bias": false, "tie_word_embeddings": true})");
  EXPECT_EQ(attention(model).rotary, (Rotary{8, 500, Pairing::half_split, {}}));
  EXPECT_FALSE(model.layers[0].parallel || attention(model).bias || attention(model).outputBias);
  EXPECT_TRUE(model.head->tied && model.layers[0].feedForward->bias);
  model = description(
      "gpt_neox",
      R"({"rope_parameters": {"partial_rotary_factor": 1, "rope_theta": 9, "rope_type": "default"}})");
  EXPECT_EQ(attention(model).rotary, (Rotary{16, 9, Pairing::half_split, {}}));
  refuses("gpt_neox", R"({"rotary_pct": 1.5})",
          "'partial_rotary_factor' is 1.5, expected a number above 0 and up to 1");
}

TEST_F(DecoderFamilies, Windows) {
  using Sizes = std::vector<int64_t>;
  EXPECT_EQ(windows("mistral", R"({"sliding_window": 5})"), (Sizes{5, 5, 5, 5}));
  EXPECT_EQ(windows("mistral", R"({"sliding_window": null})"), (Sizes{0, 0, 0, 0}));
  EXPECT_EQ(windows("phi3", R"({"sliding_window": 5})"), (Sizes{5, 5, 5, 5}));
  for (StringRef qwen : {"qwen2", "qwen3"}) {
    EXPECT_EQ(windows(qwen, R"({"sliding_window": 5, "max_window_layers": 1})"), (Sizes{0, 0, 0, 0}));
    EXPECT_EQ(windows(qwen, R"({"sliding_window": 5, "max_window_layers": 1, "use_sliding_window": true})"),
              (Sizes{0, 5, 5, 5}));
  }
  EXPECT_EQ(windows("gemma2", R"({"sliding_window": 5})"), (Sizes{5, 0, 5, 0}));
  EXPECT_EQ(windows("gemma3_text", R"({"sliding_window": 5, "sliding_window_pattern": 3})"),
            (Sizes{5, 5, 0, 5}));
  EXPECT_EQ(windows("smollm3", R"({"sliding_window": 5, "use_sliding_window": true})"), (Sizes{0, 0, 0, 5}));
  StringRef types = R"({"sliding_window": 5, "use_sliding_window": true,
    "layer_types": ["full_attention", "sliding_attention", "full_attention", "full_attention"]})";
  for (StringRef type : {"qwen2", "qwen3", "gemma2", "gemma3_text", "smollm3"})
    EXPECT_EQ(windows(type, types), (Sizes{0, 5, 0, 0})) << type.str();
  refuses("qwen2", R"({"layer_types": ["full_attention"]})",
          "'layer_types' has 1 types, expected one for each of 4 layers");
  refuses("qwen2",
          R"({"layer_types": ["full_attention", "linear_attention", "full_attention", "full_attention"]})",
          "'layer_types' has \"linear_attention\", expected full_attention or sliding_attention");
  refuses("qwen2",
          R"({"layer_types": ["full_attention", "sliding_attention", "full_attention", "full_attention"]})",
          "'layer_types' has \"sliding_attention\", but 'sliding_window' is absent or not in use");
}

TEST_F(DecoderFamilies, BiasesByFamily) {
  Description model = description("qwen2", R"({"attention_bias": false})"); // which Qwen 2 does not know
  EXPECT_TRUE(attention(model).bias && !attention(model).outputBias);
  for (StringRef type : {"qwen3", "gemma2", "gemma3_text", "smollm3", "olmo2", "granite"}) {
    model = description(type, R"({"attention_bias": true})");
    EXPECT_TRUE(attention(model).bias && attention(model).outputBias) << type.str();
    EXPECT_FALSE(attention(description(type)).bias);
  }
  for (StringRef type : {"smollm3", "granite"})
    EXPECT_TRUE(description(type, R"({"mlp_bias": true})").layers[0].feedForward->bias) << type.str();
  for (StringRef type : {"mistral", "phi3"})
    refuses(type, R"({"attention_bias": true})", "'attention_bias' is true, expected false");
}

TEST_F(DecoderFamilies, GemmaCapsScalesAndBases) {
  Description model = description("gemma2");
  EXPECT_EQ(attention(model).softCap, 50);
  EXPECT_EQ(model.head->softCap, 30);
  EXPECT_EQ(attention(model).headSize, 256);
  EXPECT_EQ(attention(model).scale, 1.0 / 16);
  EXPECT_EQ(attention(model).normBefore->weightOffset, 1);
  EXPECT_EQ(model.embedding.scale, std::sqrt(8.0));
  model = description("gemma2", R"({"attn_logit_softcapping": null, "final_logit_softcapping": null,
                                    "query_pre_attn_scalar": 4, "head_dim": 6})");
  EXPECT_EQ(attention(model).softCap + model.head->softCap, 0);
  EXPECT_EQ(attention(model).scale, 0.5);
  EXPECT_EQ(attention(model).headSize, 6);
  refuses("gemma3_text", R"({"use_bidirectional_attention": true})", "'use_bidirectional_attention' is true");

  RotaryScaling linear{ScalingKind::linear, 8, 1, 4, 0, {}};
  StringRef old =
      R"({"head_dim": 4, "sliding_window_pattern": 2, "rope_theta": 500, "rope_local_base_freq": 50,
                      "rope_scaling": {"rope_type": "linear", "factor": 8}})";
  StringRef since5 = R"({"head_dim": 4, "sliding_window_pattern": 2, "rope_parameters": {
      "full_attention": {"rope_type": "linear", "factor": 8, "rope_theta": 500},
      "sliding_attention": {"rope_type": "default", "rope_theta": 50}}})";
  for (StringRef config : {old, since5}) {
    model = description("gemma3_text", config);
    EXPECT_EQ(attention(model, 0).rotary, (Rotary{4, 50, Pairing::half_split, {}}));
    EXPECT_EQ(attention(model, 1).rotary, (Rotary{4, 500, Pairing::half_split, linear}));
  }
  refuses("gemma3_text", R"({"rope_parameters": {"full_attention": {"rope_type": "linear"}}})",
          "'rope_parameters.full_attention.factor' is absent");
}

TEST_F(DecoderFamilies, SmolLM3RotatesSomeLayers) {
  auto rotating = [&](StringRef more) {
    std::string text;
    for (const Layer &layer : description("smollm3", more).layers)
      text += layer.attention->rotary ? '1' : '0';
    return text;
  };
  EXPECT_EQ(rotating("{}"), "1110");
  EXPECT_EQ(rotating(R"({"no_rope_layer_interval": 2})"), "1010");
  EXPECT_EQ(rotating(R"({"no_rope_layers": [0, 0, 1, 1]})"), "0011");
  refuses("smollm3", R"({"no_rope_layers": [0]})",
          "'no_rope_layers' has 1 numbers, expected one for each of 4 layers");
}

TEST_F(DecoderFamilies, Olmo2AndGranite) {
  Description model = description("olmo2", R"({"rms_norm_eps": 0.5})");
  EXPECT_TRUE(!attention(model).normBefore && attention(model).normBranch);
  EXPECT_EQ(attention(model).queryKeyNormSpan, NormSpan::projection);
  EXPECT_EQ(model.finalNorm->eps, 0.5);
  model = description("granite", R"({"attention_multiplier": 0.25, "residual_multiplier": 0.5,
                                     "embedding_multiplier": 3, "logits_scaling": 8})");
  EXPECT_EQ(attention(model).scale, 0.25);
  EXPECT_EQ(model.layers[0].feedForward->residualScale, 0.5);
  EXPECT_EQ(attention(model).residualScale, 0.5);
  EXPECT_EQ(model.embedding.scale, 3);
  EXPECT_EQ(model.head->scale, 0.125);
  refuses("granite", R"({"logits_scaling": 0})", "'logits_scaling' is 0, expected a positive number");
}

TEST_F(DecoderFamilies, Yarn) {
  auto rotary = [&](StringRef more) { return *attention(description("qwen2", more)).rotary; };
  RotaryScaling scaling =
      rotary(R"({"rope_scaling": {"type": "yarn", "factor": 4, "original_max_position_embeddings": 16}})")
          .scaling;
  EXPECT_EQ(scaling.kind, ScalingKind::yarn);
  EXPECT_EQ(scaling.originalContext, 16);
  EXPECT_EQ(scaling.magnitude, 0.1 * std::log(4.0) + 1);
  EXPECT_TRUE(scaling.betaFast == 32 && scaling.betaSlow == 1 && scaling.truncate);
  Rotary other = rotary(R"({"rope_parameters": {"rope_type": "yarn", "rope_theta": 7, "factor": 4,
    "beta_fast": 16, "beta_slow": 2, "truncate": false, "mscale": 0.5, "mscale_all_dim": 0.25}})");
  scaling = other.scaling;
  EXPECT_EQ(other.base, 7);
  EXPECT_EQ(scaling.originalContext, 64); // the model's own
  EXPECT_EQ(scaling.magnitude, (0.1 * 0.5 * std::log(4.0) + 1) / (0.1 * 0.25 * std::log(4.0) + 1));
  EXPECT_TRUE(scaling.betaFast == 16 && scaling.betaSlow == 2 && !scaling.truncate);
  scaling =
      rotary(R"({"rope_scaling": {"rope_type": "yarn", "factor": 4, "attention_factor": 0.75}})").scaling;
  EXPECT_EQ(scaling.magnitude, 0.75);
}

/// Against the definition in double precision: dimensions below the ramp keep their frequency, those behind
/// it are stretched by the factor.
TEST(RotaryFrequencies, Yarn) {
  Rotary rotary{16, 10000, Pairing::half_split, {}};
  rotary.scaling.kind = ScalingKind::yarn;
  rotary.scaling.factor = 4;
  rotary.scaling.originalContext = 512;
  auto expectNear = [&](std::vector<double> expected) {
    std::vector<float> found = rotaryFrequencies(rotary);
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i)
      EXPECT_NEAR(found[i], expected[i], 1e-6 * expected[i]) << i;
  };
  expectNear({1, 0.2569350598886808, 0.0625, 0.01383496476323666, 0.0025, 0.0007905694150420948, 0.00025,
              7.905694150420948e-05});
  rotary.scaling.betaFast = 16;
  rotary.scaling.betaSlow = 2;
  rotary.scaling.truncate = false;
  expectNear({1, 0.31622776601683794, 0.07566439439100797, 0.010796108651350396, 0.0025,
              0.0007905694150420948, 0.00025, 7.905694150420948e-05});
}

TEST(RotaryFrequencies, Longrope) {
  Rotary rotary{4, 100, Pairing::half_split, {}};
  rotary.scaling.kind = ScalingKind::longrope;
  rotary.scaling.factors = {1, 2};
  rotary.scaling.longFactors = {4, 8};
  EXPECT_EQ(rotaryFrequencies(rotary), (std::vector<float>{1, 1 / 20.0f}));
  EXPECT_EQ(rotaryFrequencies(rotary, /*ofLongSequences=*/true), (std::vector<float>{0.25f, 1 / 80.0f}));
}

TEST_F(DecoderFamilies, Longrope) {
  StringRef config =
      R"({"partial_rotary_factor": 0.5, "hidden_size": 16, "original_max_position_embeddings": 16,
    "rope_scaling": {"type": "su", "short_factor": [1, 2], "long_factor": [3, 4]}})";
  Description model = description("phi3", config);
  const Rotary &rotary = *attention(model).rotary;
  EXPECT_EQ(rotary.dims, 4);
  EXPECT_EQ(rotary.scaling.factors, (std::vector<double>{1, 2}));
  EXPECT_EQ(rotary.scaling.longFactors, (std::vector<double>{3, 4}));
  EXPECT_EQ(rotary.scaling.originalContext, 16);
  EXPECT_EQ(rotary.scaling.magnitude, std::sqrt(1 + std::log(4.0) / std::log(16.0)));
  refuses(
      "phi3", R"({"rope_scaling": {"type": "longrope", "short_factor": [1], "long_factor": [3, 4]}})",
      "'rope_scaling.short_factor' has 1 numbers, expected 2, half of the 4 elements of a head that rotate");
  refuses("phi3", R"({"rope_scaling": {"type": "longrope", "short_factor": [1, 1], "long_factor": [3, 0]}})",
          "'rope_scaling.long_factor' has 0, expected positive numbers");
  refuses("phi3", R"({"rope_scaling": {"type": "longrope", "short_factor": [1, 1]}})",
          "'rope_scaling.long_factor' is absent, expected a list of numbers");
}

/// GPT-2's and OPT's first files were saved from the model without its head.
TEST_F(DecoderFamilies, NamesWithoutTheirFirstPart) {
  Description model = description("gpt2");
  WeightStore weights;
  huggingface::followPrefix(model, weights); // nothing to follow
  EXPECT_EQ(model.tensors.at("embedding").name, "transformer.wte.weight");
  TensorInfo table;
  table.name = "wte.weight";
  llvm::cantFail(weights.add(table));
  huggingface::followPrefix(model, weights);
  EXPECT_EQ(model.tensors.at("embedding").name, "wte.weight");
  EXPECT_EQ(model.tensors.at("layer.attention.query.bias").name, "h.{}.attn.c_attn.bias");
  EXPECT_TRUE(llvm::is_contained(model.weights.ignore, "h.*.attn.bias"));
  EXPECT_TRUE(llvm::is_contained(model.weights.ignore, "lm_head.weight"));

  model = description("opt");
  table.name = "decoder.embed_tokens.weight";
  llvm::cantFail(weights.add(table));
  huggingface::followPrefix(model, weights);
  EXPECT_EQ(model.tensors.at("positions").name, "decoder.embed_positions.weight");
}

} // namespace
