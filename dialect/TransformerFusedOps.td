// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Operations that arise by fusion from the plain ones; each says which.

#ifndef TRANSFORMER_FUSED_OPS
#define TRANSFORMER_FUSED_OPS

include "dialect/TransformerOps.td"

def Transformer_AttentionOp : Transformer_PureOp<"attention", [AttrSizedOperandSegments]> {
  let summary = "Attention without a matrix of scores";
  let description = [{
    `weighted_sum(normalizer(mask(relative_bias(soft_cap(scores(queries, keys))))), values)`, computed over tiles of keys with an online softmax
    (Milakov and Gimelshein 2018; Dao et al. 2022): the running maximum starts finite, scores and sums are f32, a row without a visible key is
    zeros. `soft_cap` 0 means none; without `bias` (from `distance_bias`) there is no relative bias. The result has the values' head size.

    Example: `%o = transformer.attention %q, %K, %V, %batch {mask = #transformer.mask<causal = true>, scale = 0.125 : f64} : (tensor<?x9x64xf32>, tensor<?x3x64xf16>, tensor<?x3x64xf16>, tensor<?x3xi32>) -> tensor<?x9x64xf32>`
  }];
  let arguments = (ins Heads:$queries, KeyRows:$keys, KeyRows:$values, Batch:$batch, Optional<Vector_>:$sinks, Optional<Matrix>:$bias,
                       Transformer_MaskAttr:$mask, DefaultValuedAttr<F64Attr, "1.0">:$scale, DefaultValuedAttr<F64Attr, "0.0">:$soft_cap,
                       DefaultValuedAttr<Transformer_NormalizerAttr, "::mlir::transformer::Normalizer::softmax">:$normalizer);
  let results = (outs Heads:$result);
  let assemblyFormat = [{
    $queries `,` $keys `,` $values `,` $batch (`sinks` `(` $sinks^ `)`)? (`bias` `(` $bias^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Transformer_ResidualNormOp : Transformer_PureOp<"residual_norm", [AttrSizedOperandSegments, AllTypesMatch<["residual", "update", "sum", "result"]>]> {
  let summary = "Residual addition followed by a norm";
  let description = [{
    `sum = residual + update`, `result = norm(sum)` as `transformer.norm` defines it. Both are results: pre-norm models go on with both,
    post-norm models only with the second.

    Example: `%z, %n = transformer.residual_norm rms %x, %y weight %w : tensor<576xf32> {eps = 1.0e-5 : f64} : tensor<?x576xf32>`
  }];
  let arguments = (ins Transformer_NormKindAttr:$kind, Rows:$residual, Rows:$update, Optional<Vector_>:$weight, Optional<Vector_>:$bias,
                       F64Attr:$eps, DefaultValuedAttr<F64Attr, "0.0">:$weight_offset);
  let results = (outs Rows:$sum, Rows:$result);
  let assemblyFormat = [{
    `` $kind $residual `,` $update (`weight` $weight^ `:` type($weight))? (`bias` $bias^ `:` type($bias))? attr-dict `:` type($residual)
  }];
  let hasVerifier = 1;
}

def Transformer_LinearSplitOp : Transformer_PureOp<"linear_split", [AttrSizedOperandSegments]> {
  let summary = "Several linear maps of one input";
  let description = [{
    One product for all of `weights` (queries, keys and values of attention): `results[i] = linear(input, weights[i], biases[i])`. There are no
    biases, or one per weight.

    Example: `%q, %k, %v = transformer.linear_split %x weights(%wq, %wk, %wv) : (tensor<?x576xf32>, tensor<576x576xf32>, tensor<192x576xf32>, tensor<192x576xf32>) -> (tensor<?x576xf32>, tensor<?x192xf32>, tensor<?x192xf32>)`
  }];
  let arguments = (ins Rows:$input, Variadic<Matrix>:$weights, Variadic<Vector_>:$biases);
  let results = (outs Variadic<Rows>:$results);
  let assemblyFormat = "$input `weights` `(` $weights `)` (`biases` `(` $biases^ `)`)? attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Transformer_FfnOp : Transformer_PureOp<"ffn", [AttrSizedOperandSegments]> {
  let summary = "Feed-forward network";
  let description = [{
    Plain: `down(activation(up(x)))`. Gated (Shazeer 2020), when `gate` is given: `down(activation(gate(x)) * up(x))`. Each map may have a bias.

    Example: `%y = transformer.ffn silu %x gate(%g) up(%u) down(%d) : (tensor<?x576xf32>, tensor<1536x576xf32>, tensor<1536x576xf32>, tensor<576x1536xf32>) -> tensor<?x576xf32>`
  }];
  let arguments = (ins Transformer_ActivationAttr:$activation, Rows:$input, Optional<Matrix>:$gate, Optional<Vector_>:$gate_bias,
                       Matrix:$up, Optional<Vector_>:$up_bias, Matrix:$down, Optional<Vector_>:$down_bias);
  let results = (outs Rows:$result);
  let assemblyFormat = [{
    `` $activation $input (`gate` `(` $gate^ (`,` $gate_bias^)? `)`)? `up` `(` $up (`,` $up_bias^)? `)` `down` `(` $down (`,` $down_bias^)? `)`
    attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif // TRANSFORMER_FUSED_OPS
