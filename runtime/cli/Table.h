// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>
#include <vector>

namespace attune::cli {

/// Text in aligned columns.
class Table {
public:
  enum class Align { Left, Right };

  /// A column per alignment; the last one is not padded.
  explicit Table(std::vector<Align> columns) : columns(std::move(columns)) {}

  void add(std::vector<std::string> cells) { rows.push_back(std::move(cells)); }

  /// Each row on a line, two spaces between columns, `indent` spaces before.
  std::string text(size_t indent = 0) const;

private:
  std::vector<Align> columns;
  std::vector<std::vector<std::string>> rows;
};

} // namespace attune::cli
