# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon is killed, or stopped, at any moment: no domain is lost, and nothing is left of what was not answered."""
import http.client
import os
import random
import signal
import threading
import time

import pytest

import guest
import standin
from daemon import Daemon, processes_of


@pytest.fixture
def daemon():
    with Daemon() as running:
        yield running


@pytest.fixture(params=["kill9", "stop"])
def end(request, daemon):
    return getattr(daemon, request.param)


def define(daemon, name, **query):
    return daemon.api.define(standin.definition(name, daemon.emulator), **query)


def wait_gone(pid, seconds=10):
    deadline = time.monotonic() + seconds
    while os.path.exists(f"/proc/{pid}") and open(f"/proc/{pid}/cmdline").read():
        assert time.monotonic() < deadline, f"{pid} still runs"
        time.sleep(0.01)


def emulators(daemon):
    return {pid for pid, line in processes_of(daemon.folder).items() if "-name" in line}


def as_told(domain):
    """Without what follows a moment later: that the monitor has answered."""
    return {key: value for key, value in domain.items() if key != "responsive"}


def wait_responsive(daemon, name, seconds=10):
    deadline = time.monotonic() + seconds
    while not daemon.api.domain(name).get("responsive"):
        assert time.monotonic() < deadline, daemon.said()
        time.sleep(0.02)


def test_domains_are_what_they_were(daemon, end):
    define(daemon, "defined")
    define(daemon, "running", start=True)
    define(daemon, "paused", start=True, paused=True)
    define(daemon, "transient", transient=True)
    daemon.api.put("/v1/domains/defined/metadata", {"title": "a title"})
    before, xml = daemon.api.domains(), daemon.api.get("/v1/domains/running/xml")[1]
    for _ in range(3):
        end()
        daemon.start()
        assert [as_told(d) for d in daemon.api.domains()] == [as_told(d) for d in before]
    assert daemon.api.get("/v1/domains/running/xml")[1] == xml
    wait_responsive(daemon, "running")
    wait_responsive(daemon, "transient")
    assert daemon.api.do("running", "suspend")["state"] == "paused"
    assert daemon.api.do("paused", "resume")["state"] == "running"
    assert len(emulators(daemon)) == 3


def test_what_ended_meanwhile_is_told(daemon, end):
    for name in ("a", "b"):
        define(daemon, name, start=True)
    define(daemon, "t", transient=True)
    last = daemon.api.get("/v1/daemon")[1]["last-event"]
    pids = {d["name"]: d["pid"] for d in daemon.api.domains()}
    end()
    for name in ("a", "t"):
        os.kill(pids[name], signal.SIGKILL)
        wait_gone(pids[name])
    daemon.start()
    with daemon.api.events(after=last) as events:
        for name in ("a", "t"):
            assert events.wait(event="stopped", domain=name)["data"]["reason"] == "crashed"
    assert [d["name"] for d in daemon.api.domains()] == ["a", "b"]
    assert (daemon.api.state("a"), daemon.api.state("b")) == ("shut off", "running")
    assert not any("/a" in line for line in os.listdir(daemon.folder / "run/muster/domains"))
    assert [p.name for p in (daemon.folder / "run/muster/records").iterdir()] == ["b.json"]
    daemon.api.do("a", "start")


def test_paused_meanwhile_by_another(daemon, end):
    """A monitor has one client at a time: when the daemon is away it may be somebody else."""
    import launch
    define(daemon, "a", start=True)
    monitor = next((daemon.folder / "run/muster/monitors").glob("*.sock"))
    end()
    qmp = launch.Qmp(monitor, None)
    qmp("stop")
    qmp.socket.close()
    qmp.stream.close()
    daemon.start()
    daemon.api.wait_for_state("a", "paused", 10)
    daemon.api.do("a", "resume")


def test_redefinition_survives(daemon, end):
    define(daemon, "a", start=True)
    xml = daemon.api.get("/v1/domains/a/xml", inactive=True)[1]
    daemon.api.define(xml.replace(">1</vcpu>", ">3</vcpu>"))
    end()
    daemon.start()
    assert ">3</vcpu>" in daemon.api.get("/v1/domains/a/xml", inactive=True)[1]
    assert ">1</vcpu>" in daemon.api.get("/v1/domains/a/xml")[1]


def test_undefined_meanwhile_by_hand(daemon, end):
    """The file is the administrator's: what runs goes on, as a transient domain."""
    define(daemon, "a", start=True)
    end()
    (daemon.folder / "config/muster/domains/a.xml").unlink()
    daemon.start()
    assert daemon.api.domain("a")["persistent"] is False and daemon.api.state("a") == "running"


