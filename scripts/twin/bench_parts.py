"""Myna's parts against what people use for the same: one thread each. Every function returns rows for the table:
(work, against, their seconds of each round, Myna's seconds of each round, the ratio to reach)."""

import io
import re

import librosa
import numpy as np
import onnxruntime
import soundfile
import torch

torch.version.cuda = None  # all runs on the CPU, and torchaudio must not mind which CUDA each was built for
import torchaudio  # noqa: E402

from .measure import Used, alternate, timed
from .network import CONTENT_IN, MEL_BANDS, PITCH_IN, STEP_FRAMES, Network
from .streaming import Converter, no_past

RATE, FFT, WINDOW, HOP = 16000, 1024, 800, 200
STEPS, TARGET_STEPS = 400, 200  # 10 s; 5 s of the target to look things up in, as myna bench has


def speech(recording, seconds):
    samples, rate = soundfile.read(recording, dtype="float32")
    assert rate == RATE
    return np.resize(samples, seconds * RATE)


def rows(work, seconds, reach):
    return [(work, other, seconds[other], seconds["Myna"], reach[other]) for other in seconds if other != "Myna"]


def log_mel(myna, recording, rounds):
    samples = speech(recording, 60)
    shape = {"n_fft": FFT, "win_length": WINDOW, "hop_length": HOP, "n_mels": MEL_BANDS, "power": 1}
    torchs = torchaudio.transforms.MelSpectrogram(RATE, f_min=50, f_max=7600, mel_scale="htk", **shape)

    def by_librosa():
        mel = librosa.feature.melspectrogram(y=samples, sr=RATE, fmin=50, fmax=7600, htk=True, norm=None, **shape)
        np.log10(np.maximum(mel, 1e-4))

    def by_torchaudio():
        torch.log10(torch.clamp(torchs(torch.from_numpy(samples)), min=1e-4))

    jobs = {"Myna": myna.job("mel", "log_mel"), "librosa": timed(by_librosa), "torchaudio": timed(by_torchaudio)}
    return rows("log-mel of 60 s", alternate(jobs, rounds), {"librosa": 4, "torchaudio": 2}), []


def griffin_lim(myna, recording, rounds):
    """Each on its own spectrogram of the same ten seconds, and judged by it."""
    samples = speech(recording, 10)
    shape = {"n_fft": FFT, "hop_length": HOP, "win_length": WINDOW}
    magnitude = np.abs(librosa.stft(samples, **shape))
    window, waves = torch.hann_window(WINDOW), []

    def by_librosa():
        waves.append(("librosa", librosa.griffinlim(magnitude, n_iter=32, momentum=0.99, **shape)))

    def by_torchaudio():
        wave = torchaudio.functional.griffinlim(
            torch.from_numpy(magnitude), window, power=1, n_iter=32, momentum=0.99, length=None, rand_init=True, **shape
        )
        waves.append(("torchaudio", wave.numpy()))

    jobs = {
        "Myna": myna.job("griffin-lim", "griffin_lim"),
        "librosa": timed(by_librosa),
        "torchaudio": timed(by_torchaudio),
    }
    seconds = alternate(jobs, rounds)
    found = {"librosa": [], "torchaudio": []}
    for name, wave in waves:
        got = np.abs(librosa.stft(wave, **shape))
        found[name].append(20 * np.log10(np.linalg.norm(got - magnitude) / np.linalg.norm(magnitude)))
    convergence = {"Myna": myna.figures("griffin-lim", "--runs", rounds)["griffin_lim_convergence_db"]}
    convergence |= {name: np.mean(db) for name, db in found.items()}
    note = "Spectral convergence after 32 iterations, mean over start phases: " + ", ".join(f"{k} {v:.2f} dB" for k, v in convergence.items())
    return rows("Griffin-Lim, 32 iterations, 10 s", seconds, {"librosa": 4, "torchaudio": 2}), [note + "."]


# ---- Network ------------------------------------------------------------------------------------------------------------


