// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The file: "GGUF", version (u32), numbers of tensors and of metadata entries (u64 each), the metadata, a
// description of each tensor (name, dimensions, innermost first, type, offset), padding, the data.

#include "frontend/weights/Gguf.h"
#include "frontend/weights/GgufCursor.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MathExtras.h"

using namespace attune;

static constexpr uint32_t maxDimensions = 4;
static constexpr uint64_t defaultAlignment = 32;
// The least bytes that a metadata entry and the description of a tensor take: bounds for the counts.
static constexpr uint64_t leastEntryBytes = 8 + 4 + 1;
static constexpr uint64_t leastTensorBytes = 8 + 4 + 4 + 8;

namespace {
struct GgmlType {
  uint32_t number;
  const char *name;
  std::optional<StorageType> type; ///< None: known to GGML, not supported here.
};

/// One file of a model.
struct GgufPart {
  GgufMetadata metadata;
  std::vector<TensorInfo> tensors;
};

class PartReader {
public:
  PartReader(llvm::StringRef file, llvm::ArrayRef<uint8_t> content)
      : content(content), cursor(file, content), part{GgufMetadata(file), {}} {}

  llvm::Expected<GgufPart> read();

private:
  llvm::Error readHeader();
  llvm::Expected<uint64_t> readCount(const char *what, uint64_t leastBytes);
  llvm::Error readTensor();
  llvm::Error readShape(TensorInfo &tensor);
  llvm::Expected<StorageType> readStorageType(const TensorInfo &tensor);
  llvm::Expected<uint64_t> alignment();
  llvm::Error setData(TensorInfo &tensor, uint64_t offset, uint64_t alignment, llvm::ArrayRef<uint8_t> data);
  llvm::Error checkOverlaps();

  llvm::Error tensorError(const TensorInfo &tensor, const llvm::Twine &problem) {
    return fileError(cursor.file, "tensor " + quoted(tensor.name) + " " + problem);
  }

  llvm::ArrayRef<uint8_t> content;
  GgufCursor cursor;
  GgufPart part;
  uint64_t tensorCount = 0, entryCount = 0;
  std::vector<uint64_t> offsets; ///< Of part.tensors, in the data.
};
} // namespace

static const GgmlType *ggmlType(uint32_t number) {
  using S = StorageType;
  static const GgmlType types[] = {
      {0, "f32", S::F32},    {1, "f16", S::F16},    {2, "q4_0", S::Q4_0},      {3, "q4_1", S::Q4_1},
      {6, "q5_0", S::Q5_0},  {7, "q5_1", S::Q5_1},  {8, "q8_0", S::Q8_0},      {9, "q8_1", {}},
      {10, "q2_k", S::Q2_K}, {11, "q3_k", S::Q3_K}, {12, "q4_k", S::Q4_K},     {13, "q5_k", S::Q5_K},
      {14, "q6_k", S::Q6_K}, {15, "q8_k", {}},      {16, "iq2_xxs", {}},       {17, "iq2_xs", {}},
      {18, "iq3_xxs", {}},   {19, "iq1_s", {}},     {20, "iq4_nl", S::IQ4_NL}, {21, "iq3_s", {}},
      {22, "iq2_s", {}},     {23, "iq4_xs", {}},    {24, "i8", S::I8},         {25, "i16", S::I16},
      {26, "i32", S::I32},   {27, "i64", S::I64},   {28, "f64", S::F64},       {29, "iq1_m", {}},
      {30, "bf16", S::BF16}, {34, "tq1_0", {}},     {35, "tq2_0", {}},         {39, "mxfp4", S::MXFP4},
      {40, "nvfp4", {}},
  };
  const GgmlType *found = llvm::find_if(types, [&](const GgmlType &type) { return type.number == number; });
  return found == std::end(types) ? nullptr : found;
}

