# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon's clients as processes: a list beside /bin/true, and starting a guest beside its argv by hand."""
import json
import os
import pathlib
import shlex
import socket
import subprocess
import sys
import time

from figures import EMULATOR, MUSTER, ROUNDS, pair, report, say, spawn, spawned_spread

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

DOMAINS = 20
GUEST = """<domain type='qemu'>
  <name>{name}</name>
  <memory unit='MiB'>64</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <devices>
    <emulator>{emulator}</emulator>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
  </devices>
</domain>
"""


class ByHand:
    """The emulator with the argv of the domain, without the daemon: started, and asked until it says that it is there."""

    def __init__(self, argv, folder):
        self.socket, self.argv = folder / "by-hand.sock", argv
        self.process = None

    def start(self):
        """Milliseconds until the QMP socket has said in which state the guest is."""
        self.socket.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.socket))
        listener.listen()
        began = time.perf_counter()
        self.process = subprocess.Popen([*self.argv, "-qmp", f"unix:{self.socket}"], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        connection = listener.accept()[0]
        stream = connection.makefile("rw")
        stream.readline()
        for command in "qmp_capabilities", "query-status":
            stream.write(json.dumps({"execute": command}) + "\n")
            stream.flush()
            answer = json.loads(stream.readline())
        assert answer["return"]["status"] in ("prelaunch", "paused"), answer
        took = (time.perf_counter() - began) * 1000
        self.process.kill()
        self.process.wait()
        for each in stream, connection, listener:
            each.close()
        return took


def argv_of(daemon, name):
    """What the daemon has given to the emulator, without what belongs to the daemon: its sockets, files and sandbox."""
    pid = daemon.api.domain(name)["pid"]
    words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1]
    own = {"-chardev", "-mon", "-sandbox", "-pidfile", "-D", "-name", "-uuid", "-add-fd", "-msg"}
    kept, skip = [], False
    for word in words:
        if skip or word in own:
            skip = not skip and word in own
            continue
        kept.append(word)
    return kept + ([] if "-S" in kept else ["-S"])


def run(argv, env):
    began = time.perf_counter()
    subprocess.run(argv, env=env, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - began) * 1000


def bench_list(daemon, env):
    for key in ("XDG_RUNTIME_DIR", "MUSTER_CONNECT"):
        os.environ[key] = env[key]
    true, ours, whole = spawn(ROUNDS * 20, ["/bin/true"], [MUSTER, "list"], [MUSTER, "list", "--all"])
    good = report("list", ours["median"], true["median"], 5, spawned_spread(ours, true))
    return report(f"list --all of {DOMAINS} domains", whole["median"], true["median"], 5,
                  spawned_spread(whole, true)) and good


def start_and_destroy(daemon, env):
    took = run([MUSTER, "start", "guest", "--paused"], env)
    daemon.api.do("guest", "destroy")
    return took


def bench_start():
    from daemon import Daemon

    with Daemon(emulator=False) as daemon:
        env = daemon.environment() | {"MUSTER_CONNECT": "session"}
        daemon.api.define(GUEST.format(name="guest", emulator=EMULATOR))
        for i in range(DOMAINS - 1):
            daemon.api.define(GUEST.format(name=f"other-{i}", emulator=EMULATOR))
        daemon.api.do("guest", "start", paused=True)
        argv = argv_of(daemon, "guest")
        good = bench_list(daemon, env)
        daemon.api.do("guest", "destroy")
        say(f"    by hand: {shlex.join(argv)}")
        by_hand = ByHand(argv, daemon.folder)
        return pair("start of a small guest, paused", by_hand.start, lambda: start_and_destroy(daemon, env), 2) and good
