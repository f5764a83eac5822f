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

/// The entry's arguments for one sequence that starts with an empty cache.
class Arguments {
public:
  Arguments(const Description &description, llvm::ArrayRef<int64_t> ids)
      : description(description), ids(ids) {
    tokens = description.kind == ModelKind::literal && !description.inputs.empty()
                 ? description.inputs.begin()->second.size()
                 : ids.size();
  }

  llvm::Expected<RuntimeValue> get(llvm::StringRef name, mlir::Type type) const {
    if (auto cache = llvm::dyn_cast<tf::CacheType>(type)) {
      auto value = CacheValue::create(cache, tokens);
      if (!value)
        return value.takeError();
      return RuntimeValue(*value);
    }
    if (name == "batch")
      return integers({tokens, 3}, [&](int64_t i) { return batch(i / 3, i % 3); });
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
  /// Position, first key row, number of keys that a token may see.
  int64_t batch(int64_t token, int64_t column) const {
    bool seesAll = description.kind != ModelKind::decoder;
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
  int64_t tokens;
};

std::string nameOf(mlir::Attribute attribute, llvm::StringRef otherwise) {
  auto text = llvm::dyn_cast_or_null<mlir::StringAttr>(attribute);
  return text ? text.getValue().str() : otherwise.str();
}

} // namespace

llvm::Expected<std::vector<ReferenceValue>>
attune::runReference(mlir::ModuleOp module, const Model &model, llvm::ArrayRef<int64_t> ids,
                     llvm::function_ref<void(int64_t, int64_t)> progress) {
  auto entry = module.lookupSymbol<mlir::func::FuncOp>("step");
  if (!entry)
    return llvm::createStringError("the module has no entry @step");
  Arguments source(model.description, ids);
  llvm::SmallVector<RuntimeValue> arguments;
  for (unsigned i = 0; i < entry.getNumArguments(); ++i) {
    auto argument = source.get(nameOf(entry.getArgAttr(i, tf::kNameAttr), ""), entry.getArgumentTypes()[i]);
    if (!argument)
      return argument.takeError();
    arguments.push_back(*argument);
  }
  std::vector<ReferenceValue> values;
  tf::reference::ReferenceOptions options;
  options.parameters = [&](tf::ParameterOp parameter, int64_t record) {
    return parameterValue(model.weights, parameter, record);
  };
  options.taps = [&](llvm::StringRef name, std::optional<int64_t> layer, const Tensor &value, mlir::Type) {
    values.push_back(valueOf(name, layer, value));
    if (layer)
      progress(*layer, model.description.layers.size() + 1);
  };
  auto results = tf::reference::run(entry, arguments, options);
  if (!results)
    return results.takeError();
  for (auto [index, result] : llvm::enumerate(*results))
    if (auto *tensor = std::get_if<std::shared_ptr<const Tensor>>(&result))
      values.push_back(
          valueOf(nameOf(entry.getResultAttr(index, tf::kNameAttr), "result"), std::nullopt, **tensor));
  return values;
}
