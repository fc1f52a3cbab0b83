# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Group Policy says of the Windows Firewall. Read only: this collection never edits a policy.

Internal to the collection activation.kms; not a public interface.

One request where there is no such policy, which is the rule on a KMS host. Sources: WindowsFirewall.adm of Server 2003,
[MS-GPFAS] 2.2.3.
"""

from __future__ import annotations

import dataclasses

from ..._world import World
from ..registry import Registry
from .model import Backend, Firewall, GroupPolicy, Profile

KEY = r"SOFTWARE\Policies\Microsoft\WindowsFirewall"


def read_policy(registry: Registry, backend: Backend) -> GroupPolicy | None:
    """What it sets for the profiles; its rules are left for later where it may have some. Raises Problem."""
    subkeys = registry.keys(KEY)
    if subkeys is None:
        return None
    present = {name.lower() for name in subkeys}
    enabled: dict[str, bool] = {}
    no_exceptions, ignores_local = set(), set()
    for profile, name in backend.facts.policy_profiles.items():
        if name.lower() not in present:
            continue
        key = rf"{KEY}\{name}"
        values = {value.lower() for value in registry.values(key) or ()}
        if "enablefirewall" in values:
            enabled[profile] = bool(registry.number(key, "EnableFirewall"))
        if "donotallowexceptions" in values and registry.number(key, "DoNotAllowExceptions"):
            no_exceptions.add(profile)
        if backend.policy_ignores_local(registry, key):
            ignores_local.add(profile)
    may_have_rules = any(name.lower() in present for name in backend.facts.policy_rule_keys)
    return GroupPolicy(
        enabled=enabled,
        no_exceptions=frozenset(no_exceptions),
        ignores_local=frozenset(ignores_local),
        rules=None if may_have_rules else (),
    )


def with_policy_rules(world: World, firewall: Firewall) -> Firewall:
    """The firewall with the policy's own rules for the port, where nobody looked yet. Raises Problem."""
    policy, backend = firewall.policy, firewall.backend
    if policy is None or policy.rules is not None or backend is None:
        return firewall
    rules = backend.policy_rules(world, firewall.port)
    return dataclasses.replace(firewall, policy=dataclasses.replace(policy, rules=rules))


def in_effect(local: Profile, policy: GroupPolicy | None) -> Profile:
    """A profile as it is in effect: the policy's word on it counts, where it has one."""
    if policy is None:
        return local
    shut = local.name in policy.no_exceptions
    return dataclasses.replace(
        local,
        enabled=policy.enabled.get(local.name, local.enabled),
        exceptions_allowed=False if shut else local.exceptions_allowed,
    )
