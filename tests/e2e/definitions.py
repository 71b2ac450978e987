# SPDX-License-Identifier: LGPL-2.1-or-later
"""The recorded definitions, made to run here: emulated, on files that exist, below a folder of the test's own."""
import os
import pathlib
import re
import subprocess
import xml.etree.ElementTree as ET

import pytest

import guest

DATA = pathlib.Path(__file__).resolve().parents[1] / "data/domains"
QEMU = {"i686": "i386", "armv7l": "arm", "ppc64le": "ppc64"}

# What this machine cannot offer to an emulator, and so what is not started, with the reason.
NOT_HERE = {
    "04": "there is no bridge that the emulator's helper may use",
    "06": "there is no bridge that the emulator's helper may use",
    "24": "there is no bridge that the emulator's helper may use",
    "36": "there is no NBD server of that name",
    "54": "nobody is at the other end of the vhost-user socket",
    "55": "nobody listens on the socket of a serial port",
    "56": "nobody is at the other end of a serial port",
    "57": "nobody is at the other end of a channel",
    "63": "there is no DRM render node",
    "64": "there is no DRM render node",
    "71": "there is no entropy daemon at that address",
    "75": "there is no /dev/vhost-vsock",
    "76": "there is no /dev/vhost-vsock",
    "88": "there are no huge pages",
    "9a": "the host has no SMBIOS tables to show",
    "38": "there is no iSCSI target",
    "39": "there is no Ceph cluster",
    "40": "there is no ssh server with such a disk",
    "37": "there is no HTTPS server of that name",
    "74": "there is no PCI or USB device to hand over",
    "79": "there is no USB device to hand over",
}

# What muster refuses, as libvirt does or by its own word: a part of the sentence.
REFUSED = {
    "44": "boards that muster does not plan",
    "51": "filters no packets",
    "58": "needs <source host",
    "98": "<launchSecurity>",
    "a5": "s390",
}


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
    features = root.find("features")
    for name in ("kvm", "hyperv"):
        if features is not None and features.find(name) is not None:
            features.remove(features.find(name))
        ioapic = features.find("ioapic") if features is not None else None
        if ioapic is not None:
            features.remove(ioapic)
    for timer in root.findall("clock/timer"):
        if timer.get("name") in ("kvmclock", "hypervclock"):
            root.find("clock").remove(timer)


def make_image(path, kind):
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        subprocess.run(["qemu-img", "create", "-q", "-f", kind if kind in ("qcow2", "vmdk", "vdi") else "raw", path,
                        "16M"], check=True)


def localise_file(element, place):
    """A folder that is shared, a file of memory or of fw_cfg; a device of the host there is none."""
    source = element.find("source")
    if element.tag == "input" and source is not None:
        pytest.skip(f"there is no {source.get('evdev')}")
    if element.tag == "filesystem" and source is not None and source.get("dir"):
        path = place / source.get("dir").lstrip("/")
        path.mkdir(parents=True, exist_ok=True)
        source.set("dir", str(path))
    if element.tag == "memory" and source is not None and source.find("path") is not None:
        path = place / "memory.img"
        path.write_bytes(b"")
        os.truncate(path, 512 << 20)
        source.find("path").text = str(path)
    if element.tag == "entry" and element.get("file"):
        (place / "entry").write_text("{}")
        element.set("file", str(place / "entry"))


def localise(root, place):
    """Every file below `place`, made if it is an image; a kernel is a real one."""
    if root.find("os/kernel") is not None:
        if arch(root) != "x86_64":
            pytest.skip("there is no kernel for this architecture")
        root.find("os/kernel").text = str(guest.need())
        for name in ("initrd", "dtb"):
            if root.find(f"os/{name}") is not None:
                (place / name).write_bytes(b"stands for an initramfs")
                root.find(f"os/{name}").text = str(place / name)
    nvram = root.find("os/nvram")
    if nvram is not None and nvram.text:
        nvram.text = str(place / nvram.text.lstrip("/"))
    for element in [*root.iter("filesystem"), *root.iter("memory"), *root.iter("entry"), *root.iter("input")]:
        localise_file(element, place)
    for store in root.iter("backingStore"):
        source, kind = store.find("source"), store.find("format")
        if source is not None and source.get("file"):
            source.set("file", str(place / source.get("file").lstrip("/")))
            make_image(pathlib.Path(source.get("file")), kind.get("type") if kind is not None else "raw")
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
LACKS = {
    "53": {"bullseye": "has no -netdev stream"},
    "59": {"bullseye": "has no qemu-vdagent"},
    "60": {"bullseye": "QEMU 6.0 and newer take a secret"},
}
