# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What cannot be compiled, read or written: the error says where and what, and nothing is left behind."""
import json, os, shutil, struct, subprocess, tempfile

from harness import BIN, COMPILE, SOURCE, WORK, check, call, refuses, HIDDEN, CONFIG, HEADER, DATA, MODEL, safetensors, weights, folder


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
    refuses("an unknown processor", ["warp-drive"], MODEL, "--cpu=warp-drive")


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
        refuses("output " + name, [target, "cannot be written"], MODEL, "--emit=transformer", output=target)
    check("/dev/full is still a device", not os.path.isfile("/dev/full"))
    with open("/dev/full", "w") as full:
        done = subprocess.run([COMPILE, MODEL, "--emit=transformer"], stdout=full, stderr=subprocess.PIPE)
    check("a full standard output", done.returncode == 1 and done.stderr, done)
    small = os.path.join(WORK, "small")
    os.makedirs(small)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", small], capture_output=True).returncode == 0:
        try:
            code, _, errors = call(COMPILE, MODEL, "-o", os.path.join(small, "out"))
            check("a full folder", code == 1 and errors, f"exit {code}: {errors}")
            check("a full folder: nothing left", not os.listdir(small), os.listdir(small))
        finally:
            subprocess.run(["umount", small])


def test_late_failures():
    """What goes wrong after minutes leaves nothing, and what can be known before is said before."""
    place = tempfile.mkdtemp(dir=WORK)
    os.makedirs(os.path.join(place, "out.weights"))
    code, _, errors = call(COMPILE, MODEL, "--weights=file", "-o", os.path.join(place, "out"), "--report")
    check("a folder where the weights go", code == 1 and "out.weights" in errors and "machine code" not in errors, f"exit {code}: {errors}")
    check("a folder where the weights go: nothing left", os.listdir(place) == ["out.weights"], os.listdir(place))
    code, _, errors = call(COMPILE, MODEL, "-o", os.path.join(WORK, "none", "out"), "--report")
    check("an output that cannot be is found first", code == 1 and "loading" not in errors, errors)
    # Room for the weights, but not for what is appended to the program after them.
    sizes = os.path.join(WORK, "sizes")
    call(COMPILE, MODEL, "--weights=file", "-o", sizes)
    room = os.path.getsize(sizes) + os.path.getsize(sizes + ".weights")
    small = os.path.join(WORK, "small for weights")
    os.makedirs(small)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={room // 4096 * 4}k", "none", small], capture_output=True).returncode == 0:
        try:
            code, _, errors = call(COMPILE, MODEL, "--weights=file", "-o", os.path.join(small, "out"))
            check("full behind the weights", code == 1 and "write" in errors, f"exit {code}: {errors}")
            check("full behind the weights: nothing left", not os.listdir(small), os.listdir(small))
        finally:
            subprocess.run(["umount", small])


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
