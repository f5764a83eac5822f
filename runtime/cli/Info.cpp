// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/Error.h"
#include "runtime/cli/Commands.h"
#include "runtime/cli/Table.h"
#include "runtime/cli/Terminal.h"
#include "runtime/device/Device.h"
#include "runtime/engine/Embed.h"
#include "runtime/parallel/Cores.h"
#include "runtime/program/CpuFeatures.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

using namespace attune;
using namespace attune::cli;

namespace {

std::string megabytes(int64_t bytes) { return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6); }

std::string count(int64_t number) {
  if (number >= 1'000'000'000)
    return fmt::format("{:.2f} billion ({})", static_cast<double>(number) / 1e9, number);
  if (number >= 1'000'000)
    return fmt::format("{:.1f} million ({})", static_cast<double>(number) / 1e6, number);
  return fmt::format("{}", number);
}

std::string idText(Model &model, std::optional<int32_t> id) {
  if (!id)
    return "none";
  return model.hasTokenizer() ? fmt::format("{} {}", *id, model.tokenizer().token(*id))
                              : fmt::format("{}", *id);
}

void addModel(Table &table, Model &model) {
  const Metadata &data = model.metadata();
  table.add({"layers", fmt::format("{}", data.layers)});
  table.add({"hidden size", fmt::format("{}", data.hidden)});
  table.add({"vocabulary", fmt::format("{}", data.vocabulary)});
  table.add({"context", fmt::format("{} tokens, prompts in chunks of {}", data.context, data.chunk)});
  table.add({"parameters", count(data.parameters)});
  int64_t weightBytes = static_cast<int64_t>(model.program().weights().size());
  table.add({"weights", data.weightsFile.empty()
                            ? megabytes(weightBytes)
                            : fmt::format("{} in '{}'", megabytes(weightBytes), data.weightsFile)});
  const CacheInfo &cache = data.cache;
  if (data.kind == ModelKind::Decoder && cache.layers)
    table.add({"cache", fmt::format("{}, {} heads, keys of {}, values of {}: {:.1f} KB per token",
                                    nameOf(cache.type), cache.heads, cache.keySize, cache.valueSize,
                                    static_cast<double>(cache.bytesPerRow()) / 1e3)});
  if (const EntryInfo *step = data.find("step"))
    table.add({"working memory", megabytes(step->workspace.bytes(data.chunk))});
}

/// Which kernels a program has, in which forms, and the device that would run them.
void addDevice(Table &table, const Program &program) {
  std::vector<std::string> forms;
  for (const std::string &name : program.blobNames())
    if (name.starts_with("device."))
      forms.push_back(name.substr(sizeof("device.") - 1));
  std::span<const AttuneKernel> kernels = program.kernels();
  if (!kernels.empty() &&
      std::ranges::all_of(kernels, [](const AttuneKernel &each) { return each.emulated; }))
    forms.push_back("emulated");
  table.add({"code of kernels", fmt::format("{}", fmt::join(forms, ", "))});
  std::vector<std::string_view> names;
  for (const AttuneKernel &kernel : kernels)
    names.push_back(kernel.name);
  table.add({"kernels", fmt::format("{}: {}", names.size(), fmt::join(names, " "))});
  try {
    std::unique_ptr<Device> device = openDevice(program);
    std::optional<Device::MemorySize> memory = device->memory();
    table.add({"device", device->name() + (memory ? fmt::format(", {} of {} free", megabytes(memory->free),
                                                                megabytes(memory->total))
                                                  : "")});
  } catch (const Error &error) {
    table.add({"device", fmt::format("none: {}", error.what())});
  }
}

void addCode(Table &table, const Program &program) {
  const Metadata &data = program.metadata();
  table.add({"target", data.target});
  if (data.target != "cpu")
    addDevice(table, program);
  for (const CpuInfo &cpu : data.cpus)
    table.add({"compiled for", fmt::format("{}{}{}{}", cpu.name,
                                           data.cpus.size() > 1 && &cpu == program.cpu() ? " (in use)" : "",
                                           cpu.features.empty() ? "" : ": ", fmt::join(cpu.features, " "))});
  table.add({"this machine", fmt::format("{}, {} cores to use", cpuLevel(), usableCores())});
  for (const EntryInfo &entry : data.entries) {
    std::string text;
    for (const ArgumentInfo &argument : entry.arguments) {
      if (argument.role != ArgumentRole::Input && argument.role != ArgumentRole::Output &&
          argument.role != ArgumentRole::Choice && argument.role != ArgumentRole::Tap)
        continue;
      std::vector<std::string> sizes;
      for (const Dimension &dimension : argument.shape)
        sizes.push_back(dimension.isNamed() ? dimension.name : fmt::format("{}", dimension.size));
      text += fmt::format("{}{} {}[{}]", text.empty() ? "" : ", ", argument.name, nameOf(argument.type),
                          fmt::join(sizes, ", "));
    }
    table.add({"entry " + entry.name, text});
  }
}

} // namespace

void cli::Info::run(Model &model, const Common &) {
  const Metadata &data = model.metadata();
  if (description)
    return cli::write((data.description.empty() ? "{}" : data.description) + "\n");
  Table table({Table::Align::Left, Table::Align::Left});
  table.add({"model", data.name});
  table.add({"kind", std::string(nameOf(data.kind))});
  if (data.kind != ModelKind::Tokenizer) {
    addModel(table, model);
    addCode(table, model.program());
  }
  table.add(
      {"tokenizer", model.hasTokenizer()
                        ? fmt::format("{} tokens, {}", model.tokenizer().vocabularySize(),
                                      megabytes(static_cast<int64_t>(model.program().tokenizer().size())))
                        : "none"});
  table.add({"text begins with", idText(model, data.tokens.bos)});
  std::string ends;
  for (int32_t id : data.tokens.eos)
    ends += (ends.empty() ? "" : ", ") + idText(model, id);
  table.add({"text ends with", ends.empty() ? "none" : ends});
  if (data.kind == ModelKind::Encoder || data.sentence) {
    table.add({"masked words", idText(model, model.findMask())});
    SentenceVector how = sentenceVectorOf(data);
    table.add(
        {"text vector",
         fmt::format("{} of the tokens' vectors{}{}", nameOf(how.pooling), how.normalize ? ", length 1" : "",
                     how.maxTokens ? fmt::format(", at most {} tokens", how.maxTokens) : "")});
  }
  table.add({"chat template", data.chatTemplate.empty() ? "none" : "yes"});
  cli::write(table.text());
}
