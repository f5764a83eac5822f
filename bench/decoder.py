#!/usr/bin/env python3
# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A compiled decoder beside llama.cpp on the same GGUF file, in one interleaved run.

  bench/decoder.py MODEL.gguf [--rounds 3] [--threads 2] [--bin build/release/bin] [--json FILE]

Compiles the model, makes prompts of 32, 512 and 1024 tokens from a text of this repository, and lets both programs take
turns, each in a fresh process: 512-token prefill, 128 greedy tokens after the short prompt, 128 after 1024 tokens, time from
start to the first token. Prints medians and ratios. llama.cpp comes from PyPI (llama-cpp-python, built for this machine: about
ten minutes the first time) into ~/.cache/attune/bench; without it only our own figures are printed, and it says so.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

from peers.install import Peers

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FIGURES = [("prefill_tps", "512-token prefill", "tok/s"), ("decode_tps", "decode, short context", "tok/s"),
           ("decode1k_tps", "decode after 1024", "tok/s"), ("first_s", "start to first token", "s"),
           ("rss_mb", "resident memory", "MB")]


def peer_python(wanted):
    """Python with llama-cpp-python, or None and why not."""
    if wanted:
        return wanted, None
    peers = Peers(os.path.join(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "attune/bench"))
    peers.install(["llama.cpp"])
    return (None, peers.missing["llama.cpp"]) if peers.missing else (str(peers.python), None)


def prompts(program):
    """Token ids of three prompts, as the file that `bench --prompts` reads."""
    text = open(os.path.join(ROOT, "docs", "dialect.md")).read()
    out = subprocess.run([program, "tokenize", "--jsonl", "--no-special"], input=json.dumps(text) + "\n", capture_output=True, text=True, check=True)
    ids = json.loads(out.stdout.splitlines()[0])
    if len(ids) < 1024:
        sys.exit("the text gives fewer than 1024 tokens")
    file = tempfile.NamedTemporaryFile("w", suffix=".json", delete=False)
    json.dump({"short": ids[:32], "p512": ids[:512], "p1024": ids[:1024]}, file)
    file.close()
    return file.name


def pinned(threads, command):
    return ["taskset", "-c", ",".join(str(i) for i in range(threads)), *command]


def last_json(command, timeout=None):
    run = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    if run.returncode:
        raise RuntimeError(f"{command}: exit {run.returncode}\n{run.stderr[-2000:]}")
    return json.loads(run.stdout.strip().splitlines()[-1])


def merge(results):
    merged = {}
    for key, _, _ in FIGURES:
        values = []
        for result in results:
            value = result.get(key)
            values += value if isinstance(value, list) else [value] if value is not None else []
        if values:
            merged[key] = statistics.median(values)
    return merged


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--bin", default=os.path.join(ROOT, "build", "release", "bin"))
    parser.add_argument("--python", help="a Python that has llama-cpp-python")
    parser.add_argument("--json", help="write the raw results here")
    args = parser.parse_args()

    python, why = peer_python(args.python)
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "program")
        subprocess.run([os.path.join(args.bin, "attune-compile"), args.model, "-o", program], check=True)
        file = prompts(program)
        ours, peers = [], []
        for round in range(args.rounds):
            print(f"round {round + 1} of {args.rounds}", file=sys.stderr)
            ours.append(last_json(pinned(args.threads, [program, "bench", "--json", "--threads", str(args.threads), "--prompts", file])))
            if python:
                peers.append(last_json(pinned(args.threads, [python, os.path.join(ROOT, "bench/peers/decoder.py"), "llama.cpp", args.model, str(args.threads), file])))
        os.unlink(file)

    own, peer = merge(ours), merge(peers)
    print(f"\n{os.path.basename(args.model)}, {args.threads} threads, medians of {args.rounds} rounds")
    print(f"{'':24}{'attune':>10}{'llama.cpp':>12}{'ratio':>8}")
    for key, name, unit in FIGURES:
        other = f"{peer[key]:12.3g}{own[key] / peer[key]:8.2f}" if key in peer and key in own else f"{'-':>12}{'-':>8}"
        print(f"{name + ', ' + unit:24}{own.get(key, float('nan')):10.3g}{other}")
    if peers:
        same = sum(a == b for a, b in zip(ours[0]["ids"], peers[0]["ids"]))
        print(f"greedy ids: {same} of {len(ours[0]['ids'])} equal")
    else:
        print(f"llama.cpp was not measured: {why}")
    if args.json:
        with open(args.json, "w") as out:
            json.dump({"attune": ours, "llama.cpp": peers}, out)


if __name__ == "__main__":
    main()
