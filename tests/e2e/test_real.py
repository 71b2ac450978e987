# SPDX-License-Identifier: LGPL-2.1-or-later
"""The verbs on this host's own QEMU."""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess

import pytest

FEATURE = "dynamic-auto-read-only"
X86, ARM, STORAGE = "/usr/bin/qemu-system-x86_64", "/usr/bin/qemu-system-aarch64", "/usr/bin/qemu-storage-daemon"


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


@pytest.mark.parametrize("path,kind,target", [(X86, "system", "x86_64"), (ARM, "system", "aarch64"),
                                              (STORAGE, "storage-daemon", None)])
def test_probe(muster, path, kind, target):
    answer = muster("probe", "-e", path, "--json")
    assert answer.code == 0 and answer.err == ""
    emulator = answer.json["emulator"]
    assert (emulator["path"], emulator["executable"], emulator["digest"]) == (path, path, digest(path))
    assert emulator["version"].startswith("7.2.") and emulator.get("target") == target
    assert "Debian" in emulator["package"] and emulator["kind"] == kind
    feature = next(f for f in answer.json["features"] if f["name"] == FEATURE)
    assert feature["verdict"] == "present"
    assert any(e["kind"] == "schema" and e["result"] == "met" for e in feature["evidence"])
    assert answer.json["cached"] is False and answer.json["spawned"] >= 1


def test_probe_for_people(muster):
    answer = muster("probe", "-e", X86)
    assert answer.code == 0
    for word in ("7.2.", "x86_64", digest(X86)[:12], FEATURE, "$" + FEATURE):
        assert word in answer.out, answer


def test_wrapper_script(muster):
    """Debian's qemu-system-i386 is a script: what counts is what it ends in."""
    emulator = muster("probe", "-e", "/usr/bin/qemu-system-i386", "--json").json["emulator"]
    assert emulator["executable"] == "/usr/libexec/qemu-system-i386"
    assert emulator["digest"] == digest("/usr/libexec/qemu-system-i386")


def test_wrapper_that_forks(muster, emulators):
    emulator = emulators.script(f'#!/bin/sh\n{X86} "$@"\nexit $?\n')
    found = muster("probe", "-e", emulator, "--json").json["emulator"]
    assert found["executable"] == X86 and found["digest"] == digest(X86)


def test_link_and_relative_path(muster, tmp_path):
    link = tmp_path / "qemu"
    link.symlink_to(X86)
    assert muster("probe", "-e", link, "--json").json["emulator"]["executable"] == X86


def test_every_installed_emulator(muster):
    answer = muster("probe", "--all", "--json", timeout=120)
    assert answer.code == 0, answer
    found = {e["emulator"]["path"] for e in answer.json}
    assert {X86, ARM, STORAGE} <= found


def test_unprivileged(muster):
    if os.geteuid() != 0:
        pytest.skip("giving up rights needs root")
    assert muster("has", FEATURE, "-e", X86, "--user", "nobody").code == 0


@pytest.mark.parametrize("path", [X86, STORAGE])
def test_verify(muster, path):
    answer = muster("verify", FEATURE, "-e", path, "--json")
    assert answer.code == 0, answer
    assert answer.json["verdict"] == "present"
    assert [h["met"] for h in answer.json["halves"]] == [True, True, True]


def test_verify_without_a_check(muster):
    answer = muster("verify", "blockdev-reopen", "-e", X86)
    assert answer.code == 2 and "blockdev-reopen" in answer.err


@pytest.mark.parametrize("path", [X86, STORAGE])
def test_connect_disturbs_nothing(muster, running, path):
    one = running(path)
    for _ in range(3):
        answer = muster("probe", "--connect", one.address, "--json")
        assert answer.code == 0, answer
        assert answer.json["emulator"]["digest"] == digest(path)
        assert answer.json["spawned"] == 0
    assert one.process.poll() is None


def test_connect_after_the_file_was_replaced_and_removed(muster, running, tmp_path):
    # Not a system emulator: away from its folder Debian's finds no module for TCG.
    copy = tmp_path / "qemu-storage-daemon"
    shutil.copy(STORAGE, copy)
    one = running(copy)
    expected = digest(copy)
    copy.unlink()
    emulator = muster("probe", "--connect", one.address, "--json").json["emulator"]
    assert emulator["digest"] == expected and emulator["executable"] == str(copy) and emulator["deleted"] is True
    copy.write_text("something else")
    assert muster("probe", "--connect", one.address, "--json").json["emulator"]["digest"] == expected


def test_connect_to_a_busy_monitor(muster, running):
    one = running()
    import socket
    other = socket.socket(socket.AF_UNIX)
    other.connect(str(one.socket))
    other.recv(100)
    answer = muster("probe", "--connect", one.address, "--timeout", "3")
    assert answer.code == 2 and answer.err, answer
    other.close()


