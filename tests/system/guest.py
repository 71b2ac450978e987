# SPDX-License-Identifier: LGPL-2.1-or-later
"""
A machine of its own: Debian with systemd as PID 1 in an emulator, and a channel to run commands in it.

The disk is what make-image made, written to a snapshot that goes with the emulator. What is to be installed
comes as a second disk, which is a tar archive. The channel is a virtio-serial port with ./agent at its other end.
"""
import ctypes
import os
import pathlib
import select
import shlex
import socket
import subprocess
import time

QEMU = "qemu-system-x86_64"
# A hypervisor below may offer /dev/kvm and yet not run a kernel with it, or not with this model of CPU.
KVM_MODELS = ("host", "host,arch-capabilities=off", "qemu64")
# Neither the fifth level of page tables nor SMAP is cheap where every look-up is emulated.
TCG_MODEL = "max,la57=off,smap=off,smep=off"
KVM_SECONDS = 5
BOOT_SECONDS = 180


def accelerator(kernel):
    """The arguments for KVM where a kernel gets to its first message with it, for TCG elsewhere; and which it is."""
    emulated = ["-accel", "tcg,thread=multi,tb-size=512", "-cpu", TCG_MODEL]
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return emulated, "TCG: there is no /dev/kvm"
    trials = [(model, subprocess.Popen(
        [QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-machine", "q35", "-m", "256", "-no-reboot",
         "-accel", "kvm", "-cpu", model, "-serial", "stdio", "-kernel", str(kernel),
         "-append", "console=ttyS0 earlyprintk=ttyS0 panic=-1"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)) for model in KVM_MODELS]
    deadline = time.monotonic() + KVM_SECONDS
    try:
        for model, trial in trials:
            if says(trial.stdout, b"Linux version", deadline):
                return ["-accel", "kvm", "-cpu", model], f"KVM, -cpu {model}"
    finally:
        for _, trial in trials:
            trial.kill()
            trial.wait()
            trial.stdout.close()
    return emulated, f"TCG: no kernel speaks under KVM within {KVM_SECONDS} s"


def says(stream, words, deadline):
    seen = b""
    while words not in seen:
        if not select.select([stream], [], [], max(0, deadline - time.monotonic()))[0]:
            return False
        more = os.read(stream.fileno(), 65536)
        if not more:
            return False
        seen += more
    return True


def die_with_parent():
    """A run that is killed must not leave a machine behind."""
    ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL


class Result:
    def __init__(self, command, code, out):
        self.command, self.code, self.out = command, code, out

    def __iter__(self):
        return iter((self.code, self.out))

    def __repr__(self):
        return f"<{self.command!r}: exit {self.code}, {self.out[-4000:]!r}>"


class Machine:
    """Started at once; `stop` when done with. `folder` gets the channel's socket and the console's output."""

    def __init__(self, image, payload, folder):
        self.folder = pathlib.Path(folder)
        self.console = self.folder / "console"
        self.number, self.unread = 0, b""
        begun = time.monotonic()
        arguments, self.acceleration = accelerator(image / "kernel")
        self.trial_seconds, begun = time.monotonic() - begun, time.monotonic()
        ours, theirs = socket.socketpair()
        self.channel = ours
        with theirs:
            self.process = subprocess.Popen(self.command_line(image, payload, arguments, theirs.fileno()),
                                            pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=open(self.folder / "stderr", "wb"),
                                            preexec_fn=die_with_parent)
        self.wait_for_agent(BOOT_SECONDS)
        self.boot_seconds = time.monotonic() - begun

    def command_line(self, image, payload, arguments, descriptor):
        return [QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-machine", "q35,hpet=off", *arguments,
                "-smp", str(min(os.cpu_count(), 4)), "-m", "2048",
                "-kernel", str(image / "kernel"),
                "-append", "root=/dev/nvme0n1 rw console=ttyS0 quiet systemd.show_status=no mitigations=off "
                           "random.trust_cpu=on no_timer_check tsc=reliable",
                "-drive", f"if=none,id=system,file={image / 'disk'},format=raw,snapshot=on,cache=unsafe",
                "-device", "nvme,serial=system,drive=system",
                "-drive", f"if=none,id=payload,file={payload},format=raw,read-only=on",
                "-device", "nvme,serial=payload,drive=payload",
                "-device", "virtio-rng-pci",
                "-device", "virtio-serial-pci", "-chardev", f"socket,id=channel,fd={descriptor}",
                "-device", "virtserialport,chardev=channel,name=org.muster.test",
                "-chardev", f"file,id=console,path={self.console}", "-serial", "chardev:console"]

    def run(self, command, timeout=60):
        """A shell's script, as root: its status and its output, stderr included. 124 when it took too long."""
        self.number += 1
        script = command.encode()
        self.channel.sendall(b"%d %d %d\n" % (self.number, timeout, len(script)) + script)
        # The guest keeps the time; this is for one that does not answer any more.
        deadline = time.monotonic() + timeout + 30
        while True:
            number, code, length = map(int, self.read_until(b"\n", deadline).split())
            out = self.read_length(length, deadline).decode(errors="replace")
            if number == self.number:
                return Result(command, code, out)

    def check(self, command, timeout=60):
        """The output of what has to succeed."""
        result = self.run(command, timeout)
        assert result.code == 0, result
        return result.out

    def wait(self, command, timeout=60):
        """Until the command succeeds: its output then."""
        deadline = time.monotonic() + timeout
        while True:
            result = self.run(command, timeout)
            if result.code == 0:
                return result.out
            assert time.monotonic() < deadline, f"not within {timeout} s: {result}"
            time.sleep(0.2)

    def write(self, path, text):
        self.check(f"printf %s {shlex.quote(text)} >{shlex.quote(path)}")

    def reboot(self):
        """Through the service manager, as an administrator would."""
        self.run("systemctl reboot")
        self.wait_for_agent(BOOT_SECONDS)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.channel.close()

    def wait_for_agent(self, seconds):
        deadline = time.monotonic() + seconds
        while self.read_until(b"\n", deadline) != b"0 0 0\n":
            pass

    def read_until(self, end, deadline):
        while end not in self.unread:
            self.read_more(deadline)
        line, _, self.unread = self.unread.partition(end)
        return line + end

    def read_length(self, length, deadline):
        while len(self.unread) < length:
            self.read_more(deadline)
        data, self.unread = self.unread[:length], self.unread[length:]
        return data

    def read_more(self, deadline):
        self.channel.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            more = self.channel.recv(1 << 20)
        except TimeoutError:
            raise AssertionError(f"the guest does not answer; it said last: {self.last_words()}") from None
        assert more, f"the emulator ended; {(self.folder / 'stderr').read_text()}"
        self.unread += more

    def last_words(self):
        return self.console.read_bytes()[-4000:].decode(errors="replace")
