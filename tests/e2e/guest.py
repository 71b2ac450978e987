# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest that boots in seconds: Debian's cloud kernel, and an initramfs of busybox, nine modules and one script."""
import gzip
import os
import pathlib
import socket
import threading
import time

import pytest

ROOT = pathlib.Path(os.environ.get("MUSTER_ROOTS", "/var/tmp/muster-roots")) / "guest"
MODULES = ("drivers/virtio/virtio", "drivers/virtio/virtio_ring", "drivers/virtio/virtio_pci_legacy_dev",
           "drivers/virtio/virtio_pci_modern_dev", "drivers/virtio/virtio_pci", "drivers/block/virtio_blk",
           "net/core/failover", "drivers/net/net_failover", "drivers/net/virtio_net")
SCRIPT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
for m in {modules}; do insmod /modules/$m.ko || echo "GUEST no module $m"; done
echo "GUEST cmdline $(cat /proc/cmdline)"
echo "GUEST cpus $(nproc) memory $(sed -n 's/MemTotal: *//p' /proc/meminfo)"
for n in /sys/class/net/*; do [ -e $n/device ] && echo "GUEST nic $(cat $n/address)"; done
i=0; while [ ! -e /dev/vda ] && [ $i -lt 600 ]; do sleep 0.1; i=$((i + 1)); done
echo "GUEST disk $(cat /sys/block/vda/size) reads $(head -c 16 /dev/vda)"
printf 'written by the guest' | dd of=/dev/vda bs=512 seek=8 conv=notrunc,fsync 2>/dev/null && echo "GUEST wrote"
while [ -e /dev/vda ] && ! grep -q leave /proc/cmdline; do sleep 0.1; done
echo "GUEST ends"
sync; poweroff -f
"""

# One that does what it is told over its serial console, and heeds the power button.
OBEYING = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
for m in {modules}; do insmod /modules/$m.ko || echo "GUEST no module $m"; done
mkdir -p /etc/acpi/PWRF; printf '#!/bin/sh\\npoweroff -f\\n' > /etc/acpi/PWRF/00000080
chmod 755 /etc/acpi/PWRF/00000080
until grep -q "Power Button" /proc/bus/input/devices; do sleep 0.1; done
acpid -f -l /dev/null </dev/null >/dev/console 2>&1 &
until ls -l /proc/$!/fd | grep -q input/event; do sleep 0.1; done
exec </dev/ttyS0
echo "GUEST ready"
while read -r word rest; do
    case $word in
    off) poweroff -f;;
    reboot) reboot -f;;
    panic) echo c > /proc/sysrq-trigger;;
    sleep) echo mem > /sys/power/state; echo "GUEST awake";;
    deaf) killall acpid; echo "GUEST deaf";;
    say) echo "GUEST says $rest";;
    esac
done
echo "GUEST ends"; poweroff -f
"""
OBEYING_MODULES = ("drivers/acpi/button", "drivers/input/evdev", "drivers/misc/pvpanic/pvpanic",
                   "drivers/misc/pvpanic/pvpanic-mmio")


def need():
    if not (ROOT / ".complete").exists():
        pytest.skip(f"no kernel could be unpacked below {ROOT}")
    return next((ROOT / "boot").glob("vmlinuz-*"))


def member(name, mode, content, number):
    """One entry of a cpio archive of the new format."""
    data = content if isinstance(content, bytes) else content.encode()
    encoded = name.encode() + b"\0"
    fields = [number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0]
    head = b"070701" + b"".join(b"%08x" % f for f in fields) + encoded
    head += b"\0" * (-len(head) % 4)
    return head + data + b"\0" * (-len(data) % 4)


def initramfs(path, script=SCRIPT, modules=MODULES, more=()):
    kernel = next((ROOT / "usr/lib/modules").iterdir()) / "kernel"
    modules = (*modules, *more)
    entries = [("bin", 0o040755, b""), ("proc", 0o040755, b""), ("sys", 0o040755, b""), ("dev", 0o040755, b""),
               ("modules", 0o040755, b""), ("bin/busybox", 0o100755, (ROOT / "usr/bin/busybox").read_bytes()),
               ("init", 0o100755, script.format(modules=" ".join(m.rsplit("/", 1)[1] for m in modules)))]
    for module in modules:
        entries.append((f"modules/{module.rsplit('/', 1)[1]}.ko", 0o100644, (kernel / f"{module}.ko").read_bytes()))
    archive = b"".join(member(*entry, number) for number, entry in enumerate(entries, 1))
    path.write_bytes(gzip.compress(archive + member("TRAILER!!!", 0, b"", 0), compresslevel=1))
    return path


DEFINITION = """<domain type='qemu'>
  <name>{name}</name>
  <memory unit='MiB'>128</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>{kernel}</kernel>
    <initrd>{initrd}</initrd>
    <cmdline>console=ttyS0 panic=0</cmdline>
  </os>
  <features><acpi/></features>
  <pm><suspend-to-mem enabled='yes'/></pm>
  {more}
  <devices>
    <serial type='unix'><source mode='bind' path='{serial}'/></serial>
    <panic model='isa'/>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    {devices}
  </devices>
</domain>
"""


class Obeying:
    """
    A guest with a serial console at the other end of which we are. A thread reads it all along: a byte that
    nobody reads takes a whole buffer of its socket, and after some 300 of them the guest's console stalls.
    """

    def __init__(self, folder, name, more="", devices=""):
        kernel, initrd = need(), folder / "obeying.gz"
        if not initrd.exists():
            initramfs(initrd, OBEYING, OBEYING_MODULES)
        self.name, self.serial, self.said, self.socket = name, folder / f"{name}.serial", "", None
        self._changed = threading.Condition()
        self.xml = DEFINITION.format(name=name, kernel=kernel, initrd=initrd, serial=self.serial, more=more, devices=devices)

    def connect(self):
        self.close()
        self.said, self.ended = "", False
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(self.serial))
        self._thread = threading.Thread(target=self._read, args=(self.socket,), daemon=True)
        self._thread.start()
        return self

    def _read(self, stream):
        while True:
            try:
                data = stream.recv(65536)
            except OSError:
                data = b""
            with self._changed:
                self.said += data.decode(errors="replace")
                self.ended |= not data
                self._changed.notify_all()
            if not data:
                return

    def close(self):
        if self.socket:
            try:
                self.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self._thread.join(10)
            self.socket.close()
            self.socket = None

    def wait(self, text="GUEST ready", seconds=60):
        """Until it says so; what came before is forgotten."""
        end = time.monotonic() + seconds
        with self._changed:
            while text not in self.said:
                left = end - time.monotonic()
                assert not self.ended and left > 0, f"{self.name} did not say {text!r}: {self.said[-2000:]}"
                self._changed.wait(left)
            self.said = self.said.partition(text)[2]
        return self

    def tell(self, line):
        self.socket.sendall(line.encode() + b"\n")
        return self
