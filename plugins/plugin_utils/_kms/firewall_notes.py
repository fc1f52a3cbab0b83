# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user is told of a firewall: what filters nothing, what keeps the port shut, what was left open.

Internal to the collection activation.kms; not a public interface.
"""

from __future__ import annotations

import typing as t

from .._windows.firewall.model import BLOCK, Firewall, Rule, admitted
from .._windows.firewall.scopes import covers


def told_open(firewall: Firewall, scope: frozenset[str]) -> list[str]:
    """Of a port that is to be open for `scope`."""
    if not firewall.service_running:
        stopped = f"the service {_service(firewall)} does not run"
        return [f"{stopped}: the Windows Firewall filters nothing and was left as it is"]
    if not firewall.filtering:
        return ["the Windows Firewall is off in every profile: it filters nothing and was left as it is"]
    return obstacles(firewall, scope)


def told_closed(firewall: Firewall, changed: t.Collection[str]) -> list[str]:
    """Of a port that is to be closed: what is not ours to close. `changed` are Windows' own rules that we changed."""
    if not firewall.service_running:
        return [f"the service {_service(firewall)} does not run, so nothing was closed"]
    return [
        f"the rule {_called(rule)} for TCP {firewall.port} was not made by this collection and was left "
        f"(profile {_profiles(rule)})"
        for rule in firewall.rules
        if not rule.ours and rule.id not in changed and any(map(rule.admits_in, rule.profiles))
    ]


def told_of_another_port(left: t.Collection[str]) -> list[str]:
    """Of Windows' own rules that this collection opened for a port that is not the one in question now."""
    if not left:
        return []
    return [
        f"Windows' own firewall rules for KMS ({', '.join(sorted(left))}) are still as this collection opened them, "
        "for their own port, 1688; where nobody needs it any more, close it with activation.kms.host_firewall"
    ]


def obstacles(firewall: Firewall, scope: frozenset[str]) -> list[str]:
    """What keeps the port shut although a rule admits it."""
    barred = [one.name for one in firewall.profiles if one.enabled and one.exceptions_allowed is False]
    notes = []
    if barred:
        notes.append(
            f"the Windows Firewall allows no exceptions (profile {', '.join(barred)}): TCP {firewall.port} stays shut"
        )
    notes += [
        f"the rule {_called(rule)} blocks TCP {firewall.port} (profile {_profiles(rule)}); a rule that blocks "
        "wins over every rule that admits"
        for rule in (*firewall.rules, *firewall.policy_rules())
        if rule.enabled and rule.action == BLOCK and rule.fit != "other" and rule.profiles.intersection(firewall.on)
    ]
    policy = firewall.policy
    if policy is None:
        return notes
    notes.append("Group Policy sets the Windows Firewall of this host and may override its own entries")
    ignored = policy.ignores_local.intersection(firewall.on)
    shut = sorted(profile for profile in ignored if not covers(admitted(firewall.policy_rules(), profile), scope))
    if shut:
        itself = f"does not admit the networks named to TCP {firewall.port} itself; open the port in the policy"
        if policy.rules is None:
            itself = f"its own could not be looked at without a remote shell; see that it opens TCP {firewall.port}"
        notes.append(
            f"Group Policy takes the effect from this host's own rules (profile {', '.join(shut)}) and {itself}"
        )
    return notes


def _service(firewall: Firewall) -> str:
    return firewall.backend.facts.service if firewall.backend else "of the Windows Firewall"


def _called(rule: Rule) -> str:
    """What an administrator finds a rule by: its name, or its id where the name is a text of Windows' own."""
    return rule.name if rule.name and not rule.name.startswith("@") else rule.id


def _profiles(rule: Rule) -> str:
    return ", ".join(sorted(rule.profiles))
