// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/engine/TensorGather.h"
#include "runtime/Error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

using namespace attune;

std::string attune::storedName(ElementType type) {
  constexpr std::array<const char *, 6> names = {"I8", "I32", "I64", "F16", "BF16", "F32"};
  return names[static_cast<size_t>(type)];
}

OwnedTensor &TensorGather::tensor(const std::string &name, ElementType type, std::vector<int64_t> shape) {
  auto found = std::ranges::find(tensors, name, &OwnedTensor::name);
  if (found != tensors.end())
    return *found;
  int64_t bytes = sizeOf(type);
  for (int64_t size : shape)
    if (__builtin_mul_overflow(bytes, size, &bytes))
      throw Error(
          fmt::format("'{}' of shape [{}] is too large for any memory", name, fmt::join(shape, ", ")));
  tensors.push_back(
      {name, storedName(type), std::move(shape), std::vector<std::byte>(static_cast<size_t>(bytes))});
  return tensors.back();
}

void TensorGather::collect(int64_t row, int64_t first, int64_t token, int64_t count) {
  Place place{row, batch.rows[static_cast<size_t>(row)].start + first, token, count};
  for (const TensorView &view : engine.results())
    if (view.info->role == ArgumentRole::Tap)
      collectTap(view, place);
    else
      collectRows(view.info->name, view, 0, 0, place);
}

/// Elements of the view are [layers..., tokens, width...]; those of one layer become rows of a [rows,
/// columns, width...].
void TensorGather::collectRows(const std::string &name, const TensorView &view, int64_t layer, size_t leading,
                               const Place &place) {
  std::vector<int64_t> shape = {static_cast<int64_t>(batch.rows.size()), batch.width};
  shape.insert(shape.end(), view.sizes.begin() + static_cast<ptrdiff_t>(leading) + 1, view.sizes.end());
  int64_t rowBytes = view.info->rowSize(leading + 1) * sizeOf(view.info->type);
  OwnedTensor &to = tensor(name, view.info->type, std::move(shape));
  const std::byte *from =
      static_cast<const std::byte *>(view.data) + (layer * view.sizes[leading] + place.token) * rowBytes;
  std::memcpy(to.bytes.data() + (place.row * batch.width + place.column) * rowBytes, from,
              static_cast<size_t>(place.count * rowBytes));
}

/// A view [layers, tokens, heads, keys] to a tensor [rows, heads, columns, columns of keys] of one layer.
void TensorGather::collectAttention(const std::string &name, const TensorView &view, int64_t layer,
                                    const Place &place) {
  int64_t tokens = view.sizes[1], heads = view.sizes[2], keys = view.sizes[3];
  bool isCross = name == "cross_attn" && sources;
  const TokenBatch &keyBatch = isCross ? *sources : batch;
  const TokenBatch::Row &row = keyBatch.rows[static_cast<size_t>(place.row)];
  OwnedTensor &to = tensor(fmt::format("{}.{}", name, layer), ElementType::F32,
                           {static_cast<int64_t>(batch.rows.size()), heads, batch.width, keyBatch.width});
  // The keys of this row, where they grow up to the step's last token; those of other rows may be more.
  int64_t known = std::min<int64_t>({keys, static_cast<int64_t>(row.ids.size()), keyBatch.width - row.start});
  bool grows = !isCross && !engine.isEncoder() && name != "enc_attn";
  if (grows)
    known = std::min(known, place.column + place.count - row.start);
  float *out = reinterpret_cast<float *>(to.bytes.data());
  for (int64_t i = 0; i < place.count; ++i)
    for (int64_t head = 0; head < heads; ++head)
      std::memcpy(out + ((place.row * heads + head) * batch.width + place.column + i) * keyBatch.width +
                      row.start,
                  view.floats() + ((layer * tokens + place.token + i) * heads + head) * keys,
                  static_cast<size_t>(known) * sizeof(float));
}

/// A view [layers, tokens, choices] of i32 to a tensor [rows, columns, choices] of i64 of one layer.
void TensorGather::collectExperts(const TensorView &view, int64_t layer, const Place &place) {
  int64_t tokens = view.sizes[1], choices = view.sizes[2];
  OwnedTensor &to = tensor(fmt::format("router.{}.experts", layer), ElementType::I64,
                           {static_cast<int64_t>(batch.rows.size()), batch.width, choices});
  const int32_t *from = static_cast<const int32_t *>(view.data) + (layer * tokens + place.token) * choices;
  auto *out =
      reinterpret_cast<int64_t *>(to.bytes.data()) + (place.row * batch.width + place.column) * choices;
  std::copy(from, from + place.count * choices, out);
}

void TensorGather::collectTap(const TensorView &view, const Place &place) {
  const std::string &name = view.info->name;
  auto require = [&](ElementType type, size_t rank) {
    if (view.info->type != type || view.sizes.size() != rank)
      throw Error(fmt::format("metadata: the tap '{}' has the type {} and {} dimensions, expected {} and {}",
                              name, nameOf(view.info->type), view.sizes.size(), nameOf(type), rank));
  };
  auto checkedLayer = [&](int64_t layer) {
    if (layer >= view.sizes[0])
      throw Error(fmt::format("metadata: the tap '{}' has {} layers, but layer {} is a router's", name,
                              view.sizes[0], layer));
    return layer;
  };
  bool isHidden = name == "hidden_states" || name == "enc_hidden" || name == "dec_hidden";
  bool isAttention = name == "attentions" || name == "enc_attn" || name == "dec_attn" || name == "cross_attn";
  if (isHidden && options.allHidden) {
    require(ElementType::F32, 3);
    for (int64_t layer = 0; layer < view.sizes[0]; ++layer)
      collectRows(fmt::format("{}.{}", name, layer), view, layer, 1, place);
  } else if (name == "final_state" && options.allHidden) {
    require(ElementType::F32, 2);
    collectRows(fmt::format("hidden_states.{}", engine.metadata().layers), view, 0, 0, place);
  } else if (isAttention && options.attentions) {
    require(ElementType::F32, 4);
    for (int64_t layer = 0; layer < view.sizes[0]; ++layer)
      collectAttention(name, view, layer, place);
  } else if (name == "router_experts" && options.routing) {
    require(ElementType::I32, 3);
    for (int64_t layer : engine.metadata().routerLayers)
      collectExperts(view, checkedLayer(layer), place);
  } else if (name == "router_weights" && options.routing) {
    require(ElementType::F32, 3);
    for (int64_t layer : engine.metadata().routerLayers)
      collectRows(fmt::format("router.{}.weights", layer), view, checkedLayer(layer), 1, place);
  }
}
