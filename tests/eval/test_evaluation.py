"""Run by test_evaluation.sh, which makes RECORDINGS: speech.wav and its copies best.wav and low.wav."""

import array
import math
import os
import pathlib
import re
import statistics
import tempfile
import unittest
import wave

from evaluation import __main__ as steps
from evaluation import figures, report


def measurement(embedding, text="a small bird", ovrl=3.0, bak=4.0, f0=120.0):
    f0s = [f0 * (1 + 0.01 * (i % 7)) for i in range(50)]
    dnsmos = {"ovrl": ovrl, "sig": ovrl, "bak": bak}
    return {"embedding": embedding, "text": text, "dnsmos": dnsmos, "f0": f0s, "harvest": f0s}


def make_pairs():
    """Two: one that succeeded, from a woman to a man, and one that lost everything, to a noisy target."""
    woman, man, near_man = measurement([1, 0], f0=220), measurement([0, 1]), measurement([0.28, 0.96])
    noisy, lost = measurement([0, 1], bak=3.0), measurement([0.8, 0.6], text="a bird", ovrl=2.0, f0=200)
    common = {"path": {"source": "a/1/x.wav", "target": "b/2/y.wav"}, "corpus": {"source": "a", "target": "b"}}
    people = {"speaker": {"source": "eve", "target": "<adam>"}}
    good = {"source": woman, "target": man, "copy": woman, "converted": near_man, "another": near_man}
    bad = {"source": woman, "target": noisy, "copy": woman, "converted": lost}
    return [
        common | people | {"name": "000", "truth": "A SMALL BIRD", "measured": good},
        common | people | {"name": "001", "truth": None, "measured": bad},
    ]


class Words(unittest.TestCase):
    def test_edit_distance(self):
        for a, b, distance in (
            ("", "", 0),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("abc", "abc", 0),
            ("ab", "ba", 2),
        ):
            self.assertEqual(figures.edit_distance(a, b), distance)
            self.assertEqual(figures.edit_distance(b, a), distance)

    def test_error_rates_see_neither_case_nor_punctuation(self):
        self.assertEqual(figures.character_error_rate(" Well,  it's so.", "WELL IT'S SO"), 0)
        self.assertAlmostEqual(figures.character_error_rate("a bird", "a small bird"), 6 / 12)
        self.assertAlmostEqual(figures.word_error_rate("a bird", "a small bird"), 1 / 3)
        self.assertEqual(figures.character_error_rate("much more than was said", "no"), 1)


class Numbers(unittest.TestCase):
    def test_interval_holds_the_mean_and_narrows_with_more_values(self):
        few, many = [0.0, 1.0] * 5, [0.0, 1.0] * 500
        mean, low, high = figures.mean_interval(few)
        self.assertEqual(mean, 0.5)
        # Of a mean of 10 coins: deviation .158, so about .19 to .81
        self.assertTrue(0.1 <= low <= 0.3 and 0.7 <= high <= 0.9, (low, high))
        _, low_many, high_many = figures.mean_interval(many)
        self.assertAlmostEqual(high_many - low_many, (high - low) / 10, delta=0.02)
        self.assertEqual(figures.mean_interval([2.0, math.nan]), (2.0, 2.0, 2.0))
        self.assertTrue(math.isnan(figures.mean_interval([])[0]))

    def test_f0(self):
        melody = [0] * 10 + [100 + i for i in range(30)]
        correlate = lambda a, b: figures.correlation(figures.pair_log_f0(a, b))
        self.assertAlmostEqual(correlate(melody, [2 * x for x in melody]), 1)
        self.assertTrue(math.isnan(correlate(melody[:30], melody)))  # 20 voiced frames
        self.assertTrue(math.isnan(correlate([100] * 40, melody)))
        self.assertLess(correlate([x / 2 if i > 34 else x for i, x in enumerate(melody)], melody), 0)
        self.assertEqual((figures.infer_sex([[0, 220]]), figures.infer_sex([[0, 110], [120]])), ("f", "m"))
        self.assertAlmostEqual(figures.semitones(220, 110), 12)


