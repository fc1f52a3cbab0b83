# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""KMS updates: which are installed, what the host serves with them, and whether one awaits its restart.

Internal to the collection activation.kms; not a public interface.

Three ways to tell, by the kind of the release's updates. Server 2003: KMS 1.0 has no number, its witness is the
licensing class it brings; the others are registered as hotfixes. Vista to Server 2012 R2: hotfixes, of which a later
rollup may stand for an earlier one without its number, so that not listed means unknown. Server 2016 on: the build.

An update that was installed in the boot that is still running has not taken effect: Microsoft's articles say that a key
is refused (0xC004F050) until the restart. The signs of that are our own record, and the marks of Update.exe or of
Windows' component store. Any update leaves these marks, so they count only where a KMS update is installed and the host
key is not activated yet: once it is, the updates it needs have taken effect.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._plan import Look, Reader
from .._windows.licensing import LICENSED, Licensing
from .._windows.registry import Registry
from .._windows.restart_care import COMPONENTS_SIGN, components_pending
from .._windows.system import BOOT_TOLERANCE, System
from .._world import World
from .._wsman.client import Client
from .catalogue import BUILD, MSU, STANDARD, UPDATE_EXE, Catalogue, Update
from .key_products import wished_product
from .keys import KeyWish
from .record import Record
from .witnesses import UPDATES_KEY, Testimony, hotfixes, question

_VERSION_KEY = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion"


@dataclasses.dataclass(frozen=True)
class Updates:
    """The KMS updates of a host.

    Attributes:
        installed: ids of the updates that are proved to be there.
        kms_version: 1.0, 1.1 or 1.2 on Server 2003, None elsewhere and without KMS.
        restart_pending: a KMS update awaits, or may await, the restart of the host.
        pending_signs: what speaks for a restart, marks that do not count too; the component store's only where it
            counts or host_info asks.
        serves: the clients the host can activate now.
        serves_after: by id of each update that is not proved: the clients the host can activate with it.
        unknown: updates whose number is not registered, and which a later rollup may stand for.
        disagreements: one sentence for each witness that contradicts another.
        build: build and revision ("20348.2322") where the revision was read.
        excluded: the edition can be no KMS host.
    """

    key: t.ClassVar[str] = "updates"

    installed: frozenset[str]
    kms_version: str | None
    restart_pending: bool
    pending_signs: tuple[str, ...] = ()
    serves: frozenset[str] = frozenset()
    serves_after: t.Mapping[str, frozenset[str]] = dataclasses.field(default_factory=dict)
    unknown: frozenset[str] = frozenset()
    disagreements: tuple[str, ...] = ()
    build: str = ""
    excluded: bool = False

    def as_data(self) -> dict[str, t.Any]:
        """Plain data for results."""
        return {
            "installed": sorted(self.installed),
            "kms_version": self.kms_version,
            "restart_pending": self.restart_pending,
            "pending_signs": list(self.pending_signs),
            "serves": sorted(self.serves),
            "serves_after": {name: sorted(clients) for name, clients in self.serves_after.items()},
            "unknown": sorted(self.unknown),
            "disagreements": list(self.disagreements),
            "build": self.build,
            "excluded": self.excluded,
        }


def read_updates(
    known: Catalogue = STANDARD,
    wanted: t.Collection[str] | None = None,
    *,
    key: KeyWish | None = None,
    thorough: bool = False,
) -> Reader:
    """A reader of the installed KMS updates.

    Args:
        wanted: the clients to be served; where what is seen first serves them, no further witness is asked. None:
            further witnesses are asked where nothing is seen first.
        key: the host key that shall be activated; None for whichever the host has.
        thorough: ask every witness there is, for host_info.
    """

    def read(world: World, look: Look) -> Updates:
        system = look[System]
        kinds = {update.kind for update in known.for_release(system.release)}
        activated = _activated(look[Licensing], key)
        if UPDATE_EXE in kinds:
            return _read_update_exe(Client(world), look, known, wanted, thorough, activated)
        if MSU in kinds:
            return _read_store(Client(world), look, known, thorough, activated)
        return _read_build(Client(world), look, known, thorough)

    return read


def updates_with(release: str, installed: t.Collection[str], known: Catalogue, **more: t.Any) -> Updates:
    """The part, with all that follows from what is installed. `more`: its other fields."""
    rows = known.for_release(release)
    proved = _held(rows, installed)
    versions = [update.kms_version for update in rows if update.id in proved and update.kms_version]
    more.setdefault("restart_pending", bool(more.get("pending_signs") and proved))
    return Updates(
        installed=frozenset(proved),
        kms_version=max(versions, default=None),
        serves=known.serves(release, proved),
        serves_after={
            row.id: known.serves(release, _held(rows, {*proved, row.id})) for row in rows if row.id not in proved
        },
        unknown=frozenset(row.id for row in rows if row.or_later and row.id not in proved),
        **more,
    )


