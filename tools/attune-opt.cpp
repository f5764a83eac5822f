// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// attune-opt: inspect and transform the IR of any stage.

#include "passes/Passes.h"
#include "tools/Registration.h"

#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  attune::registerDialects(registry);
  mlir::registerAllPasses();
  mlir::transformer::registerPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "Attune's optimizer\n", registry));
}
