# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an administrator does with the store: list, show, verify, prune, clear, export and import."""
import gzip
import hashlib
import io
import json
import lzma
import os
import pathlib
import resource
import signal
import stat
import subprocess
import tarfile
import time

import pytest

from conftest import MUSTER, Cache, replace, tiny
from test_cache_key import FEATURE, probe, without

X86, STORAGE = "/usr/bin/qemu-system-x86_64", "/usr/bin/qemu-storage-daemon"


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


@pytest.fixture
def three(muster, emulators, recording, log):
    """Two emulators that are one another's opposite, and one that cannot be probed."""
    scenario = tiny(recording, log)
    paths = [emulators.binary(scenario), emulators.binary(without(scenario)),
             emulators.binary(dict(scenario, faults={"greeting": dict(do="die", when="before", stderr="last words\n")}))]
    assert [muster("has", FEATURE, "-e", path).code for path in paths] == [0, 1, 2]
    log.take()
    return paths


def listed(muster):
    answer = muster("cache", "list", "--json")
    assert (answer.code, answer.err) == (0, ""), answer
    return answer.json


def test_an_empty_store(muster):
    assert listed(muster) == []
    for args in (("list",), ("verify",), ("prune",), ("clear",)):
        answer = muster("cache", *args)
        assert answer.code == 0 and answer.err == "", answer
    assert muster("cache", "show", STORAGE).code == 2
    assert muster("cache", "show", "0123").code == 2


def test_looking_makes_no_folder(muster, cache, tmp_path):
    """Where there is none the answers are those of an empty one."""

    def answers():
        file = tmp_path / "empty.tar"
        for args in (("list",), ("verify",), ("prune",), ("clear",), ("export", "-o", file), ("show", "/bin/sh"),
                     ("show", "0123"), ("export", "/bin/sh")):
            for more in ((), ("--json",)) if args != ("export", "/bin/sh") else ((),):
                answer = muster("cache", *args, *more)
                yield args, more, answer.code, answer.out, answer.err
        yield file.read_bytes()

    without_folder = list(answers())
    assert not cache.path.exists()
    cache.path.mkdir(mode=0o700)
    assert without_folder == list(answers())
    assert f"0 records, 0 B in {cache.path}" in without_folder[0][3]


# What muster/store.h promises, and nothing else.
DAMAGED = {"id", "digest", "damaged", "size", "used", "valid", "paths", "hosts", "failures"}
RECORD = (DAMAGED - {"damaged"}) | {"name", "kind", "version", "package", "target", "muster", "launcher", "module-count", "created"}
FAILURE = {"id", "digest", "size", "created", "failure"}


def test_list(muster, three, cache):
    entries = listed(muster)
    records, failures = [e for e in entries if "failure" not in e], [e for e in entries if "failure" in e]
    assert all(set(e) == RECORD for e in records) and all(set(e) == FAILURE for e in failures)
    assert all(set(p) == {"path", "valid"} for e in records for p in e["paths"])
    assert {e["module-count"] for e in records} == {0} and {e["failures"] for e in records} == {0}
    assert {e["digest"] for e in records} == {digest(path) for path in three[:2]}
    for entry in records:
        assert entry["valid"] is True and entry["kind"] in ("storage-daemon", "system")
        assert [p["path"] for p in entry["paths"]] == [str(p) for p in three[:2] if digest(p) == entry["digest"]]
        assert entry["hosts"] == 1 and entry["size"] > (cache.path / "records" / entry["id"]).stat().st_size
        assert abs(time.time() - entry["created"]) < 600 and abs(time.time() - entry["used"]) < 600
    failure, = failures
    assert "last words" in json.dumps(failure["failure"]) and failure["failure"]["path"] == str(three[2])
    text = muster("cache", "list")
    assert text.code == 0 and all(digest(p)[:12] in text.out for p in three[:2]) and str(three[2]) in text.out


def test_list_says_what_is_valid_and_why_not(muster, three, emulators):
    assert all(e["valid"] for e in listed(muster) if "failure" not in e)
    replace(three[0], three[0].read_bytes() + b"\0")
    three[1].unlink()
    entries = [e for e in listed(muster) if "failure" not in e]
    assert len(entries) == 2
    for entry in entries:
        assert entry["valid"] is False and entry["why"], entry
        assert all(p["valid"] is False and p["why"] for p in entry["paths"])
        assert set(entry) == RECORD | {"why"} and all(set(p) == {"path", "valid", "why"} for p in entry["paths"])


