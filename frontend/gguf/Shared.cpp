// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Parts of the metadata and tensor names that architectures share.

#include "frontend/Parameters.h"
#include "frontend/Words.h"
#include "frontend/gguf/Architecture.h"

#include "llvm/Support/Endian.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace attune;
using namespace attune::gguf;
using llvm::formatv;
using llvm::StringRef;

int64_t gguf::readSizes(Settings &settings, Description &model) {
  int64_t layers = settings.size("block_count");
  if (layers > 10000)
    settings.fail("block_count", formatv("is {0}, expected at most 10000", layers));
  model.hidden = settings.size("embedding_length");
  model.context = settings.size("context_length");
  return layers;
}

void gguf::readEqualHeads(Settings &settings, const Description &model, Attention &attention) {
  attention.heads = attention.keyHeads = settings.size("attention.head_count");
  attention.headSize = std::max<int64_t>(1, model.hidden / attention.heads);
  if (model.hidden % attention.heads)
    settings.fail("attention.head_count",
                  formatv("is {0}, which does not divide '{1}', which is {2}", attention.heads,
                          settings.full("embedding_length"), model.hidden));
}

void gguf::nameTensors(Description &model) {
  struct Name {
    StringRef parameter, tensor;
  };
  static const Name names[] = {
      {"embedding", "token_embd"},
      {"positions", "position_embd"},
      {"final_norm", "output_norm"},
      {"head", "output"},
      {"layer.attention.norm_before", "blk.{}.attn_norm"},
      {"layer.attention.query", "blk.{}.attn_q"},
      {"layer.attention.key", "blk.{}.attn_k"},
      {"layer.attention.value", "blk.{}.attn_v"},
      {"layer.attention.output", "blk.{}.attn_output"},
      {"layer.attention.query_norm", "blk.{}.attn_q_norm"},
      {"layer.attention.key_norm", "blk.{}.attn_k_norm"},
      {"layer.attention.norm_branch", "blk.{}.post_attention_norm"},
      {"layer.attention.sinks", "blk.{}.attn_sinks"},
      {"layer.attention.query_down", "blk.{}.attn_q_a"},
      {"layer.attention.query_down_norm", "blk.{}.attn_q_a_norm"},
      {"layer.attention.key_down", "blk.{}.attn_kv_a_mqa"},
      {"layer.attention.key_down_norm", "blk.{}.attn_kv_a_norm"},
      {"layer.attention.key_up", "blk.{}.attn_k_b"},
      {"layer.attention.value_up", "blk.{}.attn_v_b"},
      {"layer.feed_forward.router", "blk.{}.ffn_gate_inp"},
      {"layer.feed_forward.correction_bias", "blk.{}.exp_probs_b"},
      {"layer.feed_forward.experts.gate", "blk.{}.ffn_gate_exps"},
      {"layer.feed_forward.experts.up", "blk.{}.ffn_up_exps"},
      {"layer.feed_forward.experts.down", "blk.{}.ffn_down_exps"},
      {"layer.feed_forward.shared.gate", "blk.{}.ffn_gate_shexp"},
      {"layer.feed_forward.shared.up", "blk.{}.ffn_up_shexp"},
      {"layer.feed_forward.shared.down", "blk.{}.ffn_down_shexp"},
      {"layer.feed_forward.shared.score", "blk.{}.ffn_gate_inp_shexp"},
      {"layer.feed_forward.norm_before", "blk.{}.ffn_norm"},
      {"layer.feed_forward.norm_branch", "blk.{}.post_ffw_norm"},
      {"layer.feed_forward.gate", "blk.{}.ffn_gate"},
      {"layer.feed_forward.up", "blk.{}.ffn_up"},
      {"layer.feed_forward.down", "blk.{}.ffn_down"},
  };
  auto name = [&](const Parameter &parameter) {
    StringRef wanted = parameter.name;
    bool bias = wanted.consume_back(".bias");
    for (const Name &entry : names)
      if (entry.parameter == wanted)
        model.tensors[parameter.name].name = (entry.tensor + (bias ? ".bias" : ".weight")).str();
  };
  llvm::for_each(modelParameters(model), name);
  for (const Layer &layer : model.layers)
    llvm::for_each(layerParameters(model, stacksOf(model)[0], layer), name);
}

