# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the gate prints, real emulators take; and the image is open as the decision promised: before a writer, with
it, and after it. The mode is read in /proc/PID/fdinfo, the writer is a writable NBD export, a commit, a reopening."""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

import pytest

from conftest import wait_for_listener

FEATURE = "dynamic-auto-read-only"
ROOTS = pathlib.Path(os.environ.get("MUSTER_ROOTS", "/var/tmp/muster-roots"))
HERE = [("host", "/usr/bin/qemu-system-x86_64"), ("host", "/usr/bin/qemu-storage-daemon")]
AWAY = [(root, f"/usr/bin/{name}") for root in ("bullseye", "trixie", "forky")
        for name in ("qemu-system-x86_64", "qemu-storage-daemon")]
IMG = next((p for p in ("/usr/bin/qemu-img", "/bin/qemu-img") if os.path.exists(p)), None)

pytestmark = pytest.mark.skipif(IMG is None, reason="no qemu-img")


class Emulator:
    """A running one, with the images in a folder that it sees as `inside`."""

    def __init__(self, muster, root, binary, folder, extra=()):
        self.muster, self.binary, self.folder = muster, binary, folder
        self.inside = str(folder)[len(str(root)):] if root else str(folder)
        self.socket = str(folder / "qmp")
        monitor = f"unix:{self.inside}/qmp,server=on,wait=off"
        if binary.endswith("storage-daemon"):
            arguments = ["--chardev", f"socket,id=m,path={self.inside}/qmp,server=on,wait=off", "--monitor", "chardev=m"]
        else:
            arguments = ["-S", "-no-user-config", "-nodefaults", "-display", "none", "-machine", "none", "-qmp", monitor]
        chroot = ["chroot", str(root)] if root else []
        self.process = subprocess.Popen([*chroot, binary, *arguments, *extra], stdin=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        wait_for_listener(self.process, f"{self.inside}/qmp")

    @property
    def pid(self):
        return self.process.pid

    def call(self, command, **arguments):
        """One command over a connection of its own: the monitor serves one client at a time."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(self.socket)
            stream = s.makefile("rw")
            stream.readline()
            for request in ({"execute": "qmp_capabilities"}, {"execute": command, "arguments": arguments}):
                stream.write(json.dumps(request) + "\n")
                stream.flush()
                while "event" in (reply := json.loads(stream.readline())):
                    pass
        return reply

    def add(self, nodes):
        for node in nodes:
            assert "return" in (reply := self.call("blockdev-add", **node)), (node, reply)

    def modes(self, image):
        wanted, found = os.stat(self.folder / image), set()
        for fd in os.listdir(f"/proc/{self.pid}/fd"):
            try:
                st = os.stat(f"/proc/{self.pid}/fd/{fd}")
                flags = open(f"/proc/{self.pid}/fdinfo/{fd}").read()
            except OSError:
                continue
            if (st.st_dev, st.st_ino) == (wanted.st_dev, wanted.st_ino):
                found.add(["ro", "wo", "rw"][int(flags.split("flags:")[1].split()[0], 8) & 3])
        return "+".join(sorted(found))

    def becomes(self, image, mode):
        for _ in range(200):
            if self.modes(image) == mode:
                return True
            time.sleep(0.01)
        return False

    def export(self, node):
        if not os.path.exists(self.folder / "nbd"):
            assert "return" in self.call("nbd-server-start", addr={"type": "unix", "data": {"path": f"{self.inside}/nbd"}})
        return self.call("block-export-add", type="nbd", id="e", writable=True, **{"node-name": node})

    def unexport(self):
        assert "return" in self.call("block-export-del", id="e")

    def close(self):
        self.process.kill()
        self.process.wait()


def make_images(folder):
    for arguments in (["raw", "disk.raw"], ["qcow2", "disk.qcow2"], ["raw", "base.raw"], ["qcow2", "base.qcow2"]):
        subprocess.run([IMG, "create", "-q", "-f", arguments[0], str(folder / arguments[1]), "1M"], check=True)


@pytest.fixture
def start(muster, tmp_path):
    """Starts an emulator by (root, binary) and gives it with the path by which muster knows it."""
    running, made = [], []

    def run(root, binary, extra=()):
        if root == "host":
            folder, where, path = tmp_path / f"images-{len(running)}", None, binary
            folder.mkdir()
        else:
            where = ROOTS / root
            if os.geteuid() != 0 or not (where / binary[1:]).exists():
                pytest.skip(f"no {where}{binary}, or no right to chroot to it (./dev test matrix as root)")
            folder = where / "tmp" / f"truth-{os.getpid()}-{len(running)}"
            folder.mkdir()
            made.append(folder)
            path = tmp_path / f"wrapper-{len(running)}"
            path.write_text(f'#!/bin/sh\nexec chroot {where} {binary} "$@"\n')
            path.chmod(0o755)
        if not os.path.exists(path):
            pytest.skip(f"no {path}")
        make_images(folder)
        emulator = Emulator(muster, where, binary, folder, extra)
        running.append(emulator)
        return emulator, path

    yield run
    for emulator in running:
        emulator.close()
    for folder in made:
        shutil.rmtree(folder)


