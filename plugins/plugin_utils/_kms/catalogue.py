# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of KMS updates, key groups and clients; loaded once, corrected by the user where needed.

Internal to the collection activation.kms; not a public interface.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._data import load
from .._errors import Refusal

_UPDATES = load(__file__, "data", "updates.yml")
_GROUPS = load(__file__, "data", "key_groups.yml")["key_groups"]
KEY_GROUPS: tuple[str, ...] = tuple(_GROUPS)


@dataclasses.dataclass(frozen=True)
class Update:
    """One update package. `serves` are the clients a host with it can activate."""

    id: str
    title: str
    kms_version: str
    releases: tuple[str, ...]
    min_service_pack: int
    files: t.Mapping[str, str]
    localized: bool
    needs: tuple[str, ...]
    supersedes: tuple[str, ...]
    serves: frozenset[str]
    restart: bool
    log: str
    witness: str
    hotfix: str = ""

    def file_name(self, architecture: str, language: str) -> str | None:
        """The package's name for a machine, None where there is none for its architecture."""
        pattern = self.files.get(architecture)
        return None if pattern is None else pattern.replace("{language}", language or "ENU")


@dataclasses.dataclass(frozen=True)
class Catalogue:
    """Updates in the order in which they came out, and what each release serves by itself."""

    updates: t.Mapping[str, Update]
    native: t.Mapping[str, frozenset[str]]

    def for_release(self, release: str) -> list[Update]:
        """The updates of one release, oldest first."""
        return [update for update in self.updates.values() if release in update.releases]

    def serves(self, release: str, installed: t.Collection[str]) -> frozenset[str]:
        """The clients a host of this release with these updates can activate."""
        clients = self.native.get(release, frozenset())
        for name in installed:
            if name in self.updates:
                clients = clients | self.updates[name].serves
        return clients

    def chain(
        self, release: str, wanted: t.Collection[str], offered: t.Collection[str], installed: t.Collection[str]
    ) -> list[str]:
        """The updates a host needs to serve `wanted`, in the order to install them, those it has included.

        Of several updates that would do, the oldest one whose package is offered or that is installed already; where
        none is, the newest, so that its missing package is named. What an update needs comes before it, by the
        shortest way.

        Raises:
            Refusal: no update of this release serves one of the clients.
        """
        if set(wanted) <= self.native.get(release, frozenset()):
            return []
        able = [update for update in self.for_release(release) if set(wanted) <= update.serves]
        if not able:
            raise self._impossible(release, wanted)
        have = [update for update in able if update.id in installed or update.id in offered]
        goal = next((update for update in able if update.id in installed), None) or (have[0] if have else able[-1])
        return self._with_needs(goal, installed)

    def _with_needs(self, goal: Update, installed: t.Collection[str]) -> list[str]:
        if not goal.needs or goal.id in installed:
            return [goal.id]
        need = next((name for name in goal.needs if name in installed), goal.needs[0])
        return [*self._with_needs(self.updates[need], installed), goal.id]

    def _impossible(self, release: str, wanted: t.Collection[str]) -> Refusal:
        best = frozenset().union(*(update.serves for update in self.for_release(release)), self.native.get(release, ()))
        beyond = sorted(set(wanted) - best)
        can = ", ".join(sorted(best)) or "nothing this collection knows of"
        return Refusal(
            f"a KMS host on {release} cannot serve {', '.join(beyond) or ', '.join(sorted(wanted))}: with every update "
            f"it serves {can}; take these clients out of `serve`, or use a newer release as the host",
            name="serve_impossible",
            advice="Use a host release that can serve these clients.",
        )


def catalogue(overrides: t.Mapping[str, t.Any] | None = None) -> Catalogue:
    """The catalogue with the user's corrections: {update id: {field: value}}.

    Raises:
        Refusal: an unknown update or field.
    """
    rows = {name: dict(row) for name, row in _UPDATES["updates"].items()}
    for name, fields in (overrides or {}).items():
        if name not in rows:
            raise Refusal(
                f"catalogue_overrides has a key that is no update; its keys must be out of {', '.join(rows)}",
                name="bad_override",
            )
        if not isinstance(fields, t.Mapping):
            raise Refusal(
                f"catalogue_overrides of {name} must be a dictionary of fields, min_service_pack: 1 for instance",
                name="bad_override",
            )
        unknown = set(fields) - set(rows[name])
        if unknown:
            raise Refusal(
                f"catalogue_overrides of {name} has the unknown fields {', '.join(sorted(map(str, unknown)))}; "
                f"known are {', '.join(rows[name])}",
                name="bad_override",
            )
        rows[name].update({field: _fitting(name, field, value, rows) for field, value in fields.items()})
    native = {release: frozenset(row["native"]) for release, row in _UPDATES["hosts"].items()}
    return Catalogue({name: _update(name, row) for name, row in rows.items()}, native)


def _fitting(name: str, field: str, value: t.Any, rows: t.Mapping[str, t.Any]) -> t.Any:
    """A corrected value of the type the catalogue has there; numbers and words may come as text. Raises Refusal."""
    known = rows[name][field]
    fits = isinstance(value, type(known)) and not (isinstance(value, bool) and not isinstance(known, bool))
    if isinstance(known, int) and not isinstance(known, bool) and isinstance(value, str) and value.isdecimal():
        value, fits = int(value), True
    if isinstance(known, list):
        fits = isinstance(value, list) and all(isinstance(item, str) for item in value)
    if field in ("needs", "supersedes") and fits:
        fits = set(value) <= set(rows) - {name}
    if not fits:
        raise Refusal(
            f"catalogue_overrides gives {name}.{field} a value of another kind than the catalogue has there "
            f"({known!r}); see ansible-doc",
            name="bad_override",
        )
    return value


def _update(name: str, row: t.Mapping[str, t.Any]) -> Update:
    return Update(
        id=name,
        title=str(row["title"]),
        kms_version=str(row["kms_version"]),
        releases=tuple(row["releases"]),
        min_service_pack=int(row["min_service_pack"]),
        files=dict(row["files"]),
        localized=bool(row["localized"]),
        needs=tuple(row["needs"]),
        supersedes=tuple(row["supersedes"]),
        serves=frozenset(row["serves"]),
        restart=row["restart"] == "required",
        log=str(row["log"]),
        witness=str(row["witness"]),
        hotfix=str(row.get("hotfix", "")),
    )


CLIENTS: tuple[str, ...] = tuple(
    sorted({client.split(":")[0] for group in _GROUPS.values() for client in group["activates"]})
)
"""Every client id there is."""

STANDARD = catalogue()


def group_activates(group: str) -> frozenset[str]:
    """The clients a key group activates, in all or some of their editions."""
    return frozenset(client.split(":")[0] for client in _GROUPS[group]["activates"])


def group_hosted_on(group: str) -> frozenset[str]:
    """The releases on which a key of this group can be installed."""
    return frozenset(_GROUPS[group]["hosted_on"])
