// RUN: mlir-tblgen -gen-pass-doc %attune_include %attune_source/passes/Passes.td -o %t
// RUN: diff %attune_source/docs/passes.md %t
// The page about the passes is up to date; `ninja attune-docs` writes it anew.
