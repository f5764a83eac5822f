// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Dialect, verifiers and memory effects of the kernel dialect. Tiling is in KernelTiling.cpp.

#include "dialect/Kernel.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::kernel;

#include "dialect/KernelDialect.cpp.inc"
#include "dialect/KernelEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/KernelAttrs.cpp.inc"
#define GET_OP_CLASSES
#include "dialect/KernelOps.cpp.inc"

void KernelDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialect/KernelAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialect/KernelOps.cpp.inc"
      >();
}

attune::PackedFormat PackedAttr::getFormat() const {
  attune::PackedFormat format;
  format.codes = static_cast<attune::PackedFormat::Codes>(getCodes());
  format.group = static_cast<int>(getGroup());
  format.scale = static_cast<attune::PackedFormat::Scale>(getScale());
  format.hasMin = getMin();
  format.zero = static_cast<int>(getZero());
  return format;
}

LogicalResult PackedAttr::verify(function_ref<InFlightDiagnostic()> emitError, Codes codes, int64_t group,
                                 Scale scale, bool min, int64_t) {
  if (codes == Codes::u8 && (group || min))
    return emitError() << "codes u8 have one scale for a row, expected no group and no min";
  bool isBlocks = codes == Codes::i8 || codes == Codes::u4;
  if (isBlocks && group != 16 && group != 32)
    return emitError() << "codes in blocks have a scale for each group of 16 or 32 columns, got " << group;
  if ((isBlocks || codes == Codes::u8) != (scale != Scale::none))
    return emitError() << "integers have scales, other codes none";
  return success();
}

//===------------------------------ effects -------------------------------===//

using Effects = SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>;

/// Memref operands are read; memref inits are written (and not read: every kernel overwrites its output).
static void dpsEffects(DestinationStyleOpInterface op, Effects &effects) {
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    if (op.isDpsInit(&operand))
      effects.emplace_back(MemoryEffects::Write::get(), &operand, SideEffects::DefaultResource::get());
    else
      effects.emplace_back(MemoryEffects::Read::get(), &operand, SideEffects::DefaultResource::get());
  }
}

void QuantizeOp::getEffects(Effects &effects) { dpsEffects(*this, effects); }
void LinearOp::getEffects(Effects &effects) { dpsEffects(*this, effects); }
void GroupedLinearOp::getEffects(Effects &effects) { dpsEffects(*this, effects); }
void RouteOp::getEffects(Effects &effects) { dpsEffects(*this, effects); }
void DispatchOp::getEffects(Effects &effects) { dpsEffects(*this, effects); }
void EmbedOp::getEffects(Effects &effects) { dpsEffects(*this, effects); }
void AttentionOp::getEffects(Effects &effects) {
  dpsEffects(*this, effects);
  if (getPartials())
    effects.emplace_back(MemoryEffects::Write::get(), &getPartialsMutable()[0],
                         SideEffects::DefaultResource::get());
}

void LikeliestOp::getEffects(Effects &effects) {
  for (OpOperand &operand : getOperation()->getOpOperands())
    if (llvm::is_contained({getLogits(), getTemperatures()}, operand.get()))
      effects.emplace_back(MemoryEffects::Read::get(), &operand, SideEffects::DefaultResource::get());
    else
      effects.emplace_back(MemoryEffects::Write::get(), &operand, SideEffects::DefaultResource::get());
}

void CacheUpdateOp::getEffects(Effects &effects) {
  for (OpOperand &operand : getOperation()->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    bool written = llvm::is_contained({getKeyMemory(), getValueMemory(), getKeyScales(), getValueScales()},
                                      operand.get());
    if (written)
      effects.emplace_back(MemoryEffects::Write::get(), &operand, SideEffects::DefaultResource::get());
    else
      effects.emplace_back(MemoryEffects::Read::get(), &operand, SideEffects::DefaultResource::get());
  }
}

//===----------------------------- verifiers ------------------------------===//

