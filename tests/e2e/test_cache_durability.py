# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whatever happens to the folder: a right verdict, a note on stderr at most, nothing written where it must not be."""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import time

import pytest

from conftest import MUSTER, Cache, tiny
from test_cache_key import FEATURE, probe, without

STORAGE = "/usr/bin/qemu-storage-daemon"
NOBODY = 65534


def needs_root():
    if os.geteuid() != 0:
        pytest.skip("mounting, chown and other users need root")


def notes(answer):
    """The lines on stderr, each of which must be a note."""
    lines = answer.err.splitlines()
    assert all(line.startswith("muster: note: ") for line in lines), answer
    return lines


def tree(folder):
    """Everything below a folder, with its content: to see that nothing was touched."""
    found = {}
    for path in sorted(folder.rglob("*")):
        st = path.lstat()
        found[str(path)] = (st.st_mode, st.st_uid, st.st_mtime_ns, path.read_bytes() if path.is_file() else b"")
    return found


@pytest.fixture
def emulator(emulators, recording, log):
    return emulators.binary(tiny(recording, log))


@pytest.fixture
def one_feature(tmp_path):
    """A catalogue of one feature, for tests of many calls."""
    folder = tmp_path / "one-feature"
    folder.mkdir()
    (folder / "one.ini").write_text(f"[{FEATURE}]\nsummary = x\ntie = schema blockdev-add/arg-type/+file/${FEATURE}\n")
    return {"MUSTER_FEATURES_DIR": str(folder)}


# kill -9


@pytest.mark.slow
def test_killed_at_random_moments(scratch, emulators, recording, cache):
    """Cold probes of two emulators that are one another's opposite, killed; what is left holds no lie and no damage."""
    scenario, chance = tiny(recording), random.Random(4)
    pair = emulators.binary(scenario), emulators.binary(without(scenario))
    argv = [MUSTER, "has", FEATURE, "--no-cache", "-e"]
    began = time.monotonic()
    subprocess.run([*argv, pair[0]], check=True)
    took, killed = time.monotonic() - began, 0
    for n in range(50):
        child = subprocess.Popen([*argv, pair[n % 2]], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0, took * 1.3))
        child.kill()
        killed += child.wait() == -9
        if n % 5 == 4:
            for code, path in enumerate(pair):
                done = subprocess.run([MUSTER, "has", FEATURE, "-e", path], stdin=subprocess.DEVNULL,
                                      capture_output=True, text=True)
                # Files are replaced as a whole: not even a note about a damaged one.
                assert (done.returncode, done.stderr) == (code, ""), n
    assert killed >= 10
    for kind in ("records", "hosts"):
        for file in cache.files(kind):
            assert is_whole(file)


def is_whole(file):
    _, second, body = file.read_bytes().split(b"\n", 2)
    kind, digest, size = second.split()
    assert kind in (b"sha256", b"fnv1a64") and int(size) == len(body)
    return digest.decode() == (hashlib.sha256(body).hexdigest() if kind == b"sha256" else fnv1a64(body))


def fnv1a64(body):
    value = 0xcbf29ce484222325
    for byte in body:
        value = (value ^ byte) * 0x100000001b3 & (1 << 64) - 1
    return f"{value:016x}"


# Full, read-only, unwritable


