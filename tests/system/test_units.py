# SPDX-License-Identifier: LGPL-2.1-or-later
"""What conf/ gives to the service manager: users, folders, units, activation."""
import re

from api import Api

# Of systemd-analyze's 0 (nothing is possible) to 10 (everything is); conf/musterd.service has the reasons.
EXPOSURE = 7.0


def properties(machine, unit):
    return dict(line.split("=", 1) for line in machine.check(f"systemctl show {unit}").splitlines() if "=" in line)


def test_users_and_groups(machine):
    for name in ("muster", "muster-read"):
        machine.check(f"getent group {name}")
    entry = machine.check("getent passwd muster-emulator").strip().split(":")
    assert int(entry[2]) < 1000 and entry[6].endswith(("nologin", "false")), entry
    # Applied once more, they change nothing.
    before = machine.check("cat /etc/passwd /etc/group")
    machine.check("systemd-sysusers")
    assert machine.check("cat /etc/passwd /etc/group") == before


def test_folders(machine):
    lines = [line.split() for line in machine.check("cat /usr/lib/tmpfiles.d/muster.conf").splitlines()
             if line.strip() and not line.startswith("#")]
    made = [line for line in lines if line[0][0] in "dDv"]
    assert made
    for line in made:
        mode, owner, group = machine.check(f"stat -c '%a %U %G' {line[1]}").split()
        assert int(mode, 8) == int(line[2].strip("~:"), 8), line
        assert [owner, group] == [name if name != "-" else "root" for name in line[3:5]], line


def test_units_are_sound(machine):
    units = machine.check("ls -d /usr/lib/systemd/system/muster*").split()
    assert {unit.rsplit("/", 1)[1] for unit in units} >= {"musterd.service", "musterd.socket"}
    assert machine.check("systemd-analyze verify --man=no " + " ".join(units)) == ""
    users = machine.check("ls -d /usr/lib/systemd/user/muster*").split()
    assert machine.check("XDG_RUNTIME_DIR=/run systemd-analyze verify --user --man=no " + " ".join(users)) == ""


def test_exposure(machine, figure):
    out = machine.check("systemd-analyze security --no-pager musterd.service")
    found = re.search(r"Overall exposure level for musterd.service: ([0-9.]+) (\w+)", out)
    assert found, out
    figure(f"systemd-analyze security: {found[1]} {found[2]}")
    assert float(found[1]) <= EXPOSURE, out


def test_service_is_supervised(machine):
    machine.check("systemctl start musterd.service")
    found = properties(machine, "musterd.service")
    assert found["Type"] == "notify"
    assert found["KillMode"] == "process"
    assert found["Restart"] in ("on-failure", "on-abnormal", "always")
    assert found["WatchdogUSec"] not in ("0", "infinity")
    assert int(found["WatchdogTimestampMonotonic"]) > 0  # and it is fed


def test_activated_by_the_socket(enabled):
    enabled.check("systemctl stop musterd.service")
    assert enabled.run("systemctl is-active musterd.service").out.strip() == "inactive"
    assert enabled.check("systemctl is-active musterd.socket").strip() == "active"
    for _ in range(2):
        daemon = Api(enabled).get("/v1/daemon")
        found = properties(enabled, "musterd.service")
        assert (found["ActiveState"], int(found["MainPID"])) == ("active", daemon["pid"])
        assert daemon["session"] is False
        # Without the socket's unit in between, nobody would listen now.
        enabled.check("systemctl stop musterd.service")
        assert enabled.check("systemctl is-active musterd.socket").strip() == "active"


def test_enabled_for_the_next_boot(enabled):
    assert enabled.check("systemctl is-enabled musterd.socket").strip() == "enabled"
