# SPDX-License-Identifier: LGPL-2.1-or-later
"""musterd --session as a test sees it: in directories of its own, killed and started again, and what it left behind."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import standin
from api import Api

VARIABLES = {"XDG_RUNTIME_DIR": "run", "XDG_CONFIG_HOME": "config", "XDG_STATE_HOME": "state", "XDG_CACHE_HOME": "cache",
             "HOME": "home", "TMPDIR": "tmp"}


def _links(entry):
    """What a process runs and has open: an emulator's log is below the daemon's directories, whatever its argv."""
    for name in ["exe", "cwd", *(f"fd/{n}" for n in range(3))]:
        try:
            yield os.readlink(entry / name)
        except OSError:
            pass


def processes_of(folder):
    """{pid: command line} of all that belong to this folder, zombies left out (they have no command line)."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if line and (str(folder) in line or any(str(folder) in link for link in _links(entry))):
            found[int(entry.name)] = line
    return found


class Daemon:
    """
    A context manager. At its end every domain is destroyed, the daemon stopped, and nothing of it may be left
    running. What fails then says so with the end of the daemon's log.

        with Daemon() as daemon:
            daemon.api.define(standin.definition("a", daemon.emulator))
            daemon.api.do("a", "start")
            daemon.kill9()
            daemon.start()
    """

    def __init__(self, config=None, environment=None, build=None, arguments=(), emulator=True):
        self.build = pathlib.Path(build or os.environ["MUSTER_BUILD"])
        self.program = os.environ.get("MUSTERD", str(self.build / "src/daemon/musterd"))
        self.arguments, self.config, self.extra = list(arguments), config, environment or {}
        self.process, self.api, self.emulator = None, None, None
        self.want_emulator = emulator
        self.status = ""  # the last STATUS= that it told its manager

    def _prepare(self):
        # Below /tmp, since a socket's path is limited to 108 bytes.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="musterd-", dir="/tmp"))
        for name in VARIABLES.values():
            (self.folder / name).mkdir(mode=0o700)
        if self.config is not None:
            file = self.folder / "config/muster/musterd.conf"
            file.parent.mkdir(mode=0o700)
            file.write_text(self.config)
        self.log = self.folder / "daemon.log"
        self.socket = self.folder / "run/muster/muster.sock"
        self.api = Api(self.socket)
        if self.want_emulator:
            self.emulator = standin.make(self.folder, build=self.build)

    def environment(self):
        env = {key: value for key, value in os.environ.items() if not key.startswith(("MUSTER_CACHE", "XDG_", "NOTIFY_",
                                                                                      "LISTEN_", "WATCHDOG_"))}
        env |= {key: str(self.folder / name) for key, name in VARIABLES.items()}
        return env | {"LC_ALL": "C.UTF-8", "NOTIFY_SOCKET": str(self.folder / "notify"), **self.extra}

    def _wait_ready(self, notify, seconds):
        end = time.monotonic() + seconds
        notify.settimeout(0.1)
        while True:
            try:
                lines = notify.recv(65536).decode().splitlines()
            except TimeoutError:
                lines = []
            for line in lines:
                if line.startswith("STATUS="):
                    self.status = line.removeprefix("STATUS=")
            if "READY=1" in lines:
                return
            assert self.process.poll() is None, f"musterd ended with {self.process.returncode}:\n{self.said()}"
            assert time.monotonic() < end, f"musterd is not ready after {seconds} s:\n{self.said()}"

    def command(self):
        return [self.program, "--session", *self.arguments]

    def start(self, seconds=30):
        assert self.process is None, "it runs already"
        (self.folder / "notify").unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, open(self.log, "ab") as log:
            notify.bind(str(self.folder / "notify"))
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=self.environment(), start_new_session=True)
            self._wait_ready(notify, seconds)
        return self

    @property
    def pid(self):
        return self.process.pid

    def said(self, lines=60):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""

    def kill9(self):
        self.process.kill()
        self.process.wait()
        self.process = None
        self.api.close()

    def stop(self, seconds=30):
        """As a manager does it; domains go on."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill9()
            raise AssertionError(f"musterd did not stop within {seconds} s:\n{self.said()}") from None
        self.process = None
        self.api.close()
        assert code == 0, f"musterd ended with {code}:\n{self.said()}"

    def restart(self):
        self.stop()
        return self.start()

    def runs(self):
        return self.process is not None and self.process.poll() is None

    def destroy_all(self):
        for domain in self.api.domains():
            if domain["state"] != "shut off":
                self.api.do(domain["uuid"], "destroy")

    def _sweep(self):
        """Ends what is left, whoever's fault that is, and says what it was."""
        end = time.monotonic() + 5
        while (left := processes_of(self.folder)) and time.monotonic() < end:
            time.sleep(0.05)
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return left

    def __enter__(self):
        self._prepare()
        try:
            return self.start()
        except BaseException:
            self._abandon()
            raise

    def _abandon(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None
        self._sweep()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __exit__(self, kind, error, trace):
        if kind:
            # The test has failed: what it was about matters, not that its domains are still there.
            error.add_note(self.said()) if hasattr(error, "add_note") else print(self.said())
            self._abandon()
            return
        try:
            if not self.runs():
                self.process = None
                self.start()
            self.destroy_all()
            self.stop()
            left = self._sweep()
            assert not left, f"left running: {left}\n{self.said()}"
            said = self.log.read_text(errors="replace")
            assert "AddressSanitizer" not in said and "runtime error:" not in said, said
        finally:
            self._abandon()
