# SPDX-License-Identifier: LGPL-2.1-or-later
"""Definitions as people have them: validated, formatted twice, planned, and every plan started for real."""
import json
import os
import pathlib
import shutil
import xml.etree.ElementTree as ET

import pytest

import definitions
from launch import Domain

QEMU = pathlib.Path("/usr/bin")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Where domains' own files go."""
    monkeypatch.setenv("MUSTER_RUN_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("MUSTER_STATE_DIR", str(tmp_path / "state"))
    return tmp_path


def local(name, place, folder="virt-install"):
    if definitions.number(name) in definitions.NOT_HERE:
        pytest.skip(definitions.NOT_HERE[definitions.number(name)])
    root = definitions.read(folder, name)
    emulator = QEMU / f"qemu-system-{definitions.arch(root)}"
    if not emulator.exists():
        pytest.skip(f"{emulator} is not installed")
    definitions.emulate(root)
    definitions.localise(root, place)
    return definitions.write(root, place / name)


@pytest.mark.parametrize("name", definitions.names("virt-install"))
def test_started(muster, place, name):
    """Block nodes, their modes and the PCI devices that QMP reports are those that the plan has."""
    file = local(name, place)
    answer = muster("domxml-to-native", "--json", file)
    assert answer.code == 0, answer
    plan = answer.json
    with Domain(plan, place) as domain:
        assert domain.qmp("query-status")["status"] == "prelaunch"
        check_nodes(plan, domain.qmp)
        check_pci(muster, file, domain.qmp)


def check_nodes(plan, qmp):
    nodes = {node["node-name"]: node for node in qmp("query-named-block-nodes")}
    for wanted in plan["blockdev"]:
        node = nodes[wanted["node-name"]]
        assert node["drv"] == wanted["driver"], (wanted, node)
        if "read-only" in wanted:
            assert node["ro"] == wanted["read-only"], (wanted, node)


def flatten(buses):
    for bus in buses:
        for device in bus["devices"]:
            yield device
            if "pci_bridge" in device:
                yield from flatten([{"devices": device["pci_bridge"].get("devices", [])}])


def check_pci(muster, file, qmp):
    """What has an address of PCI in the canonical form is at that slot and function."""
    root = ET.fromstring(muster("domxml-format", file).out)
    wanted = sorted((int(a.get("slot"), 0), int(a.get("function"), 0))
                    for a in root.findall("devices/*/address[@type='pci']"))
    found = sorted((d["slot"], d["function"]) for d in flatten(qmp("query-pci")))
    for place in set(wanted):
        assert found.count(place) >= wanted.count(place), (place, wanted, found)


@pytest.mark.parametrize("folder", ["virt-install", "dumpxml"])
@pytest.mark.parametrize("name", definitions.names("virt-install"))
def test_formatted(muster, place, folder, name):
    if name not in definitions.names(folder):
        pytest.skip("libvirt 9.0 refuses it")
    root = definitions.read(folder, name)
    if not (QEMU / f"qemu-system-{definitions.arch(root)}").exists():
        pytest.skip("its emulator is not installed")
    definitions.emulate(root)
    file = definitions.write(root, place / name)
    once = muster("domxml-format", file)
    assert once.code == 0, once
    (place / "once.xml").write_text(once.out)
    twice = muster("domxml-format", place / "once.xml")
    assert twice.code == 0 and twice.out == once.out
    check_kept(root, ET.fromstring(once.out))
    plans = [muster("domxml-to-native", "--json", f).json for f in (file, place / "once.xml")]
    if root.find("uuid") is not None:
        assert plans[0]["argv"] == plans[1]["argv"]


def check_kept(before, after):
    """Every element and attribute of the input is in the output, though maybe by another value."""
    def shape(element, path=""):
        path = f"{path}/{element.tag}"
        yield path
        for key in element.attrib:
            yield f"{path}/@{key}"
        for child in element:
            yield from shape(child, path)

    kept = set(shape(after))
    gone = [item for item in shape(before) if item not in kept]
    assert not gone, gone
