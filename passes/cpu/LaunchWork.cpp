// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/LaunchWork.h"

#include "dialect/Kernel.h"
#include "passes/code/Constants.h"
#include "passes/lower/Kinds.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/DataLayoutInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// Elements of the static part of a shape: of all, or of each row.
int64_t staticElements(MemRefType type) {
  int64_t elements = 1;
  for (int64_t size : type.getShape())
    elements *= ShapedType::isDynamic(size) ? 1 : size;
  return elements;
}

int64_t staticBytes(MemRefType type) {
  Type element = type.getElementType();
  return staticElements(type) * (element.isIndex() ? 64 : element.getIntOrFloatBitWidth()) / 8;
}

/// The first name in a location: the description's field.
StringRef nameIn(Location loc) {
  StringRef name;
  loc->walk([&](Location part) {
    auto named = dyn_cast<NameLoc>(part);
    if (!named)
      return WalkResult::advance();
    name = named.getName();
    return WalkResult::interrupt();
  });
  return name;
}

class WorkCounter {
public:
  WorkCounter(scf::ForallOp loop, ArrayRef<Value> arguments) : loop(loop), arguments(arguments) {}

  DictionaryAttr count() {
    Operation *kernel = nullptr;
    loop.getBody()->walk([&](DestinationStyleOpInterface op) {
      if (!isa<kernel::KernelDialect>(op->getDialect()))
        return WalkResult::advance();
      kernel = op;
      return WalkResult::interrupt();
    });
    text("name", nameIn(loop.getLoc()));
    if (auto op = dyn_cast_or_null<kernel::LinearOp>(kernel))
      countProduct(op, op.getWeights());
    else if (auto op = dyn_cast_or_null<kernel::GroupedLinearOp>(kernel))
      countProduct(op, op.getWeights());
    else if (auto op = dyn_cast_or_null<kernel::AttentionOp>(kernel))
      countAttention(op);
    else if (auto op = dyn_cast_or_null<kernel::EmbedOp>(kernel))
      countEmbed(op);
    else
      countElements(kernel);
    countMoved();
    return DictionaryAttr::get(loop.getContext(), fields);
  }

private:
  scf::ForallOp loop;
  ArrayRef<Value> arguments;
  SmallVector<NamedAttribute> fields;
  int64_t weightBytes = 0, weightBytesOfRow = 0;
  llvm::SmallPtrSet<Value, 4> elsewhere; ///< arguments whose bytes are no row's

  void text(StringRef name, StringRef value) {
    fields.emplace_back(StringAttr::get(loop.getContext(), name), StringAttr::get(loop.getContext(), value));
  }
  void number(StringRef name, int64_t value) {
    if (value)
      fields.emplace_back(StringAttr::get(loop.getContext(), name),
                          IntegerAttr::get(IntegerType::get(loop.getContext(), 64), value));
  }
  void argument(StringRef name, Value value) {
    const Value *found = llvm::find(arguments, value);
    if (found != arguments.end())
      fields.emplace_back(
          StringAttr::get(loop.getContext(), name),
          IntegerAttr::get(IntegerType::get(loop.getContext(), 64), std::distance(arguments.begin(), found)));
  }

  /// The argument that a value in the loop is a part of.
  Value whole(Value value) const {
    while (auto view = value.getDefiningOp<ViewLikeOpInterface>()) {
      if (!loop->isProperAncestor(view))
        break;
      value = view.getViewSource();
    }
    return value;
  }
  MemRefType wholeType(Value value) const { return cast<MemRefType>(whole(value).getType()); }

  static bool isRows(MemRefType type) {
    return type.getRank() > 0 && type.isDynamicDim(0) &&
           !(type.getRank() == 1 && type.getElementType().isInteger(8)); // raw memory
  }

