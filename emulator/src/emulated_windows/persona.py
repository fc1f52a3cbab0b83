# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Personas: which Windows a host plays. One YAML file a release.

Knows how to read those files (`extends` another: mappings merge, lists replace, NULL takes away) and which dials a
persona has. Refuses to know what any of it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from . import dials
from .packaged import PACKAGE, read

_FOLDER = "personas"


@dataclass(frozen=True)
class Behaviour:
    """One thing a persona does, and how we know."""

    what: str
    label: str
    """captured, documented or assumed."""
    source: str


@dataclass(frozen=True)
class Release:
    """What `Win32_OperatingSystem`, the registry and the installers say of this Windows."""

    id: str
    """server_2003 ... server_2025, windows_7, windows_10."""
    caption: str
    full_name: str
    version: str
    build: str
    ubr: int
    """The number behind the build from 10.0 on, 0 before."""
    edition_id: str
    """EditionID of the registry, "" on 5.2."""
    product_type: int
    """1 client, 2 domain controller, 3 server. A machine may be a domain controller by option."""
    service_pack: int
    architecture: str
    """x86 or x64, as the names of packages say it."""
    system_type: str


@dataclass(frozen=True)
class WsmanStyle:
    """How WinRM of this release answers, and its limits."""

    stack: str
    product_version: str
    wmi_provider: str
    shell_block: bool
    """CreateResponse of a shell carries rsp:Shell."""
    shell_prefix: str
    """WinRM 1.x writes uuid: before shell and command ids."""
    old_faults: bool
    """WinRM 1.x: no __ExtendedStatus, an empty Machine."""
    mi: bool
    """The MI stack of WinRM 3.0: MSFT_WmiError, ActivityId."""
    cim_create: bool
    """Create and Delete of CIM instances."""
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
class FirewallStyle:
    """Where Windows Firewall of this release keeps its rules."""

    store: str
    """port_list (GloballyOpenPorts, 5.2) or rules (FirewallRules, from 6.0 on)."""
    wmi: bool
    """Are there MSFT_Net* classes (from 6.2 on)?"""
    profiles: tuple[str, ...]
    """Names of the profiles' registry keys."""

    @property
    def service(self) -> str:
        """The service without which nothing is filtered."""
        return "SharedAccess" if self.store == "port_list" else "MpsSvc"


@dataclass(frozen=True)
class LicensingStyle:
    """The licensing service of this release. What is None is a dial (Server 2003) or comes with an update."""

    service: str | None
    """slsvc or sppsvc."""
    registry: str | None
    """SL or SPP: the key it reads."""
    schema: str | None
    """Whose members the WMI classes have: a generation of data/licensing_classes.yml."""
    version: str | None
    """SoftwareLicensingService.Version."""
    event_source: str
    other_event_source: str
    """Where SourceName is not that of the provider (a dial): its classic source, or on 5.2 what Vista has."""


@dataclass(frozen=True)
class Persona:
    """One Windows release."""

    name: str
    title: str
    generation: str
    """5.2, 6.0, 6.1, 6.2, 6.3 or 10.0."""
    release: Release
    wsman: WsmanStyle
    classes: Mapping[str, tuple[str, ...]]
    """Modelled WMI classes by namespace."""
    programs: frozenset[str]
    """What cmd.exe knows."""
    packages: str
    """update_exe or cbs: what installs updates."""
    operating_system: Mapping[str, Any]
    computer_system: Mapping[str, Any]
    services: tuple[tuple[Any, ...], ...]
    processes: tuple[tuple[Any, ...], ...]
    firewall: FirewallStyle
    licensing: LicensingStyle
    hotfixes: tuple[str, ...]
    dial_settings: Mapping[str, tuple[str, ...]]
    """The dials this persona has, with their possible settings, the default first."""
    behaviours: tuple[Behaviour, ...]

    @property
    def dials(self) -> tuple[str, ...]:
        """The names of the dials this persona has."""
        return tuple(self.dial_settings)

    @property
    def since(self) -> tuple[int, int]:
        """The generation as numbers, to compare with."""
        major, _, minor = self.generation.partition(".")
        return int(major), int(minor)

    @property
    def windows(self) -> str:
        """The Windows folder."""
        return str(self.operating_system["WindowsDirectory"])

    @property
    def evaluation_editions(self) -> bool:
        """Are evaluations editions with names and numbers of their own? (ServerStandardEval, winnt.h; that they are
        none up to 6.1 is assumed.)"""
        return self.since >= (6, 2)

    @property
    def server(self) -> bool:
        """Is it a server release?"""
        return self.release.product_type != 1


def _merged(below: Any, above: Any) -> Any:
    """What `extends` makes of two values: mappings merge, anything else is replaced, NULL in a mapping takes away."""
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    found = {**below}
    for name, value in above.items():
        found[name] = _merged(below.get(name), value)
    return found


def _read(name: str) -> dict[str, Any]:
    data: dict[str, Any] = read(f"{_FOLDER}/{name}.yml")
    base = data.get("extends")
    found: dict[str, Any] = _merged(_read(base), data) if base is not None else data
    return found


def _persona(name: str) -> Persona:
    data = _read(name)
    style, firewall = data["wsman"], data["firewall"]
    return Persona(
        name=data["name"],
        title=data["title"],
        generation=data["generation"],
        release=Release(**data["release"]),
        wsman=WsmanStyle(**{**style, "namespaces": frozenset(style["namespaces"])}),
        classes={namespace: tuple(classes) for namespace, classes in data["classes"].items() if classes},
        programs=frozenset(data["programs"]),
        packages=data["packages"],
        operating_system=data["operating_system"],
        computer_system=data["computer_system"],
        services=tuple((service, *row) for service, row in data["services"].items() if row is not None),
        processes=tuple(tuple(row) for row in data["processes"]),
        firewall=FirewallStyle(**{**firewall, "profiles": tuple(firewall["profiles"])}),
        licensing=LicensingStyle(**data["licensing"]),
        hotfixes=tuple(data["hotfixes"]),
        dial_settings=dials.for_generation(data["generation"], data.get("dials") or {}, data.get("ruled_out")),
        behaviours=tuple(Behaviour(**row) for row in data["behaviours"]),
    )


@lru_cache(maxsize=1)
def personas() -> dict[str, Persona]:
    """Every persona by name."""
    return {path.stem: _persona(path.stem) for path in sorted((PACKAGE / _FOLDER).glob("*.yml"))}


def persona(name: str) -> Persona:
    """One persona. ValueError, with a sentence, for a name there is none for."""
    found = personas().get(name)
    if found is None:
        raise ValueError(f"no persona is called {name!r}; there are {', '.join(sorted(personas()))}")
    return found


def dial_table(name: str) -> dict[str, tuple[str, ...]]:
    """The dials of a persona with their possible settings, the default first."""
    return dict(persona(name).dial_settings)
