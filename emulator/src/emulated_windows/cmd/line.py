# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a command line the way cmd.exe does.

Knows environment variables, double quotes, carets, and output redirection. Refuses pipes, input redirection and
joining of commands: a line that uses them is not read at all.
"""

from __future__ import annotations

import ntpath
import re
from collections.abc import Mapping
from dataclasses import dataclass

LONGEST = 8191
"""Characters cmd.exe takes; longer lines are refused (KB830473)."""
_VARIABLE = re.compile(r"%([A-Za-z_][A-Za-z0-9_()]*)%")


class LineError(Exception):
    """This line asks for something that is not modelled, or is malformed."""


@dataclass(frozen=True)
class Line:
    """One command."""

    words: tuple[str, ...]
    """Program and arguments without their quotes."""
    tail: str
    """Everything behind the program as it was written, without redirection."""
    target: str | None = None
    append: bool = False
    errors_too: bool = False

    @property
    def program(self) -> str:
        """The first word."""
        return self.words[0] if self.words else ""

    @property
    def name(self) -> str:
        """The program's name without folder and without .exe or .com, in lower case."""
        leaf = ntpath.basename(self.program).lower()
        return leaf[:-4] if leaf.endswith((".exe", ".com")) else leaf


def expand(text: str, environment: Mapping[str, str]) -> str:
    """Replace %NAME%; what is not set stays as it is written."""
    known = {name.lower(): value for name, value in environment.items()}
    return _VARIABLE.sub(lambda match: known.get(match.group(1).lower(), match.group()), text)


def _cut_redirection(text: str) -> tuple[str, list[tuple[str, int]]]:
    """Find unquoted operators. Returns the text with carets resolved and the operators with their places in it."""
    out, operators, quoted, position = "", [], False, 0
    while position < len(text):
        char = text[position]
        if char == '"':
            quoted = not quoted
        elif not quoted and char == "^" and position + 1 < len(text):
            position += 1
            char = text[position]
        elif not quoted and char in "<>|&":
            operators.append((char, len(out)))
        out += char
        position += 1
    return out, operators


def split(text: str) -> tuple[str, ...]:
    """Words, quotes removed (the rules of the C run-time, without its backslashes)."""
    words, current, quoted, started = [], "", False, False
    for char in text:
        if char == '"':
            quoted, started = not quoted, True
        elif char in " \t" and not quoted:
            if started:
                words.append(current)
            current, started = "", False
        else:
            current, started = current + char, True
    if started:
        words.append(current)
    return tuple(words)


def _first_word(text: str) -> int:
    """Length of the program at the beginning of a text."""
    if text.startswith('"'):
        end = text.find('"', 1)
        return len(text) if end < 0 else end + 1
    return len(text.split(" ", 1)[0].split("\t", 1)[0])


def read(text: str, environment: Mapping[str, str]) -> Line:
    """Read one command line, or raise LineError."""
    if len(text) > LONGEST:
        raise LineError("The command line is too long.")
    plain, operators = _cut_redirection(expand(text, environment).strip())
    errors_too, target, append = False, None, False
    if operators:
        start = operators[0][1]
        redirection = plain[start:]
        match = re.fullmatch(r'(>>?)\s*("[^"]*"|[^\s<>|&]+)\s*(2>&1)?\s*', redirection)
        if match is None:
            raise LineError("This way of joining or redirecting commands is not modelled.")
        target, append, errors_too = match.group(2).strip('"'), match.group(1) == ">>", bool(match.group(3))
        plain = plain[:start]
        if re.search(r"\s[02-9]\Z", plain):
            raise LineError("Only the standard output can be redirected.")
        plain = plain[:-1] if re.search(r"\s1\Z", plain) else plain
    head = _first_word(plain)
    return Line(split(plain), plain[head:].rstrip() if target else plain[head:], target, append, errors_too)
