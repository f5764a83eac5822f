// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/parallel/Cores.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sched.h>
#include <set>
#include <string>
#include <unistd.h>
#include <vector>

namespace attune {

namespace {

/// The numbers of the CPUs in the affinity mask; empty if the system does not tell.
std::vector<int> allowedCpus() {
  constexpr int Most = 1 << 16; // the kernel refuses a mask shorter than its own: grow until it fits
  for (int cpus = 1024; cpus <= Most; cpus *= 2) {
    cpu_set_t *mask = CPU_ALLOC(cpus);
    if (!mask)
      return {};
    size_t bytes = CPU_ALLOC_SIZE(cpus);
    std::vector<int> allowed;
    bool known = sched_getaffinity(0, bytes, mask) == 0;
    for (int cpu = 0; known && cpu < cpus; ++cpu)
      if (CPU_ISSET_S(cpu, bytes, mask))
        allowed.push_back(cpu);
    CPU_FREE(mask);
    if (known)
      return allowed;
  }
  return {};
}

/// The hardware threads of this CPU's core as the kernel lists them ("0,64"): equal for siblings. Its own
/// number where there is no such file, so that every CPU counts as a core.
std::string coreOf(int cpu) {
  std::ifstream file("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list");
  std::string siblings;
  return std::getline(file, siblings) && !siblings.empty() ? siblings : "cpu " + std::to_string(cpu);
}

/// CPUs' worth of time that the control group grants, rounded up; 0 if there is no limit.
int quotaOfControlGroup() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  double quota = 0, period = 0;
  if (!(file >> quota >> period) || period <= 0) // "max 100000" means no limit and fails to parse
    return 0;
  return static_cast<int>(std::ceil(quota / period));
}

} // namespace

int usableCores() {
  std::set<std::string> cores;
  for (int cpu : allowedCpus())
    cores.insert(coreOf(cpu));
  long count = cores.empty() ? sysconf(_SC_NPROCESSORS_ONLN) : static_cast<long>(cores.size());
  if (int quota = quotaOfControlGroup(); quota > 0)
    count = std::min<long>(count, quota);
  return static_cast<int>(std::max<long>(count, 1));
}

} // namespace attune
