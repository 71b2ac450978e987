# SPDX-License-Identifier: LGPL-2.1-or-later
"""Emulators that cannot be probed are remembered, with what they said, until something about them changes."""
import json
import os
import subprocess
import time

import pytest

from conftest import MUSTER, binary_of, replace, tiny
from test_cache_key import FEATURE, counting

WORDS = "the last words of a broken emulator\n"


def broken(scenario, at="greeting", **fault):
    return dict(scenario, faults={at: fault or dict(do="die", when="before", stderr=WORDS)})


def test_remembered_and_shown(muster, emulators, recording, log):
    emulator = emulators.binary(broken(tiny(recording, log)))
    first = muster("has", FEATURE, "-e", emulator)
    assert first.code == 2 and WORDS.strip() in first.err and first.out == "", first
    assert log.starts() >= 1
    for args in (("has", FEATURE), ("probe",), ("features",), ("explain", FEATURE), ("probe", "--json")):
        again = muster(*args, "-e", emulator)
        assert again.code == 2 and again.out == "", again
        assert WORDS.strip() in again.err and "--no-cache" in again.err, again
        assert str(emulator) in again.err
    assert log.starts() == 0


@pytest.mark.parametrize("text", ["#!/bin/sh\necho >> {starts}\necho 'no such machine' >&2\nexit 1\n",
                                  "#!/bin/sh\necho >> {starts}\necho this is no QMP\n",
                                  "#!/bin/sh\necho >> {starts}\n"])
def test_scripts_that_fail(muster, emulators, tmp_path, text):
    starts = tmp_path / "starts"
    starts.write_text("")
    script = emulators.script(text.format(starts=starts))
    first = muster("has", FEATURE, "-e", script)
    count = starts.read_text().count("\n")
    assert first.code == 2 and count >= 1, first
    again = muster("has", FEATURE, "-e", script)
    assert again.code == 2 and "--no-cache" in again.err, again
    assert "no such machine" not in first.err or "no such machine" in again.err
    assert starts.read_text().count("\n") == count
    script.write_text(text.format(starts=starts) + "\n")
    assert muster("has", FEATURE, "-e", script).code == 2
    assert starts.read_text().count("\n") > count


def test_a_wrapper_of_a_broken_emulator(muster, emulators, recording, log, tmp_path):
    emulator = emulators.binary(broken(tiny(recording, log)))
    wrapper, starts = counting(emulators, tmp_path, emulator)
    assert muster("has", FEATURE, "-e", wrapper).code == 2
    count = starts()
    answer = muster("has", FEATURE, "-e", wrapper)
    assert answer.code == 2 and WORDS.strip() in answer.err and starts() == count


def test_no_emulator_at_all(muster, emulators, tmp_path):
    """What says nothing about the emulator is not kept: it may be there the next time."""
    path = emulators.folder / "later"
    answer = muster("has", FEATURE, "-e", path)
    assert answer.code == 2 and "--no-cache" not in answer.err
    path.symlink_to("/usr/bin/qemu-storage-daemon")
    assert muster("has", FEATURE, "-e", path).code == 0


def test_retried_after_a_change(muster, emulators, recording, log):
    good = tiny(recording, log)
    emulator = emulators.binary(broken(good))
    assert muster("has", FEATURE, "-e", emulator).code == 2
    assert muster("has", FEATURE, "-e", emulator).code == 2
    before = emulator.stat()
    replace(emulator, binary_of(good), like=before)
    assert muster("has", FEATURE, "-e", emulator).code == 0
    replace(emulator, binary_of(broken(good)), like=before)
    log.take()
    assert muster("has", FEATURE, "-e", emulator).code == 2
    assert log.starts() == 0  # as it was


def test_retried_after_its_modules_changed(muster, emulators, recording, log):
    """An emulator that died for want of a module."""
    emulator = emulators.binary(broken(tiny(recording, log)))
    modules = emulators.folder.parent / "lib/qemu"
    assert muster("has", FEATURE, "-e", emulator).code == 2
    log.take()
    assert muster("has", FEATURE, "-e", emulator).code == 2
    assert log.starts() == 0
    modules.mkdir(parents=True)
    (modules / "accel-tcg.so").write_text("a module")
    assert muster("has", FEATURE, "-e", emulator).code == 2
    assert log.starts() >= 1


