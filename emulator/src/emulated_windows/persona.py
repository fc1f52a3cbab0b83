# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Personas: which Windows a host plays. One YAML file a release.

Knows how to read those files and which dials a persona has. Refuses to know what any of it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from . import dials

_FOLDER = Path(__file__).parent / "personas"
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Behaviour:
    """One thing a persona does, and how we know."""

    what: str
    label: str
    """captured, documented or assumed."""
    source: str


@dataclass(frozen=True)
class Release:
    """What `Win32_OperatingSystem` and the installers say of this Windows."""

    caption: str
    full_name: str
    version: str
    build: str
    service_pack: int
    architecture: str
    language: str
    lcid: int
    system_type: str


@dataclass(frozen=True)
class WsmanStyle:
    """How WinRM of this release answers, and its limits."""

    stack: str
    product_version: str
    wmi_provider: str
    shell_block: bool
    cim_create: bool
    envelope_kb: int
    envelope_unit: str
    max_timeout_ms: int
    enumeration_timeout_ms: int
    operations_per_user: int
    shells_per_user: int
    processes_per_shell: int
    shell_idle_seconds: int
    namespaces: frozenset[str]


@dataclass(frozen=True)
class Persona:
    """One Windows release."""

    name: str
    title: str
    release: Release
    wsman: WsmanStyle
    classes: Mapping[str, tuple[str, ...]]
    """Modelled WMI classes by namespace."""
    programs: frozenset[str]
    """What cmd.exe knows."""
    operating_system: Mapping[str, Any]
    computer_system: Mapping[str, Any]
    services: tuple[tuple[Any, ...], ...]
    processes: tuple[tuple[Any, ...], ...]
    firewall_profiles: tuple[str, ...]
    hotfixes: tuple[str, ...]
    behaviours: tuple[Behaviour, ...]

    @property
    def dials(self) -> tuple[str, ...]:
        """The names of the dials this persona has."""
        return tuple(dial.name for dial in dials.ALL)


def _persona(path: Path) -> Persona:
    data = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # a safe loader, see _LOADER
    style = data["wsman"]
    style["namespaces"] = frozenset(style["namespaces"])
    return Persona(
        name=data["name"],
        title=data["title"],
        release=Release(**data["release"]),
        wsman=WsmanStyle(**style),
        classes={namespace: tuple(classes) for namespace, classes in data["classes"].items()},
        programs=frozenset(data["programs"]),
        operating_system=data["operating_system"],
        computer_system=data["computer_system"],
        services=tuple(tuple(row) for row in data["services"]),
        processes=tuple(tuple(row) for row in data["processes"]),
        firewall_profiles=tuple(data["firewall_profiles"]),
        hotfixes=tuple(data["hotfixes"]),
        behaviours=tuple(Behaviour(**row) for row in data["behaviours"]),
    )


@lru_cache(maxsize=1)
def personas() -> dict[str, Persona]:
    """Every persona by name."""
    return {persona.name: persona for persona in map(_persona, sorted(_FOLDER.glob("*.yml")))}


def persona(name: str) -> Persona:
    """One persona. ValueError, with a sentence, for a name there is none for."""
    found = personas().get(name)
    if found is None:
        raise ValueError(f"no persona is called {name!r}; there are {', '.join(sorted(personas()))}")
    return found


def dial_table(name: str) -> dict[str, tuple[str, ...]]:
    """The dials of a persona with their possible settings, the default first."""
    return {dial: dials.BY_NAME[dial].settings for dial in persona(name).dials}
