// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/Words.h"

#include <charconv>

using namespace attune;
using llvm::ArrayRef;
using llvm::StringRef;

#define WORDS(Enum, ...)                                                                                     \
  template <> ArrayRef<StringRef> attune::wordsOf<Enum>() {                                                  \
    static const StringRef words[] = {__VA_ARGS__};                                                          \
    return words;                                                                                            \
  }

WORDS(ModelKind, "decoder", "encoder", "literal", "tokenizer", "encoder_decoder")
WORDS(NormKind, "rms", "layer")
WORDS(Activation, "identity", "relu", "silu", "gelu", "gelu_tanh", "sigmoid", "tanh", "relu_squared",
      "quick_gelu")
WORDS(Pairing, "half_split", "interleaved")
WORDS(Normalizer, "softmax", "sum")
WORDS(PositionKind, "none", "learned", "sinusoidal")
WORDS(Combine, "add", "multiply")
WORDS(ScalingKind, "none", "linear", "llama3", "factors", "yarn", "longrope", "dynamic")
WORDS(NormSpan, "head", "projection")
WORDS(RouterScores, "softmax", "softmax_chosen", "sigmoid")
WORDS(GroupScore, "max", "top2_sum")
WORDS(EarlyStopping, "no", "yes", "never")
WORDS(Pooling, "mean", "first", "last")

std::string attune::numberText(double value) {
  char text[32];
  std::to_chars_result end = std::to_chars(text, text + sizeof text, value);
  return std::string(text, end.ptr);
}