def gate(muster, path, *arguments, code=0, stdin=None):
    answer = muster("gate", *arguments, "-e", path, "--json", stdin=stdin)
    assert answer.code == code, answer
    assert {"decision", "access", "arguments", "evidence", "notes"} <= set(answer.json)
    return answer.json


# format, access: the mode before, whether a writer is let in, and the mode with it and after it
PROMISES = [
    (None, "ro", "ro", False, "ro", "ro"),
    (None, "rw", "rw", True, "rw", "rw"),
    (None, "on-demand", "ro", True, "rw", "ro"),
    ("raw", "ro", "ro", False, "ro", "ro"),
    ("raw", "rw", "ro", True, "rw", "ro"),
    ("raw", "on-demand", "ro", True, "rw", "ro"),
    ("qcow2", "ro", "ro", False, "ro", "ro"),
    ("qcow2", "rw", "rw", True, "rw", "rw"),
    ("qcow2", "on-demand", "ro", False, "ro", "ro"),
]


@pytest.mark.parametrize("root,binary", HERE + AWAY)
def test_promise(muster, start, root, binary):
    for row in PROMISES:
        kind, access, before, writer, during, after = row
        emulator, path = start(root, binary)
        image = "disk.qcow2" if kind == "qcow2" else "disk.raw"
        format_ = ["--format", kind] if kind else []
        answer = gate(muster, path, "--driver", "file", "--filename", f"{emulator.inside}/{image}", "--access", access,
                      *format_)
        assert (answer["decision"], answer["access"]) == ("allowed", access)
        emulator.add(answer["arguments"])
        top = answer["arguments"][-1]["node-name"]
        assert emulator.modes(image) == before, row
        assert ("return" in (reply := emulator.export(top))) == writer, (row, reply)
        assert emulator.becomes(image, during), row
        if writer:
            emulator.unexport()
        assert emulator.becomes(image, after), row


@pytest.mark.parametrize("root,binary", HERE + AWAY)
def test_on_demand_format_is_written_by_a_reopening(muster, start, root, binary):
    emulator, path = start(root, binary)
    answer = gate(muster, path, "--driver", "file", "--filename", f"{emulator.inside}/disk.qcow2", "--format", "qcow2",
                  "--access", "on-demand")
    reopen = "x-blockdev-reopen" if root == "bullseye" else "blockdev-reopen"
    assert any(f"{reopen} " in note for note in answer["notes"])
    emulator.add(answer["arguments"])
    node = answer["arguments"][-1]
    for read_only, mode in ((False, "rw"), (True, "ro")):
        changed = dict(node, **{"read-only": read_only})
        reply = emulator.call(reopen, **(changed if reopen[0] == "x" else {"options": [changed]}))
        assert "return" in reply, reply
        assert emulator.becomes("disk.qcow2", mode)


@pytest.mark.parametrize("root,binary", HERE + AWAY)
def test_backing_is_written_by_a_commit(muster, start, root, binary):
    emulator, path = start(root, binary)
    answer = gate(muster, path, "--driver", "file", "--filename", f"{emulator.inside}/disk.qcow2", "--format", "qcow2",
                  "--access", "rw", "--backing", f"driver=file,filename={emulator.inside}/base.qcow2,format=qcow2")
    assert [a.get("node-name") for a in answer["arguments"]] == [
        "muster-disk-backing-1-storage", "muster-disk-backing-1", "muster-disk-storage", "muster-disk"]
    emulator.add(answer["arguments"])
    assert (emulator.modes("disk.qcow2"), emulator.modes("base.qcow2")) == ("rw", "ro")
    assert "return" in emulator.call("block-commit", device="muster-disk", **{"job-id": "j"})
    assert emulator.becomes("base.qcow2", "rw")


@pytest.mark.parametrize("root,binary", HERE + AWAY)
def test_trees(muster, start, root, binary):
    """What the gate says of a tree's access is what becomes of the file, inheritance included."""
    file = {"driver": "file", "filename": "IMAGE"}
    auto = dict(file, **{"auto-read-only": True})
    rows = [
        ({"driver": "raw", "file": auto}, "on-demand", ("ro", "rw", "ro")),
        ({"driver": "raw", "auto-read-only": True, "file": file}, "on-demand", ("ro", "rw", "ro")),
        ({"driver": "raw", "read-only": True, "file": auto}, "ro", ("ro", "ro", "ro")),
        ({"driver": "raw", "read-only": True, "file": file}, "ro", ("ro", "ro", "ro")),
        ({"driver": "raw", "file": dict(file, **{"read-only": False})}, "rw", ("rw", "rw", "rw")),
        ({"driver": "qcow2", "file": auto}, "rw", ("rw", "rw", "rw")),
        (dict(auto, **{"read-only": False}), "on-demand", ("ro", "rw", "ro")),
    ]
    for tree, access, (before, during, after) in rows:
        emulator, path = start(root, binary)
        image = "disk.qcow2" if tree["driver"] == "qcow2" else "disk.raw"
        text = json.dumps(dict(tree, **{"node-name": "top"})).replace("IMAGE", f"{emulator.inside}/{image}")
        answer = gate(muster, path, "-", stdin=text)
        assert (answer["decision"], answer["access"]) == ("allowed", access), (tree, answer)
        emulator.add(answer["arguments"])
        assert emulator.modes(image) == before, tree
        writer = "return" in emulator.export("top")
        assert writer == (access != "ro")
        assert emulator.becomes(image, during), tree
        if writer:
            emulator.unexport()
        assert emulator.becomes(image, after), tree


