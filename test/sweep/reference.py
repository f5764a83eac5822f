# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The models of the sweep: their weights, their descriptions, and what they compute, in f64 and with nothing clever."""

import json
import os

import numpy as np

from cases import CONTEXT, HIDDEN, VOCABULARY

EPS, FFN = 1e-5, 24


def layers_of(case):
    """Plain sums have one layer: of positive embeddings, so that no sum of scores comes near 0."""
    return 1 if case.get("sum") else 2


def rotary_of(case):
    """(rotated elements of a head, pairing), or None: a head of one element has no pairs, and positive scores stay so without rotation."""
    if case["size"] % 2 or case.get("sum"):
        return None
    return case.get("dims", case["size"]), "interleaved" if case.get("interleaved") else "half_split"


def weights_of(case):
    """Parameters by their own names."""
    rng = np.random.default_rng(case["size"] * 100 + case["heads"])

    def matrix(rows, columns, gain=1.0, positive=False):
        values = (rng.standard_normal((rows, columns)) * gain / np.sqrt(columns)).astype(np.float32)
        return np.abs(values) if positive and case.get("sum") else values

    def vector(size, around=0.0):
        return (around + 0.2 * rng.uniform(-1, 1, size)).astype(np.float32)

    queries, keys = case["heads"] * case["size"], case["key_heads"] * case["size"]
    weights = {"embedding": matrix(VOCABULARY, HIDDEN, 4.0, positive=True), "final_norm": vector(HIDDEN, 1.0)}
    if case["kind"] == "decoder":
        weights["head"] = matrix(VOCABULARY, HIDDEN)
    for layer in range(layers_of(case)):
        a, f = f"layer.{layer}.attention.", f"layer.{layer}.feed_forward."
        weights[a + "norm_before"] = vector(HIDDEN, 1.0)
        # Scores have a spread of about 2: some keys matter, none takes all.
        for name, rows in (("query", queries), ("key", keys), ("value", keys)):
            weights[a + name] = matrix(rows, HIDDEN, 1.4, positive=name != "value")
            if case.get("bias"):
                weights[a + name + ".bias"] = vector(rows)
        weights[a + "output"] = matrix(HIDDEN, queries, 2.0)
        if case.get("bias"):
            weights[a + "output.bias"] = vector(HIDDEN)
        if case.get("gated_ffn") or case.get("plain_ffn"):
            weights[f + "norm_before"] = vector(HIDDEN, 1.0)
            for name, rows, columns in (("gate", FFN, HIDDEN), ("up", FFN, HIDDEN), ("down", HIDDEN, FFN)):
                if name != "gate" or case.get("gated_ffn"):
                    weights[f + name] = matrix(rows, columns)
    return weights


def write_description(case, folder):
    """The model as YAML (JSON is a part of it); returns its path."""
    norm = {"kind": "rms", "eps": EPS}
    attention = {"heads": case["heads"], "key_heads": case["key_heads"], "head_size": case["size"], "mask": case["mask"] or "none",
                 "normalizer": "sum" if case.get("sum") else "softmax", "soft_cap": case.get("cap", 0), "bias": case.get("bias", False), "norm_before": norm}
    if rotary_of(case):
        attention["rotary"] = dict(zip(("dims", "pairing"), rotary_of(case)))
    layer = {"at": f"0-{layers_of(case) - 1}", "attention": attention}
    if case.get("gated_ffn") or case.get("plain_ffn"):
        gated = bool(case.get("gated_ffn"))
        layer["feed_forward"] = {"size": FFN, "activation": "silu" if gated else "relu", "gated": gated, "norm_before": norm}
    model = {"name": case["name"], "kind": case["kind"], "vocabulary": VOCABULARY, "hidden": HIDDEN, "context": CONTEXT, "layers": [layer],
             "final_norm": norm, "weights": {"file": "weights.safetensors"}}
    if case["kind"] == "decoder":
        model["head"] = {"tied": False}
    path = os.path.join(folder, "model.yaml")
    with open(path, "w") as file:
        json.dump(model, file, indent=1)
    return path


