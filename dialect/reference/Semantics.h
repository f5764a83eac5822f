// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// What each operation computes, as functions of tensors: plain operations use them one at a time, fused ones
/// several in a row. All arithmetic is in f64. Errors name the operand whose size does not fit, with the size
/// found and the one expected.

#ifndef ATTUNE_DIALECT_REFERENCE_SEMANTICS_H
#define ATTUNE_DIALECT_REFERENCE_SEMANTICS_H

#include "dialect/reference/Tensor.h"

#include <optional>

namespace mlir::transformer::reference {

/// An error unless `found`, a size of `what`, is `expected`, the size of `source`.
llvm::Error expectSize(llvm::StringRef what, int64_t found, int64_t expected, llvm::StringRef source);
/// An error unless `0 <= index < size`.
llvm::Error expectIndex(llvm::StringRef what, int64_t index, int64_t size, llvm::StringRef source);

/// One row of a batch.
struct BatchRow {
  int64_t position, firstKey, keyCount;
};
/// The rows of a batch, none of whose entries may be negative.
llvm::Expected<llvm::SmallVector<BatchRow>> batchRows(const Tensor &batch);
/// The same for a batch of `tokens` rows whose keys lie in a table of `keyRows`.
llvm::Expected<llvm::SmallVector<BatchRow>> batchRows(const Tensor &batch, int64_t tokens, int64_t keyRows);

llvm::Expected<Tensor> gatherRows(const Tensor &table, const Tensor &rows);

llvm::Expected<Tensor> add(const Tensor &a, const Tensor &b);
llvm::Expected<Tensor> linear(const Tensor &input, const Tensor &weight, const Tensor *bias);
llvm::Expected<Tensor> norm(NormKind kind, const Tensor &input, const Tensor *weight, const Tensor *bias,
                            double eps, double weightOffset);
Tensor activation(Activation kind, Tensor input);
Tensor scale(Tensor input, double factor);
Tensor softCap(Tensor input, double cap);

llvm::Expected<Tensor> scores(const Tensor &queries, const Tensor &keys, const Tensor &batch, double scale);
llvm::Expected<Tensor> relativeBias(Tensor scores, const Tensor &bias, const Tensor &batch);
llvm::Expected<Tensor> mask(Tensor scores, const Tensor &batch, MaskAttr mask);
llvm::Expected<Tensor> softmax(Tensor scores, const Tensor *sinks);
Tensor sumNormalize(Tensor scores);
llvm::Expected<Tensor> weightedSum(const Tensor &weights, const Tensor &values, const Tensor &batch);

} // namespace mlir::transformer::reference

#endif // ATTUNE_DIALECT_REFERENCE_SEMANTICS_H
