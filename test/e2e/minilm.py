# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles all-MiniLM-L6-v2 and embeds texts with it.

    python3 minilm.py BIN_DIR all-MiniLM-L6-v2      (a folder)

embeddings.json is what make_embeddings.py computed from the same files, with none of Attune's code.
"""
import json
import math
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from support import tensors
from support.programs import Program, Report, command, same

TOLERANCE = 1e-5  # of elements of vectors of length 1
STATE_TOLERANCE = 1e-4  # of hidden states, whose elements are about 1


def difference(got, want, tolerance):
    if len(got) != len(want):
        return math.inf
    return max(abs(g - w) for g, w in zip(got, want)) / tolerance


def cosine(a, b):
    dot = lambda x, y: sum(i * j for i, j in zip(x, y))
    return dot(a, b) / math.sqrt(dot(a, a) * dot(b, b))


class Embeddings:
    def __init__(self, program):
        self.program = program

    def of(self, texts, *options):
        """A JSON value for each text."""
        lines = command(self.program.path, "embed", "-", *options, text="".join(text + "\n" for text in texts))
        return [json.loads(line) for line in lines.splitlines()]

    def word(self, text, word, *options):
        """The vector of a word in a text."""
        tokens, = self.of([text], *options)
        return next(token["vector"] for token in tokens if token["token"] == word)


def check_vectors(report, embeddings, texts):
    with report.check("MiniLM: ids of texts") as errors:
        for case in texts:
            line = command(embeddings.program.path, "tokenize", "--jsonl", text=json.dumps(case["text"]) + "\n")
            errors.append(same(json.loads(line), case["ids"]))
    with report.check("MiniLM: vectors of texts") as errors:
        got = embeddings.of([case["text"] for case in texts])
        errors += [difference(vector, case["vector"], TOLERANCE) for vector, case in zip(got, texts, strict=True)]
    with report.check("MiniLM: tensors as lines") as errors:
        path = embeddings.program.folder / "vectors.safetensors"
        command(embeddings.program.path, "embed", "--text", texts[0]["text"], "--text", texts[1]["text"], "-o", path)
        rows = tensors.load(path)["embeddings"].rows()
        errors += [difference(row, case["vector"], TOLERANCE) for row, case in zip(rows, texts[:2], strict=True)]


def check_neighbours(report, embeddings, texts):
    """A text beside others, longer ones among them, keeps its vector, however many a step takes."""
    with report.check("MiniLM: a text alone and beside longer ones") as errors:
        long = " ".join(case["text"] for case in texts) * 4
        for case in texts:
            alone, = embeddings.of([case["text"]])
            beside = embeddings.of([long, case["text"], long] + [texts[0]["text"]] * 300)[1]
            errors.append(difference(beside, alone, TOLERANCE))


def check_word(report, embeddings, texts, word):
    """One word in two sentences: one row of the table, two vectors in context."""
    sentences = [texts[index]["text"] for index in word["sentences"]]
    with report.check("MiniLM: a word's one static vector") as errors:
        first, second = (embeddings.word(text, word["word"], "--static") for text in sentences)
        errors += [same(first, second), difference(first, word["static"], 1e-6)]
    with report.check("MiniLM: a word's two vectors in context") as errors:
        vectors = [embeddings.word(text, word["word"], "--tokens") for text in sentences]
        errors += [difference(g, w, STATE_TOLERANCE) for g, w in zip(vectors, word["contextual"], strict=True)]
        errors.append(0.0 if cosine(*vectors) < 0.9 else math.inf)


def check_attention(report, embeddings, texts):
    with report.check("MiniLM: attention weights as a table and a page") as errors:
        title, labels, *rows = command(embeddings.program.path, "attend", texts[0]["text"], "--layer", 1, "--head", 2).splitlines()
        errors += [same([title], ["layer 1, head 2"]), same([len(rows)], [len(texts[0]["ids"])])]
        errors += [abs(sum(map(float, row.split()[1:])) - 1) / 1e-3 for row in rows]
        page = embeddings.program.folder / "page.html"
        command(embeddings.program.path, "attend", texts[0]["text"], "-o", page)
        text = page.read_text()
        errors.append(0.0 if "river" in text and "http" not in text else math.inf)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    compiler, model = pathlib.Path(sys.argv[1]) / "attune-compile", sys.argv[2]
    expected = json.loads((HERE / "embeddings.json").read_text())
    report = Report()
    with tempfile.TemporaryDirectory() as work, report.group("MiniLM"):
        embeddings = Embeddings(Program(compiler, model, pathlib.Path(work)))
        check_vectors(report, embeddings, expected["texts"])
        check_neighbours(report, embeddings, expected["texts"])
        check_word(report, embeddings, expected["texts"], expected["word"])
        check_attention(report, embeddings, expected["texts"])
    report.close()


if __name__ == "__main__":
    main()
