# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many processes at once: one asks the emulator, the others wait for its record, whatever becomes of the one."""
import os
import pathlib
import random
import signal
import subprocess
import time

import pytest

from conftest import MUSTER, binary_of, minimal, processes, replace, tiny
from test_cache_key import FEATURE, counting, without

CROWD = 64
X86, STORAGE = "/usr/bin/qemu-system-x86_64", "/usr/bin/qemu-storage-daemon"


class Crowd:
    """Look-ups that are let go at the same moment: when the pipe that they read ends."""

    def __init__(self, args, n):
        gate, end = os.pipe()
        self.children = [subprocess.Popen(["/bin/sh", "-c", 'read -r _; exec "$@" </dev/null', "sh", MUSTER,
                                           *map(str, args)], stdin=gate, stdout=subprocess.PIPE,
                                          stderr=subprocess.PIPE, text=True) for _ in range(n)]
        os.close(gate)
        os.close(end)

    def wait(self):
        """(exit code, stderr) of each"""
        done = []
        for child in self.children:
            _, err = child.communicate(timeout=120)
            done.append((child.returncode, err))
        return done


@pytest.fixture
def crowd(scratch):
    made = []

    def start(*args, n=CROWD):
        made.append(Crowd(args, n))
        return made[-1]

    yield start
    for one in made:
        for child in one.children:
            if child.poll() is None:
                child.kill()
            child.wait()


def nobody_is_left(*paths):
    """Emulators that were killed may take a moment to go."""
    for _ in range(100):
        left = [line for line in processes().values() if any(str(path) in line for path in paths)]
        if not left:
            return True
        time.sleep(0.05)
    raise AssertionError(left)


def all_locks_are_free(cache):
    """Asked of the kernel as a newcomer would: the whole of the file can be locked."""
    import fcntl
    with open(cache.path / "lock", "r+b") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return True


@pytest.mark.parametrize("binary", [X86, STORAGE])
def test_a_crowd_starts_one(muster, prefix, emulators, tmp_path, crowd, cache, binary):
    """A real emulator at a fresh path, its starts counted by the wrapper before it."""
    place = prefix(binary)
    wrapper, starts = counting(emulators, tmp_path, place.emulator)
    done = crowd("has", FEATURE, "-e", wrapper).wait()
    assert done == [(0, "")] * CROWD
    alone = starts()
    assert muster("has", FEATURE, "-e", wrapper, "--no-cache").code == 0
    assert alone == starts() - alone, "no more than what one alone needs"
    assert nobody_is_left(place.emulator) and all_locks_are_free(cache)


def test_a_crowd_on_an_executable(emulators, recording, log, crowd, cache):
    """Without a wrapper; that it starts is known from the emulator itself."""
    scenario = recording()
    emulator = emulators.binary(dict(scenario, log=str(log)))
    assert crowd("has", FEATURE, "-e", emulator).wait() == [(0, "")] * CROWD
    assert log.starts() == 1
    assert len(cache.files("records")) == 1 and all_locks_are_free(cache)


def test_a_crowd_on_copies(emulators, recording, log, scratch, cache):
    """Each by another path: what is behind them is found to be one before it is started twice."""
    content = binary_of(tiny(recording, log))
    paths = []
    for n in range(16):
        paths.append(emulators.folder / f"copy-{n}")
        paths[-1].write_bytes(content)
        paths[-1].chmod(0o755)
    children = [subprocess.Popen([MUSTER, "has", FEATURE, "-e", path], stdin=subprocess.DEVNULL) for path in paths]
    assert [child.wait() for child in children] == [0] * len(paths)
    assert log.starts() == 1


def test_a_crowd_on_different_emulators(emulators, recording, scratch, log):
    """Half of them have the feature; all have the same size, hence the same lock."""
    scenario = tiny(recording, log)
    kinds = [emulators.binary(dict(s, n=n)) for n in range(8) for s in (scenario, without(scenario))]
    children = [subprocess.Popen([MUSTER, "has", FEATURE, "-e", path], stdin=subprocess.DEVNULL)
                for path in kinds for _ in range(4)]
    assert [child.wait() for child in children] == ([0] * 4 + [1] * 4) * 8
    assert log.starts() == len(kinds)


def parent(pid):
    try:
        return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0


def prober_among(children, emulator):
    """The one of these processes that has the emulator as its descendant."""
    pids = {child.pid: child for child in children}
    for _ in range(1000):
        for pid in processes():
            try:
                if os.readlink(f"/proc/{pid}/exe") != str(emulator):
                    continue
            except OSError:
                continue
            while pid > 1:
                if pid in pids:
                    return pids[pid]
                pid = parent(pid)
        time.sleep(0.01)
    raise AssertionError("nobody probes")


def started(log, n):
    """Until the n-th start is in the log: an emulator that is killed before that was not counted."""
    for _ in range(1000):
        if log.path.exists() and log.path.read_text().splitlines().count("start") >= n:
            return
        time.sleep(0.01)
    raise AssertionError(log.take())