def test_list_of_damage(muster, three, cache):
    """What cannot be read is listed too, and is not valid, whatever leads to it."""
    file = cache.files("records")[0]
    file.write_bytes(b"rubbish")
    entry, = [e for e in listed(muster) if e.get("id") == file.name and "failure" not in e]
    assert set(entry) == DAMAGED and entry["valid"] is False and "no file of muster's" in entry["damaged"], entry
    shown, = muster("cache", "show", file.name, "--json").json
    assert set(shown) == DAMAGED | {"host-facts"}


def test_list_after_a_module_changed(muster, prefix):
    place = prefix()
    probe(muster, place.emulator)
    assert [e["valid"] for e in listed(muster)] == [True]
    module = next(place.modules.glob("*.so"))
    content = module.read_bytes()
    module.unlink()
    entry, = listed(muster)
    assert entry["valid"] is False and "module" in entry["why"].lower(), entry
    module.write_bytes(content)
    probe(muster, place.emulator)
    assert [e["valid"] for e in listed(muster)] == [True]


def test_looking_changes_nothing(muster, three, cache, log):
    before = {f: (f.stat().st_mtime_ns, f.read_bytes()) for f in cache.path.rglob("*") if f.is_file()}
    for args in (("list",), ("list", "--json"), ("show", three[0]), ("verify",), ("export", "-o", cache.path.parent / "x")):
        assert muster("cache", *args).code == 0, args
    assert {f: (f.stat().st_mtime_ns, f.read_bytes()) for f in cache.path.rglob("*") if f.is_file()} == before
    assert log.take() == []


def test_show(muster, three):
    for name in (three[0], digest(three[0]), digest(three[0])[:8]):
        entry, = muster("cache", "show", name, "--json").json
        assert entry["digest"] == digest(three[0]) and entry["valid"] is True
        assert set(entry) == RECORD | {"host-facts", "facts", "measured"}
        host, = entry["host-facts"]
        assert set(host) == {"fingerprint", "created", "here"} and f"user {os.geteuid()}" in host["fingerprint"]
        assert host["here"] is True and entry["facts"]["query-qmp-schema"] == "answered" and entry["measured"] == {}
        text = muster("cache", "show", name)
        assert text.code == 0 and digest(three[0]) in text.out and "query-qmp-schema" in text.out
        assert "Host facts of this host and user" in text.out
    failure, = muster("cache", "show", three[2], "--json").json
    assert set(failure) == FAILURE and failure["failure"]["path"] == str(three[2])
    bad = muster("cache", "show", three[2])
    assert bad.code == 0 and "last words" in bad.out, bad
    assert muster("cache", "show", "ffffffffffff").code == 2
    assert muster("cache", "show", digest(three[0])[:3]).code == 2


def test_show_names_members_as_json_does(muster, emulators, recording, prefix):
    """A wrapper's record: the launcher, and how many modules there are."""
    wrapper = emulators.script(f'#!/bin/sh\nexec {prefix().emulator} "$@"\n')
    probe(muster, wrapper)
    entry, = muster("cache", "show", wrapper, "--json").json
    count = entry["module-count"] if "module-count" in entry else entry["modules"]
    fields = dict(line.split(maxsplit=1) for line in muster("cache", "show", wrapper).out.splitlines()
                  if line.startswith("  ") and len(line.split()) == 2)
    assert fields["launcher"] == entry["launcher"] and "chain" not in fields
    assert int(fields["modules"]) == count > 0


def test_a_name_without_a_slash(muster, emulators, recording, log, tmp_path, monkeypatch):
    """As with -e it is one in PATH, wherever one stands; but what may be digits is a digest's beginning."""
    env = {"PATH": f"{emulators.folder}:{os.environ['PATH']}"}
    named, digits = (emulators.binary(tiny(recording, log), name) for name in ("qemu-named", "beef"))
    for path in (named, digits):
        assert muster("has", FEATURE, "-e", path.name, env=env).code == 0
    monkeypatch.chdir("/")
    entry, = muster("cache", "show", "qemu-named", "--json", env=env).json
    assert str(named) in [p["path"] for p in entry["paths"]]
    assert export(muster, "qemu-named", env=env) == export(muster, named)
    assert muster("cache", "show", digits, env=env).code == 0
    answer = muster("cache", "show", "beef", env=env)
    assert answer.code == 2 and str(digits) not in answer.err, answer
    answer = muster("cache", "show", "nosuch", env=env)
    assert answer.code == 2 and "nosuch" in answer.err, answer


