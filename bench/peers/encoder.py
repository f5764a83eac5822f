# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One engine on sentence vectors of all-MiniLM-L6-v2: ENGINE MODEL THREADS INPUTS [SECONDS]; prints one JSON object.

INPUTS is a JSON file of batches, {"1x16": [[ids], ...], ...}. A vector is the mean of a text's last hidden states, of length 1. Engines that
need rectangles pad to the longest text, with a mask; "NAME sorted" is the same batch in sorted buckets of 8 texts, "NAME single" text by text,
both for batches of unequal texts only. {"ms": {batch: [best, median]}, "vectors": {batch: [[...], ...]}}
"""
import json
import os
import resource
import sys
import time

import numpy as np


class Batch:
    """x, mask: [texts, longest]; weights: mask / length."""

    def __init__(self, texts):
        self.texts, lengths = texts, np.array([len(text) for text in texts])
        self.mask = (np.arange(lengths.max()) < lengths[:, None]).astype(np.int64)
        self.x = np.zeros_like(self.mask)
        self.x[self.mask > 0] = np.concatenate(texts)
        self.weights = (self.mask / lengths[:, None]).astype(np.float32)


def pooled(hidden, batch):
    vectors = (batch.weights[:, None] @ hidden)[:, 0]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class Transformers:
    compiled = False

    def __init__(self, model, threads):
        import torch
        import transformers
        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)
        self.torch = torch
        self.model = transformers.BertModel.from_pretrained(model, dtype=torch.float32).eval()
        self.call = self.hidden
        if self.compiled:
            import torch._inductor.config
            torch._inductor.config.freezing = True
            self.call = torch.compile(self.hidden, dynamic=False)

    def hidden(self, x, mask):
        return self.model(input_ids=x, attention_mask=mask).last_hidden_state

    def run(self, batch):
        mask = None if batch.mask.all() else self.torch.from_numpy(batch.mask)
        return pooled(self.call(self.torch.from_numpy(batch.x), mask).numpy(), batch)


class TorchCompile(Transformers):
    compiled = True


class OnnxRuntime:
    def __init__(self, model, threads):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.inputs = [each.name for each in self.session.get_inputs()]

    def run(self, batch):
        feed = {"input_ids": batch.x, "attention_mask": batch.mask}
        return pooled(self.session.run(None, {name: feed[name] for name in self.inputs})[0], batch)


class OpenVino:
    """A program for each shape."""

    def __init__(self, model, threads):
        import openvino
        self.core, self.programs = openvino.Core(), {}
        self.model = self.core.read_model(model)
        self.names = [each.get_any_name() for each in self.model.inputs]
        self.options = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}

    def run(self, batch):
        shape = batch.x.shape
        if shape not in self.programs:
            model = self.model.clone()
            model.reshape({name: list(shape) for name in self.names})
            self.programs[shape] = self.core.compile_model(model, "CPU", self.options).create_infer_request()
        feed = {"input_ids": batch.x, "attention_mask": batch.mask}
        return pooled(self.programs[shape].infer({name: feed[name] for name in self.names})[0], batch)


class CTranslate2:
    """Takes texts of unequal lengths without padding."""

    def __init__(self, model, threads):
        import ctranslate2
        self.encoder = ctranslate2.Encoder(model, device="cpu", inter_threads=1, intra_threads=threads)

    def run(self, batch):
        return pooled(np.array(self.encoder.forward_batch(batch.texts).last_hidden_state), batch)


class Iree:
    """A program for each of the shapes in its folder, "BxS.vmfb"."""

    def __init__(self, model, threads):
        import iree.runtime
        from iree.runtime import flags
        self.api, self.folder, self.programs = iree.runtime, model, {}
        flags.parse_flags(f"--task_topology_group_count={threads}")
        self.config = self.api.Config("local-task" if threads > 1 else "local-sync")

    def program(self, shape):
        if shape not in self.programs:
            context = self.api.SystemContext(config=self.config)
            context.add_vm_module(self.api.VmModule.mmap(context.instance, f"{self.folder}/{shape[0]}x{shape[1]}.vmfb"))
            module = [each for name, each in context.modules.items() if name != "hal"][-1]
            name = next(each for each in module.vm_module.function_names if not each.startswith("__") and not each.endswith("$async"))
            self.programs[shape] = module[name]
        return self.programs[shape]

    def run(self, batch):
        return pooled(np.asarray(self.program(batch.x.shape)(batch.x, batch.mask).to_host()), batch)


ENGINES = {"transformers": Transformers, "torch.compile": TorchCompile, "onnxruntime": OnnxRuntime, "openvino": OpenVino,
           "ctranslate2": CTranslate2, "iree": Iree}


def ways(name, texts):
    """The batch as a whole and, where its texts differ in length, in pieces of texts that differ less."""
    yield name, [list(range(len(texts)))]
    if len({len(text) for text in texts}) > 1:
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        yield f"{name} sorted", [order[i:i + 8] for i in range(0, len(order), 8)]
        yield f"{name} single", [[i] for i in order]


def measure(engine, texts, pieces, seconds):
    batches = [Batch([texts[i] for i in piece]) for piece in pieces]

    def once():
        vectors = [None] * len(texts)
        for piece, batch in zip(pieces, batches):
            for i, vector in zip(piece, engine.run(batch)):
                vectors[i] = vector
        return vectors

    vectors, times = once(), []
    once()
    end = time.perf_counter() + seconds
    while len(times) < 3 or (time.perf_counter() < end and len(times) < 300):
        begin = time.perf_counter()
        once()
        times.append((time.perf_counter() - begin) * 1e3)
    return np.array(vectors), [min(times), float(np.median(times))]


def main():
    name, model, threads, inputs = sys.argv[1], sys.argv[2], int(sys.argv[3]), json.load(open(sys.argv[4]))
    seconds = float(sys.argv[5]) if len(sys.argv) > 5 else 1
    result = {"ms": {}, "vectors": {}}
    engine = ENGINES[name](model, threads)
    for batch, texts in inputs.items():
        for way, pieces in ways(batch, texts):
            try:
                vectors, result["ms"][way] = measure(engine, texts, pieces, seconds)
            except (FileNotFoundError, ValueError) as error:  # IREE has no program of the shape
                print(f"{way}: {error}", file=sys.stderr)
                continue
            result["vectors"][way] = [[round(float(x), 6) for x in vector] for vector in vectors]
    result["rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(result))


if __name__ == "__main__":
    main()
