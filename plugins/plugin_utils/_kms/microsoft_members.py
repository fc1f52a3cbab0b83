# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wish for the members of a zone, carried out on a Microsoft DNS server by WMI.

Internal to the collection activation.kms; not a public interface.

What is to be deleted and added is planned in `_srv.members`, as for every other server. Here it becomes calls for
single records, which are not one whole: what is new comes first and what has to go comes last, so that clients always
find somebody, and whatever interrupts it, the next look tells what is left to do.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._errors import Failure, Refusal
from .._plan import Item, Resource, Seen, Step
from .._srv import members
from .._srv.members import Change, Member, Wish
from .._windows import dns_records, dns_server
from .._windows.dns_server import SrvRecord
from .._windows.system import moment_text
from .._world import World
from .._wsman.client import Client
from . import publication
from .microsoft_dns import HeldZone, HeldZones, read_held_zone
from .publication import SETTLE, summary_of

_ATTEMPTS = 5  # how often a plan is made anew because somebody else changed the records meanwhile


@dataclasses.dataclass(frozen=True)
class Work:
    """Calls, in their order.

    Attributes:
        creates: members that have no record.
        changes: records that keep their target and get other numbers.
        replaced: records with a time stamp that become static ones.
        deletes: records that go.
    """

    creates: tuple[Member, ...]
    changes: tuple[tuple[SrvRecord, Member], ...]
    replaced: tuple[tuple[SrvRecord, Member], ...]
    deletes: tuple[SrvRecord, ...]


def work_left(held: HeldZone, wish: Wish, *, static: bool) -> tuple[Work, Change] | None:
    """What the wish still needs, as calls and as the change that they make together; None when it is true. Pure."""
    state = held.state
    change = members.plan(state, wish, ttl_each=True) or Change((), ())
    deleted = [held.record(one) for one in change.deletes]
    pairs: list[tuple[SrvRecord, Member]] = []
    creates: list[Member] = []
    for one in change.adds:
        same = next((record for record in deleted if record.member.identity == one.identity), None)
        if same is None:
            creates.append(one)
        else:
            deleted.remove(same)
            pairs.append((same, one))
    aged = _to_be_static(held, wish, change) if static and wish.state == "present" else ()
    wanted = {one.identity for one in wish.members}
    made_anew = [*aged, *((old, new) for old, new in pairs if static and old.stamp and new.identity in wanted)]
    changes = tuple(pair for pair in pairs if pair not in made_anew)
    if not (creates or changes or made_anew or deleted):
        return None
    renewed = Change(
        (*change.deletes, *(old.member for old, _new in aged)), (*change.adds, *(new for _old, new in aged))
    )
    return Work(tuple(creates), changes, tuple(made_anew), tuple(deleted)), renewed


def _to_be_static(held: HeldZone, wish: Wish, change: Change) -> tuple[tuple[SrvRecord, Member], ...]:
    """Records of the wish that are right but for their time stamp."""
    wanted = {one.identity for one in wish.members}
    return tuple(
        (record, record.member)
        for record in held.records
        if record.stamp and record.member.identity in wanted and record.member not in change.deletes
    )


class MicrosoftPublication(Resource):
    """One domain's wish, on the DNS server the task is for.

    Args:
        domain: the domain of the clients.
        wish: what its members shall be.
        static: whether members of the wish that would age become records that do not.
        host: the DNS server, for messages.
    """

    name = "publication"
    needs = (HeldZones,)

    def __init__(self, domain: str, wish: Wish, *, static: bool, host: str) -> None:
        self._domain = domain
        self._wish = wish
        self._static = static
        self._host = host

    def next(self, seen: Seen) -> Item | None:
        """One step when a member is missing, wrong, too many, or ages and shall not."""
        held = seen[HeldZones][self._domain]
        left = work_left(held, self._wish, static=self._static)
        if left is None:
            return None
        self._judge(held)
        predicted = held.having(left[1].applied_to(held.state))
        predicted = dataclasses.replace(predicted, records=_static(predicted.records, left[0]))
        return Step(
            id="srv_record.publish" if self._wish.state == "present" else "srv_record.withdraw",
            summary=summary_of(self._wish, self._domain, self._host),
            predict=lambda later: later.having(later[HeldZones].having(predicted)),
            run=lambda world: apply(world, held, self._wish, static=self._static),
            touches=(HeldZones,),
            settle=SETTLE,
            subject=self._domain,
            before=lines(held),
            after=lines(predicted),
        )

    def _judge(self, held: HeldZone) -> None:
        """Whether this zone can be changed at all. Raises Refusal."""
        if held.zone.halted:
            raise Refusal(
                f"{self._host}: zone {held.zone.name} is paused or shut down, so nothing was changed in it; resume it "
                "in the DNS console, and run the play again",
                name="zone_halted",
            )
        if held.alias:
            raise Refusal(
                f"{self._host}: {held.owner} is an alias (CNAME) of {held.alias} and can have no SRV record; remove "
                "the alias, or name the zone that it leads to",
                name="owner_is_alias",
            )

    def warnings(self, seen: Seen) -> list[str]:
        """What stands out in the zone."""
        zones = seen.get(HeldZones)
        if zones is None or self._wish.state == "absent":
            return []
        return striking(zones[self._domain], {one.identity for one in self._wish.members})


