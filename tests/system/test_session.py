# SPDX-License-Identifier: LGPL-2.1-or-later
"""A user's instance, by the user's own service manager."""
import pytest

from api import Api


@pytest.fixture
def session(machine):
    """(run, api): a command, and the instance, of a user who has a service manager."""
    uid = machine.check("id -u nobodys").strip()
    runtime = f"/run/user/{uid}"
    machine.check("loginctl enable-linger nobodys")
    machine.wait(f"[ -S {runtime}/bus ] && systemctl is-active user@{uid}.service")

    def run(command):
        return machine.check(f"runuser -u nobodys -- env XDG_RUNTIME_DIR={runtime} "
                             f"DBUS_SESSION_BUS_ADDRESS=unix:path={runtime}/bus {command}")

    run("systemctl --user enable --now musterd.socket")
    api = Api(machine, f"{runtime}/muster/muster.sock", "nobodys")
    yield run, api
    for domain in api.get("/v1/domains")["domains"]:
        api.request("POST", f"/v1/domains/{domain['uuid']}/destroy")
        api.request("DELETE", f"/v1/domains/{domain['uuid']}")


def test_session(session, machine):
    run, api = session
    assert api.get("/v1/daemon")["session"] is True
    before = api.start("mine")
    uid = machine.check("id -u nobodys").strip()
    assert machine.check(f"stat -c %u /proc/{before['pid']}").strip() == uid
    group = machine.check(f"cat /proc/{before['pid']}/cgroup").strip()
    assert f"user@{uid}.service" in group and group.endswith(".scope"), group
    run("systemctl --user restart musterd.service")
    after = api.domain("mine")
    assert (after["state"], after["pid"]) == ("running", before["pid"])


def test_session_is_its_owners(session, machine):
    _, api = session
    other = Api(machine, api.socket, "keeper")
    with pytest.raises(AssertionError, match="curl"):
        other.get("/v1/domains")
    assert Api(machine, api.socket).get("/v1/daemon")["session"] is True  # root may, as everywhere
