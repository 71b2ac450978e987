# SPDX-License-Identifier: LGPL-2.1-or-later
"""Emulators that hang, flood, die and lie: the answer is right and in time, others notice nothing, destroy works."""
import os
import signal
import statistics
import time

import pytest

import standin
from api import ApiError
from daemon import Daemon, processes_of

CONFIG = "[limits]\ncall = 2s\nstart = 3s\n"


@pytest.fixture(scope="module")
def daemon():
    with Daemon(config=CONFIG) as running:
        running.api.define(standin.definition("good", running.emulator), start=True)
        yield running
        assert running.api.state("good") == "running"


@pytest.fixture
def bad(daemon):
    """The name of a domain that a test spoils; `good` is asked all along."""
    daemon.api.define(standin.definition("bad", daemon.emulator))
    good = daemon.api.domain("good")["pid"]
    yield "bad"
    standin.faults(daemon.emulator, "bad")
    if daemon.api.state("bad") != "shut off":
        daemon.api.do("bad", "destroy")
    daemon.api.undefine("bad")
    assert daemon.api.domain("good")["pid"] == good
    assert daemon.api.qmp("good", "query-status")["running"] is True
    assert len(processes_of(daemon.folder)) == 2


def spoil(daemon, **faults):
    standin.faults(daemon.emulator, "bad", **faults)


def refused(daemon, verb, *statuses, within=10, **members):
    """Told no, in time."""
    begin = time.monotonic()
    with pytest.raises(ApiError) as error:
        daemon.api.do("bad", verb, **members)
    assert error.value.status in statuses, error.value
    assert time.monotonic() - begin < within, error.value
    return error.value


def others_are_quick(daemon, seconds=1.0):
    """What another domain's client waits, while this one is in trouble."""
    api, taken = daemon.api.clone(), []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        begin = time.monotonic()
        assert api.qmp("good", "query-status")["status"] == "running"
        api.domains()
        taken.append(time.monotonic() - begin)
    api.close()
    assert statistics.median(taken) < 0.1, taken
    assert max(taken) < 1, max(taken)


# --- at the start ----------------------------------------------------------------------------------------------

AT_START = {
    "never-greets": (dict(never_greet=True), {504}),
    "hangs-at-capabilities": (dict(hang_at="qmp_capabilities"), {504}),
    "hangs-at-cont": (dict(hang_at="cont"), {504}),
    "dies-at-capabilities": (dict(die_at="qmp_capabilities"), {502}),
    "dies-at-cont": (dict(die_at="cont"), {502}),
    "dies-behind-cont": (dict(die_at="query-status", die_when="after"), {502}),
    "dies-by-a-signal": (dict(die_at="cont", die_signal=11), {502}),
    "refuses-cont": (dict(fail={"cont": "it does not want to"}), {502}),
    "answers-broken": (dict(nonsense="broken"), {502}),
    "answers-binary": (dict(nonsense="binary"), {502}),
    "answers-nothing": (dict(nonsense="nothing"), {504}),
    "answers-another": (dict(nonsense="wrong-id"), {502, 504}),
    "answers-nobody": (dict(nonsense="no-id"), {502, 504}),
    "fails-to-start": (dict(start_fails="qemu: the host is on fire"), {502}),
}


@pytest.mark.parametrize("case", AT_START)
def test_a_start_that_goes_wrong(daemon, bad, case):
    faults, statuses = AT_START[case]
    spoil(daemon, **faults)
    error = refused(daemon, "start", *statuses)
    assert daemon.api.state(bad) == "shut off", error
    assert len(processes_of(daemon.folder)) == 2
    if "start_fails" in faults:
        assert "on fire" in error.message + (error.detail or ""), error
    if "fail" in faults:
        assert "does not want to" in error.message
    spoil(daemon)
    assert daemon.api.do(bad, "start")["state"] == "running"


@pytest.mark.parametrize("faults", [dict(never_greet=True), dict(hang_at="cont"), dict(greet_msec=60000)],
                         ids=["never-greets", "hangs", "slow"])
def test_destroy_while_it_starts(daemon, bad, faults):
    import threading
    spoil(daemon, **faults)
    told = []

    def start(api=daemon.api.clone()):
        try:
            told.append(api.do(bad, "start"))
        except ApiError as error:
            told.append(error)
        api.close()

    thread = threading.Thread(target=start)
    thread.start()
    end = time.monotonic() + 5
    while not any("-name bad" in line for line in processes_of(daemon.folder).values()):
        assert time.monotonic() < end
        time.sleep(0.01)
    others_are_quick(daemon, 0.3)
    begin = time.monotonic()
    daemon.api.do(bad, "destroy")
    assert time.monotonic() - begin < 2
    thread.join(5)
    assert isinstance(told[0], ApiError) and told[0].errno == "ECANCELED", told
    assert daemon.api.state(bad) == "shut off"
    assert len(processes_of(daemon.folder)) == 2


def test_odd_but_harmless(daemon, bad):
    for nonsense in ("twice", "second-greeting"):
        spoil(daemon, nonsense=nonsense, nonsense_at="query-status")
        try:
            daemon.api.do(bad, "start")
        except ApiError as error:
            assert error.status in (502, 504), error
        others_are_quick(daemon, 0.2)
        if daemon.api.state(bad) != "shut off":
            daemon.api.do(bad, "destroy")


# --- while it runs ---------------------------------------------------------------------------------------------


