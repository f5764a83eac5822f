// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// The dataflow of a model as a picture: what each operation makes, which weights it reads, what it costs.

#ifndef ATTUNE_TOOLS_COMPILE_GRAPH_H
#define ATTUNE_TOOLS_COMPILE_GRAPH_H

#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace attune {

/// Work and traffic. Products count two operations per multiplication; other operations one per element they
/// make. Costs grow with tokens (T), with rows of logits that are wanted (R), or with tokens times keys (K).
struct Cost {
  double perToken = 0, perRow = 0, perTokenAndKey = 0; ///< floating-point operations
  double weightBytes = 0;                              ///< as stored in the model, each weight once
  double sharedBytes = 0;                              ///< of weights that any step reads
  double tokenBytes = 0; ///< of weights that one token more reads: rows of tables, chosen experts

  /// Of weights that a step of so many tokens reads.
  double bytesOf(double tokens) const;
  Cost &operator+=(const Cost &other);
  Cost operator*(double count) const;
};

struct GraphNode {
  enum Kind { input, product, attention, norm, other, layers } kind;
  std::string title;
  std::vector<std::string> lines;
  std::string tooltip;
  std::vector<size_t> inputs; ///< nodes of the same function
};

struct GraphFunction {
  std::string title;
  std::vector<GraphNode> nodes;
  Cost cost; ///< of one run
};

struct Graph {
  std::string name;
  std::vector<GraphFunction> functions; ///< the entry, then the kinds of layers
  Cost total;
  double cacheBytesPerToken = 0;
};

/// Of the entry @step of a module in the transformer dialect and of the layers that it runs.
Graph describeGraph(mlir::ModuleOp module, std::string name);

/// A page with a table and a drawing of each function; nothing but the page is needed to show it.
std::string graphAsHtml(const Graph &graph);

/// The drawings alone, side by side.
std::string graphAsSvg(const Graph &graph);

/// "1.5 MB", "12 kFLOP".
std::string withPrefix(double value, const char *unit);

} // namespace attune

#endif // ATTUNE_TOOLS_COMPILE_GRAPH_H
