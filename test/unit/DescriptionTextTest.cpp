// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Descriptions as YAML: what is read, what is refused and how, and that printing loses nothing.

#include "frontend/yaml/DescriptionText.h"
#include "frontend/Model.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"

using namespace attune;
using yaml::parseDescription;
using yaml::printDescription;

static const char smallModel[] = R"(name: small
kind: decoder
vocabulary: 10
hidden: 8
context: 32
layers:
  - at: 0-1
    attention:
      heads: 2
      head_size: 4
      mask: causal
      rotary: {dims: 4, pairing: half_split}
head: {tied: true}
weights: {random: 1}
)";

static std::string replaced(std::string text, const std::string &from, const std::string &to) {
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

static std::string errorOf(const std::string &text) {
  auto parsed = parseDescription(text, "model.yaml");
  return parsed ? "" : llvm::toString(parsed.takeError());
}

/// The error of the small model with a piece replaced.
static std::string errorWith(const std::string &from, const std::string &to) {
  return errorOf(replaced(smallModel, from, to));
}

TEST(DescriptionText, ReadsAHandWrittenModel) {
  auto parsed = parseDescription(smallModel, "model.yaml");
  ASSERT_TRUE(!!parsed) << llvm::toString(parsed.takeError());
  const Description &model = parsed->description;
  EXPECT_EQ(model.name, "small");
  ASSERT_EQ(model.layers.size(), 2u);
  EXPECT_EQ(model.layers[1].attention->heads, 2);
  EXPECT_EQ(model.layers[1].attention->keyHeads, 2); // as many as heads
  EXPECT_TRUE(model.layers[1].attention->mask.causal);
  EXPECT_EQ(model.layers[1].attention->scoreScale(), 0.5);
  EXPECT_EQ(model.layers[1].attention->rotary->base, 10000);
  EXPECT_EQ(model.origin.fields.at("layers[0].attention.heads").line, 9u);
  EXPECT_EQ(model.origin.fields.at("layers[0].attention.heads").column, 14u);
}

TEST(DescriptionText, FractionsAreNumbers) {
  auto parsed =
      parseDescription(replaced(smallModel, "mask: causal", "mask: causal\n      scale: 1/3"), "model.yaml");
  ASSERT_TRUE(!!parsed) << llvm::toString(parsed.takeError());
  EXPECT_EQ(parsed->description.layers[0].attention->scale, 1.0 / 3);
}

TEST(DescriptionText, LayersMayAlternate) {
  std::string text = replaced(smallModel, "at: 0-1", "at: [0-1, 3]") + "";
  text = replaced(text, "head:", R"(  - at: 2
    attention:
      heads: 2
      head_size: 4
      mask: {causal: true, window: 7}
head:)");
  auto parsed = parseDescription(text, "model.yaml");
  ASSERT_TRUE(!!parsed) << llvm::toString(parsed.takeError());
  ASSERT_EQ(parsed->description.layers.size(), 4u);
  EXPECT_EQ(parsed->description.layers[2].attention->mask.window, 7);
  EXPECT_EQ(parsed->description.layers[3].attention->mask.window, 0);
  EXPECT_EQ(parsed->description.layers[3], parsed->description.layers[0]);
}

TEST(DescriptionText, UnknownKeysAreRefusedWithCaretAndSuggestion) {
  EXPECT_EQ(
      errorWith("      heads: 2", "      headz: 2\n      heads: 2"),
      "model.yaml:9:7: error: unknown key 'headz' in layers[0].attention, expected one of: heads, key_heads, "
      "head_size, value_size, mask, scale, normalizer, soft_cap, projections, output, bias, output_bias, "
      "query_key_norm, query_key_norm_span, query_key_norm_after_rotary, rotary, temperature, relative_bias, "
      "sinks, latent, norm_before, norm_branch, norm_after, residual, residual_scale (did you mean "
      "'heads'?)\n"
      "      headz: 2\n"
      "      ^~~~~");
}

TEST(DescriptionText, UnknownWordsAreRefusedWithTheExpectedOnes) {
  EXPECT_EQ(errorWith("half_split", "half"),
            "model.yaml:12:34: error: layers[0].attention.rotary.pairing is 'half', "
            "expected one of: half_split, interleaved\n"
            "      rotary: {dims: 4, pairing: half}\n"
            "                                 ^~~~");
}

TEST(DescriptionText, WrongKindsOfValues) {
  EXPECT_NE(
      errorWith("hidden: 8", "hidden: eight").find("4:9: error: hidden is 'eight', expected a whole number"),
      std::string::npos);
  EXPECT_NE(errorWith("hidden: 8", "hidden: [8]").find("hidden is a list, expected a whole number"),
            std::string::npos);
  EXPECT_NE(errorWith("hidden: 8", "hidden: 99999999999999999999").find("expected a whole number"),
            std::string::npos);
  EXPECT_NE(errorWith("tied: true", "tied: yes").find("head.tied is 'yes', expected true or false"),
            std::string::npos);
  EXPECT_NE(errorWith("mask: causal", "mask: casual").find("expected none, causal, or a map"),
            std::string::npos);
  EXPECT_NE(errorWith("{random: 1}", "{random: -1}").find("expected a whole number that is not negative"),
            std::string::npos);
  EXPECT_NE(errorWith("mask: causal", "mask: causal\n      scale: 1/0").find("is '1/0', expected a number"),
            std::string::npos);
  EXPECT_NE(errorWith("mask: causal", "mask: causal\n      scale: nan").find("expected a number"),
            std::string::npos);
}

TEST(DescriptionText, MissingKeys) {
  EXPECT_NE(errorWith("      heads: 2\n", "").find("layers[0].attention needs the key 'heads'"),
            std::string::npos);
  EXPECT_NE(errorWith("at: 0-1", "at: 1-2").find("layer 0 is not described, though layer 2 is"),
            std::string::npos);
  EXPECT_NE(errorWith("name: small\n", "").find("the description needs the key 'name'"), std::string::npos);
  EXPECT_NE(errorWith("head: {tied: true}\n", "").find("head is missing"), std::string::npos);
}

TEST(DescriptionText, LayersAreDescribedOnce) {
  std::string text = replaced(
      smallModel, "head:", "  - at: [1]\n    attention: {heads: 2, head_size: 4, mask: none}\nhead:");
  EXPECT_NE(errorOf(text).find("layer 1 is described twice"), std::string::npos);
  EXPECT_NE(errorWith("at: 0-1", "at: 1-0").find("expected layers: a number or a range"), std::string::npos);
  EXPECT_NE(errorWith("at: 0-1", "at: 0-99999999").find("below 10000"), std::string::npos);
}

TEST(DescriptionText, ValuesAreCheckedWithTheirPlace) {
  EXPECT_EQ(
      errorWith("heads: 2\n", "heads: 7\n      key_heads: 2\n"),
      "model.yaml:10:18: error: layers[0].attention.key_heads is 2, which does not divide heads, which is 7\n"
      "      key_heads: 2\n"
      "                 ^");
  EXPECT_NE(errorWith("dims: 4", "dims: 6")
                .find("rotary.dims is 6, expected an even number from 2 to head_size, which is 4"),
            std::string::npos);
  EXPECT_NE(errorWith("dims: 4", "dims: 3").find("rotary.dims is 3"), std::string::npos);
  EXPECT_NE(errorWith("hidden: 8", "hidden: 0").find("hidden is 0, expected a number from 1"),
            std::string::npos);
  EXPECT_NE(errorOf(std::string(smallModel) + "tokens: {bos: 10}\n")
                .find("tokens.bos is 10, expected a token id below vocabulary, which is 10"),
            std::string::npos);
}

TEST(DescriptionText, NoYamlAtAll) {
  EXPECT_NE(errorOf("").find("the text is nothing, expected a map"), std::string::npos);
  EXPECT_NE(errorOf("- 1\n- 2\n").find("is a list, expected a map"), std::string::npos);
  EXPECT_NE(errorOf("a: [1, 2\n"), "");
  EXPECT_NE(errorOf("name: a\nname: b\n").find("'name' stands here twice"), std::string::npos);
  EXPECT_NE(errorOf(std::string("name: a\0b", 9)).find("zero byte"), std::string::npos);
  EXPECT_NE(errorOf("name: \xff\xfe").find("no UTF-8 text at byte 6"), std::string::npos);
  EXPECT_NE(errorOf("name: " + std::string(100000, '[')).find("nested deeper"), std::string::npos);
  EXPECT_NE(errorOf("name: &a x\nkind: *a\n"), "");
  EXPECT_NE(errorOf(std::string(smallModel) + "---\nname: other\n"), "");
}

/// Every field away from its default at least once.
static Description fullDescription() {
  Description model;
  model.name = "full: \"quoted\", \\ and # signs";
  model.vocabulary = 100;
  model.hidden = 16;
  model.context = 64;
  model.embedding.scale = 4;
  model.embedding.norm = Norm{NormKind::layer, 1e-12, true, true};
  model.positions = {PositionKind::learned, Combine::add, Pairing::interleaved, 10000, 66, 2};
  Attention attention;
  attention.heads = 4;
  attention.keyHeads = 2;
  attention.headSize = 8;
  attention.mask = {true, 512, 8192};
  attention.scale = 1.0 / 3;
  attention.softCap = 50;
  attention.bias = true;
  attention.queryKeyNorm = Norm{NormKind::rms, 1e-6, true, false, 1};
  attention.queryKeyNormSpan = NormSpan::projection;
  attention.rotary = Rotary{8, 500000, Pairing::interleaved, {ScalingKind::llama3, 8, 1, 4, 8192, {}}};
  attention.normBefore = Norm{NormKind::rms, 0.001};
  attention.normBranch = Norm{NormKind::rms, 1e-6, false};
  attention.residualScale = 0.22;
  FeedForward ffn;
  ffn.size = 48;
  ffn.activation = Activation::gelu_tanh;
  ffn.gated = ffn.bias = true;
  ffn.normAfter = Norm{NormKind::layer, 1e-5, true, true};
  model.layers = {Layer{attention, ffn}, Layer{attention, ffn, true}, Layer{attention, ffn}};
  model.layers[1].attention->rotary->scaling = {ScalingKind::factors, 1, 1, 4, 0, {1, 1.5, 2.25, 0.1f}};
  model.layers[2].attention->rotary.reset();
  model.finalNorm = Norm{NormKind::rms, 1e-6};
  model.head = Head{false, true, 0.0625, 30};
  model.tokens = {1, std::nullopt, {2, 3}, false};
  model.generation = {true, 0.6, 0.95, std::nullopt, 1.1, 40};
  model.chatTemplate = "{% for m in messages %}\n  {{ m['content'] + \"\\n\" }}\t \xc3\xa9 \xe2\x80\xa8 "
                       "\xf0\x9f\x98\x80\n{% endfor %}\n";
  model.tokenizer = "/a folder/with spaces/and \xc3\xa4/tokenizer.json";
  model.weights = {"/models/x y.gguf", std::nullopt, {"*.inv_freq"}};
  model.tensors["embedding"] = {"token_embd.weight", false, {StorageType::Q8_0}, std::nullopt};
  model.tensors["layer.attention.query"] = {
      "blk.{}.attn_q.weight", true, {StorageType::Q4_K, StorageType::Q6_K, StorageType::Q4_K}, std::nullopt};
  model.tensors["layer.attention.key"] = {"blk.{}.attn_k.weight", false, std::vector(3, StorageType::BF16),
                                          std::nullopt};
  model.tensors["final_norm"] = {"", false, {}, Literal{std::vector<double>(16, 0.1)}};
  return model;
}

TEST(DescriptionText, PrintedDescriptionsReadBackEqual) {
  Description model = fullDescription();
  ASSERT_FALSE(!!validate(model));
  std::string text = printDescription(model);
  auto parsed = parseDescription(text, "printed.yaml");
  ASSERT_TRUE(!!parsed) << llvm::toString(parsed.takeError()) << "\n" << text;
  EXPECT_EQ(parsed->description, model) << text << "\n---\n" << printDescription(parsed->description);
  EXPECT_EQ(printDescription(parsed->description), text);
}

/// What fullDescription() has no room for: an encoder, latent attention, experts, parts of tensors.
static Description pairDescription() {
  Description model = fullDescription();
  model.kind = ModelKind::encoder_decoder;
  model.tokens.decoderStart = model.tokens.mask = 0;
  model.tokens.forcedBos = 1;
  model.tokens.forcedEos = 2;
  model.tokens.banned = {{3}, {0, 2}};
  model.tokens.bannedFirst = {3};
  model.generation.minLength = 3;
  model.generation.noRepeat = 2;
  model.generation.beams = 4;
  model.generation.maxLength = 90;
  model.generation.lengthPenalty = 0.6;
  model.generation.earlyStopping = EarlyStopping::never;
  model.sentence = SentenceVector{Pooling::last, true};
  model.embedding.size = 8;
  model.embedding.tokenTypes = 2;
  model.head->transform =
      HeadTransform{Activation::gelu_tanh, false, Norm{NormKind::layer, 1e-12, true, true}};
  Attention &latent = *model.layers[1].attention;
  latent.keyHeads = latent.heads;
  latent.valueSize = 6;
  latent.latent = Latent{8, 12, Norm{NormKind::rms, 1e-6}};
  latent.queryKeyNorm.reset();
  latent.rotary->dims = 4;
  latent.rotary->scaling = {ScalingKind::longrope, 1, 1, 4, 32, {1, 2}, {3, 4}};
  latent.rotary->scaling.magnitude = 1.5;
  Attention &other = *model.layers[2].attention;
  other.temperature = Temperature{4096, 0.2};
  other.sinks = other.queryKeyNormAfterRotary = true;
  other.queryKeyNormSpan = NormSpan::head;
  other.rotary =
      Rotary{4, 1000, Pairing::half_split, {ScalingKind::yarn, 8, 1, 4, 64, {}, {}, 16, 2, false, 1.25}};
  Experts experts;
  experts.count = 8;
  experts.perToken = 3;
  experts.scores = RouterScores::sigmoid;
  experts.renormalize = experts.routerBias = experts.correctionBias = experts.weighInput = true;
  experts.scale = 2.5;
  experts.groups = 4;
  experts.topGroups = 2;
  experts.groupScore = GroupScore::top2_sum;
  experts.limit = 7;
  experts.upOffset = 1;
  experts.shared = SharedExpert{24, true};
  model.layers[2].feedForward->experts = experts;
  Attention cross;
  cross.heads = cross.keyHeads = 2;
  cross.headSize = 8;
  model.layers[0].crossAttention = cross;
  Stack encoder;
  encoder.positions.kind = PositionKind::sinusoidal;
  encoder.layers = {Layer{cross, FeedForward()}};
  encoder.layers[0].attention->relativeBias = RelativeBias{16, 100};
  encoder.layers[0].feedForward->size = 20;
  model.encoder = encoder;
  TensorSource sliced{"blk.{}.{expert}.qkv", true, {}, std::nullopt};
  sliced.rows = RowSlice{8, 8, 24, 0};
  sliced.storedColumns = 40;
  model.tensors["encoder.layer.attention.key"] = sliced;
  model.tensors["layer.attention.key"].types[1] = StorageType::F32; // latent attention has no such parameter
  return model;
}

TEST(DescriptionText, PrintedPairsReadBackEqual) {
  Description model = pairDescription();
  llvm::Error problem = validate(model);
  ASSERT_FALSE(!!problem) << llvm::toString(std::move(problem));
  std::string text = printDescription(model);
  auto parsed = parseDescription(text, "printed.yaml");
  ASSERT_TRUE(!!parsed) << llvm::toString(parsed.takeError()) << text;
  EXPECT_TRUE(parsed->description == model) << text;
}

TEST(DescriptionText, ExamplesLoadAndRoundTrip) {
  for (const char *name :
       {"lecture_qkv", "lecture_matrices", "small_gpt", "masked_words", "translation", "mixture", "hybrid"}) {
    auto model = loadModel(std::string(ATTUNE_TEST_DATA "/../examples/") + name + ".yaml");
    ASSERT_TRUE(!!model) << llvm::toString(model.takeError());
    auto parsed = parseDescription(printDescription(model->description), "printed.yaml");
    ASSERT_TRUE(!!parsed) << llvm::toString(parsed.takeError());
    EXPECT_EQ(parsed->description, model->description) << name;
  }
}

TEST(DescriptionText, RandomWeightsThatNoMemoryHolds) {
  llvm::SmallString<128> path;
  ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("huge", "yaml", path));
  {
    std::error_code code;
    llvm::raw_fd_ostream(path, code) << replaced(smallModel, "vocabulary: 10", "vocabulary: 2000000000");
  }
  auto model = loadModel(path);
  llvm::sys::fs::remove(path);
  ASSERT_FALSE(!!model);
  std::string error = llvm::toString(model.takeError());
  EXPECT_NE(error.find("weights.random stands for more than 17179869184 bytes"), std::string::npos) << error;
  EXPECT_NE(error.find("^"), std::string::npos) << error;
}
