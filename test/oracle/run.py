# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles the small models beside this file, runs them and compares with what was recorded from transformers.

    python3 run.py BIN_DIR [--device=emulate|cuda|opencl] [MODEL...]
    python3 run.py BIN_DIR --logits-on=DEVICE [MODEL...]    compares logits alone: where a program takes long to start
    python3 run.py BIN_DIR --pack=FOLDER [MODEL...]     only compiles, for a GPU, into FOLDER
    python3 run.py FOLDER --packed=cuda [MODEL...]      runs these, on a machine without the compiler

BIN_DIR holds attune-compile. With --device the models are compiled for a GPU, which is emulated or there. A line per check, with the worst error as a share of the tolerance; closes with
`N passed, N failed`. README.md tells what the recorded files hold.
"""
import array
import concurrent.futures
import ctypes
import fractions
import json
import math
import os
import pathlib
import shutil
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import gguf_models
import mxfp4
from support import tensors
from support.programs import Failure, Program, Report, command, distance, same
from support.tensors import Tensor

EXAMPLES = HERE.parent.parent / "examples"
FUSIONS = ["attention", "ffn", "linear-split", "residual-norm", "scales"]


class Recorded:
    """A model's folder with what transformers made of it."""

    def __init__(self, folder):
        self.folder = folder
        self.facts = json.loads((folder / "expected.json").read_text())
        self.tensors = tensors.load(folder / "expected.safetensors")
        self.tolerance = self.facts["tolerance"]["f32_atol"]
        self.attention_tolerance = self.facts["tolerance"]["attn_atol"]

    def ids(self, prompt):
        return self.tensors[f"{prompt}.input_ids"]

    def inputs(self, prompt):
        """All that was given beside a prompt's ids: mask, token types, what the decoder was fed."""
        names = ("input_ids", "attention_mask", "token_type_ids", "decoder_input_ids")
        return {name: self.tensors[f"{prompt}.{name}"] for name in names if f"{prompt}.{name}" in self.tensors}

    def real_rows(self, prompt):
        """Whether each token counts, row by row of the batch; padding is compared with nothing."""
        mask = self.tensors.get(f"{prompt}.attention_mask")
        return [value == 1 for value in mask.values] if mask else [True] * len(self.ids(prompt).values)

    def find(self, ending):
        """(prompt, tensor) of each recorded tensor `PROMPT.ending`."""
        return [(name.split(".")[0], tensor) for name, tensor in self.tensors.items() if name.split(".", 1)[1] == ending]

    def taps(self, kind):
        """(prompt, index, tensor) of each recorded `PROMPT.kind.INDEX`."""
        parts = ((name.split("."), tensor) for name, tensor in self.tensors.items())
        return [(p[0], p[2], tensor) for p, tensor in parts if len(p) == 3 and p[1] == kind]

    def rotates_anew(self):
        """Whether long sequences rotate all keys otherwise than short ones, cached keys of theirs included."""
        return "long_factor" in (self.folder / "config.json").read_text()

    def routing(self, what):
        """(prompt, layer, tensor) of each recorded `PROMPT.router.LAYER.what`."""
        parts = ((name.split("."), tensor) for name, tensor in self.tensors.items())
        return [(p[0], p[2], tensor) for p, tensor in parts if len(p) == 4 and p[1] == "router" and p[3] == what]

    def with_config(self, config, target):
        """A copy of the model alone, with one of its two configurations."""
        ignored = shutil.ignore_patterns("expected.*", "config*.json")
        shutil.copytree(self.folder, target, ignore=ignored)
        shutil.copy(self.folder / config, target / "config.json")
        return target


def check_logits(report, name, recorded, program):
    with report.check(f"{name}: logits") as errors:
        for prompt, want in recorded.find("logits"):
            got = program.run_inputs(recorded.inputs(prompt))["logits"]
            rows = None if recorded.facts["kind"] == "encdec" else recorded.real_rows(prompt)
            errors.append(distance(got, want, recorded.tolerance, rows))