def forward(case, weights, ids):
    """Logits (decoders) or normed states (encoders) of one sequence: tokens x vocabulary, or tokens x hidden."""
    w = {name: value.astype(np.float64) for name, value in weights.items()}
    x = w["embedding"][ids]
    for layer in range(layers_of(case)):
        a, f = f"layer.{layer}.attention.", f"layer.{layer}.feed_forward."
        x = x + attention(case, w, a, rms(x, w[a + "norm_before"]))
        if f + "up" in w:
            n = rms(x, w[f + "norm_before"])
            hidden = n @ w[f + "up"].T
            if f + "gate" in w:
                gate = n @ w[f + "gate"].T
                hidden = gate / (1 + np.exp(-gate)) * hidden
            else:
                hidden = np.maximum(hidden, 0)
            x = x + hidden @ w[f + "down"].T
    x = rms(x, w["final_norm"])
    return x @ w["head"].T if "head" in w else x


def rms(x, weight):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + EPS) * weight


def attention(case, w, prefix, x):
    tokens, size = len(x), case["size"]

    def linear(name, value):
        return value @ w[prefix + name].T + w.get(prefix + name + ".bias", 0.0)

    q, k, v = (linear(name, x).reshape(tokens, -1, size) for name in ("query", "key", "value"))
    if rotary_of(case):
        q, k = rotate(q, *rotary_of(case)), rotate(k, *rotary_of(case))
    if case["cache"] == "f16":
        k, v = k.astype(np.float16).astype(np.float64), v.astype(np.float16).astype(np.float64)
    if case["cache"] == "int8":
        k, v = in_bytes(k), in_bytes(v)
    visible = visible_keys(case["mask"], tokens)
    output = np.zeros_like(q)
    for head in range(case["heads"]):
        key_head = head // (case["heads"] // case["key_heads"])
        scores = q[:, head] @ k[:, key_head].T / np.sqrt(size)
        if case.get("cap"):
            scores = case["cap"] * np.tanh(scores / case["cap"])
        if case.get("sum"):
            shares = np.where(visible, scores, 0.0)
        else:
            shares = np.exp(np.where(visible, scores, -np.inf) - np.where(visible, scores, -np.inf).max(-1, keepdims=True))
        output[:, head] = shares / shares.sum(-1, keepdims=True) @ v[:, key_head]
    return linear("output", output.reshape(tokens, -1))


def in_bytes(x):
    """The elements of a token and head as integers up to 127 times a scale."""
    scale = np.abs(x).max(-1, keepdims=True) / 127
    return np.rint(x / np.where(scale == 0, 1, scale)) * scale


def visible_keys(mask, tokens):
    """[query, key]: whether the query sees the key."""
    query, key = np.arange(tokens)[:, None], np.arange(tokens)[None, :]
    visible = np.ones((tokens, tokens), bool)
    if mask.get("causal"):
        visible &= key <= query
    if mask.get("window"):
        visible &= np.abs(query - key) < mask["window"]
    if mask.get("chunk"):
        visible &= query // mask["chunk"] == key // mask["chunk"]
    return visible


def rotate(x, dims, pairing):
    """Pairs of the first `dims` elements turn by position / 10000^(2i/dims)."""
    pairs = dims // 2
    angles = np.arange(len(x))[:, None] * 10000.0 ** (-np.arange(pairs) / pairs)
    cosine, sine = np.cos(angles)[:, None], np.sin(angles)[:, None]
    first, second = (slice(0, dims, 2), slice(1, dims, 2)) if pairing == "interleaved" else (slice(0, pairs), slice(pairs, dims))
    result = x.copy()
    result[..., first] = x[..., first] * cosine - x[..., second] * sine
    result[..., second] = x[..., second] * cosine + x[..., first] * sine
    return result
