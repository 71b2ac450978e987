# SPDX-License-Identifier: LGPL-2.1-or-later
"""The stand-in against its model, the host's real emulator, and what it does wrong when told to."""
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

import pytest
import standin

REAL = "/usr/bin/qemu-system-x86_64"
UUID = "064db820-e095-4236-a93d-98d327340689"


class Peer:
    """A client of the monitor that keeps what came in its order."""

    def __init__(self, path, seconds=20, greet=True):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(seconds)
        self.socket.connect(str(path))
        self.stream = self.socket.makefile("rb")
        self.log = []
        if greet:
            self.greeting = self.read()
            self("qmp_capabilities", enable=["oob"])
            self.log.clear()

    def send(self, text):
        self.socket.sendall(text if isinstance(text, bytes) else text.encode())

    def read(self):
        line = self.stream.readline()
        if not line:
            raise EOFError
        return json.loads(line)

    def next(self):
        message = self.read()
        self.log.append(message.get("event") or ("return" if "return" in message else message["error"]["class"]))
        return message

    def __call__(self, command, **arguments):
        self.send(json.dumps({"execute": command, "arguments": arguments, "id": command}) + "\n")
        while (message := self.next()).get("id") != command:
            pass
        return message

    def until(self, event):
        while (message := self.next()).get("event") != event:
            pass
        return message

    def close(self):
        self.stream.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Machine:
    def __init__(self, program, folder, *more, handed=False, name="demo", env=None):
        self.path = folder / f"{pathlib.Path(program).name}-{len(list(folder.iterdir()))}.sock"
        self.log = self.path.with_suffix(".log")
        with contextlib.ExitStack() as stack:
            fds = ()
            address = f"path={self.path}"
            if handed:
                listener = stack.enter_context(socket.socket(socket.AF_UNIX))
                listener.bind(str(self.path))
                listener.listen(5)
                fds, address = (listener.fileno(),), f"fd={listener.fileno()}"
            argv = [program, "-S", "-name", name, "-uuid", UUID, "-no-user-config", "-nodefaults", "-display", "none",
                    "-machine", "pc,accel=tcg", "-m", "16", "-no-shutdown", "-chardev",
                    f"socket,id=charmonitor,{address},server=on,wait=off", "-mon", "charmonitor,mode=control", *more]
            log = stack.enter_context(open(self.log, "wb"))
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=fds,
                                            env={**os.environ, **(env or {})})
        self._wait(handed)

    def _wait(self, handed):
        end = time.monotonic() + 20
        while not handed and self.process.poll() is None:
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
                if self.path.exists():
                    probe.connect(str(self.path))
                    return
            assert time.monotonic() < end
            time.sleep(0.01)

    def peer(self, **more):
        return Peer(self.path, **more)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def fake(tmp_path):
    return standin.make(tmp_path)


@pytest.fixture(params=["stand-in", "real"])
def program(request, tmp_path):
    if request.param == "real":
        if not os.path.exists(REAL):
            pytest.skip(f"{REAL} is missing")
        return REAL
    return str(standin.make(tmp_path))


def disk(folder):
    (folder / "disk.img").write_bytes(bytes(1 << 20))
    return ["-blockdev", json.dumps({"driver": "file", "node-name": "store", "filename": str(folder / "disk.img")}),
            "-blockdev", '{"driver":"raw","node-name":"disk","file":"store"}',
            "-device", '{"driver":"virtio-blk-pci","id":"vd0","drive":"disk"}']


# Each of these holds of both, so that the stand-in is what it stands in for.

def test_states(program, tmp_path):
    with Machine(program, tmp_path) as machine, machine.peer() as peer:
        def status():
            return peer("query-status")["return"]["status"]

        assert status() == "prelaunch"
        for command, log, after in (("stop", ["return"], "prelaunch"), ("cont", ["RESUME", "return"], "running"),
                                    ("cont", ["return"], "running"), ("stop", ["STOP", "return"], "paused"),
                                    ("stop", ["return"], "paused"), ("system_reset", ["RESET", "return"], "prelaunch")):
            peer.log.clear()
            peer(command)
            if "RESET" in log and "RESET" not in peer.log:  # QEMU's reset runs beside its reply
                peer.until("RESET")
            assert sorted(peer.log) == sorted(log), command
            assert status() == after, command
        peer.log.clear()
        peer("quit")
        with pytest.raises((EOFError, ConnectionResetError)):
            while True:
                peer.next()
        assert sorted(peer.log) == ["SHUTDOWN", "return"]
        assert machine.process.wait(20) == 0


