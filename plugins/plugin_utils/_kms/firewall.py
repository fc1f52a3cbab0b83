# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The KMS port is open inbound, for the networks that were named.

Internal to the collection activation.kms; not a public interface.

A firewall that is off is left off and reported as not filtering. An entry for the port that somebody else made is never
overwritten: it is enough, or the run is refused before anything is changed.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

from .._errors import Refusal
from .._plan import Resource, Seen, Step
from .._windows.firewall.netsh import (
    ANY,
    LOCAL_SUBNET,
    OUR_NAME,
    SERVICE,
    Entry,
    Firewall,
    Profile,
    close_port,
    normal_scope,
    open_port,
)
from .._windows.system import System
from .._world import World


@dataclasses.dataclass(frozen=True)
class FirewallWish:
    """Open for `scope` (normal forms), or closed."""

    port: int
    open: bool
    scope: frozenset[str] = frozenset()


def remote_addresses(items: t.Sequence[str] | None, option: str = "firewall_remote_addresses") -> frozenset[str]:
    """The networks for which to open, in their normal form. `option` is what the module calls them.

    Raises:
        Refusal: nothing named, not a network, IPv6, or `any` beside others. What was given is not repeated.
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
    if network.version != 4:
        raise Refusal(
            f"{entry} is an IPv6 network, but the Windows Firewall of Server 2003 knows IPv4 only; leave IPv6 networks "
            "out for this host",
            name="ipv6_not_supported",
        )
    if network.prefixlen == 0:
        raise Refusal(f"{entry} means everybody; write any if you mean it", name="bad_option")
    return str(network)


class OpenPort(Resource):
    """The port is open in every profile, or closed as far as we had opened it."""

    name = "firewall"
    needs: tuple[type, ...] = (System, Firewall)
    after: tuple[type[Resource], ...] = ()

    def __init__(self, wish: FirewallWish) -> None:
        self.wish = wish

    def next(self, seen: Seen) -> Step | None:
        """Open or close where the firewall filters."""
        firewall = seen[Firewall]
        if not firewall.filtering:
            return None
        if self.wish.open:
            missing = [profile for profile in firewall.profiles if self._missing(profile)]
            for profile in missing:
                self._judge_foreign(profile)
            return self._step([profile.name for profile in missing]) if missing else None
        ours = [profile.name for profile in firewall.profiles if profile.entry is not None and profile.entry.ours]
        return self._step(ours) if ours else None

    def _missing(self, profile: Profile) -> bool:
        if not profile.enabled:
            return False
        entry = profile.entry
        if entry is None:
            return True
        return (
            not (entry.enabled and entry.scope == self.wish.scope) if entry.ours else not entry.admits(self.wish.scope)
        )

    def _judge_foreign(self, profile: Profile) -> None:
        entry = profile.entry
        if entry is None or entry.ours:
            return
        state = "enabled" if entry.enabled else "disabled"
        scope = ", ".join(sorted(entry.scope)) or "none"
        raise Refusal(
            f"the {profile.name} profile of the Windows Firewall already has an entry for TCP {self.wish.port} "
            f"that this collection did not make ({entry.name!r}, {state}, scope {scope}), and it does not admit all "
            "the networks named; change or remove it by hand, or set firewall: unmanaged",
            name="foreign_firewall_entry",
            advice="Change the entry by hand, or set firewall: unmanaged.",
        )

    def warnings(self, seen: Seen) -> list[str]:
        """What else decides whether clients get through."""
        firewall = seen[Firewall]
        notes = []
        if not self.wish.open:
            left = [p.name for p in firewall.profiles if p.entry is not None and not p.entry.ours]
            return [
                f"the entry for TCP {self.wish.port} in the {name} profile is not ours and was left" for name in left
            ]
        if not firewall.service_running:
            notes.append(
                f"the service {SERVICE} does not run: the Windows Firewall filters nothing and was left as it is"
            )
        elif not firewall.filtering:
            notes.append("the Windows Firewall is off in every profile: it filters nothing and was left as it is")
        if firewall.group_policy:
            notes.append("Group Policy sets the Windows Firewall of this host and may override its own entries")
        notes += [
            f"the {profile.name} profile of the Windows Firewall allows no exceptions: TCP {self.wish.port} stays shut"
            for profile in firewall.profiles
            if profile.enabled and not profile.exceptions_allowed
        ]
        return notes

    def _step(self, profiles: list[str]) -> Step:
        wish = self.wish
        words = ", ".join(sorted(wish.scope))
        entry = Entry(OUR_NAME, enabled=True, scope=wish.scope) if wish.open else None

        def run(world: World) -> None:
            if wish.open:
                open_port(world, wish.port, wish.scope, profiles)
            else:
                close_port(world, wish.port, profiles)

        return Step(
            id="host_firewall.open" if wish.open else "host_firewall.close",
            summary=f"open TCP {wish.port} for {words}" if wish.open else f"close TCP {wish.port}",
            predict=lambda seen: seen.having(seen[Firewall].with_entry(profiles, entry)),
            run=run,
            touches=(Firewall,),
            settle=10.0,
            after=f"TCP {wish.port} open for {words} in profiles {', '.join(profiles)}" if wish.open else "",
            before="" if wish.open else f"TCP {wish.port} open in profiles {', '.join(profiles)}",
        )