def check_decoder(report, name, recorded, program):
    check_logits(report, name, recorded, program)
    with report.check(f"{name}: a token at a time") as errors:
        for prompt, want in recorded.find("decode_logits"):
            errors.append(distance(program.run(recorded.ids(prompt), "--step")["logits"], want, recorded.tolerance))
    with report.check(f"{name}: greedy tokens") as errors:
        for prompt, want in recorded.find("greedy_ids"):
            got = program.run(recorded.ids(prompt), "--greedy", len(want.values))["greedy_ids"]
            errors.append(same(got.values, want.values))
    with report.check(f"{name}: attention weights") as errors:
        for prompt, layer, want in recorded.taps("attn"):
            got = program.run(recorded.ids(prompt), "--attentions")[f"attentions.{layer}"]
            errors.append(distance(got, want, recorded.attention_tolerance))
    with report.check(f"{name}: hidden states") as errors:
        for prompt, layer, want in recorded.taps("hidden"):
            got = program.run(recorded.ids(prompt), "--all-hidden")[f"hidden_states.{layer}"]
            errors.append(distance(got, want, recorded.tolerance))
    if recorded.routing("experts"):
        check_routing(report, name, recorded, program)
    check_text(report, name, recorded, program)


def check_routing(report, name, recorded, program):
    """Recorded by token, the batch's rows one after the other: the same order as in the program's tensors."""
    with report.check(f"{name}: chosen experts") as errors:
        for prompt, layer, want in recorded.routing("experts"):
            errors.append(same(program.run(recorded.ids(prompt), "--routing")[f"router.{layer}.experts"].values, want.values))
    with report.check(f"{name}: experts' weights") as errors:
        for prompt, layer, want in recorded.routing("weights"):
            got = program.run(recorded.ids(prompt), "--routing")[f"router.{layer}.weights"]
            errors.append(distance(Tensor(want.shape, got.values), want, recorded.attention_tolerance))


def check_encoder(report, name, recorded, program):
    """Hidden states, logits and attention weights at the tokens that count, padded batches among them."""
    runs = {}

    def run(prompt, *flags):
        if (prompt, flags) not in runs:
            runs[prompt, flags] = program.run_inputs(recorded.inputs(prompt), *flags)
        return runs[prompt, flags]

    for output, ending in (("logits", "logits"), ("last_hidden_state", "last_hidden")):
        with report.check(f"{name}: {output}") as errors:
            for prompt, want in recorded.find(ending):
                errors.append(distance(run(prompt)[output], want, recorded.tolerance, recorded.real_rows(prompt)))
    with report.check(f"{name}: attention weights") as errors:
        for prompt, layer, want in recorded.taps("attn"):
            got = run(prompt, "--attentions", "--all-hidden")[f"attentions.{layer}"]
            errors.append(distance(got, want, recorded.attention_tolerance, attention_rows(want, recorded.real_rows(prompt))))
    with report.check(f"{name}: hidden states") as errors:
        for prompt, layer, want in recorded.taps("hidden"):
            got = run(prompt, "--attentions", "--all-hidden")[f"hidden_states.{layer}"]
            errors.append(distance(got, want, recorded.tolerance, recorded.real_rows(prompt)))
    with report.check(f"{name}: tokens") as errors:
        check_tokens(errors, recorded.facts["text_case"], program)
    with report.check(f"{name}: guesses of masked words") as errors:
        check_guesses(errors, program)


def check_guesses(errors, program):
    """The likeliest of each gap, by the logits of a run; however the model calls its mask."""
    result = json.loads(command(program.path, "fill", "a [MASK] is <mask> here", "-k", 3, "--json"))
    ids = json.loads(command(program.path, "tokenize", "--jsonl", text=json.dumps(result["text"]) + "\n"))
    rows = program.run(Tensor([1, len(ids)], ids))["logits"].rows()
    positions = [gap["position"] for gap in result["gaps"]]
    errors.append(same([len(positions), len({ids[p] for p in positions})], [2, 1]))
    for gap in result["gaps"]:
        logits = rows[gap["position"]]
        total = sum(math.exp(value - max(logits)) for value in logits)
        best = sorted(range(len(logits)), key=lambda id: -logits[id])[:3]
        errors.append(same([guess["id"] for guess in gap["candidates"]], best))
        errors += [abs(guess["probability"] - math.exp(logits[id] - max(logits)) / total) / 1e-5 for guess, id in zip(gap["candidates"], best)]


