# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is logged on.

Knows the logon types of Win32_LogonSession (class page): 0 system, 2 interactive, 3 network, 5 service, 10 remote
interactive. People's sessions end with a restart, those of Windows itself do not. Refuses to know rights and passwords.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

SYSTEM, INTERACTIVE, NETWORK, SERVICE, REMOTE = 0, 2, 3, 5, 10
TYPES = {"interactive": INTERACTIVE, "remote": REMOTE}
_OWN = ((999, SYSTEM), (997, SERVICE), (996, SERVICE))
"""Ids of the sessions of LocalSystem, LocalService and NetworkService: 0x3e7, 0x3e5, 0x3e4."""


@dataclass(frozen=True)
class Logon:
    """One logon session."""

    id: int
    type: int
    started: float
    package: str


class Logons:
    """All logon sessions of one machine."""

    def __init__(self, rng: random.Random, booted: float) -> None:
        self._rng = rng
        self._booted = booted
        self._people: list[Logon] = []
        self._network = Logon(100_000 + rng.randrange(900_000), NETWORK, booted + 60, "NTLM")

    def __iter__(self) -> Iterator[Logon]:
        for number, type_ in _OWN:
            yield Logon(number, type_, self._booted, "Negotiate" if type_ else "NTLM")
        yield self._network
        yield from self._people

    def people(self) -> list[Logon]:
        """Only those behind which a person sits."""
        return list(self._people)

    def at_console(self) -> bool:
        """Does somebody sit at the machine itself?"""
        return any(logon.type == INTERACTIVE for logon in self._people)

    def log_on(self, kind: str, when: float) -> None:
        """Somebody logs on: `interactive` (at the console) or `remote`."""
        self._people.append(Logon(1_000_000 + self._rng.randrange(9_000_000), TYPES[kind], when, "Kerberos"))

    def end_all(self) -> None:
        """The machine goes down."""
        self._people = []