llvm::Expected<uint64_t> PartReader::readCount(const char *what, uint64_t leastBytes) {
  llvm::Expected<uint64_t> count = cursor.read<uint64_t>(llvm::Twine("the number of ") + what);
  if (count && *count > cursor.remaining() / leastBytes)
    return fileError(cursor.file, llvm::formatv("claims {0} {1}, more than its {2} bytes can hold", *count,
                                                what, content.size()));
  return count;
}

llvm::Error PartReader::readHeader() {
  llvm::Expected<llvm::ArrayRef<uint8_t>> magic = cursor.take(4, 1, "the GGUF signature");
  if (!magic)
    return magic.takeError();
  if (llvm::toStringRef(*magic) != "GGUF")
    return fileError(cursor.file, "begins with " + quoted(llvm::toStringRef(*magic)) + ", expected 'GGUF'");
  llvm::Expected<uint32_t> version = cursor.read<uint32_t>("the GGUF version");
  if (!version)
    return version.takeError();
  if (*version != 2 && *version != 3)
    return fileError(cursor.file, (*version & 0xffff) == 0
                                      ? llvm::Twine("is a big-endian GGUF file, expected little-endian")
                                      : "has GGUF version " + llvm::Twine(*version) + ", expected 2 or 3");
  llvm::Expected<uint64_t> tensors = readCount("tensors", leastTensorBytes);
  if (!tensors)
    return tensors.takeError();
  llvm::Expected<uint64_t> entries = readCount("metadata entries", leastEntryBytes);
  if (!entries)
    return entries.takeError();
  tensorCount = *tensors;
  entryCount = *entries;
  return llvm::Error::success();
}

llvm::Error PartReader::readShape(TensorInfo &tensor) {
  std::string what = "the shape of tensor " + quoted(tensor.name);
  llvm::Expected<uint32_t> rank = cursor.read<uint32_t>(what);
  if (!rank)
    return rank.takeError();
  if (*rank > maxDimensions)
    return tensorError(tensor,
                       llvm::formatv("has {0} dimensions, expected at most {1}", *rank, maxDimensions));
  for (uint32_t i = 0; i < *rank; ++i) {
    llvm::Expected<uint64_t> size = cursor.read<uint64_t>(what);
    if (!size)
      return size.takeError();
    if (*size == 0 || *size > static_cast<uint64_t>(INT64_MAX))
      return tensorError(tensor,
                         llvm::formatv("has dimension {0} of size {1}, expected 1 to 2^63 - 1", i, *size));
    tensor.shape.push_back(*size);
  }
  std::reverse(tensor.shape.begin(), tensor.shape.end());
  return llvm::Error::success();
}

llvm::Expected<StorageType> PartReader::readStorageType(const TensorInfo &tensor) {
  llvm::Expected<uint32_t> number = cursor.read<uint32_t>("the type of tensor " + quoted(tensor.name));
  if (!number)
    return number.takeError();
  const GgmlType *type = ggmlType(*number);
  if (!type)
    return tensorError(tensor, "has the unknown type " + llvm::Twine(*number));
  if (!type->type)
    return tensorError(tensor, llvm::Twine("is stored as ") + type->name + ", which is not supported");
  return *type->type;
}

llvm::Error PartReader::readTensor() {
  llvm::Expected<llvm::StringRef> name = cursor.readString("the name of a tensor");
  if (!name)
    return name.takeError();
  TensorInfo tensor;
  tensor.name = name->str();
  tensor.file = cursor.file.str();
  if (!llvm::json::isUTF8(*name))
    return tensorError(tensor, "has a name that is not UTF-8");
  if (llvm::Error error = readShape(tensor))
    return error;
  llvm::Expected<StorageType> type = readStorageType(tensor);
  if (!type)
    return type.takeError();
  tensor.type = *type;
  llvm::Expected<uint64_t> offset = cursor.read<uint64_t>("the offset of tensor " + quoted(*name));
  if (!offset)
    return offset.takeError();
  part.tensors.push_back(std::move(tensor));
  offsets.push_back(*offset);
  return llvm::Error::success();
}

