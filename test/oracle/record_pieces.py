# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Trains small models of SentencePiece on this project's pages and records how transformers' tokenizers read texts with them.

    python3 record_pieces.py       needs transformers and sentencepiece; writes tokenizers/spm_*
"""
import io
import json
import pathlib
import shutil

import sentencepiece
import transformers

HERE = pathlib.Path(__file__).resolve().parent
PAGES = HERE.parent.parent.glob("*.md"), (HERE.parent.parent / "docs").glob("*.md")
# A replacement of several characters, one whose beginning has another, and one that makes a space.
RULES = [("--", "\u2014"), ("---", "\u2013"), ("\u00c5", "A"), ("A\u030a", "A"), ("\t", " "), ("\u00a0", " "), ("\n", " ")]
MORE = ["</s> a <unk>b<pad>", "a </s>", "<s> text </s>", ">>fra<< A text", " >>fra<< A text", ">>deu<<A text", "A >>fra<< text", "<extra_id_0> a <extra_id_99>.",
        "a---b--c-d", "\u00c5ngstr\u00f6m A\u030a", "  two  spaces  around  ", "\u2581 literal \u2581mark", "<0x41> byte", "[USER] asks", "x[USER]y [USER]",
        "known wor\u00fcd", "\u00fc", "\u00fc\u00fc \u00e4", "\u4f60\u597d\u00fc"]


def sentences():
    text = [line.strip() for pages in PAGES for page in sorted(pages) for line in page.read_text().splitlines()]
    return [line for line in text if len(line) > 20]


def train(folder, name, lines, **options):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(lines), model_writer=model, num_threads=1, minloglevel=2, **options)
    (folder / name).write_bytes(model.getvalue())
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())


def texts():
    recorded = json.loads((HERE / "tokenizers/tiny_unigram/tokenizer_cases.json").read_text())
    return [case["text"] for case in recorded["cases"]] + MORE


def record(folder, tokenizer, note, decode):
    cases = []
    for text in texts():
        ids, plain = tokenizer(text).input_ids, tokenizer(text, add_special_tokens=False).input_ids
        if isinstance(tokenizer, transformers.T5Tokenizer) and plain[-1:] == ids[-1:]:
            continue  # its end is not added to a text that has it
        case = {"text": text, "ids": ids, "ids_no_special": plain, "decode": decode([id for id in ids if id not in tokenizer.all_special_ids])}
        cases.append({key: value for key, value in case.items() if key != "ids_no_special" or value != ids})
    reference = f"{type(tokenizer).__name__} of transformers {transformers.__version__}, sentencepiece {sentencepiece.__version__}"
    (folder / "tokenizer_cases.json").write_text(json.dumps({"reference": reference, "note": note, "cases": cases}, indent=1))


def fresh(name):
    folder = HERE / "tokenizers" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def marian(lines):
    """As Helsinki-NLP's: pieces of both languages have numbers, some of the source's have none, some unknown texts have one."""
    folder = fresh("spm_marian")
    source = train(folder, "source.spm", lines, vocab_size=400, character_coverage=0.995, normalization_rule_name="nmt_nfkc")
    pieces = [source.id_to_piece(i) for i in range(3, source.get_piece_size())]
    kept = [piece for i, piece in enumerate(pieces) if i % 17 != 5 or piece == "\u2581"]
    tokens = ["</s>", "<unk>", *kept, "\u2581le", "\u2581chat", "\u00fc", ">>fra<<", ">>deu<<", "<pad>"]
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(dict.fromkeys(tokens))}, indent=0))
    shutil.copy(folder / "source.spm", folder / "target.spm")
    tokenizer = transformers.MarianTokenizer.from_pretrained(folder)
    record(folder, tokenizer, "target.spm is left out: it is source.spm", lambda ids: tokenizer.decode(ids, clean_up_tokenization_spaces=False))
    (folder / "target.spm").unlink()


def t5(lines):
    folder = fresh("spm_t5")
    (folder / "rules.tsv").write_text("".join("\t".join(" ".join(f"{ord(c):X}" for c in word) for word in rule) + "\n" for rule in RULES))
    processor = train(folder, "spiece.model", lines, vocab_size=300, pad_id=0, eos_id=1, unk_id=2, bos_id=-1, character_coverage=0.999,
          normalization_rule_tsv=str(folder / "rules.tsv"))
    (folder / "rules.tsv").unlink()
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "T5Tokenizer", "extra_ids": 100, "legacy": True}))
    record(folder, transformers.T5Tokenizer.from_pretrained(folder, legacy=True), "decoded by SentencePiece", processor.decode)


def llama(lines):
    folder = fresh("spm_llama")
    processor = train(folder, "tokenizer.model", lines, vocab_size=600, model_type="bpe", byte_fallback=True, normalization_rule_name="identity", character_coverage=0.999,
          remove_extra_whitespaces=False, split_digits=True, allow_whitespace_only_pieces=True, user_defined_symbols=["[USER]"])
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "LlamaTokenizer", "legacy": True, "add_bos_token": True, "add_eos_token": False}))
    record(folder, transformers.LlamaTokenizer.from_pretrained(folder, legacy=True), "decoded by SentencePiece", processor.decode)


def main():
    lines = sentences()
    marian(lines)
    t5(lines)
    llama(lines)


if __name__ == "__main__":
    main()
