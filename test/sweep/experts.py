# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Sweeps mixtures of experts: sizes, choices, kinds of routing and storage, numbers of tokens; against the reference interpreter in every
case, against numpy where weights are f32.

    python3 experts.py BIN_DIR [--jobs N] [--only NAME] [--keep FOLDER]

Closes with `N passed, N failed`.
"""
import json
import os
import subprocess
import sys

import numpy as np
from safetensors.numpy import load_file, save_file

from run import main, run

VOCABULARY, HIDDEN, EPS = 64, 32, 1e-5
TOKENS = [1, 7, 33]
INT8_TOLERANCE = 0.05  # of a token's size: what the compiler's own comparison takes for int8 activations
TOLERANCE = 1e-4


def case(count, chosen, size, **more):
    words = [f"{key}_{value}" if not isinstance(value, (bool, dict, list)) else key for key, value in more.items()]
    return dict(name="_".join([f"{chosen}of{count}_{size}", *words]), count=count, chosen=chosen, size=size, **more)


# `storage` int8, q8_0 and q4_0 are run with f32 activations; with int8 ones too where they cannot change the choice.
CASES = [
    case(1, 1, 8),
    case(4, 1, 16, scores="sigmoid", weigh_input=True, shared=16),
    case(8, 2, 24, renormalize=True, also=["residual-norm", "linear-split", "ffn,linear-split,scales,attention,residual-norm"]),
    case(8, 8, 40, scale=2.5, gated=False),
    case(6, 3, 24, scores="softmax_chosen", router_bias=True, bias=True, limit=1.0, up_offset=1.0, activation="quick_gelu"),
    case(16, 3, 33, scores="sigmoid", correction_bias=True, renormalize=True, groups=4, top_groups=2, group_score="top2_sum", scale=2.5),
    case(12, 4, 20, groups=3, top_groups=2, shared=17),
    case(130, 6, 16, renormalize=True, shared=24, shared_gate=True),
    case(8, 2, 48, storage="bf16", renormalize=True),
    case(8, 2, 64, storage="q8_0", renormalize=True, bias=True),
    case(8, 2, 64, storage="q8_0", one_sided=True, bias=True),
    case(8, 2, 64, storage="int8", renormalize=True, bias=True),
    case(5, 2, 40, storage="int8", one_sided=True, shared=32, shared_gate=True),
    case(5, 2, 40, storage="q4_0", shared=32, shared_gate=True),
    case(5, 2, 40, storage="q4_0", one_sided=True, shared=32, shared_gate=True),
    case(4, 1, 64, storage="q4_0", one_sided=True, scores="sigmoid", weigh_input=True),
    # Every token chooses the same experts: the others have none. Inner vectors as wide as the hidden ones.
    case(32, 2, 32, one_sided=True, more_tokens=[300]),
]


def matrices(case):
    """(parameter, shape) of what the feed-forward network of a layer has."""
    count, size, gated = case["count"], case["size"], case.get("gated", True)
    parts = [("gate", size, HIDDEN), ("up", size, HIDDEN), ("down", HIDDEN, size)][0 if gated else 1:]
    yield "router", (count, HIDDEN)
    if case.get("router_bias"):
        yield "router.bias", (count,)
    if case.get("correction_bias"):
        yield "correction_bias", (count,)
    for name, rows, columns in parts:
        yield f"experts.{name}", (count, rows, columns)
        if case.get("bias"):
            yield f"experts.{name}.bias", (count * rows,)
        if case.get("shared"):
            shared = {size: case["shared"]}
            yield f"shared.{name}", (shared.get(rows, rows) if name != "down" else rows, shared.get(columns, columns) if name == "down" else columns)
    if case.get("shared_gate"):
        yield "shared.score", (1, HIDDEN)


def weights_of(case):
    rng = np.random.default_rng(case["count"] * 1000 + case["size"])

    def random(shape):
        if len(shape) == 1:
            return (0.3 * rng.standard_normal(shape)).astype(np.float32)
        return (rng.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32)

    weights = {"embedding": 2 * random((VOCABULARY, HIDDEN)) * np.float32(np.sqrt(HIDDEN)), "head": random((VOCABULARY, HIDDEN)), "final_norm": 1 + random((HIDDEN,))}
    for layer in range(2):
        a, f = f"layer.{layer}.attention.", f"layer.{layer}.feed_forward."
        weights[a + "norm_before"], weights[f + "norm_before"] = 1 + random((HIDDEN,)), 1 + random((HIDDEN,))
        for name in ("query", "key", "value", "output"):
            weights[a + name] = random((HIDDEN, HIDDEN))
        for name, shape in matrices(case):
            # Logits apart: a choice must not hang on the last bit.
            weights[f + name] = random(shape) * np.float32(3 if name == "router" else 1)
        if case.get("one_sided"):
            order = np.random.default_rng(case["count"]).permutation(case["count"])
            weights[f + "correction_bias"] = (9 * order).astype(np.float32)
    return weights


def write_description(case, folder):
    norm = {"kind": "rms", "eps": EPS}
    experts = {"count": case["count"], "per_token": case["chosen"]}
    for key in ("scores", "renormalize", "scale", "groups", "top_groups", "group_score", "router_bias", "correction_bias", "weigh_input", "limit", "up_offset"):
        if key in case:
            experts[key] = case[key]
    if case.get("shared"):
        experts["shared"] = {"size": case["shared"], "gate": case.get("shared_gate", False)}
    if case.get("one_sided"):
        experts["correction_bias"] = True
    attention = {"heads": 4, "key_heads": 4, "head_size": 8, "mask": {"causal": True}, "norm_before": norm}
    ffn = {"size": case["size"], "activation": case.get("activation", "silu"), "gated": case.get("gated", True), "bias": case.get("bias", False),
           "norm_before": norm, "experts": experts}
    model = {"name": case["name"], "kind": "decoder", "vocabulary": VOCABULARY, "hidden": HIDDEN, "context": 512,
             "layers": [{"at": "0-1", "attention": attention, "feed_forward": ffn}], "final_norm": norm, "head": {"tied": False},
             "weights": {"file": "weights.safetensors"}}
    path = os.path.join(folder, "model.yaml")
    with open(path, "w") as file:
        json.dump(model, file, indent=1)
    return path


#---------------------------------------------------------- in f64 ----------------------------------------------------------


def rms(x, weight):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + EPS) * weight


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def activate(case, x):
    return x * sigmoid(1.702 * x if case.get("activation") == "quick_gelu" else x)


def attention(w, prefix, x):
    q, k, v = ((x @ w[prefix + name].T).reshape(len(x), 4, 8).transpose(1, 0, 2) for name in ("query", "key", "value"))
    scores = np.where(np.tri(len(x), dtype=bool), q @ k.transpose(0, 2, 1) / np.sqrt(8), -np.inf)
    shares = np.exp(scores - scores.max(-1, keepdims=True))
    heads = shares / shares.sum(-1, keepdims=True) @ v
    return heads.transpose(1, 0, 2).reshape(len(x), -1) @ w[prefix + "output"].T


def route(case, logits, correction):
    """Chosen experts and their weights for one token."""
    kind, count = case.get("scores", "softmax"), case["count"]
    scores = sigmoid(logits) if kind == "sigmoid" else logits
    if kind == "softmax":
        scores = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    ranks = scores + correction
    if case.get("groups"):
        members = np.sort(ranks.reshape(case["groups"], -1), -1)[:, ::-1]
        best = members[:, :2].sum(-1) if case.get("group_score") == "top2_sum" else members[:, 0]
        kept = np.argsort(-best, kind="stable")[:case["top_groups"]]
        ranks = np.where(np.isin(np.arange(count) // (count // case["groups"]), kept), ranks, -np.inf)
    chosen = np.argsort(-ranks, kind="stable")[:case["chosen"]]
    chosen = np.array(sorted(chosen, key=lambda expert: (-scores[expert], expert)))
    weights = scores[chosen]
    if kind == "softmax_chosen":
        weights = np.exp(weights - weights.max())
    if kind == "softmax_chosen" or case.get("renormalize"):
        weights = weights / weights.sum()
    return chosen, weights * case.get("scale", 1.0)


def network(case, w, prefix, x, expert=None):
    def linear(name, value):
        matrix, bias = w[prefix + name], w.get(prefix + name + ".bias")
        if expert is not None:
            matrix, bias = matrix[expert], None if bias is None else bias.reshape(case["count"], -1)[expert]
        return matrix @ value + (0 if bias is None else bias)

    up, limit = linear("up", x), case.get("limit") if expert is not None else None
    if not case.get("gated", True):
        return linear("down", activate(case, up))
    gate = linear("gate", x)
    if limit:
        gate, up = np.minimum(gate, limit), np.clip(up, -limit, limit)
    return linear("down", activate(case, gate) * (up + (case.get("up_offset", 0) if expert is not None else 0)))


def mixture(case, w, prefix, x):
    output, routing = np.zeros_like(x), []
    for t, row in enumerate(x):
        logits = w[prefix + "router"] @ row + w.get(prefix + "router.bias", 0)
        chosen, weights = route(case, logits, w.get(prefix + "correction_bias", 0))
        routing.append((chosen, weights))
        for expert, weight in zip(chosen, weights):
            before, after = (weight, 1) if case.get("weigh_input") else (1, weight)
            output[t] += after * network(case, w, prefix + "experts.", before * row, expert)
        if case.get("shared"):
            factor = sigmoid(w[prefix + "shared.score"] @ row)[0] if case.get("shared_gate") else 1
            output[t] += factor * network(case, w, prefix + "shared.", row)
    return output, np.stack([e for e, _ in routing]), np.stack([p for _, p in routing])


def forward(case, weights, ids):
    """Logits, and (experts, weights) of each layer."""
    w = {name: value.astype(np.float64) for name, value in weights.items()}
    x, routing = w["embedding"][ids], []
    for layer in range(2):
        a, f = f"layer.{layer}.attention.", f"layer.{layer}.feed_forward."
        x = x + attention(w, a, rms(x, w[a + "norm_before"]))
        y, *chosen = mixture(case, w, f, rms(x, w[f + "norm_before"]))
        x = x + y
        routing.append(chosen)
    return rms(x, w["final_norm"]) @ w["head"].T, routing


#---------------------------------------------------------- checks ----------------------------------------------------------


class Results:
    def __init__(self):
        self.passed, self.failures, self.worst = 0, [], {}

    def check(self, what, good, detail=""):
        if good:
            self.passed += 1
        else:
            self.failures.append(f"{what} {detail}")

    def compare(self, what, got, expected):
        error = float(np.abs(got - expected).max() / np.abs(expected).max()) if got.shape == expected.shape else np.inf
        self.worst["numpy"] = max(self.worst.get("numpy", 0.0), error)
        self.check(what, error <= TOLERANCE, f"error {error:.2e}, tolerance {TOLERANCE:.0e}")


def check_numpy(case, program, folder, weights, results):
    source, target = os.path.join(folder, "in.safetensors"), os.path.join(folder, "out.safetensors")
    for count in TOKENS + case.get("more_tokens", []):
        ids = np.random.default_rng(count).integers(0, VOCABULARY, count)
        save_file({"input_ids": ids[None].astype(np.int64)}, source)
        logits, routing = forward(case, weights, ids)
        for options in ([], ["--step"], ["--routing"], ["--threads", "1"]):
            run([program, "run", source, "-o", target, *options])
            got, what = load_file(target), f"{count} tokens {' '.join(options)}"
            results.compare(f"{what}: logits", got["logits"][0], logits)
            for layer, (experts, shares) in enumerate(routing if "--routing" in options else []):
                results.check(f"{what}: experts of layer {layer}", np.array_equal(got[f"router.{layer}.experts"][0], experts))
                results.compare(f"{what}: weights of layer {layer}", got[f"router.{layer}.weights"][0], shares)


def check_interpreter(tools, case, description, results):
    """The compiler's comparison of every value that the program shows."""
    storage = [f"--quantize={case['storage']}"] if case.get("storage") else []
    blocks = case.get("storage") in ("int8", "q8_0", "q4_0")
    for activations in ("f32", "int8") if blocks and case.get("one_sided") else ("f32",):
        tolerance = INT8_TOLERANCE if activations == "int8" else TOLERANCE
        for count in TOKENS:
            ids = ",".join(str(token) for token in np.random.default_rng(count).integers(0, VOCABULARY, count))
            command = [os.path.join(tools, "attune-compile"), description, f"--compare={ids}", f"--compare-tolerance={tolerance}", "--cache=f32", *storage]
            done = subprocess.run(command + ([f"--activations={activations}"] if blocks else []), capture_output=True, text=True, timeout=600)
            results.check(f"interpreter, {count} tokens, {activations}", done.returncode == 0, done.stderr.strip()[-300:])


def check(case, tools, folder):
    results = Results()
    weights = weights_of(case)
    save_file(weights, os.path.join(folder, "weights.safetensors"))
    description = write_description(case, folder)
    try:
        if not case.get("storage"):
            for index, without in enumerate(["", *case.get("also", [])]):
                program = os.path.join(folder, f"program{index}")
                run([os.path.join(tools, "attune-compile"), description, "-o", program, *([f"--disable-fusion={without}"] if without else [])])
                check_numpy(case, program, folder, weights, results)
        check_interpreter(tools, case, description, results)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        results.failures.append(str(error))
    return results


if __name__ == "__main__":
    sys.exit(main(__doc__, CASES, check))
