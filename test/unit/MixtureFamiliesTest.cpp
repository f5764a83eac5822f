// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Families with mixtures of experts: what their options mean, and what is refused.

#include "WeightFiles.h"
#include "frontend/Model.h"
#include "frontend/huggingface/HuggingFace.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

using namespace attune;
using namespace attune::test;
using llvm::StringRef;

namespace {

constexpr struct {
  StringRef type, config;
} families[] = {
    {"mixtral", R"({"architectures": ["MixtralForCausalLM"], "num_local_experts": 4})"},
    {"qwen2_moe", R"({"architectures": ["Qwen2MoeForCausalLM"], "num_experts": 4, "num_experts_per_tok": 2,
                      "moe_intermediate_size": 6, "shared_expert_intermediate_size": 10})"},
    {"qwen3_moe", R"({"architectures": ["Qwen3MoeForCausalLM"], "num_experts": 4, "num_experts_per_tok": 2,
                      "moe_intermediate_size": 6})"},
    {"gpt_oss",
     R"({"architectures": ["GptOssForCausalLM"], "num_local_experts": 4, "num_experts_per_tok": 2})"},
    {"llama4_text",
     R"({"architectures": ["Llama4ForCausalLM"], "num_local_experts": 4, "intermediate_size": 6,
                        "intermediate_size_mlp": 12})"},
};

constexpr StringRef usual = R"({"hidden_size": 8, "intermediate_size": 12, "num_attention_heads": 2,
  "num_key_value_heads": 1, "num_hidden_layers": 4, "max_position_embeddings": 64, "vocab_size": 10})";

llvm::json::Object parsed(StringRef text) {
  llvm::Expected<llvm::json::Value> value = llvm::json::parse(text);
  return value ? *value->getAsObject() : (llvm::consumeError(value.takeError()), llvm::json::Object());
}

void merge(llvm::json::Object &config, StringRef text) {
  for (auto &[key, value] : parsed(text))
    config[key] = value;
}

struct MixtureFamilies : testing::Test {
  Folder folder;

  llvm::json::Object configOf(StringRef type, StringRef more) {
    llvm::json::Object config{{"model_type", type}};
    merge(config, usual);
    for (const auto &family : families)
      if (family.type == type)
        merge(config, family.config);
    merge(config, more);
    return config;
  }
  llvm::Expected<Description> read(llvm::json::Object config) {
    folder.write("config.json", llvm::formatv("{0}", llvm::json::Value(std::move(config))).str());
    return huggingface::describeFolder(folder.path());
  }
  Description description(StringRef type, StringRef more = "{}") {
    std::optional<Description> model = valueOf(read(configOf(type, more)));
    return model ? *model : Description();
  }
  /// A letter for each layer: M for a mixture, d for a dense one.
  std::string kinds(StringRef type, StringRef more = "{}") {
    std::string letters;
    for (const Layer &layer : description(type, more).layers)
      letters += layer.feedForward->experts ? 'M' : 'd';
    return letters;
  }
  void refuses(StringRef type, StringRef more, StringRef error) {
    expectError(read(configOf(type, more)), {error});
  }
};

TEST_F(MixtureFamilies, AllRefuseWhatTheyDoNotKnow) {
  for (const auto &family : families) {
    SCOPED_TRACE(family.type.str());
    EXPECT_EQ(description(family.type).layers.size(), 4u);
    refuses(family.type, R"({"architectures": ["OtherModel"]})", "'architectures' is [\"OtherModel\"]");
    refuses(family.type, R"({"quantization_config": {"bits": 4}})", "'quantization_config' is {\"bits\":4}");
    refuses(family.type, R"({"num_experts_per_tok": 5})", "'num_experts_per_tok' is 5, more than 'num_");
    refuses(family.type, R"({"num_experts_per_tok": 5})", "', which is 4");
    refuses(family.type, R"({"num_experts": 0, "num_local_experts": 0})",
            " is 0, expected a whole number from 1");
    refuses(family.type, R"({"hidden_act": "snake"})", "'hidden_act' is \"snake\", expected");
    refuses(family.type, R"({"rope_scaling": {"rope_type": "snake"}})",
            "'rope_scaling.rope_type' is \"snake\"");
  }
}

