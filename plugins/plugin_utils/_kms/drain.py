# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host goes: first its records out of DNS, then as long as somebody may still remember them.

Internal to the collection activation.kms; not a public interface.

Resolvers and clients keep an SRV record for its TTL (RFC 1035, section 3.2.1), so a KMS host answers that long after it
was taken out. When it was is noted on the host before anything is taken out: a run that was killed in between, or ended
on purpose, is taken up by the note, whichever controller comes next. All of it is judged by the host's own clock.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import typing as t

from .._errors import Refusal
from .._plan import Item, Look, Pause, Resource, Seen, Step
from .._srv.members import Member, member
from .._windows.licensing import Licensing
from .._windows.system import System, moment_text
from .._world import World
from .publication import Publication, PublishWish, Zones
from .record import Record, load_record, read_record, rewrite
from .removal import RemovalWish, doomed

LONGEST_DRAIN = 30 * 86400  # seconds; beyond a month somebody has mistyped
_MARGIN = 1.0  # seconds: notes are in whole seconds
_CLOCK_SET = dt.timedelta(minutes=1)  # by more than this nobody's look is out of date


@dataclasses.dataclass(frozen=True)
class DrainWish:
    """How long a host answers after its records are gone.

    Attributes:
        seconds: None: as long as the largest TTL seen at its records.
        wait: whether the run waits for it; otherwise it ends, and a later one goes on.
    """

    seconds: int | None = None
    wait: bool = True


def drain_seconds(text: str) -> int | None:
    """The option `drain`: the word ttl, or a number of seconds. Raises Refusal."""
    word = text.strip().lower()
    if word == "ttl":
        return None
    if word.isascii() and word.isdecimal() and int(word) <= LONGEST_DRAIN:
        return int(word)
    raise Refusal(
        f"drain must be the word ttl or a number of seconds from 0 to {LONGEST_DRAIN} (30 days)", name="bad_option"
    )


def read_record_after_zones(world: World, look: Look) -> Record:
    """The zones first: whoever sees that records are gone must see the note that was written before they went."""
    look[Zones]
    return read_record(world, look)


class Withdrawal(Resource):
    """The host is not among the members of one zone: neither under its own name nor under the one that is given.

    Args:
        wish: the zone, as it is wished of the host while it serves, but absent.
        noted: whether anybody will wait; otherwise nothing is noted.
    """

    name = "publication"
    needs: tuple[type, ...] = (System, Record, Zones)

    def __init__(self, wish: PublishWish, *, noted: bool) -> None:
        self._wish = wish
        self._noted = noted

    def next(self, seen: Seen) -> Item | None:
        """Note when, and take out what is there."""
        mine = self._mine(seen)
        if not mine:
            return None
        there = tuple(Member(identity) for identity in dict.fromkeys(one.identity for one in mine))
        step = Publication(dataclasses.replace(self._wish, target=None, members=there)).next(seen)
        return self._with_note(step, seen, mine) if self._noted and isinstance(step, Step) else step

    def notices(self, seen: Seen) -> list[str]:
        """What clients of the zone lose."""
        mine, members = self._mine(seen), seen[Zones][self._wish.place].members
        if not mine or len(mine) < len(members):
            return []
        return [
            f"no member is left in zone {self._wish.zone}: its clients find no KMS host there any more, and lose their "
            "activation once it has run out; publish another host, if they are to keep it"
        ]

    def warnings(self, seen: Seen) -> list[str]:
        """What stands out in the zone."""
        return Publication(self._wish).warnings(seen)

    def _mine(self, seen: Seen) -> tuple[Member, ...]:
        """The members of the zone that are this host, whatever their port. Raises Refusal where it has no full name."""
        fqdn, target = seen[System].fqdn, self._wish.target
        names = {member(fqdn).identity} if target is None else {fqdn, member(target).identity}
        return tuple(one for one in seen[Zones][self._wish.place].members if one.identity in names)

    def _with_note(self, step: Step, seen: Seen, mine: tuple[Member, ...]) -> Step:
        """The note before the update, in one step; a step that is repeated renews it."""
        ttl = max(one.ttl or 0 for one in mine)
        system = seen[System]

        def run(world: World) -> None:
            _note(world, system.time(world), ttl)
            before = world.now()
            step.run(world)
            late = world.now() - before > _MARGIN  # until then clients could still be sent here
            if late or load_record(world).draining is None:  # another controller wrote the record at the same time
                _note(world, system.time(world), ttl)

        def predict(before: Seen) -> Seen:
            record = before[Record]
            noted = _noted(record, before[System].clock, ttl)
            return step.predict(before).having(dataclasses.replace(record, draining=noted))

        # The clock with it: the wait is counted from the note, and the look of the beginning is older.
        return dataclasses.replace(step, run=run, predict=predict, touches=(Zones, Record, System))


