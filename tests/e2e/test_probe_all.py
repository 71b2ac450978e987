# SPDX-License-Identifier: LGPL-2.1-or-later
"""probe --all, as people see it: what it says on the way, and of what failed."""
import os

import pytest

from conftest import tiny

FEATURE = "dynamic-auto-read-only"


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
