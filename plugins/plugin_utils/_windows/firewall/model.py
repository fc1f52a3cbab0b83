# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is seen of a firewall with regard to one TCP port, the same for every Windows.

Internal to the collection activation.kms; not a public interface.

Values only. How they are read and changed is a backend's business, one file each; what is wanted is `_kms`'.
"""

from __future__ import annotations

import abc
import dataclasses
import typing as t

from ..._world import World
from ..registry import Registry
from .scopes import covers

ALLOW, BLOCK = "allow", "block"

Fit = t.Literal["exact", "wider", "other"]
"""Whether a rule is for this port alone, for it and others, or not for it."""


@dataclasses.dataclass(frozen=True)
class Rule:
    """An inbound rule: an entry of Server 2003, or a rule from Windows Vista on.

    Attributes:
        id: what the backend finds it by, the same in every language.
        name: what an administrator sees; may be a reference to a text of Windows.
        enabled: whether it is on.
        scope: whom it is about, in normal forms; `any` for everybody.
        profiles: the profiles it is for.
        ours: this collection made it.
        action: "allow" and "block"; anything else admits under conditions only.
        fit: how it fits the port.
        narrowed_by: conditions in it that may keep clients of KMS out (another program, an interface, a user).
    """

    id: str
    name: str
    enabled: bool
    scope: frozenset[str]
    profiles: frozenset[str]
    ours: bool = False
    action: str = ALLOW
    fit: Fit = "exact"
    narrowed_by: tuple[str, ...] = ()

    @property
    def plain(self) -> bool:
        """It admits without conditions whoever is in its scope, once it is enabled."""
        return self.action == ALLOW and self.fit != "other" and not self.narrowed_by

    def admits_in(self, profile: str) -> bool:
        """Whether it lets somebody through in this profile."""
        return self.enabled and self.plain and profile in self.profiles

    def as_data(self) -> dict[str, t.Any]:
        """Plain data for results."""
        return {
            "id": self.id,
            "name": self.name,
            "enabled": self.enabled,
            "action": self.action,
            "profiles": sorted(self.profiles),
            "scope": sorted(self.scope),
            "only_this_port": self.fit == "exact",
            "narrowed_by": list(self.narrowed_by),
            "ours": self.ours,
        }


@dataclasses.dataclass(frozen=True)
class Profile:
    """One profile as it is in effect, Group Policy included.

    `exceptions_allowed` is None where nobody looked: it is asked only when the port is about to be opened.
    """

    name: str
    enabled: bool
    exceptions_allowed: bool | None = None


@dataclasses.dataclass(frozen=True)
class GroupPolicy:
    """What Group Policy says of the firewall. Never changed by this collection.

    Attributes:
        enabled: by profile, on or off by policy.
        no_exceptions: profiles in which the policy allows no exceptions.
        ignores_local: profiles in which rules of the host itself have no effect.
        rules: the policy's own rules for the port; None where nobody looked, or could not.
    """

    enabled: t.Mapping[str, bool] = dataclasses.field(default_factory=dict)
    no_exceptions: frozenset[str] = frozenset()
    ignores_local: frozenset[str] = frozenset()
    rules: tuple[Rule, ...] | None = None

    def as_data(self) -> dict[str, t.Any]:
        """Plain data for results."""
        return {
            "enabled": dict(self.enabled),
            "no_exceptions": sorted(self.no_exceptions),
            "ignores_local_rules": sorted(self.ignores_local),
            "rules": None if self.rules is None else [rule.as_data() for rule in self.rules],
        }


@dataclasses.dataclass(frozen=True)
class Generation:
    """What is particular to one generation of the Windows Firewall, as data.

    Attributes:
        name: of the way it is changed, for results.
        service: the Windows service that filters.
        profiles: by profile, the name of its key below FirewallPolicy.
        policy_profiles: by profile, the names of its keys in Group Policy; the first that says something counts.
        policy_rule_keys: the keys of Group Policy that may hold rules.
        on_unless_said: a profile without a value EnableFirewall is on.
        ip_versions: the versions of IP its scopes may be of.
        longest_scope: how many characters the networks may take, where they stand in a command line.
        one_entry_a_port: an entry for a port replaces the one that is there.
        exceptions_at_once: whether exceptions are allowed is read in any case, not only before the port is opened.
        tcpip_filtering: this Windows has TCP/IP filtering, the filter of network cards that went with Windows Vista.
    """

    name: str
    service: str
    profiles: t.Mapping[str, str]
    policy_profiles: t.Mapping[str, tuple[str, ...]]
    policy_rule_keys: tuple[str, ...]
    on_unless_said: bool
    ip_versions: tuple[int, ...]
    longest_scope: int | None = None
    one_entry_a_port: bool = False
    exceptions_at_once: bool = False
    tcpip_filtering: bool = False


class Backend(abc.ABC):
    """How one generation of the Windows Firewall is read and changed.

    Attributes:
        facts: what is particular to it.
    """

    facts: t.ClassVar[Generation]

    def adoptable(self, port: int) -> tuple[str, ...]:
        """The ids of Windows' own rules for KMS that may be used for this port; none unless a backend says so."""
        return ()

    @abc.abstractmethod
    def read_rules(self, world: World, asked: Asked) -> tuple[Rule, ...]:
        """The rules for the port. Raises Problem."""

    def rules_of_others(self, world: World, port: int) -> tuple[Rule, ...]:
        """Further rules for the port, where `read_rules` does not see those of others. Raises Problem."""
        return ()

    @abc.abstractmethod
    def policy_ignores_local(self, registry: Registry, key: str) -> bool:
        """Whether a profile's key in Group Policy takes the effect from the host's own rules. Raises Problem."""

    @abc.abstractmethod
    def policy_rules(self, world: World, port: int) -> tuple[Rule, ...] | None:
        """The rules for the port in Group Policy; asked only where it has rules at all.

        None where they cannot be looked for. Raises Problem.
        """

    @abc.abstractmethod
    def own_rules(self, port: int, scope: frozenset[str], profiles: t.Collection[str]) -> tuple[Rule, ...]:
        """What `open_port` makes for these profiles."""

    @abc.abstractmethod
    def open_port(
        self, world: World, port: int, scope: frozenset[str], profiles: t.Collection[str], ours: t.Sequence[Rule]
    ) -> None:
        """Make our rule so, never open to anybody but `scope` meanwhile; `ours` is what there is of it.

        Raises Problem.
        """

    @abc.abstractmethod
    def close_port(self, world: World, port: int, profiles: t.Collection[str]) -> None:
        """Remove our rule. Raises Problem."""

    def change(self, world: World, rule: Rule, *, enabled: bool, scope: frozenset[str]) -> None:
        """Give one of Windows' own rules this state; never open to anybody but `scope` meanwhile. Raises Problem."""
        raise NotImplementedError(rule.id)  # a backend that adopts nothing is never asked


