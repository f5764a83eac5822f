// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The description as a whole: its layers and tensors, which YAML groups and the structure lists one by one.

#include "frontend/yaml/DescriptionText.h"
#include "frontend/Parameters.h"
#include "frontend/yaml/Ranges.h"
#include "frontend/yaml/Schema.h"

#include "llvm/ADT/StringExtras.h"

using namespace attune;
using namespace attune::yaml;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

//===------------------------------- layers -------------------------------===//

/// One entry of the list: settings, and the layers that have them.
static void readLayerEntry(ReadState &state, const Tree &tree, size_t entry, const std::string &prefix,
                           std::vector<std::optional<Layer>> &layers) {
  std::string path = prefix + "layers[" + std::to_string(entry) + "]";
  auto at = llvm::find_if(tree.fields, [](const Entry &field) { return field.key == "at"; });
  if (at == tree.fields.end())
    return state.fail(tree.range, path + " needs the key 'at': which layers it describes, for example 0-11");
  std::vector<int64_t> indices = readRanges(state, at->value, path + ".at");
  if (state.problem || indices.empty())
    return state.fail(at->value.range, path + ".at names no layer");

  Layer layer;
  std::string firstPath =
      prefix + "layers[" + std::to_string(indices[0]) + "]"; // fields are known by the layer's number
  state.ranges[firstPath] = tree.range;
  Reader reader(state, tree, firstPath);
  reader.field("at");
  fields(reader, layer);
  reader.finish();
  for (int64_t index : indices) {
    if (index >= static_cast<int64_t>(layers.size()))
      layers.resize(index + 1);
    if (layers[index])
      return state.fail(at->value.range, "layer " + llvm::Twine(index) + " is described twice");
    layers[index] = layer;
  }
}

/// Makes the fields of an entry's first layer known under its other layers too.
static void shareRanges(ReadState &state, const std::string &prefix, const std::vector<Layer> &layers) {
  for (size_t i = 1; i < layers.size(); ++i) {
    std::string to = prefix + "layers[" + std::to_string(i) + "]";
    if (state.ranges.count(to))
      continue;
    size_t same = std::find(layers.begin(), layers.begin() + i, layers[i]) - layers.begin();
    std::string from = prefix + "layers[" + std::to_string(same) + "]";
    for (StringRef suffix : {"", ".attention", ".cross_attention", ".feed_forward"})
      if (auto found = state.ranges.find(from + suffix.str()); found != state.ranges.end())
        state.ranges[to + suffix.str()] = found->second;
  }
}

static void readLayers(ReadState &state, const Tree &tree, const std::string &prefix,
                       std::vector<Layer> &layers) {
  if (tree.kind != Tree::list)
    return state.fail(tree.range,
                      "layers: expected a list; each item describes the layers that its 'at' names");
  std::vector<std::optional<Layer>> found;
  for (size_t i = 0; i < tree.items.size() && !state.problem; ++i)
    readLayerEntry(state, tree.items[i], i, prefix, found);
  for (size_t i = 0; i < found.size() && !state.problem; ++i) {
    if (!found[i])
      return state.fail(tree.range, "layer " + llvm::Twine(i) + " is not described, though layer " +
                                        llvm::Twine(found.size() - 1) + " is");
    layers.push_back(*found[i]);
  }
  shareRanges(state, prefix, layers);
}

static Tree writeLayers(const std::vector<Layer> &layers) {
  std::vector<std::vector<int64_t>> groups;
  for (int64_t i = 0, end = layers.size(); i < end; ++i) {
    auto same = llvm::find_if(groups, [&](const auto &group) { return layers[group[0]] == layers[i]; });
    if (same == groups.end())
      groups.push_back({i});
    else
      same->push_back(i);
  }
  Tree list = Tree::makeList();
  for (const std::vector<int64_t> &group : groups) {
    Writer writer;
    writer.add("at", writeRanges(group));
    fields(writer, const_cast<Layer &>(layers[group[0]]));
    list.items.push_back(std::move(writer.tree));
  }
  return list;
}

//===------------------------------ tensors -------------------------------===//

static std::vector<int64_t> layersWith(const Description &model, StringRef name) {
  std::vector<int64_t> layers;
  for (const StackView &stack : stacksOf(model))
    for (int64_t i = 0, end = stack->layers.size(); i < end; ++i)
      if (llvm::any_of(layerParameters(model, stack, stack->layers[i]),
                       [&](const Parameter &p) { return p.name == name; }))
        layers.push_back(i);
  return layers;
}

