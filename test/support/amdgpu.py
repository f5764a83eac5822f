# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What can be known of kernels for AMD's GPUs without one: the code objects that a program holds, as LLVM reads them."""
import ctypes
import dataclasses
import re
import struct
import subprocess

MACHINE = 224             # EM_AMDGPU
BLOCK_MEMORY = 64 << 10   # the most that a block can have
WAVEFRONT = 64            # work items that run as one, on gfx9


@dataclasses.dataclass
class Kernel:
    """As its code object describes it."""
    arguments: list   # (offset, size)
    block: list       # work items that it requires of a block, x, y, z
    most: int         # work items of a block that it is made for
    memory: int       # bytes of the block's memory
    own: int          # bytes of each work item's
    wavefront: int


def is_installed():
    """Whether programs find HIP here."""
    for name in ("libamdhip64.so.7", "libamdhip64.so.6", "libamdhip64.so"):
        try:
            return bool(ctypes.CDLL(name))
        except OSError:
            pass
    return False


def code_objects(program):
    """The ELF files for AMD's GPUs that a program holds, in their order. The linker puts section headers last."""
    with open(program, "rb") as file:
        data = file.read()
    found = []
    for match in re.finditer(rb"\x7fELF\x02", data):
        header = data[match.start():match.start() + 64]
        if len(header) == 64 and struct.unpack_from("<H", header, 18)[0] == MACHINE:
            sections, = struct.unpack_from("<Q", header, 40)
            size, count = struct.unpack_from("<HH", header, 58)
            found.append(data[match.start():match.start() + sections + size * count])
    return found


def describe(readelf, path):
    """(header's text, names of what is defined, names of what is not, {kernel: Kernel})"""
    text = subprocess.run([readelf, "--file-header", "--dyn-syms", "--notes", path], capture_output=True, text=True, check=True).stdout
    symbols = re.findall(r"^ *\d+: [0-9a-f]{16} .* (\S+) (\S+)$", text, re.M)
    kernels = {}
    for part in re.split(r"^  - (?=\.agpr_count)", text.partition("amdhsa.kernels:")[2], flags=re.M)[1:]:
        number = lambda name: int(re.search(rf"^ *\.{name}: *(\d+)$", part, re.M)[1])
        arguments = re.findall(r"\.offset: *(\d+)\n *\.size: *(\d+)", part)
        block = re.search(r"\.reqd_workgroup_size:((?:\n *- \d+)+)", part)
        kernels[re.search(r"^ *\.name: *(\w+)$", part, re.M)[1]] = Kernel(
            [(int(offset), int(size)) for offset, size in arguments], [int(x) for x in re.findall(r"\d+", block[1])] if block else [],
            number("max_flat_workgroup_size"), number("group_segment_fixed_size"), number("private_segment_fixed_size"), number("wavefront_size"))
    return text.partition("Symbol table")[0], {name for at, name in symbols if at != "UND"}, {name for at, name in symbols if at == "UND"}, kernels