class Pairs(unittest.TestCase):
    def setUp(self):
        self.pairs = make_pairs()
        with tempfile.TemporaryDirectory() as corpus:
            pathlib.Path(corpus, "manifest.tsv").write_text(
                "path\tspeaker\tsex\na/1/x.wav\teve\tf\nb/2/y.wav\t<adam>\t\n"
            )
            steps.find_sexes(self.pairs, corpus)
        steps.compare(self.pairs)

    def test_figures(self):
        good, bad = (pair["figures"] for pair in self.pairs)
        self.assertEqual((good["converted"]["win"], bad["converted"]["win"]), (1, 0))
        self.assertAlmostEqual(good["converted"]["margin"], 0.68)
        self.assertEqual((good["converted"]["cer_true"], bad["converted"]["cer"]), (0, 0.5))
        self.assertEqual(good["another"], {"to_target": 0.96})
        self.assertEqual(self.pairs[0]["sex"], {"source": "f", "target": "m"})

    def test_diagnosis(self):
        self.assertEqual(self.pairs[0]["remarks"], [])
        remarks = "; ".join(self.pairs[1]["remarks"])
        for word in ("voice: still the source's", "words: CER 0.50", "pitch: +8.8", "buzz", "the target is noisy"):
            self.assertIn(word, remarks)

    def test_groups(self):
        names = {name: [pair["name"] for pair in members] for name, members in figures.group(self.pairs).items()}
        both = ["000", "001"]
        self.assertEqual(names, {"cross sex": both, "clean target": ["000"], "noisy target": ["001"], "a to b": both})

    def test_report(self):
        for pair in self.pairs:
            pair["audio"] = {role: f"recordings/{role}.wav" for role in pair["measured"]}
        self.assertEqual([pair["name"] for pair in report.find_worst(self.pairs)["cer"]], ["001", "000"])
        self.assertFalse(report.find_goals(self.pairs)["cer"][1])
        tables = report.tabulate_means(self.pairs), report.tabulate_groups(self.pairs)
        page = report.write_page("about", *tables, self.pairs)
        self.assertEqual(re.findall('<tbody id="(.*?)"', page), ["p000", "p001"])
        self.assertIn("&lt;adam&gt;", page)
        self.assertFalse(re.search(r"nan\b|https?:|<adam>", re.sub('data-value="nan"', "", page)))
        head, *rows = report.write_pairs(self.pairs).splitlines()
        self.assertEqual({line.count("\t") for line in rows}, {head.count("\t")})


class Arguments(unittest.TestCase):
    def test_options_of_convert_go_on(self):
        a = steps.read_arguments("corpus m.safetensors --every 4 --latency low --pitch keep --gate=-45".split())
        self.assertEqual((a.corpus, a.model, a.every, a.latency), ("corpus", "m.safetensors", 4, "low"))
        self.assertEqual(a.convert, "--latency low --iterations 8 --pitch keep --gate=-45".split())
        with self.assertRaises(SystemExit):
            steps.read_arguments(["--every", "4"])

    def test_another_recording(self):
        row = lambda path, speaker, seconds: {"path": path, "speaker": speaker, "seconds": seconds}
        manifest = [row("a", "x", "5"), row("b", "x", "6"), row("c", "x", "7"), row("d", "x", "2"), row("e", "y", "5")]
        found = {path: steps.find_another(manifest, path) for path in "abcde"}
        self.assertEqual(found, {"a": "b", "b": "c", "c": "a", "d": "b", "e": None})

    def test_others_behind_a_source(self):
        manifest = [{"path": f"{i}", "split": "dev" if i % 2 else "train"} for i in range(40)]
        chosen = [steps.choose_others(manifest, path) for path in ("a", "a", "b")]
        self.assertEqual(chosen[0], chosen[1])
        self.assertNotEqual(chosen[0], chosen[2])
        self.assertTrue(all(int(path) % 2 == 0 for path in chosen[0]) and len(set(chosen[0])) == 4)


class Copies(unittest.TestCase):
    """Copy synthesis stays in time and at its level."""

    def test_copies(self):
        folder = pathlib.Path(os.environ["RECORDINGS"])
        original = self.envelope_db(folder / "speech.wav")
        for name in ("best.wav", "low.wav"):
            copy = self.envelope_db(folder / name)
            self.assertEqual(len(copy), len(original))
            fits = {
                lag: statistics.correlation(original[8:-8], copy[8 + lag : len(copy) - 8 + lag]) for lag in range(-8, 9)
            }
            self.assertEqual(max(fits, key=fits.get), 0, fits)
            self.assertGreater(fits[0], 0.95)
            self.assertLess(abs(statistics.fmean(original) - statistics.fmean(copy)), 2)

    def envelope_db(self, path, hop_samples=200):
        """Level of each hop, no lower than -60 dB under full scale."""
        with wave.open(str(path)) as file:
            samples = array.array("h", file.readframes(file.getnframes()))
        hops = [samples[i : i + hop_samples] for i in range(0, len(samples), hop_samples)]
        return [10 * math.log10(max(sum((x / 32768) ** 2 for x in hop) / hop_samples, 1e-6)) for hop in hops]


unittest.main()
