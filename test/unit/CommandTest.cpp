// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The commands of a compiled program, on the fake model and a fake tokenizer.
#include "ErrorText.h"
#include "FakeModel.h"
#include "FakeTokenizer.h"
#include "runtime/cli/Commands.h"
#include "runtime/cli/Table.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <unistd.h>

using namespace attune;
using namespace attune::test;
using nlohmann::json;

namespace {

const json chatTemplate = "{% for m in messages %}{{ m.role[0] }} {{ m.content }}. {% endfor %}{% if "
                          "add_generation_prompt %}a {% endif %}";

class CommandTest : public testing::Test {
protected:
  void SetUp() override {
    observed = {};
    metadata = decoderMetadata(200, 16);
    metadata["tokens"] = {{"bos", 1}, {"eos", {2}}};
    metadata["chat_template"] = chatTemplate;
    tokenizer = fakeTokenizer();
  }
  void TearDown() override { EXPECT_EQ(observed.problem, ""); }

  Model &model() {
    if (!loaded) {
      payload = makePayload(metadata, tokenizer);
      loaded.emplace(Program(payload, entriesFor(metadata), "fake", kernelsFor(metadata)));
    }
    return *loaded;
  }

  template <typename Command> std::string outputOf(Command command, const cli::Common &common = {}) {
    testing::internal::CaptureStdout();
    std::string error = errorOf([&] { command.run(model(), common); });
    std::string output = testing::internal::GetCapturedStdout();
    return error == "no error" ? output : "error: " + error;
  }

  std::vector<int32_t> encode(const std::string &text) { return model().tokenizer().encode(text); }

  /// What the model says after these ids, up to the end of text.
  std::string expectedText(std::vector<int32_t> ids, size_t most) {
    std::string text;
    for (size_t i = 0; i < most; ++i) {
      int32_t next = expectedNext(ids);
      if (next == 2)
        break;
      ids.push_back(next);
      text += model().tokenizer().decode({&next, 1}, true);
    }
    return text;
  }

  std::string fileWith(const std::string &text) {
    std::string path = testing::TempDir() + "attune-command-" + std::to_string(getpid());
    std::ofstream(path) << text;
    return path;
  }

