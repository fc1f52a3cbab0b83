# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewall of Server 2003: a list of open ports in each profile, in the registry under SharedAccess.

Knows the entries below GloballyOpenPorts\\List (`1688:TCP` = `1688:TCP:<scope>:Enabled:<name>`, KB897663), one for
each port and protocol, the twin list of Group Policy and AllowUserPrefMerge, which puts the local list out of force
(WindowsFirewall.admx). Refuses to know programs, ICMP and outbound rules. An entry written straight into the registry
counts at once (KB897663 treats such entries as effective).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from . import scopes
from .firewall import LOCAL, POLICY, Firewall, OpenPort
from .registry import REG_DWORD, REG_SZ, Registry
from .services import Services

PROFILES = {"DOMAIN": "DomainProfile", "STANDARD": "StandardProfile"}
LOCAL_SUBNET = "LocalSubNet"
LIST = r"GloballyOpenPorts\List"


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

    def covers(self, port: int, remote: str) -> bool:
        """Does it let this connection in?"""
        if (self.port, self.protocol, self.enabled) != (port, "TCP", True):
            return False
        return scopes.within(self.scope.split(","), remote)


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
    """How netsh stores an address: always with a dotted mask. ValueError for anything else, IPv6 included."""
    if scopes.is_local_subnet(text):
        return LOCAL_SUBNET
    network = scopes.masked(text)
    if ":" in network:
        raise ValueError(text)
    return network


class PortListFirewall(Firewall):
    """Entries are read from the registry each time, so that whoever writes there changes them."""

    service = "SharedAccess"
    profiles = PROFILES
    policy_keys = {name: (folder,) for name, folder in PROFILES.items()}

    def __init__(self, registry: Registry, services: Services, *, domain_member: bool) -> None:
        super().__init__(registry, services)
        self.current = "DOMAIN" if domain_member else "STANDARD"

    def set_up(self, *, enabled: bool) -> None:
        """Both profiles alike, WinRM let in."""
        for profile, folder in PROFILES.items():
            self.switch(profile, enabled)
            self._registry.write(self.local(profile), "DoNotAllowExceptions", REG_DWORD, 0)
            self.open(PortEntry(folder, 5985, "TCP", "*", True, "Windows Remote Management"))

    def _entries(self, root: str, folder: str) -> Iterator[PortEntry]:
        key = self._registry.key(f"{root}\\{folder}\\{LIST}")
        for value in key.values.values() if key else ():
            entry = parse(folder, value.data) if isinstance(value.data, str) else None
            if entry is not None:
                yield entry

    def entries(self) -> Iterator[PortEntry]:
        """The host's own entries of every profile."""
        for folder in PROFILES.values():
            yield from self._entries(LOCAL, folder)

    def effective(self, profile: str) -> Iterator[PortEntry]:
        """What counts in a profile: Group Policy's list, and the host's own unless it is put out of force."""
        folder = PROFILES[profile]
        yield from self._entries(POLICY, folder)
        if self._registry.number(f"{POLICY}\\{folder}\\GloballyOpenPorts", "AllowUserPrefMerge") != 0:
            yield from self._entries(LOCAL, folder)

    def open(self, entry: PortEntry) -> None:
        """Write an entry, over one that may be there."""
        self._registry.write(f"{LOCAL}\\{entry.profile}\\{LIST}", entry.value_name, REG_SZ, entry.data)

    def close(self, profile: str, port: int, protocol: str) -> bool:
        """Delete an entry. False if there was none."""
        return self._registry.erase(f"{LOCAL}\\{profile}\\{LIST}", f"{port}:{protocol}")

    def open_ports(self) -> Iterator[OpenPort]:
        """Both lists."""
        for store, root in (("local", LOCAL), ("policy", POLICY)):
            for folder in PROFILES.values():
                for entry in self._entries(root, folder):
                    yield OpenPort(
                        folder,
                        entry.port,
                        entry.protocol,
                        entry.scope,
                        entry.enabled,
                        entry.name,
                        entry.value_name,
                        store,
                    )

    def lets_in(self, port: int, remote: str) -> bool:
        """One entry that fits is enough; without exceptions none does."""
        if not self.running() or not self.enabled(self.current):
            return True
        if self.setting(self.current, "DoNotAllowExceptions", 0):
            return False
        return any(entry.covers(port, remote) for entry in self.effective(self.current))
