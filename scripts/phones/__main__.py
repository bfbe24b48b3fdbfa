"""usage: scripts/find-phones CORPUS OUT.ctm"""

import itertools
import multiprocessing
import os
import pathlib
import random
import sys

import transcripts

from .alignment import align
from .hearing import Ear, Listener, label_steps
from .speech import find_recordings

MAX_LEARNT = 2000  # recordings, which take a quarter of a megabyte each


def read_transcripts(corpus):
    """Words of each recording by its name without suffix."""
    texts = transcripts.read(sorted([*corpus.rglob("*transcripts.txt"), *corpus.rglob("*.trans.txt")]))
    return {name: text.lower().replace("-", " ").split() for name, text in texts.items()}


def note(text):
    print(text, file=sys.stderr, flush=True)


def find_named(corpus):
    """Recordings whose names a CTM file can hold."""
    named = []
    for path in find_recordings(corpus):
        if len(str(path.relative_to(corpus)).split()) > 1:
            note(f"{path}: left out: CTM knows no names with spaces")
        else:
            named.append(path)
    return named


def align_all(recordings, words):
    """Phones by recording."""
    aligned = {}
    with multiprocessing.Pool(os.cpu_count()) as pool:
        results = pool.starmap(align, [(path, words[path.stem]) for path in recordings], 8)
    for path, phones in zip(recordings, results, strict=True):
        if isinstance(phones, str):
            note(f"{path}: left out: {phones}")
        else:
            aligned[path] = phones
    return aligned


def learn_to_hear(ear, aligned):
    """A listener who has learnt from the aligned recordings, all but those of every twelfth folder, which judge."""
    folders = sorted({path.parent for path in aligned})
    judges = set(folders[11::12] or folders[1::2])
    known = random.Random(0).sample(sorted(aligned), min(MAX_LEARNT, len(aligned)))
    heard = {path: ear.listen(path) for path in known}  # long enough, or they would not have been aligned
    label = lambda paths: [(heard[path], label_steps(aligned[path], len(heard[path]))) for path in paths]
    listener = Listener({name for phones in aligned.values() for _, _, name in phones})
    listener.learn(label(path for path in known if path.parent not in judges))
    if judging := label(path for path in known if path.parent in judges):
        note(f"by ear: {listener.share_right(judging):.3f} of the phones of other readers are told as by their words")
    return listener


def hear_all(recordings, aligned):
    """(path, phones) of each, as learnt from the aligned ones."""
    ear = Ear()
    listener = learn_to_hear(ear, aligned)
    for path in recordings:
        try:
            yield path, listener.tell(ear.listen(path))
        except RuntimeError as error:
            note(f"{path}: left out: {error}")


def main(corpus, out):
    corpus = pathlib.Path(corpus)
    words, recordings = read_transcripts(corpus), find_named(corpus)
    transcribed = [path for path in recordings if words.get(path.stem)]
    if not transcribed:
        sys.exit(f"{corpus}: no recording has a line in a *transcripts.txt or *.trans.txt")
    aligned = align_all(transcribed, words)
    if not aligned:
        sys.exit(f"{corpus}: no recording fits its transcript")
    note(f"by their words: {len(aligned)} of {len(transcribed)} transcribed recordings")
    others = [path for path in recordings if path not in aligned]
    heard = hear_all(others, aligned) if others else []
    n_written = 0
    with open(f"{out}.new", "w") as ctm:
        for path, phones in itertools.chain(aligned.items(), heard):
            name = path.relative_to(corpus)
            ctm.writelines(f"{name} 1 {start:.3f} {seconds:.3f} {phone}\n" for start, seconds, phone in phones)
            n_written += 1
    os.replace(f"{out}.new", out)
    note(f"{out}: phones of {len(aligned)} recordings by their words and of {n_written - len(aligned)} by ear")


if __name__ == "__main__":
    main(*sys.argv[1:])
