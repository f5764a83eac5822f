// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Parts of the metadata and tensor names that architectures share.

#include "frontend/Parameters.h"
#include "frontend/Words.h"
#include "frontend/gguf/Architecture.h"

#include "llvm/Support/Endian.h"
#include "llvm/Support/FormatVariadic.h"

using namespace attune;
using namespace attune::gguf;
using llvm::formatv;
using llvm::StringRef;

void gguf::nameTensors(Description &model) {
  struct Name {
    StringRef parameter, tensor;
  };
  static const Name names[] = {
      {"embedding", "token_embd"},
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

/// Llama 3.1 files hold divisors of the frequencies instead of naming the rule that gave them.
static void readFactors(Settings &settings, const TensorInfo &tensor, Rotary &rotary) {
  RotaryScaling &scaling = rotary.scaling;
  if (tensor.type != StorageType::F32 ||
      llvm::ArrayRef<int64_t>(tensor.shape) != llvm::ArrayRef<int64_t>{rotary.dims / 2}) {
    settings.fail("rope.dimension_count",
                  formatv("is {0}, so tensor 'rope_freqs.weight' must be f32 [{1}], but it is {2} {3}",
                          rotary.dims, rotary.dims / 2, storageTypeName(tensor.type),
                          shapeText(tensor.shape)));
    return;
  }
  scaling.kind = ScalingKind::factors;
  for (int64_t i = 0; i < rotary.dims / 2; ++i)
    scaling.factors.push_back(
        llvm::bit_cast<float>(llvm::support::endian::read32le(tensor.data.data() + 4 * i)));
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

  std::string type = settings.text("rope.scaling.type", "linear");
  double factor =
      settings.number(settings.has("rope.scaling.factor") ? "rope.scaling.factor" : "rope.scale_linear", 1.0);
  if (type != "none" && type != "linear")
    settings.fail("rope.scaling.type", "is '" + type + "', expected one of: none, linear");
  if (factor < 0)
    settings.fail("rope.scaling.factor", "is " + numberText(factor) + ", expected a positive number");
  if (type == "linear" && factor != 0 && factor != 1) { // 0 means none
    rotary.scaling.kind = ScalingKind::linear;
    rotary.scaling.factor = factor;
  }

  if (const TensorInfo *tensor = settings.tensor("rope_freqs.weight")) {
    if (rotary.scaling.kind != ScalingKind::none)
      settings.fail("rope.scaling.factor",
                    "is " + numberText(factor) +
                        " beside the tensor 'rope_freqs.weight', which is not supported");
    readFactors(settings, *tensor, rotary);
    model.weights.ignore.push_back("rope_freqs.weight"); // its values are in the description now
  }
  return rotary;
}
