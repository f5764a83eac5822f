# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Records what transformers' beam search makes of the small encoder-decoders beside this file.

    python3 record_beams.py        needs torch and transformers; writes beams.json
"""
import json
import pathlib

import torch
import transformers

HERE = pathlib.Path(__file__).resolve().parent
SOURCES = [[5, 17, 40, 9, 33], [77, 4, 21, 58, 90, 12, 66, 8, 31], [101]]
SEARCHES = [
    {"num_beams": 1, "max_new_tokens": 10},
    {"num_beams": 3, "max_new_tokens": 12},
    {"num_beams": 4, "max_new_tokens": 16, "length_penalty": 0.6},
    {"num_beams": 4, "max_new_tokens": 16, "length_penalty": 2.0, "early_stopping": True},
    {"num_beams": 5, "max_new_tokens": 14, "early_stopping": "never"},
    {"num_beams": 4, "max_new_tokens": 12, "length_penalty": -0.5},
    {"num_beams": 2, "max_new_tokens": 14, "no_repeat_ngram_size": 2},
    {"num_beams": 3, "max_new_tokens": 10, "min_length": 8},
    {"num_beams": 3, "max_new_tokens": 10, "bad_words_ids": [[22], [160, 160], [15, 170]]},
]


def main():
    result = {"transformers": transformers.__version__, "models": {}}
    for name in ("bart", "marian", "t5", "t5_v11"):
        model = transformers.AutoModelForSeq2SeqLM.from_pretrained(HERE / name, dtype=torch.float32).eval()
        end = model.generation_config.eos_token_id
        cases = []
        for source in SOURCES:
            ids = torch.tensor([source + [end]])
            for search in SEARCHES:
                with torch.no_grad():
                    output = model.generate(ids, do_sample=False, return_dict_in_generate=True, output_scores=True, **search)
                case = {"source": ids[0].tolist(), "search": search, "ids": output.sequences[0].tolist()[1:]}
                if search["num_beams"] > 1:
                    case["score"] = float(output.sequences_scores[0])
                cases.append(case)
        result["models"][name] = cases
    (HERE / "beams.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
