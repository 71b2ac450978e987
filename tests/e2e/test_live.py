# SPDX-License-Identifier: LGPL-2.1-or-later
"""Devices and images of a running guest: steps that muster plans, carried out on a real emulator."""
import pathlib
import shutil
import tempfile

import pytest

import live
from live import Live, Planner

EMULATOR = pathlib.Path("/usr/bin/qemu-system-x86_64")


@pytest.fixture
def place(scratch, monkeypatch):
    """Where images and sockets lie; a socket's path has 107 bytes."""
    if not EMULATOR.exists():
        pytest.skip(f"{EMULATOR} is not installed")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="m-", dir="/tmp"))
    monkeypatch.setenv("MUSTER_RUN_DIR", str(folder / "run"))
    monkeypatch.setenv("MUSTER_STATE_DIR", str(folder / "state"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def planner(place):
    planner = Planner(EMULATOR)
    yield planner
    planner.end()


@pytest.mark.parametrize("tune", [False, True], ids=["plain", "filtered"])
def test_images(planner, place, tune):
    with Live(planner, live.definition(EMULATOR, place, tune=tune), place) as guest:
        live.images(guest, place)


def test_devices(planner, place):
    with Live(planner, live.definition(EMULATOR, place), place) as guest:
        live.devices(guest, place)
        live.refusals(guest)
