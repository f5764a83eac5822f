// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/compile/Product.h"

#include "frontend/tokenizer/TokenizerImport.h"
#include "frontend/weights/Gguf.h"
#include "tools/compile/Link.h"
#include "tools/compile/Metadata.h"
#include "tools/compile/OutputFile.h"
#include "tools/compile/Payload.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <fmt/format.h>

#include <sys/resource.h>

using namespace attune;
using llvm::Error;

namespace {

std::string weightsPath(const CompileOptions &options) { return options.output + ".weights"; }

std::string headerPath(const CompileOptions &options) {
  llvm::SmallString<128> path(llvm::sys::path::parent_path(options.output));
  llvm::sys::path::append(path, "attune.h");
  return std::string(path);
}

llvm::Expected<std::string> importTokenizer(const Model &model) {
  const std::string &path = model.tokenizer();
  if (path.empty())
    return std::string();
  llvm::StringRef file = path;
  if (file.ends_with(".spm"))
    return importTokenizerMarian(path);
  if (file.ends_with(".model"))
    return importTokenizerSentencePiece(path);
  if (!file.ends_with(".gguf"))
    return importTokenizerJson(path, model.description.vocabulary);
  auto gguf = openGguf(path);
  if (!gguf)
    return gguf.takeError();
  return importTokenizerGguf(gguf->metadata);
}

class ProductWriter {
public:
  ProductWriter(const CompileOptions &options, const Model &model,
                llvm::ArrayRef<mlir::transformer::CpuTarget> cpus, ProductParts parts, Progress &progress)
      : options(options), model(model), cpus(cpus), parts(std::move(parts)), progress(progress) {}

  Error run() {
    auto output = OutputFile::create(options.output);
    if (!output)
      return output.takeError();
    progress.begin("linking");
    Product product = options.emit == Emit::library ? Product::library : Product::executable;
    if (Error error = linkProduct(parts.objects, cpus.front().machine(), output->temporary(), product,
                                  options.sanitize))
      return error;
    uint64_t codeBytes = 0;
    if (std::error_code code = llvm::sys::fs::file_size(output->temporary(), codeBytes))
      return llvm::createStringError(code, output->temporary() + ": " + code.message());
    progress.begin("packing weights");
    if (Error error = addPayload(output->temporary()))
      return error;
    llvm::sys::fs::setPermissions(output->temporary(), llvm::sys::fs::all_read | llvm::sys::fs::all_exe |
                                                           llvm::sys::fs::owner_write);
    progress.end();
    if (options.report)
      reportSizes(codeBytes);
    if (product == Product::library)
      if (Error error = writeHeader())
        return error;
    // All that can fail for long is done: the weights appear with the program.
    if (weightsFile)
      if (Error error = weightsFile->commit())
        return error;
    Error error = output->commit();
    if (error && weightsFile)
      llvm::sys::fs::remove(weightsPath(options));
    return error;
  }

private:
  const CompileOptions &options;
  const Model &model;
  llvm::ArrayRef<mlir::transformer::CpuTarget> cpus;
  ProductParts parts;
  Progress &progress;
  std::optional<OutputFile> weightsFile; ///< written, not yet in its place

  Error addPayload(const std::string &path) {
    auto tokenizer = importTokenizer(model);
    if (!tokenizer)
      return tokenizer.takeError();
    std::string weightsName =
        options.weightsInFile ? llvm::sys::path::filename(weightsPath(options)).str() : "";
    std::vector<Blob> blobs;
    blobs.push_back(
        textBlob("metadata", writeMetadata(model.description, targetName(options.target), cpus,
                                           std::move(parts.entries), parts.weights.bytes, weightsName)));
    if (!tokenizer->empty())
      blobs.push_back(textBlob("tokenizer", std::move(*tokenizer)));
    for (DeviceCode &code : parts.deviceCodes)
      blobs.push_back(textBlob(code.name, std::move(code.bytes)));
    if (!options.weightsInFile)
      blobs.push_back({"weights", parts.weights.bytes, [this](BlobWriter write) { return pack(write); }});
    else if (Error error = writeWeightsFile())
      return error;
    return appendPayload(path, blobs);
  }

  Error pack(BlobWriter write) {
    return packWeights(parts.weights, model.weights, write,
                       [&](int64_t done) { progress.update(done, parts.weights.bytes); });
  }

  Error writeWeightsFile() {
    std::string path = weightsPath(options);
    auto file = OutputFile::create(path);
    if (!file)
      return file.takeError();
    std::error_code code;
    llvm::raw_fd_ostream out(file->temporary(), code);
    if (code)
      return llvm::createStringError(code, path + ": cannot be written: " + code.message());
    Error error = pack([&](int64_t offset, llvm::ArrayRef<uint8_t> bytes) -> Error {
      out.seek(offset);
      out.write(reinterpret_cast<const char *>(bytes.data()), bytes.size());
      return Error::success();
    });
    out.close();
    if (error)
      return error;
    if (out.has_error()) {
      out.clear_error();
      return llvm::createStringError(path + ": cannot be written");
    }
    weightsFile.emplace(std::move(*file));
    return Error::success();
  }

  /// The interface of a library, beside it.
  Error writeHeader() const {
    auto header = llvm::MemoryBuffer::getFile(runtimeHeader());
    if (!header)
      return llvm::createStringError(header.getError(), runtimeHeader() + ": " + header.getError().message());
    return writeFile(headerPath(options), (*header)->getBuffer());
  }

  void reportSizes(uint64_t codeBytes) const {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    auto line = [](const char *what, double bytes) {
      llvm::errs() << fmt::format("{:<20} {:>8.3f} MB\n", what, bytes / 1e6);
    };
    line("code and runtime", static_cast<double>(codeBytes));
    line("weights", static_cast<double>(parts.weights.bytes));
    line("compiler's memory", static_cast<double>(usage.ru_maxrss) * 1024);
  }
};

} // namespace

std::vector<std::string> attune::outputsOf(const CompileOptions &options) {
  std::vector<std::string> paths{options.output};
  bool isProduct = options.emit == Emit::executable || options.emit == Emit::library;
  if (isProduct && options.weightsInFile)
    paths.push_back(weightsPath(options));
  if (options.emit == Emit::library)
    paths.push_back(headerPath(options));
  return paths;
}

Error attune::writeProduct(const CompileOptions &options, const Model &model,
                           llvm::ArrayRef<mlir::transformer::CpuTarget> cpus, ProductParts parts,
                           Progress &progress) {
  return ProductWriter(options, model, cpus, std::move(parts), progress).run();
}
