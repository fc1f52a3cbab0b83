# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The KMS port is open inbound, for the networks that were named.

Internal to the collection activation.kms; not a public interface.

A firewall that is off is left off and reported as not filtering. A rule that somebody else made is never changed: it is
enough, or a rule of our own is made beside it; where that is impossible (Server 2003 has one entry a port) the run is
refused before anything is changed. Windows' own rules for KMS are used where they are still off and admit clients in
every profile that is on; what they were is noted on the host first, and given back by `closed`.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

from .._errors import Refusal
from .._plan import Look, Resource, Seen, Step
from .._windows.firewall.model import BLOCK, Firewall, Rule, admitted
from .._windows.firewall.reader import Interest
from .._windows.firewall.scopes import ANY, LOCAL_SUBNET, covers, network_of, normal_scope
from .._windows.system import System
from .._world import World
from .record import Record, load_record, note


@dataclasses.dataclass(frozen=True)
class FirewallWish:
    """Open for `scope` (normal forms), or closed."""

    port: int
    open: bool
    scope: frozenset[str] = frozenset()

    @property
    def interest(self) -> Interest:
        """What has to be read for it."""
        return Interest(self.port, "open" if self.open else "close", self.scope, noted_rules)


def noted_rules(look: Look) -> tuple[str, ...]:
    """The rules of Windows that this collection changed, as the record on the host says."""
    return tuple(look[Record].former_firewall or ())


def remote_addresses(items: t.Sequence[str] | None, option: str = "firewall_remote_addresses") -> frozenset[str]:
    """The networks for which to open, in their normal form. `option` is what the module calls them.

    Raises:
        Refusal: nothing named, not a network, or `any` beside others. What was given is not repeated.
    """
    if not items:
        raise Refusal(
            f"to open the firewall {option} must name the networks of your clients ([10.0.0.0/8]) or local_subnet, or "
            "be the word any, which opens the port to everybody",
            name="remote_addresses_missing",
            advice="Name the clients' networks.",
        )
    scope = frozenset(_address(str(item), f"entry {number} of {option}") for number, item in enumerate(items, 1))
    if ANY in scope and len(scope) > 1:
        raise Refusal(f"{option} names any beside others; write one or the other", name="bad_option")
    return scope


def _address(item: str, entry: str) -> str:
    word = normal_scope(item)
    if word in (ANY, LOCAL_SUBNET) and item.strip() != "*":
        return word
    try:
        network = ipaddress.ip_network(word)
    except ValueError:
        raise Refusal(
            f"{entry} is neither a network (10.0.0.0/8), an address, the word local_subnet nor, for everybody, the "
            "word any; write one of them",
            name="bad_option",
        ) from None
    if network.prefixlen == 0:
        raise Refusal(f"{entry} means everybody; write any if you mean it", name="bad_option")
    return str(network)


@dataclasses.dataclass(frozen=True)
class _Work:
    """What is still to be done to open the port.

    Attributes:
        windows: rules of Windows to be enabled for the scope.
        ours: whether our own rule is to be made or mended.
        profiles: the profiles it is about.
    """

    windows: tuple[Rule, ...]
    ours: bool
    profiles: tuple[str, ...]