static void readType(ReadState &state, const Tree &tree, const std::string &path, StorageType &type) {
  std::optional<StringRef> word = scalarOf(state, tree, path, "a storage type");
  std::optional<StorageType> found = word ? storageTypeNamed(*word) : std::nullopt;
  if (found && isWeightType(*found)) {
    type = *found;
    return;
  }
  std::vector<StringRef> names;
  for (int i = 0; i < numStorageTypes; ++i)
    if (isWeightType(static_cast<StorageType>(i)))
      names.push_back(storageTypeName(static_cast<StorageType>(i)));
  if (word)
    state.fail(tree.range, path + " is '" + *word + "', " + expectedOneOf(*word, names));
}

/// `type: q4_1`, or `type: {q8_0: [0-1, 4], q5_0: 2-3}`.
static void readTypes(ReadState &state, const Tree &tree, const Description &model, StringRef name,
                      const std::string &path, std::vector<StorageType> &types) {
  bool layered = isLayered(name);
  types.assign(recordCount(model, name), StorageType::F32);
  if (!layered)
    return readType(state, tree, path, types[0]);
  std::vector<int64_t> layers = layersWith(model, name);
  if (tree.kind != Tree::map) {
    StorageType type = StorageType::F32;
    readType(state, tree, path, type);
    for (int64_t layer : layers)
      types[layer] = type;
    return;
  }
  std::vector<int64_t> given;
  for (const Entry &entry : tree.fields) {
    StorageType type = StorageType::F32;
    Tree word = Tree::makeScalar(entry.key);
    word.range = entry.keyRange;
    readType(state, word, path, type);
    for (int64_t layer : readRanges(state, entry.value, path)) {
      given.push_back(layer);
      if (layer < static_cast<int64_t>(types.size()))
        types[layer] = type;
    }
  }
  llvm::sort(given);
  if (given != layers)
    state.fail(tree.range, path + " must name each layer that has " + name + " once");
}

static Tree writeTypes(const Description &model, StringRef name, const std::vector<StorageType> &types) {
  auto word = [](StorageType type) { return Tree::makeScalar(storageTypeName(type).str()); };
  if (!isLayered(name))
    return word(types[0]);
  std::map<StorageType, std::vector<int64_t>> groups;
  for (int64_t layer : layersWith(model, name))
    groups[types[layer]].push_back(layer);
  if (groups.size() == 1)
    return word(groups.begin()->first);
  Tree map = Tree::makeMap();
  for (const auto &[type, layers] : groups)
    map.fields.push_back({storageTypeName(type).str(), writeRanges(layers), {}});
  return map;
}

/// A tensor's name, or a map.
static void readTensor(ReadState &state, const Entry &entry, const Description &model, TensorSource &source) {
  std::string path = "tensors." + entry.key;
  state.ranges[path] = entry.keyRange;
  if (entry.value.kind == Tree::scalar)
    return read(state, entry.value, source.name, path);
  Reader reader(state, entry.value, path);
  reader.optional("name", source.name, std::string());
  reader.optional("transposed", source.transposed, false);
  reader.maybe("rows", source.rows);
  reader.optional("stored_columns", source.storedColumns, int64_t(0));
  if (const Tree *type = reader.field("type"))
    readTypes(state, *type, model, entry.key, path + ".type", source.types);
  reader.maybe("value", source.value);
  if (source.value && !source.name.empty())
    state.fail(entry.value.range, path + " has a value and a name, expected one of them");
  reader.finish();
}

static Tree writeTensor(const Description &model, StringRef name, const TensorSource &source) {
  Writer writer;
  writer.optional("name", source.name, std::string());
  writer.optional("transposed", source.transposed, false);
  writer.maybe("rows", const_cast<TensorSource &>(source).rows);
  writer.optional("stored_columns", source.storedColumns, int64_t(0));
  if (!source.types.empty())
    writer.add("type", writeTypes(model, name, source.types));
  writer.maybe("value", source.value);
  return std::move(writer.tree);
}

/// A map with names of its own.
template <typename T, typename Each>
static void readMap(Reader &reader, StringRef key, std::map<std::string, T> &values, Each each) {
  const Tree *tree = reader.field(key);
  if (!tree || tree->kind == Tree::null)
    return;
  if (tree->kind != Tree::map)
    return reader.state.fail(tree->range, key + ": expected a map (name: value)");
  for (const Entry &entry : tree->fields)
    each(entry, values[entry.key]);
}

//===------------------------- whole descriptions -------------------------===//

