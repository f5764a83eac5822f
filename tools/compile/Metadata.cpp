// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/compile/Metadata.h"

#include "dialect/Kernel.h"
#include "frontend/Parameters.h"
#include "frontend/Words.h"
#include "passes/layout/Formats.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/raw_ostream.h"

using namespace attune;
using llvm::json::Array;
using llvm::json::Object;
using mlir::transformer::kNameAttr;
using mlir::transformer::kRoleAttr;

namespace {

std::string elementName(mlir::Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

/// Names of an argument's dynamic dimensions, in order; the rest are numbers of its type.
std::vector<std::string> dimensionNames(llvm::StringRef role, llvm::StringRef name) {
  if (role == "weights")
    return {"weight_bytes"};
  if (role == "cache" || role == "workspace")
    return {(name + "_bytes").str()};
  if (role == "choice" || role == "scratch" || name == "output_rows" || name == "temperatures" ||
      (role != "tap" && name == "logits"))
    return {"outputs"};
  if (role == "tap" && (name == "final_state" || name == "embedding"))
    return {"tokens"};
  if (role != "tap")
    return {"tokens"};
  if (name == "enc_hidden" || name == "enc_attn")
    return {name == "enc_hidden" ? "encoder_hidden_layers" : "encoder_layers", "tokens", "keys"};
  if (name == "cross_attn")
    return {"layers", "tokens", "source_keys"};
  bool hidden = name == "hidden_states" || name == "dec_hidden";
  return {hidden ? "hidden_layers" : "layers", "tokens", "keys"};
}

Object describeArgument(mlir::func::FuncOp function, unsigned index, const Description &description) {
  auto attribute = [&](llvm::StringRef key) {
    auto value = function.getArgAttrOfType<mlir::StringAttr>(index, key);
    return value ? value.getValue().str() : std::string();
  };
  std::string name = attribute(kNameAttr), role = attribute(kRoleAttr);
  if (role.empty())
    role = "input";
  if (name.empty())
    name = role;
  int64_t layers = description.layers.size();
  int64_t encoderLayers = description.encoder ? description.encoder->layers.size() : 0;
  auto type = llvm::cast<mlir::MemRefType>(function.getArgumentTypes()[index]);
  std::vector<std::string> names = dimensionNames(role, name);
  Array shape;
  size_t next = 0;
  for (int64_t size : type.getShape()) {
    if (!mlir::ShapedType::isDynamic(size)) {
      shape.push_back(size);
      continue;
    }
    std::string dimension = next < names.size() ? names[next] : "unknown";
    ++next;
    if (dimension == "layers")
      shape.push_back(layers);
    else if (dimension == "encoder_layers" || dimension == "encoder_hidden_layers")
      shape.push_back(encoderLayers + (dimension == "encoder_hidden_layers"));
    else if (dimension == "hidden_layers") // the last of another width is a tap of its own
      shape.push_back(layers + !projectsEmbeddings(description));
    else
      shape.push_back(dimension);
  }
  return Object{{"name", name},
                {"role", role},
                {"type", elementName(type.getElementType())},
                {"shape", std::move(shape)}};
}

llvm::StringRef kindName(const Description &description) {
  switch (description.kind) {
  case ModelKind::decoder:
    return "decoder";
  case ModelKind::encoder:
    return "encoder";
  case ModelKind::encoder_decoder:
    return "encoder-decoder";
  case ModelKind::literal:
    return "encoder";
  case ModelKind::tokenizer:
    return "tokenizer";
  }
  llvm_unreachable("every kind has a name");
}

Object specialTokens(const Tokens &tokens) {
  Object object{{"eos", Array(tokens.eos)}, {"add_bos", tokens.addBos.value_or(false)}};
  if (tokens.bos)
    object["bos"] = *tokens.bos;
  if (tokens.pad)
    object["pad"] = *tokens.pad;
  if (tokens.mask)
    object["mask"] = *tokens.mask;
  if (tokens.decoderStart)
    object["decoder_start"] = *tokens.decoderStart;
  if (tokens.forcedBos)
    object["forced_bos"] = *tokens.forcedBos;
  if (tokens.forcedEos)
    object["forced_eos"] = *tokens.forcedEos;
  Array banned;
  for (const std::vector<int64_t> &ids : tokens.banned)
    banned.push_back(Array(ids));
  if (!banned.empty())
    object["banned"] = std::move(banned);
  if (!tokens.bannedFirst.empty())
    object["banned_first"] = Array(tokens.bannedFirst);
  return object;
}

Object sentenceVector(const SentenceVector &sentence) {
  return Object{{"pooling", wordOf(sentence.pooling)},
                {"normalize", sentence.normalize},
                {"max_tokens", sentence.maxTokens}};
}

Object generationDefaults(const Generation &generation) {
  Object object;
  auto set = [&](llvm::StringRef key, const auto &value) {
    if (value)
      object[key] = *value;
  };
  set("temperature", generation.temperature);
  set("top_p", generation.topP);
  set("min_p", generation.minP);
  set("repetition_penalty", generation.repetitionPenalty);
  set("top_k", generation.topK);
  set("beams", generation.beams);
  set("length_penalty", generation.lengthPenalty);
  if (generation.earlyStopping)
    object["early_stopping"] = wordOf(*generation.earlyStopping);
  set("max_length", generation.maxLength);
  set("min_length", generation.minLength);
  set("no_repeat", generation.noRepeat);
  return object;
}

/// Elements of all parameters.
int64_t countParameters(const Description &description) {
  auto elements = [](const std::vector<Parameter> &parameters) {
    int64_t sum = 0;
    for (const Parameter &parameter : parameters) {
      int64_t product = 1;
      for (int64_t size : parameter.shape)
        product *= size;
      sum += product;
    }
    return sum;
  };
  int64_t count = elements(modelParameters(description));
  for (const StackView &stack : stacksOf(description))
    for (const Layer &layer : stack->layers)
      count += elements(layerParameters(description, stack, layer));
  return count;
}

} // namespace

Object attune::describeCaches(mlir::ModuleOp module) {
  Object caches; // its keys are strings of their own: it outlives the module
  for (auto function : module.getOps<mlir::func::FuncOp>()) {
    if (!function.isPublic())
      continue;
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      if (auto cache = llvm::dyn_cast<mlir::transformer::CacheType>(function.getArgumentTypes()[i])) {
        auto name = function.getArgAttrOfType<mlir::StringAttr>(i, kNameAttr);
        caches[name ? name.str() : std::string("cache")] =
            Object{{"layers", cache.getLayers()},
                   {"heads", cache.getHeads()},
                   {"key_size", cache.getKeySize()},
                   {"value_size", cache.getValueSize()},
                   {"type", elementName(cache.getElementType())},
                   {"scale_bytes", cache.isScaled() ? 4 : 0},
                   {"row_multiple", mlir::kernel::kKeyGroup}};
      }
  }
  return caches;
}

Object attune::describeEntries(mlir::ModuleOp module, const Description &description) {
  Object result;
  Array entries;
  for (auto function : module.getOps<mlir::func::FuncOp>()) {
    if (!function.isPublic() || function.isExternal())
      continue;
    Array arguments;
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      arguments.push_back(describeArgument(function, i, description));
    auto bytes = [&](llvm::StringRef key) {
      auto value = function->getAttrOfType<mlir::IntegerAttr>(key);
      return value ? value.getInt() : 0;
    };
    entries.push_back(Object{{"name", function.getSymName().str()},
                             {"arguments", std::move(arguments)},
                             {"workspace", Object{{"bytes_per_token", bytes("kernel.workspace_per_token")},
                                                  {"bytes_fixed", bytes("kernel.workspace_fixed")},
                                                  {"token_multiple", 16}}}});
  }
  result["entries"] = std::move(entries);
  return result;
}

std::string attune::writeMetadata(const Description &description, llvm::StringRef target,
                                  llvm::ArrayRef<mlir::transformer::CpuTarget> cpus, Object entries,
                                  int64_t weightBytes, const std::string &weightsFile) {
  Object metadata = std::move(entries);
  metadata["name"] = description.name;
  metadata["kind"] = kindName(description);
  metadata["target"] = target.str();
  Array processors;
  for (const mlir::transformer::CpuTarget &cpu : cpus)
    processors.push_back(Object{{"name", cpu.name}, {"features", Array(cpu.required)}});
  metadata["cpus"] = std::move(processors);
  if (description.kind != ModelKind::literal)
    metadata["vocabulary"] = description.vocabulary;
  metadata["hidden"] = description.hidden;
  metadata["layers"] = static_cast<int64_t>(description.layers.size());
  if (description.encoder)
    metadata["encoder_layers"] = static_cast<int64_t>(description.encoder->layers.size());
  metadata["context"] = description.context;
  metadata["chunk"] = 512;
  metadata["tokens"] = specialTokens(description.tokens);
  if (description.embedding.tokenTypes)
    metadata["token_types"] = description.embedding.tokenTypes;
  if (description.positions.uncounted)
    metadata["position_ids"] =
        Object{{"offset", description.positions.offset}, {"uncounted", *description.positions.uncounted}};
  if (description.sentence)
    metadata["sentence"] = sentenceVector(*description.sentence);
  metadata["generation"] = generationDefaults(description.generation);
  metadata["chat_template"] = description.chatTemplate;
  if (description.kind == ModelKind::literal && !description.inputs.empty())
    metadata["literal_tokens"] = static_cast<int64_t>(description.inputs.begin()->second.size());
  Array routers;
  for (size_t layer = 0; layer < description.layers.size(); ++layer)
    if (const auto &ffn = description.layers[layer].feedForward; ffn && ffn->experts)
      routers.push_back(static_cast<int64_t>(layer));
  if (!routers.empty())
    metadata["router_layers"] = std::move(routers);
  metadata["parameters"] = countParameters(description);
  metadata["weight_bytes"] = weightBytes;
  if (!weightsFile.empty())
    metadata["weights_file"] = weightsFile;
  std::string text;
  llvm::raw_string_ostream(text) << llvm::json::Value(std::move(metadata));
  return text;
}
