// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/program/Metadata.h"
#include "runtime/Error.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <utility>

using namespace attune;
using nlohmann::json;

namespace {

/// Sizes above this are taken for damage: products of a few of them must not overflow.
constexpr int64_t largestSize = int64_t{1} << 48;

constexpr std::pair<std::string_view, ElementType> elementTypes[] = {
    {"i8", ElementType::I8},   {"i32", ElementType::I32},   {"i64", ElementType::I64},
    {"f16", ElementType::F16}, {"bf16", ElementType::BF16}, {"f32", ElementType::F32}};
constexpr std::pair<std::string_view, ArgumentRole> roles[] = {
    {"input", ArgumentRole::Input},   {"output", ArgumentRole::Output},
    {"choice", ArgumentRole::Choice}, {"scratch", ArgumentRole::Scratch},
    {"tap", ArgumentRole::Tap},       {"weights", ArgumentRole::Weights},
    {"cache", ArgumentRole::Cache},   {"workspace", ArgumentRole::Workspace}};
constexpr std::pair<std::string_view, EarlyStopping> earlyStoppings[] = {
    {"no", EarlyStopping::No}, {"yes", EarlyStopping::Yes}, {"never", EarlyStopping::Never}};
constexpr std::pair<std::string_view, Pooling> poolings[] = {
    {"mean", Pooling::Mean}, {"first", Pooling::First}, {"last", Pooling::Last}};
constexpr std::pair<std::string_view, ModelKind> kinds[] = {{"decoder", ModelKind::Decoder},
                                                            {"encoder", ModelKind::Encoder},
                                                            {"encoder-decoder", ModelKind::EncoderDecoder},
                                                            {"tokenizer", ModelKind::Tokenizer}};

std::string shown(const json &value) {
  std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
  return text.size() > 60 ? text.substr(0, 57) + "..." : text;
}

/// A JSON object of the metadata, with its name for messages.
class Fields {
public:
  Fields(const json &object, std::string where) : object(object), where(std::move(where)) {
    if (!object.is_object())
      fail("", "an object", object);
  }

  /// Null counts as absent.
  const json *find(const char *key) const {
    auto found = object.find(key);
    return found == object.end() || found->is_null() ? nullptr : &*found;
  }

  const json &need(const char *key) const {
    if (const json *value = find(key))
      return *value;
    throw Error(fmt::format("metadata: '{}' is missing", path(key)));
  }

  Fields child(const char *key) const { return {need(key), path(key)}; }

  std::string string(const char *key) const {
    const json &value = need(key);
    return value.is_string() ? value.get<std::string>() : fail(key, "a string", value);
  }
  std::string string(const char *key, const char *otherwise) const {
    return find(key) ? string(key) : otherwise;
  }

  int64_t integer(const char *key, int64_t least = 0, int64_t most = largestSize) const {
    return integer(need(key), key, least, most);
  }
  int64_t integer(const char *key, int64_t otherwise, int64_t least, int64_t most) const {
    return find(key) ? integer(key, least, most) : otherwise;
  }
  int64_t integer(const json &value, const char *key, int64_t least, int64_t most) const {
    bool fits = value.is_number_unsigned() ? value.get<uint64_t>() <= static_cast<uint64_t>(most)
                                           : value.is_number_integer() && value.get<int64_t>() <= most;
    if (!fits || value.get<int64_t>() < least)
      fail(key, fmt::format("an integer from {} to {}", least, most), value);
    return value.get<int64_t>();
  }

  std::optional<double> number(const char *key) const {
    const json *value = find(key);
    if (value && !value->is_number())
      fail(key, "a number", *value);
    return value ? std::optional(value->get<double>()) : std::nullopt;
  }

  std::optional<int32_t> id(const char *key) const {
    return find(key) ? std::optional(static_cast<int32_t>(integer(key, 0, INT32_MAX))) : std::nullopt;
  }

  bool boolean(const char *key) const {
    const json *value = find(key);
    if (value && !value->is_boolean())
      fail(key, "true or false", *value);
    return value && value->get<bool>();
  }

  /// The elements of a list, or one value that stands for a list of one; empty if absent.
  std::vector<json> list(const char *key) const {
    const json *value = find(key);
    if (!value)
      return {};
    return value->is_array() ? std::vector<json>(value->begin(), value->end()) : std::vector<json>{*value};
  }

  template <typename T, size_t N>
  T oneOf(const char *key, const std::pair<std::string_view, T> (&choices)[N]) const {
    std::string text = string(key), names;
    for (auto &[name, value] : choices) {
      if (name == text)
        return value;
      names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
    }
    fail(key, "one of " + names, need(key));
  }

  std::string path(const char *key) const { return where.empty() ? key : *key ? where + "." + key : where; }

