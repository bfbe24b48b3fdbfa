"""Writes what tests/test_parity.c compares Myna with: outputs, gradients and ten training steps of the twin, in double
precision, on parameters and inputs that both sides draw from Myna's generator.

usage: dump-parity OUT.safetensors

Of gradients and parameters only a sketch of each tensor is stored: 8 sums of its values with random signs, and its
norm. If the signed sums of two tensors agree to a small part of the norm, so do the tensors.
"""

import sys

import numpy as np
import torch

from . import rng, tensor_file
from .network import BALANCED, BEST, CONTENT_IN, LOW, MEL_BANDS, PITCH_IN, SPEAKER_IN, STEP_FRAMES, Network
from .training import Trainer, loss_parts

CODE_WIDTH, ITEMS, STEPS, SPEAKER_STEPS = 16, 3, 64, 64  # steps as in training: MYNA_SEGMENT_STEPS ...
N_TRAINING_STEPS, RATE = 10, 0.3  # at warm-up's start, so 0.0015 to 0.015
STEP_STRIDE = 21  # of the outputs that are stored in full: steps 0, 21, 42, 63
PARAMETER_SEED, CHANGE_SEED, INPUT_SEED = 1, 2, 3
LATENCIES = {"low": LOW, "balanced": BALANCED, "best": BEST}


def draw_parameters(network):
    """Initial values, but what starts at zero, one or a small gain, and would hide most of the network from the loss,
    is moved by random values: stream (CHANGE_SEED, number of the tensor)."""
    network.init(PARAMETER_SEED)
    state = network.state_dict()
    places = {}
    for i, name in enumerate(network.tensor_names()):
        values = state[name]
        if not name.startswith("front.") and (values == values.flatten()[0]).all():
            places[i] = name
    most = max(state[name].numel() for name in places.values())
    bits = rng.draw(CHANGE_SEED, list(places), 2 * most)
    for row, name in zip(bits, places.values()):
        x = state[name]
        first = x.flatten()[0].item()
        start = 0.5 if name.endswith("gain") else first
        noise = rng.normal(row[: 2 * x.numel()])
        x.copy_(torch.from_numpy(np.float32(start) + np.float32(0.1) * noise).view(x.shape))


def draw_inputs():
    """Stream (INPUT_SEED, j) for array j. Targets of 100, 200 or 300, never the same in two frames running, and negative
    in odd bands: so far from the outputs that no rounding turns a sign of the L1 loss, and so one-sided that gradients
    grow beyond the limit at which they are clipped."""
    widths = [CONTENT_IN, SPEAKER_IN, PITCH_IN, STEP_FRAMES * MEL_BANDS, CODE_WIDTH]
    scales = [1, 1, 0.5, 1, 0.1]
    n_target = ITEMS * STEPS * STEP_FRAMES * MEL_BANDS
    bits = rng.draw(INPUT_SEED, range(6), 2 * n_target)
    inputs = []
    for j, (width, scale) in enumerate(zip(widths, scales)):
        shape = (ITEMS, SPEAKER_STEPS if j == 1 else STEPS, width)
        values = np.float32(scale) * rng.normal(bits[j][: 2 * np.prod(shape)])
        inputs.append(torch.from_numpy(values.reshape(shape)).double())
    turns = (1 + (bits[5][:n_target] % 2)).reshape(ITEMS, STEPS * STEP_FRAMES, MEL_BANDS).astype(np.int64)
    target = (100.0 + 100.0 * (np.cumsum(turns, axis=1) % 3)) * (1 - 2 * (np.arange(MEL_BANDS) % 2))
    inputs.append(torch.tensor([1.0, 1.0, 0.0]).double())  # of the third nobody knows who speaks
    inputs.append(torch.tensor([1.0, 0.0, 1.0]).double())  # the second item does without its reference
    return inputs, torch.from_numpy(target.reshape(ITEMS, STEPS, -1))


def sketch(values, number):
    """[9]: sums with the signs of 8 hash bits of (index, number), then the norm. MurmurHash3's finaliser is the hash."""
    x = values.detach().double().flatten().numpy()
    h = np.arange(x.size, dtype=np.uint32) * np.uint32(0x9E3779B1)
    h ^= np.uint32((number * 0x85EBCA6B) & 0xFFFFFFFF)
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    h ^= h >> np.uint32(16)
    sums = [np.where((h >> np.uint32(bit)) & 1, x, -x).sum() for bit in range(8)]
    return np.array(sums + [np.sqrt((x * x).sum())])


def sketches(tensors):
    return np.stack([sketch(values, i) for i, values in enumerate(tensors)])


def dump_latency(dump, name, network, names, inputs, target):
    out = network(*inputs, LATENCIES[name])
    l1, difference = loss_parts(out, target)
    network.zero_grad()
    (l1 + 0.5 * difference).backward()
    parameters = dict(network.named_parameters())
    dump[f"{name}.out"] = out.detach()[:, ::STEP_STRIDE].numpy()
    dump[f"{name}.out_sketch"] = sketches(out)
    dump[f"{name}.loss"] = np.array([(l1 + 0.5 * difference).item(), l1.item()])
    dump[f"{name}.gradients"] = sketches(parameters[tensor].grad for tensor in names)
    check_margin(out, target)


def check_margin(out, target):
    error = (out - target).reshape(ITEMS, -1, MEL_BANDS)
    margin = min(error.abs().min().item(), (error[:, 1:] - error[:, :-1]).abs().min().item())
    assert margin > 1, f"an output is within {margin:.3f} of its target: signs could differ"


def dump_training(dump, network, names, inputs, target):
    parameters = dict(network.named_parameters())
    before = {name: parameters[name].detach().clone() for name in names}
    trainer = Trainer(network, rate=RATE)
    dump["steps.report"] = np.array([trainer.step(inputs, target, i % 3) for i in range(N_TRAINING_STEPS)])
    average = dict(zip((name for name, _ in network.named_parameters()), trainer.average))
    dump["steps.parameters"] = sketches(parameters[name] - before[name] for name in names)
    dump["steps.average"] = sketches(average[name] - before[name] for name in names)
    check_margin(network(*inputs, BEST), target)


def main():
    torch.set_num_threads(1)
    network = Network(CODE_WIDTH)
    draw_parameters(network)
    network.double()
    names = [name for name in network.tensor_names() if not name.startswith("front.")]
    inputs, target = draw_inputs()
    dump = {}
    for latency in LATENCIES:
        dump_latency(dump, latency, network, names, inputs, target)
    dump_training(dump, network, names, inputs, target)
    tensor_file.write(sys.argv[1], "myna-parity", dump, {"tensors": " ".join(names), "torch": torch.__version__})


if __name__ == "__main__":
    main()
