# SPDX-License-Identifier: LGPL-2.1-or-later
"""
A domain of musterd whose disks and devices come and go, and a second monitor of its emulator, which the daemon does
not know of: what a test holds the daemon's words against.
"""
import os
import pathlib
import subprocess
import threading
import time
import xml.etree.ElementTree as ET

from api import ApiError
from launch import Qmp

SIZE = 4 << 20
MODES = {os.O_RDONLY: "O_RDONLY", os.O_RDWR: "O_RDWR"}

DEFINITION = """
<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>{name}</name>
  <memory unit='MiB'>32</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='{machine}'>hvm</type></os>
  <features><acpi/></features>
  <devices>
    <emulator>{emulator}</emulator>
    {disks}
    <disk type='file' device='cdrom'><target dev='hdc' bus='{cdrom}'/><readonly/></disk>
    <controller type='scsi' index='0' model='virtio-scsi'/>
    <controller type='usb' model='qemu-xhci'/>
    {ports}
    <video><model type='none'/></video>
    <memballoon model='none'/>
  </devices>
  <qemu:commandline><qemu:arg value='-qmp'/><qemu:arg value='unix:{witness},server=on,wait=off'/></qemu:commandline>
</domain>
"""


def disk(file, target, bus="virtio", form="qcow2", more=""):
    return (f"<disk type='file' device='disk'><driver name='qemu' type='{form}'/><source file='{file}'/>"
            f"<target dev='{target}' bus='{bus}'/>{more}</disk>")


def cdrom(file=None, target="hdc"):
    source = f"<source file='{file}'/>" if file else ""
    return f"<disk type='file' device='cdrom'>{source}<target dev='{target}'/></disk>"


def backing(file, form="qcow2"):
    return (f"<backingStore type='file'><format type='{form}'/><source file='{file}'/><backingStore/></backingStore>")


def image(path, form="qcow2", size=SIZE, backing=None):
    more = ["-b", str(backing), "-F", "qcow2"] if backing else []
    subprocess.check_call(["qemu-img", "create", "-q", "-f", form, *more, str(path), str(size)])
    return path


def fill(path, pattern=9, offset="1M", size="1M"):
    subprocess.check_call(["qemu-io", "-c", f"write -P {pattern} {offset} {size}", str(path)], stdout=subprocess.DEVNULL)
    return path


def files_of(xml, target):
    """The chain that a definition spells, from the top down; None: there is no such disk."""
    for element in ET.fromstring(xml).findall("devices/disk"):
        if element.find("target").get("dev") != target:
            continue
        found = []
        while element is not None and element.find("source") is not None:
            found.append(element.find("source").get("file"))
            element = element.find("backingStore")
        return found
    return None


