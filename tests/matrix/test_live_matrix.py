# SPDX-License-Identifier: LGPL-2.1-or-later
"""Devices and images of a running guest on the QEMU of other suites: other commands, other quirks, the same outcome."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import live  # noqa: E402
from conftest import emulators, muster, scratch  # noqa: E402,F401  (fixtures)
from live import Live, Planner  # noqa: E402
from test_domain_matrix import inside, suite  # noqa: E402,F401  (fixtures)
from test_matrix import ROOTS  # noqa: E402


@pytest.fixture
def emulator(suite, emulators):  # noqa: F811
    return emulators.script(f'#!/bin/sh\nexec chroot {ROOTS / suite} /usr/bin/qemu-system-x86_64 "$@"\n', suite)


@pytest.fixture
def planner(scratch, emulator, inside):  # noqa: F811
    planner = Planner(emulator)
    yield planner
    planner.end()


@pytest.mark.parametrize("tune", [False, True], ids=["plain", "filtered"])
def test_images(planner, emulator, inside, tune):  # noqa: F811
    with Live(planner, live.definition(emulator, inside, tune=tune), inside) as guest:
        live.images(guest, inside)


def test_devices(planner, emulator, inside, suite):  # noqa: F811
    # Before 6.1 q35 has no ACPI hot-plug, and a PCIe port gives a device up only to a guest's driver.
    machine = "pc" if suite == "bullseye" else "q35"
    with Live(planner, live.definition(emulator, inside, machine), inside) as guest:
        live.devices(guest, inside)
        live.refusals(guest)
