# SPDX-License-Identifier: LGPL-2.1-or-later
"""The machine itself, and that muster is installed in it as it should."""
import time


def test_systemd_is_the_first_process(installed_files):
    assert installed_files.check("cat /proc/1/comm").strip() == "systemd"
    assert installed_files.check("systemctl is-system-running").strip() == "running"


def test_channel(installed_files):
    code, out = installed_files.run("echo out; echo err >&2; exit 7")
    assert (code, out) == (7, "out\nerr\n")
    assert len(installed_files.check("head -c 2000000 /dev/zero | tr '\\0' x")) == 2000000
    installed_files.write("/tmp/text", "a 'quoted'\n% line\\n" * 2000)
    assert installed_files.check("cat /tmp/text") == "a 'quoted'\n% line\\n" * 2000
    begun = time.monotonic()
    assert installed_files.run("echo begun; sleep 60", timeout=1).code == 124
    assert time.monotonic() - begun < 30
    # What it left running does not hold up the next command, nor does it speak into it.
    assert installed_files.run("(sleep 1; echo late) & echo now").out == "now\n"
    assert installed_files.run("sleep 1.5; echo then").out == "then\n"


def test_muster_is_installed(installed_files):
    assert installed_files.check("command -v muster").strip() == "/usr/bin/muster"
    # All that came is root's, and nobody else may change it.
    assert installed_files.check("tar -t -f /dev/nvme1n1 | sed 's,^\\./,/,' | while read -r path; do "
                                 "find \"$path\" -maxdepth 0 ! -type l \\( ! -uid 0 -o -perm /022 \\); done") == ""
    assert "not found" not in installed_files.check("ldd /usr/bin/muster $(ls /usr/sbin/musterd /usr/bin/musterd "
                                                    "/usr/libexec/musterd 2>/dev/null)")


def test_muster_probes(installed_files):
    assert "system emulator" in installed_files.check("muster probe -e /usr/bin/qemu-system-x86_64")
