"""Transcripts as LibriSpeech has them: lines of "NAME THE WORDS SAID", where NAME is a recording's without suffix."""


def read(paths):
    """Text by name."""
    texts = {}
    for path in paths:
        for line in path.read_text().splitlines():
            name, _, texts[name] = line.partition(" ")
    return texts
