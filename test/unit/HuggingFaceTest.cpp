// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Hugging Face folders to descriptions, and what is refused.

#include "LlamaFiles.h"
#include "frontend/Model.h"
#include "frontend/RotaryFrequencies.h"
#include "frontend/yaml/DescriptionText.h"

using namespace attune;
using namespace attune::test;

namespace {

struct HuggingFace : testing::Test {
  Folder folder;
  LlamaFolder files;

  llvm::Expected<Model> load() {
    files.write(folder);
    return loadModel(folder.path());
  }
  Description description() {
    auto model = valueOf(load());
    return model ? std::move(model->description) : Description();
  }
  void refuses(std::initializer_list<llvm::StringRef> texts) { expectError(load(), texts); }
};

TEST_F(HuggingFace, ReadsALlama) {
  Description model = description();
  EXPECT_EQ(model.kind, ModelKind::decoder);
  EXPECT_EQ(model.vocabulary, 10);
  EXPECT_EQ(model.hidden, 8);
  EXPECT_EQ(model.context, 64);
  ASSERT_EQ(model.layers.size(), 2u);
  const Attention &attention = *model.layers[1].attention;
  EXPECT_EQ(attention.heads, 4);
  EXPECT_EQ(attention.keyHeads, 2);
  EXPECT_EQ(attention.headSize, 2);
  EXPECT_EQ(attention.mask, Mask{true});
  EXPECT_EQ(attention.rotary, (Rotary{2, 10000, Pairing::half_split, {}}));
  EXPECT_EQ(attention.normBefore, (Norm{NormKind::rms, 0.001}));
  EXPECT_FALSE(attention.bias || attention.outputBias);
  EXPECT_EQ(model.layers[0].feedForward->activation, Activation::silu);
  EXPECT_TRUE(model.layers[0].feedForward->gated);
  EXPECT_TRUE(model.head->tied);
  EXPECT_EQ(model.tokens.bos, 1);
  EXPECT_EQ(model.tokens.eos, std::vector<int64_t>{2});
  EXPECT_EQ(model.tensors.at("layer.attention.query").name, "model.layers.{}.self_attn.q_proj.weight");
  EXPECT_EQ(model.tensors.at("layer.attention.query").types, std::vector(2, StorageType::F32));
  Schedule schedule = scheduleOf(model);
  EXPECT_EQ(schedule.kinds.size(), 1u);
  ASSERT_EQ(schedule.runs.size(), 1u);
  EXPECT_EQ(schedule.runs[0].count, 2);
}

TEST_F(HuggingFace, ThePrintedDescriptionLoadsToTheSameModel) {
  Description model = description();
  auto again = valueOf(loadModel(folder.write("model.yaml", yaml::printDescription(model))));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->description, model);
  EXPECT_EQ(again->weights.tensors().size(), files.tensors.size());
}

TEST_F(HuggingFace, HeadSizeAbsentNullOrItsOwn) {
  files.config["head_dim"] = nullptr;
  EXPECT_EQ(description().layers[0].attention->headSize, 2);
  files.config["head_dim"] = 6; // heads x size is not hidden
  for (llvm::StringRef layer : {"model.layers.0.", "model.layers.1."}) {
    files.tensors[(layer + "self_attn.q_proj.weight").str()] = {24, 8};
    files.tensors[(layer + "self_attn.k_proj.weight").str()] = {12, 8};
    files.tensors[(layer + "self_attn.v_proj.weight").str()] = {12, 8};
    files.tensors[(layer + "self_attn.o_proj.weight").str()] = {8, 24};
  }
  EXPECT_EQ(description().layers[0].attention->headSize, 6);
}

TEST_F(HuggingFace, KeyHeadsDefaultToHeads) {
  files.config.erase("num_key_value_heads");
  refuses({"'model.layers.0.self_attn.k_proj.weight' has shape [4, 8], expected [8, 8] (attention.key of "
           "layer 0)"});
}

TEST_F(HuggingFace, HeadsThatDoNotDivide) {
  files.config["num_attention_heads"] = 7;
  refuses(
      {"config.json: 'num_key_value_heads' is 2, which does not divide 'num_attention_heads', which is 7"});
  files.config["num_key_value_heads"] = 1;
  refuses({"'num_attention_heads' is 7, which does not divide 'hidden_size', which is 8"});
}

