// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// What makes a product's input, row by row, is done again in each block of the product when rows are few.

#include "passes/gpu/Launches.h"
#include "passes/gpu/Rows.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {

constexpr int64_t kPanel = attune::PackedFormat::panelRows;
constexpr int64_t kMostPanels = 1024;     ///< as many blocks as a large device runs at once
constexpr int64_t kMostBytes = 20 * 1024; ///< of a block: several are to fit into a multiprocessor

struct ProductOfRows {
  /// The loop before the product, if nothing between the two touches memory.
  static scf::ForallOp rowsBefore(kernel::LinearOp product) {
    Operation *op = product->getPrevNode();
    while (op && leavesMemory(op))
      op = op->getPrevNode();
    return dyn_cast_or_null<scf::ForallOp>(op);
  }

  /// Whole panels of outputs, no more than are computed at once.
  static bool isWorthIt(kernel::LinearOp product) {
    auto output = dyn_cast<MemRefType>(product.getOutput().getType());
    int64_t outputs = output ? output.getDimSize(1) : ShapedType::kDynamic;
    return !ShapedType::isDynamic(outputs) && !product.isQuantized() && outputs % kPanel == 0 &&
           outputs / kPanel <= kMostPanels;
  }

  /// Whether the loop makes the product's input and nothing else, from what the product leaves as it is.
  static bool canRepeat(scf::ForallOp loop, kernel::LinearOp product) {
    std::optional<RowOperation> rows = RowOperation::of(loop);
    auto input = product.getInput().getDefiningOp<memref::AllocOp>();
    int64_t row = static_cast<int64_t>(product.getColumns()) * int64_t{sizeof(float)};
    if (!rows || rows->bytes + row > kMostBytes || !input || rows->tokens != rowsOf(product.getInput()))
      return false;
    for (OpOperand &use : input->getUses())
      if (&use != &product.getInputMutable() && !isa<memref::DimOp>(use.getOwner()) &&
          !(isa<memref::SubViewOp>(use.getOwner()) && use.getOwner()->getBlock() == loop.getBody()))
        return false;
    Value output = memoryOf(product.getOutput());
    return llvm::all_of(rows->accesses, [&](const RowAccess &access) {
      return access.buffer == input.getResult() ? access.isOwnRow
                                                : !access.isWritten && access.buffer != output;
    });
  }

  static void fuse(scf::ForallOp rows, kernel::LinearOp product) {
    ImplicitLocOpBuilder b(product.getLoc(), product);
    Value count = memref::DimOp::create(b, product.getInput(), 0);
    Value isFew = arith::CmpIOp::create(b, arith::CmpIPredicate::ule, count,
                                        arith::ConstantIndexOp::create(b, kFewRows));
    auto branch = scf::IfOp::create(b, isFew, /*withElseRegion=*/true);
    b.setInsertionPointToStart(branch.thenBlock());
    createFused(b, rows, product);
    rows->moveBefore(branch.elseBlock()->getTerminator());
    product->moveBefore(branch.elseBlock()->getTerminator());
  }

  /// A block for each row and panel.
  static void createFused(ImplicitLocOpBuilder &b, scf::ForallOp rows, kernel::LinearOp product) {
    int64_t outputs = cast<MemRefType>(product.getOutput().getType()).getDimSize(1);
    auto id = [&](gpu::MappingId which) -> Attribute {
      return gpu::GPUBlockMappingAttr::get(b.getContext(), which);
    };
    SmallVector<OpFoldResult> ends{rows.getMixedUpperBound()[0], b.getIndexAttr(outputs / kPanel)};
    auto loop = scf::ForallOp::create(b, ends, ValueRange(),
                                      b.getArrayAttr({id(gpu::MappingId::DimY), id(gpu::MappingId::DimX)}));
    b.setInsertionPoint(loop.getBody()->getTerminator());
    auto type = MemRefType::get({1, static_cast<int64_t>(product.getColumns())}, b.getF32Type());
    Value row = memref::AllocOp::create(b, type);
    Value token = loop.getInductionVar(0);
    emitRow(b, rows, token, product.getInput(), row);
    Value column = affine::AffineApplyOp::create(b, b.getAffineDimExpr(0) * kPanel, loop.getInductionVar(1));
    FailureOr<TilingResult> tile =
        product.getTiledImplementation(b, {token, column}, {b.getIndexAttr(1), b.getIndexAttr(kPanel)});
    auto tiled = cast<kernel::LinearOp>(tile->tiledOps.front());
    Operation *slice = tiled.getInput().getDefiningOp();
    tiled.getInputMutable().assign(row);
    slice->erase();
  }

  /// The loop's body for one token; its row of `memory` is `row`.
  static void emitRow(OpBuilder &b, scf::ForallOp rows, Value token, Value memory, Value row) {
    IRMapping map;
    map.map(rows.getInductionVar(0), token);
    for (Operation &inner : rows.getBody()->without_terminator()) {
      auto part = dyn_cast<memref::SubViewOp>(inner);
      if (part && part.getSource() == memory)
        map.map(part.getResult(), memref::CastOp::create(b, part.getLoc(), part.getType(), row).getResult());
      else
        b.clone(inner, map);
    }
  }
};

} // namespace

void transformer::fuseIntoProducts(Block &block) {
  SmallVector<kernel::LinearOp> products(block.getOps<kernel::LinearOp>());
  for (kernel::LinearOp product : products)
    if (scf::ForallOp rows = ProductOfRows::rowsBefore(product);
        rows && ProductOfRows::isWorthIt(product) && ProductOfRows::canRepeat(rows, product))
      ProductOfRows::fuse(rows, product);
}
