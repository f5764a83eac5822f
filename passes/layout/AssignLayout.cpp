// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Decides where each parameter lies in the packed weights, and how.

#include "passes/Passes.h"
#include "passes/layout/Formats.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_ASSIGNLAYOUT
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

/// Parameters begin at cache lines.
static constexpr int64_t kAlignment = 64;

/// The table of formats is that of the packer (dialect/PackedFormat.h).
kernel::PackedAttr transformer::packedFor(MLIRContext *context, StorageType type) {
  std::optional<attune::PackedFormat> format = attune::packedFormatNamed(stringifyStorageType(type));
  assert(format && "every storage type has a packed form");
  return kernel::PackedAttr::get(context, static_cast<kernel::Codes>(format->codes), format->group,
                                 static_cast<kernel::Scale>(format->scale), format->hasMin, format->zero);
}

int64_t transformer::recordBytes(ParameterOp parameter) {
  RankedTensorType type = parameter.getTensorType();
  if (type.getRank() < 2)
    return type.getNumElements() * 4;
  MemRefType view = viewType(parameter);
  return view.getDimSize(0) * view.getDimSize(1);
}

MemRefType transformer::viewType(ParameterOp parameter) {
  RankedTensorType type = parameter.getTensorType();
  if (type.getRank() < 2)
    return MemRefType::get(type.getShape(), Float32Type::get(type.getContext()));
  attune::PackedFormat format = packedFor(parameter.getContext(), storageOf(type)).getFormat();
  ArrayRef<int64_t> matrix = type.getShape().take_back(2);
  int64_t matrices = type.getRank() == 3 ? type.getDimSize(0) : 1;
  return MemRefType::get({matrices * format.panels(matrix[0]), format.panelBytes(matrix[1])},
                         IntegerType::get(type.getContext(), 8));
}

namespace {

struct AssignLayout : transformer::impl::AssignLayoutBase<AssignLayout> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    moveSplitWeightsTogether(module);
    // Parameters of the same layers form one record per layer, so that a layer's weights are contiguous.
    llvm::MapVector<Attribute, SmallVector<ParameterOp>> groups;
    for (auto parameter : module.getOps<ParameterOp>())
      groups[parameter.getLayersAttr()].push_back(parameter);
    int64_t end = 0;
    for (auto &[layers, parameters] : groups)
      end = assign(parameters, end);
    module->setAttr(kWeightBytesAttr, IntegerAttr::get(IntegerType::get(&getContext(), 64), end));
  }

  /// Places a record of each parameter one after another from `begin`, as many records as there are layers;
  /// returns the end.
  int64_t assign(ArrayRef<ParameterOp> parameters, int64_t begin) {
    int64_t size = 0;
    SmallVector<int64_t> offsets;
    for (ParameterOp parameter : parameters) {
      offsets.push_back(size);
      size = llvm::alignTo(size + recordBytes(parameter), kAlignment);
    }
    for (size_t i = 0; i < parameters.size(); ++i) {
      ParameterOp parameter = parameters[i];
      parameter.setOffset(begin + offsets[i]);
      parameter.setStride(size);
      RankedTensorType type = parameter.getTensorType();
      if (type.getRank() >= 2)
        parameter->setAttr(kFormatAttr, packedFor(&getContext(), storageOf(type)));
    }
    ParameterOp first = parameters.front();
    return begin + size * first.getRecords();
  }

  /// The weights of a linear_split follow one another, so that they are one product over all of their panels.
  void moveSplitWeightsTogether(ModuleOp module) {
    SymbolTable symbols(module);
    module.walk([&](LinearSplitOp split) {
      Operation *previous = nullptr;
      for (Value weight : split.getWeights()) {
        auto use = weight.getDefiningOp<WeightOp>();
        Operation *parameter = use ? symbols.lookup(use.getParameter()) : nullptr;
        if (parameter && previous && parameter != previous)
          parameter->moveAfter(previous);
        previous = parameter;
      }
    });
  }
};

} // namespace
