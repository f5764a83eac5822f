// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Constants of the LLVM dialect: texts, and tables with addresses in them.

#ifndef ATTUNE_PASSES_CODE_CONSTANTS_H
#define ATTUNE_PASSES_CODE_CONSTANTS_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace mlir::transformer {

/// With a zero at the end, which C expects.
inline LLVM::GlobalOp createText(OpBuilder &builder, Location loc, StringRef name, StringRef text) {
  std::string bytes = text.str() + '\0';
  auto type = LLVM::LLVMArrayType::get(builder.getI8Type(), bytes.size());
  return LLVM::GlobalOp::create(builder, loc, type, /*isConstant=*/true, LLVM::Linkage::Internal, name,
                                builder.getStringAttr(bytes));
}

/// `fill` gets a function that puts a value at a position.
inline LLVM::GlobalOp createConstant(OpBuilder &builder, Location loc, Type type, LLVM::Linkage linkage,
                                     StringRef name,
                                     function_ref<void(function_ref<void(Value, ArrayRef<int64_t>)>)> fill) {
  auto global = LLVM::GlobalOp::create(builder, loc, type, /*isConstant=*/true, linkage, name, Attribute());
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(builder.createBlock(&global.getInitializerRegion()));
  Value value = LLVM::UndefOp::create(builder, loc, type);
  fill([&](Value field, ArrayRef<int64_t> position) {
    value = LLVM::InsertValueOp::create(builder, loc, value, field, position);
  });
  LLVM::ReturnOp::create(builder, loc, value);
  return global;
}

/// One array of these, in a section that the linker joins and gives bounds (`__start_NAME`).
inline void putInSection(LLVM::GlobalOp global, StringRef section) {
  global.setSection(section);
  global.setAlignment(8); // the section is an array: no more than the structure's own
  global.setVisibility_(LLVM::Visibility::Hidden);
}

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_CODE_CONSTANTS_H
