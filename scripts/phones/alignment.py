"""Forced alignment of a transcribed recording by PocketSphinx, English."""

from .speech import read_speech

# How words that the dictionary lacks, mostly names, are about spoken. Their own phones are not given.
LETTERS = dict(a="AE", b="B", c="K", d="D", e="EH", f="F", g="G", h="HH", i="IH", j="JH", k="K", l="L", m="M", n="N",
               o="AA", p="P", q="K", r="R", s="S", t="T", u="AH", v="V", w="W", x="K S", y="IY", z="Z")  # fmt: skip


class Aligner:
    def __init__(self):
        import pocketsphinx

        self.decoder = pocketsphinx.Decoder(
            hmm=pocketsphinx.get_model_path("en-us/en-us"),
            dict=pocketsphinx.get_model_path("en-us/cmudict-en-us.dict"),
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
        pcm = (read_speech(path) * 32767).astype("<i2").tobytes()
        for word in words:
            self.learn(word)
        self.decoder.set_align_text(" ".join(words))
        self.listen(pcm)  # words
        self.decoder.set_alignment()
        self.listen(pcm)  # the phones within them
        phones = [
            (phone.start / 100, phone.duration / 100, phone.name)
            for word in self.decoder.get_alignment()
            if word.name.partition("(")[0] not in self.unknown
            for phone in word
            if not phone.name.startswith("+")  # noises
        ]
        if not phones:
            raise RuntimeError("no words of the dictionary")
        return phones


aligner = None  # of this process


def align(path, words):
    """Its phones, or the reason why there are none."""
    global aligner
    aligner = aligner or Aligner()
    try:
        return aligner.align(path, words)
    except RuntimeError as error:
        return str(error)
