# SPDX-License-Identifier: LGPL-2.1-or-later
"""The recorded definitions, made to run here: emulated, on files that exist, below a folder of the test's own."""
import pathlib
import re
import subprocess
import xml.etree.ElementTree as ET

import pytest

DATA = pathlib.Path(__file__).resolve().parents[1] / "data/domains"
QEMU = {"i686": "i386", "armv7l": "arm", "ppc64le": "ppc64"}

# What this machine cannot offer to an emulator, and so what is not started, with the reason.
NOT_HERE = {
    "38": "there is no iSCSI target",
    "39": "there is no Ceph cluster",
    "40": "there is no ssh server with such a disk",
    "37": "there is no HTTPS server of that name",
    "74": "there is no PCI or USB device to hand over",
    "79": "there is no USB device to hand over",
}

# What muster refuses, as libvirt does or by its own word; test_refused has the sentences.
REFUSED = set()


def names(folder):
    return sorted(p.name for p in (DATA / folder).glob("*.xml"))


def read(folder, name):
    return ET.fromstring((DATA / folder / name).read_text().split("-->", 1)[1])


def emulate(root):
    """TCG has no host's CPU, and KVM's own options mean nothing to it."""
    root.set("type", "qemu")
    cpu = root.find("cpu")
    if cpu is not None and cpu.get("mode") in ("host-passthrough", "host-model"):
        for key in list(cpu.attrib):
            del cpu.attrib[key]
        cpu.set("mode", "maximum")
    kvm = root.find("features/kvm")
    if kvm is not None:
        root.find("features").remove(kvm)


def make_image(path, kind):
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        subprocess.run(["qemu-img", "create", "-q", "-f", kind if kind in ("qcow2", "vmdk", "vdi") else "raw", path,
                        "16M"], check=True)


def localise(root, place):
    """Every file below `place`, made if it is an image; block devices become files."""
    for disk in root.iter("disk"):
        source, driver = disk.find("source"), disk.find("driver")
        kind = driver.get("type", "raw") if driver is not None else "raw"
        if source is None:
            continue
        if disk.get("type") == "block":
            pytest.skip("there is no such block device")
        if source.get("file"):
            path = place / source.get("file").lstrip("/")
            make_image(path, kind)
            source.set("file", str(path))


def arch(root):
    name = root.find("os/type").get("arch", "x86_64")
    return QEMU.get(name, name)


def write(root, path):
    path.write_text(ET.tostring(root, encoding="unicode"))
    return path


def number(name):
    return re.match("[0-9a-f]+", name).group()

# What a suite's QEMU lacks, by a part of the sentence in which muster says so.
LACKS = {}
