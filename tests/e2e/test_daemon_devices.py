# SPDX-License-Identifier: LGPL-2.1-or-later
"""Disks, devices and images of a running domain under musterd: what the API says, the emulator has, and no more."""
import contextlib
import http.client
import os
import pathlib
import shutil
import threading
import time
import xml.etree.ElementTree as ET

import pytest

import machine
from api import ApiError
from daemon import Daemon, processes_of
from machine import Machine, backing, cdrom, disk, files_of, image

QEMU = pathlib.Path("/usr/bin/qemu-system-x86_64")


@pytest.fixture(scope="module")
def daemon():
    if not QEMU.exists():
        pytest.skip(f"{QEMU} is not installed")
    with Daemon(emulator=False) as running:
        yield running


@pytest.fixture
def made(daemon):
    """made(name) -> a running Machine; whatever a test leaves goes."""
    machines = []

    def make(name="m", **more):
        machines.append(Machine(daemon, daemon.folder, name, **more).start())
        return machines[-1]

    yield make
    for one in machines:
        one.close()
    daemon.destroy_all()
    for domain in daemon.api.domains():
        daemon.api.undefine(domain["uuid"])
    assert not processes_of(daemon.folder).keys() - {daemon.pid}


def refused(call, *words, status=None):
    with pytest.raises(ApiError) as error:
        call()
    for word in words:
        assert word in str(error.value), error.value
    assert status is None or error.value.status == status, error.value
    return error.value


@contextlib.contextmanager
def untouched(vm):
    """Nothing comes of it: not in the emulator, not in a definition, not in what is known of the disks."""
    def now():
        peripheral = sorted(d["name"] for d in vm.witness("qom-list", path="/machine/peripheral"))
        return sorted(vm.nodes()), peripheral, vm.live(), vm.config(), vm.chains()

    before = now()
    yield
    assert now() == before


# --- devices ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bus, target", [("virtio", "vdb"), ("scsi", "sdb"), ("usb", "sdc")])
def test_disks_come_and_go(daemon, made, bus, target):
    vm, file = made(), image(daemon.folder / f"{bus}.qcow2")
    before = vm.live(), vm.config()
    answer = vm.attach(disk(file, target, bus))
    assert answer["alias"] in {d["name"] for d in vm.witness("qom-list", path="/machine/peripheral")}
    assert vm.files(target) == [str(file)] and files_of(vm.live(), target) == [str(file)]
    assert vm.config() == before[1], "what runs was changed, and not what it is started from"
    assert vm.mode(file) == "O_RDWR"
    vm.check()
    vm.events.wait(event="attached", alias=answer["alias"])
    assert vm.detach(target=target)["alias"] == answer["alias"]
    vm.events.wait(event="detached", alias=answer["alias"])
    assert vm.mode(file) is None and vm.live() == before[0] and target not in vm.chains()
    vm.check()


def test_live_and_config(daemon, made):
    vm, file = made(), image(daemon.folder / "both.qcow2")
    vm.attach(disk(file, "vdb"), live=True, config=True)
    assert files_of(vm.live(), "vdb") == files_of(vm.config(), "vdb") == [str(file)]
    daemon.kill9()
    daemon.start()
    vm.events.close()
    vm.events = vm.api.events()
    assert files_of(vm.live(), "vdb") == files_of(vm.config(), "vdb") == [str(file)]
    vm.check()
    vm.detach(target="vdb")
    assert files_of(vm.live(), "vdb") is None and files_of(vm.config(), "vdb") == [str(file)]
    vm.detach(target="vdb", config=True)
    assert files_of(vm.config(), "vdb") is None
    vm.check()


def test_a_device_that_is_no_disk(made):
    vm = made()
    before = vm.live()
    answer = vm.attach("<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>")
    assert answer["device"].startswith("<rng") and "<rng" in vm.live()
    vm.check()
    vm.detach(alias=answer["alias"])
    assert vm.live() == before


def test_config_of_what_does_not_run(daemon, made):
    vm, file = made(), image(daemon.folder / "later.qcow2")
    vm.api.do("m", "destroy")
    vm.close()
    vm.attach(disk(file, "vdb"))
    assert files_of(vm.config(), "vdb") == [str(file)]
    refused(lambda: vm.attach(disk(file, "vdc"), live=True), status=409)
    vm.go()
    assert vm.files("vdb") == [str(file)]
    vm.check()


