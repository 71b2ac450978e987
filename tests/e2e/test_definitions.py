# SPDX-License-Identifier: LGPL-2.1-or-later
"""The three verbs about definitions as a script sees them, and what they make of what is no definition."""
import json
import time

import pytest

EMULATOR = "/usr/bin/qemu-system-x86_64"
GOOD = f"""<domain type='qemu'>
  <name>guest</name>
  <memory unit='MiB'>64</memory>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <metadata><mine:note xmlns:mine='urn:mine' a='1'>kept <b/> as it is</mine:note></metadata>
  <!-- said by hand -->
  <devices>
    <emulator>{EMULATOR}</emulator>
    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
  </devices>
</domain>
"""


@pytest.fixture
def write(tmp_path):
    def make(text, name="guest.xml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return make


def test_validate_good(muster, write):
    file = write(GOOD)
    answer = muster("validate", file)
    assert (answer.code, answer.out, answer.err) == (0, "", "")
    assert muster("validate", file, "--json").json == {"valid": True, "emulator": EMULATOR, "faults": []}
    assert muster("validate", "-", stdin=GOOD).code == 0


def test_validate_faults(muster, write):
    file = write(GOOD.replace("q35", "q53").replace("<devices>", "<devices>\n    <toaster slots='2'/>"))
    answer = muster("validate", file)
    assert answer.code == 1 and answer.err == ""
    assert answer.out == f"{file}:8: /domain/devices/toaster: Muster does not know <toaster> here; remove it.\n"
    faults = muster("validate", file, "--json").json
    assert faults["valid"] is False
    assert [(f["file"], f["line"], f["path"], f["severity"]) for f in faults["faults"]] == \
        [(str(file), 8, "/domain/devices/toaster", "error")]
    machine = muster("validate", write(GOOD.replace("q35", "q53")))
    assert machine.code == 1 and ":4: /domain/os/type/@machine: " in machine.out and "q53" in machine.out


def test_one_fault_a_line_and_all_of_them(muster, write):
    text = GOOD.replace("<name>guest</name>", "<name>../guest</name>").replace("'MiB'", "'bushel'")
    answer = muster("validate", write(text.replace("model='virtio'", "model='dice'")))
    assert answer.code == 1
    assert [line.split(": ")[1].rsplit("/", 1)[1] for line in answer.out.splitlines()] == ["name", "memory", "@model"]


def test_what_an_emulator_lacks_names_the_schema_path(muster, write, emulators, recording):
    """The issue's own example, on a binary whose schema lacks the value."""
    scenario = recording("7.2-x86_64")
    for entity in scenario["replies"]["query-qmp-schema"]["return"]:
        if entity["meta-type"] == "enum" and "io_uring" in str(entity.get("values", "")) + str(entity.get("members", "")):
            entity["members"] = [m for m in entity.get("members", []) if m["name"] != "io_uring"]
            entity["values"] = [v for v in entity.get("values", []) if v != "io_uring"]
    emulator = emulators.binary(scenario)
    disk = "<disk type='file'><driver name='qemu' type='raw' io='io_uring'/><source file='/dev/null'/>" \
        "<target dev='vda' bus='virtio'/></disk>"
    answer = muster("validate", "-e", emulator, write(GOOD.replace("<rng", disk + "<rng", 1)))
    assert answer.code == 1, answer
    assert "io_uring" in answer.out and "blockdev-add/arg-type/+file/aio/^io_uring" in answer.out, answer


def test_lenient(muster, write):
    text = GOOD.replace("<os>", "<cputune><shares>10</shares></cputune><os>")
    assert muster("validate", write(text)).code == 1
    answer = muster("validate", "--lenient", write(text))
    assert answer.code == 0 and ": warning: /domain/cputune/shares: " in answer.out


def test_unreadable(muster, write, tmp_path):
    for verb in ("validate", "domxml-to-native", "domxml-format"):
        answer = muster(verb, tmp_path / "none.xml")
        assert answer.code == 2 and "none.xml" in answer.err and answer.out == ""
        answer = muster(verb, "-e", "/nonexistent/qemu", write(GOOD))
        assert answer.code == 2 and "/nonexistent/qemu" in answer.err and answer.out == ""


def test_format(muster, write):
    answer = muster("domxml-format", write(GOOD))
    assert answer.code == 0 and answer.err == ""
    assert "kept <b/> as it is" in answer.out and "said by hand" in answer.out and "machine=\"pc-q35-" in answer.out
    assert muster("domxml-format", "-", stdin=answer.out).out == answer.out
    assert muster("domxml-format", write(GOOD), "--json").json["xml"].startswith("<domain")


def test_to_native(muster, write):
    file = write(GOOD.replace("<name>guest</name>", "<name>it's a, guest</name><uuid>6ba7b810-9dad-11d1-80b4-00c04fd430c8</uuid>"))
    text = muster("domxml-to-native", "qemu-argv", file)
    assert text.code == 0 and text.out.startswith(EMULATOR)
    plan = muster("domxml-to-native", file, "--json").json
    import subprocess
    words = subprocess.run(["sh", "-c", f"set -- {text.out}\nfor w; do printf '%s\\0' \"$w\"; done"], capture_output=True,
                           check=True).stdout.decode().split("\0")[:-1]
    assert words == plan["argv"]
    assert "guest=it's a,, guest" in " ".join(words) or "it's a,, guest,debug-threads=on" in words
    assert {"argv", "blockdev", "files", "fds", "processes", "commands", "decisions", "faults"} <= set(plan)
    decision = next(d for d in plan["decisions"] if d["feature"] == "json-cli-hotplug")
    assert decision["verdict"] == "present" and decision["evidence"] and decision["for"]


LAUGHS = "<!DOCTYPE d [<!ENTITY a 'ha'>" + "".join(
    f"<!ENTITY {chr(98 + i)} '{('&' + chr(97 + i) + ';') * 10}'>" for i in range(12)) + "]>"

BAD = {
    "empty": b"",
    "no XML": b"hello",
    "billion laughs": (LAUGHS + GOOD.replace("guest<", "&m;<")).encode(),
    "an external entity": GOOD.replace("<domain", "<!DOCTYPE d [<!ENTITY x SYSTEM '/etc/passwd'>]><domain", 1)
    .replace("guest<", "&x;<").encode(),
    "deep": GOOD.replace("<devices>", "<a>" * 100000 + "<devices>").encode(),
    "deep and closed": GOOD.replace("<metadata>", "<metadata>" + "<a>" * 200 + "</a>" * 200).encode(),
    "100,000 devices": GOOD.replace("</devices>", "<rng/>" * 100000 + "</devices>").encode(),
    "too many devices": GOOD.replace(
        "</devices>", "<input type='tablet' bus='usb'/>" * 3000 + "</devices>").encode(),
    "invalid UTF-8": GOOD.replace("guest<", "gu\udcffest<").encode("utf-8", "surrogateescape"),
    "a NUL": GOOD.replace("guest<", "gu\0est<").encode(),
    "another root": b"<network><name>x</name></network>",
    "too large": GOOD.encode() + b" " * (5 << 20),
    "UTF-16, half": GOOD.encode("utf-16")[:101],
}


@pytest.mark.parametrize("what", BAD)
@pytest.mark.parametrize("verb", ["validate", "domxml-format", "domxml-to-native"])
def test_bad_input_is_a_bounded_error(muster, write, what, verb):
    began = time.monotonic()
    answer = muster(verb, write(BAD[what]))
    assert time.monotonic() - began < 10
    assert answer.code in (1, 2) and "root:" not in answer.out + answer.err, answer
    assert len((answer.out + answer.err).splitlines()) <= 1001
    assert (answer.out if verb == "validate" and answer.code == 1 else answer.err).strip()


def test_names_do_not_leave_their_folder(muster, write):
    for name in ("../x", "a/b", ".", "..", ".hidden", "a\nb", "x" * 300):
        answer = muster("validate", write(GOOD.replace("guest<", name + "<")))
        assert (answer.code == 1 and "/domain/name: " in answer.out) or "\n" in name, (name, answer)


def test_no_string_becomes_an_option(muster, write):
    """Commas, equal signs, quotes and dashes stay within the property that they were given for."""
    evil = "x,readonly=off\" -device foo' ,id=bar"
    disk = f"""<disk type='file'><driver name='qemu' type='raw'/><source file="/tmp/{evil.replace('"', '&quot;')}"/>
      <target dev='vda' bus='virtio'/><serial>a,b=c</serial></disk>"""
    for emulator in ([], ):
        plan = muster("domxml-to-native", "--json", *emulator, write(GOOD.replace("<rng", disk + "<rng", 1))).json
        assert any(node.get("filename") == f"/tmp/{evil}" for node in plan["blockdev"])
        devices = [json.loads(w) for o, w in zip(plan["argv"], plan["argv"][1:]) if o == "-device" and w[0] == "{"]
        assert any(d.get("serial") == "a,b=c" for d in devices)
        assert not any(w == "foo" or "\"foo\"" in w for w in plan["argv"])
