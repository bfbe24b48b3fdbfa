"""Segments a second that Myna's trainer and its PyTorch twin reach, side by side in one run.

usage: bench-training [--rounds N] [--batch N] MYNA

Both take whole optimiser steps on prepared batches, in single precision, and with the factors of matrix products rounded
to bfloat16: PyTorch under autocast, Myna as it trains by default where the processor has such products. Each round
measures everything once, in turns, so that whatever else the machine does meets all alike; figures are medians over
rounds, ratios are formed within a round. On a busy machine two threads that must wait for each other often, as PyTorch's
do, slow down more than their share.
"""

import argparse
import statistics
import sys
import time

import torch

from .measure import Myna, processor, timed
from .network import BEST, CONTENT_IN, MEL_BANDS, PITCH_IN, SPEAKER_IN, STEP_FRAMES, Network
from .training import Trainer

STEPS, SPEAKER_STEPS, CODE_WIDTH = 64, 64, 16  # MYNA_SEGMENT_STEPS, MYNA_REFERENCE_STEPS
THREADS = (1, 2)
PRECISIONS = {"single": ["--single-precision"], "bfloat16": []}  # options of myna bench
REPETITIONS = 2  # steps in one measurement, after one to warm up; the faster one counts


class Twin:
    def __init__(self, batch):
        network = Network(CODE_WIDTH)
        with torch.no_grad():
            network.init(1)
        self.trainer = Trainer(network)
        shapes = [(STEPS, CONTENT_IN), (SPEAKER_STEPS, SPEAKER_IN), (STEPS, PITCH_IN)]
        shapes += [(STEPS, STEP_FRAMES * MEL_BANDS), (STEPS, CODE_WIDTH)]
        self.batch = [torch.randn(batch, *shape) for shape in shapes] + [torch.ones(batch)] * 2
        self.target = torch.randn(batch, STEPS, STEP_FRAMES * MEL_BANDS)

    def seconds(self, precision, n_threads):
        torch.set_num_threads(n_threads)
        step = timed(lambda: self.trainer.step(self.batch, self.target, BEST, precision == "bfloat16"))
        step()
        return min(step() for _ in range(REPETITIONS))


def myna_seconds(myna, batch, precision):
    """{(what, precision, threads): seconds of the faster of two}"""
    arguments = ["--threads", THREADS[-1], "--runs", REPETITIONS, "--batch", batch, *PRECISIONS[precision]]
    figures = myna.figures("training", *arguments)
    names = {"myna": "training_step", "gemm": "training_products"}
    return {(what, precision, n): figures[f"{name}_{n}_threads"]["least"] for what, name in names.items() for n in THREADS}


def measure(myna, twin, batch):
    """One round: {(what, precision, threads): seconds}. The pauses let threads that still spin go to sleep."""
    seconds = {}
    for precision in PRECISIONS:
        time.sleep(0.25)
        seconds |= myna_seconds(myna, batch, precision)
        for n in THREADS:
            seconds["torch", precision, n] = twin.seconds(precision, n)
            time.sleep(0.25)
    return seconds


def measure_rounds(myna, batch, rounds):
    twin, result = Twin(batch), []
    measure(myna, twin, batch)  # first touches of memory
    for i in range(rounds):
        result.append(measure(myna, twin, batch))
        seconds = "  ".join(f"{what} {precision} {n}: {s:.3f}" for (what, precision, n), s in result[-1].items())
        print(f"round {i + 1}, seconds a step: {seconds}", file=sys.stderr, flush=True)
    return result


def spread(values):
    return f"{statistics.median(values):6.2f} {min(values):6.2f} {max(values):6.2f}"


def report(rounds, batch, precision):
    def rate(what, n):
        return batch / statistics.median(r[what, precision, n] for r in rounds)

    print(f"{precision}, segments a second".ljust(32) + f"{'Myna':>8}{'PyTorch':>9}    Myna / PyTorch: median, least, most")
    for n in THREADS:
        ratios = [r["torch", precision, n] / r["myna", precision, n] for r in rounds]
        threads = f"{n} thread{'s' * (n > 1)}"
        print(f"  {threads:30}{rate('myna', n):8.1f}{rate('torch', n):9.1f}    {spread(ratios)}")
    one, many = THREADS[0], THREADS[-1]
    scaling = {
        what: [r[what, precision, one] / r[what, precision, many] for r in rounds] for what in ("myna", "torch", "gemm")
    }
    print(f"from {one} to {many} threads, times as fast: median, least, most")
    for what, name in {"myna": "Myna's step", "gemm": "its products alone", "torch": "PyTorch's step"}.items():
        print(f"  {name:22}{spread(scaling[what])}")
    kept = [a / b for a, b in zip(scaling["myna"], scaling["gemm"])]
    print(f"  {'Myna / products':22}{spread(kept)}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batch", type=int, default=24)
    arguments = parser.parse_args()
    myna = Myna(arguments.program, "pretrained/myna.safetensors", "samples/source.flac")
    print(f"{processor()}; PyTorch {torch.__version__} ({torch.backends.cpu.get_cpu_capability()})")
    print(f"batch {arguments.batch}, {arguments.rounds} rounds, in each the faster of {REPETITIONS} steps", flush=True)
    rounds = measure_rounds(myna, arguments.batch, arguments.rounds)
    for precision in PRECISIONS:
        report(rounds, arguments.batch, precision)


if __name__ == "__main__":
    main()
