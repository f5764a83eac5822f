// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// What a person sees while compiling: the stage in progress on a terminal, and with `--report` a table of
/// times.

#ifndef ATTUNE_TOOLS_COMPILE_PROGRESS_H
#define ATTUNE_TOOLS_COMPILE_PROGRESS_H

#include <chrono>
#include <cstdint>
#include <string>

namespace attune {

class Progress {
public:
  explicit Progress(bool report) : report(report) {}
  ~Progress() { end(); }
  Progress(const Progress &) = delete;
  Progress &operator=(const Progress &) = delete;

  void begin(const std::string &stage);
  /// Share done of a long stage.
  void update(int64_t done, int64_t all);
  void end();

private:
  using Clock = std::chrono::steady_clock;
  bool report;
  std::string current;
  Clock::time_point started{}, first{};
  int shown = -1;

  void clearLine();
};

} // namespace attune

#endif // ATTUNE_TOOLS_COMPILE_PROGRESS_H
