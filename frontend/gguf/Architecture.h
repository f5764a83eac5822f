// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// What a GGUF architecture brings: a mapping of its metadata onto a Description. To add one, write NAME.cpp
/// with such a mapping and name it in Architectures.cpp.

#ifndef ATTUNE_FRONTEND_GGUF_ARCHITECTURE_H
#define ATTUNE_FRONTEND_GGUF_ARCHITECTURE_H

#include "frontend/Description.h"
#include "frontend/gguf/Settings.h"

namespace attune::gguf {

struct Architecture {
  llvm::StringRef name; ///< `general.architecture`
  /// Fills what the architecture's own keys and tensors decide. Problems are kept in the settings.
  void (*describe)(Settings &settings, Description &model);
};

llvm::ArrayRef<Architecture> architectures();

void describeLlama(Settings &settings, Description &model);

//===----------------------------------------- parts that architectures share
//---------------------------------------===//

/// Names the parameters that a decoder of this architecture has, by the file's usual names:
/// `blk.{}.attn_q.weight` and so on.
void nameTensors(Description &model);

/// Rotary frequencies from the `rope.*` keys and the tensor `rope_freqs.weight`.
Rotary readRotary(Settings &settings, int64_t headSize, Pairing pairing, Description &model);

} // namespace attune::gguf

#endif // ATTUNE_FRONTEND_GGUF_ARCHITECTURE_H
