# SPDX-License-Identifier: LGPL-2.1-or-later
"""
The system's instance as root, in a network namespace of its own: what it opens for its emulators, and what an
emulator, which runs as a user of its own, is kept from.
"""
import ctypes
import errno
import http.client
import os
import pathlib
import re
import shutil
import signal
import socket
import stat
import struct
import subprocess
import tempfile
import time

import pytest

from api import Api, ApiError
from daemon import VARIABLES, Daemon

QEMU = "/usr/bin/qemu-system-x86_64"
CLONE_NEWNET = 0x40000000
FIRST_UID, LAST_UID = 1900000000, 1900065535

DEFINITION = """<domain type='qemu'><name>{name}</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type><boot dev='network'/></os><features><acpi/></features>
<devices><controller type='usb' model='none'/><memballoon model='none'/>{devices}</devices></domain>"""
CONFIG = """[paths]
socket = {folder}/run/muster.sock
run = {folder}/run
definitions = {folder}/definitions
state = {folder}/lib
logs = {folder}/logs
cache = {folder}/probes
[access]
groups = news
read_only_groups = games
[emulator]
user = nobody
supplementary_groups =
{more}
"""


def card(mac, source="<source bridge='mbr0'/>", more="", kind="bridge", model="virtio"):
    return f"<interface type='{kind}'><mac address='{mac}'/>{source}<model type='{model}'/>{more}</interface>"


def in_network(pid):
    """For a child: the network of the daemon."""
    fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.setns(fd, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())


class SystemDaemon(Daemon):
    """The system's instance. `namespace` holds the network while there is no daemon."""

    def _prepare(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="musterd-", dir="/tmp"))
        self.folder.chmod(0o755)
        (self.folder / "musterd.conf").write_text(CONFIG.format(folder=self.folder, more=self.config or ""))
        for name in VARIABLES.values():
            if name != "run":
                (self.folder / name).mkdir(mode=0o700)
        self.log = self.folder / "daemon.log"
        self.socket = self.folder / "run/muster.sock"
        self.api = Api(self.socket)
        self.namespace = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo ready; exec sleep 3600"],
                                          stdout=subprocess.PIPE, text=True)
        assert self.namespace.stdout.readline() == "ready\n"
        self.ip("link", "add", "mbr0", "type", "bridge")
        self.ip("link", "set", "mbr0", "mtu", "1400", "up")

    def command(self):
        return ["nsenter", f"--net=/proc/{self.namespace.pid}/ns/net", self.program, "--config",
                str(self.folder / "musterd.conf")]

    def _abandon(self):
        super()._abandon()
        self.namespace.kill()
        self.namespace.wait()
        self.namespace.stdout.close()

    def ip(self, *arguments, check=True):
        done = subprocess.run(["nsenter", f"--net=/proc/{self.namespace.pid}/ns/net", "ip", *arguments],
                              capture_output=True, text=True)
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout if done.returncode == 0 else ""

    def links(self):
        """{name: what ip says of it}"""
        return {line.split(": ")[1].split("@")[0]: line for line in self.ip("-o", "-d", "link").splitlines()}


def reason_to_skip():
    if os.geteuid() != 0:
        return "only root has the system's instance"
    if not os.path.exists("/dev/net/tun"):
        return "this host has no /dev/net/tun"
    for program in ("unshare", "nsenter", "ip"):
        if not shutil.which(program):
            return f"there is no {program}"
    script = "ip link add mbr0 type bridge && ip tuntap add dev mtap0 mode tap"
    done = subprocess.run(["unshare", "-n", "sh", "-c", script], capture_output=True, text=True)
    return f"no network can be made: {done.stderr.strip()}" if done.returncode else None


@pytest.fixture(scope="module")
def daemon():
    if reason := reason_to_skip():
        pytest.skip(reason)
    with SystemDaemon(emulator=False) as running:
        yield running


@pytest.fixture
def clean(daemon):
    """Domains and devices that a test leaves behind go; nothing but the bridge may be left."""
    yield daemon
    if not daemon.runs():
        daemon.process = None
        daemon.start()
    daemon.destroy_all()
    for domain in daemon.api.domains():
        daemon.api.undefine(domain["uuid"], managed_save=True, nvram=True)
    for name in daemon.links().keys() - {"lo", "mbr0"}:
        daemon.ip("link", "del", name, check=False)


def start(daemon, name, devices):
    daemon.api.define(DEFINITION.format(name=name, devices=devices), start=True)
    return daemon.api.domain(name)["pid"]


