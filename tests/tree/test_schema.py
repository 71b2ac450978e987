# SPDX-License-Identifier: LGPL-2.1-or-later
"""conf/schemas: takes what is in libvirt's format, whoever wrote it, and nothing else."""
import os
import pathlib
import re
import shutil
import subprocess
import time
import xml.etree.ElementTree

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "conf/schemas"
DOMAINS = ROOT / "tests/data/domains"
BASE = (DOMAINS / "dumpxml/01-debian11.xml").read_text()
RNG = "{http://relaxng.org/ns/structure/1.0}"
NAMED = dict.fromkeys(("define", "ref", "param"), {"name"})
PLAIN = "start choice interleave group zeroOrMore oneOrMore optional empty text value name anyName except".split()
ATTRIBUTES = {"grammar": {"datatypeLibrary"}, "include": {"href"}, "data": {"type"}, "nsName": {"ns"},
              "element": {"name", "ns"}, "attribute": {"name", "ns"}, **NAMED, **dict.fromkeys(PLAIN, set())}

pytestmark = pytest.mark.skipif(not shutil.which("xmllint"), reason="xmllint is not installed")


def xmllint(*files, schema=SCHEMAS / "domain.rng"):
    return subprocess.run(["xmllint", "--noout", "--nonet", "--relaxng", schema, *files], capture_output=True, text=True)


def check(tmp_path, text):
    path = tmp_path / "domain.xml"
    path.write_text(text)
    done = xmllint(path)
    assert done.returncode in (0, 3), done.stderr  # 3: not valid; others: no XML, a bad schema
    return done


def changed(old, new, text=BASE):
    assert text.count(old) >= 1, f"{old} is not in the text to be changed"
    return text.replace(old, new, 1)


def with_device(xml):
    return changed("<devices>", f"<devices>{xml}")


def with_child(xml):
    return changed("<devices>", f"{xml}<devices>")


def assert_valid(files):
    assert files
    done = xmllint(*files)
    assert done.returncode == 0, "\n".join(line for line in done.stderr.splitlines() if not line.endswith(" validates"))


def test_what_was_recorded_is_valid():
    """What libvirt 9.0 would not define included: that is in its format, too."""
    assert_valid(sorted(DOMAINS.glob("*/*.xml")))


def test_made_one_file_it_is_the_same():
    """What is installed: flatten.py's output, which takes what the files take, and not what they do not."""
    flat = pathlib.Path(os.environ["MUSTER_BUILD"]) / "conf/domain.rng"
    files = sorted(DOMAINS.glob("*/*.xml"))
    command = ["xmllint", "--noout", "--nonet", "--relaxng", flat]
    assert subprocess.run([*command, *files], capture_output=True).returncode == 0
    text = files[0].read_text().replace("<devices>", "<devices><toaster/>")
    assert subprocess.run([*command, "-"], input=text, text=True, capture_output=True).returncode != 0


def test_what_muster_honours_is_valid():
    assert_valid(sorted((ROOT / "tests/data/domain-cases").rglob("y_*.xml")))


def test_it_is_relax_ng(tmp_path):
    """libxml2 compiles it without a word; and what it passes over, words that are not RELAX NG's, is not there."""
    done = check(tmp_path, BASE)
    assert done.stderr.splitlines() == [f"{tmp_path / 'domain.xml'} validates"]
    for path in SCHEMAS.glob("*.rng"):
        for element in xml.etree.ElementTree.parse(path).iter():
            assert element.tag.startswith(RNG), f"{path}: {element.tag}"
            assert set(element.attrib) <= ATTRIBUTES[element.tag[len(RNG):]], f"{path}: {element.tag} {element.attrib}"


def test_every_file_is_included_and_installed():
    names = {path.name for path in SCHEMAS.glob("*.rng")}
    included = set(re.findall(r'<include href="([^"]+)"/>', (SCHEMAS / "domain.rng").read_text()))
    installed = set(re.findall(r"'schemas/([^']+\.rng)'", (ROOT / "conf/meson.build").read_text()))
    assert included == names - {"domain.rng"}
    assert installed == names


def test_every_definition_is_used_and_is_there_once():
    text = "".join(path.read_text() for path in SCHEMAS.glob("*.rng"))
    defined = re.findall(r'<define name="([^"]+)"', text)
    assert len(defined) == len(set(defined))
    assert set(defined) == set(re.findall(r'<ref name="([^"]+)"', text))


def test_optional_attributes_cost_no_combinations():
    """As domain.rng's head explains: they are "zero or more"."""
    for path in SCHEMAS.glob("*.rng"):
        assert not re.search(r"<optional>\s*<attribute", re.sub(r"<!--.*?-->", "", path.read_text(), flags=re.S)), path


