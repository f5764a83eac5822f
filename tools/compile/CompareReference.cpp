// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The side of `--compare` that runs the reference interpreter.

#include "tools/compile/Compare.h"

#include "dialect/reference/Reference.h"
#include "frontend/weights/Packing.h"
#include "passes/layout/Formats.h"
#include "tools/compile/PackedWeights.h"

using namespace attune;
namespace tf = mlir::transformer;
using tf::reference::CacheValue;
using tf::reference::ElementKind;
using tf::reference::RuntimeValue;
using tf::reference::Tensor;

namespace {

/// As packing has it: matrices are stored as their type says, vectors as f32.
llvm::Expected<Tensor> parameterValue(const WeightStore &store, tf::ParameterOp parameter, int64_t index) {
  auto result = Tensor::zeros(parameter.getTensorType().getShape());
  if (!result)
    return result;
  PackedRecord record = recordOf(parameter, index);
  std::vector<float> values;
  for (int64_t matrix = 0; matrix < record.matrices; ++matrix) {
    auto source = sourceOf(record, store, matrix);
    if (!source)
      return source.takeError();
    if (record.isVector) {
      values = vectorOf(*source);
    } else {
      PackedFormat format = packedFormatOf(*record.storage);
      std::vector<uint8_t> packed(format.bytes(record.rows, record.columns));
      std::optional<StorageType> requantize = source->type == record.storage ? std::nullopt : record.storage;
      if (llvm::Error error =
              packPanels(format, {*source}, 0, PackedFormat::panels(record.rows), packed.data(), requantize))
        return std::move(error);
      values.resize(record.rows * record.columns);
      unpack(format, packed.data(), record.rows, record.columns, values.data());
    }
    llvm::copy(values, result->data().begin() + matrix * static_cast<int64_t>(values.size()));
  }
  return result;
}

ReferenceValue valueOf(llvm::StringRef name, std::optional<int64_t> layer, const Tensor &tensor) {
  return {name.str(), layer, tensor.shape().vec(), tensor.data().vec()};
}

/// Caches by name: what an encoder leaves is what its decoder reads.
using Caches = llvm::StringMap<RuntimeValue>;

/// The arguments of an entry for one sequence that starts with an empty cache.
class Arguments {
public:
  /// `source` is how many tokens the encoder of an encoder-decoder reads, or has read.
  Arguments(const Description &description, llvm::ArrayRef<int64_t> ids, bool seesAll, int64_t source,
            Caches &caches)
      : description(description), ids(ids), seesAll(seesAll), source(source), caches(caches) {
    tokens = description.kind == ModelKind::literal && !description.inputs.empty()
                 ? description.inputs.begin()->second.size()
                 : ids.size();
  }

  llvm::Expected<RuntimeValue> get(llvm::StringRef name, mlir::Type type) const {
    if (auto cache = llvm::dyn_cast<tf::CacheType>(type))
      return cacheOf(name, cache);
    if (name == "batch")
      return integers({tokens, 3}, [&](int64_t i) { return batch(i / 3, i % 3); });
    // Rows for keys and values of the source: an encoder writes one after the other, a decoder sees all.
    if (name == "source_batch")
      return integers({tokens, 3}, [&](int64_t i) {
        return i % 3 == 0 && seesAll ? i / 3 : i % 3 == 2 ? source : 0;
      });
    if (name == "input_ids")
      return integers({tokens}, [&](int64_t i) { return ids[i]; });
    if (name == "output_rows")
      return integers({tokens}, [](int64_t i) { return i; });
    if (name == "token_type_ids")
      return integers({tokens}, [](int64_t) { return 0; });
    if (name == "position_ids")
      return integers({tokens}, [&](int64_t i) { return positionId(i); });
    return llvm::createStringError("--compare does not know the argument '" + name + "'");
  }

private:
  llvm::Expected<RuntimeValue> cacheOf(llvm::StringRef name, tf::CacheType type) const {
    auto found = caches.find(name);
    if (found != caches.end())
      return found->second;
    auto value = CacheValue::create(type, name == "cross_cache" ? source : tokens);
    if (!value)
      return value.takeError();
    return caches.try_emplace(name, RuntimeValue(*value)).first->second;
  }

