# SPDX-License-Identifier: LGPL-2.1-or-later
"""A launch plan carried out: what it says is prepared, started and asked, as the daemon would do it."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time


class Qmp:
    """A client that blocks; events are put aside."""

    def __init__(self, path, process, seconds=30):
        self.socket = socket.socket(socket.AF_UNIX)
        self.events = []
        end = time.monotonic() + seconds
        while True:
            try:
                self.socket.connect(str(path))
                break
            except OSError:
                assert process.poll() is None, "the emulator ended: " + process.said()
                assert time.monotonic() < end, f"nobody listens on {path}: " + process.said()
                time.sleep(0.02)
        self.socket.settimeout(seconds)
        # Not "rw": a text stream that is written to forgets what it has read ahead, which may be an event.
        self.stream = self.socket.makefile("r", encoding="utf-8")
        try:
            json.loads(self.stream.readline())
            self("qmp_capabilities")
        except (OSError, ValueError) as error:
            process.wait(30)
            raise AssertionError("the emulator ended: " + process.said()) from error

    def __call__(self, command, **arguments):
        self.socket.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        while True:
            answer = json.loads(self.stream.readline())
            if "event" in answer:
                self.events.append(answer)
                continue
            assert "return" in answer, (command, arguments, answer)
            return answer["return"]

    def wait(self, event, seconds=60):
        self.socket.settimeout(seconds)
        while True:
            for item in self.events:
                if item["event"] == event:
                    return item
            line = json.loads(self.stream.readline())
            if "event" in line:
                self.events.append(line)


class Running(subprocess.Popen):
    def __init__(self, argv, log, **more):
        self.log = log
        with open(log, "wb") as out:
            super().__init__(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, **more)

    def said(self):
        return pathlib.Path(self.log).read_text(errors="replace")[-3000:]

    def end(self):
        if self.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
        self.wait()


def secret(definition, path):
    """The value at a path as faults and plans write it: /domain/devices/graphics[2]/@passwd."""
    element, names = definition, path.strip("/").split("/")[1:]
    for name in names:
        element = element.get(name[1:]) if name.startswith("@") else element.find(name)
    return element if isinstance(element, str) else element.text


def prepare(plan, definition):
    for file in plan["files"]:
        path = pathlib.Path(file["path"])
        action = file["action"]
        if action == "directory":
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        elif action == "exists":
            assert path.exists(), f"{path} must be there: {file['purpose']}"
        elif action in ("copy", "replace"):
            path.parent.mkdir(parents=True, exist_ok=True)
            if action == "replace" or not path.exists():
                shutil.copy(file["from"], path)
        elif action == "create":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
        elif action == "secret":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(secret(definition, file["from"]))
            path.chmod(0o600)


class Domain:
    """A started plan; a context manager."""

    def __init__(self, plan, place, definition=None):
        self.plan = plan
        self.definition = definition
        self.place = pathlib.Path(place)
        self.helpers = []
        self.process = None

    def __enter__(self):
        try:
            prepare(self.plan, self.definition)
            for number, helper in enumerate(self.plan["processes"]):
                running = Running(helper["argv"], self.place / f"helper-{number}.log")
                self.helpers.append(running)
                if helper.get("socket"):
                    wait_for(helper["socket"], running)
                else:
                    running.wait(60)
                    assert running.returncode == 0, (helper, running.said())
            env = dict(os.environ, **self.plan.get("environment", {}))
            self.process = Running(self.plan["argv"], self.place / "emulator.log", env=env)
            self.qmp = Qmp(monitor(self.plan), self.process)
            for command in self.plan.get("commands", []):
                self.qmp(command["execute"], **command.get("arguments", {}))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for running in [self.process, *self.helpers]:
            if running:
                running.end()


def wait_for(path, process):
    for _ in range(1500):
        if pathlib.Path(path).exists():
            return
        assert process.poll() is None or process.returncode == 0, process.said()
        time.sleep(0.02)
    raise AssertionError(f"{path} did not come: {process.said()}")


def monitor(plan):
    """The path of the QMP socket in an argv."""
    for option, value in zip(plan["argv"], plan["argv"][1:]):
        if option == "-chardev" and "id=charmonitor" in value:
            return dict(part.partition("=")[::2] for part in value.split(","))["path"]
    raise AssertionError("the plan has no monitor")
