# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command line against a real daemon in directories of its own, with real QEMU and with stand-ins."""
import json
import os
import pathlib
import select
import signal
import socket
import subprocess
import threading
import time

import pytest

import standin
from conftest import MUSTER, Answer, wait_for_listener
from daemon import Daemon, processes_of

QEMU = "/usr/bin/qemu-system-x86_64"
REAL = """<domain type='qemu'>
  <name>{name}</name>
  <memory unit='MiB'>64</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <devices>
    <emulator>{emulator}</emulator>
    {devices}
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
  </devices>
</domain>
"""


class Line:
    """The command line in a daemon's environment."""

    def __init__(self, daemon):
        self.daemon, self.folder = daemon, daemon.folder
        self.env = daemon.environment() | {"MUSTER_CONNECT": "session", "MUSTER_DAEMON": daemon.program}

    def __call__(self, *args, stdin=None, timeout=60, env=None):
        done = subprocess.run([MUSTER, *map(str, args)], input=stdin, capture_output=True, text=True, timeout=timeout,
                              env=self.env | (env or {}), stdin=subprocess.DEVNULL if stdin is None else None)
        answer = Answer(done)
        assert "AddressSanitizer" not in answer.err and "runtime error:" not in answer.err, answer
        assert done.returncode >= 0, answer
        return answer

    def ok(self, *args, **more):
        answer = self(*args, **more)
        assert (answer.code, answer.err) == (0, ""), answer
        return answer.out

    def popen(self, *args):
        return subprocess.Popen([MUSTER, *map(str, args)], env=self.env, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def write(self, name, text):
        path = self.folder / f"{name}.xml"
        path.write_text(text)
        return path

    def define(self, name, devices="", emulator=QEMU):
        return self.ok("define", self.write(name, REAL.format(name=name, emulator=emulator, devices=devices)))

    def image(self, name, size="8M"):
        path = self.folder / name
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, size], check=True)
        return path


@pytest.fixture
def line():
    with Daemon() as daemon:
        yield Line(daemon)


# --- a domain's life ---------------------------------------------------------------------------------------------------

def test_a_guest_lives_by_the_words_of_virsh(line):
    assert line.define("guest") == f"Domain 'guest' defined from {line.folder}/guest.xml\n"
    assert line.ok("list") == " Id   Name   State\n--------------------\n"
    assert line.ok("list", "--all") == (" Id   Name    State\n"
                                        "------------------------\n"
                                        " -    guest   shut off\n")
    assert line.ok("domid", "guest") == "-\n"
    assert line.ok("start", "guest", "--paused") == "Domain 'guest' started\n"
    assert line.ok("domstate", "guest") == "paused\n"
    number = line.ok("domid", "guest").strip()
    assert line.ok("resume", "guest") == "Domain 'guest' resumed\n"
    assert line.ok("domstate", number, "--reason") == "running (unpaused)\n"
    assert line.ok("suspend", "guest") == "Domain 'guest' suspended\n"
    assert line.ok("reset", "guest") == "Domain 'guest' was reset\n"
    uuid = line.ok("domuuid", "guest").strip()
    assert line.ok("domname", uuid) == "guest\n"
    assert line.ok("list", "--uuid", "--name") == f"{uuid} guest\n"
    assert line.ok("list", "--name", "--state-running") == ""
    assert line.ok("list", "--name", "--state-paused") == "guest\n"
    info = dict(row.split(":", 1) for row in line.ok("dominfo", "guest").splitlines())
    assert (info["Name"].strip(), info["State"].strip(), info["UUID"].strip()) == ("guest", "paused", uuid)
    assert json.loads(line.ok("dominfo", "guest", "--json"))["pid"] == int(info["Process"])
    assert line.ok("destroy", "guest") == "Domain 'guest' destroyed\n"
    assert line.ok("domstate", "guest", "--reason") == "shut off (destroyed)\n"
    assert line.ok("undefine", "guest") == "Domain 'guest' has been undefined\n"
    assert json.loads(line.ok("list", "--all", "--json")) == []


