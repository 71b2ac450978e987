#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
musterd is killed at random moments while clients use it, and nothing that they were told may be lost.

Each client has domains of its own, with real emulators and with stand-ins, and keeps a model of each: what it was
answered. A call whose answer it did not get leaves several models, any of which may be so; what is seen behind the
next start of the daemon says which. After restarts all of it is held against what there is: the domains, their
definitions and disks as the daemon tells them, the emulators themselves, the processes, the records, and the events.

    soak.py [--seed N] [--clients N] [--seconds N] [KILLS]
"""
import argparse
import collections
import copy
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import standin  # noqa: E402
from api import ApiError  # noqa: E402
from daemon import Daemon, processes_of  # noqa: E402

QEMU = "/usr/bin/qemu-system-x86_64"
CUT = (OSError, http.client.HTTPException)

DEFINITION = """<domain type='qemu'><name>{name}</name><uuid>{uuid}</uuid><title>{title}</title>
<memory unit='MiB'>16</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='pc'>hvm</type></os>
<devices><emulator>{emulator}</emulator>{disks}<controller type='scsi' index='0' model='virtio-scsi'/>
<controller type='usb' model='none'/><memballoon model='none'/><video><model type='none'/></video></devices></domain>"""


class Finding(Exception):
    """What is not as it was told."""


def disk(file, target):
    return (f"<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{file}'/>"
            f"<target dev='{target}' bus='scsi'/></disk>")


def chains_of(xml):
    chains = {}
    for element in ET.fromstring(xml).findall("devices/disk"):
        files, target = [], element.find("target").get("dev")
        while element is not None and element.find("source") is not None:
            files.append(element.find("source").get("file"))
            element = element.find("backingStore")
        chains[target] = files
    return chains


def title_of(xml):
    return ET.fromstring(xml).findtext("title")


ABSENT = {"state": "absent", "defined": False, "autostart": False, "config": None, "title": None, "live": None,
          "job": False}


class Guest:
    """One domain as its client knows it: `models` are those of which one is so, the first one if there is one."""

    def __init__(self, client, name, emulator):
        self.client, self.name, self.emulator = client, name, emulator
        self.uuid = f"00000000-0000-4000-8000-{random.Random(name).getrandbits(48):012x}"
        self.models, self.serial, self.pid, self.history = [dict(ABSENT)], 0, None, collections.deque(maxlen=25)
        self.target = None  # of the job: what the disk has when it has pivoted
        self.folder = client.soak.daemon.folder / f"images-{name}"
        self.folder.mkdir()

    @property
    def api(self):
        return self.client.api

    @property
    def model(self):
        return self.models[0]

    def path(self, rest):
        return f"/v1/domains/{self.name}/{rest}"

    def new_file(self):
        self.serial += 1
        return str(self.folder / f"{self.serial}.qcow2")

    def new_image(self):
        file = self.new_file()
        shutil.copy(self.client.soak.image, file)
        return file

    # --- calls

    def call(self, what, after, expected, ask, between=()):
        """
        `after`: how it is when that was answered; `between`: what may be, too, if it was not. `expected`: its events,
        (kind, event).
        """
        soak, before = self.client.soak, self.model
        try:
            self.history.append(f"{what} …")
            soak.begun.set()
            answer = ask()
        except ApiError as error:
            self.history.append(f"{what}: {error}")
            self.models = [before, *between, after]
            raise Finding(f"{self.name}: {what} was refused: {error}") from error
        except CUT as error:
            self.history.append(f"{what}: cut ({type(error).__name__})")
            self.models = [before, *between, after]
            soak.count(cut=1)
            raise
        self.history.append(f"{what}: done")
        self.models = [after]
        soak.count(answered=1)
        for event in expected:
            soak.expect(self.name, *event)
        if isinstance(answer, dict) and "pid" in answer:
            self.pid = answer["pid"]
        return answer

    def change(self, **members):
        return copy.deepcopy(self.model) | copy.deepcopy(members)

    def definition(self, title, chains):
        return DEFINITION.format(name=self.name, uuid=self.uuid, title=title, emulator=self.emulator,
                                 disks="".join(disk(files[0], target) for target, files in chains.items()))

    # --- what a client does; each method is for the states in which it is right

    def define(self):
        self.serial += 1
        title, chains = f"v{self.serial}", self.model["config"] or {"sda": [self.new_image()]}
        first = self.model["config"] is None
        xml = self.definition(title, chains)
        # Only tops are written: what a chain has below is in the images.
        after = self.change(defined=True, title=title, config={t: f[:1] for t, f in chains.items()})
        if self.model["state"] == "absent":
            after["state"] = "shut off"
        self.call("define", after, [("lifecycle", "defined" if first else "updated")], lambda: self.api.define(xml))

    def define_and_start(self):
        self.serial += 1
        title, chains = f"v{self.serial}", {"sda": [self.new_image()]}
        xml = self.definition(title, chains)
        defined = self.change(defined=True, title=title, config=chains, state="shut off")
        started = copy.deepcopy(defined) | {"state": "paused", "live": copy.deepcopy(chains)}
        self.pid = None
        self.call("define and start", started, [("lifecycle", "defined"), ("lifecycle", "started")],
                  lambda: self.api.define(xml, start=True, paused=True), [defined])

    def create(self):
        chains = {"sda": [self.new_image()]}
        self.pid = None
        self.call("create", self.change(state="paused", live=chains), [("lifecycle", "started")],
                  lambda: self.api.define(self.definition("transient", chains), transient=True, paused=True))

    def undefine(self):
        after = dict(ABSENT) if self.model["state"] == "shut off" else \
            self.change(defined=False, config=None, title=None, autostart=False)
        self.call("undefine", after, [("lifecycle", "undefined")], lambda: self.api.undefine(self.name))

    def autostart(self):
        to = not self.model["autostart"]
        self.call("autostart", self.change(autostart=to), [],
                  lambda: self.api.put(self.path("autostart"), {"autostart": to}))

    def start(self):
        paused = self.client.random.random() < 0.7
        chains = {target: self.client.soak.chain(files[0]) for target, files in self.model["config"].items()}
        self.pid = None
        self.call("start", self.change(state="paused" if paused else "running", live=chains),
                  [("lifecycle", "started")], lambda: self.api.do(self.name, "start", paused=paused))

    def suspend(self):
        self.call("suspend", self.change(state="paused"), [("lifecycle", "suspended")],
                  lambda: self.api.do(self.name, "suspend"))

    def resume(self):
        self.call("resume", self.change(state="running"), [("lifecycle", "resumed")],
                  lambda: self.api.do(self.name, "resume"))

    def ended(self):
        return self.change(state="shut off", live=None, job=False) if self.model["defined"] else dict(ABSENT)

    def destroy(self):
        graceful = self.client.random.random() < 0.3
        self.call("destroy", self.ended(), [("lifecycle", "stopped")],
                  lambda: self.api.do(self.name, "destroy", graceful=graceful))

    def crash(self):
        """Of the emulator: nobody was asked, so there is no doubt about it."""
        if not self.pid:
            return
        self.history.append("crash")
        os.kill(self.pid, signal.SIGKILL)
        self.models = [self.ended()]
        self.client.soak.expect(self.name, "lifecycle", "stopped")
        self.settle()

    def attach(self):
        file, both = self.new_image(), self.model["defined"] and "sdb" not in self.model["config"] and \
            self.client.random.random() < 0.5
        live = self.change(live=self.model["live"] | {"sdb": [file]})
        after = copy.deepcopy(live) | ({"config": self.model["config"] | {"sdb": [file]}} if both else {})
        self.call(f"attach ({'both' if both else 'live'})", after, [("device", "attached")],
                  lambda: self.api.post(self.path("devices"), disk(file, "sdb"), live=True, config=both), [live])

    def detach(self):
        both = self.model["defined"] and "sdb" in self.model["config"] and self.client.random.random() < 0.5

        def without(chains):
            return {target: files for target, files in chains.items() if target != "sdb"}

        live = self.change(live=without(self.model["live"]))
        after = copy.deepcopy(live) | ({"config": without(self.model["config"])} if both else {})
        self.call(f"detach ({'both' if both else 'live'})", after, [("device", "detached")],
                  lambda: self.api.delete(self.path("devices"), target="sdb", live=True, config=both), [live])

    def follow(self, target, new):
        """The definition follows if it still has the disk that runs."""
        old, config = self.model["live"], self.model["config"]
        changes = {"live": old | {target: new}}
        if config and target in config and config[target][:1] == old[target][:1]:
            changes["config"] = config | {target: new}
        return changes

    def snapshot(self):
        targets = [t for t in self.model["live"] if self.client.random.random() < 0.7] or ["sda"]
        files = {target: self.new_file() for target in targets}
        after, model = self.change(), self.model
        for target, file in files.items():
            if self.emulator != QEMU:  # a stand-in makes no images
                subprocess.check_call(["qemu-img", "create", "-q", "-u", "-f", "qcow2", "-F", "qcow2",
                                       "-b", after["live"][target][0], file, "1M"])
            self.models = [after]
            after = self.change(**self.follow(target, [file, *after["live"][target]]))
            self.client.soak.backing[file] = after["live"][target][1:]
        self.models = [model]
        disks = [{"target": target, "file": file, "reuse": self.emulator != QEMU} for target, file in files.items()]
        self.call(f"snapshot of {' '.join(targets)}", after, [("block", "snapshot")],
                  lambda: self.api.post(self.path("snapshots"), {"disks": disks}))

    def commit(self):
        self.target = self.model["live"]["sda"][-1:]
        self.call("commit", self.change(job=True), [("job", "started")],
                  lambda: self.api.post(self.path("jobs"), {"type": "commit", "disk": "sda", "active": True}))

    def copy(self):
        file = self.new_file()
        body = {"type": "copy", "disk": "sda", "file": file, "format": "qcow2"}
        if self.emulator != QEMU:
            shutil.copy(self.client.soak.image, file)
            body["reuse"] = True
        self.target = [file]
        self.call("copy", self.change(job=True), [("job", "started")], lambda: self.api.post(self.path("jobs"), body))

    def pivot(self):
        end = time.monotonic() + 20
        while (job := self.api.get(self.path("jobs/sda"))[1])["status"] != "ready":
            if time.monotonic() > end:
                raise Finding(f"{self.name}: the job does not become ready: {job}")
            time.sleep(0.01)
        after = self.change(job=False, **self.follow("sda", self.target))
        self.call("pivot", after, [("job", "completed")], lambda: self.api.post(self.path("jobs/sda/pivot")))

    def cancel(self):
        self.call("cancel", self.change(job=False), [("job", "cancelled")],
                  lambda: self.api.delete(self.path("jobs/sda")))

    def choose(self):
        model, choices = self.model, []
        if model["state"] == "absent":
            choices = [self.define] * 2 + [self.define_and_start, self.create]
        elif model["state"] == "shut off":
            choices = [self.start] * 6 + [self.undefine, self.autostart, self.define]
        else:
            choices = [self.suspend] * 3 if model["state"] == "running" else [self.resume]
            choices += [self.destroy] + ([self.crash] if self.client.random.random() < 0.2 else [])
            choices += [self.undefine, self.define, self.autostart] if model["defined"] else []
            choices += [self.pivot] * 6 + [self.cancel] if model["job"] else \
                [self.snapshot] * (4 if len(model["live"]["sda"]) < 4 else 0) + \
                [self.commit] * (6 if len(model["live"]["sda"]) > 1 else 0) + [self.copy] * 2
            choices += [self.detach] * 4 if "sdb" in model["live"] else [self.attach] * 4
        return self.client.random.choice(choices)

    # --- what is so

    def observe(self):
        """
        The model that the daemon tells of, when all that it does of itself is done: what it asks of an emulator that
        it has again goes behind what was asked before, so two calls are behind all of that.
        """
        for _ in range(2):
            try:
                self.api.qmp(self.name, "query-status")
            except ApiError as error:
                if error.status not in (404, 409):
                    raise
        try:
            domain = self.api.domain(self.name)
        except ApiError as error:
            if error.status == 404:
                return dict(ABSENT), None
            raise
        active = domain["state"] != "shut off"
        config = self.api.get(self.path("xml"), inactive=True)[1] if domain["persistent"] else None
        return {"state": domain["state"], "defined": domain["persistent"], "autostart": domain["autostart"],
                "config": chains_of(config) if config else None, "title": title_of(config) if config else None,
                "live": chains_of(self.api.get(self.path("xml"))[1]) if active else None,
                "job": bool(active and self.api.get(self.path("jobs"))[1]["jobs"])}, domain.get("pid")

    def agrees(self, model, seen):
        def known(chains):
            return chains and {t: self.client.soak.chain(files[0]) if files else [] for t, files in chains.items()}

        return model == seen or {**model, "config": known(model["config"])} == {**seen, "config": known(seen["config"])}

    def settle(self, seconds=20):
        end = time.monotonic() + seconds
        while True:
            try:
                seen, pid = self.observe()
            except ApiError as error:
                seen, pid = {"error": str(error)}, None
            found = [model for model in self.models if "error" not in seen and self.agrees(model, seen)]
            if found:
                break
            if time.monotonic() > end:
                models, self.models = self.models, [seen] if "error" not in seen else self.models
                self.pid = pid
                raise Finding(f"{self.name} is {seen}, and not one of {models}")
            time.sleep(0.05)
        if self.pid and pid and self.pid != pid:
            raise Finding(f"{self.name} has process {pid}, and not {self.pid} that it was started with")
        self.models, self.pid = [seen], pid

    def check(self):
        """The emulator's own word; and that the daemon knows each of its nodes."""
        self.settle()
        if not self.model["live"]:
            return
        chains, found = {}, set()
        for block in self.api.qmp(self.name, "query-block"):
            image, files = block.get("inserted", {}).get("image"), []
            while image:
                files.append(image["filename"])
                image = image.get("backing-image")
            if files:
                chains[files[0]] = files
        live = {files[0]: files for files in self.model["live"].values()}
        if live != chains:
            raise Finding(f"{self.name}: the definition has {live}, and the emulator {chains}")
        if self.model["job"]:
            return
        nodes = {node["node-name"] for node in self.api.qmp(self.name, "query-named-block-nodes", flat=True)}
        for chain in self.api.get(self.path("disks"))[1]["disks"].values():
            found |= {name for item in chain["images"] for name in (item["node"], item["storage"])}
            found |= set(chain.get("filters", []))
        if nodes != found:
            raise Finding(f"{self.name}: the emulator has the nodes {sorted(nodes)}, and the daemon knows {sorted(found)}")


