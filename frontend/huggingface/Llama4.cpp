// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Llama 4's text model: layers that rotate and see chunks of keys, between others that do neither but have a
// temperature; mixtures whose experts' inputs are weighed, beside a shared expert.

#include "frontend/huggingface/Family.h"

#include "llvm/Support/FormatVariadic.h"

using namespace attune;
using namespace attune::huggingface;
using llvm::formatv;
using llvm::StringRef;

/// The chunk of each layer, 0 where it sees all keys.
static std::vector<int64_t> readChunks(const Config &config, llvm::ArrayRef<int64_t> rotating) {
  int64_t chunk = readSizeOrNull(config, "attention_chunk_size", 8192);
  std::vector<int64_t> chunks;
  if (!config.has("layer_types")) {
    for (int64_t rotates : rotating)
      chunks.push_back(rotates ? chunk : 0);
    return chunks;
  }
  std::vector<std::string> types = config.texts("layer_types");
  if (types.size() != rotating.size())
    config.fail("layer_types",
                formatv("has {0} types, expected one for each of {1} layers", types.size(), rotating.size()));
  for (StringRef type : types) {
    if (type != "chunked_attention" && type != "full_attention")
      config.fail("layer_types", formatv("has \"{0}\", expected full_attention or chunked_attention", type));
    chunks.push_back(type == "chunked_attention" ? chunk : 0);
  }
  chunks.resize(rotating.size());
  return chunks;
}

/// Which layers are mixtures.
static std::vector<bool> readMixtures(const Config &config, int64_t layers) {
  std::vector<bool> mixtures(layers, false);
  int64_t step = config.size("interleave_moe_layer_step", 1);
  if (!config.has("moe_layers"))
    for (int64_t layer = step - 1; layer < layers; layer += step)
      mixtures[layer] = true;
  for (int64_t layer : config.integers("moe_layers")) {
    if (layer >= 0 && layer < layers)
      mixtures[layer] = true;
    else
      config.fail("moe_layers", formatv("has {0}, expected 0 to {1}", layer, layers - 1));
  }
  return mixtures;
}

/// Hub checkpoints have the number 4 for true.
static std::optional<Temperature> readTemperature(const Config &config) {
  StringRef key = "attn_temperature_tuning";
  const llvm::json::Value *value = config.value(key);
  bool isNumber = value && value->kind() == llvm::json::Value::Number;
  bool isOn = isNumber ? config.number(key) != 0 : config.flag(key, true);
  if (!isOn)
    return std::nullopt;
  return Temperature{config.positive("floor_scale", 8192.0), config.number("attn_scale", 0.1)};
}

static FeedForward readMixture(const Config &config, const FeedForward &dense) {
  FeedForward mixture = dense;
  mixture.size = config.size("intermediate_size", 8192);
  Experts experts = readExperts(config, "num_local_experts", 16, 1);
  experts.scores = RouterScores::sigmoid;
  experts.weighInput = true;
  experts.shared = SharedExpert{mixture.size};
  mixture.experts = experts;
  return mixture;
}

static void nameTensors(Description &model) {
  nameFusedExperts(model, "model.layers.{}.feed_forward.experts", /*interleaved=*/false);
  nameLlamaTensors(
      model, {{"layer.feed_forward.gate", "model.layers.{}.feed_forward.gate_proj"},
              {"layer.feed_forward.up", "model.layers.{}.feed_forward.up_proj"},
              {"layer.feed_forward.down", "model.layers.{}.feed_forward.down_proj"},
              {"layer.feed_forward.router", "model.layers.{}.feed_forward.router"},
              {"layer.feed_forward.shared.gate", "model.layers.{}.feed_forward.shared_expert.gate_proj"},
              {"layer.feed_forward.shared.up", "model.layers.{}.feed_forward.shared_expert.up_proj"},
              {"layer.feed_forward.shared.down", "model.layers.{}.feed_forward.shared_expert.down_proj"}});
}

static void describe(const Config &config, StringRef architecture, Description &model) {
  readDecoder(config, architecture, /*tied=*/false, model);
  Layer layer = readLlamaLayer(config, model);
  Attention &attention = *layer.attention;
  std::optional<Temperature> temperature = readTemperature(config);
  Rotary rotary = readRotary(config, attention.headSize, 500000);
  rotary.pairing = Pairing::interleaved;
  Norm unweighted{NormKind::rms, attention.normBefore->eps, /*weight=*/false};
  bool normsQueries = config.flag("use_qk_norm", true);
  FeedForward mixture = readMixture(config, *layer.feedForward), dense = *layer.feedForward;
  dense.size = config.size("intermediate_size_mlp", 16384);

  int64_t layers = readLayerCount(config);
  std::vector<int64_t> rotating = readRotating(config, layers), chunks = readChunks(config, rotating);
  std::vector<bool> mixtures = readMixtures(config, layers);
  for (int64_t i = 0; i < layers; ++i) {
    bool rotates = rotating[i];
    attention.mask.chunk = chunks[i];
    attention.rotary = rotates ? std::optional(rotary) : std::nullopt;
    attention.queryKeyNorm = rotates && normsQueries ? std::optional(unweighted) : std::nullopt;
    attention.queryKeyNormAfterRotary = rotates && normsQueries;
    attention.temperature = rotates ? std::nullopt : temperature;
    layer.feedForward = mixtures[i] ? mixture : dense;
    model.layers.push_back(layer);
  }
  model.finalNorm = attention.normBefore;
  if (!config.failed())
    nameTensors(model);
}

void huggingface::describeLlama4(const Config &config, Description &model) {
  describe(config, "Llama4ForCausalLM", model);
}

/// The model with images, of which only the part that reads text is taken.
void huggingface::describeLlama4Images(const Config &config, Description &model) {
  expectArchitecture(config, "Llama4ForConditionalGeneration");
  if (config.has("quantization_config"))
    config.refuse("quantization_config", "none (weights quantised that way are not supported)");
  std::optional<Config> text = config.section("text_config");
  if (!text)
    return config.refuse("text_config", "an object");
  describe(*text, "Llama4ForCausalLM", model);
  for (auto &[parameter, source] : model.tensors)
    source.name = "language_model." + source.name;
  for (std::string &pattern : model.weights.ignore)
    pattern = "language_model." + pattern;
  for (const char *part : {"vision_model.*", "multi_modal_projector.*"})
    model.weights.ignore.push_back(part);
}
