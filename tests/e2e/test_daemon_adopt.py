# SPDX-License-Identifier: LGPL-2.1-or-later
"""Emulators that were started past the daemon, and come under its management."""
import json
import os
import signal
import socket
import subprocess
import threading
import time

import pytest

from api import ApiError
from daemon import Daemon
from launch import Qmp
from openapi import CheckedApi

QEMU = "/usr/bin/qemu-system-x86_64"


@pytest.fixture(scope="module")
def daemon():
    with Daemon(emulator=False) as running:
        running.api = CheckedApi(running.socket)
        yield running


class Emulator:
    """QEMU by hand. Its own folder, so that the daemon's sweep does not take it for its own."""

    def __init__(self, folder, *words, qmp=True, name="byhand", fds=(), accel="tcg"):
        self.folder = folder
        self.socket = folder / "qmp.sock"
        argv = [QEMU, *(["-name", name] if name else []), "-accel", accel, "-display", "none", *map(str, words)]
        if qmp:
            argv += ["-qmp", f"unix:{self.socket},server=on,wait=off"]
        self.argv = argv
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=(folder / "log").open("wb"), pass_fds=fds)

    @property
    def address(self):
        return f"unix:{self.socket}"

    def wait(self, seconds=30):
        end = time.monotonic() + seconds
        while not self.socket.exists():
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < end
            time.sleep(0.02)
        return self

    def runs(self):
        return self.process.poll() is None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def disk(tmp_path):
    path = tmp_path / "disk.img"
    with path.open("wb") as file:
        file.truncate(1 << 20)
    return path


def adopt(daemon, emulator, **members):
    address = emulator if isinstance(emulator, str) else emulator.address
    return daemon.api.post("/v1/adopt", {"address": address, **members})


def refused(daemon, emulator, status, **members):
    with pytest.raises(ApiError) as error:
        adopt(daemon, emulator, **members)
    assert error.value.status == status, error.value
    return error.value


def gone(daemon, name, seconds=30):
    end = time.monotonic() + seconds
    while any(domain["name"] == name for domain in daemon.api.domains()):
        assert time.monotonic() < end, f"{name} is still there"
        time.sleep(0.02)


PLAIN = ["-machine", "q35", "-m", "64", "-nodefaults"]


def test_by_hand(daemon, tmp_path, disk):
    """q35, a virtio disk, a user network; it is mapped whole, and ended."""
    words = [*PLAIN, "-drive", f"file={disk},format=raw,if=virtio", "-nic", "user,model=virtio-net-pci", "-serial", "null"]
    with Emulator(tmp_path, *words).wait() as emulator:
        status, domain = adopt(daemon, emulator)
        assert status == 201
        assert not domain["unmapped"], "\n".join(domain["unmapped"])
        assert (domain["name"], domain["state"], domain["reason"]) == ("byhand", "running", "adopted")
        xml = daemon.api.get("/v1/domains/byhand/xml")[1]
        assert str(disk) in xml and "pc-q35-" in xml and "type=\"user\"" in xml
        daemon.api.do("byhand", "suspend")
        with pytest.raises(ApiError):
            adopt(daemon, emulator)  # the daemon holds the monitor itself
        daemon.api.do("byhand", "resume")
        daemon.api.do("byhand", "destroy")
        emulator.process.wait(10)
        gone(daemon, "byhand")
        assert disk.exists() and emulator.socket.exists()


def test_as_people_write_it(daemon, tmp_path, disk):
    """No format, no bus, several processors, a forwarded port, a CD without a medium, VNC."""
    words = ["-machine", "q35", "-m", "64M", "-smp", "2", "-hda", disk, "-vnc", f"unix:{tmp_path}/vnc.sock",
             "-nic", "user,hostfwd=tcp:127.0.0.1:22522-:22", "-device", "virtio-rng-pci,rng=r",
             "-object", "rng-random,id=r,filename=/dev/urandom", "-device", "qemu-xhci,id=usb", "-device", "usb-tablet"]
    with Emulator(tmp_path, *words, name="people").wait() as emulator:
        domain = adopt(daemon, emulator)[1]
        assert not domain["unmapped"], "\n".join(domain["unmapped"])
        xml = daemon.api.get("/v1/domains/people/xml")[1]
        assert 'type="raw"' in xml and 'cores="2"' in xml
        daemon.api.do("people", "destroy")


