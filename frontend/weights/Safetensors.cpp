// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The file: eight bytes with the length of a JSON header (little endian), the header, the data. The header
// maps each name to {"dtype", "shape", "data_offsets": [begin, end]}, offsets counting from the end of the
// header.

#include "frontend/weights/Safetensors.h"
#include "frontend/weights/JsonText.h"
#include "frontend/weights/MappedFile.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FormatVariadic.h"

using namespace attune;

static constexpr uint64_t lengthBytes = 8;
static constexpr uint64_t longestHeader = 100'000'000; // the limit that the format's own reader has

static std::optional<StorageType> typeNamed(llvm::StringRef dtype) {
  // The names are those of StorageType in upper case; GGML's block types do not occur.
  std::optional<StorageType> type = storageTypeNamed(dtype.lower());
  if (!type || isBlockQuantized(*type) || dtype != llvm::StringRef(dtype.upper()))
    return std::nullopt;
  return type;
}

namespace {
/// Reads the entries of one header.
class HeaderReader {
public:
  HeaderReader(llvm::StringRef file, llvm::ArrayRef<uint8_t> data) : file(file), data(data) {}

  llvm::Expected<TensorInfo> readTensor(llvm::StringRef name, const llvm::json::Value &entry);

private:
  template <typename... Ts>
  llvm::Error tensorError(llvm::StringRef name, const char *format, Ts &&...values) {
    return fileError(file, "tensor " + quoted(name) + ": " +
                               llvm::formatv(format, std::forward<Ts>(values)...).str());
  }

  llvm::Expected<llvm::SmallVector<int64_t, 4>>
  readNumbers(llvm::StringRef name, const llvm::json::Object &entry, llvm::StringRef key);
  llvm::Error setData(TensorInfo &tensor, const llvm::json::Object &entry);

  llvm::StringRef file;
  llvm::ArrayRef<uint8_t> data;
};
} // namespace

/// A list of numbers, each 0 .. 2^63 - 1.
llvm::Expected<llvm::SmallVector<int64_t, 4>>
HeaderReader::readNumbers(llvm::StringRef name, const llvm::json::Object &entry, llvm::StringRef key) {
  const llvm::json::Array *list = entry.getArray(key);
  if (!list)
    return tensorError(name, "'{0}' is absent or no list", key);
  llvm::SmallVector<int64_t, 4> numbers;
  for (const llvm::json::Value &element : *list) {
    std::optional<int64_t> number = element.getAsInteger();
    if (!number || *number < 0)
      return tensorError(name, "'{0}' holds {1}, expected a whole number from 0 to 2^63 - 1", key, element);
    numbers.push_back(*number);
  }
  return numbers;
}

llvm::Error HeaderReader::setData(TensorInfo &tensor, const llvm::json::Object &entry) {
  auto offsets = readNumbers(tensor.name, entry, "data_offsets");
  if (!offsets)
    return offsets.takeError();
  if (offsets->size() != 2)
    return tensorError(tensor.name, "'data_offsets' holds {0} numbers, expected 2", offsets->size());
  int64_t begin = (*offsets)[0], end = (*offsets)[1];
  if (begin > end)
    return tensorError(tensor.name, "data begins at {0}, after its end at {1}", begin, end);
  if (end > static_cast<int64_t>(data.size()))
    return tensorError(tensor.name, "data ends at byte {0}, but the file holds only {1} bytes of data", end,
                       data.size());
  llvm::Expected<int64_t> bytes = tensorBytes(tensor.type, tensor.shape);
  if (!bytes)
    return tensorError(tensor.name, "{0}", llvm::toString(bytes.takeError()));
  if (end - begin != *bytes)
    return tensorError(tensor.name, "data offsets span {0} bytes, expected {1} for {2} of shape {3}",
                       end - begin, *bytes, storageTypeName(tensor.type), shapeText(tensor.shape));
  tensor.data = data.slice(begin, end - begin);
  return llvm::Error::success();
}

llvm::Expected<TensorInfo> HeaderReader::readTensor(llvm::StringRef name, const llvm::json::Value &entry) {
  const llvm::json::Object *object = entry.getAsObject();
  if (!object)
    return tensorError(name, "its entry in the header is no JSON object");
  std::optional<llvm::StringRef> dtype = object->getString("dtype");
  if (!dtype)
    return tensorError(name, "'dtype' is absent or no text");
  std::optional<StorageType> type = typeNamed(*dtype);
  if (!type)
    return tensorError(name, "its type {0} is not known", quoted(*dtype));
  auto shape = readNumbers(name, *object, "shape");
  if (!shape)
    return shape.takeError();
  TensorInfo tensor{name.str(), std::move(*shape), *type, {}, file.str()};
  if (llvm::Error error = setData(tensor, *object))
    return std::move(error);
  return tensor;
}

