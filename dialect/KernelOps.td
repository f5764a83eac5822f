// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef KERNEL_OPS
#define KERNEL_OPS

include "dialect/KernelDialect.td"
include "dialect/TransformerAttrs.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/TilingInterface.td"
include "mlir/IR/SymbolInterfaces.td"

class Kernel_Op<string mnemonic, list<Trait> traits = []> : Op<Kernel_Dialect, mnemonic, traits>;

/// Destination-passing style, on tensors or memrefs.
class Kernel_DpsOp<string mnemonic, list<Trait> traits = []> : Kernel_Op<mnemonic, !listconcat([
    DestinationStyleOpInterface, DeclareOpInterfaceMethods<MemoryEffectsOpInterface>], traits)>;

def F32Shaped : AnyTypeOf<[TensorOf<[F32]>, MemRefOf<[F32]>]>;
def I32Shaped : AnyTypeOf<[TensorOf<[I32]>, MemRefOf<[I32]>]>;
def I8Shaped : AnyTypeOf<[TensorOf<[I8]>, MemRefOf<[I8]>]>;
def Panels : MemRefRankOf<[I8], [2]>;
def KeyMemory : MemRefRankOf<[F32, F16, BF16, I8], [4]>;
def ValueMemory : MemRefRankOf<[F32, F16, BF16, I8], [3]>;
def CacheScales : MemRefRankOf<[F32], [3]>;
defvar Tileable = DeclareOpInterfaceMethods<TilingInterface, ["getLoopIteratorTypes", "getIterationDomain", "getTiledImplementation", "getResultTilePosition"]>;

def Kernel_QuantizeOp : Kernel_DpsOp<"quantize", [Tileable]> {
  let summary = "Activations to int8, a scale for each 64 columns or for each row";
  let description = [{
    For each row and 64 columns: `scale = max |x| / 127`, `codes = round(x * (1 / scale))` (ties to even; where the scale
    is no normal number, as for zeros, scale and codes are 0). For each `group` columns of a block of 32 `sums = -128 * sum of codes`, which multiplies
    weights' minima and zero points: products with unsigned bytes, whose zero is 128, begin with it. Columns past K count as 0.

    Where `scales` has one column, that is the whole row's scale, and the last of the sums is the row's.

    With `outliers`, a matrix of `2 n` columns, `n` large elements of each row are taken out first and kept as they are: of the largest elements whose column's number has the same remainder by 16 the `n` largest, or the largest alone if `n` is 1. Their values are in the first `n` columns, their
    places in the others. A few elements of a Transformer's activations are many times larger than the rest (Dettmers et al. 2022); in a block with such
    a one the others would lose most of their bits.

    Example: `kernel.quantize ins(%x : tensor<?x576xf32>) outs(%c, %s, %m : tensor<?x576xi8>, tensor<?x9xf32>, tensor<?x18xf32>) -> ...`
  }];
  let arguments = (ins F32Shaped:$input, I8Shaped:$codes, F32Shaped:$scales, F32Shaped:$sums, Optional<F32Shaped>:$outliers);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `ins` `(` $input `:` type($input) `)` `outs` `(` $codes `,` $scales `,` $sums `:` type($codes) `,` type($scales) `,` type($sums) `)`
    (`outliers` `(` $outliers^ `:` type($outliers) `)`)? attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    MutableOperandRange getDpsInitsMutable() { return MutableOperandRange(*this, 1, getOutliers() ? 4 : 3); }
    bool isScaledByRow() { return ::llvm::cast<::mlir::ShapedType>(getScales().getType()).getDimSize(1) == 1; }
  }];
  let hasVerifier = 1;
}

defvar ProductInterface = [{
    MutableOperandRange getDpsInitsMutable() { return getOutputMutable(); }
    bool isQuantized() { return static_cast<bool>(getScales()); }
    /// The column of the sums that is a row's, where it has one scale.
    int64_t sumOfRow() { return ::llvm::cast<::mlir::ShapedType>(getSums().getType()).getDimSize(1) - 1; }
    /// Whether each row of the quantised input has one scale.
    bool isScaledByRow() { return isQuantized() && ::llvm::cast<::mlir::ShapedType>(getScales().getType()).getDimSize(1) == 1; }
}];