def test_identity(program, tmp_path):
    with Machine(program, tmp_path, "-smp", "2") as machine, machine.peer() as peer:
        assert peer("query-name")["return"] == {"name": "demo"}
        assert peer("query-uuid")["return"] == {"UUID": UUID}
        assert [cpu["cpu-index"] for cpu in peer("query-cpus-fast")["return"]] == [0, 1]
        assert peer.greeting["QMP"]["capabilities"] == ["oob"]
        assert peer("query-version")["return"]["qemu"]["major"] == peer.greeting["QMP"]["version"]["qemu"]["major"]


def faulty(peer):
    """(request, what came back)"""
    for text in ("nonsense", "[]", '{"id": 3}', '{"execute": 3}', '{"execute": "query-status", "foo": 1}',
                 '{"execute": "query-status", "arguments": 3}', '{"exec-oob": "query-status", "id": 1}',
                 '{"execute": "nope", "id": {"a": [1]}}', '{"execute": "query-status", "id": null}',
                 '{"execute": "query-status", "arguments": {"x": 1}}', '{"execute": "device_del"}',
                 '{"execute": "device_del", "arguments": {"id": "no"}}',
                 '{"execute": "blockdev-add", "arguments": {"driver": "null-co"}}',
                 '{"execute": "blockdev-add", "arguments": {"driver": "null-co", "node-name": "disk"}}',
                 '{"execute": "blockdev-add", "arguments": {"driver": "raw", "file": "no", "node-name": "y"}}',
                 '{"execute": "blockdev-del", "arguments": {"node-name": "disk"}}',
                 '{"execute": "blockdev-del", "arguments": {"node-name": "no"}}',
                 '{"execute": "device_add", "arguments": {"driver": "virtio-blk-pci", "id": "vd0"}}',
                 '{"execute": "device_add", "arguments": {"driver": "no", "id": "x"}}',
                 '{"execute": "block-job-cancel", "arguments": {"device": "no"}}',
                 '{"execute": "job-cancel", "arguments": {"id": "no"}}',
                 '{"execute": "getfd", "arguments": {"fdname": "x"}}',
                 '{"execute": "migrate", "arguments": {"uri": "fd:x"}}',
                 '{"execute": "qom-get", "arguments": {"path": "/no", "property": "type"}}',
                 '{"execute": "qmp_capabilities"}'):
        peer.send(text + "\n")
        yield text, peer.read()


def test_errors_are_worded_as_by_the_real_one(fake, tmp_path):
    if not os.path.exists(REAL):
        pytest.skip(f"{REAL} is missing")
    answers = []
    for program in (str(fake), REAL):
        with Machine(program, tmp_path, *disk(tmp_path)) as machine, machine.peer(greet=False) as peer:
            peer.read()
            peer.send('{"execute": "query-status"}{"execute": "qmp_capabilities", "arguments": {"enable": ["oob"]}}')
            answers.append([("early", peer.read()), ("negotiated", peer.read()), *faulty(peer)])
    for ours, theirs in zip(*answers):
        assert ours == theirs


def test_hot_plug(program, tmp_path):
    with Machine(program, tmp_path, *disk(tmp_path)) as machine, machine.peer() as peer:
        assert peer("blockdev-add", driver="null-co", **{"node-name": "more"})["return"] == {}
        assert peer("device_add", driver="virtio-blk-pci", id="vd1", drive="more")["return"] == {}
        assert [block["inserted"]["node-name"] for block in peer("query-block")["return"]] == ["disk", "more"]
        assert peer("blockdev-del", **{"node-name": "more"})["error"]["desc"] == "Node more is in use"
        assert peer("device_del", id="vd1")["return"] == {}
        peer("system_reset")  # there is no guest that would let go of it
        paths = []
        while not (event := peer.until("DEVICE_DELETED"))["data"].get("device"):
            paths.append(event["data"]["path"])
        assert event["data"] == {"device": "vd1", "path": "/machine/peripheral/vd1"}
        assert paths == ["/machine/peripheral/vd1/virtio-backend"]
        assert peer("blockdev-del", **{"node-name": "more"})["return"] == {}


