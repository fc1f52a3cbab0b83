# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is still to be done until a port is open for whom was named. Pure.

Internal to the collection activation.kms; not a public interface.

Either Windows' own rules for KMS admit the clients in every profile that is on, or one rule of ours does: that leaves
one thing to look at in every run, and one to close later.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._windows.firewall.model import Backend, Firewall, Rule
from .._windows.firewall.scopes import can_be_written


@dataclasses.dataclass(frozen=True)
class Work:
    """What is still to be done to open the port.

    Attributes:
        windows: rules of Windows to be enabled for the scope.
        ours: whether our own rule is to be made or mended.
        profiles: the profiles it is about.
    """

    windows: tuple[Rule, ...]
    ours: bool
    profiles: tuple[str, ...]


def work_left(backend: Backend, firewall: Firewall, scope: frozenset[str], noted: t.Collection[str]) -> Work | None:
    """What is missing, or None. Rules that we made or changed must be for the networks named and no others.

    Args:
        noted: the ids of Windows' own rules that we changed before.
    """
    unmet = firewall.unmet(scope)
    wrong = [rule for rule in firewall.rules if _wrong(rule, scope, noted)]
    if not unmet and not wrong:
        return None
    mended = tuple(rule for rule in wrong if not rule.ours)
    fresh = _adoptable(backend, firewall, unmet, noted)
    enough = not firewall.having(opened((*mended, *fresh), scope)).unmet(scope)
    windows = (*mended, *fresh) if enough else mended
    left = firewall.having(opened(windows, scope)).unmet(scope)
    bad = [rule for rule in wrong if rule.ours]
    profiles = {*left, *(profile for rule in bad for profile in rule.profiles)}
    return Work(windows, bool(left or bad), tuple(sorted(profiles)))


def opened(rules: t.Iterable[Rule], scope: frozenset[str]) -> list[Rule]:
    """The same rules, enabled for `scope`."""
    return [dataclasses.replace(rule, enabled=True, scope=scope) for rule in rules]


def _adoptable(
    backend: Backend, firewall: Firewall, unmet: t.Collection[str], noted: t.Collection[str]
) -> tuple[Rule, ...]:
    """Windows' own rules that nobody uses yet and that would help; none where a rule of ours is there already."""
    if any(rule.ours for rule in firewall.rules):
        return ()
    known = backend.adoptable(firewall.port)
    return tuple(
        rule
        for rule in firewall.rules
        if rule.id in known
        and rule.id not in noted
        and not rule.enabled
        and rule.plain
        and rule.fit == "exact"
        and can_be_written(rule.scope)  # or it could not be given back
        and rule.profiles.intersection(unmet)
    )


def _wrong(rule: Rule, scope: frozenset[str], noted: t.Collection[str]) -> bool:
    """Whether a rule that we made or changed does not do what was asked for, or does more.

    What somebody else has made of one of Windows' own rules since (another action, a condition) is theirs.
    """
    for_whom = rule.enabled and rule.scope == scope
    if rule.ours:
        return not (for_whom and rule.plain and rule.fit == "exact")
    return rule.id in noted and rule.plain and not for_whom
