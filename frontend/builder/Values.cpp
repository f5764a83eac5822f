// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Short forms of the operations that the Builder emits.

#include "frontend/builder/ModuleBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace attune;
using namespace mlir;
namespace tf = mlir::transformer;

/// The field, and its place in the description's file: of the nearest field around it whose place is known.
Location ModuleBuilder::at(const llvm::Twine &field) {
  std::string name = field.str();
  Place place;
  for (StringRef outer = name; !outer.empty();) {
    if (auto found = model.origin.fields.find(outer.str()); found != model.origin.fields.end()) {
      place = found->second;
      break;
    }
    size_t cut = outer.find_last_of(".[");
    outer = outer.take_front(cut == StringRef::npos ? 0 : cut);
  }
  auto file = FileLineColLoc::get(b.getContext(), model.origin.file, place.line, place.column);
  return NameLoc::get(b.getStringAttr(name), file);
}

RankedTensorType ModuleBuilder::rows(ArrayRef<int64_t> sizes) {
  SmallVector<int64_t> shape{ShapedType::kDynamic};
  llvm::append_range(shape, sizes);
  return RankedTensorType::get(shape, b.getF32Type());
}

Value ModuleBuilder::index(Location loc, int64_t value) {
  return arith::ConstantIndexOp::create(b, loc, value);
}

Value ModuleBuilder::linear(Location loc, Value x, Value weight, Value bias) {
  int64_t out = cast<RankedTensorType>(weight.getType()).getDimSize(0);
  return tf::LinearOp::create(b, loc, rows({out}), x, weight, bias);
}

Value ModuleBuilder::linearOf(const LayerScope &scope, StringRef name, bool bias, Value x) {
  Value biasValue = bias ? weight(scope, (name + ".bias").str()) : Value();
  return linear(at(scope.field + "." + name), x, weight(scope, name), biasValue);
}

static tf::NormKind kindOf(NormKind kind) {
  return kind == NormKind::rms ? tf::NormKind::rms : tf::NormKind::layer;
}

Value ModuleBuilder::norm(Location loc, const Norm &norm, Value x, Value weight, Value bias) {
  return tf::NormOp::create(b, loc, x.getType(), kindOf(norm.kind), x, weight, bias, llvm::APFloat(norm.eps),
                            llvm::APFloat(norm.weightOffset));
}

Value ModuleBuilder::normOf(const LayerScope &scope, const std::optional<Norm> &settings, StringRef name,
                            Value x) {
  if (!settings)
    return x;
  Value scaleValue = settings->weight ? weight(scope, name) : Value();
  Value bias = settings->bias ? weight(scope, (name + ".bias").str()) : Value();
  return norm(at(scope.field + "." + name), *settings, x, scaleValue, bias);
}

Value ModuleBuilder::normOf(const StackView &stack, const std::optional<Norm> &settings, StringRef name,
                            Value x) {
  if (!settings)
    return x;
  std::string full = stack.prefix + name.str();
  Value scaleValue = settings->weight ? weight(full) : Value();
  Value bias = settings->bias ? weight(full + ".bias") : Value();
  return norm(at(full), *settings, x, scaleValue, bias);
}

Value ModuleBuilder::scale(Location loc, Value x, double factor) {
  return factor == 1 ? x : tf::ScaleOp::create(b, loc, x.getType(), x, b.getF64FloatAttr(factor)).getResult();
}

Value ModuleBuilder::softCap(Location loc, Value x, double cap) {
  return cap == 0 ? x : tf::SoftCapOp::create(b, loc, x.getType(), x, b.getF64FloatAttr(cap)).getResult();
}

Value ModuleBuilder::splitHeads(Location loc, Value x, int64_t heads, int64_t size) {
  Value tokens = tensor::DimOp::create(b, loc, x, 0);
  SmallVector<OpFoldResult> shape{tokens, b.getIndexAttr(heads), b.getIndexAttr(size)};
  SmallVector<ReassociationIndices> groups{{0}, {1, 2}};
  return tensor::ExpandShapeOp::create(b, loc, rows({heads, size}), x, groups, shape);
}

Value ModuleBuilder::joinHeads(Location loc, Value x) {
  auto type = cast<RankedTensorType>(x.getType());
  SmallVector<ReassociationIndices> groups{{0}, {1, 2}};
  return tensor::CollapseShapeOp::create(b, loc, rows({type.getDimSize(1) * type.getDimSize(2)}), x, groups);
}

void ModuleBuilder::tap(Location loc, StringRef name, Value layer, Value value) {
  tf::TapOp::create(b, loc, b.getStringAttr(name), layer, value);
}
