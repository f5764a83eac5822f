// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Neighbours that run over the same tokens become one loop.

#include "passes/Passes.h"
#include "passes/gpu/Rows.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_FUSEROWS
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

struct FuseRows : transformer::impl::FuseRowsBase<FuseRows> {
  void runOnOperation() override {
    Block &block = getOperation().front();
    if (failed(fuse(block)))
      return signalPassFailure();
    fuseIntoProducts(block);
  }

  /// Each operation joins the one before it, if nothing between the two touches memory.
  static LogicalResult fuse(Block &block) {
    std::optional<RowOperation> last;
    for (Operation &op : llvm::make_early_inc_range(block)) {
      if (leavesMemory(&op))
        continue;
      std::optional<RowOperation> next = RowOperation::of(&op);
      if (last && next && canShareIterations(*last, *next)) {
        FailureOr<scf::ForallOp> joined = join(*last, *next);
        if (failed(joined))
          return failure();
        next = RowOperation::of(*joined);
      }
      last = next;
    }
    return success();
  }

  /// Where the second stands: what it needs is there.
  static FailureOr<scf::ForallOp> join(const RowOperation &first, const RowOperation &second) {
    OpBuilder builder(second.op);
    auto blocks =
        builder.getArrayAttr(gpu::GPUBlockMappingAttr::get(builder.getContext(), gpu::MappingId::DimX));
    auto loop =
        scf::ForallOp::create(builder, second.op->getLoc(), {first.end(builder)}, ValueRange(), blocks);
    builder.setInsertionPoint(loop.getBody()->getTerminator());
    for (const RowOperation &part : {first, second})
      if (failed(part.emit(builder, loop.getInductionVar(0))))
        return part.op->emitError() << "cannot run for one token";
    first.op->erase();
    second.op->erase();
    return loop;
  }
};

} // namespace
