"""What scripts/find-phones does between its recognisers. Needs numpy and, in PYTHONPATH, scripts."""

import pathlib
import tempfile
import unittest

import numpy
from phones import hearing
from phones.__main__ import find_named, read_transcripts

SAID = [(0.0, 0.2, "SIL"), (0.2, 0.07, "HH"), (0.27, 0.13, "AY"), (0.5, 0.3, "SIL")]
N_STEPS = 40


class KnowsThePhones:
    """A classifier that finds the phone's number in the step itself, as sure as the second value says."""

    def predict_proba(self, around):
        step = around[:, around.shape[1] // 2 - 1 : around.shape[1] // 2 + 1]
        probability = numpy.zeros((len(around), 3))
        probability[numpy.arange(len(around)), step[:, 0].astype(int)] = step[:, 1]
        return probability


def make_listener():
    listener = object.__new__(hearing.Listener)  # without its classifier
    listener.names, listener.classifier = ["AY", "HH", "SIL"], KnowsThePhones()
    return listener


class Hearing(unittest.TestCase):
    def test_steps_get_the_phone_at_their_middle(self):
        labels = hearing.label_steps(SAID, N_STEPS)
        for i, label in enumerate(labels):
            middle = hearing.CENTRE + i * hearing.STEP
            at = [phone for start, duration, phone in SAID if start <= middle < start + duration]
            self.assertEqual(label, at[0] if at else "", middle)
        self.assertEqual(set(labels), {"SIL", "HH", "AY", ""})

    def test_what_is_told_is_where_it_was_said(self):
        labels = hearing.label_steps(SAID, N_STEPS)
        listener = make_listener()
        steps = [(listener.names.index(label), 0.9) if label else (0, hearing.SURE) for label in labels]
        told = listener.tell(numpy.array(steps))
        self.assertEqual([phone for _, _, phone in told], [phone for _, _, phone in SAID])
        for (start, duration, _), (true_start, true_duration, _) in zip(told, SAID, strict=True):
            self.assertAlmostEqual(start, true_start, delta=hearing.CENTRE)
            self.assertAlmostEqual(start + duration, true_start + true_duration, delta=hearing.STEP)
        self.assertEqual(list(hearing.label_steps(told, N_STEPS)), list(labels))

    def test_a_step_is_seen_among_its_neighbours(self):
        steps = numpy.arange(10.0).reshape(5, 2)
        around = hearing.look_around(steps)
        self.assertEqual(around.shape, (5, 2 * (2 * hearing.N_AROUND + 1)))
        self.assertEqual(list(around[1][2 * hearing.N_AROUND - 2 :][:6]), [0, 1, 2, 3, 4, 5])
        self.assertTrue((around[0][: 2 * hearing.N_AROUND] == 0).all())


class Corpus(unittest.TestCase):
    def test_transcripts_and_recordings(self):
        with tempfile.TemporaryDirectory() as folder:
            corpus = pathlib.Path(folder)
            (corpus / "a").mkdir()
            (corpus / "a/1-2.trans.txt").write_text("1-2-0 WELL-KNOWN IT'S\n1-2-1\n")
            (corpus / "transcripts.txt").write_text("9 YES\n")
            for name in ("a/1-2-0.FLAC", "a/1-2-1.opus", "9.wav", "notes.txt", "a/two words.wav"):
                (corpus / name).touch()
            self.assertEqual(read_transcripts(corpus), {"1-2-0": ["well", "known", "it's"], "1-2-1": [], "9": ["yes"]})
            self.assertEqual([path.name for path in find_named(corpus)], ["9.wav", "1-2-0.FLAC", "1-2-1.opus"])


if __name__ == "__main__":
    unittest.main()