def test_verify(muster, three, cache):
    answer = muster("cache", "verify", "--json")
    assert answer.code == 0 and {e["result"] for e in answer.json} == {"ok"}
    names = {e["file"] for e in answer.json}
    assert all(set(e) == {"file", "result"} for e in answer.json)
    for kind in ("records", "hosts", "paths", "failures", "verdicts", "sizes"):
        assert {f"{kind}/{f.name}" for f in cache.files(kind)} <= names
    assert muster("cache", "verify").code == 0


@pytest.mark.parametrize("kind", ["records", "hosts", "paths", "failures", "verdicts"])
def test_verify_finds_damage(muster, three, cache, kind):
    file = cache.files(kind)[0]
    whole = file.read_bytes()
    for damaged in (whole[:-1], whole + b"x", b"", whole[:150] + bytes([whole[150] ^ 4]) + whole[151:]):
        file.write_bytes(damaged)
        answer = muster("cache", "verify", "--json")
        assert answer.code == 1, answer
        bad = [e for e in answer.json if e["result"] != "ok"]
        # Of what is in a file for a path nothing but its beginning says that it is muster's.
        result = "foreign" if kind == "paths" and damaged == b"" else "damaged"
        assert [(e["file"], e["result"]) for e in bad] == [(f"{kind}/{file.name}", result)] and bad[0]["why"]
        assert str(cache.path) not in bad[0]["why"] and not bad[0]["why"].endswith(".")
        assert file.name in muster("cache", "verify").out
    file.write_bytes(whole)
    assert muster("cache", "verify").code == 0


@pytest.mark.parametrize("kind", ["records", "hosts", "paths", "failures", "verdicts", "sizes"])
def test_verify_finds_what_does_not_belong(muster, three, cache, kind):
    (cache.path / kind / "strange").write_text("what is this")
    answer = muster("cache", "verify", "--json")
    assert answer.code == 1 and [e["result"] for e in answer.json if "strange" in e["file"]] == ["foreign"]


@pytest.mark.parametrize("kind", ["records", "hosts", "paths", "failures", "verdicts"])
def test_what_verify_calls_damaged_prune_removes(muster, three, cache, kind):
    file = cache.files(kind)[0]
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + b"x")
    assert muster("cache", "verify").code == 1
    assert muster("cache", "prune").code == 0
    assert not file.exists() and muster("cache", "verify").code == 0
    assert [muster("has", FEATURE, "-e", path).code for path in three] == [0, 1, 2]


def test_verify_while_others_clear(muster, three):
    """What goes as it is about to be read is no damage."""
    for _ in range(20):
        fill = [subprocess.Popen([MUSTER, "has", FEATURE, "-e", path], stderr=subprocess.DEVNULL) for path in three]
        away = subprocess.Popen([MUSTER, "cache", "clear"], stdout=subprocess.DEVNULL)
        answer = muster("cache", "verify", "--json", clean=False)
        assert answer.code == 0, answer
        assert away.wait() == 0 and [child.wait() for child in fill] == [0, 1, 2]


def test_verify_believes_no_stamp(muster, emulators, recording, three):
    """Content that changed under unchanged size and mtime is told as stale, which is no damage."""
    before = three[0].stat()
    three[0].write_bytes(three[1].read_bytes())
    os.utime(three[0], ns=(before.st_atime_ns, before.st_mtime_ns))
    answer = muster("cache", "verify", "--json")
    assert answer.code == 0 and "stale" in {e["result"] for e in answer.json if "binary-1" in e["file"]}, answer


def age(file, days):
    then = time.time() - days * 86400
    os.utime(file, (then, then))


