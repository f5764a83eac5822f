#!/usr/bin/env python3
# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs and the compiler from outside: files, paths, options, bad input.

  run.py BIN_DIR [PART...]       BIN_DIR holds attune-compile; the last line is "N passed, N failed"
"""
import concurrent.futures, json, math, os, random, re, shutil, struct, subprocess, sys, tempfile
import xml.etree.ElementTree as xml

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import amdgpu, ptx

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


# ------------------------------------------------- a small model -------------------------------------------------

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


def product(shape):
    count = 1
    for size in shape:
        count *= size
    return count


def safetensors(header, data, length=None):
    text = json.dumps(header).encode() if not isinstance(header, bytes) else header
    return struct.pack("<q", len(text) if length is None else length) + text + data


def weights(without=None):
    """Header and bytes of the model's tensors."""
    numbers, header, data = random.Random(7), {}, b""
    for name, shape in SHAPES.items():
        if name == without:
            continue
        values = [numbers.gauss(0, 0.3) for _ in range(product(shape))]
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


# ---------------------------------------------------- the parts ---------------------------------------------------


def test_usage():
    code, out, _ = call(COMPILE, "--help")
    check("--help", code == 0 and all(word in out for word in ("--emit", "--compare", "--quantize", "--sanitize", "GGUF")), out)
    for arguments in ((), ("--emit=nonsense", "x"), ("x", "--quantize=q9"), ("x", "--context=-1"), ("x", "--weights=elsewhere"), ("x", "--no-such-option"),
                      ("x", "--compare-tolerance=1"), ("x", "--cache=f64"), ("x", "--cache=int8", "--target=cuda")):
        code, _, errors = call(COMPILE, *arguments)
        check(f"usage {arguments}", code == 2 and errors, f"exit {code}: {errors}")
    refuses("a model that is not there", ["none.gguf"], "none.gguf")
    refuses("a context beyond the table of positions", ["--context is 129", "positions.rows", "128"],
            os.path.join(SOURCE, "test", "oracle", "gpt2"), "--context=129")
    refuses("an unknown processor", ["warp-drive"], model, "--cpu=warp-drive")


