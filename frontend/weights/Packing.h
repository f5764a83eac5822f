// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Packing of weight matrices into the panels that kernels read (dialect/PackedFormat.h).

#ifndef ATTUNE_FRONTEND_WEIGHTS_PACKING_H
#define ATTUNE_FRONTEND_WEIGHTS_PACKING_H

#include "dialect/PackedFormat.h"
#include "frontend/weights/WeightStore.h"
#include <optional>
#include <vector>

namespace attune {

/// The packed form that keeps the values of a weight type exactly: what unpack() gives equals dequantize(),
/// bit for bit but for the sign of zeros (and the payloads of scales that are NaNs).
PackedFormat packedFormatOf(StorageType type);

/// Whether `format` can hold what is stored as `type` exactly. Wider formats hold narrower types: I8 codes
/// hold U4 ones, f32 scales f16 ones, groups of 16 those of 32, minimums of zero none. F32 holds everything.
bool holdsExactly(const PackedFormat &format, StorageType type);

/// The smallest format that holds all of the types exactly: that of matrices of several types stacked into
/// one.
PackedFormat commonFormat(llvm::ArrayRef<StorageType> types);

/// A matrix to pack, [rows(), columns].
struct PackSource {
  std::string name;                    ///< Of the tensor, for messages.
  StorageType type = StorageType::F32; ///< A weight type.
  llvm::ArrayRef<uint8_t> data;        ///< As stored: [storedRows, columns], row-major.
  int64_t storedRows = 0;
  int64_t columns = 0;
  /// If not empty, row i of the matrix is row rowOrder[i] of what is stored. It may leave rows out.
  std::vector<int64_t> rowOrder = {};
  /// The data is [columns, storedRows] instead. For plain numbers only.
  bool transposed = false;
  llvm::ArrayRef<uint8_t> scales = {}; ///< Of blocks that are cut in two: TensorInfo.

  int64_t rows() const { return rowOrder.empty() ? storedRows : static_cast<int64_t>(rowOrder.size()); }

  /// A matrix, or matrix `index` of a stack [matrices, rows, columns] such as the experts of a layer. Fails
  /// on another rank, an index past the end, or a type that holds no weights.
  static llvm::Expected<PackSource> of(const TensorInfo &tensor, int64_t index = 0);
  /// The same for a tensor that stores [columns, rows].
  static llvm::Expected<PackSource> ofTransposed(const TensorInfo &tensor, int64_t index = 0);
};

/// The rowOrder that undoes the permutation of query and key rows in GGUF files of Llama's kind: these
/// interleave the two halves of each head, (0, d/2, 1, d/2 + 1, ...) for heads of d rows. With it, pairs are
/// half a head apart.
std::vector<int64_t> halfSplitRowOrder(int64_t heads, int64_t headSize);

/// Packs panels firstPanel .. firstPanel + count - 1 of the sources, stacked one above the other, to `out`,
/// which has room for count * format.panelBytes(columns) bytes. A matrix of any size can be packed piece by
/// piece.
///
/// A source that `format` does not hold exactly is dequantised and stored anew as `requantize`, which
/// `format` must hold exactly; without it, such a source is an error. Errors: sources of different columns,
/// data of the wrong size, columns that are not whole blocks of the source's type, rowOrder past the end,
/// panels past the last.
llvm::Error packPanels(const PackedFormat &format, llvm::ArrayRef<PackSource> sources, int64_t firstPanel,
                       int64_t count, uint8_t *out, std::optional<StorageType> requantize = std::nullopt);

/// The inverse, for tests and the reference: `packed` holds format.bytes(rows, columns), `out` gets [rows,
/// columns].
void unpack(const PackedFormat &format, const uint8_t *packed, int64_t rows, int64_t columns, float *out);

} // namespace attune

#endif
