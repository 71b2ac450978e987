# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest boots from a plan, sees what the definition says, writes to its disk, and the host reads it back."""
import json
import os
import pathlib
import subprocess
import time

import pytest

import guest
from launch import Domain, monitor
from test_domains import place  # noqa: F401  (fixture)

pytestmark = pytest.mark.slow

MAC = "52:54:00:12:34:56"


def definition(place, kernel, image, kind, cmdline=""):
    return f"""<domain type='qemu'>
  <name>boot-{kind}</name>
  <memory unit='MiB'>256</memory>
  <vcpu>2</vcpu>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <kernel>{kernel}</kernel>
    <initrd>{guest.initramfs(place / 'initramfs.gz')}</initrd>
    <cmdline>console=ttyS0 quiet {cmdline}</cmdline>
  </os>
  <features><acpi/></features>
  <cpu mode='maximum'/>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='{kind}'/>
      <source file='{image}'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <interface type='user'><mac address='{MAC}'/><model type='virtio'/></interface>
    <serial type='file'><source path='{place / 'serial.log'}'/></serial>
  </devices>
</domain>
"""


def make_image(path, kind):
    raw = path.with_suffix(".start")
    raw.write_bytes(b"made by the host".ljust(8 << 20, b"\0"))
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", kind, raw, path], check=True)


def block_of(path, kind):
    raw = path.with_suffix(".end")
    subprocess.run(["qemu-img", "convert", "-f", kind, "-O", "raw", path, raw], check=True)
    return raw.read_bytes()[8 * 512:9 * 512].rstrip(b"\0")


def lines_until(log, process, last, seconds=240):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = [x[6:].strip() for x in log.read_text(errors="replace").splitlines() if x.startswith("GUEST ")] \
            if log.exists() else []
        if last in found:
            return found
        assert process.poll() is None, process.said()
        time.sleep(0.1)
    raise AssertionError(f"the guest did not say {last!r}: {log.read_text(errors='replace')[-2000:]}")


def plan_of(muster, place, text):
    file = place / "boot.xml"
    file.write_text(text)
    answer = muster("domxml-to-native", "--json", file)
    assert answer.code == 0, answer
    return answer.json


@pytest.mark.parametrize("kind", ["qcow2", "raw"])
def test_boots(muster, place, kind):  # noqa: F811
    kernel = guest.need()
    image = place / f"disk.{kind}"
    make_image(image, kind)
    plan = plan_of(muster, place, definition(place, kernel, image, kind, "leave"))
    with Domain(plan, place) as domain:
        domain.qmp("cont")
        said = lines_until(place / "serial.log", domain.process, "ends")
        domain.qmp("quit")
        domain.process.wait(30)
    assert f"disk {(8 << 20) // 512} reads made by the host" in said
    assert f"nic {MAC}" in said
    assert any(x.startswith("cpus 2 ") for x in said)
    assert "wrote" in said
    assert block_of(image, kind) == b"written by the guest"


def open_modes(pid, path):
    """How a process holds a file open: the access modes of its descriptors."""
    modes = set()
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            if os.readlink(entry) == str(path):
                flags = pathlib.Path(f"/proc/{pid}/fdinfo/{entry.name}").read_text()
                modes.add(int(flags.split("flags:")[1].split()[0], 8) & os.O_ACCMODE)
        except OSError:
            pass
    return modes


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_opened_for_writing_only_while_there_is_a_writer(muster, place):  # noqa: F811
    """The plan's own nodes and device, but the device is plugged in while the guest runs, and out again."""
    kernel = guest.need()
    image = place / "disk.raw"
    make_image(image, "raw")
    plan = plan_of(muster, place, definition(place, kernel, image, "raw"))
    at = next(i for i, word in enumerate(plan["argv"]) if word.startswith('{"driver":"virtio-blk-pci"'))
    device = json.loads(plan["argv"][at])
    plan["argv"][at - 1:at + 1] = []
    assert any(node.get("auto-read-only") for node in plan["blockdev"])
    with Domain(plan, place) as domain:
        pid = domain.process.pid
        assert open_modes(pid, image) == {os.O_RDONLY}
        domain.qmp("cont")
        lines_until(place / "serial.log", domain.process, f"nic {MAC}")
        device.pop("bootindex", None)
        domain.qmp("device_add", **device)
        assert open_modes(pid, image) == {os.O_RDWR}
        lines_until(place / "serial.log", domain.process, "wrote")
        domain.qmp("device_del", id=device["id"])
        domain.qmp.wait("DEVICE_DELETED")
        until(lambda: open_modes(pid, image) == {os.O_RDONLY})
        domain.qmp("quit")
        domain.process.wait(30)
    assert monitor(plan)
    assert block_of(image, "raw") == b"written by the guest"
