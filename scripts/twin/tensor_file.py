"""Reads and writes Myna's safetensors files (src/model/tensor_file.h) with numpy alone."""

import json
import struct

import numpy as np

DTYPES = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2")}
ZERO_CHECKSUM = b"0" * 16


def read(path):
    """({name: float32 array}, {key: fact})"""
    with open(path, "rb") as file:
        data = file.read()
    (header_bytes,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + header_bytes])
    facts = header.pop("__metadata__", {})
    tensors = {}
    for name, item in header.items():
        begin, end = (8 + header_bytes + offset for offset in item["data_offsets"])
        values = np.frombuffer(data[begin:end], DTYPES[item["dtype"]])
        tensors[name] = values.reshape(item["shape"]).astype(np.float32)
    return tensors, facts


def _hash(data):
    """myna_hash: over whole words of 8 bytes, then over the bytes that are left."""
    words = np.frombuffer(data[: len(data) // 8 * 8], "<u8").tolist() + list(data[len(data) // 8 * 8 :])
    value = 0xCBF29CE484222325
    for word in words:
        value = ((value ^ word) * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
        value ^= value >> 32
    return value


def write(path, file_format, tensors, facts):
    """Stores each array in its own precision, float16 or otherwise float32. Facts are strings; those that every file
    has, such as another file's checksum, are passed over."""
    stored = {k: np.asarray(v, "<f2" if v.dtype == np.float16 else "<f4", order="C") for k, v in tensors.items()}
    metadata = {"checksum": ZERO_CHECKSUM.decode(), "format": file_format, "format_version": "1"}
    header, offset = {"__metadata__": metadata | {k: v for k, v in facts.items() if k not in metadata}}, 0
    for name, values in stored.items():
        header[name] = {
            "dtype": "F16" if values.dtype == np.float16 else "F32",
            "shape": list(values.shape),
            "data_offsets": [offset, offset + values.nbytes],
        }
        offset += values.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    data = struct.pack("<Q", len(text)) + text + b"".join(values.tobytes() for values in stored.values())
    data = data.replace(ZERO_CHECKSUM, b"%016x" % _hash(data), 1)
    with open(path, "wb") as file:
        file.write(data)
