# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a KMS host reads from the registry when its service starts, and the zones it publishes itself in.

Knows the values below the licensing key (registry settings for volume activation, dn502532) and the lines
`domain[, priority, weight]` of DnsDomainPublishList; the numbers count from 6.1 on. Refuses to know keys and DNS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .registry import Registry

DEFAULT_PORT = 1688
SL_KEY = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\SL"
SPP_KEY = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\SoftwareProtectionPlatform"
VERSION_MARK = "KeyManagementServiceVersion"
"""Written by slmgr /ipk, for management packs to find KMS hosts by; the service does not read it."""


@dataclass(frozen=True)
class Domain:
    """A domain the host publishes itself in, and with what."""

    name: str
    priority: int = 0
    weight: int = 0
    line: str = ""
    """As it stands in the registry."""


@dataclass
class Settings:
    """What the service has read at its start."""

    port: int = DEFAULT_PORT
    publish: bool = True
    low_priority: bool = False
    zones: tuple[Domain, ...] = ()


def wow6432(path: str) -> str:
    """Where programs of 32 bits on x64 find a key below SOFTWARE."""
    return path.replace("SOFTWARE\\", "SOFTWARE\\Wow6432Node\\", 1)


def configured_port(registry: Registry, root: str) -> int:
    """The port the registry asks for; nonsense counts as nothing."""
    text = registry.text(root, "KeyManagementServiceListeningPort") or ""
    return int(text) if text.isdigit() and 0 < int(text) < 65536 else DEFAULT_PORT


def publish_list(registry: Registry, root: str) -> tuple[Domain, ...]:
    """The lines of DnsDomainPublishList; nonsense in the place of a number counts as nothing."""
    found = (_domain(line) for line in registry.strings(root, "DnsDomainPublishList"))
    return tuple(domain for domain in found if domain.name)


def _domain(line: str) -> Domain:
    name, *numbers = (word.strip() for word in line.split(","))
    priority, weight = map(_small, (*numbers, "", "")[:2])
    return Domain(name, priority, weight, line.strip())


def _small(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and int(text) < 65536 else 0


def read(registry: Registry, root: str) -> Settings:
    """All settings as they stand in the registry now."""
    return Settings(
        configured_port(registry, root),
        not registry.number(root, "DisableDnsPublishing"),
        bool(registry.number(root, "EnableKmsLowPriority")),
        publish_list(registry, root),
    )


def domains(settings: Settings, home: str, dials: Mapping[str, str], *, numbers: bool) -> tuple[Domain, ...]:
    """Where the host publishes itself; `numbers`: do priority and weight count (from Windows 7 and Server 2008 R2 on)?

    Whether a list suspends the home domain is a dial: the pages disagree.
    """
    zones = settings.zones
    if not numbers:
        whole = dials["publish_list_numbers"] == "part_of_name"
        zones = tuple(Domain(one.line if whole else one.name) for one in zones)
    listed = {one.name.lower(): one for one in zones}
    if home and (not listed or dials["publish_list"] == "adds_home"):
        listed = {home.lower(): Domain(home), **listed}
    return tuple(listed.values())
