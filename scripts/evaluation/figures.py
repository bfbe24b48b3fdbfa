"""What is calculated from the judges' measurements. Standard library only, so that it is tested everywhere.

A measurement is judges.judge's dictionary; a figure is a number, NaN where there is nothing to calculate it from."""

import math
import random
import re
import statistics

# Unknown sex counts as female from this median on; of 160 readers whose sex is known, 14 % err by one short recording.
FEMALE_F0_HZ = 155
NOISY_BAK = 3.8  # a recording counts as noisy below this DNSMOS BAK


# ---- Words ---------------------------------------------------------------------------------------------------------


def edit_distance(a, b):
    """Levenshtein: insertions, deletions and substitutions from a to b."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (x != y))
    return row[-1]


def normalise(text):
    return " ".join(re.sub(r"[^a-z' ]", "", text.lower()).split())


def character_error_rate(text, reference):
    """At most 1, so that one hallucination of Whisper's does not outweigh everything."""
    text, reference = normalise(text), normalise(reference)
    return min(edit_distance(text, reference) / max(len(reference), 1), 1.0)


def word_error_rate(text, reference):
    text, reference = normalise(text).split(), normalise(reference).split()
    return min(edit_distance(text, reference) / max(len(reference), 1), 1.0)


# ---- Pitch ---------------------------------------------------------------------------------------------------------


def pair_log_f0(a, b):
    """log-F0 of both, over the frames where both are voiced."""
    return [(math.log(x), math.log(y)) for x, y in zip(a, b) if x > 0 and y > 0]


def correlation(xy):
    """NaN of 20 values or fewer, and of constants."""
    if len(xy) <= 20:
        return math.nan
    try:
        return statistics.correlation(*zip(*xy))
    except statistics.StatisticsError:
        return math.nan


def median_f0_hz(f0):
    voiced = [x for x in f0 if x > 0]
    return statistics.median(voiced) if voiced else math.nan


def semitones(f0_hz, from_hz):
    return 12 * math.log2(f0_hz / from_hz)


def infer_sex(f0s):
    """ "f" or "m", from all F0 tracks of a speaker."""
    return "f" if median_f0_hz([x for f0 in f0s for x in f0]) >= FEMALE_F0_HZ else "m"


# ---- One pair ------------------------------------------------------------------------------------------------------


def similarity(a, b):
    """Cosine of two recordings' embeddings, which have length 1."""
    return sum(x * y for x, y in zip(a["embedding"], b["embedding"]))


def compare(heard, source, target, truth):
    """The figures of a recording that should have the source's words and the target's voice. truth: the source's true
    text, None where unknown."""
    to_target = similarity(heard, target)
    to_source = similarity(heard, source)
    return {
        "to_target": to_target,
        "to_source": to_source,
        "margin": to_target - to_source,
        "win": float(to_target > to_source),
        "cer": character_error_rate(heard["text"], source["text"]),
        "wer": word_error_rate(heard["text"], source["text"]),
        "cer_true": character_error_rate(heard["text"], truth) if truth is not None else math.nan,
        "dnsmos": heard["dnsmos"]["ovrl"],
        "f0_correlation": correlation(pair_log_f0(heard["f0"], source["f0"])),
        "harvest_correlation": correlation(pair_log_f0(heard["harvest"], source["harvest"])),
    }


def diagnose(pair):
    """What is wrong with a conversion, worst first as an ear would put it: a list of short remarks. `pair` has the
    measurements source, target, copy and converted, and the figures of copy and converted."""
    heard, copy, target = pair["measured"]["converted"], pair["measured"]["copy"], pair["measured"]["target"]
    mine, reference = pair["figures"]["converted"], pair["figures"]["copy"]
    remarks = []
    if mine["margin"] <= 0:
        remarks.append(
            f"voice: still the source's ({mine['to_source']:.2f} to it, {mine['to_target']:.2f} to the target)"
        )
    elif mine["to_target"] < 0.7:
        remarks.append(
            f"voice: neither the target's ({mine['to_target']:.2f}) nor the source's ({mine['to_source']:.2f})"
        )
    if mine["cer"] > reference["cer"] + 0.1:
        remarks.append(f"words: CER {mine['cer']:.2f}, the copy's {reference['cer']:.2f}")
    elif reference["cer"] > 0.1:
        remarks.append(f"words: hard for Whisper in the copy too, CER {reference['cer']:.2f}")
    off = semitones(median_f0_hz(heard["f0"]), median_f0_hz(target["f0"]))
    if abs(off) > 1.5:
        remarks.append(f"pitch: {off:+.1f} semitones from the target's")
    melody, before = mine["f0_correlation"], reference["f0_correlation"]
    if melody < before - 0.1:
        remarks.append(f"melody: F0 correlation {melody:.2f}, the copy's {before:.2f}")
    for word, what in (("sig", "buzz or smear"), ("bak", "noise")):
        if heard["dnsmos"][word] < copy["dnsmos"][word] - 0.3:
            value, before = heard["dnsmos"][word], copy["dnsmos"][word]
            remarks.append(f"{what}: DNSMOS {word.upper()} {value:.2f}, the copy's {before:.2f}")
    for role in ("source", "target"):
        if is_noisy(pair["measured"][role]):
            remarks.append(f"the {role} is noisy: BAK {pair['measured'][role]['dnsmos']['bak']:.2f}")
    return remarks


def is_noisy(measured):
    return measured["dnsmos"]["bak"] < NOISY_BAK


# ---- All pairs -----------------------------------------------------------------------------------------------------


def mean_interval(values, n_draws=2000):
    """Mean, and the 95 % bootstrap interval's ends; values that are NaN do not count. (NaN, NaN, NaN) without any."""
    values = [x for x in values if not math.isnan(x)]
    if not values:
        return math.nan, math.nan, math.nan
    rng = random.Random(0)
    means = sorted(statistics.fmean(rng.choices(values, k=len(values))) for _ in range(n_draws))
    return statistics.fmean(values), means[int(0.025 * n_draws)], means[int(0.975 * n_draws)]


def group(pairs):
    """Names of groups, each with its pairs: by sex, by noise in the target, by corpora."""
    groups = {}
    for pair in pairs:
        names = (
            "same sex" if pair["sex"]["source"] == pair["sex"]["target"] else "cross sex",
            "noisy target" if is_noisy(pair["measured"]["target"]) else "clean target",
            "{source} to {target}".format(**pair["corpus"]),
        )
        for name in names:
            groups.setdefault(name, []).append(pair)
    order = ["same sex", "cross sex", "clean target", "noisy target"]
    return dict(sorted(groups.items(), key=lambda item: (order + [item[0]]).index(item[0])))