TEST_F(MixtureFamilies, Mixtral) {
  Description model = description("mixtral");
  const Experts &experts = *model.layers[3].feedForward->experts;
  EXPECT_EQ(experts.count, 4);
  EXPECT_EQ(experts.perToken, 2);
  EXPECT_EQ(experts.scores, RouterScores::softmax);
  EXPECT_TRUE(experts.renormalize);
  EXPECT_FALSE(experts.shared || experts.routerBias || experts.weighInput);
  EXPECT_EQ(model.tensors.at("layer.feed_forward.experts.down").name,
            "model.layers.{}.block_sparse_moe.experts.{expert}.w2.weight");
  EXPECT_EQ(model.tensors.at("layer.feed_forward.router").name,
            "model.layers.{}.block_sparse_moe.gate.weight");
  EXPECT_EQ(model.layers[0].attention->mask.window, 0);
  EXPECT_EQ(description("mixtral", R"({"sliding_window": 4})").layers[0].attention->mask.window, 4);
  refuses("mixtral", R"({"attention_bias": true})", "'attention_bias' is true, expected false");
}

TEST_F(MixtureFamilies, QwenLayersAreDenseOrMixtures) {
  for (StringRef type : {"qwen2_moe", "qwen3_moe"}) {
    EXPECT_EQ(kinds(type), "MMMM");
    EXPECT_EQ(kinds(type, R"({"decoder_sparse_step": 2})"), "dMdM");
    EXPECT_EQ(kinds(type, R"({"mlp_only_layers": [0, 3]})"), "dMMd");
    EXPECT_EQ(kinds(type, R"({"decoder_sparse_step": 2, "mlp_only_layers": [1]})"), "dddM");
    Description model = description(type, R"({"mlp_only_layers": [0], "norm_topk_prob": true})");
    EXPECT_EQ(model.layers[0].feedForward->size, 12);
    EXPECT_EQ(model.layers[1].feedForward->size, 6);
    EXPECT_TRUE(model.layers[1].feedForward->experts->renormalize);
    EXPECT_FALSE(description(type).layers[1].feedForward->experts->renormalize);
    refuses(type, R"({"decoder_sparse_step": 0})", "'decoder_sparse_step' is 0");
  }
}

TEST_F(MixtureFamilies, Qwen2HasASharedExpertAndQwen3Norms) {
  Description second = description("qwen2_moe"), third = description("qwen3_moe");
  EXPECT_EQ(second.layers[0].feedForward->experts->shared, (SharedExpert{10, true}));
  EXPECT_EQ(second.tensors.at("layer.feed_forward.shared.score").name,
            "model.layers.{}.mlp.shared_expert_gate.weight");
  EXPECT_TRUE(second.layers[0].attention->bias);
  EXPECT_FALSE(second.layers[0].attention->outputBias);
  EXPECT_FALSE(description("qwen2_moe", R"({"qkv_bias": false})").layers[0].attention->bias);
  EXPECT_FALSE(third.layers[0].feedForward->experts->shared || third.layers[0].attention->bias);
  EXPECT_TRUE(third.layers[0].attention->queryKeyNorm);
  // Transformers 5 calls the number of experts as Mixtral does.
  EXPECT_EQ(description("qwen3_moe", R"({"num_experts": null, "num_local_experts": 8})")
                .layers[0]
                .feedForward->experts->count,
            8);
}

TEST_F(MixtureFamilies, QwenWindows) {
  auto windows = [&](StringRef type, StringRef more) {
    std::vector<int64_t> windows;
    for (const Layer &layer : description(type, more).layers)
      windows.push_back(layer.attention->mask.window);
    return windows;
  };
  using List = std::vector<int64_t>;
  StringRef on = R"({"use_sliding_window": true, "sliding_window": 4, "max_window_layers": 2})";
  EXPECT_EQ(windows("qwen2_moe", R"({"sliding_window": 4})"), (List{0, 0, 0, 0}));
  EXPECT_EQ(windows("qwen2_moe", on), (List{0, 0, 4, 4}));
  EXPECT_EQ(windows("qwen3_moe", on), (List{4, 4, 4, 4}));
}