def test_prune_by_age(muster, three, cache, log):
    """The record that was not used goes, with all that belongs to it; the other one stays a hit."""
    for kind in ("records", "hosts", "paths", "verdicts", "failures"):
        for file in cache.files(kind):
            if digest(three[0]) in file.name or file.name.endswith(three[0].name):
                age(file, 40)
    answer = muster("cache", "prune", "--older-than", "30d", "--json")
    assert answer.code == 0 and answer.json["removed"] == 1 and answer.json["freed"] > 0, answer
    assert set(answer.json) == {"removed", "freed", "kept", "size"} and answer.json["kept"] == 1
    assert not [f for kind in ("records", "hosts", "verdicts") for f in cache.files(kind) if digest(three[0]) in f.name]
    assert probe(muster, three[1]) == (True, 0, "absent")
    log.take()
    assert probe(muster, three[0]) == (False, 1, "present")
    for limit in ("100d", "1000000000", "12h"):
        assert muster("cache", "prune", "--older-than", limit, "--json").json["removed"] == 0


def test_use_counts(muster, three, cache):
    """A record that is asked for, be it through its verdicts alone, is not old."""
    for file in cache.path.rglob("*"):
        if file.is_file():
            age(file, 40)
    assert muster("has", FEATURE, "-e", three[0]).code == 0
    assert muster("has", FEATURE, "-e", three[0]).code == 0
    muster("cache", "prune", "--older-than", "30d")
    assert [f.name.split(".")[0] for f in cache.files("records")] == [digest(three[0])]


def test_prune_by_size(muster, three, cache):
    entries = {e["digest"]: e["size"] for e in listed(muster) if "failure" not in e}
    for file in cache.files("records") + cache.files("hosts"):
        if digest(three[0]) in file.name:
            age(file, 3)
    answer = muster("cache", "prune", "--max-size", "100M", "--json")
    assert answer.json["removed"] == 0
    limit = max(entries.values()) + 100
    answer = muster("cache", "prune", "--max-size", limit, "--json")
    assert answer.code == 0 and answer.json["size"] <= limit, answer
    assert digest(three[0]) not in {f.name.split(".")[0] for f in cache.files("records")}
    answer = muster("cache", "prune", "--max-size", "0", "--json")
    assert cache.files("records") == [] and answer.json["size"] == 0, answer
    assert muster("has", FEATURE, "-e", three[0]).code == 0


@pytest.mark.parametrize("args", [("--older-than", "x"), ("--older-than", "-1d"), ("--max-size", "1kk"), ("--max-size", ""),
                                  ("--max-size", "99999999999999999999G"), ("--older-than", "99999999999999999999d")])
def test_prune_with_nonsense(muster, three, cache, args):
    answer = muster("cache", "prune", *args)
    assert answer.code == 2 and answer.err and len(cache.files("records")) == 2


def test_prune_takes_what_belongs_to_nothing(muster, three, cache):
    """What killed processes left, what is damaged, and what lost its record."""
    left = cache.path / "records/.tmp-0123456789abcdef"
    left.write_text("half a record")
    age(left, 1)
    gone, damaged = cache.files("records")
    gone.unlink()
    damaged.write_bytes(b"rubbish")
    for kind in ("hosts", "verdicts", "paths"):
        for file in cache.files(kind):
            age(file, 1)
    assert muster("cache", "prune").code == 0
    assert not left.exists() and not damaged.exists() and not cache.files("hosts") and not cache.files("verdicts")
    assert [muster("has", FEATURE, "-e", path).code for path in three] == [0, 1, 2]
    assert muster("cache", "verify").code == 0


MINE = ("records/thesis.txt", "hosts/h.txt", "failures/f", "paths/notes.md", "verdicts/v", "sizes/12 monkeys")


def test_what_is_not_the_stores_stays(muster, three, cache):
    for name in MINE:
        (cache.path / name).write_text("years of work")
        age(cache.path / name, 400)
    assert muster("cache", "prune", "--older-than", "1s", "--max-size", "0").code == 0
    answer = muster("cache", "clear", "--json")
    assert answer.code == 0 and set(answer.json) == {"removed", "freed", "kept", "size"}, answer
    assert [(cache.path / name).read_text() for name in MINE] == ["years of work"] * len(MINE)
    assert sorted(str(f.relative_to(cache.path)) for f in cache.path.rglob("*") if f.is_file()) == sorted((*MINE, "lock"))
    assert muster("has", FEATURE, "-e", three[0]).code == 0


