# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the fuzzers of a build with sanitizers, each from small good files.

    python3 run.py BIN_DIR [NAME...] [--seconds N] [--keep FOLDER]

A fuzzer that finds a crash, a sanitizer's report, a hang or an allocation beyond 512 MB fails, and the input that did it is
printed. With --keep, what was found to be of interest stays in FOLDER/NAME for the next time.
"""
import argparse
import base64
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from support import gguf, tensors
from support.tensors import Tensor

ORACLE, EXAMPLES = HERE.parent / "oracle", HERE.parent.parent / "examples"


def gguf_seeds(bin_dir, work):
    """A model of each kind of tokenizer with all its settings, and weights of no elements' worth."""
    strings = lambda words: struct.pack("<IQ", gguf.STRING, len(words)) + b"".join(gguf.text(word) for word in words)
    settings = {"block_count": 1, "context_length": 64, "embedding_length": 8, "feed_forward_length": 8, "attention.head_count": 2,
                "attention.head_count_kv": 1, "attention.layer_norm_rms_epsilon": 1e-5, "attention.layer_norm_epsilon": 1e-5, "rope.freq_base": 1e4, "vocab_size": 4,
                "attention.key_length": 4, "attention.relative_buckets_count": 8, "decoder_start_token_id": 0}
    for architecture, model in (("llama", "llama"), ("qwen2", "gpt2"), ("bert", "bert"), ("gemma3", "t5"), ("t5", "t5"), ("qwen3moe", "gpt2")):
        entries = {"general.architecture": architecture, "tokenizer.ggml.model": model, "tokenizer.ggml.pre": "default",
                   "tokenizer.ggml.bos_token_id": 1, "tokenizer.ggml.add_bos_token": True,
                   **{f"{architecture}.{key}": value for key, value in settings.items()}}
        body = b"".join(gguf.entry(key, value) for key, value in entries.items())
        lists = {"tokens": strings(["a", "b", "▁c", "ab"]), "merges": strings(["a b"]),
                 "scores": struct.pack("<IQ4f", gguf.F32, 4, 0, -1, -2, -3), "token_type": struct.pack("<IQ4i", 5, 4, 1, 3, 1, 1)}
        for key, value in lists.items():
            body += gguf.text("tokenizer.ggml." + key) + struct.pack("<I", 9) + value
        for index, (name, sizes) in enumerate((("token_embd.weight", (8, 4)), ("output_norm.weight", (8,)))):
            body += gguf.text(name) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, 0, 128 * index)
        body = b"GGUF" + struct.pack("<IQQ", 3, 2, len(entries) + len(lists)) + body
        yield body + bytes(-len(body) % 32 + 192)


def safetensors_seeds(bin_dir, work):
    for values in ({"a": Tensor([2, 3], [1, 2, 3, 4, 5, 6]), "b": Tensor([1], [7])}, {"ids": Tensor([0], [])}):
        tensors.save_ids(work / "seed", values)
        yield (work / "seed").read_bytes()
    header = json.dumps({"__metadata__": {"format": "pt"}, "w": {"dtype": "BF16", "shape": [2, 2], "data_offsets": [0, 8]}}).encode()
    yield struct.pack("<Q", len(header)) + header + bytes(8)
    halves = {"w_blocks": {"dtype": "U8", "shape": [1, 2, 1, 16], "data_offsets": [0, 32]},
              "w_scales": {"dtype": "U8", "shape": [1, 2, 1], "data_offsets": [32, 34]}}
    header = json.dumps(halves).encode()
    yield struct.pack("<Q", len(header)) + header + bytes(range(34))


def tokenizer_seeds(bin_dir, work):
    for model in ("bert", "gpt2", "llama", "t5"):
        yield (ORACLE / model / "tokenizer.json").read_bytes()


def pieces_seeds(bin_dir, work):
    for file in ("spm_t5/spiece.model", "spm_llama/tokenizer.model"):
        yield (ORACLE / "tokenizers" / file).read_bytes()


def description_seeds(bin_dir, work):
    for example in EXAMPLES.glob("*.yaml"):
        yield example.read_bytes()


def template_seeds(bin_dir, work):
    cases = json.loads((HERE.parent / "unit/data/template_cases.json").read_text())
    for case in cases:
        yield case["template"].encode()


def payload_seeds(bin_dir, work):
    subprocess.run([bin_dir / "fake-payload", work], check=True)
    yield (work / "payload.bin").read_bytes()


FUZZERS = {"Gguf": gguf_seeds, "Safetensors": safetensors_seeds, "Tokenizer": tokenizer_seeds, "Pieces": pieces_seeds, "Description": description_seeds,
           "Template": template_seeds, "Payload": payload_seeds}


def fuzz(name, bin_dir, seconds, keep):
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        seeds, corpus = work / "seeds", pathlib.Path(keep) / name if keep else work / "corpus"
        seeds.mkdir()
        corpus.mkdir(parents=True, exist_ok=True)
        for index, seed in enumerate(FUZZERS[name](bin_dir, work)):
            (seeds / f"seed{index}").write_bytes(seed)
        command = [bin_dir / f"{name}Fuzz", f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=3000", "-malloc_limit_mb=512",
                   "-max_len=16384", f"-artifact_prefix={work}/", "-print_final_stats=1", corpus, seeds]
        # LLVM's own libraries are not instrumented: see scripts/suites.py.
        environment = {**os.environ, "ASAN_OPTIONS": "allow_user_poisoning=0:detect_leaks=0", "UBSAN_OPTIONS": "print_stacktrace=1"}
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        text = done.stdout.decode(errors="replace")
        runs = next((line.split()[-1] for line in text.splitlines() if "number_of_executed_units" in line), "0")
        print(f"{'ok  ' if done.returncode == 0 else 'FAIL'} {name}: {runs} inputs", flush=True)
        if done.returncode == 0:
            return True
        print(text[-6000:])
        for kind in ("crash-*", "timeout-*", "oom-*", "leak-*"):
            for found in work.glob(kind):
                print(f"{found.name}, base64: {base64.b64encode(found.read_bytes()).decode()}")
        return False


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin", type=pathlib.Path)
    parser.add_argument("names", nargs="*", choices=[[], *FUZZERS], metavar="NAME")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--keep", help="where the corpora stay")
    arguments = parser.parse_args()
    results = [fuzz(name, arguments.bin.resolve(), arguments.seconds, arguments.keep) for name in arguments.names or FUZZERS]
    sys.exit(not all(results))


if __name__ == "__main__":
    main()
