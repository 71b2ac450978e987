# SPDX-License-Identifier: LGPL-2.1-or-later
"""How a figure is taken and printed: pairs of runs that alternate, medians, and a cache of the bench's own."""
import contextlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

MUSTER = os.environ["MUSTER"]
TOOLS = pathlib.Path(os.environ["MUSTER_BUILD"]) / "tests/bench"
EMULATOR = os.environ.get("EMULATOR", "/usr/bin/qemu-system-x86_64")
STORAGE = "/usr/bin/qemu-storage-daemon"
ROUNDS = int(os.environ.get("ROUNDS", "31"))
WARM_UP = 2


@contextlib.contextmanager
def own_cache():
    """Never the host's: a folder in which `cache` and what else a bench needs lie."""
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as folder:
        before = os.environ.get("MUSTER_CACHE_DIR")
        cache = pathlib.Path(folder) / "cache"
        os.environ["MUSTER_CACHE_DIR"] = str(cache)
        try:
            yield cache
        finally:
            os.environ.pop("MUSTER_CACHE_DIR")
            if before is not None:
                os.environ["MUSTER_CACHE_DIR"] = before


def empty(cache):
    shutil.rmtree(cache, ignore_errors=True)


def output(argv):
    return subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True).stdout


def once(argv):
    began = time.perf_counter()
    subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - began) * 1000


def alternate(first, second, rounds):
    """Two lists of milliseconds; first() and second() run once each a round and return theirs."""
    times = [(first(), second()) for _ in range(rounds + WARM_UP)][WARM_UP:]
    return [t[0] for t in times], [t[1] for t in times]


def quartiles(values):
    low, _, high = statistics.quantiles(values, n=4)
    return f"{low:.2f}..{high:.2f}"


def verdict(good):
    return "ok" if good else "MISSED"


def say(line):
    print(line, flush=True)


def report(what, ours, floor, bar, spread=""):
    """Medians in milliseconds. True where the bar is met."""
    good = ours / floor <= bar
    say(f"{what:40} {ours:8.2f} ms   floor {floor:8.2f} ms   {ours / floor:5.2f} x   (bar {bar} x)  {verdict(good)}"
        f"{spread}")
    return good


def pair(what, floor, ours, bar, rounds=ROUNDS):
    """floor() and ours() each run once and return milliseconds."""
    floors, times = alternate(floor, ours, rounds)
    return report(what, statistics.median(times), statistics.median(floors), bar,
                  f"   [{quartiles(times)} against {quartiles(floors)}]")


def spawn(rounds, *commands):
    """Medians and quartiles in milliseconds of commands that take turns (bench-spawn.c)."""
    words = [word for command in commands for word in ["--", *map(str, command)]][1:]
    timed = json.loads(output([str(TOOLS / "bench-spawn"), str(rounds), *words]))
    return [{key: usec / 1000 for key, usec in each.items()} for each in timed]


def spawned_spread(ours, floor):
    return f"   [{ours['low']:.2f}..{ours['high']:.2f} against {floor['low']:.2f}..{floor['high']:.2f}]"
