# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast members are published on one server: all by one message, one by one, and over many names.

Knows wishes as srv_record makes them, carried out by the collection's own code in this process: look, update, look
again. dig is the witness that they are there. Refuses to know what is good enough (see publishing_report.py).
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import publishing
from dns_server import DnsServer
from processes import say
from publishing_world import CountingWorld, Sent

from ansible_collections.activation.kms.plugins.plugin_utils._kms.publication import PublishWish
from ansible_collections.activation.kms.plugins.plugin_utils._srv.members import member

MEMBERS = 100  # at one name; BIND keeps no more by default (max-records-per-type)
DOMAINS = tuple(f"z{number}" for number in range(10))  # below the zone


class NotPublished(Exception):
    """The server does not hold what was published; the message says which and how many."""


@dataclass(frozen=True)
class Way:
    """One way to publish some members.

    Attributes:
        records: how many members.
        seconds: for all of them, one figure a round.
        sent: DNS messages and connections for all of them, in the last round.
    """

    records: int
    seconds: Sequence[float]
    sent: Sent

    @property
    def rate(self) -> float:
        """Records a second, in the middle round."""
        return self.records / statistics.median(self.seconds)


@dataclass(frozen=True)
class Speed:
    """The ways that are compared: MEMBERS by one message, the same one by one, MEMBERS at each of DOMAINS."""

    batched: Way
    singly: Way
    over_names: Way

    @property
    def ratios(self) -> list[float]:
        """How many times the rate of one by one a single message reaches, round by round."""
        return [slow / fast for slow, fast in zip(self.singly.seconds, self.batched.seconds, strict=True)]


def measure(server: DnsServer, rounds: int) -> Speed:
    """All ways, in turn within each round, so that a busy moment of the machine meets all of them."""
    names = [f"kms{number}.{server.zone}" for number in range(MEMBERS)]
    crowd = tuple(member(name) for name in names)
    ways = {
        "batched": [publishing.wish(server, None, members=crowd)],
        "singly": [publishing.wish(server, name) for name in names],
        "over_names": [publishing.wish(server, None, members=crowd, zone=zone) for zone in _domains(server)],
    }
    found: dict[str, list[tuple[float, Sent]]] = {name: [] for name in ways}
    for number in range(rounds):
        say(f"publishing on BIND, round {number + 1} of {rounds}")
        for name, wishes in ways.items():
            found[name].append(_publish(server, wishes))
    return Speed(**{name: _way(len(ways[name]), ways[name][0], found[name]) for name in ways})


def _way(wishes: int, wish: PublishWish, found: Sequence[tuple[float, Sent]]) -> Way:
    return Way(wishes * max(len(wish.members), 1), [seconds for seconds, _sent in found], found[-1][1])


def _publish(server: DnsServer, wishes: Sequence[PublishWish]) -> tuple[float, Sent]:
    """Seconds for these wishes, one after the other, on a server where nobody is published."""
    _clear(server)
    world = CountingWorld()
    began = time.monotonic()
    outcomes = [publishing.run(wish, world=world) for wish in wishes]
    seconds = time.monotonic() - began
    for outcome in outcomes:
        if outcome.problem is not None:
            raise NotPublished(outcome.problem.message)
    for zone in {wish.zone for wish in wishes}:
        _expect_all(server, zone)
    return seconds, world.sent


def _expect_all(server: DnsServer, zone: str) -> None:
    found = len(publishing.records(dataclasses.replace(server, zone=zone)))
    if found != MEMBERS:
        raise NotPublished(f"{found} instead of {MEMBERS} members in {zone}, after a publication without a problem")


def _clear(server: DnsServer) -> None:
    owners = [f"_vlmcs._tcp.{zone}." for zone in (server.zone, *_domains(server))]
    publishing.nsupdate(server, *(f"update delete {owner} SRV" for owner in owners))


def _domains(server: DnsServer) -> list[str]:
    return [f"{domain}.{server.zone}" for domain in DOMAINS]
