// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/compile/PackedWeights.h"

#include "dialect/Kernel.h"
#include "frontend/Parameters.h"
#include "frontend/weights/Packing.h"
#include "passes/layout/Formats.h"

using namespace attune;
using llvm::Error;
using mlir::transformer::ParameterOp;

namespace {

/// Bytes packed at a time.
constexpr int64_t kChunk = 8 << 20;

std::optional<StorageType> storageNamed(mlir::transformer::StorageType type) {
  return storageTypeNamed(mlir::transformer::stringifyStorageType(type));
}

/// Row r of what is wanted is row result[r] of what is stored; empty if all rows are.
std::vector<int64_t> rowOrder(const PackedRecord &record, int64_t rows) {
  std::vector<int64_t> order;
  if (record.rowSlice.empty())
    return order;
  int64_t first = record.rowSlice[0], length = record.rowSlice[1], period = record.rowSlice[2];
  order.reserve(rows);
  for (int64_t row = 0; row < rows; ++row)
    order.push_back(row / length * period + first + row % length);
  return order;
}

PackSource literalSource(const PackedRecord &record) {
  PackSource source;
  source.name = "literal value";
  source.data = llvm::ArrayRef(reinterpret_cast<const uint8_t *>(record.values.data()),
                               record.values.size() * sizeof(float));
  source.storedRows = record.rows;
  source.columns = record.columns;
  return source;
}

/// A vector is a matrix of one column, so that it may be cut as one is.
llvm::Expected<PackSource> vectorSource(const PackedRecord &record, const TensorInfo &tensor) {
  if (!tensor.scales.empty())
    return llvm::createStringError(tensor.file + ": tensor '" + tensor.name +
                                   "' holds matrices in blocks, expected a vector");
  PackSource source;
  source.name = tensor.name;
  source.type = tensor.type;
  source.data = tensor.data;
  source.storedRows = tensor.elementCount();
  source.columns = 1;
  source.rowOrder = rowOrder(record, record.columns);
  return source;
}

llvm::Expected<PackSource> matrixSource(const PackedRecord &record, TensorInfo tensor, int64_t matrix) {
  bool ownTensor = record.matrices == 1 || llvm::StringRef(record.source).contains(expertHole);
  if (tensor.shape.size() == 1) // a matrix of one row
    tensor.shape.insert(tensor.shape.begin(), 1);
  if (!ownTensor && tensor.shape.size() == 2) // one above the other
    tensor.shape = {record.matrices, tensor.shape[0] / record.matrices, tensor.shape[1]};
  int64_t index = ownTensor ? 0 : matrix;
  auto source = record.transposed ? PackSource::ofTransposed(tensor, index) : PackSource::of(tensor, index);
  if (!source)
    return source;
  if (record.storedColumns) { // of a transposed matrix, so they come first
    source->data = source->data.take_front(source->data.size() / record.storedColumns * record.columns);
    source->columns = record.columns;
  }
  source->rowOrder = rowOrder(record, record.rows);
  return source;
}

/// Whether the file has what the IR wants, which may have been edited.
bool fits(const PackedRecord &record, const PackSource &source) {
  int64_t rows = record.isVector ? record.columns : record.rows;
  if (!record.isVector && source.columns != record.columns)
    return false;
  if (source.rowOrder.empty())
    return record.isVector ? source.storedRows == rows : source.storedRows >= rows;
  return static_cast<int64_t>(source.rowOrder.size()) == rows &&
         llvm::all_of(source.rowOrder, [&](int64_t row) { return row < source.storedRows; });
}

/// Packs one matrix, a few panels at a time.
Error packMatrix(const PackedRecord &record, const PackSource &source, int64_t offset,
                 llvm::function_ref<Error(int64_t, llvm::ArrayRef<uint8_t>)> write,
                 llvm::function_ref<void(int64_t)> packed) {
  std::vector<uint8_t> buffer;
  std::optional<StorageType> requantize = source.type == record.storage ? std::nullopt : record.storage;
  int64_t panelBytes = record.format.panelBytes(record.columns), panels = PackedFormat::panels(record.rows);
  int64_t step = std::max<int64_t>(1, kChunk / panelBytes);
  for (int64_t panel = 0; panel < panels; panel += step) {
    int64_t count = std::min(step, panels - panel);
    buffer.resize(count * panelBytes);
    if (Error error = packPanels(record.format, {source}, panel, count, buffer.data(), requantize))
      return error;
    if (Error error = write(offset + panel * panelBytes, buffer))
      return error;
    packed(count * panelBytes);
  }
  return Error::success();
}

} // namespace