def Kernel_LinearOp : Kernel_DpsOp<"linear", [AttrSizedOperandSegments, Tileable, SingleBlock]> {
  let summary = "Products with packed weights, combined elementwise";
  let description = [{
    For each weight `w_i`: `p_i[t][n] = sum_k input[t][k] * w_i[n][k]` in f32; then `output[t][n] = epilogue(p_0[t][n], ..., extras_0, ...)`. An extra is a vector
    `[N]` (a bias) or a matrix `[T, N]` (a residual). The epilogue is a region of elementwise scalar operations that is vectorised with the
    product: bias, activation, gating, residual addition cost no pass over memory of their own.

    The input is f32, or int8 codes with `quantized(scales, sums)`, perhaps `outliers`, from `kernel.quantize`; then the weights are `i8` or `u4` blocks and the inner
    product is integer: products of a block of weights are scaled by theirs, those of 64 columns by the input's. All weights have the same N, K and format. With a scale for each
    row of the input it may round weights to 8 bits with one scale for each of their rows; with `u8` weights, which need such an input and are stored so, products of all columns
    are integers.

    Example:
    ```mlir
    %o = kernel.linear input(%x : tensor<?x576xf32>) weights(%g, %u : memref<96x10240xi8>, memref<96x10240xi8>) outs(%e : tensor<?x1536xf32>)
        format(#kernel.packed<codes = u4, group = 32, scale = f16, min = true>) columns(576) {
    ^bb0(%gate: f32, %up: f32):
      ...
      kernel.yield %r : f32
    } -> tensor<?x1536xf32>
    ```
  }];
  let arguments = (ins AnyTypeOf<[F32Shaped, I8Shaped]>:$input, Optional<F32Shaped>:$scales, Optional<F32Shaped>:$sums, Optional<F32Shaped>:$outliers,
                       Variadic<Panels>:$weights, Variadic<F32Shaped>:$extras, F32Shaped:$output,
                       Kernel_PackedAttr:$format, I64Attr:$columns);
  let results = (outs Optional<AnyRankedTensor>:$result);
  let regions = (region SizedRegion<1>:$epilogue);
  let assemblyFormat = [{
    `input` `(` $input `:` type($input) `)` (`quantized` `(` $scales^ `,` $sums `:` type($scales) `,` type($sums) `)`)? (`outliers` `(` $outliers^ `:` type($outliers) `)`)?
    `weights` `(` $weights `:` type($weights) `)` (`extras` `(` $extras^ `:` type($extras) `)`)? `outs` `(` $output `:` type($output) `)`
    `format` `(` $format `)` `columns` `(` $columns `)` attr-dict-with-keyword $epilogue (`->` type($result)^)?
  }];
  let extraClassDeclaration = ProductInterface;
  let hasVerifier = 1;
}

def Kernel_GroupedLinearOp : Kernel_DpsOp<"grouped_linear", [AttrSizedOperandSegments, Tileable, SingleBlock]> {
  let summary = "Products of stretches of rows, each with a matrix of its own";
  let description = [{
    `kernel.linear` for experts: each weight is a stack of matrices, matrix `e` being the panels from `e * ceil(N / 16)` on, and each extra the
    vectors `[N]` of all matrices in a row. Of the `count` first rows of `blocks` (from `kernel.dispatch`), each says (matrix, first row, rows):
    these rows of the input meet that matrix. Rows in no block are not computed.

    A tile is a block and some columns, and becomes a `kernel.linear`: the work is shared out by rows and columns, whatever the number of matrices.

    Example:
    ```mlir
    %o = kernel.grouped_linear input(%x : tensor<?x64xf32>) blocks(%blocks, %count : tensor<?x3xi32>, tensor<1xi32>) weights(%w : memref<48x4096xi8>)
        outs(%e : tensor<?x96xf32>) format(<codes = f32>) columns(64) {
    ^bb0(%product: f32):
      kernel.yield %product : f32
    } -> tensor<?x96xf32>
    ```
  }];
  let arguments = (ins AnyTypeOf<[F32Shaped, I8Shaped]>:$input, Optional<F32Shaped>:$scales, Optional<F32Shaped>:$sums, Optional<F32Shaped>:$outliers,
                       I32Shaped:$blocks, I32Shaped:$count, Variadic<Panels>:$weights, Variadic<F32Shaped>:$extras, F32Shaped:$output,
                       Kernel_PackedAttr:$format, I64Attr:$columns);
  let results = (outs Optional<AnyRankedTensor>:$result);
  let regions = (region SizedRegion<1>:$epilogue);
  let assemblyFormat = [{
    `input` `(` $input `:` type($input) `)` (`quantized` `(` $scales^ `,` $sums `:` type($scales) `,` type($sums) `)`)? (`outliers` `(` $outliers^ `:` type($outliers) `)`)?
    `blocks` `(` $blocks `,` $count `:` type($blocks) `,` type($count) `)` `weights` `(` $weights `:` type($weights) `)`
    (`extras` `(` $extras^ `:` type($extras) `)`)? `outs` `(` $output `:` type($output) `)`
    `format` `(` $format `)` `columns` `(` $columns `)` attr-dict-with-keyword $epilogue (`->` type($result)^)?
  }];
  let extraClassDeclaration = ProductInterface;
  let hasVerifier = 1;
}

