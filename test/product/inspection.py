# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The compiler's forms of a model: what each shows, and that programs come out of edited ones."""
import math, os, re
import xml.etree.ElementTree as xml

from harness import BIN, COMPILE, WORK, check, call, refuses, HIDDEN, VOCABULARY, LAYER, MODEL, folder, run


def test_stages():
    for stage, word in (("description", "layers"), ("transformer", "transformer.softmax"), ("fused", "transformer.attention"), ("linalg", "module"),
                        ("llvm", "define"), ("asm", ".globl"), ("obj", "ELF")):
        target = os.path.join(WORK, "stage." + stage)
        code, _, errors = call(COMPILE, MODEL, "--emit=" + stage, "-o", target)
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
    call(COMPILE, MODEL, "-o", whole)
    first = run(whole, ids, "--all-hidden", "--attentions")[2]
    check("ir: the program itself", first)
    texts = {}
    for form in ("transformer", "fused", "layout", "linalg"):
        path, program = os.path.join(WORK, f"ir {form}.mlir"), os.path.join(WORK, "ir." + form)
        call(COMPILE, MODEL, "--emit=" + form, "-o", path)
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
    refuses("ir: the model is gone", ["gone.mlir", "nowhere", "transformer.model"], edited("gone", "fused", '"' + MODEL, '"/nowhere' + MODEL))
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
    call(COMPILE, MODEL, "--quantize=q4_0", "--activations=f32", "--context=8", "--emit=layout", "-o", path)
    results = []
    for name, arguments in (("a", [path]), ("b", [MODEL, "--quantize=q4_0", "--activations=f32", "--context=8"])):
        code, _, errors = call(COMPILE, *arguments, "-o", os.path.join(WORK, "quantized." + name))
        check(f"ir: options, {name}", code == 0, errors)
        results.append(run(os.path.join(WORK, "quantized." + name), ids)[2])
    check("ir: options are kept", results[0] and results[0] == results[1])


def test_graph():
    for ending in ("html", "svg"):
        path = os.path.join(WORK, "graph." + ending)
        code, _, errors = call(COMPILE, MODEL, "--emit=graph", "-o", path)
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
    code, _, errors = call(COMPILE, MODEL, "--dump-passes-to=" + folder, "--emit=linalg", "-o", os.path.join(WORK, "dumped.mlir"))
    texts = [os.path.join(place, name) for place, _, names in os.walk(folder) for name in names]
    check("--dump-passes-to makes its folder", code == 0 and sorted(os.listdir(folder)) == ["fusion", "layout", "linalg"], errors)
    check("--dump-passes-to: a module for each pass", len(texts) > 5 and all("func.func" in open(text).read() for text in texts), texts)
    refuses("--dump-passes-to a file", ["--dump-passes-to", "dumped.mlir"], MODEL, "--dump-passes-to=" + os.path.join(WORK, "dumped.mlir"))
