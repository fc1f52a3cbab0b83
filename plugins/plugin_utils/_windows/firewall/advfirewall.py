# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Windows Firewall of Vista, Server 2008, Windows 7 and Server 2008 R2: `netsh advfirewall`.

Internal to the collection activation.kms; not a public interface.

Read from the registry, by one command for all rules that name the port. netsh knows a rule by its name only, and its
`add` makes a second rule of the same name, so ours carries a name of its own for each port and is set once it exists.
Windows' own rule for KMS is used where it is open already and never changed: netsh would have to name it in the host's
language.
"""

from __future__ import annotations

import typing as t

from ..._world import World
from ..registry import Registry
from .model import ALLOW, Asked, Backend, Generation, Rule
from .rules import LOCAL_RULES, POLICY_RULES, PROFILES, find_rules, nobodys, policy_ignores_local
from .run import LONGEST_SCOPE, run_netsh
from .scopes import written

SERVICE = "MpsSvc"
LOCAL_PROFILES = {"domain": "DomainProfile", "private": "StandardProfile", "public": "PublicProfile"}
# The administrative templates know one profile beside the domain's, as Windows XP did ([MS-GPFAS] 2.2.3).
POLICY_PROFILES = {
    "domain": ("DomainProfile",),
    "private": ("PrivateProfile", "StandardProfile"),
    "public": ("PublicProfile", "StandardProfile"),
}
POLICY_RULE_KEYS = ("FirewallRules",)


def our_name(port: int) -> str:
    """What our rule for a port is called."""
    return f"Key Management Service TCP {port} (activation.kms)"


class Advfirewall(Backend):
    """`netsh advfirewall firewall`."""

    facts = Generation(
        name="netsh advfirewall",
        service=SERVICE,
        profiles=LOCAL_PROFILES,
        policy_profiles=POLICY_PROFILES,
        policy_rule_keys=POLICY_RULE_KEYS,
        on_unless_said=True,
        longest_scope=LONGEST_SCOPE,
        ip_versions=(4, 6),
    )

    def read_rules(self, world: World, asked: Asked) -> tuple[Rule, ...]:
        """Every rule that names the port. Ours is known by its name, which netsh keeps as it was given."""
        name = our_name(asked.port)
        return find_rules(world, LOCAL_RULES, asked.port, ours=lambda _rule_id, found: found == name)

    def policy_ignores_local(self, registry: Registry, key: str) -> bool:
        """By AllowLocalPolicyMerge."""
        return policy_ignores_local(registry, key)

    def policy_rules(self, world: World, port: int) -> tuple[Rule, ...]:
        """Group Policy's rules that name the port."""
        return find_rules(world, POLICY_RULES, port, ours=nobodys)

    def own_rules(self, port: int, scope: frozenset[str], profiles: t.Collection[str]) -> tuple[Rule, ...]:
        """One rule for every profile. Windows gives it an id of its own, which nobody foresees."""
        return (Rule(our_name(port), our_name(port), True, scope, frozenset(PROFILES), ours=True),)

    def open_port(
        self, world: World, port: int, scope: frozenset[str], profiles: t.Collection[str], ours: t.Sequence[Rule]
    ) -> None:
        """Add our rule, or set it where it is, even twice; one that others have rebuilt is made anew."""
        command = f'netsh advfirewall firewall {{}} rule name="{our_name(port)}"'
        remote = f"remoteip={','.join(written(scope))}"
        adding = f"{command.format('add')} dir=in action=allow protocol=TCP localport={port} {remote}"
        if not ours:
            run_netsh(world, [adding])
        elif all(map(_as_made, ours)):
            run_netsh(world, [f"{command.format('set')} new enable=yes {remote}"])
        else:
            run_netsh(world, [command.format("delete"), adding])

    def close_port(self, world: World, port: int, profiles: t.Collection[str]) -> None:
        """Delete every rule of our name."""
        run_netsh(world, [f'netsh advfirewall firewall delete rule name="{our_name(port)}"'])


ADVFIREWALL = Advfirewall()


def _as_made(rule: Rule) -> bool:
    """Whether our rule is as we made it, but for being enabled and for whom it is."""
    plain = rule.action == ALLOW and rule.fit == "exact" and not rule.narrowed_by
    return plain and rule.profiles == frozenset(PROFILES)
