"""Recordings as recognisers expect them."""

import numpy

SUFFIXES = (".wav", ".flac", ".opus", ".ogg", ".mp3")
RATE = 16000
RMS = 0.08  # recognisers, PocketSphinx's beams above all, expect speech of about this level


def find_recordings(corpus):
    return sorted(path for path in corpus.rglob("*") if path.suffix.lower() in SUFFIXES)


def read_speech(path):
    """Samples [n] within -1 and 1; raises RuntimeError, as soundfile does, where they cannot be had."""
    import soundfile

    samples, rate = soundfile.read(path, dtype="float32")
    if rate != RATE or samples.ndim != 1:
        raise RuntimeError("is not mono at 16 kHz")
    return numpy.clip(samples * (RMS / max(float(numpy.sqrt(numpy.mean(samples**2))), 1e-4)), -1, 1)
