# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Did the host's own SRV record appear in DNS, where Windows publishes it?

Internal to the collection activation.kms; not a public interface.

DNS is asked as a client asks it, and the host itself only where its record is missing: its event log then knows why.
Nothing is changed, on the host or in DNS. What a person reads about it stands in `self_published`.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import typing as t

from .._errors import Problem, Refusal
from .._plan import Item, Look, Observe, Reader, Resource, Seen
from .._srv import names
from .._srv.discovery import Offer, discover
from .._windows.licensing import Licensing, generation
from .._windows.system import System
from .._world import Resolver, World
from .endpoint import POLICIES, Policy
from .publishing_events import publishing_events
from .self_published import Place, SelfPublication, State, Wanted, complaints

PATIENCE = 15.0  # seconds until a service that has just been started has published itself
_AGAIN = 3.0  # seconds between two looks
_ONE_ROUND = dt.timedelta(hours=25)  # Windows publishes every 24 hours, so that one attempt must lie in it

Ask = t.Callable[[World], Resolver]


def read_self_publication(resolver: Ask, patience: float = PATIENCE) -> Reader:
    """A reader of SelfPublication.

    Args:
        resolver: makes who is asked, anew for each look: one that was told "no such record" would remember it.
        patience: seconds to look again while a record is missing.
    """

    def reader(world: World, look: Look) -> SelfPublication:
        system, licensing = look[System], look[Licensing]
        enabled = bool(licensing.setting("self_publishing"))
        found = SelfPublication(
            host=system.fqdn,
            enabled=enabled,
            suffix=bool(system.dns_suffix),
            service=" or ".join(generation(system.version).services),
        )
        if not enabled or not system.dns_suffix:
            return found
        places = _wait_for(world, resolver, wanted_places(system, licensing), system.fqdn, patience)
        return dataclasses.replace(found, **_with_events(world, system, places))

    return reader


def wanted_places(system: System, licensing: Licensing) -> dict[str, Wanted]:
    """What Windows publishes by its settings, by domain; its own is one of them however the list was written."""
    weights = generation(system.version).domain_weights
    found = {system.dns_suffix.lower(): Wanted(licensing.port)}
    for entry in licensing.setting("self_publishing_domains"):
        domain, *numbers = [piece.strip() for piece in str(entry).split(",")]
        exact = weights and len(numbers) == 2 and all(number.isdecimal() for number in numbers)
        found[domain.lower()] = Wanted(licensing.port, *(map(int, numbers) if exact else ()))
    return found


class SelfPublicationCheck(Resource):
    """Looks once whether the host published itself, after what comes before it.

    Args:
        policy: fail ends the run; warn says so; skip does not look.
        gate: whether it is time to look.
        after: the kinds of resources that must not have been ended by a pause or a failure.
    """

    name = "self_publication"
    needs = ()  # it is looked at after the steps, never in the first look

    def __init__(
        self, policy: Policy, *, gate: t.Callable[[Seen], bool], after: tuple[type[Resource], ...] = ()
    ) -> None:
        if policy not in POLICIES:
            raise Refusal(f"verify_self_publishing must be one of {', '.join(POLICIES)}", name="bad_wish")
        self._policy = policy
        self._gate = gate
        self.after = after

    def next(self, seen: Seen) -> Item | None:
        """An Observe until somebody has looked."""
        if self._policy == "skip" or seen.get(SelfPublication) is not None or not self._gate(seen):
            return None
        return Observe(
            assume=SelfPublication(),
            judge=lambda later: next(iter(complaints(later[SelfPublication])), None),
            fails=self._policy == "fail",
            name="not_self_published",
        )

    def warnings(self, seen: Seen) -> list[str]:
        """What is wrong in further domains: the first complaint is the Observe's own."""
        found = seen.get(SelfPublication)
        return [] if found is None else complaints(found)[1:]


def _wait_for(
    world: World, resolver: Ask, wanted: t.Mapping[str, Wanted], host: str, patience: float
) -> dict[str, Place]:
    """What stands at each domain once every record is there, or patience is over."""
    until = world.now() + patience
    while True:
        places = _look(world, resolver, wanted, host)
        waiting = any(place.lacking for place in places.values())
        if not waiting or world.now() + _AGAIN > until:
            return places
        world.sleep(_AGAIN)


def _look(world: World, resolver: Ask, wanted: t.Mapping[str, Wanted], host: str) -> dict[str, Place]:
    try:
        asked = resolver(world)
    except Problem as problem:
        return {domain: Place(numbers, "unknown", trouble=problem.message) for domain, numbers in wanted.items()}
    return {domain: _place(asked, domain, numbers, host) for domain, numbers in wanted.items()}


def _place(asked: Resolver, domain: str, wanted: Wanted, host: str) -> Place:
    try:
        offers = discover(asked.ask, names.zone_name(domain, "domain"), resolve=False)
    except Problem as problem:
        return Place(wanted, "unknown", trouble=problem.message, peer=asked.peer)
    own = tuple(offer for offer in offers if offer.target == host)
    return Place(wanted, _state(own, wanted), own, len(offers) - len(own), asked.peer)


def _state(own: t.Sequence[Offer], wanted: Wanted) -> State:
    if not own:
        return "missing"
    right = [offer for offer in own if wanted.fits(offer)]
    if not right:
        return "differs"
    return "published" if len(own) == 1 else "stale"


def _with_events(world: World, system: System, places: t.Mapping[str, Place]) -> dict[str, t.Any]:
    """The places with what the host says of its attempts, where a record is missing: one query to the host."""
    if not any(place.lacking for place in places.values()):
        return {"places": places}
    since = max(system.boot_time, system.time(world) - _ONE_ROUND)
    try:
        events = publishing_events(world, since)
    except Problem as problem:
        return {"places": places, "unread": problem.message}
    explained = {
        domain: dataclasses.replace(place, event=events.get(domain)) if place.lacking else place
        for domain, place in places.items()
    }
    return {"places": explained, "since": since}
