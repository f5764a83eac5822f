// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Parameters as symbols of the module, and references to them.

#include "frontend/builder/ModuleBuilder.h"

using namespace attune;
using namespace mlir;
namespace tf = mlir::transformer;

/// The dialect's name of a storage type; the two enumerations have the same words.
static tf::StorageType storageOf(StorageType type) {
  return *tf::symbolizeStorageType(storageTypeName(type));
}

static RankedTensorType parameterType(MLIRContext *context, ArrayRef<int64_t> shape, StorageType type) {
  Attribute encoding = type == StorageType::F32 ? Attribute() : tf::StoredAttr::get(context, storageOf(type));
  return RankedTensorType::get(shape, Float32Type::get(context), encoding);
}

std::string ModuleBuilder::prefixOf(const StackView &stack, int64_t kind) const {
  std::string name = stack.prefix + "layer";
  return scheduleOf(stack).kinds.size() == 1 ? name : name + "." + std::to_string(kind);
}

void ModuleBuilder::declareParameters() {
  for (const Parameter &parameter : modelParameters(model))
    declareParameter(parameter, parameter.name, {});
  for (const StackView &stack : stacks)
    for (int64_t kind = 0, end = scheduleOf(stack).kinds.size(); kind < end; ++kind)
      declareLayerParameters(stack, kind);
  for (const auto &[name, value] : model.inputs)
    declareLiteral("input." + name,
                   {static_cast<int64_t>(value.size()), static_cast<int64_t>(value[0].size())}, value);
}

void ModuleBuilder::declareLayerParameters(const StackView &stack, int64_t kind) {
  ArrayRef<int64_t> layers = scheduleOf(stack).kinds[kind].layers;
  size_t common = stack.prefix.size() + strlen("layer");
  for (const Parameter &parameter : layerParameters(model, stack, stack->layers[layers[0]]))
    declareParameter(parameter, prefixOf(stack, kind) + parameter.name.substr(common), layers);
}

/// The numbers row by row; of a transposed matrix, column by column.
static std::vector<float> elementsOf(const Literal &value, bool transposed) {
  std::vector<float> elements;
  if (!transposed) {
    for (const std::vector<double> &row : value)
      elements.insert(elements.end(), row.begin(), row.end());
    return elements;
  }
  for (size_t column = 0; column < value[0].size(); ++column)
    for (const std::vector<double> &row : value)
      elements.push_back(row[column]);
  return elements;
}

void ModuleBuilder::declareParameter(const Parameter &parameter, const std::string &symbol,
                                     ArrayRef<int64_t> layers) {
  const TensorSource &source = model.tensors.at(parameter.name);
  int64_t firstLayer = layers.empty() ? 0 : layers[0];
  RankedTensorType type =
      parameterType(b.getContext(), parameter.shape, storageOf(model, parameter.name, firstLayer));
  DenseI64ArrayAttr layerAttr = layers.empty() ? DenseI64ArrayAttr() : b.getDenseI64ArrayAttr(layers);
  StringAttr name = source.value ? StringAttr() : b.getStringAttr(source.name);
  UnitAttr transposed = source.transposed && !source.value ? b.getUnitAttr() : UnitAttr();
  DenseI64ArrayAttr sliced;
  if (source.rows && !source.value)
    sliced = b.getDenseI64ArrayAttr(
        {source.rows->first, source.rows->length, source.rows->period, source.rows->of});
  IntegerAttr storedColumns =
      source.storedColumns ? b.getI64IntegerAttr(source.storedColumns) : IntegerAttr();
  ElementsAttr value;
  if (source.value)
    value = DenseElementsAttr::get(type, ArrayRef<float>(elementsOf(*source.value, source.transposed)));
  tf::ParameterOp::create(b, at("tensors." + parameter.name), b.getStringAttr(symbol), TypeAttr::get(type),
                          name, layerAttr, transposed, sliced, storedColumns, value, IntegerAttr(),
                          IntegerAttr());
  types[symbol] = type;
}

void ModuleBuilder::declareLiteral(const std::string &symbol, ArrayRef<int64_t> shape,
                                   const Literal &literal) {
  RankedTensorType type = parameterType(b.getContext(), shape, StorageType::F32);
  ElementsAttr value =
      DenseElementsAttr::get(type, ArrayRef<float>(elementsOf(literal, /*transposed=*/false)));
  tf::ParameterOp::create(b, at("inputs"), b.getStringAttr(symbol), TypeAttr::get(type), StringAttr(),
                          DenseI64ArrayAttr(), UnitAttr(), DenseI64ArrayAttr(), IntegerAttr(), value,
                          IntegerAttr(), IntegerAttr());
  types[symbol] = type;
}

Value ModuleBuilder::weight(StringRef name) {
  return tf::WeightOp::create(b, at("tensors." + name), types.at(name.str()), name, Value());
}

Value ModuleBuilder::weight(const LayerScope &scope, StringRef name) {
  std::string symbol = scope.prefix + "." + name.str();
  return tf::WeightOp::create(b, at("tensors." + scope.stack.prefix + "layer." + name), types.at(symbol),
                              symbol, scope.record);
}
