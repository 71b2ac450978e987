# SPDX-License-Identifier: LGPL-2.1-or-later
"""The cache's key is what runs, by content: warm calls start nothing, copies are hits, other content never is."""
import errno
import json
import os
import pathlib
import random
import shutil
import subprocess
import time

import pytest

from conftest import MUSTER, binary_of, replace, tiny

FEATURE = "dynamic-auto-read-only"
OTHER = "dynamic-auto-read-onlY"  # of the same length, and in no catalogue
X86, I386, STORAGE = "/usr/bin/qemu-system-x86_64", "/usr/bin/qemu-system-i386", "/usr/bin/qemu-storage-daemon"


def probe(muster, path, *more):
    """(cached, spawned, verdict on the founding feature)"""
    answer = muster("probe", "-e", path, "--json", *more)
    assert answer.code == 0 and answer.err == "", answer
    verdicts = {f["name"]: f["verdict"] for f in answer.json["features"]}
    return answer.json["cached"], answer.json["spawned"], verdicts[FEATURE]


def without(scenario):
    """The same emulator but for the feature, in a scenario of the same size."""
    return json.loads(json.dumps(scenario).replace(FEATURE, OTHER))


def counting(emulators, tmp_path, path):
    """A wrapper that leaves a line in a file for each start: the count is not muster's own."""
    starts = tmp_path / "starts"
    starts.write_text("")
    return emulators.script(f'#!/bin/sh\necho >> {starts}\nexec {path} "$@"\n'), \
        lambda: starts.read_text().count("\n")


@pytest.mark.parametrize("path", [X86, STORAGE, I386])
def test_warm_is_from_the_store(muster, path):
    cached, spawned, verdict = probe(muster, path)
    assert (cached, verdict) == (False, "present") and spawned >= 1
    assert probe(muster, path) == (True, 0, "present")
    assert probe(muster, path) == (True, 0, "present")


@pytest.mark.parametrize("path", [X86, STORAGE])
def test_warm_verbs_start_nothing(muster, emulators, tmp_path, path):
    wrapper, starts = counting(emulators, tmp_path, path)
    assert muster("has", FEATURE, "-e", wrapper).code == 0
    first = starts()
    assert first >= 1
    for args, code in [(("has", FEATURE), 0), (("has", FEATURE, "-v"), 0), (("has", FEATURE, "--driver", "file"), 0),
                       (("has", FEATURE, "--driver", "nbd"), 1), (("features",), 0), (("explain", FEATURE), 0),
                       (("probe",), 0), (("schema", "query", "blockdev-add/arg-type/+file"), 0),
                       (("has", FEATURE, "--trust", "declared"), 0), (("has", FEATURE, "--trust", "inferred"), 0),
                       (("gate", "--driver", "file", "--filename", "x", "--access", "on-demand"), 0)]:
        for _ in range(2):
            answer = muster(*args, "-e", wrapper)
            assert (answer.code, answer.err) == (code, ""), answer
    assert starts() == first
    assert muster("has", FEATURE, "-e", wrapper, "--no-cache").code == 0
    assert starts() > first


def test_warm_has_of_an_executable_asks_nothing(muster, emulators, recording, log):
    emulator = emulators.binary(tiny(recording, log))
    for _ in range(3):
        assert muster("has", FEATURE, "-e", emulator).code == 0
    assert log.starts() == 1


def test_what_verbs_print_does_not_depend_on_the_store(muster, tmp_path):
    for args in (["features"], ["explain", FEATURE], ["has", FEATURE, "-v"], ["schema", "show", "blockdev-add"]):
        for more in ([], ["--json"]):
            cold = muster(*args, *more, "-e", STORAGE, "--no-cache")
            warm = muster(*args, *more, "-e", STORAGE)
            none = muster(*args, *more, "-e", STORAGE, env={"MUSTER_CACHE_DIR": "/dev/null"})
            assert (cold.code, cold.out) == (warm.code, warm.out) == (none.code, none.out)