def job_log(peer, last="null"):
    """Statuses and job events, until the job is gone or so far."""
    log = []
    while not log or log[-1] != last:
        message = peer.read()
        if message.get("event") == "JOB_STATUS_CHANGE":
            log.append(message["data"]["status"])
        elif "event" in message:
            log.append(message["event"])
    return log


def overlay(folder, name):
    path = folder / f"{name}.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(path), "1M"], check=True)
    return {"driver": "qcow2", "node-name": name, "file": {"driver": "file", "filename": str(path)}, "backing": None}


def test_snapshot_and_active_commit(program, tmp_path):
    with Machine(program, tmp_path, *disk(tmp_path)) as machine, machine.peer() as peer:
        assert peer("blockdev-add", **overlay(tmp_path, "top"))["return"] == {}
        assert peer("blockdev-snapshot", node="disk", overlay="top")["return"] == {}
        assert peer("query-block")["return"][0]["inserted"]["node-name"] == "top"
        peer.send('{"execute": "block-commit", "arguments": {"job-id": "j", "device": "top"}}')
        assert job_log(peer, "BLOCK_JOB_READY") == ["created", "running", "ready", "BLOCK_JOB_READY"]
        assert [job["ready"] for job in peer("query-block-jobs")["return"]] == [True]
        peer.send('{"execute": "job-complete", "arguments": {"id": "j"}}')
        assert job_log(peer) == ["waiting", "pending", "BLOCK_JOB_COMPLETED", "concluded", "null"]
        assert peer("query-block")["return"][0]["inserted"]["node-name"] == "disk"
        assert peer("query-jobs")["return"] == []


def test_mirror_that_is_cancelled(program, tmp_path):
    with Machine(program, tmp_path, *disk(tmp_path)) as machine, machine.peer() as peer:
        peer("blockdev-add", **overlay(tmp_path, "copy"))
        peer.send('{"execute": "blockdev-mirror", "arguments": {"job-id": "m", "device": "disk", "target": "copy", '
                  '"sync": "full", "auto-dismiss": false}}')
        assert job_log(peer, "BLOCK_JOB_READY") == ["created", "running", "ready", "BLOCK_JOB_READY"]
        peer.send('{"execute": "block-job-cancel", "arguments": {"device": "m", "force": true}}')
        assert job_log(peer, "concluded") == ["aborting", "BLOCK_JOB_CANCELLED", "concluded"]
        assert [job["status"] for job in peer("query-jobs")["return"]] == ["concluded"]
        assert peer("job-dismiss", id="m")["return"] == {}
        assert peer("query-block")["return"][0]["inserted"]["node-name"] == "disk"


def test_save_and_restore(program, tmp_path):
    state = tmp_path / "state"
    with Machine(program, tmp_path) as machine, machine.peer() as peer:
        peer("migrate-set-capabilities", capabilities=[{"capability": "events", "state": True}])
        peer("cont")
        peer.log.clear()
        with open(state, "wb") as out:
            socket.send_fds(peer.socket, [b'{"execute": "getfd", "arguments": {"fdname": "save"}}'], [out.fileno()])
        assert peer.next() == {"return": {}}
        peer("migrate", uri="fd:save")
        while peer("query-migrate")["return"]["status"] != "completed":
            time.sleep(0.02)
        assert peer("query-status")["return"]["status"] == "postmigrate"
        assert "STOP" in peer.log
        assert state.stat().st_size > 0
    with open(state, "rb") as stored:
        os.set_inheritable(stored.fileno(), True)
        with Machine(program, tmp_path, "-incoming", "defer") as machine, machine.peer() as peer:
            assert peer("query-status")["return"]["status"] == "inmigrate"
            socket.send_fds(peer.socket, [b'{"execute": "getfd", "arguments": {"fdname": "load"}}'], [stored.fileno()])
            assert peer.next() == {"return": {}}
            peer("migrate-incoming", uri="fd:load")
            while (status := peer("query-status")["return"]["status"]) == "inmigrate":
                time.sleep(0.02)
            assert status == "paused"


