# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a record rests on beside the executable: modules, the scripts before it, the host, the catalogue."""
import os
import pathlib
import shutil
import subprocess
import time

import pytest

from conftest import MUSTER, ROOT, binary_of, replace, tiny
from test_cache_key import FEATURE, counting, probe, without

X86, STORAGE = "/usr/bin/qemu-system-x86_64", "/usr/bin/qemu-storage-daemon"
HOST_COMMANDS = {"query-kvm", "query-accelerators", "query-cpu-definitions", "query-qemu-features"}


def modules_of(muster, path):
    return muster("probe", "-e", path, "--json").json["emulator"]["modules"]


# Modules


@pytest.mark.parametrize("binary", [X86, STORAGE])
@pytest.mark.parametrize("module", ["block-ssh.so", "block-curl.so"])
def test_modules_come_and_go(muster, prefix, tmp_path, binary, module):
    """qemu-block-extra is removed and installed: noticed each time, and what was known then is known still."""
    place = prefix(binary)
    if not (place.modules / module).exists():
        pytest.skip(f"{module} (qemu-block-extra) is not installed")
    assert probe(muster, place.emulator)[0] is False
    assert probe(muster, place.emulator) == (True, 0, "present")
    count = modules_of(muster, place.emulator)["count"]
    aside = tmp_path / module
    shutil.move(place.modules / module, aside)
    cached, spawned, _ = probe(muster, place.emulator)
    assert cached is False and spawned >= 1
    assert modules_of(muster, place.emulator)["count"] == count - 1
    assert probe(muster, place.emulator) == (True, 0, "present")
    shutil.move(aside, place.modules / module)
    assert probe(muster, place.emulator) == (True, 0, "present")
    assert modules_of(muster, place.emulator)["count"] == count


def test_a_driver_of_a_module_is_noticed(muster, prefix, tmp_path):
    """A verdict that rests on a module changes with it: block-ssh.so brings the driver ssh."""
    place = prefix(X86)
    module = place.modules / "block-ssh.so"
    if not module.exists():
        pytest.skip("block-ssh.so (qemu-block-extra) is not installed")
    query = ("schema", "query", "blockdev-add/arg-type/+ssh", "-e", place.emulator)
    with_module = muster(*query)
    shutil.move(module, tmp_path / "aside.so")
    without_module = muster(*query)
    assert without_module.code == muster(*query, "--no-cache").code
    assert without_module.out == muster(*query, "--no-cache").out
    shutil.move(tmp_path / "aside.so", module)
    assert muster(*query).code == with_module.code


