# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""llama.cpp on the figures of bench/decoder.py: MODEL PROMPTS THREADS; prints one JSON object."""
import ctypes
import json
import resource
import sys
import time

import llama_cpp as llama
import numpy as np

model_path, prompts_path, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
prompts = json.load(open(prompts_path))
quiet = llama.llama_log_callback(lambda *arguments: None)
llama.llama_log_set(quiet, ctypes.c_void_p(0))
llama.llama_backend_init()

started = time.perf_counter()
model = llama.llama_model_load_from_file(model_path.encode(), llama.llama_model_default_params())
parameters = llama.llama_context_default_params()
parameters.n_ctx, parameters.n_batch, parameters.n_ubatch = 2048, 2048, 512
parameters.n_threads = parameters.n_threads_batch = threads
context = llama.llama_init_from_model(model, parameters)
vocabulary = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(model))
loaded = time.perf_counter()


def step(ids):
    tokens = (llama.llama_token * len(ids))(*ids)  # the batch only points to them
    assert llama.llama_decode(context, llama.llama_batch_get_one(tokens, len(ids))) == 0
    return int(np.ctypeslib.as_array(llama.llama_get_logits_ith(context, -1), (vocabulary,)).argmax())


def prefill(ids):
    llama.llama_memory_clear(llama.llama_get_memory(context), True)
    return step(ids)


def decode(token, count):
    out = []
    for _ in range(count):
        token = step([token])
        out.append(token)
    return out


def rate(count, work):
    begin = time.perf_counter()
    result = work()
    return count / (time.perf_counter() - begin), result


result = {"prefill_tps": [], "decode_tps": [], "decode1k_tps": [], "load_s": loaded - started}
first = prefill(prompts["short"])
result["first_s"] = time.perf_counter() - started
decode(first, 4)
prefill(prompts["p512"][:64])
for _ in range(3):
    speed, _ = rate(512, lambda: prefill(prompts["p512"]))
    result["prefill_tps"].append(speed)
    first = prefill(prompts["short"])
    speed, ids = rate(128, lambda: decode(first, 128))
    result["decode_tps"].append(speed)
    result["ids"] = [first] + ids[:31]
    first = prefill(prompts["p1024"])
    speed, _ = rate(128, lambda: decode(first, 128))
    result["decode1k_tps"].append(speed)
result["rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps(result))