LogicalResult QuantizeOp::verify() {
  int64_t inits = isa<TensorType>(getCodes().getType()) ? getDpsInits().size() : 0;
  if (static_cast<int64_t>(getResults().size()) != inits)
    return emitOpError() << "has " << getResults().size() << " results, expected " << inits
                         << " (one per tensor output)";
  if (getOutliers() && cast<ShapedType>(getOutliers().getType()).getDimSize(1) % 2)
    return emitOpError() << "outliers have type " << getOutliers().getType()
                         << ", expected an even number of columns: values, then places";
  return success();
}

LogicalResult LikeliestOp::verify() {
  ArrayRef<int64_t> logits = getLogits().getType().getShape();
  int64_t rows = logits.front(), count = getCount();
  if (ShapedType::isDynamic(count) || !llvm::isPowerOf2_64(static_cast<uint64_t>(count)) || count > 64)
    return emitOpError() << "has tokens of type " << getTokens().getType()
                         << ", expected a known power of two up to 64 of each row";
  int64_t operands = getNumOperands();
  if (operands != (count == 1 ? 2 : 6))
    return emitOpError() << "has " << operands
                         << " operands, expected logits and tokens alone for one token of "
                         << "each row, and temperatures, partials and values as well for several";
  int64_t slices = getPartialTokens() ? getPartialTokens().getType().getDimSize(1) : 0;
  auto check = [&](Value value, ArrayRef<int64_t> shape, StringRef what) -> LogicalResult {
    if (!value || succeeded(verifyCompatibleShape(shape, cast<MemRefType>(value.getType()).getShape())))
      return success();
    return emitOpError() << "has " << what << " of type " << value.getType() << " for " << count
                         << " of each row of " << getLogits().getType();
  };
  if (failed(check(getTokens(), {rows, count}, "tokens")) ||
      failed(check(getTemperatures(), {rows}, "temperatures")) ||
      failed(check(getPartialTokens(), {rows, slices, count}, "partial tokens")) ||
      failed(check(getPartialMasses(), {rows, slices}, "partial masses")) ||
      failed(check(getValues(), {rows, count + 1}, "values")))
    return failure();
  if (getPartialTokens() &&
      (ShapedType::isDynamic(slices) || ShapedType::isDynamic(logits[1]) || slices * kSlice < logits[1]))
    return emitOpError() << "has " << slices << " slices of at most " << kSlice << " elements for rows of "
                         << getLogits().getType();
  return success();
}

/// Scales and sums of a quantised input: by block, or by row.
template <typename Op> static LogicalResult verifyActivationScales(Op op, attune::PackedFormat format) {
  auto scales = cast<ShapedType>(op.getScales().getType()), sums = cast<ShapedType>(op.getSums().getType());
  int64_t count = attune::PackedFormat::activationScales(op.getColumns());
  if (!op.isScaledByRow() && (format.isRowScaled() || scales.getDimSize(1) != count))
    return op.emitOpError() << "has scales of type " << scales << ", expected "
                            << (format.isRowScaled() ? "" : std::to_string(count) + " columns, or ")
                            << "one column";
  int64_t expected = format.activationSums(op.getColumns(), scales.getDimSize(1));
  if (sums.getDimSize(1) != expected)
    return op.emitOpError() << "has sums of type " << sums << ", expected " << expected << " columns";
  if (format.isRowScaled() &&
      static_cast<int64_t>(op.getColumns()) > attune::PackedFormat::maxRowScaledColumns)
    return op.emitOpError() << "sums integers over " << op.getColumns() << " columns, expected at most "
                            << attune::PackedFormat::maxRowScaledColumns;
  return success();
}