@pytest.fixture
def mounted(tmp_path, monkeypatch):
    """A small file system as the cache."""
    needs_root()
    place = tmp_path / "small"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k,mode=0700", "none", place],
                      capture_output=True).returncode != 0:
        pytest.skip("nothing can be mounted here")
    monkeypatch.setenv("MUSTER_CACHE_DIR", str(place))
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def fill(folder, leave=0):
    ballast = folder / ".tmp-ballast"  # a name that is the store's own: another folder's content would be somebody's
    with open(ballast, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError:
            pass
    os.truncate(ballast, max(0, ballast.stat().st_size - leave))
    return ballast


@pytest.mark.parametrize("leave", [0, 4096, 16384, 32768, 65536])
def test_a_full_disk(muster, mounted, leave):
    """However much room is left: for nothing, for the folders, for a part of the files."""
    ballast = fill(mounted, leave)
    for _ in range(2):
        answer = muster("has", FEATURE, "-e", STORAGE)
        assert answer.code == 0 and len(notes(answer)) == 1, answer
        assert str(mounted) in answer.err and "No space left" in answer.err
    answer = muster("probe", "-e", STORAGE, "--json")
    assert answer.code == 0 and answer.json["cached"] is False and len(notes(answer)) == 1
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=8m", mounted], check=True)
    assert muster("has", FEATURE, "-e", STORAGE).err == ""
    assert probe(muster, STORAGE) == (True, 0, "present")


def test_a_disk_that_gets_full(muster, mounted, emulators, recording, log):
    """What was kept before is used on."""
    known, new = emulators.binary(tiny(recording, log)), emulators.binary(without(tiny(recording, log)))
    assert muster("has", FEATURE, "-e", known).code == 0
    time.sleep(2.1)
    assert muster("has", FEATURE, "-e", known).code == 0
    fill(mounted)
    log.take()
    answer = muster("has", FEATURE, "-e", known)
    assert (answer.code, answer.err, log.starts()) == (0, "", 0)
    answer = muster("has", FEATURE, "-e", new)
    assert answer.code == 1 and len(notes(answer)) == 1 and log.starts() == 1


def test_a_read_only_folder(muster, mounted, emulators, recording, log):
    """Warm answers need no writing; cold ones come with a note."""
    known, new = emulators.binary(tiny(recording, log)), emulators.binary(without(tiny(recording, log)))
    assert muster("has", FEATURE, "-e", known).code == 0
    time.sleep(2.1)
    assert muster("has", FEATURE, "-e", known).code == 0
    subprocess.run(["mount", "-o", "remount,ro", mounted], check=True)
    before = tree(mounted)
    log.take()
    answer = muster("has", FEATURE, "-e", known)
    assert (answer.code, answer.err, log.starts()) == (0, "", 0)
    answer = muster("probe", "-e", known, "--json")
    assert (answer.code, answer.json["cached"], log.starts()) == (0, True, 0)
    for _ in range(2):
        answer = muster("has", FEATURE, "-e", new)
        assert answer.code == 1 and len(notes(answer)) == 1 and log.starts() == 1
        assert "Read-only" in answer.err and str(mounted) in answer.err
    assert tree(mounted) == before


def test_an_empty_read_only_folder(muster, mounted):
    subprocess.run(["mount", "-o", "remount,ro", mounted], check=True)
    for _ in range(2):
        answer = muster("has", FEATURE, "-e", STORAGE)
        assert answer.code == 0 and len(notes(answer)) == 1, answer


def test_a_read_only_parent(muster, mounted):
    subprocess.run(["mount", "-o", "remount,ro", mounted], check=True)
    answer = muster("has", FEATURE, "-e", STORAGE, env={"MUSTER_CACHE_DIR": str(mounted / "not/there")})
    assert answer.code == 0 and len(notes(answer)) == 1, answer


@pytest.fixture
def as_nobody():
    """Runs muster as another user, with a folder that both can reach."""
    needs_root()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="muster-e2e-"))
    folder.chmod(0o755)
    home = folder / "home"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    env = dict(os.environ, XDG_RUNTIME_DIR=str(home), TMPDIR=str(home), HOME=str(home), XDG_CONFIG_HOME=str(home))

    class Answer:
        def __init__(self, done):
            self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

        def __repr__(self):
            return f"<exit {self.code}, {self.out[-500:]!r}, {self.err!r}>"

    def run(*args, cache):
        return Answer(subprocess.run([MUSTER, *map(str, args)], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                                     user=NOBODY, group=NOBODY, extra_groups=[], cwd="/",
                                     env=dict(env, MUSTER_CACHE_DIR=str(cache))))

    run.folder = folder
    try:
        if run("version", cache=home).code != 0:
            pytest.skip("another user cannot run this build of muster (folders above it are closed)")
        yield run
    except PermissionError:
        pytest.skip("another user cannot run this build of muster (folders above it are closed)")
    finally:
        shutil.rmtree(folder)


def test_an_unwritable_folder(as_nobody):
    """Root's, empty: nobody may look, not write."""
    place = as_nobody.folder / "cache"
    place.mkdir(mode=0o755)
    for _ in range(2):
        answer = as_nobody("has", FEATURE, "-e", STORAGE, cache=place)
        assert answer.code == 0 and len(notes(answer)) == 1 and str(place) in answer.err, answer
    assert tree(place) == {}