def Kernel_RouteOp : Kernel_DpsOp<"route", [Tileable]> {
  let summary = "Chooses a few experts for each token";
  let description = [{
    `transformer.route`; as many experts are chosen as the outputs have columns.

    Example: `%e, %w = kernel.route softmax ins(%logits : tensor<?x8xf32>) outs(%i, %o : tensor<?x2xi32>, tensor<?x2xf32>) {renormalize} -> tensor<?x2xi32>, tensor<?x2xf32>`
  }];
  let arguments = (ins Transformer_RouterScoresAttr:$scores, F32Shaped:$logits, Optional<F32Shaped>:$correction_bias,
                       I32Shaped:$experts, F32Shaped:$weights, DefaultValuedAttr<I64Attr, "0">:$groups,
                       DefaultValuedAttr<I64Attr, "0">:$top_groups,
                       DefaultValuedAttr<Transformer_GroupScoreAttr, "::mlir::transformer::GroupScore::max">:$group_score,
                       UnitAttr:$renormalize, DefaultValuedAttr<F64Attr, "1.0">:$scale);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `` $scores `ins` `(` $logits `:` type($logits) `)` (`bias` `(` $correction_bias^ `:` type($correction_bias) `)`)?
    `outs` `(` $experts `,` $weights `:` type($experts) `,` type($weights) `)` attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    MutableOperandRange getDpsInitsMutable() { return MutableOperandRange(*this, getCorrectionBias() ? 2 : 1, 2); }
  }];
  let hasVerifier = 1;
}

def Kernel_DispatchOp : Kernel_DpsOp<"dispatch"> {
  let summary = "Orders the choices of a step's tokens by expert";
  let description = [{
    Choice `c = t * k + j` is the `j`th expert of token `t`. In the order of the experts, those of one expert by `c`, choice `c` stands at place
    `places[t][j]`, and at place `p` stands choice `sources[p / k][p % k]`. The places of one expert are cut into blocks of at most `rows`: the `count` first rows
    of `blocks` are (expert, first place, places). Experts that nobody chose have none.

    Example: `%p, %s, %b, %n = kernel.dispatch ins(%e : tensor<?x2xi32>) outs(%0, %1, %2, %3 : tensor<?x2xi32>, tensor<?x2xi32>, tensor<?x3xi32>, tensor<1xi32>) {experts = 8 : i64, rows = 96 : i64} -> ...`
  }];
  let arguments = (ins I32Shaped:$chosen, I32Shaped:$places, I32Shaped:$sources, I32Shaped:$blocks, I32Shaped:$count,
                       I64Attr:$experts, I64Attr:$rows);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `ins` `(` $chosen `:` type($chosen) `)` `outs` `(` $places `,` $sources `,` $blocks `,` $count `:` type($places) `,` type($sources) `,` type($blocks) `,` type($count) `)`
    attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    MutableOperandRange getDpsInitsMutable() { return MutableOperandRange(*this, 1, 4); }
  }];
  let hasVerifier = 1;
}

def Kernel_YieldOp : Kernel_Op<"yield", [Pure, Terminator, ReturnLike, ParentOneOf<["LinearOp", "GroupedLinearOp"]>]> {
  let summary = "Result of an epilogue";
  let description = "Example: `kernel.yield %r : f32`";
  let arguments = (ins F32:$value);
  let assemblyFormat = "$value attr-dict `:` type($value)";
}

