# SPDX-License-Identifier: LGPL-2.1-or-later
"""The emulators of other Debian suites, run in their own root folders by chroot wrappers (root only)."""
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from conftest import emulators, muster, scratch  # noqa: E402,F401  (fixtures)

FEATURE = "dynamic-auto-read-only"
ROOTS = pathlib.Path(os.environ.get("MUSTER_ROOTS", "/var/tmp/muster-roots"))
SUITES = {"bullseye": "5.2.", "trixie": "10.0.", "forky": "11."}
BINARIES = ["qemu-system-x86_64", "qemu-storage-daemon"]


@pytest.fixture(params=[(s, b) for s in SUITES for b in BINARIES], ids=lambda p: "-".join(p))
def foreign(request, emulators):  # noqa: F811
    suite, binary = request.param
    if os.geteuid() != 0:
        pytest.skip("chroot wrappers need root")
    if not (ROOTS / suite / ".complete").exists():
        pytest.skip(f"the QEMU of {suite} could not be unpacked below {ROOTS}")
    wrapper = emulators.script(f'#!/bin/sh\nexec chroot {ROOTS / suite} /usr/bin/{binary} "$@"\n', f"{suite}-{binary}")
    return suite, binary, wrapper


def test_probe(muster, foreign):  # noqa: F811
    import hashlib
    suite, binary, wrapper = foreign
    emulator = muster("probe", "-e", wrapper, "--json").json["emulator"]
    real = ROOTS / suite / "usr/bin" / binary
    assert emulator["version"].startswith(SUITES[suite])
    assert emulator["digest"] == hashlib.sha256(real.read_bytes()).hexdigest()
    assert emulator["executable"] == str(real)


def test_verdicts(muster, foreign):  # noqa: F811
    suite, binary, wrapper = foreign
    verdicts = {f["name"]: f["verdict"] for f in muster("features", "-e", wrapper, "--json").json}
    assert verdicts[FEATURE] == "present"
    assert verdicts["blockdev-reopen"] == "present"
    if binary == "qemu-system-x86_64":
        assert verdicts["json-cli-hotplug"] == ("absent" if suite == "bullseye" else "present")
        assert verdicts["savevm-monitor-nodes"] == "present"


def test_verify(muster, foreign):  # noqa: F811
    answer = muster("verify", FEATURE, "-e", foreign[2], "--json")
    assert answer.code == 0, answer
    assert [h["met"] for h in answer.json["halves"]] == [True, True, True]


def test_schema_differs(muster, foreign):  # noqa: F811
    answer = muster("schema", "diff", foreign[2], f"/usr/bin/{foreign[1]}", "--json")
    assert answer.code == 1 and len(answer.json) > 3
    paths = [d["path"] for d in answer.json]
    assert paths == sorted(paths) or len(set(paths)) > 3
