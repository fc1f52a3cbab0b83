# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host key groups: which there are, and which of them a Windows has licences for.

Knows data/key_groups.yml, and the word for a key that is none of theirs: a MAK. Refuses to know how an update is
installed and what a key looks like.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from .packaged import read

_FILE = "data/key_groups.yml"
MAK = "mak"
"""Stands in the place of a key group for a Multiple Activation Key, which makes no KMS host."""


@dataclass(frozen=True)
class KeyGroup:
    """One group of host keys."""

    id: str
    token: str
    """The word by which Description names it."""
    family: str
    client: bool
    """Is it a key for client editions?"""
    seen: bool
    """Has somebody published the token?"""
    source: str
    office: str = ""
    """For Office: the name by which its products go, "Office 16"; "" for Windows."""


@dataclass(frozen=True)
class Hosting:
    """Which key groups one Windows release takes."""

    native: tuple[str, ...]
    source: str
    updates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    builds: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    def groups(self, updates: Collection[str], ubr: int) -> tuple[str, ...]:
        """The groups with these updates in effect and this UBR, each once."""
        found = list(self.native)
        for update, groups in self.updates.items():
            found += groups if update in updates else ()
        for least, groups in self.builds.items():
            found += groups if ubr >= least else ()
        return tuple(dict.fromkeys(found))

    def needed_for(self, group: str) -> str | None:
        """The update that brings a group; "" where none is needed, None where none brings it."""
        if group in self.native:
            return ""
        return next((update for update, groups in self.updates.items() if group in groups), None)


@lru_cache(maxsize=1)
def key_groups() -> dict[str, KeyGroup]:
    """Every key group by its id."""
    data = read(_FILE)
    return {name: KeyGroup(id=name, **row) for name, row in (data["groups"] | data["office"]).items()}


def office_groups() -> tuple[str, ...]:
    """The key groups of Office: each comes with a licence pack of its own."""
    return tuple(name for name, group in key_groups().items() if group.office)


def known_words() -> tuple[str, ...]:
    """What ESTATE.yml may call a key: a key group, or a MAK."""
    return (*key_groups(), MAK)


@lru_cache(maxsize=1)
def hosting() -> dict[str, Hosting]:
    """What each release takes, by the release's id."""
    found = {}
    for release, row in read(_FILE)["hosts"].items():
        found[release] = Hosting(
            native=tuple(row["native"]),
            source=row["source"],
            updates={update: tuple(groups) for update, groups in row.get("updates", {}).items()},
            builds={least: tuple(groups) for least, groups in row.get("builds", {}).items()},
        )
    return found
