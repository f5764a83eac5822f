# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles some of the models beside this file for 64-bit Arm, runs them under qemu-user and compares with what was recorded.

    python3 aarch64.py BIN_DIR SYSROOT

SYSROOT holds libc for the programs (scripts/sysroot). A line per check as run.py's; closes with `N passed, N failed`.
"""
import functools
import pathlib
import sys
import tempfile

import run
from run import EXAMPLES, HERE, Recorded
from support.programs import Failure, Program, Report, command, distance, same

EMULATOR = "qemu-aarch64"


class ArmProgram(Program):
    """Its path is a script that runs the program under the emulator."""

    def __init__(self, compiler, model, folder, sysroot, *options):
        self.folder, self.path, self.binary, self.sysroot = folder, folder / "run", folder / "program", sysroot
        command(compiler, model, "-o", self.binary, *options)
        self.on("max")

    def on(self, processor):
        """From now on it runs on this one of the emulator's."""
        self.path.write_text(f'#!/bin/sh\nexec {EMULATOR} -cpu {processor} -L "{self.sysroot}" "{self.binary}" "$@"\n')
        self.path.chmod(0o755)
        return self


def check_model(report, compiler, sysroot, model, cpu):
    recorded, name = Recorded(HERE / model), f"{model}, {cpu}"
    with tempfile.TemporaryDirectory() as work, report.group(name):
        program = ArmProgram(compiler, HERE / model, pathlib.Path(work), sysroot, f"--cpu={cpu}")
        (run.check_encoder if recorded.facts["kind"] == "encoder" else run.check_decoder)(report, name, recorded, program)


def check_quantized(report, compiler, sysroot, stored):
    """A program for two processors uses the best code that runs: integer products with an instruction for them and without are the same
    to the last bit."""
    recorded, name = Recorded(HERE / "llama"), f"llama, {stored} weights"
    prompts = [recorded.ids(prompt) for prompt, _ in recorded.find("logits")]
    with tempfile.TemporaryDirectory() as work, report.group(name):
        program = ArmProgram(compiler, HERE / "llama", pathlib.Path(work), sysroot, "--cpu=neoverse-n1,cortex-a72", f"--quantize={stored}")
        count = command("llvm-objdump-22", "-d", "--mcpu=neoverse-n1", program.binary).count("\tsdot\t")
        report.add(count > 0, f"{name}: instructions for integer products", count)
        runs = []
        for processor, used in (("cortex-a72", "cortex-a72"), ("max", "neoverse-n1")):
            report.add(f"{used} (in use)" in command(program.on(processor).path, "info"), f"{name}: on {processor}", f"{used} in use")
            runs.append([program.run(ids, "--threads", 1)["logits"] for ids in prompts])
        with report.check(f"{name}: with the instruction and without") as errors:
            errors += [same(got.values, want.values) for got, want in zip(*runs)]
        if stored != "q4_0":
            return
        with report.check(f"{name}: as on this machine") as errors:
            here = Program(compiler, HERE / "llama", pathlib.Path(work), f"--quantize={stored}")
            for ids, got in zip(prompts, runs[1]):
                want = here.run(ids)["logits"]
                # Sums in another order may round an activation the other way: what --compare takes with int8 activations.
                errors.append(distance(got, want, 0.05 * max(map(abs, want.values))))


def check_lacking(report, compiler, sysroot, cpu):
    name = f"a program for {cpu} on a lesser processor"
    with tempfile.TemporaryDirectory() as work, report.group(name):
        program = ArmProgram(compiler, EXAMPLES / "lecture_qkv.yaml", pathlib.Path(work), sysroot, f"--cpu={cpu}").on("cortex-a53")
        try:
            report.add(False, name, f"it ran: {command(program.path, 'attend')}")
        except Failure as error:
            report.add("dotprod" in str(error) and "--cpu=aarch64" in str(error), name, error)


def check_library(report, compiler, sysroot):
    """The C interface, from C."""
    with tempfile.TemporaryDirectory() as work, report.group("library"):
        work = pathlib.Path(work)
        command(compiler, HERE / "llama", "--cpu=aarch64", "--emit=lib", "-o", work / "libmodel.so")
        (work / "attune").mkdir()
        (work / "attune.h").rename(work / "attune/attune.h")
        command("clang-22", "--target=aarch64-linux-gnu", f"--sysroot={sysroot}", "-fuse-ld=lld", EXAMPLES / "c/generate.c", "-I", work, work / "libmodel.so",
                "-o", work / "generate")
        said = command(EMULATOR, "-L", sysroot, work / "generate", "the")
        report.add("tokens by" in said, "library: examples/c/generate.c", repr(said))


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    compiler, sysroot = pathlib.Path(sys.argv[1]) / "attune-compile", pathlib.Path(sys.argv[2]).resolve()
    tasks = [functools.partial(check_quantized, stored=stored) for stored in ("q4_0", "q8_0", "int8")]
    tasks += [check_library, functools.partial(check_model, model="qwen2_f16", cpu="apple-m1"), functools.partial(check_model, model="bert", cpu="aarch64"),
              functools.partial(check_lacking, cpu="neoverse-n1")]
    run.run_all(Report(), compiler, [(lambda report, compiler, task: task(report, compiler, sysroot), task) for task in tasks])


if __name__ == "__main__":
    main()
