# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publishing KMS hosts in DNS: the `_vlmcs._tcp` members of a zone as a part of the world and a resource.

Internal to the collection activation.kms; not a public interface.

Decides when a host may be published (through a gate the caller gives), when its record is refreshed, and what a person
reads about it. What to delete and add is planned in `_srv.members`, how it is sent in `_srv.client`. Knows no Windows.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._errors import Refusal
from .._plan import Item, Look, Reader, Resource, Seen, Step
from .._srv import client, members, names
from .._srv.gss import GssKey
from .._srv.members import Member, State, Wish, ZoneState
from .._srv.place import Place, VerifyReply
from .._srv.tsig import TsigKey
from .._world import World

SETTLE = 10.0  # seconds until an update shows on the server that took it

Gate = t.Callable[[Seen], bool]
STATES: t.Final[tuple[State, ...]] = ("present", "absent")
Aging = t.Literal["unknown", "no", "yes"]
AGING: t.Final[tuple[Aging, ...]] = ("unknown", "no", "yes")


def always(seen: Seen) -> bool:
    """The gate that is always open."""
    return True


@dataclasses.dataclass(frozen=True)
class PublishWish:
    """What the members of one zone shall be. Raises Refusal when made from something impossible.

    Attributes:
        zone: the DNS domain the clients search.
        server: its primary DNS server, by name or address.
        target: the KMS host, fully qualified; None where it is not known yet (see Publication) or members are given.
        port, priority, weight: of the target.
        members: instead of target: several hosts at once, made by members.member().
        ttl: seconds, for all members of the zone; None leaves it as it is.
        key: what to sign with; None sends unsigned updates.
        state: present or absent.
        exclusive: no other members than these.
        aging: whether the zone removes records that nobody refreshes; then a member must be refreshed, too.
        refresh: send the members that are there once more in every run, which renews their time stamps.
        server_port: TCP port of the DNS server.
        verify_reply, server_address: see Place.
    """

    zone: str
    server: str
    target: str | None = None
    port: int = names.DEFAULT_PORT
    priority: int = 0
    weight: int = 0
    members: tuple[Member, ...] = ()
    ttl: int | None = None
    key: TsigKey | GssKey | None = None
    state: State = "present"
    exclusive: bool = False
    aging: Aging = "unknown"
    refresh: bool = False
    server_port: int = 53
    verify_reply: VerifyReply | None = None
    server_address: str | None = None

    def __post_init__(self) -> None:
        if self.state not in STATES:
            raise _bad(f"state must be one of {', '.join(STATES)}")
        if self.aging not in AGING:
            raise _bad(f"aging must be one of {', '.join(AGING)}")
        if self.aging == "yes" and self.state == "present" and not self.refresh:
            raise _fades(self.zone)
        if self.target is not None and self.members:
            raise _bad("give either target or members, not both")
        # What can be judged now is judged now, a target that is not known yet by a stand-in.
        object.__setattr__(self, "zone", self.place.zone)
        members.member("stand-in.invalid", self.port, self.priority, self.weight)
        self.aimed_at(self.target or "stand-in.invalid")

    @property
    def place(self) -> Place:
        """Where; also the identity under which Zones keeps what was seen there."""
        return Place(self.zone, self.server, self.server_port, self.key, self.verify_reply, self.server_address)

    def aimed_at(self, target: str | None) -> Wish:
        """The wish for the planner, with the target where the members are not given. Raises Refusal."""
        if self.members:
            meant = self.members
        elif target is None:
            raise _bad(f"zone {self.zone}: no target is named; give target or members")
        else:
            meant = (members.member(target, self.port, self.priority, self.weight),)
        return Wish(meant, self.state, self.exclusive, self.ttl)


@dataclasses.dataclass(frozen=True)
class Zones:
    """What was seen at each place; and where this run has refreshed members, which nobody can see."""

    key: t.ClassVar[str] = "zones"

    states: t.Mapping[Place, ZoneState]
    refreshed: frozenset[tuple[Place, Wish]] = frozenset()

    def __getitem__(self, place: Place) -> ZoneState:
        return self.states[place]

    def having(self, place: Place, state: ZoneState) -> Zones:
        """The same with another state at this place."""
        return dataclasses.replace(self, states={**self.states, place: state})

    def having_refreshed(self, place: Place, wish: Wish) -> Zones:
        """The same after a refresh of the members of this wish."""
        return dataclasses.replace(self, refreshed=self.refreshed | {(place, wish)})

    def as_data(self) -> list[dict[str, t.Any]]:
        """One element a place: {zone, owner, dns_zone, server, serial, members, verified}."""
        return [{"zone": place.zone, **state.as_data()} for place, state in self.states.items()]


def read_zones(wishes: t.Iterable[PublishWish]) -> Reader:
    """A reader of Zones, at the places of these wishes."""
    return read_places(wish.place for wish in wishes)