def test_schema_verbs(muster, tmp_path):
    assert muster("schema", "query", "blockdev-add/arg-type/+file/$dynamic-auto-read-only", "-e", X86).code == 0
    assert muster("schema", "query", "blockdev-add/arg-type/+file/$no-such", "-e", X86).code == 1
    assert muster("schema", "query", "blockdev-add/$x/y", "-e", X86).code == 2
    assert "filename" in muster("schema", "show", "blockdev-add", "--depth", "3", "-e", X86).out
    assert muster("schema", "show", "no-such-command", "-e", X86).code == 1
    assert muster("schema", "diff", X86, X86).code == 0
    answer = muster("schema", "diff", X86, STORAGE, "--json")
    assert answer.code == 1 and any(d["path"] == "device_add" and d["change"] == "removed" for d in answer.json)
    good = '{"driver": "file", "filename": "x", "node-name": "n"}'
    assert muster("schema", "check", "blockdev-add", good, "-e", X86).code == 0
    bad = muster("schema", "check", "blockdev-add", '{"driver": "file", "filname": "x"}', "-e", X86, "--json")
    assert bad.code == 1
    assert {f["path"] for f in bad.json if f["severity"] == "error"} == {"filname", "filename"}


def test_json_is_alone_on_stdout(muster):
    for args in (["probe"], ["features"], ["explain", FEATURE], ["schema", "show", "quit"]):
        json.loads(muster(*args, "-e", X86, "--json").out)


def test_catalogue_lint(muster, tmp_path):
    for file in sorted((pathlib.Path(__file__).parents[2] / "conf/features.d").glob("*.ini")):
        answer = muster("catalogue", "check", file)
        assert answer.code == 0, answer
    bad = tmp_path / "bad.ini"
    bad.write_text("[a]\nsummary = x\ntie = schema a//b\n[b]\ntie = guess it\nnonsense = 1\n")
    answer = muster("catalogue", "check", bad)
    assert answer.code == 1
    for line in (3, 5, 6):
        assert f"{bad}:{line}" in answer.out + answer.err, answer


def test_libvirts_tables_are_covered():
    """Every schema query, command and option of libvirt's is in the catalogue, under its name there."""
    table = pathlib.Path(__file__).parents[2] / "tests/data/libvirt-names.txt"
    shipped = "".join(f.read_text() for f in (pathlib.Path(__file__).parents[2] / "conf/features.d").glob("*.ini"))
    named = {line.split("=", 1)[1].strip() for line in shipped.splitlines() if line.startswith("libvirt")}
    missing = [n for n in table.read_text().split() if n not in named]
    assert not missing


@pytest.mark.parametrize("more,allowed", [((), True), (("-runas", "nobody"), False)])
def test_gate_weighs_how_a_running_emulator_was_started(muster, running, tmp_path, more, allowed):
    if more and os.geteuid() != 0:
        pytest.skip("-runas needs root")
    one = running(more=more)
    args = ["--connect", one.address, "--driver", "file", "--filename", tmp_path / "x", "--access", "on-demand", "--json"]
    answer = muster("gate", *args)
    assert answer.code == (0 if allowed else 1), answer
    assert allowed or "-runas" in answer.out
    assert muster("gate", *args, "--fallback", "rw").json["decision"] == ("allowed" if allowed else "fallback")


@pytest.mark.parametrize("args,tree", [
    (["--driver", "file", "--filename", b"a\xffb", "--access", "rw"], None),
    (["--driver", "file", "--filename", "a", "--option", b"node-name=\xff", "--access", "rw"], None),
    (["-"], '{"driver": "file", "filename": "a\\u0000b", "node-name": "n"}'),
])
def test_gate_refuses_text_that_qmp_cannot_carry(args, tree):
    done = subprocess.run([os.environ["MUSTER"], "gate", "-e", X86, *args], input=tree and tree.encode(),
                          capture_output=True, stdin=None if tree else subprocess.DEVNULL)
    assert done.returncode == 2 and done.stderr and not done.stdout, done


def test_gate_drivers_without_a_file(muster):
    assert muster("gate", "-e", X86, "--driver", "null-co", "--access", "rw").code == 0
    answer = muster("gate", "-e", X86, "--driver", "nbd", "--access", "rw")
    assert answer.code == 2 and "server" in answer.err


def test_gate_knows_that_copy_on_read_always_writes(muster):
    args = ["gate", "-e", X86, "--driver", "file", "--filename", "x", "--format", "copy-on-read", "--access", "on-demand"]
    assert muster(*args).code == 1
    assert muster(*args, "--fallback", "rw", "--json").json["decision"] == "fallback"
