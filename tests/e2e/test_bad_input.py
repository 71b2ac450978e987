# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is no emulator: one sentence with the cause, exit 2, within the deadline, nothing left behind."""
import os
import subprocess
import time

import pytest

FEATURE = "dynamic-auto-read-only"


def refused(muster, path, *words, timeout="2"):
    began = time.monotonic()
    answer = muster("has", FEATURE, "-e", path, "--timeout", timeout)
    assert answer.code == 2 and answer.out == "", answer
    assert time.monotonic() - began < float(timeout) + 2
    first = answer.err.splitlines()[0]
    assert first.startswith("muster: "), answer
    assert str(path) in answer.err, answer
    for word in words:
        assert word in answer.err, answer


def test_no_such_file(muster):
    refused(muster, "/nonexistent/qemu", "no file")


def test_directory(muster):
    refused(muster, "/usr")


def test_not_executable(muster, tmp_path):
    file = tmp_path / "qemu-system-x86_64"
    file.write_text("#!/bin/sh\n")
    refused(muster, file)


def test_not_a_program(muster, emulators):
    refused(muster, emulators.script("\x7fNOT ELF at all\n"))


def test_missing_interpreter(muster, emulators):
    refused(muster, emulators.script("#!/nonexistent/sh\n"))


@pytest.mark.parametrize("path", ["/bin/ls", "/bin/cat", "/bin/true", "/bin/false", "/bin/echo"])
def test_other_programs(muster, path):
    refused(muster, path)


def test_sleeper(muster, emulators):
    refused(muster, emulators.script("#!/bin/sh\nsleep 1000\n"), timeout="1")


def test_sleeper_that_ignores_signals(muster, emulators):
    refused(muster, emulators.script("#!/bin/sh\ntrap '' TERM INT HUP\nwhile :; do sleep 1000; done\n"), timeout="1")


def test_sleeper_in_a_session_of_its_own(muster, emulators):
    """A child that escapes its process group and its parent is still ours to end."""
    marker = "97531.02468"
    refused(muster, emulators.script(f"#!/bin/sh\nsetsid sleep {marker} &\nsleep 1000\n"), timeout="1")
    time.sleep(0.2)
    assert subprocess.run(["pgrep", "-f", f"sleep {marker}"], capture_output=True).returncode == 1


def test_megabytes_of_output(muster, emulators):
    refused(muster, emulators.script("#!/bin/sh\nhead -c 50000000 /dev/zero | tr '\\0' x\nsleep 1000\n"))


def test_megabytes_of_complaints(muster, emulators):
    refused(muster, emulators.script("#!/bin/sh\nhead -c 50000000 /dev/zero | tr '\\0' y >&2\necho the end >&2\nexit 7\n"),
            "the end", "7", timeout="10")


def test_escapes_do_not_reach_the_terminal(muster, emulators):
    emulator = emulators.script("#!/bin/sh\nprintf 'a\\033[31mred\\007\\n' >&2\nexit 3\n")
    answer = muster("has", FEATURE, "-e", emulator)
    assert answer.code == 2 and "red" in answer.err
    assert "\033" not in answer.err and "\007" not in answer.err


def test_missing_library(muster, tmp_path):
    (tmp_path / "lib.c").write_text("int nothing(void) { return 0; }\n")
    (tmp_path / "main.c").write_text("int nothing(void); int main(void) { return nothing(); }\n")
    library, program = tmp_path / "libgone.so", tmp_path / "qemu-system-x86_64"
    subprocess.run(["gcc", "-shared", "-o", library, tmp_path / "lib.c"], check=True)
    subprocess.run(["gcc", "-o", program, tmp_path / "main.c", f"-L{tmp_path}", "-lgone"], check=True)
    library.unlink()
    refused(muster, program, "libgone.so")


def test_one_bad_binary_hides_no_other(muster, emulators, recording, tmp_path):
    emulators.replay(recording(), "qemu-system-x86_64")
    emulators.script("#!/bin/sh\nexit 1\n", "qemu-system-aarch64")
    answer = muster("probe", "--all", "--json", "--timeout", "20",
                    env={"PATH": f"{emulators.folder}:{os.environ['PATH']}"})
    assert answer.code == 2
    ours = [e for e in answer.json if e["emulator"]["path"].startswith(str(emulators.folder))]
    assert len(ours) == 2
    assert sum("error" in e for e in ours) == 1 and sum("features" in e for e in ours) == 1


@pytest.mark.parametrize("args", [
    [], ["frobnicate"], ["has"], ["has", "a", "b"], ["has", "no-such-feature"], ["probe", "--frob"],
    ["has", FEATURE, "--trust", "blind"], ["probe", "--timeout", "0"], ["probe", "--timeout", "soon"],
    ["probe", "--connect", "tcp:host"], ["probe", "--connect", "unix:/nonexistent"], ["schema", "query"],
    ["schema"], ["schema", "query", "a//b"], ["gate", "--access", "rw"], ["gate", "--driver", "file"],
    ["gate", "--driver", "file", "--filename", "x", "--access", "maybe"], ["catalogue", "check", "/nonexistent"],
    ["blockdev-add", "--driver", "file"], ["probe", "--user", "no-such-user-here"],
])
def test_wrong_usage(muster, args):
    answer = muster(*args)
    assert answer.code == 2 and answer.out == "", answer
    assert answer.err, answer


def test_full_disk(muster, emulators, recording):
    emulator = emulators.replay(recording())
    with open("/dev/full", "w") as full:
        done = subprocess.run([os.environ["MUSTER"], "features", "-e", emulator], stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 2 and b"No space" in done.stderr
