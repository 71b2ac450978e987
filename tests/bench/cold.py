# SPDX-License-Identifier: LGPL-2.1-or-later
"""Emulators that are asked: one, all, and one by many at once. The cache is emptied before each run."""
import json
import os
import statistics
import subprocess
import time

from figures import EMULATOR, MUSTER, STORAGE, TOOLS, alternate, empty, once, output, own_cache, pair, quartiles, \
    report, say, verdict

SYSTEM_ARGUMENTS = "-S -no-user-config -nodefaults -display none -machine none,accel=tcg:kvm:qtest -qmp stdio"
STORAGE_ARGUMENTS = "--chardev stdio,id=m --monitor chardev=m,mode=control"
CALLS = 64
RACY_SECONDS = 2.1  # so long, the stamp of a file that was written says nothing (base/stamp.h)


def floor_script(emulator):
    """printf | emulator, ended by quit, as a shell would do it: the commands that a probe asks, by its own word."""
    asked = output([str(TOOLS / "bench-library"), "plan", emulator]).replace("'", "'\\''")
    arguments = STORAGE_ARGUMENTS if emulator.endswith("qemu-storage-daemon") else SYSTEM_ARGUMENTS
    return f"printf '%s\\n' '{asked}' | {emulator} {arguments}\n"


def cold(cache, *arguments):
    empty(cache)
    return once([MUSTER, *arguments])


def bench_probe():
    good = True
    with own_cache() as cache:
        for what, emulator in ("cold probe, system emulator", EMULATOR), ("cold probe, storage daemon", STORAGE):
            script = floor_script(emulator)
            good &= pair(what, lambda: once(["sh", "-c", script]),
                         lambda: cold(cache, "probe", "-e", emulator, "--json"), 1.25)
    return good


def bench_all():
    with own_cache() as cache:
        found = json.loads(output([MUSTER, "probe", "--all", "--json"]))
        script = cache.parent / "floor.sh"
        # As long lines as all emulators need fit into no argument list.
        script.write_text("set -e\n" + "".join(floor_script(each["emulator"]["path"]) for each in found))
        floors, times = alternate(lambda: once(["sh", str(script)]), lambda: cold(cache, "probe", "--all"), rounds=5)
        good = report(f"probe --all, cold, {len(found)} emulators", statistics.median(times),
                      statistics.median(floors), 0.75, f"   [{quartiles(times)} against {quartiles(floors)}]")
        warm = [once([MUSTER, "probe", "--all"]) for _ in range(21)]
    middle = statistics.median(warm)
    say(f"{'probe --all, warm, absolute':40} {middle:8.2f} ms   (bar 30 ms, no floor)  {verdict(middle <= 30)}"
        f"   [{quartiles(warm)}]")
    return good and middle <= 30


def at_once(argv):
    """What so many processes print that are let go at the same moment, and how long all took."""
    gate_out, gate_in = os.pipe()
    waiting = [subprocess.Popen(["sh", "-c", 'read -r _; exec "$@" </dev/null', "sh", *argv], stdin=gate_out,
                                stdout=subprocess.PIPE, text=True) for _ in range(CALLS)]
    os.close(gate_out)
    time.sleep(0.5)
    began = time.perf_counter()
    os.close(gate_in)
    printed = [each.communicate()[0] for each in waiting]
    took = (time.perf_counter() - began) * 1000
    assert all(each.returncode == 0 for each in waiting), argv
    return printed, took


def race(cache, what, argv, count_starts):
    empty(cache)
    printed, took = at_once(argv)
    starts = count_starts(printed)
    empty(cache)
    alone = once(argv)
    say(f"{what:40} {took:8.2f} ms   one alone {alone:5.2f} ms   {starts} starts   (bar 1)  {verdict(starts == 1)}")
    return starts == 1


def bench_race():
    feature = "dynamic-auto-read-only"
    with own_cache() as cache:
        starts, wrapper = cache.parent / "starts", cache.parent / "qemu-system-counted"
        wrapper.write_text(f'#!/bin/sh\necho >>{starts}\nexec {EMULATOR} "$@"\n')
        wrapper.chmod(0o755)
        time.sleep(RACY_SECONDS)

        def through_script(_):
            return len(starts.read_text().splitlines())

        def by_own_word(printed):
            return sum(json.loads(each)["spawned"] for each in printed)

        good = race(cache, f"{CALLS} cold has at once, counting script", [MUSTER, "has", feature, "-e", wrapper],
                    through_script)
        return race(cache, f"{CALLS} cold probe at once", [MUSTER, "probe", "--json", "-e", EMULATOR],
                    by_own_word) and good