def attention_rows(want, real):
    """Whether each row of weights [batch, heads, queries, keys] belongs to a token that counts."""
    batch, heads, width, _ = want.shape
    return [real[b * width + q] for b in range(batch) for _ in range(heads) for q in range(width)]


def check_pair(report, name, recorded, program):
    """An encoder-decoder: the encoder's states where tokens count, the decoder's logits, tokens and weights everywhere."""
    check_logits(report, name, recorded, program)
    with report.check(f"{name}: encoder_last_hidden_state") as errors:
        for prompt, want in recorded.find("encoder_last_hidden"):
            got = program.run_inputs(recorded.inputs(prompt))["encoder_last_hidden_state"]
            errors.append(distance(got, want, recorded.tolerance, recorded.real_rows(prompt)))
    with report.check(f"{name}: a token at a time") as errors:
        for prompt, want in recorded.find("decode_logits"):
            errors.append(distance(program.run_inputs(recorded.inputs(prompt), "--step")["logits"], want, recorded.tolerance))
    with report.check(f"{name}: greedy tokens") as errors:
        for prompt, want in recorded.find("greedy_ids"):
            inputs = {"input_ids": recorded.ids(prompt)}  # they begin with a token of their own
            errors.append(same(program.run_inputs(inputs, "--greedy", len(want.values))["greedy_ids"].values, want.values))
    for stack in ("enc", "dec", "cross"):
        with report.check(f"{name}: weights, {stack}") as errors:
            for prompt, layer, want in recorded.taps(f"{stack}_attn"):
                got = program.run_inputs(recorded.inputs(prompt), "--attentions")[f"{stack}_attn.{layer}"]
                rows = attention_rows(want, recorded.real_rows(prompt)) if stack == "enc" else None
                errors.append(distance(got, want, recorded.attention_tolerance, rows))
    for stack in ("enc", "dec"):
        with report.check(f"{name}: hidden states, {stack}") as errors:
            for prompt, layer, want in recorded.taps(f"{stack}_hidden"):
                got = program.run_inputs(recorded.inputs(prompt), "--all-hidden")[f"{stack}_hidden.{layer}"]
                errors.append(distance(got, want, recorded.tolerance, recorded.real_rows(prompt) if stack == "enc" else None))
    with report.check(f"{name}: tokens") as errors:
        check_tokens(errors, recorded.facts["text_case"], program)


def beam_flags(search):
    names = {"num_beams": "--beams", "max_new_tokens": "--max-tokens", "length_penalty": "--length-penalty", "no_repeat_ngram_size": "--no-repeat"}
    flags = [f"{names[key]}={value}" for key, value in search.items() if key in names]
    if "min_length" in search:  # counts the first token
        flags.append(f"--min-tokens={search['min_length'] - 1}")
    if "early_stopping" in search:
        flags.append("--early-stopping=" + {True: "yes", False: "no"}.get(search["early_stopping"], "never"))
    return flags


def with_end(model, recorded, work, **settings):
    """The model's folder, with texts that end as they were recorded."""
    folder = Recorded(HERE / model).with_config("config.json", work / "model")
    for name in ("config.json", "generation_config.json"):
        path = folder / name
        path.write_text(json.dumps(json.loads(path.read_text()) | {"eos_token_id": recorded["end"]} | settings))
    return folder


# What a model's folder says of searches; the rest is for the command line.
SETTINGS = ("bad_words_ids", "suppress_tokens", "begin_suppress_tokens", "repetition_penalty")


def settings_of(case):
    return {key: value for key, value in case["search"].items() if key in SETTINGS}


def score_error(got, case, model):
    """As a share of what the model's tolerance allows: each of a result's tokens adds a logit less the logarithm of a sum of others, and the
    sum of them all is divided by their number to the power of the penalty."""
    return abs(got - case["score"]) / (2 * Recorded(HERE / model).tolerance * len(case["ids"]) ** (1 - case["search"].get("length_penalty", 1.0)))


