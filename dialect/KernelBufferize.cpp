// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// How the kernel dialect bufferises: every operation becomes itself on memrefs.

#include "dialect/KernelBufferize.h"
#include "dialect/Kernel.h"

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"

using namespace mlir;
using namespace mlir::bufferization;
using namespace mlir::kernel;

namespace {

/// Clones `op` with buffers in place of its tensors and without results.
FailureOr<Operation *> cloneOnBuffers(Operation *op, RewriterBase &rewriter,
                                      const BufferizationOptions &options, const BufferizationState &state) {
  SmallVector<Value> operands;
  for (Value operand : op->getOperands()) {
    if (!isa<TensorType>(operand.getType())) {
      operands.push_back(operand);
      continue;
    }
    FailureOr<Value> buffer = getBuffer(rewriter, operand, options, state);
    if (failed(buffer))
      return failure();
    operands.push_back(*buffer);
  }
  rewriter.setInsertionPoint(op);
  OperationState cloned(op->getLoc(), op->getName(), operands, TypeRange{}, op->getAttrs());
  cloned.propertiesAttr = op->getPropertiesAsAttribute();
  for (Region &region : op->getRegions())
    cloned.addRegion()->takeBody(region);
  return rewriter.create(cloned);
}

template <typename Op> struct DpsModel : DstBufferizableOpInterfaceExternalModel<DpsModel<Op>, Op> {
  /// Kernels overwrite their outputs without reading them.
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand, const AnalysisState &) const {
    return !cast<DestinationStyleOpInterface>(op).isDpsInit(&operand);
  }
  LogicalResult bufferize(Operation *op, RewriterBase &rewriter, const BufferizationOptions &options,
                          BufferizationState &state) const {
    auto dps = cast<DestinationStyleOpInterface>(op);
    SmallVector<Value> inits;
    for (OpOperand &init : dps.getDpsInitsMutable()) {
      FailureOr<Value> buffer = getBuffer(rewriter, init.get(), options, state);
      if (failed(buffer))
        return failure();
      inits.push_back(*buffer);
    }
    if (failed(cloneOnBuffers(op, rewriter, options, state)))
      return failure();
    replaceOpWithBufferizedValues(rewriter, op, inits);
    return success();
  }
};

struct CacheUpdateModel : BufferizableOpInterface::ExternalModel<CacheUpdateModel, CacheUpdateOp> {
  bool bufferizesToMemoryRead(Operation *, OpOperand &, const AnalysisState &) const { return true; }
  bool bufferizesToMemoryWrite(Operation *, OpOperand &, const AnalysisState &) const { return false; }
  AliasingValueList getAliasingValues(Operation *, OpOperand &, const AnalysisState &) const { return {}; }
  LogicalResult bufferize(Operation *op, RewriterBase &rewriter, const BufferizationOptions &options,
                          BufferizationState &state) const {
    if (failed(cloneOnBuffers(op, rewriter, options, state)))
      return failure();
    rewriter.eraseOp(op);
    return success();
  }
};

} // namespace

void kernel::registerBufferizableOpInterfaceExternalModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, KernelDialect *) {
    QuantizeOp::attachInterface<DpsModel<QuantizeOp>>(*context);
    LinearOp::attachInterface<DpsModel<LinearOp>>(*context);
    GroupedLinearOp::attachInterface<DpsModel<GroupedLinearOp>>(*context);
    RouteOp::attachInterface<DpsModel<RouteOp>>(*context);
    DispatchOp::attachInterface<DpsModel<DispatchOp>>(*context);
    EmbedOp::attachInterface<DpsModel<EmbedOp>>(*context);
    AttentionOp::attachInterface<DpsModel<AttentionOp>>(*context);
    CacheUpdateOp::attachInterface<CacheUpdateModel>(*context);
  });
}
