# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which edition of its release a machine runs, by Windows' own number for it, and whether it is an evaluation.

Internal to the collection activation.kms; not a public interface.

`System.edition` comes from the suite bits, which every release has and which tell no evaluation. The number costs a
request, so it is read only where somebody needs it.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._data import load
from .._plan import Look, Reader
from .._world import World
from .._wsman.client import Client
from .system import System

_EDITIONS: t.Mapping[int, t.Mapping[str, t.Any]] = load(__file__, "data", "editions.yml")["editions"]

SKU = "SELECT OperatingSystemSKU FROM Win32_OperatingSystem"


@dataclasses.dataclass(frozen=True)
class Edition:
    """The edition. `sku` is None where nobody has looked, where Windows does not say, and on Server 2003."""

    key: t.ClassVar[str] = "edition"

    sku: int | None = None

    @property
    def name(self) -> str | None:
        """What to call it, for people; None where the number is not known."""
        return self._row.get("name")

    @property
    def evaluation(self) -> bool:
        """Whether it is known to be an evaluation, which takes no volume key."""
        return bool(self._row.get("evaluation"))

    @property
    def _row(self) -> t.Mapping[str, t.Any]:
        return {} if self.sku is None else _EDITIONS.get(self.sku, {})

    def as_data(self) -> dict[str, t.Any] | None:
        """Plain data for results; None where there is no number."""
        return None if self.sku is None else {"sku": self.sku, "name": self.name, "evaluation": self.evaluation}


def read_edition(needed: t.Callable[[Look], bool]) -> Reader:
    """The reader of the edition; it asks the machine only where that is `needed`, with one request."""

    def read(world: World, look: Look) -> Edition:
        if not (needed(look) and _has_number(look[System].version)):
            return Edition()
        rows = Client(world).query("root/cimv2", SKU)
        return Edition(rows[0].integer("OperatingSystemSKU") if rows else None)

    return read


def _has_number(version: str) -> bool:
    """Whether this Windows has the column: from 6.0 on (Win32_OperatingSystem documentation)."""
    major = version.partition(".")[0]
    return major.isdecimal() and int(major) >= 6
