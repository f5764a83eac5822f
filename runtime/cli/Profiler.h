// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "runtime/cli/Limits.h"
#include "runtime/parallel/Profile.h"
#include "runtime/program/Program.h"

#include <nlohmann/json.hpp>

namespace attune::cli {

/// What `bench --profile` shows: where the time of each part of the work goes.
class Profiler {
public:
  /// Measures the machine's limits. Throws attune::Error for programs whose kernels run on a device.
  explicit Profiler(const Program &program);

  /// Runs a part of the work; its numbers are means of `steps` (the prompt's one, or the tokens').
  template <typename Work> void part(const std::string &name, int64_t steps, Work work) {
    Profile profile;
    work();
    profile.end();
    add(name, steps, profile);
  }

  /// Limits and parts.
  const nlohmann::ordered_json &result() const { return json; }

private:
  void add(const std::string &name, int64_t steps, const Profile &profile);
  double shareOfLimit(const nlohmann::ordered_json &kernel, bool isInt8) const;

  Limits limits;
  nlohmann::ordered_json json;
};

/// Tables of a result.
std::string profileText(const nlohmann::ordered_json &result);

} // namespace attune::cli
