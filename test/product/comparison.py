# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""--compare with the reference, and the figures that `bench` prints."""
import json, os

from harness import COMPILE, SOURCE, WORK, check, call, CONTEXT, MODEL, folder


def test_compare():
    for options in ((), ("--quantize=q8_0",), ("--quantize=int8",), ("--quantize=q4_0",), ("--quantize=f16", "--cache=f16"), ("--cache=int8",), ("--quantize=q4_0", "--activations=f32")):
        code, out, errors = call(COMPILE, MODEL, "--compare", "3,14,15,9", *options)
        check(f"--compare {options}", code == 0 and "agree" in out and "attentions.0" in out, out + errors)
    code, out, errors = call(COMPILE, MODEL, "--compare", "3,14,15,9", "--compare-tolerance", "1e-12")
    check("--compare beyond tolerance", code == 1 and "first, " in errors and "beyond 1e-12" in errors, out + errors)
    worst = max(float(line.split()[5 if "by tokens" not in line else 7]) for line in out.splitlines()[1:] if "e" in line and len(line.split()) > 5)
    tolerance = worst * 0.999
    code, out, errors = call(COMPILE, MODEL, "--compare", "3,14,15,9", "--compare-tolerance", f"{tolerance:.17g}")
    said = errors[errors.find("wrong by ") + 9:].split(" ")[0]
    check("--compare tells an error from the tolerance", code == 1 and float(said) > tolerance, errors)
    for ids in ("40", "-1", "x", "", "@none", ",".join(["1"] * (CONTEXT + 1))):
        code, _, errors = call(COMPILE, MODEL, "--compare", ids)
        check(f"--compare '{ids}'", code == 1 and errors, f"exit {code}: {errors}")


def test_compare_pair():
    """An encoder-decoder: both stacks, and quantised ones."""
    pair = os.path.join(SOURCE, "test", "oracle", "t5")
    for options in ((), ("--quantize=q8_0",), ("--quantize=f16", "--cache=f16"), ("--cache=int8",)):
        code, out, errors = call(COMPILE, pair, "--compare", "5,17,40,9,33/0,3,9", *options)
        names = ("enc_attn.0", "encoder_last_hidden_state", "cross_attn.1", "logits, by tokens")
        check(f"--compare of an encoder-decoder {options}", code == 0 and all(name in out for name in ("agree", *names)), out + errors)
    code, out, errors = call(COMPILE, pair, "--compare", "5,17/0,3", "--compare-tolerance", "1e-12")
    check("--compare names the stack", code == 1 and "first, enc_" in errors and "the encoder's layer 0" in errors, out + errors)
    for ids, expected in (("5,17", "SOURCE/TOKENS"), ("5/", "0 ids"), ("/0", "0 ids"), ("5,100000/0", "'100000' is no token id")):
        code, _, errors = call(COMPILE, pair, "--compare", ids)
        check(f"--compare '{ids}' of an encoder-decoder", code == 1 and expected in errors, f"exit {code}: {errors}")


def test_pair_bench():
    program = os.path.join(WORK, "pair_bench")
    code, out, errors = call(COMPILE, os.path.join(SOURCE, "test", "oracle", "t5"), "-o", program)
    check("compiles an encoder-decoder", code == 0, out + errors)
    prompts = os.path.join(WORK, "pair.json")
    with open(prompts, "w") as out:
        json.dump({"source": [5, 17, 40, 9, 1]}, out)
    code, out, errors = call(program, "bench", "--json", "--repeats", "2", "--prompts", prompts)
    result = json.loads(out) if code == 0 else {}
    check("bench of an encoder-decoder", result.get("source_tokens") == 5 and len(result.get("ids", ())) == result.get("text_tokens")
          and all(len(result.get(key, ())) == 2 and min(result[key]) > 0 for key in ("encode_tps", "greedy_tps", "search_tps")), out + errors)
    code, out, errors = call(program, "translate", "--ids", "--json", "--beams", "1", "-n", "64", "--min-tokens", "64", "[5, 17, 40, 9, 1]")
    check("bench makes what translate makes", code == 0 and json.loads(out)["ids"] == result.get("ids"), out + errors)
    check_profile("an encoder-decoder", program, {"linear", "attention", "norm"}, 1, "--prompts", prompts)
    code, out, errors = call(program, "bench")
    check("bench of an encoder-decoder, as a table", code == 0 and all(line in out for line in ("source", "likeliest tokens", "beam search")), out + errors)


def check_profile(name, program, kinds, parts, *options):
    """Shares of each part's time make the whole, and the kinds of kernels are there. Returns the parts."""
    code, out, errors = call(program, "bench", "--profile", "--json", "--repeats", "1", *options)
    result = json.loads(out) if code == 0 else {"parts": [], "limits": {}}
    check(f"profile of {name}: parts", len(result["parts"]) == parts and result["limits"].get("bytes_per_s", 0) > 0, out + errors)
    for part in result["parts"]:
        kernels = part["kernels"]
        whole = sum(kernel["share"] for kernel in kernels) + part["between_kernels"]["share"]
        seconds = sum(kernel["seconds"] for kernel in kernels) + part["between_kernels"]["seconds"]
        check(f"profile of {name}, {part['name']}: shares add up", abs(whole - 1) < 1e-9 and abs(seconds - part["seconds"]) < 1e-9 * part["seconds"]
              and all(kernel["seconds"] > 0 and 0 < kernel["threads_busy"] <= 1 for kernel in kernels), out)
        missing = kinds - {kernel["kind"] for kernel in kernels}
        check(f"profile of {name}, {part['name']}: kinds", not missing and all(kernel["kind"] != "unknown" for kernel in kernels), f"{missing}: {out}")
    code, out, errors = call(program, "bench", "--profile", "--repeats", "1", *options)
    rows = [line for line in out.splitlines() if line.endswith("%") or line.endswith("busy")]
    widths = {len(line) for line in rows if not line.startswith("  between")}
    check(f"profile of {name}: columns align", code == 0 and len(widths) <= parts and len(rows) > parts, out + errors)
    return result["parts"]


def test_profile():
    folder = os.path.join(SOURCE, "test", "oracle", "llama")
    program = os.path.join(WORK, "profiled")
    code, out, errors = call(COMPILE, folder, "--quantize=q8_0", "-o", program)
    check("compiles for a profile", code == 0, out + errors)
    parts = check_profile("a decoder", program, {"linear", "attention", "norm", "rotary", "quantize"}, 3)
    config = json.load(open(os.path.join(folder, "config.json")))
    hidden, layers = config["hidden_size"], config["num_hidden_layers"]
    heads = config["num_attention_heads"] + 2 * config["num_key_value_heads"]
    size = config.get("head_dim") or hidden // config["num_attention_heads"]
    matrices = layers * (hidden * size * heads + hidden * size * config["num_attention_heads"] + 3 * hidden * config["intermediate_size"]) + hidden * config["vocab_size"]
    for part in parts[1:]:
        counted = sum(kernel["operations"] for kernel in part["kernels"] if kernel["kind"] == "linear")
        check(f"profile: {part['name']} multiplies each weight once", counted == 2 * matrices, f"{counted}, not {2 * matrices}")
    keys = sum(kernel["operations"] for kernel in parts[1]["kernels"] if kernel["kind"] == "attention")
    check("profile: keys that are seen", keys > 0 and keys % (4 * config["num_attention_heads"] * size * layers / parts[1]["steps"]) == 0, f"{keys}")
