# SPDX-License-Identifier: LGPL-2.1-or-later
"""On a terminal: colours end before the line does, so that no line begins with the end of the last one's."""
import os
import pty
import subprocess

import pytest


def on_terminal(*args, **env):
    try:
        leader, follower = pty.openpty()
    except OSError as error:
        pytest.skip(f"no pseudo-terminal to be had here: {error}")
    process = subprocess.Popen([os.environ["MUSTER"], *args], stdin=subprocess.DEVNULL, stdout=follower,
                               stderr=follower, env={**os.environ, "TERM": "xterm", **env})
    os.close(follower)
    text = b""
    try:
        while chunk := os.read(leader, 65536):
            text += chunk
    except OSError:  # the terminal is gone with its last user
        pass
    os.close(leader)
    process.wait()
    return text.decode()


def test_colour_ends_with_its_line():
    text = on_terminal("has", "dynamic-auto-read-only", "-v", NO_COLOR="")
    assert "\033[32mpresent\033[0m\r\n" in text, text
    assert "\n\033[0m" not in text, text


def test_no_colour():
    assert "\033" not in on_terminal("has", "dynamic-auto-read-only", "-v", NO_COLOR="1")
