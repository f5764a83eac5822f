// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// BART: learned positions two rows into their tables, a norm of the embeddings of both stacks.

#include "frontend/huggingface/EncoderDecoder.h"

using namespace attune;
using namespace attune::huggingface;

void huggingface::describeBart(const Config &config, Description &model) {
  describeAsBart(config, "BartForConditionalGeneration", "gelu", model);
  model.tokens.decoderStart = 2;
  for (Stack *stack : {static_cast<Stack *>(&model), &*model.encoder}) {
    stack->embedding.norm = Norm{NormKind::layer, 1e-5, true, true};
    stack->positions = {PositionKind::learned};
    stack->positions.offset = 2;
    stack->positions.rows = model.context + stack->positions.offset;
  }
  nameAsBart(model);
}
