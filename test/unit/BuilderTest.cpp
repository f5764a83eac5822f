// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// What the Builder emits, run by the reference interpreter. With the environment variable ATTUNE_ORACLES
// naming a folder of Hugging Face models that hold an expected.safetensors of recorded results, those of the
// known families are compared too.

#include "frontend/Builder.h"
#include "dialect/reference/Reference.h"
#include "frontend/Model.h"
#include "frontend/Parameters.h"
#include "frontend/weights/Safetensors.h"
#include "frontend/yaml/DescriptionText.h"

#include "mlir/IR/MLIRContext.h"
#include "gtest/gtest.h"

#include <cstdlib>
#include <cstring>

using namespace attune;
using mlir::transformer::CacheType;
using mlir::transformer::ParameterOp;
namespace reference = mlir::transformer::reference;
using reference::CacheValue;
using reference::RuntimeValue;
using reference::Tensor;

namespace {

/// All elements of a stored tensor as numbers.
std::vector<double> numbersOf(const TensorInfo &tensor) {
  if (tensor.type == StorageType::I32) {
    std::vector<int32_t> values(tensor.elementCount());
    std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
    return std::vector<double>(values.begin(), values.end());
  }
  std::vector<float> values(tensor.elementCount());
  dequantize(tensor.type, tensor.data.data(), values.data(), values.size());
  return std::vector<double>(values.begin(), values.end());
}

/// A loaded model, its IR, and what a step gave.
class Runner {
public:
  explicit Runner(llvm::StringRef path) : model(llvm::cantFail(loadModel(path))) {
    module = buildModule(context, model.description);
    if (module)
      step = module->lookupSymbol<mlir::func::FuncOp>("step");
    if (step)
      newCache();
  }

  void newCache() {
    auto type = llvm::cast<CacheType>(step.getArgumentTypes().back());
    cache = llvm::cantFail(CacheValue::create(type, 256));
  }

  /// Tokens of one sequence whose first key is row 0: the next ones behind `done` earlier ones. Gives the
  /// first result.
  Tensor run(llvm::ArrayRef<double> ids, int64_t done = 0, int64_t count = 0) {
    int64_t tokens = ids.empty() ? count : ids.size();
    std::vector<double> batch, rows;
    for (int64_t t = 0; t < tokens; ++t) {
      batch.insert(batch.end(), {double(done + t), 0, double(done + tokens)});
      rows.push_back(t);
    }
    auto integers = [](llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<double> data) {
      return reference::runtimeValue(Tensor::of(shape, data, reference::ElementKind::integer));
    };
    std::vector<RuntimeValue> arguments{integers({tokens, 3}, batch), cache};
    if (!ids.empty()) {
      arguments.insert(arguments.begin(), integers({tokens}, ids));
      arguments.insert(arguments.begin() + 2, integers({tokens}, rows));
    }
    taps.clear();
    reference::ReferenceOptions options;
    options.parameters = [&](ParameterOp parameter, int64_t record) {
      return parameterOf(parameter, record);
    };
    options.taps = [&](llvm::StringRef name, std::optional<int64_t> layer, const Tensor &value, mlir::Type) {
      taps.emplace(name.str() + "." + std::to_string(layer.value_or(0)), value);
    };
    auto results = reference::run(step, arguments, options);
    if (!results) {
      ADD_FAILURE() << llvm::toString(results.takeError());
      return Tensor::scalar(0, reference::ElementKind::real);
    }
    return *std::get<0>(results->front());
  }

