# SPDX-License-Identifier: LGPL-2.1-or-later
"""Steps for a running guest (src/block/step.h) carried out over QMP as the daemon does it, and the tests' guest."""
import contextlib
import json
import os
import pathlib
import subprocess
import time
import xml.etree.ElementTree as ET

from launch import Domain

SIZE = 16 * 1024 * 1024
MODES = {os.O_RDONLY: "O_RDONLY", os.O_RDWR: "O_RDWR"}


class Refused(Exception):
    pass


class Planner:
    """tests/live/live-plan: one request, one answer."""

    def __init__(self, emulator):
        program = pathlib.Path(os.environ["MUSTER_BUILD"]) / "tests/live/live-plan"
        self.process = subprocess.Popen([program, str(emulator)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)

    def __call__(self, op, **request):
        self.process.stdin.write(json.dumps({"op": op, **request}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise Refused(answer["error"], answer["detail"])
        return answer

    def end(self):
        self.process.stdin.close()
        assert self.process.wait(30) == 0


class Live:
    """A running guest with its live definition and its chains."""

    def __init__(self, planner, definition, place):
        started = planner("start", xml=definition)
        self.planner, self.place = planner, place
        self.xml, self.chains = started["xml"], started["chains"]
        self.domain = Domain(started["plan"], place, ET.fromstring(self.xml))

    def __enter__(self):
        self.domain.__enter__()
        self.qmp = self.domain.qmp
        self.qmp("cont")
        return self

    def __exit__(self, *_):
        self.domain.__exit__()

    # --- steps

    def carry_out(self, steps):
        done = []
        for step in steps:
            try:
                self.step(step)
            except AssertionError:
                if step.get("ignore"):
                    continue
                for earlier in reversed(done):
                    if "undo" in earlier:
                        self.step(earlier["undo"])
                raise
            done.append(step)

    def step(self, step):
        self.qmp.events.clear()
        for left in (2, 1, 0):
            try:
                self.qmp(step["execute"], **step["arguments"])
                break
            except AssertionError:
                if left == 0 or "retry" not in step:
                    raise
                self.step(step["retry"])
        wait = step.get("wait", {})
        if "event" in wait:
            self.wait_deleted(wait["device"])
        elif "job" in wait:
            self.wait_job(wait["job"], "concluded")

    def wait_deleted(self, device):
        """SeaBIOS does not answer a request to eject; a reset does, for a request that came after the one before."""
        for attempt in range(1500):
            if any(e["event"] == "DEVICE_DELETED" and e["data"].get("device") == device for e in self.qmp.events):
                return
            if attempt % 100 == 20:
                self.qmp("system_reset")
            if attempt % 100 == 99:
                with contextlib.suppress(AssertionError):  # it is still at the first request
                    self.qmp("device_del", id=device)
            self.qmp("query-status")
            time.sleep(0.01)
        left = [d["name"] for d in self.qmp("qom-list", path="/machine/peripheral")]
        raise AssertionError(f"{device} was not deleted: {left}, {[e for e in self.qmp.events if e['event'] != 'RESET']}")

    def wait_job(self, job, *states):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            found = [j for j in self.qmp("query-jobs") if j["id"] == job]
            assert found, f"job {job} is gone"
            if found[0]["status"] in states:
                assert "error" not in found[0], found
                return found[0]["status"]
            time.sleep(0.01)
        raise AssertionError(self.qmp("query-jobs"))

    # --- devices

    def change(self, op, **request):
        change = self.planner(op, xml=self.xml, chains=self.chains, **request)
        for helper in change["processes"]:
            subprocess.check_call(helper["argv"])
        self.carry_out(change["steps"])
        self.xml = change["xml"]
        if "disk" in change:
            self.chains.pop(change["disk"], None)
            if "chain" in change:
                self.chains[change["disk"]] = change["chain"]
        self.check()
        return change

    # --- images

    def plan(self, op, **request):
        return self.planner(op, chains=self.chains, **request)

    def settle(self, plan):
        for disk, chain in plan["chains"].items():
            self.chains[disk] = chain
            self.xml = self.planner("write", xml=self.xml, chain=chain)["xml"]
        for item in plan["access"]:
            self.expect(item, "after")
        self.check()

    def snapshot(self, *disks):
        plan = self.plan("snapshot", disks=[{"size": SIZE, **disk} for disk in disks])
        self.carry_out(plan["steps"])
        self.settle(plan)

    def job(self, op, disk, end="pivot", **request):
        """With a look at the open modes before, during and after."""
        plan = self.plan(op, disk=disk, speed=1, **request)
        before = {item["file"]: item["before"] for item in plan["access"]}
        for item in plan["access"]:
            if item["file"] in self.files(disk):
                assert self.mode(item["file"]) == before[item["file"]], item
        self.carry_out(plan["steps"])
        for item in plan["access"]:
            self.expect(item, "during")
        if end == "abort":
            self.carry_out(plan["abort"])
        else:
            self.qmp("block-job-set-speed", device=plan["id"], speed=0)
            if plan["ready"]:
                self.wait_job(plan["id"], "ready")
                self.carry_out(plan["pivot"])
        status = None
        while status != "concluded":
            status = next(j for j in self.qmp("query-jobs") if j["id"] == plan["id"])["status"]
            time.sleep(0.01)
        if end == "abort":
            self.carry_out(plan["failed"])
            self.check()
        else:
            self.wait_job(plan["id"], "concluded")
            self.carry_out(plan["done"])
            self.settle(plan)
        return plan

    def files(self, disk):
        return [image.get("file") for image in self.chains[disk]["images"]]

    # --- what is so

    def mode(self, file):
        found = set()
        inside = os.path.realpath(file)
        for fd in pathlib.Path(f"/proc/{self.domain.process.pid}/fd").iterdir():
            try:
                if os.readlink(fd) not in (file, inside):
                    continue
                flags = pathlib.Path(f"/proc/{self.domain.process.pid}/fdinfo/{fd.name}").read_text()
            except OSError:
                continue
            line = next(line for line in flags.splitlines() if line.startswith("flags:"))
            found.add(MODES[int(line.split()[1], 8) & os.O_ACCMODE])
        return "O_RDWR" if "O_RDWR" in found else "O_RDONLY" if found else None

    def expect(self, item, when):
        """The step is answered a moment before the file has been opened anew."""
        end = time.monotonic() + 10
        while self.mode(item["file"]) != item[when]:
            assert time.monotonic() < end, (when, item, self.mode(item["file"]))
            time.sleep(0.01)

    def check(self):
        """The emulator has exactly the nodes that the chains have, with their drivers and modes."""
        nodes = {n["node-name"]: n for n in self.qmp("query-named-block-nodes")}
        wanted = {}
        for chain in self.chains.values():
            for name in chain["filters"]:
                wanted[name] = None
            for image in chain["images"]:
                wanted[image["node"]] = image
                wanted[image["storage"]] = None
        flash = {name for name in nodes if "pflash" in name or name.startswith("#")}
        assert set(nodes) - flash == set(wanted), (sorted(nodes), sorted(wanted))
        for name, image in wanted.items():
            if image:
                assert nodes[name]["drv"] == image["format"], (nodes[name], image)
                assert nodes[name]["ro"] == image["read-only"], (nodes[name], image)
        devices = {d.find("target").get("dev"): d for d in ET.fromstring(self.xml).findall("devices/disk")}
        for target, chain in self.chains.items():
            found, element = [], devices[target]
            while element is not None and element.find("source") is not None:
                found.append(element.find("source").get("file"))
                element = element.find("backingStore")
            assert found == [image.get("file") for image in chain["images"]], (found, chain)

    def io(self, *words, device="virtio-disk0"):
        said = self.qmp("human-monitor-command", **{"command-line":
                        f'qemu-io -d /machine/peripheral/{device}/virtio-backend "{" ".join(map(str, words))}"'})
        assert "rror" not in said and "failed" not in said and "ailed" not in said, said
        return said

    def write(self, pattern, offset, size="2M"):
        self.io("write", "-P", pattern, offset, size)

    def holds(self, *patterns):
        for offset, pattern in patterns:
            self.io("read", "-P", pattern, offset, "1M")


def image(path, size="16M", backing=None, form="qcow2"):
    more = ["-b", str(backing), "-F", "qcow2"] if backing else []
    subprocess.check_call(["qemu-img", "create", "-q", "-f", form, *more, "-u", str(path), size] if backing else
                          ["qemu-img", "create", "-q", "-f", form, str(path), size])
    return path


DEFINITION = """
<domain type='qemu'>
  <name>live</name>
  <memory unit='MiB'>64</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='{machine}'>hvm</type></os>
  <features><acpi/></features>
  <devices>
    <emulator>{emulator}</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' cache='writeback'/>
      <source file='{place}/top.qcow2'/>
      <backingStore type='file'>
        <format type='qcow2'/>
        <source file='{place}/base.qcow2'/>
        <backingStore/>
      </backingStore>
      <target dev='vda' bus='virtio'/>
      {tune}
    </disk>
    <disk type='file' device='cdrom'>
      <target dev='hdc' bus='{cdrom}'/>
    </disk>
    <controller type='scsi' index='0' model='virtio-scsi'/>
    <controller type='usb' model='qemu-xhci'/>
    {ports}
    <video><model type='none'/></video>
  </devices>
</domain>
"""


def definition(emulator, place, machine="q35", tune=True):
    image(place / "base.qcow2")
    subprocess.check_call(["qemu-io", "-c", "write -P 9 12M 2M", str(place / "base.qcow2")], stdout=subprocess.DEVNULL)
    image(place / "top.qcow2", backing=place / "base.qcow2")
    return DEFINITION.format(
        emulator=emulator, place=place, machine=machine, cdrom="sata" if machine == "q35" else "ide",
        tune="<iotune><total_iops_sec>100000</total_iops_sec></iotune>" if tune else "",
        ports="<controller type='pci' model='pcie-root-port'/>" * 7 if machine == "q35" else "")


def images(live, place):
    """Snapshots, commits, pulls and copies one after another; what was written stays readable throughout."""
    live.write(1, 0)
    live.snapshot({"disk": "vda", "file": f"{place}/s1.qcow2"})
    live.write(2, "2M")
    live.snapshot({"disk": "vda", "file": f"{place}/s2.qcow2"})
    live.write(3, "4M")
    live.snapshot({"disk": "vda", "file": f"{place}/s3.qcow2"})
    live.write(4, "6M")
    written = [(0, 1), ("2M", 2), ("4M", 3), ("6M", 4), ("12M", 9)]
    live.holds(*written)
    live.job("commit", "vda", top=2, base=3)  # s1 into top: s2, which is no disk's own, gets another name below it
    assert live.files("vda") == [f"{place}/{n}.qcow2" for n in ("s3", "s2", "top", "base")]
    live.job("pull", "vda", top=1, base=3)  # top into s2
    assert live.files("vda") == [f"{place}/{n}.qcow2" for n in ("s3", "s2", "base")]
    live.holds(*written)
    live.job("commit", "vda", end="abort", top=0, base=1)
    live.job("commit", "vda", top=0, base=1)  # s3 into s2, which the guest writes to from then on
    assert live.files("vda") == [f"{place}/{n}.qcow2" for n in ("s2", "base")]
    live.holds(*written)
    live.write(5, "8M")
    live.job("copy", "vda", file=f"{place}/c1.qcow2", size=SIZE, shallow=True, pivot=True)
    assert live.files("vda") == [f"{place}/{n}.qcow2" for n in ("c1", "base")]
    live.job("copy", "vda", file=f"{place}/c2.qcow2", size=SIZE, pivot=False)
    live.job("copy", "vda", end="abort", file=f"{place}/c3.qcow2", size=SIZE, pivot=True)
    live.write(6, "10M")
    live.job("pull", "vda", top=0, base=2)
    assert live.files("vda") == [f"{place}/c1.qcow2"]
    live.holds(*written, ("8M", 5), ("10M", 6))
    live.job("copy", "vda", file=f"{place}/c4.raw", format="raw", size=SIZE, pivot=True)
    live.holds(*written, ("8M", 5), ("10M", 6))
    live.snapshot({"disk": "vda", "file": f"{place}/s4.qcow2"})
    assert live.files("vda") == [f"{place}/s4.qcow2", f"{place}/c4.raw"]


def devices(live, place):
    """What comes and goes, each kind of bus."""
    image(place / "x.qcow2")
    image(place / "cd.iso", form="raw")
    image(place / "cd2.iso", form="raw")
    media(live, place)  # first, since a reset closes a tray
    before = live.xml
    aliases = []
    for device in (
            f"<disk type='file'><driver type='qcow2'/><source file='{place}/x.qcow2'/><target dev='sdb' bus='scsi'/></disk>",
            "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>",
            "<interface type='user'><model type='virtio'/></interface>",
            "<channel type='unix'><target type='virtio' name='org.example.0'/></channel>",
            "<input type='tablet' bus='usb'/>",
    ):
        aliases.append(live.change("attach", device=device)["alias"])
    ids = {d["name"] for d in live.qmp("qom-list", path="/machine/peripheral")}
    assert set(aliases) <= ids, (aliases, ids)
    assert live.chains["sdb"]["images"][0]["file"] == f"{place}/x.qcow2"
    live.snapshot({"disk": "sdb", "file": f"{place}/x-s1.qcow2"}, {"disk": "vda", "file": f"{place}/v-s1.qcow2"})
    live.qmp("stop")  # or the firmware, which a reset starts, gets in between
    for alias in reversed(aliases):
        live.change("detach", which=alias)
    live.qmp("cont")
    assert not set(aliases) & {d["name"] for d in live.qmp("qom-list", path="/machine/peripheral")}
    live.job("commit", "vda", top=0, base=1)
    names = [e.tag for e in ET.fromstring(before).find("devices")]
    after = [e.tag for e in ET.fromstring(live.xml).find("devices")]
    assert after == names or sorted(after) == sorted([*names, "controller"]), (names, after)  # the channel's bus


def media(live, place):
    source = "<disk type='file' device='cdrom'><source file='{}'/><target dev='hdc'/></disk>"
    for name in ("cd.iso", "cd2.iso"):
        live.change("media", which="hdc", device=source.format(place / name))
        inserted = [b for b in live.qmp("query-block") if b.get("inserted", {}).get("file", "").endswith(name)]
        assert len(inserted) == 1 and not inserted[0].get("tray_open"), live.qmp("query-block")
    live.change("media", which="hdc")
    assert "hdc" not in live.chains


def refusals(live):
    """Nothing of it reaches the emulator."""
    conventional = "i440fx" in live.xml
    for device, word in (
            ("<disk type='file'><source file='/x'/><target dev='sdz' bus='sata'/></disk>", "bus 'sata' cannot come"),
            ("<disk type='file'><source file='/x'/><target dev='vda' bus='virtio'/></disk>", "Two disks are called"),
            ("<sound model='ich9'/>", "cannot come or go"),
            ("<sandwich/>", "is no device"),
            ("<rng model='virtio'><backend model='random'>/dev/urandom</backend>"
             f"<address type='pci' domain='0' bus='0' slot='9' function='{int(conventional)}'/></rng>",
             "nothing is at function 0" if conventional else "Nothing can be plugged"),
    ):
        try:
            live.change("attach", device=device)
        except Refused as error:
            assert word in error.args[0], error
        else:
            raise AssertionError(f"attached: {device}")