llvm::Expected<uint64_t> PartReader::alignment() {
  constexpr char key[] = "general.alignment";
  const GgufValue *value = part.metadata.find(key);
  if (!value)
    return defaultAlignment;
  if (value->isList || value->type != GgufType::U32)
    return fileError(cursor.file, llvm::Twine("metadata '") + key + "' is of type " + value->typeText() +
                                      ", expected u32");
  uint32_t alignment = llvm::support::endian::read32le(value->bytes.data());
  if (!llvm::isPowerOf2_32(alignment))
    return fileError(cursor.file, llvm::Twine("metadata '") + key + "' is " + llvm::Twine(alignment) +
                                      ", expected a power of two");
  return alignment;
}

llvm::Error PartReader::setData(TensorInfo &tensor, uint64_t offset, uint64_t alignment,
                                llvm::ArrayRef<uint8_t> data) {
  llvm::Expected<int64_t> bytes = tensorBytes(tensor.type, tensor.shape);
  if (!bytes)
    return tensorError(tensor, "of " + llvm::toString(bytes.takeError()));
  if (offset % alignment != 0)
    return tensorError(tensor,
                       llvm::formatv("has offset {0}, expected a multiple of {1}", offset, alignment));
  uint64_t size = *bytes;
  if (offset > data.size() || size > data.size() - offset)
    return tensorError(tensor,
                       llvm::formatv("of shape {0} and type {1} needs {2} bytes at offset {3}, but the file "
                                     "holds only {4} bytes of data",
                                     shapeText(tensor.shape), storageTypeName(tensor.type), size, offset,
                                     data.size()));
  tensor.data = data.slice(offset, size);
  return llvm::Error::success();
}

llvm::Error PartReader::checkOverlaps() {
  std::vector<const TensorInfo *> sorted;
  for (const TensorInfo &tensor : part.tensors)
    sorted.push_back(&tensor);
  llvm::sort(sorted,
             [](const TensorInfo *a, const TensorInfo *b) { return a->data.begin() < b->data.begin(); });
  for (size_t i = 1; i < sorted.size(); ++i)
    if (sorted[i]->data.begin() < sorted[i - 1]->data.end())
      return tensorError(*sorted[i], "begins inside the data of tensor " + quoted(sorted[i - 1]->name));
  return llvm::Error::success();
}

llvm::Expected<GgufPart> PartReader::read() {
  if (llvm::Error error = readHeader())
    return std::move(error);
  for (uint64_t i = 0; i < entryCount; ++i)
    if (llvm::Error error = part.metadata.readEntry(cursor))
      return std::move(error);
  for (uint64_t i = 0; i < tensorCount; ++i)
    if (llvm::Error error = readTensor())
      return std::move(error);
  llvm::Expected<uint64_t> align = alignment();
  if (!align)
    return align.takeError();
  uint64_t dataStart = std::min<uint64_t>(llvm::alignTo(cursor.offset(), *align), content.size());
  llvm::ArrayRef<uint8_t> data = content.drop_front(dataStart);
  for (auto [tensor, offset] : llvm::zip(part.tensors, offsets))
    if (llvm::Error error = setData(tensor, offset, *align, data))
      return std::move(error);
  if (llvm::Error error = checkOverlaps())
    return std::move(error);
  return std::move(part);
}

//===----------------------------------------------------------------------===//
// Models of one file and of several
//===----------------------------------------------------------------------===//

/// Reads one file; its mapping goes to `store`.
static llvm::Expected<GgufPart> readPart(llvm::StringRef file, WeightStore &store) {
  auto mapping = mapFile(file);
  if (!mapping)
    return mapping.takeError();
  auto content = llvm::arrayRefFromStringRef((*mapping)->getBuffer());
  store.keep(std::move(*mapping));
  return PartReader(file, content).read();
}

static llvm::Error addTensors(GgufPart &part, WeightStore &store) {
  for (TensorInfo &tensor : part.tensors)
    if (llvm::Error error = store.add(std::move(tensor)))
      return error;
  return llvm::Error::success();
}