def test_what_is_kept_of_a_domain(line):
    line.define("guest")
    assert line.ok("autostart", "guest") == "Domain 'guest' marked as autostarted\n"
    assert line.ok("list", "--all", "--name", "--autostart") == "guest\n"
    assert line.ok("autostart", "guest", "--disable") == "Domain 'guest' unmarked as autostarted\n"
    assert line.ok("list", "--all", "--name", "--autostart") == ""
    assert line.ok("desc", "guest") == "No description for domain: guest\n"
    line.ok("desc", "guest", "two", "words <&>")
    assert line.ok("desc", "guest") == "two words <&>\n"
    line.ok("desc", "guest", "--title", "Päper")
    assert line.ok("desc", "guest", "--title") == "Päper\n"
    assert " Päper" in line.ok("list", "--all", "--title")
    here = ["metadata", "guest", "--uri", "urn:x"]
    assert line.ok(*here, "--key", "x", "--set", "<note>A &amp; B</note>") == "Metadata modified\n"
    assert "A &amp; B" in line.ok(*here)
    assert line.ok(*here, "--remove") == "Metadata removed\n"
    assert (line(*here).code, line("metadata", "guest").code) == (1, 2)
    assert line.ok("domrename", "guest", "other") == "Domain successfully renamed\n"
    assert "<name>other</name>" in line.ok("dumpxml", "other", "--inactive")


def test_names_are_completed_at_once(line):
    for name in ("guest", "other one"):
        line.daemon.api.define(standin.definition(name, line.daemon.emulator))
    began = time.monotonic()
    assert line.ok("--complete", "domain") == "guest\nother one\n"
    assert time.monotonic() - began < 0.5  # a process and a call; the figure is the bench's


def test_a_transient_guest_from_standard_input(line):
    text = REAL.format(name="passing", emulator=QEMU, devices="")
    assert line.ok("create", "-", "--paused", stdin=text) == "Domain 'passing' created from -\n"
    assert line.ok("list", "--name", "--transient") == "passing\n"
    line.ok("destroy", "passing", "--graceful")
    assert line.ok("list", "--all", "--name") == ""


def test_a_guest_is_saved_and_goes_on(line):
    line.define("guest")
    line.ok("start", "guest")
    assert line.ok("managedsave", "guest") == "Domain 'guest' state saved by muster\n"
    assert " saved" in line.ok("list", "--all", "--managed-save")
    assert line("undefine", "guest").code == 1
    line.ok("start", "guest")
    assert line.ok("domstate", "guest") == "running\n"
    file = line.folder / "guest.save"
    assert line.ok("save", "guest", file) == f"Domain 'guest' saved to {file}\n"
    assert line.ok("restore", file, "--paused") == f"Domain restored from {file}\n"
    assert line.ok("domstate", "guest") == "paused\n"
    line.ok("managedsave", "guest")
    assert line.ok("managedsave-remove", "guest") == "Removed managedsave image for domain 'guest'\n"


# --- no ----------------------------------------------------------------------------------------------------------------

def test_the_daemon_says_no(line):
    line.define("guest")
    answer = line("start", "gest")
    assert (answer.code, answer.out) == (1, "") and "did you mean 'guest'?" in answer.err, answer
    answer = line("domstate", "quite-another")
    assert answer.code == 1 and "did you mean" not in answer.err, answer
    answer = line("suspend", "guest")
    assert answer.code == 1 and "does not run" in answer.err, answer
    answer = line("undefine", "guest", "--nvrm")
    assert answer.code == 2 and "'--nvram'" in answer.err, answer


def test_faults_are_told_as_validate_tells_them(line):
    text = REAL.format(name="guest", emulator=QEMU, devices="<disk type='file' device='disk'>"
                       "<target dev='vda' bus='nonsense'/></disk>")
    path = line.write("faulty", text)
    answer, local = line("define", path), line("validate", path)
    assert (answer.code, answer.out, local.code) == (1, "", 1), (answer, local)
    told = [row for row in answer.err.splitlines() if row.startswith(f"{path}:")]
    assert told and set(told) <= set(local.out.splitlines()), (answer, local)
    assert line("list", "--all", "--name").out == ""
    answer = line("define", line.folder / "none.xml")
    assert answer.code == 2 and "none.xml" in answer.err, answer


# --- disks -------------------------------------------------------------------------------------------------------------

