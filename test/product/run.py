#!/usr/bin/env python3
# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs and the compiler from outside: files, paths, options, bad input.

  run.py BIN_DIR [PART...]       BIN_DIR holds attune-compile; the last line is "N passed, N failed"
"""
import concurrent.futures, os, re, shutil, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import bad_input, comparison, device_tokens, devices, harness, inspection, programs

# A part is a function test_PART of these.
PARTS = {name[5:]: part for module in (bad_input, inspection, programs, devices, device_tokens, comparison) for name, part in vars(module).items() if name.startswith("test_")}


def apart(name):
    """A part in a process of its own, with its own folder: what it printed but for the count, and the count."""
    done = subprocess.run([sys.executable, os.path.abspath(__file__), harness.BIN, name], capture_output=True, text=True)
    count = re.search(r"(\d+) passed, (\d+) failed\n$", done.stdout)
    if not count:
        return f"{name.replace('_', ' ')}\nFAILED: it ended with {done.returncode} and without a count\n{done.stdout}{done.stderr}", 0, 1
    return done.stdout[:count.start()] + done.stderr, int(count[1]), int(count[2])


passed, failed = 0, 0
try:
    names = sys.argv[2:] or list(PARTS)
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        sys.exit(f"no part is named {', '.join(unknown)}; there are {', '.join(PARTS)}")
    if len(sys.argv) == 3:
        print(names[0].replace("_", " "), flush=True)
        PARTS[names[0]]()
        passed, failed = harness.passed, harness.failed
    else:  # as many at once as there are processors
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for text, right, wrong in pool.map(apart, names):
                print(text, end="", flush=True)
                passed, failed = passed + right, failed + wrong
finally:
    shutil.rmtree(harness.WORK, ignore_errors=True)
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
