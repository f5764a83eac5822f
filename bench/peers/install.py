# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What bench/table.py compares with: engines from PyPI in a folder of their own, and the models in the forms that they read.

Everything stays in the folder: `venv/` has the engines (6 GB; llama.cpp is built for this machine, ten minutes and more), `models/` what is made of
the models. What cannot be had is named and left out.
"""
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent

# Engine: packages, the module that shows that they are there.
ENGINES = {
    "transformers": (["torch", "transformers", "safetensors", "tokenizers", "sentencepiece", "gguf"], "torch, transformers, gguf"),
    "onnxruntime": (["onnxruntime", "onnx", "onnxscript", "sympy"], "onnxruntime, onnx"),
    "onnxruntime-genai": (["onnxruntime-genai"], "onnxruntime_genai"),
    "ctranslate2": (["ctranslate2"], "ctranslate2"),
    "openvino": (["openvino"], "openvino"),
    "openvino-genai": (["openvino-genai", "openvino-tokenizers"], "openvino_genai"),
    "iree": (["iree-base-compiler", "iree-base-runtime"], "iree.compiler, iree.runtime"),
    "llama.cpp": (["--no-binary", "llama-cpp-python", "llama-cpp-python"], "llama_cpp"),
}


class Peers:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder).expanduser().resolve()
        self.python = self.folder / "venv/bin/python"
        self.models = self.folder / "models"
        self.missing = {}  # what could not be had, and why

    def has(self, engine):
        names = ENGINES[engine][1].split(", ")  # found, not imported: that takes seconds
        probe = f"import importlib.util as util, sys; sys.exit(any(util.find_spec(name) is None for name in {names}))"
        return subprocess.run([self.python, "-c", probe], capture_output=True).returncode == 0

    def install(self, engines):
        self.models.mkdir(parents=True, exist_ok=True)
        if not self.python.exists():
            subprocess.run([sys.executable, "-m", "venv", self.folder / "venv"], check=True)
        for engine in engines:
            if self.has(engine):
                continue
            print(f"installing {engine} ...", file=sys.stderr, flush=True)
            build = subprocess.run([self.python, "-m", "pip", "install", "-q", *ENGINES[engine][0]], capture_output=True, text=True,
                                   env={**os.environ, "CMAKE_ARGS": "-DGGML_NATIVE=ON -DLLAVA_BUILD=OFF"})
            if build.returncode or not self.has(engine):
                self.missing[engine] = (build.stderr.strip().splitlines() or ["it cannot be imported"])[-1]

    def model(self, source, form):
        """The model at `source` in a form that peers/convert.py makes, or None (and `missing` says why)."""
        made = self.models / (pathlib.Path(source).stem + "." + form)
        if not made.exists():
            print(f"making {made.name} ...", file=sys.stderr, flush=True)
            build = subprocess.run([self.python, HERE / "convert.py", source, form, made], capture_output=True, text=True)
            if build.returncode:
                self.missing[made.name] = (build.stderr.strip().splitlines() or ["no reason was given"])[-1]
                return None
        return made