def test_what_a_wrapper_needs_comes(muster, emulators, recording, log, tmp_path):
    """A package is installed whose emulator a wrapper has named all the time."""
    late = tmp_path / "late"
    script = emulators.script(f'#!/bin/sh\nexec {late} "$@"\n')
    assert muster("has", FEATURE, "-e", script).code == 2
    assert "--no-cache" in muster("has", FEATURE, "-e", script).err
    emulators.binary(tiny(recording, log)).rename(late)
    assert muster("has", FEATURE, "-e", script).code == 0
    assert log.starts() == 1


def test_no_cache_retries_and_forgets(muster, emulators, recording, log, tmp_path):
    """The script stays, and what it needs comes; but it does not call that by a name that could be watched."""
    needed, good = tmp_path / "needed", emulators.binary(tiny(recording, log))
    script = emulators.script(f'#!/bin/sh\ncd {tmp_path}\n[ -e needed ] || exit 1\nexec {good} "$@"\n')
    assert muster("has", FEATURE, "-e", script).code == 2
    needed.write_text("")
    answer = muster("has", FEATURE, "-e", script)
    assert answer.code == 2 and "--no-cache" in answer.err
    assert muster("has", FEATURE, "-e", script, "--no-cache").code == 0
    assert muster("has", FEATURE, "-e", script).code == 0
    assert log.starts() == 1


def test_more_time(muster, emulators, recording, log):
    emulator = emulators.binary(broken(tiny(recording, log), "query-version", do="hang"))
    first = muster("has", FEATURE, "-e", emulator, "--timeout", "0.4")
    assert first.code == 2 and log.starts() >= 1, first
    for limit in ("0.4", "0.3"):
        assert muster("has", FEATURE, "-e", emulator, "--timeout", limit).code == 2
    assert log.starts() == 0
    assert muster("has", FEATURE, "-e", emulator, "--timeout", "0.6").code == 2
    assert log.starts() >= 1
    assert muster("has", FEATURE, "-e", emulator, "--timeout", "0.6").code == 2
    assert log.starts() == 0


def test_more_time_is_enough(muster, emulators, recording, log):
    emulator = emulators.binary(broken(tiny(recording, log), "query-version", do="delay", msec=600))
    assert muster("has", FEATURE, "-e", emulator, "--timeout", "0.2").code == 2
    assert muster("has", FEATURE, "-e", emulator, "--timeout", "30").code == 0
    log.take()
    assert muster("has", FEATURE, "-e", emulator, "--timeout", "0.2").code == 0
    assert log.starts() == 0


def test_a_failure_of_the_supplement_keeps_the_record(muster, emulators, recording, log, cache):
    """The core is known; that host facts could not be asked today costs nothing of it."""
    scenario = tiny(recording, log)
    emulator = emulators.binary(scenario)
    assert muster("has", FEATURE, "-e", emulator).code == 0
    cache.only("hosts").unlink()
    record = cache.only("records").read_bytes()
    emulator.chmod(0o644)
    answer = muster("has", FEATURE, "-e", emulator)
    assert answer.code in (0, 2) and cache.only("records").read_bytes() == record
    emulator.chmod(0o755)
    assert muster("has", FEATURE, "-e", emulator).code == 0