@pytest.mark.parametrize("xml, words", [
    (lambda f: disk(f / "x.qcow2", "hdd", "ide"), ["IDE"]),
    (lambda f: disk(f / "x.qcow2", "vda"), ["vda"]),
    (lambda f: disk(f / "missing.qcow2", "vdb"), ["missing.qcow2"]),
    (lambda f: disk(f / "text.qcow2", "vdb"), ["qcow2"]),
    (lambda f: disk(f / "m-base.qcow2", "vdb"), ["vda"]),
    (lambda f: "<sandwich/>", ["sandwich"]),
    (lambda f: "<disk", []),
], ids=["ide", "taken", "missing", "no-image", "in-use", "no-device", "no-xml"])
def test_an_attach_that_fails_leaves_nothing(daemon, made, xml, words):
    vm = made()
    image(daemon.folder / "x.qcow2")
    (daemon.folder / "text.qcow2").write_text("no image")
    for query in ({}, {"live": True, "config": True}):
        with untouched(vm):
            refused(lambda: vm.attach(xml(daemon.folder), **query), *words)
    vm.check()


def test_a_detach_that_fails_leaves_everything(made):
    vm = made()
    with untouched(vm):
        refused(lambda: vm.detach(target="vdz"), "vdz")
        refused(lambda: vm.detach(target="hdc"))


def test_a_detach_that_the_daemon_did_not_see_the_end_of(daemon, made):
    """The device is gone from QEMU's tree some time before its node is free."""
    vm = made()
    vm.api.do("m", "suspend")
    for number in range(6):
        vm.attach(disk(image(daemon.folder / f"gone{number}.qcow2"), "sdb", "scsi"))
        api = vm.api.clone()

        def ask(api=api):
            with contextlib.suppress(OSError, http.client.HTTPException):
                api.delete(vm.path("devices"), target="sdb")

        thread = threading.Thread(target=ask)
        thread.start()
        time.sleep(0.001 * (number + 1))
        daemon.kill9()
        thread.join()
        daemon.start()
        vm.api.qmp("m", "query-status")
        vm.api.qmp("m", "query-status")  # behind what a daemon does of itself
        vm.check()
        if "sdb" in vm.chains():
            vm.detach(target="sdb")


@pytest.mark.slow
def test_a_guest_that_lets_go_too_late(daemon, made):
    """The answer is that it has not, yet; when it does, the definition follows."""
    vm, file = made(), image(daemon.folder / "late.qcow2")
    vm.attach(disk(file, "vdb"))
    refused(lambda: vm.api.delete(vm.path("devices"), target="vdb"), "not let go", status=504)
    assert vm.files("vdb") == [str(file)]
    vm.witness("system_reset")
    vm.wait(lambda: "vdb" not in vm.chains(), "the definition does not follow")
    assert files_of(vm.live(), "vdb") is None and vm.mode(file) is None
    vm.check()


def test_media(daemon, made):
    vm = made()
    first, second = (image(daemon.folder / name, "raw") for name in ("a.iso", "b.iso"))
    for file in (first, second):
        vm.media(cdrom(file))
        assert vm.files("hdc") == [str(file)] == files_of(vm.live(), "hdc") and vm.mode(file) == "O_RDONLY"
        assert files_of(vm.config(), "hdc") == []
        vm.check()
    assert vm.mode(first) is None
    with untouched(vm):
        refused(lambda: vm.media(cdrom(daemon.folder / "missing.iso")), "missing.iso")
    vm.media(cdrom(first), live=True, config=True)
    assert files_of(vm.config(), "hdc") == [str(first)]
    vm.media(cdrom(), live=True, config=True)
    assert files_of(vm.live(), "hdc") == files_of(vm.config(), "hdc") == [] and vm.mode(first) is None
    vm.check()


# --- images ----------------------------------------------------------------------------------------------------


def both(vm, target, *names):
    files = [str(vm.place / name) for name in names]
    assert vm.files(target) == files_of(vm.live(), target) == files_of(vm.config(), target) == files
    vm.check()


