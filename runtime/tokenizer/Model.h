// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The models that turn one piece of text into ids.
#pragma once

#include "runtime/tokenizer/Vocabulary.h"

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace attune::tokenizer {

// One call's memory: models themselves stay unchanged, so that threads can share them.
struct Workspace {
  struct Symbol {
    int32_t id;
    int32_t previous, next; // neighbours, -1: none
    uint32_t begin, length; // in the piece; length 0: merged into its left neighbour
  };
  struct Merge {
    double priority; // the lowest goes first, of equal ones the leftmost
    int32_t left;
    int32_t merged;
    uint32_t length; // of both symbols: if theirs is another by now, one has changed
  };
  std::vector<Symbol> symbols;
  std::vector<Merge> queue;

  // Ids of pieces seen in this call.
  struct Seen {
    std::string text;
    std::vector<int32_t> ids;
  };
  std::vector<Seen> seen;

  struct Node { // of Unigram's best paths
    double score;
    int32_t begin;
    int32_t id;
  };
  std::vector<Node> nodes;
};

class Model {
public:
  virtual ~Model() = default;

  // Appends the ids of a piece of valid UTF-8.
  virtual void encode(std::string_view piece, Workspace &workspace, std::vector<int32_t> &ids) const = 0;

  // The blob and the vocabulary must outlive the model. Throws attune::Error if the blob lacks what the model
  // needs.
  static std::unique_ptr<Model> create(const Step &step, const Blob &blob, const Vocabulary &vocabulary);
};

std::unique_ptr<Model> createBpe(const Step &step, const Blob &blob, const Vocabulary &vocabulary);
std::unique_ptr<Model> createWordPiece(const Step &step, const Blob &blob, const Vocabulary &vocabulary);
std::unique_ptr<Model> createUnigram(const Step &step, const Blob &blob, const Vocabulary &vocabulary);

} // namespace attune::tokenizer
