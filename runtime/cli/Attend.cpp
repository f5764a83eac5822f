// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/Error.h"
#include "runtime/cli/Commands.h"
#include "runtime/cli/Table.h"
#include "runtime/cli/Terminal.h"

#include <fmt/format.h>

#include <algorithm>

using namespace attune;
using namespace attune::cli;

namespace {

/// One tensor, element by element: the dimension that counts tokens gives lines, those before it and all but
/// the last one after it give tables of their own.
class StagePrinter {
public:
  StagePrinter(const TensorView &view, int decimals) : view(view), decimals(decimals) {
    if (view.info->type != ElementType::F32)
      throw Error(fmt::format("metadata: '{}' has the type {}, expected f32", view.info->name,
                              nameOf(view.info->type)));
    size_t rank = view.sizes.size();
    if (rank < 2)
      throw Error(
          fmt::format("metadata: '{}' has {} dimensions, expected at least 2", view.info->name, rank));
    auto isToken = [](const Dimension &d) { return d.name == "tokens" || d.name == "outputs"; };
    auto found = std::ranges::find_if(view.info->shape, isToken);
    lines = found == view.info->shape.end() || found + 1 == view.info->shape.end()
                ? rank - 2
                : static_cast<size_t>(found - view.info->shape.begin());
  }

  std::string text() {
    std::string text;
    std::vector<int64_t> index(view.sizes.size(), 0);
    do
      text += title(index) + tableAt(index);
    while (next(index));
    return text;
  }

private:
  bool isTableDimension(size_t i) const { return i != lines && i + 1 != view.sizes.size(); }

  /// Goes on to the next table.
  bool next(std::vector<int64_t> &index) const {
    for (size_t i = index.size(); i-- > 0;)
      if (isTableDimension(i)) {
        if (++index[i] < view.sizes[i])
          return true;
        index[i] = 0;
      }
    return false;
  }

  std::string title(const std::vector<int64_t> &index) const {
    std::string text = view.info->name;
    for (size_t i = 0; i < index.size(); ++i)
      if (isTableDimension(i) && view.sizes[i] > 1)
        text += fmt::format(", {} {}", i < lines ? "layer" : "head", index[i]);
    return text + "\n";
  }

  float at(const std::vector<int64_t> &index) const {
    int64_t offset = 0;
    for (size_t i = 0; i < index.size(); ++i)
      offset = offset * view.sizes[i] + index[i];
    return view.floats()[offset];
  }

  std::string tableAt(std::vector<int64_t> index) const {
    std::vector<Table::Align> columns(static_cast<size_t>(view.sizes.back()) + 1, Table::Align::Right);
    columns[0] = Table::Align::Left;
    Table table(columns);
    for (int64_t line = 0; line < view.sizes[lines]; ++line) {
      std::vector<std::string> cells = {fmt::format("x{}", line + 1)};
      for (int64_t column = 0; column < view.sizes.back(); ++column) {
        index[lines] = line;
        index.back() = column;
        cells.push_back(fmt::format("{:.{}f}", at(index), decimals));
      }
      table.add(std::move(cells));
    }
    return table.text(2);
  }

  const TensorView &view;
  int decimals;
  size_t lines;
};

} // namespace

void cli::Attend::run(Model &model, const Common &) {
  if (model.metadata().literalTokens == 0) {
    if (!text)
      throw Error("'attend' needs a text whose attention weights are to be shown");
    return showText(model);
  }
  if (text || !output.empty())
    throw Error("this model has inputs of its own: 'attend' takes no text and prints all stages");
  Engine engine(model.program());
  engine.observe(model.metadata().find("step_taps") != nullptr);
  engine.stepLiteral();
  // The stages in the order in which they are computed: taps, then what comes out.
  std::string shown;
  for (ArgumentRole role : {ArgumentRole::Tap, ArgumentRole::Output})
    for (const TensorView &view : engine.results())
      if (view.info->role == role)
        shown += (shown.empty() ? "" : "\n") + StagePrinter(view, decimals).text();
  cli::write(shown);
}