def test_roots_folder_is_used_where_it_may_be_read(as_nobody, muster):
    """Root's records may be trusted; opened to all, they are a hit but for host facts and paths."""
    place = as_nobody.folder / "cache"
    assert muster("probe", "-e", STORAGE, env={"MUSTER_CACHE_DIR": str(place)}).code == 0
    place.chmod(0o755)
    before = tree(place)
    answer = as_nobody("has", FEATURE, "-e", STORAGE, cache=place)
    assert answer.code == 0 and notes(answer), answer
    subprocess.run(["chmod", "-R", "go+rX", place], check=True)
    answer = as_nobody("probe", "--json", "-e", STORAGE, cache=place)
    assert answer.code == 0 and json.loads(answer.out)["cached"] is True, answer
    assert {k: v[1:] for k, v in tree(place).items()} == {k: v[1:] for k, v in before.items()}


def test_a_folder_that_may_not_be_entered(as_nobody):
    place = as_nobody.folder / "cache"
    place.mkdir(mode=0o700)
    answer = as_nobody("has", FEATURE, "-e", STORAGE, cache=place)
    assert answer.code == 0 and len(notes(answer)) == 1, answer


# Whom to trust


def lies_of(folder, muster, emulators, recording):
    """A store in `folder` that says of an emulator with the feature that it has none; the emulator."""
    emulator = emulators.binary(tiny(recording))
    env = {"MUSTER_CACHE_DIR": str(folder)}
    assert muster("has", FEATURE, "-e", emulator, env=env).code == 0
    for file in Cache(folder).files("records"):
        body = file.read_bytes().split(b"\n", 2)[2].replace(FEATURE.encode(), b"dynamic-auto-read-onlY")
        file.write_bytes(b"muster record 1\nsha256 %s %d\n" % (hashlib.sha256(body).hexdigest().encode(), len(body)) + body)
    assert muster("has", FEATURE, "-e", emulator, env=env).code == 1, "the lie must be one that would be believed"
    return emulator


@pytest.fixture
def lies(muster, emulators, recording, cache):
    return lies_of(cache.path, muster, emulators, recording)


def is_distrusted(muster, emulator, place, *words):
    """The truth, a note about it, and nothing changed there."""
    before = tree(place) if place.is_dir() else None
    for args in (("has", FEATURE), ("has", FEATURE, "--no-cache"), ("explain", FEATURE)):
        answer = muster(*args, "-e", emulator)
        assert answer.code == 0 and len(notes(answer)) == 1, answer
        assert all(word in answer.err for word in (str(place), "MUSTER_CACHE_DIR", *words)), answer
    answer = muster("probe", "-e", emulator, "--json")
    assert answer.code == 0 and answer.json["cached"] is False and len(notes(answer)) == 1
    assert before is None or tree(place) == before
    return True


def test_a_folder_of_somebody_elses(muster, cache, lies):
    needs_root()
    os.chown(cache.path, NOBODY, NOBODY)
    assert is_distrusted(muster, lies, cache.path, "65534")
    os.chown(cache.path, os.geteuid(), os.getegid())
    assert muster("has", FEATURE, "-e", lies).code == 1


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o1777, 0o720, 0o702])
def test_a_folder_that_others_may_write_to(muster, cache, lies, mode):
    cache.path.chmod(mode)
    assert is_distrusted(muster, lies, cache.path, "remove it")


@pytest.mark.parametrize("kind", ["records", "hosts"])
def test_files_of_somebody_elses(muster, cache, lies, kind):
    """In a folder of ours, a file that another user owns or may write to."""
    for change, undo in (([lambda f: os.chown(f, NOBODY, NOBODY), lambda f: os.chown(f, 0, 0)],) if os.geteuid() == 0
                         else ()):
        change(cache.only(kind))
        answer = muster("has", FEATURE, "-e", lies, "-v")
        assert any(cache.only(kind).name in note for note in notes(answer)), answer
        assert kind != "records" or answer.code == 0
        assert cache.only(kind).stat().st_uid == os.geteuid()


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_record_that_others_may_write_to(muster, cache, lies, mode):
    record = cache.only("records")
    record.chmod(mode)
    answer = muster("has", FEATURE, "-e", lies)
    assert answer.code == 0 and any(record.name in note for note in notes(answer)), answer
    answer = muster("has", FEATURE, "-e", lies)
    assert (answer.code, answer.err) == (0, "") and record.stat().st_mode & 0o022 == 0


