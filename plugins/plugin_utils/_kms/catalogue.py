# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of KMS updates, hosts, key groups and clients; loaded once, corrected by the user where needed.

Internal to the collection activation.kms; not a public interface.

Refuses to know a particular host: which updates it needs is decided in `serving`.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from .._data import load
from .._errors import Refusal
from .corrections import correct

_UPDATES = load(__file__, "data", "updates.yml")
_KEYS = load(__file__, "data", "key_groups.yml")
_GROUPS = _KEYS["key_groups"]
KEY_GROUPS: tuple[str, ...] = tuple(_GROUPS)

UPDATE_EXE, MSU, BUILD = "update_exe", "msu", "build"
"""The kinds of update: run as a program, given to dism or pkgmgr, never installed by this collection."""

_ABSENT: t.Mapping[str, t.Any] = {
    "kind": MSU,
    "hotfix": "",
    "released": "",
    "build": "",
    "kms_version": "",
    "min_service_pack": 0,
    "files": {},
    "files_unsure": False,
    "localized": False,
    "needs": [],
    "replaced_by": [],
    "or_later": False,
    "restart": "required",
    "log": "",
    "proof": {},
    "warnings": [],
    "note": "",
}
"""What a row of the catalogue that does not say it means."""
_HOTFIX = re.compile(r"KB\d{5,8}")


@dataclasses.dataclass(frozen=True)
class Warn:
    """What to say before an update is installed: `when` is always, virtual or edition (one out of `editions`)."""

    when: str
    text: str
    editions: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Update:
    """One update, in the fields of updates.yml. `serves` are the clients a server host with it can activate."""

    id: str
    title: str
    kind: str
    hotfix: str
    released: str
    build: tuple[int, int]
    kms_version: str
    releases: tuple[str, ...]
    min_service_pack: int
    files: t.Mapping[str, str]
    files_unsure: bool
    localized: bool
    needs: tuple[str, ...]
    replaced_by: tuple[str, ...]
    serves: frozenset[str]
    or_later: bool
    restart: bool
    log: str
    witness: str
    proof: t.Mapping[str, int]
    warnings: tuple[Warn, ...]
    note: str

    def file_name(self, architecture: str, language: str, platform: str = "") -> str | None:
        """The package's name for a machine, None where there is none for its architecture."""
        pattern = self.files.get(architecture)
        if pattern is None:
            return None
        return pattern.replace("{language}", language or "ENU").replace("{platform}", platform)


@dataclasses.dataclass(frozen=True)
class Host:
    """A release that can be a KMS host, in the fields of updates.yml."""

    id: str
    client: bool
    engine: str
    platform: str
    native: frozenset[str]
    excluded: str = ""


@dataclasses.dataclass(frozen=True)
class Catalogue:
    """Updates in the order in which they came out, hosts, and the later rollups the user vouches for."""

    updates: t.Mapping[str, Update]
    hosts: t.Mapping[str, Host]
    accepted: tuple[str, ...] = ()

    def for_release(self, release: str) -> list[Update]:
        """The updates of one release, oldest first."""
        return [update for update in self.updates.values() if release in update.releases]

    def serves(self, release: str, installed: t.Collection[str]) -> frozenset[str]:
        """The clients a host of this release with these updates can activate."""
        host = self.hosts.get(release)
        if host is None:
            return frozenset()
        clients = host.native.union(*(self.updates[name].serves for name in installed if name in self.updates))
        return frozenset(client for client in clients if not host.client or is_client(client))

    def serves_at_best(self, release: str) -> frozenset[str]:
        """The clients a host of this release can activate with every update there is."""
        return self.serves(release, [update.id for update in self.for_release(release)])


def catalogue(overrides: t.Mapping[str, t.Any] | None = None, accepted: t.Sequence[str] = ()) -> Catalogue:
    """The catalogue with the user's corrections: {update id: {field: value}}.

    Args:
        accepted: numbers of later rollups (KB5012345), one of which proves the "or later rollup" rows of its release.

    Raises:
        Refusal: an unknown update or field, or what is no number of an update.
    """
    rows = {name: {**_ABSENT, **row} for name, row in _UPDATES["updates"].items()}
    correct(rows, overrides or {}, {"needs": rows, "replaced_by": rows, "serves": _KIND_OF, "releases": _HOSTS})
    updates = {name: _update(name, row) for name, row in rows.items()}
    return Catalogue(updates, _HOSTS, tuple(dict.fromkeys(_number(text) for text in accepted)))


def _number(text: str) -> str:
    number = text.strip().upper()
    number = f"KB{number}" if number.isdecimal() else number
    if not _HOTFIX.fullmatch(number):
        raise Refusal(
            "accepted_updates has an element that is no number of an update; write them as KB5012345", name="bad_option"
        )
    return number


def _update(name: str, row: t.Mapping[str, t.Any]) -> Update:
    major, _dot, minor = str(row["build"]).partition(".")
    return Update(
        id=name,
        title=str(row["title"]),
        kind=str(row["kind"]),
        hotfix=str(row["hotfix"]),
        released=str(row["released"]),
        build=(int(major or 0), int(minor or 0)),
        kms_version=str(row["kms_version"]),
        releases=tuple(row["releases"]),
        min_service_pack=int(row["min_service_pack"]),
        files=dict(row["files"]),
        files_unsure=bool(row["files_unsure"]),
        localized=bool(row["localized"]),
        needs=tuple(row["needs"]),
        replaced_by=tuple(row["replaced_by"]),
        serves=frozenset(row["serves"]),
        or_later=bool(row["or_later"]),
        restart=row["restart"] == "required",
        log=str(row["log"]),
        witness=str(row["witness"]),
        proof=dict(row["proof"]),
        warnings=tuple(
            Warn(str(one["when"]), str(one["text"]), tuple(one.get("editions", ()))) for one in row["warnings"]
        ),
        note=str(row["note"]),
    )


_KIND_OF: t.Mapping[str, str] = {client: kind for kind, clients in _KEYS["clients"].items() for client in clients}
_HOSTS: t.Mapping[str, Host] = {
    name: Host(
        id=name,
        client=row["kind"] == "client",
        engine=row["engine"],
        platform=row["platform"],
        native=frozenset(row["native"]),
        excluded=row.get("excluded", ""),
    )
    for name, row in _UPDATES["hosts"].items()
}

CLIENTS: tuple[str, ...] = tuple(sorted(_KIND_OF))
"""Every client id there is."""

THRESHOLDS: t.Mapping[str, int] = _KEYS["thresholds"]
"""How many machines must have asked a host before it activates a "client" or a "server"; both count together."""

STANDARD = catalogue()


def is_client(client: str) -> bool:
    """Whether a client id is of a client release of Windows, not of a server."""
    return _KIND_OF[client] == "client"


def group_activates(group: str) -> frozenset[str]:
    """The clients a key group activates, in all or some of their editions."""
    return frozenset(client.split(":")[0] for client in _GROUPS[group]["activates"])


def group_of_channel(channel: str) -> str | None:
    """The key group whose token Windows shows in a product's description; None for a token nobody has confirmed."""
    return next((name for name, row in _GROUPS.items() if channel and row.get("token") == channel), None)


def group_hosted_on(group: str) -> frozenset[str]:
    """The releases on which a key of this group can be installed."""
    return frozenset(_GROUPS[group]["hosted_on"])


def group_stands_for(group: str) -> frozenset[str]:
    """The clients whose generation a key group is of: a host takes such a key only with the update that brings them."""
    return frozenset(_GROUPS[group]["stands_for"])
