# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The members of the licensing classes, generation by generation (data/licensing_classes.yml).

Knows how that file is read. Refuses to know what a member means.
"""

from __future__ import annotations

import re
from functools import lru_cache

from ..packaged import read
from .schema import Method, Parameter, Schema, changed, methods

_METHOD = re.compile(r"(?P<name>\w+)\((?P<inputs>[^)]*)\)(?:>(?P<outputs>\S+))?\Z")
_KEYS = {"SoftwareLicensingService": ("Version",), "SoftwareLicensingProduct": ("ID",)}


def _parameters(text: str | None) -> tuple[Parameter, ...]:
    found = []
    for word in (text or "").split(","):
        if word:
            name, _, type_ = word.partition(":")
            found.append(Parameter(name, type_.removesuffix("[]"), type_.endswith("[]")))
    return tuple(found)


def _methods(text: str) -> tuple[Method, ...]:
    found = []
    for word in text.split():
        match = _METHOD.match(word)
        if match is None:
            raise ValueError(f"{word} is not a method")
        name = match["name"]
        reads = name.startswith("Get")
        found.append(Method(name, _parameters(match["inputs"]), _parameters(match["outputs"]), mutation=not reads))
    return tuple(found)


def _schema(name: str, rows: dict[str, dict[str, str]], generation: str) -> Schema:
    row = rows[generation]
    base = _schema(name, rows, row["from"]) if "from" in row else Schema(name)
    gone = set(row.get("less_methods", "").split())
    kept = [method for method in base.methods.values() if method.name not in gone]
    return Schema(
        name,
        properties=changed(base.properties, row.get("properties", row.get("more", "")), row.get("less", "")),
        keys=_KEYS[name],
        methods=methods(*kept, *_methods(row.get("methods", row.get("more_methods", "")))),
        source=row["label"],
    )


@lru_cache(maxsize=1)
def schemas() -> dict[tuple[str, str], Schema]:
    """Every schema by class and generation."""
    data = read("data/licensing_classes.yml")
    return {(name, generation): _schema(name, rows, generation) for name, rows in data.items() for generation in rows}
