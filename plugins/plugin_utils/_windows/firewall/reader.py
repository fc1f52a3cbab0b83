# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the firewall with regard to one port: as little as answers the question.

Internal to the collection activation.kms; not a public interface.

A host on which everything is as wished costs six requests at most; a stopped firewall costs none. What would matter
only before something is changed (exceptions, other filters, rules of Group Policy) is read only then.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..._plan import Look, Reader
from ..._world import World
from ..._wsman.client import Client
from ..registry import Registry
from ..system import System
from .advfirewall import ADVFIREWALL
from .model import BLOCK, Asked, Backend, Firewall, Profile, Rule
from .msft import MSFT
from .netsh import NETSH
from .others import read_others
from .policy import in_effect, read_policy, with_policy_rules

LOCAL_POLICY = r"SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy"

# By the beginning of the version: netsh firewall is all that 5.2 has, MSFT_NetFirewallRule came with 6.2.
_BACKENDS: tuple[tuple[str, Backend], ...] = (
    ("5.2.", NETSH),
    ("6.0.", ADVFIREWALL),
    ("6.1.", ADVFIREWALL),
    ("6.2.", MSFT),
    ("6.3.", MSFT),
    ("10.", MSFT),
)


@dataclasses.dataclass(frozen=True)
class Interest:
    """Why somebody looks.

    Attributes:
        port: the port.
        purpose: what for; "report" reads everything.
        scope: for whom it is to be open, in normal forms.
        first: the ids of Windows' own rules that were changed before, by what the look knows.
    """

    port: int
    purpose: t.Literal["open", "close", "report"]
    scope: frozenset[str] = frozenset()
    first: t.Callable[[Look], t.Collection[str]] = lambda look: ()


def backend_of(version: str) -> Backend | None:
    """The backend for a Windows, by Win32_OperatingSystem.Version."""
    return next((backend for prefix, backend in _BACKENDS if version.startswith(prefix)), None)


def read_firewall(interest: Interest) -> Reader:
    """A reader of the firewall."""

    def read(world: World, look: Look) -> Firewall:
        backend = backend_of(look[System].version)
        report = interest.purpose == "report"
        service = None if backend is None else look[System].services.get(backend.facts.service.lower())
        if backend is None or service is None or not service.running:
            filtering = backend is not None and backend.facts.tcpip_filtering
            others = read_others(world, tcpip_filtering=filtering) if report else None
            return Firewall(interest.port, backend, service_running=False, others=others)
        firewall = _profiles(world, backend, interest)
        if firewall.on or interest.purpose != "open":
            firewall = _rules(world, backend, firewall, interest, tuple(interest.first(look)))
        if firewall.policy and firewall.policy.ignores_local.intersection(firewall.on):
            firewall = with_policy_rules(world, firewall)
        if report or (interest.purpose == "open" and firewall.unmet(interest.scope)):
            firewall = _closer(world, backend, firewall, blocking_only=not report)
        return firewall

    return read


def _profiles(world: World, backend: Backend, interest: Interest) -> Firewall:
    """The profiles as they are in effect. A port that is to be closed is closed whatever a policy says."""
    registry = Registry(Client(world))
    policy = None if interest.purpose == "close" else read_policy(registry, backend)
    profiles = []
    for name, key in backend.facts.profiles.items():
        value = registry.number(rf"{LOCAL_POLICY}\{key}", "EnableFirewall")
        enabled = backend.facts.on_unless_said if value is None else bool(value)
        profiles.append(in_effect(Profile(name, enabled), policy))
    firewall = Firewall(interest.port, backend, True, tuple(profiles), policy=policy)
    return _exceptions(registry, backend, firewall) if backend.facts.exceptions_at_once else firewall


def _rules(world: World, backend: Backend, firewall: Firewall, interest: Interest, first: tuple[str, ...]) -> Firewall:
    def enough(rules: t.Sequence[Rule]) -> bool:
        found = dataclasses.replace(firewall, rules=tuple(rules))
        return interest.purpose == "open" and not found.unmet(interest.scope)

    rules = backend.read_rules(world, Asked(firewall.port, first, enough))
    return dataclasses.replace(firewall, rules=rules)


def _closer(world: World, backend: Backend, firewall: Firewall, *, blocking_only: bool) -> Firewall:
    """What matters before the port is opened; of rules that only a search finds, those that block may be enough.

    One that admits would have to be searched for in every run, so it counts for a report alone.
    """
    known = {rule.id for rule in firewall.rules}
    found = [rule for rule in backend.rules_of_others(world, firewall.port) if rule.id not in known]
    wanted = tuple(rule for rule in found if rule.action == BLOCK or not blocking_only)
    firewall = dataclasses.replace(firewall, rules=(*firewall.rules, *wanted))
    if not backend.facts.exceptions_at_once:
        firewall = _exceptions(Registry(Client(world)), backend, firewall)
    firewall = with_policy_rules(world, firewall)
    others = read_others(world, tcpip_filtering=backend.facts.tcpip_filtering)
    return dataclasses.replace(firewall, others=others)


def _exceptions(registry: Registry, backend: Backend, firewall: Firewall) -> Firewall:
    """Whether the profiles that are on allow exceptions at all."""
    profiles = []
    for profile in firewall.profiles:
        if profile.enabled and profile.exceptions_allowed is None:
            key = rf"{LOCAL_POLICY}\{backend.facts.profiles[profile.name]}"
            allowed = not registry.number(key, "DoNotAllowExceptions")
            profile = dataclasses.replace(profile, exceptions_allowed=allowed)
        profiles.append(profile)
    return dataclasses.replace(firewall, profiles=tuple(profiles))
