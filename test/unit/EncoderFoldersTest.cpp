// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Folders of encoders to descriptions: families, names in the files, sentence-transformers.

#include "LlamaFiles.h"
#include "frontend/Model.h"
#include "frontend/yaml/DescriptionText.h"

using namespace attune;
using namespace attune::test;
using llvm::json::Array;
using llvm::json::Object;

namespace {

struct EncoderFolders : testing::Test {
  Folder folder;
  LlamaFolder files; // its config and tensors are replaced

  void linear(const std::string &name, int64_t out, int64_t in) {
    files.tensors[name + ".weight"] = {out, in};
    files.tensors[name + ".bias"] = {out};
  }
  void norm(const std::string &name) {
    files.tensors[name + ".weight"] = files.tensors[name + ".bias"] = {8};
  }

  void bert(const std::string &prefix = "bert.") {
    files.config = Object{{"model_type", "bert"},     {"architectures", Array{"BertModel"}},
                          {"vocab_size", 10},         {"hidden_size", 8},
                          {"intermediate_size", 12},  {"num_hidden_layers", 2},
                          {"num_attention_heads", 4}, {"max_position_embeddings", 16},
                          {"layer_norm_eps", 0.001},  {"type_vocab_size", 3},
                          {"pad_token_id", 0}};
    files.tensors.clear();
    std::string embeddings = prefix + "embeddings.";
    files.tensors[embeddings + "word_embeddings.weight"] = {10, 8};
    files.tensors[embeddings + "position_embeddings.weight"] = {16, 8};
    files.tensors[embeddings + "token_type_embeddings.weight"] = {3, 8};
    norm(embeddings + "LayerNorm");
    for (int layer = 0; layer < 2; ++layer) {
      std::string at = prefix + "encoder.layer." + std::to_string(layer) + ".";
      for (const char *name : {"query", "key", "value"})
        linear(at + "attention.self." + name, 8, 8);
      linear(at + "attention.output.dense", 8, 8);
      norm(at + "attention.output.LayerNorm");
      linear(at + "intermediate.dense", 12, 8);
      linear(at + "output.dense", 8, 12);
      norm(at + "output.LayerNorm");
    }
  }
  void bertHead() {
    files.config["architectures"] = Array{"BertForMaskedLM"};
    linear("cls.predictions.transform.dense", 8, 8);
    norm("cls.predictions.transform.LayerNorm");
    files.tensors["cls.predictions.bias"] = {10};
  }

  void modernBert() {
    files.config = Object{{"model_type", "modernbert"}, {"architectures", Array{"ModernBertForMaskedLM"}},
                          {"vocab_size", 10},           {"hidden_size", 8},
                          {"intermediate_size", 6},     {"num_hidden_layers", 4},
                          {"num_attention_heads", 2},   {"max_position_embeddings", 32},
                          {"local_attention", 9},       {"norm_eps", 0.001}};
    files.tensors.clear();
    files.tensors["model.embeddings.tok_embeddings.weight"] = {10, 8};
    for (const char *name : {"model.embeddings.norm", "model.final_norm", "head.norm"})
      files.tensors[name + std::string(".weight")] = {8};
    files.tensors["head.dense.weight"] = {8, 8};
    files.tensors["decoder.bias"] = {10};
    for (int layer = 0; layer < 4; ++layer) {
      std::string at = "model.layers." + std::to_string(layer) + ".";
      files.tensors[at + "attn.Wqkv.weight"] = {24, 8};
      files.tensors[at + "attn.Wo.weight"] = {8, 8};
      files.tensors[at + "mlp.Wi.weight"] = {12, 8};
      files.tensors[at + "mlp.Wo.weight"] = {8, 6};
      files.tensors[at + "mlp_norm.weight"] = {8};
      if (layer)
        files.tensors[at + "attn_norm.weight"] = {8};
    }
  }

