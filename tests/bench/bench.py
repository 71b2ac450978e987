#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The figures of DESIGN section 9 as ratios against a floor that is measured in the same run.

    ./dev bench            all
    ./dev bench probe      cold probe against the same commands fed by printf through a pipe
    ./dev bench all        probe --all, cold against all emulators fed one after another, and warm
    ./dev bench race       64 cold look-ups at once: how many emulators are started
    ./dev bench warm       warm has, as a whole process, against /bin/true
    ./dev bench records    warm look-ups among 10,000 records against 10
    ./dev bench hash       the digest of the emulator's file against SHA-256 of as much memory
    ./dev bench domain     validate as a process; from a definition's text to its launch plan in process
    ./dev bench start      list beside /bin/true; start of a small guest beside its argv by hand
    ./dev bench scale      1,000 running domains in one daemon: memory, lists, idle time, one slow emulator
    ./dev bench library    schema load, path query, verdict in process (tests/bench/bench-library)

Runs of a pair alternate, so that a machine that slows down slows both; medians are compared, and the quartiles
stand behind them. The host's own cache is never used: cold runs find theirs emptied.
"""
import pathlib
import subprocess
import sys

from cold import bench_all, bench_probe, bench_race
from domains import bench_domain
from figures import TOOLS, own_cache
from scale import bench_scale
from start import bench_start
from warm import bench_hash, bench_records, bench_warm


def bench_library():
    data = pathlib.Path(__file__).resolve().parents[1] / "data"
    with own_cache():
        return subprocess.run([str(TOOLS / "bench-library"), "measure", str(data)]).returncode == 0


BENCHES = {
    "probe": bench_probe,
    "all": bench_all,
    "race": bench_race,
    "warm": bench_warm,
    "records": bench_records,
    "hash": bench_hash,
    "domain": bench_domain,
    "start": bench_start,
    "scale": bench_scale,
    "library": bench_library,
}


def main():
    wanted = sys.argv[1:] or list(BENCHES)
    unknown = [name for name in wanted if name not in BENCHES]
    if unknown:
        print(f"bench: there is no figure '{unknown[0]}'; there are {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    results = [BENCHES[name]() for name in wanted]
    return 0 if all(results) else 1


sys.exit(main())