def test_save_through_a_socket(program, tmp_path):
    target = tmp_path / "target.sock"
    with socket.socket(socket.AF_UNIX) as listener, Machine(program, tmp_path) as machine, machine.peer() as peer:
        listener.bind(str(target))
        listener.listen(1)
        listener.settimeout(20)
        peer("cont")
        peer("stop")
        peer("migrate", uri=f"unix:{target}")
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as stream:
            state = stream.read()
        assert state.startswith(b"QEVM")
        while peer("query-migrate")["return"]["status"] != "completed":
            time.sleep(0.02)
    arrival = tmp_path / "arrival.sock"
    with Machine(program, tmp_path, "-incoming", f"unix:{arrival}") as machine, machine.peer() as peer:
        with socket.socket(socket.AF_UNIX) as sender:
            sender.connect(str(arrival))
            sender.sendall(state)
        while (status := peer("query-status")["return"]["status"]) == "inmigrate":
            time.sleep(0.02)
        assert status == "paused"


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_requests_in_slices_and_clients_in_turn(program, tmp_path, size):
    with Machine(program, tmp_path, handed=True) as machine:
        for _ in range(2):
            with machine.peer() as peer:
                text = b"".join(json.dumps({"execute": "query-status", "id": n, "arguments": {}}).encode()
                                for n in range(50))
                for at in range(0, len(text), size):
                    peer.send(text[at:at + size])
                assert [peer.read()["id"] for _ in range(50)] == list(range(50))
        with machine.peer() as first:
            second = Peer(machine.path, seconds=0.2, greet=False)
            with pytest.raises(TimeoutError):
                second.read()
            second.socket.settimeout(20)
            first.close()
            assert "QMP" in json.loads(second.socket.recv(65536))
            second.close()


def test_sigterm(program, tmp_path):
    with Machine(program, tmp_path) as machine, machine.peer() as peer:
        machine.process.send_signal(signal.SIGTERM)
        assert peer.until("SHUTDOWN")["data"] == {"guest": False, "reason": "host-signal"}
        assert machine.process.wait(20) == 0


# What only the stand-in does.

@pytest.mark.slow  # that is, not with a sanitizer's memory
def test_it_is_light(fake, tmp_path):
    with Machine(str(fake), tmp_path, *disk(tmp_path)) as machine, machine.peer() as peer:
        peer("cont")
        peer("query-block")
        status = pathlib.Path(f"/proc/{machine.process.pid}/status").read_text()
        assert int(status.split("VmRSS:")[1].split()[0]) < 2048
        assert status.split("Threads:")[1].split()[0] == "1"


def test_muster_takes_it_for_the_real_one(fake, muster):
    ours = muster("probe", "--json", "-e", fake).json
    assert ours["emulator"]["executable"] == str(fake)
    assert ours["emulator"]["version"].startswith("7.2")
    assert not [f["name"] for f in ours["features"] if f["verdict"] == "unknown"]
    assert muster("domxml-to-native", "-", stdin=standin.definition("a", fake)).code == 0


def test_power_off(fake, tmp_path):
    with Machine(str(fake), tmp_path) as machine, machine.peer() as peer:
        peer("cont")
        peer.log.clear()
        peer("system_powerdown")
        assert peer.until("SHUTDOWN")["data"] == {"guest": True, "reason": "guest-shutdown"}
        peer.until("STOP")
        assert peer.log == ["POWERDOWN", "return", "SHUTDOWN", "STOP"]
        assert peer("query-status")["return"]["status"] == "shutdown"
        assert peer("cont")["error"]["desc"] == "Resetting the Virtual Machine is required"


def test_ignores(fake, tmp_path):
    standin.faults(fake, ignore_sigterm=True, ignore_powerdown=True, ignore_unplug=True, powerdown_msec=0, unplug_msec=0)
    with Machine(str(fake), tmp_path, *disk(tmp_path)) as machine, machine.peer(seconds=0.3) as peer:
        peer("cont")
        peer("system_powerdown")
        peer("device_del", id="vd0")
        machine.process.send_signal(signal.SIGTERM)
        with pytest.raises(TimeoutError):
            peer.next()
        assert machine.process.poll() is None