def test_damaged_files_harm_nobody_else(daemon):
    for name in ("a", "b", "c"):
        define(daemon, name, start=True)
    pid = daemon.api.domain("a")["pid"]
    daemon.kill9()
    (daemon.folder / "config/muster/domains/c.xml").write_text("<domain>")
    (daemon.folder / "config/muster/domains/junk.xml").write_bytes(b"\0\xff")
    (daemon.folder / "run/muster/records/junk.json").write_text("{")
    (daemon.folder / "run/muster/records/empty.json").write_text("")
    (daemon.folder / "run/muster/records/odd.json").write_text('{"format": 1, "state": "running", "name": 7}')
    daemon.start()
    assert {d["name"]: (d["state"], d["persistent"]) for d in daemon.api.domains()} == {
        "a": ("running", True), "b": ("running", True), "c": ("running", False)}
    assert daemon.api.domain("a")["pid"] == pid
    for name in ("junk.json", "empty.json", "odd.json"):
        (daemon.folder / "run/muster/records" / name).unlink()


def test_another_process_with_that_number_is_left_alone(daemon):
    """Pids come around; the start time tells."""
    import json
    define(daemon, "a", start=True)
    daemon.kill9()
    record = daemon.folder / "run/muster/records/a.json"
    data = json.loads(record.read_text())
    os.kill(data["process"]["pid"], signal.SIGKILL)
    wait_gone(data["process"]["pid"])
    data["process"]["pid"] = os.getpid()
    record.write_text(json.dumps(data))
    daemon.start()
    daemon.api.wait_for_state("a", "shut off")
    assert os.getpid() > 0  # we are


def test_half_started_ones_are_ended(daemon):
    """Twenty times, at random moments of a start: it runs if its client was told so, else nothing of it is left."""
    seed = int(os.environ.get("SEED", random.randrange(1 << 32)))
    dice = random.Random(seed)
    define(daemon, "a")
    define(daemon, "other", start=True)
    other = daemon.api.domain("other")["pid"]
    begin = time.monotonic()
    daemon.api.do("a", "start")
    usual = time.monotonic() - begin
    daemon.api.do("a", "destroy")
    for n in range(20):
        answered = []

        def ask(api=daemon.api.clone()):
            try:
                answered.append(api.do("a", "start"))
            except (OSError, http.client.HTTPException):
                pass
            api.close()

        thread = threading.Thread(target=ask)
        thread.start()
        time.sleep(dice.uniform(0, usual * 1.3))
        daemon.kill9()
        thread.join()
        daemon.start()
        what = f"round {n}, seed {seed}, answered {answered}:\n{daemon.said(20)}"
        deadline = time.monotonic() + 10
        while True:
            state, running = daemon.api.state("a"), emulators(daemon)
            settled = (state == "shut off" and running == {other}) or (state == "running" and len(running) == 2)
            if settled and (state == "running" or not (daemon.folder / "run/muster/records/a.json").exists()):
                break
            assert time.monotonic() < deadline, (state, running, what)
            time.sleep(0.02)
        assert state == "running" or not answered, what
        if state == "running":
            assert daemon.api.do("a", "destroy")["state"] == "shut off", what
        assert daemon.api.domain("other")["pid"] == other, what
        assert not [p.name for p in (daemon.folder / "run/muster/domains").iterdir() if p.name == "a"], what


def test_stopped_in_the_middle_of_a_start(daemon):
    standin.faults(daemon.emulator, "a", greet_msec=3000)
    define(daemon, "a")
    thread = threading.Thread(target=lambda api=daemon.api.clone(): pytest.raises(Exception, api.do, "a", "start"))
    thread.start()
    deadline = time.monotonic() + 10
    while not emulators(daemon):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    daemon.stop()
    thread.join(30)
    assert not thread.is_alive()
    daemon.start()
    deadline = time.monotonic() + 20
    while emulators(daemon) or daemon.api.state("a") != "shut off":
        assert time.monotonic() < deadline, daemon.said()
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.parametrize("action", ["destroy", "restart"])
def test_a_guest_that_powered_off_meanwhile(daemon, action):
    """What its definition says is done then."""
    vm = guest.Obeying(daemon.folder, "v", f"<on_poweroff>{action}</on_poweroff>")
    daemon.api.define(vm.xml, start=True)
    last = daemon.api.get("/v1/daemon")[1]["last-event"]
    vm.connect().wait()
    daemon.kill9()
    vm.tell("off").wait("Power down")
    time.sleep(1)  # the guest says it before it does it, and nobody but the emulator knows when that is
    daemon.start()
    with daemon.api.events(after=last) as events:
        events.wait(event="shutdown")
        if action == "restart":
            vm.wait("GUEST ready")
            assert daemon.api.state("v") == "running"
        else:
            events.wait(event="stopped", reason="shutdown")
    vm.close()
