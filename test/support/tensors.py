# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reads and writes safetensors files of plain numbers, with nothing but Python's own library."""
import array
import dataclasses
import json
import struct
import sys

CODES = {"F64": "d", "F32": "f", "I64": "q", "I32": "i", "U8": "B"}


@dataclasses.dataclass
class Tensor:
    shape: list
    values: array.array  # row by row

    def rows(self):
        """The last dimension's rows, in order."""
        size = self.shape[-1]
        return [self.values[i:i + size] for i in range(0, len(self.values), size)]


def load(path):
    """Name to Tensor. Only the types in CODES."""
    assert sys.byteorder == "little"
    with open(path, "rb") as file:
        content = file.read()
    length, = struct.unpack_from("<Q", content)
    header = json.loads(content[8:8 + length])
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            values = array.array(CODES[entry["dtype"]], content[8 + length + begin:8 + length + end])
            tensors[name] = Tensor(entry["shape"], values)
    return tensors


def save_ids(path, tensors):
    """Writes tensors as I64."""
    save(path, {name: Tensor(tensor.shape, array.array("q", tensor.values)) for name, tensor in tensors.items()})


def save(path, tensors):
    """Writes tensors as their arrays' types say."""
    names = {code: name for name, code in CODES.items()}
    header, data = {}, b""
    for name, tensor in tensors.items():
        packed = tensor.values.tobytes()
        header[name] = {"dtype": names[tensor.values.typecode], "shape": tensor.shape, "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)
