# SPDX-License-Identifier: LGPL-2.1-or-later
"""A running guest goes to a file and comes back; whatever goes wrong in between, it runs on, or the file is whole."""
import os
import pathlib
import resource
import shutil
import socket
import stat
import threading
import time

import pytest

import guest
from api import ApiError
from daemon import Daemon

QEMU = shutil.which("qemu-system-x86_64")
pytestmark = pytest.mark.skipif(not QEMU, reason="no QEMU")

COUNTER = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
id=$(cat /proc/sys/kernel/random/boot_id)
i=0; while true; do echo "GUEST $id $i"; i=$((i + 1)); sleep 0.05; done
"""


def definition(name, memory=64, os_more="", devices=""):
    """A real emulator with firmware alone: there is no guest, but all of a machine's state."""
    return f"""<domain type='qemu'>
  <name>{name}</name>
  <memory unit='MiB'>{memory}</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type>{os_more}</os>
  <features><acpi/></features>
  <devices>
    <emulator>{QEMU}</emulator>
    {devices}
    <memballoon model='none'/>
  </devices>
</domain>
"""


@pytest.fixture(name="daemon", scope="module")
def _daemon():
    with Daemon(emulator=False) as daemon:
        yield daemon


@pytest.fixture(name="domain")
def _domain(daemon):
    """One that runs; its name."""
    daemon.api.define(definition("saved"))
    daemon.api.do("saved", "start")
    yield "saved"
    if daemon.api.state("saved") != "shut off":
        daemon.api.do("saved", "destroy")
    daemon.api.undefine("saved", managed_save=True)


def running(daemon, name, state="running", reason=None):
    domain = daemon.api.domain(name)
    assert domain["state"] == state, domain
    assert reason in (None, domain["reason"]), domain
    status = daemon.api.qmp(name, "query-status")
    assert status["running"] == (state == "running"), status


def refused(fn, *words, errno=None):
    with pytest.raises(ApiError) as caught:
        fn()
    assert errno in (None, caught.value.errno), caught.value
    for word in words:
        assert word in caught.value.message, caught.value
    return caught.value


def save(daemon, name, path, **more):
    answer = daemon.api.do(name, "save", file=str(path), **more)
    assert (answer["state"], answer["reason"]) == ("shut off", "saved")
    assert path.is_file() and stat.S_IMODE(path.stat().st_mode) == 0o600


def restore(daemon, path, **more):
    return daemon.api.post("/v1/restore", {"file": str(path), **more})[1]


def leftovers(folder):
    return [x.name for x in pathlib.Path(folder).iterdir() if x.name.startswith(".muster-save-")]


def transfers(daemon):
    return list((daemon.folder / "run/muster/transfers").iterdir())


# --- without a guest -----------------------------------------------------------------------------------


def test_saves_and_restores(daemon, domain, tmp_path):
    path = tmp_path / "a.save"
    with daemon.api.events() as events:
        save(daemon, domain, path)
        stopped = events.wait(event="stopped")
        assert stopped["data"]["reason"] == "saved"
        answer = restore(daemon, path)
        assert (answer["state"], answer["reason"]) == ("running", "restored")
        events.wait(event="started")
    running(daemon, domain, reason="restored")
    assert path.exists() and not leftovers(tmp_path) and not transfers(daemon)
    refused(lambda: restore(daemon, path), "runs already", errno="ESTALE")


@pytest.mark.parametrize(("before", "saving", "restoring", "after"), [
    ("running", {"paused": True}, {}, "paused"), ("running", {"paused": True}, {"paused": False}, "running"),
    ("paused", {}, {}, "paused"), ("paused", {}, {"paused": False}, "running"), ("running", {}, {"paused": True}, "paused")])
def test_runs_or_is_paused_as_asked(daemon, domain, tmp_path, before, saving, restoring, after):
    if before == "paused":
        daemon.api.do(domain, "suspend")
    save(daemon, domain, tmp_path / "a.save", **saving)
    assert restore(daemon, tmp_path / "a.save", **restoring)["state"] == after
    running(daemon, domain, after, "restored")


