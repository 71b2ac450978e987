# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the table of verbs makes beside the help: the manual and the shells' completion."""
import os
import pathlib
import re
import subprocess

import pytest

from conftest import MUSTER


def section(page, name):
    found = re.search(rf'^\.SH "?{name}"?\n(.*?)(?=^\.SH|\Z)', page, re.MULTILINE | re.DOTALL)
    assert found, name
    return found[1].replace("\\-", "-")


def test_manual_names_what_decides_about_the_cache(muster):
    page = muster("--generate", "man").out
    terms = re.findall(r"^\.TP\n(.*)$", section(page, "ENVIRONMENT"), re.MULTILINE)
    assert {"MUSTER_CACHE_DIR", "XDG_CACHE_HOME", "HOME", "MUSTER_FEATURES_DIR", "PATH"} <= set(terms)
    terms = re.findall(r"^\.TP\n(.*)$", section(page, "FILES"), re.MULTILINE)
    assert {"/var/cache/muster", "~/.cache/muster"} <= set(terms)
    assert "muster-store (5)" in section(page, "SEE ALSO")


def completed(line, script):
    """What bash offers for the last word, as readline splits the line: "=" is a word of its own."""
    words = [word for word in re.split(r"\s+|(=)", line) if word] + ([""] if line.endswith(" ") else [])
    quoted = " ".join(f"'{word}'" for word in words)
    ask = f"""shopt -s extglob; compopt() {{ :; }}; source {script}
        COMP_WORDS=({quoted}) COMP_CWORD={len(words) - 1}; _muster; printf '%s\\n' "${{COMPREPLY[@]}}" """
    path = f"{pathlib.Path(MUSTER).parent}:{os.environ['PATH']}"
    done = subprocess.run(["bash", "--norc", "-c", ask], capture_output=True, text=True, env=dict(os.environ, PATH=path))
    assert (done.returncode, done.stderr) == (0, ""), done
    return set(done.stdout.split())


@pytest.mark.parametrize("line, words", [
    ("muster ca", {"cache", "catalogue"}),
    ("muster cache ", {"clear", "export", "import", "list", "prune", "show", "verify"}),
    ("muster cache sh", {"show"}),
    ("muster cache --json sh", {"show"}),
    ("muster --json cache ", {"clear", "export", "import", "list", "prune", "show", "verify"}),
    ("muster cache show /usr/bin/qemu-st", {"/usr/bin/qemu-storage-daemon"}),
    ("muster cache export -o x.tar /usr/bin/qemu-st", {"/usr/bin/qemu-storage-daemon"}),
    ("muster cache prune --", {"--help", "--json", "--max-size", "--older-than"}),
    ("muster cache prune --older-than 3d --m", {"--max-size"}),
    ("muster cache prune --older-than ", set()),
    ("muster has --trust ", {"declared", "measured", "inferred"}),
    ("muster has --trust=", {"declared", "measured", "inferred"}),
    ("muster has --trust=de", {"declared"}),
    ("muster has dynamic-auto", {"dynamic-auto-read-only"}),
    ("muster probe --emulator=/usr/bin/qemu-st", {"/usr/bin/qemu-storage-daemon"}),
    ("muster help sch", {"schema"}),
])
def test_bash_completes(muster, tmp_path, line, words):
    script = tmp_path / "completion"
    script.write_text(muster("--generate", "bash").out)
    assert completed(line, script) == words


def test_bash_offers_emulators_and_files(muster, tmp_path):
    script = tmp_path / "completion"
    script.write_text(muster("--generate", "bash").out)
    assert {"/usr/bin/qemu-storage-daemon", "/usr/bin/qemu-system-x86_64"} <= completed("muster cache show ", script)
    assert completed("muster cache import ", script) == set()