TEST_F(HuggingFace, RotaryScalingInBothStyles) {
  RotaryScaling llama3{ScalingKind::llama3, 8, 1, 4, 32, {}};
  llvm::json::Object scaling{{"factor", 8},
                             {"low_freq_factor", 1},
                             {"high_freq_factor", 4},
                             {"original_max_position_embeddings", 32}};
  files.config["rope_theta"] = 5000;
  for (llvm::StringRef key : {"type", "rope_type"}) {
    llvm::json::Object old = scaling;
    old[key] = "llama3";
    files.config["rope_scaling"] = std::move(old);
    Rotary rotary = *description().layers[0].attention->rotary;
    EXPECT_EQ(rotary.scaling, llama3);
    EXPECT_EQ(rotary.base, 5000);
  }
  files.config.erase("rope_scaling");
  files.config.erase("rope_theta");
  scaling["rope_type"] = "llama3";
  scaling["rope_theta"] = 5000;
  files.config["rope_parameters"] = llvm::json::Object(scaling);
  EXPECT_EQ(description().layers[0].attention->rotary, (Rotary{2, 5000, Pairing::half_split, llama3}));

  files.config["rope_parameters"] =
      llvm::json::Object{{"rope_type", "linear"}, {"factor", 2.5}, {"rope_theta", 10000}};
  EXPECT_EQ(description().layers[0].attention->rotary->scaling,
            (RotaryScaling{ScalingKind::linear, 2.5, 1, 4, 0, {}}));
  files.config["rope_parameters"] = llvm::json::Object{{"rope_type", "default"}, {"rope_theta", 7}};
  EXPECT_EQ(description().layers[0].attention->rotary, (Rotary{2, 7, Pairing::half_split, {}}));
}

TEST_F(HuggingFace, DynamicScalingIsOfLongerContextsAlone) {
  files.config["rope_scaling"] = llvm::json::Object{{"rope_type", "dynamic"}, {"factor", 2}};
  Description model = description();
  Rotary rotary = *model.layers[0].attention->rotary, plain = rotary;
  plain.scaling = {};
  EXPECT_EQ(rotary.scaling.kind, ScalingKind::dynamic);
  EXPECT_EQ(rotary.scaling.originalContext, model.context);
  EXPECT_EQ(rotaryFrequencies(rotary), rotaryFrequencies(plain));
  EXPECT_FALSE(bool(validate(model)));
  model.context += 1;
  std::string text = llvm::toString(validate(model));
  EXPECT_NE(text.find("layers[0].attention.rotary.scaling.original_context: is " +
                      std::to_string(model.context - 1)),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("context, which is " + std::to_string(model.context)), std::string::npos) << text;
}

TEST_F(HuggingFace, RotaryScalingThatIsNotSupported) {
  files.config["rope_scaling"] = llvm::json::Object{{"rope_type", "snake"}, {"factor", 2}};
  refuses({"'rope_scaling.rope_type' is \"snake\", expected one of: default, dynamic, linear, llama3"});
  files.config["rope_scaling"] = llvm::json::Object{{"type", "llama3"}, {"factor", 2}};
  refuses({"'rope_scaling.low_freq_factor' is absent, expected a number"});
  files.config["rope_scaling"] = llvm::json::Object{{"type", "linear"}, {"factor", 0}};
  refuses({"'rope_scaling.factor' is 0, expected a positive number"});
  files.config["rope_scaling"] = "linear";
  refuses({"'rope_scaling' is \"linear\", expected an object"});
}

TEST_F(HuggingFace, UntiedNeedsAHead) {
  files.config["tie_word_embeddings"] = false;
  refuses({"tensor 'lm_head.weight' is missing", "[10, 8]"});
  files.tensors["lm_head.weight"] = {10, 8};
  EXPECT_FALSE(description().head->tied);
  files.config["tie_word_embeddings"] = true; // a copy that some files hold is left aside
  EXPECT_TRUE(description().head->tied);
}