def check_beams(report, compiler, model):
    """translate against transformers' beam search (record_beams.py)."""
    recorded = json.loads((HERE / "beams.json").read_text())["models"][model]
    by_settings = {}
    for case in recorded["cases"]:
        by_settings.setdefault(json.dumps(settings_of(case)), []).append(case)
    for settings, cases in by_settings.items():
        settings = json.loads(settings)
        name = ", ".join([f"{model}: beam search", *settings])
        with tempfile.TemporaryDirectory() as work, report.group(name):
            work = pathlib.Path(work)
            program = Program(compiler, with_end(model, recorded, work, **settings), work)
            with report.check(name) as errors:
                for case in cases:
                    got = json.loads(command(program.path, "translate", "--ids", "--json", *beam_flags(case["search"]), json.dumps(case["source"])))
                    errors.append(same(got["ids"], case["ids"]))
                    if "score" in case:
                        errors.append(score_error(got["score"], case, model))


class TranslateOptions(ctypes.Structure):
    """attune_translate_options."""
    _fields_ = [("beams", ctypes.c_int64), ("length_penalty", ctypes.c_double), ("max_tokens", ctypes.c_int64), ("min_tokens", ctypes.c_int64),
                ("no_repeat", ctypes.c_int64), ("early_stopping", ctypes.c_int)]


def check_beams_in_c(report, compiler, model):
    """The same through the C interface."""
    recorded = json.loads((HERE / "beams.json").read_text())["models"][model]
    cases = [case for case in recorded["cases"] if not settings_of(case)]
    with tempfile.TemporaryDirectory() as work, report.group(f"{model}: beam search from C"):
        path = pathlib.Path(work) / "libmodel.so"
        command(compiler, with_end(model, recorded, pathlib.Path(work)), "--emit=lib", "-o", path)
        library = ctypes.CDLL(path)
        library.attune_open.restype, library.attune_translate.restype = ctypes.c_void_p, ctypes.c_int64
        handle = ctypes.c_void_p(library.attune_open(None))
        with report.check(f"{model}: beam search from C") as errors:
            for case in cases:
                search, source = case["search"], case["source"]
                options = TranslateOptions()
                errors.append(same([library.attune_recommended_translate_options(handle, ctypes.byref(options))], [0]))
                options.beams, options.max_tokens = search["num_beams"], search["max_new_tokens"]
                options.length_penalty = search.get("length_penalty", options.length_penalty)
                options.no_repeat = search.get("no_repeat_ngram_size", options.no_repeat)
                options.min_tokens = search.get("min_length", 1) - 1
                options.early_stopping = {True: 1, "never": 2}.get(search.get("early_stopping"), 0)
                ids, score = (ctypes.c_int32 * 64)(), ctypes.c_double()
                count = library.attune_translate(handle, (ctypes.c_int32 * len(source))(*source), ctypes.c_size_t(len(source)), ctypes.byref(options), ids,
                                                 ctypes.c_int64(64), ctypes.byref(score))
                errors.append(same(ids[:max(count, 0)], case["ids"]))
                if "score" in case:
                    errors.append(score_error(score.value, case, model))
        library.attune_close(handle)


def check_tokens(errors, case, program):
    ids = json.loads(command(program.path, "tokenize", "--jsonl", text=json.dumps(case["text"]) + "\n"))
    errors.append(same(ids, case["ids"]))
    text = json.loads(command(program.path, "tokenize", "--jsonl", "--decode", "--skip-special", text=json.dumps(ids) + "\n"))
    errors.append(same(text, case["decoded"]))


def continue_uncached(program, ids, count):
    """Greedy tokens, each from a run over all before it."""
    ids = list(ids)
    for _ in range(count):
        logits = program.run(Tensor([1, len(ids)], ids))["logits"]
        last = logits.values[-logits.shape[-1]:]
        ids.append(max(range(len(last)), key=last.__getitem__))
    return ids[-count:]