@pytest.mark.parametrize("root,binary", HERE + AWAY)
def test_blockdev_add(muster, start, root, binary):
    emulator, path = start(root, binary)
    connect = ["--connect", f"unix:{emulator.socket}", "--json"]
    answer = muster("blockdev-add", "--driver", "file", "--filename", f"{emulator.inside}/disk.qcow2", "--format", "qcow2",
                    "--access", "on-demand", *connect, clean=False)
    assert answer.code == 0, answer
    assert [n["node-name"] for n in answer.json["nodes"]] == ["muster-disk-storage", "muster-disk"]
    assert emulator.modes("disk.qcow2") == "ro"
    # the same again: refused before anything is sent
    again = muster("blockdev-add", "--driver", "file", "--filename", f"{emulator.inside}/disk.raw", "--access", "ro",
                   *connect, clean=False)
    assert again.code == 2 and "muster-disk" in again.err, again
    assert emulator.modes("disk.raw") == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: the emulator gives its rights up")
@pytest.mark.parametrize("extra,word", [(("-chroot", "/var/empty-or-tmp"), "-chroot"), (("-runas", "nobody"), "-runas")])
def test_launch_conditions(muster, start, tmp_path, extra, word):
    """Once it has given up its root or its user, an emulator cannot be trusted to reopen."""
    place = tmp_path / "root"
    place.mkdir()
    emulator, _ = start(*HERE[0], extra=[str(place) if a.startswith("/var") else a for a in extra])
    image = ["--driver", "file", "--filename", f"{emulator.inside}/disk.raw"]
    connect = ["--connect", f"unix:{emulator.socket}", "--json"]
    answer = muster("blockdev-add", *image, "--access", "on-demand", *connect, clean=False)
    assert answer.code == 1 and answer.json["decision"] == "refused" and word in answer.json["reason"], answer
    assert answer.json["nodes"] == [] and emulator.call("query-named-block-nodes")["return"] == []


def test_blockdev_add_leaves_nothing_half_done(muster, start):
    emulator, _ = start(*HERE[0])
    answer = muster("blockdev-add", "--driver", "file", "--filename", f"{emulator.inside}/disk.raw", "--format", "qcow2",
                    "--access", "rw", "--connect", f"unix:{emulator.socket}", "--json", clean=False)
    assert answer.code == 2 and "not in qcow2 format" in answer.err, answer
    assert emulator.call("query-named-block-nodes")["return"] == []
    assert emulator.modes("disk.raw") == ""


@pytest.mark.parametrize("which,access,decision", [
    ("both", "on-demand", "allowed"), ("read", "on-demand", "refused"), ("write", "on-demand", "refused"),
    ("write", "rw", "allowed"), ("read", "rw", "refused"), ("read", "ro", "allowed"), ("write", "ro", "refused")])
def test_descriptor_sets(muster, start, tmp_path, which, access, decision):
    """Descriptors that are passed: the gate foretells whether QEMU can open and reopen them."""
    image = tmp_path / "passed.raw"
    image.write_bytes(bytes(1 << 20))
    fds, extra = [], []
    for name, flags in (("read", os.O_RDONLY), ("write", os.O_RDWR)):
        if which in (name, "both"):
            fds.append(os.open(image, flags))
            os.set_inheritable(fds[-1], True)
            extra += ["-add-fd", f"fd={fds[-1]},set=7"]
    folder = tmp_path / "images"
    folder.mkdir()
    process = subprocess.Popen(["/usr/bin/qemu-system-x86_64", "-S", "-no-user-config", "-nodefaults", "-display", "none",
                                "-machine", "none", "-qmp", f"unix:{folder}/qmp,server=on,wait=off", *extra],
                               pass_fds=fds, stdin=subprocess.DEVNULL)
    try:
        wait_for_listener(process, folder / "qmp")
        answer = muster("blockdev-add", "--driver", "file", "--filename", "/dev/fdset/7", "--access", access, "--connect",
                        f"unix:{folder}/qmp", "--json", clean=False)
        assert answer.code == (decision == "refused") and answer.json["decision"] == decision, answer
        assert bool(answer.json["nodes"]) == (decision == "allowed")
    finally:
        process.kill()
        process.wait()
        for fd in fds:
            os.close(fd)