class Client:
    def __init__(self, soak, number):
        self.soak, self.random = soak, random.Random(soak.seed * 1000 + number)
        self.api = soak.daemon.api.clone(30)
        self.guests = [Guest(self, f"real{number}", QEMU), Guest(self, f"stand{number}", soak.daemon.emulator)]

    def each(self, what):
        for guest in self.guests:
            try:
                what(guest)
            except Finding as finding:
                self.soak.found(finding, guest)

    def run(self, stop):
        """Until the daemon is gone. What is in doubt is settled first."""
        try:
            self.each(lambda guest: guest.settle() if len(guest.models) > 1 else None)
            while not stop.is_set():
                guest = self.random.choice(self.guests)
                try:
                    guest.choose()()
                except Finding as finding:
                    self.soak.found(finding, guest)
                    guest.settle()
        except CUT:
            pass
        finally:
            self.api.close()

    def check(self):
        self.each(Guest.check)
        self.api.close()


class Soak:
    def __init__(self, daemon, kills, clients=3, seed=1, seconds=None, talk=True):
        self.daemon, self.kills, self.seed, self.talk = daemon, kills, seed, talk
        self.random, self.lock = random.Random(seed), threading.Lock()
        self.end = time.monotonic() + seconds if seconds else None
        self.counts, self.findings = collections.Counter(), []
        self.wanted, self.seen, self.last_event = collections.Counter(), collections.Counter(), 0
        self.begun = threading.Event()  # a call
        self.backing = {}  # of images that were made by snapshots, whatever became of those
        self.image = daemon.folder / "empty.qcow2"
        subprocess.check_call(["qemu-img", "create", "-q", "-f", "qcow2", str(self.image), "1M"])
        self.clients = [Client(self, number) for number in range(clients)]

    def chain(self, file):
        return [file, *self.backing.get(file, [])]

    def count(self, **numbers):
        with self.lock:
            self.counts.update(numbers)

    def expect(self, name, kind, event):
        with self.lock:
            self.wanted[name, kind, event] += 1

    def found(self, finding, guest=None):
        with self.lock:
            self.findings.append(str(finding))
            print(f"\nFOUND (kill {self.counts['kills']}): {finding}", file=sys.stderr)
            if guest:
                print("  " + "\n  ".join(guest.history), file=sys.stderr)
                lines = [line for line in self.daemon.log.read_text(errors="replace").splitlines() if guest.name in line]
                print("  | " + "\n  | ".join(lines[-25:]), file=sys.stderr)

    # --- the daemon

    def kill(self):
        self.daemon.kill9()
        self.count(kills=1)

    def start(self):
        """Sometimes it does not even come up before it is killed again."""
        while self.random.random() < 0.2:
            with open(self.daemon.log, "ab") as log:
                early = subprocess.Popen([self.daemon.program, "--session", *self.daemon.arguments], stdin=subprocess.DEVNULL, stdout=log,
                                         stderr=log, env=self.daemon.environment(), start_new_session=True)
            time.sleep(self.random.uniform(0, 0.06))
            early.kill()
            early.wait()
            self.count(kills=1, early=1)
        self.daemon.start()

    # --- what has to be so

    def check(self, pool):
        for future in [pool.submit(client.check) for client in self.clients]:
            future.result()
        for what in (self.check_domains, self.check_events):
            try:
                what()
            except Finding as finding:
                self.found(finding)
        self.count(checks=1)

    def check_domains(self):
        domains = self.daemon.api.domains()
        running = {domain["name"]: domain["pid"] for domain in domains if domain["state"] != "shut off"}
        models = {guest.name: guest.model for client in self.clients for guest in client.guests}
        expected = {name for name, model in models.items() if model["state"] != "absent"}
        if {domain["name"] for domain in domains} != expected:
            raise Finding(f"the daemon has {domains}, and should have {sorted(expected)}")
        end = time.monotonic() + 5
        while (there := set(processes_of(self.daemon.folder)) - {self.daemon.pid}) != set(running.values()):
            if time.monotonic() > end:
                raise Finding(f"there are the processes {processes_of(self.daemon.folder)}, and of domains {running}")
            time.sleep(0.05)
        assert there is not None
        run, uuids = self.daemon.folder / "run/muster", {domain["uuid"]: domain["name"] for domain in domains}
        for folder in ("records", "monitors", "domains"):
            stems = {pathlib.Path(entry.name).stem for entry in (run / folder).iterdir()}
            names = {uuids.get(stem, stem) for stem in stems}
            if names - set(running) or (folder != "domains" and names != set(running)):
                raise Finding(f"{folder} has {sorted(names)}, and what runs is {sorted(running)}")
        definitions = {path.stem for path in self.daemon.folder.glob("config/muster/**/*.xml") if not path.is_symlink()}
        if definitions != {name for name, model in models.items() if model["defined"]}:
            raise Finding(f"there are the definitions {sorted(definitions)}")

    def check_events(self):
        for name in ("events.log.1", "events.log"):
            path = self.daemon.folder / "run/muster" / name
            for line in path.read_text().splitlines() if path.exists() else []:
                try:
                    event = json.loads(line)
                except ValueError:
                    continue  # torn by a kill
                if event["id"] <= self.last_event:
                    continue
                if self.last_event and event["id"] != self.last_event + 1:
                    raise Finding(f"event {event['id']} follows {self.last_event}")
                self.last_event = event["id"]
                self.seen[event.get("domain"), event["kind"], event["event"]] += 1
        with self.lock:
            missing = {key: (count, self.seen[key]) for key, count in self.wanted.items() if self.seen[key] < count}
            for key, (_, there) in missing.items():
                self.wanted[key] = there
        if missing:
            raise Finding(f"events of answered calls are missing (told, there): {missing}")

    # --- all of it

    def round(self, pool):
        stop = threading.Event()
        running = [pool.submit(client.run, stop) for client in self.clients]
        time.sleep(self.random.uniform(0, 0.8))
        if self.random.random() < 0.7:  # in the midst of a call
            self.begun.clear()
            self.begun.wait(2)
            time.sleep(self.random.uniform(0, 0.03))
        self.kill()
        stop.set()
        for future in running:
            future.result()
        self.start()

    def run(self):
        begin = time.monotonic()
        with ThreadPoolExecutor(len(self.clients)) as pool:
            while self.counts["kills"] < self.kills and (not self.end or time.monotonic() < self.end):
                self.round(pool)
                # Else the clients go on at once, in the midst of what the daemon has to catch up with.
                if self.random.random() < 0.5:
                    self.check(pool)
                if self.talk:
                    print(f"\r{self.counts['kills']} kills, {self.counts['answered']} calls answered, "
                          f"{self.counts['cut']} cut, {len(self.findings)} found", end="", file=sys.stderr, flush=True)
            self.check(pool)
        if self.talk:
            print(file=sys.stderr)
        return dict(self.counts, seconds=round(time.monotonic() - begin, 1), events=self.last_event, seed=self.seed)


