# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What all parts use: the compiler, checks that are counted, and a small model in files."""
import json, math, os, random, shutil, struct, subprocess, sys, tempfile

BIN = os.path.abspath(sys.argv[1])
COMPILE = os.path.join(BIN, "attune-compile")
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WORK = tempfile.mkdtemp(prefix="attune-product-")
passed, failed = 0, 0


def tool(name):
    return shutil.which(name + "-22") or shutil.which(name) or "/usr/lib/llvm-22/bin/" + name


# What people do to programs; `{0}` becomes `{1}`.
STRIPS = [words for words in (["strip", "{0}", "-o", "{1}"], [tool("llvm-strip"), "{0}", "-o", "{1}"], [tool("llvm-strip"), "--strip-all-gnu", "{0}", "-o", "{1}"],
                              [tool("llvm-objcopy"), "--strip-sections", "{0}", "{1}"]) if shutil.which(words[0])]


def check(name, condition, detail=""):
    global passed, failed
    if condition:
        passed += 1
    else:
        failed += 1
        print(f"FAILED: {name}\n{str(detail)[-1500:]}", flush=True)


def call(*command, **options):
    """Exit code (negative: a signal) and both streams."""
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, cwd=options.pop("cwd", WORK), timeout=600, **options)
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def refuses(name, expected, *arguments, code=1, output=None):
    """The compiler ends with `code`, says each of the words, and leaves no file."""
    folder = tempfile.mkdtemp(dir=WORK)
    if output is None:
        output = os.path.join(folder, "out")
    result = call(COMPILE, *arguments, "-o", output)
    text = result[1] + result[2]
    check(name, result[0] == code and all(word in text for word in expected), f"exit {result[0]}, expected {code} and {expected}:\n{text}")
    check(name + ": nothing left", not os.listdir(folder), os.listdir(folder))


HIDDEN, HEADS, KEY_HEADS, SIZE, INNER, VOCABULARY, CONTEXT = 32, 4, 2, 8, 48, 40, 16
CONFIG = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": HIDDEN, "num_attention_heads": HEADS, "num_key_value_heads": KEY_HEADS,
          "intermediate_size": INNER, "num_hidden_layers": 1, "vocab_size": VOCABULARY, "max_position_embeddings": CONTEXT, "rms_norm_eps": 1e-5,
          "rope_theta": 10000.0, "hidden_act": "silu", "tie_word_embeddings": False, "torch_dtype": "float32", "eos_token_id": 1, "bos_token_id": 0}
LAYER = "model.layers.0."
SHAPES = {"model.embed_tokens.weight": (VOCABULARY, HIDDEN), "lm_head.weight": (VOCABULARY, HIDDEN), "model.norm.weight": (HIDDEN,),
          LAYER + "input_layernorm.weight": (HIDDEN,), LAYER + "post_attention_layernorm.weight": (HIDDEN,),
          LAYER + "self_attn.q_proj.weight": (HEADS * SIZE, HIDDEN), LAYER + "self_attn.k_proj.weight": (KEY_HEADS * SIZE, HIDDEN),
          LAYER + "self_attn.v_proj.weight": (KEY_HEADS * SIZE, HIDDEN), LAYER + "self_attn.o_proj.weight": (HIDDEN, HEADS * SIZE),
          LAYER + "mlp.gate_proj.weight": (INNER, HIDDEN), LAYER + "mlp.up_proj.weight": (INNER, HIDDEN), LAYER + "mlp.down_proj.weight": (HIDDEN, INNER)}


def safetensors(header, data, length=None):
    text = json.dumps(header).encode() if not isinstance(header, bytes) else header
    return struct.pack("<q", len(text) if length is None else length) + text + data


def weights(without=None):
    """Header and bytes of the model's tensors."""
    numbers, header, data = random.Random(7), {}, b""
    for name, shape in SHAPES.items():
        if name == without:
            continue
        values = [numbers.gauss(0, 0.3) for _ in range(math.prod(shape))]
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [len(data), len(data) + 4 * len(values)]}
        data += struct.pack(f"<{len(values)}f", *values)
    return header, data


HEADER, DATA = weights()


def folder(name, config=CONFIG, tensors=None):
    path = os.path.join(WORK, name)
    os.makedirs(path)
    with open(os.path.join(path, "config.json"), "w") as out:
        json.dump(config, out)
    with open(os.path.join(path, "model.safetensors"), "wb") as out:
        out.write(safetensors(HEADER, DATA) if tensors is None else tensors)
    return path


def write_ids(path, ids):
    data = struct.pack(f"<{len(ids)}q", *ids)
    with open(path, "wb") as out:
        out.write(safetensors({"input_ids": {"dtype": "I64", "shape": [1, len(ids)], "data_offsets": [0, len(data)]}}, data))


def run(program, ids, *options):
    """Exit code, errors and tensors {name: (shape, bytes)} of `program run`."""
    source, target = os.path.join(WORK, "in.safetensors"), os.path.join(WORK, "result.safetensors")
    write_ids(source, ids)
    if os.path.exists(target):
        os.remove(target)
    code, _, errors = call(program, "run", source, "-o", target, *options)
    if code:
        return code, errors, {}
    with open(target, "rb") as file:
        content = file.read()
    size = struct.unpack("<q", content[:8])[0]
    tensors = {name: (entry["shape"], content[8 + size + entry["data_offsets"][0]:8 + size + entry["data_offsets"][1]])
               for name, entry in json.loads(content[8:8 + size]).items() if name != "__metadata__"}
    return code, errors, tensors


def floats(tensor):
    return struct.unpack(f"<{len(tensor[1]) // 4}f", tensor[1])


MODEL = folder("model")


# Few columns of hidden states, as many of the head as asked for.
WIDE = """name: wide
kind: decoder
vocabulary: {}
hidden: 16
context: 16
layers:
  - at: 0-0
    attention: {{heads: 1, head_size: 16, mask: causal, norm_before: {{kind: rms, eps: 1e-5}}}}
    feed_forward: {{size: 16, activation: silu, norm_before: {{kind: rms, eps: 1e-5}}}}
final_norm: {{kind: rms, eps: 1e-5}}
head: {{tied: true}}
weights: {{random: 1}}
"""
