# SPDX-License-Identifier: LGPL-2.1-or-later
"""Life of domains under musterd, with the host's QEMU and a guest that can power off, reboot and panic."""
import os
import pathlib
import shutil
import signal
import time

import pytest

import guest
from api import ApiError
from daemon import Daemon, processes_of

QEMU = "/usr/bin/qemu-system-x86_64"

# What needs no guest: processors, and firmware that finds nothing to boot.
BARE = """<domain type='qemu'><name>{name}</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type></os>{more}
<devices><controller type='usb' model='none'/><memballoon model='none'/></devices></domain>"""


@pytest.fixture(scope="module")
def daemon():
    with Daemon(emulator=False) as running:
        yield running


@pytest.fixture
def clean(daemon):
    """Whatever a test leaves of its domains goes."""
    yield daemon
    if not daemon.runs():
        daemon.process = None
        daemon.start()
    for domain in daemon.api.domains():
        if domain["state"] != "shut off":
            daemon.api.do(domain["uuid"], "destroy")
    for domain in daemon.api.domains():
        daemon.api.undefine(domain["uuid"], managed_save=True, nvram=True)
    assert not processes_of(daemon.folder).keys() - {daemon.pid}


def bare(name, more=""):
    return BARE.format(name=name, more=more)


def now(daemon, name):
    domain = daemon.api.domain(name)
    return domain["state"], domain["reason"]


def refused(daemon, name, verb, status=409, **members):
    with pytest.raises(ApiError) as error:
        daemon.api.do(name, verb, **members)
    assert error.value.status == status, error.value
    return error.value


def story(events, name):
    """What is told of a domain's life, in order: (event, state, reason)."""
    return [(e["data"]["event"], e["data"].get("state"), e["data"].get("reason"))
            for e in events.seen if e["event"] == "lifecycle" and e["data"]["domain"] == name]


@pytest.fixture
def boot(clean):
    """Boots an obeying guest: boot("name", "<on_poweroff>…") -> guest, events since before it was defined."""
    made = []

    def start(name, more="", **query):
        vm = guest.Obeying(clean.folder, name, more)
        events = clean.api.events()
        made.extend([vm, events])
        clean.api.define(vm.xml, start=True, **query)
        vm.connect().wait()
        return vm, events

    yield start
    for one in made:
        one.close()


# --- definitions -----------------------------------------------------------------------------------------------


def test_define_redefine_undefine(clean):
    api = clean.api
    with api.events() as events:
        first = api.define(bare("a"))
        assert (first["state"], first["reason"], first["persistent"], first["id"]) == ("shut off", "unknown", True, None)
        uuid = first["uuid"]
        again = api.define(api.get("/v1/domains/a/xml")[1].replace("<vcpu>1<", "<vcpu>2<").replace(">1</vcpu>", ">2</vcpu>"))
        assert again["uuid"] == uuid and "2</vcpu>" in api.get(f"/v1/domains/{uuid}/xml")[1]
        api.undefine("a")
        with pytest.raises(ApiError) as error:
            api.domain("a")
        assert error.value.status == 404
        events.wait(event="undefined")
        assert [event for event, _, _ in story(events, "a")] == ["defined", "updated", "undefined"]


def test_a_name_and_a_uuid_are_one_domains(clean):
    clean.api.define(bare("a"))
    uuid = clean.api.domain("a")["uuid"]
    for xml in (bare("b").replace("</name>", f"</name><uuid>{uuid}</uuid>"),
                bare("a").replace("</name>", "</name><uuid>11111111-2222-3333-4444-555555555555</uuid>")):
        with pytest.raises(ApiError) as error:
            clean.api.define(xml)
        assert error.value.status == 409
    assert [d["name"] for d in clean.api.domains()] == ["a"]


