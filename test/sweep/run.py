#!/usr/bin/env python3
# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A generated sweep of attention: compiled programs against an independent computation. Needs numpy and safetensors.

  run.py BIN_DIR [--jobs N] [--only TEXT] [--keep FOLDER]

Each case is a small model with random weights; one program serves all token counts. Its main entry (fused, tiled) is compared with
  numpy     the same model written down in f64 (reference.py);
  taps      the entry behind --all-hidden, in which attention is in its parts;
  step      one token at a time through the cache;
  batch     two sequences of different lengths at once, against each alone;
and for some cases with programs that are compiled without fusions, or by `attune-compile --compare` with the reference interpreter. Ends with `N passed, N failed`; exit code 1 if any failed.
"""
import argparse
import concurrent.futures
import os
import subprocess
import sys
import tempfile

import numpy as np
from safetensors.numpy import load_file, save_file

from cases import CASES, TOKENS, ids_for
from reference import forward, weights_of, write_description

# Relative to the largest value of the output. Dot products of a few hundred f32 terms err by about 1e-6 of it; scores of size 10 carry
# that through the exponential, and two layers and their norms amplify it: 1e-5 is what to expect at worst.
TOLERANCE = 1e-4
# A key or value near the middle of two f16 numbers may round up in one computation and down in the other, from the second layer on even
# between a program's own entries. Rounding all of them, against none, changes the outputs by 4e-4 to 7e-4: a few must stay below that.
F16_TOLERANCE = 3e-4
# The same of integers with scales: rounding all of them changes the outputs by 2.6e-3 to 1.4e-2.
INT8_TOLERANCE = 2e-3


def tolerance_of(case):
    return {"f16": F16_TOLERANCE, "int8": INT8_TOLERANCE}.get(case["cache"], TOLERANCE)


class Program:
    """A compiled model, and what it gives for token ids."""

    def __init__(self, tools, folder, description, name, *options, environment=None):
        self.folder, self.path, self.environment = folder, os.path.join(folder, name), environment
        run([os.path.join(tools, "attune-compile"), description, "-o", self.path, *options])

    def __call__(self, ids, *options, mask=None):
        source, result = os.path.join(self.folder, "in.safetensors"), os.path.join(self.folder, "out.safetensors")
        tensors = {"input_ids": np.ascontiguousarray(ids, np.int64)}
        if mask is not None:
            tensors["attention_mask"] = np.ascontiguousarray(mask, np.int64)
        save_file(tensors, source)
        run([self.path, "run", source, "-o", result, *options], self.environment)
        outputs = load_file(result)
        return outputs["logits" if "logits" in outputs else "last_hidden_state"]


def run(command, environment=None):
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=os.environ | (environment or {}))
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}: {done.stderr.strip()[-500:]}")


class Results:
    """What was compared in one case."""

    def __init__(self, case):
        self.tolerance, self.passed, self.failures, self.worst = tolerance_of(case), 0, [], {}

    def compare(self, kind, what, got, expected):
        if got.shape != expected.shape:
            self.failures.append(f"{kind}, {what}: shape {got.shape}, expected {expected.shape}")
            return
        error = float(np.abs(got - expected).max() / np.abs(expected).max())
        self.worst[kind] = max(self.worst.get(kind, 0.0), error)
        if error <= self.tolerance:  # false for NaN
            self.passed += 1
        else:
            self.failures.append(f"{kind}, {what}: error {error:.2e} of the largest value, tolerance {self.tolerance:.0e}")


def check_tokens(case, weights, program, others, results):
    for count in TOKENS + case.get("more_tokens", []):
        ids = ids_for(count)
        got, what = program(ids[None]), f"{count} tokens"
        results.compare("numpy", what, got[0], forward(case, weights, ids))
        if count <= max(TOKENS):
            results.compare("taps", what, program(ids[None], "--all-hidden"), got)
        if case["kind"] == "decoder" and count in (1, 2, 5, 17, 33, 130):
            results.compare("step", what, program(ids[None], "--step"), got)
        for name, other in others.items():
            results.compare(name, what, other(ids[None]), got)


def check_batch(case, program, results):
    """A row of 33 tokens beside one of 7, which is padded on either side."""
    long, short = ids_for(33), ids_for(7, seed=1)
    for side, begin in (("left", 26), ("right", 0)):
        ids, mask = np.stack([long, np.zeros_like(long)]), np.zeros((2, 33), np.int64)
        ids[1, begin:begin + 7], mask[0], mask[1, begin:begin + 7] = short, 1, 1
        got = program(ids, mask=mask)
        results.compare("batch", f"long row, the other padded on the {side}", got[0], program(long[None])[0])
        results.compare("batch", f"short row, padded on the {side}", got[1, begin:begin + 7], program(short[None])[0])
        if np.any(got[1][mask[1] == 0]):
            results.failures.append(f"batch, padded on the {side}: outputs at padding are not 0")
        if case["kind"] == "decoder":
            results.compare("batch", f"step, padded on the {side}", program(ids, "--step", mask=mask), got)


def check(case, tools, folder):
    results = Results(case)
    try:
        weights = weights_of(case)
        save_file(weights, os.path.join(folder, "weights.safetensors"))
        description = write_description(case, folder)
        cache = f"--cache={case['cache']}"
        program = Program(tools, folder, description, "fused", cache)
        others = {f"without {f}": Program(tools, folder, description, f"without_{i}", cache, f"--disable-fusion={f}")
                  for i, f in enumerate(case.get("disable", []))}
        check_tokens(case, weights, program, others, results)
        check_batch(case, program, results)
        if case.get("interpreter"):
            check_interpreter(tools, description, results)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        results.failures.append(str(error))
    return results


def check_interpreter(tools, description, results):
    """The compiler's own comparison, of every value that the program shows with the reference interpreter's."""
    ids = ",".join(str(token) for token in ids_for(17))
    run([os.path.join(tools, "attune-compile"), description, f"--compare={ids}", f"--compare-tolerance={results.tolerance}"])
    results.passed += 1


def main(description, cases, check):
    """`check(case, tools, folder)` of each case, in a folder of its own; its result has `passed`, `failures` and `worst`."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="cases whose name holds this")
    parser.add_argument("--keep", help="an empty folder for models and programs (a temporary one by default)")
    arguments = parser.parse_args()
    tools = os.path.abspath(arguments.bin)
    cases = [case for case in cases if arguments.only in case["name"]]
    passed = failed = 0

    def checked(case):
        folder = os.path.join(root, case["name"])
        os.makedirs(folder)
        return check(case, tools, folder)

    with tempfile.TemporaryDirectory() as temporary, concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        root = os.path.abspath(arguments.keep or temporary)
        for case, results in zip(cases, pool.map(checked, cases)):
            passed, failed = passed + results.passed, failed + len(results.failures)
            worst = ", ".join(f"{kind} {error:.1e}" for kind, error in results.worst.items())
            print(f"{case['name']}: {results.passed} passed, {len(results.failures)} failed; worst: {worst}", flush=True)
            for failure in results.failures:
                print(f"  FAILED {failure}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(__doc__, CASES, check))
