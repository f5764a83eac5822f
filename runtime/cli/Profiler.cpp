// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/cli/Profiler.h"

#include "runtime/Error.h"
#include "runtime/cli/Table.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

using namespace attune;
using namespace attune::cli;
using nlohmann::ordered_json;

namespace {

double number(const ordered_json &object, const char *key) { return object[key].get<double>(); }

/// A value with the prefix of a unit, for a column.
std::string scaled(double value) {
  static constexpr const char *prefixes[] = {"", "k", "M", "G", "T"};
  size_t prefix = 0;
  for (; value >= 999.5 && prefix + 1 < std::size(prefixes); ++prefix)
    value /= 1000;
  return value == 0 ? "-" : fmt::format("{:.3g}{}{}", value, prefix ? " " : "", prefixes[prefix]);
}

std::string percent(double share) { return fmt::format("{:.1f} %", 100 * share); }

/// Launches of the same kind and name in different code, or with different sizes, are one row.
std::vector<Profile::Kernel> grouped(const Profile &profile) {
  std::map<std::tuple<std::string, std::string, bool>, Profile::Kernel> groups;
  for (const Profile::Kernel &each : profile.kernels()) {
    const AttuneKernelWork *work = each.work;
    auto key = work ? std::tuple<std::string, std::string, bool>(work->kind, work->name, work->isInt8)
                    : std::tuple<std::string, std::string, bool>();
    Profile::Kernel &group = groups.try_emplace(key, Profile::Kernel{work}).first->second;
    group.launches += each.launches;
    group.seconds += each.seconds;
    group.busySeconds += each.busySeconds;
    group.bytes += each.bytes;
    group.operations += each.operations;
  }
  std::vector<Profile::Kernel> rows;
  for (const auto &[key, group] : groups)
    rows.push_back(group);
  std::ranges::sort(rows, [](const auto &a, const auto &b) { return a.seconds > b.seconds; });
  return rows;
}

} // namespace

Profiler::Profiler(const Program &program) {
  if (program.metadata().target != "cpu")
    throw Error(fmt::format("--profile tells of kernels on the CPU, and this program's run on '{}'",
                            program.metadata().target));
  limits = measureLimits(program);
  json["threads"] = ThreadPool::process().threads();
  json["limits"] = {{"bytes_per_s", limits.bytes},
                    {"operations_per_s", limits.operations},
                    {"int8_operations_per_s", limits.int8Operations}};
  json["parts"] = ordered_json::array();
}

/// Of the limit that binds: the longer of the times that the bytes and the operations need at least.
double Profiler::shareOfLimit(const ordered_json &kernel, bool isInt8) const {
  auto least = [](double work, double rate) { return rate > 0 ? work / rate : 0; };
  double needed =
      std::max(least(number(kernel, "bytes"), limits.bytes),
               least(number(kernel, "operations"), isInt8 ? limits.int8Operations : limits.operations));
  return needed / number(kernel, "seconds");
}

void Profiler::add(const std::string &name, int64_t steps, const Profile &profile) {
  auto count = static_cast<double>(steps);
  ordered_json part = {{"name", name}, {"steps", steps}, {"seconds", profile.seconds() / count}};
  ordered_json kernels = ordered_json::array();
  double inKernels = 0;
  for (const Profile::Kernel &each : grouped(profile)) {
    ordered_json kernel = {{"kind", each.work ? each.work->kind : "unknown"},
                           {"name", each.work ? each.work->name : ""},
                           {"launches", static_cast<double>(each.launches) / count},
                           {"seconds", each.seconds / count},
                           {"share", each.seconds / profile.seconds()},
                           {"bytes", each.bytes / count},
                           {"operations", each.operations / count}};
    kernel["of_limit"] = shareOfLimit(kernel, each.work && each.work->isInt8);
    kernel["threads_busy"] =
        each.busySeconds / (each.seconds * static_cast<double>(json["threads"].get<int>()));
    inKernels += each.seconds;
    kernels.push_back(std::move(kernel));
  }
  part["kernels"] = std::move(kernels);
  part["between_kernels"] = {{"seconds", (profile.seconds() - inKernels) / count},
                             {"share", 1 - inKernels / profile.seconds()}};
  json["parts"].push_back(std::move(part));
}

std::string cli::profileText(const ordered_json &result) {
  using enum Table::Align;
  const ordered_json &limits = result["limits"];
  std::string text =
      fmt::format("threads {}; at most {}B/s, {}FLOP/s, {}OP/s of int8\n", result["threads"].get<int>(),
                  scaled(number(limits, "bytes_per_s")), scaled(number(limits, "operations_per_s")),
                  scaled(number(limits, "int8_operations_per_s")));
  for (const ordered_json &part : result["parts"]) {
    Table table({Left, Left, Right, Right, Right, Right, Right, Right, Right, Right});
    table.add({"kernel", "of", "ms", "share", "bytes", "FLOP", "GB/s", "GFLOP/s", "of limit", "busy"});
    double bytes = 0, operations = 0;
    for (const ordered_json &kernel : part["kernels"]) {
      double seconds = number(kernel, "seconds");
      bytes += number(kernel, "bytes"), operations += number(kernel, "operations");
      table.add({kernel["kind"].get<std::string>(), kernel["name"].get<std::string>(),
                 fmt::format("{:.3f}", seconds * 1e3), percent(number(kernel, "share")),
                 scaled(number(kernel, "bytes")), scaled(number(kernel, "operations")),
                 fmt::format("{:.1f}", number(kernel, "bytes") / seconds * 1e-9),
                 fmt::format("{:.1f}", number(kernel, "operations") / seconds * 1e-9),
                 percent(number(kernel, "of_limit")), percent(number(kernel, "threads_busy"))});
    }
    const ordered_json &between = part["between_kernels"];
    double seconds = number(part, "seconds");
    table.add({"between kernels", "", fmt::format("{:.3f}", number(between, "seconds") * 1e3),
               percent(number(between, "share"))});
    table.add({"all", "", fmt::format("{:.3f}", seconds * 1e3), "100.0 %", scaled(bytes), scaled(operations),
               fmt::format("{:.1f}", bytes / seconds * 1e-9),
               fmt::format("{:.1f}", operations / seconds * 1e-9)});
    text += "\n" + part["name"].get<std::string>() + "\n" + table.text(2);
  }
  return text;
}
