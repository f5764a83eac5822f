# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One engine on the figures of a decoder: ENGINE MODEL THREADS PROMPTS; prints one JSON object, as `bench --json` of a compiled program does.

MODEL is what the engine reads: a GGUF file, or a folder of its own (peers/install.py makes them). PROMPTS is a JSON file with the lists of
ids "short", "p512" and "p1024".
"""
import ctypes
import json
import os
import resource
import sys
import time

import numpy as np

REPEATS, DECODED = 3, 128


class LlamaCpp:
    def __init__(self, model, threads):
        import llama_cpp
        self.api, self.path, self.threads = llama_cpp, model, threads
        self.quiet = llama_cpp.llama_log_callback(lambda *arguments: None)
        llama_cpp.llama_log_set(self.quiet, ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()

    def load(self):
        api = self.api
        self.model = api.llama_model_load_from_file(self.path.encode(), api.llama_model_default_params())
        parameters = api.llama_context_default_params()
        parameters.n_ctx, parameters.n_batch, parameters.n_ubatch = 2048, 2048, 512
        parameters.n_threads = parameters.n_threads_batch = self.threads
        self.context = api.llama_init_from_model(self.model, parameters)
        self.vocabulary = api.llama_vocab_n_tokens(api.llama_model_get_vocab(self.model))

    def step(self, ids):
        tokens = (self.api.llama_token * len(ids))(*ids)  # the batch only points to them
        assert self.api.llama_decode(self.context, self.api.llama_batch_get_one(tokens, len(ids))) == 0
        logits = self.api.llama_get_logits_ith(self.context, -1)
        return int(np.ctypeslib.as_array(logits, (self.vocabulary,)).argmax())

    def prefill(self, ids):
        self.api.llama_memory_clear(self.api.llama_get_memory(self.context), True)
        return self.step(ids)

    def decode(self, token, count):
        out = []
        for _ in range(count):
            token = self.step([token])
            out.append(token)
        return out


class OnnxRuntimeGenAI:
    def __init__(self, model, threads):
        import onnxruntime_genai
        self.api, self.path, self.threads = onnxruntime_genai, model, threads

    def load(self):
        config = self.api.Config(self.path)
        options = {"model": {"decoder": {"session_options": {"intra_op_num_threads": self.threads}}}}
        config.overlay(json.dumps(options))
        self.model = self.api.Model(config)

    def prefill(self, ids):
        parameters = self.api.GeneratorParams(self.model)
        parameters.set_search_options(max_length=1280, min_length=1280, do_sample=False)
        self.generator = self.api.Generator(self.model, parameters)
        self.generator.append_tokens(ids)
        return self.next()

    def next(self):
        self.generator.generate_next_token()
        return int(self.generator.get_next_tokens()[0])

    def decode(self, token, count):
        return [self.next() for _ in range(count)]


class Transformers:
    """Eager PyTorch."""

    def __init__(self, model, threads):
        import torch
        import transformers
        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)
        self.torch, self.api, self.path = torch, transformers, model

    def load(self):
        self.model = self.api.AutoModelForCausalLM.from_pretrained(self.path, dtype=self.torch.float32).eval()

    def step(self, ids):
        logits = self.model(input_ids=self.torch.tensor([ids]), past_key_values=self.cache, use_cache=True, logits_to_keep=1).logits
        return int(logits[0, -1].argmax())

    def prefill(self, ids):
        self.cache = self.api.DynamicCache(config=self.model.config)
        return self.step(ids)

    decode = LlamaCpp.decode


class Whole:
    """An engine that only generates: `generate(ids, count)` gives new ids, seconds to the first and to the last."""


class OpenVinoGenAI(Whole):
    def __init__(self, model, threads):
        import openvino
        import openvino_genai
        self.tensor, self.api, self.path, self.threads = openvino.Tensor, openvino_genai, model, threads

    def load(self):
        scheduler = self.api.SchedulerConfig()
        scheduler.enable_prefix_caching = False  # else the second run of a prompt costs nothing
        scheduler.cache_size, scheduler.max_num_batched_tokens = 1, 2048
        self.pipeline = self.api.LLMPipeline(self.path, "CPU", scheduler_config=scheduler, INFERENCE_NUM_THREADS=self.threads,
                                             PERFORMANCE_HINT="LATENCY")

    def generate(self, ids, count):
        array = np.array([ids], dtype=np.int64)
        config = self.api.GenerationConfig(max_new_tokens=count, min_new_tokens=count, ignore_eos=True, do_sample=False)
        result = self.pipeline.generate(self.api.TokenizedInputs(self.tensor(array), self.tensor(np.ones_like(array))), config)
        first = result.perf_metrics.get_ttft().mean / 1e3
        return list(result.tokens[0]), first, first + result.perf_metrics.get_tpot().mean / 1e3 * (count - 1)


class CTranslate2(Whole):
    def __init__(self, model, threads):
        import ctranslate2
        self.api, self.path, self.threads = ctranslate2, model, threads
        self.tokens = json.load(open(os.path.join(model, "vocabulary.json")))

    def load(self):
        self.generator = self.api.Generator(self.path, device="cpu", inter_threads=1, intra_threads=self.threads)

    def generate(self, ids, count):
        begin, first = time.perf_counter(), []

        def callback(_):
            first.append(time.perf_counter())
            return False

        result = self.generator.generate_batch([[self.tokens[i] for i in ids]], callback=callback, sampling_topk=1, end_token=[],
                                               include_prompt_in_result=False, max_length=count, min_length=count)
        end = time.perf_counter()
        return result[0].sequences_ids[0], first[0] - begin, end - begin


ENGINES = {"llama.cpp": LlamaCpp, "onnxruntime-genai": OnnxRuntimeGenAI, "transformers": Transformers, "openvino-genai": OpenVinoGenAI,
           "ctranslate2": CTranslate2}


def stepwise(engine, prompts, result, started):
    first = engine.prefill(prompts["short"])
    result["first_s"] = time.perf_counter() - started
    engine.decode(first, 4)
    engine.prefill(prompts["p512"][:64])
    for _ in range(REPEATS):
        begin = time.perf_counter()
        engine.prefill(prompts["p512"])
        result["prefill_tps"].append(512 / (time.perf_counter() - begin))
        for key, prompt in (("decode", "short"), ("decode1k", "p1024")):
            first = engine.prefill(prompts[prompt])
            begin = time.perf_counter()
            ids = engine.decode(first, DECODED)
            result[key + "_tps"].append(DECODED / (time.perf_counter() - begin))
            if key == "decode":
                result["ids"] = [first] + ids[:31]


def whole(engine, prompts, result, started):
    engine.generate(prompts["short"], 2)
    result["first_s"] = time.perf_counter() - started
    engine.generate(prompts["p512"][:64][::-1], 4)
    for _ in range(REPEATS):
        result["prefill_tps"].append(512 / engine.generate(prompts["p512"], 1)[1])
        for key, prompt in (("decode", "short"), ("decode1k", "p1024")):
            ids, first, total = engine.generate(prompts[prompt], DECODED + 1)
            result[key + "_tps"].append(DECODED / (total - first))
            if key == "decode":
                result["ids"] = [int(i) for i in ids[:32]]


def main():
    name, model, threads, prompts = sys.argv[1], sys.argv[2], int(sys.argv[3]), json.load(open(sys.argv[4]))
    engine = ENGINES[name](model, threads)
    result = {"prefill_tps": [], "decode_tps": [], "decode1k_tps": []}
    started = time.perf_counter()
    engine.load()
    result["load_s"] = time.perf_counter() - started
    (whole if isinstance(engine, Whole) else stepwise)(engine, prompts, result, started)
    result["rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(result))


if __name__ == "__main__":
    main()