static void layers(Reader &io, std::vector<Layer> &v) {
  if (const Tree *tree = io.field("layers"))
    readLayers(io.state, *tree, io.path.empty() ? "" : io.path + ".", v);
}
static void layers(Writer &io, const std::vector<Layer> &v) {
  if (!v.empty())
    io.add("layers", writeLayers(v));
}

/// An encoder beside the model's own stack, whose fields stand at the top level.
template <typename IO> static void stackFields(IO &io, Stack &v) {
  io.optional("embedding", v.embedding, Embedding());
  io.optional("positions", v.positions, Positions());
  layers(io, v.layers);
  io.maybe("final_norm", v.finalNorm);
}

namespace attune::yaml {
template <typename IO> void fields(IO &io, Stack &v) { stackFields(io, v); }
} // namespace attune::yaml

template <typename IO> static void modelFields(IO &io, Description &v) {
  io.required("name", v.name);
  io.required("kind", v.kind);
  io.optional("vocabulary", v.vocabulary, int64_t(0));
  io.optional("hidden", v.hidden, int64_t(0));
  io.optional("context", v.context, int64_t(0));
  io.maybe("encoder", v.encoder);
  stackFields(io, v);
  io.maybe("head", v.head);
  io.maybe("sentence", v.sentence);
  io.optional("tokens", v.tokens, Tokens());
  io.optional("generation", v.generation, Generation());
  io.optional("chat_template", v.chatTemplate, std::string());
  io.optional("tokenizer", v.tokenizer, std::string());
  io.optional("weights", v.weights, Weights());
}

static void readDescription(ReadState &state, const Tree &tree, Description &model) {
  Reader reader(state, tree, "");
  modelFields(reader, model);
  readMap(reader, "inputs", model.inputs, [&](const Entry &entry, Literal &value) {
    state.ranges["inputs." + entry.key] = entry.value.range;
    read(state, entry.value, value, "inputs." + entry.key);
  });
  readMap(reader, "tensors", model.tensors,
          [&](const Entry &entry, TensorSource &source) { readTensor(state, entry, model, source); });
  reader.finish();
}

std::string yaml::printDescription(const Description &description) {
  Writer writer;
  auto &model = const_cast<Description &>(description); // the same list of keys reads and writes
  modelFields(writer, model);
  Tree inputs = Tree::makeMap(), tensors = Tree::makeMap();
  for (const auto &[name, value] : model.inputs)
    inputs.fields.push_back({name, write(value), {}});
  for (const auto &[name, source] : model.tensors)
    tensors.fields.push_back({name, writeTensor(model, name, source), {}});
  if (!model.inputs.empty())
    writer.add("inputs", std::move(inputs));
  if (!model.tensors.empty())
    writer.add("tensors", std::move(tensors));
  return print(writer.tree);
}

/// The range of the field, or of the nearest one around it.
static llvm::SMRange rangeOf(const std::map<std::string, llvm::SMRange> &ranges, StringRef field,
                             llvm::SMRange root) {
  while (!field.empty()) {
    if (auto found = ranges.find(field.str()); found != ranges.end())
      return found->second;
    field = field.take_front(field.find_last_of(".[") == StringRef::npos ? 0 : field.find_last_of(".["));
  }
  return root;
}

Error DescriptionText::locate(Error error) const {
  Error located = Error::success();
  llvm::handleAllErrors(
      std::move(error),
      [&](const FieldError &field) {
        located = llvm::joinErrors(std::move(located),
                                   source.error(rangeOf(ranges, field.field, source.tree().range),
                                                field.field + " " + field.message));
      },
      [&](std::unique_ptr<llvm::ErrorInfoBase> other) {
        located = llvm::joinErrors(std::move(located), Error(std::move(other)));
      });
  return located;
}

Expected<DescriptionText> yaml::parseDescription(StringRef text, StringRef file) {
  Expected<Source> source = Source::parse(text, file);
  if (!source)
    return source.takeError();
  DescriptionText result{std::move(*source), {}, {}};
  ReadState state{result.source, {}, {}};
  readDescription(state, result.source.tree(), result.description);
  if (state.problem)
    return llvm::createStringError(llvm::inconvertibleErrorCode(), "%s", state.problem->c_str());
  result.ranges = std::move(state.ranges);
  if (Error error = result.locate(validate(result.description)))
    return std::move(error);
  Origin &origin = result.description.origin;
  origin.file = file.str();
  for (const auto &[path, range] : result.ranges) {
    auto [line, column] = result.source.place(range);
    origin.fields[path] = {line, column};
  }
  return result;
}