  void rename(llvm::StringRef from, llvm::StringRef to) {
    auto old = std::exchange(files.tensors, {});
    for (auto &[name, shape] : old) {
      std::string other = name;
      if (size_t at = other.find(from.str()); at != std::string::npos)
        other.replace(at, from.size(), to.str());
      files.tensors[other] = shape;
    }
  }

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

TEST_F(EncoderFolders, ReadsABert) {
  bert();
  files.tensors["bert.pooler.dense.weight"] = {8, 8};
  files.tensors["bert.pooler.dense.bias"] = {8};
  Description model = description();
  EXPECT_EQ(model.kind, ModelKind::encoder);
  EXPECT_EQ(model.context, 16);
  EXPECT_EQ(model.embedding.tokenTypes, 3);
  EXPECT_EQ(model.embedding.norm, (Norm{NormKind::layer, 0.001, true, true}));
  EXPECT_EQ(model.positions.kind, PositionKind::learned);
  EXPECT_FALSE(model.head || model.finalNorm || model.positions.uncounted);
  ASSERT_EQ(model.layers.size(), 2u);
  EXPECT_EQ(model.layers[1].attention->mask, Mask());
  EXPECT_EQ(model.layers[1].attention->normAfter, model.embedding.norm);
  EXPECT_EQ(model.layers[1].feedForward->activation, Activation::gelu);
  auto again = valueOf(loadModel(folder.write("model.yaml", yaml::printDescription(model))));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->description, model);
}

TEST_F(EncoderFolders, TheHeadThatPredictsWords) {
  bert();
  bertHead();
  files.config["hidden_act"] = "gelu_new";
  files.tensors["cls.predictions.decoder.weight"] = {10, 8}; // a copy of the embedding
  Description model = description();
  ASSERT_TRUE(model.head && model.head->transform);
  EXPECT_TRUE(model.head->tied && model.head->bias);
  EXPECT_EQ(model.head->transform->activation, Activation::gelu_tanh);
  EXPECT_EQ(model.tensors.at("head.bias").name, "cls.predictions.bias");
  files.config["tie_word_embeddings"] = false;
  files.tensors["cls.predictions.decoder.bias"] = {10};
  model = description();
  EXPECT_FALSE(model.head->tied);
  EXPECT_EQ(model.tensors.at("head").name, "cls.predictions.decoder.weight");
  EXPECT_EQ(model.tensors.at("head.bias").name, "cls.predictions.decoder.bias");
  files.tensors.erase("cls.predictions.transform.dense.bias");
  refuses({"tensor 'cls.predictions.transform.dense.bias' is missing"});
}

TEST_F(EncoderFolders, NamesThatFilesHave) {
  bert("");
  files.tensors["pooler.dense.weight"] = {8, 8};
  files.tensors["embeddings.position_ids"] = {1, 16};
  Description model = description();
  EXPECT_EQ(model.tensors.at("layer.attention.query").name, "encoder.layer.{}.attention.self.query.weight");
  bert();
  bertHead();
  rename(".LayerNorm.weight", ".LayerNorm.gamma");
  rename(".LayerNorm.bias", ".LayerNorm.beta");
  model = description();
  EXPECT_EQ(model.tensors.at("layer.attention.norm_after").name,
            "bert.encoder.layer.{}.attention.output.LayerNorm.gamma");
  EXPECT_EQ(model.tensors.at("head_norm.bias").name, "cls.predictions.transform.LayerNorm.beta");
}

TEST_F(EncoderFolders, RobertaCountsPositionsBehindItsPadding) {
  bert("roberta.");
  files.config["model_type"] = "roberta";
  files.config["architectures"] = Array{"RobertaModel"};
  files.config["pad_token_id"] = 1;
  Description model = description();
  EXPECT_EQ(model.positions.offset, 2);
  EXPECT_EQ(model.positions.uncounted, 1);
  EXPECT_EQ(model.context, 14);
  files.config["pad_token_id"] = 15;
  refuses({"'pad_token_id' is 15, expected a number from 0", "which is 16"});
}

TEST_F(EncoderFolders, ReadsADistilBert) {
  bert("distilbert.");
  rename("encoder.layer.", "transformer.layer.");
  for (auto [from, to] : {std::pair("attention.self.query", "attention.q_lin"),
                          {"attention.self.key", "attention.k_lin"},
                          {"attention.self.value", "attention.v_lin"},
                          {"attention.output.dense", "attention.out_lin"},
                          {"attention.output.LayerNorm", "sa_layer_norm"},
                          {"intermediate.dense", "ffn.lin1"},
                          {"output.dense", "ffn.lin2"},
                          {"0.output.LayerNorm", "0.output_layer_norm"},
                          {"1.output.LayerNorm", "1.output_layer_norm"}})
    rename(from, to);
  files.tensors.erase("distilbert.embeddings.token_type_embeddings.weight");
  files.config = Object{{"model_type", "distilbert"},
                        {"architectures", Array{"DistilBertModel"}},
                        {"vocab_size", 10},
                        {"dim", 8},
                        {"hidden_dim", 12},
                        {"n_layers", 2},
                        {"n_heads", 4},
                        {"max_position_embeddings", 16},
                        {"activation", "relu"}};
  Description model = description();
  EXPECT_EQ(model.embedding.tokenTypes, 0);
  EXPECT_EQ(model.layers[0].attention->normAfter->eps, 1e-12);
  EXPECT_EQ(model.layers[0].feedForward->activation, Activation::relu);
  files.config["n_heads"] = 3;
  refuses({"'n_heads' is 3, which does not divide 'dim', which is 8"});
}

TEST_F(EncoderFolders, ReadsAModernBert) {
  modernBert();
  files.config["local_rope_theta"] = 500;
  files.config["global_rope_theta"] = 7000;
  Description model = description();
  for (int layer = 0; layer < 4; ++layer) {
    const Attention &attention = *model.layers[layer].attention;
    bool local = layer % 3 != 0;
    EXPECT_EQ(attention.mask, (Mask{false, local ? 5 : 0})) << layer; // 4 to either side, and itself
    EXPECT_EQ(attention.rotary->base, local ? 500 : 7000) << layer;
    EXPECT_EQ(attention.normBefore.has_value(), layer != 0);
  }
  EXPECT_EQ(model.tensors.at("layer.attention.value").rows, (RowSlice{16, 8, 0, 24}));
  EXPECT_EQ(model.tensors.at("layer.feed_forward.up").rows, (RowSlice{6, 6, 0, 12}));
  EXPECT_TRUE(model.head->transform->normBefore && !model.head->transform->bias && !model.finalNorm);

  files.config["local_rope_theta"] = nullptr;
  files.config["global_attn_every_n_layers"] = 2;
  model = description();
  EXPECT_EQ(model.layers[1].attention->rotary->base, 7000);
  EXPECT_EQ(model.layers[2].attention->mask.window, 0);

  rename("model.", "");
  for (const char *name : {"head.norm.weight", "head.dense.weight", "decoder.bias"})
    files.tensors.erase(name);
  files.config["architectures"] = Array{"ModernBertModel"};
  model = description();
  EXPECT_TRUE(model.finalNorm && !model.head);
}

TEST_F(EncoderFolders, ModernBertOfTransformers5) {
  modernBert();
  files.config["layer_types"] =
      Array{"full_attention", "full_attention", "sliding_attention", "sliding_attention"};
  files.config["rope_parameters"] =
      Object{{"full_attention", Object{{"rope_theta", 70}, {"rope_type", "default"}}},
             {"sliding_attention", Object{{"rope_theta", 50}, {"rope_type", "default"}}}};
  Description model = description();
  EXPECT_EQ(model.layers[1].attention->rotary->base, 70);
  EXPECT_EQ(model.layers[3].attention->rotary->base, 50);
  EXPECT_EQ(model.layers[3].attention->mask.window, 5);
  files.config["layer_types"] = Array{"full_attention", "full_attention", "full_attention", "chunked"};
  refuses({"'layer_types' has \"chunked\", expected full_attention or sliding_attention"});
  files.config["layer_types"] = Array{"full_attention"};
  refuses({"'layer_types' has 1 types, expected one for each of 4 layers"});
}

TEST_F(EncoderFolders, BiasesAndActivationsOfModernBert) {
  modernBert();
  for (const char *key : {"attention_bias", "mlp_bias", "norm_bias", "classifier_bias"})
    files.config[key] = true;
  files.config["decoder_bias"] = false;
  files.config["classifier_activation"] = "silu";
  files.tensors.erase("decoder.bias");
  for (auto &[name, shape] : std::map(files.tensors))
    if (name != "model.embeddings.tok_embeddings.weight")
      files.tensors[name.substr(0, name.size() - 6) + "bias"] = {shape[0]};
  Description model = description();
  EXPECT_TRUE(model.layers[0].attention->outputBias && model.layers[0].feedForward->bias);
  EXPECT_TRUE(model.embedding.norm->bias && model.head->transform->bias && !model.head->bias);
  EXPECT_EQ(model.head->transform->activation, Activation::silu);
  EXPECT_EQ(model.tensors.at("layer.attention.key.bias").rows, (RowSlice{8, 8, 0, 24}));
}

TEST_F(EncoderFolders, ValuesThatAreNotSupported) {
  struct {
    llvm::StringRef key;
    llvm::json::Value value;
    llvm::StringRef error;
  } cases[] = {
      {"architectures", Array{"BertForSequenceClassification"},
       "'architectures' is [\"BertForSequenceClassification\"], expected one of: BertModel, BertForMaskedLM"},
      {"position_embedding_type", "relative_key",
       "'position_embedding_type' is \"relative_key\", expected \"absolute\""},
      {"is_decoder", true, "'is_decoder' is true, expected false"},
      {"add_cross_attention", true, "'add_cross_attention' is true"},
      {"type_vocab_size", 0, "'type_vocab_size' is 0, expected a whole number from 1"},
      {"hidden_act", "gelu_10", "'hidden_act' is \"gelu_10\", expected one of"},
      {"num_attention_heads", 3, "'num_attention_heads' is 3, which does not divide 'hidden_size'"},
      {"layer_norm_eps", 0, "'layer_norm_eps' is 0, expected a positive number"},
  };
  for (auto &entry : cases) {
    bert();
    files.config[entry.key] = entry.value;
    refuses({"config.json", entry.error});
  }
}

TEST_F(EncoderFolders, SentenceTransformers) {
  bert("");
  folder.write("modules.json", R"([
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}])");
  folder.write("sentence_bert_config.json", R"({"max_seq_length": 12, "do_lower_case": false})");
  ASSERT_FALSE(llvm::sys::fs::create_directory(folder.path("1_Pooling")));
  auto pooling = [&](const std::string &text) { folder.write("1_Pooling/config.json", text); };
  pooling(
      R"({"word_embedding_dimension": 8, "pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true})");
  EXPECT_EQ(description().sentence, (SentenceVector{Pooling::mean, true, 12}));
  pooling(R"({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false})");
  EXPECT_EQ(description().sentence, (SentenceVector{Pooling::first, true, 12}));
  pooling(R"({"pooling_mode_max_tokens": true})");
  refuses({"1_Pooling", "'pooling_mode_max_tokens' is set, expected pooling by mean, cls or lasttoken"});
  pooling(R"({"pooling_mode_max_tokens": true, "pooling_mode_cls_token": true})");
  refuses({"is not the only one: cls_token, max_tokens, expected one"});
  pooling(R"({"pooling_mode_mean_tokens": true, "word_embedding_dimension": 9})");
  refuses({"'hidden_size' is 8, but sentences are pooled from vectors of 9 elements"});
  pooling(R"({"pooling_mode_mean_tokens": true})");
  folder.write("sentence_bert_config.json", R"({"do_lower_case": true})");
  refuses({"sentence_bert_config.json", "'do_lower_case' is true"});
  folder.write("sentence_bert_config.json", "{}");
  folder.write("modules.json", R"([{"path": "", "type": "sentence_transformers.models.Transformer"},
    {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"path": "2_Dense", "type": "sentence_transformers.models.Dense"}])");
  refuses({"modules.json: module 2 is Dense, expected Transformer, Pooling and perhaps Normalize"});
  folder.write("modules.json", "{}");
  refuses({"modules.json", "expected a list of objects"});
}

TEST_F(EncoderFolders, TheTokenThatStandsForAWord) {
  bert();
  folder.write("tokenizer_config.json", R"({"mask_token": "[MASK]", "added_tokens_decoder":
    {"3": {"content": "[CLS]"}, "7": {"content": "[MASK]"}}})");
  EXPECT_EQ(description().tokens.mask, 7);
  folder.write(
      "tokenizer_config.json",
      R"({"mask_token": {"content": "[CLS]"}, "added_tokens_decoder": {"3": {"content": "[CLS]"}}})");
  EXPECT_EQ(description().tokens.mask, 3);
  folder.write("tokenizer_config.json", R"({"mask_token": "[MASK]"})"); // the tokenizer may still know it
  EXPECT_FALSE(description().tokens.mask);
}

} // namespace
