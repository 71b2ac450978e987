# SPDX-License-Identifier: LGPL-2.1-or-later
"""An agent in a guest, at the other end of a virtio channel: a shell script, but a real one."""
import shutil
import time

import pytest

import guest
from api import ApiError
from daemon import Daemon

QEMU = shutil.which("qemu-system-x86_64")
pytestmark = [pytest.mark.skipif(not QEMU, reason="no QEMU"), pytest.mark.slow]

# Each answer to a synchronisation has junk before it, and one to somebody else.
AGENT = r"""#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
for m in {modules}; do insmod /modules/$m.ko; done
port=
while [ "$(cat /sys/class/virtio-ports/$port/name)" != org.qemu.guest_agent.0 ]; do
  sleep 0.1
  port=$(ls /sys/class/virtio-ports | head -n 1)
done
exec 3<>/dev/$port
echo "GUEST agent"
while true; do
  if ! read -r line <&3; then sleep 0.05; continue; fi
  case "$line" in
  *guest-sync-delimited*)
    id=$(echo "$line" | sed 's/.*"id": *\([0-9]*\).*/\1/')
    printf 'junk {{\n{{"return": %s}}\n\377{{"return": 1}}\n\377{{"return": %s}}\n' "$id" "$id" >&3;;
  *guest-ping*) printf '{{"return": {{}}}}\n' >&3;;
  *guest-echo*) printf '{{"return": "%s"}}\n' "$(echo "$line" | sed 's/.*"word": *"\([a-z]*\)".*/\1/')" >&3;;
  *guest-shutdown*powerdown*) echo "GUEST powers down"; poweroff -f;;
  *guest-die*) exec 3>&-; while true; do sleep 1; done;;
  *) printf '{{"error": {{"class": "CommandNotFound", "desc": "there is no such command"}}}}\n' >&3;;
  esac
done
"""
CHANNEL = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"


@pytest.fixture(name="daemon", scope="module")
def _daemon():
    with Daemon(emulator=False) as daemon:
        yield daemon


def start(daemon, folder, name, channel=CHANNEL):
    log = folder / "serial.log"
    archive = guest.initramfs(folder / "initramfs.gz", AGENT, more=["drivers/char/virtio_console"])
    daemon.api.define(f"""<domain type='qemu'>
  <name>{name}</name><memory unit='MiB'>256</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type><kernel>{guest.need()}</kernel><initrd>{archive}</initrd>
    <cmdline>console=ttyS0 quiet</cmdline></os>
  <features><acpi/></features>
  <devices><emulator>{QEMU}</emulator><serial type='file'><source path='{log}'/></serial>{channel}</devices>
</domain>""")
    daemon.api.do(name, "start")
    return log


def agent(daemon, name, command, **arguments):
    return daemon.api.post(f"/v1/domains/{name}/agent", {"execute": command, "arguments": arguments})[1]["return"]


def wait_for_agent(daemon, name, seconds=240):
    end = time.monotonic() + seconds
    while not (said := daemon.api.get(f"/v1/domains/{name}/agent")[1])["connected"]:
        assert said["channel"] and time.monotonic() < end, said
        time.sleep(0.1)


def test_a_conversation(daemon, tmp_path):
    api = daemon.api
    start(daemon, tmp_path, "talks")
    api.do("talks", "suspend")  # so that no agent answers, however fast the guest boots
    with pytest.raises(ApiError) as caught:
        agent(daemon, "talks", "guest-ping")
    assert caught.value.errno == "ETIMEDOUT" and "qemu-guest-agent" in caught.value.message
    api.do("talks", "resume")
    wait_for_agent(daemon, "talks")
    assert agent(daemon, "talks", "guest-ping") == {}
    assert agent(daemon, "talks", "guest-echo", word="hello") == "hello"
    with pytest.raises(ApiError) as caught:
        agent(daemon, "talks", "guest-nonsense")
    assert caught.value.status == 502 and "there is no such command" in caught.value.message
    daemon.restart()
    assert agent(daemon, "talks", "guest-ping") == {}
    with pytest.raises(ApiError) as caught:
        api.do("talks", "reboot", mode="agent")
    assert "there is no such command" in caught.value.message
    api.do("talks", "shutdown", mode="agent")
    api.wait_for_state("talks", "shut off")
    assert api.domain("talks")["reason"] == "shutdown"
    assert "powers down" in (tmp_path / "serial.log").read_text()


def test_no_channel(daemon, tmp_path):
    start(daemon, tmp_path, "dumb", channel="")
    assert daemon.api.get("/v1/domains/dumb/agent")[1] == {"channel": False, "connected": False}
    with pytest.raises(ApiError) as caught:
        agent(daemon, "dumb", "guest-ping")
    assert caught.value.errno == "EOPNOTSUPP"
    daemon.api.do("dumb", "destroy")