def test_one_that_hangs(daemon, bad):
    daemon.api.do(bad, "start")
    spoil(daemon, hang_at="stop")
    error = refused(daemon, "suspend", 504, within=5)
    assert "destroy" in error.message
    others_are_quick(daemon)
    refused(daemon, "resume", 200, 409, 504, within=5) if daemon.api.state(bad) != "running" else None
    begin = time.monotonic()
    assert daemon.api.do(bad, "destroy")["reason"] == "destroyed"
    assert time.monotonic() - begin < 2


def test_one_that_is_stopped(daemon, bad):
    """As by a debugger: its socket takes what is written, and nobody reads."""
    daemon.api.do(bad, "start")
    pid = daemon.api.domain(bad)["pid"]
    os.kill(pid, signal.SIGSTOP)
    refused(daemon, "suspend", 504, within=5)
    others_are_quick(daemon)
    os.kill(pid, signal.SIGCONT)
    # It has carried out what was asked for too late; then the daemon knows, by the event.
    daemon.api.wait_for_state(bad, "paused", 10)
    assert daemon.api.do(bad, "resume")["state"] == "running"


def test_calls_wait_for_one_that_hangs_no_longer_than_they_may(daemon, bad):
    import threading
    daemon.api.do(bad, "start")
    os.kill(daemon.api.domain(bad)["pid"], signal.SIGSTOP)
    errors = []

    def ask(api=None):
        api = daemon.api.clone()
        try:
            api.qmp(bad, "query-status")
        except ApiError as error:
            errors.append(error)
        api.close()

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    others_are_quick(daemon, 0.5)
    daemon.api.do(bad, "destroy")
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert len(errors) == 10 and {error.status for error in errors} <= {409, 502, 504}, errors


@pytest.mark.parametrize("when", ["before", "after"])
def test_one_that_dies_at_a_command(daemon, bad, when):
    daemon.api.do(bad, "start")
    spoil(daemon, die_at="query-version", die_when=when, die_signal=9)
    with daemon.api.events() as events:
        try:
            daemon.api.qmp(bad, "query-version")
            assert when == "after"
        except ApiError as error:
            assert error.status == 502
        events.wait(event="stopped", reason="crashed")
    assert daemon.api.state(bad) == "shut off"


def test_one_that_refuses(daemon, bad):
    daemon.api.do(bad, "start")
    spoil(daemon, fail={"stop": "not now\x1b[31m"})
    error = refused(daemon, "suspend", 502)
    assert "not now" in error.message and "\x1b" not in error.message
    assert daemon.api.state(bad) == "running"


@pytest.mark.parametrize("nonsense", ["broken", "binary", "nothing", "wrong-id", "no-id", "twice", "second-greeting"])
def test_one_that_answers_nonsense(daemon, bad, nonsense):
    daemon.api.do(bad, "start")
    spoil(daemon, nonsense=nonsense, nonsense_at="query-version")
    try:
        daemon.api.qmp(bad, "query-version")
        assert nonsense in ("twice", "second-greeting")
    except ApiError as error:
        assert error.status in (502, 504), error
    others_are_quick(daemon, 0.3)
    spoil(daemon)
    assert daemon.api.state(bad) == "running"
    end = time.monotonic() + 10  # the connection is made anew
    while True:
        try:
            assert daemon.api.qmp(bad, "query-status")["running"] is True
            break
        except ApiError:
            assert time.monotonic() < end, daemon.said()
            time.sleep(0.1)


def test_one_that_floods(daemon, bad):
    daemon.api.do(bad, "start")
    spoil(daemon, flood_forever=True)
    with daemon.api.events(domain="good") as events:
        try:
            daemon.api.qmp(bad, "query-version")
        except ApiError as error:
            assert error.status in (502, 504)
        others_are_quick(daemon, 2)
        daemon.api.do("good", "suspend")
        daemon.api.do("good", "resume")
        events.wait(event="resumed")
    begin = time.monotonic()
    daemon.api.do(bad, "destroy")
    assert time.monotonic() - begin < 2


def test_a_burst_before_the_reply(daemon, bad):
    daemon.api.do(bad, "start")
    spoil(daemon, flood=20000, flood_at="query-version")
    try:
        assert daemon.api.qmp(bad, "query-version")
    except ApiError as error:
        assert error.status in (502, 504)
    others_are_quick(daemon, 0.3)
    assert daemon.api.state(bad) == "running"


def test_one_that_hangs_when_the_daemon_comes_back(daemon, bad):
    daemon.api.do(bad, "start")
    os.kill(daemon.api.domain(bad)["pid"], signal.SIGSTOP)
    begin = time.monotonic()
    daemon.kill9()
    daemon.start()
    assert time.monotonic() - begin < 3
    assert daemon.api.domain(bad)["responsive"] is False
    others_are_quick(daemon, 0.3)
    refused(daemon, "suspend", 502, 504, within=5)
    assert daemon.api.do(bad, "destroy")["state"] == "shut off"


def test_one_that_ignores_being_asked(daemon, bad):
    daemon.api.do(bad, "start")
    spoil(daemon, ignore_powerdown=True, ignore_sigterm=True)
    daemon.api.qmp(bad, "query-version")  # so that it has looked at its faults
    assert daemon.api.do(bad, "shutdown")["state"] == "running"
    refused(daemon, "destroy", 409, within=15, graceful=True)
    assert daemon.api.do(bad, "destroy")["reason"] == "destroyed"
