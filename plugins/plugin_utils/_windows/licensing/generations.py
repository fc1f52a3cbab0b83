# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The licensing service of every Windows generation: its name, where its settings are, what can be asked of it.

Internal to the collection activation.kms; not a public interface.

Knows the rows of data/licensing.yml. Refuses to know what a setting is for, and to read or write anything.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ..._data import load

_DATA = load(__file__, "..", "data", "licensing.yml")

ROOTS: t.Mapping[str, str] = _DATA["roots"]
"""Where the service may keep its settings, by a short name."""

WINDOWS: t.Final = "55c92734-d682-4d71-983e-d6ec3f16059f"
"""The application ID of Windows among the products (slmgr.vbs); Office has others."""

SERVICE_CLASS: t.Final = "SoftwareLicensingService"
PRODUCT_CLASS: t.Final = "SoftwareLicensingProduct"


@dataclasses.dataclass(frozen=True)
class Generation:
    """What sets the licensing service of one generation apart from the others; see data/licensing.yml."""

    services: tuple[str, ...]
    roots: tuple[str, ...]
    service_query: str
    product_query: str
    by_wmi: frozenset[str]
    foreign_products: bool
    online_doubtful: bool
    domain_weights: bool


@dataclasses.dataclass(frozen=True)
class Setting:
    """Where one setting of a KMS host is kept; see data/licensing.yml. What WMI does not have is "" here."""

    name: str
    default: t.Any
    value: str
    type: t.Literal["text", "number", "texts"]
    negated: bool = False
    column: str = ""
    method: str = ""
    parameter: str = ""


def _query(class_name: str, columns: t.Sequence[str], where: str = "") -> str:
    return f"SELECT {','.join(columns) or '*'} FROM {class_name}{where}"


def _generation(row: t.Mapping[str, t.Any]) -> Generation:
    return Generation(
        services=tuple(row["services"]),
        roots=tuple(row["roots"]),
        service_query=_query(SERVICE_CLASS, row["service_columns"]),
        product_query=_query(PRODUCT_CLASS, row["product_columns"], " WHERE PartialProductKey <> null"),
        by_wmi=frozenset(row["by_wmi"]),
        foreign_products=bool(row["foreign_products"]),
        online_doubtful=bool(row.get("online_doubtful", False)),
        domain_weights=bool(row.get("domain_weights", False)),
    )


def _setting(name: str, row: t.Mapping[str, t.Any]) -> Setting:
    default = tuple(row["default"]) if isinstance(row["default"], list) else row["default"]
    return Setting(**{**row, "name": name, "default": default})


_VERSION = re.compile(r"(\d+)\.(\d+)")


def _number(version: str) -> tuple[int, int]:
    """(6, 1) of "6.1.7601"; (0, 0) of what is no version."""
    found = _VERSION.match(version)
    return (int(found.group(1)), int(found.group(2))) if found else (0, 0)


SETTINGS: t.Mapping[str, Setting] = {name: _setting(name, row) for name, row in _DATA["settings"].items()}
"""The settings of a KMS host, in the order in which they are told."""

_GENERATIONS = sorted(
    ((_number(row["since"]), _generation(row)) for row in _DATA["generations"]), key=lambda one: one[0]
)


def generation(version: str) -> Generation:
    """The generation of a Windows by Win32_OperatingSystem.Version; what is newer than every row is the newest.

    A version that cannot be read is taken for the oldest: there everything is tried.
    """
    number = _number(version)
    return next((found for since, found in reversed(_GENERATIONS) if since <= number), _GENERATIONS[0][1])