def test_a_link_of_somebody_elses_in_a_shared_folder(muster, emulators, recording, tmp_path, monkeypatch):
    """In /tmp anybody can leave a link to a folder of ours."""
    needs_root()
    shared, mine = tmp_path / "shared", tmp_path / "mine"
    shared.mkdir()
    shared.chmod(0o1777)
    emulator = lies_of(mine, muster, emulators, recording)
    link = shared / "muster"
    link.symlink_to(mine)
    monkeypatch.setenv("MUSTER_CACHE_DIR", str(link))
    assert muster("has", FEATURE, "-e", emulator).code == 1  # our own link: as if the folder were named
    os.chown(link, NOBODY, NOBODY, follow_symlinks=False)
    before = tree(mine)
    answer = muster("has", FEATURE, "-e", emulator)
    assert answer.code == 0 and len(notes(answer)) == 1 and str(link) in answer.err, answer
    assert tree(mine) == before


# Links and other things planted in the folder


@pytest.mark.parametrize("kind", ["records", "hosts", "paths", "verdicts", "failures", "sizes"])
def test_a_folder_that_is_a_link(muster, emulators, recording, cache, tmp_path, kind):
    """records -> elsewhere: not followed, be it to read or to write."""
    emulator = lies_of(tmp_path / "other", muster, emulators, recording)
    elsewhere = tmp_path / "other" / kind
    before = tree(elsewhere)
    cache.path.mkdir(mode=0o700)
    (cache.path / kind).symlink_to(elsewhere)
    broken = emulators.script("#!/bin/sh\nexit 1\n")
    for _ in range(2):
        answer = muster("has", FEATURE, "-e", emulator)
        assert answer.code == 0, answer
        assert muster("has", FEATURE, "-e", broken).code == 2
        assert tree(elsewhere) == before
        assert len(notes(answer)) == 1 and str(cache.path) in answer.err and kind in answer.err


@pytest.mark.parametrize("kind", ["records", "hosts", "paths", "verdicts", "failures", "sizes"])
@pytest.mark.parametrize("what", ["writable", "somebody else's", "file"])
def test_a_folder_that_is_not_ours_alone(muster, cache, lies, kind, what):
    folder = cache.path / kind
    folder.mkdir(exist_ok=True)
    if what == "writable":
        folder.chmod(0o1777)
    elif what == "file":
        shutil.rmtree(folder)
        folder.write_text("mine")
    else:
        needs_root()
        os.chown(folder, NOBODY, NOBODY)
    assert is_distrusted(muster, lies, cache.path, kind)


@pytest.mark.parametrize("kind", ["records", "hosts", "paths", "verdicts"])
def test_a_file_that_is_a_link(muster, cache, lies, tmp_path, kind):
    """A record that is a link to one that lies, owned by us: not followed, and not written through."""
    file, elsewhere = cache.only(kind), tmp_path / "elsewhere"
    file.rename(elsewhere)
    file.symlink_to(elsewhere)
    before = elsewhere.read_bytes()
    answer = muster("has", FEATURE, "-e", lies)
    assert any(file.name in note for note in notes(answer)), answer
    assert answer.code == (0 if kind == "records" else 1)
    assert elsewhere.read_bytes() == before
    assert muster("has", FEATURE, "-e", lies).err == ""
    assert not file.is_symlink() and file.is_file() and elsewhere.read_bytes() == before


@pytest.mark.parametrize("kind", ["records", "hosts", "paths", "verdicts"])
@pytest.mark.parametrize("what", ["dangling", "fifo", "folder", "device", "empty", "unreadable"])
def test_what_is_no_file(muster, cache, emulator, tmp_path, kind, what):
    """It must not hang, follow or crash."""
    assert muster("has", FEATURE, "-e", emulator).code == 0
    file, elsewhere = cache.only(kind), tmp_path / "elsewhere"
    file.unlink()
    if what == "dangling":
        file.symlink_to(elsewhere)
    elif what == "fifo":
        os.mkfifo(file)
    elif what == "folder":
        file.mkdir()
    elif what == "device":
        file.symlink_to("/dev/zero")
    elif what == "empty":
        file.write_bytes(b"")
    else:
        file.write_bytes(b"")
        file.chmod(0)
    for _ in range(2):
        answer = muster("has", FEATURE, "-e", emulator)
        assert answer.code == 0, answer
        notes(answer)
    assert not elsewhere.exists()


