# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Windows Firewall of Server 2003, kept where Windows keeps it: in the registry under SharedAccess.

Knows the entries below GloballyOpenPorts\\List (`1688:TCP` = `1688:TCP:<scope>:Enabled:<name>`, KB897663), profiles,
scopes, and whether a connection from an address gets through. Refuses to know programs, ICMP and outbound rules.
An entry written straight into the registry counts at once (KB897663 treats such entries as effective).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from .registry import REG_DWORD, REG_SZ, Registry

POLICY = r"SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy"
PROFILES = {"DOMAIN": "DomainProfile", "STANDARD": "StandardProfile"}
LOCAL_SUBNET = "LocalSubNet"


@dataclass(frozen=True)
class PortEntry:
    """One line of a list of open ports."""

    profile: str
    port: int
    protocol: str
    scope: str
    enabled: bool
    name: str

    @property
    def value_name(self) -> str:
        """The name of its registry value. There is one for each port and protocol, so adding overwrites."""
        return f"{self.port}:{self.protocol}"

    @property
    def data(self) -> str:
        """The data of its registry value."""
        return f"{self.port}:{self.protocol}:{self.scope}:{'Enabled' if self.enabled else 'Disabled'}:{self.name}"


def parse(profile: str, data: str) -> PortEntry | None:
    """Read a registry value. The name may hold colons itself, so only four are split at."""
    parts = data.split(":", 4)
    if len(parts) < 4 or not parts[0].isdigit():
        return None
    return PortEntry(
        profile,
        int(parts[0]),
        parts[1].upper(),
        parts[2],
        parts[3].lower() == "enabled",
        parts[4] if len(parts) == 5 else "",
    )


def normal_network(text: str) -> str:
    """How netsh stores an address: always with a dotted mask. ValueError for anything else."""
    if text.strip().lower() == LOCAL_SUBNET.lower():
        return LOCAL_SUBNET
    network = ipaddress.IPv4Network(text.strip(), strict=False)
    return f"{network.network_address}/{network.netmask}"


def _list(profile: str) -> str:
    return f"{POLICY}\\{profile}\\GloballyOpenPorts\\List"


def _networks(scope: str, subnets: tuple[str, ...]) -> Iterator[str]:
    for part in scope.split(","):
        if part.strip().lower() == LOCAL_SUBNET.lower():
            yield from subnets
        else:
            yield "0.0.0.0/0" if part.strip() == "*" else part.strip()


def _within(scope: str, remote: str, subnets: tuple[str, ...]) -> bool:
    address = ipaddress.ip_address(remote)
    for network in _networks(scope, subnets):
        try:
            if address in ipaddress.ip_network(network, strict=False):
                return True
        except ValueError:
            continue  # Windows accepts nonsense in a scope and lets nobody in for it
    return False


class Firewall:
    """Rules are read from the registry each time, so that whoever writes there changes them."""

    subnets = ("127.0.0.0/8", "10.20.0.0/24")
    """What counts as the local subnet: where emulated hosts really live, and where they say they do."""

    def __init__(self, registry: Registry, *, domain_member: bool) -> None:
        self._registry = registry
        self.current = "DOMAIN" if domain_member else "STANDARD"

    def set_up(self, *, enabled: bool) -> None:
        """The keys a fresh machine has."""
        for folder in PROFILES.values():
            self._registry.write(f"{POLICY}\\{folder}", "EnableFirewall", REG_DWORD, int(enabled))
            self._registry.write(f"{POLICY}\\{folder}", "DoNotAllowExceptions", REG_DWORD, 0)
            self.open(PortEntry(folder, 5985, "TCP", "*", True, "Windows Remote Management"))

    def enabled(self, profile: str) -> bool:
        """Is the firewall on in this profile (DOMAIN or STANDARD)?"""
        return bool(self._registry.number(f"{POLICY}\\{PROFILES[profile]}", "EnableFirewall"))

    def entries(self) -> Iterator[PortEntry]:
        """Every entry of every profile."""
        for folder in PROFILES.values():
            key = self._registry.key(_list(folder))
            for value in key.values.values() if key else ():
                entry = parse(folder, value.data) if isinstance(value.data, str) else None
                if entry is not None:
                    yield entry

    def open(self, entry: PortEntry) -> None:
        """Write an entry, over one that may be there."""
        self._registry.write(_list(entry.profile), entry.value_name, REG_SZ, entry.data)

    def close(self, profile: str, port: int, protocol: str) -> bool:
        """Delete an entry. False if there was none."""
        return self._registry.erase(_list(profile), f"{port}:{protocol}")

    def lets_in(self, port: int, remote: str) -> bool:
        """Does a TCP connection from this address get through (the service being up)?"""
        if not self.enabled(self.current):
            return True
        folder = PROFILES[self.current]
        if self._registry.number(f"{POLICY}\\{folder}", "DoNotAllowExceptions"):
            return False
        return any(
            entry.profile == folder
            and entry.port == port
            and entry.protocol == "TCP"
            and entry.enabled
            and _within(entry.scope, remote, self.subnets)
            for entry in self.entries()
        )
