# SPDX-License-Identifier: LGPL-2.1-or-later
"""Emulators that die, hang, stutter or lie: a right verdict or a clear error, within the deadline, nothing left."""
import json
import os
import signal
import subprocess
import time

import pytest

from conftest import MUSTER, minimal, processes

FEATURE = "dynamic-auto-read-only"
COMMANDS = ["qmp_capabilities", "query-version", "query-qmp-schema", "query-qemu-features", "qom-list-types",
            "query-command-line-options"]


def with_fault(scenario, at, **fault):
    scenario["faults"] = {at: fault}
    return scenario


@pytest.mark.parametrize("chunk", [1, 2, 4093, 65536])
def test_slices_of_any_size(muster, emulators, recording, chunk):
    assert muster("has", FEATURE, "-e", emulators.replay(dict(recording("7.2-storage-daemon"), chunk=chunk),
                                                         "qemu-storage-daemon")).code == 0


@pytest.mark.parametrize("when", ["before", "within", "after"])
@pytest.mark.parametrize("at", ["greeting", *COMMANDS])
def test_death(muster, emulators, recording, at, when):
    """Death at a command costs that fact at most; a probe that cannot go on is an error with stderr's last words."""
    answer = muster("probe", "--json", "-e", emulators.replay(
        with_fault(recording(), at, do="die", when=when, signal=6, stderr="the last words\n")))
    if at in ("greeting", "qmp_capabilities", "query-version", "query-qmp-schema"):
        assert answer.code in (0, 2), answer
    else:
        assert answer.code == 0, answer
    if answer.code == 2:
        assert "the last words" in answer.err and answer.out == ""
    else:
        verdicts = {f["name"]: f["verdict"] for f in answer.json["features"]}
        assert verdicts[FEATURE] == "present" or at in ("query-qmp-schema", "query-qemu-features")


@pytest.mark.parametrize("at", ["greeting", "qmp_capabilities", "query-qmp-schema", "qom-list-types"])
def test_hang(muster, emulators, recording, at):
    began = time.monotonic()
    answer = muster("has", FEATURE, "--timeout", "1", "-e", emulators.replay(with_fault(recording(), at, do="hang")))
    assert answer.code == 2 and time.monotonic() - began < 4
    assert answer.err.count("\n") >= 1


@pytest.mark.parametrize("fault,word", [
    (dict(do="garbage", text="}}} not JSON"), "JSON"),
    (dict(do="garbage", text="[1, 2]"), None),
    (dict(do="garbage", text='{"neither": "fish"}'), None),
    (dict(do="unasked"), "nobody asked"),
    (dict(do="no-id"), None),
    (dict(do="twice"), None),
])
def test_protocol_violations(muster, emulators, recording, fault, word):
    answer = muster("probe", "--json", "-e", emulators.replay(with_fault(recording(), "query-version", **fault)))
    assert answer.code == 2 and answer.out == ""
    assert answer.err.startswith("muster: ")
    assert word is None or word in answer.err, answer


def test_a_message_without_end(muster, emulators, recording):
    began = time.monotonic()
    fault = with_fault(recording(), "query-version", do="flood", bytes=200 << 20)
    answer = muster("has", FEATURE, "-e", emulators.replay(fault))
    assert answer.code == 2 and time.monotonic() - began < 15
    assert "64" in answer.err or "large" in answer.err or "long" in answer.err, answer


def test_many_events_before_a_reply(muster, emulators, recording):
    fault = with_fault(recording(), "query-version", do="events", count=20000)
    assert muster("has", FEATURE, "-e", emulators.replay(fault)).code == 0


def test_delays(muster, emulators, recording):
    fault = with_fault(recording(), "query-qmp-schema", do="delay", msec=500)
    assert muster("has", FEATURE, "-e", emulators.replay(fault)).code == 0


def test_cut_at_every_byte(muster, emulators, recording):
    """Whatever byte is the emulator's last: present only if all that it takes had come, else an error."""
    scenario = minimal(recording)
    whole = muster("has", FEATURE, "-v", "-e", emulators.replay(scenario, "qemu-storage-daemon"))
    assert whole.code == 0, whole
    codes = set()
    for cut in range(1, 700):
        file = emulators.folder / "cut.json"
        file.write_text(json.dumps(dict(scenario, cut=cut)))
        wrapper = emulators.script(f'#!/bin/sh\nexec {os.environ["MUSTER_BUILD"]}/tests/replay/replay {file} "$@"\n',
                                   "cut-storage-daemon")
        done = subprocess.run([MUSTER, "has", FEATURE, "--timeout", "5", "-e", wrapper], capture_output=True,
                              text=True, stdin=subprocess.DEVNULL)
        assert done.returncode in (0, 2, 3), (cut, done)
        assert done.returncode != 2 or done.stderr, cut
        codes.add(done.returncode)
    assert 2 in codes


test_cut_at_every_byte = pytest.mark.slow(test_cut_at_every_byte)


def test_interrupted(emulators, recording, scratch):
    """Ctrl-C in the middle: the emulator goes with it."""
    emulator = emulators.replay(with_fault(recording(), "query-qmp-schema", do="hang"))
    child = subprocess.Popen([MUSTER, "probe", "-e", emulator, "--timeout", "30"], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
    time.sleep(0.7)
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=5)
    assert child.returncode == 130
    assert not [line for line in processes().values() if str(emulators.folder) in line]
    assert not list(scratch.iterdir())


def test_killed(emulators, recording):
    """kill -9 of muster cannot be cleaned up after; the emulator still must not stay."""
    emulator = emulators.replay(with_fault(recording(), "query-qmp-schema", do="hang"))
    child = subprocess.Popen([MUSTER, "probe", "-e", emulator, "--timeout", "30"], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    time.sleep(0.7)
    child.kill()
    child.wait()
    time.sleep(0.3)
    assert not [line for line in processes().values() if str(emulators.folder) in line]