def main():
    parser = argparse.ArgumentParser(description="Kills musterd at random moments while clients use it.")
    parser.add_argument("kills", nargs="?", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None, help="of the clients' choices; the moments are never the same")
    parser.add_argument("--clients", type=int, default=3)
    parser.add_argument("--seconds", type=int, help="no longer than this")
    parser.add_argument("--debug", action="store_true", help="of the daemon, whose log is kept if something was found")
    arguments = parser.parse_args()
    with Daemon(arguments=["--debug"] if arguments.debug else []) as daemon:
        seed = arguments.seed if arguments.seed is not None else random.randrange(1 << 16)
        soak = Soak(daemon, arguments.kills, arguments.clients, seed, arguments.seconds, sys.stderr.isatty())
        counts = soak.run()
        if soak.findings:
            keep = pathlib.Path(f"/tmp/musterd-soak-{os.getpid()}.log")
            shutil.copy(daemon.log, keep)
            print(f"The daemon's log: {keep}", file=sys.stderr)
    print(f"{counts['kills']} kills ({counts.get('early', 0)} while it started), {counts['answered']} calls answered, "
          f"{counts.get('cut', 0)} cut, {counts['events']} events, {counts['checks']} times all was held against what "
          f"there is; {len(soak.findings)} found; seed {counts['seed']}, {counts['seconds']} s")
    return 1 if soak.findings else 0


if __name__ == "__main__":
    sys.exit(main())
