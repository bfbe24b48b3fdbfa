"""What the benchmarks share: alternating runs, Myna's own figures, and what a child process used."""

import json
import os
import statistics
import subprocess
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


class Used:
    """What a command took: wall-clock and processor seconds, and its peak memory in MB."""

    def __init__(self, command, **options):
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.seconds = time.perf_counter() - start
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
        self.cpu_seconds, self.megabytes = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024

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