TEST_F(HuggingFace, BiasesAreAllUsedOrRefused) {
  files.tensors["model.layers.1.self_attn.o_proj.bias"] = {8};
  refuses({"model.safetensors: tensor 'model.layers.1.self_attn.o_proj.bias' (f32 [8]) is not used"});
  files.config["attention_bias"] = true;
  refuses({"tensor 'model.layers.0.self_attn.q_proj.bias' is missing", "[8]"});
  for (llvm::StringRef layer : {"model.layers.0.", "model.layers.1."}) {
    files.tensors[(layer + "self_attn.q_proj.bias").str()] = {8};
    files.tensors[(layer + "self_attn.k_proj.bias").str()] = {4};
    files.tensors[(layer + "self_attn.v_proj.bias").str()] = {4};
    files.tensors[(layer + "self_attn.o_proj.bias").str()] = {8};
  }
  Description model = description();
  EXPECT_TRUE(model.layers[0].attention->bias && model.layers[0].attention->outputBias);
  EXPECT_FALSE(model.layers[0].feedForward->bias);
}

TEST_F(HuggingFace, TensorsAreMissingUnknownOrOfTheWrongShape) {
  files.tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = {1}; // a buffer of old files
  EXPECT_EQ(description().layers.size(), 2u);
  files.tensors["model.layers.2.mlp.up_proj.weight"] = {12, 8};
  refuses({"tensor 'model.layers.2.mlp.up_proj.weight' (f32 [12, 8]) is not used"});
  files.tensors.erase("model.layers.2.mlp.up_proj.weight");
  files.tensors["model.norm.weight"] = {9};
  refuses({"tensor 'model.norm.weight' has shape [9], expected [8] (final_norm)"});
  files.tensors.erase("model.norm.weight");
  refuses({"tensor 'model.norm.weight' is missing; expected it with shape [8] (final_norm)"});
}

TEST_F(HuggingFace, ValuesThatAreNotSupported) {
  struct {
    llvm::StringRef key;
    llvm::json::Value value;
    llvm::StringRef error;
  } cases[] = {
      {"model_type", "llama9", "'model_type' is \"llama9\", expected one of: "},
      {"model_type", nullptr, "'model_type' is absent, expected a string"},
      {"architectures", llvm::json::Array{"LlamaForSequenceClassification"},
       "'architectures' is [\"LlamaForSequenceClassification\"], expected"},
      {"hidden_act", "snake", "'hidden_act' is \"snake\", expected one of: gelu, "},
      {"hidden_size", "8", "'hidden_size' is \"8\", expected a whole number from 1"},
      {"hidden_size", 8.5, "'hidden_size' is 8.5, expected a whole number"},
      {"hidden_size", 0, "'hidden_size' is 0, expected a whole number from 1"},
      {"hidden_size", nullptr, "'hidden_size' is absent"},
      {"vocab_size", int64_t(1) << 40, "'vocab_size' is 1099511627776"},
      {"num_hidden_layers", 2000000000, "'num_hidden_layers' is 2000000000, expected at most 10000"},
      {"rms_norm_eps", -1, "'rms_norm_eps' is -1, expected a positive number"},
      {"rope_theta", -5, "'rope_theta' is -5, expected a positive number"},
      {"attention_bias", 1, "'attention_bias' is 1, expected true or false"},
      {"quantization_config", llvm::json::Object{{"bits", 4}},
       "'quantization_config' is {\"bits\":4}, expected none"},
      {"is_encoder_decoder", true, "'is_encoder_decoder' is true"},
      {"partial_rotary_factor", 0.5, "'partial_rotary_factor' is 0.5, expected 1"},
      {"eos_token_id", 10, "tokens.eos is 10, expected a token id below vocabulary, which is 10"},
      {"eos_token_id", "x", "'eos_token_id' is \"x\", expected a whole number or a list"},
      {"head_dim", 3, "rotary.dims is 3, expected an even number"},
  };
  for (auto &entry : cases) {
    LlamaFolder saved = files;
    files.config[entry.key] = entry.value;
    refuses({entry.error});
    files = std::move(saved);
  }
}

