// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/Description.h"
#include "frontend/Parameters.h"

#include "llvm/Support/raw_ostream.h"
#include <cmath>

using namespace attune;

char FieldError::ID = 0;

void FieldError::log(llvm::raw_ostream &os) const {
  if (!field.empty())
    os << field << ": ";
  os << message;
}

double Attention::scoreScale() const {
  return scale ? *scale : 1.0 / std::sqrt(static_cast<double>(headSize));
}

namespace {
/// What decides a layer's kind: its settings, and how each of its parameters is stored.
struct KindKey {
  const Layer *layer;
  std::vector<StorageType> types;

  KindKey(const Description &description, const StackView &stack, int64_t index)
      : layer(&stack->layers[index]) {
    for (const Parameter &parameter : layerParameters(description, stack, *layer))
      types.push_back(storageOf(description, parameter.name, index));
  }
  bool operator==(const KindKey &other) const { return *layer == *other.layer && types == other.types; }
};
} // namespace

Schedule attune::scheduleOf(const Description &description, bool ofEncoder) {
  StackView stack = stacksOf(description)[ofEncoder];
  Schedule schedule;
  std::vector<KindKey> keys;
  for (int64_t index = 0, end = stack->layers.size(); index < end; ++index) {
    KindKey key(description, stack, index);
    int64_t kind = std::find(keys.begin(), keys.end(), key) - keys.begin();
    if (kind == static_cast<int64_t>(keys.size())) {
      keys.push_back(std::move(key));
      schedule.kinds.emplace_back();
    }
    std::vector<int64_t> &layers = schedule.kinds[kind].layers;
    if (schedule.runs.empty() || schedule.runs.back().kind != kind)
      schedule.runs.push_back({kind, index, 0, static_cast<int64_t>(layers.size())});
    ++schedule.runs.back().count;
    layers.push_back(index);
  }
  return schedule;
}