@pytest.mark.parametrize("what", ["link", "dangling", "folder", "fifo"])
def test_a_lock_that_is_none(muster, cache, emulator, tmp_path, what):
    cache.path.mkdir(mode=0o700)
    lock, elsewhere = cache.path / "lock", tmp_path / "elsewhere"
    if what == "link":
        elsewhere.write_text("mine")
        lock.symlink_to(elsewhere)
    elif what == "dangling":
        lock.symlink_to(elsewhere)
    elif what == "folder":
        lock.mkdir()
    else:
        os.mkfifo(lock)
    for _ in range(2):
        answer = muster("has", FEATURE, "-e", emulator)
        assert answer.code == 0 and len(notes(answer)) <= 1, answer
    assert not elsewhere.exists() or elsewhere.read_text() == "mine"


@pytest.mark.parametrize("what", ["file", "fifo", "device", "dangling", "below a file", "too long"])
def test_a_cache_that_is_no_folder(muster, emulator, tmp_path, what):
    place = tmp_path / "no-folder"
    if what in ("file", "below a file"):
        place.write_text("mine")
    elif what == "fifo":
        os.mkfifo(place)
    elif what == "device":
        place = pathlib.Path("/dev/null")
    elif what == "dangling":
        place.symlink_to(tmp_path / "nowhere")
    named = place / "cache" if what == "below a file" else place if what != "too long" else tmp_path / ("x" * 300)
    for args in (("has", FEATURE), ("probe", "--json"), ("features",)):
        answer = muster(*args, "-e", emulator, env={"MUSTER_CACHE_DIR": str(named)})
        assert answer.code == 0 and len(notes(answer)) == 1 and str(named) in answer.err, answer
        assert "--json" not in args or answer.json["features"]
    assert what not in ("file", "below a file") or place.read_text() == "mine"


def test_nothing_at_all_is_set(muster, emulator):
    """No HOME, no folder: a note, the truth."""
    if os.geteuid() == 0:
        pytest.skip("root's cache has a fixed place")
    answer = muster("has", FEATURE, "-e", emulator, env={"MUSTER_CACHE_DIR": "", "XDG_CACHE_HOME": "", "HOME": ""})
    assert answer.code == 0 and len(notes(answer)) == 1, answer


# Damage


def damage(muster_env, emulator, file, how_many, damaged):
    """has after each damage: right, noted by name, repaired."""
    whole = file.read_bytes()
    for n in how_many:
        file.write_bytes(damaged(whole, n))
        done = subprocess.run([MUSTER, "has", FEATURE, "-e", emulator], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, env=dict(os.environ, **muster_env))
        assert done.returncode == 0, (n, done)
        lines = done.stderr.splitlines()
        assert lines and all(line.startswith("muster: note: ") and str(file) in line for line in lines), (n, done)
        again = file.read_bytes()
        assert again != damaged(whole, n) and again.count(b"\n") >= 2, n
        if file.parent.name in ("records", "hosts"):
            assert is_whole(file), n
    return whole


def flipped(whole, n):
    return whole[:n] + bytes([whole[n] ^ (1 << n % 8)]) + whole[n + 1:]


def cut(whole, n):
    return whole[:n]


KINDS = ["records", "hosts", "paths", "verdicts"]


@pytest.fixture
def four(muster, emulators, recording, tmp_path, one_feature, cache):
    """Kinds of files, each of a store of its own, so that their damages can be tried side by side."""
    emulator = emulators.binary(tiny(recording))
    stores = {}
    for kind in KINDS:
        env = dict(one_feature, MUSTER_CACHE_DIR=str(tmp_path / f"cache-{kind}"))
        assert muster("has", FEATURE, "-e", emulator, env=env).code == 0
        stores[kind] = env
    time.sleep(2.1)  # beyond what is looked at again in any case, so that paths and verdicts are used
    for env in stores.values():
        assert muster("has", FEATURE, "-e", emulator, env=env).code == 0
    return emulator, stores


