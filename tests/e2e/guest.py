# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest that boots in seconds: Debian's cloud kernel, and an initramfs of busybox, nine modules and one script."""
import gzip
import os
import pathlib

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


def initramfs(path, script=SCRIPT, more=()):
    kernel = next((ROOT / "usr/lib/modules").iterdir()) / "kernel"
    modules = (*MODULES, *more)
    entries = [("bin", 0o040755, b""), ("proc", 0o040755, b""), ("sys", 0o040755, b""), ("dev", 0o040755, b""),
               ("modules", 0o040755, b""), ("bin/busybox", 0o100755, (ROOT / "usr/bin/busybox").read_bytes()),
               ("init", 0o100755, script.format(modules=" ".join(m.rsplit("/", 1)[1] for m in modules)))]
    for module in modules:
        entries.append((f"modules/{module.rsplit('/', 1)[1]}.ko", 0o100644, (kernel / f"{module}.ko").read_bytes()))
    archive = b"".join(member(*entry, number) for number, entry in enumerate(entries, 1))
    path.write_bytes(gzip.compress(archive + member("TRAILER!!!", 0, b"", 0), compresslevel=1))
    return path
