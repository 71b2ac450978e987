# SPDX-License-Identifier: LGPL-2.1-or-later
"""A short one of what ./dev soak does at length."""
import importlib.util
import pathlib

import pytest

from daemon import Daemon

SOAK = pathlib.Path(__file__).resolve().parents[1] / "soak/soak.py"


@pytest.mark.slow
def test_nothing_is_lost():
    spec = importlib.util.spec_from_file_location("soak", SOAK)
    soak = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(soak)
    if not pathlib.Path(soak.QEMU).exists():
        pytest.skip(f"{soak.QEMU} is not installed")
    with Daemon() as daemon:
        run = soak.Soak(daemon, kills=8, clients=2, seconds=20, talk=False)
        counts = run.run()
        assert not run.findings, run.findings
        assert counts["kills"] >= 1 and counts["answered"] > 0, counts
