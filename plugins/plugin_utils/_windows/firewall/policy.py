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
import typing as t

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
    by_profile = backend.facts.policy_profiles
    names = dict.fromkeys(name for names in by_profile.values() for name in names if name.lower() in present)
    said = {name: _said(registry, backend, rf"{KEY}\{name}") for name in names}
    sayings = {profile: [said[name] for name in names if name in said] for profile, names in by_profile.items()}
    enabled = {profile: _first(one.enabled for one in here) for profile, here in sayings.items()}
    may_have_rules = any(name.lower() in present for name in backend.facts.policy_rule_keys)
    return GroupPolicy(
        enabled={profile: on for profile, on in enabled.items() if on is not None},
        no_exceptions=frozenset(p for p, here in sayings.items() if _first(one.no_exceptions for one in here)),
        ignores_local=frozenset(p for p, here in sayings.items() if any(one.ignores_local for one in here)),
        rules=None if may_have_rules else (),
    )


@dataclasses.dataclass(frozen=True)
class _Said:
    """What one key of the policy says; None where it does not."""

    enabled: bool | None
    no_exceptions: bool | None
    ignores_local: bool


def _said(registry: Registry, backend: Backend, key: str) -> _Said:
    values = {value.lower() for value in registry.values(key) or ()}

    def flag(name: str) -> bool | None:
        return bool(registry.number(key, name)) if name.lower() in values else None

    return _Said(flag("EnableFirewall"), flag("DoNotAllowExceptions"), backend.policy_ignores_local(registry, key))


def _first(flags: t.Iterable[bool | None]) -> bool | None:
    return next((flag for flag in flags if flag is not None), None)


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