/// The data must be covered by the tensors exactly, without overlaps or holes.
static llvm::Error checkCoverage(llvm::StringRef file, llvm::ArrayRef<uint8_t> data,
                                 llvm::ArrayRef<TensorInfo> tensors) {
  std::vector<const TensorInfo *> sorted;
  for (const TensorInfo &tensor : tensors)
    sorted.push_back(&tensor);
  llvm::sort(sorted, [](const TensorInfo *a, const TensorInfo *b) {
    return std::pair(a->data.begin(), a->data.end()) < std::pair(b->data.begin(), b->data.end());
  });
  const uint8_t *covered = data.begin();
  const TensorInfo *previous = nullptr;
  for (const TensorInfo *tensor : sorted) {
    auto at = [&](const uint8_t *place) { return place - data.begin(); };
    if (tensor->data.begin() < covered)
      return fileError(
          file,
          llvm::formatv("tensor {0} begins at byte {1} of the data, inside tensor {2}, which ends at {3}",
                        quoted(tensor->name), at(tensor->data.begin()), quoted(previous->name), at(covered)));
    if (tensor->data.begin() > covered)
      return fileError(
          file,
          llvm::formatv(
              "tensor {0} begins at byte {1} of the data, expected {2}: nothing describes the bytes between",
              quoted(tensor->name), at(tensor->data.begin()), at(covered)));
    covered = tensor->data.end();
    previous = tensor;
  }
  if (covered != data.end())
    return fileError(file, llvm::formatv("holds {0} bytes of data, but its tensors end at byte {1}",
                                         data.size(), covered - data.begin()));
  return llvm::Error::success();
}

/// The text of the header, cut out of the file.
static llvm::Expected<llvm::StringRef> headerOf(llvm::StringRef file, llvm::StringRef content) {
  if (content.size() < lengthBytes)
    return fileError(file, llvm::formatv("has {0} bytes, too few for a safetensors file", content.size()));
  uint64_t length = llvm::support::endian::read64le(content.data());
  if (length == 0)
    return fileError(file, "the safetensors header has length 0");
  if (length > longestHeader)
    return fileError(file, llvm::formatv("the safetensors header claims {0} bytes, expected at most {1}",
                                         length, longestHeader));
  if (length > content.size() - lengthBytes)
    return fileError(file, llvm::formatv("the safetensors header claims {0} bytes, but only {1} follow",
                                         length, content.size() - lengthBytes));
  return content.substr(lengthBytes, length);
}

static llvm::Expected<std::vector<TensorInfo>> readTensors(llvm::StringRef file, llvm::StringRef content) {
  llvm::Expected<llvm::StringRef> header = headerOf(file, content);
  if (!header)
    return header.takeError();
  llvm::Expected<llvm::json::Value> json = parseJson(*header, file);
  if (!json)
    return json.takeError();
  const llvm::json::Object *entries = json->getAsObject();
  if (!entries)
    return fileError(file, "the safetensors header is no JSON object");

  auto data = llvm::arrayRefFromStringRef(content.drop_front(lengthBytes + header->size()));
  HeaderReader reader(file, data);
  std::vector<TensorInfo> tensors;
  for (const auto &[name, entry] : *entries) {
    if (name == "__metadata__")
      continue;
    llvm::Expected<TensorInfo> tensor = reader.readTensor(name, entry);
    if (!tensor)
      return tensor.takeError();
    tensors.push_back(std::move(*tensor));
  }
  if (llvm::Error error = checkCoverage(file, data, tensors))
    return std::move(error);
  // A JSON object has no order: take that of the names, so that the same file always reads the same.
  llvm::sort(tensors, [](const TensorInfo &a, const TensorInfo &b) { return a.name < b.name; });
  return tensors;
}

llvm::Error attune::addSafetensorsFile(llvm::StringRef path, WeightStore &store) {
  auto mapping = mapFile(path);
  if (!mapping)
    return mapping.takeError();
  auto tensors = readTensors(path, (*mapping)->getBuffer());
  if (!tensors)
    return tensors.takeError();
  store.keep(std::move(*mapping));
  for (TensorInfo &tensor : *tensors)
    if (llvm::Error error = store.add(std::move(tensor)))
      return error;
  return llvm::Error::success();
}
