#!/usr/bin/env python3
# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs of Attune beside every engine that would be used instead, and beside the machine's limits.

  bench/table.py [GROUP...] [--rounds 3] [--threads N] [--peers FOLDER] [--bin build/release/bin] [--json FILE] [--no-install]
  bench/table.py --print FILE

Fetches the models, installs the engines that can be had into FOLDER (outside of the repository; ~/.cache/attune/bench), compiles, and measures each
group in interleaved rounds: limits of the machine, then every program in a fresh process of its own on the same cores. Prints a table of medians,
ratios and shares of the limit that binds. --json keeps what was measured: groups can be measured in several calls, rounds add up.

Groups: smollm2-q4_1 smollm2-q4_0 smollm2-q8_0 smollm2-f16 smollm2-f32 gemma minilm minilm-int8 experts compile
"""
import argparse
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time

from decoder import ROOT, last_json, pinned, prompts
from experts import describe
from limits import limits
from peers.install import ENGINES, Peers
from report import report

WORKERS = pathlib.Path(ROOT) / "bench/peers"
LENGTHS = {"1x16": [16], "1x128": [128], "32x128": [128] * 32, "32xmix": [5 + i * 13 % 32 * 123 // 31 for i in range(32)]}
SMOLLM2, GEMMA, MINILM = "smollm2", "gemma3", "minilm"

# Group: the model, the compiler's options, the form that is compiled (or the model itself), and peers as (name, engine, form that it reads).
DECODERS = {
    "smollm2-q4_1": (SMOLLM2, ["--cache=f16"], None, [("llama.cpp", "llama.cpp", None), ("ONNX Runtime GenAI int4", "onnxruntime-genai", "ort-int4"),
                                                      ("OpenVINO GenAI", "openvino-genai", None), ("CTranslate2 int8", "ctranslate2", "ct2-int8")]),
    "smollm2-q4_0": (SMOLLM2, ["--cache=f16"], "q4_0.gguf", [("llama.cpp", "llama.cpp", "q4_0.gguf"), ("ONNX Runtime GenAI int4", "onnxruntime-genai", "ort-int4"),
                                                             ("OpenVINO GenAI", "openvino-genai", "q4_0.gguf"), ("CTranslate2 int8", "ctranslate2", "ct2-int8")]),
    "smollm2-q8_0": (SMOLLM2, ["--cache=f16"], "q8_0.gguf", [("llama.cpp", "llama.cpp", "q8_0.gguf"), ("OpenVINO GenAI", "openvino-genai", "q8_0.gguf"),
                                                             ("CTranslate2 int8", "ctranslate2", "ct2-int8")]),
    "smollm2-f16": (SMOLLM2, ["--cache=f16"], "f16.gguf", [("llama.cpp", "llama.cpp", "f16.gguf"), ("OpenVINO GenAI", "openvino-genai", "f16.gguf")]),
    "smollm2-f32": (SMOLLM2, [], "f32.gguf", [("llama.cpp", "llama.cpp", "f32.gguf"), ("CTranslate2 f32", "ctranslate2", "ct2-float32"),
                                              ("transformers", "transformers", "hf")]),
    "gemma": (GEMMA, ["--cache=f16"], None, [("llama.cpp", "llama.cpp", None)]),
}
# The same with options for each program of ours.
ENCODERS = {
    "minilm": ({"attune": []}, [("ONNX Runtime", "onnxruntime", "onnx"), ("OpenVINO", "openvino", "onnx"), ("CTranslate2", "ctranslate2", "ct2-float32"),
                    ("torch.compile", "torch.compile", "."), ("IREE", "iree", "iree"), ("transformers", "transformers", ".")]),
    "minilm-int8": ({"attune": ["--quantize=q8_0"], "attune int8": ["--quantize=int8"]},
                    [("ONNX Runtime int8", "onnxruntime", "int8.onnx"), ("CTranslate2 int8", "ctranslate2", "ct2-int8"),
                     ("transformers f32", "transformers", ".")]),
}
GROUPS = [*DECODERS, *ENCODERS, "experts", "compile"]


class Run:
    def __init__(self, args):
        self.args, self.peers = args, Peers(args.peers)
        self.programs = self.peers.folder / "programs"
        self.models = {}

    def model(self, name):
        if name not in self.models:
            fetch = [sys.executable, os.path.join(ROOT, "scripts/fetch_model.py"), name]
            self.models[name] = subprocess.run(fetch, check=True, capture_output=True, text=True).stdout.strip()
        return self.models[name]

    def form(self, model, form):
        """Path of the model in a form, or None."""
        if form in (None, "."):
            return self.model(model)
        source = self.model(model)
        if model == SMOLLM2 and (form.startswith("ct2-") or form == "ort-int4"):
            source = self.peers.model(source, "hf")
        return source and self.peers.model(source, form)

    def compiled(self, name, model, options):
        program = self.programs / name
        self.programs.mkdir(parents=True, exist_ok=True)
        compiler = os.path.join(self.args.bin, "attune-compile")
        if not program.exists() or program.stat().st_mtime < os.stat(compiler).st_mtime:
            print(f"compiling {name} ...", file=sys.stderr, flush=True)
            subprocess.run([compiler, model, *options, "-o", program], check=True)
        return str(program)

    def own(self, program, inputs=None):
        given = ["--prompts", inputs] if inputs else []
        return [program, "bench", "--json", "--threads", str(self.args.threads), *given]

    def peer(self, worker, engine, model, inputs):
        return [self.peers.python, WORKERS / worker, engine, model, str(self.args.threads), inputs]

    # Each gives the group's programs: name -> command.

    def decoders(self, group, folder):
        model, options, form, peers = DECODERS[group]
        path = self.form(model, form)
        if not path:
            return {}
        program = self.compiled(group, path, options)
        file = os.path.join(folder, group + ".json")
        os.replace(prompts(program), file)
        commands = {"attune": self.own(program, file)}
        for name, engine, form in peers:
            source = engine not in self.peers.missing and self.form(model, form)
            if source:
                commands[name] = self.peer("decoder.py", engine, source, file)
        return commands

    def encoders(self, group, folder):
        own, peers = ENCODERS[group]
        programs = {name: self.compiled(f"{group} {name}".replace(" ", "-"), self.model(MINILM), options) for name, options in own.items()}
        file = os.path.join(folder, group + ".json")
        text = open(os.path.join(ROOT, "docs/dialect.md")).read()
        tokenize = [programs["attune"], "tokenize", "--jsonl", "--no-special"]
        out = subprocess.run(tokenize, input=json.dumps(text) + "\n", capture_output=True, text=True, check=True)
        ids = json.loads(out.stdout.splitlines()[0])
        with open(file, "w") as inputs:
            json.dump({batch: [[101, *ids[i * 61:i * 61 + length - 2], 102] for i, length in enumerate(lengths)]
                       for batch, lengths in LENGTHS.items()}, inputs)
        commands = {name: self.own(program, file) for name, program in programs.items()}
        for name, engine, form in peers:
            source = ("transformers" if engine == "torch.compile" else engine) not in self.peers.missing and self.form(MINILM, form)
            if source:
                commands[name] = self.peer("encoder.py", engine, source, file)
        return commands

    def experts(self, group, folder):
        commands = {}
        shape = argparse.Namespace(chosen=2, hidden=512, size=512, layers=4)
        for experts in (0, 8, 32, 128):
            source = os.path.join(folder, f"{experts}.yaml")
            with open(source, "w") as file:
                json.dump(describe(shape, experts), file)
            name = f"{experts} experts" if experts else "dense"
            commands[name] = self.own(self.compiled(name.replace(" ", "-"), source, ["--quantize=q8_0"]))
        return commands

    def compile(self, group, folder):
        timed = [sys.executable, WORKERS / "timed.py", os.path.join(self.args.bin, "attune-compile")]
        return {name: [*timed, self.model(name), "-o", os.path.join(folder, name)] for name in (SMOLLM2, MINILM)}

    def commands(self, group, folder):
        kind = self.decoders if group in DECODERS else self.encoders if group in ENCODERS else getattr(self, group)
        return kind(group, folder)

    def measure(self, group, commands, rounds):
        """Adds one round's results."""
        entry = {"time": time.time(), "load": os.getloadavg()[0], "limits": limits(self.args.threads)}
        for name, command in commands.items():
            if name in self.peers.missing:
                continue
            try:
                entry[name] = last_json(pinned(self.args.threads, [str(part) for part in command]), timeout=600)
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                self.peers.missing[f"{group}: {name}"] = str(error).strip().splitlines()[-1]
        entry["after"] = limits(self.args.threads)
        rounds.append(entry)


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.processor())
    return f"{model}, {os.cpu_count()} CPUs"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help="what to measure; everything by default")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--peers", default=os.path.join(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "attune/bench"))
    parser.add_argument("--bin", default=os.path.join(ROOT, "build", "release", "bin"))
    parser.add_argument("--json", help="keep what was measured here; groups and rounds add to what is there")
    parser.add_argument("--no-install", action="store_true", help="take only engines that are installed")
    parser.add_argument("--prepare", action="store_true", help="install, convert and compile, measure nothing")
    parser.add_argument("--print", metavar="FILE", help="print the table of a file that --json made")
    args = parser.parse_args()
    if args.print:
        return print(report(json.load(open(args.print))))
    if unknown := [group for group in args.groups if group not in GROUPS]:
        parser.error(f"no group is called {', '.join(unknown)}; expected some of: {', '.join(GROUPS)}")

    run = Run(args)
    if args.no_install:
        run.peers.missing = {engine: "not installed" for engine in ENGINES if not run.peers.has(engine)}
    else:
        run.peers.install(ENGINES)
    data = {"machine": machine(), "threads": args.threads, "groups": {}}
    if args.json and os.path.exists(args.json):
        data = json.load(open(args.json))
    with tempfile.TemporaryDirectory() as folder:
        commands = {group: run.commands(group, folder) for group in args.groups or GROUPS}
        for index in range(0 if args.prepare else args.rounds):
            for group, programs in commands.items():
                print(f"round {index + 1} of {args.rounds}: {group}", file=sys.stderr, flush=True)
                run.measure(group, programs, data["groups"].setdefault(group, []))
                if args.json:
                    json.dump(data, open(args.json, "w"))
    data["missing"] = {**data.get("missing", {}), **run.peers.missing}
    if args.json:
        json.dump(data, open(args.json, "w"))
    print(report(data))


if __name__ == "__main__":
    main()
