#!/usr/bin/env python3
# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What can be said of a model's kernels for NVIDIA's GPUs on a machine without one.

  bench/device_kernels.py MODEL [--bin build/release/bin] [--tokens 512] [--taps] [OPTION of attune-compile...]
  bench/device_kernels.py bench/llama_1b.yaml --quantize=bf16 --activations=bf16

Two tables. What ptxas makes of each kernel: registers, a block's shared memory, bytes that spill (0 is what one wants), how full its blocks keep a
multiprocessor, and the instructions of matrix products that stand in it. And the least time a launch can take on each card for so many tokens:
what it reads and writes, each buffer once, at the bandwidth, or the operations of a product at the peak, whichever takes longer (the head with
the logits of all tokens, attention without its operations). Neither is a measurement: nothing here has run. ptxas comes with CUDA or PyPI's
nvidia-cuda-nvcc.
"""
import argparse
import math
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "test"))
from support import ptx

KERNEL = re.compile(r"gpu\.func @(\w+)\(.*?\)(?: workgroup\((.*)\))? kernel")
LAUNCH = re.compile(r"gpu\.launch_func +@device\w*::@(\w+) .*?threads in \(([^)]*)\).*?args\((.*)\)")
MEMREF = re.compile(r"memref<((?:[\d?]+x)*)(\w+)")
BITS = {"f32": 32, "i32": 32, "i64": 64, "f16": 16, "bf16": 16, "i8": 8}
DECLARED = 48 << 10  # bytes of a block's memory; what is more is given at the launch, and ptxas does not see it


class Launch:
    """A launch_func, with the shapes of the memory that it is given."""

    def __init__(self, name, threads, arguments):
        self.name = name
        self.threads = math.prod(int(size) for size in re.findall(r"%c(\d+)", threads))
        self.buffers = [([int(size) if size != "?" else None for size in shape.split("x")[:-1]], element) for shape, element in MEMREF.findall(arguments)]

    def is_for_one_chip(self):
        """Such kernels name it, and take weights by maps of theirs: bytes and operations are those of the same product's kernel for every chip."""
        return "_sm_90a_" in self.name

    def is_product(self):
        return "_linear_" in self.name

    def uses_matrix_units(self):
        return self.is_product() and "_few_" not in self.name

    def tokens(self, most):
        """Of the launch: products choose a kernel by the number of rows."""
        return 1 if "_few_" in self.name else most

    def bytes(self, tokens):
        return sum(self.elements(shape, element, tokens) * BITS[element] // 8 for shape, element in self.buffers if element in BITS)

    def elements(self, shape, element, tokens):
        if "_embed_" in self.name and element == "i8":  # a row of each token, 16 of which are a panel
            return tokens * shape[1] // 16
        if len(shape) == 4 and shape[0] is None and shape[3] == 16:  # keys, in groups of 16 rows
            return -(-tokens // 16) * math.prod(shape[1:])
        return math.prod(size or tokens for size in shape)

    def operations(self, tokens):
        """Of a product, whose weights are panels of 16 rows; the first buffer of tokens is the one it reads."""
        if not self.is_product():
            return 0
        columns = next(shape[1] for shape, element in self.buffers if element == "f32" and len(shape) == 2 and shape[0] is None)
        return sum(2 * tokens * 16 * shape[0] * columns for shape, element in self.buffers if element == "i8")

    def least_seconds(self, limits, tokens):
        peak = limits.matrix if self.uses_matrix_units() else limits.f32
        return max(self.bytes(tokens) / limits.bytes, self.operations(tokens) / peak)


def table(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    line = lambda row: "| " + " | ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths))) + " |"
    return "\n".join([line(rows[0]), "|" + "|".join("---" if i == 0 else "---:" for i in range(len(widths))) + "|", *map(line, rows[1:])])


def given_memory(text):
    """Of kernels in MLIR: {kernel: bytes of a block's memory}, where launches give it."""
    sizes = {name: sum(math.prod(map(int, shape.split("x")[:-1])) * BITS[element] // 8 for shape, element in MEMREF.findall(buffers or "")) for name, buffers in KERNEL.findall(text)}
    return {name: size for name, size in sizes.items() if size > DECLARED}


def assembly_table(launches, texts, given, ptxas):
    """`texts`: PTX for each chip; `given`: what launches give of a block's memory."""
    made = {chip: ptx.assemble(ptxas, text, chip) for chip, text in texts.items()}
    for kernels in made.values():
        for name in kernels.keys() & given.keys():
            kernels[name].shared = given[name]
    counts = ptx.kernels(texts["sm_90a"])
    rows = [["kernel", "threads", *(f"{what}, {chip}" for chip in ptx.CHIPS for what in ("registers", "blocks")), "shared bytes", "spilled bytes", *ptx.INSTRUCTIONS]]
    for launch in launches:
        each = {chip: kernels[launch.name] for chip, kernels in made.items() if launch.name in kernels}
        cells = [cell for chip in made for cell in ((str(each[chip].registers), f"{each[chip].blocks(chip, launch.threads)} ({each[chip].occupancy(chip, launch.threads):.0%})")
                                                    if chip in each else ("-", "-"))]
        rows.append([launch.name, str(launch.threads), *cells, str(max(kernel.shared for kernel in each.values())), str(max(kernel.spills for kernel in each.values())),
                     *(str(counts[launch.name][instruction] or "-") for instruction in ptx.INSTRUCTIONS)])
    return table(rows)


def roof_table(launches, tokens):
    rows = [["kernel", "tokens", "MB", "GFLOP", *(f"µs, {limits.card}" for limits in ptx.CHIPS.values()), "limit"]]
    for launch in launches:
        if launch.is_for_one_chip():
            continue
        count = launch.tokens(tokens)
        operations, limits = launch.operations(count), ptx.CHIPS["sm_90a"]
        seconds = launch.least_seconds(limits, count)
        rows.append([launch.name, str(count), f"{launch.bytes(count) / 1e6:.2f}", f"{operations / 1e9:.2f}" if operations else "-",
                     *(f"{1e6 * launch.least_seconds(each, count):.1f}" for each in ptx.CHIPS.values()), "memory" if seconds == launch.bytes(count) / limits.bytes else "arithmetic"])
    return table(rows)


def chips_from(first):
    """The first chip's assembly is what is emitted; kernels are numbered alike for all that the program is for."""
    return "--chip=" + ",".join(sorted(ptx.CHIPS, key=lambda chip: chip != first))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--bin", default=os.path.join(ROOT, "build/release/bin"))
    parser.add_argument("--tokens", type=int, default=512, help="of a prompt")
    parser.add_argument("--taps", action="store_true", help="kernels of the entry that shows the inside of the model as well")
    arguments, options = parser.parse_known_args()

    def emit(form, *more):
        done = subprocess.run([os.path.join(arguments.bin, "attune-compile"), arguments.model, "--target=cuda", f"--emit={form}", "-o", "-", *more, *options], capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr.strip())
        return done.stdout

    kernels = emit("gpu")
    launches = [launch for launch in (Launch(*found) for found in LAUNCH.findall(kernels)) if arguments.taps or "_taps_" not in launch.name]
    ptxas = ptx.find_ptxas()
    print(assembly_table(launches, {chip: emit("asm", chips_from(chip)) for chip in ptx.CHIPS}, given_memory(kernels), ptxas) if ptxas else "no ptxas here (CUDA, or PyPI's nvidia-cuda-nvcc): nothing is known of registers and spills")
    print("\n" + roof_table(launches, arguments.tokens))


if __name__ == "__main__":
    main()
