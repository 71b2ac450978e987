#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The figures of DESIGN section 9 as ratios against a floor that is measured in the same run.

    ./dev bench            all
    ./dev bench probe      cold probe against the same commands fed by printf through a pipe
    ./dev bench library    schema load, path query, verdict in process (tests/bench/bench-library)

Runs of a pair alternate, so that a machine that slows down slows both; medians are compared.
"""
import os
import pathlib
import statistics
import subprocess
import sys
import time

MUSTER = os.environ["MUSTER"]
BUILD = pathlib.Path(os.environ["MUSTER_BUILD"])
EMULATOR = os.environ.get("EMULATOR", "/usr/bin/qemu-system-x86_64")
STORAGE = "/usr/bin/qemu-storage-daemon"
ROUNDS = int(os.environ.get("ROUNDS", "31"))


def commands():
    """What a probe of this emulator asks, by its own word, so that the floor asks the same."""
    return subprocess.run([str(BUILD / "tests/bench/bench-library"), "plan", EMULATOR], capture_output=True, text=True,
                          check=True).stdout


def once(argv, **kwargs):
    began = time.perf_counter()
    done = subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **kwargs)
    return (time.perf_counter() - began) * 1000, done.returncode


def pair(what, floor, ours, bar, rounds=ROUNDS):
    floors, times = [], []
    for i in range(rounds + 3):
        f, code = once(floor)
        assert code == 0, floor
        t, code = once(ours)
        assert code == 0, ours
        if i >= 3:
            floors.append(f)
            times.append(t)
    f, t = statistics.median(floors), statistics.median(times)
    verdict = "ok" if t / f <= bar else "MISSED"
    print(f"{what:40} {t:8.2f} ms   floor {f:8.2f} ms   {t / f:5.2f} x   (bar {bar} x)  {verdict}", flush=True)
    return t / f <= bar


def bench_probe():
    """The floor: printf | emulator, output discarded, ended by quit, as a shell would do it."""
    asked = commands().replace("'", "'\\''")
    file = BUILD / "bench-commands"
    file.write_text(asked)
    system = f"printf '%s\\n' '{asked}' | {EMULATOR} -S -no-user-config -nodefaults -display none -machine none -qmp stdio"
    good = pair("cold probe, system emulator", ["sh", "-c", system], [MUSTER, "probe", "-e", EMULATOR, "--json"], 1.25)
    daemon = f"printf '%s\\n' '{asked}' | {STORAGE} --chardev stdio,id=m --monitor chardev=m,mode=control"
    return pair("cold probe, storage daemon", ["sh", "-c", daemon], [MUSTER, "probe", "-e", STORAGE, "--json"], 1.25) and good


def bench_library():
    data = pathlib.Path(__file__).resolve().parents[1] / "data"
    return subprocess.run([str(BUILD / "tests/bench/bench-library"), "measure", str(data)]).returncode == 0


def main():
    wanted = sys.argv[1:] or ["probe", "library"]
    benches = {"probe": bench_probe, "library": bench_library}
    results = [benches[name]() for name in wanted]
    return 0 if all(results) else 1


sys.exit(main())