def test_default_devices(daemon, tmp_path):
    """Without -nodefaults: a VGA card, a serial and a parallel port, a CD drive and a network card by themselves."""
    with Emulator(tmp_path, "-machine", "q35", "-m", "64", name="defaults").wait() as emulator:
        domain = adopt(daemon, emulator)[1]
        assert not domain["unmapped"], "\n".join(domain["unmapped"])
        daemon.api.do("defaults", "destroy")


def test_unmappable(daemon, tmp_path):
    with Emulator(tmp_path, *PLAIN, "-device", "edu", name="odd").wait() as emulator:
        domain = adopt(daemon, emulator)[1]
        assert any("edu" in line for line in domain["unmapped"]), domain
        with pytest.raises(ApiError) as error:
            daemon.api.do("odd", "suspend")
        assert error.value.errno == "EROFS", error.value
        assert daemon.api.state("odd") == "running"
        daemon.api.do("odd", "destroy")
        emulator.process.wait(10)
        gone(daemon, "odd")


def test_changed_since(daemon, tmp_path):
    """What was plugged in after the start is on no command line."""
    with Emulator(tmp_path, "-machine", "pc", "-m", "64", "-nodefaults", name="changed").wait() as emulator:
        qmp = Qmp(emulator.socket, emulator.process)
        qmp("device_add", driver="virtio-rng-pci", id="later", bus="pci.0", addr="0x9")
        qmp("blockdev-add", **{"driver": "null-co", "node-name": "spare"})
        qmp.socket.shutdown(socket.SHUT_RDWR)
        end = time.monotonic() + 20
        while True:
            try:
                domain = adopt(daemon, emulator)[1]
                break
            except ApiError:
                assert time.monotonic() < end
        lines = "\n".join(domain["unmapped"])
        assert "later" in lines and "spare" in lines and "9.0" in lines
        daemon.api.do("changed", "destroy")


def test_survives_the_daemon(daemon, tmp_path, disk):
    with Emulator(tmp_path, *PLAIN, "-drive", f"file={disk},format=raw,if=virtio", name="again").wait() as emulator:
        first = adopt(daemon, emulator)[1]
        daemon.kill9()
        daemon.start()
        domain = daemon.api.domain("again")
        assert (domain["state"], domain["uuid"]) == ("running", first["uuid"])
        daemon.api.do("again", "suspend")
        daemon.api.do("again", "resume")
        # It ends by itself: transient, it vanishes.
        emulator.process.kill()
        emulator.process.wait()
        gone(daemon, "again")


def test_release(daemon, tmp_path):
    with Emulator(tmp_path, *PLAIN, name="loose").wait() as emulator:
        adopt(daemon, emulator)
        daemon.api.do("loose", "release")
        gone(daemon, "loose")
        assert emulator.runs()
        qmp = Qmp(emulator.socket, emulator.process)
        assert qmp("query-status")["status"] == "running"
        qmp.socket.close()
        qmp.stream.close()
        end = time.monotonic() + 20
        while True:
            try:
                adopt(daemon, emulator)
                break
            except ApiError:
                assert time.monotonic() < end
        daemon.api.do("loose", "destroy")


def test_reset(daemon, tmp_path):
    """With -no-shutdown a reset is told and followed; the emulator stays until it is destroyed."""
    with Emulator(tmp_path, *PLAIN, "-no-shutdown", name="stays").wait() as emulator:
        assert not adopt(daemon, emulator)[1]["unmapped"]
        daemon.api.qmp("stays", "system_reset")
        assert daemon.api.state("stays") == "running"
        daemon.api.do("stays", "destroy")
        emulator.process.wait(10)


