# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The members of one `_vlmcs._tcp` name, and what to delete and add so that a wish comes true. Pure.

Internal to the collection activation.kms; not a public interface.

A member is identified by its target host; port, priority, weight and TTL are its properties. Whoever replaces the whole
record set, as `delete, then add all` does, loses what others add at the same time: of fifty publishers one or two are
left, and every server answers NOERROR. So only members that were seen and are meant are deleted, with the spelling they
were seen in (PowerDNS compares letter case), and only missing ones are added.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._errors import Refusal
from . import names

DEFAULT_TTL = 3600  # seconds, for the first member of a name; later ones take the TTL that is there
_MOST_16 = 65535
_MOST_TTL = 2**31 - 1  # RFC 2181 section 8

State = t.Literal["present", "absent"]


@dataclasses.dataclass(frozen=True)
class Member:
    """One SRV record as observed.

    Attributes:
        target: the host, spelled as the server spells it, without the trailing dot.
        ttl: seconds; None in a wish: whatever the others have.
    """

    target: str
    port: int = names.DEFAULT_PORT
    priority: int = 0
    weight: int = 0
    ttl: int | None = None

    @property
    def identity(self) -> str:
        """DNS names are equal whatever their letter case."""
        return self.target.lower()

    def same_record(self, other: Member) -> bool:
        """Whether DNS sees one and the same record data in both."""
        return _data_of(self) == _data_of(other)

    def data(self) -> str:
        """The record's data as in a zone file, the target absolute."""
        dot = "" if self.target.endswith(".") else "."
        return f"{self.priority} {self.weight} {self.port} {self.target}{dot}"

    def as_data(self) -> dict[str, t.Any]:
        """{target, port, priority, weight, ttl}; the target in lower case."""
        return {**dataclasses.asdict(self), "target": self.identity}


def member(target: str, port: int = names.DEFAULT_PORT, priority: int = 0, weight: int = 0) -> Member:
    """A member as somebody wishes it, checked. Raises Refusal."""
    return Member(
        names.target_name(target),
        names.number(port, "port", 1, _MOST_16),
        names.number(priority, "priority", 0, _MOST_16),
        names.number(weight, "weight", 0, _MOST_16),
    )


@dataclasses.dataclass(frozen=True)
class ZoneState:
    """The members of one name as a server showed them.

    Attributes:
        zone: the DNS zone that holds the name; may lie above or below the domain the user named.
        owner: the name of the records.
        server: as the user named it.
        address: where it was asked, and where it will be updated.
        serial: the zone's serial number.
        members: every record seen, sorted.
        verified: False when an answer had to be believed without a valid signature.
    """

    zone: str
    owner: str
    server: str
    address: str
    serial: int | None = None
    members: tuple[Member, ...] = ()
    verified: bool = True

    @property
    def ttl(self) -> int | None:
        """The TTL of the record set: the lowest, where a server keeps one for each record."""
        return min((one.ttl for one in self.members if one.ttl is not None), default=None)

    def lines(self) -> str:
        """The records as lines of a zone file, in order, each ended by a line feed; a comment where there are none."""
        lines = [f"{self.owner}. {one.ttl} IN SRV {one.data()}\n" for one in ordered(self.members)]
        return "".join(lines) or f"; no SRV record at {self.owner}.\n"

    def as_data(self) -> dict[str, t.Any]:
        """{owner, dns_zone, server, serial, members, verified}."""
        return {
            "owner": self.owner,
            "dns_zone": self.zone,
            "server": self.server,
            "serial": self.serial,
            "members": [one.as_data() for one in self.members],
            "verified": self.verified,
        }


