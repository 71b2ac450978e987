# SPDX-License-Identifier: LGPL-2.1-or-later
"""Answers out of the cache: what they cost beside a process that does nothing, and how many records matter."""
import json
import os
import shutil
import statistics
import subprocess

from figures import EMULATOR, MUSTER, ROUNDS, STORAGE, TOOLS, alternate, once, output, own_cache, quartiles, report, \
    say, spawn, spawned_spread

HAS = [MUSTER, "has", "dynamic-auto-read-only"]
GATE = [MUSTER, "gate", "--driver", "file", "--filename", "disk.qcow2", "--format", "qcow2", "--access", "on-demand"]
FEW, MANY = 10, 10000


def loaded_libraries():
    """Of a warm `has`, by the dynamic linker's own word; what is opened later (dlopen) counts too."""
    traced = subprocess.run(HAS, env={**os.environ, "LD_DEBUG": "files"}, capture_output=True, text=True).stderr
    return sorted({line.split("file=")[1].split()[0] for line in traced.splitlines() if "generating link map" in line})


def bench_warm():
    rounds = ROUNDS * 20
    good = True
    with own_cache():
        for argv in HAS, [*HAS, "-e", EMULATOR], [*HAS, "-e", EMULATOR]:
            output(argv)
        true, default, named, features, gate = spawn(rounds, ["/bin/true"], HAS, [*HAS, "-e", EMULATOR],
                                                     [MUSTER, "features"], GATE)
        for what, ours in ("warm has, default emulator", default), ("warm has -e PATH", named):
            good &= report(what, ours["median"], true["median"], 3, spawned_spread(ours, true))
        for what, ours in ("warm features", features), ("warm gate", gate):
            say(f"{what:40} {ours['median']:8.2f} ms   floor {true['median']:8.2f} ms   "
                f"{ours['median'] / true['median']:5.2f} x   (no bar)")
        say(f"    warm has loads {' '.join(loaded_libraries())}")
    return good


def bench_hash():
    return subprocess.run([str(TOOLS / "bench-library"), "hash", EMULATOR]).returncode == 0


def crowd(cache, records):
    """Others of the right names. Links to copies of real files, since 10,000 real records take 2.6 GB."""
    kinds = {}
    for folder in "records", "hosts", "verdicts", "paths", "sizes":
        real = next((cache / folder).iterdir())
        model = cache.parent / f"{cache.name}-{folder}"
        shutil.copy(real, model)
        kinds[folder] = model, real.name
    for i in range(records - 1):
        for folder, (model, name) in kinds.items():
            other = {"paths": f"{name}-{i}", "sizes": f"{10 ** 8 + i}"}.get(folder, f"{i:064x}{name[64:]}")
            os.link(model, cache / folder / other)


def by_new_path(cache, folder, number):
    """A digest hit: the file is known, the path to it is not."""
    path = folder / f"qemu-storage-daemon-{next(number)}"
    path.symlink_to(STORAGE)
    os.environ["MUSTER_CACHE_DIR"] = str(cache)
    return once([MUSTER, "probe", "--json", "-e", str(path)])


def bench_records():
    with own_cache() as cache:
        caches = [cache.parent / str(n) for n in (FEW, MANY)]
        for each, records in zip(caches, (FEW, MANY)):
            os.environ["MUSTER_CACHE_DIR"] = str(each)
            output([MUSTER, "probe", "--json", "-e", STORAGE])
            crowd(each, records)
            output([*HAS, "-e", STORAGE])
        folder = cache.parent / "bin"
        folder.mkdir()
        number = iter(range(10 ** 6))
        few, many = spawn(ROUNDS * 20, *([f"MUSTER_CACHE_DIR={each}", *HAS, "-e", STORAGE] for each in caches))
        good = report(f"warm has, {MANY} records against {FEW}", many["median"], few["median"], 1.1,
                      spawned_spread(many, few))
        floors, times = alternate(*(lambda each=each: by_new_path(each, folder, number) for each in caches), ROUNDS)
        path = folder / "qemu-storage-daemon-0"
        assert json.loads(output([MUSTER, "probe", "--json", "-e", str(path)]))["spawned"] == 0
        return report("digest hit by a new path, as many", statistics.median(times), statistics.median(floors), 1.1,
                      f"   [{quartiles(times)} against {quartiles(floors)}]") and good
