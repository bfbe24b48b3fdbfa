"""usage: scripts/evaluate CORPUS [MODEL [OUT]] [--pairs FILE] [--every N] [--jobs N] [--cache DIR] [options of convert]

Converts pairs of the corpus's held-out speakers with MODEL (pretrained/myna.safetensors) and judges what comes out; OUT
(build/evaluation) gets index.html to look at and listen to, summary.md with the means and pairs.tsv with every figure.

  --pairs FILE     which recordings to convert to which (tests/eval/pairs.tsv; scripts/make-pairs makes such a list)
  --every N        every Nth pair only, for a quick look
  --jobs N         processes that judge (one for each core); a process takes about 1.5 GB
  --noise DB       convert sources with four others talking behind them, so many dB softer together than they
  --tune           convert to tuned voices as well (myna voice enroll --tune), where targets are long enough
  --cache DIR      what was judged before, by content: the next model's sources are not judged again
                   (build/evaluation-cache)
  --latency, --iterations, --pitch, ...: go on to `myna convert`; the copies follow --latency and --iterations"""

import argparse
import concurrent.futures
import csv
import itertools
import json
import os
import pathlib
import random
import subprocess
import sys

import transcripts

from . import figures, report
from .audio import Studio
from .judges import judge

ROOT = pathlib.Path(__file__).resolve().parents[2]
MYNA = pathlib.Path(os.environ.get("MYNA", ROOT / "build/release/myna"))


def read_arguments(words):
    """Positional arguments stand before the first option: behind it they could be values of convert's options."""
    if {"-h", "--help"} & set(words):
        print(__doc__)
        sys.exit()
    positional = list(itertools.takewhile(lambda word: not word.startswith("-"), words))
    if not 1 <= len(positional) <= 3:
        sys.exit(__doc__)
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--pairs", default=ROOT / "tests/eval/pairs.tsv")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--noise", type=float)
    parser.add_argument("--tune", action="store_true")
    parser.add_argument("--cache", default=ROOT / "build/evaluation-cache")
    parser.add_argument("--latency", "-l", choices=("low", "balanced", "best"), default="best")
    parser.add_argument("--iterations", "-i", type=int, default=8)
    arguments, rest = parser.parse_known_args(words[len(positional) :])
    defaults = [None, ROOT / "pretrained/myna.safetensors", ROOT / "build/evaluation"]
    arguments.corpus, arguments.model, arguments.out = positional + defaults[len(positional) :]
    arguments.convert = ["--latency", arguments.latency, "--iterations", str(arguments.iterations), *rest]
    return arguments


# ---- What the corpus says of its recordings ------------------------------------------------------------------------


def read_table(path):
    with open(path) as table:
        return list(csv.DictReader(table, delimiter="\t"))


def read_transcripts(corpus):
    """True texts by utterance, "1088-134315-0000", from every transcripts.txt one folder down."""
    return transcripts.read(pathlib.Path(corpus).glob("*/transcripts.txt"))