  mlir::MLIRContext context;
  Model model;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp step;
  std::shared_ptr<CacheValue> cache;
  std::map<std::string, Tensor> taps;

private:
  llvm::Expected<Tensor> parameterOf(ParameterOp parameter, int64_t record) {
    const TensorInfo *tensor = model.weights.find(parameter.getSourceName(record));
    if (!tensor)
      return llvm::createStringError("no tensor " + parameter.getSourceName(record));
    return Tensor::of(parameter.getTensorType().getShape(), numbersOf(*tensor));
  }
};

std::string example(llvm::StringRef name) {
  return (ATTUNE_TEST_DATA "/../examples/" + name + ".yaml").str();
}

void expectNear(const Tensor &found, llvm::ArrayRef<double> expected, double absolute, double relative,
                const std::string &what) {
  ASSERT_EQ(found.size(), static_cast<int64_t>(expected.size())) << what;
  double worst = 0;
  for (size_t i = 0; i < expected.size(); ++i)
    worst = std::max(worst, std::abs(found.data()[i] - expected[i]) - relative * std::abs(expected[i]));
  EXPECT_LE(worst, absolute) << what;
}

TEST(Builder, TheLecturesExampleIsExact) {
  struct {
    const char *name;
    std::vector<double> queries, scores, weights;
    double firstOutput;
  } cases[] = {
      {"lecture_qkv",
       {2, 1, 5, 3, 5, 7, 6, 9, 8, 0},
       {28, 43, 38.5, 113.5},
       {28 / 71.0, 43 / 71.0, 77 / 304.0, 227 / 304.0},
       140 / 71.0},
      {"lecture_matrices",
       {2, 1, 4, 3, 5, 7, 6, 9, 8, 0},
       {26, 38.5, 38.5, 113.5},
       {52 / 129.0, 77 / 129.0, 77 / 304.0, 227 / 304.0},
       260 / 129.0},
  };
  for (const auto &entry : cases) {
    Runner runner(example(entry.name));
    ASSERT_TRUE(runner.step);
    Tensor outputs = runner.run({}, 0, 2);
    expectNear(runner.taps.at("q.0"), entry.queries, 0, 0, "q");
    expectNear(runner.taps.at("k.0"), {1, 3, 4, 2, 5, 6, 8, 9, 7, 0}, 0, 0, "k");
    expectNear(runner.taps.at("v.0"), {5, 3, 1, 2, 4, 0, 8, 6, 7, 9}, 0, 0, "v");
    expectNear(runner.taps.at("scores.0"), entry.scores, 0, 0, "scores");
    expectNear(runner.taps.at("weights.0"), entry.weights, 1e-15, 0, "weights");
    EXPECT_NEAR(outputs(0, 0), entry.firstOutput, 1e-14);
    EXPECT_NEAR(outputs(1, 4), 2351 / 304.0, 1e-14);
  }
}

TEST(Builder, OneTokenAtATimeIsTheSameAsAllAtOnce) {
  Runner runner(example("small_gpt"));
  ASSERT_TRUE(runner.step);
  std::vector<double> ids{7, 200, 31, 31, 0, 255};
  Tensor whole = runner.run(ids);
  EXPECT_EQ(runner.taps.count("hidden_states.0"), 1u);
  EXPECT_EQ(runner.taps.count("hidden_states.4"), 1u); // after the final norm
  EXPECT_EQ(runner.taps.at("attentions.3").shape(), llvm::ArrayRef<int64_t>({6, 4, 6}));
  runner.newCache();
  for (size_t t = 0; t < ids.size(); ++t) {
    Tensor one = runner.run({ids[t]}, t);
    expectNear(one, whole.data().slice(t * 256, 256), 1e-12, 0, "token " + std::to_string(t));
  }
}

TEST(Builder, RandomWeightsAreTheSameEverywhere) {
  Runner runner(example("small_gpt"));
  const TensorInfo *query = runner.model.weights.find("layer.2.attention.query");
  ASSERT_TRUE(query);
  std::vector<double> values = numbersOf(*query);
  double sum = 0, squares = 0;
  for (double value : values) {
    sum += value;
    squares += value * value;
  }
  EXPECT_NEAR(sum / values.size(), 0, 0.01);
  EXPECT_NEAR(squares / values.size(), 1.0 / 64, 0.001);
  // By an implementation of the generator in another language.
  std::vector<double> embedding = numbersOf(*runner.model.weights.find("embedding"));
  EXPECT_EQ(embedding[0], 0.2063431739807129);
  EXPECT_EQ(embedding[2], -0.20098447799682617);
}

TEST(Builder, LocationsPointIntoTheDescription) {
  Runner runner(example("small_gpt"));
  std::string found;
  runner.module->walk([&](mlir::transformer::MaskOp op) {
    llvm::raw_string_ostream os(found);
    op.getLoc().print(os);
  });
  EXPECT_NE(found.find("\"layers[0].attention.mask\"("), std::string::npos) << found;
  EXPECT_NE(found.find("small_gpt.yaml\":15:13"), std::string::npos) << found;
}

TEST(Builder, KeysOfDifferentSizesAreRefused) {
  std::string text = R"(name: odd
kind: decoder
vocabulary: 4
hidden: 4
context: 8
layers:
  - {at: 0, attention: {heads: 2, head_size: 2, mask: causal}}
  - {at: 1, attention: {heads: 2, head_size: 4, mask: causal}}
head: {tied: true}
)";
  auto parsed = llvm::cantFail(yaml::parseDescription(text, "odd.yaml"));
  mlir::MLIRContext context;
  std::string message;
  mlir::ScopedDiagnosticHandler handler(&context,
                                        [&](mlir::Diagnostic &diagnostic) { message = diagnostic.str(); });
  EXPECT_FALSE(buildModule(context, parsed.description));
  EXPECT_EQ(message, "layer 1 has 2 key heads of size 4, others 2 of 2, which is not supported");
}