def test_files_stay(daemon, tmp_path):
    """Another domain's folder, socket and group: nothing of them is the daemon's."""
    with Emulator(tmp_path, *PLAIN, name="files").wait() as emulator:
        adopt(daemon, emulator)
        beside = subprocess.Popen(["/bin/sleep", "60"])  # in the emulator's process group, as of a script
        try:
            assert os.getpgid(beside.pid) == os.getpgid(emulator.process.pid)
            daemon.api.do("files", "destroy")
            emulator.process.wait(10)
            gone(daemon, "files")
            assert beside.poll() is None and emulator.socket.exists()
        finally:
            beside.kill()
            beside.wait()


def test_monitor_is_taken(daemon, tmp_path):
    with Emulator(tmp_path, *PLAIN, name="taken").wait() as emulator:
        qmp = Qmp(emulator.socket, emulator.process)
        begin = time.monotonic()
        error = refused(daemon, emulator, 409)
        assert error.errno == "EBUSY" and "second -qmp socket" in error.message
        assert time.monotonic() - begin < 10
        assert qmp("query-status")["status"] == "running"
        assert not daemon.api.domains()


def test_hangs(daemon, tmp_path):
    with Emulator(tmp_path, *PLAIN, name="hangs").wait() as emulator:
        os.kill(emulator.process.pid, signal.SIGSTOP)
        with pytest.raises(ApiError) as error:
            adopt(daemon, emulator)
        # The kernel stops its threads one after the other: the greeting may still come.
        assert error.value.errno in ("EBUSY", "ETIMEDOUT"), error.value
        os.kill(emulator.process.pid, signal.SIGCONT)
        end = time.monotonic() + 20
        while True:
            try:
                assert adopt(daemon, emulator)[0] == 201
                break
            except ApiError:
                assert time.monotonic() < end
        daemon.api.do("hangs", "destroy")


def test_wrong_socket(daemon, tmp_path):
    path = tmp_path / "other.sock"
    refused(daemon, f"unix:{path}", 404)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(4)
        def serve():
            client, _ = server.accept()
            client.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
            client.close()

        thread = threading.Thread(target=serve)
        thread.start()
        error = refused(daemon, f"unix:{path}", 502)
        thread.join()
        assert error.errno == "EPROTO"
    with pytest.raises(ApiError) as error:
        daemon.api.post("/v1/adopt", {"address": "tcp:localhost:4444"})
    assert error.value.status == 400


def test_listener_of_another(daemon, tmp_path):
    """As libvirt starts it: the socket was made by another process and handed on."""
    path = tmp_path / "handed.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(1)
        words = [*PLAIN, "-no-user-config", "-chardev", f"socket,id=charmonitor,fd={server.fileno()},server=on,wait=off",
                 "-mon", "chardev=charmonitor,id=monitor,mode=control", "-no-shutdown", "-overcommit", "mem-lock=off",
                 "-device", json.dumps({"driver": "pcie-root-port", "port": 16, "chassis": 1, "id": "pci.1",
                                        "bus": "pcie.0", "multifunction": True, "addr": "0x2"}),
                 "-device", json.dumps({"driver": "virtio-balloon-pci", "id": "balloon0", "bus": "pci.1", "addr": "0x0"}),
                 "-uuid", "557a5bcc-4414-44e1-9bf7-5eb9686f53c2", "-msg", "timestamp=on"]
        with Emulator(tmp_path, *words, qmp=False, name="guest=libvirt,debug-threads=on", fds=[server.fileno()]) as emulator:
            domain = adopt(daemon, f"unix:{path}")[1]
            assert not domain["unmapped"], "\n".join(domain["unmapped"])
            assert domain["uuid"] == "557a5bcc-4414-44e1-9bf7-5eb9686f53c2"
            assert domain.get("pid", emulator.process.pid) == emulator.process.pid
            daemon.api.do("libvirt", "destroy")
            emulator.process.wait(10)


def test_names(daemon, tmp_path):
    """Without a name one has to be said; a UUID of zeros is none."""
    with Emulator(tmp_path, *PLAIN, name=None).wait() as emulator:
        assert refused(daemon, emulator, 400).errno == "EINVAL"
        domain = adopt(daemon, emulator, name="called")[1]
        assert domain["name"] == "called" and domain["uuid"].strip("0-")
        daemon.api.do("called", "destroy")
