# SPDX-License-Identifier: LGPL-2.1-or-later
"""The recorded definitions, planned for and started on the QEMU of other suites: different arguments, both right."""
import os
import pathlib
import re
import shutil
import stat
import sys
import uuid

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import definitions  # noqa: E402
from conftest import emulators, muster, scratch  # noqa: E402,F401  (fixtures)
from launch import Domain  # noqa: E402
from test_domains import check_nodes, check_pci  # noqa: E402
from test_matrix import ROOTS, SUITES  # noqa: E402

# A chroot has no devpts and no sound or display server.
PTY_USERS = ("serial", "console", "parallel", "channel")
NAMES = [n for n in definitions.names("virt-install")
         if definitions.arch(definitions.read("virt-install", n)) == "x86_64"]


@pytest.fixture(params=list(SUITES))
def suite(request):
    if os.geteuid() != 0:
        pytest.skip("chroot wrappers need root")
    if not (ROOTS / request.param / ".complete").exists():
        pytest.skip(f"the QEMU of {request.param} could not be unpacked below {ROOTS}")
    return request.param


@pytest.fixture
def inside(suite, monkeypatch):
    """A folder that has the same path within the root and outside: there it is a link to what lies within."""
    name = f"/tmp/muster-{uuid.uuid4().hex[:8]}"
    real = ROOTS / suite / name.lstrip("/")
    real.mkdir(parents=True)
    (ROOTS / suite / "run").mkdir(exist_ok=True)
    firmware = ROOTS / suite / "usr/share/OVMF"
    if not firmware.exists():
        shutil.copytree("/usr/share/OVMF", firmware)
    os.symlink(real, name)
    for number, device in enumerate(("urandom", "random", "null", "zero")):
        node = ROOTS / suite / "dev" / device
        if not node.exists():
            try:
                os.mknod(node, 0o666 | stat.S_IFCHR, os.stat(f"/dev/{device}").st_rdev)
            except PermissionError:
                pytest.skip("no device nodes can be made here")
    monkeypatch.setenv("MUSTER_RUN_DIR", f"{name}/run")
    monkeypatch.setenv("MUSTER_STATE_DIR", f"{name}/state")
    yield pathlib.Path(name)
    os.unlink(name)
    shutil.rmtree(real)


def adapt(root):
    machine = root.find("os/type")
    machine.set("machine", re.sub(r"^pc-(q35|i440fx)-.*", lambda m: {"q35": "q35", "i440fx": "pc"}[m.group(1)],
                                  machine.get("machine", "pc")))
    for element in root.find("devices"):
        if element.tag in PTY_USERS and element.get("type") == "pty":
            element.set("type", "null")


@pytest.mark.parametrize("name", NAMES)
def test_started(muster, emulators, inside, suite, name):  # noqa: F811
    if definitions.number(name) in definitions.NOT_HERE:
        pytest.skip(definitions.NOT_HERE[definitions.number(name)])
    root = definitions.read("virt-install", name)
    definitions.emulate(root)
    definitions.localise(root, inside)
    adapt(root)
    kernel = root.find("os/kernel")
    if kernel is not None:
        shutil.copy(kernel.text, inside / "vmlinuz")
        kernel.text = str(inside / "vmlinuz")
    wrapper = emulators.script(f'#!/bin/sh\nexec chroot {ROOTS / suite} /usr/bin/qemu-system-x86_64 "$@"\n', suite)
    emulator = root.find("devices/emulator")
    if emulator is not None:
        emulator.text = str(wrapper)
    file = definitions.write(root, inside / name)
    answer = muster("domxml-to-native", "--json", "--lenient", "-e", wrapper, file)
    refused = definitions.REFUSED.get(definitions.number(name))
    if refused:
        assert answer.code == 1 and refused in answer.err, answer
        return
    if answer.code == 1 and answer.err and suite in definitions.LACKS.get(definitions.number(name), {}):
        assert definitions.LACKS[definitions.number(name)][suite] in answer.err, answer
        pytest.skip(f"the QEMU of {suite} lacks it, and muster says so: {answer.err.strip()}")
    assert answer.code == 0, answer
    with Domain(answer.json, inside, root) as domain:
        assert domain.qmp("query-status")["status"] == "prelaunch"
        check_nodes(answer.json, domain.qmp)
        check_pci(muster, file, domain.qmp, answer.json, "-e", wrapper)