  /// Of a stack of matrices (one for each expert) each row reads one.
  template <typename Op> void countProduct(Op op, ValueRange weights) {
    text("kind", "linear");
    int64_t bytes = 0, matrices = 1, columns = wholeType(op.getOutput()).getShape().back();
    for (Value weight : weights) {
      MemRefType type = wholeType(weight);
      bytes += staticBytes(type);
      matrices = type.getDimSize(0) / llvm::divideCeil(columns, attune::PackedFormat::panelRows);
      elsewhere.insert(whole(weight));
    }
    weightBytes = bytes;
    weightBytesOfRow = bytes / std::max<int64_t>(matrices, 1);
    number("operationsOfRow", 2 * op.getColumns() * columns * static_cast<int64_t>(weights.size()));
    number("isInt8", op.isQuantized());
    argument("rows", whole(op.getOutput()));
  }

  void countAttention(kernel::AttentionOp op) {
    text("kind", "attention");
    MemRefType queries = wholeType(op.getQueries()), output = wholeType(op.getOutput());
    number("operationsOfKey", 2 * (staticElements(queries) + staticElements(output)));
    MemRefType keys = wholeType(op.getKeyMemory()), values = wholeType(op.getValueMemory());
    int64_t bytes = staticBytes(keys) / keys.getShape().back() + staticBytes(values);
    for (Value scales : {op.getKeyScales(), op.getValueScales()})
      if (scales) {
        bytes += staticBytes(wholeType(scales)) / wholeType(scales).getShape().back();
        elsewhere.insert(whole(scales));
      }
    number("bytesOfKey", bytes);
    elsewhere.insert(whole(op.getKeyMemory()));
    elsewhere.insert(whole(op.getValueMemory()));
    argument("rows", whole(op.getOutput()));
    argument("batch", whole(op.getBatch()));
    number("isCausal", op.getMask().getCausal());
    number("window", op.getMask().getWindow());
    number("chunk", op.getMask().getChunk());
  }

  /// Of the table each row reads one.
  void countEmbed(kernel::EmbedOp op) {
    text("kind", "embed");
    MemRefType table = wholeType(op.getTable());
    weightBytes = staticBytes(table);
    weightBytesOfRow = weightBytes / (table.getDimSize(0) * attune::PackedFormat::panelRows);
    elsewhere.insert(whole(op.getTable()));
    number("operationsOfRow", wholeType(op.getOutput()).getShape().back());
    argument("rows", whole(op.getOutput()));
  }

  /// Everything else makes an element with an operation, by the rule of --emit=graph.
  void countElements(Operation *kernel) {
    StringRef kind = kernel ? kernel->getName().stripDialect() : kindIn(loop.getLoc());
    text("kind", kind.empty() ? "loop" : kind);
    Value rows;
    for (Value value : arguments)
      if (auto type = dyn_cast<MemRefType>(value.getType()); type && isRows(type) && !rows)
        rows = value;
    if (!rows)
      return;
    number("operationsOfRow", staticElements(cast<MemRefType>(rows.getType())));
    argument("rows", rows);
  }

  /// What goes in and out for each row; what all rows share counts as weights.
  void countMoved() {
    int64_t moved = 0, shared = 0;
    for (Value value : arguments) {
      auto type = dyn_cast<MemRefType>(value.getType());
      if (!type || elsewhere.contains(value))
        continue;
      if (isRows(type))
        moved += staticBytes(type);
      else if (type.hasStaticShape())
        shared += staticBytes(type);
    }
    number("bytesOfRow", moved);
    number("weightBytes", weightBytes + shared);
    number("weightBytesOfRow", weightBytesOfRow + shared);
  }
};

} // namespace

DictionaryAttr transformer::workOf(scf::ForallOp loop, ArrayRef<Value> arguments) {
  return WorkCounter(loop, arguments).count();
}

namespace {

/// AttuneKernelWork's fields behind its three addresses.
constexpr StringLiteral kNumbers[] = {"weightBytes", "weightBytesOfRow", "bytesOfRow", "operationsOfRow",
                                      "bytesOfKey",  "operationsOfKey",  "isInt8",     "rowsAt",
                                      "batchAt",     "isCausal",         "window",     "chunk"};

/// Where each field of a structure stands.
SmallVector<int64_t> offsetsIn(LLVM::LLVMStructType type, const DataLayout &layout) {
  SmallVector<int64_t> offsets;
  uint64_t offset = 0;
  for (Type field : type.getBody()) {
    offset = llvm::alignTo(offset, layout.getTypeABIAlignment(field));
    offsets.push_back(static_cast<int64_t>(offset));
    offset += layout.getTypeSize(field);
  }
  return offsets;
}

/// The first field of an argument: a buffer takes as many as its description.
size_t firstField(TypeRange arguments, size_t index) {
  size_t field = 0;
  for (Type type : arguments.take_front(index)) {
    auto buffer = dyn_cast<MemRefType>(type);
    field += buffer ? 3 + 2 * static_cast<size_t>(buffer.getRank()) : 1;
  }
  return field;
}

} // namespace

