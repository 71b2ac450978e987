# SPDX-License-Identifier: LGPL-2.1-or-later
"""The capability cache on emulators behind chroot wrappers."""
import hashlib
import os
import pathlib
import shutil
import sys
import uuid

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from conftest import emulators, muster, replace, scratch  # noqa: E402,F401  (fixtures)
from test_matrix import FEATURE, ROOTS, SUITES, foreign  # noqa: E402,F401


def probe(muster, path, *more):  # noqa: F811
    answer = muster("probe", "-e", path, "--json", *more)
    assert answer.code == 0 and answer.err == "", answer
    return answer.json


def test_warm_starts_nothing(muster, foreign, emulators, tmp_path):  # noqa: F811
    """Counted by the wrapper, which the host runs."""
    suite, binary, wrapper = foreign
    starts = tmp_path / "starts"
    starts.write_text("")
    counting = emulators.script(f"#!/bin/sh\necho >> {starts}\n" + wrapper.read_text().split("\n", 1)[1])
    first = probe(muster, counting)
    count = starts.read_text().count("\n")
    assert first["cached"] is False and first["spawned"] == count >= 1
    for _ in range(2):
        again = probe(muster, counting)
        assert (again["cached"], again["spawned"]) == (True, 0)
        assert again["emulator"] == first["emulator"] and again["features"] == first["features"]
        assert muster("has", FEATURE, "-e", counting).code == 0
        assert muster("has", FEATURE, "-v", "-e", counting).code == 0
    assert starts.read_text().count("\n") == count


def test_a_copy_of_the_wrapper_is_a_hit(muster, foreign, emulators):  # noqa: F811
    """It has the same content, so it starts the same; only that has to be found out, by a start that asks little."""
    _, _, wrapper = foreign
    assert probe(muster, wrapper)["cached"] is False
    copy = emulators.script(wrapper.read_text())
    probe(muster, copy)
    assert probe(muster, copy)["spawned"] == 0
    assert probe(muster, wrapper)["spawned"] == 0


@pytest.fixture
def inside():
    """Another executable in a root, beside its own emulators, so that it finds their modules."""
    made = []

    def make(suite, binary):
        if os.geteuid() != 0:
            pytest.skip("chroot wrappers need root")
        if not (ROOTS / suite / ".complete").exists():
            pytest.skip(f"the QEMU of {suite} could not be unpacked below {ROOTS}")
        made.append(ROOTS / suite / "usr/bin" / f"{binary}-muster-{uuid.uuid4().hex[:8]}")
        shutil.copy(ROOTS / suite / "usr/bin" / binary, made[-1])
        return made[-1]

    yield make
    for path in made:
        path.unlink()


@pytest.mark.parametrize("suite", list(SUITES))
def test_the_binary_behind_the_wrapper_is_replaced(muster, emulators, inside, suite):  # noqa: F811
    """An upgrade within the container: the wrapper on the host is what it was."""
    binary = inside(suite, "qemu-storage-daemon")
    content = binary.read_bytes()
    wrapper = emulators.script(f'#!/bin/sh\nexec chroot {ROOTS / suite} /usr/bin/{binary.name} "$@"\n', "storage-daemon")
    first = probe(muster, wrapper)
    assert first["cached"] is False and probe(muster, wrapper)["spawned"] == 0
    for new in (content + b"\0", (ROOTS / suite / "usr/bin/qemu-system-x86_64").read_bytes()):
        replace(binary, new, like=binary.stat())
        again = probe(muster, wrapper)
        assert again["cached"] is False
        assert again["emulator"]["digest"] == hashlib.sha256(new).hexdigest() != first["emulator"]["digest"]
        assert probe(muster, wrapper)["spawned"] == 0
    assert again["emulator"]["kind"] == "system"
    replace(binary, content)
    back = probe(muster, wrapper)
    assert back["emulator"]["digest"] == first["emulator"]["digest"] and back["features"] == first["features"]


def test_each_has_its_own_record(muster, foreign):  # noqa: F811
    """The wrapper's emulator and this host's one of the same name are told apart."""
    suite, binary, wrapper = foreign
    theirs, ours = probe(muster, wrapper), probe(muster, f"/usr/bin/{binary}")
    assert theirs["emulator"]["version"].startswith(SUITES[suite]) and ours["emulator"]["version"].startswith("7.2.")
    theirs, ours = probe(muster, wrapper), probe(muster, f"/usr/bin/{binary}")
    assert theirs["spawned"] == ours["spawned"] == 0
    assert theirs["emulator"]["version"].startswith(SUITES[suite]) and ours["emulator"]["version"].startswith("7.2.")


def test_verify_is_kept(muster, foreign):  # noqa: F811
    assert muster("verify", FEATURE, "-e", foreign[2]).code == 0
    answer = muster("explain", FEATURE, "-e", foreign[2], "--json")
    assert {t["kind"]: t["result"] for t in answer.json["ties"]}["measured"] == "met"