TEST_F(MixtureFamilies, GptOss) {
  Description model = description("gpt_oss");
  const FeedForward &ffn = *model.layers[0].feedForward;
  EXPECT_EQ(ffn.activation, Activation::quick_gelu);
  EXPECT_TRUE(ffn.bias && ffn.gated && ffn.experts->routerBias);
  EXPECT_EQ(ffn.experts->scores, RouterScores::softmax_chosen);
  EXPECT_EQ(ffn.experts->limit, 7);
  EXPECT_EQ(ffn.experts->upOffset, 1);
  EXPECT_TRUE(model.layers[0].attention->sinks && model.layers[0].attention->outputBias);
  EXPECT_EQ(model.layers[0].attention->mask.window, 128);
  EXPECT_EQ(model.layers[1].attention->mask.window, 0);
  const TensorSource &up = model.tensors.at("layer.feed_forward.experts.up"),
                     &bias = model.tensors.at("layer.feed_forward.experts.up.bias");
  EXPECT_EQ(up.name, "model.layers.{}.mlp.experts.gate_up_proj");
  EXPECT_TRUE(up.transposed);
  EXPECT_EQ(up.rows, (RowSlice{1, 1, 2, 0}));
  EXPECT_EQ(bias.name, "model.layers.{}.mlp.experts.gate_up_proj_bias");
  EXPECT_FALSE(bias.transposed);
  EXPECT_EQ(description("gpt_oss", R"({"swiglu_limit": 3.5})").layers[0].feedForward->experts->limit, 3.5);
  EXPECT_EQ(
      description("gpt_oss", R"({"layer_types": ["full_attention", "full_attention", "sliding_attention",
                                     "full_attention"], "sliding_window": 4})")
          .layers[2]
          .attention->mask.window,
      4);
  refuses("gpt_oss", R"({"swiglu_alpha": 1.5})", "'swiglu_alpha' is 1.5, expected 1.702");
}

TEST_F(MixtureFamilies, GptOssInMxfp4) {
  Description model = description("gpt_oss", R"({"quantization_config": {"quant_method": "mxfp4",
    "modules_to_not_convert": ["model.layers.*.self_attn", "model.layers.*.mlp.router", "lm_head"]}})");
  const TensorSource &gate = model.tensors.at("layer.feed_forward.experts.gate");
  EXPECT_EQ(gate.name, "model.layers.{}.mlp.experts.gate_up_proj");
  EXPECT_EQ(gate.rows, (RowSlice{0, 1, 2, 0}));
  EXPECT_FALSE(gate.transposed || model.tensors.at("layer.feed_forward.experts.down").transposed);
  refuses("gpt_oss", R"({"quantization_config": {"quant_method": "awq"}})",
          "'quantization_config.quant_method' is \"awq\", expected \"mxfp4\"");
  refuses("gpt_oss", R"({"quantization_config": {"quant_method": 4}})",
          "'quantization_config.quant_method' is 4, expected a string");
  for (StringRef module : {"model.layers.1.mlp", "model.layers.*.mlp.experts"})
    refuses("gpt_oss",
            llvm::formatv(R"({{"quantization_config": {{"quant_method": "mxfp4",
                               "modules_to_not_convert": ["{0}"]}})",
                          module)
                .str(),
            "'quantization_config.modules_to_not_convert' is [\"" + module.str() +
                "\"], expected no experts: those of all layers are in MXFP4, or none are");
}