def Kernel_EmbedOp : Kernel_DpsOp<"embed", [Tileable]> {
  let summary = "Rows of a packed table";
  let description = [{
    `output[t] = table[ids[t]]`, dequantised from panels: a tied head and the embedding share one copy of the weights. Tiles over tokens.

    Example: `kernel.embed ins(%ids : tensor<?xi32>) table(%t : memref<3072x9792xi8>) outs(%o : tensor<?x576xf32>) format(#kernel.packed<codes = i8, group = 32, scale = f16>) -> tensor<?x576xf32>`
  }];
  let arguments = (ins I32Shaped:$ids, Panels:$table, F32Shaped:$output, Kernel_PackedAttr:$format);
  let results = (outs Optional<AnyRankedTensor>:$result);
  let assemblyFormat = [{
    `ins` `(` $ids `:` type($ids) `)` `table` `(` $table `:` type($table) `)` `outs` `(` $output `:` type($output) `)` `format` `(` $format `)`
    attr-dict (`->` type($result)^)?
  }];
  let extraClassDeclaration = [{ MutableOperandRange getDpsInitsMutable() { return getOutputMutable(); } }];
}

def Kernel_LikeliestOp : Kernel_Op<"likeliest", [AttrSizedOperandSegments, DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "The largest elements of each row, by their columns";
  let description = [{
    `tokens[i][j]` is the column of the element of `logits[i]` that j others come before: larger ones, and of equal ones those with a lower column. That is what the next token is
    chosen from; of one column, what greedy decoding chooses. Minus infinity is never chosen: places for which nothing is left hold -1. So does the first place of a row
    from which nothing can be chosen, or not by comparing: it holds a NaN or infinity, or nothing but minus infinity. Whoever asked has to look at the row itself then.

    One column is all there is without `temperatures`. With them `values[i][j]` is the element itself, minus infinity where there is none, and the last column of `values[i]` the row's
    mass, `sum_n exp((logits[i][n] - values[i][0]) / temperatures[i])`: what probabilities are relative to. A slice of at most 2048 elements of the row leaves its own largest elements
    in `partial_tokens[i][slice]` and its mass, relative to its own largest, in `partial_masses[i][slice]`.

    Examples:
    ```mlir
    kernel.likeliest ins(%l : memref<?x49152xf32>) outs(%t : memref<?x1xi32>)
    kernel.likeliest ins(%l : memref<?x49152xf32>) temperatures(%T : memref<?xf32>) partials(%pt, %pm : memref<?x24x64xi32>, memref<?x24xf32>)
      outs(%t : memref<?x64xi32>) values(%v : memref<?x65xf32>)
    ```
  }];
  let arguments = (ins MemRefRankOf<[F32], [2]>:$logits, Optional<MemRefRankOf<[F32], [1]>>:$temperatures, Optional<MemRefRankOf<[I32], [3]>>:$partial_tokens,
                       Optional<MemRefRankOf<[F32], [2]>>:$partial_masses, MemRefRankOf<[I32], [2]>:$tokens, Optional<MemRefRankOf<[F32], [2]>>:$values);
  let assemblyFormat = [{
    `ins` `(` $logits `:` type($logits) `)` (`temperatures` `(` $temperatures^ `:` type($temperatures) `)`)?
    (`partials` `(` $partial_tokens^ `,` $partial_masses `:` type($partial_tokens) `,` type($partial_masses) `)`)?
    `outs` `(` $tokens `:` type($tokens) `)` (`values` `(` $values^ `:` type($values) `)`)? attr-dict
  }];
  let extraClassDeclaration = [{
    static constexpr int64_t kSlice = 2048; ///< the most elements of a slice
    int64_t getCount() { return getTokens().getType().getDimSize(1); }
  }];
  let hasVerifier = 1;
}

def Kernel_CacheUpdateOp : Kernel_Op<"cache_update", [AttrSizedOperandSegments, DeclareOpInterfaceMethods<MemoryEffectsOpInterface>, Tileable]> {
  let summary = "Writes the step's keys and values into the cache";
  let description = [{
    For token row t, `row = batch[t].first_key + batch[t].position`: `key_memory[row / 16][h][d][row % 16] = keys[t][h][d]`, `value_memory[row][h][d] = values[t][h][d]`, rounded to
    the cache's type. With a cache of `i8` the scale of a head's keys goes to `key_scales[row / 16][h][row % 16]`, that of its values to `value_scales` alike, and codes take the
    elements' places. Tiles over tokens.

    Example: `kernel.cache_update %k, %v, %batch into %K, %V : tensor<?x3x64xf32>, tensor<?x3x64xf32>, tensor<?x3xi32>, memref<?x3x64x16xf16>, memref<?x3x64xf16>`
  }];
  let arguments = (ins F32Shaped:$keys, F32Shaped:$values, I32Shaped:$batch, KeyMemory:$key_memory, ValueMemory:$value_memory,
                       Optional<CacheScales>:$key_scales, Optional<CacheScales>:$value_scales);
  let assemblyFormat = [{
    $keys `,` $values `,` $batch `into` $key_memory `,` $value_memory (`scales` `(` $key_scales^ `,` $value_scales `:` type($key_scales) `,` type($value_scales) `)`)? attr-dict
    `:` type($keys) `,` type($values) `,` type($batch) `,` type($key_memory) `,` type($value_memory)
  }];
  let hasVerifier = 1;
}

