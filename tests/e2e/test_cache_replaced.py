# SPDX-License-Identifier: LGPL-2.1-or-later
"""Something is replaced while it is being asked, or a wrapper names what it starts in one of the odder ways."""
import os
import resource
import shutil
import signal
import subprocess
import time

import pytest

from conftest import MUSTER, tiny
from test_cache_key import FEATURE, probe, without

STORAGE = "/usr/bin/qemu-storage-daemon"


@pytest.fixture
def kinds(emulators, recording, log, request):
    """An emulator that has the feature and is slow, so that there is time to replace it; one without it."""
    scenario = tiny(recording, log)
    slow = dict(scenario, faults={request.param: dict(do="delay", msec=1500)})
    return emulators.binary(slow, "slow-with"), emulators.binary(without(scenario), "without")


def begin(path, log):
    """A probe that has started its emulator."""
    child = subprocess.Popen([MUSTER, "has", FEATURE, "-e", path], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    for _ in range(1000):
        if log.path.exists() and "start" in log.path.read_text():
            return child
        time.sleep(0.01)
    raise AssertionError("nothing was started")


def redirect(link, target):
    temporary = link.with_name("new-link")
    temporary.symlink_to(target)
    temporary.rename(link)


EITHER = pytest.mark.parametrize("kinds", ["greeting", "query-version"], indirect=True)


@EITHER
def test_what_a_wrapper_starts_is_redirected_meanwhile(scratch, muster, emulators, kinds, log, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(kinds[0])
    wrapper = emulators.script(f'#!/bin/sh\nexec {link} "$@"\n')
    child = begin(wrapper, log)
    redirect(link, kinds[1])
    assert child.wait() in (0, 1), "the one or the other"
    assert muster("has", FEATURE, "-e", wrapper).code == 1
    redirect(link, kinds[0])
    assert muster("has", FEATURE, "-e", wrapper).code == 0


@EITHER
def test_a_script_is_replaced_meanwhile(scratch, muster, emulators, kinds, log):
    wrapper = emulators.script(f'#!/bin/sh\nexec {kinds[0]} "$@"\n')
    new = emulators.script(f'#!/bin/sh\nexec {kinds[1]} "$@"\n')
    child = begin(wrapper, log)
    new.rename(wrapper)
    assert child.wait() in (0, 1), "the one or the other"
    assert muster("has", FEATURE, "-e", wrapper).code == 1


def test_one_that_dies_is_followed_by_another(scratch, muster, emulators, recording, log, cache):
    """The answers of two emulators must not come together under one digest."""
    scenario = tiny(recording, log)
    dying = dict(scenario, faults={"query-version": dict(do="delay", msec=1000), "qom-list-types": dict(do="die")})
    old, new = emulators.binary(dying, "dying"), emulators.binary(without(scenario), "new")
    copy = old.with_name("copy")
    shutil.copy2(old, copy)
    child = begin(old, log)
    new.rename(old)
    assert child.wait() in (1, 2), child.stderr.read()
    assert muster("has", FEATURE, "-e", old).code == 1
    answer = muster("probe", "-e", copy, "--json")
    assert answer.code == 0 and answer.json["cached"] is False


WAYS = {
    "default": 'exec "${{QEMU:-{link}}}" "$@"',
    "option": 'exec env -i {link} "$@"',
    "quoted with a blank": 'exec "{blank}" "$@"',
    "sourced": '. {conf}\nexec "$QEMU" "$@"',
    "sourced by name": 'source {conf}\nexec "$QEMU" "$@"',
}


@pytest.mark.parametrize("way", WAYS)
def test_how_a_wrapper_may_name_it(muster, emulators, recording, log, tmp_path, way):
    """In each of these the link's new end is noticed; and nothing is started as long as it stays."""
    scenario = tiny(recording, log)
    ends = emulators.binary(scenario, "with"), emulators.binary(without(scenario), "without")
    link, blank, conf = tmp_path / "link", tmp_path / "a link", tmp_path / "conf"
    for name in (link, blank):
        name.symlink_to(ends[0])
    conf.write_text(f"QEMU={link}\n")
    shell = "/bin/bash" if "source " in WAYS[way] else "/bin/sh"
    wrapper = emulators.script(f"#!{shell}\n" + WAYS[way].format(link=link, blank=blank, conf=conf) + "\n")
    assert muster("has", FEATURE, "-e", wrapper).code == 0
    assert probe(muster, wrapper) == (True, 0, "present")
    for name in (link, blank):
        redirect(name, ends[1])
    assert muster("has", FEATURE, "-e", wrapper).code == 1


def test_a_compiled_wrapper(muster, emulators, recording, log, tmp_path):
    scenario = tiny(recording, log)
    ends = emulators.binary(scenario, "with"), emulators.binary(without(scenario), "without")
    link = tmp_path / "link"
    link.symlink_to(ends[0])
    (tmp_path / "w.c").write_text(f'#include <unistd.h>\nint main(int n, char **v) {{ (void)n; execv("{link}", v); return 1; }}\n')
    wrapper = tmp_path / "wrapper"
    subprocess.run(["gcc", tmp_path / "w.c", "-o", wrapper], check=True)
    assert muster("has", FEATURE, "-e", wrapper).code == 0
    assert probe(muster, wrapper) == (True, 0, "present")
    redirect(link, ends[1])
    assert muster("has", FEATURE, "-e", wrapper).code == 1


def test_more_than_is_watched(muster, emulators, recording, log, tmp_path):
    """Then nothing rests on it: it is started each time, and that is said."""
    binary = emulators.binary(tiny(recording, log))
    names = "\n".join(f"[ -e {tmp_path}/none-{n} ] && exit 1" for n in range(300))
    wrapper = emulators.script(f'#!/bin/sh\n{names}\nexec {binary} "$@"\n')
    for _ in range(2):
        answer = muster("has", FEATURE, "-e", wrapper)
        assert answer.code == 0 and "started at every look-up" in answer.err
    assert log.starts() == 2


def test_modules_beside_the_state(muster, prefix, tmp_path):
    """QEMU also looks in /var/run/qemu/VERSION, where packages leave the modules of emulators that still run."""
    if os.geteuid() != 0 or not os.path.isdir("/run"):
        pytest.skip("only root can make /run/qemu")
    place = prefix(STORAGE)
    folder = f"/run/qemu/muster-test-{os.getpid()}"
    assert probe(muster, place.emulator)[:2] == (False, 1)
    made = not os.path.exists("/run/qemu")
    os.makedirs(folder)
    try:
        open(f"{folder}/block-none.so", "w").write("no module")
        assert probe(muster, place.emulator)[:2] == (False, 1)
    finally:
        shutil.rmtree("/run/qemu" if made else folder)
    assert probe(muster, place.emulator)[0] is True


def test_failures_of_wrappers_go_by_their_path(muster, emulators, recording, log, tmp_path):
    for name in ("bad", "good"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "w").write_text('#!/bin/sh\nexec "$(dirname "$0")/real" "$@"\n')
        (tmp_path / name / "w").chmod(0o755)
    (tmp_path / "bad/real").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "bad/real").chmod(0o755)
    emulators.binary(tiny(recording, log)).rename(tmp_path / "good/real")
    assert muster("has", FEATURE, "-e", tmp_path / "bad/w").code == 2
    assert muster("has", FEATURE, "-e", tmp_path / "good/w").code == 0


def test_one_that_was_killed_is_tried_again(scratch, muster, emulators, recording, log):
    emulator = emulators.binary(dict(tiny(recording, log), faults={"query-version": dict(do="delay", msec=700)}))
    child = begin(emulator, log)
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/exe") == str(emulator):
                os.kill(int(pid), signal.SIGKILL)
        except OSError:
            pass
    child.wait()
    assert muster("has", FEATURE, "-e", emulator).code == 0


def test_other_limits_are_another_story(scratch, muster):
    """Too little memory says nothing of the emulator."""
    if "asan" in os.environ.get("ASAN_OPTIONS", "") or "ASAN_OPTIONS" in os.environ:
        pytest.skip("a sanitizer needs more room than this limit gives")
    limit = 100 * 1024 * 1024

    def narrow():
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    done = subprocess.run([MUSTER, "has", FEATURE, "-e", "/usr/bin/qemu-system-x86_64"], preexec_fn=narrow,
                          capture_output=True, text=True)
    assert done.returncode == 2, done
    assert muster("has", FEATURE, "-e", "/usr/bin/qemu-system-x86_64").code == 0
