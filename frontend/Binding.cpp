// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Finding the tensors of a description's parameters.

#include "frontend/Parameters.h"
#include "frontend/weights/MappedFile.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/GlobPattern.h"
#include <cstring>

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
  for (const StackView &stack : stacksOf(description))
    for (int64_t layer = 0, end = stack->layers.size(); layer < end; ++layer)
      for (const Parameter &parameter : layerParameters(description, stack, stack->layers[layer]))
        if (Error error = visit(parameter, layer))
          return error;
  return Error::success();
}

/// The parameter's source; one that nobody named is called by the parameter's name,
/// "layer.{}.attention.query".
static TensorSource &sourceOf(Description &description, StringRef parameter) {
  TensorSource &source = description.tensors[parameter.str()];
  if (source.name.empty() && !source.value) {
    size_t layer = isLayered(parameter) ? parameter.find("layer.") + strlen("layer.") : 0;
    source.name = (parameter.take_front(layer) + (layer ? "{}." : "") + parameter.drop_front(layer)).str();
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
    if (isLayered(name) && !source.value && !source.name.empty() && !StringRef(source.name).contains("{}"))
      return llvm::make_error<FieldError>(
          "tensors." + name, "is '" + source.name + "', expected a name with {} for the layer's number");
  }
  return Error::success();
}

static std::string whatFor(const Parameter &parameter, int64_t layer) {
  auto [stack, name] = StringRef(parameter.name).split("layer.");
  if (isLayered(parameter.name))
    return formatv("{0} of {1}layer {2}", name, stack.empty() ? "" : "the encoder's ", layer);
  return parameter.name;
}

/// Rows of the stored matrix (or elements of the stored vector) of which `rows` are wanted.
static int64_t storedRows(const TensorSource &source, int64_t rows) {
  if (!source.rows)
    return rows;
  return source.rows->period ? rows / source.rows->length * source.rows->period : source.rows->of;
}

/// The shape of the tensor that holds a parameter, or one of its matrices.
static std::vector<int64_t> storedShape(const Parameter &parameter, const TensorSource &source) {
  if (parameter.shape.size() == 1)
    return {storedRows(source, parameter.shape[0])};
  int64_t columns = source.storedColumns ? source.storedColumns : parameter.shape.back();
  std::vector<int64_t> matrix{storedRows(source, parameter.shape[parameter.shape.size() - 2]), columns};
  if (source.transposed)
    std::swap(matrix[0], matrix[1]);
  if (parameter.shape.size() == 3 && !StringRef(source.name).contains(expertHole))
    matrix.insert(matrix.begin(), parameter.shape[0]);
  return matrix;
}

/// Whether a tensor of shape `found` holds what one of shape `expected` would, in the same order: a vector
/// may be a matrix of known rows, a matrix of one row a vector, the matrices of a stack may stand one above
/// the other.
static bool fits(llvm::ArrayRef<int64_t> found, llvm::ArrayRef<int64_t> expected, int64_t vectorRows) {
  if (found == expected)
    return true;
  if (expected.size() == 2 && found.size() == 1)
    return expected[0] == 1 && found[0] == expected[1];
  if (expected.size() == 1 && found.size() == 2)
    return found[0] == vectorRows && found[0] * found[1] == expected[0];
  return expected.size() == 3 && found.size() == 2 && found[0] == expected[0] * expected[1] &&
         found[1] == expected[2];
}

static Error checkShape(const TensorInfo &tensor, const Parameter &parameter, int64_t layer,
                        const TensorSource &source) {
  std::vector<int64_t> expected = storedShape(parameter, source);
  if (!fits(tensor.shape, expected, parameter.vectorRows))
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

/// A slice takes whole stretches that lie within the stored rows.
static Error checkSlice(const TensorSource &source, const Parameter &parameter) {
  std::string field = "tensors." + parameter.name;
  if (source.storedColumns && (!source.transposed || source.storedColumns < parameter.shape.back()))
    return llvm::make_error<FieldError>(
        field + ".stored_columns", formatv("is {0}, expected at least {1} columns of a transposed matrix",
                                           source.storedColumns, parameter.shape.back()));
  if (!source.rows)
    return Error::success();
  const RowSlice &slice = *source.rows;
  int64_t rows =
      parameter.shape.size() == 1 ? parameter.shape[0] : parameter.shape[parameter.shape.size() - 2];
  int64_t room = slice.period ? slice.period : slice.of;
  bool whole = slice.length > 0 && (slice.period ? rows % slice.length == 0 : rows == slice.length);
  if (!whole || slice.first < 0 || slice.first > room - slice.length)
    return llvm::make_error<FieldError>(
        field + ".rows",
        formatv("takes {0} of {1} rows from row {2} on, which does not give the {3} rows that "
                "the parameter has",
                slice.length, room, slice.first, rows));
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
  llvm::StringSet<> used, givenTypes;
  for (const auto &[name, source] : description.tensors)
    if (!source.types.empty())
      givenTypes.insert(name);

  Error error = forEachTensor(description, [&](const Parameter &parameter, int64_t layer) -> Error {
    TensorSource &source = sourceOf(description, parameter.name);
    source.types.resize(recordCount(description, parameter.name), StorageType::F32);
    if (source.value)
      return Error::success();
    if (Error error = checkSlice(source, parameter))
      return error;
    bool perExpert = parameter.shape.size() == 3 && StringRef(source.name).contains(expertHole);
    bool given = givenTypes.contains(parameter.name);
    for (int64_t expert = 0, end = perExpert ? parameter.shape[0] : 1; expert < end; ++expert) {
      std::string name = tensorName(source.name, layer, expert);
      const TensorInfo *tensor = store.find(name);
      if (!tensor)
        return fileError(description.weights.file,
                         formatv("tensor {0} is missing; expected it with shape {1} ({2})", quoted(name),
                                 shapeText(storedShape(parameter, source)), whatFor(parameter, layer)));
      used.insert(name);
      if (Error error = checkShape(*tensor, parameter, layer, source))
        return error;
      if (Error error = bindType(source, given || expert > 0, *tensor, parameter, layer))
        return error;
    }
    return Error::success();
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
    TensorSource &source = sourceOf(description, parameter.name);
    source.types.assign(recordCount(description, parameter.name), StorageType::F32);
    if (source.value)
      return checkLiteral(parameter, source);
    if (!description.weights.random)
      return llvm::make_error<FieldError>(
          "weights", formatv("are missing: {0} has no value here, and neither 'file' nor 'random' is given",
                             whatFor(parameter, layer)));
    return Error::success();
  });
}