def test_a_backup_by_snapshot_and_commit(line):
    base, overlay = line.image("base.qcow2"), line.folder / "overlay.qcow2"
    line.define("guest", standin.disk(base, kind="qcow2"))
    line.ok("start", "guest", "--paused")
    assert f" vda      {base}\n" in line.ok("domblklist", "guest")
    assert line.ok("snapshot-create-as", "guest", "backup", "--disk-only", "--atomic", "--no-metadata", "--diskspec",
                   f"vda,file={overlay}") == "Domain snapshot backup created\n"
    assert f" vda      {overlay}\n" in line.ok("domblklist", "guest")
    assert str(base) in line.ok("domblklist", "guest", "--details")
    assert line.ok("blockjob", "guest", "vda") == "No current block job for vda\n"
    assert line.ok("blockcommit", "guest", "vda", "--active", "--wait") == "Now in synchronized phase\n"
    assert line.ok("blockjob", "guest", "vda") == "Block Commit: [100 %]\n"
    line.ok("blockjob", "guest", "vda", "--pivot")
    assert f" vda      {base}\n" in line.ok("domblklist", "guest")
    line.ok("snapshot-create-as", "guest", "--disk-only", "--diskspec", f"vda,file={line.folder}/second.qcow2")
    assert line.ok("blockcommit", "guest", "vda", "--pivot", "--verbose") == "Successfully pivoted\n"
    line.ok("snapshot-create-as", "guest", "--disk-only", "--diskspec", f"vda,file={line.folder}/third.qcow2")
    assert line.ok("blockpull", "guest", "vda", "--wait") == "Pull complete\n"
    copy = line.folder / "copy.qcow2"
    assert line.ok("blockcopy", "guest", "vda", "--dest", copy, "--format", "qcow2", "--pivot") == \
        "Successfully pivoted\n"
    assert f" vda      {copy}\n" in line.ok("domblklist", "guest")
    assert line.ok("blockcopy", "guest", "vda", line.folder / "one.qcow2", "--finish") == "Successfully copied\n"
    line.ok("blockcopy", "guest", "vda", line.folder / "two.qcow2", "--wait")
    line.ok("blockjob", "guest", "vda", "--abort")
    assert line.ok("blockjob", "guest", "vda") == "No current block job for vda\n"
    assert f" vda      {copy}\n" in line.ok("domblklist", "guest")
    answer = line("snapshot-create-as", "guest", "--disk-only", "--diskspec", "vda,flie=/x")
    assert answer.code == 2 and "'flie=/x'" in answer.err, answer


def test_who_waits_for_a_job_may_cancel_it(line):
    image = line.image("slow.qcow2", "64M")
    subprocess.run(["qemu-io", "-f", "qcow2", "-c", "write -P 7 0 32M", image], check=True, stdout=subprocess.DEVNULL)
    line.define("guest", standin.disk(image, kind="qcow2"))
    line.ok("start", "guest", "--paused")
    slow = ["blockcopy", "guest", "vda", "--dest", line.folder / "copy.qcow2", "--bandwidth", "65536", "--bytes", "--wait"]
    answer = line(*slow, "--timeout", "0.3")
    assert answer.code == 2 and "Block Copy aborted" in answer.err, answer
    assert line.ok("blockjob", "guest", "vda") == "No current block job for vda\n"
    waiting = line.popen(*slow)
    while "No current" in line.ok("blockjob", "guest", "vda"):
        assert waiting.poll() is None, waiting.communicate()
    assert line.ok("blockjob", "guest", "vda", "--bandwidth", "1", "--bytes") == ""
    waiting.send_signal(signal.SIGINT)
    out, errors = waiting.communicate(timeout=20)
    assert (waiting.returncode, out) == (128 + signal.SIGINT, "") and "Block Copy aborted" in errors, errors
    assert line.ok("blockjob", "guest", "vda") == "No current block job for vda\n"


def test_disks_come_and_go(line):
    line.define("guest", emulator=line.daemon.emulator, devices="<controller type='scsi' model='virtio-scsi'/>")
    line.ok("start", "guest")
    image = line.image("data.qcow2")
    xml = line.ok("attach-disk", "guest", image, "sdb", "--subdriver", "qcow2", "--targetbus", "scsi", "--print-xml")
    assert "type='qcow2'" in xml and f"file='{image}'" in xml
    assert line.ok("attach-disk", "guest", image, "sdb", "--subdriver", "qcow2", "--targetbus", "scsi", "--live") == \
        "Disk attached successfully\n"
    assert f" sdb      {image}\n" in line.ok("domblklist", "guest")
    assert line("attach-disk", "guest", image, "sdb", "--targetbus", "scsi", "--live").code != 0
    assert line.ok("detach-disk", "guest", "sdb") == "Disk detached successfully\n"
    assert "sdb" not in line.ok("domblklist", "guest")
    file = line.write("device", xml)
    assert line.ok("attach-device", "guest", file, "--persistent") == "Device attached successfully\n"
    assert str(image) in line.ok("dumpxml", "guest", "--inactive")
    assert line.ok("detach-device", "guest", file, "--live", "--config") == "Device detached successfully\n"
    assert str(image) not in line.ok("dumpxml", "guest", "--inactive")
    assert line("detach-disk", "guest", "sdb").code == 1


