// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/cli/Table.h"

#include <algorithm>

using namespace attune::cli;

namespace {

/// Characters of UTF-8 text; wide ones count as one.
size_t widthOf(const std::string &text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

} // namespace

std::string Table::text(size_t indent) const {
  std::vector<size_t> widths(columns.size());
  for (const auto &row : rows)
    for (size_t i = 0; i < std::min(row.size(), columns.size()); ++i)
      widths[i] = std::max(widths[i], widthOf(row[i]));

  std::string text;
  for (const auto &row : rows) {
    text.append(indent, ' ');
    for (size_t i = 0; i < row.size(); ++i) {
      size_t column = std::min(i, columns.size() - 1), width = widthOf(row[i]);
      std::string space(widths[column] > width ? widths[column] - width : 0, ' ');
      bool isLast = i + 1 == row.size();
      if (columns[column] == Align::Right)
        text += space + row[i];
      else
        text += isLast ? row[i] : row[i] + space;
      text += isLast ? "\n" : "  ";
    }
    if (row.empty())
      text += "\n";
  }
  return text;
}
