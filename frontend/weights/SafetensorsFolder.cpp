// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A model folder as Hugging Face lays it out. Large models are cut into shards; the index maps each tensor to
// its shard: {"weight_map": {"model.norm.weight": "model-00002-of-00002.safetensors", ...}}.

#include "frontend/weights/JsonText.h"
#include "frontend/weights/MappedFile.h"
#include "frontend/weights/Safetensors.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include <map>
#include <set>

using namespace attune;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

static constexpr char singleName[] = "model.safetensors";
static constexpr char indexName[] = "model.safetensors.index.json";
static constexpr uint64_t longestIndex = 100'000'000;

static std::string inFolder(llvm::StringRef folder, llvm::StringRef name) {
  llvm::SmallString<256> joined(folder);
  path::append(joined, name);
  return joined.str().str();
}

/// Tensor name -> shard name; ordered, so that the same index always gives the same order and errors.
using ShardMap = std::map<std::string, std::string>;

static llvm::Expected<ShardMap> readIndex(llvm::StringRef file) {
  auto mapping = mapFile(file);
  if (!mapping)
    return mapping.takeError();
  llvm::StringRef text = (*mapping)->getBuffer();
  if (text.size() > longestIndex)
    return fileError(file, llvm::formatv("has {0} bytes, expected at most {1}", text.size(), longestIndex));
  llvm::Expected<llvm::json::Value> json = parseJson(text, file);
  if (!json)
    return json.takeError();
  const llvm::json::Object *object = json->getAsObject();
  const llvm::json::Object *weightMap = object ? object->getObject("weight_map") : nullptr;
  if (!weightMap)
    return fileError(file, "'weight_map' is absent or no JSON object");
  ShardMap shardOf;
  for (const auto &[tensor, value] : *weightMap) {
    std::optional<llvm::StringRef> shard = value.getAsString();
    if (!shard)
      return fileError(file, "'weight_map' gives no file name for tensor " + quoted(tensor));
    // A shard lies beside its index: a name that leads elsewhere would read files that are none of the
    // model's.
    if (shard->empty() || *shard == "." || *shard == ".." ||
        shard->find_first_of(llvm::StringRef("/\\\0", 3)) != shard->npos)
      return fileError(file, "'weight_map' gives tensor " + quoted(tensor) + " the file " + quoted(*shard) +
                                 ", expected the plain name of a file in the same folder");
    shardOf[tensor.str()] = shard->str();
  }
  if (shardOf.empty())
    return fileError(file, "'weight_map' is empty");
  return shardOf;
}

static llvm::Expected<WeightStore> openSharded(llvm::StringRef folder) {
  std::string indexFile = inFolder(folder, indexName);
  llvm::Expected<ShardMap> shardOf = readIndex(indexFile);
  if (!shardOf)
    return shardOf.takeError();

  std::map<std::string, std::string> firstTensorOf;
  for (const auto &[tensor, shard] : *shardOf)
    firstTensorOf.try_emplace(shard, tensor);

  WeightStore store;
  for (const auto &[shard, tensor] : firstTensorOf) {
    std::string file = inFolder(folder, shard);
    if (!fs::exists(file))
      return fileError(indexFile, "names the shard " + quoted(shard) + " (for tensor " + quoted(tensor) +
                                      "), which is not in the folder");
    if (llvm::Error error = addSafetensorsFile(file, store))
      return std::move(error);
  }
  for (const auto &[tensor, shard] : *shardOf) {
    const TensorInfo *found = store.find(tensor);
    if (!found || path::filename(found->file) != shard)
      return fileError(indexFile, "says that tensor " + quoted(tensor) + " is in " + quoted(shard) +
                                      ", but " +
                                      (found ? "it is in " + found->file : "that file does not hold it"));
  }
  return store;
}

static llvm::Expected<WeightStore> openFile(llvm::StringRef path) {
  WeightStore store;
  if (llvm::Error error = addSafetensorsFile(path, store))
    return std::move(error);
  return store;
}

static llvm::Expected<WeightStore> openFolder(llvm::StringRef folder) {
  std::string single = inFolder(folder, singleName);
  if (fs::exists(single))
    return openFile(single);
  if (fs::exists(inFolder(folder, indexName)))
    return openSharded(folder);
  std::string message = llvm::formatv("holds neither {0} nor {1}", singleName, indexName);
  for (const char *other : {"pytorch_model.bin", "pytorch_model.bin.index.json"})
    if (fs::exists(inFolder(folder, other)))
      message += llvm::formatv("; {0} is there, but only safetensors is read", other);
  return fileError(folder, message);
}

llvm::Expected<WeightStore> attune::openSafetensors(llvm::StringRef path) {
  llvm::Expected<WeightStore> store = fs::is_directory(path) ? openFolder(path) : openFile(path);
  if (!store)
    return store;
  if (llvm::Error error = joinMxfp4(*store))
    return std::move(error);
  return store;
}