  [[noreturn]] std::string fail(const char *key, const std::string &expected, const json &found) const {
    throw Error(fmt::format("metadata: '{}' is {}, expected {}", path(key), shown(found), expected));
  }

private:
  const json &object;
  std::string where;
};

ArgumentInfo parseArgument(const Fields &fields) {
  ArgumentInfo argument{
      fields.string("name"), fields.oneOf("role", roles), fields.oneOf("type", elementTypes), {}};
  const json &shape = fields.need("shape");
  if (!shape.is_array() || shape.size() > 8)
    fields.fail("shape", "a list of at most 8 sizes", shape);
  for (const json &dimension : shape)
    if (dimension.is_string() && !dimension.get<std::string>().empty())
      argument.shape.push_back({0, dimension.get<std::string>()});
    else
      argument.shape.push_back({fields.integer(dimension, "shape", 0, INT32_MAX), {}});
  return argument;
}

CpuInfo parseCpu(const Fields &fields) {
  CpuInfo cpu{fields.string("name"), {}};
  for (const json &feature : fields.list("features"))
    cpu.features.push_back(feature.is_string() ? feature.get<std::string>()
                                               : fields.fail("features", "a list of strings", feature));
  return cpu;
}

WorkspaceInfo parseWorkspace(const Fields &fields) {
  return {fields.integer("bytes_per_token"), fields.integer("bytes_fixed"),
          fields.integer("token_multiple", 1, 1, 1 << 20)};
}

EntryInfo parseEntry(const Fields &fields, const WorkspaceInfo &workspace) {
  EntryInfo entry{fields.string("name"), {}, workspace};
  if (fields.find("workspace"))
    entry.workspace = parseWorkspace(fields.child("workspace"));
  const json &arguments = fields.need("arguments");
  if (!arguments.is_array())
    fields.fail("arguments", "a list", arguments);
  for (size_t i = 0; i < arguments.size(); ++i)
    entry.arguments.push_back(
        parseArgument({arguments[i], fmt::format("{}.arguments[{}]", fields.path(""), i)}));
  return entry;
}

CacheInfo parseCache(const Fields &fields) {
  CacheInfo cache;
  cache.layers = fields.integer("layers", 0, 1 << 20);
  cache.heads = fields.integer("heads", 0, 1 << 20);
  cache.keySize = fields.integer("key_size", 0, 1 << 20);
  cache.valueSize = fields.integer("value_size", 0, 1 << 20);
  cache.rowMultiple = fields.integer("row_multiple", 1, 1, 1 << 20);
  cache.type = fields.oneOf("type", elementTypes);
  cache.scaleBytes = fields.integer("scale_bytes", 0, 0, 8);
  return cache;
}

SpecialTokens parseTokens(const Fields &fields) {
  SpecialTokens tokens;
  tokens.bos = fields.id("bos"), tokens.pad = fields.id("pad"), tokens.mask = fields.id("mask");
  tokens.decoderStart = fields.id("decoder_start");
  tokens.forcedBos = fields.id("forced_bos"), tokens.forcedEos = fields.id("forced_eos");
  tokens.addBos = fields.boolean("add_bos");
  for (const json &id : fields.list("eos"))
    tokens.eos.push_back(static_cast<int32_t>(fields.integer(id, "eos", 0, INT32_MAX)));
  for (const json &ids : fields.list("banned")) {
    std::vector<int32_t> &banned = tokens.banned.emplace_back();
    for (const json &id : ids)
      banned.push_back(static_cast<int32_t>(fields.integer(id, "banned", 0, INT32_MAX)));
    if (banned.empty())
      throw Error("metadata: 'banned' has an empty list");
  }
  for (const json &id : fields.list("banned_first"))
    tokens.bannedFirst.push_back(static_cast<int32_t>(fields.integer(id, "banned_first", 0, INT32_MAX)));
  return tokens;
}

SentenceVector parseSentence(const Fields &fields) {
  return {fields.oneOf("pooling", poolings), fields.boolean("normalize"),
          fields.integer("max_tokens", 0, 0, INT32_MAX)};
}

GenerationDefaults parseGeneration(const Fields &fields) {
  GenerationDefaults defaults;
  defaults.temperature = fields.number("temperature");
  defaults.topP = fields.number("top_p");
  defaults.minP = fields.number("min_p");
  defaults.repetitionPenalty = fields.number("repetition_penalty");
  defaults.lengthPenalty = fields.number("length_penalty");
  if (fields.find("early_stopping"))
    defaults.earlyStopping = fields.oneOf("early_stopping", earlyStoppings);
  if (fields.find("top_k"))
    defaults.topK = fields.integer("top_k", 0, INT32_MAX);
  if (fields.find("beams"))
    defaults.beams = fields.integer("beams", 1, 1 << 16);
  if (fields.find("max_length"))
    defaults.maxLength = fields.integer("max_length", 1, INT32_MAX);
  if (fields.find("min_length"))
    defaults.minLength = fields.integer("min_length", 0, INT32_MAX);
  if (fields.find("no_repeat"))
    defaults.noRepeat = fields.integer("no_repeat", 0, INT32_MAX);
  return defaults;
}

void parseModel(Metadata &metadata, const Fields &fields) {
  metadata.vocabulary = fields.integer("vocabulary", 0, 0, INT32_MAX);
  metadata.hidden = fields.integer("hidden", 0, 0, INT32_MAX);
  metadata.layers = fields.integer("layers", 0, 0, 1 << 20);
  metadata.context = fields.integer("context", 1, INT32_MAX);
  metadata.chunk = fields.integer("chunk", 512, 1, 1 << 20);
  metadata.literalTokens = fields.integer("literal_tokens", 0, 0, INT32_MAX);
  metadata.tokenTypes = fields.integer("token_types", 0, 0, INT32_MAX);
  if (fields.find("position_ids")) {
    Fields positions = fields.child("position_ids");
    metadata.positionIds = {static_cast<int32_t>(positions.integer("offset", 1, INT32_MAX)),
                            static_cast<int32_t>(positions.integer("uncounted", 0, INT32_MAX))};
  }
  if (fields.find("sentence"))
    metadata.sentence = parseSentence(fields.child("sentence"));
  metadata.weightsFile = fields.string("weights_file", "");
  metadata.parameters = fields.integer("parameters", 0, 0, largestSize);
  metadata.weightBytes = fields.integer("weight_bytes", 0, 0, largestSize);
  if (fields.find("cache"))
    metadata.cache = parseCache(fields.child("cache"));
  if (fields.find("source_cache"))
    metadata.sourceCache = parseCache(fields.child("source_cache"));
  if (fields.find("cross_cache"))
    metadata.crossCache = parseCache(fields.child("cross_cache"));
  metadata.encoderLayers = fields.integer("encoder_layers", 0, 0, 1 << 20);
  for (const json &layer : fields.list("router_layers"))
    metadata.routerLayers.push_back(fields.integer(layer, "router_layers", 0, 1 << 20));

  WorkspaceInfo workspace;
  if (fields.find("workspace"))
    workspace = parseWorkspace(fields.child("workspace"));
  std::vector<json> entries = fields.list("entries");
  for (size_t i = 0; i < entries.size(); ++i)
    metadata.entries.push_back(parseEntry({entries[i], fmt::format("entries[{}]", i)}, workspace));
}

} // namespace