def test_managed_save_is_taken_up_once(daemon, domain):
    api = daemon.api
    answer = api.do(domain, "managed-save")
    assert (answer["state"], answer["reason"], answer["managed-save"]) == ("shut off", "saved", True)
    file = daemon.folder / f"state/muster/save/{domain}.save"
    assert file.exists()
    answer = api.do(domain, "start")
    assert (answer["state"], answer["reason"], answer["managed-save"]) == ("running", "restored", False)
    assert not file.exists()
    api.do(domain, "destroy")
    assert api.do(domain, "start")["reason"] == "booted"


def test_managed_save_lasts_over_a_restart_and_can_be_given_up(daemon, domain):
    api = daemon.api
    api.do(domain, "managed-save")
    daemon.restart()
    assert api.domain(domain)["managed-save"]
    assert api.delete(f"/v1/domains/{domain}/managed-save")[1]["managed-save"] is False
    refused(lambda: api.delete(f"/v1/domains/{domain}/managed-save"), "no managed save", errno="ENOENT")
    assert api.do(domain, "start")["reason"] == "booted"


def test_a_fresh_boot_ends_the_managed_save(daemon, domain):
    """The disks go on without it, so it must never be taken up behind that."""
    daemon.api.do(domain, "managed-save")
    answer = daemon.api.do(domain, "start", force_boot=True)
    assert (answer["reason"], answer["managed-save"]) == ("booted", False)


def test_an_aborted_start_keeps_the_managed_save(daemon, domain):
    api = daemon.api
    api.do(domain, "managed-save")
    file = daemon.folder / f"state/muster/save/{domain}.save"
    whole = file.read_bytes()
    file.write_bytes(whole[:-100000] + bytes(50000) + whole[-50000:])
    refused(lambda: api.do(domain, "start"), "damaged")
    assert api.domain(domain)["managed-save"] and file.exists()
    assert api.state(domain) == "shut off"
    file.write_bytes(whole)
    assert api.do(domain, "start")["reason"] == "restored"


def test_renamed_since(daemon, domain, tmp_path):
    api = daemon.api
    save(daemon, domain, tmp_path / "a.save")
    restore(daemon, tmp_path / "a.save")
    api.do(domain, "managed-save")
    api.post(f"/v1/domains/{domain}/rename", {"name": "other"})
    try:
        answer = api.do("other", "start")
        assert (answer["name"], answer["reason"], answer["managed-save"]) == ("other", "restored", False)
        api.do("other", "destroy")
        assert restore(daemon, tmp_path / "a.save")["name"] == "other"
        api.do("other", "destroy")
    finally:
        api.post("/v1/domains/other/rename", {"name": domain})


def damage(data, at):
    return data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1:]