def refused(daemon, name, devices, *words):
    daemon.api.define(DEFINITION.format(name=name, devices=devices))
    with pytest.raises(ApiError) as error:
        daemon.api.do(name, "start")
    assert daemon.api.state(name) == "shut off"
    for word in words:
        assert word in error.value.message, error.value
    return error.value


def targets(daemon, name, **query):
    return re.findall(r"<target dev=[\"']([^\"']*)[\"']", daemon.api.get(f"/v1/domains/{name}/xml", **query)[1])


def descriptors(pid):
    found = {}
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            found[int(entry.name)] = os.readlink(entry)
        except OSError:
            pass
    return found


def argv(pid):
    return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1]


def status(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return {key: value.split() for key, value in (line.split(":", 1) for line in lines)}


def taps(pid):
    """Names of the devices that its descriptors are queues of."""
    found = []
    for fd, link in descriptors(pid).items():
        if link == "/dev/net/tun":
            info = pathlib.Path(f"/proc/{pid}/fdinfo/{fd}").read_text()
            found += re.findall(r"^iff:\s*(\S+)", info, re.M)
    return sorted(found)


def eventually(what, condition, seconds=10):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, what
        time.sleep(0.02)
    return found


# --- the network -----------------------------------------------------------------------------------------------


def test_a_guest_joins_a_bridge(clean):
    mac = "52:54:00:aa:00:01"
    pid = start(clean, "a", card(mac))
    assert taps(pid) == ["vnet0"] and targets(clean, "a") == ["vnet0"]
    assert targets(clean, "a", inactive=True) == []
    link = clean.links()["vnet0"]
    assert "master mbr0" in link and "mtu 1400" in link and ",UP" in link and "link/ether fe:54:00:aa:00:01" in link
    assert FIRST_UID <= int(status(pid)["Uid"][0]) <= LAST_UID
    # The firmware asks for an address by DHCP: so packets come out, and the bridge has learnt of whom.
    def neighbours():
        done = subprocess.run(["nsenter", f"--net=/proc/{clean.namespace.pid}/ns/net", "bridge", "fdb", "show", "dev",
                               "vnet0"], capture_output=True, text=True)
        return mac in done.stdout
    eventually("the bridge has not seen the guest's address", neighbours, 60)
    clean.api.do("a", "destroy")
    assert "vnet0" not in clean.links()


def test_names_and_queues(clean):
    devices = card("52:54:00:aa:00:01", more="<target dev='web'/><driver queues='2'/><mtu size='1300'/>")
    devices += card("52:54:00:aa:00:02", more="<target dev='vnet7'/>", model="e1000")
    devices += card("52:54:00:aa:00:03", source="", kind="ethernet", more="<tune><sndbuf>65536</sndbuf></tune>")
    pid = start(clean, "a", devices)
    assert taps(pid) == ["vnet0", "vnet7", "web", "web"]
    assert targets(clean, "a") == ["web", "vnet7", "vnet0"]
    links = clean.links()
    assert "mtu 1300" in links["web"] and "master mbr0" in links["web"] and "master" not in links["vnet0"]
    # A number that somebody else has is no condition; a name is.
    pid = start(clean, "b", card("52:54:00:aa:00:04", more="<target dev='vnet7'/>"))
    assert taps(pid) == targets(clean, "b") == ["vnet1"]
    error = refused(clean, "c", card("52:54:00:aa:00:05", more="<target dev='web'/>"), "web")
    assert error.errno == "EEXIST"
    clean.kill9()
    clean.start()
    assert targets(clean, "a") == ["web", "vnet7", "vnet0"]
    assert taps(pid) == ["vnet1"]
    clean.destroy_all()
    assert clean.links().keys() == {"lo", "mbr0"}


def test_a_device_that_is_there_stays(clean):
    refused(clean, "a", card("52:54:00:aa:00:01", source="", kind="ethernet", more="<target dev='mtap0' managed='no'/>"),
            "ip tuntap add dev mtap0")
    clean.ip("tuntap", "add", "dev", "mtap0", "mode", "tap")
    clean.api.do("a", "start")
    assert taps(clean.api.domain("a")["pid"]) == targets(clean, "a") == ["mtap0"]
    clean.api.do("a", "destroy")
    assert "mtap0" in clean.links()


def test_macvtap(clean):
    clean.ip("link", "add", "mve0", "type", "veth", "peer", "name", "mve1")
    refused(clean, "z", card("52:54:00:aa:00:09", source="<source dev='mve7'/>", kind="direct"), "mve7")
    devices = card("52:54:00:aa:00:01", source="<source dev='mve0' mode='bridge'/>", kind="direct")
    devices += card("52:54:00:aa:00:02", source="<source dev='mve0' mode='bridge'/>", kind="direct",
                    more="<target dev='direct2'/><driver queues='2'/>")
    pid = start(clean, "a", devices)
    first, second = targets(clean, "a")
    assert re.fullmatch(r"macvtap\d+", first) and second == "direct2"
    links = clean.links()
    assert "macvtap mode bridge" in links[first] and "link/ether 52:54:00:aa:00:01" in links[first]
    assert len([link for link in descriptors(pid).values() if re.fullmatch(r"/dev/tap\d+", link)]) == 3
    # It outlives the emulator, and so the next daemon deletes it.
    clean.kill9()
    os.kill(pid, signal.SIGKILL)
    clean.start()
    clean.api.wait_for_state("a", "shut off")
    eventually("a device is left", lambda: not clean.links().keys() & {first, second})
    # One that is somebody else's by now is left alone.
    clean.api.do("a", "start")
    clean.ip("link", "set", "direct2", "address", "52:54:00:aa:00:77")
    clean.api.do("a", "destroy")
    assert "direct2" in clean.links() and first not in clean.links()


def test_a_confined_emulator_of_a_user_outlives_a_bridge():
    """Without root the card would take a helper, at whose start the kernel kills an emulator that may start none."""
    if not os.path.exists("/usr/lib/qemu/qemu-bridge-helper"):
        pytest.skip("this host has no qemu-bridge-helper")
    with Daemon(emulator=False) as daemon:
        start(daemon, "a", "")
        with pytest.raises(ApiError) as error:
            daemon.api.post("/v1/domains/a/devices", card("52:54:00:aa:00:02"))
        assert error.value.status == 422 and "confined" in error.value.message
        assert daemon.api.state("a") == "running"


def test_what_is_missing_is_named(clean):
    error = refused(clean, "a", card("52:54:00:aa:00:01", source="<source bridge='mbr9'/>"),
                    "no bridge mbr9", "ip link add mbr9 type bridge")
    assert error.errno == "ENODEV"
    clean.ip("link", "add", "mve0", "type", "veth", "peer", "name", "mve1")
    refused(clean, "b", card("52:54:00:aa:00:01", source="<source bridge='mve0'/>"), "mve0 is no bridge")
    refused(clean, "c", card("52:54:00:aa:00:01", more="<mtu size='20'/>"), "MTU")
    # None of them has left a device, an entry in a list or a record.
    assert clean.links().keys() == {"lo", "mbr0", "mve0", "mve1"}
    assert not list((clean.folder / "run/records").iterdir())


def test_an_emulator_that_fails_leaves_no_device(clean):
    clean.ip("link", "add", "mve0", "type", "veth", "peer", "name", "mve1")
    devices = card("52:54:00:aa:00:01") + card("52:54:00:aa:00:02", source="<source dev='mve0'/>", kind="direct")
    xml = DEFINITION.format(name="a", devices=devices).replace(
        "<domain ", "<domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0' ").replace(
        "</domain>", "<qemu:commandline><qemu:arg value='-no-such-option'/></qemu:commandline></domain>")
    clean.api.define(xml)
    with pytest.raises(ApiError):
        clean.api.do("a", "start")
    eventually("a device is left", lambda: clean.links().keys() == {"lo", "mbr0", "mve0", "mve1"})


def test_a_card_is_plugged(clean):
    pid = start(clean, "a", card("52:54:00:aa:00:01"))
    clean.api.post("/v1/domains/a/devices", card("52:54:00:aa:00:02", more="<driver queues='2'/>"))
    alias = clean.api.post("/v1/domains/a/devices", card("52:54:00:aa:00:03", more="<target dev='web'/>"))[1]["alias"]
    assert taps(pid) == ["vnet0", "vnet1", "vnet1", "web"] and targets(clean, "a") == ["vnet0", "vnet1", "web"]
    assert all("master mbr0" in clean.links()[name] for name in ("vnet0", "vnet1", "web"))
    clean.kill9()
    clean.start()
    assert targets(clean, "a") == ["vnet0", "vnet1", "web"]
    # What cannot be is undone: the name is taken, the bridge is not there, the emulator does not want it.
    clean.api.qmp("a", "query-status")  # the monitor's new connection is one of them
    before = clean.links().keys(), descriptors(pid).keys()
    for what, device in (("EEXIST", card("52:54:00:aa:00:04", more="<target dev='web'/>")),
                         ("ENODEV", card("52:54:00:aa:00:04", source="<source bridge='mbr9'/>")),
                         ("EIO", card("52:54:00:aa:00:04", more="<rom file='/nowhere'/>"))):
        with pytest.raises(ApiError) as error:
            clean.api.post("/v1/domains/a/devices", device)
        assert error.value.errno == what
        eventually("it is not undone", lambda: (clean.links().keys(), descriptors(pid).keys()) == before)
    clean.ip("link", "add", "mve0", "type", "veth", "peer", "name", "mve1")
    clean.api.post("/v1/domains/a/devices", card("52:54:00:aa:00:05", source="<source dev='mve0'/>", kind="direct",
                                                 more="<target dev='direct2'/>"))
    assert "direct2" in clean.links() and "direct2" in targets(clean, "a") and alias
    clean.api.do("a", "destroy")
    eventually("a device is left", lambda: clean.links().keys() == {"lo", "mbr0", "mve0", "mve1"})


# --- confinement -----------------------------------------------------------------------------------------------


def as_user(uid, what, *arguments, groups=()):
    """`what` in a child of that user without any right: what it returned, or the errno that it failed with."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 99
        try:
            os.setgroups(list(groups))
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            os.write(write, repr(what(*arguments)).encode())
            code = 0
        except OSError as error:
            os.write(write, errno.errorcode[error.errno].encode())
            code = 0
        finally:
            os._exit(code)
    os.close(write)
    with os.fdopen(read) as stream:
        said = stream.read()
    assert os.waitpid(pid, 0)[1] == 0, said
    return said


def can(path, flags):
    os.close(os.open(path, flags))
    return True


def entries(path):
    """The users in its access control list."""
    try:
        raw = os.getxattr(path, "system.posix_acl_access")
    except OSError as error:
        assert error.errno == errno.ENODATA, error
        return {}
    found = (struct.unpack_from("<HHI", raw, at) for at in range(4, len(raw), 8))
    return {ident: permission for tag, permission, ident in found if tag == 2}


@pytest.fixture
def pair(clean):
    """Two domains that run, each with a disk."""
    made = {}
    for name, mac in (("a", "52:54:00:aa:00:01"), ("b", "52:54:00:aa:00:02")):
        image = clean.folder / f"{name}.img"
        image.write_bytes(b"\0" * (1 << 20))
        image.chmod(0o600)
        pid = start(clean, name, card(mac) + f"<disk type='file' device='disk'><driver name='qemu' type='raw'/>"
                    f"<source file='{image}'/><target dev='vda' bus='virtio'/></disk>")
        made[name] = (pid, int(status(pid)["Uid"][0]), image)
    return made


def test_each_emulator_has_a_user_and_nothing_else(clean, pair):
    assert pair["a"][1] != pair["b"][1]
    for pid, uid, _ in pair.values():
        now = status(pid)
        assert FIRST_UID <= uid <= LAST_UID
        assert now["Uid"] == now["Gid"] == [str(uid)] * 4 and now["Groups"] == []
        assert now["NoNewPrivs"] == ["1"] and now["Seccomp"] == ["2"]
        for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            assert int(now[kind][0], 16) == 0, kind
        line = argv(pid)
        assert line[line.index("-sandbox") + 1] == (
            "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny")
        assert not any("helper" in word for word in line)


def test_no_descriptor_but_those_that_are_planned(clean, pair):
    for name, (pid, _, image) in pair.items():
        sockets = [line.split() for line in pathlib.Path(f"/proc/{pid}/net/unix").read_text().splitlines()[1:]]
        found = descriptors(pid)
        log = str(clean.folder / f"logs/{name}.log")
        assert found[0] == "/dev/null" and found[1] == found[2] == log, found
        inode = found[3].removeprefix("socket:[").removesuffix("]")
        paths = {fields[7] for fields in sockets if fields[6] == inode and len(fields) > 7}
        assert found[4] == "/dev/net/tun", found
        # Behind those are what it opened by itself: its image, its monitor's connection, and what has no name.
        named = {link for fd, link in found.items() if fd > 4 and link.startswith("/")}
        assert named <= {str(image)}, named
        assert [str(clean.folder / "run/monitors") in path for path in paths] == [True], (paths, found)
        assert any("id=charmonitor,fd=3" in word for word in argv(pid))
        assert sum(link == "/dev/net/tun" for link in found.values()) == 1


def test_an_image_is_lent(clean, pair):
    pid, uid, image = pair["a"]
    assert entries(image) == {uid: 6}
    assert stat.S_IMODE(image.stat().st_mode) & 0o007 == 0 and image.stat().st_uid == 0
    assert as_user(uid, can, image, os.O_RDWR) == "True"
    clean.api.do("a", "destroy")
    assert uid not in entries(image)
    assert as_user(uid, can, image, os.O_RDONLY) == "EACCES"


def test_an_emulator_reaches_nobody_elses(clean, pair):
    _, uid, own = pair["a"]
    other_pid, _, image = pair["b"]
    assert as_user(uid, can, image, os.O_RDONLY) == "EACCES"
    for path in (clean.folder / "run/domains/b", clean.folder / "lib/domains/b", clean.folder / "run/records",
                 clean.folder / "run/monitors", clean.folder / "logs", clean.folder / "definitions"):
        if path.exists():
            assert as_user(uid, os.listdir, path) == "EACCES", path
    for file in [*(clean.folder / "run").rglob("*"), *(clean.folder / "logs").rglob("*"),
                 *(clean.folder / "definitions").rglob("*.xml")]:
        mine = file.is_relative_to(clean.folder / "run/domains/a")
        if file.is_file() and not mine:
            assert as_user(uid, can, file, os.O_RDONLY) == "EACCES", file
        if file.is_socket() and not mine and file != clean.socket:
            assert as_user(uid, connect, file) in ("EACCES", "ECONNREFUSED"), file
    assert as_user(uid, os.kill, other_pid, 0) == "EPERM"
    assert as_user(uid, os.kill, clean.pid, 0) == "EPERM"
    assert as_user(uid, os.readlink, f"/proc/{other_pid}/fd/0") == "EACCES"
    # It made what it made in its own folder, and cannot make anything beside it.
    assert as_user(uid, lambda: os.mkdir(clean.folder / "run/domains/c")) == "EACCES"
    assert as_user(uid, can, own, os.O_RDWR) == "True"


def connect(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    return True


def test_memory_is_locked_without_the_right_to(clean):
    """Its limit is the daemon's to raise."""
    if not int(status(clean.pid)["CapEff"][0], 16) >> 24 & 1:
        pytest.skip("root has no CAP_SYS_RESOURCE here")
    xml = DEFINITION.format(name="a", devices="").replace("<vcpu>", "<memoryBacking><locked/></memoryBacking><vcpu>")
    clean.api.define(xml, start=True)
    pid = clean.api.domain("a")["pid"]
    assert int(status(pid)["VmLck"][0]) >= 32 * 1024 and int(status(pid)["CapEff"][0], 16) == 0
    # Others have what the daemon has.
    assert start(clean, "b", "") and "unlimited" in limit(pid, "Max locked memory")
    assert limit(clean.api.domain("b")["pid"], "Max locked memory") == limit(clean.pid, "Max locked memory")


def limit(pid, name):
    text = pathlib.Path(f"/proc/{pid}/limits").read_text()
    return next(line.removeprefix(name).split() for line in text.splitlines() if line.startswith(name))


# --- access ----------------------------------------------------------------------------------------------------


def ask(path, method, target, body=None):
    api = Api(path)
    try:
        return api.request(method, target, body)[0]
    except http.client.RemoteDisconnected:
        return "closed"
    finally:
        api.close()


def test_who_may_do_what(clean):
    import grp
    try:
        news, games = grp.getgrnam("news").gr_gid, grp.getgrnam("games").gr_gid
    except KeyError:
        pytest.skip("this host has not the groups news and games")
    clean.api.define(DEFINITION.format(name="a", devices=""))
    stranger = 1899999999

    def said(*arguments, groups=()):
        return as_user(stranger, ask, clean.socket, *arguments, groups=groups)

    assert said("GET", "/v1/domains") == "403"
    assert said("POST", "/v1/domains/a/start") == "403"
    assert said("GET", "/v1/domains", groups=[games]) == "200"
    assert said("GET", "/v1/domains/a/xml", groups=[games]) == "200"
    assert said("POST", "/v1/domains/a/start", groups=[games]) == "403"
    assert said("DELETE", "/v1/domains/a", groups=[games]) == "403"
    assert clean.api.state("a") == "shut off"
    assert said("POST", "/v1/domains/a/start", groups=[news]) == "200"
    assert clean.api.state("a") == "running"
    # An emulator is in no group, and so it cannot tell the daemon what to do.
    uid = int(status(clean.api.domain("a")["pid"])["Uid"][0])
    assert as_user(uid, ask, clean.socket, "GET", "/v1/domains") == "403"
