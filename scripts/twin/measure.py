"""What the benchmarks share: alternating runs, Myna's own figures, and what a child process used."""

import json
import statistics
import subprocess
import sys
import time


def alternate(jobs, rounds):
    """{name: seconds of each round}; every job once to warm up, then all in turns, so that whatever else the machine
    does meets all alike."""
    for job in jobs.values():
        job()
    seconds = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            seconds[name].append(job())
    return seconds


def timed(work):
    """A job that returns how long `work` takes."""

    def job():
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    return job


class Myna:
    def __init__(self, program, model, recording):
        self.program, self.options = program, ["--json", "-m", model, "-i", recording]

    def figures(self, *arguments):
        command = [self.program, "bench", *map(str, arguments), *self.options]
        return json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)

    def job(self, part, figure):
        """A job that measures `part` once, after Myna's own warm-up."""
        return lambda: self.figures(part, "--runs", 1)[figure]["least"]


# A child's peak memory counts from its parent's size on: so a small process in between starts it.
STARTER = """
import json, resource, subprocess, sys, time
start = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
seconds, used = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""


class Used:
    """What a command took: wall-clock and processor seconds, and its peak memory in MB."""

    def __init__(self, command):
        self.seconds, self.cpu_seconds, self.megabytes = json.loads(self.output([sys.executable, "-c", STARTER, *command]))

    @staticmethod
    def output(command):
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout


def processor():
    with open("/proc/cpuinfo") as file:
        names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    return f"{names[0]}, {len(names)} logical processors" if names else "an unknown processor"


def in_units(seconds):
    for unit, factor in (("s", 1), ("ms", 1e3)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"


def spread(seconds):
    return f"{in_units(min(seconds))}, {in_units(statistics.median(seconds))}"
