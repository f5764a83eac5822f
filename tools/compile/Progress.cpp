// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/compile/Progress.h"

#include <cstdio>
#include <unistd.h>

using namespace attune;

static bool isTerminal() { return ::isatty(STDERR_FILENO) != 0; }

void Progress::clearLine() {
  if (isTerminal())
    std::fputs("\r\033[K", stderr);
}

void Progress::begin(const std::string &stage) {
  end();
  current = stage;
  started = Clock::now();
  shown = -1;
  if (isTerminal())
    std::fprintf(stderr, "%s ...", stage.c_str());
}

void Progress::update(int64_t done, int64_t all) {
  int percent =
      all > 0 ? static_cast<int>(100.0 * static_cast<double>(done) / static_cast<double>(all)) : 100;
  if (!isTerminal() || percent == shown)
    return;
  shown = percent;
  std::fprintf(stderr, "\r%s ... %d %%", current.c_str(), percent);
}

void Progress::end() {
  if (current.empty())
    return;
  clearLine();
  if (report)
    std::fprintf(stderr, "%-20s %8.3f s\n", current.c_str(),
                 std::chrono::duration<double>(Clock::now() - started).count());
  current.clear();
}
