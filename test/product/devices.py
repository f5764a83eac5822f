# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs for devices as far as they can be seen without one: their code, and what they say."""
import os, re

from support import amdgpu, ptx
from harness import COMPILE, SOURCE, WORK, tool, check, call, floats, refuses, MODEL, run


def test_opencl():
    """Programs run in the suites `device` and `unit`, where there is a device."""
    code, text, errors = call(COMPILE, MODEL, "--target=opencl", "--emit=asm", "-o", "-")
    check("--target=opencl --emit=asm", code == 0 and "OpEntryPoint Kernel" in text, errors + text[:300])
    code, text, errors = call(COMPILE, MODEL, "--target=opencl", "--emit=gpu", "-o", "-")
    check("--target=opencl --emit=gpu", code == 0 and "gpu.launch_func" in text, errors)
    program = os.path.join(WORK, "opencl")
    code, _, errors = call(COMPILE, MODEL, "--target=opencl", "-o", program)
    check("a program for OpenCL", code == 0, errors)
    code, text, errors = call(program, "info")
    check("a program for OpenCL tells of itself", code == 0 and re.search(r"^target +opencl$", text, re.M), errors + text[:300])
    refuses("matrix units of OpenCL", ["need matrix units: --target=cuda"], MODEL, "--target=opencl", "--activations=f16", code=2)
    refuses("chips for OpenCL", ["--chip is for --target=cuda and rocm"], MODEL, "--target=opencl", "--chip=sm_80", code=2)
    refuses("an unknown target", ["warp-drive"], MODEL, "--target=warp-drive", code=2)
    refuses("--emit=gpu for a processor", ["--target=cuda, rocm or opencl"], MODEL, "--emit=gpu", code=2)


def test_rocm():
    """What can be seen of code objects without a GPU: that they are whole, and fit how the host launches them."""
    program = os.path.join(WORK, "rocm")
    code, _, errors = call(COMPILE, MODEL, "--target=rocm", "-o", program)
    check("a program for ROCm", code == 0, errors)
    code, launches, errors = call(COMPILE, MODEL, "--target=rocm", "--emit=gpu", "-o", "-")
    check("--target=rocm --emit=gpu", code == 0 and "gpu.launch_func" in launches, errors)
    code, text, errors = call(COMPILE, MODEL, "--target=cuda", "--chip=sm_80", "--emit=asm", "-o", "-")
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
    code, text, errors = call(COMPILE, MODEL, "--target=rocm", "--chip=gfx942", "--emit=asm", "-o", "-")
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
    code, _, errors = call(COMPILE, MODEL, "--target=rocm", "--chip=gfx1100", "-o", program)
    check("a program for another of AMD's chips", code == 0 and len(amdgpu.code_objects(program)) == 1, errors)
    refuses("a chip that does not exist", ["LLVM knows no 'gfx1'"], MODEL, "--target=rocm", "--chip=gfx1")
    refuses("NVIDIA's chip for ROCm", ["sm_80", "gfx90a"], MODEL, "--target=rocm", "--chip=sm_80", "--emit=asm", code=2)
    refuses("matrix units of ROCm", ["need matrix units"], MODEL, "--target=rocm", "--activations=bf16", "--emit=asm", code=2)