def check_text(report, name, recorded, program):
    case = recorded.facts["text_case"]
    with report.check(f"{name}: text") as errors:
        check_tokens(errors, case, program)
        prompt, count = case["prompt_ids"], len(case["greedy_ids"])
        if recorded.rotates_anew():  # as it was recorded
            got = continue_uncached(program, prompt, count)
            cached = program.run(Tensor([1, len(prompt)], prompt), "--greedy", count)["greedy_ids"].values
            errors.append(same(cached, case["cached_greedy_ids"]))  # keys that are there stay as they were
        else:
            got = program.run(Tensor([1, len(prompt)], prompt), "--greedy", count)["greedy_ids"].values
        errors.append(same(got, case["greedy_ids"]))


def check_threads(report, name, recorded, program):
    """The same numbers to the last bit from run to run, and close ones from every number of threads."""
    inputs, want = recorded.inputs("p40"), recorded.tensors["p40.logits"]
    with report.check(f"{name}: 1 and 2 threads, twice each") as errors:
        for threads in (1, 2):
            first, second = (program.run_inputs(inputs, "--threads", threads)["logits"] for _ in range(2))
            errors += [same(first.values, second.values), distance(first, want, recorded.tolerance)]


def device_options():
    """What compiles a model for the device that the environment names."""
    return ["--target=opencl"] if os.environ["ATTUNE_DEVICE"].startswith("opencl") else ["--target=cuda", "--chip=sm_80", "--emulate"]


def check_device(report, compiler, model):
    with tempfile.TemporaryDirectory() as work, report.group(f"{model}, on a device"):
        check_on_device(report, Program(compiler, HERE / model, pathlib.Path(work), *device_options()), model)


def check_device_logits(report, compiler, model):
    name = f"{model}, on a device"
    with tempfile.TemporaryDirectory() as work, report.group(name):
        check_logits(report, name, Recorded(HERE / model), Program(compiler, HERE / model, pathlib.Path(work), *device_options()))


# Of these the products of warp groups are checked too: with code for both chips a program takes twice as long to compile.
WARP_GROUPS = ["llama_bf16", "qwen2_f16"]


def check_native(report, compiler, model):
    """Products in the type of the weights, as matrix units multiply, within what torch's own run in that type is off by."""
    recorded, kind = Recorded(HERE / model), "bf16" if "bf16" in model else "f16"
    name, chips = f"{model}, {kind} activations on a device", ["sm_80", *(["sm_90a"] if model in WARP_GROUPS else [])]
    with tempfile.TemporaryDirectory() as work, report.group(name):
        program = Program(compiler, HERE / model, pathlib.Path(work), "--target=cuda", f"--chip={','.join(chips)}", "--emulate", f"--activations={kind}")
        for chip in chips:
            with report.check(f"{name}, {chip}: logits") as errors:
                tolerance, launched = recorded.facts["tolerance"], ""
                for prompt, want in recorded.find("logits"):
                    got = program.run_inputs(recorded.inputs(prompt), "--stats", device=f"emulate:{chip}")["logits"]
                    launched += program.said
                    errors.append(distance(got, want, tolerance["native_atol"]))
                    rms = math.sqrt(sum((a - b) ** 2 for a, b in zip(got.values, want.values)) / len(want.values))
                    errors.append(rms / tolerance["native_rms"])
                errors.append(same(["_linear_sm_90a_" in launched], [chip == "sm_90a"]))


# Of a token's values, what activations of this type may be off by: a unit in the last place is 1/1024 or 1/128, and errors of a few layers add up.
ACTIVATIONS = {"f32": 1e-4, "f16": 0.01, "bf16": 0.08}


def check_device_storage(report, compiler, case):
    """Weights of another type on a device, beside the reference interpreter, at once and token by token."""
    model, stored, activations = case
    name, ids = f"{model}, {stored} weights and {activations} activations on a device", [3, 14, 15, 9, 26, 5, 35, 8, 97, 93, 23]
    with tempfile.TemporaryDirectory() as work, report.group(name), report.check(name) as errors:
        said = command(compiler, HERE / model, "-o", f"{work}/program", *device_options(), f"--quantize={stored}",
                       f"--activations={activations}", "--compare", ",".join(map(str, ids)), f"--compare-tolerance={ACTIVATIONS[activations]}")
        errors.append(0.0 if "agree within" in said and "logits, by tokens" in said else math.inf)


