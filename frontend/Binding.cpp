// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Finding the tensors of a description's parameters.

#include "frontend/Parameters.h"
#include "frontend/weights/MappedFile.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/GlobPattern.h"

using namespace attune;
using llvm::Error;
using llvm::formatv;
using llvm::StringRef;

/// Calls `visit(parameter, layer, record index in TensorSource::types)` for each tensor that the description
/// asks for.
template <typename Visit> static Error forEachTensor(const Description &description, Visit visit) {
  for (const Parameter &parameter : modelParameters(description))
    if (Error error = visit(parameter, 0))
      return error;
  for (int64_t layer = 0, end = description.layers.size(); layer < end; ++layer)
    for (const Parameter &parameter : layerParameters(description, description.layers[layer]))
      if (Error error = visit(parameter, layer))
        return error;
  return Error::success();
}

/// The parameter's source; one that nobody named is called by the parameter's name,
/// "layer.{}.attention.query".
static TensorSource &sourceOf(Description &description, StringRef parameter) {
  TensorSource &source = description.tensors[parameter.str()];
  if (source.name.empty() && !source.value) {
    bool layered = parameter.consume_front("layer.");
    source.name = ((layered ? "layer.{}." : "") + parameter).str();
  }
  return source;
}

/// Parameters of that name outside the description are mistakes, most likely of spelling.
static Error checkNames(const Description &description) {
  llvm::StringSet<> known;
  llvm::cantFail(forEachTensor(description, [&](const Parameter &parameter, int64_t) {
    known.insert(parameter.name);
    return Error::success();
  }));
  for (const auto &[name, source] : description.tensors) {
    if (!known.contains(name))
      return llvm::make_error<FieldError>("tensors." + name, "is no parameter of this model");
    if (StringRef(name).starts_with("layer.") && !source.value && !source.name.empty() &&
        !StringRef(source.name).contains("{}"))
      return llvm::make_error<FieldError>(
          "tensors." + name, "is '" + source.name + "', expected a name with {} for the layer's number");
  }
  return Error::success();
}

static std::string whatFor(const Parameter &parameter, int64_t layer) {
  if (StringRef(parameter.name).starts_with("layer."))
    return formatv("{0} of layer {1}", StringRef(parameter.name).drop_front(6), layer);
  return parameter.name;
}

static Error checkShape(const TensorInfo &tensor, const Parameter &parameter, int64_t layer,
                        bool transposed) {
  std::vector<int64_t> expected = parameter.shape;
  if (transposed)
    std::reverse(expected.begin(), expected.end());
  if (llvm::ArrayRef<int64_t>(expected) != llvm::ArrayRef<int64_t>(tensor.shape))
    return fileError(tensor.file,
                     formatv("tensor {0} has shape {1}, expected {2} ({3})", quoted(tensor.name),
                             shapeText(tensor.shape), shapeText(expected), whatFor(parameter, layer)));
  if (!isWeightType(tensor.type))
    return fileError(tensor.file,
                     formatv("tensor {0} has elements of type {1}, which are no weights ({2})",
                             quoted(tensor.name), storageTypeName(tensor.type), whatFor(parameter, layer)));
  return Error::success();
}

/// Sets the storage type of a record, or checks the one that the description gives.
static Error bindType(TensorSource &source, bool given, const TensorInfo &tensor, const Parameter &parameter,
                      int64_t layer) {
  StorageType &type = source.types[layer];
  if (given && type != tensor.type)
    return llvm::make_error<FieldError>("tensors." + parameter.name,
                                        formatv("has type {0} in layer {1}, but tensor {2} of {3} is {4}",
                                                storageTypeName(type), layer, quoted(tensor.name),
                                                tensor.file, storageTypeName(tensor.type)));
  type = tensor.type;
  return Error::success();
}