def test_redefine_while_it_runs_counts_from_the_next_start(clean):
    api = clean.api
    api.define(bare("a"), start=True)
    xml = api.get("/v1/domains/a/xml", inactive=True)[1]
    api.define(xml.replace(">1</vcpu>", ">2</vcpu>"))
    assert ">1</vcpu>" in api.get("/v1/domains/a/xml")[1]
    assert ">2</vcpu>" in api.get("/v1/domains/a/xml", inactive=True)[1]
    assert len(api.qmp("a", "query-cpus-fast")) == 1
    api.do("a", "destroy")
    api.do("a", "start")
    assert len(api.qmp("a", "query-cpus-fast")) == 2


def test_undefine_while_it_runs_leaves_a_transient_domain(clean):
    api = clean.api
    api.define(bare("a"), start=True)
    assert api.undefine("a")["persistent"] is False
    assert now(clean, "a") == ("running", "booted")
    clean.kill9()
    clean.start()
    assert api.domain("a")["persistent"] is False
    api.do("a", "destroy")
    assert api.domains() == []


def test_transient_domains_vanish_at_their_end(clean):
    api = clean.api
    domain = api.define(bare("t"), transient=True, paused=True)
    assert (domain["state"], domain["reason"], domain["persistent"]) == ("paused", "user", False)
    with pytest.raises(ApiError) as error:
        api.put("/v1/domains/t/autostart", {"autostart": True})
    assert error.value.status == 409
    with pytest.raises(ApiError) as error:
        api.undefine("t")
    assert error.value.status == 409
    clean.restart()
    assert now(clean, "t") == ("paused", "user")
    api.do("t", "resume")
    with api.events() as events:
        os.kill(api.domain("t")["pid"], signal.SIGKILL)
        events.wait(event="stopped", reason="crashed")
    end = time.monotonic() + 10
    while api.domains():
        assert time.monotonic() < end
    assert api.define(bare("t"))["persistent"]


# --- start and end ---------------------------------------------------------------------------------------------


def test_start_suspend_resume_destroy(clean):
    api = clean.api
    with api.events() as events:
        api.define(bare("a"))
        started = api.do("a", "start")
        assert (started["state"], started["reason"]) == ("running", "booted")
        assert started["executable"] == os.path.realpath(QEMU) and len(started["digest"]) >= 64
        assert started["pid"] in processes_of(clean.folder)
        refused(clean, "a", "start")
        assert now(clean, "a") == ("running", "booted")
        assert (api.do("a", "suspend")["state"], now(clean, "a")) == ("paused", ("paused", "user"))
        assert api.qmp("a", "query-status")["running"] is False
        refused(clean, "a", "suspend")
        refused(clean, "a", "shutdown")
        assert (api.do("a", "resume")["state"], now(clean, "a")) == ("running", ("running", "unpaused"))
        api.do("a", "reset")
        ended = api.do("a", "destroy")
        assert (ended["state"], ended["reason"], ended["id"]) == ("shut off", "destroyed", None)
        assert "pid" not in ended and started["pid"] not in processes_of(clean.folder)
        for verb in ("destroy", "shutdown", "reboot", "reset", "suspend", "resume"):
            refused(clean, "a", verb)
        events.wait(event="stopped")
        assert story(events, "a") == [
            ("defined", None, None), ("started", "running", "booted"), ("suspended", "paused", "user"),
            ("resumed", "running", "unpaused"), ("reset", None, None), ("stopped", "shut off", "destroyed")]
        assert api.do("a", "start")["id"] > started["id"]


def test_start_paused(clean):
    clean.api.define(bare("a"))
    assert clean.api.do("a", "start", paused=True)["state"] == "paused"
    assert now(clean, "a") == ("paused", "user")
    assert clean.api.qmp("a", "query-status")["running"] is False
    clean.api.do("a", "resume")
    assert now(clean, "a") == ("running", "unpaused")


def test_destroy_of_an_emulator_that_hangs(clean):
    clean.api.define(bare("a"), start=True)
    pid = clean.api.domain("a")["pid"]
    os.kill(pid, signal.SIGSTOP)
    begin = time.monotonic()
    with pytest.raises(ApiError) as error:
        clean.api.do("a", "destroy", graceful=True)
    assert error.value.status == 409
    assert clean.api.do("a", "destroy")["reason"] == "destroyed"
    assert time.monotonic() - begin < 20 and pid not in processes_of(clean.folder)


