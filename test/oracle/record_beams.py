# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Records what transformers' beam search makes of the small encoder-decoders beside this file.

    python3 record_beams.py        needs torch and transformers; writes beams.json

The models have learned nothing, so an id that they do generate is taken for the end of a text, and ids that they generate are
banned: each option must change some result, or nothing is recorded.
"""
import collections
import json
import pathlib

import torch
import transformers

HERE = pathlib.Path(__file__).resolve().parent
SOURCES = [[5, 17, 40, 9, 33], [77, 4, 21, 58, 90, 12, 66, 8, 31], [101], [64, 3, 200, 150, 99, 7]]
PLAIN = {"num_beams": 4, "max_new_tokens": 16}
CHANGES = [
    {"num_beams": 1},
    {"num_beams": 2},
    {"length_penalty": 3.0},
    {"length_penalty": -2.0},
    {"early_stopping": True},
    {"early_stopping": "never", "length_penalty": 3.0},
    {"no_repeat_ngram_size": 2},
    {"min_length": 10},
    {"max_new_tokens": 4},
]


def search(model, source, **options):
    with torch.no_grad():
        output = model.generate(torch.tensor([source]), do_sample=False, return_dict_in_generate=True, output_scores=True, **options)
    result = {"ids": output.sequences[0].tolist()[1:]}
    if options["num_beams"] > 1:
        result["score"] = float(output.sequences_scores[0])
    return result


def choose_end(model):
    """An id that ends results after a few tokens, at different places."""
    def ends(id):
        lengths = [len(search(model, source, **PLAIN, eos_token_id=id)["ids"]) for source in SOURCES]
        return (len(set(lengths)), sum(2 < length < 16 for length in lengths))
    seen = collections.Counter(id for source in SOURCES for beams in (1, 4)
                               for id in search(model, source, num_beams=beams, max_new_tokens=16, eos_token_id=-1)["ids"])
    return max([id for id, _ in seen.most_common(12)], key=ends)


def record(name):
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(HERE / name, dtype=torch.float32).eval()
    end = choose_end(model)
    usual = [search(model, source, **PLAIN, eos_token_id=end) for source in SOURCES]
    words = [result["ids"] for result in usual]
    # What only a model's folder says, not a command line.
    settings = [{"bad_words_ids": [[next(id for id in words[0] if id != end)], words[1][1:3]]},
                {"suppress_tokens": [end, words[2][0]]},
                {"begin_suppress_tokens": sorted({ids[position] for ids in words for position in (0, 1) if position < len(ids)} - {end})},
                {"repetition_penalty": 1.8},
                {"repetition_penalty": 1.8, "num_beams": 1}]
    cases, changed = [], []
    for change in [{}, *CHANGES, *settings]:
        options = PLAIN | change
        results = [search(model, source, **options, eos_token_id=end) for source in SOURCES]
        changed.append(results != usual)
        cases += [{"source": source, "search": options, **result} for source, result in zip(SOURCES, results)]
    print(name, "ends with", end, [len(ids) for ids in words], changed)
    assert any(ids[-1] == end and len(ids) < 16 for ids in words), "no result ends early"
    return {"end": end, "cases": cases}, changed[1:]


def main():
    models, changed = {}, []
    for name in ("bart", "marian", "t5", "t5_v11"):
        models[name], changes = record(name)
        changed.append(changes)
    names = ["bad_words_ids", "suppress_tokens", "begin_suppress_tokens", "repetition_penalty", "repetition_penalty of one beam"]
    for change, each in zip([*CHANGES, *names], zip(*changed)):
        assert any(each), f"{change} changes nothing"
    (HERE / "beams.json").write_text(written({"transformers": transformers.__version__, "models": models}))


def written(record):
    """JSON with a line for each case."""
    text = json.dumps(record | {"models": {name: model | {"cases": name} for name, model in record["models"].items()}}, indent=1)
    for name, model in record["models"].items():
        cases = ",\n".join("    " + json.dumps(case) for case in model["cases"])
        text = text.replace(f'"cases": "{name}"', f'"cases": [\n{cases}\n   ]')
    return text + "\n"


if __name__ == "__main__":
    main()
