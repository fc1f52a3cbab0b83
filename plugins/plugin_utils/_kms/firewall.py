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
import typing as t

from .._errors import Refusal
from .._plan import Resource, Seen, Step
from .._windows.firewall.model import ALLOW, Backend, Firewall, Rule
from .._windows.firewall.scopes import network_of, written
from .._windows.system import System
from .._world import World
from .firewall_notes import obstacles, told_closed, told_of_another_port, told_open
from .firewall_wish import FirewallWish
from .firewall_work import Work, opened, work_left
from .record import Record, load_record, note


class OpenPort(Resource):
    """The port is open in every profile that is on, or closed as far as we had opened it."""

    name = "firewall"
    needs: tuple[type, ...] = (System, Record, Firewall)

    def __init__(self, wish: FirewallWish, *, after: tuple[type[Resource], ...] = ()) -> None:
        self.wish = wish
        self.after = after

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
            return self._closing(firewall.backend, seen)
        self._judge_networks(firewall.backend)
        if not firewall.filtering:
            return None
        work = work_left(firewall.backend, firewall, self.wish.scope, self._noted(seen))
        if work is None:
            return None
        if firewall.backend.facts.one_entry_a_port:
            self._judge_foreign(firewall, work)
        return self._opening(firewall.backend, seen, work)

    # -- opening

    def _judge_networks(self, backend: Backend) -> None:
        """Refuse networks that this Windows' firewall does not know, or more than it can be told. Raises Refusal."""
        versions = backend.facts.ip_versions
        networks = [network for network in map(network_of, self.wish.scope) if network is not None]
        if any(network.version not in versions for network in networks):
            raise Refusal(
                "an IPv6 network is named, but the Windows Firewall of Server 2003 knows IPv4 only; leave IPv6 "
                "networks out for this host",
                name="ipv6_not_supported",
            )
        longest = backend.facts.longest_scope
        if longest is not None and len(",".join(written(self.wish.scope))) > longest:
            raise Refusal(
                f"{len(self.wish.scope)} networks are named, more than a command line of this Windows can hold; name "
                "fewer and larger ones",
                name="too_many_networks",
            )

    def _judge_foreign(self, firewall: Firewall, work: Work) -> None:
        """Refuse to overwrite an entry of somebody else, where there can be one only. Raises Refusal."""
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

    def _judge_record(self, backend: Backend, seen: Seen) -> None:
        """Refuse to write over notes that cannot be read, or to close without them. Raises Refusal."""
        if backend.adoptable(self.wish.port):
            seen[Record].refuse_unreadable()

    def _opening(self, backend: Backend, seen: Seen, work: Work) -> Step:
        wish, firewall = self.wish, seen[Firewall]
        noted = seen[Record].former_firewall or {}
        former = {rule.id: _former(rule) for rule in work.windows if rule.id not in noted}
        if former:
            self._judge_record(backend, seen)
        mine = [rule for rule in firewall.rules if rule.ours]

        def predict(before: Seen) -> Seen:
            after = before[Firewall].having(opened(work.windows, wish.scope))
            if work.ours:
                new = backend.own_rules(wish.port, wish.scope, work.profiles)
                covered = frozenset[str]().union(*(rule.profiles for rule in new))
                old = [rule for rule in after.rules if rule.ours and rule.profiles.intersection(covered)]
                after = after.without(old).having(new)
            if not former:
                return before.having(after)
            return before.having(after, dataclasses.replace(before[Record], former_firewall={**noted, **former}))

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

    def _closing(self, backend: Backend, seen: Seen) -> Step | None:
        """Remove what we made, give back what we changed, and nothing else.

        One of Windows' own rules that somebody has made block, or moved to another port, since is theirs.
        """
        self._judge_record(backend, seen)
        firewall, noted = seen[Firewall], self._noted(seen)
        ours = [rule for rule in firewall.rules if rule.ours]
        if not firewall.service_running or not (ours or noted):
            return None
        changed = [r for r in firewall.rules if r.id in noted and r.action == ALLOW and r.fit != "other"]
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
        return [*obstacles(firewall, self.wish.scope), *(firewall.others or ())] if self.wish.open else []

    def warnings(self, seen: Seen) -> list[str]:
        """What decides, beside our own rules, whether clients get through."""
        firewall = seen[Firewall]
        noted = self._noted(seen)
        told = told_open(firewall, self.wish.scope) if self.wish.open else told_closed(firewall, noted)
        return [*told, *told_of_another_port(set(seen[Record].former_firewall or ()).difference(noted))]


def _former(rule: Rule) -> dict[str, t.Any]:
    """What is noted of a rule of Windows before it is changed."""
    return {"enabled": rule.enabled, "scope": sorted(rule.scope)}


def _as_it_was(rule: Rule, former: t.Mapping[str, t.Any]) -> Rule:
    return dataclasses.replace(rule, enabled=bool(former["enabled"]), scope=frozenset(former["scope"]))
