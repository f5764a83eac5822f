# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The recorded gpt-oss with its experts in MXFP4, as OpenAI publishes such models, and with what these blocks stand for."""
import array
import json
import math

from support import tensors
from support.tensors import Tensor

MAGNITUDES = (0, 0.5, 1, 1.5, 2, 3, 4, 6)
VALUES = MAGNITUDES + tuple(-value for value in MAGNITUDES)
BLOCK = 32
SETTINGS = {"quantization_config": {"quant_method": "mxfp4", "modules_to_not_convert": [
    "model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"]}}


def encoded(block):
    """16 bytes of neighbouring elements and the exponent of 32 numbers."""
    exponent = max(-127, math.frexp(max(map(abs, block)))[1] - 3)  # the largest becomes at most 8, which 6 stands for
    codes = [min(range(16), key=lambda code: (abs(VALUES[code] - value / 2.0 ** exponent), code)) for value in block]
    return [low | high << 4 for low, high in zip(codes[::2], codes[1::2])], exponent + 127


def decoded(codes, exponent):
    """The definition: e2m1 elements times a power of two."""
    return [VALUES[code] * 2.0 ** (exponent - 127) for byte in codes for code in (byte & 15, byte >> 4)]


def rows_of(tensor, width):
    """[experts, in, out] as rows [expert][out] of `in` numbers, filled up with zeros to `width`."""
    count, rows, columns = tensor.shape
    at = lambda e, i, o: tensor.values[(e * rows + i) * columns + o]
    return [[[at(e, i, o) if i < rows else 0.0 for i in range(width)] for o in range(columns)] for e in range(count)]


def padded(named, size, width):
    """Experts with `width` instead of `size` inner elements, which do nothing: gate and up alternate."""
    result = dict(named)
    for name, tensor in named.items():
        if ".experts.gate_up_proj" in name:
            rows = [row + array.array("f", bytes(4 * 2 * (width - size))) for row in tensor.rows()]
            result[name] = Tensor([*tensor.shape[:-1], 2 * width], array.array("f", (x for row in rows for x in row)))
    return result


def write(folder, config, named):
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    tensors.save(folder / "model.safetensors", named)
    return folder


def models(source, target):
    """Two folders: experts in blocks, and as plain numbers [experts, in, out]."""
    config = json.loads((source / "config.json").read_text())
    size = config["intermediate_size"]
    config["intermediate_size"] = -(-size // BLOCK) * BLOCK
    blocks, plain = {}, {}
    for name, tensor in padded(tensors.load(source / "model.safetensors"), size, config["intermediate_size"]).items():
        if ".experts." not in name or name.endswith("_bias"):
            blocks[name] = plain[name] = tensor
            continue
        width = -(-tensor.shape[1] // BLOCK) * BLOCK
        experts = rows_of(tensor, width)
        parts = [encoded(row[at:at + BLOCK]) for rows in experts for row in rows for at in range(0, width, BLOCK)]
        shape = [len(experts), len(experts[0]), width // BLOCK]
        blocks[name + "_blocks"] = Tensor([*shape, BLOCK // 2], array.array("B", (byte for codes, _ in parts for byte in codes)))
        blocks[name + "_scales"] = Tensor(shape, array.array("B", (exponent for _, exponent in parts)))
        values = [value for codes, exponent in parts for value in decoded(codes, exponent)]
        turned = (values[(e * shape[1] + o) * width + i] for e in range(shape[0]) for i in range(width) for o in range(shape[1]))
        plain[name] = Tensor([shape[0], width, shape[1]], array.array("f", turned))
    return write(target / "blocks", config | SETTINGS, blocks), write(target / "plain", config, plain)