def test_paths_are_as_they_were_given(muster, tmp_path):
    """A record is not of a path: the answer names the one that this call gave."""
    link = tmp_path / "link"
    link.symlink_to(STORAGE)
    probe(muster, STORAGE)
    relative = os.path.relpath(STORAGE)
    for path in (link, relative, "qemu-storage-daemon", STORAGE):
        for _ in range(2):
            answer = muster("probe", "-e", path, "--json")
            assert answer.json["cached"] is True and answer.json["spawned"] == 0
            named = STORAGE if str(path) == "qemu-storage-daemon" else str(path)
            assert answer.json["emulator"]["path"] == named
            assert answer.json["emulator"]["executable"] == STORAGE


@pytest.mark.parametrize("binary", [X86, STORAGE])
def test_a_copy_is_a_hit(muster, prefix, binary):
    """Another installation of the same bytes, modules included: another image's layer, another path."""
    assert probe(muster, binary)[0] is False
    copy = prefix(binary).emulator
    assert probe(muster, copy) == (True, 0, "present")
    assert muster("probe", "-e", copy, "--json").json["emulator"]["executable"] == str(copy)


def test_a_second_copy_is_a_hit(muster, prefix):
    assert probe(muster, prefix().emulator)[0] is False
    assert probe(muster, prefix().emulator) == (True, 0, "present")


def test_reinstalled_is_a_hit(muster, prefix):
    place = prefix()
    assert probe(muster, place.emulator)[0] is False
    content = place.emulator.read_bytes()
    replace(place.emulator, content)  # as dpkg does
    assert probe(muster, place.emulator) == (True, 0, "present")
    place.emulator.unlink()
    place.emulator.write_bytes(content)  # as cp does
    place.emulator.chmod(0o755)
    assert probe(muster, place.emulator) == (True, 0, "present")
    os.utime(place.emulator, (1, 1))
    assert probe(muster, place.emulator) == (True, 0, "present")
    for module in place.modules.iterdir():
        replace(module, module.read_bytes())
    assert probe(muster, place.emulator) == (True, 0, "present")


def test_moved_is_a_hit(muster, emulators, recording, log):
    emulator = emulators.binary(tiny(recording, log))
    assert probe(muster, emulator)[0] is False
    assert probe(muster, emulator.rename(emulators.folder / "elsewhere")) == (True, 0, "present")
    assert log.starts() == 1


def test_upgraded(muster, emulators, recording, log):
    """There, back and there again: each content is asked once."""
    scenario = tiny(recording, log)
    emulator = emulators.binary(scenario)
    for _ in range(3):
        assert probe(muster, emulator)[2] == "present"
        replace(emulator, binary_of(without(scenario)))
        assert probe(muster, emulator)[2] == "absent"
        replace(emulator, binary_of(scenario))
    assert log.starts() == 2


@pytest.mark.parametrize("aged", [False, True], ids=["young", "old"])
@pytest.mark.parametrize("in_place", [True, False], ids=["in-place", "replaced"])
def test_size_and_mtime_are_not_believed(muster, emulators, recording, aged, in_place):
    """What rsync -t or a reproducible build leaves: other content, all that ls shows the same."""
    scenario = tiny(recording)
    emulator = emulators.binary(scenario)
    if aged:
        time.sleep(2.1)  # beyond what is looked at again in any case (base/stamp.h)
    assert probe(muster, emulator) == (False, 1, "present")
    assert muster("has", FEATURE, "-e", emulator).code == 0
    before, other = emulator.stat(), binary_of(without(scenario))
    assert len(other) == before.st_size
    if in_place:
        emulator.write_bytes(other)
        os.utime(emulator, ns=(before.st_atime_ns, before.st_mtime_ns))
    else:
        replace(emulator, other, like=before)
    after = emulator.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert muster("has", FEATURE, "-e", emulator).code == 1
    assert probe(muster, emulator)[2] == "absent"


