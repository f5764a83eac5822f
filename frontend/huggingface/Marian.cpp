// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Marian (OPUS-MT): BART's layers with fixed positions, sines in the first half of the vector.

#include "frontend/huggingface/EncoderDecoder.h"

using namespace attune;
using namespace attune::huggingface;

void huggingface::describeMarian(const Config &config, Description &model) {
  describeAsBart(config, "MarianMTModel", "gelu", model);
  if (!config.flag("share_encoder_decoder_embeddings", true))
    config.refuse("share_encoder_decoder_embeddings", "true (a table for each stack is not supported)");
  if (int64_t words = config.size("decoder_vocab_size", model.vocabulary); words != model.vocabulary)
    config.fail("decoder_vocab_size", "is " + llvm::Twine(words) + ", expected 'vocab_size', which is " +
                                          llvm::Twine(model.vocabulary));
  model.tokens.decoderStart = config.maybeInteger("pad_token_id");
  for (Stack *stack : {static_cast<Stack *>(&model), &*model.encoder}) {
    stack->positions = {PositionKind::sinusoidal};
    stack->positions.pairing = Pairing::half_split;
  }
  nameAsBart(model);
  for (llvm::StringRef stack : {"encoder", "decoder"}) // the fixed table
    model.weights.ignore.push_back(("model." + stack + ".embed_positions.weight").str());
}