def test_the_prober_is_killed(muster, emulators, recording, log, crowd, cache):
    """Halfway, twice: the next one takes over, with no lock left behind. (Its scratch folder stays until it is swept.)"""
    slow = dict(tiny(recording, log), faults={"query-qmp-schema": dict(do="delay", msec=1500)})
    emulator = emulators.binary(slow)
    many = crowd("has", FEATURE, "-e", emulator, "--timeout", "60")
    killed = []
    for n in range(2):
        killed.append(prober_among([c for c in many.children if c not in killed], emulator))
        started(log, n + 1)
        killed[-1].send_signal(signal.SIGKILL)
        killed[-1].wait()
    done = many.wait()
    for child, answer in zip(many.children, done):
        assert answer == ((-signal.SIGKILL, "") if child in killed else (0, ""))
    assert log.starts() == 3
    assert nobody_is_left(emulator) and all_locks_are_free(cache)
    answer = muster("probe", "-e", emulator, "--json", clean=False)
    assert (answer.code, answer.err, answer.json["cached"]) == (0, "", True)


def test_all_are_killed(muster, emulators, recording, log, crowd, cache):
    slow = dict(tiny(recording, log), faults={"query-qmp-schema": dict(do="delay", msec=500)})
    emulator = emulators.binary(slow)
    many = crowd("has", FEATURE, "-e", emulator, n=16)
    prober_among(many.children, emulator)
    for child in many.children:
        child.kill()
    many.wait()
    assert nobody_is_left(emulator) and all_locks_are_free(cache)
    assert muster("has", FEATURE, "-e", emulator, clean=False).code == 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_the_prober_is_interrupted(muster, emulators, recording, log, crowd, cache, how):
    """A cancelled probe says nothing about the emulator: the others go on."""
    slow = dict(tiny(recording, log), faults={"query-qmp-schema": dict(do="delay", msec=800)})
    emulator = emulators.binary(slow)
    many = crowd("has", FEATURE, "-e", emulator, n=8)
    one = prober_among(many.children, emulator)
    started(log, 1)
    one.send_signal(how)
    done = dict(zip(many.children, many.wait()))
    assert done.pop(one)[0] not in (0, 1, 3)
    assert list(done.values()) == [(0, "")] * 7
    assert log.starts() == 2 and not cache.files("failures")


def test_the_prober_hangs(muster, emulators, recording, log, crowd, cache):
    """Until its time limit, which is a failure that the others hear of; none of them tries as well."""
    scenario = tiny(recording, log)
    emulator = emulators.binary(dict(scenario, faults={"query-qmp-schema": dict(do="hang")}))
    done = crowd("has", FEATURE, "-e", emulator, "--timeout", "1.5").wait()
    assert {code for code, _ in done} == {2}
    assert all(err.startswith("muster: ") and str(emulator) in err for _, err in done)
    assert log.starts() == 1
    assert nobody_is_left(emulator) and all_locks_are_free(cache)
    replace(emulator, binary_of(scenario))
    assert muster("has", FEATURE, "-e", emulator).code == 0


def test_the_prober_is_stopped(emulators, recording, log, scratch, cache):
    """A prober that does nothing at all any more (SIGSTOP, a debugger): the others end in time and say why."""
    slow = dict(tiny(recording, log), faults={"query-qmp-schema": dict(do="delay", msec=60000)})
    emulator = emulators.binary(slow)
    one = subprocess.Popen([MUSTER, "has", FEATURE, "-e", emulator, "--timeout", "60"], stdin=subprocess.DEVNULL)
    try:
        prober_among([one], emulator)
        one.send_signal(signal.SIGSTOP)
        other = subprocess.run([MUSTER, "has", FEATURE, "-e", emulator, "--timeout", "0.3"], stdin=subprocess.DEVNULL,
                               capture_output=True, text=True)
        assert other.returncode == 2 and "nother process" in other.stderr, other
    finally:
        one.kill()
        one.wait()
    assert log.starts() == 1 and nobody_is_left(emulator) and all_locks_are_free(cache)


def test_a_crowd_while_the_emulator_is_upgraded_and_cleared(muster, emulators, recording, log, scratch, cache):
    """Look-ups, upgrades and a folder that somebody empties, for a while; then every verdict is right."""
    scenario, chance = minimal(recording), random.Random(3)
    contents = [binary_of(scenario), binary_of(without(scenario))]
    emulator, children = emulators.binary(scenario), []
    for n in range(100):
        replace(emulator, contents[n % 2])
        children.append(subprocess.Popen([MUSTER, "has", FEATURE, "-e", emulator], stdin=subprocess.DEVNULL,
                                         stderr=subprocess.PIPE, text=True))
        if n % 10 == 9:
            for kind in ("records", "hosts", "verdicts", "paths"):
                for file in cache.files(kind):
                    file.unlink(missing_ok=True)
        if n % 4 == 3:
            for child in children:
                err = child.communicate()[1]
                # It may have been replaced in the middle of a probe, and there is a sentence for that.
                assert child.returncode in (0, 1) or (child.returncode == 2 and "again" in err), err
            children = []
            assert muster("has", FEATURE, "-e", emulator).code == n % 2
        time.sleep(chance.uniform(0, 0.005))


def test_verify_and_probes_at_once(muster, scratch, tmp_path):
    """What one measures is not lost by what others write at the same time."""
    folder = tmp_path / "config/muster/features.d"
    folder.mkdir(parents=True)
    (folder / "mine.ini").write_text("[only-measured]\nsummary = mine\ntie = measured auto-read-only-reopens\n")
    commands = [("verify", "only-measured"), ("has", FEATURE, "--no-cache"), ("probe", "--no-cache"), ("features",)]
    children = [subprocess.Popen([MUSTER, *command, "-e", STORAGE], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                for command in commands * 6]
    for child in children:
        assert (child.communicate()[1], child.returncode) == ("", 0)
    assert muster("has", "only-measured", "-e", STORAGE).code == 0