def test_snapshots_of_two_disks_at_once(daemon, made):
    second = image(daemon.folder / "second.qcow2")
    vm = made(disks=disk(daemon.folder / "m-base.qcow2", "vda") + disk(second, "sda", "scsi"))
    before = {"vda": vm.mode(vm.base), "sda": vm.mode(second)}
    assert set(before.values()) == {"O_RDWR"}
    answer = vm.snapshot(vda=daemon.folder / "v1.qcow2", sda=daemon.folder / "s1.qcow2")
    both(vm, "vda", "v1.qcow2", "m-base.qcow2")
    both(vm, "sda", "s1.qcow2", "second.qcow2")
    vm.expect(answer["access"], "after")
    assert {item["file"] for item in answer["access"]} >= {str(vm.base), str(second)}
    vm.wait(lambda: vm.mode(vm.base) == vm.mode(second) == "O_RDONLY", "the bases are still open for writing")
    vm.events.wait(event="snapshot")
    vm.write(4, "2M")
    vm.holds(("1M", 9), ("2M", 4))


def test_a_snapshot_that_fails_is_of_no_disk(daemon, made):
    second = image(daemon.folder / "second.qcow2")
    vm = made(disks=disk(daemon.folder / "m-base.qcow2", "vda") + disk(second, "sda", "scsi"))
    with untouched(vm):
        refused(lambda: vm.snapshot(vda=daemon.folder / "ok.qcow2", sda=daemon.folder / "no/dir.qcow2"), "no/dir")
        refused(lambda: vm.snapshot(vda=daemon.folder / "ok.qcow2", vdz=daemon.folder / "z.qcow2"), "vdz")
        refused(lambda: vm.snapshot(vda=second), "second.qcow2")
    vm.snapshot(vda=daemon.folder / "v2.qcow2", sda=daemon.folder / "s2.qcow2")


def layered(made, *names):
    vm = made()
    for number, name in enumerate(names):
        vm.snapshot(vda=vm.place / name)
        vm.write(number + 1, f"{2 + number}M")
    both(vm, "vda", *reversed(names), "m-base.qcow2")
    return vm, [("1M", 9), *((f"{2 + number}M", number + 1) for number in range(len(names)))]


def begin(vm, kind, **members):
    """Slowly, so that there is something to be seen of it."""
    answer = vm.job(kind, bandwidth=1 << 16, **members)
    vm.expect(answer["access"], "during")
    vm.events.wait(event="started", disk="vda")
    return answer


def hurry(vm, ready):
    vm.speed(0)
    if ready:
        vm.wait(lambda: vm.progress()["status"] == "ready", "the job is not ready")
        vm.events.wait(event="ready", disk="vda")


def test_active_commit_pivots(made):
    vm, written = layered(made, "p1.qcow2")
    assert vm.mode(vm.base) == "O_RDONLY"
    answer = begin(vm, "commit", active=True)
    base = next(item for item in answer["access"] if item["file"] == str(vm.base))
    assert (base["before"], base["during"]) == ("O_RDONLY", "O_RDWR")
    progress = vm.progress()
    assert progress["type"] == "commit" and progress["status"] == "running" and progress["speed"] == 1 << 16
    assert 0 <= progress["offset"] <= progress["length"]
    refused(lambda: vm.job("pull"), "busy", status=409)
    refused(lambda: vm.snapshot(vda=vm.place / "never.qcow2"), "busy", status=409)
    refused(vm.pivot, "not ready", status=409)
    hurry(vm, ready=True)
    assert vm.files("vda")[0].endswith("p1.qcow2"), "nothing is other than before until it has pivoted"
    assert vm.pivot()["outcome"] == "completed"
    both(vm, "vda", "m-base.qcow2")
    vm.expect(answer["access"], "after")
    vm.holds(*written)
    refused(vm.progress, status=404)
    refused(vm.pivot, status=404)


def test_active_commit_is_cancelled(made):
    vm, written = layered(made, "c1.qcow2")
    for ready in (False, True):
        answer = begin(vm, "commit", active=True)
        if ready:
            hurry(vm, ready=True)
        assert vm.cancel()["outcome"] == "cancelled"
        both(vm, "vda", "c1.qcow2", "m-base.qcow2")
        vm.expect(answer["access"], "before")
        vm.holds(*written)


