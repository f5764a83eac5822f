# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs and libraries wherever they lie and whatever they are made for."""
import json, os, random, re, shutil, struct, subprocess

from harness import BIN, COMPILE, SOURCE, WORK, STRIPS, tool, check, call, refuses, HIDDEN, HEADS, KEY_HEADS, SIZE, INNER, VOCABULARY, CONTEXT, MODEL, WIDE, safetensors, weights, folder, run, floats


def runs_anywhere(program):
    """Moved, linked, stripped: what it computes stays. Returns that."""
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
    first = runs_anywhere(program)
    described = os.path.join(WORK, "described.yaml")
    call(COMPILE, MODEL, "--emit=description", "-o", described)
    beside = os.path.join(WORK, "beside")
    code, _, errors = call(COMPILE, described, "--weights=file", "-o", beside)
    check("a printed description, --weights=file", code == 0 and os.path.exists(beside + ".weights"), errors)
    if code == 0:
        ids = [3, 14, 15, 9, 2, 6]
        check("a printed description gives the same program", run(beside, ids)[2] == first, run(beside, ids)[1])
        os.rename(beside + ".weights", beside + ".gone")
        code, errors, _ = run(beside, ids)
        check("weights that are gone", code == 1 and "beside.weights" in errors, errors)


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
    code, _, errors = call(COMPILE, MODEL, "--emit=lib", "-o", library)
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
    code, _, errors = call(COMPILE, MODEL, "--sanitize", "-o", program)
    check("--sanitize", code == 0, errors)
    for options in ((), ("--step",), ("--greedy", "4"), ("--all-hidden", "--attentions")) if code == 0 else ():
        code, errors, _ = run(program, [3, 14, 15], *options)
        check(f"a sanitized program {options}", code == 0 and "Sanitizer" not in errors, errors)


    # A kernel that goes on past the memory of its results (room for a chunk of tokens), and a sound one that ends with it.
    path = os.path.join(WORK, "sound.mlir")
    call(COMPILE, MODEL, "--emit=linalg", "-o", path)
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
    code, _, errors = call(COMPILE, MODEL, "--cpu=x86-64-v4", "-o", program)
    check("--cpu=x86-64-v4", code == 0, errors)
    if code == 0 and "avx512f" not in open("/proc/cpuinfo").read():
        code, errors, _ = run(program, [1])
        check("a program for another processor", code == 1 and "avx512" in errors, f"exit {code}: {errors}")


def test_other_machine():
    """Code for 64-bit Arm; what can only be done here is refused. test/oracle/aarch64.py runs programs."""
    code, text, errors = call(COMPILE, MODEL, "--cpu=neoverse-n1", "--quantize=q8_0", "--emit=asm", "-o", "-")
    check("--cpu=neoverse-n1 --emit=asm", code == 0 and "sdot" in text, errors + text[:300])
    refuses("processors of two kinds", ["no machine has both", "aarch64-linux-gnu", "x86_64-linux-gnu"], MODEL, "--cpu=aarch64,x86-64-v3")
    refuses("--sanitize for another kind of machine", ["cortex-a76", "for this one's"], MODEL, "--cpu=cortex-a76", "--sanitize")
    refuses("--compare with another kind of machine", ["cortex-a76", "for this one's"], MODEL, "--cpu=cortex-a76", "--compare=1,2")
    refuses("an unknown processor", ["pentium-nine", "aarch64"], MODEL, "--cpu=pentium-nine")
    # A compiler whose folder lacks what such programs are linked from.
    bare = os.path.join(WORK, "bare")
    os.makedirs(os.path.join(bare, "bin"))
    shutil.copy(COMPILE, os.path.join(bare, "bin"))
    code, _, errors = call(os.path.join(bare, "bin", "attune-compile"), MODEL, "--cpu=cortex-a76", "-o", os.path.join(bare, "program"))
    check("a program for a machine without a runtime", code == 1 and "lib/attune/aarch64-linux-gnu" in errors and "--emit=obj" in errors, f"exit {code}: {errors}")


def test_several_cpus():
    """One program with code for each: the best that this machine can run is used, and gives what its code alone gives."""
    both, results = os.path.join(WORK, "several"), {}
    for name, cpus in (("x86-64-v3", "x86-64-v3"), ("x86-64-v4", "x86-64-v4"), ("several", "x86-64-v4,x86-64-v3")):
        program = os.path.join(WORK, name)
        code, _, errors = call(COMPILE, MODEL, f"--cpu={cpus}", "-o", program)
        check(f"--cpu={cpus}", code == 0, errors)
        results[name] = run(program, [3, 1, 4])
    code, text, errors = call(both, "info")
    used = next((cpu for cpu in ("x86-64-v3", "x86-64-v4") if f"{cpu} (in use)" in text), None)
    here = "x86-64-v4" if all(f" {feature} " in open("/proc/cpuinfo").read() for feature in ("avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512cd")) else "x86-64-v3"
    check("a program for several processors uses the best code", code == 0 and used == here, text + errors)
    check("a program for several processors computes as the one for this", results["several"] == results[here], results["several"][1])
    code, _, errors = call(COMPILE, MODEL, "--cpu=x86-64-v3,x86-64-v3", "-o", both)
    check("a processor named twice", code == 1 and "are one processor" in errors, errors)
    code, _, errors = call(COMPILE, MODEL, "--cpu=x86-64-v3,x86-64-v4", "--emit=asm", "-o", both)
    check("assembly for several processors", code != 0 and "--cpu names several" in errors, errors)


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
