# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes expected.json: what a plain f32 evaluation of SmolLM2's dequantised weights gives.

    python make_expected.py SmolLM2-135M-Instruct.Q4_1.gguf PROGRAM      (needs the packages numpy and gguf)

PROGRAM is the compiled model; only its tokenizer is used. Nothing else here comes from Attune.
"""
import json
import pathlib
import subprocess
import sys

import gguf
import numpy as np

HERE = pathlib.Path(__file__).parent
HEADS, KEY_HEADS, HEAD_SIZE, LAYERS = 9, 3, 64, 30
EPSILON, ROTARY_BASE = 1e-5, 1e5
GREEDY_TOKENS = 16
PROMPTS = ["The capital of France is", "Water boils at a temperature of", "The three primary colours are"]
QUESTION = "Name three colours."
# The model's chat template, written out for one question.
CHAT = ("<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
        "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n")


def norm(x, weight):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + EPSILON) * weight


def rotate(x):
    """Interleaved pairs, as GGUF files of this family store queries and keys."""
    frequencies = ROTARY_BASE ** -(np.arange(0, HEAD_SIZE, 2) / HEAD_SIZE)
    angles = np.arange(len(x))[:, None, None] * frequencies
    even, odd = x[..., 0::2], x[..., 1::2]
    out = np.empty_like(x)
    out[..., 0::2] = even * np.cos(angles) - odd * np.sin(angles)
    out[..., 1::2] = odd * np.cos(angles) + even * np.sin(angles)
    return out


def attention(x, tensor):
    tokens = len(x)
    q = rotate((x @ tensor("attn_q").T).reshape(tokens, HEADS, HEAD_SIZE))
    k = rotate((x @ tensor("attn_k").T).reshape(tokens, KEY_HEADS, HEAD_SIZE)).repeat(HEADS // KEY_HEADS, 1)
    v = (x @ tensor("attn_v").T).reshape(tokens, KEY_HEADS, HEAD_SIZE).repeat(HEADS // KEY_HEADS, 1)
    scores = np.einsum("qhd,khd->hqk", q, k) / np.sqrt(HEAD_SIZE) + np.triu(np.full((tokens, tokens), -np.inf), 1)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    return np.einsum("hqk,khd->qhd", weights, v).reshape(tokens, -1) @ tensor("attn_output").T


def feed_forward(x, tensor):
    gate = x @ tensor("ffn_gate").T
    return (gate / (1 + np.exp(-gate)) * (x @ tensor("ffn_up").T)) @ tensor("ffn_down").T


def logits(tensors, ids):
    x = tensors["token_embd.weight"][ids]
    for layer in range(LAYERS):
        tensor = lambda name: tensors[f"blk.{layer}.{name}.weight"]
        x = x + attention(norm(x, tensor("attn_norm")), tensor)
        x = x + feed_forward(norm(x, tensor("ffn_norm")), tensor)
    return norm(x, tensors["output_norm.weight"]) @ tensors["token_embd.weight"].T


def greedy(tensors, ids):
    """The likeliest tokens, and the smallest lead of a likeliest token over the next one."""
    ids, lead = list(ids), np.inf
    for _ in range(GREEDY_TOKENS):
        last = logits(tensors, ids)[-1]
        second, first = np.sort(last)[-2:]
        lead = min(lead, first - second)
        ids.append(int(last.argmax()))
    return ids[-GREEDY_TOKENS:], float(lead)


def page_loss(tensors, ids):
    """Mean negative log-probability of each token after the first."""
    table = logits(tensors, ids)[:-1]
    top = table.max(-1)
    total = np.log(np.exp(table - top[:, None]).sum(-1)) + top
    return float((total - table[np.arange(len(table)), ids[1:]]).mean())


def main():
    model, program = sys.argv[1:]
    tensors = {t.name: gguf.dequantize(t.data, t.tensor_type).astype(np.float64) for t in gguf.GGUFReader(model).tensors}

    def tokenize(text):
        command = [program, "tokenize", "--jsonl"]
        return json.loads(subprocess.run(command, input=json.dumps(text), capture_output=True, text=True, check=True).stdout)

    def continuation(text):
        ids = tokenize(text)
        tokens, lead = greedy(tensors, ids)
        return {"ids": ids, "greedy": tokens, "smallest_lead": round(lead, 4)}

    expected = {"prompts": [], "chat": {"question": QUESTION, **continuation(CHAT.format(QUESTION))}}
    for text in PROMPTS:
        prompt = {"text": text, **continuation(text)}
        last = logits(tensors, prompt["ids"])[-1]
        prompt["best"] = [[int(i), round(float(last[i]), 5)] for i in np.argsort(-last)[:8]]
        expected["prompts"].append(prompt)
    ids = tokenize((HERE / "page.txt").read_text())
    expected["page"] = {"tokens": len(ids), "mean_nll": round(page_loss(tensors, ids), 6)}
    (HERE / "expected.json").write_text(json.dumps(expected) + "\n")


if __name__ == "__main__":
    main()
