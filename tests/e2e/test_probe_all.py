# SPDX-License-Identifier: LGPL-2.1-or-later
"""probe --all, as people see it: what it says on the way, and of what failed."""
import os

import pytest

from conftest import tiny


@pytest.fixture
def all_env(emulators):
    """A PATH with the test's emulators before this host's."""
    return {"PATH": f"{emulators.folder}:{os.environ['PATH']}"}


def test_a_missing_catalogue_is_told_once(muster, emulators, recording, log, all_env, tmp_path):
    """And before anything is started."""
    for name in ("qemu-system-one", "qemu-system-two"):
        emulators.binary(tiny(recording, log), name)
    nowhere = tmp_path / "nowhere"
    for more in ((), ("--json",)):
        answer = muster("probe", "--all", *more, env=dict(all_env, MUSTER_FEATURES_DIR=str(nowhere)))
        assert (answer.code, answer.out) == (2, "") and str(nowhere) in answer.err, answer
        assert len(answer.err.splitlines()) == 1, answer
    assert log.take() == []


def test_a_failure_is_told_once_at_length(muster, emulators, recording, all_env):
    """Its sentence on standard error, and the reason in short in the table."""
    dead = dict(tiny(recording), faults={"greeting": dict(do="die", when="before", stderr="last words\n")})
    bad = emulators.binary(dead, "qemu-system-bad")
    odd = emulators.script("no script", "qemu-system-odd")
    emulators.binary(tiny(recording), "qemu-system-good")
    for _ in range(2):  # the second time as remembered
        answer = muster("probe", "--all", env=all_env, timeout=120)
        assert answer.code == 2
        for path, reason in ((bad, "is no emulator, or cannot start"),
                             (odd, "is neither a program for this machine nor a script with a #! line")):
            sentence, = [line for line in answer.err.splitlines() if str(path) in line]
            assert sentence.startswith(f"muster: {path} {reason}"), sentence
            row, = [line for line in answer.out.splitlines() if str(path) in line]
            assert row.split(maxsplit=3) == [str(path), "-", "failed", reason], row


def test_progress_says_what_was_found(muster, emulators, recording, all_env):
    good = emulators.binary(tiny(recording), "qemu-system-good")
    version = muster("probe", "-e", good, "--json").json["emulator"]["version"]
    muster("cache", "clear")
    lines = muster("probe", "--all", env=all_env, timeout=120).err.splitlines()
    assert [line.split(" ", 1)[1] for line in lines if str(good) in line] == [f"{good}: QEMU {version}"]
    assert muster("probe", "--all", env=all_env).err == ""