def test_destroy_graceful(clean):
    clean.api.define(bare("a"), start=True)
    assert clean.api.do("a", "destroy", graceful=True)["reason"] == "destroyed"


def test_an_emulator_that_dies_is_told_of(clean):
    clean.api.define(bare("a"), start=True)
    with clean.api.events() as events:
        os.kill(clean.api.domain("a")["pid"], signal.SIGSEGV)
        assert events.wait(event="stopped")["data"]["reason"] == "crashed"
    assert now(clean, "a") == ("shut off", "crashed")
    clean.api.do("a", "start")


def test_an_emulator_that_is_told_to_quit_past_us(clean):
    clean.api.define(bare("a"), start=True)
    with clean.api.events() as events:
        os.kill(clean.api.domain("a")["pid"], signal.SIGTERM)
        assert events.wait(event="stopped")["data"]["reason"] == "destroyed"


def test_a_start_that_fails_leaves_nothing(clean):
    xml = bare("a").replace("<devices>", f"<devices><disk type='file' device='disk'><driver name='qemu' type='raw'/>"
                            f"<source file='{clean.folder}/missing.img'/><target dev='vda' bus='virtio'/></disk>")
    clean.api.define(xml)
    with pytest.raises(ApiError) as error:
        clean.api.do("a", "start")
    assert "missing.img" in error.value.message and error.value.status == 404
    assert now(clean, "a")[0] == "shut off"
    assert not processes_of(clean.folder).keys() - {clean.pid}
    assert not list((clean.folder / "run/muster/records").iterdir())
    (clean.folder / "missing.img").write_bytes(bytes(1 << 20))
    assert clean.api.do("a", "start")["state"] == "running"


# --- autostart -------------------------------------------------------------------------------------------------


def test_autostart_once_a_session(clean):
    clean.api.define(bare("a"))
    clean.api.define(bare("b"))
    assert clean.api.put("/v1/domains/a/autostart", {"autostart": True})[1]["autostart"] is True
    clean.api.put("/v1/domains/b/autostart", {"autostart": True})
    clean.api.put("/v1/domains/b/autostart", {"autostart": False})
    clean.restart()
    assert [(d["state"], d["autostart"]) for d in clean.api.domains()] == [("shut off", True), ("shut off", False)]
    clean.stop()
    shutil.rmtree(clean.folder / "run/muster")  # as it is after a boot, or a new session
    clean.start()
    clean.api.wait_for_state("a", "running")
    assert clean.api.state("b") == "shut off"


# --- with a guest ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_shutdown_by_the_power_button(clean, boot):
    vm, events = boot("v")
    assert clean.api.do("v", "shutdown")["state"] in ("running", "in shutdown")
    events.wait(event="stopped", seconds=60)
    assert story(events, "v")[-3:] == [("started", "running", "booted"), ("shutdown", "in shutdown", "shutdown"),
                                       ("stopped", "shut off", "shutdown")]
    assert now(clean, "v") == ("shut off", "shutdown")


@pytest.mark.slow
def test_shutdown_that_the_guest_does_not_heed(clean, boot):
    vm, _ = boot("v")
    vm.tell("deaf").wait("GUEST deaf")
    clean.api.do("v", "shutdown", mode="acpi")
    vm.tell("say hello").wait("GUEST says hello")
    assert clean.api.state("v") == "running"
    assert refused(clean, "v", "shutdown", status=422, mode="agent").errno in ("ENOTSUP", "EOPNOTSUPP")


@pytest.mark.slow
def test_reboot_by_the_power_button(clean, boot):
    vm, events = boot("v")
    pid = clean.api.domain("v")["pid"]
    clean.api.do("v", "reboot")
    vm.wait("Power down").wait("GUEST ready")
    assert clean.api.domain("v")["pid"] == pid and clean.api.state("v") == "running"
    assert ("stopped", "shut off", "shutdown") not in story(events, "v")
    vm.tell("off")
    events.wait(event="stopped", reason="shutdown")


