// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Products with packed weights, as the patterns of the layout stage build them.

#ifndef ATTUNE_PASSES_LAYOUT_PRODUCTS_H
#define ATTUNE_PASSES_LAYOUT_PRODUCTS_H

#include "passes/layout/ToKernel.h"

#include <optional>

namespace mlir::transformer {

/// Emits a product's epilogue: its result from products and extras.
using Epilogue = function_ref<Value(OpBuilder &, Location, ValueRange)>;

/// The packed form of a logical weight, a matrix or a stack of them.
struct Weight {
  Value memory;
  kernel::PackedAttr format;
  int64_t rows = 0, columns = 0; ///< of each matrix

  /// Nothing if the weight has no packed form yet.
  static std::optional<Weight> of(Value logical);
};

/// Activations as a product takes them: scales, sums and outliers where they are int8 codes.
struct Activations {
  Value values, scales, sums, outliers;
};

/// Emits products; knows how activations are to be quantised.
class Products {
public:
  Products(OpBuilder &builder, Location loc, const Quantization &quantization)
      : builder(builder), loc(loc), quantization(quantization) {}

  /// Gives an empty tensor of as many rows as an input has.
  using EmptyRows = function_ref<Value(int64_t columns, Type element)>;

  /// `input` as a product with weights of this format takes it.
  Activations prepare(Value input, kernel::PackedAttr format);
  Activations prepare(Value input, kernel::PackedAttr format, EmptyRows empty);

  /// `epilogue(products of the weights, extras)` for each row of `input`.
  Value emit(Value input, ArrayRef<Weight> weights, ValueRange extras, Epilogue epilogue);

  /// weight * input + bias
  Value linear(Value input, const Weight &weight, Value bias);

private:
  OpBuilder &builder;
  Location loc;
  Quantization quantization;
};

/// Gives `product`, a kernel.linear or kernel.grouped_linear, its epilogue.
void emitEpilogue(OpBuilder &builder, Region &region, unsigned arguments, Epilogue epilogue);

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_LAYOUT_PRODUCTS_H
