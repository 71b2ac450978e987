# SPDX-License-Identifier: LGPL-2.1-or-later
"""The house's rules that a machine can check: who includes whom, what is exported, how long files are."""
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["MUSTER_BUILD"])

# Layer: the layers that it may include. `qmp` and `qapi` do not know each other.
ALLOWED = {
    "base": set(),
    "qmp": {"base"},
    "qapi": {"base"},
    "emulator": {"base", "qmp", "qapi"},
    "feature": {"base", "qmp", "qapi", "emulator"},
    "store": {"base", "qmp", "qapi", "emulator", "feature"},
    "block": {"base", "qmp", "qapi", "emulator", "feature", "store"},
    "domain": {"base", "qmp", "qapi", "emulator", "feature", "store", "block"},
    "daemon": {"base", "qmp", "qapi", "emulator", "feature", "store", "block", "domain"},
    "cli": {"base"},
}
# The adapters: who may see the event loop.
UV_ALLOWED = re.compile(r"src/(daemon/[a-z-]+|qmp/client|store/async|emulator/(spawn|run|probe|child|connect|sandbox|worker)[a-z-]*)\.[ch]$")
# Libraries, and the adapters that may see them.
LIBRARIES = {
    "curl/": r"src/cli/client",
    "microhttpd": r"src/daemon/http",
    "systemd/": r"src/daemon/(log|systemd|scope)",
    "libxml/": r"src/(domain|daemon)/",
}
INCLUDE = re.compile(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]', re.M)


def sources():
    return sorted(p for p in (ROOT / "src").rglob("*.[ch]"))


def rel(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", sources(), ids=rel)
def test_includes_point_downward(path):
    layer = path.relative_to(ROOT / "src").parts[0]
    wrong = []
    for name in INCLUDE.findall(path.read_text()):
        top = name.split("/")[0]
        if top in ALLOWED and "/" in name and top != layer and top not in ALLOWED[layer]:
            wrong.append(name)
        if name == "uv.h" and not UV_ALLOWED.search(rel(path)):
            wrong.append(name)
        if any(re.match(what, name) and not re.search(where, rel(path)) for what, where in LIBRARIES.items()):
            wrong.append(name)
    assert not wrong, f"{rel(path)} includes {wrong}"


def test_command_line_uses_the_public_interface_only():
    for path in (ROOT / "src/cli").glob("*.[ch]"):
        for name in INCLUDE.findall(path.read_text()):
            if "/" in name and name.split("/")[0] in ALLOWED:
                assert name.split("/")[0] in ("base", "cli"), f"{rel(path)} includes {name}"


def test_files_stay_below_the_wall():
    long = {rel(p): n for p in sources() if (n := len(p.read_text().splitlines())) > 1000}
    assert not long


def test_every_source_says_its_licence():
    files = subprocess.run(["git", "ls-files", "src", "include", "tests", "conf", "dev", ".ci"], cwd=ROOT,
                           capture_output=True, text=True, check=True).stdout.split()
    data = re.compile(r"tests/(data|fuzz/corpus)/|\.json$|\.po$|LINGUAS|POTFILES")
    missing = [f for f in files if not data.search(f) and (ROOT / f).is_file()
               and "LGPL-2.1-or-later" not in (ROOT / f).read_text(errors="replace")[:400]]
    assert not missing


def exported():
    library = BUILD / "src/libmuster.so"
    lines = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    return {line.split()[-1].split("@")[0] for line in lines if " A " not in line}


def test_exports_are_the_headers_and_the_map():
    declared = set()
    for header in (ROOT / "include/muster").glob("*.h"):
        text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
        declared |= set(re.findall(r"\b(muster_[a-z0-9_]+)\(", text))
    mapped = set(re.findall(r"^\s+(muster_\w+);", (ROOT / "src/libmuster.sym").read_text(), re.M))
    assert exported() == declared
    assert mapped == declared


def test_every_public_function_is_documented():
    """A comment stands directly above each declaration, or above the group it stands in without a gap."""
    for header in (ROOT / "include/muster").glob("*.h"):
        text = header.read_text()
        for group in re.split(r"\n\s*\n", text):
            if re.search(r"^(?!static)[\w *]+\bmuster_[a-z0-9_]+\(", group, re.M) and "/**" not in group:
                names = set(re.findall(r"\b(muster_\w+)\(", group))
                pairs = {"ref", "unref", "free", "kind"}
                assert all(n.rsplit("_", 1)[-1] in pairs or n in SELF_EVIDENT for n in names), f"{rel(header)}: {names}"


SELF_EVIDENT = {"muster_gate_request_new", "muster_gate_request_set_filename", "muster_gate_request_set_access",
                "muster_gate_result_decision"}


def test_headers_stand_alone_and_speak_cxx(tmp_path):
    for header in (ROOT / "include/muster").glob("*.h"):
        source = tmp_path / "one.c"
        source.write_text(f"#include <muster/{header.name}>\nint main(void) {{ return 0; }}\n")
        subprocess.run(["gcc", "-Wall", "-Wextra", "-Werror", "-std=c99", "-fsyntax-only", f"-I{ROOT}/include", source],
                       check=True)


PROGRAM = r"""
#include <muster/muster.h>
#include <stdio.h>
int main(void)
{
        MusterContext *context;
        if (muster_context_new(&context) < 0)
                return 1;
        puts(muster_version());
        muster_context_free(context);
        return 0;
}
"""


def test_installs_and_serves_another_program(tmp_path):
    """meson install below DESTDIR, then a stranger's program built by pkg-config's word alone."""
    subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", tmp_path], check=True)
    config = next(tmp_path.rglob("libmuster.pc"))
    env = dict(os.environ, PKG_CONFIG_PATH=str(config.parent), PKG_CONFIG_SYSROOT_DIR=str(tmp_path))
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "libmuster"], env=env, capture_output=True, text=True,
                           check=True).stdout.split()
    (tmp_path / "program.c").write_text(PROGRAM)
    subprocess.run(["gcc", tmp_path / "program.c", "-o", tmp_path / "program", *flags], check=True)
    libdir = next(tmp_path.rglob("libmuster.so")).parent
    out = subprocess.run([tmp_path / "program"], env=dict(os.environ, LD_LIBRARY_PATH=str(libdir)),
                         capture_output=True, text=True, check=True).stdout
    assert out == "0.1.0\n"
    assert next(tmp_path.rglob("muster/features.d")).is_dir()
    assert next(tmp_path.rglob("bin/muster"))