@pytest.mark.parametrize(("change", "words"), [
    (lambda data: b"", "no saved state"),
    (lambda data: b"\0" * 64 + data[64:], "never finished"),
    (lambda data: damage(data, 9), "format"),
    (lambda data: damage(data, 30), "damaged"),
    (lambda data: damage(data, 200), "damaged"),
    (lambda data: data[:300], "damaged"),
    (lambda data: data[:len(data) // 2], "cut off"),
    (lambda data: data[:-1], "cut off"),
    (lambda data: data + b"x", "damaged"),
    (lambda data: damage(data, 4096 * 5), "damaged"),
    (lambda data: damage(data, len(data) // 2), "damaged"),
    (lambda data: damage(data, len(data) - 1), "damaged"),
])
def test_refuses_what_is_damaged(daemon, domain, tmp_path, change, words):
    path = tmp_path / "a.save"
    save(daemon, domain, path)
    whole = path.read_bytes()
    path.write_bytes(change(whole))
    refused(lambda: restore(daemon, path), words, str(path), errno="EBADMSG")
    assert daemon.api.state(domain) == "shut off" and not transfers(daemon)
    path.write_bytes(whole)
    assert restore(daemon, path)["state"] == "running"


def test_refuses_what_is_no_regular_file(daemon, domain, tmp_path):
    good = tmp_path / "good.save"
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to(good)
    (tmp_path / "folder").mkdir()
    (tmp_path / "disk.img").write_bytes(b"somebody's disk")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        for name, words in [("fifo", "regular"), ("folder", "regular"), ("socket", "regular"), ("link", "symbolic link")]:
            refused(lambda name=name: save(daemon, domain, tmp_path / name), words, errno="EINVAL")
            refused(lambda name=name: restore(daemon, tmp_path / name), errno="EINVAL")
        refused(lambda: save(daemon, domain, tmp_path / "link"), "symbolic link", errno="EINVAL")
    refused(lambda: save(daemon, domain, tmp_path / "disk.img"), "no saved state", errno="EEXIST")
    refused(lambda: save(daemon, domain, pathlib.Path("/dev/full")), "regular", errno="EINVAL")
    refused(lambda: save(daemon, domain, tmp_path / "nowhere/a"), errno="ENOENT")
    refused(lambda: save(daemon, domain, pathlib.Path("relative")), "absolute", errno="EINVAL")
    refused(lambda: restore(daemon, tmp_path / "nothing"), errno="ENOENT")
    assert (tmp_path / "disk.img").read_bytes() == b"somebody's disk"
    running(daemon, domain, reason="booted")
    assert not leftovers(tmp_path) and not transfers(daemon)
    save(daemon, domain, good)
    assert restore(daemon, good)["state"] == "running"
    save(daemon, domain, good)  # over the earlier one


def test_an_emulator_that_cannot_goes_on(daemon, domain, tmp_path):
    """A file limit stands for a full disk: the guest runs on, and nothing is left."""
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (200000, resource.RLIM_INFINITY))
    try:
        refused(lambda: save(daemon, domain, tmp_path / "a.save"), "muster-save-")
        running(daemon, domain, reason="save canceled")
        daemon.api.do(domain, "suspend")
        refused(lambda: save(daemon, domain, tmp_path / "a.save"), "muster-save-")
        running(daemon, domain, "paused")
    finally:
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert not list(tmp_path.iterdir()) and not transfers(daemon)
    daemon.api.do(domain, "resume")
    save(daemon, domain, tmp_path / "a.save")


def test_restores_a_transient_domain(daemon, tmp_path):
    api, path = daemon.api, tmp_path / "t.save"
    api.define(definition("transient"), transient=True)
    refused(lambda: api.do("transient", "managed-save"), "transient", errno="ESTALE")
    save(daemon, "transient", path)
    assert not [x for x in api.domains() if x["name"] == "transient"]
    assert restore(daemon, path)["persistent"] is False
    api.do("transient", "destroy")
    other = definition("transient")
    refused(lambda: restore(daemon, path, xml=other), "only what the guest does not see", errno="EINVAL")
    assert not [x for x in api.domains() if x["name"] == "transient"]


def test_a_start_behind_a_managed_save_takes_it_up(daemon, domain):
    """Asked for while it is saved, and so before there is anything to go on from."""
    answers = []
    clone = daemon.api.clone()
    thread = threading.Thread(target=lambda: answers.append(clone.do(domain, "managed-save")))
    thread.start()
    end = time.monotonic() + 20
    while daemon.api.domain(domain)["reason"] == "booted":
        assert time.monotonic() < end
    try:
        answer = daemon.api.do(domain, "start")
    except ApiError as error:
        pytest.fail(f"the start was not queued: {error}")
    thread.join()
    assert answers[0]["managed-save"] and answer["reason"] == "restored"


@pytest.mark.parametrize("step", range(12))
def test_a_daemon_that_dies_leaves_one_of_both(daemon, domain, step):
    """Killed at any moment: the file is whole and the guest has ended, or the guest runs and there is no file."""
    file = daemon.folder / f"state/muster/save/{domain}.save"

    def ask():
        try:
            daemon.api.clone().do(domain, "managed-save")
        except Exception:  # its end is what is asked for
            pass

    # Moments by what has happened, and a bit behind: a save takes some 50 ms.
    record = daemon.folder / f"run/muster/records/{domain}.json"
    thread = threading.Thread(target=ask)
    thread.start()
    end = time.monotonic() + 20
    while "temporary" not in record.read_text() and not file.exists():
        assert time.monotonic() < end
    delay = time.monotonic() + step * 0.006
    while time.monotonic() < delay and not (step == 11 and file.exists()):
        pass
    daemon.kill9()
    thread.join()
    there = file.exists()
    daemon.start()
    if there:
        daemon.api.wait_for_state(domain, "shut off")
        found = daemon.api.domain(domain)
        assert (found["reason"], found["managed-save"]) in (("saved", True), ("crashed", True), ("unknown", True)), found
        assert daemon.api.do(domain, "start")["reason"] == "restored"
    else:
        daemon.api.wait_for_state(domain, "running")
        assert not daemon.api.domain(domain)["managed-save"]
    running(daemon, domain)
    while leftovers(file.parent) or transfers(daemon):
        assert time.monotonic() < end, (leftovers(file.parent), transfers(daemon))


# --- with one ------------------------------------------------------------------------------------------


class Counting:
    """A guest that counts, and tells each time which boot it is."""

    def __init__(self, daemon, folder):
        self.daemon, self.log = daemon, folder / "serial.log"
        kernel = guest.need()
        boot = (f"<kernel>{kernel}</kernel><initrd>{guest.initramfs(folder / 'initramfs.gz', COUNTER)}</initrd>"
                "<cmdline>console=ttyS0 quiet</cmdline>")
        daemon.api.define(definition("counting", 256, boot, f"<serial type='file'><source path='{self.log}' append='on'/></serial>"))
        daemon.api.do("counting", "start")
        self.boot, self.last = None, -1
        self.goes_on(240)

    def lines(self):
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        found = [x.split() for x in text.splitlines(keepends=True) if x.startswith("GUEST ") and x.endswith("\n")]
        return [(x[1], int(x[2])) for x in found if len(x) == 3]

    def goes_on(self, seconds=60):
        """It says three more numbers than until now, of the same boot, and left none out."""
        end = time.monotonic() + seconds
        while not (lines := self.lines()) or lines[-1][1] < self.last + 3:
            assert time.monotonic() < end, f"it stands at {self.last}: {lines[-3:]}"
            time.sleep(0.05)
        self.boot = self.boot or lines[0][0]
        assert [x for x, _ in lines] == [self.boot] * len(lines)
        assert [x for _, x in lines] == list(range(len(lines)))
        self.last = lines[-1][1]

    def stand(self):
        self.last = self.lines()[-1][1]


@pytest.fixture(name="counting", scope="module")
def _counting(daemon, tmp_path_factory):
    counting = Counting(daemon, tmp_path_factory.mktemp("counting"))
    yield counting
    if daemon.api.state("counting") != "shut off":
        daemon.api.do("counting", "destroy")


@pytest.mark.slow
def test_a_guest_goes_on_counting(daemon, counting, tmp_path):
    path = tmp_path / "counting.save"
    save(daemon, "counting", path)
    counting.stand()
    restore(daemon, path)
    counting.goes_on()
    daemon.api.do("counting", "managed-save")
    counting.stand()
    assert daemon.api.do("counting", "start")["reason"] == "restored"
    counting.goes_on()


@pytest.mark.slow
def test_a_guest_runs_on_when_the_disk_is_full(daemon, counting, tmp_path):
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (8 << 20, resource.RLIM_INFINITY))
    try:
        refused(lambda: save(daemon, "counting", tmp_path / "a.save"), "muster-save-")
    finally:
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    counting.stand()
    counting.goes_on()
    assert not list(tmp_path.iterdir())


def begin_save(daemon, path):
    """Returns when the file is being written."""
    def ask():
        try:
            daemon.api.clone().do("counting", "save", file=str(path))
        except Exception:  # whatever is in its way is the test's doing
            pass

    thread = threading.Thread(target=ask)
    thread.start()
    end = time.monotonic() + 30
    while not any(x.stat().st_size > 0 for x in path.parent.iterdir() if x.name.startswith(".muster-save-")):
        assert time.monotonic() < end
    return thread


@pytest.mark.slow
def test_a_guest_runs_on_when_the_daemon_dies(daemon, counting, tmp_path):
    thread = begin_save(daemon, tmp_path / "a.save")
    daemon.kill9()
    thread.join()
    assert not (tmp_path / "a.save").exists() and leftovers(tmp_path)
    counting.stand()
    daemon.start()
    counting.goes_on()
    running(daemon, "counting")
    assert not list(tmp_path.iterdir()) and not transfers(daemon)
    save(daemon, "counting", tmp_path / "a.save")
    restore(daemon, tmp_path / "a.save")
    counting.goes_on()


@pytest.mark.slow
def test_destroy_ends_a_save(daemon, counting, tmp_path):
    thread = begin_save(daemon, tmp_path / "a.save")
    daemon.api.do("counting", "destroy")
    thread.join()
    assert daemon.api.state("counting") == "shut off"
    assert not leftovers(tmp_path) and not transfers(daemon)