def check_packed(report, folder, model):
    with tempfile.TemporaryDirectory() as work, report.group(f"{model}, on a device"):
        check_on_device(report, Program.compiled(folder / model, pathlib.Path(work)), model)


def check_on_device(report, program, model):
    recorded = Recorded(HERE / model)
    check = {"encoder": check_encoder, "encdec": check_pair}.get(recorded.facts["kind"], check_decoder)
    check(report, f"{model}, on a device", recorded, program)


def check_model(report, compiler, model):
    """With both configurations. What reads the same as the one before it is the same model and is not compiled again."""
    recorded, seen = Recorded(HERE / model), set()
    for style, config in (("v4", "config.json"), ("v5", "config_v5.json")):
        name = f"{model}, {style} config"
        with tempfile.TemporaryDirectory() as work, report.group(name):
            work = pathlib.Path(work)
            folder = recorded.with_config(config, work / "model")
            description = command(compiler, folder, "--emit=description").replace(str(folder), "model")
            if description in seen:
                report.add(True, f"{name}: the same description", "")
                continue
            seen.add(description)
            program = Program(compiler, folder, work)
            check = {"encoder": check_encoder, "encdec": check_pair}.get(recorded.facts["kind"], check_decoder)
            check(report, name, recorded, program)
            check_threads(report, name, recorded, program)


def check_uncounted(report, compiler, model):
    """Padding within a text: its tokens have a position of their own and are not counted."""
    ids, mark = [0, 17, 1, 1, 23, 150, 1, 42, 2], 1
    rows, last = [], mark
    for token in ids:
        last += token != mark
        rows.append(last if token != mark else mark)
    with tempfile.TemporaryDirectory() as work, report.group(model):
        program, weights = Program(compiler, HERE / model, pathlib.Path(work)), tensors.load(HERE / model / "model.safetensors")
        with report.check(f"{model}: padding within a text") as errors:
            got = program.run(Tensor([1, len(ids)], ids), "--all-hidden")["hidden_states.0"].rows()
            words, positions, types, scale, shift = (weights[f"{model}.embeddings.{name}"].rows() for name in (
                "word_embeddings.weight", "position_embeddings.weight", "token_type_embeddings.weight", "LayerNorm.weight", "LayerNorm.bias"))
            eps = json.loads((HERE / model / "config.json").read_text())["layer_norm_eps"]
            for token, row, vector in zip(ids, rows, got):
                x = [sum(parts) for parts in zip(words[token], positions[row], types[0])]
                mean = sum(x) / len(x)
                spread = math.sqrt(sum((v - mean) ** 2 for v in x) / len(x) + eps)
                errors += [abs((v - mean) / spread * s + b - g) / 1e-5 for v, s, b, g in zip(x, scale[0], shift[0], vector)]
            listed = ",".join(map(str, ids))
            errors.append(0.0 if "agree within" in command(compiler, HERE / model, "-o", f"{work}/other", "--compare", listed) else math.inf)


def with_settings(compiler, file, config):
    """A description of the file with what no file says, published models having it all alike: the distance from which T5's last bucket
    serves, Llama 4's chunks and temperature."""
    wanted = {"max_distance: 128": config.get("relative_attention_max_distance"), "chunk: 8192": config.get("attention_chunk_size"),
              "floor_scale: 8192": config.get("floor_scale")}
    text, path = command(compiler, file, "--emit=description"), file.with_suffix(".yaml")
    for words, value in wanted.items():
        if value is not None:
            if words not in text:
                raise Failure(f"the description has no '{words}'")
            text = text.replace(words, f"{words.split(':')[0]}: {value}")
    path.write_text(text)
    return path