  /// Position, first key row, number of keys that a token may see.
  int64_t batch(int64_t token, int64_t column) const {
    return column == 0 ? token : column == 1 ? 0 : seesAll ? tokens : token + 1;
  }

  /// The row of the table of positions, where some tokens are not counted.
  int64_t positionId(int64_t token) const {
    auto counts = [&](int64_t id) { return id != description.positions.uncounted; };
    int64_t before = llvm::count_if(ids.take_front(token), counts);
    return description.positions.offset + (counts(ids[token]) ? before : -1);
  }

  static llvm::Expected<RuntimeValue> integers(llvm::ArrayRef<int64_t> shape,
                                               llvm::function_ref<int64_t(int64_t)> element) {
    auto tensor = Tensor::zeros(shape, ElementKind::integer);
    if (!tensor)
      return tensor.takeError();
    for (int64_t i = 0; i < tensor->size(); ++i)
      tensor->data()[i] = static_cast<double>(element(i));
    return tf::reference::runtimeValue(std::move(*tensor));
  }

  const Description &description;
  llvm::ArrayRef<int64_t> ids;
  bool seesAll;
  int64_t source, tokens;
  Caches &caches;
};

std::string nameOf(mlir::Attribute attribute, llvm::StringRef otherwise) {
  auto text = llvm::dyn_cast_or_null<mlir::StringAttr>(attribute);
  return text ? text.getValue().str() : otherwise.str();
}

/// Runs an entry and adds what it shows and gives. `progress` is told the layers of this entry.
llvm::Error runEntry(mlir::ModuleOp module, const Model &model, llvm::StringRef name, const Arguments &source,
                     llvm::function_ref<void(int64_t)> progress, std::vector<ReferenceValue> &values) {
  auto entry = module.lookupSymbol<mlir::func::FuncOp>(name);
  if (!entry)
    return llvm::createStringError("the module has no entry @" + name);
  llvm::SmallVector<RuntimeValue> arguments;
  for (unsigned i = 0; i < entry.getNumArguments(); ++i) {
    auto argument = source.get(nameOf(entry.getArgAttr(i, tf::kNameAttr), ""), entry.getArgumentTypes()[i]);
    if (!argument)
      return argument.takeError();
    arguments.push_back(*argument);
  }
  tf::reference::ReferenceOptions options;
  options.parameters = [&](tf::ParameterOp parameter, int64_t record) {
    return parameterValue(model.weights, parameter, record);
  };
  options.taps = [&](llvm::StringRef name, std::optional<int64_t> layer, const Tensor &value, mlir::Type) {
    values.push_back(valueOf(name, layer, value));
    if (layer)
      progress(*layer);
  };
  auto results = tf::reference::run(entry, arguments, options);
  if (!results)
    return results.takeError();
  for (auto [index, result] : llvm::enumerate(*results))
    if (auto *tensor = std::get_if<std::shared_ptr<const Tensor>>(&result))
      values.push_back(
          valueOf(nameOf(entry.getResultAttr(index, tf::kNameAttr), "result"), std::nullopt, **tensor));
  return llvm::Error::success();
}

} // namespace

llvm::Expected<std::vector<ReferenceValue>>
attune::runReference(mlir::ModuleOp module, const Model &model, const CompareIds &ids,
                     llvm::function_ref<void(int64_t, int64_t)> progress) {
  const Description &description = model.description;
  auto sourceTokens = static_cast<int64_t>(ids.source.size());
  int64_t before = description.encoder ? description.encoder->layers.size() + 1 : 0;
  int64_t all = before + description.layers.size() + 1;
  Caches caches;
  std::vector<ReferenceValue> values;
  if (description.encoder) {
    Arguments arguments(description, ids.source, /*seesAll=*/true, sourceTokens, caches);
    if (llvm::Error error = runEntry(
            module, model, "encode", arguments, [&](int64_t layer) { progress(layer, all); }, values))
      return std::move(error);
  }
  bool isCausal = description.kind == ModelKind::decoder || description.encoder;
  Arguments arguments(description, ids.tokens, !isCausal, sourceTokens, caches);
  if (llvm::Error error = runEntry(
          module, model, "step", arguments, [&](int64_t layer) { progress(before + layer, all); }, values))
    return std::move(error);
  return values;
}