@pytest.mark.parametrize("faults, code", [({"die_at": "stop"}, 1), ({"die_at": "stop", "die_signal": 11}, -11),
                                          ({"die_at": "stop", "die_when": "after", "die_exit": 9}, 9),
                                          ({"die_after_msec": 50}, 1)])
def test_dies(fake, tmp_path, faults, code):
    standin.faults(fake, **faults)
    with Machine(str(fake), tmp_path) as machine, machine.peer() as peer:
        with pytest.raises((EOFError, OSError)):
            answered = peer("stop")
            assert faults.get("die_when") == "after" or "die_after_msec" in faults, answered
            peer.next()
        assert machine.process.wait(20) == code


@pytest.mark.parametrize("faults", [{"hang_at": "stop"}, {"hang_after": 1}, {"reply_msec": {"stop": 2000}}])
def test_hangs(fake, tmp_path, faults):
    standin.faults(fake, "slow", **faults)
    with Machine(str(fake), tmp_path) as other, other.peer() as peer:
        assert "return" in peer("stop")  # of another name
    with Machine(str(fake), tmp_path, name="slow") as machine, machine.peer(seconds=0.3) as peer:
        with pytest.raises(TimeoutError):
            peer("stop")
        machine.process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
        assert machine.process.poll() is None


@pytest.mark.parametrize("faults", [{"never_greet": True}, {"greet_msec": 2000}])
def test_greets_late_or_never(fake, tmp_path, faults):
    standin.faults(fake, **faults)
    with Machine(str(fake), tmp_path, handed=True) as machine, pytest.raises(TimeoutError):
        machine.peer(seconds=0.3)


@pytest.mark.parametrize("what", ["broken", "binary", "wrong-id", "no-id", "twice", "second-greeting", "nothing"])
def test_answers_nonsense(fake, tmp_path, what):
    with Machine(str(fake), tmp_path) as machine, machine.peer(seconds=0.5) as peer:
        assert "return" in peer("stop")
        standin.faults(fake, nonsense=what, nonsense_at="stop")  # noticed while it runs
        peer.send('{"execute": "stop", "id": 1}')
        if what == "nothing":
            with pytest.raises(TimeoutError):
                peer.read()
            return
        line = peer.stream.readline()
        if what in ("broken", "binary"):
            with pytest.raises(ValueError):
                json.loads(line)
            return
        message = json.loads(line)
        assert {"wrong-id": message.get("id") == "nobody-asked", "no-id": message == {"return": {}},
                "twice": what == "twice" and peer.read() == message, "second-greeting": "QMP" in message}[what]


def test_floods(fake, tmp_path):
    standin.faults(fake, flood=20000, flood_at="stop")
    with Machine(str(fake), tmp_path) as machine, machine.peer() as peer:
        assert "return" in peer("stop")
        assert len(peer.log) == 20001


def test_start_that_fails(fake, tmp_path):
    standin.faults(fake, start_fails="qemu-system-x86_64: cannot set up guest memory 'pc.ram': Cannot allocate memory")
    with Machine(str(fake), tmp_path) as machine:
        assert machine.process.wait(20) == 1
        assert "cannot set up guest memory" in machine.log.read_text()


def test_environment_tells_it_too(fake, tmp_path):
    with Machine(str(fake), tmp_path, env={"STANDIN_FAULTS": '{"fail": {"stop": "no"}}'}) as machine:
        with machine.peer() as peer:
            assert peer("stop")["error"] == {"class": "GenericError", "desc": "no"}


@pytest.mark.parametrize("faults, event", [({"job_fails": True}, "BLOCK_JOB_COMPLETED"), ({}, "BLOCK_JOB_COMPLETED")])
def test_stream(fake, tmp_path, faults, event):
    standin.faults(fake, **faults)
    with Machine(str(fake), tmp_path, *disk(tmp_path)) as machine, machine.peer() as peer:
        peer("blockdev-add", **overlay(tmp_path, "top"))
        peer("blockdev-snapshot", node="disk", overlay="top")
        peer("block-stream", device="top", **{"job-id": "s"})
        data = peer.until(event)["data"]
        assert data.get("error") == ("Input/output error" if faults else None)
        assert peer("query-block")["return"][0]["inserted"].get("backing_file_depth") == (1 if faults else 0)