/// What products have in common. `stacked`: weights may hold several matrices.
template <typename Op> static LogicalResult verifyProduct(Op op, bool stacked) {
  if (op.getWeights().empty())
    return op.emitOpError() << "needs at least one weight";
  attune::PackedFormat format = op.getFormat().getFormat();
  int64_t columns = cast<ShapedType>(op.getOutput().getType()).getDimSize(1);
  for (Value weight : op.getWeights()) {
    auto type = cast<MemRefType>(weight.getType());
    if (!type.isDynamicDim(1) && type.getDimSize(1) != format.panelBytes(op.getColumns()))
      return op.emitOpError() << "weight has panels of " << type.getDimSize(1) << " bytes, expected "
                              << format.panelBytes(op.getColumns()) << " for " << op.getColumns()
                              << " columns in " << op.getFormat();
    if (type.isDynamicDim(0) || ShapedType::isDynamic(columns))
      continue;
    int64_t panels = attune::PackedFormat::panels(columns);
    if (stacked ? type.getDimSize(0) % panels != 0 : type.getDimSize(0) != panels)
      return op.emitOpError() << "weight has " << type.getDimSize(0) << " panels, expected "
                              << (stacked ? "a multiple of " : "") << panels << " for " << columns
                              << " output columns";
  }
  if (op.isQuantized() && !op.getFormat().isQuantized())
    return op.emitOpError() << "has a quantised input, which needs i8 or u4 weights, got " << op.getFormat();
  if (op.isQuantized() != cast<ShapedType>(op.getInput().getType()).getElementType().isInteger(8))
    return op.emitOpError() << "input " << op.getInput().getType()
                            << " must be i8 with quantized(scales, sums), f32 without";
  if (op.isQuantized() && failed(verifyActivationScales(op, format)))
    return failure();
  if (op.getOutliers() && !op.isQuantized())
    return op.emitOpError() << "has outliers, which only a quantised input has";
  Block &epilogue = op.getEpilogue().front();
  if (epilogue.getNumArguments() != op.getWeights().size() + op.getExtras().size())
    return op.emitOpError() << "epilogue takes " << epilogue.getNumArguments() << " values, expected "
                            << op.getWeights().size() << " products and " << op.getExtras().size()
                            << " extras";
  return success();
}

LogicalResult LinearOp::verify() { return verifyProduct(*this, /*stacked=*/false); }

/// The list of blocks: rows of three numbers, and how many of them count.
static LogicalResult verifyBlocks(Operation *op, Value blocks, Value count) {
  auto type = cast<ShapedType>(blocks.getType()), one = cast<ShapedType>(count.getType());
  if (type.getRank() != 2 || type.getDimSize(1) != 3)
    return op->emitOpError() << "blocks are " << type << ", expected rows of 3 (expert, first, rows)";
  if (one.getRank() != 1 || one.getDimSize(0) != 1)
    return op->emitOpError() << "count is " << one << ", expected one number";
  return success();
}

LogicalResult GroupedLinearOp::verify() {
  if (failed(verifyBlocks(*this, getBlocks(), getCount())) || failed(verifyProduct(*this, /*stacked=*/true)))
    return failure();
  for (Value extra : getExtras())
    if (auto type = cast<ShapedType>(extra.getType()); type.getRank() != 1)
      return emitOpError() << "extra is " << type << ", expected a vector of all matrices' columns";
  return success();
}

LogicalResult RouteOp::verify() {
  auto logits = cast<ShapedType>(getLogits().getType());
  if (logits.getRank() != 2 || logits.isDynamicDim(1))
    return emitOpError() << "logits are " << logits << ", expected tokens x a known number of experts";
  for (Value output : getDpsInits()) {
    auto type = cast<ShapedType>(output.getType());
    if (type.getRank() != 2 || type.isDynamicDim(1) || type.getDimSize(1) < 1 ||
        type.getDimSize(1) > logits.getDimSize(1))
      return emitOpError() << "output is " << type << ", expected tokens x 1 to " << logits.getDimSize(1);
  }
  return success();
}

LogicalResult DispatchOp::verify() {
  for (Value value : {getChosen(), getPlaces(), getSources()})
    if (auto type = cast<ShapedType>(value.getType()); type.getRank() != 2 || type.isDynamicDim(1))
      return emitOpError() << "operand is " << type << ", expected tokens x a known number of choices";
  if (getExperts() < 1 || getRows() < 1)
    return emitOpError() << "has " << getExperts() << " experts and blocks of " << getRows()
                         << " rows, expected at least one";
  return verifyBlocks(*this, getBlocks(), getCount());
}

