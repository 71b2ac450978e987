# SPDX-License-Identifier: LGPL-2.1-or-later
"""Definitions: `validate` as a warm process, and from text to launch plan in process."""
import pathlib
import re
import subprocess

from figures import EMULATOR, MUSTER, ROUNDS, TOOLS, output, own_cache, say, spawn, verdict

DEFINITION = pathlib.Path(__file__).resolve().parents[1] / "data/domains/dumpxml/01-debian11.xml"
QCOW2 = (DEFINITION.parents[2] / "images/qcow2-v3.head").read_bytes()


def bench_domain():
    with own_cache() as cache:
        file = cache.parent / "guest.xml"
        text = DEFINITION.read_text().replace("type='kvm'", "type='qemu'", 1)
        file.write_text(text.replace("<cpu mode='host-passthrough' check='none' migratable='on'/>", "<cpu mode='maximum'/>"))
        for path in re.findall("(?<=file=')/(?:var|srv)[^']*", text):
            local = cache.parent / pathlib.Path(path).name
            local.write_bytes(QCOW2 if local.suffix == ".qcow2" else b"")
            text = file.read_text().replace(path, str(local))
            file.write_text(text)
        output([MUSTER, "validate", file])
        true, ours, plan = spawn(ROUNDS * 10, ["/bin/true"], [MUSTER, "validate", file],
                                 [MUSTER, "domxml-to-native", file])
        good = ours["median"] <= 10
        say(f"{'validate, warm, whole process':40} {ours['median']:8.2f} ms   (bar 10 ms)  {verdict(good)}"
            f"   [{ours['low']:.2f}..{ours['high']:.2f}; /bin/true {true['median']:.2f}]")
        say(f"{'domxml-to-native, warm, whole process':40} {plan['median']:8.2f} ms   (no bar)")
        return subprocess.run([str(TOOLS / "bench-domain"), str(file), EMULATOR]).returncode == 0 and good
