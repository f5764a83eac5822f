// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/engine/Candidates.h"

#include <algorithm>

using namespace attune;

std::unique_ptr<Candidates> Candidates::find(const Program &program, Device &device) {
  constexpr char name[] = "step_candidates";
  const EntryInfo *info = program.metadata().find(name);
  for (const char *needed : {"logits", "temperatures", "candidates", "candidate_values"})
    if (!info || !info->find(needed))
      return nullptr;
  return std::unique_ptr<Candidates>(new Candidates(*info, program.entry(name), device));
}

Candidates::Candidates(const EntryInfo &info, const AttuneEntry &code, Device &device)
    : device(device), entry(info, code), most(info.find("candidates")->rowSize()),
      rowSize(info.find("logits")->rowSize()), results(&device), temperatures(&device) {
  for (size_t i = 0; i < info.arguments.size(); ++i)
    scratch.emplace_back(&device);
}

void Candidates::make(void *logits, int64_t rows, double temperature) {
  if (rows == 0)
    return;
  uploadTemperature(rows, temperature);
  bind(logits, rows);
  device.run(entry.key(), [&] { entry.call(); });
  device.download(fetched.data(), results.data(), static_cast<int64_t>(fetched.size()));
  made = rows;
}

/// Where arguments lie does not change from one token to the next, so that the device can repeat a record.
void Candidates::bind(void *logits, int64_t rows) {
  entry.setSize("outputs", rows);
  auto aligned = [&](int argument) { return (entry.bytes(argument) + 63) / 64 * 64; };
  int tokens = entry.find("candidates"), values = entry.find("candidate_values");
  valuesAt = aligned(tokens);
  fetched.resize(static_cast<size_t>(valuesAt + aligned(values)));
  results.ensure(static_cast<int64_t>(fetched.size()), "the likeliest tokens");
  entry.setData(tokens, results.data());
  entry.setData(values, results.data() + valuesAt);
  entry.setData(entry.find("logits"), logits);
  entry.setData(entry.find("temperatures"), temperatures.data());
  for (size_t i = 0; i < scratch.size(); ++i)
    if (entry.info().arguments[i].role == ArgumentRole::Scratch) {
      int argument = static_cast<int>(i);
      scratch[i].ensure(aligned(argument), "the likeliest tokens");
      entry.setData(argument, scratch[i].data());
    }
}

/// Only if it is not there yet.
void Candidates::uploadTemperature(int64_t rows, double temperature) {
  auto value = static_cast<float>(temperature);
  if (static_cast<int64_t>(uploaded.size()) >= rows && uploaded.front() == value)
    return;
  uploaded.assign(std::max(static_cast<size_t>(rows), uploaded.size()), value);
  auto bytes = static_cast<int64_t>(uploaded.size() * sizeof(float));
  temperatures.ensure(bytes, "temperatures");
  device.upload(temperatures.data(), uploaded.data(), bytes);
}

std::optional<LikeliestTokens> Candidates::of(int64_t row) const {
  if (row < 0 || row >= made)
    return std::nullopt;
  const auto *tokens = reinterpret_cast<const int32_t *>(fetched.data()) + row * most;
  const auto *values = reinterpret_cast<const float *>(fetched.data() + valuesAt) + row * (most + 1);
  auto count = static_cast<size_t>(most);
  return LikeliestTokens{{tokens, count}, {values, count}, values[most], static_cast<size_t>(rowSize)};
}
