# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Component Based Servicing (Vista and later) leaves on a machine: a hotfix row, the mark of a pending restart.

Knows how entries look from 6.0 on, and the marks others may have left (dials): servicing's own and Windows Update's.
Refuses to know what an update is good for, and which programs ask for an installation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .hotfixes import Hotfix, filetime, us_date
from .registry import Registry

SERVICING_KEY = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing"
WINDOWS_UPDATE_KEY = r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update"


class Servicing:
    """The traces of Component Based Servicing on one machine."""

    def __init__(self, registry: Registry, dials: Mapping[str, str], host_time: Callable[[float], float]) -> None:
        self._registry = registry
        self._dials = dials
        self._host_time = host_time
        self.hotfixes: list[Hotfix] = []
        registry.make(SERVICING_KEY)
        if dials["foreign_servicing"] == "pending":
            self._mark()

    def leave(self, update: str, kb: str | None, when: float, *, waiting: bool, marks: bool) -> None:
        """Everything an installation leaves that ends at this (true) time."""
        if kb is not None and all(fix.id != kb for fix in self.hotfixes):
            self.hotfixes.append(Hotfix(kb, self._day(when), "", waiting))
        if waiting and marks:
            self._mark()

    def _day(self, when: float) -> str:
        hexadecimal = self._dials.get("qfe_installed_on") == "filetime"
        return (filetime if hexadecimal else us_date)(self._host_time(when))

    def _mark(self) -> None:
        self._registry.make(rf"{SERVICING_KEY}\RebootPending", volatile=True)


def mark_windows_update(registry: Registry) -> None:
    """What Windows Update, and nobody else, leaves while it waits for a restart."""
    registry.make(rf"{WINDOWS_UPDATE_KEY}\RebootRequired", volatile=True)