def test_active_commit_survives_the_daemon(daemon, made):
    vm, written = layered(made, "k1.qcow2")
    answer = begin(vm, "commit", active=True)
    last = vm.api.get("/v1/daemon")[1]["last-event"]
    daemon.kill9()
    daemon.start()
    vm.events.close()
    vm.events = vm.api.events(after=last)
    assert vm.progress()["status"] in ("running", "ready")  # on a busy host it takes a while to be back
    hurry(vm, ready=True)
    vm.pivot()
    both(vm, "vda", "m-base.qcow2")
    vm.expect(answer["access"], "after")
    vm.holds(*written)


def test_commit_that_ends_without_a_daemon(daemon, made):
    vm, written = layered(made, "w1.qcow2", "w2.qcow2")
    begin(vm, "commit")
    daemon.kill9()
    vm.witness("block-job-set-speed", device="muster-commit-vda", speed=0)
    vm.wait(lambda: vm.witness("query-jobs")[0]["status"] == "concluded", "it does not end")
    daemon.start()
    vm.events.close()
    vm.events = vm.api.events()
    vm.wait(lambda: not vm.api.get(vm.path("jobs"))[1]["jobs"], "its end is not seen")
    both(vm, "vda", "w2.qcow2", "m-base.qcow2")
    vm.holds(*written)


def test_inactive_commit(made):
    vm, written = layered(made, "i1.qcow2", "i2.qcow2", "i3.qcow2")
    answer = begin(vm, "commit", top=str(vm.place / "i2.qcow2"), base=str(vm.place / "i1.qcow2"), delete=True)
    hurry(vm, ready=False)
    vm.ended()
    both(vm, "vda", "i3.qcow2", "i1.qcow2", "m-base.qcow2")
    assert not (vm.place / "i2.qcow2").exists() and (vm.place / "i1.qcow2").exists()
    vm.expect(answer["access"], "after")
    vm.holds(*written)


def test_pull(made):
    vm, written = layered(made, "l1.qcow2", "l2.qcow2")
    answer = begin(vm, "pull", base=str(vm.base))
    hurry(vm, ready=False)
    vm.ended()
    both(vm, "vda", "l2.qcow2", "m-base.qcow2")
    vm.expect(answer["access"], "after")
    begin(vm, "pull")
    assert vm.cancel()["outcome"] == "cancelled"
    both(vm, "vda", "l2.qcow2", "m-base.qcow2")
    vm.job("pull")
    vm.ended()
    both(vm, "vda", "l2.qcow2")
    vm.holds(*written)


def test_copy(made):
    vm, written = layered(made, "o1.qcow2")
    answer = begin(vm, "copy", file=str(vm.place / "kept.qcow2"), keep=True)
    hurry(vm, ready=True)
    assert vm.pivot()["outcome"] == "completed"
    both(vm, "vda", "o1.qcow2", "m-base.qcow2")
    vm.expect(answer["access"], "after")
    assert vm.mode(vm.place / "kept.qcow2") is None
    answer = begin(vm, "copy", file=str(vm.place / "shallow.qcow2"), shallow=True)
    hurry(vm, ready=True)
    assert vm.pivot()["outcome"] == "completed"
    both(vm, "vda", "shallow.qcow2", "m-base.qcow2")
    vm.expect(answer["access"], "after")
    answer = begin(vm, "copy", file=str(vm.place / "full.raw"), format="raw")
    hurry(vm, ready=True)
    assert vm.pivot()["outcome"] == "completed"
    both(vm, "vda", "full.raw")
    vm.expect(answer["access"], "after")
    vm.holds(*written)
    with untouched(vm):
        refused(lambda: vm.job("copy"), "file")
        refused(lambda: vm.job("copy", file=str(vm.place / "no/where.qcow2")), "no/where")
        refused(lambda: vm.job("copy", target="vdz", file=str(vm.place / "z.qcow2")), "vdz", status=404)


