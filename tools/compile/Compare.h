// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// `--compare`: what a compiled program computes, value by value, beside what the reference interpreter makes
/// of the module as built. Both see the same weights (those of the model's files, quantised where the
/// description says so), so that a difference is one of compiling.

#ifndef ATTUNE_TOOLS_COMPILE_COMPARE_H
#define ATTUNE_TOOLS_COMPILE_COMPARE_H

#include "frontend/Model.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <string>
#include <vector>

namespace attune {

/// A value of the model, as the reference has it.
struct ReferenceValue {
  std::string name;             ///< a tap (`hidden_states`, `enc_attn`, ...) or a result (`logits`, ...)
  std::optional<int64_t> layer; ///< of a tap
  std::vector<int64_t> shape;   ///< tokens first
  std::vector<double> elements;
};

/// What a model is run on. Literal models have inputs of their own.
struct CompareIds {
  std::vector<int64_t> tokens; ///< of the one sequence; of encoder-decoders what the decoder is fed
  std::vector<int64_t> source; ///< of encoder-decoders: what the encoder reads
};

/// Token ids from `text`: numbers between commas, or `@FILE` for a file of numbers between commas or white
/// space. Encoder-decoders take two lists, `SOURCE/TOKENS`. An error names what is no id of the model, and
/// numbers of them that do not fit its context.
llvm::Expected<CompareIds> parseIds(llvm::StringRef text, const Description &model);

/// Runs the module that the Builder made on one sequence: taps in the order of execution, then results, the
/// encoder's before the decoder's. `progress(done, all)` counts layers.
llvm::Expected<std::vector<ReferenceValue>> runReference(mlir::ModuleOp module, const Model &model,
                                                         const CompareIds &ids,
                                                         llvm::function_ref<void(int64_t, int64_t)> progress);

/// Runs `program`, a compiled form of the same model, on the same ids and prints a table of errors. A token's
/// error is the root mean square of the difference over that of the reference; a value is as wrong as its
/// worst token. An error if any is beyond `tolerance`: it names the first such value in the order of
/// execution, and thereby the layer. Files are written into `folder`.
llvm::Error compareProgram(const std::string &program, llvm::ArrayRef<ReferenceValue> reference,
                           const CompareIds &ids, const Model &model, double tolerance,
                           const std::string &folder, llvm::raw_ostream &os);

} // namespace attune

#endif // ATTUNE_TOOLS_COMPILE_COMPARE_H
