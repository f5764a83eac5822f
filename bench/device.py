#!/usr/bin/env python3
# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs for an NVIDIA GPU, compiled here and tried on a machine that has only a driver and Python.

  bench/device.py pack FOLDER [--bin build/release/bin] [--oracle NAME...] [--program NAME=MODEL[,OPTION...]]...
  python3 FOLDER/bench/device.py run [--repeats 3] [--skip-oracle]

`pack` compiles the models of test/oracle, SmolLM2 (fetched where it is not there) and each --program into FOLDER, with all that running them takes;
carry it over as it is. `--program llama=bench/llama_1b.yaml,--quantize=bf16` adds a model of a size that GPUs are made for (2.5 GB). `run` compares the
small models with what was recorded, then prints for the others tokens a second and their share of what the card could do at best: decoding, all
weights read once a token at the bandwidth that its driver tells; prompts, two operations for each weight of the layers at the peak of its
matrix units. `pack --emulate` makes programs that `run --device=emulate` tries without a GPU.
"""
import argparse
import ctypes
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Operations in bf16 with sums in f32 that a multiprocessor does each clock, by compute capability (NVIDIA's architecture white papers).
MATRIX_OPERATIONS = {(8, 0): 2048, (8, 6): 512, (8, 9): 512, (9, 0): 4096, (10, 0): 8192}


def call(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))}: exit {done.returncode}\n{done.stderr.strip()[-2000:]}")
    return done.stdout


# ---------------------------------------------------------------- here ----------------------------------------------------------------


def facts(compiler, program, model):
    """What the shares are computed from."""
    info, description = call(program, "info"), call(compiler, model, "--emit=description", "-o", "-")
    number = lambda name: float(re.search(rf"^{name} .*?([\d.]+)", info, re.M)[1])
    parameters = int(re.search(r"^parameters .*?(\d+)\)?$", info, re.M)[1])
    tables = 1 if re.search(r"tied: true", description) else 2
    return {"weight_bytes": number("weights") * 1e6, "layer_parameters": parameters - tables * int(number("vocabulary")) * int(number("hidden size"))}


def pack(arguments):
    folder, compiler = pathlib.Path(arguments.folder), pathlib.Path(arguments.bin) / "attune-compile"
    target = ["--target=cuda", *(["--emulate", "--chip=sm_80"] if arguments.emulate else [])]
    recorded = arguments.oracle if arguments.oracle is not None else sorted(path.parent.name for path in (ROOT / "test/oracle").glob("*/expected.safetensors"))
    for part in ("oracle", "programs"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for name in recorded:
        print(name, flush=True)
        call(compiler, ROOT / "test/oracle" / name, "-o", folder / "oracle" / name, *target)
    programs = [text.partition("=")[::2] for text in arguments.program]
    if not arguments.no_smollm2:
        smollm2 = call(sys.executable, ROOT / "scripts/fetch_model.py", "smollm2").strip()
        programs = [("smollm2", f"{smollm2},--activations=f16"), *programs]
    known = {}
    for name, text in programs:
        print(name, flush=True)
        model, *options = text.split(",")
        call(compiler, model, "-o", folder / "programs" / name, *target, *options)
        known[name] = facts(compiler, folder / "programs" / name, model)
    (folder / "programs.json").write_text(json.dumps(known, indent=1))
    for part in ("bench/device.py", "test/support", "test/oracle"):
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / part, folder / part, **({"dirs_exist_ok": True, "ignore": shutil.ignore_patterns("__pycache__")} if copy is shutil.copytree else {}))
    print(f"{folder}: {len(recorded)} recorded models, {', '.join(known) or 'no'} programs to measure")


# ------------------------------------------------------------ on the other machine -----------------------------------------------------------


class Card:
    """The first GPU as its driver describes it; nothing is known of an emulated one."""

    def __init__(self):
        self.name, self.bandwidth, self.matrix = "no GPU", None, None
        try:
            cuda = ctypes.CDLL("libcuda.so.1")
        except OSError:
            return
        device, value, text = ctypes.c_int(), ctypes.c_int(), ctypes.create_string_buffer(256)
        if cuda.cuInit(0) or cuda.cuDeviceGet(ctypes.byref(device), 0):
            return
        cuda.cuDeviceGetName(text, 255, device)

        def attribute(number):  # of CUdevice_attribute
            return 0 if cuda.cuDeviceGetAttribute(ctypes.byref(value), number, device) else value.value

        self.name = text.value.decode()
        self.bandwidth = 2 * attribute(36) * 1e3 * attribute(37) / 8 or None  # clock of the memory in kHz, twice each; bits of its bus
        each = MATRIX_OPERATIONS.get((attribute(75), attribute(76)))
        self.matrix = each and attribute(16) * attribute(13) * 1e3 * each  # multiprocessors, their clock in kHz


def share(value, limit):
    return f"{value / limit:.0%}" if limit else "-"


def measure(path, known, card, repeats):
    result = json.loads(call(path, "bench", "--json", "--repeats", repeats))
    rate = lambda name: statistics.median(result[name])
    rows = [("decode, short context", "decode_tps", known["weight_bytes"], card.bandwidth), ("decode after 1024 tokens", "decode1k_tps", known["weight_bytes"], card.bandwidth),
            (f"prompt of {result['prefill_tokens']} tokens", "prefill_tps", 2 * known["layer_parameters"], card.matrix), ("decode, 8 sequences", "together_tps", 0, None)]
    return [f"| {path.name} | {what} | {rate(key):.1f} | {share(rate(key) * work, limit)} |" for what, key, work, limit in rows if result.get(key)]


def run(arguments):
    os.environ["ATTUNE_DEVICE"] = arguments.device
    failed = False
    names = sorted(path.name for path in (ROOT / "oracle").iterdir())
    if names and not arguments.skip_oracle:
        failed = subprocess.run([sys.executable, ROOT / "test/oracle/run.py", ROOT / "oracle", f"--packed={arguments.device}", *names]).returncode != 0
    card = Card()
    peak = lambda value, unit: f"{value / 1e12:.2f} T{unit}" if value else "unknown"
    print(f"\n{card.name}: bandwidth {peak(card.bandwidth, 'B/s')}, matrix units {peak(card.matrix, 'FLOP/s')}, as its driver's numbers say\n")
    print("| program | work | tokens a second | share of the limit |\n|---|---|---:|---:|")
    for name, known in json.loads((ROOT / "programs.json").read_text()).items():
        print("\n".join(measure(ROOT / "programs" / name, known, card, arguments.repeats)), flush=True)
    sys.exit(failed)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    packing = commands.add_parser("pack")
    packing.add_argument("folder")
    packing.add_argument("--bin", default=ROOT / "build/release/bin")
    packing.add_argument("--oracle", nargs="*", help="models of test/oracle; all by default")
    packing.add_argument("--program", action="append", default=[], metavar="NAME=MODEL,OPTION,...")
    packing.add_argument("--no-smollm2", action="store_true")
    packing.add_argument("--emulate", action="store_true")
    packing.set_defaults(use=pack)
    running = commands.add_parser("run")
    running.add_argument("--device", default="cuda", help="as ATTUNE_DEVICE")
    running.add_argument("--repeats", type=int, default=3)
    running.add_argument("--skip-oracle", action="store_true")
    running.set_defaults(use=run)
    arguments = parser.parse_args()
    arguments.use(arguments)


if __name__ == "__main__":
    main()
