# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may do what at the system's instance: its peer's user and groups decide."""
import pytest

from api import Api, definition


@pytest.fixture
def asked_by(enabled):
    return lambda user: Api(enabled, user=user)


def test_a_stranger_is_refused(asked_by, api):
    api.define("access")
    for method, path in (("GET", "/v1/daemon"), ("GET", "/v1/domains"), ("GET", "/v1/domains/access/xml"),
                         ("POST", "/v1/domains/access/start"), ("DELETE", "/v1/domains/access")):
        status, text = asked_by("nobodys").request(method, path)
        assert status == 403 and '"EPERM"' in text or '"EACCES"' in text, (method, path, status, text)
    assert api.domain("access")["state"] == "shut off"


def test_a_reader_may_look_only(asked_by, api):
    api.start("access")
    reader = asked_by("reader")
    assert [domain["name"] for domain in reader.get("/v1/domains")["domains"]] == ["access"]
    assert reader.get("/v1/domains/access")["state"] == "running"
    assert reader.request("GET", "/v1/domains/access/xml")[0] == 200
    refused = [("POST", "/v1/domains", definition("mine")), ("DELETE", "/v1/domains/access", None)]
    refused += [("POST", f"/v1/domains/access/{verb}", {}) for verb in
                ("start", "shutdown", "destroy", "suspend", "resume", "reboot", "reset")]
    refused += [("PUT", "/v1/domains/access/autostart", {"autostart": True}),
                ("POST", "/v1/domains/access/qmp", {"execute": "query-status"})]
    for method, path, body in refused:
        status, text = reader.request(method, path, body)
        assert status == 403, (method, path, status, text)
    assert api.domain("access")["state"] == "running"


def test_a_keeper_may_do_all(asked_by, api):
    keeper = asked_by("keeper")
    keeper.start("access")
    keeper.post("/v1/domains/access/destroy")
    assert keeper.request("DELETE", "/v1/domains/access")[0] in (200, 204)
    assert api.request("GET", "/v1/domains/access")[0] == 404


def test_files_are_nobody_elses(api, enabled):
    """Neither an ordinary user nor the emulator's reads definitions, state or another's monitor."""
    domain = api.start("files")
    uid = enabled.check(f"stat -c %u /proc/{domain['pid']}").strip()
    for who in ("$(id -u nobodys)", uid):
        found = enabled.check(f"setpriv --reuid {who} --regid {who} --clear-groups find /etc/muster /var/lib/muster "
                              "-type f -readable 2>/dev/null || true")
        assert [path for path in found.split() if "domains" in path or "save" in path] == [], (who, found)
    assert enabled.run(f"setpriv --reuid {uid} --regid {uid} --clear-groups curl --silent --fail "
                       "--unix-socket /run/muster/muster.sock http://localhost/v1/daemon").code != 0