def Kernel_AttentionOp : Kernel_DpsOp<"attention", [AttrSizedOperandSegments, Tileable]> {
  let summary = "Attention over the cache with an online softmax";
  let description = [{
    `transformer.attention` on the physical cache. Queries `[T, heads, key size]`, output `[T, heads, value size]`; query heads that share a key head are consecutive.
    Tiles over tokens and over key heads. A cache of `i8` comes with the scales of its keys and values, `[groups, heads, 16]`.

    With `partials`, `[few, heads, slices, 2 + value size]`, attention of at most `few` tokens may go by slices of the keys, each of which leaves there its largest score, the sum of
    its weights and its weighted sum of values, to be combined afterwards (Flash-Decoding, Dao et al. 2023): a long context keeps many blocks of a device busy with one token.

    Example: `kernel.attention ins(%q, %batch : tensor<?x9x64xf32>, tensor<?x3xi32>) cache(%K, %V : memref<?x3x64x16xf16>, memref<?x3x64xf16>) outs(%o : tensor<?x9x64xf32>) {mask = #transformer.mask<causal = true>, scale = 0.125 : f64} -> tensor<?x9x64xf32>`
  }];
  let arguments = (ins F32Shaped:$queries, I32Shaped:$batch, KeyMemory:$key_memory, ValueMemory:$value_memory,
                       Optional<CacheScales>:$key_scales, Optional<CacheScales>:$value_scales, Optional<F32Shaped>:$sinks, Optional<F32Shaped>:$bias, Optional<MemRefRankOf<[F32], [4]>>:$partials, F32Shaped:$output,
                       Transformer_MaskAttr:$mask, F64Attr:$scale, DefaultValuedAttr<F64Attr, "0.0">:$soft_cap,
                       DefaultValuedAttr<Transformer_NormalizerAttr, "::mlir::transformer::Normalizer::softmax">:$normalizer);
  let results = (outs Optional<AnyRankedTensor>:$result);
  let assemblyFormat = [{
    `ins` `(` $queries `,` $batch `:` type($queries) `,` type($batch) `)` `cache` `(` $key_memory `,` $value_memory `:` type($key_memory) `,` type($value_memory) `)`
    (`scales` `(` $key_scales^ `,` $value_scales `:` type($key_scales) `,` type($value_scales) `)`)? (`sinks` `(` $sinks^ `:` type($sinks) `)`)? (`bias` `(` $bias^ `:` type($bias) `)`)? (`partials` `(` $partials^ `:` type($partials) `)`)? `outs` `(` $output `:` type($output) `)` attr-dict (`->` type($result)^)?
  }];
  let extraClassDeclaration = [{ MutableOperandRange getDpsInitsMutable() { return getOutputMutable(); } }];
  let hasVerifier = 1;
}

def Kernel_LaunchOp : Kernel_Op<"launch", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Runs a function over a range of iterations, on the runtime's threads";
  let description = [{
    Calls `body(begin, end, arguments...)` for ranges that together cover 0 <= i < count, in any order, on any thread; returns when all are done. The CPU's counterpart of
    `gpu.launch_func`; becomes a call of the runtime's `attune_parallel_for`.

    Example: `kernel.launch @body count(%n) args(%a, %b : memref<?x576xf32>, index)`
  }];
  let arguments = (ins FlatSymbolRefAttr:$body, Index:$count, Variadic<AnyType>:$arguments);
  let assemblyFormat = "$body `count` `(` $count `)` (`args` `(` $arguments^ `:` type($arguments) `)`)? attr-dict";
}

#endif // KERNEL_OPS