int64_t attune::sizeOf(ElementType type) {
  constexpr std::array<int64_t, 6> sizes = {1, 4, 8, 2, 2, 4};
  return sizes[static_cast<size_t>(type)];
}

std::string_view attune::nameOf(ElementType type) { return elementTypes[static_cast<size_t>(type)].first; }

std::string_view attune::nameOf(Pooling pooling) { return poolings[static_cast<size_t>(pooling)].first; }

std::string_view attune::nameOf(ModelKind kind) { return kinds[static_cast<size_t>(kind)].first; }

int64_t ArgumentInfo::rowSize(size_t leading) const {
  int64_t elements = 1;
  for (size_t i = leading; i < shape.size(); ++i) {
    if (shape[i].isNamed())
      throw Error(fmt::format("metadata: argument '{}' has the named dimension '{}' within its rows", name,
                              shape[i].name));
    elements *= shape[i].size;
  }
  return elements;
}

int64_t WorkspaceInfo::bytes(int64_t tokens) const {
  int64_t rounded = (tokens + tokenMultiple - 1) / tokenMultiple * tokenMultiple, bytes;
  if (__builtin_mul_overflow(bytesPerToken, rounded, &bytes) ||
      __builtin_add_overflow(bytes, bytesFixed, &bytes))
    throw Error(fmt::format("the working memory of {} tokens is too large", tokens));
  return bytes;
}

const ArgumentInfo *EntryInfo::find(std::string_view argument) const {
  auto found = std::ranges::find(arguments, argument, &ArgumentInfo::name);
  return found == arguments.end() ? nullptr : &*found;
}

const EntryInfo *Metadata::find(std::string_view entry) const {
  auto found = std::ranges::find(entries, entry, &EntryInfo::name);
  return found == entries.end() ? nullptr : &*found;
}

Metadata attune::parseMetadata(std::string_view text) {
  json document = json::parse(text, nullptr, false);
  if (document.is_discarded())
    throw Error(fmt::format("metadata: {} bytes that are not valid JSON", text.size()));

  Fields fields(document, "");
  Metadata metadata;
  metadata.name = fields.string("name", "");
  metadata.kind = fields.oneOf("kind", kinds);
  metadata.target = fields.string("target", "cpu");
  std::vector<json> cpus = fields.list("cpus");
  for (size_t i = 0; i < cpus.size(); ++i)
    metadata.cpus.push_back(parseCpu({cpus[i], fmt::format("cpus[{}]", i)}));
  if (fields.find("tokens"))
    metadata.tokens = parseTokens(fields.child("tokens"));
  if (fields.find("generation"))
    metadata.generation = parseGeneration(fields.child("generation"));
  metadata.chatTemplate = fields.string("chat_template", "");
  if (const json *description = fields.find("description"))
    metadata.description = description->dump(2, ' ', false, json::error_handler_t::replace);
  if (metadata.kind != ModelKind::Tokenizer)
    parseModel(metadata, fields);
  return metadata;
}
