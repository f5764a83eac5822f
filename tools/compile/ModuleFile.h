// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// IR that was dumped, perhaps edited, and is compiled on. The module says by attributes which model it was
/// made from and under which options: weights, vocabulary and what the runtime is told come from there.
///
/// | attribute of the module | value |
/// |---|---|
/// | `transformer.model` | the path of the model |
/// | `transformer.options` | a dictionary of `context`, `quantize`, `activations`, `cache`, where not the
/// default |

#ifndef ATTUNE_TOOLS_COMPILE_MODULEFILE_H
#define ATTUNE_TOOLS_COMPILE_MODULEFILE_H

#include "tools/compile/Options.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/Error.h"

namespace attune {

/// The forms that a module can be dumped in, in the order of the stages.
enum class Form { transformer, fused, layout, linalg };

llvm::StringRef formName(Form form);

/// Whether the path ends like IR: .mlir or .mlirbc.
bool isModuleFile(llvm::StringRef path);

/// Notes model and options at the module.
void noteOrigin(mlir::ModuleOp module, const CompileOptions &options);

struct ModuleFile {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  Form form;
};

/// Reads and verifies `options.model`, and replaces model and options by those that the module notes. Options
/// that were decided when it was made must not be given anew.
llvm::Expected<ModuleFile> readModule(mlir::MLIRContext &context, CompileOptions &options);

} // namespace attune

#endif // ATTUNE_TOOLS_COMPILE_MODULEFILE_H