def places(tmp_path):
    """Here, and where timestamps are as coarse as a clock tick, which those of ext4 are not any more (Linux 6.13)."""
    yield tmp_path
    if os.geteuid() == 0:
        coarse = tmp_path / "coarse"
        coarse.mkdir()
        if subprocess.run(["mount", "-t", "ramfs", "-o", "mode=0755", "none", coarse], capture_output=True).returncode == 0:
            try:
                yield coarse
            finally:
                subprocess.run(["umount", "-l", coarse], check=True)


@pytest.mark.slow
def test_changed_within_a_tick_of_the_clock(muster, scratch, emulators, recording, tmp_path):
    """One byte is changed while a look-up is under way and right after it, times put back: the next look-up sees it."""
    scenario = tiny(recording)
    contents = [binary_of(scenario), binary_of(without(scenario))]
    position = next(i for i, (a, b) in enumerate(zip(*contents)) if a != b)
    assert sum(a != b for a, b in zip(*contents)) == 1
    chance = random.Random(1)
    for place in places(tmp_path):
        emulator = place / "emulator"
        for n in (1, 0):
            emulator.write_bytes(contents[n])
            emulator.chmod(0o755)
            assert muster("has", FEATURE, "-e", emulator).code == n
        before, now, seen = emulator.stat(), 0, set()
        fd = os.open(emulator, os.O_WRONLY)

        def change():
            nonlocal now
            now = 1 - now
            os.pwrite(fd, contents[now][position:position + 1], position)
            os.utime(emulator, ns=(before.st_atime_ns, before.st_mtime_ns))

        argv = [MUSTER, "has", FEATURE, "-e", emulator]
        try:
            for _ in range(150):
                change()
                child = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
                time.sleep(chance.uniform(0, 0.006))
                change()
                assert child.wait() in (0, 1)
                if chance.random() < 0.5:
                    change()
                done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True)
                assert (done.returncode, done.stderr) == (now, b""), place
                seen.add(done.returncode)
        finally:
            os.close(fd)
        assert seen == {0, 1}


def change(path, content, like, in_place):
    """Other content with the times of `like`; in place, unless it is being run: that cannot be written to."""
    try:
        if in_place:
            path.write_bytes(content)
            os.utime(path, ns=(like.st_atime_ns, like.st_mtime_ns))
            return
    except OSError as error:
        if error.errno != errno.ETXTBSY:
            raise
    replace(path, content, like)


@pytest.mark.slow
def test_changed_while_it_is_probed(muster, emulators, recording):
    """Each round has contents of its own, so that an emulator is asked while the file changes."""
    scenario, chance = tiny(recording), random.Random(2)
    emulator = emulators.folder / "emulator"
    for n in range(80):
        contents = [binary_of(dict(s, round=n)) for s in (scenario, without(scenario))]
        now = n % 2
        replace(emulator, contents[now])
        before = emulator.stat()
        child = subprocess.Popen([MUSTER, "has", FEATURE, "-e", emulator], stdin=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE, text=True)
        time.sleep(chance.uniform(0, 0.008))
        now = 1 - now
        change(emulator, contents[now], before, in_place=n % 4 > 0)
        words = child.communicate()[1]
        # It may say that this cannot be run now; it may not answer for one emulator with the other's facts, and it may
        # not remember as a failure of this content what it met when that was half written.
        assert child.returncode in (0, 1) or (child.returncode == 2 and words.startswith("muster: ")), words
        for _ in range(2):
            assert muster("has", FEATURE, "-e", emulator).code == now, n
        replace(emulator, contents[1 - now], like=before)
        assert muster("has", FEATURE, "-e", emulator).code == 1 - now, n


