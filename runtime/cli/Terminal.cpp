// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/cli/Terminal.h"
#include "runtime/Error.h"
#include "runtime/cli/Clock.h"

#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <sstream>
#include <unistd.h>

using namespace attune;
using namespace attune::cli;

void cli::write(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    throw Error(fmt::format("cannot write to standard output: {}", std::strerror(errno)));
}

std::string cli::readAll(const std::string &path) {
  std::FILE *file = path == "-" ? stdin : std::fopen(path.c_str(), "rb");
  if (!file)
    throw Error(fmt::format("cannot open '{}': {}", path, std::strerror(errno)));
  std::string text;
  char buffer[1 << 16];
  while (size_t count = std::fread(buffer, 1, sizeof(buffer), file))
    text.append(buffer, count);
  bool failed = std::ferror(file);
  int error = errno;
  if (file != stdin)
    std::fclose(file);
  if (failed)
    throw Error(fmt::format("cannot read '{}': {}", path, std::strerror(error)));
  return text;
}

std::vector<std::string> cli::linesOf(const std::string &text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    if (!line.empty() && line.back() == '\r')
      line.pop_back();
    lines.push_back(line);
  }
  return lines;
}

void cli::writeFile(const std::string &path, std::string_view text) {
  std::string beside = path + ".part";
  auto fail = [&] {
    int error = errno;
    std::remove(beside.c_str());
    throw Error(fmt::format("cannot write '{}': {}", path, std::strerror(error)));
  };
  std::FILE *file = std::fopen(beside.c_str(), "wb");
  if (!file)
    fail();
  bool good = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  good &= std::fclose(file) == 0;
  if (!good || std::rename(beside.c_str(), path.c_str()) != 0)
    fail();
}

ProgressLine::ProgressLine(std::string what)
    : what(std::move(what)), start(now()), isTerminal(isatty(STDERR_FILENO)) {}

ProgressLine::~ProgressLine() {
  if (shown)
    std::fputs("\r\033[K", stderr);
}

void ProgressLine::show(size_t done, size_t all) {
  double time = now(), elapsed = time - start;
  if (!isTerminal || elapsed < 2 || time - shown < 0.2)
    return;
  shown = time;
  double left = done ? elapsed / static_cast<double>(done) * static_cast<double>(all - done) : 0;
  fmt::print(stderr, "\r\033[K{}: {} of {} ({:.0f} s left)", what, done, all, left);
  std::fflush(stderr);
}

namespace {

volatile std::sig_atomic_t interrupted = 0;

void onInterrupt(int) {
  if (interrupted)
    _exit(130);
  interrupted = 1;
}

} // namespace

InterruptFlag::InterruptFlag() {
  interrupted = 0;
  std::signal(SIGINT, onInterrupt);
}

InterruptFlag::~InterruptFlag() { std::signal(SIGINT, SIG_DFL); }

bool InterruptFlag::isSet() { return interrupted; }
