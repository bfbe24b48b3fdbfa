"""Myna's speed side by side with what people use, in one run; writes tests/bench/RESULTS.md. Started by scripts/bench."""

import argparse
import datetime
import importlib.metadata
import os
import statistics
import sys
import tempfile

import torch

from . import bench_parts, bench_training
from .measure import Myna, in_units, processor, spread

PARTS = ("mel", "griffin-lim", "network", "program", "training", "phase", "length", "live")


def table(rows):
    lines = ["| work | against | theirs: least, median | Myna: least, median | ratio of least, of medians | to reach |"]
    lines.append("|---|---|---|---|---|---|")
    for work, other, theirs, ours, reach in rows:
        least = min(theirs) / min(ours)
        median = statistics.median(theirs) / statistics.median(ours)
        lines.append(f"| {work} | {other} | {spread(theirs)} | {spread(ours)} | **{least:.2f}**, {median:.2f} | {reach} |")
    return lines


def versions():
    names = ("torch", "torchaudio", "librosa", "onnxruntime", "numpy")
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)


def products_cells(figures, n):
    step, share, inside, alone = (
        figures[f"{what}_{n}_threads"] for what in ("training_step", "gemm_share", "gemm_gflops", "gemm_gflops_alone")
    )
    speeds = f"{inside:.1f} | {alone:.1f} ({100 * inside / alone:.0f} %) | {figures['gemm_gflops_square']:.1f}"
    return f"{in_units(step['least'])} | {share:.1f} % | {speeds}"


def training_lines(myna, rounds):
    """The step's rows for the table, and its products."""
    result, lines = [], []
    measured = bench_training.measure_rounds(myna, 24, rounds)
    others = {"single": "PyTorch", "bfloat16": "PyTorch, autocast"}
    lines.append("| products in | threads | step, least | inside products | GFLOP/s in the step | alone | sgemm, 1024^3 |")
    lines.append("|---|---|---|---|---|---|---|")
    for precision, options in bench_training.PRECISIONS.items():
        figures = myna.figures("training", "--runs", rounds, *options)
        for n in bench_training.THREADS:
            theirs, ours = ([r[what, precision, n] for r in measured] for what in ("torch", "myna"))
            work = f"training step, batch 24, {precision}, {n} thread{'s' * (n > 1)}"
            result.append((work, others[precision], theirs, ours, 1.5))
            lines.append(f"| {precision} | {n} | {products_cells(figures, n)} |")
    return result, lines


def live_lines(myna):
    figures = myna.figures("live")
    lines = ["| block | p50 | p95 | p99 | max |", "|---|---|---|---|---|"]
    for ms in (5, 10, 20):
        shares = figures[f"live_{ms}_ms"]
        lines.append(f"| {ms} ms | " + " | ".join(f"{shares[key]:.3f}" for key in ("p50", "p95", "p99", "max")) + " |")
    return lines + ["", f"Recommended: `--block {figures['recommended_block_ms']}`."]


def dev_clips(corpus, n):
    """n recordings of 2 to 16 s, spread over the speakers held out."""
    with open(f"{corpus}/manifest.tsv") as file:
        names, *lines = (line.rstrip("\n").split("\t") for line in file)
    lines = [dict(zip(names, line)) for line in lines]
    found = [line["path"] for line in lines if line["split"] == "dev" and 2 <= float(line["seconds"]) < 16]
    return [f"{corpus}/{found[i * len(found) // n]}" for i in range(n)] if len(found) >= n else []


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="what to measure (all)")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--corpus", help="with manifest.tsv: for Griffin-Lim's start phases")
    parser.add_argument("--five-hours", action="store_true", help="convert a recording of five hours, too")
    parser.add_argument("-o", "--output", default="tests/bench/RESULTS.md")
    arguments = parser.parse_args()
    parts = arguments.parts or PARTS
    build, model, recording, target = (
        "build/release", "pretrained/myna.safetensors", "samples/source.flac", "samples/female.flac"
    )
    program = f"{build}/myna"
    myna = Myna(program, model, recording)
    cores = sorted(os.sched_getaffinity(0))
    torch.set_num_threads(1)
    os.sched_setaffinity(0, cores[-1:])  # and all children

    results, notes, sections = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        one_thread = {
            "mel": lambda: bench_parts.log_mel(myna, recording, arguments.runs),
            "griffin-lim": lambda: bench_parts.griffin_lim(myna, recording, arguments.runs),
            "network": lambda: bench_parts.network(myna, model, arguments.runs),
            "program": lambda: bench_parts.program(
                program, sys.executable, model, recording, target, folder, arguments.runs
            ),
        }
        for part, measure in one_thread.items():
            if part in parts:
                print(part, file=sys.stderr, flush=True)
                found, noted = measure()
                results += found
                notes += noted
        if "phase" in parts and arguments.corpus:
            print("phase", file=sys.stderr, flush=True)
            clips = dev_clips(arguments.corpus, 24)
            sections.append(("Griffin-Lim from pulse phase, to the same spectral convergence",
                             bench_parts.phase(f"{build}/tests/bench_phase", clips) + ["", f"{len(clips)} clips of "
                             "speakers held out; magnitudes from log-mel and back. To reach: a share of 0.25."]))
        if "length" in parts:
            print("length", file=sys.stderr, flush=True)
            lengths = [10, 60, 600, 3600] + [18000] * arguments.five_hours
            sections.append(("Cost against length, `myna convert` on one core", bench_parts.lengths(
                program, model, recording, target, folder, arguments.runs, lengths)))
        if "live" in parts:
            print("live", file=sys.stderr, flush=True)
            sections.append(("Live: time to convert a block, over the block", live_lines(myna)))
        os.sched_setaffinity(0, cores[:2])
        if "training" in parts:
            print("training", file=sys.stderr, flush=True)
            found, lines = training_lines(myna, arguments.runs)
            results += found
            sections.insert(0, ("Matrix products in the training step", lines))

    command = "scripts/bench " + " ".join(sys.argv[1:])
    lines = ["# How fast Myna is", "", f"`{command.strip()}`, {datetime.date.today()}: {processor()}"
             f" ({torch.backends.cpu.get_cpu_capability()}); {versions()}.", "",
             f"Everything once to warm up, then {arguments.runs} rounds in turns, one thread on one core unless said "
             "otherwise. A ratio of 2 means that Myna takes half the time.", "", *table(results), ""]
    for note in notes:
        lines += [note, ""]
    for title, body in sections:
        lines += [f"## {title}", "", *body, ""]
    text = "\n".join(lines)
    print(text)
    with open(arguments.output, "w") as file:
        file.write(text)


if __name__ == "__main__":
    main()
