# SPDX-License-Identifier: LGPL-2.1-or-later
"""conf/openapi.json as a judge of answers: an Api that holds each against what is described."""
import json
import pathlib
import re

import jsonschema

from api import JSON, Api

ROOT = pathlib.Path(__file__).resolve().parents[2]
DESCRIPTION = json.loads((ROOT / "conf/openapi.json").read_text())


def schema_of(schema):
    """With the components at hand; OpenAPI 3.1 has JSON Schema's own dialect."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "components": DESCRIPTION["components"], **schema}


def validate(value, schema):
    jsonschema.validate(value, schema_of(schema))


def find(method, path):
    """(path as it is described, operation), or None."""
    path = path.partition("?")[0]
    for pattern, item in DESCRIPTION["paths"].items():
        if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(pattern)), path) and method.lower() in item:
            return pattern, item[method.lower()]
    return None


def response_of(operation, status):
    found = operation["responses"].get(str(status))
    if found and "$ref" in found:
        found = DESCRIPTION["components"]["responses"][found["$ref"].rsplit("/", 1)[1]]
    return found


class CheckedApi(Api):
    """Every answer must be described, with its status and its type, and be as it is described."""

    def request(self, method, path, body=None, kind=None, headers=None, **query):
        status, answered, content = super().request(method, path, body, kind, headers, **query)
        found = find(method, path)
        if not found or status in (405, 408, 414, 429, 431, 503):
            return status, answered, content
        response = response_of(found[1], status)
        assert response, f"{method} {path}: {status} is not described: {content[:300]}"
        kind = answered.get("Content-Type", "").partition(";")[0]
        assert kind in response["content"], f"{method} {path}: {status} is of type {kind!r}: {content[:300]}"
        if kind == JSON:
            validate(json.loads(content), response["content"][kind]["schema"])
        return status, answered, content

    def clone(self, timeout=None):
        return CheckedApi(self.path, timeout or self.timeout)
