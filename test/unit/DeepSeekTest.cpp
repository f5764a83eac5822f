// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// DeepSeek-V2 and V3: latent attention, routing in groups, where layers are dense.

#include "WeightFiles.h"
#include "frontend/huggingface/HuggingFace.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

#include <cmath>

using namespace attune;
using namespace attune::test;
using llvm::StringRef;

namespace {

constexpr StringRef usual =
    R"({"vocab_size": 10, "hidden_size": 8, "intermediate_size": 12, "moe_intermediate_size": 6,
  "num_hidden_layers": 4, "num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 64,
  "n_routed_experts": 8, "n_shared_experts": 2, "num_experts_per_tok": 2, "first_k_dense_replace": 1,
  "kv_lora_rank": 6, "q_lora_rank": 5, "qk_nope_head_dim": 4, "qk_rope_head_dim": 2, "v_head_dim": 3})";

struct DeepSeek : testing::Test {
  Folder folder;

  /// The description of a config with some fields changed; null removes one.
  llvm::Expected<Description> read(StringRef type, StringRef more) {
    llvm::json::Object config = *cantFail(llvm::json::parse(usual)).getAsObject();
    config["model_type"] = type;
    if (type == "deepseek_v3") {
      config["n_group"] = 4;
      config["topk_group"] = 2;
    }
    llvm::json::Value changes = cantFail(llvm::json::parse(more));
    for (auto &[key, value] : *changes.getAsObject())
      config[key] = value;
    folder.write("config.json", llvm::formatv("{0}", llvm::json::Value(std::move(config))).str());
    return huggingface::describeFolder(folder.path());
  }
  Description description(StringRef type, StringRef more = "{}") {
    std::optional<Description> model = valueOf(read(type, more));
    return model ? *model : Description();
  }
  void refuses(StringRef type, StringRef more, StringRef error) { expectError(read(type, more), {error}); }
};

TEST_F(DeepSeek, LatentAttention) {
  Description model = description("deepseek_v2");
  const Attention &attention = *model.layers[0].attention;
  EXPECT_EQ(attention.headSize, 6);
  EXPECT_EQ(attention.valueSize, 3);
  EXPECT_EQ(attention.rotary->dims, 2);
  EXPECT_EQ(attention.rotary->pairing, Pairing::interleaved);
  EXPECT_EQ(attention.latent->rank, 6);
  EXPECT_EQ(attention.latent->queryRank, 5);
  EXPECT_EQ(attention.latent->norm.eps, 1e-6); // whatever rms_norm_eps is
  EXPECT_EQ(description("deepseek_v2", R"({"q_lora_rank": null})").layers[0].attention->latent->queryRank, 0);
  EXPECT_EQ(description("deepseek_v3", R"({"rope_interleave": false})").layers[0].attention->rotary->pairing,
            Pairing::half_split);
  // Of a head's rows in kv_b_proj, four make keys and three values.
  const TensorSource &keys = model.tensors.at("layer.attention.key_up"),
                     &values = model.tensors.at("layer.attention.value_up");
  EXPECT_TRUE(keys.transposed);
  EXPECT_EQ(keys.storedColumns, 7);
  EXPECT_EQ(*values.rows, (RowSlice{4, 3, 0, 7}));
}

TEST_F(DeepSeek, DenseLayersComeFirst) {
  auto kinds = [&](StringRef more) {
    std::string letters;
    for (const Layer &layer : description("deepseek_v2", more).layers)
      letters += layer.feedForward->experts ? 'M' : 'd';
    return letters;
  };
  EXPECT_EQ(kinds("{}"), "dMMM");
  EXPECT_EQ(kinds(R"({"first_k_dense_replace": 0, "moe_layer_freq": 2})"), "MdMd");
  EXPECT_EQ(kinds(R"({"n_routed_experts": null})"), "dddd");
  Description model = description("deepseek_v2");
  EXPECT_EQ(model.layers[0].feedForward->size, 12);
  EXPECT_EQ(model.layers[1].feedForward->size, 6);
  EXPECT_EQ(model.layers[1].feedForward->experts->shared, (SharedExpert{12, false}));
}

TEST_F(DeepSeek, Routing) {
  Experts greedy = *description("deepseek_v2").layers[1].feedForward->experts;
  EXPECT_EQ(greedy.scores, RouterScores::softmax);
  EXPECT_EQ(greedy.groups, 0);
  Experts grouped =
      *description("deepseek_v2", R"({"topk_method": "group_limited_greedy", "n_group": 4, "topk_group": 2,
    "routed_scaling_factor": 16, "norm_topk_prob": true})")
           .layers[1]
           .feedForward->experts;
  EXPECT_EQ(grouped.groups, 4);
  EXPECT_EQ(grouped.topGroups, 2);
  EXPECT_EQ(grouped.groupScore, GroupScore::max);
  EXPECT_EQ(grouped.scale, 16);
  EXPECT_FALSE(grouped.renormalize); // released models never do, and the reference ignores it
  Experts third =
      *description("deepseek_v3", R"({"n_group": 4, "topk_group": 2})").layers[1].feedForward->experts;
  EXPECT_EQ(third.scores, RouterScores::sigmoid);
  EXPECT_EQ(third.groupScore, GroupScore::top2_sum);
  EXPECT_TRUE(third.correctionBias && third.renormalize);
  EXPECT_EQ(third.scale, 2.5);
}

TEST_F(DeepSeek, YarnScalesTheScores) {
  StringRef yarn = R"({"rope_scaling": {"type": "yarn", "factor": 4, "mscale": 0.7, "mscale_all_dim": 0.8,
    "original_max_position_embeddings": 16, "beta_fast": 32, "beta_slow": 1}})";
  double scale = 0.1 * 0.8 * std::log(4.0) + 1, other = 0.1 * 0.7 * std::log(4.0) + 1;
  Attention attention = *description("deepseek_v3", yarn).layers[0].attention;
  EXPECT_NEAR(*attention.scale, scale * scale / std::sqrt(6.0), 1e-12);
  EXPECT_NEAR(attention.rotary->scaling.magnitude, other / scale, 1e-12);
  EXPECT_FALSE(description("deepseek_v3").layers[0].attention->scale);
}

TEST_F(DeepSeek, RefusesWhatItDoesNotKnow) {
  refuses("deepseek_v2", R"({"architectures": ["Other"]})", "'architectures' is [\"Other\"]");
  refuses("deepseek_v2", R"({"topk_method": "noaux_tc"})",
          "'topk_method' is \"noaux_tc\", expected one of: greedy");
  refuses("deepseek_v2", R"({"scoring_func": "sigmoid"})", "'scoring_func' is \"sigmoid\", expected softmax");
  refuses("deepseek_v3", R"({"scoring_func": "softmax", "n_group": 4, "topk_group": 2})",
          "'scoring_func' is \"softmax\", expected sigmoid");
  refuses("deepseek_v3", R"({"n_group": 3, "topk_group": 2})",
          "'n_group' is 3, which does not divide 'n_routed_experts', which is 8");
  refuses("deepseek_v3", R"({"n_group": 4, "topk_group": 5})",
          "'topk_group' is 5, more than 'n_group', which is 4");
  refuses("deepseek_v2", R"({"num_experts_per_tok": 9})",
          "'num_experts_per_tok' is 9, more than 'n_routed_experts', which is 8");
  refuses("deepseek_v2", R"({"kv_lora_rank": 0})", "'kv_lora_rank' is 0");
  refuses("deepseek_v2", R"({"quantization_config": {"bits": 8}})", "'quantization_config'");
}

} // namespace