REFUSED = {
    "unknown-child": changed("</name>", "</name><nonsense/>"),
    "unknown-device": with_device("<toaster/>"),
    "unknown-grandchild": changed("<apic/>", "<apci/>"),
    "unknown-attribute": changed("<vcpu ", "<vcpu colour='red' "),
    "unknown-attribute-of-domain": changed("<domain ", "<domain kind='a' "),
    "unknown-attribute-of-device": changed("<disk ", "<disk size='1' "),
    "unknown-attribute-of-address": changed("slot='0x00'", "solt='0x00'"),
    "foreign-child": with_child("<x:a xmlns:x='urn:x'/>"),
    "own-namespace-in-metadata": changed("</metadata>", "<plain/></metadata>"),
    "stray-text": changed("<devices>", "text<devices>"),
    "no-name": re.sub(r"<name>.*</name>", "", BASE),
    "empty-name": re.sub(r"<name>.*</name>", "<name/>", BASE),
    "two-names": changed("</name>", "</name><name>b</name>"),
    "no-os": re.sub(r"<os>.*</os>", "", BASE, flags=re.S),
    "domain-type": changed("type='kvm'", "type='xen'"),
    "device-type": changed("<disk type='file'", "<disk type='fiel'"),
    "enumeration": changed("offset='utc'", "offset='moon'"),
    "enumeration-of-driver": changed("discard='unmap'", "discard='umap'"),
    "switch": changed("<vmport state='off'", "<vmport state='maybe'"),
    "number": re.sub(r">\d+</memory>", ">plenty</memory>", BASE),
    "negative-number": re.sub(r">\d+</vcpu>", ">-2</vcpu>", BASE),
    "unit": changed("unit='KiB'", "unit='KiX'"),
    "uuid": re.sub(r"<uuid>.", "<uuid>", BASE),
    "mac": changed("52:54:00:", "52:54:"),
    "mac-digits": changed("52:54:00:", "52:54:zz:"),
    "address-type": changed("<address type='pci'", "<address type='pciex'"),
    "address-of-another-type": changed("<address type='usb' bus='0' port='1'/>",
                                       "<address type='usb' bus='0' slot='1'/>"),
    "pci-bus": changed("bus='0x04'", "bus='four'"),
    "usb-port": changed("<address type='usb' bus='0' port='1'/>", "<address type='usb' bus='0' port='1.'/>"),
    "source-of-another-type": changed("<source network='default'/>", "<source bridge='br0'/>"),
    "disk-of-another-type": changed("<disk type='file'", "<disk type='block'"),
    "disk-protocol": with_device("<disk type='network'><source protocol='gopher' name='a'/><target dev='vdz'/></disk>"),
    "disk-without-target": with_device("<disk type='file'><source file='/a'/></disk>"),
    "volume-without-pool": with_device("<disk type='volume'><source volume='a'/><target dev='vdz'/></disk>"),
    "iotune": with_device("<disk type='file'><target dev='vdz'/><iotune><total_sec>1</total_sec></iotune></disk>"),
    "panic": with_device("<panic model='kernel'/>"),
    "watchdog-action": with_device("<watchdog model='itco' action='bark'/>"),
    "vsock": with_device("<vsock><cid address='three'/></vsock>"),
    "tpm-version": with_device("<tpm><backend type='emulator' version='3'/></tpm>"),
    "hostdev-source": with_device("<hostdev mode='subsystem' type='usb'><source><vendor/></source></hostdev>"),
    "memory-without-target": with_device("<memory model='dimm'/>"),
    "cpuset": with_child("<numatune><memory mode='strict' nodeset='1-'/></numatune>"),
    "hyperv": changed("<apic/>", "<apic/><hyperv><relaxed state='on'/><relaxt state='on'/></hyperv>"),
    "timer": changed("</clock>", "<timer name='sundial'/></clock>"),
    "qemu-value": changed("<devices>", "<q:commandline xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'>"
                          "<q:arg name='a'/></q:commandline><devices>"),
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_refuses(tmp_path, text):
    assert check(tmp_path, text).returncode == 3


def disk(kind, source, more=""):
    return with_device(f"<disk type='{kind}'>{source}<target dev='vdz' bus='virtio'/>{more}</disk>")


def network(protocol, attributes="name='a'", more=""):
    return disk("network", f"<source protocol='{protocol}' {attributes}><host name='h' port='1'/>{more}</source>")


QEMU = "xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'"
ADDRESS = "<address domain='0' bus='3' slot='0x1f' function='7'/>"
TAKEN = {
    "order": re.sub(r"(<name>.*</name>)(.*)(</domain>)", r"\2\1\3", BASE, flags=re.S),
    "comments": re.sub(r"(<[a-z]+[^>]*>)(?=\s)", r"\1<!-- a -->", BASE),
    "white-space": re.sub(r">(\d+|[0-9a-f-]{36})</", r">\n \1\n</", BASE),
    "on-for-yes": changed("migratable='on'", "migratable='yes'"),
    "uuid-dashes": re.sub(r"<uuid>(.{8})-(.*)</uuid>", r"<uuid>\1\2</uuid>", BASE),
    "unit": changed("unit='KiB'", "unit='gb'"),
    "address-without-domain": changed(" domain='0x0000'", ""),
    "disk-without-type": changed("<disk type='file' ", "<disk "),
    "qemu": with_child(f"<q:commandline {QEMU}><q:arg value='-x'/><q:env name='A'/></q:commandline>"
                       f"<q:capabilities {QEMU}><q:add capability='a'/><q:del capability='b-c'/></q:capabilities>"
                       f"<q:override {QEMU}><q:device alias='d'><q:frontend><q:property name='a' type='unsigned' "
                       f"value='1'/></q:frontend></q:device></q:override>"),
    "metadata": changed("</metadata>", "<x:a xmlns:x='urn:x' b='1' x:c='2'>text<d/><x:e><f g=''/></x:e></x:a></metadata>"),
    "nbd": network("nbd", "name='a' tls='yes' tlsHostname='h'", "<reconnect delay='10'/>"),
    "nbd-socket": disk("network", "<source protocol='nbd'><host transport='unix' socket='/run/nbd'/></source>"),
    "http": network("http", "name='a' query='b=c'", "<readahead size='65536'/><timeout seconds='5'/>"),
    "https": network("https", "name='a'", "<ssl verify='no'/><cookies><cookie name='a'>b</cookie></cookies>"),
    "ftp": network("ftp"),
    "ftps": network("ftps"),
    "tftp": network("tftp"),
    "iscsi": network("iscsi", "name='iqn.2013-07.com.example:a/1'", "<initiator><iqn name='iqn.a:b'/></initiator>"),
    "rbd": network("rbd", "name='p/i'", "<snapshot name='s'/><config file='/etc/ceph.conf'/>"
                   "<auth username='u'><secret type='ceph' usage='s'/></auth>"),
    "ssh": network("ssh", "name='/a'", "<identity username='u' agentsock='/run/a'/><knownHosts path='/k'/>"),
    "nfs": network("nfs", "name='/a'", "<identity user='+1' group='+2'/>"),
    "gluster": network("gluster"),
    "disk-nvme": disk("nvme", f"<source type='pci' managed='yes' namespace='1'>{ADDRESS}</source>"),
    "disk-vhostuser": disk("vhostuser", "<source type='unix' path='/run/v'><reconnect enabled='yes' timeout='1'/></source>"),
    "disk-dir": disk("dir", "<source dir='/srv'/>", "<readonly/>"),
    "disk-driver": disk("file", "<source file='/a' startupPolicy='optional' index='2'/>",
                        "<driver name='qemu' type='qcow2' cache='none' io='io_uring' error_policy='stop' queues='4' "
                        "rerror_policy='report' discard='unmap' discard_no_unref='on' detect_zeroes='off' iommu='on' "
                        "packed='on' ats='on' queue_size='256'><metadata_cache><max_size unit='M'>1</max_size>"
                        "</metadata_cache></driver>"),
    "iotune": disk("file", "<source file='/a'/>", "<iotune><total_iops_sec>1</total_iops_sec><read_bytes_sec_max>2"
                   "</read_bytes_sec_max><read_bytes_sec_max_length>3</read_bytes_sec_max_length><size_iops_sec>4"
                   "</size_iops_sec><group_name>g</group_name></iotune>"),
    "backing-chain": disk("file", "<source file='/a'/>", "<backingStore type='block' index='1'><format type='qcow2'/>"
                          "<source dev='/dev/a'/><backingStore type='network'><source protocol='nbd' name='a'><host "
                          "name='h'/></source><format type='raw'/><backingStore/></backingStore></backingStore>"),
    "encryption": disk("file", "<source file='/a'><encryption format='luks'><secret type='passphrase' "
                       "uuid='6ba7b810-9dad-11d1-80b4-00c04fd430c8'/></encryption></source>"),
    "slices": disk("file", "<source file='/a'><slices><slice type='storage' offset='0' size='9'/></slices></source>"),
    **{f"interface-{kind}": with_device(f"<interface type='{kind}'>{source}</interface>") for kind, source in {
        "user": "<backend type='passt' logFile='/l'/><source dev='eth0'/><ip family='ipv4' address='10.0.0.1' prefix='8'/>"
                "<portForward proto='tcp' address='::1'><range start='1' end='2' to='3'/><range start='5' exclude='yes'/>"
                "</portForward>",
        "bridge": "<source bridge='br0'/><vlan trunk='yes'><tag id='1' nativeMode='tagged'/><tag id='2'/></vlan>",
        "ethernet": "<target dev='tap0' managed='no'/><script path='/s'/><mtu size='9000'/>",
        "network": "<source network='a' portgroup='b'/><bandwidth><inbound average='1' burst='2'/></bandwidth>",
        "direct": "<source dev='eth0' mode='vepa'/>",
        "vhostuser": "<source type='unix' path='/s' mode='server'/><driver queues='2' rx_queue_size='256'/>",
        "hostdev": "<source><address type='pci' domain='0' bus='3' slot='0x1f' function='7'/></source>",
        "vdpa": "<source dev='/dev/vhost-vdpa-0'/>",
        "server": "<source address='127.0.0.1' port='5'/>",
        "client": "<source address='127.0.0.1' port='5'/>",
        "mcast": "<source address='230.0.0.1' port='5'/>",
        "udp": "<source address='10.0.0.1' port='5'><local address='10.0.0.2' port='6'/></source>",
    }.items()},
    "offloads": with_device("<interface type='user'><driver name='vhost' txmode='iothread' rss='on'><host csum='off' "
                            "gso='off' mrg_rxbuf='off'/><guest tso4='off'/></driver><model type='virtio'/></interface>"),
    "hostdev-pci": with_device(f"<hostdev mode='subsystem' type='pci' managed='yes'><driver name='vfio'/><source>{ADDRESS}"
                               "</source><boot order='1'/><rom bar='off' file='/r'/></hostdev>"),
    "hostdev-usb": with_device("<hostdev mode='subsystem' type='usb'><source startupPolicy='optional'><vendor id='0x1'/>"
                               "<product id='0x2'/><address bus='1' device='2'/></source></hostdev>"),
    "hostdev-scsi": with_device("<hostdev mode='subsystem' type='scsi'><source><adapter name='scsi_host0'/><address bus='0' "
                                "target='0' unit='0'/></source><readonly/></hostdev>"),
    "hostdev-mdev": with_device("<hostdev mode='subsystem' type='mdev' model='vfio-pci' display='on'><source><address "
                                "uuid='6ba7b810-9dad-11d1-80b4-00c04fd430c8'/></source></hostdev>"),
    "tpm": with_device("<tpm model='tpm-crb'><backend type='emulator' version='2.0' persistent_state='yes'><encryption "
                       "secret='6ba7b810-9dad-11d1-80b4-00c04fd430c8'/><active_pcr_banks><sha256/></active_pcr_banks>"
                       "</backend></tpm>"),
    "tpm-passthrough": with_device("<tpm><backend type='passthrough'><device path='/dev/tpm0'/></backend></tpm>"),
    "vsock": with_device("<vsock model='virtio'><cid auto='no' address='3'/><driver iommu='on'/></vsock>"),
    "virtiofs": with_device("<filesystem type='mount' accessmode='passthrough'><driver type='virtiofs' queue='1024'/><binary "
                            "path='/v' xattr='on'><cache mode='always'/><sandbox mode='namespace'/><lock posix='on' "
                            "flock='on'/><thread_pool size='4'/></binary><source dir='/a'/><target dir='t'/></filesystem>"),
    "9p": with_device("<filesystem><driver type='path' wrpolicy='immediate' iommu='on'/><source dir='/a'/><target dir='t'/>"
                      "<readonly/></filesystem>"),
    "virtiofs-socket": with_device("<filesystem type='mount'><driver type='virtiofs'/><source socket='/s'/><target dir='t'/>"
                                   "</filesystem>"),
    **{f"audio-{kind}": with_device(f"<audio id='9' type='{kind}'>{more}</audio>") for kind, more in {
        "none": "", "alsa": "<input dev='a'/><output dev='b'><settings frequency='44100' channels='2' format='s16'/></output>",
        "oss": "<input tryPoll='no'/>", "pulseaudio": "<output streamName='a' latency='5'/>", "pipewire": "",
        "jack": "<input clientName='a' exactName='yes'/>", "sdl": "<output bufferCount='4'/>", "spice": "", "dbus": "",
        "file": "", "coreaudio": ""}.items()},
    "panics": with_device("<panic model='hyperv'/><panic model='isa'><address type='isa' iobase='0x505'/></panic>"),
    "watchdogs": with_device("<watchdog model='itco' action='none'/><watchdog model='ib700'/><watchdog model='diag288'/>"),
    "iommus": with_device("<iommu model='virtio'/><iommu model='smmuv3'/><iommu model='intel'><driver intremap='on' "
                          "aw_bits='48'/></iommu>"),
    "shmem": with_device("<shmem name='a' role='peer'><model type='ivshmem-doorbell'/><size unit='M'>4</size><server "
                         "path='/s'/><msi vectors='2' ioeventfd='on'/></shmem>"),
    "memory": with_device("<memory model='nvdimm' access='shared' discard='yes'><uuid>6ba7b810-9dad-11d1-80b4-00c04fd430c8"
                          "</uuid><source><path>/p</path><alignsize unit='KiB'>2048</alignsize><pmem/></source><target><size>1"
                          "</size><node>0</node><label><size>2</size></label><readonly/></target></memory><memory "
                          "model='virtio-mem'><source><nodemask>0-1</nodemask><pagesize unit='KiB'>4</pagesize></source>"
                          "<target><size>8</size><block>2</block><requested>4</requested></target></memory>"),
    "rng": with_device("<rng model='virtio-transitional'><backend model='builtin'/></rng><rng model='virtio'><backend "
                       "model='egd' type='unix'><source mode='connect' path='/s'/></backend></rng>"),
    "numa": changed("<devices>", "<numatune><memory mode='restrictive' nodeset='0,2-3,^1'/><memnode cellid='0' mode='preferred' "
                    "nodeset='1'/></numatune><cputune><shares>9</shares><vcpupin vcpu='0' cpuset='0-3,^2'/><emulatorsched "
                    "scheduler='rr' priority='1'/><quota>-1</quota></cputune><devices>"),
    "hyperv": changed("<apic/>", "<apic/><hyperv mode='custom'><stimer state='on'><direct state='on'/></stimer><tlbflush "
                      "state='on'><direct state='on'/><extended state='on'/></tlbflush><vendor_id state='on' value='a'/>"
                      "<spinlocks state='on' retries='8191'/><evmcs state='off'/></hyperv>"),
    "timers": changed("</clock>", "<timer name='kvmclock' present='no'/><timer name='hypervclock'/><timer name='tsc' "
                      "frequency='1' mode='smpsafe'/><timer name='rtc' track='guest' tickpolicy='catchup'><catchup "
                      "threshold='1' slew='2' limit='3'/></timer></clock>"),
    "sysinfo": with_child("<sysinfo type='smbios'><bios><entry name='vendor'>a</entry></bios><baseBoard><entry name='serial'>"
                          "b</entry></baseBoard><baseBoard/><oemStrings><entry>c</entry></oemStrings></sysinfo>"
                          "<sysinfo type='fwcfg'><entry name='opt/a' file='/f'/><entry name='opt/b'>v</entry></sysinfo>"),
    "launch-security": with_child("<launchSecurity type='sev-snp' kernelHashes='yes'><policy>0x30000</policy></launchSecurity>"),
    "running": changed("<domain ", "<domain id='3' ").replace("<input type='mouse' bus='ps2'/>", "<input type='mouse' bus='ps2'>"
                                                               "<alias name='input1'/></input>")
    .replace("</devices>", "</devices><seclabel type='dynamic' model='dac' relabel='yes'><label>+1:+1</label></seclabel>"),
}


@pytest.mark.parametrize("text", TAKEN.values(), ids=TAKEN)
def test_takes(tmp_path, text):
    done = check(tmp_path, text)
    assert done.returncode == 0, done.stderr


def test_many_attributes_take_no_time(tmp_path):
    """Each was a factor of two where they were <optional>: 2^18 here, for each of a thousand."""
    names = "ioeventfd event_idx copy_on_read discard_no_unref iommu ats packed page_per_vq".split()
    driver = " ".join(f"{name}='on'" for name in names) + \
        " name='qemu' type='raw' cache='none' error_policy='stop' rerror_policy='stop' io='native' discard='unmap'" \
        " detect_zeroes='on' iothread='1' queues='2'"
    one = f"<disk type='file'><driver {driver}/><target dev='vdz'/></disk>"
    for text, status in ((one, 0), (one.replace("queues='2'", "queues='two'"), 3)):
        start = time.monotonic()
        assert check(tmp_path, with_device(text * 1000)).returncode == status
        assert time.monotonic() - start < 10