/// Integers come with scales, for each row and head.
static LogicalResult verifyScales(Operation *op, StringRef what, Value memory, Value scales) {
  auto elements = cast<MemRefType>(memory.getType());
  if (!scales)
    return elements.getElementType().isInteger(8)
               ? LogicalResult(op->emitOpError()
                               << "has " << what << " of type " << elements << " without scales")
               : success();
  auto type = cast<MemRefType>(scales.getType());
  if (!elements.getElementType().isInteger(8))
    return op->emitOpError() << "has scales for " << what << " of type " << elements << ", which need none";
  if (type.getDimSize(1) != elements.getDimSize(1) || type.getDimSize(2) != kKeyGroup)
    return op->emitOpError() << "has scales of type " << type << " for " << what << " of type " << elements
                             << ", expected groups x " << elements.getDimSize(1) << " x " << kKeyGroup;
  return success();
}

template <typename Op> static LogicalResult verifyCacheScales(Op op) {
  if (failed(verifyScales(op, "keys", op.getKeyMemory(), op.getKeyScales())))
    return failure();
  return verifyScales(op, "values", op.getValueMemory(), op.getValueScales());
}

LogicalResult CacheUpdateOp::verify() { return verifyCacheScales(*this); }

LogicalResult AttentionOp::verify() {
  auto queries = cast<ShapedType>(getQueries().getType());
  auto keys = cast<MemRefType>(getKeyMemory().getType());
  if (!queries.isDynamicDim(1) && !keys.isDynamicDim(1) && queries.getDimSize(1) % keys.getDimSize(1))
    return emitOpError() << "has " << queries.getDimSize(1) << " query heads, which " << keys.getDimSize(1)
                         << " key heads do not divide";
  if (queries.getDimSize(2) != keys.getDimSize(2))
    return emitOpError() << "has queries of size " << queries.getDimSize(2) << " and keys of size "
                         << keys.getDimSize(2);
  if (keys.getDimSize(3) != kKeyGroup)
    return emitOpError() << "keys lie in groups of " << kKeyGroup << " rows, got " << keys;
  if (failed(verifyCacheScales(*this)))
    return failure();
  if (auto bias = getBias() ? cast<ShapedType>(getBias().getType()) : ShapedType()) {
    if (bias.getRank() != 2)
      return emitOpError() << "has a bias of type " << bias << ", expected heads x distances";
    if (!bias.isDynamicDim(0) && !queries.isDynamicDim(1) && bias.getDimSize(0) != queries.getDimSize(1))
      return emitOpError() << "has a bias of " << bias.getDimSize(0) << " heads and " << queries.getDimSize(1)
                           << " query heads";
    if (bias.isDynamicDim(1) || bias.getDimSize(1) % 2 == 0)
      return emitOpError() << "has a bias of type " << bias << ", expected an odd number of distances";
  }
  if (auto partials = getPartials() ? cast<MemRefType>(getPartials().getType()) : MemRefType()) {
    int64_t values = cast<MemRefType>(getValueMemory().getType()).getDimSize(2);
    if (!partials.hasStaticShape() || partials.getDimSize(1) != queries.getDimSize(1) ||
        partials.getDimSize(3) != values + 2)
      return emitOpError() << "has partials of type " << partials << ", expected tokens x "
                           << queries.getDimSize(1) << " heads x slices x " << values + 2;
  }
  return success();
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto body = symbols.lookupNearestSymbolFrom<FunctionOpInterface>(*this, getBodyAttr());
  if (!body)
    return emitOpError() << "names '" << getBody() << "', which is not a function";
  if (body.getNumArguments() != getArguments().size() + 2)
    return emitOpError() << "gives " << getArguments().size() << " arguments and a range (begin, end), but "
                         << getBodyAttr() << " takes " << body.getNumArguments();
  return success();
}