def test_a_definition_that_was_changed_does_not_follow(daemon, made):
    """It says what is started next, and that may be another image altogether."""
    vm, other = made(), image(daemon.folder / "other.qcow2")
    xml = vm.config().replace("m-base.qcow2", "other.qcow2")
    vm.api.define(xml)
    vm.snapshot(vda=daemon.folder / "f1.qcow2")
    assert files_of(vm.live(), "vda") == [str(daemon.folder / "f1.qcow2"), str(vm.base)]
    assert files_of(vm.config(), "vda") == [str(other)]
    vm.check()


# --- what an emulator cannot do --------------------------------------------------------------------------------


def without(folder, *names):
    """The catalogue, but no emulator has these features."""
    target = folder / "features.d"
    shutil.copytree(os.environ["MUSTER_FEATURES_DIR"], target)
    for file in target.iterdir():
        lines, inside = [], False
        for line in file.read_text().splitlines():
            if line.startswith("["):
                inside = line.strip("[]") in names
            if inside and line.startswith("tie ="):
                line = f"tie = schema no-such-command-{len(lines)}"
            lines.append(line)
        file.write_text("\n".join(lines) + "\n")
    return target


def test_refusal_names_what_is_missing(tmp_path):
    """A base that was opened as a backing image stays read-only; one that was the disk's own stays writable."""
    environment = {"MUSTER_FEATURES_DIR": str(without(tmp_path, "dynamic-auto-read-only"))}
    with Daemon(emulator=False, environment=environment) as daemon:
        base = image(daemon.folder / "below.qcow2")
        top = image(daemon.folder / "above.qcow2", backing=base)
        vm = Machine(daemon, daemon.folder, disks=disk(top, "vda", more=backing(base))).start()
        try:
            vm.check()
            with untouched(vm):
                for members in ({"active": True}, {"base": str(base), "top": str(top)}):
                    error = refused(lambda members=members: vm.job("commit", **members), "no-such-command")
                    assert error.errno == "EROFS" and str(base) in error.message, error
            vm.snapshot(vda=daemon.folder / "r1.qcow2")
            vm.check()
            assert vm.mode(top) == "O_RDWR" and vm.mode(base) == "O_RDONLY"
            vm.job("commit", base=str(top), active=True)
            vm.wait(lambda: vm.progress()["status"] == "ready", "the job is not ready")
            vm.pivot()
            vm.check()
        finally:
            vm.close()


# --- whom it judges --------------------------------------------------------------------------------------------


def replace(path, source):
    new = path.with_name(f".{path.name}.new")
    shutil.copy(source, new)
    os.replace(new, path)


def grown(source, path):
    """The same program in another file: something behind its end."""
    shutil.copy(source, path)
    with open(path, "ab") as file:
        file.write(b"another build")
    return path


@pytest.mark.slow
@pytest.mark.parametrize("cached", [True, False], ids=["cached", "asked-anew"])
def test_an_emulator_that_was_replaced(tmp_path, prefix, cached):
    # Root's cache would be the host's.
    with Daemon(emulator=False, environment={"MUSTER_CACHE_DIR": str(tmp_path / "cache")}) as daemon:
        own = prefix(QEMU).emulator
        os.symlink("/usr/share", own.parents[1] / "share")  # its firmware, which it looks for beside itself, too
        vm = Machine(daemon, daemon.folder, emulator=own).start()
        try:
            before = vm.api.domain("m")
            replace(own, grown(QEMU, tmp_path / "other"))
            daemon.stop()
            if not cached:
                shutil.rmtree(tmp_path / "cache")
            daemon.start()
            vm.events.close()
            vm.events = vm.api.events()
            assert vm.api.domain("m")["digest"] == before["digest"] and vm.api.domain("m")["pid"] == before["pid"]
            file = image(daemon.folder / "n.qcow2")
            vm.attach(disk(file, "sdb", "scsi"))
            vm.check()
            vm.snapshot(vda=daemon.folder / "n1.qcow2")
            vm.check()
            # What is started from now on is the other file.
            other = Machine(daemon, daemon.folder, "n", emulator=own).start()
            assert vm.api.domain("n")["digest"] != before["digest"] == vm.api.domain("m")["digest"]
            other.close()
            assert ET.fromstring(vm.live()).find("name").text == "m"
        finally:
            vm.close()


assert machine.SIZE >= 4 << 20  # layered() writes below it
