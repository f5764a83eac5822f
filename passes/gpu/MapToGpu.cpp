// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Every operation on memrefs becomes a launch of a kernel; what is left computes sizes and addresses.

#include "passes/Passes.h"
#include "passes/gpu/Launches.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/Transforms/Transforms.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/TypeSwitch.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_MAPTOGPU
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

bool holdsKernels(Operation *op) {
  return op
      ->walk([](Operation *inner) {
        return isa<kernel::KernelDialect>(inner->getDialect()) && !isa<kernel::YieldOp>(inner)
                   ? WalkResult::interrupt()
                   : WalkResult::advance();
      })
      .wasInterrupted();
}

struct MapToGpu : transformer::impl::MapToGpuBase<MapToGpu> {
  using MapToGpuBase::MapToGpuBase;

  void runOnOperation() override {
    if (failed(findMatrixType()))
      return signalPassFailure();
    target.warpGroups = warpGroups;
    copiesToLinalg();
    if (failed(loopsOverKernels()))
      return signalPassFailure();
    SmallVector<Operation *> operations;
    getOperation().walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (!isLaunchable(op))
        return WalkResult::advance();
      operations.push_back(op);
      return WalkResult::skip();
    });
    for (Operation *op : operations) {
      if (failed(launch(op)))
        return signalPassFailure();
      op->erase();
    }
    getOperation()->removeAttr(DeviceEmitter::kLaunchCount);
    getOperation().walk([](gpu::LaunchOp launch) { takeConstants(launch); });
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      readThroughRuntime(function);
      if (failed(requireNoAccess(function)))
        signalPassFailure();
    }
  }

  static bool isLaunchable(Operation *op) {
    return isa<scf::ForallOp, linalg::LinalgOp>(op) ||
           (isa<kernel::KernelDialect>(op->getDialect()) && !isa<kernel::YieldOp>(op));
  }

  GpuTarget target;

  LogicalResult findMatrixType() {
    Builder builder(&getContext());
    if (matrixType == "f16")
      target.matrixType = builder.getF16Type();
    else if (matrixType == "bf16")
      target.matrixType = builder.getBF16Type();
    else if (!matrixType.empty())
      return getOperation().emitError() << "matrix-type is '" << matrixType << "', expected f16 or bf16";
    return success();
  }

  LogicalResult launch(Operation *op) {
    return llvm::TypeSwitch<Operation *, LogicalResult>(op)
        .Case([&](scf::ForallOp op) { return launchForall(op, target); })
        .Case([&](linalg::LinalgOp op) { return launchLinalg(op, target); })
        .Case([&](kernel::LinearOp op) { return launchLinear(op, target); })
        .Case([&](kernel::GroupedLinearOp op) { return launchGroupedLinear(op, target); })
        .Case([&](kernel::AttentionOp op) { return launchAttention(op, target); })
        .Case([&](kernel::CacheUpdateOp op) { return launchCacheUpdate(op, target); })
        .Case([&](kernel::LikeliestOp op) { return launchLikeliest(op, target); })
        .Case([&](kernel::EmbedOp op) { return launchEmbed(op, target); })
        .Case([&](kernel::RouteOp op) { return launchRoute(op, target); })
        .Case([&](kernel::DispatchOp op) { return launchDispatch(op, target); })
        .Default([](Operation *op) { return op->emitError() << "has no form for a device"; });
  }

  /// Tables of constants are named within a kernel, so that they go with it to the device.
  static void takeConstants(gpu::LaunchOp launch) {
    OpBuilder builder = OpBuilder::atBlockBegin(&launch.getBody().front());
    llvm::DenseMap<Operation *, Value> inside;
    launch.walk([&](Operation *op) {
      for (OpOperand &operand : op->getOpOperands()) {
        auto table = operand.get().getDefiningOp<memref::GetGlobalOp>();
        if (!table || launch->isAncestor(table))
          continue;
        Value &copy = inside[table];
        if (!copy)
          copy = builder.clone(*table)->getResult(0);
        operand.set(copy);
      }
    });
  }

  void copiesToLinalg() {
    getOperation().walk([](memref::CopyOp op) {
      OpBuilder builder(op);
      linalg::CopyOp::create(builder, op.getLoc(), op.getSource(), op.getTarget());
      op.erase();
    });
  }

  /// A parallel loop over kernels is a loop over launches, unless its iterations are blocks.
  LogicalResult loopsOverKernels() {
    SmallVector<scf::ForallOp> loops;
    getOperation().walk([&](scf::ForallOp op) {
      if (holdsKernels(op) && !op.getMapping())
        loops.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (scf::ForallOp loop : loops) {
      rewriter.setInsertionPoint(loop);
      if (failed(scf::forallToForLoop(rewriter, loop)))
        return loop.emitError() << "is no loop over launches";
    }
    return success();
  }

  template <typename Body> static void walkHost(func::FuncOp function, Body body) {
    function.walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (isa<gpu::LaunchOp>(op))
        return WalkResult::skip();
      body(op);
      return WalkResult::advance();
    });
  }

  /// Numbers that sizes depend on (the keys of scores that an entry shows) are read one by one.
  void readThroughRuntime(func::FuncOp function) {
    SmallVector<memref::LoadOp> loads;
    walkHost(function, [&](Operation *op) {
      if (auto load = dyn_cast<memref::LoadOp>(op); load && load.getType().isInteger(32))
        loads.push_back(load);
    });
    for (memref::LoadOp load : loads) {
      LoopEmitter e(load);
      auto metadata = memref::ExtractStridedMetadataOp::create(e, load.getMemRef());
      Value element = metadata.getOffset();
      for (auto [index, stride] : llvm::zip(load.getIndices(), metadata.getStrides()))
        element = e.add(element, e.createOrFold<arith::MulIOp>(index, stride));
      Value base = memref::ExtractAlignedPointerAsIndexOp::create(e, load.getMemRef());
      Value address = arith::IndexCastOp::create(e, e.getI64Type(),
                                                 e.add(base, e.mul(element, int64_t{sizeof(int32_t)})));
      load.replaceAllUsesWith(callRuntime(e, "attune_device_read", e.getI32Type(), address));
      load.erase();
    }
  }

  /// The device's memory is not the host's.
  LogicalResult requireNoAccess(func::FuncOp function) {
    LogicalResult result = success();
    walkHost(function, [&](Operation *op) {
      if (isa<memref::LoadOp, memref::StoreOp, vector::LoadOp, vector::StoreOp>(op))
        result = op->emitError() << "reads or writes memory of the device outside of a kernel";
    });
    return result;
  }
};

} // namespace