/// The tensor's numbers, one for each frequency.
static std::vector<double> readFactors(Settings &settings, const TensorInfo &tensor, const Rotary &rotary) {
  std::vector<double> factors;
  if (tensor.type != StorageType::F32 ||
      llvm::ArrayRef<int64_t>(tensor.shape) != llvm::ArrayRef<int64_t>{rotary.dims / 2}) {
    settings.fail("rope.dimension_count",
                  formatv("is {0}, so tensor '{1}' must be f32 [{2}], but it is {3} {4}", rotary.dims,
                          tensor.name, rotary.dims / 2, storageTypeName(tensor.type),
                          shapeText(tensor.shape)));
    return factors;
  }
  for (int64_t i = 0; i < rotary.dims / 2; ++i)
    factors.push_back(llvm::bit_cast<float>(llvm::support::endian::read32le(tensor.data.data() + 4 * i)));
  return factors;
}

/// Files hold divisors of the frequencies instead of naming the rule that gave them: of all lengths (Llama
/// 3.1), or of short and of long sequences (Phi-3). Their values are in the description then.
static void readDivisors(Settings &settings, Rotary &rotary, Description &model) {
  RotaryScaling &scaling = rotary.scaling;
  const TensorInfo *all = settings.tensor("rope_freqs.weight");
  const TensorInfo *ofShort = settings.tensor("rope_factors_short.weight"),
                   *ofLong = settings.tensor("rope_factors_long.weight");
  if (!all && !(ofShort && ofLong))
    return;
  if (scaling.kind != ScalingKind::none)
    settings.fail("rope.scaling.factor", "is " + numberText(scaling.factor) + " beside the tensor '" +
                                             (all ? all : ofShort)->name + "', which is not supported");
  if (all) {
    scaling.kind = ScalingKind::factors;
    scaling.factors = readFactors(settings, *all, rotary);
  } else {
    scaling.kind = ScalingKind::longrope;
    scaling.factors = readFactors(settings, *ofShort, rotary);
    scaling.longFactors = readFactors(settings, *ofLong, rotary);
    scaling.originalContext = settings.size("rope.scaling.original_context_length", model.context);
    scaling.magnitude = settings.number("rope.scaling.attn_factor", 1.0);
  }
  model.weights.ignore.push_back("rope_f*.weight");
}

/// The rule that `rope.scaling.type` names.
static void readScaling(Settings &settings, Rotary &rotary, const Description &model) {
  RotaryScaling &scaling = rotary.scaling;
  std::string type = settings.text("rope.scaling.type", "linear");
  double factor =
      settings.number(settings.has("rope.scaling.factor") ? "rope.scaling.factor" : "rope.scale_linear", 1.0);
  if (type != "none" && type != "linear" && type != "yarn" && type != "longrope")
    settings.fail("rope.scaling.type", "is '" + type + "', expected one of: none, linear, longrope, yarn");
  if (factor < 0)
    settings.fail("rope.scaling.factor", "is " + numberText(factor) + ", expected a positive number");
  if (factor == 0 || factor == 1) // 0 means none
    return;
  if (type == "linear") {
    scaling.kind = ScalingKind::linear;
    scaling.factor = factor;
  } else if (type == "yarn") {
    scaling.kind = ScalingKind::yarn;
    scaling.factor = factor;
    scaling.originalContext = settings.size("rope.scaling.original_context_length", model.context);
    scaling.betaFast = settings.number("rope.scaling.yarn_beta_fast", 32.0);
    scaling.betaSlow = settings.number("rope.scaling.yarn_beta_slow", 1.0);
    scaling.magnitude = settings.number("rope.scaling.attn_factor", 1.0) * (1 + 0.1 * std::log(factor));
  }
}

Rotary gguf::readRotary(Settings &settings, int64_t headSize, Pairing pairing, Description &model) {
  Rotary rotary;
  rotary.pairing = pairing;
  rotary.dims = settings.size("rope.dimension_count", headSize);
  rotary.base = settings.number("rope.freq_base", 10000.0);
  if (rotary.dims % 2 || rotary.dims > headSize)
    settings.fail(
        "rope.dimension_count",
        formatv("is {0}, expected an even number up to the head size, which is {1}", rotary.dims, headSize));
  if (rotary.base <= 0)
    settings.fail("rope.freq_base", "is " + numberText(rotary.base) + ", expected a positive number");
  readScaling(settings, rotary, model);
  readDivisors(settings, rotary, model);
  return rotary;
}
