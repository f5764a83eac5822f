# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes embeddings.json: what sentence-transformers' pipeline gives for all-MiniLM-L6-v2, evaluated plainly in f64.

    python make_embeddings.py all-MiniLM-L6-v2      (a folder; needs the packages numpy, safetensors and tokenizers)

Nothing here comes from Attune: ids are made by Hugging Face's tokenizers, the rest follows BERT's definition, then the mean
of the tokens' vectors gets the length 1.
"""
import json
import math
import pathlib
import sys

import numpy as np
from safetensors.numpy import load_file
from tokenizers import Tokenizer

HERE = pathlib.Path(__file__).parent
HEADS, LAYERS, EPSILON = 12, 6, 1e-12
TEXTS = [
    "He sat on the bank of the river.",
    "She took her money to the bank.",
    "A compiler turns a description of a model into a program.",
    "Ein Satz in einer anderen Sprache, mit Umlauten: äöü!",
    "short",
]
WORD, SENTENCES = "bank", (0, 1)
erf = np.vectorize(math.erf, otypes=[np.float64])


class Bert:
    def __init__(self, weights):
        self.weights = {name: value.astype(np.float64) for name, value in weights.items() if value.dtype == np.float32}

    def linear(self, name, x):
        return x @ self.weights[name + ".weight"].T + self.weights[name + ".bias"]

    def norm(self, name, x):
        x = x - x.mean(-1, keepdims=True)
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + EPSILON) * self.weights[name + ".weight"] + self.weights[name + ".bias"]

    def attention(self, name, x):
        q, k, v = (self.linear(f"{name}.self.{part}", x).reshape(len(x), HEADS, -1) for part in ("query", "key", "value"))
        scores = np.einsum("qhd,khd->hqk", q, k) / math.sqrt(q.shape[-1])
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        return self.linear(f"{name}.output.dense", np.einsum("hqk,khd->qhd", weights, v).reshape(len(x), -1))

    def __call__(self, ids):
        table = lambda name: self.weights[f"embeddings.{name}.weight"]
        x = table("word_embeddings")[ids] + table("position_embeddings")[:len(ids)] + table("token_type_embeddings")[0]
        x = self.norm("embeddings.LayerNorm", x)
        for layer in range(LAYERS):
            name = f"encoder.layer.{layer}"
            x = self.norm(f"{name}.attention.output.LayerNorm", x + self.attention(f"{name}.attention", x))
            y = self.linear(f"{name}.intermediate.dense", x)
            y = self.linear(f"{name}.output.dense", y * 0.5 * (1 + erf(y / math.sqrt(2))))
            x = self.norm(f"{name}.output.LayerNorm", x + y)
        return x


def main():
    folder = pathlib.Path(sys.argv[1])
    bert, tokenizer = Bert(load_file(folder / "model.safetensors")), Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    rounded = lambda vector: [round(float(value), 7) for value in vector]
    texts, contextual = [], []
    for index, text in enumerate(TEXTS):
        encoding = tokenizer.encode(text)
        hidden = bert(encoding.ids)
        mean = hidden.mean(0)
        texts.append({"text": text, "ids": encoding.ids, "vector": rounded(mean / np.linalg.norm(mean))})
        if index in SENTENCES:
            contextual.append(rounded(hidden[encoding.tokens.index(WORD)]))
    word = {"word": WORD, "sentences": SENTENCES, "contextual": contextual,
            "static": rounded(bert.weights["embeddings.word_embeddings.weight"][tokenizer.token_to_id(WORD)])}
    (HERE / "embeddings.json").write_text(json.dumps({"texts": texts, "word": word}) + "\n")


if __name__ == "__main__":
    main()
