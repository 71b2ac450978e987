# SPDX-License-Identifier: LGPL-2.1-or-later
"""The API as it is described: conf/openapi.json against the daemon's tables, and against its answers."""
import json
import subprocess

import pytest
import standin
from api import ApiError
from daemon import Daemon
from openapi import DESCRIPTION, CheckedApi, validate

BODIES = {"none": set(), "json": {"application/json"}, "xml": {"application/xml"},
          "both": {"application/json", "application/xml"}}
OTHER = {"get": "PATCH", "post": "PATCH", "put": "PATCH", "delete": "PATCH"}


def names(text):
    return dict(pair.split(":") for pair in text.split())


def type_of(schema):
    while "$ref" in schema:
        schema = DESCRIPTION["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema["type"]


def table(daemon):
    done = subprocess.run([daemon.program, "--routes"], capture_output=True, text=True, check=True)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(rows) > 15 and all(len(row) == 6 for row in rows), done.stdout
    return {(row[0].lower(), row[1]): row[2:] for row in rows}


@pytest.fixture(scope="module")
def daemon():
    with Daemon() as running:
        running.api = CheckedApi(running.socket)
        yield running


@pytest.fixture
def vm(daemon):
    name = "vm"
    daemon.api.define(standin.definition(name, daemon.emulator))
    yield name
    for domain in daemon.api.domains():
        if domain["state"] != "shut off":
            daemon.api.do(domain["name"], "destroy")
    for domain in daemon.api.domains():
        daemon.api.undefine(domain["name"], managed_save=True, nvram=True)


def described():
    return {(method, path): operation for path, item in DESCRIPTION["paths"].items()
            for method, operation in item.items() if method != "parameters"}


def test_every_route_is_described_and_nothing_else(daemon):
    assert set(described()) == set(table(daemon))


def test_the_description_has_the_parameters_and_bodies_of_the_tables(daemon):
    rows = table(daemon)
    for route, operation in described().items():
        _, body, query, members = rows[route]
        told = {p["name"]: type_of(p["schema"]) for p in operation.get("parameters", []) if p["in"] == "query"}
        assert told == names(query), route
        content = operation.get("requestBody", {}).get("content", {})
        assert set(content) == BODIES[body], route
        schema = content.get("application/json", {}).get("schema", {})
        assert {name: type_of(of) for name, of in schema.get("properties", {}).items()} == names(members), route
        assert not content or "application/json" not in content or schema["additionalProperties"] is False, route


def test_each_path_knows_its_methods_only(daemon, vm):
    for path in DESCRIPTION["paths"]:
        with pytest.raises(ApiError) as refused:
            daemon.api.call("PATCH", path.replace("{domain}", vm))
        assert (refused.value.status, refused.value.errno) == (405, "ENOSYS"), path


def test_operations_have_names_of_their_own():
    ids = [operation["operationId"] for operation in described().values()]
    assert len(ids) == len(set(ids))


def test_the_daemon_serves_its_description(daemon):
    assert daemon.api.get("/v1/openapi.json")[1] == DESCRIPTION


def test_unknown_parameters_are_refused_by_every_route(daemon, vm):
    for method, path in described():
        with pytest.raises(ApiError) as refused:
            daemon.api.call(method.upper(), path.replace("{domain}", vm), **{"no-such": "1"})
        assert refused.value.status == 400 and '"no-such"' in refused.value.message, (method, path)


def test_unknown_members_are_refused_by_every_route(daemon, vm):
    for (method, path), row in table(daemon).items():
        if row[1] not in ("json", "both"):
            continue
        with pytest.raises(ApiError) as refused:
            daemon.api.call(method.upper(), path.replace("{domain}", vm), {"no-such": 1})
        assert refused.value.status == 400 and '"no-such"' in refused.value.message, (method, path)
    assert daemon.api.state(vm) == "shut off"


@pytest.mark.parametrize("value", ["true", 1, None, [], {}])
def test_a_member_of_another_type_is_refused(daemon, vm, value):
    with pytest.raises(ApiError) as refused:
        daemon.api.post(f"/v1/domains/{vm}/start", {"paused": value})
    assert refused.value.status == 400 and '"paused"' in refused.value.message
    assert daemon.api.state(vm) == "shut off"


def test_a_boolean_of_the_query_is_one(daemon, vm):
    for value in ("maybe", "TRUE", "2"):
        with pytest.raises(ApiError) as refused:
            daemon.api.get(f"/v1/domains/{vm}/xml", inactive=value)
        assert refused.value.status == 400
    connection = daemon.api._ready()
    connection.request("GET", f"/v1/domains/{vm}/xml?inactive=true&inactive=false")
    answer = connection.getresponse()
    assert answer.status == 400 and b"twice" in answer.read()


@pytest.mark.parametrize("body", ["[]", "1", "{", '{"paused": true} {}', "nonsense", '"x"', "null"])
def test_a_body_that_is_no_object_is_refused(daemon, vm, body):
    status, _, content = daemon.api.request("POST", f"/v1/domains/{vm}/start", body, kind="application/json")
    assert status == 400, content


def test_a_body_where_none_is_taken_is_refused(daemon, vm):
    with pytest.raises(ApiError) as refused:
        daemon.api.delete(f"/v1/domains/{vm}", {})
    assert refused.value.status == 400
    assert daemon.api.domain(vm)


def test_answers_are_as_described(daemon, vm):
    """By CheckedApi, all along."""
    api = daemon.api
    assert api.get("/v1/daemon")[1]["domains"] == 1
    assert api.get("/metrics")[1].startswith("# ")
    assert [d["name"] for d in api.domains()] == [vm]
    assert api.do(vm, "start", paused=True)["state"] == "paused"
    assert api.do(vm, "resume")["state"] == "running"
    for verb in ("suspend", "resume", "reset", "shutdown"):
        api.do(vm, verb)
    assert api.qmp(vm, "query-status")
    for verb in ("start", "no-such-verb"):
        with pytest.raises(ApiError):
            api.do(vm, verb)
    api.wait_for_state(vm, "shut off")
    api.put(f"/v1/domains/{vm}/autostart", {"autostart": True})
    with pytest.raises(ApiError) as refused:
        api.define(standin.definition("bad", daemon.emulator, "<nonsense/>"))
    assert refused.value.status == 422 and refused.value.faults


def test_events_are_as_described(daemon, vm):
    with daemon.api.events(domain=vm) as events:
        daemon.api.do(vm, "start")
        daemon.api.do(vm, "destroy")
        events.wait(event="stopped")
        for event in events.seen:
            validate(event["data"], {"$ref": "#/components/schemas/Event"})


def test_domains_of_a_state(daemon, vm):
    daemon.api.define(standin.definition("other", daemon.emulator), start=True)
    listed = {state: [d["name"] for d in daemon.api.get("/v1/domains", state=state)[1]["domains"]]
              for state in DESCRIPTION["components"]["schemas"]["State"]["enum"]}
    assert listed.pop("running") == ["other"] and listed.pop("shut off") == [vm] and not any(listed.values())
    with pytest.raises(ApiError) as refused:
        daemon.api.get("/v1/domains", state="runing")
    assert refused.value.status == 400


def test_title_and_description(daemon, vm):
    path = f"/v1/domains/{vm}/metadata"
    assert daemon.api.get(path)[1] == {"uris": []}
    assert daemon.api.put(path, {"title": "Ä <title> & more", "description": "two\nlines"})[1]["title"] == "Ä <title> & more"
    assert daemon.api.get(path)[1] == {"title": "Ä <title> & more", "description": "two\nlines", "uris": []}
    daemon.api.put(path, {"description": ""})
    daemon.restart()
    assert daemon.api.get(path)[1] == {"title": "Ä <title> & more", "uris": []}
    assert daemon.api.domain(vm)["title"] == "Ä <title> & more"
    daemon.api.put(path, {"title": ""})
    assert "title" not in daemon.api.domain(vm)
    for bad in ("two\nlines", "\x01", "x" * 70000):
        with pytest.raises(ApiError) as refused:
            daemon.api.put(path, {"title": bad})
        assert refused.value.status == 400


def test_elements_of_metadata(daemon, vm):
    path, uri = f"/v1/domains/{vm}/metadata", "http://example.org/a?b=c;d"
    with pytest.raises(ApiError) as refused:
        daemon.api.get(path, uri=uri)
    assert refused.value.status == 404
    daemon.api.put(path, "<?xml version='1.0'?>\n<note kind='x'><b>text</b> tail</note>", uri=uri, key="ex")
    daemon.api.put(path, "<other/>", uri="urn:other", key="o")
    assert daemon.api.get(path, uri=uri)[1] == '<note kind="x"><b>text</b> tail</note>'
    daemon.api.put(path, "<changed/>", uri=uri, key="ex")
    assert daemon.api.get(path)[1]["uris"] == ["urn:other", uri]
    assert daemon.api.get(path, uri=uri)[1] == "<changed/>"
    xml = daemon.api.get(f"/v1/domains/{vm}/xml")[1]
    assert '<ex:changed xmlns:ex="http://example.org/a?b=c;d"/>' in xml
    daemon.api.define(xml)  # what we made is a definition that we take
    daemon.api.do(vm, "start")
    daemon.api.put(path, "<only-live/>", uri="urn:live", key="l", live=True)
    assert "urn:live" in daemon.api.get(path)[1]["uris"]
    assert "urn:live" not in daemon.api.get(path, config=True)[1]["uris"]
    daemon.api.delete(path, uri=uri)
    daemon.kill9()
    daemon.start()
    assert daemon.api.get(path)[1]["uris"] == ["urn:other", "urn:live"]
    assert daemon.api.get(path, config=True)[1]["uris"] == ["urn:other"]
    for body, query in (("<a/><b/>", {}), ("", {}), ("text", {}), ("<a>", {}), ("</metadata><metadata>", {}),
                        ("<a/>", {"key": ""}), ("<a/>", {"key": "1x"}), ("<a/>", {"key": "xml"}), ("<a/>", {"uri": "a&b"}), ("<a/>", {"uri": "a b"}),
                        ("<a/>", {"key": None}),
                        ("<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>", {})):
        with pytest.raises(ApiError) as refused:
            daemon.api.put(path, body, **({"uri": "urn:bad", "key": "k"} | query))
        assert refused.value.status == 400, (body, query)


def rename(daemon, vm, name):
    return daemon.api.post(f"/v1/domains/{vm}/rename", {"name": name})[1]


def files_of(daemon, name):
    return sorted(str(p.relative_to(daemon.folder)) for p in daemon.folder.rglob("*") if name in p.name)


def test_rename(daemon, vm):
    daemon.api.put(f"/v1/domains/{vm}/autostart", {"autostart": True})
    daemon.api.do(vm, "start")
    with pytest.raises(ApiError) as refused:
        rename(daemon, vm, "new")
    assert refused.value.status == 409
    daemon.api.do(vm, "destroy")
    uuid, before = daemon.api.domain(vm)["uuid"], files_of(daemon, vm + ".")
    with daemon.api.events() as events:
        answer = rename(daemon, vm, "new name")
        assert events.wait(event="renamed")["data"]["old-name"] == vm
    assert (answer["name"], answer["uuid"], answer["autostart"]) == ("new name", uuid, True)
    assert not files_of(daemon, vm + ".")
    assert files_of(daemon, "new name.") == [path.replace(f"{vm}.", "new name.") for path in before]
    for _ in range(2):
        assert [(d["name"], d["uuid"], d["autostart"]) for d in daemon.api.domains()] == [("new name", uuid, True)]
        assert "<name>new name</name>" in daemon.api.get("/v1/domains/new%20name/xml")[1]
        daemon.restart()
    assert daemon.api.do("new name", "start")["state"] == "running"


def test_a_rename_does_not_take_a_name(daemon, vm):
    daemon.api.define(standin.definition("other", daemon.emulator))
    for name, status in (("other", 409), (vm, 400), ("", 400), ("a/b", 400), (".x", 400), ("x" * 201, 400), ("a\nb", 400)):
        with pytest.raises(ApiError) as refused:
            rename(daemon, vm, name)
        assert refused.value.status == status, name
    assert sorted(d["name"] for d in daemon.api.domains()) == ["other", vm]


@pytest.mark.parametrize("moved", [[], ["autostart"], ["autostart", "state"]])
def test_a_rename_that_was_cut_short_is_finished(daemon, vm, moved):
    """From its first step on: the definition says the new name in the old file."""
    uuid = daemon.api.domain(vm)["uuid"]
    daemon.api.put(f"/v1/domains/{vm}/autostart", {"autostart": True})
    daemon.kill9()
    definitions, state = daemon.folder / "config/muster/domains", daemon.folder / "state/muster/domains"
    file = definitions / f"{vm}.xml"
    assert file.exists(), files_of(daemon, vm)
    file.write_text(file.read_text().replace(f"<name>{vm}</name>", "<name>next</name>"))
    (state / ("next" if "state" in moved else vm)).mkdir(parents=True, exist_ok=True)
    if "autostart" in moved:
        (definitions / "autostart/next.xml").symlink_to("../next.xml")
    daemon.start()
    assert [(d["name"], d["uuid"], d["autostart"]) for d in daemon.api.domains()] == [("next", uuid, True)]
    assert (definitions / "next.xml").exists() and not file.exists() and (state / "next").is_dir()
    assert [p.name for p in (definitions / "autostart").iterdir()] == ["next.xml"]


def test_a_copy_by_hand_does_not_replace_a_domain(daemon, vm):
    definitions = daemon.folder / "config/muster/domains"
    (definitions / "copy.xml").write_text((definitions / f"{vm}.xml").read_text())
    try:
        daemon.restart()
        assert [d["name"] for d in daemon.api.domains()] == [vm]
        assert (definitions / "copy.xml").exists() and (definitions / f"{vm}.xml").exists()
    finally:
        (definitions / "copy.xml").unlink(missing_ok=True)


def test_the_description_is_one_of_openapi():
    """As far as it can be told without its own schema: references lead somewhere, parameters are declared."""
    text = json.dumps(DESCRIPTION)
    for reference in {part.split('"')[0] for part in text.split('"$ref": "')[1:]}:
        at = DESCRIPTION
        for step in reference.removeprefix("#/").split("/"):
            at = at[step]
    for path, item in DESCRIPTION["paths"].items():
        assert ("{domain}" in path) == ("parameters" in item), path