void transformer::noteWork(LLVM::LLVMFuncOp range, DictionaryAttr work, TypeRange arguments,
                           LLVM::LLVMStructType context) {
  constexpr size_t kAddress = 1, kFirstSize = 3; // in a buffer's description
  SmallVector<int64_t> offsets = offsetsIn(context, DataLayout(range->getParentOfType<ModuleOp>()));
  NamedAttrList fields(work);
  auto place = [&](StringRef argument, StringRef field, size_t within) {
    auto index = dyn_cast_or_null<IntegerAttr>(fields.erase(argument));
    int64_t at = index ? offsets[firstField(arguments, index.getInt()) + within] : -1;
    fields.set(field, IntegerAttr::get(IntegerType::get(range.getContext(), 64), at));
  };
  place("rows", "rowsAt", kFirstSize);
  place("batch", "batchAt", kAddress);
  range->setAttr(kWorkAttr, fields.getDictionary(range.getContext()));
}

void transformer::createWorkTable(OpBuilder &builder, ModuleOp module, StringRef name) {
  SmallVector<LLVM::LLVMFuncOp> ranges;
  for (auto function : module.getOps<LLVM::LLVMFuncOp>())
    if (function->hasAttr(kWorkAttr))
      ranges.push_back(function);
  if (ranges.empty())
    return;
  Location loc = module.getLoc();
  auto pointer = LLVM::LLVMPointerType::get(builder.getContext());
  SmallVector<Type> types(3, pointer);
  types.append(std::size(kNumbers), builder.getI64Type());
  auto row = LLVM::LLVMStructType::getLiteral(builder.getContext(), types);
  llvm::StringMap<LLVM::GlobalOp> texts;
  auto textOf = [&](DictionaryAttr work, StringRef field) {
    StringRef text = cast<StringAttr>(work.get(field)).getValue();
    LLVM::GlobalOp &global = texts[text];
    if (!global)
      global = createText(builder, loc, ("attune_work_text_" + Twine(texts.size())).str(), text);
    return global;
  };
  SmallVector<std::pair<LLVM::GlobalOp, LLVM::GlobalOp>> names;
  for (LLVM::LLVMFuncOp range : ranges) {
    auto work = cast<DictionaryAttr>(range->getAttr(kWorkAttr));
    names.push_back({textOf(work, "kind"), textOf(work, "name")});
  }
  LLVM::GlobalOp table =
      createConstant(builder, loc, LLVM::LLVMArrayType::get(row, ranges.size()), LLVM::Linkage::External,
                     name, [&](function_ref<void(Value, ArrayRef<int64_t>)> insert) {
                       for (auto [i, range, texts] : llvm::enumerate(ranges, names)) {
                         auto index = static_cast<int64_t>(i);
                         insert(LLVM::AddressOfOp::create(builder, loc, range), {index, 0});
                         insert(LLVM::AddressOfOp::create(builder, loc, texts.first), {index, 1});
                         insert(LLVM::AddressOfOp::create(builder, loc, texts.second), {index, 2});
                         auto work = cast<DictionaryAttr>(range->removeAttr(kWorkAttr));
                         for (auto [n, field] : llvm::enumerate(kNumbers)) {
                           auto value = work.getAs<IntegerAttr>(field);
                           insert(LLVM::ConstantOp::create(
                                      builder, loc, builder.getI64IntegerAttr(value ? value.getInt() : 0)),
                                  {index, static_cast<int64_t>(n) + 3});
                         }
                       }
                     });
  putInSection(table, "attune_work");
}
