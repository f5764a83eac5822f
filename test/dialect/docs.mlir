// RUN: mlir-tblgen -gen-dialect-doc -dialect=transformer %attune_include %attune_source/dialect/TransformerFusedOps.td -o %t
// RUN: diff %attune_source/docs/dialect.md %t
// The page about the dialect is up to date; `ninja attune-docs` writes it anew.
