# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PowerShell, as far as it stands between ansible.builtin.raw and a program: one program with plain arguments.

Knows the command line ansible-core 2.16 to 2.21 makes of every raw command (`-EncodedCommand` and base64 of UTF-16; it
puts nothing around the command itself), `-Command`, and what becomes of exit codes: 0 or 1 (about_PowerShell_exe),
unless the script ends in `exit $LASTEXITCODE`. Refuses every other script, with a sentence and exit code 1.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from ..machine.machine import Machine
from .line import Line
from .powershell_words import ScriptError, quoted, words_of
from .program import Call, Done, Program, Reads, Result, lines

NAME = "powershell"
REFUSED = 1
_FLAGS = frozenset({"-noprofile", "-noninteractive", "-nologo"})
_ENCODED = re.compile(r'(?P<before>\s-e(?:c|nc\w*)\s+"?)(?P<script>[A-Za-z0-9+/=]+)', re.IGNORECASE)
_HANDED_ON = "exit $LASTEXITCODE"
_OWN_WORDS = {"sc": "Set-Content", "more": "a function"}
"""What a name of a program without its .exe means to Windows PowerShell instead (Get-Alias)."""

Find = Callable[[Machine, Line], Program | None]


@dataclass(frozen=True)
class Native:
    """What a script starts."""

    line: Line
    hands_on: bool
    """Does PowerShell end with the exit code of the program?"""


def clear(text: str) -> str:
    """A command line with its script readable, for the journal, however short the switch; as it is without one."""
    return _ENCODED.sub(lambda found: found["before"] + _readable(found["script"]), text)


def _readable(encoded: str) -> str:
    try:
        return _decoded(encoded)
    except ScriptError:
        return encoded


def programs(find: Find, known: Mapping[str, Program]) -> dict[str, Program]:
    """PowerShell, before the programs it finds and the closed list, by name."""
    return {NAME: Program(partial(_run, find), partial(_mutates, known))}


def _run(find: Find, call: Call) -> Result:
    try:
        native = _native(_script(call.arguments))
        program = find(call.machine, native.line)
        if program is None:
            raise ScriptError(f"there is no program called {native.line.program} here")
        if program.windowed:
            raise ScriptError(f"it does not wait for {native.line.program}, which has windows")
    except ScriptError as error:
        told = f"Emulated PowerShell runs one program with plain arguments and nothing else: {error}."
        return Done(REFUSED, err=lines(told))
    call.begin(rf'"{call.machine.persona.windows}\system32\{native.line.name}.exe"{native.line.tail}')
    return _handed(program.run(replace(call, line=native.line)), native)


def _mutates(known: Mapping[str, Program], line: Line) -> bool:
    try:
        native = _native(_script(line.words[1:]))
    except ScriptError:
        return True  # what nobody can read counts as harmful
    program = known.get(native.line.name)
    return program is None or program.mutates(native.line)


def _handed(result: Result, native: Native) -> Result:
    """What PowerShell makes of the end of a program."""
    if isinstance(result, Done):
        return _ended(result, native)
    if isinstance(result, Reads):
        return replace(result, feed=partial(_fed, result, native))
    return result


def _fed(waiting: Reads, native: Native, data: bytes, end: bool) -> Done | None:
    done = waiting.feed(data, end)
    return None if done is None else _ended(done, native)


def _ended(done: Done, native: Native) -> Done:
    """With the exit code of PowerShell."""
    return done if native.hands_on else replace(done, code=int(done.code != 0))


# -- the command line -------------------------------------------------------------------------------------------------


def _script(arguments: tuple[str, ...]) -> str:
    """The script of a command line of powershell.exe. Raises ScriptError."""
    waiting = list(arguments)
    while waiting:
        option = waiting.pop(0).lower()
        if option == "-executionpolicy" and waiting:
            waiting.pop(0)
        elif option == "-encodedcommand" and len(waiting) == 1:
            return _decoded(waiting[0])
        elif option == "-command" and waiting and waiting[0] != "-":
            return " ".join(waiting)
        elif option not in _FLAGS:
            raise ScriptError(f"{option} is not modelled like this")
    raise ScriptError("neither -EncodedCommand nor -Command is there")


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode("utf-16-le")
    except (binascii.Error, ValueError):  # a UnicodeDecodeError is a ValueError
        raise ScriptError("what follows -EncodedCommand is no base64 of UTF-16") from None


def _native(script: str) -> Native:
    """The one program of a script. Raises ScriptError."""
    statements = [part.strip() for line in script.splitlines() for part in line.split(";", 1) if part.strip()]
    hands_on = statements[-1:] == [_HANDED_ON]
    if len(statements) != 1 + hands_on:
        raise ScriptError(f"{len(statements)} statements are too few or too many")
    words = words_of(statements[0])
    meaning = _OWN_WORDS.get(words[0].lower())
    if meaning is not None:
        raise ScriptError(f"{words[0]} is {meaning} in it, the program is {words[0]}.exe")
    return Native(Line(words, "".join(f" {quoted(word)}" for word in words[1:])), hands_on)