def find_another(manifest, path):
    """Another recording of the same speaker of 4 to 15 s: of those, the one half the list away, since neighbours are
    often of one breath. None where there is none."""
    speaker = next(row["speaker"] for row in manifest if row["path"] == path)
    usable = lambda row: row["path"] == path or 4 <= float(row["seconds"]) <= 15
    paths = [row["path"] for row in manifest if row["speaker"] == speaker and usable(row)]
    return paths[(paths.index(path) + len(paths) // 2) % len(paths)] if len(paths) > 1 else None


def choose_others(manifest, path, n=4):
    """Recordings to train on, always the same ones for this path, to talk behind it."""
    return random.Random(path).sample([row["path"] for row in manifest if row["split"] == "train"], n)


def find_pairs(arguments):
    """Each a dictionary, to which the steps below add: name, path and speaker and corpus of source and target."""
    rows = list(enumerate(read_table(arguments.pairs)))[:: arguments.every]
    texts, manifest = read_transcripts(arguments.corpus), read_table(f"{arguments.corpus}/manifest.tsv")
    return [
        {
            "name": f"{number:03d}",
            "path": {role: row[role] for role in ("source", "target")},
            "speaker": {role: row[f"{role}_speaker"] for role in ("source", "target")},
            "corpus": {role: row[role].split("/")[0] for role in ("source", "target")},
            "truth": texts.get(pathlib.Path(row["source"]).stem),
            "another": find_another(manifest, row["target"]),
            "others": None if arguments.noise is None else choose_others(manifest, row["source"]),
        }
        for number, row in rows
    ]


# ---- Steps ---------------------------------------------------------------------------------------------------------


def make_audio(pairs, arguments):
    """Adds pair["audio"]: names under OUT of source, target, converted, copy and, where there are any, noisy, another
    and tuned. What is converted and copied is the noisy source where there is one."""
    studio = Studio(MYNA, MYNA.parent / "tests/copy_synthesis", arguments.out)
    taken, noisy, copies, tuned = {}, {}, {}, {}
    for pair in pairs:
        roles = dict(pair["path"], another=pair["another"]) if pair["another"] else pair["path"]
        for path in set(roles.values()) - set(taken):
            taken[path] = studio.take(arguments.corpus, path)
        audio = pair["audio"] = {role: taken[path] for role, path in roles.items()}
        heard = source = audio["source"]
        if pair["others"]:
            if source not in noisy:
                noisy[source] = studio.add_noise(source, arguments.corpus, pair["others"], arguments.noise)
            heard = audio["noisy"] = noisy[source]
        if source not in copies:
            copies[source] = studio.copy(heard, arguments.latency, arguments.iterations)
        audio["copy"] = copies[source]
        audio["converted"] = studio.convert(heard, audio["target"], pair["name"], arguments.model, arguments.convert)
        if arguments.tune and audio["target"] not in tuned:
            tuned[audio["target"]] = studio.tune(audio["target"], arguments.model)
        if voice := tuned.get(audio["target"]):
            name = f"{pair['name']}-tuned"
            audio["tuned"] = studio.convert(heard, voice, name, arguments.model, arguments.convert)
    for name in {pair["audio"][role] for pair in pairs for role in report.SHOWN if role in pair["audio"]}:
        studio.plot(name)


WANTED = {
    "another": {"embedding"},
    "target": {"embedding", "dnsmos", "f0"},
    "source": {"embedding", "dnsmos", "f0", "harvest", "text"},
    "noisy": {"embedding", "dnsmos", "f0", "harvest", "text"},
    "copy": {"embedding", "dnsmos", "f0", "harvest", "text"},
    "converted": {"embedding", "dnsmos", "f0", "harvest", "text"},
    "tuned": {"embedding", "dnsmos", "f0", "harvest", "text"},
}


def measure(pairs, arguments):
    """Adds pair["measured"]: by role what the judges say. Every recording is judged once."""
    wanted = {}
    for pair in pairs:
        for role, name in pair["audio"].items():
            wanted.setdefault(name, set()).update(WANTED[role])
    measured = {}
    with concurrent.futures.ProcessPoolExecutor(arguments.jobs) as pool:
        tasks = {
            pool.submit(judge, f"{arguments.out}/{name}", sorted(what), arguments.cache): name
            for name, what in wanted.items()
        }
        for done in concurrent.futures.as_completed(tasks):
            measured[tasks[done]] = done.result()
            print(f"\rjudged {len(measured)} of {len(tasks)} recordings", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    for pair in pairs:
        pair["measured"] = {role: measured[name] for role, name in pair["audio"].items()}


def find_sexes(pairs, corpus):
    """Adds pair["sex"]: the manifest's, else from F0."""
    known = {row["speaker"]: row["sex"] for row in read_table(f"{corpus}/manifest.tsv") if row.get("sex")}
    f0s = {}
    for pair in pairs:
        for role in ("source", "target"):
            f0s.setdefault(pair["speaker"][role], []).append(pair["measured"][role]["f0"])
    for pair in pairs:
        pair["sex"] = {role: known.get(who) or figures.infer_sex(f0s[who]) for role, who in pair["speaker"].items()}


def compare(pairs):
    """Adds pair["figures"], by role, and pair["remarks"]."""
    for pair in pairs:
        judged = pair["measured"]
        pair["figures"] = {
            role: figures.compare(judged[role], judged["source"], judged["target"], pair["truth"])
            for role in ("source", "noisy", "copy", "converted", "tuned")
            if role in judged
        }
        if "tuned" in judged:
            pair["figures"]["untuned"] = pair["figures"]["converted"]
        if "another" in judged:
            pair["figures"]["another"] = {"to_target": figures.similarity(judged["another"], judged["target"])}
        pair["remarks"] = figures.diagnose(pair)


def main():
    arguments = read_arguments(sys.argv[1:])
    pairs = find_pairs(arguments)
    make_audio(pairs, arguments)
    measure(pairs, arguments)
    find_sexes(pairs, arguments.corpus)
    compare(pairs)
    info = subprocess.run([MYNA, "info", arguments.model, "--json"], check=True, capture_output=True, text=True).stdout
    n_texts = sum(pair["truth"] is not None for pair in pairs)
    about = f"{len(pairs)} pairs ({n_texts} with a true text), model {json.loads(info)['id']}, {' '.join(arguments.convert)}"
    if arguments.noise is not None:
        about += f", others talking {arguments.noise:g} dB below the sources"
    report.write(arguments.out, about, pairs)


if __name__ == "__main__":
    main()
