"""Forced alignment of a corpus's transcribed recordings as a CTM file; run by scripts/align."""

import multiprocessing
import os
import pathlib
import sys

import numpy
import pocketsphinx
import soundfile

SUFFIXES = (".wav", ".flac", ".opus", ".ogg", ".mp3")
SPEECH_RMS = 0.08  # PocketSphinx's beams expect speech of about this level
MODEL = pathlib.Path(pocketsphinx.get_model_path()) / "en-us"
# How words that the dictionary lacks, mostly names, are about spoken. Their own phones are not written.
LETTERS = dict(a="AE", b="B", c="K", d="D", e="EH", f="F", g="G", h="HH", i="IH", j="JH", k="K", l="L", m="M", n="N",
               o="AA", p="P", q="K", r="R", s="S", t="T", u="AH", v="V", w="W", x="K S", y="IY", z="Z")  # fmt: skip


def read_transcripts(corpus):
    """Words of each recording by its name without suffix."""
    words = {}
    for path in sorted([*corpus.rglob("*transcripts.txt"), *corpus.rglob("*.trans.txt")]):
        for line in path.read_text().splitlines():
            name, _, text = line.partition(" ")
            words[name] = text.lower().replace("-", " ").split()
    return words


class Aligner:
    def __init__(self):
        self.decoder = pocketsphinx.Decoder(
            hmm=str(MODEL / "en-us"),
            dict=str(MODEL / "cmudict-en-us.dict"),
            lm=None,
            loglevel="FATAL",
            beam=1e-57,
            bestpath=False,
        )
        self.unknown = set()

    def learn(self, word):
        if self.decoder.lookup_word(word) is None:
            spoken = " ".join(LETTERS[letter] for letter in word if letter in LETTERS)
            self.decoder.add_word(word, spoken or "AH", True)
            self.unknown.add(word)

    def listen(self, pcm):
        self.decoder.start_utt()
        self.decoder.process_raw(pcm, full_utt=True)
        self.decoder.end_utt()

    def align(self, path, words):
        """[(start, duration, phone)] in seconds; raises RuntimeError where speech and words do not fit."""
        samples, rate = soundfile.read(path, dtype="float32")
        if rate != 16000 or samples.ndim != 1:
            raise RuntimeError("is not mono at 16 kHz")
        samples *= SPEECH_RMS / max(float(numpy.sqrt(numpy.mean(samples**2))), 1e-4)
        pcm = (numpy.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
        for word in words:
            self.learn(word)
        self.decoder.set_align_text(" ".join(words))
        self.listen(pcm)  # words
        self.decoder.set_alignment()
        self.listen(pcm)  # the phones within them
        return [
            (phone.start / 100, phone.duration / 100, phone.name)
            for word in self.decoder.get_alignment()
            if word.name.partition("(")[0] not in self.unknown
            for phone in word
            if not phone.name.startswith("+")  # noises
        ]


aligner = None  # of this process


def align(job):
    """CTM lines of a recording, or why there are none."""
    global aligner
    corpus, path, words = job
    aligner = aligner or Aligner()
    try:
        phones = aligner.align(path, words)
    except RuntimeError as error:
        return path, [], str(error)
    name = path.relative_to(corpus)
    return path, [f"{name} 1 {start:.2f} {duration:.2f} {phone}" for start, duration, phone in phones], ""


def main(corpus, out):
    corpus = pathlib.Path(corpus)
    words = read_transcripts(corpus)
    recordings = sorted(p for p in corpus.rglob("*") if p.suffix.lower() in SUFFIXES and words.get(p.stem))
    if not recordings:
        sys.exit(f"{corpus}: no recording has a line in a *transcripts.txt or *.trans.txt")
    n_left_out = 0
    with multiprocessing.Pool(os.cpu_count()) as pool, open(f"{out}.new", "w") as ctm:
        jobs = [(corpus, path, words[path.stem]) for path in recordings]
        for path, lines, reason in pool.imap(align, jobs, chunksize=8):
            if not lines:
                print(f"{path}: left out: {reason or 'no words of the dictionary'}", file=sys.stderr)
                n_left_out += 1
            ctm.writelines(f"{line}\n" for line in lines)
    os.replace(f"{out}.new", out)
    print(f"{out}: phones of {len(recordings) - n_left_out} of {len(recordings)} transcribed recordings", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
