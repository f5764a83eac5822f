// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The plain operations: what the Builder emits for every model. The fused ones are in TransformerFusedOps.td.

#ifndef TRANSFORMER_OPS
#define TRANSFORMER_OPS

include "dialect/TransformerAttrs.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Transformer_Op<string mnemonic, list<Trait> traits = []> : Op<Transformer_Dialect, mnemonic, traits>;
class Transformer_PureOp<string mnemonic, list<Trait> traits = []>
    : Transformer_Op<mnemonic, !listconcat([Pure, DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>], traits)>;

def Activations : TensorRankOf<[F32], [2, 3]>;      // tokens x features, or tokens x heads x size
def Rows : TensorRankOf<[F32], [2]>;                // tokens x features
def Heads : TensorRankOf<[F32], [3]>;               // tokens x heads x size
def KeyRows : TensorRankOf<[F32, F16, BF16], [3]>;  // key rows x heads x size
def Scores : TensorRankOf<[F32], [3]>;              // tokens x query heads x keys
def Batch : TensorRankOf<[I32], [2]>;               // tokens x 3
def Ids : TensorRankOf<[I32], [1]>;
def Stack_ : TensorRankOf<[F32], [3]>;               // matrices x out x in
def ChosenExperts : TensorRankOf<[I32], [2]>;       // tokens x experts per token
def Weight : RankedTensorOf<[F32]>;                 // static shape, may have a #transformer.stored encoding
def Vector_ : TensorRankOf<[F32], [1]>;
def Matrix : TensorRankOf<[F32], [2]>;

//===-------------------------------------------------- parameters --------------------------------------------------===//

def Transformer_ParameterOp : Transformer_Op<"parameter", [Symbol]> {
  let summary = "A parameter of the model: a symbol that points into a file";
  let description = [{
    Names a weight tensor, or one of the same type for each layer of a kind (`records`). `source` is the tensor's name in the
    model's files; in a layered parameter `{}` stands for the layer, and `layers` gives the layer of each record. Data never
    stands in the IR, except a `value` for small literal parameters of hand-written examples. `transposed` says that the file
    holds the matrix as `[in, out]`.

    A parameter may be part of what the file holds: `rows = [first, length, period, of]` are `length` of every `period` rows from
    `first` on (queries among fused queries, keys and values), or, with period 0, one stretch of `of` rows; `stored_columns` says that the matrix is the first columns
    of so many. A parameter of rank 3 is a stack of matrices `[out, in]` (experts, heads): the tensor is a stack too, or the matrices
    stand one above the other, or `{expert}` in the name stands for the number of the matrix; rows and columns are then those of each.

    `offset` and `stride` are set by the layout stage: where record 0 begins in the packed weights, and the distance between
    records, in bytes.

    Example:
    ```mlir
    transformer.parameter @output : tensor<49152x576xf32, #transformer.stored<q8_0>> source "token_embd.weight"
    transformer.parameter @layer.attn_q : tensor<576x576xf32, #transformer.stored<q4_1>>
        source "blk.{}.attn_q.weight" layers [0, 1, 2]
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<Weight>:$type, OptionalAttr<StrAttr>:$source,
                       OptionalAttr<DenseI64ArrayAttr>:$layers, UnitAttr:$transposed, OptionalAttr<DenseI64ArrayAttr>:$rows,
                       OptionalAttr<I64Attr>:$stored_columns, OptionalAttr<ElementsAttr>:$value,
                       OptionalAttr<I64Attr>:$offset, OptionalAttr<I64Attr>:$stride);
  let assemblyFormat = [{
    $sym_name `:` $type (`source` $source^)? (`layers` $layers^)? (`transposed` $transposed^)? (`rows` $rows^)? (`value` $value^)? attr-dict
  }];
  let extraClassDeclaration = [{
    /// Number of records: one per layer, or 1 for a parameter of the whole model.
    int64_t getRecords() { return getLayers() ? static_cast<int64_t>(getLayers()->size()) : 1; }
    RankedTensorType getTensorType() { return ::llvm::cast<RankedTensorType>(getType()); }
    /// The tensor's name in the model's files for a record; empty for literal parameters.
    std::string getSourceName(int64_t record);
  }];
  let hasVerifier = 1;
}

def Transformer_WeightOp : Transformer_Op<"weight", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "The value of a parameter";
  let description = [{
    Gives the tensor of a parameter; of a layered one, that of record `record`.

    Example: `%w = transformer.weight @layer.attn_q[%record] : tensor<576x576xf32, #transformer.stored<q4_1>>`
  }];
  let arguments = (ins FlatSymbolRefAttr:$parameter, Optional<Index>:$record);
  let results = (outs Weight:$result);
  let assemblyFormat = "$parameter (`[` $record^ `]`)? attr-dict `:` type($result)";
}

