# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command line comes down to: the program behind cmd /c and start.

Knows the variables a command sees, how cmd.exe takes its own arguments apart (cmd /?), and which switches of start
matter (start /?). Refuses to know programs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ..machine.machine import Machine
from .line import Line, read

_START_SWITCH = re.compile(r"/(\w+)\s*", re.ASCII)
_START_WAITS = ("w", "wait")


def environment(machine: Machine, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables a command sees."""
    windows = machine.persona.windows
    return {
        "SystemRoot": windows,
        "windir": windows,
        "SystemDrive": "C:",
        "TEMP": rf"{windows}\Temp",
        "TMP": rf"{windows}\Temp",
        "ProgramFiles": r"C:\Program Files",
        "COMSPEC": rf"{windows}\system32\cmd.exe",
        "COMPUTERNAME": machine.options.name.upper(),
        "USERNAME": machine.options.user,
        **(more or {}),
    }


def _inner(tail: str) -> str:
    """What cmd /c makes of its argument: unless it is one quoted program, the outer quotes go (cmd /?)."""
    text = tail.strip()
    if not text.startswith('"') or text.count('"') < 2:
        return text
    if text.count('"') == 2 and text[1:].partition('"')[0].lower().endswith(".exe"):
        return text
    last = text.rfind('"')
    return text[1:last] + text[last + 1 :]


def _unwrapped(line: Line, variables: Mapping[str, str]) -> Line:
    """Look through cmd /c at the command inside."""
    while line.name == "cmd" and len(line.words) > 1 and line.words[1].lower() in ("/c", "/s"):
        tail = line.tail.strip()
        while tail[:2].lower() in ("/s", "/c"):
            is_command, tail = tail[:2].lower() == "/c", tail[2:].strip()
            if is_command:
                break
        inner = read(_inner(tail), variables)
        line = Line(
            inner.words,
            inner.tail,
            inner.target or line.target,
            inner.append or line.append,
            inner.errors_too or line.errors_too,
        )
    return line


def _started(line: Line) -> tuple[Line, bool]:
    """What `start` starts, and whether it waits for the end (start /?). The first quoted text is a title."""
    tail, waits = line.tail.strip(), False
    if tail.startswith('"'):
        tail = tail[1:].partition('"')[2].strip()
    while match := _START_SWITCH.match(tail):
        waits = waits or match.group(1).lower() in _START_WAITS
        tail = tail[match.end() :]
    inner = read(tail, {})
    return Line(inner.words, inner.tail, line.target, line.append, line.errors_too), waits


@dataclass(frozen=True)
class Launch:
    """What a command line comes down to."""

    line: Line
    through_cmd: bool
    """Does a cmd.exe stand between? Then there are built-in commands and redirection."""
    waits: bool | None = None
    """Does `start` wait for the end? None without `start`."""


def unwrap(text: str, variables: Mapping[str, str], *, direct: bool) -> Launch:
    """Look through cmd /c and start. Raises LineError."""
    line = read(text, variables)
    inner = _unwrapped(line, variables)
    through_cmd = not direct or inner is not line
    if inner.name == "start" and through_cmd:
        started, waits = _started(inner)
        return Launch(started, True, waits)
    return Launch(inner, through_cmd)