@dataclasses.dataclass(frozen=True)
class Wish:
    """How the members of one name shall be.

    Attributes:
        members: the members meant.
        state: present or absent; for absent only the targets count.
        exclusive: with present: no others.
        ttl: seconds for the whole record set, or None to leave it as it is.
    """

    members: tuple[Member, ...]
    state: State = "present"
    exclusive: bool = False
    ttl: int | None = None

    def __post_init__(self) -> None:
        if not self.members:
            raise _impossible("no member is named; give target or members")
        targets = [one.identity for one in self.members]
        twice = sorted({target for target in targets if targets.count(target) > 1})
        if twice:
            raise _impossible(f"{', '.join(twice)} is named more than once; a host is one member with one port")
        if self.state == "absent" and self.exclusive:
            raise _impossible("exclusive goes with state: present only; with absent, name the members to be removed")
        if self.ttl is not None:
            names.number(self.ttl, "ttl", 0, _MOST_TTL)


@dataclasses.dataclass(frozen=True)
class Change:
    """One update message: deletes before adds, all or nothing.

    Attributes:
        deletes: in the spelling observed.
        adds: each with its TTL.
        guards: when not empty: the update holds only while these are exactly the members.
    """

    deletes: tuple[Member, ...]
    adds: tuple[Member, ...]
    guards: tuple[Member, ...] = ()

    def applied_to(self, state: ZoneState) -> ZoneState:
        """What the server will show afterwards; the serial is not foretold."""
        kept = [one for one in state.members if one not in self.deletes]
        return dataclasses.replace(state, members=ordered([*kept, *self.adds]))


def plan(state: ZoneState, wish: Wish, *, ttl_each: bool = False) -> Change | None:
    """What is to be deleted and added, or None when the wish is already true.

    `ttl_each`: the server keeps a TTL for each record, so that those of others are none of the wish's business.
    """
    wanted = {one.identity: one for one in wish.members}
    if wish.state == "absent":
        deletes = tuple(one for one in state.members if one.identity in wanted)
        return Change(deletes, ()) if deletes else None
    stale = [one for one in state.members if not _stays(one, wanted, wish.exclusive)]
    kept = [one for one in state.members if one not in stale]
    adds = [
        dataclasses.replace(one, ttl=_ttl(state, wish, one.identity if ttl_each else None))
        for one in wish.members
        if not any(one.same_record(other) for other in kept)
    ]
    guards: tuple[Member, ...] = ()
    late = [one for one in kept if wish.ttl not in (None, one.ttl) and (one.identity in wanted or not ttl_each)]
    if late and not ttl_each:
        # Knot ignores a TTL that is merely added again, so every member is deleted and added in one message. The guard
        # keeps a member that somebody removes meanwhile from being brought back.
        late, guards = kept, state.members
    stale += late
    adds += [dataclasses.replace(one, ttl=wish.ttl) for one in late]
    return Change(tuple(stale), ordered(adds), guards) if stale or adds else None


def there(state: ZoneState, wish: Wish) -> tuple[Member, ...]:
    """The members meant that are there as wished, with the spelling and the TTL they have there."""
    wanted = {one.identity: one for one in wish.members}
    return tuple(one for one in state.members if one.identity in wanted and one.same_record(wanted[one.identity]))


def ordered(members: t.Iterable[Member]) -> tuple[Member, ...]:
    """In the order of priority, target and the rest."""
    return tuple(sorted(members, key=lambda one: (one.priority, one.identity, one.port, one.weight, one.ttl or 0)))


def _ttl(state: ZoneState, wish: Wish, own: str | None) -> int:
    """The wish's, else the one there is, so that two controllers with different defaults do not take turns.

    `own`: whose own comes before that of the others.
    """
    there = [one.ttl for one in state.members if one.identity == own and one.ttl is not None]
    found = next(iter((*there, state.ttl)))
    return wish.ttl if wish.ttl is not None else DEFAULT_TTL if found is None else found


def _stays(observed: Member, wanted: t.Mapping[str, Member], exclusive: bool) -> bool:
    meant = wanted.get(observed.identity)
    return not exclusive if meant is None else observed.same_record(meant)


def _data_of(one: Member) -> tuple[str, int, int, int]:
    return one.identity, one.port, one.priority, one.weight


def _impossible(message: str) -> Refusal:
    return Refusal(message, name="bad_wish", advice="Nothing was sent. Correct the options and run the play again.")
