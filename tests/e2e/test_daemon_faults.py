# SPDX-License-Identifier: LGPL-2.1-or-later
"""Emulators that misbehave under a daemon: the domain stays operable, and no other one notices."""
import os
import time

import pytest
import standin
from api import ApiError
from daemon import Daemon, processes_of


@pytest.fixture
def daemon():
    with Daemon(config="[limits]\ncall = 1s\n") as one:
        yield one


def start(daemon, *names):
    for name in names:
        daemon.api.define(standin.definition(name, daemon.emulator))
        daemon.api.do(name, "start")


def test_what_the_harness_promises(daemon):
    start(daemon, "a")
    with daemon.api.events() as events:
        daemon.api.do("a", "suspend")
        events.wait(event="suspended")
    pid = daemon.api.domain("a")["pid"]
    daemon.kill9()
    assert pid in processes_of(daemon.folder)
    daemon.start()
    daemon.api.wait_for_state("a", "paused")
    assert daemon.api.domain("a")["pid"] == pid
    with daemon.api.events(after=events.last) as again:
        daemon.api.do("a", "resume")
        again.wait(event="resumed")
        assert not [e for e in again.seen if e["data"].get("event") == "suspended"]
    with pytest.raises(ApiError) as refused:
        daemon.api.do("nobody", "start")
    assert (refused.value.status, refused.value.errno) == (404, "ENOENT")


def test_one_that_hangs_can_be_destroyed(daemon):
    start(daemon, "bad", "good")
    standin.faults(daemon.emulator, "bad", hang_at="stop")
    with pytest.raises(ApiError) as late:
        daemon.api.do("bad", "suspend")
    assert late.value.status == 504
    began = time.monotonic()
    daemon.api.do("good", "suspend")
    daemon.api.do("good", "resume")
    daemon.api.do("bad", "destroy")
    assert time.monotonic() - began < 5
    assert daemon.api.state("bad") == "shut off"
    assert daemon.api.state("good") == "running"


@pytest.mark.parametrize("how", [{"die_exit": 1}, {"die_signal": 11}])
def test_one_that_dies(daemon, how):
    start(daemon, "bad", "good")
    standin.faults(daemon.emulator, "bad", die_at="stop", **how)
    with daemon.api.events() as events:
        with pytest.raises(ApiError) as died:
            daemon.api.do("bad", "suspend")
        assert died.value.status >= 500 or died.value.status == 409
        events.wait(domain="bad", state="shut off")
    assert daemon.api.domain("bad")["reason"] in ("crashed", "failed")
    assert daemon.api.state("good") == "running"
    standin.faults(daemon.emulator, "bad")
    daemon.api.do("bad", "start")


@pytest.mark.parametrize("what", ["broken", "binary", "wrong-id", "no-id", "twice", "second-greeting", "nothing"])
def test_one_that_answers_nonsense(daemon, what):
    start(daemon, "bad", "good")
    standin.faults(daemon.emulator, "bad", nonsense=what, nonsense_at="stop")
    try:
        daemon.api.do("bad", "suspend")
    except ApiError as error:
        assert error.status in (409, 500, 502, 504), error
    assert daemon.api.state("good") == "running"
    daemon.api.do("bad", "destroy")
    assert daemon.api.state("bad") == "shut off"


def test_one_that_floods(daemon):
    start(daemon, "bad", "good")
    standin.faults(daemon.emulator, "bad", flood=50000, flood_at="stop")
    daemon.api.do("good", "suspend")
    try:
        daemon.api.do("bad", "suspend")
    except ApiError as error:
        assert error.status in (500, 502, 504), error
    daemon.api.do("good", "resume")
    daemon.api.do("bad", "destroy")


@pytest.mark.parametrize("faults", [{"start_fails": "no memory"}, {"die_at": "qmp_capabilities"}])
def test_start_that_fails_leaves_nothing(daemon, faults):
    start(daemon, "good")
    daemon.api.define(standin.definition("bad", daemon.emulator))
    standin.faults(daemon.emulator, "bad", **faults)
    with pytest.raises(ApiError):
        daemon.api.do("bad", "start")
    assert daemon.api.state("bad") == "shut off"
    mine = [line for line in processes_of(daemon.folder).values() if "-name bad" in line]
    assert not mine
    assert "bad" not in os.listdir(daemon.folder / "run/muster/domains")


def test_guest_that_ignores_its_button(daemon):
    start(daemon, "bad")
    standin.faults(daemon.emulator, "bad", ignore_powerdown=True, ignore_sigterm=True)
    daemon.api.do("bad", "shutdown")
    assert daemon.api.state("bad") in ("running", "in shutdown")
    daemon.api.do("bad", "destroy", graceful=False)
    assert daemon.api.state("bad") == "shut off"
