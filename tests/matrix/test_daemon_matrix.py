# SPDX-License-Identifier: LGPL-2.1-or-later
"""Disks and images of a running domain under musterd on the QEMU of other suites."""
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from api import ApiError  # noqa: E402
from conftest import emulators, scratch  # noqa: E402,F401  (fixtures)
from daemon import Daemon  # noqa: E402
from machine import Machine, cdrom, disk, files_of, image  # noqa: E402
from test_domain_matrix import inside, suite  # noqa: E402,F401  (fixtures)
from test_matrix import ROOTS  # noqa: E402


@pytest.fixture
def vm(scratch, emulators, inside, suite):  # noqa: F811
    script = emulators.script(f'#!/bin/sh\nexec chroot {ROOTS / suite} /usr/bin/qemu-system-x86_64 "$@"\n', suite)
    # Before 6.1 q35 has no ACPI hot-plug, and a PCIe port gives a device up only to a guest's driver.
    kind = "pc" if suite == "bullseye" else "q35"
    with Daemon(emulator=False) as daemon:
        machine = Machine(daemon, inside, machine=kind, emulator=script).start()
        yield machine
        machine.close()


def both(vm, *names):
    files = [str(vm.place / name) for name in names]
    assert vm.files("vda") == files_of(vm.live(), "vda") == files_of(vm.config(), "vda") == files
    vm.check()


@pytest.mark.parametrize("bus, target", [("virtio", "vdb"), ("scsi", "sdb"), ("usb", "sdc")])
def test_disks_come_and_go(vm, bus, target):
    file, before = image(vm.place / "x.qcow2"), vm.live()
    vm.attach(disk(file, target, bus))
    assert vm.files(target) == [str(file)] and vm.mode(file) == "O_RDWR"
    vm.check()
    with pytest.raises(ApiError):
        vm.attach(disk(image(vm.place / "y.qcow2"), target, bus))
    vm.check()
    vm.detach(target=target)
    assert vm.live() == before and vm.mode(file) is None
    vm.check()


def test_media(vm):
    file = image(vm.place / "a.iso", "raw")
    vm.media(cdrom(file))
    assert vm.files("hdc") == [str(file)] and vm.mode(file) == "O_RDONLY"
    vm.check()
    vm.media(cdrom())
    assert vm.mode(file) is None
    vm.check()


def end(vm, answer, ready):
    vm.expect(answer["access"], "during")
    vm.speed(0)
    if ready:
        vm.wait(lambda: vm.progress()["status"] == "ready", "the job is not ready")
        assert vm.pivot()["outcome"] == "completed"
    else:
        vm.ended()
    vm.expect(answer["access"], "after")


def test_images(vm):
    vm.snapshot(vda=vm.place / "s1.qcow2")
    vm.write(1, "2M")
    vm.snapshot(vda=vm.place / "s2.qcow2")
    vm.write(2, "3M")
    both(vm, "s2.qcow2", "s1.qcow2", "m-base.qcow2")
    vm.wait(lambda: vm.mode(vm.base) == "O_RDONLY", "the base is still open for writing")
    end(vm, vm.job("commit", bandwidth=1 << 16), ready=False)
    both(vm, "s2.qcow2", "m-base.qcow2")
    vm.job("commit", active=True, bandwidth=1 << 16)
    assert vm.cancel()["outcome"] == "cancelled"
    both(vm, "s2.qcow2", "m-base.qcow2")
    end(vm, vm.job("copy", file=str(vm.place / "kept.qcow2"), keep=True, bandwidth=1 << 16), ready=True)
    both(vm, "s2.qcow2", "m-base.qcow2")
    vm.daemon.kill9()
    vm.daemon.start()
    vm.events.close()
    vm.events = vm.api.events()
    end(vm, vm.job("commit", active=True, bandwidth=1 << 16), ready=True)
    both(vm, "m-base.qcow2")
    end(vm, vm.job("copy", file=str(vm.place / "c.raw"), format="raw", bandwidth=1 << 16), ready=True)
    both(vm, "c.raw")
    vm.holds(("1M", 9), ("2M", 1), ("3M", 2))
    subprocess.check_call(["qemu-img", "compare", "-q", "-U", str(vm.base), str(vm.place / "c.raw")])
