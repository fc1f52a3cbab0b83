# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several hosts published together: one wish a zone and server out of what is wished of each of them. Pure.

Internal to the collection activation.kms; not a public interface.

One update message has one signature, one TTL and one server, so the hosts of a zone must agree on those.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._errors import Refusal
from .._srv.members import Member
from .publication import PublishWish


@dataclasses.dataclass(frozen=True)
class Offer:
    """One host that is to be published in one zone; the wish names it as its target."""

    host: str
    wish: PublishWish


_FIELDS: t.Mapping[str, str] = {
    "key": "auth and the key or principal",
    "ttl": "ttl",
    "verify_reply": "verify_reply",
    "server_address": "server_address",
    "aging": "aging",
    "refresh": "refresh",
}
"""What the hosts of a zone must have in common, in the words of the options."""


def together(offers: t.Iterable[Offer]) -> list[PublishWish]:
    """One wish a zone and server, with all its hosts. Raises Refusal where they do not agree; repeats no secret."""
    groups: dict[tuple[str, str, int], list[Offer]] = {}
    for offer in offers:
        place = offer.wish.place
        groups.setdefault((place.zone, place.server, place.port), []).append(offer)
    _judge_servers(groups)
    return [_joined(group) for group in groups.values()]


def _judge_servers(groups: t.Mapping[tuple[str, str, int], t.Sequence[Offer]]) -> None:
    """All hosts of a zone name the same servers, several where the zone is served in several places."""
    named: dict[str, dict[str, set[str]]] = {}
    for (zone, server, port), group in groups.items():
        for offer in group:
            named.setdefault(zone, {}).setdefault(offer.host, set()).add(f"{server}:{port}")
    for zone, hosts in named.items():
        first, *others = hosts
        for other in others:
            if hosts[other] != hosts[first]:
                here, there = (", ".join(sorted(hosts[one])) for one in (first, other))
                raise _differ(zone, first, other, f"server ({here} and {there})")


def _joined(group: t.Sequence[Offer]) -> PublishWish:
    first = group[0]
    for other in group[1:]:
        differing = [words for name, words in _FIELDS.items() if _of(first, name) != _of(other, name)]
        if differing:
            raise _differ(first.wish.zone, first.host, other.host, ", ".join(differing))
    members: dict[str, tuple[Member, str]] = {}
    for offer in group:
        (one,) = offer.wish.aimed_at(offer.wish.target).members
        if members.setdefault(one.identity, (one, offer.host))[0] != one:
            raise _differ(first.wish.zone, members[one.identity][1], offer.host, f"how to publish {one.identity}")
    return dataclasses.replace(first.wish, target=None, members=tuple(one for one, host in members.values()))


def _of(offer: Offer, name: str) -> t.Any:
    return getattr(offer.wish, name)


def _differ(zone: str, one: str, other: str, what: str) -> Refusal:
    return Refusal(
        f"{one} and {other} are to be published together in zone {zone}, but do not agree on {what}; give all hosts "
        "of a zone the same, or publish them one by one (kms_host_publish_together: false)",
        name="publish_differs",
        advice="Nothing was sent. Give all hosts of a zone the same server and key.",
    )