def onnx_session(module, inputs):
    buffer = io.BytesIO()
    names = ["content", "pitch", "ripple", "past"]
    torch.onnx.export(module, inputs, buffer, input_names=names, output_names=["out", "kept"], dynamo=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(buffer.getvalue(), options, providers=["CPUExecutionProvider"])


def eager_job(module, inputs, past):
    def step_by_step():
        state = past
        for step in zip(*inputs):
            _, state = module(*step, state)

    return timed(step_by_step)


def onnx_job(session, inputs, past):
    def step_by_step():
        state = past
        for content, pitch, ripple in zip(*inputs):
            _, state = session.run(None, {"content": content, "pitch": pitch, "ripple": ripple, "past": state})

    return timed(step_by_step)


def network(myna, model, rounds):
    twin = Network().eval()
    twin.load(model)
    module = Converter(twin, torch.randn(TARGET_STEPS, CONTENT_IN)).eval()
    arrays = [torch.randn(STEPS, width) for width in (CONTENT_IN, PITCH_IN, STEP_FRAMES * MEL_BANDS)]
    result = []
    for work, n, figure, reach in (
        ("network, 10 s at once", STEPS, "network", {"PyTorch": 1.2, "torch.jit": 1.2, "onnxruntime": 1.2}),
        ("network, a step of 25 ms", 1, "network_step", {"PyTorch": 3, "torch.jit": 3, "onnxruntime": 1}),
    ):
        inputs = [torch.split(array, n) for array in arrays]
        example = (*(array[:n] for array in arrays), no_past())
        with torch.inference_mode():
            check_steps(module, arrays)
        with torch.no_grad():
            traced = torch.jit.freeze(torch.jit.trace(module, example))
            session = onnx_session(module, example)
        in_numpy = [[part.numpy() for part in parts] for parts in inputs]
        jobs = {
            "Myna": myna.job("network", figure),
            "PyTorch": eager_job(module, inputs, no_past()),
            "torch.jit": eager_job(traced, inputs, no_past()),
            "onnxruntime": onnx_job(session, in_numpy, no_past().numpy()),
        }
        with torch.inference_mode():
            seconds = alternate(jobs, rounds)
        for name in jobs:
            if name != "Myna":
                seconds[name] = [s / len(inputs[0]) for s in seconds[name]]
        result += rows(work, seconds, reach)
    return result, []


def check_steps(module, arrays):
    whole, _ = module(*(array[:8] for array in arrays), no_past())
    state, parts = no_past(), []
    for step in zip(*(torch.split(array[:8], 1) for array in arrays)):
        out, state = module(*step, state)
        parts.append(out)
    assert torch.allclose(torch.cat(parts), whole, atol=1e-4), "step by step is not the same as at once"


# ---- The whole program --------------------------------------------------------------------------------------------------


def program(myna_program, python, model, recording, target, folder, rounds):
    """From starting to a closed file, three seconds, each in a new process."""
    source, out = f"{folder}/three.wav", f"{folder}/converted.wav"
    soundfile.write(source, speech(recording, 3), RATE)
    memory = {}

    def run(name, command):
        used = Used(command)
        memory[name] = used.megabytes
        return used.seconds

    name = "librosa and PyTorch"
    commands = {
        "Myna": [myna_program, "convert", source, "--to", target, "-o", out, "--force", "-m", model],
        name: [python, "-m", "twin.convert", model, source, target, out],
    }
    seconds = alternate({name: lambda n=name, c=command: run(n, c) for name, command in commands.items()}, rounds)
    note = f"Peak memory of the whole program: Myna {memory['Myna']:.0f} MB, {name} {memory[name]:.0f} MB: 1/"
    note += f"{memory[name] / memory['Myna']:.1f} (to reach: 1/10)."
    return rows("convert 3 s, whole program", seconds, {name: 20}), [note]


def lengths(myna_program, model, recording, target, folder, rounds, seconds_list):
    """Files of rising length: processor time, since other programs share the machine, and peak memory."""
    lines = ["| length | runs | wall time, least | processor time, least | over length | peak memory |"]
    lines.append("|---|---|---|---|---|---|")
    cpu_seconds = []
    for seconds in seconds_list:
        source = f"{folder}/long.wav"
        soundfile.write(source, speech(recording, seconds), RATE)
        command = [myna_program, "convert", source, "--to", target, "-o", f"{folder}/o.wav", "--force", "-m", model]
        runs = rounds if seconds <= 60 else 3 if seconds <= 600 else 1
        used = [Used(command) for _ in range(runs)]
        cpu, wall = min(u.cpu_seconds for u in used), min(u.seconds for u in used)
        memory = max(u.megabytes for u in used)
        cpu_seconds.append(cpu)
        lines.append(f"| {seconds} s | {runs} | {wall:.2f} s | {cpu:.2f} s | {cpu / seconds:.5f} | {memory:.1f} MB |")
    start, rate, worst = straight_line(np.array(seconds_list), np.array(cpu_seconds))
    lines += ["", f"{start:.2f} s to start with and {1000 * rate:.1f} ms for each second give these processor times to "
              f"{100 * worst:.0f} %. To reach: linear within 10 %."]
    return lines


def straight_line(x, y):
    """a, b and the most that a + b x is off by over y; a and b have the least sum of squares of that."""
    (a, b), *_ = np.linalg.lstsq(np.stack([1 / y, x / y], axis=1), np.ones(len(y)), rcond=None)
    return a, b, np.max(np.abs((a + b * x) / y - 1))


def phase(program, clips):
    """Iterations from pulse phase that come as near as N from random phase."""
    lines = ["| momentum | iterations from random phase | convergence, median | from pulse phase: median, most | share |"]
    lines.append("|---|---|---|---|---|")
    for momentum, counts in ((0, (8, 16, 32)), (0.99, (4, 8, 16, 32))):
        for n in counts:
            text = Used.output([program, str(n), str(momentum), *clips])
            db, needed = zip(*((float(a), int(b)) for a, b in re.findall(r"(\S+) (\d+)\n", text)))
            median = float(np.median(needed))
            lines.append(
                f"| {momentum} | {n} | {np.median(db):.1f} dB | {median:g}, {max(needed)} | {median / n:.2f} |"
            )
    return lines