@pytest.mark.parametrize("what", ["binary", "script", "modules", "link"])
def test_upgraded_while_it_hung(muster, emulators, recording, log, what):
    """The failure is that of what was there when it began, not of what is there at its end."""
    good = tiny(recording, log)
    hung = emulators.binary(broken(good, "query-version", do="hang"))
    path, link = hung, emulators.folder / "link"
    if what == "script":
        path = emulators.script(f'#!/bin/sh\nexec {hung} "$@"\n')
    elif what == "link":
        path = link
        link.symlink_to(hung)
    child = subprocess.Popen([MUSTER, "has", FEATURE, "-e", path, "--timeout", "1.5"], stdin=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, text=True)
    for _ in range(1000):
        if log.path.exists() and "query-version" in log.path.read_text():
            break
        time.sleep(0.01)
    if what == "binary":
        replace(hung, binary_of(good))
    elif what == "script":
        replace(path, f'#!/bin/sh\nexec {emulators.binary(good)} "$@"\n'.encode())
    elif what == "link":
        new = emulators.binary(good)
        link.unlink()
        link.symlink_to(new)
    else:
        modules = emulators.folder.parent / "lib/qemu"
        modules.mkdir(parents=True)
        (modules / "accel-tcg.so").write_text("what it had hung for")
    assert (child.communicate()[0], child.returncode) == (None, 2)
    log.take()
    assert muster("has", FEATURE, "-e", path, "--timeout", "1.5").code == (2 if what == "modules" else 0)
    assert log.starts() >= 1


def test_another_user_may_fare_better(muster, emulators):
    """A failure is the user's: nobody may not do what root may."""
    if os.geteuid() != 0:
        pytest.skip("giving up rights needs root")
    script = emulators.script('#!/bin/sh\n[ "$(id -u)" = 0 ] || exit 1\nexec /usr/bin/qemu-storage-daemon "$@"\n')
    for folder in (emulators.folder, *emulators.folder.parents[:3]):
        if folder != emulators.folder.anchor and folder.stat().st_uid == 0 and str(folder).startswith("/tmp/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    assert muster("has", FEATURE, "-e", script, "--user", "nobody").code == 2
    assert muster("has", FEATURE, "-e", script, "--user", "nobody").code == 2
    assert muster("has", FEATURE, "-e", script).code == 0
    assert muster("has", FEATURE, "-e", script, "--user", "nobody").code in (0, 2)
    assert muster("has", FEATURE, "-e", script).code == 0


def test_one_hides_no_other(muster, emulators, recording, log):
    """probe --all: every emulator on PATH, one of which is broken, and again."""
    bad = emulators.binary(broken(tiny(recording, log)), "qemu-system-broken")
    good = emulators.binary(tiny(recording), "qemu-system-good")
    env = {"PATH": f"{emulators.folder}:{os.environ['PATH']}"}
    for n in range(2):
        answer = muster("probe", "--all", "--json", env=env, timeout=120)
        assert answer.code == 2, answer
        by_path = {e["emulator"]["path"]: e for e in answer.json}
        assert WORDS.strip() in json.dumps(by_path[str(bad)]) and "features" not in by_path[str(bad)]
        others = [e for path, e in by_path.items() if path != str(bad)]
        assert str(good) in by_path and len(others) >= 2
        assert all(e["features"] and e["cached"] is (n > 0) for e in others)
        assert n == 0 or sum(e["spawned"] for e in others) == 0
        assert WORDS.strip() in answer.err
        assert (log.starts() == 0) is (n > 0)


def test_the_failure_is_stored_with_its_reason(muster, emulators, recording, cache):
    muster("has", FEATURE, "-e", emulators.binary(broken(tiny(recording))))
    body = json.loads(cache.only("failures").read_bytes().split(b"\n", 2)[2])
    assert WORDS.strip() in body["detail"] and body["message"] and body["code"] and body["path"]


def test_a_failure_is_never_served_for_another(muster, emulators, recording, log, cache):
    """The file of a failure under the key of an emulator that works: muster's answer is that emulator's."""
    bad, good = emulators.binary(broken(tiny(recording, log))), emulators.binary(tiny(recording, log))
    assert muster("has", FEATURE, "-e", bad).code == 2
    failure = cache.only("failures")
    assert muster("has", FEATURE, "-e", good).code == 0
    record, host = cache.only("records").name, cache.only("hosts").name
    os.rename(failure, failure.with_name(host))
    subprocess.run(["rm", "-r", cache.path / "records", cache.path / "hosts", cache.path / "verdicts"], check=True)
    assert muster("has", FEATURE, "-e", good).code == 0, record
