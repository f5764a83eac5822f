// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// GGUF files to descriptions, and what is refused.

#include "LlamaFiles.h"
#include "frontend/Model.h"
#include "frontend/yaml/DescriptionText.h"
#include <cmath>

using namespace attune;
using namespace attune::test;

namespace {

struct GgufDescription : testing::Test {
  Folder folder;
  LlamaGguf file;

  llvm::Expected<Model> load() { return loadModel(file.write(folder)); }
  Description description() {
    auto model = valueOf(load());
    return model ? std::move(model->description) : Description();
  }
  void refuses(std::initializer_list<llvm::StringRef> texts) { expectError(load(), texts); }
};

TEST_F(GgufDescription, ReadsALlama) {
  file.entries["tokenizer.ggml.bos_token_id"] = LlamaGguf::number(1);
  file.entries["tokenizer.ggml.eos_token_id"] = LlamaGguf::number(2);
  file.entries["tokenizer.ggml.eot_token_id"] = LlamaGguf::number(3);
  file.entries["tokenizer.ggml.add_bos_token"] = LlamaGguf::flag(false);
  file.entries["tokenizer.ggml.model"] = LlamaGguf::text("gpt2");
  file.entries["tokenizer.chat_template"] = LlamaGguf::text("{{ x }}");
  Description model = description();
  EXPECT_EQ(model.name, "Tiny");
  EXPECT_EQ(model.vocabulary, 10);
  ASSERT_EQ(model.layers.size(), 2u);
  const Attention &attention = *model.layers[0].attention;
  EXPECT_EQ(attention.headSize, 2);
  EXPECT_EQ(attention.rotary, (Rotary{2, 10000, Pairing::interleaved, {}}));
  EXPECT_EQ(attention.mask, Mask{true});
  EXPECT_EQ(attention.normBefore->eps, static_cast<double>(0.001f));
  EXPECT_TRUE(model.head->tied);
  EXPECT_EQ(model.tokens.bos, 1);
  EXPECT_EQ(model.tokens.eos, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(model.tokens.addBos, false);
  EXPECT_EQ(model.chatTemplate, "{{ x }}");
  EXPECT_EQ(model.tokenizer, folder.path("model.gguf"));
  EXPECT_EQ(model.tensors.at("layer.feed_forward.down").name, "blk.{}.ffn_down.weight");

  auto again = valueOf(loadModel(folder.write("model.yaml", yaml::printDescription(model))));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->description, model);
}

TEST_F(GgufDescription, StorageTypesDecideKinds) {
  std::string block(34 * 8, '\0'); // q8_0: 8 rows of one block
  for (auto &[name, tensor] : file.tensors)
    for (uint64_t &size : tensor.dimensions)
      size = size == 8 ? 32 : size;
  for (const char *key : {"llama.embedding_length", "llama.attention.head_count"})
    file.entries[key] = LlamaGguf::number(32);
  file.entries["llama.attention.key_length"] = LlamaGguf::number(2);
  file.entries["llama.attention.value_length"] = LlamaGguf::number(2);
  file.entries["llama.attention.head_count"] = LlamaGguf::number(16);
  file.entries["llama.attention.head_count_kv"] = LlamaGguf::number(2);
  file.tensors["blk.1.ffn_up.weight"] = {{32, 12}, 8, std::string(34 * 12, '\0')};
  Description model = description();
  EXPECT_EQ(model.tensors.at("layer.feed_forward.up").types,
            (std::vector{StorageType::F32, StorageType::Q8_0}));
  Schedule schedule = scheduleOf(model);
  ASSERT_EQ(schedule.kinds.size(), 2u);
  EXPECT_EQ(schedule.kinds[1].layers, std::vector<int64_t>{1});
  ASSERT_EQ(schedule.runs.size(), 2u);
  EXPECT_EQ(schedule.runs[1].first, 1);
  EXPECT_EQ(schedule.runs[1].firstRecord, 0);
}

TEST_F(GgufDescription, OutputMatrixAndBiasesByPresence) {
  file.tensors["output.weight"] = {{8, 10}};
  EXPECT_FALSE(description().head->tied);
  file.tensors["blk.1.attn_q.bias"] = {{8}};
  refuses({"tensor 'blk.1.attn_q.bias' (f32 [8]) is not used"});
  for (const char *layer : {"blk.0.", "blk.1."}) {
    file.tensors[layer + std::string("attn_q.bias")] = {{8}};
    file.tensors[layer + std::string("attn_k.bias")] = {{4}};
    file.tensors[layer + std::string("attn_v.bias")] = {{4}};
  }
  Description model = description();
  EXPECT_TRUE(model.layers[0].attention->bias);
  EXPECT_FALSE(model.layers[0].attention->outputBias);
}

TEST_F(GgufDescription, RotaryScaling) {
  file.entries["llama.rope.scaling.type"] = LlamaGguf::text("linear");
  file.entries["llama.rope.scaling.factor"] = LlamaGguf::real(4);
  EXPECT_EQ(description().layers[0].attention->rotary->scaling,
            (RotaryScaling{ScalingKind::linear, 4, 1, 4, 0, {}}));
  file.tensors["rope_freqs.weight"] = {{1}, 0, little(2.5f)};
  refuses({"'llama.rope.scaling.factor' is 4", "rope_freqs.weight"});
  file.entries["llama.rope.scaling.type"] = LlamaGguf::text("none");
  EXPECT_EQ(description().layers[1].attention->rotary->scaling,
            (RotaryScaling{ScalingKind::factors, 1, 1, 4, 0, {2.5}}));
  file.tensors["rope_freqs.weight"] = {{2}, 0, little(2.5f) + little(1.0f)};
  refuses({"'rope_freqs.weight' must be f32 [1], but it is f32 [2]"});
  file.tensors["rope_freqs.weight"] = {{1}, 0, little(0.0f)};
  refuses({"rotary.scaling.factors is 0", "expected a positive number"});
  file.entries["llama.rope.scaling.type"] = LlamaGguf::text("snake");
  refuses({"'llama.rope.scaling.type' is 'snake', expected one of: none, linear, longrope, yarn"});

  file.tensors.erase("rope_freqs.weight");
  file.entries["llama.rope.scaling.type"] = LlamaGguf::text("yarn");
  file.entries["llama.rope.scaling.original_context_length"] = LlamaGguf::number(16);
  RotaryScaling yarn;
  yarn.kind = ScalingKind::yarn;
  yarn.factor = 4;
  yarn.originalContext = 16;
  yarn.magnitude = 1 + 0.1 * std::log(4.0);
  EXPECT_EQ(description().layers[0].attention->rotary->scaling, yarn);

  file.entries["llama.rope.scaling.type"] = LlamaGguf::text("longrope");
  file.entries["llama.rope.scaling.attn_factor"] = LlamaGguf::real(1.5);
  file.tensors["rope_factors_short.weight"] = {{1}, 0, little(2.0f)};
  file.tensors["rope_factors_long.weight"] = {{1}, 0, little(3.0f)};
  RotaryScaling longrope{ScalingKind::longrope, 1, 1, 4, 16, {2}, {3}};
  longrope.magnitude = 1.5;
  EXPECT_EQ(description().layers[0].attention->rotary->scaling, longrope);
}

TEST_F(GgufDescription, ValuesThatAreNotSupported) {
  struct {
    const char *key;
    LlamaGguf::Entry entry;
    llvm::StringRef error;
  } cases[] = {
      {"general.architecture", LlamaGguf::text("mamba"),
       "'general.architecture' is 'mamba', expected one of: "},
      {"llama.attention.head_count", LlamaGguf::number(7),
       "'llama.attention.head_count_kv' is 2, which does not divide 'llama.attention.head_count', which is "
       "7"},
      {"llama.attention.head_count", LlamaGguf::number(0), "'llama.attention.head_count' is 0"},
      {"llama.block_count", LlamaGguf::number(4000000000u), "'llama.block_count' is 4000000000"},
      {"llama.block_count", LlamaGguf::number(3), "tensor 'blk.2.attn_norm.weight' is missing"},
      {"llama.block_count", LlamaGguf::number(1), "is not used"},
      {"llama.embedding_length", LlamaGguf::text("8"), "llama.embedding_length"},
      {"llama.expert_count", LlamaGguf::number(8), "'llama.expert_count' is 8, but no layer has a router"},
      {"llama.attention.value_length", LlamaGguf::number(3),
       "'llama.attention.value_length' is 3, expected the keys' length, which is 2"},
      {"llama.rope.dimension_count", LlamaGguf::number(3),
       "'llama.rope.dimension_count' is 3, expected an even number"},
      {"llama.attention.layer_norm_rms_epsilon", LlamaGguf::real(-1), "eps is -1"},
      {"tokenizer.ggml.bos_token_id", LlamaGguf::number(10), "tokens.bos is 10"},
  };
  for (auto &entry : cases) {
    LlamaGguf saved = file;
    file.entries[entry.key] = entry.entry;
    refuses({entry.error});
    file = std::move(saved);
  }
  file.entries.erase("llama.context_length");
  refuses({"llama.context_length"});
}

TEST_F(GgufDescription, MoreTokensThanRows) {
  std::string tokens;
  for (int i = 0; i < 11; ++i)
    tokens += GgufBuilder::string("t");
  file.entries["tokenizer.ggml.tokens"] = {9, little<uint32_t>(LlamaGguf::String) + little<uint64_t>(11) +
                                                  tokens};
  refuses({"'tokenizer.ggml.tokens' has 11 tokens, but tensor 'token_embd.weight' has 10 rows"});
}

} // namespace