def normed(model, want):
    """What follows ModernBERT's last norm, which is what programs give for files without a head; recorded is what comes before."""
    config = json.loads((HERE / model / "config.json").read_text())
    if config["model_type"] != "modernbert":
        return want
    scale, values = tensors.load(HERE / model / "model.safetensors")["model.final_norm.weight"].values, array.array("f")
    for row in want.rows():
        mean = sum(row) / len(row)
        spread = math.sqrt(sum((v - mean) ** 2 for v in row) / len(row) + config["norm_eps"])
        values.extend((v - mean) / spread * s for v, s in zip(row, scale))
    return Tensor(want.shape, values)


def check_gguf(report, compiler, model):
    """The same numbers from a GGUF file."""
    recorded, name = Recorded(HERE / model), f"{model}, as GGUF"
    with tempfile.TemporaryDirectory() as work, report.group(name):
        work = pathlib.Path(work)
        source = gguf_models.convert(recorded.folder, work / "model.gguf")
        source = with_settings(compiler, source, json.loads((recorded.folder / "config.json").read_text()))
        program = Program(compiler, source, work)
        if recorded.facts["kind"] == "encdec":
            return check_pair(report, name, recorded, program)
        if recorded.facts["kind"] != "encoder":
            return check_logits(report, name, recorded, program)
        with report.check(f"{name}: last_hidden_state") as errors:  # the head is not in such files
            for prompt, want in recorded.find("last_hidden"):
                got = program.run_inputs(recorded.inputs(prompt))["last_hidden_state"]
                errors.append(distance(got, normed(model, want), recorded.tolerance, recorded.real_rows(prompt)))


def check_mxfp4(report, compiler, model):
    """Experts in MXFP4 against the same ones as plain numbers: to the last bit where they are stored anew, else up to the order of sums."""
    recorded, name = Recorded(HERE / model), f"{model}, MXFP4"
    with tempfile.TemporaryDirectory() as work, report.group(name):
        work = pathlib.Path(work)
        blocks, plain = mxfp4.models(recorded.folder, work)
        runs = {}
        for folder, options in ((plain, ["--quantize=f32"]), (blocks, ["--quantize=f32"]), (blocks, ["--activations=f32"])):
            program = Program(compiler, folder, work, *options)
            runs[folder.name, *options] = [program.run(recorded.ids(prompt))["logits"] for prompt, _ in recorded.find("logits")]
        want, anew, kept = runs.values()
        with report.check(f"{name}: stored anew") as errors:
            errors += [same(g.values, w.values) for g, w in zip(anew, want)]
        with report.check(f"{name}: kept") as errors:
            errors += [distance(g, w, recorded.tolerance) for g, w in zip(kept, want)]


def check_options(report, compiler, model):
    """The same numbers whatever the processor and with any one fusion left out."""
    recorded = Recorded(HERE / model)
    for option in ["--cpu=x86-64-v2", "--weights=file", *(f"--disable-fusion={fusion}" for fusion in FUSIONS)]:
        name = f"{model}, {option}"
        with tempfile.TemporaryDirectory() as work, report.group(name):
            check_logits(report, name, recorded, Program(compiler, HERE / model, pathlib.Path(work), option))


def tables(text):
    """What `attend` prints: name to rows of numbers. A table is a title and lines of a token's number and its values."""
    result = {}
    for block in text.strip().split("\n\n"):
        title, *lines = block.splitlines()
        result[title] = [[float(word) for word in line.split()[1:]] for line in lines]
    return result


def check_example(report, compiler, case):
    """Every stage of the lecture's example against exact fractions."""
    plain = case["simple_normalisation"]
    stages = {"q": case["q"], "k": case["k"], "v": case["v"], "scores": case["scores"],
              "weights": plain["weights"], "outputs": plain["output"]}
    name = {"from_matrices": "lecture_matrices", "lecture_qkv": "lecture_qkv"}[case["name"]]
    with tempfile.TemporaryDirectory() as work, report.group(name):
        program = Program(compiler, EXAMPLES / f"{name}.yaml", pathlib.Path(work))
        with report.check(f"{name}: attend") as errors:
            got = tables(command(program.path, "attend"))
            for stage, rows in stages.items():
                want = [[float(fractions.Fraction(value)) for value in row] for row in rows]
                if [len(row) for row in got[stage]] != [len(row) for row in want]:
                    raise Failure(f"{stage}: {got[stage]}, expected {want}")
                # Four decimal places are printed.
                errors += [abs(g - w) / 5.1e-5 for a, b in zip(got[stage], want) for g, w in zip(a, b)]


