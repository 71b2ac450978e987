# SPDX-License-Identifier: LGPL-2.1-or-later
"""Running emulators use the same records, by the digest of what they run, whatever became of the file."""
import hashlib

import pytest

from conftest import replace
from test_cache_key import FEATURE, probe

X86, STORAGE = "/usr/bin/qemu-system-x86_64", "/usr/bin/qemu-storage-daemon"
PROPERTY = "[disk]\nsummary = mine\ntie = property ide-hd.rotation_rate\n"


@pytest.fixture
def own(tmp_path):
    folder = tmp_path / "config/muster/features.d"
    folder.mkdir(parents=True)
    (folder / "mine.ini").write_text(PROPERTY)
    return "disk"


def connected(muster, one, *more):
    answer = muster("probe", "--connect", one.address, "--json", *more)
    assert answer.code == 0, answer
    assert answer.json["spawned"] == 0
    return answer.json


def verdict(probed, feature):
    return next(f["verdict"] for f in probed["features"] if f["name"] == feature)


@pytest.mark.parametrize("binary", [X86, STORAGE])
def test_the_record_of_what_runs(muster, prefix, running, binary):
    place = prefix(binary)
    digest = hashlib.sha256(place.emulator.read_bytes()).hexdigest()
    assert probe(muster, place.emulator)[0] is False
    one = running(place.emulator)
    probed = connected(muster, one)
    assert probed["cached"] is True and probed["emulator"]["digest"] == digest
    assert probed["emulator"]["deleted"] is False and probed["emulator"]["connected"] is True
    assert verdict(probed, FEATURE) == "present"
    assert connected(muster, one, "--no-cache")["cached"] is False
    assert one.process.poll() is None


@pytest.mark.parametrize("binary", [X86, STORAGE])
def test_after_the_file_was_upgraded(muster, prefix, running, binary):
    """The package was upgraded under the running emulator: its record is the old file's, not that of the new one."""
    place = prefix(binary)
    digest = hashlib.sha256(place.emulator.read_bytes()).hexdigest()
    assert probe(muster, place.emulator)[0] is False
    one = running(place.emulator)
    replace(place.emulator, place.emulator.read_bytes() + b"\0")
    other = muster("probe", "-e", place.emulator, "--json").json
    assert other["cached"] is False and other["emulator"]["digest"] != digest
    probed = connected(muster, one)
    assert probed["cached"] is True
    assert probed["emulator"]["digest"] == digest and probed["emulator"]["deleted"] is True
    place.emulator.unlink()
    probed = connected(muster, one)
    assert probed["cached"] is True and probed["emulator"]["digest"] == digest


def test_after_its_modules_were_upgraded_too(muster, prefix, running):
    place = prefix(STORAGE)
    digest = hashlib.sha256(place.emulator.read_bytes()).hexdigest()
    assert probe(muster, place.emulator)[0] is False
    one = running(place.emulator)
    replace(place.emulator, b"another program")
    for module in place.modules.iterdir():
        replace(module, module.read_bytes() + b"\0")
    probed = connected(muster, one)
    assert probed["cached"] is True
    assert probed["emulator"]["digest"] == digest and probed["emulator"]["deleted"] is True


def test_not_in_the_store(muster, running):
    """It is asked itself then, which needs no record and makes none of a probe's."""
    one = running(STORAGE)
    for _ in range(2):
        assert connected(muster, one)["cached"] is False
    cached, spawned, _ = probe(muster, STORAGE)
    assert cached is False and spawned >= 1


def test_properties_come_from_the_record(muster, prefix, running, own):
    """A running emulator is never asked for types' properties; its record knows."""
    place = prefix(X86)
    one = running(place.emulator)
    assert verdict(connected(muster, one), own) == "unknown"
    assert probe(muster, place.emulator)[0] is False
    replace(place.emulator, b"another program")
    probed = connected(muster, one)
    assert probed["cached"] is True and verdict(probed, own) == "present"
    assert muster("has", own, "--connect", one.address).code == 0


def test_measured_outcomes_come_from_the_record(muster, running, tmp_path):
    folder = tmp_path / "config/muster/features.d"
    folder.mkdir(parents=True)
    (folder / "mine.ini").write_text("[only-measured]\nsummary = mine\ntie = measured auto-read-only-reopens\n")
    one = running(STORAGE)
    assert muster("has", "only-measured", "--connect", one.address).code == 3
    assert muster("verify", "only-measured", "-e", STORAGE).code == 0
    assert muster("has", "only-measured", "--connect", one.address).code == 0


@pytest.mark.parametrize("more", ["compat", "readconfig"])
def test_what_changes_facts_is_asked_itself(muster, prefix, running, tmp_path, more):
    """-compat hides what is deprecated, -readconfig may do anything: the record is another emulator's then."""
    config = tmp_path / "config-file"
    config.write_text("")
    options = {"compat": ("-compat", "deprecated-output=hide"), "readconfig": ("-readconfig", str(config))}[more]
    assert probe(muster, X86)[0] is False
    one = running(X86, more=options)
    probed = connected(muster, one)
    assert probed["cached"] is False and verdict(probed, FEATURE) == "present"
    assert one.process.poll() is None


def test_disturbs_nothing(muster, prefix, running):
    place = prefix(STORAGE)
    probe(muster, place.emulator)
    one = running(place.emulator)
    for _ in range(3):
        assert connected(muster, one)["cached"] is True
        assert muster("gate", "--connect", one.address, "--driver", "file", "--filename", "x", "--access", "on-demand").code == 0
    assert one.process.poll() is None


def test_nothing_of_it_is_kept(muster, running, cache):
    """How one process was started is no fact about the binary."""
    assert probe(muster, STORAGE)[0] is False
    record, host = cache.only("records").read_bytes(), cache.only("hosts").read_bytes()
    one = running(STORAGE)
    connected(muster, one)
    connected(muster, one, "--no-cache")
    assert (cache.only("records").read_bytes(), cache.only("hosts").read_bytes()) == (record, host)


def test_a_damaged_record_does_not_hinder(muster, running, cache):
    assert probe(muster, STORAGE)[0] is False
    record = cache.only("records")
    record.write_bytes(record.read_bytes()[:-5])
    one = running(STORAGE)
    answer = muster("probe", "--connect", one.address, "--json")
    assert answer.code == 0 and answer.json["cached"] is False and record.name in answer.err