PackedRecord attune::recordOf(ParameterOp parameter, int64_t index) {
  PackedRecord record;
  mlir::RankedTensorType type = parameter.getTensorType();
  record.source = parameter.getSourceName(index);
  record.transposed = parameter.getTransposed();
  if (auto rows = parameter.getRows())
    record.rowSlice.assign(rows->begin(), rows->end());
  record.storedColumns = parameter.getStoredColumns().value_or(0);
  record.isVector = type.getRank() < 2;
  record.matrices = type.getRank() == 3 ? type.getDimSize(0) : 1;
  record.rows = record.isVector ? 1 : type.getDimSize(type.getRank() - 2);
  record.columns = record.isVector ? type.getNumElements() : type.getShape().back();
  if (parameter.getOffset())
    record.offset = *parameter.getOffset() + index * *parameter.getStride();
  auto format = parameter->getAttrOfType<mlir::kernel::PackedAttr>(mlir::transformer::kFormatAttr);
  if (format)
    record.format = format.getFormat();
  record.storage = storageNamed(mlir::transformer::storageOf(type));
  if (auto value = llvm::dyn_cast_or_null<mlir::DenseElementsAttr>(parameter.getValueAttr()))
    for (llvm::APFloat element : value.getValues<llvm::APFloat>())
      record.values.push_back(element.convertToFloat());
  return record;
}

llvm::Expected<PackSource> attune::sourceOf(const PackedRecord &record, const WeightStore &store,
                                            int64_t matrix) {
  if (record.source.empty())
    return literalSource(record);
  std::string name = tensorName(record.source, 0, matrix);
  const TensorInfo *tensor = store.find(name);
  if (!tensor)
    return llvm::createStringError("tensor '" + name + "' is needed, but no file of the model has it");
  llvm::Expected<PackSource> source =
      record.isVector ? vectorSource(record, *tensor) : matrixSource(record, *tensor, matrix);
  if (source && !fits(record, *source))
    return llvm::createStringError(tensor->file + ": tensor '" + name + "' has the shape " +
                                   shapeText(tensor->shape) + ", the IR expects " +
                                   shapeText({record.rows, record.columns}));
  return source;
}

std::vector<float> attune::vectorOf(const PackSource &source) {
  std::vector<float> stored(source.storedRows * source.columns), values;
  dequantize(source.type, source.data.data(), stored.data(), stored.size());
  if (source.rowOrder.empty())
    return stored;
  for (int64_t row : source.rowOrder)
    values.push_back(stored[row]);
  return values;
}

PackedPlan attune::planWeights(mlir::ModuleOp module) {
  PackedPlan plan;
  for (auto parameter : module.getOps<ParameterOp>())
    for (int64_t record = 0; record < parameter.getRecords(); ++record)
      plan.records.push_back(recordOf(parameter, record));
  llvm::sort(plan.records, [](const PackedRecord &a, const PackedRecord &b) { return a.offset < b.offset; });
  if (auto bytes = module->getAttrOfType<mlir::IntegerAttr>(mlir::transformer::kWeightBytesAttr))
    plan.bytes = bytes.getInt();
  return plan;
}

Error attune::packWeights(const PackedPlan &plan, const WeightStore &store,
                          llvm::function_ref<Error(int64_t, llvm::ArrayRef<uint8_t>)> write,
                          llvm::function_ref<void(int64_t)> progress) {
  int64_t done = 0;
  auto packed = [&](int64_t bytes) { progress(done += bytes); };
  for (const PackedRecord &record : plan.records) {
    for (int64_t matrix = 0; matrix < record.matrices; ++matrix) {
      auto source = sourceOf(record, store, matrix);
      if (!source)
        return source.takeError();
      if (record.isVector) {
        std::vector<float> values = vectorOf(*source);
        auto bytes =
            llvm::ArrayRef(reinterpret_cast<const uint8_t *>(values.data()), values.size() * sizeof(float));
        if (Error error = write(record.offset, bytes))
          return error;
        continue;
      }
      if (Error error = packMatrix(record, *source,
                                   record.offset + matrix * record.format.bytes(record.rows, record.columns),
                                   write, packed))
        return error;
    }
  }
  return Error::success();
}
