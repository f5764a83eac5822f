#!/usr/bin/env python3
# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Sparse mixtures of experts beside the dense network of the size that a token meets: time must follow what is active.

  bench/experts.py [--experts 8 32 128] [--chosen 2] [--hidden 512] [--size 512] [--layers 4] [--storage keep] [--rounds 3] [--threads 2]

Models have random weights. The dense one's network is `chosen * size` wide. Programs take turns, each in a fresh process: tokens per second of a
512-token prompt and of 128 greedy tokens, medians over rounds, and each as a share of the dense model's.
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile

from decoder import ROOT, last_json, pinned

FIGURES = [("decode_tps", "decode"), ("prefill_tps", "prefill")]


def describe(args, experts):
    """The model with so many experts, 0 for the dense one."""
    norm = {"kind": "rms", "eps": 1e-5}
    heads = max(args.hidden // 64, 1)
    ffn = {"size": args.size if experts else args.chosen * args.size, "activation": "silu", "gated": True, "norm_before": norm}
    if experts:
        ffn["experts"] = {"count": experts, "per_token": args.chosen, "renormalize": True}
    attention = {"heads": heads, "key_heads": heads, "head_size": args.hidden // heads, "mask": {"causal": True},
                 "rotary": {"dims": args.hidden // heads, "pairing": "half_split"}, "norm_before": norm}
    return {"name": f"{experts or 'no'} experts", "kind": "decoder", "vocabulary": 1024, "hidden": args.hidden, "context": 2048,
            "layers": [{"at": f"0-{args.layers - 1}", "attention": attention, "feed_forward": ffn}], "final_norm": norm,
            "head": {"tied": False}, "weights": {"random": 7}}


def compiled(args, experts, folder):
    source, program = os.path.join(folder, f"{experts}.yaml"), os.path.join(folder, f"{experts}")
    with open(source, "w") as file:
        json.dump(describe(args, experts), file)
    subprocess.run([os.path.join(args.bin, "attune-compile"), source, "-o", program, f"--quantize={args.storage}"], check=True)
    return program


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experts", type=int, nargs="+", default=[8, 32, 128])
    parser.add_argument("--chosen", type=int, default=2)
    parser.add_argument("--hidden", type=int, default=512)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--storage", default="keep", help="as attune-compile's --quantize")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--bin", default=os.path.join(ROOT, "build", "release", "bin"))
    args = parser.parse_args()

    models = [0, *args.experts]
    results = {model: {key: [] for key, _ in FIGURES} for model in models}
    with tempfile.TemporaryDirectory() as folder:
        programs = {model: compiled(args, model, folder) for model in models}
        for _ in range(args.rounds):
            for model, program in programs.items():
                figures = last_json(pinned(args.threads, [program, "bench", "--json", "--threads", str(args.threads)]))
                for key, _ in FIGURES:
                    results[model][key] += figures[key]

    medians = {model: {key: statistics.median(values) for key, values in of.items()} for model, of in results.items()}
    print(f"{args.chosen} experts of {args.size} a token, hidden {args.hidden}, {args.layers} layers, storage {args.storage}, {args.threads} threads")
    print(f"{'':12}" + "".join(f"{name + ', tok/s':>18}{'of dense':>10}" for _, name in FIGURES))
    for model in models:
        label = f"{model} experts" if model else "dense"
        cells = (f"{medians[model][key]:18.1f}{medians[model][key] / medians[0][key]:10.2f}" for key, _ in FIGURES)
        print(f"{label:12}" + "".join(cells))


if __name__ == "__main__":
    main()