@dataclasses.dataclass(frozen=True)
class Asked:
    """What a backend is asked for.

    Attributes:
        port: the port.
        first: ids of rules to be read in any case.
        enough: whether these rules answer the question, so that no other need be read.
    """

    port: int
    first: tuple[str, ...] = ()
    enough: t.Callable[[t.Sequence[Rule]], bool] = lambda rules: False


@dataclasses.dataclass(frozen=True)
class Firewall:
    """The firewall with regard to one TCP port.

    Attributes:
        backend: None for a Windows nobody has taught this collection.
        service_running: whether the service that filters runs.
        policy: None where Group Policy does not set the firewall.
        others: what else on the host can filter, as sentences; None where nobody looked.
    """

    key: t.ClassVar[str] = "firewall"

    port: int
    backend: Backend | None
    service_running: bool
    profiles: tuple[Profile, ...] = ()
    rules: tuple[Rule, ...] = ()
    policy: GroupPolicy | None = None
    others: tuple[str, ...] | None = None

    @property
    def filtering(self) -> bool:
        """Whether it filters at all."""
        return self.service_running and bool(self.on)

    @property
    def on(self) -> tuple[str, ...]:
        """The profiles that are on."""
        return tuple(profile.name for profile in self.profiles if profile.enabled)

    def unmet(self, scope: t.Collection[str]) -> list[str]:
        """The profiles that are on and do not admit everybody in `scope`."""
        rules = (*self.rules, *(self.policy_rules()))
        return [profile for profile in self.on if not covers(admitted(rules, profile), scope)]

    def policy_rules(self) -> tuple[Rule, ...]:
        """Group Policy's rules for the port, as far as somebody looked."""
        return (self.policy.rules or ()) if self.policy else ()

    def having(self, rules: t.Iterable[Rule]) -> Firewall:
        """The same with these rules in place of those with the same id and a profile in common."""
        changed = tuple(rules)
        kept = [rule for rule in self.rules if not any(_same(rule, new) for new in changed)]
        return dataclasses.replace(self, rules=(*kept, *changed))

    def without(self, rules: t.Collection[Rule]) -> Firewall:
        """The same without these rules."""
        return dataclasses.replace(self, rules=tuple(rule for rule in self.rules if rule not in rules))

    def as_data(self) -> dict[str, t.Any]:
        """Plain data for results."""
        facts = self.backend.facts if self.backend else None
        return {
            "backend": facts.name if facts else None,
            "port": self.port,
            "service": {"name": facts.service, "running": self.service_running} if facts else None,
            "filtering": self.filtering,
            "profiles": [dataclasses.asdict(profile) for profile in self.profiles],
            "rules": [rule.as_data() for rule in self.rules],
            "group_policy": self.policy.as_data() if self.policy else None,
            "other_filters": None if self.others is None else list(self.others),
        }


def admitted(rules: t.Iterable[Rule], profile: str) -> frozenset[str]:
    """Who gets through in a profile, by all the rules together."""
    return frozenset(item for rule in rules if rule.admits_in(profile) for item in rule.scope)


def _same(one: Rule, other: Rule) -> bool:
    return one.id == other.id and bool(one.profiles & other.profiles)