class OpenPort(Resource):
    """The port is open in every profile that is on, or closed as far as we had opened it."""

    name = "firewall"
    needs: tuple[type, ...] = (System, Record, Firewall)
    after: tuple[type[Resource], ...] = ()

    def __init__(self, wish: FirewallWish) -> None:
        self.wish = wish

    def next(self, seen: Seen) -> Step | None:
        """Open or close where the firewall filters."""
        firewall = seen[Firewall]
        if firewall.backend is None:
            raise Refusal(
                f"the host runs {seen[System].caption or seen[System].version}, whose firewall this collection does "
                "not know; open the port by hand, or set firewall: unmanaged",
                name="firewall_not_known",
            )
        if not self.wish.open:
            return self._closing(seen)
        self._judge_networks(firewall)
        if not firewall.filtering:
            return None
        work = self._work(firewall, self._noted(seen))
        if work is None:
            return None
        self._judge_foreign(firewall, work)
        return self._opening(seen, work)

    # -- opening

    def _work(self, firewall: Firewall, noted: t.Collection[str]) -> _Work | None:
        """What is missing, or None. Rules that we made or changed must be for the networks named and no others."""
        assert firewall.backend is not None
        scope, backend = self.wish.scope, firewall.backend
        unmet = firewall.unmet(scope)
        wrong = [rule for rule in firewall.rules if self._wrong(rule, noted)]
        if not unmet and not wrong:
            return None
        mended = tuple(rule for rule in wrong if not rule.ours)
        ours = [rule for rule in firewall.rules if rule.ours]
        adoptable = () if ours else backend.adoptable(firewall.port)
        fresh = tuple(
            rule
            for rule in firewall.rules
            if rule.id in adoptable
            and rule.id not in noted
            and not rule.enabled
            and rule.plain
            and rule.fit == "exact"
            and rule.profiles.intersection(unmet)
        )
        # Either Windows' own rules admit the clients in every profile, or one of ours does: one thing to close later.
        enough = not firewall.having(_opened((*mended, *fresh), scope)).unmet(scope)
        windows = (*mended, *fresh) if enough else mended
        left = firewall.having(_opened(windows, scope)).unmet(scope)
        bad = [rule for rule in wrong if rule.ours]
        profiles = {*left, *(profile for rule in bad for profile in rule.profiles)}.intersection(firewall.on)
        return _Work(windows, bool(left or bad), tuple(sorted(profiles)))

    def _wrong(self, rule: Rule, noted: t.Collection[str]) -> bool:
        """Whether a rule that we made or changed does not do what was asked for, or does more.

        What somebody else has made of one of Windows' own rules since (another action, a condition) is theirs.
        """
        for_whom = rule.enabled and rule.scope == self.wish.scope
        if rule.ours:
            return not (for_whom and rule.plain and rule.fit == "exact")
        return rule.id in noted and rule.plain and not for_whom

    def _judge_networks(self, firewall: Firewall) -> None:
        """Refuse networks of a version of IP that this Windows' firewall does not know. Raises Refusal."""
        assert firewall.backend is not None
        versions = firewall.backend.facts.ip_versions
        networks = [network for network in map(network_of, self.wish.scope) if network is not None]
        if any(network.version not in versions for network in networks):
            raise Refusal(
                "an IPv6 network is named, but the Windows Firewall of Server 2003 knows IPv4 only; leave IPv6 "
                "networks out for this host",
                name="ipv6_not_supported",
            )

    def _judge_foreign(self, firewall: Firewall, work: _Work) -> None:
        """Refuse to overwrite an entry of somebody else, where there can be one only. Raises Refusal."""
        assert firewall.backend is not None
        if not firewall.backend.facts.one_entry_a_port:
            return
        for rule in firewall.rules:
            (profile,) = rule.profiles
            if rule.ours or profile not in work.profiles:
                continue
            state = "enabled" if rule.enabled else "disabled"
            scope = ", ".join(sorted(rule.scope)) or "none"
            raise Refusal(
                f"the {profile} profile of the Windows Firewall already has an entry for TCP {self.wish.port} "
                f"that this collection did not make ({rule.name!r}, {state}, scope {scope}), and it does not admit all "
                "the networks named; change or remove it by hand, or set firewall: unmanaged",
                name="foreign_firewall_entry",
                advice="Change the entry by hand, or set firewall: unmanaged.",
            )

    def _opening(self, seen: Seen, work: _Work) -> Step:
        wish, firewall = self.wish, seen[Firewall]
        backend = firewall.backend
        assert backend is not None
        noted = seen[Record].former_firewall or {}
        former = {rule.id: _former(rule) for rule in work.windows if rule.id not in noted}
        mine = next((rule for rule in firewall.rules if rule.ours), None)

        def predict(before: Seen) -> Seen:
            opened = before[Firewall].having(_opened(work.windows, wish.scope))
            if work.ours:
                new = backend.own_rules(wish.port, wish.scope, work.profiles)
                covered = frozenset[str]().union(*(rule.profiles for rule in new))
                old = [rule for rule in opened.rules if rule.ours and rule.profiles.intersection(covered)]
                opened = opened.without(old).having(new)
            if not former:
                return before.having(opened)
            return before.having(opened, dataclasses.replace(before[Record], former_firewall={**noted, **former}))

        def run(world: World) -> None:
            if former:  # first: what was there can always be given back
                note(world, former_firewall={**former, **(load_record(world).former_firewall or {})})
            for rule in work.windows:
                backend.change(world, rule, enabled=True, scope=wish.scope)
            if work.ours:
                backend.open_port(world, wish.port, wish.scope, work.profiles, mine)

        words = ", ".join(sorted(wish.scope))
        rules = f" by {', '.join(rule.id for rule in work.windows)}" if work.windows else ""
        where = f" in profiles {', '.join(work.profiles)}" if work.ours else ""
        return Step(
            id="host_firewall.open",
            summary=f"open TCP {wish.port} for {words}",
            predict=predict,
            run=run,
            touches=(Firewall, Record) if former else (Firewall,),
            settle=10.0,
            after=f"TCP {wish.port} open for {words}{rules}{where}",
        )

    # -- closing

    def _noted(self, seen: Seen) -> t.Mapping[str, t.Mapping[str, t.Any]]:
        """What Windows' own rules for this port were before this collection changed them."""
        backend = seen[Firewall].backend
        known = backend.adoptable(self.wish.port) if backend else ()
        return {name: was for name, was in (seen[Record].former_firewall or {}).items() if name in known}

    def _closing(self, seen: Seen) -> Step | None:
        """Remove what we made, give back what we changed, and nothing else."""
        firewall, noted = seen[Firewall], self._noted(seen)
        backend = firewall.backend
        ours = [rule for rule in firewall.rules if rule.ours]
        if backend is None or not firewall.service_running or not (ours or noted):
            return None
        changed = [rule for rule in firewall.rules if rule.id in noted]
        profiles = sorted({profile for rule in ours for profile in rule.profiles})
        port = self.wish.port

        def predict(before: Seen) -> Seen:
            given_back = [_as_it_was(rule, noted[rule.id]) for rule in changed]
            closed = before[Firewall].without(ours).having(given_back)
            if not noted:
                return before.having(closed)
            return before.having(closed, dataclasses.replace(before[Record], former_firewall=None))

        def run(world: World) -> None:
            for rule in changed:
                was = _as_it_was(rule, noted[rule.id])
                backend.change(world, rule, enabled=was.enabled, scope=was.scope)
            if noted:
                note(world, former_firewall=None)
            if ours:
                backend.close_port(world, port, profiles)

        rules = [f"in profiles {', '.join(profiles)}"] if profiles else []
        rules += [f"by {rule.id}" for rule in changed]
        return Step(
            id="host_firewall.close",
            summary=f"close TCP {port}",
            predict=predict,
            run=run,
            touches=(Firewall, Record) if noted else (Firewall,),
            settle=10.0,
            before=f"TCP {port} open {' and '.join(rules)}".rstrip(),
        )

    # -- what the user is told

    def notices(self, seen: Seen) -> list[str]:
        """What else may keep clients out, looked at before the port is opened."""
        firewall = seen[Firewall]
        return [*_obstacles(firewall, self.wish.scope), *(firewall.others or ())] if self.wish.open else []

    def warnings(self, seen: Seen) -> list[str]:
        """What decides, beside our own rule, whether clients get through."""
        firewall = seen[Firewall]
        assert firewall.backend is not None
        service = firewall.backend.facts.service
        if not self.wish.open:
            stopped = not firewall.service_running
            left = [f"the service {service} does not run, so nothing was closed"] if stopped else []
            return [*left, *self._left_open(seen)]
        if not firewall.service_running:
            return [f"the service {service} does not run: the Windows Firewall filters nothing and was left as it is"]
        if not firewall.filtering:
            return ["the Windows Firewall is off in every profile: it filters nothing and was left as it is"]
        return _obstacles(firewall, self.wish.scope)

    def _left_open(self, seen: Seen) -> list[str]:
        """Rules that are not ours to close."""
        noted = self._noted(seen)
        return [
            f"the rule {rule.name or rule.id} for TCP {self.wish.port} in the {', '.join(sorted(rule.profiles))} "
            f"profile was not made by this collection and was left"
            for rule in seen[Firewall].rules
            if not rule.ours and rule.id not in noted and any(map(rule.admits_in, rule.profiles))
        ]


