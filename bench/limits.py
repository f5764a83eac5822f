# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the machine can do at most, by limits.c: limits(threads)["read_GBps"] is [best, median]; also fma_GFLOPs, int8_GOPs, int8_block_GOPs."""
import functools
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


@functools.cache
def program():
    path = os.path.join(tempfile.mkdtemp(), "limits")
    compiler = next((each for each in ("clang-22", "clang", "gcc") if subprocess.run(["which", each], capture_output=True).returncode == 0), "cc")
    subprocess.run([compiler, "-O3", "-march=native", "-pthread", os.path.join(HERE, "limits.c"), "-o", path], check=True)
    return path


def limits(threads, repeats=3):
    return json.loads(subprocess.check_output([program(), str(threads), str(repeats)]))


if __name__ == "__main__":
    print(json.dumps(limits(int(sys.argv[1]) if len(sys.argv) > 1 else len(os.sched_getaffinity(0)))))