def check_hand_written(report, compiler, name):
    """A description of examples/ with random weights: the program gives what the reference interpreter gives, and a decoder the
    same a token at a time."""
    description = EXAMPLES / f"{name}.yaml"
    pair, encoder = (f"kind: {kind}\n" in description.read_text() for kind in ("encoder_decoder", "encoder"))
    ids = [3, 14, 15, 9, 26, 5, 35, 8, 97, 93, 23, 84, 62, 64, 33, 83, 27, 95, 28, 84]
    with tempfile.TemporaryDirectory() as work, report.group(name):
        program = Program(compiler, description, pathlib.Path(work))
        with report.check(f"{name}: the reference interpreter") as errors:
            listed = ",".join(map(str, ids)) + ("/" + ",".join(map(str, ids[:5])) if pair else "")
            errors.append(0.0 if "agree within" in command(compiler, description, "-o", f"{work}/other", "--compare", listed) else math.inf)
        if not encoder:
            with report.check(f"{name}: a token at a time") as errors:
                inputs = {"input_ids": Tensor([1, len(ids)], ids)}
                if pair:
                    inputs["decoder_input_ids"] = Tensor([1, 5], ids[:5])
                whole, steps = (program.run_inputs(inputs, *flags)["logits"] for flags in ((), ("--step",)))
                errors.append(distance(steps, whole, 1e-4))


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    compiler, names = pathlib.Path(sys.argv[1]) / "attune-compile", sys.argv[2:]
    report, tasks = Report(), []
    recorded = sorted(path.parent.name for path in HERE.glob("*/expected.safetensors"))
    if names and names[0].startswith("--"):
        option, _, value = names[0].partition("=")
        models = names[1:] or recorded
        if option == "--pack":
            for model in models:
                command(compiler, HERE / model, "-o", pathlib.Path(value) / model, "--target=cuda")
            return None
        os.environ["ATTUNE_DEVICE"] = value
        if option == "--packed":
            return run_all(report, compiler.parent, [(check_packed, model) for model in models])
        if option == "--logits-on":
            return run_all(report, compiler, [(check_device_logits, model) for model in models])
        tasks = [(check_device, model) for model in models]
        if not names[1:] and value == "emulate":
            tasks += [(check_device_storage, ("llama", stored, "f32")) for stored in ("f16", "bf16", "int8", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1")]
            tasks += [(check_device_storage, case) for case in (("llama", "q4_1", "bf16"), ("llama", "q8_0", "f16"), ("mixtral", "q5_0", "f16"))]
        if value == "emulate":
            tasks += [(check_native, model) for model in models if "native_atol" in Recorded(HERE / model).facts["tolerance"]]
        return run_all(report, compiler, tasks)
    if not names or "word_example" in names:
        for case in json.loads((HERE / "word_example" / "expected.json").read_text())["cases"]:
            tasks.append((check_example, case))
    for model in names or recorded:
        if model != "word_example":
            tasks.append((check_model, model))
            if model == "roberta":
                tasks.append((check_uncounted, model))
            if Recorded(HERE / model).facts["kind"] == "encdec":
                tasks += [(check_beams, model), (check_beams_in_c, model)]
            if model == "gpt_oss":
                tasks.append((check_mxfp4, model))
            if gguf_models.has_form(HERE / model):
                tasks.append((check_gguf, model))
    if not names:
        tasks += [(check_hand_written, name) for name in ("small_gpt", "masked_words", "translation", "mixture", "hybrid")]
        tasks += [(check_options, "llama"), (check_options, "bert"), (check_options, "t5")]
    run_all(report, compiler, tasks)


def run_all(report, compiler, tasks):
    # Most of the time is the compiler's: as many models at once as there are processors.
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for task in [pool.submit(check, report, compiler, what) for check, what in tasks]:
            task.result()
    report.close()


if __name__ == "__main__":
    main()
