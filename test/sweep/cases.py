# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The models and token counts of the sweep: few programs (a compile takes seconds), chosen so that each head size, head count, mask and
cache type meets several of the others."""

import numpy as np

VOCABULARY, HIDDEN, CONTEXT = 32, 16, 640

# Around the tiles: 16 keys lie side by side, a tile has 128 keys and at most 16 tokens.
TOKENS = [1, 2, 5, 7, 16, 17, 33, 130, 300]
FUSIONS = ["attention", "ffn", "linear-split", "residual-norm", "scales"]  # no description has a scale to fold: not alone
CAUSAL = {"causal": True}


def window(keys, causal=True):
    return {"causal": causal, "window": keys}


def chunk(keys):
    return {"causal": True, "chunk": keys}


def case(size, heads, key_heads, mask, cache="f32", kind="decoder", **more):
    words = "_".join(f"{key}{value if value is not True else ''}" for key, value in mask.items() if value)
    name = f"{kind}_{size}_{heads}by{key_heads}_{words or 'all'}_{cache}" + "".join(f"_{key}" for key in more if key in ("cap", "sum", "bias"))
    return dict(name=name, kind=kind, size=size, heads=heads, key_heads=key_heads, mask=mask, cache=cache, **more)


CASES = [
    case(1, 1, 1, CAUSAL, "f16"),
    case(1, 7, 1, window(4), interpreter=True, more_tokens=[3, 4, 9]),
    case(8, 3, 1, window(16), "f16", bias=True),
    case(8, 9, 3, chunk(8), plain_ffn=True),
    case(8, 3, 1, {"causal": True, "window": 5, "chunk": 12}),
    case(12, 4, 2, CAUSAL, cap=3.0, bias=True, gated_ffn=True, disable=[",".join(FUSIONS), *FUSIONS[:4]]),
    case(12, 7, 1, window(33), "f16", gated_ffn=True),
    case(12, 9, 3, CAUSAL, sum=True, interpreter=True),
    case(64, 3, 1, window(5), "f16", sum=True),
    case(64, 9, 3, CAUSAL, "f16", more_tokens=[530], disable=[",".join(FUSIONS)]),
    case(64, 8, 8, window(17), cap=3.0),
    case(64, 9, 3, CAUSAL, "int8", more_tokens=[530], disable=[",".join(FUSIONS)]),
    case(12, 7, 1, window(33), "int8", cap=3.0),
    case(8, 4, 2, CAUSAL, "int8", sum=True),
    case(80, 4, 2, chunk(24), "f16", dims=32),
    case(80, 3, 1, window(4096), more_tokens=[530]),  # longer than the context: as without
    case(96, 1, 1, window(128), disable=[",".join(FUSIONS)]),
    case(96, 7, 1, chunk(128), plain_ffn=True),
    case(100, 4, 2, CAUSAL, "f16", interleaved=True),
    case(100, 8, 8, window(130), interleaved=True),
    case(8, 4, 2, {}, kind="encoder"),
    case(12, 3, 1, window(6, causal=False), kind="encoder", interpreter=True),
]


def ids_for(count, seed=0):
    return np.random.default_rng(1000 * count + seed).integers(0, VOCABULARY, count)
