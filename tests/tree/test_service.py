# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the service consists of besides its code: units, users, folders, configuration, and that all agree."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONF = ROOT / "conf"
BUILT = pathlib.Path(os.environ["MUSTER_BUILD"]) / "conf"
KEY = re.compile(r'\{"(\w+)",\s*"(\w+)",\s*SETTING_(\w+),\s*AT\(\w+\),\s*("[^"]*"|NULL),\s*("[^"]*"|NULL)')

# Of `systemd-analyze security`, version 252; what is left has its reason in musterd.service.
EXPOSURE_MAX = 5.2


def run(*command, **kwargs):
    return subprocess.run(command, capture_output=True, text=True, **kwargs)


def keys():
    """{(section, key): (type, the system's default, a user's)}, of the table."""
    found = {m[:2]: m[2:] for m in KEY.findall((ROOT / "src/daemon/settings.c").read_text())}
    table = re.search(r"settings_keys\[\] = \{(.*?)\n\};", (ROOT / "src/daemon/settings.c").read_text(), re.S).group(1)
    assert len(found) == len(re.findall(r"^\s*\{", table, re.M)) > 20
    return {key: tuple(None if v == "NULL" else v.strip('"') for v in value) for key, value in found.items()}


# --- configuration ----------------------------------------------------------------------------------


def shipped():
    """{(section, key): default} of musterd.conf, where every key is commented out."""
    found, section = {}, None
    for line in (CONF / "musterd.conf").read_text().splitlines():
        if m := re.fullmatch(r"\[(\w+)\]", line):
            section = m.group(1)
        elif m := re.fullmatch(r"#(\w+) = (.*)", line):
            assert (section, m.group(1)) not in found
            found[section, m.group(1)] = m.group(2)
        else:
            assert not line or line.startswith(("# ", "#")) and not re.match(r"#\w", line), line
    return found


def test_the_shipped_file_has_each_key_with_its_default():
    expected = {key: value[1] for key, value in keys().items()}
    assert expected.pop(("paths", "cache")) is None  # the store's own
    found = shipped()
    assert found.pop(("paths", "cache")) == "/var/cache/muster"
    assert found == expected


def manual():
    """{(section, key): its text} of musterd.conf(5), without the markup."""
    found, section, key = {}, None, None
    for line in (ROOT / "docs/musterd.conf.5").read_text().splitlines():
        if line.startswith(".SH"):
            m = re.fullmatch(r'\.SH "\[(\w+)\]"', line)
            section, key = m and m.group(1), None
        elif section and (m := re.match(r"\.BI (\w+) \" = ", line)):
            key = (section, m.group(1))
            assert key not in found
            found[key] = ""
        elif key and not line.startswith(".TP"):
            text = re.sub(r'^\.[BI]{1,2}R? ', "", line)
            spaced = re.sub(r'" "|\\', lambda m: "" if m.group(0) == "\\" else " ", text)
            found[key] += " " + spaced.replace('"', "")
    return found


def test_the_manual_has_each_key_with_its_default():
    found = manual()
    assert set(found) == set(keys())
    for key, (kind, system, user) in keys().items():
        default = re.search(r"Default: (.*)$", found[key].replace(" .", "").replace("  ", " "))
        assert default, key
        words = re.sub(r"\s*,\s*", " ", default.group(1)).rstrip(". ").split()
        if key == ("paths", "cache"):
            continue
        assert words == (system.split() if system == user or not user else [system, user]), key


def test_the_manual_names_the_files_that_are_the_defaults():
    text = (ROOT / "docs/musterd.8").read_text().replace("\\-", "-")
    for (section, key), (_, *defaults) in keys().items():
        if section == "paths" and key != "cache":
            assert all(default in text for default in defaults), key


# --- units ------------------------------------------------------------------------------------------


def unit(path):
    """[(key, value)] of a unit, of all its sections."""
    assert "@" not in re.sub(r"^#.*", "", path.read_text(), flags=re.M).replace("~@", "").replace(" @", "")
    return [tuple(line.split("=", 1)) for line in path.read_text().splitlines() if re.match(r"\w+=", line)]


@pytest.fixture
def units(tmp_path):
    """Copies of the units that start something that is there: {"system": […], "user": […]}."""
    found = {}
    for instance, sources in {"system": [BUILT / "musterd.service", CONF / "musterd.socket", CONF / "muster.slice"],
                              "user": [BUILT / "user/musterd.service", CONF / "user/musterd.socket",
                                       CONF / "muster.slice"]}.items():
        (tmp_path / instance).mkdir()
        found[instance] = []
        for source in sources:
            copy = tmp_path / instance / source.name
            text, n = re.subn(r"^ExecStart=\S+/musterd", "ExecStart=/bin/true", source.read_text(), flags=re.M)
            assert n == (source.suffix == ".service")
            copy.write_text(text)
            found[instance].append(copy)
    return found


def analyze(tmp_path, *arguments):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700, exist_ok=True)
    done = run("systemd-analyze", *arguments, env=dict(os.environ, XDG_RUNTIME_DIR=str(runtime), SYSTEMD_COLORS="0",
                                                       SYSTEMD_PAGER="", LC_ALL="C.UTF-8"))
    if "Failed to initialize manager" in done.stderr or "Unknown option" in done.stderr:
        pytest.skip(f"systemd-analyze cannot run here: {done.stderr.strip().splitlines()[-1]}")
    return done


@pytest.mark.parametrize("instance", ["system", "user"])
def test_units_verify(tmp_path, units, instance):
    user = ["--user"] if instance == "user" else []
    done = analyze(tmp_path, *user, "verify", "--man=no", *units[instance])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_bad_unit_does_not_verify(tmp_path, units):
    """So that the silence above says something."""
    service = units["system"][0]
    service.write_text(service.read_text().replace("KillMode=process", "KillMode=nobody"))
    assert "kill mode" in analyze(tmp_path, "verify", "--man=no", service).stderr


