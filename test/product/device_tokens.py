# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tokens that a device chooses, or chooses among, emulated."""
import json, math, os, struct, sys

from harness import COMPILE, WORK, check, call, HIDDEN, VOCABULARY, HEADER, DATA, WIDE, safetensors, folder, run, floats


def with_head(change):
    """The model's tensors with other rows of the head."""
    start, end = HEADER["lm_head.weight"]["data_offsets"]
    rows = [list(row) for row in struct.iter_unpack(f"<{HIDDEN}f", DATA[start:end])]
    change(rows)
    return safetensors(HEADER, DATA[:start] + struct.pack(f"<{VOCABULARY * HIDDEN}f", *sum(rows, [])) + DATA[end:])


def test_greedy_on_a_device():
    """The device chooses tokens as the host does: of equal logits the lowest id, whatever the width; what holds NaN is left to the host."""
    def twice(rows):  # each logit occurs twice
        rows[VOCABULARY // 2:] = rows[:VOCABULARY // 2]

    def no_number(rows):
        rows[3] = [float("nan")] * HIDDEN

    wide = os.path.join(WORK, "wide_on_device.yaml")
    with open(wide, "w") as out:  # the head's columns are no multiple of what a block reads at once
        out.write(WIDE.format(9001))
    prompt, count = [3, 14, 15], 9
    for name, source, width in (("twice", folder("twice", tensors=with_head(twice)), VOCABULARY), ("NaN", folder("no_number", tensors=with_head(no_number)), VOCABULARY),
                                ("wide", wide, 9001)):
        program = os.path.join(WORK, f"greedy_{name}")
        code, _, errors = call(COMPILE, source, "--target=cuda", "--chip=sm_80", "--emulate", "-o", program)
        check(f"--emulate: {name}", code == 0, errors)
        os.environ["ATTUNE_DEVICE"] = "emulate"
        code, errors, tensors = run(program, prompt, "--greedy", str(count))
        chosen = list(struct.unpack(f"<{count}q", tensors["greedy_ids"][1])) if code == 0 else errors
        code, errors, tensors = run(program, prompt + chosen[:-1], "--step") if code == 0 else (code, errors, {})
        del os.environ["ATTUNE_DEVICE"]
        logits = floats(tensors["logits"]) if code == 0 else ()
        rows = [[-math.inf if math.isnan(x) else x for x in logits[at:at + width]] for at in range((len(prompt) - 1) * width, len(logits), width)]
        check(f"greedy tokens on a device: {name}", code == 0 and chosen == [row.index(max(row)) for row in rows], f"{chosen} {errors}")


# Prints the tokens that a library chooses for each set of options: (temperature, top_k, top_p, min_p, repetition_penalty, seed).
GENERATE = """
import ctypes, json, sys
class Options(ctypes.Structure):
    _fields_ = [(name, kind) for kind, names in ((ctypes.c_double, "temperature"), (ctypes.c_int64, "top_k"), (ctypes.c_double, "top_p min_p repetition_penalty"),
                (ctypes.c_uint64, "seed"), (ctypes.c_int64, "max_tokens"), (ctypes.c_int, "ignore_end control_in_text")) for name in names.split()]
library = ctypes.CDLL(sys.argv[1])
for name in ("attune_open", "attune_session_create", "attune_error"):
    getattr(library, name).restype = ctypes.c_void_p
library.attune_generate_ids.restype = ctypes.c_int64
Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int32)
library.attune_session_truncate.argtypes = (ctypes.c_void_p, ctypes.c_int64)
library.attune_generate_ids.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, Callback, ctypes.c_void_p)
library.attune_session_create.argtypes = (ctypes.c_void_p,)
session = library.attune_session_create(library.attune_open(None))
chosen = []
for values in json.loads(sys.argv[2]):
    library.attune_session_truncate(session, 0)
    ids, prompt = [], (ctypes.c_int32 * 2)(3, 14)
    options = Options(*values, 9, 1, 0)
    count = library.attune_generate_ids(session, prompt, 2, ctypes.byref(options), Callback(lambda user, text, size, id: ids.append(id) or 0), None)
    chosen.append(ids if count >= 0 else ctypes.string_at(library.attune_error()).decode())
print(json.dumps(chosen))
"""


def test_sampling_on_a_device():
    """What samplers choose among the likeliest tokens that a device makes is what they choose from all logits: of the same device, and of the processor."""
    def choose(library, options):
        code, out, errors = call(sys.executable, "-c", GENERATE, library, json.dumps(options))
        return json.loads(out) if code == 0 else errors

    small, large = os.path.join(WORK, "sampled_small.yaml"), os.path.join(WORK, "sampled_large.yaml")
    for path, vocabulary in ((small, 60), (large, 70001)):  # fewer than the device makes; more slices than are joined at once
        with open(path, "w") as out:
            out.write(WIDE.format(vocabulary))
    no_number = folder("sampled_no_number", tensors=with_head(lambda rows: rows.__setitem__(3, [float("nan")] * HIDDEN)))
    libraries = {}
    for name, source in (("small", small), ("large", large), ("NaN", no_number)):
        for target, options in (("cpu", ()), ("device", ("--target=cuda", "--chip=sm_80", "--emulate"))):
            libraries[name, target] = os.path.join(WORK, f"lib_sampled_{name}_{target}.so")
            code, _, errors = call(COMPILE, source, *options, "--emit=lib", "-o", libraries[name, target])
            check(f"a library that samples: {name}, {target}", code == 0, errors)
    among = ((0.3, 0, 0.9, 0, 1), (0.2, 0, 0.8, 0.1, 1), (1, 0, 0.02, 0, 1), (0.1, 0, 1, 0.05, 1))
    best = ((0.7, 64, 0.9, 0, 1), (1, 5, 1, 0, 1), (1, 5, 1, 0, 1.3))
    few, top = {}, {}
    for name, most, seeds in (("small", 4, 3), ("large", 2, 1)):  # emulation takes its time
        few[name], top[name] = ([(*options, seed) for options in each[:most] for seed in range(seeds)] for each in (among, best))
    os.environ["ATTUNE_DEVICE"] = "emulate"
    for name in few:
        # A k that no token falls to is no k, but more than a device makes: all logits are looked at.
        whole = [(temperature, 10 ** 6, *rest) for temperature, _, *rest in few[name]]
        check(f"{name}: top-p and min-p", (found := choose(libraries[name, "device"], few[name])) == (expected := choose(libraries[name, "device"], whole)), f"{found} {expected}")
    check("a row with NaN is an error", "finite number" in str(found := choose(libraries["NaN", "device"], top["small"][:1])), found)
    sampled = {name: choose(libraries[name, "device"], top[name]) for name in top}
    del os.environ["ATTUNE_DEVICE"]
    for name, found in sampled.items():
        check(f"{name}: top-k", found == (expected := choose(libraries[name, "cpu"], top[name])) and len(set(map(str, found))) == len(top[name]), f"{found} {expected}")
