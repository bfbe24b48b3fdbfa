"""Phones told by ear: a classifier on what the encoder of a speech recogniser, Moonshine's tiny English one, makes
of speech. The encoder knows much more of speech than what is learnt here, so an hour of aligned readers will do, and
languages that it was not made for are heard in their nearest English phones."""

import numpy

from .speech import RATE, read_speech

STEP, CENTRE = 384 / RATE, 447 / RATE  # seconds from one step of the encoder to the next, and to the first one's middle
N_AROUND = 3  # steps before and after that are heard as well
SURE = 0.5  # phones of a lower probability are not given
HIDDEN, EPOCHS, RECORDINGS_AT_ONCE = 384, 3, 8


class Ear:
    """Recordings as steps, float16 [steps][288]."""

    def __init__(self):
        import onnxruntime
        from moonshine_voice import get_model_path

        self.encoder = onnxruntime.InferenceSession(f"{get_model_path('tiny-en')}/encoder_model.ort")

    def listen(self, path):
        samples = read_speech(path)[None]
        if samples.size < RATE // 4:
            raise RuntimeError("is shorter than 0.25 s")
        heard = {"input_values": samples, "attention_mask": numpy.ones(samples.shape, "int64")}
        return self.encoder.run(None, heard)[0][0].astype("float16")


def look_around(steps):
    padded = numpy.pad(steps.astype("float32"), ((N_AROUND, N_AROUND), (0, 0)))
    return numpy.concatenate([padded[i : i + len(steps)] for i in range(2 * N_AROUND + 1)], axis=1)


def label_steps(phones, n_steps):
    """The phone at the middle of each step, "" where none is known."""
    labels = numpy.full(n_steps, "", dtype="<U8")
    for start, duration, phone in phones:
        first, last = (int(numpy.ceil((at - CENTRE) / STEP)) for at in (start, start + duration))
        labels[max(first, 0) : max(last, 0)] = phone
    return labels


class Listener:
    def __init__(self, names):
        from sklearn.neural_network import MLPClassifier

        self.names = sorted(names)
        self.classifier = MLPClassifier((HIDDEN,), alpha=1e-4, batch_size=512, random_state=0)
        self.rng = numpy.random.default_rng(0)

    def learn(self, recordings):
        """Of [(steps, labels)]."""
        for _ in range(EPOCHS):
            order = self.rng.permutation(len(recordings))
            for at in range(0, len(order), RECORDINGS_AT_ONCE):
                some = [recordings[i] for i in order[at : at + RECORDINGS_AT_ONCE]]
                labels = numpy.concatenate([labels for _, labels in some])
                steps = numpy.concatenate([look_around(steps) for steps, _ in some])
                self.classifier.partial_fit(steps[labels != ""], labels[labels != ""], classes=self.names)

    def share_right(self, recordings):
        told = [self.classifier.predict(look_around(steps)) for steps, _ in recordings]
        right = [told[labels != ""] == labels[labels != ""] for told, (_, labels) in zip(told, recordings, strict=True)]
        return numpy.mean(numpy.concatenate(right))

    def tell(self, steps):
        """[(start, duration, phone)] in seconds."""
        probability = self.classifier.predict_proba(look_around(steps))
        best = numpy.where(probability.max(1) > SURE, probability.argmax(1), -1)
        starts = numpy.flatnonzero(numpy.diff(best, prepend=-2))
        ends = [*starts[1:], len(best)]
        edge = CENTRE - STEP / 2
        return [
            (edge + STEP * start, STEP * (end - start), self.names[best[start]])
            for start, end in zip(starts, ends, strict=True)
            if best[start] >= 0
        ]
