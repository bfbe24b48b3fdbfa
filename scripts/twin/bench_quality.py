"""Validation loss against wall-clock time, of Myna and of the PyTorch twin: same corpus, initial weights, segments,
latencies, schedule and validation, at the same time on one core each. Started by scripts/bench-quality."""

import argparse
import os
import signal
import statistics
import subprocess
import tempfile
import time

import matplotlib
import numpy as np
import torch

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

from . import rng  # noqa: E402
from .bench_training import CODE_WIDTH, SPEAKER_STEPS, STEPS  # noqa: E402
from .measure import processor  # noqa: E402
from .network import BEST, CONTENT_IN, MEL_BANDS, PITCH_IN, SPEAKER_IN, STEP_FRAMES, Network  # noqa: E402
from .training import Trainer  # noqa: E402

BATCH, CODE_NOISE, SEED, VALIDATION_BATCHES, LOG_STEPS, N_STEPS = 24, 0.1, 0, 4, 100, 100000
WIDTHS = [CONTENT_IN, SPEAKER_IN, PITCH_IN, STEP_FRAMES * MEL_BANDS, CODE_WIDTH, STEP_FRAMES * MEL_BANDS]
LATENCIES = [0, 1, 2, 2]  # drawn for each step, as src/pipeline/train.c does


class Segments:
    """Batches from bench_segments, made in a process of its own on the same core."""

    def __init__(self, program, corpus, cache, seed, group):
        arguments = [program, corpus, cache, seed, group, BATCH, CODE_WIDTH, CODE_NOISE]
        self.process = subprocess.Popen([str(a) for a in arguments], stdout=subprocess.PIPE, bufsize=1 << 24)

    def next(self):
        arrays = []
        for i, width in enumerate(WIDTHS):
            arrays.append(self.read(BATCH, SPEAKER_STEPS if i == 1 else STEPS, width))
        is_known, reference = self.read(BATCH), self.read(BATCH)
        return [*arrays[:5], is_known, reference], arrays[5]

    def read(self, *shape):
        data = self.process.stdout.read(4 * int(np.prod(shape)))
        return torch.from_numpy(np.frombuffer(data, np.float32).reshape(shape).copy())

    def close(self):
        self.process.kill()
        self.process.wait()


def validate(trainer, batches):
    """L1 of the averaged weights."""
    kept = [p.detach().clone() for p in trainer.parameters]
    with torch.no_grad():
        for p, average in zip(trainer.parameters, trainer.average):
            p.copy_(average)
        losses = [(trainer.network(*batch, BEST) - target).abs().mean().item() for batch, target in batches]
        for p, value in zip(trainer.parameters, kept):
            p.copy_(value)
    return statistics.mean(losses)


def train_twin(program, corpus, cache, seconds):
    """[(seconds, validation L1)]"""
    torch.set_num_threads(1)
    network = Network(CODE_WIDTH)
    with torch.no_grad():
        network.init(SEED)
    trainer = Trainer(network, n_steps=N_STEPS)
    held_out = Segments(program, corpus, cache, 0, 1)
    validation = [held_out.next() for _ in range(VALIDATION_BATCHES)]
    held_out.close()
    segments, curve = Segments(program, corpus, cache, SEED, 0), []
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        step = trainer.n_done
        bits = rng.draw(~SEED & rng.MASK, [step], 1)
        trainer.step(*segments.next(), LATENCIES[int(bits[0, 0]) >> 30])
        if trainer.n_done % LOG_STEPS == 0:
            curve.append((time.monotonic() - start, trainer.n_done, validate(trainer, validation)))
            print(f"PyTorch: step {trainer.n_done}, {curve[-1][0]:.0f} s, {curve[-1][2]:.4f}", flush=True)
    segments.close()
    return curve


def read_table(path):
    with open(path) as file:
        names, *lines = (line.rstrip("\n").split("\t") for line in file)
    rows = [dict(zip(names, line)) for line in lines]
    return [(float(r["seconds"]), int(r["step"]), float(r["validation_l1"])) for r in rows if r["validation_l1"]]


def draw(path, curves, title):
    plt.rcParams["svg.hashsalt"] = "myna"
    figure, axes = plt.subplots(figsize=(7, 4))
    for name, curve in curves.items():
        axes.plot([s / 60 for s, _, _ in curve], [loss for _, _, loss in curve], marker=".", label=name)
    axes.set(xlabel="minutes", ylabel="validation L1, normalised log-mel", title=title)
    least = min(loss for curve in curves.values() for _, _, loss in curve)
    axes.set_ylim(0.97 * least, 1.5 * least)  # the first minute's fall would hide the rest
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench-quality")
    parser.add_argument("corpus")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--cache", default=os.path.expanduser("~/.cache/myna"))
    parser.add_argument("-o", "--output", default="tests/bench/quality", help="gets .svg and .tsv")
    a = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        command = ["build/release/myna", "train", a.corpus, "-o", f"{folder}/myna.safetensors", "--threads", 1]
        command += ["--single-precision", "--self-conversion", 0]  # as the twin: in float32, nothing converted
        command += ["--log-steps", LOG_STEPS, "--steps", N_STEPS, "--seed", SEED, "--cache", a.cache, "-q"]
        myna = subprocess.Popen(["taskset", "-c", str(cores[0]), *map(str, command)])
        os.sched_setaffinity(0, cores[-1:])
        twin = train_twin("build/release/tests/bench_segments", a.corpus, a.cache, 60 * a.minutes)
        myna.send_signal(signal.SIGINT)
        myna.wait()
        curves = {"Myna": read_table(f"{folder}/myna.tsv"), "PyTorch": twin}
    title = f"One core each of {processor()}"
    draw(a.output + ".svg", curves, title)
    with open(a.output + ".tsv", "w") as file:
        file.write("program\tseconds\tstep\tvalidation_l1\n")
        for name, curve in curves.items():
            file.writelines(f"{name}\t{s:.1f}\t{step}\t{loss:.5f}\n" for s, step, loss in curve)
    for name, curve in curves.items():
        print(f"{name}: {curve[-1][1]} steps in {curve[-1][0]:.0f} s, validation L1 {curve[-1][2]:.4f}")


if __name__ == "__main__":
    main()