def test_the_monitor(line):
    line.define("guest")
    line.ok("start", "guest", "--paused")
    assert line.ok("qemu-monitor-command", "guest", "--hmp", "info", "status").startswith("VM status: paused")
    answer = line.ok("qemu-monitor-command", "guest", '{"execute": "query-status"}')
    assert json.loads(answer)["return"]["running"] is False and answer.count("\n") == 1
    assert json.loads(line.ok("qemu-monitor-command", "guest", "--return-value", "--pretty",
                              '{"execute": "query-name"}'))["name"] == "guest"
    answer = line("qemu-monitor-command", "guest", '{"execute": "query-nonsense"}')
    assert answer.code == 2 and "CommandNotFound" in answer.err, answer
    assert line("qemu-monitor-command", "guest", "info status").code == 2


# --- events ------------------------------------------------------------------------------------------------------------

def test_events_as_they_come(line):
    line.define("guest")
    watch = line.popen("event", "--loop", "--event", "lifecycle", "--timestamp")
    end = time.monotonic() + 20
    while not select.select([watch.stdout], [], [], 0.05)[0]:  # until it listens; before that it misses them
        line.ok("autostart", "guest")
        assert time.monotonic() < end
    line.ok("start", "guest")
    line.ok("destroy", "guest")
    seen = []
    while not seen or "shut off" not in seen[-1]:
        seen.append(watch.stdout.readline())
        assert seen[-1], seen
    watch.send_signal(signal.SIGINT)
    rest, errors = watch.communicate(timeout=20)
    assert watch.returncode == 0 and errors == "", (rest, errors)
    assert "event 'lifecycle' for domain 'guest': started" in "".join(seen), seen
    assert rest == f"event loop interrupted\nevents received: {len(seen)}\n"


def test_no_event_in_time(line):
    answer = line("event", "--timeout", "0.3")
    assert (answer.code, answer.out) == (1, "event loop timed out\nevents received: 0\n"), answer


# --- the daemon itself -------------------------------------------------------------------------------------------------

def test_nobody_listens(line):
    answer = line("list", "--connect", f"unix:{line.folder}/none.sock")
    assert answer.code == 2 and "No daemon listens at" in answer.err, answer
    answer = line("list", "-c", "nonsense")
    assert answer.code == 2 and "'nonsense'" in answer.err, answer
    if not os.path.exists("/run/muster/muster.sock"):
        answer = line("list", "-c", "qemu:///system")
        assert answer.code == 2 and "systemctl start musterd.socket" in answer.err, answer


class Peer:
    """Something else that listens: says `answer` to whoever has asked, or nothing, and keeps the connection."""

    def __init__(self, path, answer):
        self.answer, self.open = answer, []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        try:
            while True:
                connection = self.listener.accept()[0]
                self.open.append(connection)
                connection.recv(65536)
                if self.answer is not None:
                    connection.sendall(self.answer)
                    connection.close()
        except OSError:
            pass

    def close(self):
        self.listener.close()


