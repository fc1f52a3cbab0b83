# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Windows firewall of a machine, whichever generation: what all of them can be asked.

Knows where the settings of the host and those of Group Policy live in the registry, profiles, and what stands in a
report. Refuses to know how ports are opened: a list of ports (Server 2003) and rules (Vista and later) have files of
their own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .registry import REG_DWORD, Registry
from .services import Services

LOCAL = r"SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy"
POLICY = r"SOFTWARE\Policies\Microsoft\WindowsFirewall"


@dataclass(frozen=True)
class OpenPort:
    """One inbound permission for one port in one profile, as a report shows it."""

    profile: str
    port: int | str
    """A number; a range, a keyword or `any` where a rule has that instead."""
    protocol: str
    scope: str
    enabled: bool
    name: str
    id: str
    store: str
    """local or policy."""


class Firewall(ABC):
    """What a connection meets, and what an administrator can see."""

    service: str
    """The name of its Windows service."""
    profiles: Mapping[str, str]
    """Names of the profiles with their keys in the local store."""
    policy_keys: Mapping[str, tuple[str, ...]]
    """The keys Group Policy may use for each profile; the first that has a value decides."""
    current: str
    """The profile of the network the host is in."""

    def __init__(self, registry: Registry, services: Services) -> None:
        self._registry = registry
        self._services = services

    def running(self) -> bool:
        """Does the service run? Without it nothing is filtered."""
        return self._services.running(self.service)

    def local(self, profile: str) -> str:
        """The registry key of a profile's own settings."""
        return f"{LOCAL}\\{self.profiles[profile]}"

    def policy(self, profile: str, value: str) -> int | None:
        """A number Group Policy sets for a profile, None where it says nothing."""
        for key in self.policy_keys[profile]:
            number = self._registry.number(f"{POLICY}\\{key}", value)
            if number is not None:
                return number
        return None

    def setting(self, profile: str, value: str, default: int) -> int:
        """A number in force: Group Policy first, then the host's own."""
        number = self.policy(profile, value)
        if number is None:
            number = self._registry.number(self.local(profile), value)
        return default if number is None else number

    def enabled(self, profile: str) -> bool:
        """Is the firewall on in this profile?"""
        return bool(self.setting(profile, "EnableFirewall", 0))

    def own_state(self, profile: str) -> int:
        """Is it on by the host's own settings, whatever Group Policy says? 1 or 0."""
        return int(bool(self._registry.number(self.local(profile), "EnableFirewall")))

    def switch(self, profile: str, on: bool) -> None:
        """Turn it on or off in the host's own settings; Group Policy may say otherwise."""
        self._registry.write(self.local(profile), "EnableFirewall", REG_DWORD, int(on))

    @abstractmethod
    def set_up(self, *, enabled: bool) -> None:
        """The keys a fresh machine has."""

    @abstractmethod
    def open_ports(self) -> Iterator[OpenPort]:
        """Every inbound permission there is, in force or not."""

    @abstractmethod
    def lets_in(self, port: int, remote: str) -> bool:
        """Does a TCP connection from this address to the licensing service's port get through?"""
