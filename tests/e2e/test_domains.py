# SPDX-License-Identifier: LGPL-2.1-or-later
"""Definitions as people have them: validated, formatted twice, planned, and every plan started for real."""
import json
import os
import pathlib
import re
import shutil
import tempfile
import xml.etree.ElementTree as ET

import pytest

import definitions
from launch import Domain

QEMU = pathlib.Path("/usr/bin")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Where domains' own files go."""
    run = tempfile.mkdtemp(prefix="m-", dir="/tmp")  # a socket's path has 107 bytes
    monkeypatch.setenv("MUSTER_RUN_DIR", run)
    monkeypatch.setenv("MUSTER_STATE_DIR", str(tmp_path / "state"))
    yield tmp_path
    shutil.rmtree(run)


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
    refused = definitions.REFUSED.get(definitions.number(name))
    answer = muster("domxml-to-native", "--json", "--lenient", file)
    if refused:
        assert answer.code == 1 and refused in answer.err, answer
        return
    assert answer.code == 0, answer
    plan = answer.json
    with Domain(plan, place, ET.parse(file).getroot()) as domain:
        assert domain.qmp("query-status")["status"] == "prelaunch"
        check_nodes(plan, domain.qmp)
        check_pci(muster, file, domain.qmp, plan)


def check_nodes(plan, qmp):
    nodes = {node["node-name"]: node for node in qmp("query-named-block-nodes")}
    for wanted in plan["blockdev"]:
        node = nodes[wanted["node-name"]]
        assert node["drv"] == wanted["driver"], (wanted, node)
        if "read-only" in wanted:
            assert node["ro"] == wanted["read-only"], (wanted, node)


def devices(argv):
    """The properties of each -device, by its ID."""
    found = {}
    for option, value in zip(argv, argv[1:]):
        if option == "-device":
            words = [word.partition("=")[::2] for word in value.split(",")]
            properties = json.loads(value) if value.startswith("{") else {"driver": words[0][0], **dict(words[1:])}
            found[properties.get("id", f"nameless-{len(found)}")] = properties
    return found


def check_pci(muster, file, qmp, plan, *more):
    """Each device is where the plan has it, and the plan has them where the canonical form has."""
    root = ET.fromstring(muster("domxml-format", "--lenient", *more, file).out)
    wanted = sorted(tuple(int(a.get(key, "0"), 0) for key in ("bus", "slot", "function"))
                    for a in root.findall("devices/*/address[@type='pci']"))
    planned = []
    for name, device in devices(plan["argv"]).items():
        bus = device.get("bus", "")
        if not re.fullmatch(r"pcie?\.\d+", bus) or "addr" not in device:
            continue
        slot, _, function = device["addr"].partition(".")
        planned.append((int(bus.split(".")[1]), int(slot, 16), int(function or "0", 16)))
        if name.startswith("nameless"):
            continue
        path = f"/machine/peripheral/{name}"
        assert qmp("qom-get", path=path, property="parent_bus").rsplit("/", 1)[1] == bus
        assert qmp("qom-get", path=path, property="addr") in (planned[-1][1] * 8 + planned[-1][2], device["addr"])
    built_in = [place for place in wanted if place not in planned]
    here = {(0, d["slot"], d["function"]) for d in qmp("query-pci")[0]["devices"]} if built_in else set()
    assert set(built_in) <= here, (built_in, here)
    assert sorted(planned) == [place for place in wanted if place in planned]


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
    once = muster("domxml-format", "--lenient", file)
    if definitions.number(name) in definitions.REFUSED:
        assert once.code == 1 and once.out == ""
        return
    assert once.code == 0, once
    (place / "once.xml").write_text(once.out)
    twice = muster("domxml-format", "--lenient", place / "once.xml")
    assert twice.code == 0 and twice.out == once.out
    check_kept(root, ET.fromstring(once.out))
    plans = [muster("domxml-to-native", "--json", "--lenient", f) for f in (file, place / "once.xml")]
    assert plans[0].code == plans[1].code
    made_anew = root.find("uuid") is None or (root.find("genid") is not None and not root.find("genid").text)
    if plans[0].code == 0 and not made_anew:
        assert plans[0].json["argv"] == plans[1].json["argv"]


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