@pytest.mark.slow
def test_reset_boots_anew(clean, boot):
    vm, events = boot("v")
    clean.api.do("v", "reset")
    vm.wait("GUEST ready")
    events.wait(event="reset")
    assert now(clean, "v") == ("running", "booted")


@pytest.mark.slow
@pytest.mark.parametrize("action", ["destroy", "restart", "preserve"])
def test_on_poweroff(clean, boot, action):
    vm, events = boot("v", f"<on_poweroff>{action}</on_poweroff>")
    vm.tell("off")
    events.wait(event="shutdown")
    if action == "destroy":
        events.wait(event="stopped", reason="shutdown")
        assert now(clean, "v") == ("shut off", "shutdown")
    elif action == "restart":
        vm.wait("GUEST ready")
        assert clean.api.state("v") == "running"
    else:
        clean.api.wait_for_state("v", "in shutdown")
        clean.restart()
        assert now(clean, "v") == ("in shutdown", "shutdown")
        refused(clean, "v", "suspend")
        clean.api.do("v", "destroy")


@pytest.mark.slow
@pytest.mark.parametrize("action", ["restart", "destroy"])
def test_on_reboot(clean, boot, action):
    vm, events = boot("v", f"<on_reboot>{action}</on_reboot>")
    vm.tell("reboot")
    if action == "restart":
        vm.wait("GUEST ready")
        events.wait(event="reset")
        assert now(clean, "v") == ("running", "booted")
    else:
        events.wait(event="stopped", reason="shutdown")


@pytest.mark.slow
@pytest.mark.parametrize("action", ["destroy", "restart", "preserve", "coredump-destroy", "coredump-restart"])
def test_on_crash(clean, boot, action):
    vm, events = boot("v", f"<on_crash>{action}</on_crash>")
    vm.tell("panic")
    events.wait(event="crashed", state="crashed", reason="panicked")
    if action.endswith("destroy"):
        events.wait(event="stopped", seconds=60)
        assert now(clean, "v") == ("shut off", "crashed")
    elif action.endswith("restart"):
        vm.wait("GUEST ready")
        assert clean.api.state("v") == "running"
    else:
        assert now(clean, "v") == ("crashed", "panicked")
        clean.restart()
        assert now(clean, "v") == ("crashed", "panicked")
        clean.api.do("v", "destroy")
    dump = clean.folder / "state/muster/domains/v/crash.elf"
    assert dump.exists() == action.startswith("coredump")
    if dump.exists():
        assert dump.read_bytes()[:4] == b"\x7fELF" and dump.stat().st_size > 64 << 20


@pytest.mark.slow
def test_a_guest_that_sleeps(clean, boot):
    vm, events = boot("v")
    vm.tell("sleep")
    events.wait(event="pmsuspended")
    assert now(clean, "v")[0] == "pmsuspended"
    clean.api.qmp("v", "system_wakeup")
    events.wait(event="resumed", reason="event wakeup")
    vm.wait("GUEST awake")
    assert now(clean, "v") == ("running", "event wakeup")


# --- events ----------------------------------------------------------------------------------------------------


def test_events_are_numbered_on_over_restarts_and_resumed(clean):
    api = clean.api
    with api.events() as events:
        api.define(bare("a"), start=True)
        api.do("a", "suspend")
        events.wait(event="suspended")
        last = events.last
    api.do("a", "resume")
    clean.kill9()
    clean.start()
    api.do("a", "suspend")
    clean.restart()
    api.do("a", "destroy")
    with api.events(after=last) as events:
        events.wait(event="stopped")
        ids = [int(event["id"]) for event in events.seen]
        assert [event for event, _, _ in story(events, "a")] == ["resumed", "suspended", "stopped"]
        assert ids == list(range(int(last) + 1, int(last) + 1 + len(ids)))
        assert all(event["data"]["id"] == int(event["id"]) for event in events.seen)
    assert api.get("/v1/daemon")[1]["last-event"] == ids[-1]