class Drain(Resource):
    """Nobody can remember the host's records any more. One without a host key answers nobody anyway.

    Args:
        wish: how long that is.
        removal: the keys that go afterwards.
    """

    name = "drain"
    needs: tuple[type, ...] = (System, Record, Licensing)

    def __init__(self, wish: DrainWish, removal: RemovalWish) -> None:
        self._wish = wish
        self._removal = removal

    def next(self, seen: Seen) -> Item | None:
        """Wait, or end and leave it to a later run."""
        noted, clock, licensing = seen[Record].withdrawn(), seen[System].clock, seen[Licensing]
        hosting = any(product.makes_kms_host for product in licensing.products)
        if self._wish.seconds == 0 or not hosting:
            return None
        if noted is None:
            # Somebody else took it out of DNS, who knows when. Not for keys that stay, or each run would begin anew.
            unknown = self._wish.seconds is not None and doomed(licensing, self._removal)
            return _begin(seen, 0, "begin the drain now, since it is not noted when the host went") if unknown else None
        at, ttl = noted
        if at > clock + _CLOCK_SET:
            return _begin(seen, ttl, "begin the drain anew, since the host's clock has been set back")
        until = at + dt.timedelta(seconds=ttl if self._wish.seconds is None else self._wish.seconds)
        if until <= clock:
            return None
        return _wait(seen[System], until) if self._wish.wait else _pause(until)


class Found(Resource):
    """A host whose end was begun and given up drains no more: clients find it again, so the note says nothing.

    Args:
        found: whether they do; pure.
    """

    name = "drain"
    needs: tuple[type, ...] = (Record,)
    after: tuple[type[Resource], ...] = (Publication,)

    def __init__(self, found: t.Callable[[Seen], bool]) -> None:
        self._found = found

    def next(self, seen: Seen) -> Step | None:
        """Forget it, as upkeep."""
        if seen[Record].draining is None or not self._found(seen):
            return None
        return Step(
            id="host.drain_forget",
            summary="forget that the host was taken out of DNS, it is found there again",
            predict=lambda before: before.having(dataclasses.replace(before[Record], draining=None)),
            run=lambda world: t.cast(None, rewrite(world, load_record(world), draining=None)),
            touches=(Record,),
            upkeep=True,
        )


def _note(world: World, moment: dt.datetime, ttl: int) -> None:
    record = load_record(world)
    rewrite(world, record, draining=_noted(record, moment, ttl))


def _noted(record: Record, moment: dt.datetime, ttl: int) -> dict[str, t.Any]:
    """The note with one more record gone: the latest moment, and the longest that any of them is remembered."""
    before = record.withdrawn()
    return _gone(moment, ttl if before is None else max(ttl, before[1]))


def _gone(moment: dt.datetime, ttl: int) -> dict[str, t.Any]:
    """The note as it is written."""
    return {"at": moment_text(moment), "ttl": ttl}


def _drained(until: dt.datetime) -> t.Callable[[Seen], Seen]:
    """The clock at the end of the wait."""
    return lambda before: before.having(dataclasses.replace(before[System], clock=until))


def _wait(system: System, until: dt.datetime) -> Step:
    shown = moment_text(until)
    seconds = (until - system.clock).total_seconds()

    def run(world: World) -> None:
        world.sleep(max(0.0, (until - system.time(world)).total_seconds()) + _MARGIN)
        world.disconnect()  # nobody can tell what has become of the session meanwhile

    return Step(
        id="host.drain",
        summary=f"wait until {shown} by the host's clock ({seconds:.0f} seconds), when nobody remembers its records",
        predict=_drained(until),
        run=run,
        touches=(System,),
        settle=10.0,
        before="clients may remember the host",
        after=f"forgotten by {shown}",
    )


def _pause(until: dt.datetime) -> Pause:
    shown = moment_text(until)
    return Pause(
        reason=(
            f"The host is out of DNS, but clients and resolvers may remember it until {shown} by the host's clock; run "
            "this task again after that for the rest."
        ),
        result={"draining_until": shown},
        predict=_drained(until),
    )


def _begin(seen: Seen, ttl: int, summary: str) -> Step:
    """Note that the records have gone by now, where a note is missing or says nothing. What is over is not counted."""
    system = seen[System]

    def run(world: World) -> None:
        rewrite(world, load_record(world), draining=_gone(system.time(world), ttl))

    def predict(before: Seen) -> Seen:
        return before.having(dataclasses.replace(before[Record], draining=_gone(before[System].clock, ttl)))

    return Step(id="host.drain_begin", summary=summary, predict=predict, run=run, touches=(Record, System), upkeep=True)
