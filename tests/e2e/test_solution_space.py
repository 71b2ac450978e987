# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each row of the seed's solution space: how an emulator may tell that auto-read-only is dynamic."""
import pytest

from conftest import Schema

FEATURE = "dynamic-auto-read-only"
MEMBER = "file-posix-dynamic-auto-read-only"


@pytest.fixture
def silent(recording):
    """QEMU 7.2 as it would be had it never declared the feature."""
    scenario = recording()
    del Schema(scenario).branch("blockdev-add", "file")["features"]
    return scenario


def features_command(scenario, values, member=MEMBER):
    schema = Schema(scenario)
    schema.add({"name": "1001", "meta-type": "object", "members": [{"name": member, "type": "bool"}]})
    schema.add({"name": "query-qemu-features", "meta-type": "command", "arg-type": "0", "ret-type": "1001"})
    if values is not None:
        scenario["replies"]["query-qemu-features"] = values


def has(muster, emulator, *more):
    return muster("has", FEATURE, "-e", emulator, *more).code


def test_flag_on_the_struct(muster, emulators, recording):
    assert has(muster, emulators.replay(recording())) == 0


@pytest.mark.parametrize("driver,code", [("file", 0), ("host_device", 0), ("host_cdrom", 0), ("nbd", 1)])
def test_flag_on_the_struct_by_driver(muster, emulators, recording, driver, code):
    assert has(muster, emulators.replay(recording()), "--driver", driver) == code


def test_nothing_declared(muster, emulators, silent):
    emulator = emulators.replay(silent)
    assert has(muster, emulator) == 1
    ties = muster("explain", FEATURE, "-e", emulator, "--json").json["ties"]
    assert all(t["result"] != "met" for t in ties)
    assert {t["kind"] for t in ties} == {"schema", "runtime", "measured", "version"}


def test_flag_on_the_union(muster, emulators, silent):
    Schema(silent).arguments("blockdev-add")["features"] = [FEATURE]
    assert has(muster, emulators.replay(silent), "--driver", "host_cdrom") == 0


def test_flag_on_the_command(muster, emulators, silent):
    Schema(silent).command("blockdev-add")["features"] = [FEATURE]
    emulator = emulators.replay(silent)
    assert has(muster, emulator) == 0
    reach = muster("explain", FEATURE, "-e", emulator, "--json").json["reach"]
    assert any(r["command"] == "blockdev-add" and r["covered"] for r in reach)
    assert not any(r["command"] == "blockdev-reopen" and r["covered"] for r in reach)


def test_new_member_beside_the_old_one(muster, emulators, silent):
    Schema(silent).arguments("blockdev-add")["members"].append({"name": FEATURE, "type": "bool", "default": None})
    assert has(muster, emulators.replay(silent)) == 0


def test_query_command_in_the_schema_alone(muster, emulators, silent):
    """The schema promises an answer that the command then fails to give: nobody knows."""
    features_command(silent, {"error": {"class": "GenericError", "desc": "not now"}})
    emulator = emulators.replay(silent)
    assert has(muster, emulator) == 3
    tie = next(t for t in muster("explain", FEATURE, "-e", emulator, "--json").json["ties"] if t["kind"] == "runtime")
    assert tie["result"] == "unavailable" and "not now" in tie["detail"]


@pytest.mark.parametrize("value,code", [(True, 0), (False, 1)])
def test_query_command_run(muster, emulators, silent, value, code):
    features_command(silent, {"return": {MEMBER: value}})
    assert has(muster, emulators.replay(silent)) == code


def test_query_command_without_this_member(muster, emulators, silent):
    features_command(silent, {"return": {"another": True}}, member="another")
    assert has(muster, emulators.replay(silent)) == 1


def test_query_command_answers_what_its_schema_lacks(muster, emulators, silent):
    features_command(silent, {"return": {MEMBER: True}}, member="another")
    assert has(muster, emulators.replay(silent)) == 1


def test_runtime_false_beats_the_declared_flag(muster, emulators, recording):
    scenario = recording()
    features_command(scenario, {"return": {MEMBER: False}})
    assert has(muster, emulators.replay(scenario)) == 1


def test_option_witness(muster, emulators, recording, tmp_path):
    """query-command-line-options as the witness, by a feature of the user's own."""
    own = tmp_path / "config/muster/features.d"
    own.mkdir(parents=True)
    (own / "mine.ini").write_text("[sandbox-spawn]\nsummary = the sandbox can forbid new processes\n"
                                  "governs = blockdev-add\ntie = option sandbox/spawn\nsince = QEMU 2.11\n"
                                  "[sandbox-moon]\nsummary = nothing has this\ngoverns = blockdev-add\n"
                                  "tie = option sandbox/moon\nsince = never\n")
    emulator = emulators.replay(recording())
    assert muster("has", "sandbox-spawn", "-e", emulator).code == 0
    assert muster("has", "sandbox-moon", "-e", emulator).code == 1


def test_version_alone_is_no_proof(muster, emulators, silent):
    for reply in (silent["greeting"]["QMP"]["version"], silent["replies"]["query-version"]["return"]):
        reply["qemu"] = {"major": 4, "minor": 0, "micro": 1}
    emulator = emulators.replay(silent)
    assert has(muster, emulator) == 3
    assert has(muster, emulator, "--trust", "inferred") == 0
    assert has(muster, emulator, "--trust", "declared") == 3


def test_another_host_system(muster, emulators, silent):
    """Built for Windows, 7.2 has the member and not the flag: absent, by the same rule."""
    answer = muster("explain", FEATURE, "-e", emulators.replay(silent), "--json")
    assert answer.json["verdict"] == "absent"
    assert not any(r["covered"] for r in answer.json["reach"])


def test_users_file_overrides_the_shipped_one(muster, emulators, recording, tmp_path):
    own = tmp_path / "config/muster/features.d"
    own.mkdir(parents=True)
    (own / "zz.ini").write_text(f"[{FEATURE}]\nsummary = mine\ngoverns = blockdev-add driver=file\n"
                                "tie = schema blockdev-add/$never\nsince = never\n")
    emulator = emulators.replay(recording())
    assert has(muster, emulator) == 1
    assert str(own / "zz.ini") in muster("explain", FEATURE, "-e", emulator, "--json").json["origin"]


def test_reach_names_what_shares_the_syntax(muster, emulators, recording):
    explained = muster("explain", FEATURE, "-e", emulators.replay(recording()), "--json").json
    covered = {(r["command"], r.get("driver")) for r in explained["reach"] if r["covered"]}
    for command in ("blockdev-add", "blockdev-reopen"):
        for driver in ("file", "host_device", "host_cdrom"):
            assert (command, driver) in covered
    assert "-blockdev" in {r["command"] for r in explained["reach"]}
    assert any("blockdev-create" == r["command"] for r in explained["reach"])