/// What stands after the name proper: "-00002-of-00003.gguf".
static std::string partSuffix(int64_t index, int64_t count) {
  return llvm::formatv("-{0,0+5}-of-{1,0+5}.gguf", index + 1, count);
}

/// The number of files that the metadata claims; 1 if it says nothing.
static llvm::Expected<int64_t> partCount(const GgufMetadata &metadata) {
  auto count = metadata.getOptionalInt("split.count");
  if (!count)
    return count.takeError();
  if (!*count || **count == 0)
    return 1;
  if (**count < 1 || **count > 99999)
    return fileError(metadata.filePath(),
                     "metadata 'split.count' is " + llvm::Twine(**count) + ", expected 1 to 99999");
  return **count;
}

/// Checks that a file is the part of the model that its name says.
static llvm::Error checkPart(const GgufMetadata &metadata, int64_t index, int64_t count) {
  for (auto [key, expected] : {std::pair("split.no", index), std::pair("split.count", count)}) {
    llvm::Expected<int64_t> found = metadata.getInt(key);
    if (!found)
      return found.takeError();
    if (*found != expected)
      return fileError(metadata.filePath(),
                       llvm::formatv("metadata '{0}' is {1}, expected {2}", key, *found, expected));
  }
  return llvm::Error::success();
}

static llvm::Error checkTensorCount(const GgufModel &model) {
  auto expected = model.metadata.getOptionalInt("split.tensors.count");
  if (!expected)
    return expected.takeError();
  int64_t found = model.weights.tensors().size();
  if (*expected && **expected != found)
    return fileError(
        model.metadata.filePath(),
        llvm::formatv("metadata 'split.tensors.count' is {0}, but its files hold {1} tensors together",
                      **expected, found));
  return llvm::Error::success();
}

/// The name without the suffix that makes it a part of `count`.
static llvm::Expected<llvm::StringRef> namePrefix(llvm::StringRef path, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    llvm::StringRef prefix = path;
    if (prefix.consume_back(partSuffix(i, count)))
      return prefix;
  }
  return fileError(path, "is one of " + llvm::Twine(count) +
                             " files of a model ('split.count'), but its name does not end in '" +
                             partSuffix(0, count) +
                             "' or another number, so that the others cannot be found");
}

static llvm::Expected<GgufModel> openSplit(llvm::StringRef path, int64_t count) {
  llvm::Expected<llvm::StringRef> prefix = namePrefix(path, count);
  if (!prefix)
    return prefix.takeError();
  WeightStore store;
  GgufMetadata metadata(path);
  for (int64_t i = 0; i < count; ++i) {
    std::string file = prefix->str() + partSuffix(i, count);
    if (!llvm::sys::fs::exists(file))
      return fileError(path,
                       llvm::formatv("is one of {0} files, of which {1} is missing", count, quoted(file)));
    llvm::Expected<GgufPart> part = readPart(file, store);
    if (!part)
      return part.takeError();
    if (llvm::Error error = checkPart(part->metadata, i, count))
      return std::move(error);
    if (llvm::Error error = addTensors(*part, store))
      return std::move(error);
    if (i == 0)
      metadata = std::move(part->metadata);
  }
  return GgufModel{std::move(metadata), std::move(store)};
}

llvm::Expected<GgufModel> attune::openGguf(llvm::StringRef path) {
  WeightStore store;
  llvm::Expected<GgufPart> part = readPart(path, store);
  if (!part)
    return part.takeError();
  llvm::Expected<int64_t> count = partCount(part->metadata);
  if (!count)
    return count.takeError();
  if (*count > 1) {
    llvm::Expected<GgufModel> model = openSplit(path, *count);
    if (!model)
      return model.takeError();
    if (llvm::Error error = checkTensorCount(*model))
      return std::move(error);
    return model;
  }
  if (llvm::Error error = addTensors(*part, store))
    return std::move(error);
  return GgufModel{std::move(part->metadata), std::move(store)};
}
