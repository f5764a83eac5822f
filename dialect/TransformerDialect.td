// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef TRANSFORMER_DIALECT
#define TRANSFORMER_DIALECT

include "mlir/IR/OpBase.td"

def Transformer_Dialect : Dialect {
  let name = "transformer";
  let summary = "What a Transformer computes, in the words of the literature";
  let description = [{
    Tensor-level operations of Transformer models: embeddings, positions, norms, linear maps, masked attention with a
    key/value cache, feed-forward networks. Shapes are logical; how a weight is stored is the encoding of its type
    (`#transformer.stored<q4_1>`), and no operation here knows about packed layouts, tiles or devices.

    **Ragged batch.** The tokens of all sequences of a step stand end to end: an activation is `tensor<?x576xf32>`, a row
    per token. A `batch` is `tensor<?x3xi32>`, a row per token row, with three columns:

    | column | meaning |
    |---|---|
    | 0 `position` | the token's position in its sequence, from 0 |
    | 1 `first key` | index of the row that holds the sequence's key 0, among the rows of a keys or values tensor |
    | 2 `key count` | number of keys that the sequence has in this step, its new ones included |

    The keys of row `t` are rows `first_key[t] + j`, `0 <= j < key_count[t]`. One form serves prefill, decoding with a
    cache, encoders, cross-attention (a second batch, over the rows of the encoder) and several sequences at once.

    **Layers.** A layer *kind* is a `func.func` `(x, record, layer, shared...) -> x`; `transformer.repeat` applies it to a run
    of layers. Parameters are symbols with a record per layer of the kind.

    **Numerics.** Scores, softmax, sums and norms are computed in f32 whatever the storage types. A fully masked row of
    `softmax`, `sum_normalize` or `attention` gives zeros. `causal` is bottom-right when the numbers of queries and keys differ:
    it compares positions, and a query's position is `key_count - query_count + i`. A window of `w` sees `w` keys, the
    query's own included.
  }];
  let cppNamespace = "::mlir::transformer";
  let dependentDialects = ["::mlir::tensor::TensorDialect"]; // tensor.dim, where shapes are reified
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
}

#endif // TRANSFORMER_DIALECT
