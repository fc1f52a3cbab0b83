# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft's public client setup keys (GVLKs): which of them belongs to a machine.

Internal to the collection activation.kms; not a public interface.

They are no secrets. Refuses to guess: the keys of the long-term and semi-annual channels share a number among several
releases of Windows 10 and Windows Server, and there the answer is none.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._data import load

_DATA = load(__file__, "data", "setup_keys.yml")
_KEYS: t.Mapping[str, t.Mapping[str, t.Any]] = _DATA["setup_keys"]


@dataclasses.dataclass(frozen=True)
class SetupKey:
    """A client setup key, and the edition Microsoft lists it for."""

    key: str
    edition: str


def setup_key_for(release: str, sku: int | None) -> SetupKey | None:
    """The one setup key of a release and an edition (OperatingSystemSKU); None where there is none, or several."""
    fitting = [
        SetupKey(key, row["edition"]) for key, row in _KEYS.items() if sku in row["skus"] and release in _of(row)
    ]
    return fitting[0] if len(fitting) == 1 else None


def _of(row: t.Mapping[str, t.Any]) -> t.Sequence[str]:
    """The releases a key is for."""
    releases: t.Sequence[str] = row.get("releases") or _DATA["releases"].get(row["client"]) or [row["client"]]
    return releases
