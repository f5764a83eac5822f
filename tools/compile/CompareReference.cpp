// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The side of `--compare` that runs the reference interpreter.

#include "tools/compile/Compare.h"

#include "dialect/reference/Reference.h"
#include "passes/layout/Formats.h"

using namespace attune;
namespace tf = mlir::transformer;
using tf::reference::CacheValue;
using tf::reference::ElementKind;
using tf::reference::RuntimeValue;
using tf::reference::Tensor;

namespace {

/// Stores the elements as `type` and reads them again.
void roundThrough(StorageType type, llvm::MutableArrayRef<float> row) {
  std::vector<uint8_t> stored(storageBytes(type, row.size()));
  quantize(type, row.data(), stored.data(), row.size());
  dequantize(type, stored.data(), row.data(), row.size());
}

/// As packing has it: matrices are stored as their type says, vectors as f32.
llvm::Expected<Tensor> parameterValue(const WeightStore &store, tf::ParameterOp parameter, int64_t record) {
  std::string name = parameter.getSourceName(record);
  const TensorInfo *info = store.find(name);
  if (!info)
    return llvm::createStringError("tensor '" + name + "' is needed, but no file of the model has it");
  mlir::RankedTensorType type = parameter.getTensorType();
  if (info->elementCount() != type.getNumElements())
    return llvm::createStringError(info->file + ": tensor '" + name + "' has the shape " + shapeText(info->shape) + ", expected " + shapeText(type.getShape()));
  auto result = Tensor::zeros(type.getShape());
  if (!result)
    return result;
  int64_t columns = type.getRank() ? type.getShape().back() : 1, rows = type.getNumElements() / std::max<int64_t>(columns, 1);
  int64_t fileColumns = parameter.getTransposed() ? rows : columns, fileRows = parameter.getTransposed() ? columns : rows;
  std::vector<float> row(fileColumns);
  for (int64_t i = 0; i < fileRows; ++i) {
    dequantize(info->type, info->data.data() + i * storageBytes(info->type, fileColumns), row.data(), fileColumns);
    for (int64_t j = 0; j < fileColumns; ++j)
      result->data()[parameter.getTransposed() ? j * columns + i : i * columns + j] = row[j];
  }
  auto storage = storageTypeNamed(tf::stringifyStorageType(tf::storageOf(type)));
  if (type.getRank() != 2 || !storage || *storage == info->type || !canQuantizeTo(*storage))
    return result;
  row.resize(columns);
  for (int64_t i = 0; i < rows; ++i) {
    auto elements = result->data().slice(i * columns, columns);
    llvm::copy(elements, row.begin());
    roundThrough(*storage, row);
    llvm::copy(row, elements.begin());
  }
  return result;
}

ReferenceValue valueOf(llvm::StringRef name, std::optional<int64_t> layer, const Tensor &tensor) {
  return {name.str(), layer, tensor.shape().vec(), tensor.data().vec()};
}

/// The entry's arguments for one sequence that starts with an empty cache.
class Arguments {
public:
  Arguments(const Description &description, llvm::ArrayRef<int64_t> ids) : description(description), ids(ids) {
    tokens = description.kind == ModelKind::literal && !description.inputs.empty() ? description.inputs.begin()->second.size() : ids.size();
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
    return llvm::createStringError("--compare does not know the argument '" + name + "'");
  }

private:
  /// Position, first key row, number of keys that a token may see.
  int64_t batch(int64_t token, int64_t column) const {
    bool seesAll = description.kind != ModelKind::decoder;
    return column == 0 ? token : column == 1 ? 0 : seesAll ? tokens : token + 1;
  }

  static llvm::Expected<RuntimeValue> integers(llvm::ArrayRef<int64_t> shape, llvm::function_ref<int64_t(int64_t)> element) {
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

llvm::Expected<std::vector<ReferenceValue>> attune::runReference(mlir::ModuleOp module, const Model &model, llvm::ArrayRef<int64_t> ids,
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
  options.parameters = [&](tf::ParameterOp parameter, int64_t record) { return parameterValue(model.weights, parameter, record); };
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
      values.push_back(valueOf(nameOf(entry.getResultAttr(index, tf::kNameAttr), "result"), std::nullopt, **tensor));
  return values;
}
