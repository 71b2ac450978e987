# SPDX-License-Identifier: LGPL-2.1-or-later
"""musterd's interface as any client would use it: curl in the guest, as some user."""
import json
import shlex

# No guest in it: the firmware finds nothing to boot and halts. An emulated emulator must not have much to do.
DOMAIN = """<domain type='qemu'>
  <name>{name}</name>
  <memory unit='MiB'>32</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/>{devices}
    <memballoon model='none'/>
  </devices>
</domain>
"""


def definition(name, devices=""):
    return DOMAIN.format(name=name, devices=devices)


class Refused(AssertionError):
    def __init__(self, method, path, status, body):
        super().__init__(f"{method} {path}: {status} {body}")
        self.status, self.body = status, body


class Api:
    def __init__(self, machine, socket="/run/muster/muster.sock", user="root"):
        self.machine, self.socket, self.user = machine, socket, user

    def request(self, method, path, body=None, timeout=40):
        """Status and body, whatever they are."""
        curl = ["curl", "--silent", "--show-error", "--max-time", str(timeout), "--unix-socket", self.socket,
                "--request", method, "--write-out", r"\n%{http_code}"]
        if body is not None:
            kind = "application/xml" if isinstance(body, str) else "application/json"
            curl += ["--header", f"Content-Type: {kind}", "--data-binary", body if kind.endswith("xml")
                     else json.dumps(body)]
        curl.append(f"http://localhost{path}")
        if self.user != "root":
            curl = ["runuser", "-u", self.user, "--", *curl]
        out = self.machine.check(shlex.join(curl), timeout=timeout + 10)
        text, _, status = out.rpartition("\n")
        return int(status), text

    def ask(self, method, path, body=None):
        status, text = self.request(method, path, body)
        if status >= 400:
            raise Refused(method, path, status, text)
        return json.loads(text) if text else None

    def get(self, path):
        return self.ask("GET", path)

    def post(self, path, body=None):
        return self.ask("POST", path, body)

    def define(self, name, devices=""):
        return self.post("/v1/domains", definition(name, devices))

    def start(self, name, devices=""):
        """Defines and starts it: the domain's object, as it runs."""
        self.define(name, devices)
        self.post(f"/v1/domains/{name}/start", {})
        domain = self.domain(name)
        assert domain["state"] == "running", domain
        assert self.command_name(domain["pid"]) == "qemu-system-x86_64", domain
        return domain

    def domain(self, name):
        return self.get(f"/v1/domains/{name}")

    def command_name(self, pid):
        """Of the executable that a process runs; empty where there is no such process."""
        path = self.machine.run(f"readlink /proc/{pid}/exe").out.strip().removesuffix(" (deleted)")
        return path.rsplit("/", 1)[-1]