@pytest.mark.parametrize("said, told", [
    (b"", "closed the connection"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "closed the connection"),
    (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "is no daemon of muster's"),
    (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\nnot", "is no daemon of muster's"),
    (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\n{}", "is no daemon of muster's"),
    (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", '"domains"'),
    (b"HTTP/1.1 503 Full\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nfull", "503"),
])
def test_another_one_listens(line, said, told):
    path = line.folder / "peer.sock"
    peer = Peer(path, said)
    answer = line("list", "-c", f"unix:{path}")
    peer.close()
    assert answer.code == 2 and told in answer.err and answer.out == "", answer


def test_waiting_ends(line):
    path = line.folder / "peer.sock"
    peer = Peer(path, None)
    answer = line("list", "-c", path, "--timeout", "0.2")
    assert answer.code == 2 and "did not answer in time" in answer.err, answer
    waiting = line.popen("list", "-c", path)
    while len(peer.open) < 2:
        time.sleep(0.01)
    waiting.send_signal(signal.SIGINT)
    out, errors = waiting.communicate(timeout=20)
    peer.close()
    assert waiting.returncode == 128 + signal.SIGINT and "Interrupted" in errors, errors


# --- a user's own, started when needed -----------------------------------------------------------------------------------

@pytest.fixture
def stopped():
    """A session whose daemon does not run, and which is cleaned up after those that are started."""
    with Daemon(emulator=False) as daemon:
        daemon.stop()
        yield Line(daemon)
        try:
            os.kill(daemon.api.get("/v1/daemon")[1]["pid"], signal.SIGTERM)
        except OSError:
            pass
        daemon.api.close()
        end = time.monotonic() + 20
        while processes_of(daemon.folder) and time.monotonic() < end:
            time.sleep(0.02)


def test_the_daemon_is_started_when_it_is_needed(stopped):
    assert stopped("--complete", "domain").code == 2  # completion starts nothing
    assert stopped.ok("list") == " Id   Name   State\n--------------------\n"
    pid = stopped.daemon.api.get("/v1/daemon")[1]["pid"]
    # Nothing of ours stays with it: another session, no terminal, no descriptor.
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    assert int(stat[3]) != os.getsid(0) and int(stat[4]) == 0
    assert os.readlink(f"/proc/{pid}/fd/0") == "/dev/null" and os.readlink(f"/proc/{pid}/cwd") == "/"
    assert stopped.ok("list", "--name") == ""
    assert stopped.daemon.api.get("/v1/daemon")[1]["pid"] == pid


def test_many_need_it_at_once(stopped):
    waiting = [stopped.popen("list", "--name") for _ in range(8)]
    answers = [one.communicate(timeout=60) + (one.returncode,) for one in waiting]
    assert answers == [("", "", 0)] * 8
    pid = stopped.daemon.api.get("/v1/daemon")[1]["pid"]
    end = time.monotonic() + 20
    while set(left := processes_of(stopped.folder)) != {pid}:  # those that came too late end
        assert time.monotonic() < end, left
        time.sleep(0.02)


def test_why_it_does_not_start(stopped):
    config = stopped.folder / "config/muster/musterd.conf"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text("[limits]\nnonsense = 1\n")
    answer = stopped("list")
    assert answer.code == 2 and "ended before it answered" in answer.err and "nonsense" in answer.err, answer
    config.unlink()
    answer = stopped("list", env={"MUSTER_DAEMON": str(stopped.folder / "none")})
    assert answer.code == 2 and "cannot be started" in answer.err, answer


@pytest.mark.slow
def test_it_listens_elsewhere(stopped):
    run = stopped.folder / "run/muster"
    run.mkdir(mode=0o700, exist_ok=True)
    with subprocess.Popen([stopped.daemon.program, "--session", "--socket", run / "elsewhere.sock"], env=stopped.env,
                          stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as other:
        try:
            wait_for_listener(other, "elsewhere.sock")
            answer = stopped("list")
            assert answer.code == 2 and "Another daemon of yours runs" in answer.err, answer
            assert stopped.ok("list", "--name", "--connect", run / "elsewhere.sock") == ""
        finally:
            other.terminate()


def test_a_medium_is_changed(line):
    drive = "<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><target dev='sda' bus='sata'/></disk>"
    line.define("guest", drive)
    line.ok("start", "guest")
    first, second = line.image("first.iso"), line.image("second.iso")
    assert line.ok("change-media", "guest", "sda", first, "--insert") == "Successfully inserted media.\n"
    assert f"<source file=\"{first}\"" in line.ok("dumpxml", "guest")
    assert str(first) not in line.ok("dumpxml", "guest", "--inactive")
    assert line.ok("change-media", "guest", "sda", second, "--update", "--live", "--config") == \
        "Successfully updated media.\n"
    assert f"<source file=\"{second}\"" in line.ok("dumpxml", "guest", "--inactive")
    assert line.ok("change-media", "guest", "sda", "--eject", "--live", "--config") == "Successfully ejected media.\n"
    for more in ((), ("--inactive",)):
        assert "second.iso" not in line.ok("dumpxml", "guest", *more)
    assert line("change-media", "guest", "sdz", "--eject").code == 1
    assert line("change-media", "guest", "sda").code == 2


def test_what_runs_is_adopted(line):
    path = line.folder / "other.qmp"
    with subprocess.Popen([QEMU, "-S", "-nodefaults", "-display", "none", "-machine", "q35", "-m", "32", "-name", "other",
                           "-qmp", f"unix:{path},server=on,wait=off"], stdin=subprocess.DEVNULL) as process:
        try:
            wait_for_listener(process, path)
            assert line.ok("adopt", "--connect", f"unix:{path}", "mine") == "Domain 'mine' adopted\n"
            assert json.loads(line.ok("dominfo", "mine", "--json"))["pid"] == process.pid
            assert line.ok("domstate", "mine") == "paused\n"
        finally:
            process.kill()
    answer = line("adopt", "mine")
    assert answer.code == 2 and "--connect unix:PATH" in answer.err, answer
