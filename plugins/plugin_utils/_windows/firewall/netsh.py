# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Windows Firewall of Server 2003: read from the registry, changed by `netsh firewall`.

Internal to the collection activation.kms; not a public interface.

The registry holds one value `<port>:TCP` per profile with `<port>:TCP:<scope>:Enabled|Disabled:<name>`; adding an entry
for a port overwrites the one that is there (INetFwOpenPorts::Add), so a foreign entry is looked for first. The name is
mandatory: without it the port is open but the window does not show it (Microsoft KB 897663). netsh's texts are
localized and never read; its work is verified in the registry. IPv4 only, as the product is.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

from ..._errors import Failure
from ..._plan import Look, Reader
from ..._world import World
from ..._wsman.client import Client
from ..files import with_shell
from ..registry import Registry
from ..system import System

SERVICE = "SharedAccess"
OUR_NAME = "Key Management Service (activation.kms)"
ANY = "any"
LOCAL_SUBNET = "local_subnet"

_POLICY = r"SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy"
_GROUP_POLICY = r"SOFTWARE\Policies\Microsoft\WindowsFirewall"
_PROFILES = {"domain": "DomainProfile", "standard": "StandardProfile"}


@dataclasses.dataclass(frozen=True)
class Entry:
    """One entry for the port in one profile. `scope` holds networks, `local_subnet` or `any`."""

    name: str
    enabled: bool
    scope: frozenset[str]

    @property
    def ours(self) -> bool:
        """Whether this collection made it."""
        return self.name == OUR_NAME

    def admits(self, wanted: frozenset[str]) -> bool:
        """Whether everybody in `wanted` gets through."""
        return self.enabled and (ANY in self.scope or wanted <= self.scope or _networks_within(wanted, self.scope))


@dataclasses.dataclass(frozen=True)
class Profile:
    """One profile of the firewall as the registry has it."""

    name: str
    enabled: bool
    exceptions_allowed: bool = True
    entry: Entry | None = None


@dataclasses.dataclass(frozen=True)
class Firewall:
    """The firewall with regard to one TCP port."""

    key: t.ClassVar[str] = "firewall"

    port: int
    service_running: bool
    profiles: tuple[Profile, ...] = ()
    group_policy: bool = False
    backend: str | None = "netsh firewall"

    @property
    def filtering(self) -> bool:
        """Whether it filters at all."""
        return self.service_running and any(profile.enabled for profile in self.profiles)

    def with_entry(self, profiles: t.Collection[str], entry: Entry | None) -> Firewall:
        """The same with this entry in these profiles."""
        changed = tuple(dataclasses.replace(p, entry=entry) if p.name in profiles else p for p in self.profiles)
        return dataclasses.replace(self, profiles=changed)

    def as_data(self) -> dict[str, t.Any]:
        """Plain data for results."""
        return {
            "backend": self.backend,
            "port": self.port,
            "service": {"name": SERVICE, "running": self.service_running},
            "filtering": self.filtering,
            "group_policy": self.group_policy,
            "profiles": [
                {
                    "name": profile.name,
                    "enabled": profile.enabled,
                    "exceptions_allowed": profile.exceptions_allowed,
                    "entry": None
                    if profile.entry is None
                    else {
                        "name": profile.entry.name,
                        "enabled": profile.entry.enabled,
                        "scope": sorted(profile.entry.scope),
                        "ours": profile.entry.ours,
                    },
                }
                for profile in self.profiles
            ],
        }


def read_firewall(port: int) -> Reader:
    """A reader of the firewall with regard to a port. A stopped firewall costs no request at all."""

    def read(world: World, look: Look) -> Firewall:
        if not look[System].is_server_2003:
            return Firewall(port, service_running=False, backend=None)
        service = look[System].services.get(SERVICE.lower())
        if service is None or not service.running:
            return Firewall(port, service_running=False)
        registry = Registry(Client(world))
        profiles = tuple(_read_profile(registry, name, port) for name in _PROFILES)
        return Firewall(port, True, profiles, group_policy=registry.keys(_GROUP_POLICY) is not None)

    return read


