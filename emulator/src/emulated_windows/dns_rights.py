# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may change a name of a zone by dynamic update.

Knows AllowUpdate of Microsoft's zones (none, nonsecure, secure) and that in a secure zone whoever makes a name owns it
and shares it with nobody but those it was granted to (Windows 2000 DNS white paper; Configuring DNS, ff793405). An
account is a name; that it is who it says is a signature's business. Refuses to know records.
"""

from __future__ import annotations

from collections.abc import Iterable

import dns.name

UPDATES = ("none", "nonsecure", "secure")
TOMBSTONE_SECONDS = 14 * 86_400.0  # DsTombstoneInterval
SYSTEM = "SYSTEM"


class Rights:
    """The right to change the names of one zone."""

    def __init__(self, updates: str, group: Iterable[str] = (), *, tombstones: bool = True) -> None:
        """`group`: accounts that were granted every name. `tombstones`: does an owner outlive the records of a name?"""
        if updates not in UPDATES:
            raise ValueError(f"updates can be {', '.join(UPDATES)}, not {updates!r}")
        self.updates = updates
        self.group = tuple(group)
        self._tombstones = tombstones
        self._owners: dict[dns.name.Name, str] = {}
        self._gone: dict[dns.name.Name, float] = {}
        """When names that have an owner lost their last record."""

    def owner(self, name: dns.name.Name) -> str | None:
        """Whose name it is, None where that does not matter."""
        return self._owners.get(name) if self.updates == "secure" else None

    def hears(self, account: str) -> bool:
        """Does the zone listen to this account at all? A secure one takes nothing unsigned, be there nothing to do."""
        return self.updates == "nonsecure" or (self.updates == "secure" and bool(account))

    def may(self, account: str, name: dns.name.Name, now: float) -> bool:
        """May this account ("": anybody) change this name?"""
        if self.updates != "secure":
            return self.updates == "nonsecure"
        self._forget(now)
        known = {one.lower() for one in (*self.group, self._owners.get(name, account))}
        return bool(account) and account.lower() in known

    def changed(self, account: str, name: dns.name.Name, now: float, *, exists: bool) -> None:
        """The name was changed by this account; `exists`: it has records now."""
        self._forget(now)
        if exists:
            self._gone.pop(name, None)
            self._owners.setdefault(name, account or SYSTEM)
        elif name in self._owners:
            self._gone.setdefault(name, now)
            self._forget(now)

    def _forget(self, now: float) -> None:
        life = TOMBSTONE_SECONDS if self._tombstones else 0.0
        for name in [name for name, when in self._gone.items() if now >= when + life]:
            del self._gone[name], self._owners[name]