def test_a_script_of_the_same_size_within_a_tick(muster, emulators, recording):
    """The wrapper changes what it starts, in place, its times put back."""
    scenario = tiny(recording)
    targets = [emulators.binary(scenario, "target-0"), emulators.binary(without(scenario), "target-1")]
    wrapper = emulators.script(f'#!/bin/sh\nexec {targets[0]} "$@"\n')
    before = wrapper.stat()
    for n in range(100):
        now = n % 2
        wrapper.write_text(f'#!/bin/sh\nexec {targets[now]} "$@"\n')
        os.utime(wrapper, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert muster("has", FEATURE, "-e", wrapper).code == now, n


def test_a_size_that_was_seen_is_no_hit(muster, emulators, recording, log):
    """Copies are told by size before they are hashed; the size alone tells nothing."""
    scenario = tiny(recording, log)
    first, second = emulators.binary(scenario), emulators.binary(without(scenario))
    assert first.stat().st_size == second.stat().st_size
    assert probe(muster, first) == (False, 1, "present")
    assert probe(muster, second) == (False, 1, "absent")
    assert probe(muster, first) == (True, 0, "present")
    assert log.starts() == 2


def test_no_cache_asks_and_stores(muster, emulators, recording, log):
    emulator = emulators.binary(tiny(recording, log))
    assert probe(muster, emulator, "--no-cache") == (False, 1, "present")
    assert probe(muster, emulator) == (True, 0, "present")
    assert probe(muster, emulator, "--no-cache") == (False, 1, "present")
    assert log.starts() == 2


def test_names_that_are_hard_to_keep(muster, emulators, recording, log, cache):
    """The name of a path's file is made from the path: long ones, blanks, bytes that are no UTF-8, a newline."""
    names = [b"a b", b"+", b"..x", "ü".encode(), b"\xff\xfe", b"%2f", b"x" * 255, b"line\nbreak", b"-e", b"record"]
    content = binary_of(tiny(recording, log))
    for name in names:
        path = os.path.join(os.fsencode(emulators.folder), name)
        pathlib.Path(os.fsdecode(path)).write_bytes(content)
        os.chmod(path, 0o755)
        for _ in range(2):
            done = subprocess.run([MUSTER, "has", FEATURE, "-e", path], stdin=subprocess.DEVNULL, capture_output=True)
            assert (done.returncode, done.stderr) == (0, b""), name
    assert log.starts() == 1
    assert len(cache.files("records")) == 1


def test_the_store_is_made_private(scratch, cache):
    assert subprocess.run([MUSTER, "has", FEATURE, "-e", STORAGE], umask=0).returncode == 0
    assert cache.path.stat().st_mode & (0o022 if os.geteuid() == 0 else 0o077) == 0
    for folder, _, files in os.walk(cache.path):
        for name in files:
            mode = os.stat(os.path.join(folder, name)).st_mode
            assert mode & 0o022 == 0, name
    assert (cache.path / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55")


def test_where_the_store_is(muster, scratch, tmp_path):
    """$MUSTER_CACHE_DIR, also where its parents are missing; for others than root $XDG_CACHE_HOME, else ~/.cache."""
    deep = tmp_path / "a/b/c"
    assert muster("has", FEATURE, "-e", STORAGE, env={"MUSTER_CACHE_DIR": str(deep)}).code == 0
    assert list((deep / "records").iterdir())
    if os.geteuid() != 0:
        for env, place in ((dict(XDG_CACHE_HOME=str(tmp_path / "x")), "x/muster"), (dict(XDG_CACHE_HOME=""), ".cache/muster")):
            env.update(MUSTER_CACHE_DIR="", HOME=str(tmp_path))
            assert muster("has", FEATURE, "-e", STORAGE, env=env).code == 0
            assert list((tmp_path / place / "records").iterdir())


def test_records_can_be_read_with_common_tools(muster, cache):
    """Two lines of header, the second a checksum that sha256sum makes; then JSON."""
    import hashlib
    muster("probe", "-e", STORAGE)
    for kind, word in (("records", b"record"), ("hosts", b"host")):
        first, second, body = cache.only(kind).read_bytes().split(b"\n", 2)
        assert first == b"muster %s 1" % word
        if kind == "records":
            assert second == b"sha256 %s %d" % (hashlib.sha256(body).hexdigest().encode(), len(body))
        assert json.loads(body)["format"] == 1
    assert shutil.which("sha256sum")
    name = cache.only("records").name
    assert name.split(".")[0] == hashlib.sha256(pathlib.Path(STORAGE).read_bytes()).hexdigest()
