# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What can be known of kernels for NVIDIA's GPUs without one: their PTX, and what ptxas makes of it."""
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

# The instructions that fast products of many rows are made of.
INSTRUCTIONS = ("mma.sync", "ldmatrix", "cp.async.cg", "wgmma.mma_async", "cp.async.bulk.tensor", "mbarrier.try_wait")


@dataclasses.dataclass
class Limits:
    """Of one multiprocessor (CUDA C++ Programming Guide, "Technical Specifications per Compute Capability"), and of a whole card."""
    card: str
    shared: int           # bytes for all blocks
    bytes: float          # of memory a second
    f32: float            # operations a second
    matrix: float         # the same in f16 and bf16 on matrix units, sums in f32
    registers: int = 65536
    threads: int = 2048
    blocks: int = 32
    reserved: int = 1024  # bytes of shared memory that each block takes beside its own


CHIPS = {"sm_80": Limits("A100 80GB SXM", 164 << 10, 2.039e12, 19.5e12, 312e12),
         "sm_90a": Limits("H100 SXM", 228 << 10, 3.35e12, 67e12, 989e12)}


def find_ptxas():
    """NVIDIA's assembler where the compiler looks for it, or as PyPI's nvidia-cuda-nvcc has it; None if there is none."""
    packages = (path for folder in sys.path for path in pathlib.Path(folder or ".").glob("nvidia/*/bin/ptxas"))
    return shutil.which("ptxas") or shutil.which("/usr/local/cuda/bin/ptxas") or next(map(str, packages), None)


def kernels(text):
    """Of PTX: {kernel: {instruction: how often it stands there}}, in their order."""
    parts = re.split(r"\.visible \.entry (\w+)\(", text)[1:]
    return {name: {each: body.count(each) for each in INSTRUCTIONS} for name, body in zip(parts[::2], parts[1::2])}


@dataclasses.dataclass
class Assembled:
    """A kernel as ptxas made it."""
    registers: int
    shared: int  # bytes of a block that the kernel declares: more than 48 KB are given at the launch instead
    stack: int
    spills: int  # bytes, stores and loads

    def blocks(self, chip, threads):
        """How many blocks of so many threads a multiprocessor holds at once."""
        up = lambda value, unit: -(-value // unit) * unit
        limits, warps = CHIPS[chip], -(-threads // 32)
        by_registers = limits.registers // up(self.registers * 32, 256) // 4 * 4 // warps  # four schedulers with as many warps each
        by_shared = limits.shared // up(self.shared + limits.reserved, 128)
        return min(limits.threads // (warps * 32), limits.blocks, by_registers, by_shared)

    def occupancy(self, chip, threads):
        """The share of the threads that a multiprocessor could hold."""
        return self.blocks(chip, threads) * threads / CHIPS[chip].threads


def assemble(ptxas, text, chip):
    """{kernel: Assembled}."""
    with tempfile.TemporaryDirectory() as work:
        source = os.path.join(work, "kernels.ptx")
        pathlib.Path(source).write_text(text)
        done = subprocess.run([ptxas, "-v", "-O3", f"-arch={chip}", source, "-o", os.path.join(work, "kernels.cubin")], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"ptxas for {chip}: {done.stderr[-500:]}")
    parts = re.split(r"Compiling entry function '(\w+)'", done.stdout + done.stderr)[1:]
    number = lambda pattern, said: int(found[1]) if (found := re.search(pattern, said)) else 0
    return {name: Assembled(number(r"Used (\d+) registers", said), number(r"(\d+) bytes smem", said), number(r"(\d+) bytes stack frame", said),
                            number(r"(\d+) bytes spill stores", said) + number(r"(\d+) bytes spill loads", said))
            for name, said in zip(parts[::2], parts[1::2])}