static std::string printed(llvm::StringRef layer) {
  std::string text = R"(name: odd
kind: decoder
vocabulary: 4
hidden: 4
context: 8
weights: {random: 1}
head: {tied: true}
layers:
  - )" + layer.str() +
                     "\n";
  auto parsed = llvm::cantFail(yaml::parseDescription(text, "odd.yaml"));
  llvm::cantFail(bindWithoutFiles(parsed.description));
  mlir::MLIRContext context;
  std::string found;
  mlir::ScopedDiagnosticHandler handler(&context,
                                        [&](mlir::Diagnostic &diagnostic) { found = diagnostic.str(); });
  if (auto module = buildModule(context, parsed.description))
    llvm::raw_string_ostream(found) << *module;
  return found;
}

static void expectInOrder(llvm::StringRef text, std::initializer_list<llvm::StringRef> parts) {
  size_t from = 0;
  for (llvm::StringRef part : parts) {
    size_t at = text.find(part, from);
    ASSERT_NE(at, llvm::StringRef::npos) << part.str() << " is missing in\n" << text.str();
    from = at + part.size();
  }
}

TEST(Builder, SinksTemperatureAndNormsAfterRotation) {
  std::string text =
      printed("{at: 0, attention: {heads: 2, head_size: 2, mask: causal, sinks: true, "
              "rotary: {dims: 2, pairing: interleaved}, temperature: {floor_scale: 4, scale: 0.5}, "
              "query_key_norm: {kind: rms, eps: 0.5, weight: false}, query_key_norm_after_rotary: true}}");
  expectInOrder(text, {"transformer.rotary interleaved", "transformer.rotary interleaved",
                       "transformer.norm rms", "transformer.norm rms", "transformer.temperature",
                       "floor_scale = 4.0", "transformer.cache_update",
                       "transformer.weight @layer.attention.sinks", "transformer.softmax", "sinks"});
}

TEST(Builder, Experts) {
  std::string attention = "attention: {heads: 2, head_size: 2, mask: causal}, ";
  std::string text = printed(
      "{at: 0, " + attention +
      "feed_forward: {size: 3, activation: silu, gated: true, bias: true, experts: {count: 6, per_token: 2, "
      "scores: sigmoid, correction_bias: true, router_bias: true, groups: 3, top_groups: 2, scale: 2.5, "
      "shared: {size: 5, gate: true}}}}");
  expectInOrder(text,
                {"transformer.linear", "transformer.route sigmoid", "bias", "groups = 3", "scale = 2.5",
                 "top_groups = 2", "tap \"router_experts\"[", "tensor<?x2xi32>", "tap \"router_weights\"[",
                 "tensor<?x2xf32>", "transformer.experts silu", "transformer.activation silu",
                 "transformer.activation sigmoid", "transformer.scale_rows", "arith.addf"});
  // The taps of all layers are one tensor.
  std::string other =
      "{at: 0, " + attention +
      "feed_forward: {size: 3, activation: relu, experts: {count: 2, per_token: 1}}}\n  - {at: 1, " +
      attention + "feed_forward: {size: 3, activation: relu, experts: {count: 2, per_token: 2}}}";
  EXPECT_EQ(printed(other), "layer 1 chooses 2 experts, others 1, which is not supported");
}