def test_prune_of_failures(muster, three, cache):
    """They go by age and size as records do; another version's are of no use."""
    file, = cache.files("failures")
    age(file, 40)
    assert muster("cache", "prune").code == 0 and file.exists()
    limit = sum(e["size"] for e in listed(muster))
    assert muster("cache", "prune", "--max-size", limit, "--json").json["size"] == limit and file.exists()
    assert muster("cache", "prune", "--max-size", limit - 1, "--json").json["removed"] == 0 and not file.exists()
    assert muster("has", FEATURE, "-e", three[2]).code == 2
    age(file, 40)
    assert muster("cache", "prune", "--older-than", "30d", "--json").json["kept"] == 2 and not file.exists()


def test_clear(muster, three, cache, log):
    other = cache.path / "mine"
    other.write_text("no file of the store's")
    (cache.path / "records/mine").write_text("nor this")
    assert muster("cache", "clear").code == 0
    assert other.exists() and not [f for kind in ("hosts", "paths", "failures", "verdicts") for f in cache.files(kind)]
    assert not [f for f in cache.files("records") if f.name != "mine"]
    assert listed(muster) == []
    assert probe(muster, three[0]) == (False, 1, "present")


def test_clear_while_others_look_up(muster, three, cache):
    argv = [MUSTER, "has", FEATURE, "-e"]
    for _ in range(10):
        children = [(n, subprocess.Popen([*argv, three[n]], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True))
                    for n in (0, 1) * 3]
        assert muster("cache", "clear", clean=False).code == 0
        assert muster("cache", "prune", "--max-size", "0", clean=False).code == 0
        for n, child in children:
            assert (child.communicate()[1], child.returncode) == ("", n)
    assert [muster("has", FEATURE, "-e", path).code for path in three] == [0, 1, 2]


# Export and import


def export(muster, *names, env=None):
    done = subprocess.run([MUSTER, "cache", "export", *map(str, names)], capture_output=True, stdin=subprocess.DEVNULL,
                          env=dict(os.environ, **(env or {})))
    assert (done.returncode, done.stderr) == (0, b""), done
    return done.stdout


def take(archive, place, *args):
    """muster cache import from stdin, into another cache"""
    return subprocess.run([MUSTER, "cache", "import", *args], input=archive, capture_output=True,
                          env=dict(os.environ, MUSTER_CACHE_DIR=str(place)))


@pytest.fixture
def elsewhere(tmp_path):
    return Cache(tmp_path / "elsewhere")


def test_carried_to_another_host(muster, three, log, elsewhere):
    """Portable facts are used there, host facts learned anew: one supplementary probe, the core not asked."""
    assert take(export(muster), elsewhere.path).returncode == 0
    assert len(elsewhere.files("records")) == 2
    for kind in ("hosts", "paths", "failures", "verdicts"):
        assert elsewhere.files(kind) == []
    env = {"MUSTER_CACHE_DIR": str(elsewhere.path)}
    for code, path in enumerate(three[:2]):
        answer = muster("probe", "-e", path, "--json", env=env)
        assert (answer.json["cached"], answer.json["spawned"]) == (True, 1)
        asked = log.take()
        assert "query-kvm" in asked and "query-qmp-schema" not in asked
        assert muster("has", FEATURE, "-e", path, env=env).code == code
        assert log.take() == []


def test_carried_for_real(muster, tmp_path, elsewhere):
    folder = tmp_path / "config/muster/features.d"
    folder.mkdir(parents=True)
    (folder / "mine.ini").write_text("[only-measured]\nsummary = mine\ntie = measured auto-read-only-reopens\n")
    assert muster("verify", "only-measured", "-e", STORAGE).code == 0
    probe(muster, X86)
    file = tmp_path / "records.tar"
    assert muster("cache", "export", "-o", file).code == 0
    answer = muster("cache", "import", file, "--json", env={"MUSTER_CACHE_DIR": str(elsewhere.path)})
    assert answer.code == 0 and answer.json == {"imported": 2, "updated": 0, "known": 0}
    env = {"MUSTER_CACHE_DIR": str(elsewhere.path)}
    for path in (X86, STORAGE):
        answer = muster("probe", "-e", path, "--json", env=env)
        assert (answer.json["cached"], answer.json["spawned"], answer.err) == (True, 1, "")
        assert muster("probe", "-e", path, "--json", env=env).json["spawned"] == 0
    assert muster("has", "only-measured", "-e", STORAGE, env=env).code == 0