def Transformer_RepeatOp : Transformer_Op<"repeat", [DeclareOpInterfaceMethods<SymbolUserOpInterface>, AllTypesMatch<["input", "result"]>]> {
  let summary = "Applies a layer kind to a run of layers";
  let description = [{
    Calls `layer` for `count` layers, each taking the previous one's result: for i in [0, count)
    `x = layer(x, record + i, first + i, shared...)`, where `record` counts the layers of this kind (it selects parameters) and
    `first` is the index of the run's first layer in the model (it selects the cache's layer and names taps). A run that
    another goes on with becomes one with it.

    Example: `%y = transformer.repeat @layer (%x, %batch, %cache) {count = 30 : i64, first = 0 : i64, record = 0 : i64} : (tensor<?x576xf32>, tensor<?x3xi32>, !transformer.cache<30 x 3 x 64 x 64 x f16>) -> tensor<?x576xf32>`
  }];
  let arguments = (ins FlatSymbolRefAttr:$layer, Activations:$input, Variadic<AnyType>:$shared,
                       I64Attr:$record, I64Attr:$first, I64Attr:$count);
  let results = (outs Activations:$result);
  let assemblyFormat = "$layer `(` $input (`,` $shared^)? `)` attr-dict `:` functional-type(operands, results)";
  let hasCanonicalizer = 1;
  let hasVerifier = 1;
}

//===-------------------------------------------------- embeddings --------------------------------------------------===//

