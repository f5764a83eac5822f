# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Numbers at the edges of types, and long contexts: compiled programs against numpy in f64. The reference interpreter's tests of the same
are in test/dialect/reference.

    python3 edges.py BIN_DIR [--jobs N] [--only NAME] [--keep FOLDER]

A case is a model of one layer without norms and residuals, so that attention's result is what comes out. Of long prompts only some
rows are computed in numpy. Closes with `N passed, N failed`.
"""
import json
import math
import os
import subprocess
import sys

import numpy as np
from safetensors.numpy import save_file

from run import F16_TOLERANCE, Program, TOLERANCE, main

VOCABULARY = 32
SUM_TOLERANCE = 4096 * 2.0 ** -24  # 4096 equal terms summed up in f32, one after the other, at worst; in f16 or bf16 they stop at a small part of the sum

class Results:
    def __init__(self):
        self.passed, self.failures, self.worst = 0, [], {}

    def compare(self, what, got, expected, tolerance):
        size = np.abs(expected).max() or 1.0
        error = float(np.abs(got - expected).max() / size)
        self.worst[what] = error
        if got.shape == expected.shape and error <= tolerance:  # false for NaN
            self.passed += 1
        else:
            self.failures.append(f"{what}: error {error:.2e} of the largest value, tolerance {tolerance:.0e}")


def write(folder, name, hidden, weights, attention=None, feed_forward=None, **more):
    """The description's path. `weights` are f32 unless they have another type already."""
    layer = {"at": 0}
    if attention is not None:
        layer["attention"] = {"heads": 1, "head_size": hidden, "mask": "causal", "residual": False, "output": False, **attention}
    if feed_forward is not None:
        layer["feed_forward"] = {"residual": False, **feed_forward}
    model = {"name": name, "kind": "decoder", "vocabulary": VOCABULARY, "hidden": hidden, "context": 256, "layers": [layer],
             "head": {"tied": False}, "weights": {"file": name + ".safetensors"}, **more}
    save_file({key: np.ascontiguousarray(value if value.dtype == np.float16 else value.astype(np.float32)) for key, value in weights.items()},
              os.path.join(folder, name + ".safetensors"))
    path = os.path.join(folder, name + ".yaml")
    with open(path, "w") as file:
        json.dump(model, file)
    return path


def random_weights(hidden, seed=0):
    rng = np.random.default_rng(seed)
    weights = {"embedding": rng.standard_normal((VOCABULARY, hidden)), "head": rng.standard_normal((VOCABULARY, hidden)) / math.sqrt(hidden)}
    for name in ("query", "key", "value"):
        weights[f"layer.0.attention.{name}"] = rng.standard_normal((hidden, hidden)) / math.sqrt(hidden)
    return {name: value.astype(np.float32) for name, value in weights.items()}


def ids_of(count, seed=0):
    return np.random.default_rng(seed).integers(0, VOCABULARY, count)


def row(weights, ids, position, scale=None, f16=False, bias=None, turn=None):
    """Logits of one position, in f64. `bias(distances)`: added to the scores. `turn(x, positions)`: rotary positions."""
    w = {name: value.astype(np.float64) for name, value in weights.items()}
    x = w["embedding"][ids[:position + 1]]
    q, k, v = (x[-1:] @ w["layer.0.attention.query"].T, x @ w["layer.0.attention.key"].T, x @ w["layer.0.attention.value"].T)
    if turn:
        q, k = turn(q, np.array([position])), turn(k, np.arange(position + 1))
    if f16:
        k, v = k.astype(np.float16).astype(np.float64), v.astype(np.float16).astype(np.float64)
    scores = (q @ k.T)[0] * (1 / math.sqrt(q.shape[1]) if scale is None else scale)
    if bias:
        scores = scores + bias(position - np.arange(position + 1))
    if np.all(scores == -np.inf):
        return np.zeros(VOCABULARY)
    shares = np.exp(scores - scores.max())
    return shares / shares.sum() @ v @ w["head"].T