TEST(Builder, CacheElements) {
  Model model = llvm::cantFail(loadModel(example("small_gpt")));
  mlir::MLIRContext context;
  auto module = buildModule(context, model.description, {CacheElement::f16});
  ASSERT_TRUE(module);
  auto step = module->lookupSymbol<mlir::func::FuncOp>("step");
  EXPECT_TRUE(llvm::cast<CacheType>(step.getArgumentTypes().back()).getElementType().isF16());
  EXPECT_EQ(llvm::cast<mlir::StringAttr>(step.getArgAttr(0, "transformer.name")), "input_ids");
  EXPECT_EQ(llvm::cast<mlir::StringAttr>(step.getResultAttr(0, "transformer.name")), "logits");
}

//===-------------------------- recorded models ---------------------------===//

class RecordedModel : public testing::TestWithParam<const char *> {};

TEST_P(RecordedModel, LogitsAndTaps) {
  const char *folder = std::getenv("ATTUNE_ORACLES");
  if (!folder)
    GTEST_SKIP() << "ATTUNE_ORACLES is not set";
  std::string path = std::string(folder) + "/" + GetParam();
  Runner runner(path);
  ASSERT_TRUE(runner.step);
  WeightStore expected = llvm::cantFail(openSafetensors(path + "/expected.safetensors"));
  for (llvm::StringRef prompt : {"p1", "p2", "p7", "p19", "p40", "b2"}) {
    std::vector<double> ids = numbersOf(*expected.find((prompt + ".input_ids").str()));
    std::vector<double> logits = numbersOf(*expected.find((prompt + ".logits").str()));
    int64_t sequences = expected.find((prompt + ".input_ids").str())->shape[0];
    size_t tokens = ids.size() / sequences, width = logits.size() / ids.size();
    for (int64_t s = 0; s < sequences; ++s) {
      runner.newCache();
      Tensor found = runner.run(llvm::ArrayRef(ids).slice(s * tokens, tokens));
      expectNear(found, llvm::ArrayRef(logits).slice(s * tokens * width, tokens * width), 4e-5, 1e-5,
                 prompt.str());
    }
    for (const auto &[name, value] : runner.taps) {
      auto [kind, layer] = llvm::StringRef(name).split('.');
      if (kind == "embedding") // rows of a parameter, which are not recorded
        continue;
      std::string recorded = (prompt + (kind == "attentions" ? ".attn." : ".hidden.") + layer).str();
      const TensorInfo *tensor = expected.find(recorded);
      if (!tensor || sequences != 1)
        continue;
      std::vector<double> values = numbersOf(*tensor);
      if (kind == "attentions") { // recorded as heads x queries x keys
        std::vector<double> swapped(values.size());
        int64_t queries = value.dim(0), heads = value.dim(1), keys = value.dim(2);
        for (int64_t q = 0; q < queries; ++q)
          for (int64_t h = 0; h < heads; ++h)
            for (int64_t k = 0; k < keys; ++k)
              swapped[(q * heads + h) * keys + k] = values[(h * queries + q) * keys + k];
        values = std::move(swapped);
      }
      expectNear(value, values, 4e-5, 1e-5, recorded);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Llama, RecordedModel, testing::Values("llama", "llama_bf16", "llama_bias_sharded"));
// Those whose parameters are whole tensors.
INSTANTIATE_TEST_SUITE_P(Decoders, RecordedModel,
                         testing::Values("gemma2", "gemma3", "granite", "mistral", "olmo2", "opt", "qwen2",
                                         "qwen3", "smollm3"));

} // namespace