def test_exposure(tmp_path, units, record_property):
    done = analyze(tmp_path, "security", "--offline=true", "--no-pager", units["system"][0])
    figure = re.search(r"Overall exposure level for musterd.service: ([\d.]+)", done.stdout)
    assert figure, done.stdout + done.stderr
    print(f"systemd-analyze security: {figure.group(0)}")
    record_property("exposure", figure.group(1))
    assert float(figure.group(1)) <= EXPOSURE_MAX, done.stdout


def test_what_emulators_could_not_live_with_is_not_set():
    """It would be inherited; each of them stands in the unit as a comment, with the reason above it."""
    text = (CONF / "musterd.service.in").read_text()
    for name in ("RestrictSUIDSGID", "RestrictRealtime", "MemoryDenyWriteExecute", "ProtectHome", "PrivateTmp",
                 "PrivateDevices", "PrivateNetwork", "ProcSubset", "RestrictNamespaces"):
        assert name not in dict(unit(BUILT / "musterd.service"))
        assert re.search(rf"^# .*\n(#\w+=.*\n)*#{name}=", text, re.M), name


def test_both_instances_are_run_alike():
    """How the daemon is started, watched and ended differs in nothing but the argument."""
    system, user = (dict(unit(BUILT / path)) for path in ("musterd.service", "user/musterd.service"))
    assert user.pop("ExecStart") == system["ExecStart"] + " --session"
    assert system["ExecStart"].startswith("/")
    for name in set(user) - {"Description", "After", "WantedBy"}:
        assert user[name] == system[name], name
    for name, value in {"Type": "notify", "NotifyAccess": "main", "KillMode": "process", "Restart": "on-failure",
                        "RuntimeDirectoryPreserve": "yes", "OOMPolicy": "continue"}.items():
        assert system[name] == value


def test_units_and_configuration_name_the_same_places():
    table = keys()
    assert dict(unit(CONF / "musterd.socket"))["ListenStream"].replace("%t", "/run") == table["paths", "socket"][1]
    assert dict(unit(CONF / "user/musterd.socket"))["ListenStream"].replace("%t", "$XDG_RUNTIME_DIR") \
        == table["paths", "socket"][2]
    assert (CONF / table["emulator", "slice"][1]).is_file()
    service = dict(unit(BUILT / "musterd.service"))
    for key, name, root in (("run", "Runtime", "/run"), ("state", "State", "/var/lib"), ("logs", "Logs", "/var/log")):
        assert table["paths", key][1] == f"{root}/{service[name + 'Directory']}"
    for line in re.findall(r"^d (\S+)\s+(\d+) root root -$", (CONF / "muster.tmpfiles").read_text(), re.M):
        name = {"/run": "Runtime", "/etc": "Configuration", "/var/lib": "State", "/var/log": "Logs",
                "/var/cache": "Cache"}.get(os.path.dirname(line[0]))
        assert not name or service[name + "DirectoryMode"] == line[1], line
    assert service["ReadWritePaths"] == "/etc/muster" and table["paths", "definitions"][1] == "/etc/muster/domains"


# --- users and folders ------------------------------------------------------------------------------


def test_sysusers_makes_who_is_configured(tmp_path):
    if not shutil.which("systemd-sysusers") or os.geteuid() != 0:
        pytest.skip("it takes systemd-sysusers and root to try sysusers.d")
    (tmp_path / "etc").mkdir()
    for _ in range(2):
        done = run("systemd-sysusers", f"--root={tmp_path}", CONF / "muster.sysusers")
        assert done.returncode == 0, done.stderr
    groups = {line.split(":")[0]: line.strip().split(":")[3] for line in (tmp_path / "etc/group").open()}
    users = {line.split(":")[0]: line.strip().split(":") for line in (tmp_path / "etc/passwd").open()}
    table = keys()
    emulator = table["emulator", "user"][1]
    assert {table["access", "groups"][1], table["access", "read_only_groups"][1], emulator} <= set(groups)
    assert users[emulator][6] == "/usr/sbin/nologin"
    assert groups["kvm"] == emulator


def test_tmpfiles_makes_the_folders(tmp_path):
    if not shutil.which("systemd-tmpfiles") or os.geteuid() != 0:
        pytest.skip("it takes systemd-tmpfiles and root to try tmpfiles.d")
    done = run("systemd-tmpfiles", f"--root={tmp_path}", "--create", CONF / "muster.tmpfiles")
    assert done.returncode == 0, done.stderr
    for path, mode in {"run/muster": 0o755, "etc/muster/domains": 0o700, "var/log/muster": 0o700}.items():
        assert (tmp_path / path).stat().st_mode & 0o7777 == mode


def test_installs_below_its_prefix_and_leaves_the_configuration_alone(tmp_path):
    """None is put into sysconfdir, where an administrator's would be overwritten."""
    done = run("meson", "install", "-C", BUILT.parent, "--no-rebuild", "--quiet", "--destdir", tmp_path)
    assert done.returncode == 0, done.stderr
    names = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    for tail in ("systemd/system/musterd.service", "systemd/system/musterd.socket", "systemd/system/muster.slice",
                 "systemd/user/musterd.service", "systemd/user/musterd.socket", "systemd/user/muster.slice",
                 "sysusers.d/muster.conf", "tmpfiles.d/muster.conf", "share/muster/musterd.conf",
                 "man8/musterd.8", "man5/musterd.conf.5"):
        assert sum(name.endswith(tail) for name in names) == 1, tail
    assert not [name for name in names if "etc/" in name and name.endswith("musterd.conf")]