def _held(rows: t.Sequence[Update], installed: t.Collection[str]) -> set[str]:
    """These updates with those they hold: a rollup holds those before it, others what they replace."""
    held = set(installed)
    rollups = [row.id for row in rows if row.or_later]
    while rollups and rollups[-1] not in held:
        rollups.pop()
    held |= set(rollups)
    return held | {row.id for row in rows if held & set(row.replaced_by)}


def _activated(licensing: Licensing, key: KeyWish | None) -> bool:
    """Whether this host key is activated; without one, whether any is."""
    if key is None:
        return any(product.license_status == LICENSED for product in licensing.host_products())
    product = wished_product(licensing, key)
    return product is not None and product.license_status == LICENSED


# -- Server 2003


def _read_update_exe(
    client: Client,
    look: Look,
    known: Catalogue,
    wanted: t.Collection[str] | None,
    thorough: bool,
    activated: bool,
) -> Updates:
    system = look[System]
    rows = known.for_release(system.release)
    numbers = {row.hotfix: row.id for row in rows if row.hotfix}
    listed = {numbers[number] for number in hotfixes(client, list(numbers))}
    noted, done = _noted(look)
    base = {row.id for row in rows if row.witness == "licensing_class"}
    seen = Testimony(frozenset(listed))
    shown = listed | done | (base if look[Licensing].present else set())
    enough = bool(listed) if wanted is None else set(wanted) <= known.serves(system.release, shown)
    if thorough or not enough:
        seen = question(client, rows, system, listed)
    installed = seen.installed | done
    if look[Licensing].present or installed:
        installed |= base
    signs, marks = _signs(noted, installed), _volatile_signs(Registry(client))
    return updates_with(
        system.release,
        installed,
        known,
        pending_signs=(*signs, *marks),
        restart_pending=bool(signs) or bool(marks and installed) and not activated,
        disagreements=seen.disagreements,
    )


def _volatile_signs(registry: Registry) -> list[str]:
    """Update.exe's own mark until the next start, in the two shapes that are reported."""
    signs = []
    if registry.number(UPDATES_KEY, "UpdateExeVolatile"):
        signs.append("registry: UpdateExeVolatile")
    if registry.number(UPDATES_KEY + r"\UpdateExeVolatile", "Flags"):
        signs.append("registry: UpdateExeVolatile\\Flags")
    return signs


# -- Vista to Server 2012 R2


def _read_store(client: Client, look: Look, known: Catalogue, thorough: bool, activated: bool) -> Updates:
    system = look[System]
    rows = known.for_release(system.release)
    listed = hotfixes(client, [*(row.hotfix for row in rows if row.hotfix), *known.accepted])
    noted, done = _noted(look)
    installed = {row.id for row in rows if row.hotfix in listed} | done
    if listed & set(known.accepted):
        installed |= {row.id for row in rows if row.or_later}
    signs, counts = _signs(noted, installed), bool(installed) and not activated
    marks = [COMPONENTS_SIGN] if (counts or thorough) and components_pending(Registry(client)) else []
    return updates_with(
        system.release,
        installed,
        known,
        pending_signs=(*signs, *marks),
        restart_pending=bool(signs) or bool(marks) and counts,
    )


# -- Server 2016, Windows 10 and later


def _read_build(client: Client, look: Look, known: Catalogue, thorough: bool) -> Updates:
    system = look[System]
    rows = [row for row in known.for_release(system.release) if row.kind == BUILD]
    host = known.hosts.get(system.release)
    if host is None:
        return updates_with(system.release, (), known)
    registry = Registry(client)
    revision = registry.number(_VERSION_KEY, "UBR") if rows or thorough else None
    excluded = False
    if host.excluded and not look[Licensing].host_products():
        excluded = (registry.text(_VERSION_KEY, "EditionID") or "").startswith(host.excluded)
    found = updates_with(
        system.release,
        _reached(rows, (system.build, revision or 0)),
        known,
        build="" if revision is None else f"{system.build}.{revision}",
    )
    return dataclasses.replace(found, excluded=True, serves=frozenset(), serves_after={}) if excluded else found


def _reached(rows: t.Sequence[Update], build: tuple[int, int]) -> list[str]:
    """The cumulative updates whose build the host has, or a higher one: each holds those before it."""
    return [row.id for row in rows if row.build <= build]


def _noted(look: Look) -> tuple[t.Mapping[str, str], set[str]]:
    """What our record says of this boot: the updates by id, and those whose installation was seen to end well."""
    noted = look[Record].updates_of_boot(look[System].boot_time, BOOT_TOLERANCE)
    return noted, {name for name, state in noted.items() if state == "done"}


def _signs(noted: t.Mapping[str, str], installed: t.Collection[str]) -> list[str]:
    return [f"record: {name} was installed in this boot" for name in noted if name in installed]