TEST_F(MixtureFamilies, Llama4Layers) {
  Description model = description("llama4_text");
  const Attention &rotating = *model.layers[0].attention, &other = *model.layers[3].attention;
  EXPECT_EQ(rotating.rotary->pairing, Pairing::interleaved);
  EXPECT_EQ(rotating.mask.chunk, 8192);
  EXPECT_TRUE(rotating.queryKeyNorm && !rotating.queryKeyNorm->weight && rotating.queryKeyNormAfterRotary);
  EXPECT_FALSE(rotating.temperature);
  EXPECT_FALSE(other.rotary || other.queryKeyNorm);
  EXPECT_EQ(other.mask.chunk, 0);
  EXPECT_EQ(other.temperature, (Temperature{8192, 0.1}));
  const Experts &experts = *model.layers[0].feedForward->experts;
  EXPECT_TRUE(experts.weighInput);
  EXPECT_EQ(experts.scores, RouterScores::sigmoid);
  EXPECT_EQ(experts.perToken, 1);
  EXPECT_EQ(experts.shared, (SharedExpert{6}));
  EXPECT_EQ(model.tensors.at("layer.feed_forward.experts.up").rows, (RowSlice{6, 6, 12, 0}));
  EXPECT_EQ(kinds("llama4_text"), "MMMM");
  EXPECT_EQ(kinds("llama4_text", R"({"interleave_moe_layer_step": 2})"), "dMdM");
  EXPECT_EQ(kinds("llama4_text", R"({"moe_layers": [0, 1], "interleave_moe_layer_step": 2})"), "MMdd");
  EXPECT_EQ(description("llama4_text", R"({"moe_layers": [1]})").layers[0].feedForward->size, 12);
  refuses("llama4_text", R"({"moe_layers": [4]})", "'moe_layers' has 4, expected 0 to 3");
}

TEST_F(MixtureFamilies, Llama4Options) {
  Description model = description("llama4_text", R"({"no_rope_layers": [0, 1, 1, 1], "use_qk_norm": false,
    "attn_temperature_tuning": 4, "floor_scale": 16, "attn_scale": 0.5, "attention_chunk_size": 32})");
  EXPECT_EQ(model.layers[0].attention->temperature, (Temperature{16, 0.5}));
  EXPECT_FALSE(model.layers[1].attention->queryKeyNorm);
  EXPECT_EQ(model.layers[1].attention->mask.chunk, 32);
  EXPECT_FALSE(
      description("llama4_text", R"({"attn_temperature_tuning": false})").layers[3].attention->temperature);
  EXPECT_FALSE(
      description("llama4_text", R"({"attn_temperature_tuning": 0})").layers[3].attention->temperature);
  // An empty list stands for the default.
  EXPECT_FALSE(description("llama4_text", R"({"no_rope_layers": []})").layers[3].attention->rotary);
  // What a layer sees and whether it rotates are apart.
  model = description("llama4_text", R"({"layer_types": ["full_attention", "chunked_attention",
    "chunked_attention", "chunked_attention"], "attention_chunk_size": 4})");
  EXPECT_EQ(model.layers[0].attention->mask.chunk, 0);
  EXPECT_TRUE(model.layers[0].attention->rotary);
  EXPECT_EQ(model.layers[3].attention->mask.chunk, 4);
  refuses("llama4_text", R"({"layer_types": ["sliding_attention", "full_attention", "full_attention",
    "full_attention"]})",
          "'layer_types' has \"sliding_attention\", expected full_attention or chunked_attention");
  refuses("llama4_text", R"({"no_rope_layers": [1, 0]})", "'no_rope_layers' has 2 numbers");
}

TEST_F(MixtureFamilies, Llama4WithImages) {
  llvm::json::Object text = configOf("llama4_text", R"({"eos_token_id": [3, 4], "num_attention_heads": 2})");
  text.erase("architectures");
  llvm::json::Object config{{"model_type", "llama4"},
                            {"architectures", llvm::json::Array{"Llama4ForConditionalGeneration"}},
                            {"text_config", llvm::json::Value(llvm::json::Object(text))}};
  std::optional<Description> model = valueOf(read(llvm::json::Object(config)));
  ASSERT_TRUE(model);
  EXPECT_EQ(model->tensors.at("embedding").name, "language_model.model.embed_tokens.weight");
  EXPECT_EQ(model->tensors.at("layer.feed_forward.experts.down").name,
            "language_model.model.layers.{}.feed_forward.experts.down_proj");
  EXPECT_TRUE(llvm::is_contained(model->weights.ignore, "vision_model.*"));
  EXPECT_EQ(model->tokens.eos, (std::vector<int64_t>{3, 4}));
  text["num_experts_per_tok"] = 9;
  config["text_config"] = llvm::json::Value(llvm::json::Object(text));
  expectError(read(llvm::json::Object(config)), {"'text_config.num_experts_per_tok' is 9, more than"});
  config.erase("text_config");
  expectError(read(std::move(config)), {"'text_config' is absent, expected an object"});
}

} // namespace