def test_a_module_changes_in_place(muster, prefix):
    """Another build of a module, of the same size and time."""
    place = prefix()
    module = next(place.modules.glob("block-*.so"))
    content, before = module.read_bytes(), module.stat()
    assert probe(muster, place.emulator)[0] is False
    time.sleep(2.1)
    assert probe(muster, place.emulator) == (True, 0, "present")  # and the stamps are old enough from here on
    assert muster("has", FEATURE, "-e", place.emulator).code == 0
    module.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(module, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert probe(muster, place.emulator)[0] is False
    module.write_bytes(content)
    assert probe(muster, place.emulator) == (True, 0, "present")


def test_all_modules_go_and_come(muster, prefix):
    place = prefix()
    assert probe(muster, place.emulator)[0] is False
    aside = place.modules.rename(place.modules.with_name("aside"))
    assert probe(muster, place.emulator)[0] is False
    assert probe(muster, place.emulator) == (True, 0, "present")
    aside.rename(place.modules)
    assert probe(muster, place.emulator) == (True, 0, "present")


def test_the_first_module(muster, prefix):
    """An emulator that had no folder of modules gets one."""
    place = prefix()
    shutil.rmtree(place.modules.parents[1])
    assert probe(muster, place.emulator)[0] is False
    assert probe(muster, place.emulator) == (True, 0, "present")
    place.modules.mkdir(parents=True)
    (place.modules / "block-new.so").write_bytes(b"a module")
    assert probe(muster, place.emulator)[0] is False


def test_what_is_no_module_does_not_count(muster, prefix):
    place = prefix()
    assert probe(muster, place.emulator)[0] is False
    (place.modules / "README").write_text("no module")
    (place.modules / "folder.so").mkdir()
    assert probe(muster, place.emulator) == (True, 0, "present")


# Scripts


@pytest.fixture
def pair(emulators, recording, log):
    scenario = tiny(recording, log)
    return emulators.binary(scenario, "with"), emulators.binary(without(scenario), "without")


def test_unchanged_scripts_start_nothing(muster, emulators, pair, tmp_path):
    wrapper, starts = counting(emulators, tmp_path, pair[0])
    assert probe(muster, wrapper)[0] is False
    assert starts() == 1
    for _ in range(3):
        assert probe(muster, wrapper) == (True, 0, "present")
        assert muster("has", FEATURE, "-e", wrapper).code == 0
    os.utime(wrapper)
    assert probe(muster, wrapper) == (True, 0, "present")
    replace(wrapper, wrapper.read_bytes())
    assert probe(muster, wrapper) == (True, 0, "present")
    assert starts() == 1


@pytest.mark.parametrize("aged", [False, True], ids=["young", "old"])
def test_the_script_changes(muster, emulators, pair, log, aged):
    wrapper = emulators.script(f'#!/bin/sh\nexec {pair[0]} "$@"\n')
    assert probe(muster, wrapper)[2] == "present"
    if aged:
        time.sleep(2.1)
        assert probe(muster, wrapper) == (True, 0, "present")
    wrapper.write_text(f'#!/bin/sh\nexec {pair[1]} "$@"\n')
    assert muster("has", FEATURE, "-e", wrapper).code == 1
    wrapper.write_text(f'#!/bin/sh\nexec {pair[0]} "$@"\n')
    assert muster("has", FEATURE, "-e", wrapper).code == 0


def test_the_script_sets_something(muster, emulators, pair, log):
    """Another option or variable may be another emulator: the bare binary's record is not the wrapper's."""
    assert probe(muster, pair[0])[0] is False
    wrapper = emulators.script(f'#!/bin/sh\nexec {pair[0]} "$@"\n')
    assert probe(muster, wrapper)[0] is False
    wrapper.write_text(f'#!/bin/sh\nexport SOMETHING=1\nexec {pair[0]} "$@"\n')
    assert probe(muster, wrapper)[0] is False
    copy = emulators.script(wrapper.read_text())
    assert probe(muster, copy)[0:2] in ((False, 1), (True, 0))
    assert log.starts() in (3, 4)


@pytest.mark.parametrize("aged", [False, True], ids=["young", "old"])
def test_the_executable_behind_it_changes(muster, emulators, recording, log, aged):
    """The script stays the same when the package behind it is upgraded."""
    scenario = tiny(recording, log)
    emulator = emulators.binary(scenario)
    wrapper = emulators.script(f'#!/bin/sh\nexec {emulator} "$@"\n')
    assert probe(muster, wrapper)[2] == "present"
    if aged:
        time.sleep(2.1)
        assert probe(muster, wrapper) == (True, 0, "present")
    before = emulator.stat()
    replace(emulator, binary_of(without(scenario)), like=before)
    assert muster("has", FEATURE, "-e", wrapper).code == 1
    assert probe(muster, wrapper) == (True, 0, "absent")
    replace(emulator, binary_of(scenario), like=before)
    assert muster("has", FEATURE, "-e", wrapper).code == 0


def test_the_executable_behind_it_goes(muster, emulators, recording, log):
    emulator = emulators.binary(tiny(recording, log))
    wrapper = emulators.script(f'#!/bin/sh\nexec {emulator} "$@"\n')
    assert probe(muster, wrapper)[2] == "present"
    emulator.unlink()
    answer = muster("has", FEATURE, "-e", wrapper)
    assert answer.code == 2 and answer.err, answer


@pytest.mark.parametrize("aged", [False, True], ids=["young", "old"])
def test_the_interpreter_changes(muster, emulators, pair, log, tmp_path, aged):
    shell = tmp_path / "shell"
    shutil.copy("/bin/sh", shell)
    wrapper = emulators.script(f'#!{shell}\nexec {pair[0]} "$@"\n')
    assert probe(muster, wrapper)[0] is False
    if aged:
        time.sleep(2.1)
    assert probe(muster, wrapper) == (True, 0, "present")
    replace(shell, pathlib.Path("/bin/bash").read_bytes())
    assert probe(muster, wrapper)[0] is False
    replace(shell, pathlib.Path("/bin/sh").read_bytes())
    assert probe(muster, wrapper)[2] == "present"


def test_an_interpreter_that_is_a_script_changes(muster, emulators, pair):
    """#! of a script that is run by a script, which decides what is started."""
    inner = emulators.script(f'#!/bin/sh\nshift\nexec {pair[0]} "$@"\n', "inner")
    outer = emulators.script(f"#!{inner}\n", "outer")
    assert probe(muster, outer)[2] == "present"
    assert probe(muster, outer) == (True, 0, "present")
    inner.write_text(f'#!/bin/sh\nshift\nexec {pair[1]} "$@"\n')
    assert muster("has", FEATURE, "-e", outer).code == 1


@pytest.mark.parametrize("aged", [False, True], ids=["young", "old"])
def test_a_link_is_redirected(muster, pair, tmp_path, aged):
    link = tmp_path / "link"
    link.symlink_to(pair[0])
    assert probe(muster, link)[2] == "present"
    if aged:
        time.sleep(2.1)
        assert probe(muster, link) == (True, 0, "present")
    link.unlink()
    link.symlink_to(pair[1])
    assert muster("has", FEATURE, "-e", link).code == 1
    assert probe(muster, link)[2] == "absent"


def test_a_folder_on_the_way_is_redirected(muster, emulators, recording, tmp_path):
    """As Nix's profiles and /opt/qemu-current do it."""
    scenario = tiny(recording)
    for name, content in (("one", scenario), ("two", without(scenario))):
        (emulators.folder / name).mkdir()
        emulators.binary(content, f"{name}/emulator")
    current = tmp_path / "current"
    current.symlink_to(emulators.folder / "one")
    assert probe(muster, current / "emulator")[2] == "present"
    current.unlink()
    current.symlink_to(emulators.folder / "two")
    assert muster("has", FEATURE, "-e", current / "emulator").code == 1


def test_a_link_to_the_script_is_redirected(muster, emulators, pair, tmp_path):
    wrappers = [emulators.script(f'#!/bin/sh\nexec {binary} "$@"\n') for binary in pair]
    link = tmp_path / "link"
    link.symlink_to(wrappers[0])
    assert probe(muster, link)[2] == "present"
    link.unlink()
    link.symlink_to(wrappers[1])
    assert muster("has", FEATURE, "-e", link).code == 1


@pytest.mark.parametrize("how", ["exec {link} \"$@\"", "{link} \"$@\"", "link={link}\nexec $link \"$@\""])
def test_a_link_in_the_script_is_redirected(muster, emulators, pair, tmp_path, how):
    """The binary behind the wrapper changes though script and old binary are what they were (alternatives, profiles)."""
    link = tmp_path / "link"
    link.symlink_to(pair[0])
    wrapper = emulators.script("#!/bin/sh\n" + how.format(link=link) + "\n")
    assert probe(muster, wrapper)[2] == "present"
    link.unlink()
    link.symlink_to(pair[1])
    assert muster("has", FEATURE, "-e", wrapper).code == 1


def test_a_script_that_starts_a_script(muster, emulators, pair):
    """Every link of the chain counts, also the one that no "#!" names."""
    inner = emulators.script(f'#!/bin/sh\nexec {pair[0]} "$@"\n', "inner")
    outer = emulators.script(f'#!/bin/sh\nexec {inner} "$@"\n', "outer")
    assert probe(muster, outer)[2] == "present"
    inner.write_text(f'#!/bin/sh\nexec {pair[1]} "$@"\n')
    assert muster("has", FEATURE, "-e", outer).code == 1


def test_a_script_that_may_not_be_read_is_not_believed(muster, emulators, pair):
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    wrapper = emulators.script(f'#!/bin/sh\nexec {pair[0]} "$@"\n')
    wrapper.chmod(0o111)
    assert muster("has", FEATURE, "-e", wrapper).code == 2


# The host


def test_another_host(muster, emulators, recording, log, cache):
    """Portable facts hold on every host; host facts are learned anew, by one supplementary probe."""
    emulator = emulators.binary(tiny(recording, log))
    assert probe(muster, emulator)[0] is False
    assert "query-qmp-schema" in log.take()
    cache.only("hosts").unlink()
    assert probe(muster, emulator) == (True, 1, "present")
    asked = log.take()
    assert asked.count("start") == 1 and HOST_COMMANDS <= set(asked)
    assert not [c for c in asked if c not in HOST_COMMANDS | {"start", "qmp_capabilities", "quit"}]
    assert probe(muster, emulator) == (True, 0, "present")
    assert log.take() == []


def test_host_facts_are_kept_apart(muster, cache):
    muster("probe", "-e", X86)
    record, host = cache.only("records").read_text(), cache.only("hosts").read_text()
    for command, mine, other in (("query-cpu-definitions", host, record), ("query-qmp-schema", record, host)):
        assert f'"{command}":{{"status"' in mine and f'"{command}":{{"status"' not in other
    for word in (os.uname().release, "user ", "kvm "):
        assert word in host and f'"fingerprint":"{word}' not in record


def test_anothers_host_facts_are_not_taken(muster, emulators, recording, log, cache):
    """A file of host facts under the name that ours would have, but of another host."""
    import hashlib
    emulator = emulators.binary(tiny(recording, log))
    probe(muster, emulator)
    host = cache.only("hosts")
    body = host.read_bytes().split(b"\n", 2)[2].replace(b"kernel Linux", b"kernel Hurd!")
    host.write_bytes(b"muster host 1\nsha256 %s %d\n" % (hashlib.sha256(body).hexdigest().encode(), len(body)) + body)
    log.take()
    answer = muster("probe", "-e", emulator, "--json")
    assert answer.code == 0 and answer.json["spawned"] == 1 and host.name in answer.err
    assert "query-qmp-schema" not in log.take()
    assert probe(muster, emulator) == (True, 0, "present")


def test_another_user_has_host_facts_of_its_own(muster, cache):
    if os.geteuid() != 0:
        pytest.skip("giving up rights needs root")
    assert probe(muster, STORAGE)[0] is False
    assert probe(muster, STORAGE, "--user", "nobody") == (True, 1, "present")
    assert len(cache.files("hosts")) == 2 and len(cache.files("records")) == 1
    assert probe(muster, STORAGE, "--user", "nobody") == (True, 0, "present")
    assert probe(muster, STORAGE) == (True, 0, "present")
    assert muster("has", FEATURE, "-e", STORAGE, "--user", "nobody").code == 0


def kvm_is_usable():
    import fcntl
    try:
        with open("/dev/kvm", "r+b", buffering=0) as device:
            return fcntl.ioctl(device, 0xAE00) == 12
    except OSError:
        return False


@pytest.fixture
def without_kvm():
    """Runs muster where /dev/kvm is another device, as if the module were not loaded."""
    if os.geteuid() != 0:
        pytest.skip("mounting over /dev/kvm needs root")
    if not kvm_is_usable():
        pytest.skip("/dev/kvm cannot be used here")
    enter = ["unshare", "-m", "sh", "-c", 'mount --bind /dev/null /dev/kvm && exec "$@"', "sh"]
    if subprocess.run([*enter, "true"], capture_output=True).returncode != 0:
        pytest.skip("no mount namespace can be made here")

    def run(*args):
        return subprocess.run([*enter, MUSTER, *map(str, args)], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL)

    return run


def test_kvm_appears(muster, emulators, recording, log, without_kvm):
    emulator = emulators.binary(tiny(recording, log))
    assert without_kvm("has", FEATURE, "-e", emulator).returncode == 0
    assert "query-qmp-schema" in log.take()
    assert without_kvm("has", FEATURE, "-e", emulator).returncode == 0
    assert log.take() == []
    assert probe(muster, emulator) == (True, 1, "present")
    asked = log.take()
    assert "query-kvm" in asked and "query-qmp-schema" not in asked
    assert probe(muster, emulator) == (True, 0, "present")
    assert without_kvm("has", FEATURE, "-e", emulator).returncode == 0
    assert log.take() == []


def test_kvm_appears_on_a_real_emulator(muster, cache, without_kvm):
    import json
    assert without_kvm("probe", "-e", X86).returncode == 0
    host = cache.only("hosts")
    assert '"usable":true' not in host.read_text()
    assert probe(muster, X86) == (True, 1, "present")
    new, = [f for f in cache.files("hosts") if f != host]
    assert '"usable":true' in new.read_text()
    done = without_kvm("probe", "-e", X86, "--json")
    assert (json.loads(done.stdout)["cached"], json.loads(done.stdout)["spawned"]) == (True, 0)


# The catalogue


@pytest.fixture
def catalogue(tmp_path):
    folder = tmp_path / "features.d"
    shutil.copytree(ROOT / "conf/features.d", folder)
    return folder


@pytest.mark.parametrize("aged", [False, True], ids=["young", "old"])
def test_a_changed_catalogue_judges_anew_without_a_probe(muster, emulators, recording, log, catalogue, aged):
    emulator = emulators.binary(tiny(recording, log))
    env = {"MUSTER_FEATURES_DIR": str(catalogue)}
    own = catalogue / "90-own.ini"
    met, unmet = "+file/$dynamic-auto-read-only", "+file/$dynamic-auto-read-onlY"
    text = "[own]\nsummary = of this test\ntie = schema blockdev-add/arg-type/%s\n"
    own.write_text(text % met)
    if aged:
        time.sleep(2.1)
    assert muster("has", "own", "-e", emulator, env=env).code == 0
    assert muster("has", "own", "-e", emulator, env=env).code == 0
    before = own.stat()
    own.write_text(text % unmet)
    os.utime(own, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = own.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    for _ in range(2):
        assert muster("has", "own", "-e", emulator, env=env).code == 1
    replace(own, (text % met).encode(), like=before)
    assert muster("has", "own", "-e", emulator, env=env).code == 0
    own.unlink()
    answer = muster("has", "own", "-e", emulator, env=env)
    assert answer.code == 2 and "own" in answer.err
    assert log.starts() == 1


def test_a_catalogue_within_a_tick(muster, emulators, recording, log, catalogue):
    emulator = emulators.binary(tiny(recording, log))
    env = {"MUSTER_FEATURES_DIR": str(catalogue)}
    own, text = catalogue / "90-own.ini", "[own]\nsummary = of this test\ntie = schema blockdev-add/arg-type/+%s\n"
    own.write_text(text % "file")
    before = own.stat()
    for n in range(100):
        own.write_text(text % ("file", "fil2")[n % 2])
        os.utime(own, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert muster("has", "own", "-e", emulator, env=env).code == n % 2, n
    assert log.starts() == 1


def test_a_users_own_catalogue_counts(muster, emulators, recording, log, tmp_path):
    """~/.config/muster/features.d appears, overrides, and goes."""
    emulator = emulators.binary(tiny(recording, log))
    assert muster("has", FEATURE, "-e", emulator).code == 0
    folder = tmp_path / "config/muster/features.d"
    folder.mkdir(parents=True)
    (folder / "mine.ini").write_text(f"[{FEATURE}]\nsummary = mine\ntie = schema no-such-command\n")
    for _ in range(2):
        assert muster("has", FEATURE, "-e", emulator).code == 1
    (folder / "mine.ini").unlink()
    assert muster("has", FEATURE, "-e", emulator).code == 0
    assert log.starts() == 1


def test_a_new_property_tie_costs_one_supplementary_probe(muster, emulators, recording, log, tmp_path):
    scenario = tiny(recording, log)
    scenario["replies"]["qom-list-types"] = {"return": [{"name": "frobnicator", "parent": "device"}]}
    scenario["replies"]["device-list-properties:frobnicator"] = {"return": [{"name": "speed", "type": "int"}]}
    emulator = emulators.binary(scenario)
    assert probe(muster, emulator)[0] is False
    log.take()
    folder = tmp_path / "config/muster/features.d"
    folder.mkdir(parents=True)
    (folder / "mine.ini").write_text("[fast]\nsummary = mine\ntie = property frobnicator.speed\n")
    assert muster("has", "fast", "-e", emulator).code == 0
    asked = [c for c in log.take() if c not in ("qmp_capabilities", "quit")]
    assert asked == ["start", "device-list-properties:frobnicator"]
    assert muster("has", "fast", "-e", emulator).code == 0
    assert probe(muster, emulator) == (True, 0, "present")
    (folder / "mine.ini").unlink()
    assert probe(muster, emulator) == (True, 0, "present")
    assert log.take() == []


def test_a_new_property_tie_on_a_real_emulator(muster, tmp_path):
    assert probe(muster, X86)[0] is False
    folder = tmp_path / "config/muster/features.d"
    folder.mkdir(parents=True)
    (folder / "mine.ini").write_text("[disk]\nsummary = mine\ntie = property ide-hd.rotation_rate\n"
                                     "[none]\nsummary = mine\ntie = property ide-hd.no_such_property\n")
    assert probe(muster, X86) == (True, 1, "present")
    assert muster("has", "disk", "-e", X86).code == 0
    assert muster("has", "none", "-e", X86).code == 1
    assert probe(muster, X86) == (True, 0, "present")


# What was measured


MEASURED = "[only-measured]\nsummary = mine\ngoverns = blockdev-add driver=file member=auto-read-only\n" \
           "tie = measured auto-read-only-reopens\n"


@pytest.fixture
def measured(tmp_path):
    folder = tmp_path / "config/muster/features.d"
    folder.mkdir(parents=True)
    (folder / "mine.ini").write_text(MEASURED)
    return "only-measured"


def measured_result(muster, feature, path):
    answer = muster("explain", feature, "-e", path, "--json")
    return {t["kind"]: t["result"] for t in answer.json["ties"]}["measured"]


@pytest.mark.parametrize("path", [X86, STORAGE])
def test_verify_is_kept(muster, measured, path):
    assert muster("has", measured, "-e", path).code == 3
    assert muster("has", measured, "-e", path).code == 3
    assert muster("verify", measured, "-e", path).code == 0
    for _ in range(2):
        assert muster("has", measured, "-e", path).code == 0
    assert muster("has", measured, "-e", path, "--trust", "declared").code in (1, 3)
    assert muster("has", measured, "-e", path, "--trust", "measured").code == 0
    assert measured_result(muster, measured, path) == "met"
    assert measured_result(muster, FEATURE, path) == "met"
    answer = muster("probe", "-e", path, "--json", "--no-cache")
    assert answer.json["cached"] is False
    assert muster("has", measured, "-e", path).code == 0
    assert measured_result(muster, measured, path) == "met"


def test_verify_first_of_all(muster, measured):
    """Without a record yet, and with --no-cache."""
    assert muster("verify", measured, "-e", STORAGE).code == 0
    assert muster("has", measured, "-e", STORAGE).code == 0
    assert muster("verify", measured, "-e", STORAGE, "--no-cache").code == 0
    assert muster("has", measured, "-e", STORAGE).code == 0


def test_verify_holds_for_copies_and_not_for_others(muster, measured, prefix):
    place, other = prefix(), prefix()
    assert muster("verify", measured, "-e", place.emulator).code == 0
    assert muster("has", measured, "-e", other.emulator).code == 0
    replace(other.emulator, other.emulator.read_bytes() + b"\0")
    assert muster("has", measured, "-e", other.emulator).code == 3


def test_verify_survives_a_supplementary_probe(muster, measured, cache):
    assert muster("verify", measured, "-e", STORAGE).code == 0
    cache.only("hosts").unlink()
    assert probe(muster, STORAGE)[0:2] == (True, 1)
    assert muster("has", measured, "-e", STORAGE).code == 0


# muster's own version


def test_formats_of_other_versions_are_a_miss(muster, emulators, recording, log, cache):
    emulator = emulators.binary(tiny(recording, log))
    assert probe(muster, emulator)[0] is False
    for number in (b"0", b"2", b"10", b"-1", b"x"):
        record = cache.only("records")
        record.write_bytes(record.read_bytes().replace(b"muster record 1\n", b"muster record " + number + b"\n"))
        log.take()
        answer = muster("probe", "-e", emulator, "--json")
        assert answer.code == 0 and answer.json["cached"] is False and log.starts() == 1
        assert record.name in answer.err and answer.err.count("\n") == 1
        assert probe(muster, emulator) == (True, 0, "present")
