# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the table of verbs makes beside the help: the manual and the shells' completion."""
import re


def section(page, name):
    found = re.search(rf'^\.SH "?{name}"?\n(.*?)(?=^\.SH|\Z)', page, re.MULTILINE | re.DOTALL)
    assert found, name
    return found[1].replace("\\-", "-")


def test_manual_names_what_decides_about_the_cache(muster):
    page = muster("--generate", "man").out
    terms = re.findall(r"^\.TP\n(.*)$", section(page, "ENVIRONMENT"), re.MULTILINE)
    assert {"MUSTER_CACHE_DIR", "XDG_CACHE_HOME", "HOME", "MUSTER_FEATURES_DIR", "PATH"} <= set(terms)
    terms = re.findall(r"^\.TP\n(.*)$", section(page, "FILES"), re.MULTILINE)
    assert {"/var/cache/muster", "~/.cache/muster"} <= set(terms)
    assert "muster-store (5)" in section(page, "SEE ALSO")
