#!/usr/bin/env python3
# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes block_fixture.safetensors: what the Python package `gguf` makes of each block type.

TYPE.blocks (U8) dequantises to TYPE.values (F32); quantize.input (F32) quantises to quantize.TYPE (U8).
Needs numpy, gguf and safetensors. Usage: make_block_fixture.py [OUT]
"""

import pathlib
import sys

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as Type, quants
from safetensors.numpy import save_file

DEQUANTISED = ["F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "MXFP4"]
QUANTISED = ["F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"]
# Where in a block an f16 stands that scales it.
HALVES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82], "Q3_K": [108],
          "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "IQ4_NL": [0]}
VALUES = 512


def scale(rng, number):
    """Ordinary scales of both signs and, first, the special ones: zero, subnormal, largest."""
    special = [0.0, -0.0, 6e-8, 65504.0]
    return np.float16(special[number] if number < len(special) else rng.normal() * 0.02)


def random_blocks(rng, name):
    size, width = GGML_QUANT_SIZES[Type[name]]
    count = max(VALUES // size, 6 if size > 32 else 0)
    blocks = rng.integers(0, 256, (count, width), dtype=np.uint8)
    for number in range(count):
        for place in HALVES.get(name, []):
            blocks[number, place:place + 2] = np.frombuffer(scale(rng, number).tobytes(), np.uint8)
    if name == "MXFP4":  # exponents: the two subnormal ones, ordinary ones, the largest
        blocks[:, 0] = rng.integers(100, 140, count)
        blocks[:4, 0] = [0, 1, 2, 255]
    return blocks.reshape(-1)


def quantizer_input(rng):
    rows = rng.normal(size=(16, 32)).astype(np.float32)
    rows[1] = 0
    rows[2] = 1.5
    rows[3] = np.arange(32) - 16  # many ties between codes
    rows[4] = -np.arange(32) / 8
    rows[5] *= 1e-7  # scales below the normal f16 numbers
    rows[6] *= 1e4
    rows[7, ::2] = 3  # the largest magnitude several times, both signs
    rows[7, 1::2] = -3
    rows[8] = np.arange(32) - 15.5  # Q8_0 with scale 1: every element but the last is a tie
    rows[8, 31] = 127
    return rows


def main():
    rng = np.random.default_rng(7)
    out = {}
    for name in DEQUANTISED:
        if name in ("F16", "BF16"):
            bits = rng.integers(0, 2**16, VALUES).astype(np.uint16)
            exponent = 0x7C00 if name == "F16" else 0x7F80
            bits = np.where(bits & exponent == exponent, bits & 0x83FF, bits).astype(np.uint16)  # no NaN, no infinity
            blocks = bits.view(np.uint8)
        else:
            blocks = random_blocks(rng, name)
        out[f"{name.lower()}.blocks"] = blocks
        with np.errstate(over="ignore"):
            out[f"{name.lower()}.values"] = quants.dequantize(blocks, Type[name]).astype(np.float32)
    rows = quantizer_input(rng)
    out["quantize.input"] = rows
    for name in QUANTISED:
        out[f"quantize.{name.lower()}"] = np.ascontiguousarray(quants.quantize(rows, Type[name])).view(np.uint8)
    target = sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).with_name("block_fixture.safetensors")
    save_file(out, target)


if __name__ == "__main__":
    main()
