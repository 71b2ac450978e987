# SPDX-License-Identifier: LGPL-2.1-or-later
"""The behavioural check tells emulators that keep the promise from those that keep half of it. The latter are no longer
to be had, so they are played: by a program that speaks QMP and opens the image as such an emulator would."""
import json

import pytest

FEATURE = "dynamic-auto-read-only"

PLAYER = r'''#!/usr/bin/python3
import json, os, sys
behaviour, scenario = {behaviour!r}, json.load(open({scenario!r}))
images, exports, writable = {{}}, set(), {{}}

def reopen(node, flags):
    path, fd = images[node]
    new = os.open(path, flags)
    os.close(fd)
    images[node] = (path, new)

def refuse(words):
    return {{"error": {{"class": "GenericError", "desc": words}}}}

def answer(command, arguments):
    done = {{"return": {{}}}}
    if command == "blockdev-add":
        node, auto = arguments["node-name"], arguments.get("auto-read-only")
        if behaviour == "adds-nothing":
            return refuse("Could not open: played")
        writable[node] = not auto or behaviour != "read-only-for-good"
        read_only = auto and behaviour not in ("static", "opened-late")
        if behaviour != "closed":
            images[node] = (arguments["filename"], os.open(arguments["filename"], os.O_RDONLY if read_only else os.O_RDWR))
        return done
    if command == "nbd-server-start":
        return refuse("no sockets here") if behaviour == "no-server" else done
    if command == "block-export-add":
        node = arguments["node-name"]
        if behaviour == "no-export" or not writable[node]:
            return refuse("Cannot export read-only node as writable")
        exports.add(arguments["id"])
        if behaviour != "never-writes":
            reopen(node, os.O_RDWR)
        if behaviour == "two-descriptors":
            images["lock"] = (images[node][0], os.open(images[node][0], os.O_RDONLY))
        if behaviour == "dies":
            os._exit(3)
        return done
    if command == "block-export-del":
        if behaviour == "export-stays":
            return done
        exports.discard(arguments["id"])
        if behaviour not in ("static", "sticky"):
            for node in list(images):
                reopen(node, os.O_RDONLY)
        return done
    if command == "query-block-exports":
        return {{"return": [{{"id": e, "type": "nbd", "node-name": "n", "shutting-down": True}} for e in exports]}}
    if command in ("qmp_capabilities", "quit"):
        return done
    reply = scenario["replies"].get(command)
    return reply if isinstance(reply, dict) and ("return" in reply or "error" in reply) else \
        {{"error": {{"class": "CommandNotFound", "desc": "The command " + command + " has not been found"}}}}

def say(message):
    sys.stdout.write(json.dumps(message) + "\r\n")
    sys.stdout.flush()

say({{"QMP": {{"version": {{"qemu": {{"micro": 0, "minor": 2, "major": 7}}, "package": ""}}, "capabilities": []}}}})
for line in sys.stdin:
    request = json.loads(line)
    reply = dict(answer(request["execute"], request.get("arguments", {{}})))
    if "id" in request:
        reply["id"] = request["id"]
    say(reply)
'''

HALVES = ["opened-read-only", "read-write-at-first-writer", "read-only-after-last-writer"]


@pytest.fixture
def verify(muster, emulators, recording, tmp_path):
    def run(behaviour):
        scenario = tmp_path / "scenario.json"
        scenario.write_text(json.dumps(recording()))
        path = emulators.script(PLAYER.format(behaviour=behaviour, scenario=str(scenario)))
        return muster("verify", FEATURE, "-e", path, "--json")

    return run


@pytest.mark.parametrize("behaviour,halves", [
    ("keeps-it", [True, True, True]),
    ("two-descriptors", [True, True, True]),
    ("static", [False, True, False]),
    ("opened-late", [False, True, True]),
    ("never-writes", [True, False, True]),
    ("sticky", [True, True, False]),
    ("read-only-for-good", [True, False, False]),
])
def test_halves(verify, behaviour, halves):
    answer = verify(behaviour)
    assert answer.json["check"] == "auto-read-only-reopens"
    assert [(h["name"], h["met"]) for h in answer.json["halves"]] == list(zip(HALVES, halves)), answer
    assert answer.json["result"] == ("met" if all(halves) else "unmet")
    # a measured refutation beats the flag in the schema
    assert answer.json["verdict"] == ("present" if all(halves) else "absent")
    assert answer.code == (0 if all(halves) else 1)


@pytest.mark.parametrize("behaviour,word", [
    ("no-server", "NBD server"), ("no-export", "every writable NBD export"), ("closed", "does not have it open"),
    ("adds-nothing", "Could not open"), ("export-stays", "did not go")])
def test_what_cannot_be_measured_refutes_nothing(verify, behaviour, word):
    answer = verify(behaviour)
    assert answer.json["result"] == "unavailable" and word in answer.json["reason"], answer
    assert answer.json["verdict"] == "present" and answer.code == 0  # the schema's flag still says so


def test_death_in_the_middle(verify):
    answer = verify("dies")
    assert answer.code == 2 and not answer.out and "auto-read-only-reopens" in answer.err, answer


@pytest.mark.parametrize("path", ["/usr/bin/qemu-system-x86_64", "/usr/bin/qemu-storage-daemon",
                                  "/usr/bin/qemu-system-i386", "/usr/bin/qemu-system-aarch64"])
def test_real(muster, path):
    answer = muster("verify", FEATURE, "-e", path, "--json")
    assert answer.code == 0 and answer.json["result"] == "met", answer
    assert [h["name"] for h in answer.json["halves"]] == HALVES
