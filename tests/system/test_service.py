# SPDX-License-Identifier: LGPL-2.1-or-later
"""Domains that live apart from the service: where they run, and what becomes of them when it goes."""
import json
import time

import pytest

UIDS = range(1900000000, 1900065536)


def main_pid(machine):
    return int(machine.check("systemctl show -P MainPID musterd.service"))


def restarted(machine, pid, timeout=90):
    """Until the service runs again, as another process."""
    return machine.wait(f"pid=$(systemctl show -P MainPID musterd.service); "
                        f"[ $pid != 0 ] && [ $pid != {pid} ] && systemctl is-active musterd.service", timeout)


def same(api, before):
    """The domain runs on, and the daemon knows it: the same process, still of the same executable."""
    after = api.domain(before["name"])
    assert after["state"] == "running", after
    assert [after[key] for key in ("uuid", "id", "pid", "digest")] == \
        [before[key] for key in ("uuid", "id", "pid", "digest")]
    assert api.command_name(after["pid"]) == "qemu-system-x86_64"


def status(machine, pid):
    lines = machine.check(f"cat /proc/{pid}/status").splitlines()
    return {name: value.split() for name, value in (line.split(":", 1) for line in lines)}


def test_life(api, enabled):
    running = api.start("life")
    assert enabled.check("pgrep -x qemu-system-x86").split() == [str(running["pid"])]
    assert enabled.check("systemctl list-units --type=scope --plain --no-legend 'muster-*'").count("\n") == 1
    assert running["persistent"] is True
    assert [domain["name"] for domain in api.get("/v1/domains")["domains"]] == ["life"]
    api.post("/v1/domains/life/suspend")
    assert api.domain("life")["state"] == "paused"
    api.post("/v1/domains/life/resume")
    assert api.domain("life")["state"] == "running"
    api.post("/v1/domains/life/destroy")
    assert api.domain("life")["state"] == "shut off"
    assert api.command_name(running["pid"]) == ""


def test_emulator_runs_apart(api, enabled):
    domains = [api.start("apart"), api.start("apart-too")]
    groups = []
    for domain in domains:
        path = enabled.check(f"cat /proc/{domain['pid']}/cgroup").strip().split("::", 1)[1]
        assert path.startswith("/muster.slice/") and path.endswith(".scope"), path
        assert path.rsplit("/", 1)[1] in enabled.check("systemctl list-units --type=scope --plain --no-legend")
        groups.append(path)
    assert groups[0] != groups[1]
    pid = main_pid(enabled)
    assert enabled.check(f"cat /proc/{pid}/cgroup").strip() == "0::/system.slice/musterd.service"


def test_emulator_is_confined(api, enabled):
    domains = [api.start("confined"), api.start("confined-too")]
    found = [status(enabled, domain["pid"]) for domain in domains]
    for one in found:
        assert len(set(one["Uid"])) == 1 and int(one["Uid"][0]) in UIDS, one["Uid"]
        assert int(one["Gid"][0]) != 0 and "0" not in one["Groups"]
        assert one["CapEff"] == one["CapPrm"] == one["CapAmb"] == ["0000000000000000"]
        assert one["NoNewPrivs"] == ["1"] and one["Seccomp"] == ["2"]
    assert found[0]["Uid"] != found[1]["Uid"]
    for domain in domains:
        # Nothing of the daemon's: not its socket, not its journal, not another domain's monitor.
        names = enabled.check(f"ls -l /proc/{domain['pid']}/fd | sed -n 's/.* -> //p'")
        assert "/etc/muster" not in names and "muster.sock" not in names and "inotify" not in names, names


def test_restart_keeps_domains(api, enabled):
    before, pid = api.start("restart"), main_pid(enabled)
    enabled.check("systemctl restart musterd.service")
    assert main_pid(enabled) != pid
    same(api, before)


def test_stop_keeps_domains(api, enabled):
    before = api.start("stop")
    enabled.check("systemctl stop musterd.service")
    assert api.command_name(before["pid"]) == "qemu-system-x86_64"
    same(api, before)


def test_kill_keeps_domains(api, enabled):
    before = api.start("kill")
    for _ in range(3):
        pid = main_pid(enabled)
        enabled.check("systemctl reset-failed musterd.service")
        enabled.check(f"kill -9 {pid}")
        # Asked at once: the socket's unit holds what comes until somebody answers.
        same(api, before)
        restarted(enabled, pid)


def test_kill_during_a_start(api, enabled):
    """At whatever step: what was answered holds, and nothing is left that no domain knows of (api looks for that)."""
    api.define("midway")
    ask = "curl --silent --unix-socket /run/muster/muster.sock --request POST http://localhost/v1/domains/midway"
    answered = 0
    for delay in (0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1, 1.5):
        pid = api.get("/v1/daemon")["pid"]
        enabled.check("systemctl reset-failed musterd.service")
        status = enabled.check(f"{ask}/start --output /dev/null --write-out '%{{http_code}}' & asked=$!\n"
                               f"sleep {delay}; kill -9 {pid}; wait $asked || true").strip()
        domain = api.domain("midway")
        assert domain["state"] in (("running",) if status == "200" else ("running", "shut off", "crashed"))
        answered += status == "200"
        if domain["state"] == "running":
            assert api.command_name(domain["pid"]) == "qemu-system-x86_64"
            api.post("/v1/domains/midway/destroy", {})
        assert enabled.run("pgrep -x qemu-system-x86").code == 1
    assert answered < 10


def test_what_ended_meanwhile_is_noticed(api, enabled):
    before, other = api.start("ended"), api.start("ended-not")
    enabled.check("systemctl stop musterd.service")
    enabled.check(f"kill -9 {before['pid']}")
    assert api.domain("ended")["state"] in ("shut off", "crashed")
    same(api, other)