def side_by_side(four, offsets, damaged):
    emulator, stores = four

    def one(kind):
        file = Cache(pathlib.Path(stores[kind]["MUSTER_CACHE_DIR"])).only(kind)
        size = file.stat().st_size
        assert size < 12000, "a record of this scenario should be small"
        damage(stores[kind], emulator, file, offsets(kind, size), damaged)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(one, KINDS))
    for env in stores.values():
        done = subprocess.run([MUSTER, "has", FEATURE, "-e", emulator], capture_output=True, text=True,
                              env=dict(os.environ, **env))
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_every_byte_and_every_length(four):
    """Of the header all of them, of the body as many as time allows."""
    dense = {"records": 7}
    side_by_side(four, lambda kind, size: [*range(110), *range(110, size, dense.get(kind, 19))], flipped)
    side_by_side(four, lambda kind, size: [*range(0, 110, 3), *range(110, size, 2 * dense.get(kind, 15)), size - 1], cut)
    side_by_side(four, lambda kind, size: range(3), lambda whole, n: whole + (b"\n", b"{}", b"\0")[n])


@pytest.mark.parametrize("kind", ["records", "hosts"])
def test_damage_with_a_right_checksum(muster, emulator, cache, kind):
    """Somebody edited it by hand, checksum and all: what makes no sense is a miss with a note still."""
    assert muster("has", FEATURE, "-e", emulator).code == 0
    file = cache.only(kind)
    body = file.read_bytes().split(b"\n", 2)[2]
    edits = [b"", b"{}", b"[]", b"null", b"not JSON", body[:-3], body.replace(b'"format":1', b'"format":2'),
             body.replace(b'"id"', b'"di"'), body.replace(b'"answered"', b'"guessed"'),
             body.replace(b"{", b'{"surprise":1,', 1), b"[" * 100000, body.replace(b":", b":\xff", 1)]
    for edit in edits:
        assert edit != body
        sum_of = b"fnv1a64 " + fnv1a64(edit).encode() if kind == "hosts" else \
            b"sha256 " + hashlib.sha256(edit).hexdigest().encode()
        file.write_bytes(b"muster %s 1\n%s %d\n" % (kind[:-1].encode(), sum_of, len(edit)) + edit)
        answer = muster("has", FEATURE, "-e", emulator)
        assert answer.code == 0 and all(file.name in note for note in notes(answer)) and answer.err, (edit[:80], answer)
        answer = muster("has", FEATURE, "-e", emulator)
        assert (answer.code, answer.err) == (0, ""), edit[:80]


def test_a_record_under_anothers_name(muster, emulators, recording, cache):
    """Swapped files: each says whose it is."""
    scenario = tiny(recording)
    pair = emulators.binary(scenario), emulators.binary(without(scenario))
    for code, path in enumerate(pair):
        assert muster("has", FEATURE, "-e", path).code == code
    for kind in ("records", "hosts", "paths", "verdicts"):
        a, b = cache.files(kind)
        c = a.with_name("swap")
        a.rename(c), b.rename(a), c.rename(b)
        for code, path in enumerate(pair):
            answer = muster("has", FEATURE, "-e", path)
            assert answer.code == code, (kind, answer)
            notes(answer)


@pytest.mark.parametrize("n", [0, 1])
def test_a_note_is_said_once(muster, emulator, cache, n):
    assert muster("has", FEATURE, "-e", emulator).code == 0
    file = cache.only("records")
    file.write_bytes(flipped(file.read_bytes(), 200) if n else b"")
    answer = muster("has", FEATURE, "-e", emulator)
    assert answer.code == 0 and len(notes(answer)) == 1, answer


# Notes and JSON


def test_notes_keep_off_stdout(muster, emulator, cache, tmp_path):
    no_folder = tmp_path / "file"
    no_folder.write_text("")
    for args in (["probe"], ["features"], ["explain", FEATURE], ["has", FEATURE], ["schema", "show", "blockdev-add"]):
        answer = muster(*args, "--json", "-e", emulator, env={"MUSTER_CACHE_DIR": str(no_folder)})
        assert notes(answer) and answer.json is not None
        assert muster(*args, "--json", "-e", emulator).err == ""
        assert json.loads(muster(*args, "--json", "-e", emulator).out) is not None
        record = cache.only("records")
        record.write_bytes(record.read_bytes()[:-1])
        answer = muster(*args, "--json", "-e", emulator)
        assert notes(answer) and answer.json is not None
