# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""KMS updates: which are installed, and whether one awaits its restart.

Internal to the collection activation.kms; not a public interface.

Server 2003 only so far. KMS 1.0 has no number: its witness is the licensing class it brings; the others are registered
as hotfixes. An update that was installed in the boot that is still running has not taken effect: Microsoft's articles
say that a key is refused (0xC004F050) until the restart. Three signs are looked at: our own record, and the two shapes
in which Update.exe is reported to leave its mark.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._plan import Look, Reader
from .._windows.licensing import Licensing
from .._windows.registry import Registry
from .._windows.system import BOOT_TOLERANCE, System
from .._world import World
from .._wsman.client import Client
from .catalogue import STANDARD, Catalogue, Update
from .record import Record

UPDATES_KEY = r"SOFTWARE\Microsoft\Updates"


@dataclasses.dataclass(frozen=True)
class Updates:
    """The KMS updates of a host."""

    key: t.ClassVar[str] = "updates"

    installed: frozenset[str]
    kms_version: str | None
    restart_pending: bool
    pending_signs: tuple[str, ...] = ()
    serves: frozenset[str] = frozenset()

    def as_data(self) -> dict[str, t.Any]:
        """Plain data for results."""
        return {
            "installed": sorted(self.installed),
            "kms_version": self.kms_version,
            "restart_pending": self.restart_pending,
            "pending_signs": list(self.pending_signs),
            "serves": sorted(self.serves),
        }


def read_updates(known: Catalogue = STANDARD) -> Reader:
    """A reader of the installed KMS updates."""

    def read(world: World, look: Look) -> Updates:
        system, record = look[System], look[Record]
        rows = known.for_release(system.release)
        if not rows:
            return Updates(frozenset(), None, restart_pending=False)
        client = Client(world)
        noted = record.updates_of_boot(system.boot_time, BOOT_TOLERANCE)
        installed = _registered(client, rows) | {name for name, state in noted.items() if state == "done"}
        if look[Licensing].present or installed:
            installed |= {update.id for update in rows if update.witness == "licensing_class"}
        signs = [f"record: {name} was installed in this boot" for name in noted if name in installed]
        signs += _volatile_signs(Registry(client))
        return updates_with(system.release, frozenset(installed), tuple(signs), known)

    return read


def _registered(client: Client, rows: t.Sequence[Update]) -> set[str]:
    """The updates Windows has registered: first by Win32_QuickFixEngineering; where it shows none, by the registry.

    On Server 2003 the class is built from the registry and may hold rows named "File 1"; only an exact number counts.
    """
    numbers = {update.hotfix: update.id for update in rows if update.hotfix}
    where = " OR ".join(f"HotFixID='{number}'" for number in numbers)
    answer = client.query("root/cimv2", f"SELECT HotFixID FROM Win32_QuickFixEngineering WHERE {where}")
    found = {numbers[row.text("HotFixID") or ""] for row in answer if row.text("HotFixID") in numbers}
    if found:
        return found
    registry = Registry(client)
    for pack in ("SP3", "SP2"):
        keys = {name.upper() for name in registry.keys(rf"{UPDATES_KEY}\Windows Server 2003\{pack}") or []}
        found |= {name for number, name in numbers.items() if number in keys}
    return found


def _volatile_signs(registry: Registry) -> list[str]:
    """Update.exe's own mark until the next start, in the two shapes that are reported."""
    signs = []
    if registry.number(UPDATES_KEY, "UpdateExeVolatile"):
        signs.append("registry: UpdateExeVolatile")
    if registry.number(UPDATES_KEY + r"\UpdateExeVolatile", "Flags"):
        signs.append("registry: UpdateExeVolatile\\Flags")
    return signs


def updates_with(release: str, installed: frozenset[str], signs: tuple[str, ...], known: Catalogue) -> Updates:
    versions = [update.kms_version for update in known.for_release(release) if update.id in installed]
    pending = bool(signs and installed)  # where no KMS update is installed, the signs are of others
    return Updates(installed, max(versions, default=None), pending, signs, known.serves(release, installed))