def test_emulator_that_dies_is_noticed(api, enabled):
    before, other = api.start("dies"), api.start("dies-not")
    enabled.check(f"kill -SEGV {before['pid']}")
    deadline = time.monotonic() + 20
    while api.domain("dies")["state"] == "running":
        assert time.monotonic() < deadline
    assert api.domain("dies")["state"] in ("shut off", "crashed")
    same(api, other)


def test_emulator_that_hangs_can_be_ended(api, enabled):
    before, other = api.start("hangs"), api.start("hangs-not")
    enabled.check(f"kill -STOP {before['pid']}")
    assert api.domain("hangs")["pid"] == before["pid"]
    enabled.check("systemctl restart musterd.service")
    same(api, other)
    api.post("/v1/domains/hangs/destroy", {})
    assert api.domain("hangs")["state"] == "shut off"
    assert api.command_name(before["pid"]) == ""


def test_manager_starts_anew(api, enabled):
    before = api.start("reexec")
    enabled.check("systemctl daemon-reexec")
    same(api, before)
    enabled.check("systemctl restart musterd.service")
    same(api, before)


def test_image_is_lent_to_the_emulator(api, enabled):
    """Its own user may use the image as long as it runs, whatever happens to the daemon, and no longer."""
    image = "/srv/lent.img"
    enabled.check(f"truncate -s 1M {image} && chown root:root {image} && chmod 600 {image}")
    look = f"stat -c '%U %G %a' {image}; getfacl --absolute-names --numeric {image}"
    unlent = enabled.check(look)
    before = api.start("lent", f"<disk type='file'><driver name='qemu' type='raw'/><source file='{image}'/>"
                               "<target dev='vda' bus='virtio'/></disk>")
    uid = enabled.check(f"stat -c %u /proc/{before['pid']}").strip()

    def may_read(user):
        return enabled.run(f"setpriv --reuid {user} --regid {user} --clear-groups head -c 1 {image}").code == 0

    assert may_read(uid) and not may_read("$(id -u nobodys)") and not may_read(int(uid) + 1)
    pid = main_pid(enabled)
    enabled.check(f"kill -9 {pid}")
    same(api, before)
    assert may_read(uid)
    api.post("/v1/domains/lent/destroy", {})
    assert not may_read(uid)
    assert enabled.check(look) == unlent


@pytest.fixture
def impatient(enabled):
    """A service manager that does not wait as long as the unit says."""
    folder = "/run/systemd/system/musterd.service.d"
    enabled.check(f"mkdir -p {folder} && printf '[Service]\\nWatchdogSec=4s\\n' >{folder}/test.conf")
    enabled.check("systemctl daemon-reload && systemctl restart musterd.service")
    yield enabled
    enabled.check(f"rm -r {folder} && systemctl daemon-reload && systemctl restart musterd.service")


def test_watchdog(impatient, api):
    before, pid = api.start("watchdog"), main_pid(impatient)
    # It lives as long as it is well.
    time.sleep(6)
    assert main_pid(impatient) == pid
    begun = impatient.check("date +%s").strip()
    impatient.check(f"kill -STOP {pid}")
    restarted(impatient, pid)
    assert "atchdog" in impatient.check(f"journalctl --no-pager -u musterd.service --since @{begun}")
    same(api, before)


def test_upgrade_below_a_running_domain(api, enabled):
    emulator = "/usr/bin/qemu-system-x86_64"
    old = enabled.check(f"sha256sum {emulator}").split()[0]
    before = api.start("upgrade")
    assert before["digest"] == old
    # As dpkg does it: the new one beside the old one, then renamed over it.
    enabled.check(f"cp -p {emulator} {emulator}.old && cp -p {emulator} {emulator}.dpkg-new && "
                  f"printf upgraded >>{emulator}.dpkg-new && mv {emulator}.dpkg-new {emulator}")
    try:
        new = enabled.check(f"sha256sum {emulator}").split()[0]
        same(api, before)
        enabled.check("systemctl restart musterd.service")
        same(api, before)
        # What starts now is the new one, and the old one is still what it was.
        assert api.start("upgrade-after")["digest"] == new != old
        assert api.domain("upgrade")["digest"] == old
        # And when it starts anew, it is the new one, too.
        api.post("/v1/domains/upgrade/destroy")
        api.post("/v1/domains/upgrade/start", {})
        assert api.domain("upgrade")["digest"] == new
    finally:
        enabled.check(f"mv {emulator}.old {emulator}")


def test_journal_names_the_domain(api, enabled):
    api.start("journal")
    api.post("/v1/domains/journal/destroy")
    entries = [json.loads(line) for line in enabled.check(
        "journalctl --no-pager -o json --sync; journalctl --no-pager -o json MUSTER_DOMAIN=journal").splitlines()
        if line.startswith("{")]
    assert entries
    assert {entry["_SYSTEMD_UNIT"] for entry in entries} == {"musterd.service"}
    assert any(entry.get("MUSTER_OPERATION") for entry in entries), entries


def test_reboot(api, enabled):
    """Last in its file, since it takes as long as a boot: what is to start by itself does, the rest does not."""
    api.start("reboot-autostart")
    api.ask("PUT", "/v1/domains/reboot-autostart/autostart", {"autostart": True})
    api.start("reboot-plain")
    enabled.reboot()
    enabled.check("systemctl is-system-running --wait", timeout=120)
    deadline = time.monotonic() + 60
    while api.domain("reboot-autostart")["state"] != "running":
        assert time.monotonic() < deadline, api.domain("reboot-autostart")
        time.sleep(0.2)
    assert api.domain("reboot-plain")["state"] == "shut off"
