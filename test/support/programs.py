# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Running compiled programs and counting what holds."""
import contextlib
import math
import os
import pathlib
import subprocess
import sys
import threading

from . import tensors

RELATIVE = 1e-4
TIMEOUT = 600  # seconds


class Failure(Exception):
    pass


def command(*words, text=None, device=None):
    """What a program prints, on this device if one is named; a Failure when it fails."""
    words = [str(word) for word in words]
    environment = {**os.environ, "ATTUNE_DEVICE": device} if device else None
    result = subprocess.run(words, input=text, capture_output=True, text=True, timeout=TIMEOUT, env=environment)
    if result.returncode:
        raise Failure(f"{pathlib.Path(words[0]).name} gave {result.returncode}: {result.stderr.strip()[-300:]}")
    return result.stdout


class Report:
    """Counts checks, a line for each."""

    def __init__(self):
        self.passed = self.failed = 0
        self.lock = threading.Lock()  # checks may run side by side

    @contextlib.contextmanager
    def check(self, name):
        """Yields a list to put errors into, each a share of its tolerance; above 1 fails, and so does an empty list."""
        errors = []
        try:
            yield errors
            good = bool(errors) and all(error <= 1 for error in errors)  # not so for NaN
            self.add(good, name, f"{max(errors):.3f} of the tolerance" if errors else "nothing was compared")
        except (Failure, OSError, KeyError, ValueError, subprocess.TimeoutExpired) as error:
            self.add(False, name, f"{type(error).__name__}: {error}")

    @contextlib.contextmanager
    def group(self, name):
        """Checks that share a program: when it cannot be compiled, that is one failed check."""
        try:
            yield
        except (Failure, OSError, subprocess.TimeoutExpired) as error:
            self.add(False, name, str(error))

    def add(self, good, name, detail):
        with self.lock:
            self.passed += good
            self.failed += not good
            print(f"{'ok  ' if good else 'FAIL'} {name:58} {detail}", flush=True)

    def close(self):
        """The last line, and the exit code."""
        print(f"{self.passed} passed, {self.failed} failed")
        sys.exit(self.failed > 0 or self.passed == 0)


def distance(got, want, tolerance, rows=None):
    """The largest error as a share of tolerance + RELATIVE |want|; of those rows of the last dimension that are True."""
    if got.shape != want.shape:
        raise Failure(f"the shape is {got.shape}, expected {want.shape}")
    if rows is None:
        pairs = list(zip(got.values, want.values))
    else:
        assert len(rows) * want.shape[-1] == len(want.values)
        pairs = [pair for g, w, chosen in zip(got.rows(), want.rows(), rows) if chosen for pair in zip(g, w)]
    if not all(math.isfinite(g) for g, _ in pairs):
        return math.inf
    return max(abs(g - w) / (tolerance + RELATIVE * abs(w)) for g, w in pairs)


def same(got, want):
    return 0.0 if list(got) == list(want) else math.inf


class Program:
    """MODEL compiled into a folder, which also takes the tensors of its runs."""

    def __init__(self, compiler, model, folder, *options):
        self.path, self.folder = folder / "program", folder
        command(compiler, model, "-o", self.path, *options)

    @classmethod
    def compiled(cls, path, folder):
        """One that is there already."""
        program = cls.__new__(cls)
        program.path, program.folder = path, folder
        return program

    def run(self, ids, *flags):
        return self.run_inputs({"input_ids": ids}, *flags)

    def run_inputs(self, inputs, *flags, device=None):
        given, result = self.folder / "in.safetensors", self.folder / "out.safetensors"
        result.unlink(missing_ok=True)
        tensors.save_ids(given, inputs)
        self.said = command(self.path, "run", given, "-o", result, *flags, device=device)
        return tensors.load(result)
