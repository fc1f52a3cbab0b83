# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a program of the emulated machine is, and what it can answer.

Knows three ways a program goes on: it ends after some time, it reads from its standard input, or it hangs. Refuses to
know single programs and how a shell delivers their output.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..machine.machine import Machine
from .line import Line


@dataclass(frozen=True)
class Done:
    """It ends so many seconds from now, with this exit code and this last output."""

    code: int = 0
    out: str = ""
    err: str = ""
    seconds: float = 0.0
    effect: Callable[[], None] | None = None
    """What it has done by then."""


@dataclass(frozen=True)
class Reads:
    """It waits for its standard input. `feed(data, at_end)` returns None while it wants more."""

    feed: Callable[[bytes, bool], Done | None]
    out: str = ""


@dataclass(frozen=True)
class Hangs:
    """It never ends by itself."""

    out: str = ""


Result = Done | Reads | Hangs


@dataclass
class Call:
    """One start of a program."""

    machine: Machine
    line: Line
    environment: dict[str, str]
    folder: str
    write: Callable[[bytes], None]
    """Standard output, for programs that produce it piece by piece."""
    begin: Callable[[str], None]
    """Begins a process of this command line below the program's own; both end together."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """Everything behind the program."""
        return self.line.words[1:]

    def path(self, text: str) -> str:
        """A full path for what stands on the command line."""
        text = text.replace("/", "\\")
        if len(text) > 1 and text[1] == ":":
            return text
        return f"{self.folder.rstrip(chr(92))}\\{text}" if not text.startswith("\\") else f"C:{text}"


@dataclass(frozen=True)
class Program:
    """A program or a built-in command."""

    run: Callable[[Call], Result]
    mutates: Callable[[Line], bool]
    builtin: bool = False
    windowed: bool = False
    """It has windows and no console, so that cmd.exe may not wait for its end."""


def switch(word: str) -> str:
    """A switch in lower case with a slash, whichever way it was written."""
    return f"/{word[1:].lower()}" if word.startswith("-") else word.lower()


def always(_line: Line) -> bool:
    """It can change the machine."""
    return True


def never(_line: Line) -> bool:
    """It only reads."""
    return False


def lines(*texts: str) -> str:
    """Text as Windows programs print it."""
    return "".join(f"{text}\r\n" for text in texts)
