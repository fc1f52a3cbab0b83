# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was seen of a host's own publishing, and what a person reads about it.

Internal to the collection activation.kms; not a public interface. Pure.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import typing as t

from .._srv.discovery import Offer
from .._srv.names import owner_name
from .._windows.system import moment_text
from .publishing_events import DONE, ERRORS, FAILED, PublishingEvent

State = t.Literal["published", "stale", "differs", "missing", "unknown"]


@dataclasses.dataclass(frozen=True)
class Wanted:
    """The record Windows publishes by its settings; a priority or weight of None is not judged."""

    port: int
    priority: int | None = None
    weight: int | None = None

    def fits(self, offer: Offer) -> bool:
        """Whether a record is this one."""
        told = ((self.port, offer.port), (self.priority, offer.priority), (self.weight, offer.weight))
        return all(wanted is None or wanted == found for wanted, found in told)

    def __str__(self) -> str:
        return _numbers(self.port, self.priority, self.weight)


@dataclasses.dataclass(frozen=True)
class Place:
    """What stands at one domain.

    Attributes:
        wanted: the record that should be there.
        state: published: it is. stale: it is, and an older one of the host beside it. differs: the host is published
            with other numbers. missing: it is not published. unknown: nobody could tell.
        own: the host's records.
        others: how many other hosts are published there.
        peer: whom DNS was asked of.
        trouble: why nobody could tell, a sentence.
        event: the newest attempt the host tells of; None where it tells of none, or was not asked.
    """

    wanted: Wanted
    state: State
    own: tuple[Offer, ...] = ()
    others: int = 0
    peer: str = ""
    trouble: str = ""
    event: PublishingEvent | None = None

    @property
    def lacking(self) -> bool:
        """Whether the right record is not there."""
        return self.state in ("missing", "differs")

    def as_data(self) -> dict[str, t.Any]:
        """{state, records, others, asked, event}."""
        return {
            "state": self.state,
            "records": [
                {"port": one.port, "priority": one.priority, "weight": one.weight, "ttl": one.ttl} for one in self.own
            ],
            "others": self.others,
            "asked": self.peer,
            "event": None if self.event is None else self.event.as_data(),
        }


@dataclasses.dataclass(frozen=True)
class SelfPublication:
    """What was seen. Without places nobody looked, or there was nothing to look for.

    Attributes:
        host: the full name.
        enabled: whether the host is set to publish itself.
        suffix: whether it has a primary DNS suffix.
        service: what the licensing service is called.
        places: by domain.
        since: from when on the host's events were read; None where they were not.
        unread: why they could not be read, a sentence.
    """

    key: t.ClassVar[str] = "self_publication"

    host: str = ""
    enabled: bool = True
    suffix: bool = True
    service: str = ""
    places: t.Mapping[str, Place] = dataclasses.field(default_factory=dict)
    since: dt.datetime | None = None
    unread: str = ""

    def as_data(self) -> dict[str, t.Any]:
        """{target, enabled, domains}."""
        domains = [{"domain": domain, **place.as_data()} for domain, place in self.places.items()]
        return {"target": self.host, "enabled": self.enabled, "domains": domains}


def complaints(found: SelfPublication) -> list[str]:
    """What is wrong, one text a domain: what is so, and what to do."""
    if not found.enabled:
        return [
            f"{found.host} is told where to publish itself (self_publishing_domains), but its publishing is off. Set "
            "self_publishing: true."
        ]
    if not found.suffix:
        return [
            f"{found.host} has no primary DNS suffix, so Windows has neither a domain of its own to publish it in nor "
            "a full name for its record. Join it to a domain, or set its primary DNS suffix and restart it."
        ]
    told = [_complaint(found, domain, place) for domain, place in found.places.items()]
    return [text for text in told if text]


def _complaint(found: SelfPublication, domain: str, place: Place) -> str:
    if place.state == "published":
        return ""
    if place.state == "unknown":
        return f"whether {found.host} has published itself in {domain} could not be told: {place.trouble}"
    if place.state == "stale":
        old = ", ".join(_of(offer) for offer in place.own if not place.wanted.fits(offer))
        return (
            f"{found.host} is published in {domain} a second time, with {old}, which its settings no longer say, and "
            f"clients may be sent there. {_REMOVE.format(domain=domain, service=found.service)}"
        )
    if place.state == "differs":
        has = ", ".join(map(_of, place.own))
        what = f"{found.host} is published in {domain} with {has}, and its settings say {place.wanted}"
    else:
        what = f"{found.host} has not published itself in {domain}"
    return f"{what}: {_reason(found, domain, place)}"


def _reason(found: SelfPublication, domain: str, place: Place) -> str:
    """Why, by the host's own events, and what to do: the rest of a sentence, and another one."""
    event = place.event
    if found.unread:
        return f"its event log, which would tell why, could not be read ({found.unread.rstrip('.')})."
    if event is None:
        return _SILENT.format(service=found.service, since=moment_text(found.since) if found.since else "")
    when = f"event {event.code} of {moment_text(event.time)}"
    if event.code == DONE:
        again = _REMOVE.format(domain=domain, service=found.service) if place.own else _ELSEWHERE.format(domain=domain)
        return f"it says that it did ({when}), but {place.peer} does not show it. {again}"
    row = ERRORS.get(event.hresult or "")
    if row is None:
        return f"Windows could not ({when}{f', {event.hresult}' if event.hresult else ''}). {_LOOK_UP}"
    known = {"owner": owner_name(domain), "domain": domain, "service": found.service}
    meaning, advice = (row[name].format(**known) for name in ("meaning", "advice"))
    return f"{meaning} ({when}, {event.hresult}, {row['name']}). {advice}"


def _of(offer: Offer) -> str:
    return _numbers(offer.port, offer.priority, offer.weight)


def _numbers(port: int, priority: int | None, weight: int | None) -> str:
    told = [f"port {port}"]
    told += [f"{name} {value}" for name, value in (("priority", priority), ("weight", weight)) if value is not None]
    return ", ".join(told)


_SILENT = (
    f"its Application log has no event {FAILED} or {DONE} about it since {{since}}. Windows publishes when the "
    "licensing service ({service}) starts, and every 24 hours thereafter, so restart that service, or wait a day and "
    "look again."
)
_ELSEWHERE = (
    "The host may have told another DNS server, which takes a while to reach this one, or a resolver may remember its "
    "earlier answer: name a DNS server of {domain} in resolver, and run the play again."
)
_REMOVE = (
    "Windows leaves old records behind: remove them by activation.kms.srv_record with zone: {domain} and state: "
    "absent, and restart the licensing service ({service}), which publishes the right one again."
)
_LOOK_UP = "Look the number up among Microsoft's DNS error codes, and at the log of the domain's DNS server."