def read_places(wanted: t.Iterable[Place]) -> Reader:
    """A reader of Zones; each place is asked once a look, and always at the address that answered first.

    Domain controllers are many and agree only after a while: whoever updates one and reads another sees nothing.
    """
    places = list(dict.fromkeys(wanted))
    pinned: dict[tuple[str, str | None, int], str] = {}

    def reader(world: World, look: Look) -> Zones:
        states: dict[Place, ZoneState] = {}
        for place in places:
            spot = place.server, place.server_address, place.port
            states[place] = client.read(world, place, pinned.get(spot))
            pinned[spot] = states[place].address
        return Zones(states)

    return reader


class Publication(Resource):
    """One zone's wish.

    Args:
        wish: what is wished.
        gate: whether it may happen yet; pure.
        target: finds the host's name in what was seen, where the wish names none; pure; None: not known yet.
        after: the kinds of resources that must not have been ended by a pause or a failure.
        waits_for: what opens the gate, in words, for the warning that it stayed shut.
    """

    name = "publication"
    needs = (Zones,)

    def __init__(
        self,
        wish: PublishWish,
        *,
        gate: Gate = always,
        target: t.Callable[[Seen], str | None] | None = None,
        after: tuple[type[Resource], ...] = (),
        waits_for: str = "",
    ) -> None:
        self._wish = wish
        self._waits_for = waits_for
        self._place = wish.place
        self._gate = gate
        self._target = target
        self.after = after

    def next(self, seen: Seen) -> Item | None:
        """One step when a member is missing, wrong or too many; then the refresh; None while the gate is closed."""
        if not self._gate(seen):
            return None
        wish = self._wish.aimed_at(self._target(seen) if self._target and not self._wish.target else self._wish.target)
        place, state = self._place, seen[Zones][self._place]
        change = members.plan(state, wish)
        if change is None:
            due = self._wish.refresh and wish.state == "present" and (place, wish) not in seen[Zones].refreshed
            return self._refresh(wish, state) if due else None
        predicted = change.applied_to(state)
        return Step(
            id="srv_record.publish" if wish.state == "present" else "srv_record.withdraw",
            summary=summary_of(wish, place.zone, place.peer),
            predict=lambda later: later.having(later[Zones].having(place, predicted)),
            run=lambda world: client.apply(world, place, wish, state),
            touches=(Zones,),
            settle=SETTLE,
            subject=place.zone,
            before=state.lines(),
            after=predicted.lines(),
        )

    def _refresh(self, wish: Wish, state: ZoneState) -> Step:
        """Renew the time stamps of the members that are there. It does not show, so it is upkeep, once a run."""
        place = self._place
        summary = f"refresh {_hosts(wish)} in zone {place.zone} on {place.peer}"
        return Step(
            id="srv_record.refresh",
            summary=summary,
            predict=lambda later: later.having(later[Zones].having_refreshed(place, wish)),
            run=lambda world: client.refresh(world, place, members.there(state, wish), state),
            touches=(),  # there is nothing to look at: what is predicted only this run knows
            upkeep=True,
            subject=summary,
        )

    def warnings(self, seen: Seen) -> list[str]:
        """What stands out in the zone."""
        zones = seen.get(Zones)
        state = zones.states.get(self._place) if zones else None
        if state is None:
            return []
        waiting = f"nothing was published in zone {self._place.zone}: that waits for {self._waits_for}"
        return [*([] if self._gate(seen) else [waiting]), *striking(state)]


def striking(state: ZoneState) -> list[str]:
    """What a person should know about what was seen at one place."""
    found = []
    if any(one.target == "." for one in state.members):
        found.append(f"{state.owner} on {state.server} has the member '.', which means that there is no KMS host")
    if not state.verified:
        found.append(
            f"the answers of {state.server} about {state.owner} could not be verified and were believed as they "
            "are (verify_reply: readback)"
        )
    return found


def summary_of(wish: Wish, zone: str, peer: str) -> str:
    """What carrying out a wish does, for a person; `peer` is the server as messages name it."""
    hosts = _hosts(wish)
    if wish.state == "absent":
        return f"remove {hosts} from zone {zone} on {peer}"
    only = " and nobody else" if wish.exclusive else ""
    return f"publish {hosts}{only} in zone {zone} on {peer}"


def _hosts(wish: Wish) -> str:
    return ", ".join(one.identity for one in wish.members)


def _fades(zone: str) -> Refusal:
    advice = (
        "Publish with activation.kms.srv_record and provider: microsoft_wmi, delegated to the DNS server, which writes "
        "a record that stays; or set refresh: true, and run the play every day; or let the host publish "
        "itself, with self_publishing: true of activation.kms.host and without publish."
    )
    return Refusal(
        f"zone {zone} ages its records (aging: yes), so what a dynamic update publishes there disappears after the "
        f"no-refresh and the refresh interval, two weeks by default, unless somebody refreshes it. {advice}",
        name="zone_ages",
        advice=advice,
    )


def _bad(message: str) -> Refusal:
    return Refusal(message, name="bad_wish", advice="Nothing was sent. Correct the options and run the play again.")
