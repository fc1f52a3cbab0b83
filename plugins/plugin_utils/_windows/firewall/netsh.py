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
import typing as t

from ..._world import World
from ..._wsman.client import Client
from ..registry import Registry
from .model import Asked, Backend, Generation, Rule
from .policy import KEY as POLICY
from .run import LONGEST_SCOPE, run_netsh
from .scopes import ANY, LOCAL_SUBNET, merged, normal_scope

SERVICE = "SharedAccess"
OUR_NAME = "Key Management Service (activation.kms)"

_LOCAL = r"SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy"
_PROFILES = {"domain": "DomainProfile", "standard": "StandardProfile"}
_OPEN_PORTS = "GloballyOpenPorts"


class Netsh(Backend):
    """`netsh firewall`. Windows' own rule for KMS does not exist yet."""

    facts = Generation(
        name="netsh firewall",
        service=SERVICE,
        profiles=_PROFILES,
        policy_profiles={profile: (name,) for profile, name in _PROFILES.items()},
        policy_rule_keys=tuple(_PROFILES.values()),
        on_unless_said=False,
        longest_scope=LONGEST_SCOPE,
        ip_versions=(4,),
        one_entry_a_port=True,
        exceptions_at_once=True,
        tcpip_filtering=True,
    )

    def read_rules(self, world: World, asked: Asked) -> tuple[Rule, ...]:
        """The entry for the port of each profile, on or off: what is ours is mended and closed in both."""
        registry = Registry(Client(world))
        found = []
        for profile, key in _PROFILES.items():
            text = registry.text(rf"{_LOCAL}\{key}\{_OPEN_PORTS}\List", f"{asked.port}:TCP")
            if text is not None:
                found.append(parse_entry(text, profile))
        return tuple(found)

    def policy_ignores_local(self, registry: Registry, key: str) -> bool:
        """By "allow local port exceptions"; where that is not set, once the policy has a list of ports (its text)."""
        values = {name.lower() for name in registry.values(rf"{key}\{_OPEN_PORTS}") or ()}
        if "allowuserprefmerge" in values:
            return registry.number(rf"{key}\{_OPEN_PORTS}", "AllowUserPrefMerge") == 0
        return "enabled" in values

    def policy_rules(self, world: World, port: int) -> tuple[Rule, ...]:
        """The entries of the policy's lists.

        The policy's editor gives a value the entry itself for a name; what others write there may be named otherwise.
        Of several entries for a port a disabled one counts (the policy's own text).
        """
        registry = Registry(Client(world))
        found: list[Rule] = []
        for profile, folder in _PROFILES.items():
            key = rf"{POLICY}\{folder}\{_OPEN_PORTS}\List"
            texts = (name if name.count(":") > 3 else registry.text(key, name) for name in registry.values(key) or ())
            entries = [parse_entry(text, profile, ours=False) for text in texts if text]
            here = [entry for entry in entries if entry.id.lower() == f"{port}:tcp"]
            on = all(entry.enabled for entry in here)
            found += [dataclasses.replace(entry, enabled=on) for entry in here]
        return tuple(found)

    def own_rules(self, port: int, scope: frozenset[str], profiles: t.Collection[str]) -> tuple[Rule, ...]:
        """One entry a profile."""
        return tuple(
            Rule(f"{port}:TCP", OUR_NAME, True, scope, frozenset([profile]), ours=True) for profile in sorted(profiles)
        )

    def open_port(
        self, world: World, port: int, scope: frozenset[str], profiles: t.Collection[str], ours: t.Sequence[Rule]
    ) -> None:
        """Make our entry in these profiles. The caller has made sure that no foreign entry is there."""
        if ANY in scope:
            words = "scope=ALL"
        elif scope == {LOCAL_SUBNET}:
            words = "scope=SUBNET"
        else:
            addresses = ",".join("LocalSubnet" if item == LOCAL_SUBNET else item for item in sorted(scope))
            words = f"scope=CUSTOM addresses={addresses}"
        opening = f'netsh firewall set portopening protocol=TCP port={port} name="{OUR_NAME}" mode=ENABLE {words}'
        run_netsh(world, [f"{opening} profile={name}" for name in _words(profiles)])

    def close_port(self, world: World, port: int, profiles: t.Collection[str]) -> None:
        """Remove our entry from these profiles."""
        closing = f"netsh firewall delete portopening protocol=TCP port={port}"
        run_netsh(world, [f"{closing} profile={name}" for name in _words(profiles)])


NETSH = Netsh()


def parse_entry(text: str, profile: str, *, ours: bool = True) -> Rule:
    """`1688:TCP:10.0.0.0/255.0.0.0,LocalSubNet:Enabled:some name`; the name may hold colons and commas itself.

    Args:
        ours: it may be ours, which its name decides.
    """
    fields = text.split(":", 4) + ["", "", "", "", ""]
    return Rule(
        id=":".join(fields[:2]),
        name=fields[4],
        enabled=fields[3].strip().lower() == "enabled",
        scope=merged(normal_scope(part) for part in fields[2].split(",") if part.strip()),
        profiles=frozenset([profile]),
        ours=ours and fields[4] == OUR_NAME,
    )


def _words(profiles: t.Collection[str]) -> list[str]:
    return ["ALL"] if set(profiles) == set(_PROFILES) else [name.upper() for name in sorted(profiles)]
