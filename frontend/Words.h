// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// The words of the description's enumerations and the texts of its numbers, for reading, writing and
/// messages.

#ifndef ATTUNE_FRONTEND_WORDS_H
#define ATTUNE_FRONTEND_WORDS_H

#include "frontend/Description.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringExtras.h"

namespace attune {

/// The enumerators' words, in the order of their values.
template <typename Enum> llvm::ArrayRef<llvm::StringRef> wordsOf();

template <> llvm::ArrayRef<llvm::StringRef> wordsOf<ModelKind>();
template <> llvm::ArrayRef<llvm::StringRef> wordsOf<EarlyStopping>();
template <> llvm::ArrayRef<llvm::StringRef> wordsOf<NormKind>();
template <> llvm::ArrayRef<llvm::StringRef> wordsOf<Activation>();
template <> llvm::ArrayRef<llvm::StringRef> wordsOf<Pairing>();
template <> llvm::ArrayRef<llvm::StringRef> wordsOf<Normalizer>();
template <> llvm::ArrayRef<llvm::StringRef> wordsOf<PositionKind>();
template <> llvm::ArrayRef<llvm::StringRef> wordsOf<Combine>();
template <> llvm::ArrayRef<llvm::StringRef> wordsOf<ScalingKind>();
template <> llvm::ArrayRef<llvm::StringRef> wordsOf<NormSpan>();
template <> llvm::ArrayRef<llvm::StringRef> wordsOf<RouterScores>();
template <> llvm::ArrayRef<llvm::StringRef> wordsOf<GroupScore>();
template <> llvm::ArrayRef<llvm::StringRef> wordsOf<Pooling>();

template <typename Enum> llvm::StringRef wordOf(Enum value) {
  return wordsOf<Enum>()[static_cast<int>(value)];
}

template <typename Enum> std::optional<Enum> enumNamed(llvm::StringRef word) {
  const auto *found = llvm::find(wordsOf<Enum>(), word);
  if (found == wordsOf<Enum>().end())
    return std::nullopt;
  return static_cast<Enum>(found - wordsOf<Enum>().begin());
}

/// The shortest text that reads back as the same number.
std::string numberText(double value);

} // namespace attune

#endif // ATTUNE_FRONTEND_WORDS_H