def test_cuda():
    """What can be seen of kernels without a GPU: which instructions they are made of, and that no registers spill to memory."""
    program = os.path.join(WORK, "cuda")
    code, _, errors = call(COMPILE, MODEL, "--target=cuda", "--activations=bf16", "--quantize=bf16", "-o", program)
    check("--target=cuda", code == 0, errors)
    code, text, errors = call(program, "info")
    listed = re.search(r"^kernels +\d+: (.*)$", text, re.M)
    ptxas = ptx.find_ptxas()
    if not ptxas:
        print("no ptxas here: nothing is known of spills")
    for stored, copies in (("bf16", True), ("q4_1", False)):
        for chip in ptx.CHIPS:
            code, text, errors = call(COMPILE, MODEL, "--target=cuda", f"--chip={chip}", "--activations=bf16", f"--quantize={stored}", "--emit=asm", "-o", "-")
            found, title = ptx.kernels(text), f"{stored} weights, {chip}"
            many = {name: counts for name, counts in found.items() if re.search(r"_linear_\d+$", name)}
            few = {name: counts for name, counts in found.items() if "_linear_few_" in name}
            wide = {name: counts for name, counts in found.items() if "_linear_sm_90a_" in name}
            check(f"{title}: products of many rows use matrix units", code == 0 and many and all(c["mma.sync"] and c["ldmatrix"] for c in many.values()), many)
            check(f"{title}: stored as they are multiplied, they are copied", all(bool(c["cp.async.cg"]) == copies for c in many.values()), many)
            check(f"{title}: products of few rows are in f32", len(few) == len(many) and not any(c["mma.sync"] for c in few.values()), few)
            if copies and chip == "sm_90a":
                check(f"{title}: warp groups multiply too", len(wide) == len(many) and all(c["wgmma.mma_async"] and not c["mma.sync"] for c in wide.values()), wide)
                check(f"{title}: their weights come by bulk copies", all(c["cp.async.bulk.tensor"] and c["mbarrier.try_wait"] and not c["cp.async.cg"] for c in wide.values()), wide)
                check(f"{title}: a launch gives them their memory", re.search(r"\.extern \.shared \.align 1024 \.b8 attune_block_memory\[\]", text), text[:300])
                check("info lists the kernels of the PTX", listed and sorted(listed[1].split()) == sorted(found), f"{listed and listed[1]}\n{list(found)}\n{errors}")
            else:
                check(f"{title}: no products of warp groups", not wide and not any(c["wgmma.mma_async"] for c in found.values()), found)
            if ptxas:
                made = ptx.assemble(ptxas, text, chip)
                check(f"{title}: no kernel spills", made.keys() == found.keys() and not any(each.spills or each.stack for each in made.values()),
                      {name: each for name, each in made.items() if each.spills or each.stack} or made.keys() ^ found.keys())


def test_warp_groups():
    """Products of several tiles and of more steps than there are stages, on the emulated device: what warp groups make of them is what subgroups do."""
    with open(os.path.join(SOURCE, "examples", "mixture.yaml")) as file:
        text = re.sub(r"  - at: 0\n.*?  - at: 1-3", "  - at: 0", file.read(), flags=re.S)
    for old, new in (("hidden: 64", "hidden: 416"), ("size: 48", "size: 336"), ("size: 96", "size: 720")):
        assert old in text, old
        text = text.replace(old, new)
    with open(os.path.join(WORK, "wide_mixture.yaml"), "w") as out:
        out.write(text)
    program, ids = os.path.join(WORK, "wide_mixture"), [(7 * i * i + i) % 300 for i in range(200)]
    code, _, errors = call(COMPILE, "wide_mixture.yaml", "--target=cuda", "--chip=sm_80,sm_90a", "--emulate", "--quantize=bf16", "--activations=bf16", "-o", program)
    check("a wide mixture for two chips", code == 0, errors)
    logits = {}
    for chip in ptx.CHIPS:
        os.environ["ATTUNE_DEVICE"] = f"emulate:{chip}"
        code, errors, tensors = run(program, ids)
        logits[chip] = floats(tensors["logits"]) if code == 0 else ()
        code, said, errors = call(program, "run", os.path.join(WORK, "in.safetensors"), "-o", os.path.join(WORK, "again.safetensors"), "--stats")
        del os.environ["ATTUNE_DEVICE"]
        check(f"its experts on {chip}", code == 0 and ("_experts_sm_90a_" in said) == (chip == "sm_90a"), errors + said[-500:])
    one, other = logits.values()
    check("warp groups multiply as subgroups do", len(one) == len(other) == 200 * 300 and max(abs(a - b) for a, b in zip(one, other)) < 1e-4 and max(map(abs, one)) > 1, (one[:3], other[:3]))
