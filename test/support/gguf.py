# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes GGUF files of f32 tensors, with nothing but Python's own library."""
import struct

ALIGNMENT = 32
U8, U32, I32, F32, BOOL, STRING, ARRAY = 0, 4, 5, 6, 7, 8, 9


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def listed(values):
    """Bytes, or a list whose first element's type is that of all."""
    if isinstance(values, bytes):
        return struct.pack("<IQ", U8, len(values)) + values
    if isinstance(values[0], str):
        return struct.pack("<IQ", STRING, len(values)) + b"".join(map(text, values))
    kind, code = (I32, "i") if isinstance(values[0], int) else (F32, "f")
    return struct.pack(f"<IQ{len(values)}{code}", kind, len(values), *values)


def entry(key, value):
    """A key with its value, of the type that Python's value has."""
    if isinstance(value, (list, bytes)):
        return text(key) + struct.pack("<I", ARRAY) + listed(value)
    if isinstance(value, bool):
        return text(key) + struct.pack("<IB", BOOL, value)
    if isinstance(value, int):
        return text(key) + struct.pack("<II", U32, value)
    if isinstance(value, float):
        return text(key) + struct.pack("<If", F32, value)
    return text(key) + struct.pack("<I", STRING) + text(value)


def save(path, metadata, tensors):
    """`metadata`: key to value; `tensors`: name to Tensor, rows first."""
    head = b"".join(entry(key, value) for key, value in metadata.items())
    data = bytearray()
    for name, tensor in tensors.items():
        data += bytes(-len(data) % ALIGNMENT)
        sizes = tensor.shape[::-1]
        head += text(name) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, 0, len(data))
        data += tensor.values.tobytes()
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata)) + head
    with open(path, "wb") as file:
        file.write(head + bytes(-len(head) % ALIGNMENT) + data)