TEST_F(HuggingFace, GenerationAndTemplates) {
  folder.write(
      "generation_config.json",
      R"({"eos_token_id": [2, 5], "temperature": 0.6, "top_p": 0.9, "do_sample": true, "pad_token_id": -1})");
  folder.write(
      "tokenizer_config.json",
      R"({"add_bos_token": true, "chat_template": [{"name": "tool", "template": "T"}, {"name": "default", "template": "D"}]})");
  folder.write("tokenizer.json", "{}");
  folder.write("tokenizer.model", ""); // of which the other was made
  Description model = description();
  EXPECT_EQ(model.tokens.eos, (std::vector<int64_t>{2, 5}));
  EXPECT_EQ(model.tokens.bos, 1);
  EXPECT_FALSE(model.tokens.pad);
  EXPECT_EQ(model.tokens.addBos, true);
  EXPECT_EQ(model.generation.temperature, 0.6);
  EXPECT_EQ(model.generation.topP, 0.9);
  EXPECT_EQ(model.chatTemplate, "D");
  EXPECT_EQ(model.tokenizer, folder.path("tokenizer.json"));
  folder.write("chat_template.jinja", "J\n");
  EXPECT_EQ(description().chatTemplate, "J\n");
}

TEST_F(HuggingFace, ModelsOfSentencePieceWhereNothingElseIs) {
  for (llvm::StringRef name : {"tokenizer.model", "spiece.model", "source.spm", "tokenizer.json"}) {
    folder.write(name, "");
    EXPECT_EQ(description().tokenizer, folder.path(name));
  }
}

TEST_F(HuggingFace, FoldersThatAreNoModel) {
  expectError(loadModel(folder.path()), {folder.path(), "no config.json"});
  folder.write("tokenizer.json", "{}");
  auto tokenizer = valueOf(loadModel(folder.path()));
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(tokenizer->description.kind, ModelKind::tokenizer);
  folder.write("config.json", "{\"model_type\": ");
  expectError(loadModel(folder.path()), {"config.json"});
  folder.write("config.json", "[]");
  expectError(loadModel(folder.path()), {"config.json", "expected a JSON object"});
  expectError(loadModel(folder.path("absent")), {"no such file or folder"});
  expectError(loadModel(folder.path("tokenizer.json")), {"expected a model"});
}

TEST_F(HuggingFace, FoldersWithOtherLetters) {
  files.write(folder);
  std::string path = folder.path("modèle d'essai \"α\"");
  ASSERT_FALSE(llvm::sys::fs::create_directory(path));
  for (llvm::StringRef name : {"config.json", "model.safetensors"})
    ASSERT_FALSE(llvm::sys::fs::rename(folder.path(name), path + "/" + name.str()));
  auto model = valueOf(loadModel(path));
  ASSERT_TRUE(model);
  auto again = valueOf(loadModel(folder.write("again.yaml", yaml::printDescription(model->description))));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->description, model->description);
}

TEST(RotaryFrequencies, Llama3HasThreeBands) {
  Rotary rotary{64, 500000, Pairing::half_split, {ScalingKind::llama3, 32, 1, 4, 8192, {}}};
  std::vector<float> scaled = rotaryFrequencies(rotary);
  rotary.scaling = {};
  std::vector<float> plain = rotaryFrequencies(rotary);
  ASSERT_EQ(plain.size(), 32u);
  EXPECT_EQ(plain[0], 1);
  EXPECT_EQ(scaled[0], plain[0]);             // short waves stay
  EXPECT_EQ(scaled[31], plain[31] / 32);      // long ones are stretched
  EXPECT_GT(plain[16] / scaled[16], 1.0001f); // those between are blended
  EXPECT_LT(plain[16] / scaled[16], 31.9f);
  // By the formula in exact arithmetic: wavelength 2 pi / f, smooth = (8192 / wavelength - 1) / 3.
  double f = std::pow(500000.0, -0.5), smooth = (8192 * f / (2 * M_PI) - 1) / 3;
  EXPECT_NEAR(scaled[16], (1 - smooth) * f / 32 + smooth * f, 1e-9);
}

TEST(RotaryFrequencies, LinearAndFactors) {
  Rotary rotary{4, 100, Pairing::interleaved, {}};
  EXPECT_EQ(rotaryFrequencies(rotary), (std::vector<float>{1, 1.0f / 10.0f}));
  rotary.scaling = {ScalingKind::linear, 4, 1, 4, 0, {}};
  EXPECT_EQ(rotaryFrequencies(rotary), (std::vector<float>{0.25f, 0.1f / 4}));
  rotary.scaling = {ScalingKind::factors, 1, 1, 4, 0, {2, 8}};
  EXPECT_EQ(rotaryFrequencies(rotary), (std::vector<float>{0.5f, 0.1f / 8}));
}

} // namespace