def _read_profile(registry: Registry, name: str, port: int) -> Profile:
    key = rf"{_POLICY}\{_PROFILES[name]}"
    if not registry.number(key, "EnableFirewall"):
        return Profile(name, enabled=False)
    text = registry.text(key + r"\GloballyOpenPorts\List", f"{port}:TCP")
    return Profile(
        name,
        enabled=True,
        exceptions_allowed=not registry.number(key, "DoNotAllowExceptions"),
        entry=None if text is None else parse_entry(text),
    )


def parse_entry(text: str) -> Entry:
    """`1688:TCP:10.0.0.0/255.0.0.0,LocalSubNet:Enabled:some name`; the name may hold colons and commas itself."""
    fields = text.split(":", 4) + ["", "", "", "", ""]
    scope = frozenset(normal_scope(part) for part in fields[2].split(",") if part.strip())
    return Entry(name=fields[4], enabled=fields[3].strip().lower() == "enabled", scope=scope)


def normal_scope(text: str) -> str:
    """One way to write a scope: `any`, `local_subnet`, or a network with its prefix length.

    Windows turns 10.0.0.0/8 into 10.0.0.0/255.0.0.0 when it stores it.
    """
    word = text.strip().lower()
    if word in ("*", "any"):
        return ANY
    if word in ("localsubnet", LOCAL_SUBNET):
        return LOCAL_SUBNET
    try:
        return str(ipaddress.ip_network(word, strict=False))
    except ValueError:
        return word


def open_port(world: World, port: int, scope: t.Collection[str], profiles: t.Collection[str]) -> None:
    """Make our entry in these profiles. The caller has made sure that no foreign entry is there. Raises Failure."""
    if ANY in scope:
        words = "scope=ALL"
    elif set(scope) == {LOCAL_SUBNET}:
        words = "scope=SUBNET"
    else:
        addresses = ",".join("LocalSubnet" if item == LOCAL_SUBNET else item for item in sorted(scope))
        words = f"scope=CUSTOM addresses={addresses}"
    opening = f'netsh firewall set portopening protocol=TCP port={port} name="{OUR_NAME}" mode=ENABLE {words}'
    _netsh(world, [f"{opening} profile={name}" for name in _netsh_profiles(profiles)])


def close_port(world: World, port: int, profiles: t.Collection[str]) -> None:
    """Remove our entry from these profiles. Raises Failure."""
    _netsh(
        world,
        [f"netsh firewall delete portopening protocol=TCP port={port} profile={n}" for n in _netsh_profiles(profiles)],
    )


def _netsh_profiles(profiles: t.Collection[str]) -> list[str]:
    return ["ALL"] if set(profiles) == set(_PROFILES) else [name.upper() for name in sorted(profiles)]


def _netsh(world: World, commands: t.Sequence[str]) -> None:
    with with_shell(world) as shell:
        for command in commands:
            done = shell.run(command, timeout=120.0, mutating=True)
            if done.exit_code != 0:
                raise Failure(
                    f"{world.host}: the Windows Firewall did not take the change (netsh exit code {done.exit_code}); "
                    f"try it on the host: {command}",
                    name="firewall_change",
                    code=str(done.exit_code),
                    advice=done.stdout.strip()[-300:],
                )


def _networks_within(wanted: frozenset[str], scope: frozenset[str]) -> bool:
    """Whether each wanted item is named itself or lies within a network of the scope."""
    wide = [network for network in map(_network, scope) if network is not None]
    for item in wanted - scope:
        narrow = _network(item)
        if narrow is None or not any(narrow.subnet_of(network) for network in wide):
            return False
    return True


def _network(text: str) -> ipaddress.IPv4Network | None:
    """The network, None for `any`, `local_subnet` and what is none."""
    try:
        return ipaddress.IPv4Network(text)
    except ValueError:
        return None