class Machine:
    """`place`: where its images and the second monitor's socket lie, as the emulator sees it, too."""

    def __init__(self, daemon, place, name="m", machine="q35", emulator="/usr/bin/qemu-system-x86_64", disks=None):
        self.daemon, self.api, self.place, self.name = daemon, daemon.api, pathlib.Path(place), name
        self.base = fill(image(self.place / f"{name}-base.qcow2"))
        self.socket = self.place / f"{name}.qmp"
        self.events, self.witness, self.pid = None, None, None
        self.xml = DEFINITION.format(
            name=name, machine=machine, emulator=emulator, witness=self.socket,
            cdrom="sata" if machine == "q35" else "ide", disks=disk(self.base, "vda") if disks is None else disks,
            ports="<controller type='pci' model='pcie-root-port'/>" * 6 if machine == "q35" else "")

    def start(self):
        self.api.define(self.xml)
        return self.go()

    def go(self):
        self.pid = self.api.do(self.name, "start")["pid"]
        self.witness = Qmp(self.socket, self)
        self.events = self.api.events()
        return self

    def poll(self):
        return None

    def said(self):
        return self.daemon.said()

    def path(self, rest):
        return f"/v1/domains/{self.name}/{rest}"

    def live(self):
        return self.api.get(self.path("xml"))[1]

    def config(self):
        return self.api.get(self.path("xml"), inactive=True)[1]

    def chains(self):
        return self.api.get(self.path("disks"))[1]["disks"]

    def files(self, target):
        return [item.get("file") for item in self.chains()[target]["images"]]

    # --- what is done

    def attach(self, xml, **query):
        return self.api.post(self.path("devices"), xml, **query)[1]

    def detach(self, xml=None, **query):
        """The firmware lets go of nothing of its own accord; a reset has it let go."""
        api, result = self.api.clone(), []

        def ask():
            try:
                result.append(api.delete(self.path("devices"), xml, **query)[1])
            except (ApiError, AssertionError) as error:
                result.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        attempt = 0
        while thread.is_alive():
            thread.join(0.1)
            attempt += 1
            if attempt % 10 == 4:
                self.witness("system_reset")
        api.close()
        if isinstance(result[0], Exception):
            raise result[0]
        return result[0]

    def media(self, xml, **query):
        return self.api.put(self.path("devices"), xml, **query)[1]

    def snapshot(self, **files):
        return self.api.post(self.path("snapshots"), {"name": "s", "disks": [
            {"target": target, "file": str(file)} for target, file in files.items()]})[1]

    def job(self, kind, target="vda", **members):
        return self.api.post(self.path("jobs"), {"type": kind, "disk": target, **members})[1]

    def progress(self, target="vda"):
        return self.api.get(self.path(f"jobs/{target}"))[1]

    def speed(self, value, target="vda"):
        return self.api.put(self.path(f"jobs/{target}"), {"bandwidth": value})

    def pivot(self, target="vda"):
        return self.api.post(self.path(f"jobs/{target}/pivot"))[1]

    def cancel(self, target="vda"):
        return self.api.delete(self.path(f"jobs/{target}"))[1]

    def ended(self, outcome="completed", target="vda"):
        """Until it has ended by itself, and what follows from that is done."""
        self.wait(lambda: not self.api.get(self.path("jobs"))[1]["jobs"], "the job is over")
        self.events.wait(event=outcome, disk=target)

    # --- what is so

    def wait(self, condition, what, seconds=20):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, what
            time.sleep(0.02)

    def mode(self, file):
        """How the emulator has this file open: of all its descriptors the strongest."""
        found, names = set(), (str(file), os.path.realpath(file))
        for fd in pathlib.Path(f"/proc/{self.pid}/fd").iterdir():
            try:
                if os.readlink(fd) not in names:
                    continue
                flags = pathlib.Path(f"/proc/{self.pid}/fdinfo/{fd.name}").read_text()
            except OSError:
                continue
            line = next(line for line in flags.splitlines() if line.startswith("flags:"))
            found.add(MODES[int(line.split()[1], 8) & os.O_ACCMODE])
        return "O_RDWR" if "O_RDWR" in found else "O_RDONLY" if found else None

    def expect(self, access, when):
        """A command is answered a moment before the file has been opened anew."""
        for item in access:
            self.wait(lambda item=item: self.mode(item["file"]) == item[when],
                      (when, item, self.mode(item["file"])))

    def write(self, pattern, offset, size="512k", device="virtio-disk0"):
        said = self.witness("human-monitor-command", **{"command-line":
                            f'qemu-io -d /machine/peripheral/{device}/virtio-backend "write -P {pattern} {offset} {size}"'})
        assert "rror" not in said and "ailed" not in said, said

    def holds(self, *patterns, device="virtio-disk0"):
        for offset, pattern in patterns:
            said = self.witness("human-monitor-command", **{"command-line":
                                f'qemu-io -d /machine/peripheral/{device}/virtio-backend "read -P {pattern} {offset} 256k"'})
            assert "rror" not in said and "ailed" not in said, (offset, pattern, said)

    def nodes(self):
        return {node["node-name"]: node for node in self.witness("query-named-block-nodes")}

    def check(self):
        """The emulator has exactly the nodes of the daemon's chains, in their modes; both definitions spell them."""
        nodes, wanted, chains = self.nodes(), {}, self.chains()
        for chain in chains.values():
            wanted |= dict.fromkeys(chain.get("filters", []))
            for item in chain["images"]:
                wanted |= {item["node"]: item, item["storage"]: None}
        assert set(nodes) == set(wanted), (sorted(nodes), sorted(wanted))
        for name, item in wanted.items():
            assert not item or nodes[name]["ro"] == item["read-only"], (nodes[name], item)
        inserted = {block["qdev"]: block.get("inserted", {}).get("file")
                    for block in self.witness("query-block") if block.get("qdev")}
        live = self.live()
        for target, chain in chains.items():
            files = [item["file"] for item in chain["images"]]
            assert files_of(live, target) == files, (target, files, live)
            device = next(file for qdev, file in inserted.items()
                          if qdev == chain["device"] or qdev.startswith(f"/machine/peripheral/{chain['device']}/"))
            assert device == files[0], (target, device, files)

    def close(self):
        if self.events:
            self.events.close()
        if self.witness:
            self.witness.stream.close()
            self.witness.socket.close()