def test_the_same_records_make_the_same_bytes(muster, three, elsewhere, tmp_path):
    first = export(muster)
    assert export(muster) == first
    assert take(first, elsewhere.path).returncode == 0
    assert export(muster, env={"MUSTER_CACHE_DIR": str(elsewhere.path)}) == first
    muster("features", "-e", three[0])
    assert export(muster) == first
    with tarfile.open(fileobj=io.BytesIO(first)) as tar:
        members = tar.getmembers()
        assert all(m.isreg() and m.uid == m.gid == 0 and m.name.startswith("records/") for m in members)
        assert [m.name for m in members] == sorted(m.name for m in members) and len(members) == 2
        for member in members:
            digest_, = [d for d in map(digest, three) if d in member.name]
            assert json.loads(tar.extractfile(member).read().split(b"\n", 2)[2])["digest"] == digest_


def test_only_what_is_named(muster, three, elsewhere):
    for name in (three[1], digest(three[1]), digest(three[1])[:10]):
        with tarfile.open(fileobj=io.BytesIO(export(muster, name))) as tar:
            assert [m.name.split("/")[1].split(".")[0] for m in tar] == [digest(three[1])]
    done = subprocess.run([MUSTER, "cache", "export", "ffffffff"], capture_output=True)
    assert done.returncode == 2 and done.stderr and done.stdout == b""


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress], ids=["gzip", "xz"])
def test_packed(muster, three, elsewhere, pack):
    done = take(pack(export(muster)), elsewhere.path, "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["imported"] == 2


def test_known_already(muster, three, elsewhere, cache):
    archive = export(muster)
    before = {f.name: f.read_bytes() for f in cache.files("records")}
    done = take(archive, cache.path, "--json")
    assert done.returncode == 0 and json.loads(done.stdout) == {"imported": 0, "updated": 0, "known": 2}
    assert {f.name: f.read_bytes() for f in cache.files("records")} == before
    assert probe(muster, three[0]) == (True, 0, "present")


def test_measured_outcomes_are_added(muster, elsewhere, tmp_path):
    probe(muster, STORAGE)
    env = {"MUSTER_CACHE_DIR": str(elsewhere.path)}
    assert take(export(muster), elsewhere.path).returncode == 0
    assert muster("verify", FEATURE, "-e", STORAGE).code == 0
    done = take(export(muster), elsewhere.path, "--json")
    assert json.loads(done.stdout) == {"imported": 0, "updated": 1, "known": 0}
    answer = muster("explain", FEATURE, "-e", STORAGE, "--json", env=env)
    assert {t["kind"]: t["result"] for t in answer.json["ties"]}["measured"] == "met"
    # And an archive without them takes none away.
    done = take(export(muster, env=env), elsewhere.path, "--json")
    assert json.loads(done.stdout)["known"] == 1


def repacked(archive, change):
    """The archive with its members as change(name, content) has them."""
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(archive)) as old, tarfile.open(fileobj=out, mode="w") as new:
        for number, member in enumerate(old.getmembers()):
            changed = change(number, member, old.extractfile(member).read())
            if changed is not None:
                member.size = len(changed)
                new.addfile(member, io.BytesIO(changed))
    return out.getvalue()


def is_refused(archive, elsewhere):
    done = take(archive, elsewhere.path)
    assert done.returncode == 2 and done.stderr.startswith(b"muster: ") and done.stdout == b"", done
    assert elsewhere.files("records") == []
    assert not list(elsewhere.path.rglob(".tmp-*"))
    return True


def test_one_damaged_record_refuses_all(muster, three, elsewhere):
    """The second of two: nothing of the first is stored either."""
    archive = export(muster)
    assert is_refused(repacked(archive, lambda n, m, c: c if n == 0 else c[:-1]), elsewhere)
    assert is_refused(repacked(archive, lambda n, m, c: c if n == 0 else c.replace(b"present", b"presenT") + b" "), elsewhere)
    assert is_refused(repacked(archive, lambda n, m, c: c if n == 0 else b""), elsewhere)

    def renamed(n, member, content):
        member.name = member.name[:-1] + ("0" if member.name[-1] != "0" else "1") if n else member.name
        return content

    assert is_refused(repacked(archive, renamed), elsewhere)


