// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef KERNEL_DIALECT
#define KERNEL_DIALECT

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

def Kernel_Dialect : Dialect {
  let name = "kernel";
  let summary = "Physical forms: operations on packed weights, after the layout stage";
  let description = [{
    What the `transformer` dialect becomes when the layout stage has decided how weights and cache lie in memory. Operations are
    tileable (`TilingInterface`), in destination-passing style, on tensors before bufferisation and on memrefs after it; weights and cache are always
    memrefs, since they are mapped memory. After bufferisation each operation is expanded to loops and vectors for the target.

    **Packed weights.** A logical `[N, K]` matrix is stored in panels of 16 rows, `memref<ceil(N/16) x panel bytes x i8>`; rows past N are zero.
    dialect/PackedFormat.h describes a panel's bytes.

    **Cache.** Keys lie transposed in groups of 16 rows, `memref<rows/16 x heads x size x 16>`, so that scores of 16 keys are one
    vertical sum; values lie as they come, `memref<rows x heads x size>`.
  }];
  let cppNamespace = "::mlir::kernel";
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::mlir::transformer::TransformerDialect"];
}

class Kernel_Enum<string name, string summary, list<I32EnumAttrCase> cases> : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::mlir::kernel";
  let genSpecializedAttr = 0;
}

def Kernel_Codes : Kernel_Enum<"Codes", "Elements of a packed panel", [
  I32EnumAttrCase<"f32", 0>, I32EnumAttrCase<"f16", 1>, I32EnumAttrCase<"bf16", 2>, I32EnumAttrCase<"i8", 3>, I32EnumAttrCase<"u4", 4>, I32EnumAttrCase<"u8", 5>]>;
def Kernel_Scale : Kernel_Enum<"Scale", "Scales of a packed panel", [
  I32EnumAttrCase<"none", 0>, I32EnumAttrCase<"f16", 1>, I32EnumAttrCase<"f32", 2>]>;

def Kernel_PackedAttr : AttrDef<Kernel_Dialect, "Packed"> {
  let mnemonic = "packed";
  let summary = "How a weight's panels are stored";
  let description = [{
    `codes` f32, f16 or bf16: a panel is `[K][16]` elements. `i8` and `u4`: blocks of 32 columns (K is padded), each with scales for every `group`
    columns, minima if `min`, then codes; an element is `scale * (code - zero) + min`. `u8`: each row has one scale; they lie before all blocks, which are codes alone.
    See dialect/PackedFormat.h.

    Example: `#kernel.packed<codes = u4, group = 32, scale = f16, min = true>` (GGML's Q4_1)
  }];
  let parameters = (ins EnumParameter<Kernel_Codes>:$codes,
                        DefaultValuedParameter<"int64_t", "0">:$group,
                        DefaultValuedParameter<"::mlir::kernel::Scale", "::mlir::kernel::Scale::none">:$scale,
                        DefaultValuedParameter<"bool", "false">:$min,
                        DefaultValuedParameter<"int64_t", "0">:$zero);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    bool isQuantized() const { return getFormat().isQuantized(); }
    /// The same as the plain structure that the packer uses.
    ::attune::PackedFormat getFormat() const;
  }];
}

#endif // KERNEL_DIALECT