def Transformer_EmbedOp : Transformer_PureOp<"embed"> {
  let summary = "Static embedding: rows of a table";
  let description = [{
    `result[t] = table[ids[t]]`. Ids are below the table's number of rows: who feeds them checks it.

    Example: `%x = transformer.embed %ids, %table : (tensor<?xi32>, tensor<49152x576xf32>) -> tensor<?x576xf32>`
  }];
  let arguments = (ins Ids:$ids, Matrix:$table);
  let results = (outs Rows:$result);
  let assemblyFormat = "$ids `,` $table attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Transformer_PositionsOp : Transformer_PureOp<"positions"> {
  let summary = "The positions of a batch, as ids of a learned position table";
  let description = [{
    `result[t] = batch[t].position + offset` (OPT and BART tables begin at row 2).

    Example: `%ids = transformer.positions %batch {offset = 2 : i64} : (tensor<?x3xi32>) -> tensor<?xi32>`
  }];
  let arguments = (ins Batch:$batch, DefaultValuedAttr<I64Attr, "0">:$offset);
  let results = (outs Ids:$result);
  let assemblyFormat = "$batch attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Transformer_PositionOp : Transformer_PureOp<"position"> {
  let summary = "Sinusoidal position vectors";
  let description = [{
    The fixed encoding of "Attention Is All You Need": with `n = features / 2`, angle `a_i = position / base^(i / n)`,
    `interleaved` gives `[sin a_0, cos a_0, sin a_1, ...]`, `half_split` (Marian) `[sin a_0 ... sin a_{n-1}, cos a_0 ...]`.
    Added to embeddings by the paper, multiplied in some lectures.

    Example: `%p = transformer.position interleaved %batch {base = 1.0e4 : f64} : (tensor<?x3xi32>) -> tensor<?x512xf32>`
  }];
  let arguments = (ins Transformer_PairingAttr:$pairing, Batch:$batch, DefaultValuedAttr<F64Attr, "1.0e4">:$base);
  let results = (outs Rows:$result);
  let assemblyFormat = "`` $pairing $batch attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Transformer_RotaryTableOp : Transformer_PureOp<"rotary_table"> {
  let summary = "Cosines and sines of the rotation angles of each token";
  let description = [{
    `result[t][0][i] = magnitude * cos(position[t] * frequencies[i])`, `result[t][1][i]` the same with sin; angles in f32, as
    transformers computes them. Every scaling rule (linear, llama3, YaRN, longrope) is a choice of frequencies and magnitude, made by the
    frontend. Computed once per step and shared by all layers. (RoFormer, Su et al. 2021.)

    With `long_frequencies` (longrope, Phi-3) tokens of sequences with more than `switch_length` keys take these instead.

    Example: `%r = transformer.rotary_table %batch {frequencies = array<f32: 1.0, 0.1>} : (tensor<?x3xi32>) -> tensor<?x2x2xf32>`
  }];
  let arguments = (ins Batch:$batch, DenseF32ArrayAttr:$frequencies, DefaultValuedAttr<F64Attr, "1.0">:$magnitude,
                       OptionalAttr<DenseF32ArrayAttr>:$long_frequencies, DefaultValuedAttr<I64Attr, "0">:$switch_length);
  let results = (outs TensorRankOf<[F32], [3]>:$result);
  let assemblyFormat = "$batch attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Transformer_RotaryOp : Transformer_PureOp<"rotary", [AllTypesMatch<["input", "result"]>]> {
  let summary = "Rotary position embedding";
  let description = [{
    Rotates pairs of each head's vector by the table's angles: `(a, b)` becomes `(a cos - b sin, b cos + a sin)`. With `n` frequencies
    the first `2n` elements rotate, the rest pass. Pair `i` is elements `(i, i + n)` when `half_split` (GPT-NeoX, Hugging Face), `(2i, 2i + 1)` when
    `interleaved` (RoFormer, GGUF's Llama).

    Example: `%r = transformer.rotary half_split %q, %table : tensor<?x9x64xf32>, tensor<?x2x32xf32>`
  }];
  let arguments = (ins Transformer_PairingAttr:$pairing, Heads:$input, TensorRankOf<[F32], [3]>:$table);
  let results = (outs Heads:$result);
  let assemblyFormat = "`` $pairing $input `,` $table attr-dict `:` type($input) `,` type($table)";
  let hasVerifier = 1;
}

def Transformer_TemperatureOp : Transformer_PureOp<"temperature", [AllTypesMatch<["input", "result"]>]> {
  let summary = "Attention temperature that grows with the position";
  let description = [{
    `result[t] = input[t] * (1 + scale * log(1 + floor((position[t] + 1) / floor_scale)))` (Llama 4, queries of layers without rotary positions).

    Example: `%r = transformer.temperature %q, %batch {floor_scale = 8.192e3 : f64, scale = 1.0e-1 : f64} : tensor<?x9x64xf32>, tensor<?x3xi32>`
  }];
  let arguments = (ins Heads:$input, Batch:$batch, F64Attr:$floor_scale, F64Attr:$scale);
  let results = (outs Heads:$result);
  let assemblyFormat = "$input `,` $batch attr-dict `:` type($input) `,` type($batch)";
  let hasVerifier = 1;
}

def Transformer_GatherOp : Transformer_PureOp<"gather"> {
  let summary = "Chosen rows";
  let description = [{
    `result[r] = input[rows[r]]`: the rows whose logits are wanted.

    Example: `%y = transformer.gather %x, %rows : (tensor<?x576xf32>, tensor<?xi32>) -> tensor<?x576xf32>`
  }];
  let arguments = (ins Rows:$input, Ids:$rows);
  let results = (outs Rows:$result);
  let assemblyFormat = "$input `,` $rows attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

//===------------------------------------------------ maps and norms ------------------------------------------------===//

def Transformer_NormOp : Transformer_PureOp<"norm", [AttrSizedOperandSegments, AllTypesMatch<["input", "result"]>]> {
  let summary = "RMS or layer normalisation over the last dimension";
  let description = [{
    `result = n * (weight + weight_offset) + bias`, where `n` is
    `rms`: `x / sqrt(mean(x^2) + eps)` (Zhang and Sennrich 2019);
    `layer`: `(x - mean(x)) / sqrt(var(x) + eps)` with the biased variance (Ba et al. 2016).
    Without a weight there is no factor, without a bias no addend. `weight_offset` is 1 for Gemma's files, else 0. On a 3-D input the
    norm is per head. Sums in f32.

    Example: `%n = transformer.norm rms %x weight %w {eps = 1.0e-5 : f64} : tensor<?x576xf32>, tensor<576xf32>`
  }];
  let arguments = (ins Transformer_NormKindAttr:$kind, Activations:$input, Optional<Vector_>:$weight, Optional<Vector_>:$bias,
                       F64Attr:$eps, DefaultValuedAttr<F64Attr, "0.0">:$weight_offset);
  let results = (outs Activations:$result);
  let assemblyFormat = [{
    `` $kind $input (`weight` $weight^ `:` type($weight))? (`bias` $bias^ `:` type($bias))? attr-dict `:` type($input)
  }];
  let hasVerifier = 1;
}

def Transformer_LinearOp : Transformer_PureOp<"linear"> {
  let summary = "Linear map of each row";
  let description = [{
    `result[t][n] = sum_k input[t][k] * weight[n][k] + bias[n]`: the weight is `[out, in]`. Sums in f32 (of products of int8
    blocks where the target keeps block-quantised weights and activations quantised).

    Example: `%q = transformer.linear %x, %w : (tensor<?x576xf32>, tensor<192x576xf32>) -> tensor<?x192xf32>`
  }];
  let arguments = (ins Rows:$input, Matrix:$weight, Optional<Vector_>:$bias);
  let results = (outs Rows:$result);
  let assemblyFormat = "$input `,` $weight (`bias` $bias^)? attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Transformer_HeadLinearOp : Transformer_PureOp<"head_linear"> {
  let summary = "Linear map of each head by a matrix of its own";
  let description = [{
    `result[t][h][n] = sum_k input[t][h][k] * weights[h][n][k]`: latent attention's maps into and out of the compressed space
    (DeepSeek-V2, 2024).

    Example: `%y = transformer.head_linear %x, %w : (tensor<?x16x128xf32>, tensor<16x512x128xf32>) -> tensor<?x16x512xf32>`
  }];
  let arguments = (ins Heads:$input, Stack_:$weights);
  let results = (outs Heads:$result);
  let assemblyFormat = "$input `,` $weights attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Transformer_ActivationOp : Transformer_PureOp<"activation", [AllTypesMatch<["input", "result"]>, Elementwise]> {
  let summary = "Activation function";
  let description = [{
    `silu` x * sigmoid(x); `gelu` the exact (erf) form; `gelu_tanh` its tanh approximation; `quick_gelu` x * sigmoid(1.702 x);
    `relu_squared` max(x, 0)^2.

    Example: `%y = transformer.activation silu %x : tensor<?x1536xf32>`
  }];
  let arguments = (ins Transformer_ActivationAttr:$kind, Activations:$input);
  let results = (outs Activations:$result);
  let assemblyFormat = "`` $kind $input attr-dict `:` type($input)";
  let hasFolder = 1;
}

def Transformer_ScaleOp : Transformer_PureOp<"scale", [AllTypesMatch<["input", "result"]>, Elementwise]> {
  let summary = "Multiplication by a constant";
  let description = [{
    `result = input * factor` (embedding scale of Gemma and Marian, residual multiplier of Granite, logit scale of T5).
    Two scales in a row become one; a factor of 1 folds away.

    Example: `%y = transformer.scale %x {factor = 24.0 : f64} : tensor<?x576xf32>`
  }];
  let arguments = (ins Activations:$input, F64Attr:$factor);
  let results = (outs Activations:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def Transformer_SoftCapOp : Transformer_PureOp<"soft_cap", [AllTypesMatch<["input", "result"]>, Elementwise]> {
  let summary = "Soft cap of scores or logits";
  let description = [{
    `result = cap * tanh(input / cap)` (Gemma 2).

    Example: `%y = transformer.soft_cap %x {cap = 30.0 : f64} : tensor<?x256000xf32>`
  }];
  let arguments = (ins Activations:$input, F64Attr:$cap);
  let results = (outs Activations:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
  let hasVerifier = 1;
}

def Transformer_ScaleRowsOp : Transformer_PureOp<"scale_rows", [AllTypesMatch<["input", "result"]>]> {
  let summary = "Multiplication of each row by a number of its own";
  let description = [{
    `result[t][n] = input[t][n] * factors[t][0]` (the shared expert's gate of Qwen2-MoE).

    Example: `%y = transformer.scale_rows %x, %g : tensor<?x576xf32>, tensor<?x1xf32>`
  }];
  let arguments = (ins Rows:$input, Rows:$factors);
  let results = (outs Rows:$result);
  let assemblyFormat = "$input `,` $factors attr-dict `:` type($input) `,` type($factors)";
  let hasVerifier = 1;
}

//===------------------------------------------------ mixture of experts ----------------------------------------------===//

def Transformer_RouteOp : Transformer_PureOp<"route"> {
  let summary = "Chooses a few experts for each token";
  let description = [{
    From `logits[t][e]` of a router to the `top_k` experts of each token, by descending score, and their weights. Scores are
    `softmax` over all experts, `sigmoid` of each, or the logits themselves with a softmax over the chosen ones alone (`softmax_chosen`).

    Chosen are the experts of the largest `scores + correction_bias` (DeepSeek-V3; without it, of the largest scores); equal ones by the lower index. With
    `groups`, experts form so many consecutive groups of equal size, and only those of the `top_groups` best groups may be chosen: a group counts by its best member (`max`, DeepSeek-V2) or
    by the sum of its two best (`top2_sum`, DeepSeek-V3), correction included; the others count as minus infinity, and so does what is not a number. Weights are the scores
    without the correction, divided by their sum when `renormalize` (unless it is 0), times `scale`. All in f32.

    Example: `%e, %w = transformer.route softmax %logits {top_k = 2 : i64, renormalize} : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)`
  }];
  let arguments = (ins Transformer_RouterScoresAttr:$scores, Rows:$logits, Optional<Vector_>:$correction_bias, I64Attr:$top_k,
                       DefaultValuedAttr<I64Attr, "0">:$groups, DefaultValuedAttr<I64Attr, "0">:$top_groups,
                       DefaultValuedAttr<Transformer_GroupScoreAttr, "::mlir::transformer::GroupScore::max">:$group_score,
                       UnitAttr:$renormalize, DefaultValuedAttr<F64Attr, "1.0">:$scale);
  let results = (outs ChosenExperts:$experts, Rows:$weights);
  let assemblyFormat = "`` $scores $logits (`bias` $correction_bias^)? attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Transformer_ExpertsOp : Transformer_PureOp<"experts", [AttrSizedOperandSegments]> {
  let summary = "Sparse mixture of feed-forward networks";
  let description = [{
    `result[t] = sum_j weights[t][j] * network_{experts[t][j]}(input[t])`, or `sum_j network(weights[t][j] * input[t])` with `weigh_input` (Llama 4). A network is
    `down(activation(gate(x)) * (up(x) + up_offset))`, or `down(activation(up(x)))` without gates. With `limit`, the gate's value is at most the limit and that of up between
    -limit and limit before use (gpt-oss); both are for networks with gates. Weights are stacks of one matrix per expert, biases those of all experts in a row. Only chosen experts are computed, each on
    its own tokens alone. (Shazeer et al. 2017; Fedus et al. 2022.)

    Example: `%y = transformer.experts silu %x, %e, %w gate(%g) up(%u) down(%d) : (tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x96x64xf32>, tensor<8x96x64xf32>, tensor<8x64x96xf32>) -> tensor<?x64xf32>`
  }];
  let arguments = (ins Transformer_ActivationAttr:$activation, Rows:$input, ChosenExperts:$experts, Rows:$weights,
                       Optional<Stack_>:$gate, Optional<Vector_>:$gate_bias, Stack_:$up, Optional<Vector_>:$up_bias,
                       Stack_:$down, Optional<Vector_>:$down_bias, UnitAttr:$weigh_input,
                       DefaultValuedAttr<F64Attr, "0.0">:$limit, DefaultValuedAttr<F64Attr, "0.0">:$up_offset);
  let results = (outs Rows:$result);
  let assemblyFormat = [{
    `` $activation $input `,` $experts `,` $weights (`gate` `(` $gate^ (`,` $gate_bias^)? `)`)? `up` `(` $up (`,` $up_bias^)? `)`
    `down` `(` $down (`,` $down_bias^)? `)` attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

//===--------------------------------------------- attention in its parts -------------------------------------------===//

def Transformer_CacheUpdateOp : Transformer_Op<"cache_update", [DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "Stores the keys and values of the step's tokens, gives those of every row";
  let description = [{
    Writes `keys[t]` and `values[t]` to row `first_key[t] + position[t]` of layer `layer` and gives the layer's tables: keys and values of each sequence
    so far. Elements are rounded as the cache's type says.

    Example:
    ```mlir
    %K, %V = transformer.cache_update %cache[%layer], %k, %v, %batch : !transformer.cache<30 x 3 x 64 x 64 x f16>,
        tensor<?x3x64xf32>, tensor<?x3x64xf32>, tensor<?x3xi32> -> tensor<?x3x64xf16>, tensor<?x3x64xf16>
    ```
  }];
  let arguments = (ins Arg<Transformer_CacheType, "", [MemRead, MemWrite]>:$cache, Index:$layer, Heads:$keys, Heads:$values, Batch:$batch);
  let results = (outs KeyRows:$key_rows, KeyRows:$value_rows);
  let assemblyFormat = [{
    $cache `[` $layer `]` `,` $keys `,` $values `,` $batch attr-dict `:` qualified(type($cache)) `,` type($keys) `,` type($values) `,` type($batch)
    `->` type($key_rows) `,` type($value_rows)
  }];
  let hasVerifier = 1;
}

def Transformer_CacheReadOp : Transformer_Op<"cache_read", [DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "Gives the keys and values that a layer of a cache holds";
  let description = [{
    The tables that `cache_update` gives, without storing anything: what cross-attention reads, whose keys and values an encoder's entry has stored.

    Example:
    ```mlir
    %K, %V = transformer.cache_read %cache[%layer] : !transformer.cache<6 x 8 x 64 x 64 x f32> -> tensor<?x8x64xf32>, tensor<?x8x64xf32>
    ```
  }];
  let arguments = (ins Arg<Transformer_CacheType, "", [MemRead]>:$cache, Index:$layer);
  let results = (outs KeyRows:$key_rows, KeyRows:$value_rows);
  let assemblyFormat = "$cache `[` $layer `]` attr-dict `:` qualified(type($cache)) `->` type($key_rows) `,` type($value_rows)";
  let hasVerifier = 1;
}

def Transformer_ScoresOp : Transformer_Op<"scores", [Pure,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes", "reifyDimOfResult"]>]> {
  let summary = "Attention scores: queries times keys";
  let description = [{
    `result[t][h][j] = scale * sum_d queries[t][h][d] * keys[first_key[t] + j][h / group][d]` for `j < key_count[t]`, 0 past it, with
    `group = query heads / key heads` (grouped-query attention: a key head serves consecutive query heads). The last
    dimension is the largest key count of the batch. A scale of the queries or of the result joins `scale`.

    Example: `%s = transformer.scores %q, %K, %batch {scale = 0.125 : f64} : (tensor<?x9x64xf32>, tensor<?x3x64xf16>, tensor<?x3xi32>) -> tensor<?x9x?xf32>`
  }];
  let arguments = (ins Heads:$queries, KeyRows:$keys, Batch:$batch, DefaultValuedAttr<F64Attr, "1.0">:$scale);
  let results = (outs Scores:$result);
  let assemblyFormat = "$queries `,` $keys `,` $batch attr-dict `:` functional-type(operands, results)";
  let hasCanonicalizer = 1;
  let hasVerifier = 1;
}

def Transformer_MaskOp : Transformer_PureOp<"mask", [AllTypesMatch<["scores", "result"]>]> {
  let summary = "Hides the keys that a query must not see";
  let description = [{
    Scores of keys that the mask hides, and of keys past `key_count`, become minus infinity: by selection, never by adding a large number. Two masks in a row become one where one can say both.

    Example: `%m = transformer.mask %s, %batch {mask = #transformer.mask<causal = true>} : tensor<?x9x?xf32>, tensor<?x3xi32>`
  }];
  let arguments = (ins Scores:$scores, Batch:$batch, Transformer_MaskAttr:$mask);
  let results = (outs Scores:$result);
  let assemblyFormat = "$scores `,` $batch attr-dict `:` type($scores) `,` type($batch)";
  let hasCanonicalizer = 1;
  let hasVerifier = 1;
}

def Transformer_DistanceBiasOp : Transformer_PureOp<"distance_bias"> {
  let summary = "Learned score bias of each distance between key and query";
  let description = [{
    Spreads T5's table of `buckets` x heads over distances: `result[h][max_distance + d]` is the bias of head `h` for `d = key index - query position` from
    `-max_distance` to `max_distance`; farther keys have that of the ends. (Raffel et al. 2020.) Of the buckets, those of
    `bidirectional` attention serve later keys (`d > 0`) by their upper half. Within `n` buckets of a direction, distances below
    `n / 2` have one each, larger ones share `n / 2 + trunc(log(d / (n / 2)) / log(max_distance / (n / 2)) * (n - n / 2))`, at most `n - 1`, in f32. Without `bidirectional`, later keys have bucket 0.
    Computed once per step and shared by all layers.

    Example: `%b = transformer.distance_bias %table {buckets = 32 : i64, max_distance = 128 : i64, bidirectional} : (tensor<256xf32>) -> tensor<8x257xf32>`
  }];
  let arguments = (ins Vector_:$table, I64Attr:$buckets, I64Attr:$max_distance, UnitAttr:$bidirectional);
  let results = (outs Matrix:$result);
  let assemblyFormat = "$table attr-dict `:` functional-type(operands, results)";
  let extraClassDeclaration = [{
    /// The row of the table that serves a distance from -max_distance to max_distance.
    int64_t bucketOf(int64_t distance);
  }];
  let hasVerifier = 1;
}

def Transformer_RelativeBiasOp : Transformer_PureOp<"relative_bias", [AllTypesMatch<["scores", "result"]>]> {
  let summary = "Adds a bias that depends on the distance of key and query";
  let description = [{
    `result[t][h][j] = scores[t][h][j] + bias[h][max_distance + clamp(j - position[t])]`, the distance clamped to at most `max_distance` either way, with `bias` from
    `distance_bias` (of `2 * max_distance + 1` columns).

    Example: `%r = transformer.relative_bias %s, %bias, %batch : tensor<?x8x?xf32>, tensor<8x257xf32>, tensor<?x3xi32>`
  }];
  let arguments = (ins Scores:$scores, Matrix:$bias, Batch:$batch);
  let results = (outs Scores:$result);
  let assemblyFormat = "$scores `,` $bias `,` $batch attr-dict `:` type($scores) `,` type($bias) `,` type($batch)";
  let hasVerifier = 1;
}

def Transformer_SoftmaxOp : Transformer_PureOp<"softmax", [AllTypesMatch<["scores", "result"]>]> {
  let summary = "Softmax over the keys";
  let description = [{
    `exp(s_j - max) / sum`; hidden keys (minus infinity) get 0, a row without a visible key is all zeros. With `sinks` (gpt-oss) each
    head's sink joins the maximum and the sum, and its share is dropped.

    Example: `%p = transformer.softmax %m : tensor<?x9x?xf32>`
  }];
  let arguments = (ins Scores:$scores, Optional<Vector_>:$sinks);
  let results = (outs Scores:$result);
  let assemblyFormat = "$scores (`sinks` $sinks^ `:` type($sinks))? attr-dict `:` type($scores)";
  let hasVerifier = 1;
}

def Transformer_SumNormalizeOp : Transformer_PureOp<"sum_normalize", [AllTypesMatch<["scores", "result"]>]> {
  let summary = "Scores divided by their sum";
  let description = [{
    The lecture's simple normalisation: `s_j / sum_i s_i` over the visible keys; hidden keys get 0, a row without a visible key or with sum 0 is all zeros.

    Example: `%p = transformer.sum_normalize %m : tensor<?x1x?xf32>`
  }];
  let arguments = (ins Scores:$scores);
  let results = (outs Scores:$result);
  let assemblyFormat = "$scores attr-dict `:` type($scores)";
}

def Transformer_WeightedSumOp : Transformer_PureOp<"weighted_sum"> {
  let summary = "Values weighted by attention";
  let description = [{
    `result[t][h] = sum_j weights[t][h][j] * values[first_key[t] + j][h / group]` over `j < key_count[t]`.

    Example: `%o = transformer.weighted_sum %p, %V, %batch : (tensor<?x9x?xf32>, tensor<?x3x64xf16>, tensor<?x3xi32>) -> tensor<?x9x64xf32>`
  }];
  let arguments = (ins Scores:$weights, KeyRows:$values, Batch:$batch);
  let results = (outs Heads:$result);
  let assemblyFormat = "$weights `,` $values `,` $batch attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def TapResource : Resource<"::mlir::transformer::TapResource">;

def Transformer_TapOp : Transformer_Op<"tap", [MemoryEffects<[MemWrite<TapResource>]>]> {
  let summary = "Makes a value inside the model visible outside";
  let description = [{
    Gives `value` the name `name` (and layer `layer`) among the program's outputs: hidden states, attention weights, routing. The entry
    without taps drops these operations; the entry with taps stores each value.

    Example: `transformer.tap "attentions"[%layer], %p : tensor<?x9x?xf32>`
  }];
  let arguments = (ins StrAttr:$name, Optional<Index>:$layer, AnyRankedTensor:$value);
  let assemblyFormat = "$name (`[` $layer^ `]`)? `,` $value attr-dict `:` type($value)";
}

#endif // TRANSFORMER_OPS
