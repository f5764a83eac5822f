// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Architectures of GGUF files: what they add to metadata and tensors. The file of the other tests is given
// another architecture's name and keys.

#include "LlamaFiles.h"
#include "frontend/Model.h"
#include <cmath>

using namespace attune;
using namespace attune::test;

namespace {

struct GgufFamilies : testing::Test {
  Folder folder;
  LlamaGguf file;

  void rename(llvm::StringRef architecture) {
    std::map<std::string, LlamaGguf::Entry> entries;
    for (auto &[key, entry] : file.entries) {
      llvm::StringRef rest = key;
      bool own = rest.consume_front("llama.");
      entries[own ? (architecture + "." + rest).str() : key] = entry;
    }
    file.entries = std::move(entries);
    file.entries["general.architecture"] = LlamaGguf::text(architecture);
  }
  void addToLayers(llvm::StringRef name, std::vector<uint64_t> dimensions) {
    for (llvm::StringRef layer : {"blk.0.", "blk.1."})
      file.tensors[(layer + name).str()] = {dimensions};
  }
  Description description() {
    auto model = valueOf(loadModel(file.write(folder)));
    return model ? std::move(model->description) : Description();
  }
};

TEST_F(GgufFamilies, NormsByTheirTensors) {
  rename("qwen3");
  addToLayers("attn_q_norm.weight", {2});
  addToLayers("attn_k_norm.weight", {2});
  Description model = description();
  EXPECT_EQ(model.layers[0].attention->queryKeyNormSpan, NormSpan::head);
  EXPECT_EQ(model.layers[0].attention->rotary->pairing, Pairing::half_split);
  rename("olmo2");
  for (auto &[key, entry] : std::map(file.entries))
    if (llvm::StringRef rest = key; rest.consume_front("qwen3."))
      file.entries[("olmo2." + rest).str()] = entry;
  addToLayers("attn_q_norm.weight", {8});
  addToLayers("attn_k_norm.weight", {4});
  addToLayers("post_attention_norm.weight", {8});
  addToLayers("post_ffw_norm.weight", {8});
  for (llvm::StringRef name :
       {"blk.0.attn_norm.weight", "blk.1.attn_norm.weight", "blk.0.ffn_norm.weight", "blk.1.ffn_norm.weight"})
    file.tensors.erase(name.str());
  model = description();
  EXPECT_EQ(model.layers[0].attention->queryKeyNormSpan, NormSpan::projection);
  EXPECT_TRUE(!model.layers[0].attention->normBefore && model.layers[0].attention->normBranch);
  EXPECT_TRUE(!model.layers[0].feedForward->normBefore && model.layers[0].feedForward->normBranch);
  file.entries["olmo2.attention.sliding_window"] = LlamaGguf::number(4);
  expectError(loadModel(file.write(folder)), {"'olmo2.attention.sliding_window' is there, expected none"});
}

TEST_F(GgufFamilies, FusedMatrices) {
  rename("phi3");
  for (llvm::StringRef layer : {"blk.0.", "blk.1."}) {
    for (llvm::StringRef name : {"attn_q.weight", "attn_k.weight", "attn_v.weight", "ffn_gate.weight"})
      file.tensors.erase((layer + name).str());
    file.tensors[(layer + "attn_qkv.weight").str()] = {{8, 16}};
    file.tensors[(layer + "ffn_up.weight").str()] = {{8, 24}};
  }
  file.entries["phi3.attention.sliding_window"] = LlamaGguf::number(3);
  Description model = description();
  EXPECT_EQ(model.tensors.at("layer.attention.value").rows, (RowSlice{12, 4, 0, 16}));
  EXPECT_EQ(model.tensors.at("layer.feed_forward.gate").rows, (RowSlice{0, 12, 0, 24}));
  EXPECT_EQ(model.tensors.at("layer.feed_forward.up").rows, (RowSlice{12, 12, 0, 24}));
  EXPECT_EQ(model.layers[1].attention->mask.window, 3);
}

TEST_F(GgufFamilies, Gemma) {
  rename("gemma3");
  file.entries["gemma3.attention.sliding_window"] = LlamaGguf::number(4);
  file.entries["gemma3.attention.sliding_window_pattern"] = LlamaGguf::number(2);
  file.entries["gemma3.rope.freq_base"] = LlamaGguf::real(1e6);
  file.entries["gemma3.rope.scaling.type"] = LlamaGguf::text("linear");
  file.entries["gemma3.rope.scaling.factor"] = LlamaGguf::real(8);
  Description model = description();
  EXPECT_EQ(model.embedding.scale, std::sqrt(8.0));
  EXPECT_EQ(model.layers[0].attention->mask.window, 4);
  EXPECT_EQ(model.layers[0].attention->rotary, (Rotary{2, 10000, Pairing::half_split, {}}));
  EXPECT_EQ(model.layers[1].attention->mask.window, 0);
  EXPECT_EQ(model.layers[1].attention->rotary->base, 1e6);
  EXPECT_EQ(model.layers[1].attention->rotary->scaling.factor, 8);
  EXPECT_EQ(model.layers[0].attention->normBefore->weightOffset, 0); // converters have added it
  EXPECT_EQ(model.layers[0].feedForward->activation, Activation::gelu_tanh);
}

TEST_F(GgufFamilies, Multipliers) {
  rename("granite");
  file.entries["granite.embedding_scale"] = LlamaGguf::real(3);
  file.entries["granite.residual_scale"] = LlamaGguf::real(0.5);
  file.entries["granite.logit_scale"] = LlamaGguf::real(4);
  file.entries["granite.attention.scale"] = LlamaGguf::real(0.125);
  Description model = description();
  EXPECT_EQ(model.embedding.scale, 3);
  EXPECT_EQ(model.head->scale, 0.25);
  EXPECT_EQ(model.layers[1].attention->scale, 0.125);
  EXPECT_EQ(model.layers[1].feedForward->residualScale, 0.5);
}

TEST_F(GgufFamilies, Mixtures) {
  rename("qwen3moe");
  for (llvm::StringRef layer : {"blk.0.", "blk.1."})
    for (llvm::StringRef part : {"gate", "up", "down"})
      file.tensors.erase((layer + "ffn_" + part + ".weight").str());
  addToLayers("ffn_gate_inp.weight", {8, 4});
  addToLayers("ffn_gate_exps.weight", {8, 6, 4});
  addToLayers("ffn_up_exps.weight", {8, 6, 4});
  addToLayers("ffn_down_exps.weight", {6, 8, 4});
  auto set = [&](llvm::StringRef key, uint32_t value) {
    file.entries[("qwen3moe." + key).str()] = LlamaGguf::number(value);
  };
  set("expert_count", 4);
  set("expert_used_count", 2);
  set("expert_feed_forward_length", 6);
  Description model = description();
  ASSERT_EQ(model.layers.size(), 2u);
  const FeedForward &ffn = *model.layers[1].feedForward;
  ASSERT_TRUE(ffn.experts);
  EXPECT_EQ(ffn.size, 6);
  EXPECT_EQ(ffn.experts->count, 4);
  EXPECT_EQ(ffn.experts->perToken, 2);
  EXPECT_TRUE(ffn.experts->renormalize);
  EXPECT_FALSE(ffn.experts->shared || ffn.experts->routerBias || ffn.bias);
  EXPECT_EQ(model.tensors.at("layer.feed_forward.experts.up").name, "blk.{}.ffn_up_exps.weight");
  set("expert_used_count", 5);
  expectError(loadModel(file.write(folder)),
              {"'qwen3moe.expert_used_count' is 5, more than 'qwen3moe.expert_count', which is 4"});
}

TEST_F(GgufFamilies, Bert) {
  rename("bert");
  file.entries.erase("bert.attention.layer_norm_rms_epsilon");
  file.entries.erase("bert.attention.head_count_kv");
  file.entries["bert.attention.layer_norm_epsilon"] = LlamaGguf::real(0.001f);
  file.entries["bert.attention.causal"] = LlamaGguf::flag(false);
  file.entries["bert.pooling_type"] = LlamaGguf::number(2);
  file.entries["tokenizer.ggml.mask_token_id"] = LlamaGguf::number(4);
  file.tensors = {{"token_embd.weight", {{8, 10}}},
                  {"position_embd.weight", {{8, 20}}},
                  {"token_types.weight", {{8, 2}}},
                  {"token_embd_norm.weight", {{8}}},
                  {"token_embd_norm.bias", {{8}}}};
  for (llvm::StringRef name : {"attn_q", "attn_k", "attn_v", "attn_output"}) {
    addToLayers((name + ".weight").str(), {8, 8});
    addToLayers((name + ".bias").str(), {8});
  }
  for (llvm::StringRef name : {"attn_output_norm.weight", "attn_output_norm.bias", "layer_output_norm.weight",
                               "layer_output_norm.bias", "ffn_down.bias"})
    addToLayers(name, {8});
  addToLayers("ffn_up.weight", {8, 12});
  addToLayers("ffn_up.bias", {12});
  addToLayers("ffn_down.weight", {12, 8});
  Description model = description();
  EXPECT_EQ(model.kind, ModelKind::encoder);
  EXPECT_EQ(model.context, 20); // the table has fewer rows than the file says
  EXPECT_EQ(model.embedding.tokenTypes, 2);
  EXPECT_EQ(model.tokens.mask, 4);
  EXPECT_EQ(model.sentence, (SentenceVector{Pooling::first, true}));
  EXPECT_FALSE(model.head || model.finalNorm);
  const Layer &layer = model.layers[1];
  EXPECT_EQ(layer.attention->mask, Mask());
  EXPECT_EQ(layer.attention->normAfter->eps, static_cast<double>(0.001f));
  EXPECT_TRUE(layer.attention->bias && layer.attention->outputBias && layer.feedForward->bias);
  EXPECT_EQ(model.tensors.at("layer.feed_forward.norm_after").name, "blk.{}.layer_output_norm.weight");

  struct {
    const char *key;
    LlamaGguf::Entry entry;
    llvm::StringRef error;
  } cases[] = {
      {"bert.attention.causal", LlamaGguf::flag(true), "'bert.attention.causal' is true, expected false"},
      {"bert.pooling_type", LlamaGguf::number(4), "'bert.pooling_type' is 4, expected 0 (none), 1 (mean)"},
      {"bert.attention.head_count", LlamaGguf::number(3),
       "'bert.attention.head_count' is 3, which does not divide 'bert.embedding_length', which is 8"},
  };
  for (auto &[key, entry, error] : cases) {
    LlamaGguf saved = file;
    file.entries[key] = entry;
    expectError(loadModel(file.write(folder)), {error});
    file = std::move(saved);
  }
  file.tensors["cls.weight"] = {{8, 8}}; // what sorts texts
  expectError(loadModel(file.write(folder)), {"tensor 'cls.weight' (f32 [8, 8]) is not used"});
  file.tensors.erase("cls.weight");
  file.tensors.erase("position_embd.weight");
  expectError(loadModel(file.write(folder)), {"tensor 'position_embd.weight' is missing"});
}

TEST_F(GgufFamilies, DeepSeek2) {
  rename("deepseek2");
  for (auto [key, value] : std::map<std::string, uint32_t>{{"attention.kv_lora_rank", 6},
                                                           {"attention.key_length_mla", 5},
                                                           {"attention.value_length_mla", 3},
                                                           {"rope.dimension_count", 2},
                                                           {"expert_count", 4},
                                                           {"expert_used_count", 2},
                                                           {"expert_group_count", 2},
                                                           {"expert_group_used_count", 1},
                                                           {"expert_feed_forward_length", 7}})
    file.entries["deepseek2." + key] = LlamaGguf::number(value);
  for (llvm::StringRef layer : {"blk.0.", "blk.1."}) {
    for (llvm::StringRef name : {"attn_k.weight", "attn_v.weight"})
      file.tensors.erase((layer + name).str());
    file.tensors[(layer + "attn_output.weight").str()] = {{12, 8}};
  }
  addToLayers("attn_q.weight", {8, 20});
  addToLayers("attn_kv_a_mqa.weight", {8, 8});
  addToLayers("attn_kv_a_norm.weight", {6});
  addToLayers("attn_k_b.weight", {3, 6, 4});
  addToLayers("attn_v_b.weight", {6, 3, 4});
  for (llvm::StringRef name : {"gate", "up", "down"}) {
    file.tensors.erase(("blk.1.ffn_" + name + ".weight").str());
    bool down = name == "down";
    file.tensors[("blk.1.ffn_" + name + "_exps.weight").str()] = {{down ? 7u : 8u, down ? 8u : 7u, 4}};
  }
  file.tensors["blk.1.ffn_gate_inp.weight"] = {{8, 4}};
  Description model = description();
  const Attention &attention = *model.layers[1].attention;
  EXPECT_EQ(attention.headSize, 5);
  EXPECT_EQ(attention.sizeOfValues(), 3);
  EXPECT_EQ(attention.latent->rank, 6);
  EXPECT_EQ(attention.latent->queryRank, 0);
  EXPECT_EQ(attention.rotary->dims, 2);
  EXPECT_EQ(attention.scale, std::nullopt);
  EXPECT_FALSE(model.layers[0].feedForward->experts);
  const Experts &experts = *model.layers[1].feedForward->experts;
  EXPECT_EQ(experts.groupScore, GroupScore::max);
  EXPECT_EQ(experts.scores, RouterScores::softmax);
  EXPECT_EQ(experts.topGroups, 1);
  EXPECT_EQ(model.tensors.at("layer.attention.key_up").name, "blk.{}.attn_k_b.weight");

  auto expectProblem = [&](llvm::StringRef text, auto change) {
    LlamaGguf saved = file;
    change();
    expectError(loadModel(file.write(folder)), {text});
    file = std::move(saved);
  };
  expectProblem(
      "'deepseek2.expert_group_count' is 3, which does not divide 'deepseek2.expert_count', which is 4",
      [&] { file.entries["deepseek2.expert_group_count"] = LlamaGguf::number(3); });
  expectProblem(
      "'deepseek2.expert_group_used_count' is 3, more than 'deepseek2.expert_group_count', which is 2",
      [&] { file.entries["deepseek2.expert_group_used_count"] = LlamaGguf::number(3); });
  expectProblem("'deepseek2.expert_gating_func' is 4, expected 1 (softmax) or 2 (sigmoid)",
                [&] { file.entries["deepseek2.expert_gating_func"] = LlamaGguf::number(4); });

  // A correction is V3's, whose groups are scored by their two best; YaRN scales scores by a square.
  file.tensors["blk.1.exp_probs_b.bias"] = {{4}};
  file.entries["deepseek2.rope.scaling.type"] = LlamaGguf::text("yarn");
  file.entries["deepseek2.rope.scaling.factor"] = LlamaGguf::real(4);
  file.entries["deepseek2.rope.scaling.yarn_log_multiplier"] = LlamaGguf::real(0.1f);
  model = description();
  EXPECT_EQ(model.layers[1].feedForward->experts->scores, RouterScores::sigmoid);
  EXPECT_EQ(model.layers[1].feedForward->experts->groupScore, GroupScore::top2_sum);
  EXPECT_EQ(model.layers[1].attention->rotary->scaling.magnitude, 1);
  double scale = 1 + 0.1 * std::log(4.0);
  EXPECT_NEAR(*model.layers[1].attention->scale, scale * scale / std::sqrt(5.0), 1e-7);
}

TEST_F(GgufFamilies, Llama4) {
  rename("llama4");
  for (int layer = 2; layer < 4; ++layer)
    for (auto &[name, tensor] : std::map(file.tensors))
      if (llvm::StringRef rest = name; rest.consume_front("blk.0."))
        file.tensors["blk." + std::to_string(layer) + "." + rest.str()] = tensor;
  file.entries["llama4.block_count"] = LlamaGguf::number(4);
  Description model = description();
  const Attention &near = *model.layers[2].attention, &far = *model.layers[3].attention;
  EXPECT_EQ(near.mask.chunk, 8192);
  EXPECT_TRUE(near.rotary && near.queryKeyNorm && near.queryKeyNormAfterRotary && !near.temperature);
  EXPECT_EQ(far.mask.chunk, 0);
  EXPECT_TRUE(!far.rotary && !far.queryKeyNorm && !far.queryKeyNormAfterRotary);
  EXPECT_EQ(far.temperature, (Temperature{8192, 0.1}));
  file.entries["llama4.attention.sliding_window"] = LlamaGguf::number(0);
  model = description();
  EXPECT_TRUE(model.layers[3].attention->rotary && !model.layers[3].attention->temperature);
  EXPECT_EQ(model.layers[2].attention->mask.chunk, 0);
}

TEST_F(GgufFamilies, ModernBert) {
  rename("modern-bert");
  file.tensors = {
      {"token_embd.weight", {{8, 10}}}, {"token_embd_norm.weight", {{8}}}, {"output_norm.weight", {{8}}}};
  addToLayers("attn_qkv.weight", {8, 24});
  addToLayers("attn_output.weight", {8, 8});
  addToLayers("ffn_norm.weight", {8});
  addToLayers("ffn_up.weight", {8, 24});
  addToLayers("ffn_down.weight", {12, 8});
  file.tensors["blk.1.attn_norm.weight"] = {{8}};
  file.entries["modern-bert.attention.sliding_window"] = LlamaGguf::number(6);
  file.entries["modern-bert.rope.freq_base_swa"] = LlamaGguf::real(50);
  Description model = description();
  EXPECT_EQ(model.kind, ModelKind::encoder);
  EXPECT_FALSE(model.layers[0].attention->normBefore);
  EXPECT_TRUE(model.layers[1].attention->normBefore);
  EXPECT_EQ(model.layers[0].attention->mask, Mask());
  EXPECT_EQ(model.layers[1].attention->mask.window, 4);
  EXPECT_EQ(model.layers[1].attention->rotary->base, 50);
  EXPECT_EQ(model.layers[1].feedForward->activation, Activation::gelu);
  EXPECT_EQ(model.tensors.at("layer.feed_forward.gate").rows, (RowSlice{0, 12, 0, 24}));
  file.entries["modern-bert.hidden_act"] = LlamaGguf::text("tanh");
  expectError(loadModel(file.write(folder)),
              {"'modern-bert.hidden_act' is 'tanh', expected one of: gelu, silu"});
}

TEST_F(GgufFamilies, T5) {
  rename("t5");
  file.entries["t5.decoder_block_count"] = LlamaGguf::number(1);
  file.entries["t5.attention.key_length"] = LlamaGguf::number(3);
  file.entries["t5.attention.relative_buckets_count"] = LlamaGguf::number(8);
  file.entries["t5.decoder_start_token_id"] = LlamaGguf::number(4);
  file.tensors = {{"token_embd.weight", {{8, 10}}},          {"dec.output_norm.weight", {{8}}},
                  {"enc.output_norm.weight", {{8}}},         {"dec.blk.0.attn_rel_b.weight", {{4, 8}}},
                  {"enc.blk.0.attn_rel_b.weight", {{4, 8}}}, {"dec.blk.0.cross_attn_rel_b.weight", {{4, 8}}}};
  auto add = [&](llvm::StringRef block, llvm::StringRef attention) {
    std::string prefix = (block + attention).str();
    file.tensors[prefix + "_norm.weight"] = {{8}};
    for (llvm::StringRef part : {"_q.weight", "_k.weight", "_v.weight"})
      file.tensors[(prefix + part).str()] = {{8, 12}};
    file.tensors[prefix + "_o.weight"] = {{12, 8}};
  };
  for (llvm::StringRef block : {"enc.blk.0.", "enc.blk.1.", "dec.blk.0."}) {
    add(block, "attn");
    file.tensors[(block + "ffn_norm.weight").str()] = {{8}};
    file.tensors[(block + "ffn_up.weight").str()] = {{8, 12}};
    file.tensors[(block + "ffn_down.weight").str()] = {{12, 8}};
  }
  add("dec.blk.0.", "cross_attn");
  Description model = description();
  EXPECT_EQ(model.kind, ModelKind::encoder_decoder);
  EXPECT_EQ(model.encoder->layers.size(), 2u);
  EXPECT_EQ(model.layers.size(), 1u);
  EXPECT_EQ(model.tokens.decoderStart, 4);
  EXPECT_EQ(model.layers[0].attention->relativeBias, (RelativeBias{8, 128}));
  EXPECT_EQ(model.layers[0].attention->scale, 1);
  EXPECT_TRUE(model.layers[0].attention->mask.causal);
  EXPECT_FALSE(model.layers[0].crossAttention->relativeBias);
  EXPECT_EQ(model.layers[0].feedForward->activation, Activation::relu);
  EXPECT_TRUE(model.head->tied);
  EXPECT_EQ(model.head->scale, 1 / std::sqrt(8.0));
  EXPECT_EQ(model.tensors.at("encoder.relative_bias").name, "enc.blk.0.attn_rel_b.weight");

  file.tensors["output.weight"] = {{8, 10}}; // all zeros, as the table: a copy
  EXPECT_TRUE(description().head->tied);
  file.tensors["token_embd.weight"] = {{8, 10}, 0, someBytes(320)};
  model = description();
  EXPECT_FALSE(model.head->tied);
  EXPECT_EQ(model.head->scale, 1);

  for (llvm::StringRef block : {"enc.blk.0.", "enc.blk.1.", "dec.blk.0."})
    file.tensors[(block + "ffn_gate.weight").str()] = {{8, 12}};
  EXPECT_EQ(description().layers[0].feedForward->activation, Activation::gelu_tanh);

  auto expectProblem = [&](llvm::StringRef text, auto change) {
    LlamaGguf saved = file;
    change();
    expectError(loadModel(file.write(folder)), {text});
    file = std::move(saved);
  };
  expectProblem("'t5.decoder_start_token_id' is missing, expected the token that a decoder begins with",
                [&] { file.entries.erase("t5.decoder_start_token_id"); });
  expectProblem("'t5.block_count' is 2, and tensor 'enc.blk.1.attn_rel_b.weight' is there, expected a table",
                [&] { file.tensors["enc.blk.1.attn_rel_b.weight"] = {{4, 8}}; });
  expectProblem("'t5.feed_forward_length' is of networks with gates in one of encoder and decoder",
                [&] { file.tensors.erase("enc.blk.0.ffn_gate.weight"); });
  expectProblem("tensor 'enc.blk.0.attn_rel_b.weight' has shape [6, 4], expected [32]",
                [&] { file.tensors["enc.blk.0.attn_rel_b.weight"] = {{4, 6}}; });
  expectProblem("'t5.attention.relative_buckets_count'",
                [&] { file.entries.erase("t5.attention.relative_buckets_count"); });
}

} // namespace