def check_rows(results, name, got, weights, ids, positions, **how):
    for position in positions:
        tolerance = F16_TOLERANCE if how.get("f16") else TOLERANCE
        results.compare(f"{name}, row {position}", got[position], row(weights, ids, position, **how), tolerance)


def equal_scores(tools, folder, results):
    """4096 and more equal scores: shares of 1/4096 whose sum must be kept in f32. Also decoding against 1, 2, 17, 4097 cached keys."""
    hidden = 16
    weights = random_weights(hidden)
    weights["layer.0.attention.query"][:] = 0
    for cache in ("f32", "f16"):
        description = write(folder, f"equal_{cache}", hidden, weights, attention={}, context=8200)
        program = Program(tools, folder, description, f"equal_{cache}_program", f"--cache={cache}")
        for count in (4096, 4097, 8193):
            ids = ids_of(count)
            check_rows(results, f"{cache}, {count} equal scores", program(ids[None])[0], weights, ids, (0, 1, 16, count // 2, count - 1), f16=cache == "f16")
        ids = ids_of(4098)
        check_rows(results, f"{cache}, one token at a time", program(ids[None], "--step")[0], weights, ids, (0, 1, 2, 17, 4096, 4097), f16=cache == "f16")


def device_keys(tools, folder, results):
    """8192 keys and more on a device, which holds a tile of them at a time; the device is emulated."""
    hidden = 16
    weights = random_weights(hidden, seed=8)
    program = Program(tools, folder, write(folder, "device", hidden, weights, attention={}, context=8200), "device_program", "--target=cuda", "--emulate", "--chip=sm_80",
                      environment={"ATTUNE_DEVICE": "emulate"})
    ids = ids_of(8193, seed=9)
    check_rows(results, "8193 keys on a device", program(ids[None])[0], weights, ids, (0, 1, 63, 4096, 8191, 8192))
    check_rows(results, "one token at a time", program(ids[None, :300], "--step")[0], weights, ids, (0, 1, 127, 128, 129, 256, 299))


def large_products(tools, folder, results):
    """q.k of some 1e6, beyond f16, before a scale of 1e-6; and scores of 1e4 and more, of which one key takes all."""
    hidden = 16
    for name, gain, scale in (("large products", 250.0, 1e-6), ("large scores", 60.0, 1.0)):
        weights = random_weights(hidden, seed=1)
        for part in ("query", "key"):
            weights[f"layer.0.attention.{part}"] *= np.float32(gain)
        for cache in ("f32", "f16"):
            file = f"{name.replace(' ', '_')}_{cache}"
            program = Program(tools, folder, write(folder, file, hidden, weights, attention={"scale": scale}), file + "_program", f"--cache={cache}")
            ids = ids_of(150, seed=2)
            for step in ((), ("--step",)):
                check_rows(results, f"{name}, {cache} {' '.join(step)}", program(ids[None], *step)[0], weights, ids, (0, 1, 7, 40, 149), scale=scale, f16=cache == "f16")


def infinite_bias(tools, folder, results):
    """A bias of minus infinity is a mask: of 8 buckets those from distance 4 on, and then the query's own key as well, so that the first
    row sees no key at all and is zeros."""
    hidden = 16
    table = np.random.default_rng(3).standard_normal(8)
    table[4:] = -np.inf  # the first four buckets hold a distance each
    for name, own in (("bias", table[0]), ("bias, own key hidden", -np.inf)):
        weights = random_weights(hidden, seed=4)
        values = table.copy()
        values[0] = own
        weights["relative_bias"] = values[:, None].astype(np.float32)
        file = "bias" if own > -np.inf else "hidden_bias"
        program = Program(tools, folder, write(folder, file, hidden, weights, attention={"relative_bias": {"buckets": 8, "max_distance": 16}}), file + "_program")
        ids = ids_of(200, seed=5)
        seen = lambda distances, values=values: np.where(distances < 4, values.astype(np.float32).astype(np.float64)[np.minimum(distances, 3)], -np.inf)
        for step in ((), ("--step",)):
            check_rows(results, f"{name} {' '.join(step)}", program(ids[None], *step)[0], weights, ids, (0, 1, 3, 4, 17, 199), bias=seen)


def llama3_frequencies(dims, base, factor, low, high, original):
    frequencies = base ** (-np.arange(dims // 2) * 2.0 / dims)
    lengths = 2 * math.pi / frequencies
    smooth = (original / lengths - low) / (high - low)
    between = (1 - smooth) * frequencies / factor + smooth * frequencies
    return np.where(lengths < original / high, frequencies, np.where(lengths > original / low, frequencies / factor, between))


def far_positions(tools, folder, results):
    """Llama 3's frequencies in three bands at position 9000, beyond the original context."""
    hidden, scaling = 32, {"factor": 32.0, "low_frequency_factor": 1.0, "high_frequency_factor": 4.0, "original_context": 8192}
    weights, base = random_weights(hidden, seed=6), 500000.0
    weights["layer.0.attention.query"] *= np.float32(3)  # so that positions matter
    frequencies = llama3_frequencies(hidden, base, *scaling.values())
    bands = {np.sum(np.isclose(frequencies, base ** (-np.arange(hidden // 2) * 2.0 / hidden) / divisor)) for divisor in (1.0, 32.0)}
    if 0 in bands or sum(bands) >= hidden // 2:
        results.failures.append("the sizes do not meet all three bands")

    def turn(x, positions):
        half = hidden // 2
        cosine, sine = np.cos(positions[:, None] * frequencies), np.sin(positions[:, None] * frequencies)
        return np.concatenate([x[:, :half] * cosine - x[:, half:] * sine, x[:, half:] * cosine + x[:, :half] * sine], -1)

    rotary = {"dims": hidden, "pairing": "half_split", "base": base, "scaling": {"kind": "llama3", **scaling}}
    program = Program(tools, folder, write(folder, "far", hidden, weights, attention={"rotary": rotary}, context=9100), "far_program")
    ids = ids_of(9001, seed=7)
    check_rows(results, "llama3 scaling", program(ids[None])[0], weights, ids, (1, 100, 8191, 9000), turn=turn)


def long_products(tools, folder, results):
    """Products of 4096 times 0.1 * 0.1, whose sums in f16 or bf16 would stop growing: accumulated in f32, whatever the weights' type."""
    hidden = 4096
    for storage in ("f32", "f16", "bf16"):
        weights = {"embedding": np.full((VOCABULARY, hidden), 0.1, np.float32), "head": np.full((VOCABULARY, hidden), 0.1, np.float32),
                   "layer.0.feed_forward.up": np.full((16, hidden), 0.1, np.float32), "layer.0.feed_forward.down": np.full((hidden, 16), 0.1, np.float32)}
        for name in ("query", "key", "value"):  # of an attention that adds nothing: models without any are not compiled
            weights[f"layer.0.attention.{name}"] = np.zeros((8, hidden), np.float32)
        weights["layer.0.attention.output"] = np.zeros((hidden, 8), np.float32)
        description = write(folder, f"long_{storage}", hidden, weights, attention={"head_size": 8, "residual": True, "output": True},
                            feed_forward={"size": 16, "activation": "identity"})
        program = Program(tools, folder, description, f"long_{storage}_program", f"--quantize={storage}")
        tenth = {"f32": float(np.float32(0.1)), "f16": float(np.float16(0.1)), "bf16": 0.10009765625}[storage]
        expected = np.full((1, VOCABULARY), 4096 * tenth * (16 * tenth * (4096 * tenth * tenth)))
        for count in (1, 3, 33):
            results.compare(f"{storage}, {count} tokens", program(ids_of(count)[None])[0], np.repeat(expected, count, 0), 2 * SUM_TOLERANCE)  # two long products


CASES = [dict(name=check.__name__, check=check) for check in (equal_scores, device_keys, large_products, infinite_bias, far_positions, long_products)]


def check(case, tools, folder):
    results = Results()
    try:
        case["check"](tools, folder, results)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        results.failures.append(str(error))
    if results.worst:
        worst = max(results.worst, key=results.worst.get)
        results.worst = {worst: results.worst[worst]}
    return results


if __name__ == "__main__":
    sys.exit(main(__doc__, CASES, check))