def _obstacles(firewall: Firewall, scope: frozenset[str]) -> list[str]:
    """What keeps the port shut although a rule admits it."""
    notes = [
        f"the {profile.name} profile of the Windows Firewall allows no exceptions: TCP {firewall.port} stays shut"
        for profile in firewall.profiles
        if profile.enabled and profile.exceptions_allowed is False
    ]
    notes += [
        f"the rule {rule.name or rule.id} blocks TCP {firewall.port} in the {', '.join(sorted(rule.profiles))} "
        "profile; a rule that blocks wins over every rule that admits"
        for rule in (*firewall.rules, *firewall.policy_rules())
        if rule.enabled and rule.action == BLOCK and rule.fit != "other" and rule.profiles.intersection(firewall.on)
    ]
    policy = firewall.policy
    if policy is None:
        return notes
    notes.append("Group Policy sets the Windows Firewall of this host and may override its own entries")
    for profile in sorted(policy.ignores_local.intersection(firewall.on)):
        if not covers(admitted(firewall.policy_rules(), profile), scope):
            notes.append(
                f"Group Policy gives this host's own rules no effect in the {profile} profile, and admits TCP "
                f"{firewall.port} itself for others only; open it in the policy"
            )
    return notes


def _opened(rules: t.Iterable[Rule], scope: frozenset[str]) -> list[Rule]:
    return [dataclasses.replace(rule, enabled=True, scope=scope) for rule in rules]


def _former(rule: Rule) -> dict[str, t.Any]:
    """What is noted of a rule of Windows before it is changed."""
    return {"enabled": rule.enabled, "scope": sorted(rule.scope)}


def _as_it_was(rule: Rule, former: t.Mapping[str, t.Any]) -> Rule:
    return dataclasses.replace(rule, enabled=bool(former["enabled"]), scope=frozenset(former["scope"]))
