# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""COMMAND...: runs it; prints one JSON object with its seconds and the most anonymous memory (MB) that it had, looked up every 20 ms."""
import json
import subprocess
import sys
import time


def anonymous_kilobytes(pid):
    try:
        return next(int(line.split()[1]) for line in open(f"/proc/{pid}/status") if line.startswith("RssAnon"))
    except (OSError, StopIteration):  # it is over
        return 0


begin, most = time.perf_counter(), 0
process = subprocess.Popen(sys.argv[1:], stdout=sys.stderr)
while process.poll() is None:
    most = max(most, anonymous_kilobytes(process.pid))
    time.sleep(0.02)
if process.returncode:
    sys.exit(process.returncode)
print(json.dumps({"seconds": time.perf_counter() - begin, "anonymous_mb": most / 1024}))
