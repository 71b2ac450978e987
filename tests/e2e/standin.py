# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stand-ins (tests/stand-in) for tests and benches: the executable, what it does wrong, and definitions for it."""
import json
import os
import pathlib

DATA = pathlib.Path(__file__).resolve().parents[1] / "data"

DEFINITION = """<domain type='qemu'>
  <name>{name}</name>
  <memory unit='MiB'>16</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices>
    <emulator>{emulator}</emulator>
    {devices}
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
  </devices>
</domain>
"""


def scenario(name="7.2-x86_64"):
    """What a real emulator answered to a probe."""
    found = json.loads((DATA / f"replies/{name}.json").read_text())
    found["replies"]["query-qmp-schema"] = {"return": json.loads((DATA / f"schema/{name}.json").read_text())}
    properties = DATA / f"properties/{name}.json"
    if properties.exists():
        found["replies"].update(json.loads(properties.read_text()))
    return found


def make(folder, name="qemu-system-x86_64", build=None, **more):
    """An executable in this folder. `more` goes into its end, and so into its digest: another emulator."""
    program = pathlib.Path(build or os.environ["MUSTER_BUILD"]) / "tests/stand-in/stand-in"
    text = json.dumps(scenario() | more, separators=(",", ":")).encode()
    path = pathlib.Path(folder) / name
    new = path.with_name(f".{name}.new")
    new.write_bytes(program.read_bytes() + text + b"replay %08d\n" % len(text))
    new.chmod(0o755)
    os.replace(new, path)
    return path


def faults(emulator, domain=None, **members):
    """What it does wrong from now on (tests/stand-in/faults.c; `die_at` is die-at), for one domain or for all
    without their own; without members: nothing any more."""
    path = pathlib.Path(f"{emulator}.{domain}.faults" if domain else f"{emulator}.faults")
    if not members:
        path.unlink(missing_ok=True)
        return
    new = path.with_name(f".{path.name}.new")
    new.write_text(json.dumps({key.replace("_", "-"): value for key, value in members.items()}))
    os.replace(new, path)


def disk(file, target="vda", kind="raw", bus="virtio"):
    return (f"<disk type='file' device='disk'><driver name='qemu' type='{kind}'/><source file='{file}'/>"
            f"<target dev='{target}' bus='{bus}'/></disk>")


def definition(name, emulator, devices=""):
    return DEFINITION.format(name=name, emulator=emulator, devices=devices)
