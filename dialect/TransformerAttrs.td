// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef TRANSFORMER_ATTRS
#define TRANSFORMER_ATTRS

include "dialect/TransformerDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

class Transformer_Enum<string name, string summary, list<I32EnumAttrCase> cases> : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::mlir::transformer";
  let genSpecializedAttr = 0;
}
class Transformer_EnumAttr<I32EnumAttr info, string mnemonic> : EnumAttr<Transformer_Dialect, info, mnemonic>;
class Case<string name, int value> : I32EnumAttrCase<name, value>;

def Transformer_StorageType : Transformer_Enum<"StorageType", "How the elements of a parameter are stored in its file", [
  Case<"f32", 0>, Case<"f16", 1>, Case<"bf16", 2>,
  Case<"q4_0", 10>, Case<"q4_1", 11>, Case<"q5_0", 12>, Case<"q5_1", 13>, Case<"q8_0", 14>,
  Case<"q2_k", 20>, Case<"q3_k", 21>, Case<"q4_k", 22>, Case<"q5_k", 23>, Case<"q6_k", 24>,
  Case<"iq4_nl", 30>, Case<"mxfp4", 31>, Case<"int8", 40>]>;

def Transformer_NormKind : Transformer_Enum<"NormKind", "Which normalisation", [Case<"rms", 0>, Case<"layer", 1>]>;
def Transformer_NormKindAttr : Transformer_EnumAttr<Transformer_NormKind, "norm_kind">;

def Transformer_Activation : Transformer_Enum<"Activation", "Activation function of a feed-forward network", [
  Case<"identity", 0>, Case<"relu", 1>, Case<"silu", 2>, Case<"gelu", 3>, Case<"gelu_tanh", 4>, Case<"sigmoid", 5>,
  Case<"tanh", 6>, Case<"relu_squared", 7>, Case<"quick_gelu", 8>]>;
def Transformer_ActivationAttr : Transformer_EnumAttr<Transformer_Activation, "activation_kind">;

def Transformer_Pairing : Transformer_Enum<"Pairing", "Which elements of a vector form a pair", [
  Case<"half_split", 0>, Case<"interleaved", 1>]>;
def Transformer_PairingAttr : Transformer_EnumAttr<Transformer_Pairing, "pairing">;

def Transformer_Normalizer : Transformer_Enum<"Normalizer", "How scores become weights", [Case<"softmax", 0>, Case<"sum", 1>]>;
def Transformer_NormalizerAttr : Transformer_EnumAttr<Transformer_Normalizer, "normalizer"> { let assemblyFormat = "`<` $value `>`"; }

def Transformer_RouterScores : Transformer_Enum<"RouterScores", "How router logits become scores", [
  Case<"softmax", 0>, Case<"softmax_chosen", 1>, Case<"sigmoid", 2>]>;
def Transformer_RouterScoresAttr : Transformer_EnumAttr<Transformer_RouterScores, "router_scores">;

def Transformer_GroupScore : Transformer_Enum<"GroupScore", "What ranks a group of experts", [Case<"max", 0>, Case<"top2_sum", 1>]>;
def Transformer_GroupScoreAttr : Transformer_EnumAttr<Transformer_GroupScore, "group_score">;

def Transformer_StoredAttr : AttrDef<Transformer_Dialect, "Stored"> {
  let mnemonic = "stored";
  let summary = "Encoding of a parameter's type: how its elements are stored";
  let description = [{
    The encoding of a tensor type whose elements are read from a file: `tensor<576x576xf32, #transformer.stored<q4_1>>` is a
    576 x 576 matrix of real numbers (logical element type f32) stored in GGML's Q4_1 blocks. `int8` is no form of files but what weights are stored as anew: integers of
    8 bits with one scale for each row. Encodings end at the
    layout stage, where each becomes a packed form.
  }];
  let parameters = (ins EnumParameter<Transformer_StorageType>:$type);
  let assemblyFormat = "`<` $type `>`";
}

def Transformer_MaskAttr : AttrDef<Transformer_Dialect, "Mask"> {
  let mnemonic = "mask";
  let summary = "Which keys a query sees";
  let description = [{
    With query position `p` and key index `j < key_count`: `causal` sees `j <= p`; `window = w` sees `j > p - w` (w keys with
    `causal`, the query's own included; without `causal` it also sees `j < p + w`); `chunk = c` sees keys of the query's own chunk,
    `j / c == p / c`. Conditions combine by "and". 0 means no window, no chunk. Keys past `key_count` are never seen.

    Example: `#transformer.mask<causal = true, window = 512>`
  }];
  let parameters = (ins DefaultValuedParameter<"bool", "false">:$causal,
                        DefaultValuedParameter<"int64_t", "0">:$window,
                        DefaultValuedParameter<"int64_t", "0">:$chunk);
  let assemblyFormat = "`<` struct($causal, $window, $chunk) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Whether a query at `position` sees key `key` (which must be below the key count).
    bool sees(int64_t position, int64_t key) const;
  }];
}

class Transformer_Type<string name, string mnem> : TypeDef<Transformer_Dialect, name> { let mnemonic = mnem; }

def Transformer_CacheType : Transformer_Type<"Cache", "cache"> {
  let summary = "Keys and values of every layer and sequence";
  let description = [{
    A mutable resource: for each layer a table of keys and a table of values, `rows x heads x size` elements each. The caller
    decides which rows belong to which sequence (`first key` of the batch). Encoders use a cache of one layer as room for the
    step's own keys and values.

    Elements are f32, or rounded to f16 or bf16. With `i8` the keys of a row and head are 8-bit integers times one scale in f32, `max |x| / 127`, and so are its values: an element
    is `round(x / scale) * scale` (ties to even; scale 0 for zeros). The tables that are read are f32 then.

    Example: `!transformer.cache<30 x 3 x 64 x 64 x f16>`: 30 layers, 3 key/value heads, keys and values of size 64.
  }];
  let parameters = (ins "int64_t":$layers, "int64_t":$heads, "int64_t":$keySize, "int64_t":$valueSize, "::mlir::Type":$elementType);
  let assemblyFormat = "`<` $layers `x` $heads `x` $keySize `x` $valueSize `x` $elementType `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Whether rows are integers with a scale.
    bool isScaled() const { return getElementType().isInteger(8); }
    /// Of the tables that operations read.
    ::mlir::Type getTableElementType() const;
    /// Bytes of a row in one layer, for all heads, scales included.
    int64_t getRowBytes() const;
  }];
}

#endif // TRANSFORMER_ATTRS