  json metadata;
  std::vector<std::byte> payload, tokenizer;
  std::optional<Model> loaded;
};

std::string withLineEnd(std::string text) {
  return !text.empty() && text.back() == '\n' ? text : text + "\n";
}

TEST_F(CommandTest, GenerateStreamsText) {
  ASSERT_EQ(encode("cat"), (std::vector<int32_t>{1, 5, 3, 22}));
  cli::Generate command;
  command.prompt = "the cat sat";
  command.maxTokens = 20;
  std::string expected = expectedText(encode("the cat sat"), 20);
  ASSERT_GT(expected.size(), 5u);
  EXPECT_EQ(outputOf(command), withLineEnd(expected));
  command.echo = true;
  EXPECT_EQ(outputOf(command), withLineEnd("the cat sat" + expected));
  command.sampling.temperature = -3;
  EXPECT_EQ(outputOf(command).find("error:"), 0u);
}

TEST_F(CommandTest, TheSameSeedGivesTheSameText) {
  cli::Generate command;
  command.prompt = "once";
  command.maxTokens = 30;
  command.sampling.temperature = 3;
  command.sampling.seed = 1;
  std::string one = outputOf(command);
  EXPECT_EQ(outputOf(command), one);
  command.sampling.seed = 2;
  EXPECT_NE(outputOf(command), one);
}

TEST_F(CommandTest, ChatUsesTheModelsTemplate) {
  cli::Chat command;
  command.message = "hello";
  command.system = "be kind";
  command.maxTokens = 10;
  std::vector<int32_t> ids = encode("s be kind. u hello. a ");
  ids.erase(ids.begin()); // the template says how a conversation begins
  EXPECT_EQ(outputOf(command), expectedText(ids, 10) + "\n");
  metadata["chat_template"] = nullptr;
  loaded.reset();
  EXPECT_NE(outputOf(command).find("no chat template"), std::string::npos);
}

TEST_F(CommandTest, ChatReadsOnlyWhatIsNew) {
  std::string path = fileWith("hello\nwhat now\n");
  ASSERT_TRUE(std::freopen(path.c_str(), "r", stdin));
  cli::Chat command;
  command.maxTokens = 10;
  std::vector<int32_t> ids = encode("u hello. a ");
  ids.erase(ids.begin());
  std::string first = expectedText(ids, 10);
  ids = encode("u hello. a " + first + ". u what now. a ");
  ids.erase(ids.begin());
  EXPECT_EQ(outputOf(command), first + "\n" + expectedText(ids, 10) + "\n");
  // Each token once, though each turn renders the whole conversation: of both answers the last token is not
  // fed, and the first answer's is then read again.
  EXPECT_LT(observed.tokens, static_cast<int64_t>(ids.size()) + 12);
}

TEST_F(CommandTest, ScorePrintsPerplexity) {
  cli::Score command;
  command.file = fileWith("a cat");
  command.json = command.tokens = true;
  json result = json::parse(outputOf(command));
  std::vector<int32_t> ids = encode("a cat");
  EXPECT_EQ(result["tokens"], 5);
  EXPECT_EQ(result["ids"], std::vector<int32_t>(ids.begin() + 1, ids.end()));
  double sum = 0;
  for (double score : result["log_probabilities"])
    sum += score;
  EXPECT_NEAR(result["perplexity"].get<double>(), std::exp(-sum / 5), 1e-9);
  EXPECT_NEAR(result["log_probability"].get<double>(), sum, 1e-9);
  command.json = false;
  std::string text = outputOf(command);
  EXPECT_NE(text.find("5 tokens scored"), std::string::npos) << text;
  EXPECT_NE(text.find("\"c\""), std::string::npos) << text;
  command.file = "/nowhere/file";
  EXPECT_NE(outputOf(command).find("cannot open '/nowhere/file'"), std::string::npos);
  command.file = fileWith("");
  EXPECT_NE(outputOf(command).find("at least two"), std::string::npos);
}

TEST_F(CommandTest, WithoutATokenizerTextIsRefused) {
  tokenizer.clear();
  cli::Generate generate;
  generate.prompt = "x";
  EXPECT_NE(outputOf(generate).find("without a tokenizer"), std::string::npos);
  cli::Score score;
  score.file = fileWith("text");
  EXPECT_NE(outputOf(score).find("without a tokenizer"), std::string::npos);
  cli::Tokenize tokenize;
  tokenize.text = "x";
  EXPECT_NE(outputOf(tokenize).find("without a tokenizer"), std::string::npos);
  EXPECT_NE(outputOf(cli::Info()).find("tokenizer         none"), std::string::npos) << outputOf(cli::Info());
}

TEST_F(CommandTest, BenchGivesItsKeys) {
  metadata["context"] = 1200;
  cli::Bench command;
  command.json = true;
  command.repeats = 2;
  json result = json::parse(outputOf(command));
  for (const char *key : {"prefill_tps", "decode_tps", "decode1k_tps", "prefill_cpu_tps"}) {
    ASSERT_EQ(result[key].size(), 2u) << key;
    EXPECT_GT(result[key][0].get<double>(), 0) << key;
  }
  EXPECT_GT(result["together_tps"][0].get<double>(), 0);
  EXPECT_EQ(result["ids"].size(), 32u);
  EXPECT_EQ(result["ids1k"].size(), 32u);
  EXPECT_GT(result["rss_mb"].get<double>(), 0);
  EXPECT_GE(result["first_s"].get<double>(), result["load_s"].get<double>());

  std::string prompts = fileWith(R"({"short": [1, 2, 3], "p512": [4, 5], "p1024": [6]})");
  command.prompts = prompts;
  std::vector<int32_t> ids = {1, 2, 3};
  for (int i = 0; i < 32; ++i)
    ids.push_back(expectedNext(ids));
  EXPECT_EQ(json::parse(outputOf(command))["ids"], std::vector<int32_t>(ids.begin() + 3, ids.end()));
  command.json = false;
  EXPECT_NE(outputOf(command).find("tokens per second"), std::string::npos);
  command.prompts = fileWith("[]");
  EXPECT_EQ(outputOf(command).find("error:"), 0u);
  command.prompts = fileWith(R"({"short": [1], "p512": ["x"], "p1024": [6]})");
  EXPECT_EQ(outputOf(command), "error: the prompts have no list of ids 'p512'");
}

TEST_F(CommandTest, EncodersAreBenchedInBatches) {
  metadata = encoderMetadata(128);
  tokenizer.clear();
  cli::Bench command;
  command.json = true;
  command.repeats = 1;
  json result = json::parse(outputOf(command));
  for (const char *batch : {"1x16", "1x128", "32x128", "32xmix"})
    EXPECT_EQ(result["ms"][batch].size(), 2u) << batch;
}

TEST_F(CommandTest, AttendShowsEveryStage) {
  metadata = literalMetadata();
  tokenizer.clear();
  EXPECT_EQ(outputOf(cli::Attend()), "q\n"
                                     "  x1  1.0000  -2.5000\n"
                                     "  x2  3.0000   4.0000\n"
                                     "\n"
                                     "scores, head 0\n"
                                     "  x1   0.3333   1.0000\n"
                                     "  x2  10.0000  11.0000\n"
                                     "scores, head 1\n"
                                     "  x1  100.3333  101.0000\n"
                                     "  x2  110.0000  111.0000\n"
                                     "\n"
                                     "outputs\n"
                                     "  x1  0.5000\n"
                                     "  x2  1.5000\n");
  cli::Attend more;
  more.decimals = 6;
  EXPECT_NE(outputOf(more).find("0.333333"), std::string::npos);
  std::vector<OwnedTensor> tensors = runLiteral(model().program());
  ASSERT_EQ(tensors.size(), 3u);
  EXPECT_EQ(tensors[1].name, "q");
  EXPECT_EQ(tensors[1].shape, (std::vector<int64_t>{1, 2, 1, 2}));
}

TEST_F(CommandTest, AttendOverATextNeedsOne) {
  EXPECT_NE(outputOf(cli::Attend()).find("needs a text"), std::string::npos);
}

TEST_F(CommandTest, AttendShowsATextsLayersAndHeads) {
  size_t tokens = encode("cat").size();
  cli::Attend command;
  command.text = "cat";
  std::string last = outputOf(command);
  EXPECT_EQ(last.find("layer 1, mean of 3 heads\n"), 0u) << last;
  EXPECT_EQ(static_cast<size_t>(std::ranges::count(last, '\n')), tokens + 2);
  command.layer = 0;
  command.head = 2;
  EXPECT_EQ(outputOf(command).find("layer 0, head 2\n"), 0u);
  command.head = 3;
  EXPECT_NE(outputOf(command).find("there is no head 3"), std::string::npos);
}

TEST_F(CommandTest, AttendWritesAPage) {
  cli::Attend command;
  command.text = "cat </script>";
  command.output = fileWith("");
  EXPECT_EQ(outputOf(command), "");
  std::ifstream file(command.output);
  std::string page((std::istreambuf_iterator<char>(file)), {});
  EXPECT_NE(page.find("<canvas"), std::string::npos);
  EXPECT_EQ(page.find("</script>"), page.rfind("</script>")); // the text ends no script
}

TEST_F(CommandTest, EmbedGivesAVectorPerLine) {
  metadata = encoderMetadata(128);
  cli::Embed command;
  command.texts = {"cat", "the cat sat"};
  command.tokens = true;
  std::string lines = outputOf(command);
  std::string second = lines.substr(lines.find('\n') + 1);
  json tokens = json::parse(second);
  std::vector<int32_t> ids = encode("the cat sat");
  ASSERT_EQ(tokens.size(), ids.size());
  for (size_t i = 0; i < ids.size(); ++i) { // (id, position, keys, …): each text starts anew
    EXPECT_EQ(tokens[i]["id"], ids[i]);
    EXPECT_EQ(tokens[i]["vector"][0].get<float>(), static_cast<float>(ids[i]));
    EXPECT_EQ(tokens[i]["vector"][1].get<float>(), static_cast<float>(i));
    EXPECT_EQ(tokens[i]["vector"][2].get<float>(), static_cast<float>(ids.size()));
  }
  command.tokens = false;
  command.pooling = Pooling::First;
  lines = outputOf(command);
  json vector = json::parse(lines.substr(lines.find('\n') + 1));
  EXPECT_EQ(vector, tokens[0]["vector"]);
}

TEST_F(CommandTest, EmbedSaysWhatIsWrong) {
  metadata = encoderMetadata(4);
  cli::Embed command;
  EXPECT_NE(outputOf(command).find("needs a file"), std::string::npos);
  command.texts = {"the cat sat on the mat"};
  EXPECT_NE(outputOf(command).find("--truncate"), std::string::npos);
  command.truncate = command.tokens = true;
  EXPECT_EQ(json::parse(outputOf(command))[0].size(), 3u);
  command.isStatic = true;
  EXPECT_NE(outputOf(command).find("give one of them"), std::string::npos);
  command.tokens = false;
  EXPECT_NE(outputOf(command).find("gives no 'embedding'"), std::string::npos);
}

TEST_F(CommandTest, FillNeedsAModelOfMaskedWords) {
  cli::Fill command;
  command.text = "a cat";
  EXPECT_NE(outputOf(command).find("use 'generate'"), std::string::npos);
}

TEST(TableTest, AlignsColumns) {
  using enum cli::Table::Align;
  cli::Table table({Left, Right, Left});
  table.add({"a", "1", "x"});
  table.add({"über", "100", "longer"});
  EXPECT_EQ(table.text(1), " a       1  x\n über  100  longer\n");
}

TEST_F(CommandTest, DevicesAreNamedWithWhatRanThere) {
  metadata["target"] = "cuda";
  setenv("ATTUNE_DEVICE", "emulate", 1);
  int64_t ids[] = {4, 9, 1};
  NamedTensor input{"input_ids", "I64", {1, 3}, std::as_bytes(std::span(ids))};
  cli::Run command;
  command.input = testing::TempDir() + "attune-run-" + std::to_string(getpid());
  command.output = command.input + ".out";
  command.options.greedy = 4;
  command.stats = true;
  writeSafetensors(command.input, {&input, 1});
  std::string output = outputOf(command);
  EXPECT_EQ(output.find("device: emulated device, "), 0u) << output;
  EXPECT_NE(output.find("launches: kernel step 5\n"), std::string::npos) << output;
  EXPECT_EQ(output.find("step_taps"), std::string::npos) << output;
  std::remove(command.input.c_str());
  std::remove(command.output.c_str());
  output = outputOf(cli::Info{});
  for (const char *line : {"code of kernels   emulated\n", "kernels           2: step step_taps\n",
                           "device            emulated device\n"})
    EXPECT_NE(output.find(line), std::string::npos) << output;
  setenv("ATTUNE_DEVICE", "gpu", 1);
  EXPECT_NE(outputOf(cli::Info{}).find("none: ATTUNE_DEVICE is 'gpu'"), std::string::npos);
  EXPECT_EQ(outputOf(command).find("error: "), 0u);
  unsetenv("ATTUNE_DEVICE");
}

} // namespace
