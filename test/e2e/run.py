# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles SmolLM2 and uses it: exactly as a plain evaluation has it, and in its fast default form.

    python3 run.py BIN_DIR SmolLM2-135M-Instruct.Q4_1.gguf

expected.json is what make_expected.py computed from the dequantised weights, with none of Attune's code.
"""
import json
import math
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from support.programs import Program, Report, command, distance, same
from support.tensors import Tensor

LOGIT_TOLERANCE = 2e-4  # f32 sums in another order, through 30 layers
# Activations in int8: how far the mean log-probability of a page's tokens may move (0.5 % of perplexity).
INT8_TOLERANCE = 0.005


def ids_of(prompt):
    return Tensor([1, len(prompt["ids"])], prompt["ids"])


def decode(program, ids):
    line = command(program.path, "tokenize", "--jsonl", "--decode", "--skip-special", text=json.dumps(ids) + "\n")
    return json.loads(line)


def check_exact(report, program, expected):
    """Activations in f32: every number as the plain evaluation has it."""
    name = "f32 activations"
    for prompt in expected["prompts"]:
        with report.check(f"{name}: '{prompt['text']}'") as errors:
            result = program.run(ids_of(prompt), "--greedy", len(prompt["greedy"]))
            errors.append(same(result["greedy_ids"].values, prompt["greedy"]))
            last = result["logits"].rows()[len(prompt["ids"]) - 1]
            errors += [abs(last[token] - value) / LOGIT_TOLERANCE for token, value in prompt["best"]]
    check_page(report, name, program, expected["page"], 1e-4)
    check_steps(report, name, program, expected["prompts"])
    with report.check(f"{name}: chat") as errors:
        chat = expected["chat"]
        answer = command(program.path, "chat", chat["question"], "--temperature", 0, "--max-tokens", len(chat["greedy"]))
        errors.append(same(answer.strip(), decode(program, chat["greedy"]).strip()))


def check_fast(report, program, expected):
    """Activations in int8: close to the plain evaluation, the same from run to run."""
    name = "int8 activations"
    for prompt in expected["prompts"]:
        with report.check(f"{name}: '{prompt['text']}'") as errors:
            first, again = (program.run(ids_of(prompt), "--greedy", 8)["greedy_ids"].values for _ in range(2))
            errors += [same(first, again), same(first[:1], prompt["greedy"][:1])]
    check_page(report, name, program, expected["page"], INT8_TOLERANCE)
    check_long_text(report, name, program)
    check_steps(report, name, program, expected["prompts"])
    with report.check(f"{name}: streamed text") as errors:
        prompt = expected["prompts"][0]
        ids = list(program.run(ids_of(prompt), "--greedy", 8)["greedy_ids"].values)
        text = command(program.path, "generate", prompt["text"], "--max-tokens", 8, "--ignore-end")
        errors.append(same(text.strip(), decode(program, ids).strip()))
    with report.check(f"{name}: chat") as errors:
        answers = {command(program.path, "chat", expected["chat"]["question"], "--max-tokens", 16) for _ in range(2)}
        errors.append(0.0 if len(answers) == 1 and answers.pop().strip() else math.inf)


def check_page(report, name, program, page, tolerance):
    with report.check(f"{name}: log-probability of a page") as errors:
        result = json.loads(command(program.path, "score", "--json", HERE / "page.txt"))
        errors.append(same([result["tokens"]], [page["tokens"] - 1]))
        errors.append(abs(result["log_probability"] / result["tokens"] + page["mean_nll"]) / tolerance)


def check_long_text(report, name, program):
    """More tokens than a chunk, every row of logits wanted: a text of this repository."""
    with report.check(f"{name}: score of a long text") as errors:
        result = json.loads(command(program.path, "score", "--json", HERE.parent.parent / "LICENSE"))
        errors.append(0.0 if result["tokens"] > 1500 and math.isfinite(result["log_probability"]) else math.inf)


def check_steps(report, name, program, prompts):
    with report.check(f"{name}: token by token as in one go") as errors:
        for prompt in prompts:
            whole, steps = (program.run(ids_of(prompt), *flags)["logits"] for flags in ((), ("--step",)))
            errors.append(distance(steps, whole, LOGIT_TOLERANCE))


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    compiler, model = pathlib.Path(sys.argv[1]) / "attune-compile", sys.argv[2]
    expected = json.loads((HERE / "expected.json").read_text())
    report = Report()
    for check, *options in ((check_exact, "--activations=f32"), (check_fast,)):
        with tempfile.TemporaryDirectory() as work, report.group("SmolLM2"):
            check(report, Program(compiler, model, pathlib.Path(work), *options), expected)
    report.close()


if __name__ == "__main__":
    main()