def sealed(record):
    body = (json.dumps(record) + "\n").encode()
    return b"muster record 1\nsha256 %s %d\n" % (hashlib.sha256(body).hexdigest().encode(), len(body)) + body


@pytest.mark.parametrize("key, value", [("name", "a\nb"), ("package", "\u001b[2J"), ("version", "9" * 257), ("target", "a b"),
                                        ("created", 2**40), ("created", "now"), ("module-count", -1), ("executable-size", 0)])
def test_heads_that_no_muster_writes(muster, three, elsewhere, key, value):
    names = []

    def changed(n, member, content):
        names.append(member.name)
        return content if n == 0 else sealed({**json.loads(content.split(b"\n", 2)[2]), key: value})

    done = take(repacked(export(muster), changed), elsewhere.path)
    assert done.returncode == 2 and f'"{key}"' in done.stderr.decode() and names[1] in done.stderr.decode(), done
    assert elsewhere.files("records") == []


def test_another_layout_is_taken_and_listed(muster, three, elsewhere):
    """Whoever wrote the archive: what is stored is laid out as everything is."""
    archive = export(muster)
    again = repacked(archive, lambda n, m, c: sealed(dict(reversed(json.loads(c.split(b"\n", 2)[2]).items()))))
    assert take(again, elsewhere.path).returncode == 0
    entries = muster("cache", "list", "--json", env={"MUSTER_CACHE_DIR": str(elsewhere.path)}).json
    assert len(entries) == 2 and all(e["name"] and "damaged" not in e and set(e) == RECORD | {"why"} for e in entries), entries


@pytest.mark.parametrize("name", ["../outside", "/tmp/outside", "records/../../outside", "hosts/x", "paths/usr+bin+x",
                                  "records/.tmp-1", "x"])
def test_names_that_lead_elsewhere(muster, three, elsewhere, name):
    def renamed(n, member, content):
        member.name = name
        return content

    assert is_refused(repacked(export(muster), renamed), elsewhere)
    assert not (elsewhere.path.parent / "outside").exists() and not os.path.exists("/tmp/outside")


def test_links_in_an_archive(muster, three, elsewhere, tmp_path):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        link = tarfile.TarInfo("records")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        tar.addfile(link)
    assert is_refused(out.getvalue(), elsewhere)


@pytest.mark.slow
def test_cut_anywhere(muster, three, elsewhere):
    archive = export(muster)
    for size in [0, 1, 511, 512, 513, *range(1024, len(archive) - 1024, 1021), len(archive) - 1]:
        assert is_refused(archive[:size], elsewhere), size


def test_no_archive(muster, three, elsewhere, tmp_path):
    for rubbish in (b"", b"rubbish", gzip.compress(b"rubbish"), b"\x1f\x8b\x08", os.urandom(5000)):
        assert is_refused(rubbish, elsewhere)
    answer = muster("cache", "import", tmp_path / "nowhere")
    assert answer.code == 2 and "nowhere" in answer.err


def test_into_a_folder_that_cannot_be_used(muster, three, tmp_path):
    place = tmp_path / "file"
    place.write_text("")
    done = take(export(muster), place)
    assert done.returncode == 2 and done.stderr
    for verb in ("list", "verify", "prune", "clear", "export"):
        answer = muster("cache", verb, env={"MUSTER_CACHE_DIR": str(place)})
        assert answer.code == 2 and str(place) in answer.err, answer


def test_no_verb_trusts_a_folder_of_others(muster, three, cache):
    cache.path.chmod(0o777)
    for verb in ("list", "verify", "prune", "export"):
        answer = muster("cache", verb)
        assert answer.code == 2 and str(cache.path) in answer.err, answer
    assert len(cache.files("records")) == 2


def test_nothing_is_carried_too(muster, elsewhere):
    """The archive of an empty store is one."""
    made = subprocess.run([MUSTER, "cache", "export"], capture_output=True, stdin=subprocess.DEVNULL)
    assert made.returncode == 0 and made.stderr.startswith(b"muster: note: ")
    done = take(made.stdout, elsewhere.path, "--json")
    assert done.returncode == 0 and json.loads(done.stdout) == {"imported": 0, "updated": 0, "known": 0}


