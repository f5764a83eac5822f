// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The commands of a compiled program: what each takes, and how it runs. Parsing is in CommandLine.cpp.
#pragma once

#include "runtime/engine/TensorRun.h"
#include "runtime/model/Model.h"

#include <optional>
#include <string>

namespace attune::cli {

/// Options that every command has.
struct Common {
  int threads = 0;     ///< 0: one per physical core
  int64_t context = 0; ///< 0: what the model was compiled for
};

/// What is not given comes from the command's defaults.
struct Sampling {
  std::optional<double> temperature, topP, minP, repeatPenalty;
  std::optional<int64_t> topK;
  uint64_t seed = 0;

  SamplerOptions over(SamplerOptions defaults) const;
};

/// Each command is a structure of its options; run() prints to stdout and throws attune::Error.
struct Generate {
  std::string prompt; ///< "-": from stdin
  Sampling sampling;
  int64_t maxTokens = 256;
  bool echo = false, stats = false, ignoreEnd = false;
  void run(Model &model, const Common &common);
};

struct Chat {
  std::optional<std::string> message;
  std::string system;
  Sampling sampling;
  int64_t maxTokens = 1024;
  bool stats = false;
  void run(Model &model, const Common &common);
};

struct Score {
  std::string file; ///< "-": stdin
  bool tokens = false, json = false;
  int64_t stride = 0;
  void run(Model &model, const Common &common);
};

struct Run {
  std::string input, output;
  TensorRunOptions options;
  bool stats = false;
  void run(Model &model, const Common &common);
};

struct Bench {
  std::string prompts;
  bool json = false;
  bool profile = false; ///< shows where the time goes
  int64_t repeats = 3;
  double startSeconds = 0; ///< when the program started, on the clock of Clock.h
  void run(Model &model, const Common &common);
};

struct Info {
  bool description = false;
  void run(Model &model, const Common &common);
};

struct Tokenize {
  std::optional<std::string> text;
  bool jsonl = false, noSpecial = false, decode = false, skipSpecial = false;
  void run(Model &model, const Common &common);
};

struct Fill {
  std::string text; ///< "-": from stdin
  int64_t candidates = 5;
  bool json = false;
  void run(Model &model, const Common &common);
};

struct Embed {
  std::string file; ///< "-": stdin; empty: the texts
  std::vector<std::string> texts;
  std::string output; ///< a file of tensors; empty: JSON lines on stdout
  bool tokens = false, isStatic = false, truncate = false;
  std::optional<Pooling> pooling;
  std::optional<bool> normalize;
  void run(Model &model, const Common &common);
};

struct Translate {
  std::string text; ///< "-": lines from stdin
  std::string file; ///< lines of it, instead
  std::optional<int64_t> beams, maxTokens, minTokens, noRepeat;
  std::optional<double> lengthPenalty;
  std::optional<EarlyStopping> earlyStopping;
  bool ids = false, scores = false, json = false;
  void run(Model &model, const Common &common);
};

struct Attend {
  std::optional<std::string> text; ///< "-": from stdin; models with inputs of their own take none
  std::string output;              ///< an HTML page; empty: tables on stdout
  std::optional<int64_t> layer, head;
  bool all = false; ///< every layer and head
  int decimals = 4;
  void run(Model &model, const Common &common);

private:
  void showText(Model &model);
};

} // namespace attune::cli
