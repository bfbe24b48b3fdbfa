#!/usr/bin/env python3
"""Writes the seeds of tests/fuzz/corpus, with a checksum of its own making (src/base/file.c has the other one)."""
import json
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent / "corpus"
MASK = (1 << 64) - 1


def checksum(data):
    value = 0xCBF29CE484222325
    whole = len(data) // 8
    for word in struct.unpack(f"<{whole}Q", data[: 8 * whole]) + tuple(data[8 * whole :]):
        value = ((value ^ word) * 0x9E3779B97F4A7C15) & MASK
        value ^= value >> 32
    return f"{value:016x}"


def frame(header, data):
    header = header.encode()
    whole = struct.pack("<Q", len(header)) + header + data
    if whole[37:53] != b"0" * 16:
        return whole
    return whole[:37] + checksum(whole).encode() + whole[53:]


def tensor_file(form, tensors, facts=()):
    """tensors: (name, dtype, shape, values)"""
    header = {"__metadata__": {"checksum": "0" * 16, "format": form, "format_version": "1", **dict(facts)}}
    data = b""
    for name, dtype, shape, values in tensors:
        packed = struct.pack(f"<{len(values)}{'f' if dtype == 'F32' else 'e'}", *values)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    return frame(json.dumps(header, separators=(",", ":")), data)


def voice(model_id, n_frames):
    scalars = {"speech_level_db": -20, "duration_seconds": 3, "speech_seconds": 2, "voiced_seconds": 1,
               "log_f0_mean": 5, "log_f0_deviation": 0.2, "f0_low_hz": 90, "f0_high_hz": 200}
    tensors = [("embedding", "F16", [128], [0.5] * 128)]
    tensors += [("profile." + name, "F32", [], [value]) for name, value in scalars.items()]
    for name in ("profile.bands", "reconstruction"):
        tensors += [(name + ".mean", "F16", [256], [-1.5] * 256), (name + ".deviation", "F16", [256], [0.5] * 256)]
    if n_frames:
        tensors += [("f0_hz", "F32", [n_frames], [120.0] * n_frames),
                    ("log_mel", "F16", [n_frames, 256], [-1.0] * (256 * n_frames))]
    return tensor_file("myna-voice", tensors, {"model_id": model_id})


def main():
    one = ("a", "F32", [1], [1.5])
    seeds = {
        "tensor_file/empty": tensor_file("myna-test", []),
        "tensor_file/scalar": tensor_file("myna-test", [("a", "F32", [], [1.5])]),
        "tensor_file/unaligned": tensor_file("myna-test", [("h", "F16", [3], [1, 2, 3]), ("b.c", "F32", [1, 2], [4, 5])]),
        "tensor_file/no_elements": tensor_file("myna-test", [("none", "F32", [0, 9], []), one]),
        "tensor_file/facts": tensor_file("myna-test", [one], {"note": 'a "b" \\ \u00fc \n c', "steps": "12"}),
        "tensor_file/infinite": tensor_file("myna-test", [("a", "F16", [2], [1, float("inf")])]),
        "tensor_file/foreign": struct.pack("<Q", 72)
        + b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'.ljust(72) + bytes(4),
        "tensor_file/overlap": frame(
            '{"__metadata__":{"checksum":"0000000000000000","format":"f","format_version":"1"},'
            '"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
            bytes(4)),
        # found by libFuzzer: a line feed that came through into an error message
        "tensor_file/broken_line": frame('{"__metadata__":{"checksum":"0000000\\n0000000","format":"f"}}', bytes(16)),
        "voice_file/mixed": voice("0123456789abcdef", 0),
        "voice_file/mixed_elsewhere": voice("00000000000000aa", 0),
        "voice_file/heard": voice("0123456789abcdef", 1),
        "voice_file/heard_elsewhere": voice("00000000000000aa", 4),
    }
    for name, content in seeds.items():
        (HERE / name).parent.mkdir(parents=True, exist_ok=True)
        (HERE / name).write_bytes(content)


if __name__ == "__main__":
    main()
