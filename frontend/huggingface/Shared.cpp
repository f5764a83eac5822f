// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Parts of config.json that families share.

#include "frontend/Words.h"
#include "frontend/huggingface/Family.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FormatVariadic.h"

using namespace attune;
using namespace attune::huggingface;
using llvm::formatv;
using llvm::StringRef;

void huggingface::readHeads(const Config &config, int64_t hidden, Attention &attention) {
  attention.heads = config.size("num_attention_heads");
  attention.keyHeads = config.size("num_key_value_heads", attention.heads);
  if (attention.heads % attention.keyHeads)
    config.fail("num_key_value_heads",
                formatv("is {0}, which does not divide 'num_attention_heads', which is {1}",
                        attention.keyHeads, attention.heads));
  if (!config.has("head_dim") && hidden % attention.heads)
    config.fail(
        "num_attention_heads",
        formatv("is {0}, which does not divide 'hidden_size', which is {1} (and there is no 'head_dim')",
                attention.heads, hidden));
  attention.headSize = config.size("head_dim", std::max<int64_t>(1, hidden / attention.heads));
}

/// The scaling rule of a `rope_scaling` or `rope_parameters` object.
static RotaryScaling readScaling(const Config &rope) {
  RotaryScaling scaling;
  StringRef key = rope.has("rope_type") ? "rope_type" : "type"; // `type` in older files
  std::string kind = rope.text(key, "default");
  if (kind == "default")
    return scaling;
  if (kind != "linear" && kind != "llama3") {
    rope.refuse(key, "one of: default, linear, llama3");
    return scaling;
  }
  scaling.kind = kind == "linear" ? ScalingKind::linear : ScalingKind::llama3;
  scaling.factor = rope.positive("factor");
  if (scaling.kind == ScalingKind::llama3) {
    scaling.lowFrequencyFactor = rope.positive("low_freq_factor");
    scaling.highFrequencyFactor = rope.number("high_freq_factor");
    scaling.originalContext = rope.size("original_max_position_embeddings");
    if (scaling.highFrequencyFactor <= scaling.lowFrequencyFactor)
      rope.refuse("high_freq_factor",
                  "more than 'low_freq_factor', which is " + numberText(scaling.lowFrequencyFactor));
  }
  return scaling;
}

Rotary huggingface::readRotary(const Config &config, int64_t dims) {
  Rotary rotary;
  rotary.dims = dims;
  rotary.base = config.positive("rope_theta", 10000.0);
  std::optional<Config> rope = config.section("rope_parameters"); // since transformers 5
  if (rope)
    rotary.base = rope->positive("rope_theta", rotary.base);
  else
    rope = config.section("rope_scaling");
  if (rope)
    rotary.scaling = readScaling(*rope);
  return rotary;
}

Activation huggingface::readActivation(const Config &config, StringRef key, StringRef preset) {
  struct Name {
    StringRef word;
    Activation value;
  };
  static const Name names[] = {
      {"gelu", Activation::gelu},          {"gelu_fast", Activation::gelu_tanh},
      {"gelu_new", Activation::gelu_tanh}, {"gelu_pytorch_tanh", Activation::gelu_tanh},
      {"linear", Activation::identity},    {"quick_gelu", Activation::quick_gelu},
      {"relu", Activation::relu},          {"relu2", Activation::relu_squared},
      {"sigmoid", Activation::sigmoid},    {"silu", Activation::silu},
      {"swish", Activation::silu},         {"tanh", Activation::tanh},
  };
  std::string word = config.text(key, preset);
  std::vector<StringRef> words;
  for (const Name &name : names) {
    if (name.word == word)
      return name.value;
    words.push_back(name.word);
  }
  config.refuse(key, "one of: " + llvm::join(words, ", "));
  return Activation::silu;
}

void huggingface::expectArchitecture(const Config &config, StringRef name) {
  if (config.has("architectures") && !llvm::is_contained(config.texts("architectures"), name))
    config.refuse("architectures", "[\"" + name + "\"]");
}
