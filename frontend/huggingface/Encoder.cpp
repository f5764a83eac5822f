// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/huggingface/Encoder.h"
#include "frontend/Parameters.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace attune;
using namespace attune::huggingface;
using llvm::StringRef;

static llvm::StringSet<> parametersOf(const Description &model) {
  llvm::StringSet<> names;
  for (const Parameter &parameter : modelParameters(model))
    names.insert(parameter.name);
  for (const Layer &layer : model.layers)
    for (const Parameter &parameter : layerParameters(model, stacksOf(model)[0], layer))
      names.insert(parameter.name);
  return names;
}

void huggingface::nameWithBiases(Description &model, StringRef prefix, llvm::ArrayRef<TensorName> names) {
  llvm::StringSet<> parameters = parametersOf(model);
  for (auto [parameter, tensor] : names) {
    std::string bias = (parameter + ".bias").str();
    if (parameters.contains(parameter))
      model.tensors[parameter.str()].name = (prefix + tensor + ".weight").str();
    if (parameters.contains(bias))
      model.tensors[bias].name = (prefix + tensor + ".bias").str();
  }
}

void huggingface::refuseUnknownSettings(const Config &config) {
  for (StringRef key : {"is_decoder", "is_encoder_decoder", "add_cross_attention"})
    config.refuseFlag(key);
  if (config.has("quantization_config"))
    config.refuse("quantization_config", "none (weights quantised that way are not supported)");
}

int64_t huggingface::readLayerCount(const Config &config, StringRef key, int64_t preset) {
  int64_t layers = config.size(key, preset);
  if (layers <= 10000)
    return layers;
  config.refuse(key, "at most 10000");
  return 1;
}

StringRef huggingface::expectOneOf(const Config &config, llvm::ArrayRef<StringRef> known) {
  std::vector<std::string> found = config.texts("architectures");
  for (StringRef name : known)
    if (llvm::is_contained(found, name))
      return name;
  if (!found.empty())
    config.refuse("architectures", "one of: " + llvm::join(known, ", "));
  return known.front();
}

void huggingface::describeWordHead(const Config &config, Description &model, Activation activation,
                                   const Norm &norm) {
  model.head = Head{config.flag("tie_word_embeddings", true)};
  model.head->bias = true;
  model.head->transform = HeadTransform{activation, true, norm};
}

void huggingface::nameWordHead(Description &model, const WordHeadNames &names) {
  const TensorName withBiases[] = {{"head_transform", names.transform}, {"head_norm", names.norm}};
  nameWithBiases(model, "", withBiases);
  if (!model.head->tied)
    model.tensors["head"].name = names.matrix.str();
  if (model.head->bias)
    model.tensors["head.bias"].name = names.bias.str();
}
