# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client of musterd's API that blocks, for tests and benches. The socket is all that it needs to know."""
import http.client
import json
import select
import socket
import threading
import time
import urllib.parse

JSON, XML = "application/json", "application/xml"


class ApiError(Exception):
    """The daemon answered, and it was no."""

    def __init__(self, status, body):
        error = body.get("error", {}) if isinstance(body, dict) else {}
        self.status, self.body = status, body
        self.errno, self.message, self.detail = error.get("errno"), error.get("message"), error.get("detail")
        self.faults = body.get("faults", []) if isinstance(body, dict) else []
        super().__init__(f"{status} {self.errno}: {self.message} {self.detail or ''} {self.faults or ''}".rstrip())


class _Connection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("muster", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def _target(path, query):
    """True is `true`; what is None is left out. The path may hold what is quoted already."""
    pairs = [(key.replace("_", "-"), str(value).lower() if isinstance(value, bool) else value)
             for key, value in query.items() if value is not None]
    path = urllib.parse.quote(path, safe="/%")
    return path + ("?" + urllib.parse.urlencode(pairs) if pairs else "")


class Api:
    """
    One connection that is kept, so not for several threads at once: each takes a clone(). Every verb returns
    (status, value), the value as JSON or, where it is none, as text; keywords are the query (`managed_save`
    is `managed-save`). A call that fails raises: ApiError where the daemon said so, else OSError or
    http.client.HTTPException, and then nobody knows whether it was carried out. Nothing is ever sent twice.
    """

    def __init__(self, path, timeout=60):
        self.path, self.timeout = path, timeout
        self._connection = None

    def clone(self, timeout=None):
        return Api(self.path, timeout or self.timeout)

    def close(self):
        if self._connection:
            self._connection.close()
            self._connection = None

    def _ready(self):
        """A connection on which something waits to be read has been closed by the daemon, or is out of step."""
        connection = self._connection
        if connection and connection.sock and select.select([connection.sock], [], [], 0)[0]:
            self.close()
        if not self._connection:
            self._connection = _Connection(self.path, self.timeout)
        return self._connection

    def request(self, method, path, body=None, kind=None, headers=None, **query):
        """`body`: XML as text, JSON as anything else. Returns (status, headers, bytes), whatever the status."""
        headers = dict(headers or {})
        if body is not None:
            kind = kind or (XML if isinstance(body, (str, bytes)) else JSON)
            body = body if isinstance(body, (str, bytes)) else json.dumps(body)
            body = body.encode() if isinstance(body, str) else body
            headers["Content-Type"] = kind
        connection = self._ready()
        try:
            connection.request(method, _target(path, query), body=body, headers=headers)
            answer = connection.getresponse()
            content = answer.read()
        except BaseException:
            self.close()
            raise
        return answer.status, answer.headers, content

    def call(self, method, path, body=None, **query):
        status, headers, content = self.request(method, path, body, **query)
        value = content.decode()
        if headers.get("Content-Type", "").startswith(JSON):
            value = json.loads(value)
        if status >= 400:
            raise ApiError(status, value)
        return status, value

    def get(self, path, **query):
        return self.call("GET", path, **query)

    def post(self, path, body=None, **query):
        return self.call("POST", path, body, **query)

    def put(self, path, body=None, **query):
        return self.call("PUT", path, body, **query)

    def delete(self, path, body=None, **query):
        return self.call("DELETE", path, body, **query)

    # What nearly every test does, by its value alone.

    def domains(self):
        return self.get("/v1/domains")[1]["domains"]

    def domain(self, name):
        return self.get(f"/v1/domains/{name}")[1]

    def state(self, name):
        return self.domain(name)["state"]

    def define(self, xml, **query):
        return self.post("/v1/domains", xml, **query)[1]

    def do(self, name, verb, **members):
        """`start`, `suspend`, …; members of the body as keywords."""
        return self.post(f"/v1/domains/{name}/{verb}",
                         {key.replace("_", "-"): value for key, value in members.items()} or None)[1]

    def undefine(self, name, **query):
        return self.delete(f"/v1/domains/{name}", **query)[1]

    def qmp(self, name, command, **arguments):
        body = {"execute": command, **({"arguments": arguments} if arguments else {})}
        return self.post(f"/v1/domains/{name}/qmp", body)[1]["return"]

    def wait_for_state(self, name, state, seconds=30):
        end = time.monotonic() + seconds
        while (now := self.state(name)) != state:
            assert time.monotonic() < end, f"{name} is {now}, and not {state}, after {seconds} s"
            time.sleep(0.02)

    def events(self, after=None, **query):
        return Events(self.path, after, **query)


class Events:
    """
    The event stream, read by a thread: `seen` grows by {"id", "event", "data"}. `ended` is set when the
    daemon closed it. A context manager; one that was closed goes on from `last` in another one.
    """

    def __init__(self, path, after=None, seconds=30, **query):
        self.seen, self.ended, self.last = [], False, after
        self._changed = threading.Condition()
        self._connection = _Connection(path, seconds)
        self._connection.request("GET", _target("/v1/events", query),
                                 headers={} if after is None else {"Last-Event-ID": str(after)})
        answer = self._connection.getresponse()
        if answer.status != 200:
            raise ApiError(answer.status, json.loads(answer.read()))
        assert answer.headers["Content-Type"].startswith("text/event-stream"), answer.headers
        self._socket = self._connection.sock or answer.fp.raw._sock
        self._socket.settimeout(None)
        self._thread = threading.Thread(target=self._read, args=(answer,), daemon=True)
        self._thread.start()

    def _take(self, fields):
        if "data" not in fields:
            return
        event = {"id": fields.get("id"), "event": fields.get("event", "message"), "data": json.loads(fields["data"])}
        with self._changed:
            self.seen.append(event)
            self.last = event["id"] or self.last
            self._changed.notify_all()

    def _read(self, answer):
        fields = {}
        try:
            while line := answer.readline():
                name, _, value = line.decode().rstrip("\r\n").partition(":")
                if not line.strip():
                    self._take(fields)
                    fields = {}
                elif name:  # a line that begins with ':' is a comment: it keeps the connection alive
                    value = value.removeprefix(" ")
                    fields[name] = f"{fields[name]}\n{value}" if name in fields else value
        except (OSError, ValueError, http.client.HTTPException):
            pass
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    def wait(self, wanted=None, seconds=30, **members):
        """The first event with these members of its data (`event="started"`), or for which wanted(event) is true."""
        def matches(event):
            return (not wanted or wanted(event)) and all(event["data"].get(key) == value
                                                         for key, value in members.items())

        end = time.monotonic() + seconds
        with self._changed:
            at = 0
            while True:
                for event in self.seen[at:]:
                    if matches(event):
                        return event
                at = len(self.seen)
                left = end - time.monotonic()
                assert not self.ended and left > 0, f"no event {members or wanted} within {seconds} s: {self.seen[-20:]}"
                self._changed.wait(left)

    def close(self):
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._thread.join(10)
        self._connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
