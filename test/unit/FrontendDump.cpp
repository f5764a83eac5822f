// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// frontend-dump MODEL [description|transformer|locations]: what the frontend makes of a model, for tests and
// their writers.

#include "frontend/Builder.h"
#include "frontend/Model.h"
#include "frontend/yaml/DescriptionText.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/raw_ostream.h"

int main(int argc, char **argv) {
  if (argc < 2 || argc > 3) {
    llvm::errs() << "usage: frontend-dump MODEL [description|transformer|locations]\n";
    return 2;
  }
  llvm::StringRef what = argc > 2 ? argv[2] : "transformer";
  llvm::Expected<attune::Model> model = attune::loadModel(argv[1]);
  if (!model) {
    llvm::errs() << llvm::toString(model.takeError()) << "\n";
    return 1;
  }
  if (what == "description") {
    llvm::outs() << attune::yaml::printDescription(model->description);
    return 0;
  }
  mlir::MLIRContext context;
  auto module = attune::buildModule(context, model->description);
  if (!module)
    return 1;
  mlir::OpPrintingFlags flags;
  flags.enableDebugInfo(what == "locations", /*prettyForm=*/true);
  module->print(llvm::outs(), flags);
  return 0;
}
