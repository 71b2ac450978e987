# SPDX-License-Identifier: LGPL-2.1-or-later
"""One machine for all tests of a run, with muster installed in it as a package's scripts would do it."""
import os
import pathlib
import subprocess

import pytest

from api import Api
from guest import Machine

HERE = pathlib.Path(__file__).resolve().parent
ROOTS = pathlib.Path(os.environ.get("MUSTER_ROOTS", "/var/tmp/muster-roots"))
# Who they are is what the tests of rights are about.
USERS = {"nobodys": "", "reader": "muster-read", "keeper": "muster"}
figures = []


@pytest.fixture(scope="session")
def installed_files(tmp_path_factory):
    """A machine that muster's files were unpacked in, and no more."""
    name = subprocess.run([HERE / "make-image", "--name"], check=True, capture_output=True, text=True).stdout.strip()
    image = ROOTS / name
    if not (image / ".complete").exists():
        pytest.skip(f"there is no {image} to boot; tests/system/make-image makes it, as root")
    found = Machine(image, os.environ["MUSTER_INSTALLED"], tmp_path_factory.mktemp("machine"))
    try:
        size = sum(file.stat().st_blocks * 512 for file in image.iterdir()) >> 20
        figures.append(f"{found.acceleration}; booted in {found.boot_seconds:.1f} s; image of {size} MiB")
        found.check("systemctl is-system-running --wait", timeout=120)
        found.check("tar -x -p --keep-directory-symlink -C / -f /dev/nvme1n1 && systemctl daemon-reload")
        yield found
    finally:
        found.stop()


@pytest.fixture(scope="session")
def machine(installed_files):
    """The same, with what the package's scripts have to do done."""
    found = installed_files
    found.check("systemd-sysusers && systemd-tmpfiles --create && systemctl daemon-reload")
    for user, group in USERS.items():
        found.check(f"useradd --create-home {'--groups ' + group if group else ''} {user}")
    return found


@pytest.fixture(scope="session")
def enabled(machine):
    """What an administrator does next."""
    machine.check("systemctl enable --now musterd.socket")
    return machine


@pytest.fixture
def api(enabled):
    """The system's instance, asked by root; what a test defined is gone after it."""
    enabled.wait("systemctl is-active musterd.socket")
    answers = Api(enabled)
    yield answers
    for domain in answers.get("/v1/domains")["domains"]:
        if domain["state"] != "shut off":
            answers.post(f"/v1/domains/{domain['uuid']}/destroy")
        answers.request("DELETE", f"/v1/domains/{domain['uuid']}?managed-save=true")
    # Whatever the test did to the daemon: no emulator is left that no domain knows of, nor its scope.
    enabled.wait("[ -z \"$(pgrep -x qemu-system-x86; "
                 "systemctl list-units --type=scope --plain --no-legend 'muster-*')\" ]", timeout=30)


def journal(machine):
    return machine.run("journalctl --no-pager -b -n 80 -o short-monotonic -u musterd.service -u musterd.socket; "
                       "systemctl --no-pager --lines 0 status musterd.service musterd.socket").out


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A failure is told with what the daemon said."""
    report = (yield).get_result()
    found = getattr(item, "funcargs", {}).get("installed_files") or getattr(item, "funcargs", {}).get("machine")
    if report.failed and found:
        try:
            report.sections.append(("the guest's journal", journal(found)))
        except (AssertionError, OSError) as error:
            report.sections.append(("the guest's journal", f"cannot be had: {error}"))


def pytest_terminal_summary(terminalreporter):
    for figure in figures:
        terminalreporter.write_line(figure)


@pytest.fixture
def figure():
    """Notes a measured figure, which the run's end shows."""
    return figures.append
