# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the end-to-end tests share: the command line as a process, replayed emulators, and what is left behind."""
import copy
import json
import os
import pathlib
import shutil
import stat
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT / "tests/data"
MUSTER = os.environ["MUSTER"]
MODULES = pathlib.Path("/usr/lib/x86_64-linux-gnu/qemu")
REPLAY = str(pathlib.Path(os.environ["MUSTER_BUILD"]) / "tests/replay/replay")


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes long; left out under sanitizers")


class Answer:
    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

    @property
    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"<exit {self.code}, stdout {self.out[-2000:]!r}, stderr {self.err[-2000:]!r}>"


def processes():
    """Every process: what a probe must not add to."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                pass
    return found


def wait_for_listener(process, path):
    """Until a socket that ends in `path` listens: its file is there a moment before that (bind, then listen)."""
    for _ in range(1000):
        for line in pathlib.Path("/proc/net/unix").read_text().splitlines()[1:]:
            fields = line.split()
            if len(fields) > 7 and int(fields[3], 16) & 0x10000 and fields[7].endswith(str(path)):
                return
        assert process.poll() is None, f"ended with {process.returncode} before it listened on {path}"
        time.sleep(0.01)
    raise AssertionError(f"nobody listens on {path}")


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """A place for all that muster or an emulator might leave behind, so that it can be looked at."""
    place = tmp_path / "scratch"
    place.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("MUSTER_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    return place


@pytest.fixture
def muster(scratch):
    """Runs the command line; after each call nothing may be left: no process, no file."""

    def run(*args, stdin=None, timeout=60, clean=True, env=None):
        done = subprocess.run([MUSTER, *map(str, args)], input=stdin, capture_output=True, text=True, timeout=timeout,
                              env=dict(os.environ, **(env or {})), stdin=subprocess.DEVNULL if stdin is None else None)
        answer = Answer(done)
        assert "AddressSanitizer" not in answer.err and "runtime error:" not in answer.err, answer
        assert done.returncode >= 0, answer
        if clean:
            left = [f"{pid}: {line}" for pid, line in processes().items() if str(scratch) in line]
            assert not left, f"left running: {left}"
            assert not list(scratch.iterdir()), f"left behind: {list(scratch.iterdir())}"
        return answer

    return run


def recorded(name):
    """A scenario with what a real emulator answered."""
    scenario = json.loads((DATA / f"replies/{name}.json").read_text())
    scenario["replies"]["query-qmp-schema"] = {"return": json.loads((DATA / f"schema/{name}.json").read_text())}
    return scenario


class Schema:
    """Edits on a recorded schema, walked from a command as one must."""

    def __init__(self, scenario):
        self.entities = scenario["replies"]["query-qmp-schema"]["return"]
        self.by_name = {e["name"]: e for e in self.entities}

    def command(self, name):
        return self.by_name[name]

    def arguments(self, command):
        return self.by_name[self.by_name[command]["arg-type"]]

    def branch(self, command, case):
        union = self.arguments(command)
        return self.by_name[next(v["type"] for v in union["variants"] if v["case"] == case)]

    def add(self, entity):
        self.entities.append(entity)
        self.by_name[entity["name"]] = entity


def minimal(recording):
    """A recording of little more than one driver that has the founding feature."""
    scenario = recording("7.2-storage-daemon")
    scenario["replies"]["query-qmp-schema"]["return"] = [
        {"name": "blockdev-add", "meta-type": "command", "arg-type": "1", "ret-type": "0"},
        {"name": "0", "meta-type": "object", "members": []},
        {"name": "1", "meta-type": "object", "tag": "driver", "members": [{"name": "driver", "type": "2"}],
         "variants": [{"case": "file", "type": "3"}]},
        {"name": "2", "meta-type": "enum", "values": ["file"]},
        {"name": "3", "meta-type": "object", "members": [{"name": "filename", "type": "str"}],
         "features": ["dynamic-auto-read-only"]},
        {"name": "str", "meta-type": "builtin", "json-type": "string"}]
    for command in list(scenario["replies"]):
        if "error" in scenario["replies"][command]:
            del scenario["replies"][command]
    return scenario


def tiny(recording, log=None):
    """minimal() with all lists empty, so that its record has a few lines."""
    scenario = minimal(recording)
    for command in ("qom-list-types", "query-command-line-options"):
        scenario["replies"][command] = {"return": []}
    return dict(scenario, log=str(log)) if log else scenario


def binary_of(scenario):
    text = json.dumps(scenario, separators=(",", ":")).encode()
    return pathlib.Path(REPLAY).read_bytes() + text + b"replay %08d\n" % len(text)


class Log:
    """What replayed emulators were asked, in all their processes."""

    def __init__(self, path):
        self.path = path

    def __str__(self):
        return str(self.path)

    def take(self):
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        self.path.write_text("")
        self.path.chmod(0o666)
        return lines

    def starts(self):
        return self.take().count("start")


@pytest.fixture
def log(tmp_path):
    return Log(tmp_path / "asked.log")


class Cache:
    """The folder of the store, looked at from outside."""

    def __init__(self, path):
        self.path = path

    def files(self, kind):
        folder = self.path / kind
        return sorted(f for f in folder.iterdir() if not f.name.startswith(".")) if folder.is_dir() else []

    def only(self, kind):
        found = self.files(kind)
        assert len(found) == 1, found
        return found[0]


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


class Prefix:
    """An installation of this host's QEMU elsewhere: Debian's looks for modules beside itself."""

    def __init__(self, folder, binary):
        self.modules = folder / "lib/x86_64-linux-gnu/qemu"
        self.bin = folder / "bin"
        self.bin.mkdir(parents=True)
        shutil.copytree(MODULES, self.modules)
        self.emulator = self.bin / pathlib.Path(binary).name
        shutil.copy2(binary, self.emulator)


@pytest.fixture
def prefix(tmp_path):
    made = []

    def make(binary="/usr/bin/qemu-storage-daemon"):
        if not MODULES.is_dir():
            pytest.skip(f"{MODULES} is missing: modules of this host's QEMU lie elsewhere")
        made.append(tmp_path / f"prefix-{len(made) + 1}")
        return Prefix(made[-1], binary)

    yield make
    for folder in made:
        shutil.rmtree(folder, ignore_errors=True)


def replace(path, content, like=None):
    """Other content under this name, by a new file, as package managers do it. `like`: with the times of this stat()."""
    new = path.with_name(path.name + ".new")
    new.write_bytes(content)
    new.chmod(0o755)
    if like:
        os.utime(new, ns=(like.st_atime_ns, like.st_mtime_ns))
    os.replace(new, path)


class Running:
    """A real emulator with a monitor socket."""

    def __init__(self, folder, path, more=()):
        self.socket = folder / "qmp.sock"
        argv = [path, "-S", "-nodefaults", "-display", "none", "-machine", "none", *more, "-qmp",
                f"unix:{self.socket},server=on,wait=off"]
        if "storage-daemon" in str(path):
            argv = [path, "--chardev", f"socket,id=m,path={self.socket},server=on,wait=off", "--monitor",
                    "chardev=m,mode=control"]
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
        wait_for_listener(self.process, self.socket)
        self.address = f"unix:{self.socket}"

    def stop(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def running(tmp_path):
    started = []

    def start(path="/usr/bin/qemu-system-x86_64", more=()):
        started.append(Running(tmp_path, path, more))
        return started[-1]

    yield start
    for one in started:
        one.stop()


class Emulators:
    def __init__(self, folder):
        self.folder, self.count = folder, 0

    def script(self, text, name=None):
        self.count += 1
        path = self.folder / (name or f"emulator-{self.count}")
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        return path

    def replay(self, scenario, name=None):
        self.count += 1
        file = self.folder / f"scenario-{self.count}.json"
        file.write_text(json.dumps(scenario))
        return self.script(f'#!/bin/sh\nexec {REPLAY} {file} "$@"\n', name)

    def binary(self, scenario, name=None):
        """A replaying emulator that is one executable: what it answers is part of its content, hence of its digest."""
        self.count += 1
        path = self.folder / (name or f"binary-{self.count}")
        path.unlink(missing_ok=True)
        path.write_bytes(binary_of(scenario))
        path.chmod(0o755)
        return path


@pytest.fixture
def emulators(tmp_path):
    folder = tmp_path / "emulators"
    folder.mkdir()
    return Emulators(folder)


@pytest.fixture(scope="session")
def recording():
    cache = {}

    def get(name="7.2-x86_64"):
        if name not in cache:
            cache[name] = recorded(name)
        return copy.deepcopy(cache[name])

    return get