static bool matchesAny(StringRef name, llvm::ArrayRef<llvm::GlobPattern> patterns) {
  return llvm::any_of(patterns, [&](const llvm::GlobPattern &pattern) { return pattern.match(name); });
}

static Error checkAllUsed(const WeightStore &store, const llvm::StringSet<> &used,
                          llvm::ArrayRef<std::string> ignore) {
  std::vector<llvm::GlobPattern> patterns;
  for (const std::string &text : ignore) {
    llvm::Expected<llvm::GlobPattern> pattern = llvm::GlobPattern::create(text);
    if (!pattern)
      return llvm::make_error<FieldError>("weights.ignore",
                                          "is no pattern: " + llvm::toString(pattern.takeError()));
    patterns.push_back(std::move(*pattern));
  }
  for (const TensorInfo &tensor : store.tensors())
    if (!used.contains(tensor.name) && !matchesAny(tensor.name, patterns))
      return fileError(
          tensor.file,
          formatv("tensor {0} ({1} {2}) is not used: the model's settings ask for no such parameter",
                  quoted(tensor.name), storageTypeName(tensor.type), shapeText(tensor.shape)));
  return Error::success();
}

Error attune::bindTensors(Description &description, const WeightStore &store) {
  if (Error error = checkNames(description))
    return error;
  llvm::StringSet<> used, given;
  for (const auto &[name, source] : description.tensors)
    if (!source.types.empty())
      given.insert(name);

  size_t layers = description.layers.size();
  Error error = forEachTensor(description, [&](const Parameter &parameter, int64_t layer) -> Error {
    TensorSource &source = sourceOf(description, parameter.name);
    source.types.resize(StringRef(parameter.name).starts_with("layer.") ? layers : 1, StorageType::F32);
    if (source.value)
      return Error::success();
    std::string name = tensorName(source.name, layer);
    const TensorInfo *tensor = store.find(name);
    if (!tensor)
      return fileError(description.weights.file,
                       formatv("tensor {0} is missing; expected it with shape {1} ({2})", quoted(name),
                               shapeText(parameter.shape), whatFor(parameter, layer)));
    used.insert(name);
    if (Error error = checkShape(*tensor, parameter, layer, source.transposed))
      return error;
    return bindType(source, given.contains(parameter.name), *tensor, parameter, layer);
  });
  if (error)
    return error;
  return checkAllUsed(store, used, description.weights.ignore);
}

/// A literal vector is one row; a transposed matrix has a row per input.
static Error checkLiteral(const Parameter &parameter, const TensorSource &source) {
  int64_t rows = parameter.shape.size() == 2 ? parameter.shape[0] : 1;
  int64_t columns = parameter.shape.back();
  if (source.transposed)
    std::swap(rows, columns);
  std::string field = "tensors." + parameter.name + ".value";
  if (static_cast<int64_t>(source.value->size()) != rows)
    return llvm::make_error<FieldError>(field,
                                        formatv("has {0} rows, expected {1}", source.value->size(), rows));
  for (const std::vector<double> &row : *source.value)
    if (static_cast<int64_t>(row.size()) != columns)
      return llvm::make_error<FieldError>(
          field, formatv("has a row of {0} numbers, expected {1}", row.size(), columns));
  return Error::success();
}

Error attune::bindWithoutFiles(Description &description) {
  if (Error error = checkNames(description))
    return error;
  return forEachTensor(description, [&](const Parameter &parameter, int64_t layer) -> Error {
    bool layered = StringRef(parameter.name).starts_with("layer.");
    TensorSource &source = sourceOf(description, parameter.name);
    source.types.assign(layered ? description.layers.size() : 1, StorageType::F32);
    if (source.value)
      return checkLiteral(parameter, source);
    if (!description.weights.random)
      return llvm::make_error<FieldError>(
          "weights", formatv("are missing: {0} has no value here, and neither 'file' nor 'random' is given",
                             whatFor(parameter, layer)));
    return Error::success();
  });
}