def test_stages():
    for stage, word in (("description", "layers"), ("transformer", "transformer.softmax"), ("fused", "transformer.attention"), ("linalg", "module"),
                        ("llvm", "define"), ("asm", ".globl"), ("obj", "ELF")):
        target = os.path.join(WORK, "stage." + stage)
        code, _, errors = call(COMPILE, model, "--emit=" + stage, "-o", target)
        content = open(target, "rb").read().decode("latin1") if code == 0 else ""
        check(f"--emit={stage}", word in content, errors)
        # A table of weights would be one line, of eight digits for each number at least; LLVM's lines hold tables of structures too.
        arrays = re.findall(r"^@.* constant ((?:\[\d+ x )+)(?:half|bfloat|float|double|i\d+)\]", content, re.M)
        numbers = [math.prod(map(int, re.findall(r"\d+", sizes))) for sizes in arrays]
        longest = max(map(len, content.splitlines()), default=0)
        small = {"obj": len(content) < 3e6, "llvm": 0 < max(numbers, default=0) < VOCABULARY * HIDDEN // 4}.get(stage, longest < 8 * VOCABULARY * HIDDEN)
        check(f"--emit={stage}: no weights in it", small, (len(content), longest, numbers))


def test_ir():
    """Dump, edit, go on: from every form the same program."""
    ids, whole = [3, 14, 15, 9, 2, 6], os.path.join(WORK, "ir.whole")
    call(COMPILE, model, "-o", whole)
    first = run(whole, ids, "--all-hidden", "--attentions")[2]
    check("ir: the program itself", first)
    texts = {}
    for form in ("transformer", "fused", "layout", "linalg"):
        path, program = os.path.join(WORK, f"ir {form}.mlir"), os.path.join(WORK, "ir." + form)
        call(COMPILE, model, "--emit=" + form, "-o", path)
        texts[form] = open(path).read()
        code, _, errors = call(COMPILE, path, "-o", program)
        check(f"ir: from {form}", code == 0 and run(program, ids, "--all-hidden", "--attentions")[2] == first, errors)
        code, out, errors = call(COMPILE, path, "--emit=" + form)
        check(f"ir: {form} again", code == 0 and out == texts[form], errors)

    def edited(name, form, old, new):
        check(f"ir: {name} is an edit", old in texts[form])
        path = os.path.join(WORK, name + ".mlir")
        with open(path, "w") as out:
            out.write(texts[form].replace(old, new))
        return path

    # The edit is what runs: without the last norm's weight the logits are others.
    program = os.path.join(WORK, "ir.edited")
    code, _, errors = call(COMPILE, edited("edited", "transformer", "model.norm.weight", LAYER + "input_layernorm.weight"), "-o", program)
    check("ir: edited", code == 0 and run(program, ids)[2].get("logits", first["logits"]) != first["logits"], errors)
    refuses("ir: the model is gone", ["gone.mlir", "nowhere", "transformer.model"], edited("gone", "fused", '"' + model, '"/nowhere' + model))
    refuses("ir: no model is named", ["unnamed.mlir", "transformer.model"], edited("unnamed", "fused", "transformer.model", "transformer.other"))
    refuses("ir: a tensor that is not there", ["'frob'"], edited("frob", "layout", "model.norm.weight", "frob"))
    refuses("ir: a tensor of another shape", ["lm_head.weight", f"{VOCABULARY}", "expects"], edited("shape", "linalg", "model.norm.weight", "lm_head.weight"))
    refuses("ir: no module", ["broken.mlir", "MLIR"], edited("broken", "fused", "func.func", "fun.func"))
    refuses("ir: no entry", ["@step"], edited("entry", "transformer", "@step", "@stop"))
    refuses("ir: an unknown option", ["transformer.options", "frob"], edited("option", "fused", "transformer.model", 'transformer.options = {frob = "x"}, transformer.model'))
    layout = os.path.join(WORK, "ir layout.mlir")
    refuses("ir: an option that came before", ["--quantize"], layout, "--quantize=q8_0")
    refuses("ir: back to an earlier form", ["--emit=fused"], layout, "--emit=fused")
    refuses("ir: nothing there", ["none.mlir", "no such file"], "none.mlir")
    behind = os.path.join(WORK, "behind.mlir")
    call(os.path.join(BIN, "attune-opt"), os.path.join(WORK, "ir linalg.mlir"), "--transformer-vectors", "-o", behind)
    refuses("ir: behind the linalg stage", ["behind.mlir", "linalg"], behind)
    # Options travel with the text.
    path, texts["q"] = os.path.join(WORK, "quantized.mlir"), ""
    call(COMPILE, model, "--quantize=q4_0", "--activations=f32", "--context=8", "--emit=layout", "-o", path)
    results = []
    for name, arguments in (("a", [path]), ("b", [model, "--quantize=q4_0", "--activations=f32", "--context=8"])):
        code, _, errors = call(COMPILE, *arguments, "-o", os.path.join(WORK, "quantized." + name))
        check(f"ir: options, {name}", code == 0, errors)
        results.append(run(os.path.join(WORK, "quantized." + name), ids)[2])
    check("ir: options are kept", results[0] and results[0] == results[1])


def test_graph():
    for ending in ("html", "svg"):
        path = os.path.join(WORK, "graph." + ending)
        code, _, errors = call(COMPILE, model, "--emit=graph", "-o", path)
        text = open(path).read() if code == 0 else ""
        check(f"--emit=graph, {ending}", "<svg" in text and "logits" in text and "linear_split" in text and "FLOP" in text, errors or text)
        check(f"--emit=graph, {ending}: nothing from elsewhere", not any(word in text for word in ("<script", "href=", "src=", "@import")), text)
        if ending == "svg" and text:
            shapes = xml.parse(path).getroot().iter()
            check("--emit=graph is well-formed", sum(1 for _ in shapes) > 50)
        # The head: a product of VOCABULARY x HIDDEN, two operations each; its weights 4 bytes each.
        check(f"--emit=graph, {ending}: costs", f"{2 * VOCABULARY * HIDDEN / 1000:.3g} kFLOP" in text and f"{4 * VOCABULARY * HIDDEN / 1000:.3g} kB" in text, text)


def test_dump():
    folder = os.path.join(WORK, "passes", "of a model")
    code, _, errors = call(COMPILE, model, "--dump-passes-to=" + folder, "--emit=linalg", "-o", os.path.join(WORK, "dumped.mlir"))
    texts = [os.path.join(place, name) for place, _, names in os.walk(folder) for name in names]
    check("--dump-passes-to makes its folder", code == 0 and sorted(os.listdir(folder)) == ["fusion", "layout", "linalg"], errors)
    check("--dump-passes-to: a module for each pass", len(texts) > 5 and all("func.func" in open(text).read() for text in texts), texts)
    refuses("--dump-passes-to a file", ["--dump-passes-to", "dumped.mlir"], model, "--dump-passes-to=" + os.path.join(WORK, "dumped.mlir"))


def test_late_failures():
    """What goes wrong after minutes leaves nothing, and what can be known before is said before."""
    place = tempfile.mkdtemp(dir=WORK)
    os.makedirs(os.path.join(place, "out.weights"))
    code, _, errors = call(COMPILE, model, "--weights=file", "-o", os.path.join(place, "out"), "--report")
    check("a folder where the weights go", code == 1 and "out.weights" in errors and "machine code" not in errors, f"exit {code}: {errors}")
    check("a folder where the weights go: nothing left", os.listdir(place) == ["out.weights"], os.listdir(place))
    code, _, errors = call(COMPILE, model, "-o", os.path.join(WORK, "none", "out"), "--report")
    check("an output that cannot be is found first", code == 1 and "loading" not in errors, errors)
    # Room for the weights, but not for what is appended to the program after them.
    sizes = os.path.join(WORK, "sizes")
    call(COMPILE, model, "--weights=file", "-o", sizes)
    room = os.path.getsize(sizes) + os.path.getsize(sizes + ".weights")
    small = os.path.join(WORK, "small for weights")
    os.makedirs(small)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={room // 4096 * 4}k", "none", small], capture_output=True).returncode == 0:
        try:
            code, _, errors = call(COMPILE, model, "--weights=file", "-o", os.path.join(small, "out"))
            check("full behind the weights", code == 1 and "write" in errors, f"exit {code}: {errors}")
            check("full behind the weights: nothing left", not os.listdir(small), os.listdir(small))
        finally:
            subprocess.run(["umount", small])


def test_bad_files():
    text = json.dumps(HEADER).encode()
    for name, tensors, words in (
            ("an empty file", b"", ["model.safetensors"]),
            ("header of 0 bytes", struct.pack("<q", 0) + DATA, ["model.safetensors"]),
            ("header of negative length", safetensors(HEADER, DATA, -5), ["model.safetensors"]),
            ("header beyond the file", safetensors(HEADER, DATA, 1 << 26), ["model.safetensors"]),
            ("header above 100 MB", safetensors(HEADER, DATA, 1 << 40), ["model.safetensors"]),
            ("header that is no JSON", safetensors(text[:-3], DATA), ["model.safetensors"]),
            ("file cut by 100 bytes", safetensors(HEADER, DATA)[:-100], ["model.safetensors"])):
        refuses(name, words, folder("bad " + name, tensors=tensors))
    norm = "model.norm.weight"
    begin, end = HEADER[norm]["data_offsets"]
    for name, change in (("three offsets", [begin, end, end]), ("inverted offsets", [end, begin]), ("negative offsets", [-4, end]),
                         ("offsets past the end", [begin, end + 10**9]), ("offsets of the wrong size", [begin, end - 4])):
        header = dict(HEADER, **{norm: dict(HEADER[norm], data_offsets=change)})
        refuses(name, ["model.safetensors", norm], folder("bad " + name, tensors=safetensors(header, DATA)))
    refuses("no head", ["lm_head.weight"], folder("no head", tensors=safetensors(*weights(without="lm_head.weight"))))
    shaped = dict(HEADER, **{norm: dict(HEADER[norm], shape=[2, HIDDEN // 2])})
    refuses("a norm of another shape", [norm, f"{HIDDEN}"], folder("shape", tensors=safetensors(shaped, DATA)))
    refuses("7 heads over 2", ["num_attention_heads", "7", "2"], folder("heads", dict(CONFIG, num_attention_heads=7)))
    refuses("an unknown family", ["model_type", "frobnicator"], folder("family", dict(CONFIG, model_type="frobnicator", architectures=["F"])))
    shards = folder("shards")
    os.remove(os.path.join(shards, "model.safetensors"))
    with open(os.path.join(shards, "model.safetensors.index.json"), "w") as out:
        json.dump({"weight_map": {name: "model-00001-of-00001.safetensors" for name in HEADER}}, out)
    refuses("a missing shard", ["model-00001-of-00001.safetensors"], shards)


def gguf(tensors=(), values=(), tensor_count=None, value_count=None):
    string = lambda text: struct.pack("<Q", len(text)) + text.encode()
    body = b"GGUF" + struct.pack("<IQQ", 3, len(tensors) if tensor_count is None else tensor_count, len(values) if value_count is None else value_count)
    for key, kind, value in values:
        body += string(key) + struct.pack("<I", kind) + value
    for name, dimensions in tensors:
        body += string(name) + struct.pack("<I", len(dimensions)) + struct.pack(f"<{len(dimensions)}Q", *dimensions) + struct.pack("<IQ", 0, 0)
    return body + bytes(-len(body) % 32 + 64)


def test_bad_gguf():
    llama = ("general.architecture", 8, struct.pack("<Q", 5) + b"llama")
    for name, content in (("an empty file", b""), ("another magic", b"GGML" + bytes(60)), ("dimensions that overflow", gguf([("t", (2**63 - 1, 2))], [llama])),
                          ("nine dimensions", gguf([("t", (1,) * 9)], [llama])), ("2^60 tensors", gguf(values=[llama], tensor_count=1 << 60)),
                          ("2^60 values", gguf(value_count=1 << 60)), ("a string past the end", gguf(values=[("k", 8, struct.pack("<Q", 1 << 40))])),
                          ("alignment of another type", gguf([("t", (4,))], [llama, ("general.alignment", 8, struct.pack("<Q", 2) + b"32")])),
                          ("alignment 3", gguf([("t", (4,))], [llama, ("general.alignment", 4, struct.pack("<I", 3))])), ("nothing in it", gguf())):
        path = os.path.join(WORK, f"bad {name}.gguf")
        with open(path, "wb") as out:
            out.write(content)
        refuses("gguf: " + name, [os.path.basename(path)], path)


def test_outputs():
    for name, target in (("into no folder", os.path.join(WORK, "none", "out")), ("onto a folder", BIN), ("onto a device", "/dev/full")):
        refuses("output " + name, [target, "cannot be written"], model, "--emit=transformer", output=target)
    check("/dev/full is still a device", not os.path.isfile("/dev/full"))
    with open("/dev/full", "w") as full:
        done = subprocess.run([COMPILE, model, "--emit=transformer"], stdout=full, stderr=subprocess.PIPE)
    check("a full standard output", done.returncode == 1 and done.stderr, done)
    small = os.path.join(WORK, "small")
    os.makedirs(small)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", small], capture_output=True).returncode == 0:
        try:
            code, _, errors = call(COMPILE, model, "-o", os.path.join(small, "out"))
            check("a full folder", code == 1 and errors, f"exit {code}: {errors}")
            check("a full folder: nothing left", not os.listdir(small), os.listdir(small))
        finally:
            subprocess.run(["umount", small])


def test_program(program):
    ids = [3, 14, 15, 9, 2, 6]
    code, errors, first = run(program, ids)
    check("run", code == 0 and first["logits"][0] == [1, len(ids), VOCABULARY], errors)
    strip = lambda words: lambda to: subprocess.run([word.format(program, to) for word in words], check=True)
    for name, move in (("copied", lambda to: shutil.copy(program, to)), ("symlinked", lambda to: os.symlink(program, to)), ("hard-linked", lambda to: os.link(program, to)),
                       *((f"stripped ({i})", strip(words)) for i, words in enumerate(STRIPS))):
        target = os.path.join(WORK, f"{name} '\"ü")
        move(target)
        check(name, run(target, ids)[2] == first, run(target, ids)[1])
    code, errors, stepped = run(program, ids, "--step")
    check("--step", code == 0 and max(abs(a - b) for a, b in zip(floats(stepped["logits"]), floats(first["logits"]))) < 1e-4, errors)
    for count, expected in ((CONTEXT - 1, 0), (CONTEXT, 0), (CONTEXT + 1, 1)):
        code, errors, tensors = run(program, [i % VOCABULARY for i in range(count)])
        check(f"a prompt of {count} tokens, context {CONTEXT}", code == expected and (tensors or f"{CONTEXT}" in errors), f"exit {code}: {errors}")
    code, errors, _ = run(program, [VOCABULARY])
    check("an id beyond the vocabulary", code == 1 and f"{VOCABULARY}" in errors, errors)
    return first


def test_products():
    odd = folder("a model's \"folder\" ü")
    os.chmod(odd, 0o555)
    program = os.path.join(WORK, "program of ü \"quotes\" 'n spaces")
    code, _, errors = call(COMPILE, odd, "-o", program, "--report")
    check("paths with spaces, quotes and non-ASCII", code == 0, errors)
    check("--report", "machine code" in errors and "weights" in errors and "memory" in errors, errors)
    weights = 4 * (HIDDEN * (2 * HEADS * SIZE + 2 * KEY_HEADS * SIZE + 3 * INNER + VOCABULARY + 3) + HIDDEN)  # one row of the table of words
    cache = 4 * 2 * KEY_HEADS * SIZE * (1024 + 64.5)
    row = re.search(r"a token of 128 after 1024 +([\d.]+) kB +([\d.]+) kB", errors)
    check("--report: what a token reads", row and [*map(float, row.groups())] == [float(f"{n / 1000:.3g}") for n in (weights, cache)], (weights, cache, errors))
    if code:
        return
    first = test_program(program)
    described = os.path.join(WORK, "described.yaml")
    call(COMPILE, model, "--emit=description", "-o", described)
    beside = os.path.join(WORK, "beside")
    code, _, errors = call(COMPILE, described, "--weights=file", "-o", beside)
    check("a printed description, --weights=file", code == 0 and os.path.exists(beside + ".weights"), errors)
    if code == 0:
        ids = [3, 14, 15, 9, 2, 6]
        check("a printed description gives the same program", run(beside, ids)[2] == first, run(beside, ids)[1])
        os.rename(beside + ".weights", beside + ".gone")
        code, errors, _ = run(beside, ids)
        check("weights that are gone", code == 1 and "beside.weights" in errors, errors)


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


def test_many_columns():
    """Loops over many columns need no more stack than over few."""
    path, program = os.path.join(WORK, "wide.yaml"), os.path.join(WORK, "wide")
    with open(path, "w") as out:
        out.write(WIDE.format(600000))
    code, _, errors = call(COMPILE, path, "-o", program)
    check("600000 columns compile", code == 0, errors)
    code, errors, tensors = run(program, [599999, 1, 2])
    check("600000 columns run", code == 0 and tensors["logits"][0] == [1, 3, 600000], f"exit {code}: {errors}")


def test_library():
    library = os.path.join(WORK, "libsmall.so")
    code, _, errors = call(COMPILE, model, "--emit=lib", "-o", library)
    check("--emit=lib", code == 0 and os.path.exists(os.path.join(WORK, "attune.h")), errors)
    include = os.path.join(BIN, "..", "lib", "attune", "include")
    code, _, errors = call(tool("clang"), "-std=c99", "-Wall", "-Werror", os.path.join(SOURCE, "examples", "c", "generate.c"), "-I", include, library, "-Wl,-rpath," + WORK,
                           "-o", os.path.join(WORK, "in_c"))
    check("the example in C", code == 0, errors)
    if code == 0:
        code, _, errors = call(os.path.join(WORK, "in_c"), "a")
        check("a library without a vocabulary says so", code == 1 and "tokenizer" in errors, f"exit {code}: {errors}")


def test_sanitized():
    program = os.path.join(WORK, "sanitized")
    code, _, errors = call(COMPILE, model, "--sanitize", "-o", program)
    check("--sanitize", code == 0, errors)
    for options in ((), ("--step",), ("--greedy", "4"), ("--all-hidden", "--attentions")) if code == 0 else ():
        code, errors, _ = run(program, [3, 14, 15], *options)
        check(f"a sanitized program {options}", code == 0 and "Sanitizer" not in errors, errors)


    # A kernel that goes on past the memory of its results (room for a chunk of tokens), and a sound one that ends with it.
    path = os.path.join(WORK, "sound.mlir")
    call(COMPILE, model, "--emit=linalg", "-o", path)
    text = open(path).read()
    entry = re.search(r"func\.func @step\(.*", text)
    result = re.search(r"(%\w+): (memref<\?x" + str(VOCABULARY) + r"xf32>)", entry[0])
    for name, beyond in (("sound", 0), ("broken", 2000)):
        kernel = f"""
    %x0 = arith.constant 0 : index
    %x1 = arith.constant 1 : index
    %x2 = arith.constant {beyond} : index
    %xf = arith.constant 0.0 : f32
    %xrows = memref.dim {result[1]}, %x0 : {result[2]}
    %xend = arith.addi %xrows, %x2 : index
    scf.for %xi = %x0 to %xend step %x1 {{
      memref.store %xf, {result[1]}[%xi, %x0] : {result[2]}
    }}"""
        path, program = os.path.join(WORK, name + ".mlir"), os.path.join(WORK, name)
        with open(path, "w") as out:
            out.write(text.replace(entry[0], entry[0] + kernel, 1))
        code, _, errors = call(COMPILE, path, "--sanitize", "-o", program)
        check(f"--sanitize: a {name} kernel compiles", code == 0, errors)
        code, errors, _ = run(program, [3, 14, 15])
        if beyond:
            check("--sanitize: a broken kernel is caught", code != 0 and "AddressSanitizer: use-after-poison" in errors, f"exit {code}: {errors}")
        else:
            check("--sanitize: a sound kernel is not", code == 0 and "Sanitizer" not in errors, f"exit {code}: {errors}")


def test_other_cpu():
    program = os.path.join(WORK, "v4")
    code, _, errors = call(COMPILE, model, "--cpu=x86-64-v4", "-o", program)
    check("--cpu=x86-64-v4", code == 0, errors)
    if code == 0 and "avx512f" not in open("/proc/cpuinfo").read():
        code, errors, _ = run(program, [1])
        check("a program for another processor", code == 1 and "avx512" in errors, f"exit {code}: {errors}")


def test_other_machine():
    """Code for 64-bit Arm; what can only be done here is refused. test/oracle/aarch64.py runs programs."""
    code, text, errors = call(COMPILE, model, "--cpu=neoverse-n1", "--quantize=q8_0", "--emit=asm", "-o", "-")
    check("--cpu=neoverse-n1 --emit=asm", code == 0 and "sdot" in text, errors + text[:300])
    refuses("processors of two kinds", ["no machine has both", "aarch64-linux-gnu", "x86_64-linux-gnu"], model, "--cpu=aarch64,x86-64-v3")
    refuses("--sanitize for another kind of machine", ["cortex-a76", "for this one's"], model, "--cpu=cortex-a76", "--sanitize")
    refuses("--compare with another kind of machine", ["cortex-a76", "for this one's"], model, "--cpu=cortex-a76", "--compare=1,2")
    refuses("an unknown processor", ["pentium-nine", "aarch64"], model, "--cpu=pentium-nine")
    # A compiler whose folder lacks what such programs are linked from.
    bare = os.path.join(WORK, "bare")
    os.makedirs(os.path.join(bare, "bin"))
    shutil.copy(COMPILE, os.path.join(bare, "bin"))
    code, _, errors = call(os.path.join(bare, "bin", "attune-compile"), model, "--cpu=cortex-a76", "-o", os.path.join(bare, "program"))
    check("a program for a machine without a runtime", code == 1 and "lib/attune/aarch64-linux-gnu" in errors and "--emit=obj" in errors, f"exit {code}: {errors}")


def test_opencl():
    """Programs run in the suites `device` and `unit`, where there is a device."""
    code, text, errors = call(COMPILE, model, "--target=opencl", "--emit=asm", "-o", "-")
    check("--target=opencl --emit=asm", code == 0 and "OpEntryPoint Kernel" in text, errors + text[:300])
    code, text, errors = call(COMPILE, model, "--target=opencl", "--emit=gpu", "-o", "-")
    check("--target=opencl --emit=gpu", code == 0 and "gpu.launch_func" in text, errors)
    program = os.path.join(WORK, "opencl")
    code, _, errors = call(COMPILE, model, "--target=opencl", "-o", program)
    check("a program for OpenCL", code == 0, errors)
    code, text, errors = call(program, "info")
    check("a program for OpenCL tells of itself", code == 0 and re.search(r"^target +opencl$", text, re.M), errors + text[:300])
    refuses("matrix units of OpenCL", ["need matrix units: --target=cuda"], model, "--target=opencl", "--activations=f16", code=2)
    refuses("chips for OpenCL", ["--chip is for --target=cuda and rocm"], model, "--target=opencl", "--chip=sm_80", code=2)
    refuses("an unknown target", ["warp-drive"], model, "--target=warp-drive", code=2)
    refuses("--emit=gpu for a processor", ["--target=cuda, rocm or opencl"], model, "--emit=gpu", code=2)


def test_rocm():
    """What can be seen of code objects without a GPU: that they are whole, and fit how the host launches them."""
    program = os.path.join(WORK, "rocm")
    code, _, errors = call(COMPILE, model, "--target=rocm", "-o", program)
    check("a program for ROCm", code == 0, errors)
    code, launches, errors = call(COMPILE, model, "--target=rocm", "--emit=gpu", "-o", "-")
    check("--target=rocm --emit=gpu", code == 0 and "gpu.launch_func" in launches, errors)
    code, text, errors = call(COMPILE, model, "--target=cuda", "--chip=sm_80", "--emit=asm", "-o", "-")
    arguments = {name: [int(bits) // 8 for bits in re.findall(r"\.param \.[a-z](\d+)", text)] for name, text in re.findall(r"\.entry (\w+)\(([^)]*)\)", text)}
    objects = amdgpu.code_objects(program)
    check("a program for ROCm holds a code object for each chip", len(objects) == 2, len(objects))
    for chip, data in zip(("gfx90a", "gfx942"), objects):
        path = os.path.join(WORK, chip + ".hsaco")
        with open(path, "wb") as file:
            file.write(data)
        header, defined, undefined, kernels = amdgpu.describe(tool("llvm-readelf"), path)
        check(f"{chip}: the header", re.search(rf"Flags: .*\b{chip}\b", header) and re.search(r"ABI Version: +3\b", header), header)
        check(f"{chip}: nothing is undefined", not undefined, undefined)
        check(f"{chip}: each kernel and its descriptor", kernels.keys() == arguments.keys() and all({name, name + ".kd"} <= defined for name in kernels), (list(kernels), list(arguments)))
        for name, kernel in kernels.items():
            # One after the other at multiples of their sizes, as HIP copies them from the addresses of their values.
            check(f"{chip}: arguments of {name}", [size for _, size in kernel.arguments] == arguments[name] and all(offset % size == 0 for offset, size in kernel.arguments) and
                  all(end <= offset for end, (offset, _) in zip([at + size for at, size in kernel.arguments], kernel.arguments[1:])), kernel)
            threads = {int(x) for x in re.findall(rf"@device::@{name} .*? threads in \(%c(\d+)", launches)}
            check(f"{chip}: blocks of {name}", threads and all(kernel.block == [x, 1, 1] and kernel.most == x for x in threads), (kernel, threads))
            check(f"{chip}: resources of {name}", kernel.memory <= amdgpu.BLOCK_MEMORY and kernel.wavefront == amdgpu.WAVEFRONT, kernel)
    code, text, errors = call(program, "info")
    check("info of a program for ROCm", code == 0 and re.search(r"^target +rocm$", text, re.M) and re.search(r"^code of kernels +gfx90a.hsaco, gfx942.hsaco$", text, re.M), text + errors)
    if not amdgpu.is_installed():
        check("a machine without ROCm", "this program runs on an AMD GPU, but there is no ROCm here (libamdhip64.so.7: " in text, text)
        code, errors, _ = run(program, [3])
        check("a run without ROCm", code == 1 and "there is no ROCm here" in errors, errors)
    code, text, errors = call(COMPILE, model, "--target=rocm", "--chip=gfx942", "--emit=asm", "-o", "-")
    check("--target=rocm --chip=gfx942 --emit=asm", code == 0 and "amdgcn-amd-amdhsa--gfx942" in text, errors)
    # Work items that exchange values within a wavefront would have to know how many there are.
    exchanges = re.findall(r"\b(?:ds_bpermute|ds_permute|ds_swizzle|v_readlane|v_writelane|v_mov_b32_dpp|v_mbcnt)\w*", text)
    check("no kernel depends on the size of a wavefront", code == 0 and not exchanges, exchanges)
    # Places of so many experts do not fit into a work item's registers.
    with open(os.path.join(SOURCE, "examples", "mixture.yaml")) as file, open(os.path.join(WORK, "experts.yaml"), "w") as out:
        out.write(re.sub(r"count: 8\b", "count: 128", file.read()))
    code, _, errors = call(COMPILE, "experts.yaml", "--target=rocm", "--chip=gfx90a", "-o", program)
    objects = amdgpu.code_objects(program) if code == 0 else []
    for data in objects:
        with open(os.path.join(WORK, "experts.hsaco"), "wb") as file:
            file.write(data)
        _, _, undefined, kernels = amdgpu.describe(tool("llvm-readelf"), os.path.join(WORK, "experts.hsaco"))
        check("kernels with memory of their own", not undefined and any(kernel.own for kernel in kernels.values()), kernels)
    check("a mixture of many experts for ROCm", len(objects) == 1, errors)
    code, _, errors = call(COMPILE, model, "--target=rocm", "--chip=gfx1100", "-o", program)
    check("a program for another of AMD's chips", code == 0 and len(amdgpu.code_objects(program)) == 1, errors)
    refuses("a chip that does not exist", ["LLVM knows no 'gfx1'"], model, "--target=rocm", "--chip=gfx1")
    refuses("NVIDIA's chip for ROCm", ["sm_80", "gfx90a"], model, "--target=rocm", "--chip=sm_80", "--emit=asm", code=2)
    refuses("matrix units of ROCm", ["need matrix units"], model, "--target=rocm", "--activations=bf16", "--emit=asm", code=2)


def test_cuda():
    """What can be seen of kernels without a GPU: which instructions they are made of, and that no registers spill to memory."""
    program = os.path.join(WORK, "cuda")
    code, _, errors = call(COMPILE, model, "--target=cuda", "--activations=bf16", "--quantize=bf16", "-o", program)
    check("--target=cuda", code == 0, errors)
    code, text, errors = call(program, "info")
    listed = re.search(r"^kernels +\d+: (.*)$", text, re.M)
    ptxas = ptx.find_ptxas()
    if not ptxas:
        print("no ptxas here: nothing is known of spills")
    for stored, copies in (("bf16", True), ("q4_1", False)):
        for chip in ptx.CHIPS:
            code, text, errors = call(COMPILE, model, "--target=cuda", f"--chip={chip}", "--activations=bf16", f"--quantize={stored}", "--emit=asm", "-o", "-")
            found, title = ptx.kernels(text), f"{stored} weights, {chip}"
            many = {name: counts for name, counts in found.items() if re.search(r"_linear_\d+$", name)}
            few = {name: counts for name, counts in found.items() if "_linear_few_" in name}
            wide = {name: counts for name, counts in found.items() if "_linear_sm_90a_" in name}
            check(f"{title}: products of many rows use matrix units", code == 0 and many and all(c["mma.sync"] and c["ldmatrix"] for c in many.values()), many)
            check(f"{title}: stored as they are multiplied, they are copied", all(bool(c["cp.async.cg"]) == copies for c in many.values()), many)
            check(f"{title}: products of few rows are in f32", len(few) == len(many) and not any(c["mma.sync"] for c in few.values()), few)
            if copies and chip == "sm_90a":
                check(f"{title}: warp groups multiply too", len(wide) == len(many) and all(c["wgmma.mma_async"] and c["cp.async.cg"] and not c["mma.sync"] for c in wide.values()), wide)
                check("info lists the kernels of the PTX", listed and sorted(listed[1].split()) == sorted(found), f"{listed and listed[1]}\n{list(found)}\n{errors}")
            else:
                check(f"{title}: no products of warp groups", not wide and not any(c["wgmma.mma_async"] for c in found.values()), found)
            if ptxas:
                made = ptx.assemble(ptxas, text, chip)
                check(f"{title}: no kernel spills", made.keys() == found.keys() and not any(each.spills or each.stack for each in made.values()),
                      {name: each for name, each in made.items() if each.spills or each.stack} or made.keys() ^ found.keys())


def with_head(change):
    """The model's tensors with other rows of the head."""
    start, end = HEADER["lm_head.weight"]["data_offsets"]
    rows = [list(row) for row in struct.iter_unpack(f"<{HIDDEN}f", DATA[start:end])]
    change(rows)
    return safetensors(HEADER, DATA[:start] + struct.pack(f"<{VOCABULARY * HIDDEN}f", *sum(rows, [])) + DATA[end:])


def test_greedy_on_a_device():
    """The device chooses tokens as the host does: of equal logits the lowest id, whatever the width; what holds NaN is left to the host."""
    def twice(rows):  # each logit occurs twice
        rows[VOCABULARY // 2:] = rows[:VOCABULARY // 2]

    def no_number(rows):
        rows[3] = [float("nan")] * HIDDEN

    wide = os.path.join(WORK, "wide_on_device.yaml")
    with open(wide, "w") as out:  # the head's columns are no multiple of what a block reads at once
        out.write(WIDE.format(9001))
    prompt, count = [3, 14, 15], 9
    for name, source, width in (("twice", folder("twice", tensors=with_head(twice)), VOCABULARY), ("NaN", folder("no_number", tensors=with_head(no_number)), VOCABULARY),
                                ("wide", wide, 9001)):
        program = os.path.join(WORK, f"greedy_{name}")
        code, _, errors = call(COMPILE, source, "--target=cuda", "--chip=sm_80", "--emulate", "-o", program)
        check(f"--emulate: {name}", code == 0, errors)
        os.environ["ATTUNE_DEVICE"] = "emulate"
        code, errors, tensors = run(program, prompt, "--greedy", str(count))
        chosen = list(struct.unpack(f"<{count}q", tensors["greedy_ids"][1])) if code == 0 else errors
        code, errors, tensors = run(program, prompt + chosen[:-1], "--step") if code == 0 else (code, errors, {})
        del os.environ["ATTUNE_DEVICE"]
        logits = floats(tensors["logits"]) if code == 0 else ()
        rows = [[-math.inf if math.isnan(x) else x for x in logits[at:at + width]] for at in range((len(prompt) - 1) * width, len(logits), width)]
        check(f"greedy tokens on a device: {name}", code == 0 and chosen == [row.index(max(row)) for row in rows], f"{chosen} {errors}")


# Prints the tokens that a library chooses for each set of options: (temperature, top_k, top_p, min_p, repetition_penalty, seed).
GENERATE = """
import ctypes, json, sys
class Options(ctypes.Structure):
    _fields_ = [(name, kind) for kind, names in ((ctypes.c_double, "temperature"), (ctypes.c_int64, "top_k"), (ctypes.c_double, "top_p min_p repetition_penalty"),
                (ctypes.c_uint64, "seed"), (ctypes.c_int64, "max_tokens"), (ctypes.c_int, "ignore_end control_in_text")) for name in names.split()]
library = ctypes.CDLL(sys.argv[1])
for name in ("attune_open", "attune_session_create", "attune_error"):
    getattr(library, name).restype = ctypes.c_void_p
library.attune_generate_ids.restype = ctypes.c_int64
Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int32)
library.attune_session_truncate.argtypes = (ctypes.c_void_p, ctypes.c_int64)
library.attune_generate_ids.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, Callback, ctypes.c_void_p)
library.attune_session_create.argtypes = (ctypes.c_void_p,)
session = library.attune_session_create(library.attune_open(None))
chosen = []
for values in json.loads(sys.argv[2]):
    library.attune_session_truncate(session, 0)
    ids, prompt = [], (ctypes.c_int32 * 2)(3, 14)
    options = Options(*values, 9, 1, 0)
    count = library.attune_generate_ids(session, prompt, 2, ctypes.byref(options), Callback(lambda user, text, size, id: ids.append(id) or 0), None)
    chosen.append(ids if count >= 0 else ctypes.string_at(library.attune_error()).decode())
print(json.dumps(chosen))
"""


def test_sampling_on_a_device():
    """What samplers choose among the likeliest tokens that a device makes is what they choose from all logits: of the same device, and of the processor."""
    def choose(library, options):
        code, out, errors = call(sys.executable, "-c", GENERATE, library, json.dumps(options))
        return json.loads(out) if code == 0 else errors

    small, large = os.path.join(WORK, "sampled_small.yaml"), os.path.join(WORK, "sampled_large.yaml")
    for path, vocabulary in ((small, 60), (large, 70001)):  # fewer than the device makes; more slices than are joined at once
        with open(path, "w") as out:
            out.write(WIDE.format(vocabulary))
    no_number = folder("sampled_no_number", tensors=with_head(lambda rows: rows.__setitem__(3, [float("nan")] * HIDDEN)))
    libraries = {}
    for name, source in (("small", small), ("large", large), ("NaN", no_number)):
        for target, options in (("cpu", ()), ("device", ("--target=cuda", "--chip=sm_80", "--emulate"))):
            libraries[name, target] = os.path.join(WORK, f"lib_sampled_{name}_{target}.so")
            code, _, errors = call(COMPILE, source, *options, "--emit=lib", "-o", libraries[name, target])
            check(f"a library that samples: {name}, {target}", code == 0, errors)
    among = ((0.3, 0, 0.9, 0, 1), (0.2, 0, 0.8, 0.1, 1), (1, 0, 0.02, 0, 1), (0.1, 0, 1, 0.05, 1))
    best = ((0.7, 64, 0.9, 0, 1), (1, 5, 1, 0, 1), (1, 5, 1, 0, 1.3))
    few, top = {}, {}
    for name, most, seeds in (("small", 4, 3), ("large", 2, 1)):  # emulation takes its time
        few[name], top[name] = ([(*options, seed) for options in each[:most] for seed in range(seeds)] for each in (among, best))
    os.environ["ATTUNE_DEVICE"] = "emulate"
    for name in few:
        # A k that no token falls to is no k, but more than a device makes: all logits are looked at.
        whole = [(temperature, 10 ** 6, *rest) for temperature, _, *rest in few[name]]
        check(f"{name}: top-p and min-p", (found := choose(libraries[name, "device"], few[name])) == (expected := choose(libraries[name, "device"], whole)), f"{found} {expected}")
    check("a row with NaN is an error", "finite number" in str(found := choose(libraries["NaN", "device"], top["small"][:1])), found)
    sampled = {name: choose(libraries[name, "device"], top[name]) for name in top}
    del os.environ["ATTUNE_DEVICE"]
    for name, found in sampled.items():
        check(f"{name}: top-k", found == (expected := choose(libraries[name, "cpu"], top[name])) and len(set(map(str, found))) == len(top[name]), f"{found} {expected}")


def test_several_cpus():
    """One program with code for each: the best that this machine can run is used, and gives what its code alone gives."""
    both, results = os.path.join(WORK, "several"), {}
    for name, cpus in (("x86-64-v3", "x86-64-v3"), ("x86-64-v4", "x86-64-v4"), ("several", "x86-64-v4,x86-64-v3")):
        program = os.path.join(WORK, name)
        code, _, errors = call(COMPILE, model, f"--cpu={cpus}", "-o", program)
        check(f"--cpu={cpus}", code == 0, errors)
        results[name] = run(program, [3, 1, 4])
    code, text, errors = call(both, "info")
    used = next((cpu for cpu in ("x86-64-v3", "x86-64-v4") if f"{cpu} (in use)" in text), None)
    here = "x86-64-v4" if all(f" {feature} " in open("/proc/cpuinfo").read() for feature in ("avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512cd")) else "x86-64-v3"
    check("a program for several processors uses the best code", code == 0 and used == here, text + errors)
    check("a program for several processors computes as the one for this", results["several"] == results[here], results["several"][1])
    code, _, errors = call(COMPILE, model, "--cpu=x86-64-v3,x86-64-v3", "-o", both)
    check("a processor named twice", code == 1 and "are one processor" in errors, errors)
    code, _, errors = call(COMPILE, model, "--cpu=x86-64-v3,x86-64-v4", "--emit=asm", "-o", both)
    check("assembly for several processors", code != 0 and "--cpu names several" in errors, errors)


def test_compare():
    for options in ((), ("--quantize=q8_0",), ("--quantize=int8",), ("--quantize=q4_0",), ("--quantize=f16", "--cache=f16"), ("--cache=int8",), ("--quantize=q4_0", "--activations=f32")):
        code, out, errors = call(COMPILE, model, "--compare", "3,14,15,9", *options)
        check(f"--compare {options}", code == 0 and "agree" in out and "attentions.0" in out, out + errors)
    code, out, errors = call(COMPILE, model, "--compare", "3,14,15,9", "--compare-tolerance", "1e-12")
    check("--compare beyond tolerance", code == 1 and "first, " in errors and "beyond 1e-12" in errors, out + errors)
    worst = max(float(line.split()[5 if "by tokens" not in line else 7]) for line in out.splitlines()[1:] if "e" in line and len(line.split()) > 5)
    tolerance = worst * 0.999
    code, out, errors = call(COMPILE, model, "--compare", "3,14,15,9", "--compare-tolerance", f"{tolerance:.17g}")
    said = errors[errors.find("wrong by ") + 9:].split(" ")[0]
    check("--compare tells an error from the tolerance", code == 1 and float(said) > tolerance, errors)
    for ids in ("40", "-1", "x", "", "@none", ",".join(["1"] * (CONTEXT + 1))):
        code, _, errors = call(COMPILE, model, "--compare", ids)
        check(f"--compare '{ids}'", code == 1 and errors, f"exit {code}: {errors}")


model = folder("model")
def test_vocabulary():
    """A tokenizer that knows more tokens than the embedding has rows."""
    folder = os.path.join(WORK, "short")
    shutil.copytree(os.path.join(SOURCE, "test", "oracle", "llama"), folder)
    path = os.path.join(folder, "tokenizer.json")
    with open(path) as file:
        tokenizer = json.load(file)
    with open(os.path.join(folder, "config.json")) as file:
        rows = json.load(file)["vocab_size"]
    tokenizer["model"]["vocab"]["one too many"] = rows
    with open(path, "w") as file:
        json.dump(tokenizer, file)
    refuses("a vocabulary beyond the embedding", ["tokenizer.json", "model.vocab", f"id {rows}", "one too many", f"{rows} rows"], folder)


def test_padded_vocabulary():
    """Rows of the head that no token belongs to are never chosen, though one of these two has the largest logit whatever comes in."""
    source = os.path.join(SOURCE, "test", "oracle", "llama")
    with open(os.path.join(source, "model.safetensors"), "rb") as file:
        content = file.read()
    size = struct.unpack("<q", content[:8])[0]
    header, data = json.loads(content[8:8 + size]), content[8 + size:]
    with open(os.path.join(source, "tokenizer.json")) as file:
        tokenizer = json.load(file)
    vocabulary, (rows, width) = tokenizer["model"]["vocab"], header["lm_head.weight"]["shape"]
    last = max(vocabulary, key=vocabulary.get)
    del vocabulary[last]
    tokenizer["model"]["merges"] = [pair for pair in tokenizer["model"]["merges"] if "".join(pair.split(" ") if isinstance(pair, str) else pair) != last]
    end = header["lm_head.weight"]["data_offsets"][1]
    texts = []
    for name, factor in (("none_larger", 0.0), ("largest", 1e4)):
        path = os.path.join(WORK, name)
        shutil.copytree(source, path)
        row = [factor * random.Random(3).gauss(0, 1) for _ in range(width)]
        padding = struct.pack(f"<{2 * width}f", *row, *(-value for value in row))
        with open(os.path.join(path, "model.safetensors"), "wb") as out:
            out.write(safetensors(header, data[:end - len(padding)] + padding + data[end:]))
        with open(os.path.join(path, "tokenizer.json"), "w") as out:
            json.dump(tokenizer, out)
        check(f"compiles with padding, {name}", call(COMPILE, path, "-o", path + "_program")[0] == 0)
        for options in ((), ("--temperature", "3", "--seed", "5")):
            code, out, errors = call(path + "_program", "generate", "a", "-n", "16", "--ignore-end", *options)
            check(f"generates with padding {name} {options}", code == 0 and out.strip(), out + errors)
            texts.append(out)
    check("the test's padding", rows == max(vocabulary.values()) + 3, f"{rows} rows, {max(vocabulary.values()) + 1} tokens")
    check("padding is never chosen", texts[:2] == texts[2:], texts)


def test_compare_pair():
    """An encoder-decoder: both stacks, and quantised ones."""
    pair = os.path.join(SOURCE, "test", "oracle", "t5")
    for options in ((), ("--quantize=q8_0",), ("--quantize=f16", "--cache=f16"), ("--cache=int8",)):
        code, out, errors = call(COMPILE, pair, "--compare", "5,17,40,9,33/0,3,9", *options)
        names = ("enc_attn.0", "encoder_last_hidden_state", "cross_attn.1", "logits, by tokens")
        check(f"--compare of an encoder-decoder {options}", code == 0 and all(name in out for name in ("agree", *names)), out + errors)
    code, out, errors = call(COMPILE, pair, "--compare", "5,17/0,3", "--compare-tolerance", "1e-12")
    check("--compare names the stack", code == 1 and "first, enc_" in errors and "the encoder's layer 0" in errors, out + errors)
    for ids, expected in (("5,17", "SOURCE/TOKENS"), ("5/", "0 ids"), ("/0", "0 ids"), ("5,100000/0", "'100000' is no token id")):
        code, _, errors = call(COMPILE, pair, "--compare", ids)
        check(f"--compare '{ids}' of an encoder-decoder", code == 1 and expected in errors, f"exit {code}: {errors}")


def test_pair_bench():
    program = os.path.join(WORK, "pair_bench")
    code, out, errors = call(COMPILE, os.path.join(SOURCE, "test", "oracle", "t5"), "-o", program)
    check("compiles an encoder-decoder", code == 0, out + errors)
    prompts = os.path.join(WORK, "pair.json")
    with open(prompts, "w") as out:
        json.dump({"source": [5, 17, 40, 9, 1]}, out)
    code, out, errors = call(program, "bench", "--json", "--repeats", "2", "--prompts", prompts)
    result = json.loads(out) if code == 0 else {}
    check("bench of an encoder-decoder", result.get("source_tokens") == 5 and len(result.get("ids", ())) == result.get("text_tokens")
          and all(len(result.get(key, ())) == 2 and min(result[key]) > 0 for key in ("encode_tps", "greedy_tps", "search_tps")), out + errors)
    code, out, errors = call(program, "translate", "--ids", "--json", "--beams", "1", "-n", "64", "--min-tokens", "64", "[5, 17, 40, 9, 1]")
    check("bench makes what translate makes", code == 0 and json.loads(out)["ids"] == result.get("ids"), out + errors)
    check_profile("an encoder-decoder", program, {"linear", "attention", "norm"}, 1, "--prompts", prompts)
    code, out, errors = call(program, "bench")
    check("bench of an encoder-decoder, as a table", code == 0 and all(line in out for line in ("source", "likeliest tokens", "beam search")), out + errors)


def check_profile(name, program, kinds, parts, *options):
    """Shares of each part's time make the whole, and the kinds of kernels are there. Returns the parts."""
    code, out, errors = call(program, "bench", "--profile", "--json", "--repeats", "1", *options)
    result = json.loads(out) if code == 0 else {"parts": [], "limits": {}}
    check(f"profile of {name}: parts", len(result["parts"]) == parts and result["limits"].get("bytes_per_s", 0) > 0, out + errors)
    for part in result["parts"]:
        kernels = part["kernels"]
        whole = sum(kernel["share"] for kernel in kernels) + part["between_kernels"]["share"]
        seconds = sum(kernel["seconds"] for kernel in kernels) + part["between_kernels"]["seconds"]
        check(f"profile of {name}, {part['name']}: shares add up", abs(whole - 1) < 1e-9 and abs(seconds - part["seconds"]) < 1e-9 * part["seconds"]
              and all(kernel["seconds"] > 0 and 0 < kernel["threads_busy"] <= 1 for kernel in kernels), out)
        missing = kinds - {kernel["kind"] for kernel in kernels}
        check(f"profile of {name}, {part['name']}: kinds", not missing and all(kernel["kind"] != "unknown" for kernel in kernels), f"{missing}: {out}")
    code, out, errors = call(program, "bench", "--profile", "--repeats", "1", *options)
    rows = [line for line in out.splitlines() if line.endswith("%") or line.endswith("busy")]
    widths = {len(line) for line in rows if not line.startswith("  between")}
    check(f"profile of {name}: columns align", code == 0 and len(widths) <= parts and len(rows) > parts, out + errors)
    return result["parts"]


def test_profile():
    folder = os.path.join(SOURCE, "test", "oracle", "llama")
    program = os.path.join(WORK, "profiled")
    code, out, errors = call(COMPILE, folder, "--quantize=q8_0", "-o", program)
    check("compiles for a profile", code == 0, out + errors)
    parts = check_profile("a decoder", program, {"linear", "attention", "norm", "rotary", "quantize"}, 3)
    config = json.load(open(os.path.join(folder, "config.json")))
    hidden, layers = config["hidden_size"], config["num_hidden_layers"]
    heads = config["num_attention_heads"] + 2 * config["num_key_value_heads"]
    size = config.get("head_dim") or hidden // config["num_attention_heads"]
    matrices = layers * (hidden * size * heads + hidden * size * config["num_attention_heads"] + 3 * hidden * config["intermediate_size"]) + hidden * config["vocab_size"]
    for part in parts[1:]:
        counted = sum(kernel["operations"] for kernel in part["kernels"] if kernel["kind"] == "linear")
        check(f"profile: {part['name']} multiplies each weight once", counted == 2 * matrices, f"{counted}, not {2 * matrices}")
    keys = sum(kernel["operations"] for kernel in parts[1]["kernels"] if kernel["kind"] == "attention")
    check("profile: keys that are seen", keys > 0 and keys % (4 * config["num_attention_heads"] * size * layers / parts[1]["steps"]) == 0, f"{keys}")


parts = [test_usage, test_bad_files, test_bad_gguf, test_outputs, test_dump, test_late_failures, test_stages, test_ir, test_graph, test_products, test_many_columns, test_library, test_sanitized, test_other_cpu,
         test_opencl, test_rocm, test_cuda, test_greedy_on_a_device, test_sampling_on_a_device, test_other_machine, test_several_cpus, test_compare, test_compare_pair, test_pair_bench, test_profile, test_vocabulary, test_padded_vocabulary]


def apart(part):
    """A part in a process of its own, with its own folder: what it printed but for the count, and the count."""
    name = part.__name__[5:]
    done = subprocess.run([sys.executable, os.path.abspath(__file__), BIN, name], capture_output=True, text=True)
    count = re.search(r"(\d+) passed, (\d+) failed\n$", done.stdout)
    if not count:
        return f"{name.replace('_', ' ')}\nFAILED: it ended with {done.returncode} and without a count\n{done.stdout}{done.stderr}", 0, 1
    return done.stdout[:count.start()] + done.stderr, int(count[1]), int(count[2])


try:
    if len(sys.argv) == 3:
        print(sys.argv[2].replace("_", " "), flush=True)
        next(part for part in parts if part.__name__[5:] == sys.argv[2])()
    else:  # as many at once as there are processors
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for text, right, wrong in pool.map(apart, [part for part in parts if len(sys.argv) < 3 or part.__name__[5:] in sys.argv[2:]]):
                print(text, end="", flush=True)
                passed, failed = passed + right, failed + wrong
finally:
    shutil.rmtree(WORK, ignore_errors=True)
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