def test_to_a_full_disk(muster, three):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([MUSTER, "cache", "export"], stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 2 and done.stderr


# Export to a file: whole or not at all


def folder_of(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder, folder / "good.tar"


def test_a_name_that_is_not_known_leaves_the_file(muster, three, tmp_path):
    folder, file = folder_of(tmp_path)
    for content in (b"the last good one", None):
        file.write_bytes(content) if content else file.unlink()
        answer = muster("cache", "export", "-o", file, "nosuch")
        assert answer.code == 2 and "nosuch" in answer.err, answer
        assert [f.read_bytes() for f in folder.iterdir()] == ([content] if content else [])


def test_a_full_file_system_leaves_the_file(muster, three, tmp_path):
    """The write fails with half of the archive written."""
    folder, file = folder_of(tmp_path)
    file.write_bytes(b"the last good one")

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    done = subprocess.run([MUSTER, "cache", "export", "-o", file], preexec_fn=limit, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr, done
    assert [f.read_bytes() for f in folder.iterdir()] == [b"the last good one"]


def test_an_interruption_leaves_the_file(muster, three, cache, tmp_path):
    """A signal as soon as something is there that was not: it may come too late, but not each time."""
    folder, file = folder_of(tmp_path)
    probe(muster, X86)
    cut = 0
    for n in range(40):
        file.write_bytes(b"the last good one")
        child = subprocess.Popen([MUSTER, "cache", "export", "-o", file], stdin=subprocess.DEVNULL)
        while len(os.listdir(folder)) == 1 and child.poll() is None:
            pass
        child.send_signal((signal.SIGINT, signal.SIGTERM, signal.SIGHUP)[n % 3])
        assert child.wait() in (0, 130, 143, 129), child.returncode
        assert os.listdir(folder) == ["good.tar"]
        assert child.returncode == 0 or file.read_bytes() == b"the last good one" or tarfile.is_tarfile(file)
        cut += file.read_bytes() == b"the last good one"
    assert cut


def test_what_an_export_makes_of_a_file(muster, three, tmp_path):
    """A new one by the umask; one that was there keeps its rights, and links lead on."""
    folder, file = folder_of(tmp_path)
    before = os.umask(0o027)
    try:
        assert muster("cache", "export", "-o", file).code == 0
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    archive = file.read_bytes()
    assert archive == export(muster)
    link, dangling = folder / "link", folder / "dangling"
    link.symlink_to("good.tar")
    dangling.symlink_to(folder / "new.tar")
    file.write_bytes(b"old")
    file.chmod(0o600)
    for name in (link, dangling):
        assert muster("cache", "export", "-o", name).code == 0
        assert name.is_symlink() and name.read_bytes() == archive
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and not file.is_symlink()
    assert sorted(os.listdir(folder)) == ["dangling", "good.tar", "link", "new.tar"]


def test_what_is_no_file_is_written_as_it_stands(muster, three, tmp_path):
    folder, file = folder_of(tmp_path)
    archive = export(muster)
    with open(file, "wb") as out:
        assert subprocess.run([MUSTER, "cache", "export", "-o", "/dev/stdout"], stdout=out).returncode == 0
        assert file.stat().st_ino == os.fstat(out.fileno()).st_ino
    assert file.read_bytes() == archive
    done = subprocess.run([MUSTER, "cache", "export", "-o", "/dev/stdout"], capture_output=True)
    assert (done.returncode, done.stdout) == (0, archive)
    fifo = folder / "fifo"
    os.mkfifo(fifo)
    child = subprocess.Popen([MUSTER, "cache", "export", "-o", fifo], stdin=subprocess.DEVNULL)
    assert fifo.read_bytes() == archive and child.wait() == 0 and fifo.is_fifo()
    assert muster("cache", "export", "-o", "/dev/null").code == 0
    for nowhere in ("/dev/full", folder, folder / "no/such", ""):
        assert muster("cache", "export", "-o", nowhere).code == 2
    assert sorted(os.listdir(folder)) == ["fifo", "good.tar"]
