// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace attune::cli {

/// Writes to stdout at once; throws attune::Error if it cannot be written.
void write(std::string_view text);

/// All of a file, or of stdin if `path` is "-". Throws attune::Error naming the file.
std::string readAll(const std::string &path);

/// The lines of a text, without their ends (LF or CR LF).
std::vector<std::string> linesOf(const std::string &text);

/// Makes a file of a text: beside its place first, so that no half-written one has its name. Throws
/// attune::Error naming the file.
void writeFile(const std::string &path, std::string_view text);

/// A line that shows how far something is, on stderr if that is a terminal, once it has taken two seconds.
class ProgressLine {
public:
  explicit ProgressLine(std::string what);
  ~ProgressLine();
  void show(size_t done, size_t all);

private:
  std::string what;
  double start, shown = 0;
  bool isTerminal;
};

/// While it lives, an interrupt (Ctrl-C) sets a flag rather than ending the program; a second one ends it.
class InterruptFlag {
public:
  InterruptFlag();
  ~InterruptFlag();
  static bool isSet();
};

} // namespace attune::cli