def striking(held: HeldZone, wanted: t.Collection[str] | None = None) -> list[str]:
    """What a person should know about the members of a domain, or of those that are wanted."""
    found = publication.striking(held.state)
    if held.zone.halted:
        found.append(f"zone {held.zone.name} on {held.zone.server} is paused or shut down: it answers no clients")
    for record in held.records if held.zone.aging else ():
        until = held.safe_until(record)
        if until is not None and (wanted is None or record.member.identity in wanted):
            found.append(
                f"{record.member.identity} is published in zone {held.domain} by a record that ages: if nobody "
                f"refreshes it, the DNS server may remove it from {moment_text(until)} on; a host that publishes "
                "itself refreshes its record daily, otherwise set static: true with activation.kms.srv_record"
            )
    return found


def lines(held: HeldZone) -> str:
    """The records as lines of a zone file, those that age with a comment, since that is all that static changes."""
    stamps = {one.member: one.stamp for one in held.records}
    shown = held.state.lines().splitlines(keepends=True)
    marks = [stamps.get(one) for one in held.state.members] or [None]
    pairs = zip(shown, marks, strict=True)
    return "".join(line if mark is None else f"{line[:-1]} ; refreshed {moment_text(mark)}\n" for line, mark in pairs)


def apply(world: World, held: HeldZone, wish: Wish, *, static: bool) -> None:
    """Carry out what the wish needs, beginning with what was seen while planning.

    A call that fails is looked into: where the records are others by now, it is planned anew, so that neither a record
    that was made by somebody else meanwhile nor one that is gone is a failure.

    Raises:
        Failure: the server did not do it.
        OutcomeUnknown: a call was sent and its answer lost.
    """
    for attempt in range(_ATTEMPTS):
        left = work_left(held, wish, static=static)
        if left is None:
            return
        try:
            _carry_out(world, held, left[0])
        except Failure:
            now = read_held_zone(world, held)
            if now.records == held.records or attempt == _ATTEMPTS - 1:
                raise
            held = now
            continue
        if not left[0].replaced:
            return
        held = read_held_zone(world, held)
        _judge_static(world.host, held, left[0])


def _carry_out(world: World, held: HeldZone, work: Work) -> None:
    client = Client(world)
    for member in work.creates:
        dns_records.create(client, held.zone, held.owner, member)
    for record, member in work.changes:
        dns_records.modify(client, record, member)
    if work.replaced:
        _make_static(world, held, work)
    dns_records.delete(client, held.zone, held.owner, work.deletes)


def _make_static(world: World, held: HeldZone, work: Work) -> None:
    """Changed in place where that takes the time stamp away, so that the member is never gone; else made anew.

    What a change in place makes of the time stamp, or of numbers that stay, is not documented. Whoever may delete need
    not be allowed to call methods, and would be left without the record: so that is tried first in any case.
    """
    client = Client(world)
    for record, member in work.replaced:
        try:
            dns_records.modify(client, record, member)
        except Failure as failure:
            if failure.name == dns_server.ACCESS_DENIED:
                raise
    wanted = {member.identity: member for _record, member in work.replaced}
    for record in read_held_zone(world, held).records:
        if record.stamp and record.member.identity in wanted and record not in work.deletes:
            dns_records.delete(client, held.zone, held.owner, [record])
            dns_records.create(client, held.zone, held.owner, wanted[record.member.identity])


def _judge_static(host: str, held: HeldZone, work: Work) -> None:
    """Whether the new records are static; that WMI makes none that ages is not documented. Raises Failure."""
    made = {member.identity for _record, member in work.replaced}
    aging = [one.member.identity for one in held.records if one.stamp]
    left = sorted(made.intersection(aging))
    if left:
        raise Failure(
            f"{host}: the DNS server gave the new records of {', '.join(left)} a time stamp, so they age all the "
            f"same; make them in the DNS console without the box for stale records, or exempt zone {held.zone.name} "
            "from scavenging",
            name="record_not_static",
        )


def _static(records: t.Sequence[SrvRecord], work: Work) -> tuple[SrvRecord, ...]:
    """The records as predicted: what is made anew has no time stamp any more."""
    made = {member.identity for _record, member in work.replaced}
    return tuple(SrvRecord(one.member) if one.member.identity in made else one for one in records)
