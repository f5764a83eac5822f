// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/compile/PackedWeights.h"

#include "dialect/Kernel.h"
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

PackedRecord recordOf(ParameterOp parameter, int64_t index) {
  PackedRecord record;
  mlir::RankedTensorType type = parameter.getTensorType();
  record.source = parameter.getSourceName(index);
  record.transposed = parameter.getTransposed();
  record.isVector = type.getRank() != 2;
  record.rows = record.isVector ? 1 : type.getDimSize(0);
  record.columns = record.isVector ? type.getNumElements() : type.getDimSize(1);
  record.offset = *parameter.getOffset() + index * *parameter.getStride();
  if (!record.isVector)
    record.format =
        parameter->getAttrOfType<mlir::kernel::PackedAttr>(mlir::transformer::kFormatAttr).getFormat();
  record.storage = storageNamed(mlir::transformer::storageOf(type));
  if (auto value = llvm::dyn_cast_or_null<mlir::DenseElementsAttr>(parameter.getValueAttr()))
    for (llvm::APFloat element : value.getValues<llvm::APFloat>())
      record.values.push_back(element.convertToFloat());
  return record;
}

llvm::Expected<PackSource> sourceOf(const PackedRecord &record, const WeightStore &store) {
  if (record.source.empty()) {
    auto bytes = llvm::ArrayRef(reinterpret_cast<const uint8_t *>(record.values.data()),
                                record.values.size() * sizeof(float));
    PackSource source;
    source.name = "literal value";
    source.data = bytes;
    source.storedRows = record.rows;
    source.columns = record.columns;
    return source;
  }
  const TensorInfo *tensor = store.find(record.source);
  if (!tensor)
    return llvm::createStringError("tensor '" + record.source +
                                   "' is needed, but no file of the model has it");
  if (!record.isVector)
    return record.transposed ? PackSource::ofTransposed(*tensor) : PackSource::of(*tensor);
  PackSource source;
  source.name = tensor->name;
  source.type = tensor->type;
  source.data = tensor->data;
  source.storedRows = 1;
  source.columns = tensor->elementCount();
  return source;
}

Error packVector(const PackedRecord &record, const PackSource &source,
                 llvm::function_ref<Error(int64_t, llvm::ArrayRef<uint8_t>)> write) {
  std::vector<float> values(record.columns);
  dequantize(source.type, source.data.data(), values.data(), record.columns);
  return write(record.offset, llvm::ArrayRef(reinterpret_cast<const uint8_t *>(values.data()),
                                             values.size() * sizeof(float)));
}

} // namespace

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
  std::vector<uint8_t> buffer;
  int64_t done = 0;
  for (const PackedRecord &record : plan.records) {
    auto source = sourceOf(record, store);
    if (!source)
      return source.takeError();
    if (record.isVector) {
      if (Error error = packVector(record, *source, write))
        return error;
      continue;
    }
    std::optional<StorageType> requantize = source->type == record.storage ? std::nullopt : record.storage;
    int64_t panelBytes = record.format.panelBytes(record.columns), panels = PackedFormat::panels(record.rows);
    int64_t step = std::max<int64_t>(1, kChunk / panelBytes);
    for (int64_t panel = 0; panel < panels; panel += step) {
      int64_t count = std::min(step, panels - panel);
      buffer.resize(count * panelBytes);
      if (Error error = packPanels(record.format, {*source}, panel, count, buffer.data(), requantize))
        return error;
      if (Error error = write(record.offset + panel * panelBytes, buffer))
        return error;
      progress(done += count * panelBytes);
    }
  }
  return Error::success();
}
