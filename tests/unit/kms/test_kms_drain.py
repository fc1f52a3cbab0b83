# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Out of DNS and remembered for a while: which members are the host's, what is noted, how long is waited."""

from __future__ import annotations

import dataclasses
import datetime as dt
import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._kms.drain import (
    LONGEST_DRAIN,
    Drain,
    DrainWish,
    Withdrawal,
    drain_seconds,
)
from ansible_collections.activation.kms.plugins.plugin_utils._kms.publication import PublishWish, Zones
from ansible_collections.activation.kms.plugins.plugin_utils._kms.record import Record
from ansible_collections.activation.kms.plugins.plugin_utils._kms.removal import RemovalWish
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Pause, Seen, Step
from ansible_collections.activation.kms.plugins.plugin_utils._srv.members import Member, ZoneState
from ansible_collections.activation.kms.tests.unit.kms.hosts import (
    NOW,
    NOW_TEXT,
    licensing,
    predicts_only_what_it_touches,
    product,
    seen,
    system,
    trace,
)

WISH = PublishWish("corp.example", "dns1.corp.example", state="absent")
OWN = Member("KMS01.corp.example", 1688, ttl=600)
STALE = Member("kms01.corp.example", 1700, ttl=7200)
OTHER = Member("kms02.corp.example", ttl=9000)
ALIAS = Member("kms.corp.example", ttl=300)
SERVING = licensing(product(1))


def zone(*members: Member, wish: PublishWish = WISH) -> Zones:
    return Zones({wish.place: ZoneState("corp.example", wish.place.owner, "dns1", "192.0.2.1", 7, members)})


def withdrawn(ago: float = 0.0, ttl: int = 3600) -> Record:
    """The records went so many seconds ago."""
    at = NOW - dt.timedelta(seconds=ago)
    return Record(draining={"at": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "ttl": ttl})


@pytest.mark.parametrize(
    ("target", "members", "left"),
    [
        (None, (), ()),
        (None, (OTHER, ALIAS), (OTHER, ALIAS)),
        (None, (OWN, OTHER), (OTHER,)),
        (None, (OWN, STALE, ALIAS), (ALIAS,)),
        ("KMS.corp.example.", (OWN, ALIAS, OTHER), (OTHER,)),
    ],
)
def test_the_members_that_are_the_host(
    target: str | None, members: tuple[Member, ...], left: tuple[Member, ...]
) -> None:
    """By its own name and the one that is given, in any letter case, on any port; nobody else's."""
    resource = Withdrawal(dataclasses.replace(WISH, target=target), noted=True)
    now = seen(zone(*members))
    step = resource.next(now)
    if left == members:
        assert step is None
        return
    assert isinstance(step, Step) and step.id == "srv_record.withdraw"
    predicts_only_what_it_touches(step, now)
    after = step.predict(now)
    assert set(after[Zones][WISH.place].members) == set(left)
    assert after[Record].draining == {"at": NOW_TEXT, "ttl": max(one.ttl or 0 for one in members if one not in left)}
    assert trace(resource, now) == ["srv_record.withdraw"]


def test_what_is_noted_of_several_zones_is_the_latest_moment_and_the_longest_memory() -> None:
    step = Withdrawal(WISH, noted=True).next(seen(zone(OWN), withdrawn(600, ttl=7200)))
    assert isinstance(step, Step)
    assert step.predict(seen(zone(OWN), withdrawn(600, ttl=7200)))[Record].draining == {"at": NOW_TEXT, "ttl": 7200}


def test_nothing_is_noted_where_nobody_will_wait() -> None:
    now = seen(zone(OWN))
    step = Withdrawal(WISH, noted=False).next(now)
    assert isinstance(step, Step) and step.predict(now)[Record] == Record()


def test_a_host_without_a_full_name_is_refused_unless_one_is_given() -> None:
    bare = system(dns_suffix="")
    with pytest.raises(Refusal, match="single label"):
        Withdrawal(WISH, noted=True).next(seen(zone(OWN), bare))
    named = Withdrawal(dataclasses.replace(WISH, target="kms.corp.example"), noted=True)
    assert trace(named, seen(zone(OWN, ALIAS), bare)) == ["srv_record.withdraw"]


@pytest.mark.parametrize(
    ("members", "told"), [((OWN, STALE), True), ((OWN, OTHER), False), ((OTHER,), False), ((), False)]
)
def test_the_last_host_of_a_zone_is_told(members: tuple[Member, ...], told: bool) -> None:
    notices = Withdrawal(WISH, noted=True).notices(seen(zone(*members)))
    assert bool(notices) == told
    assert all("no member is left in zone corp.example" in one for one in notices)


@pytest.mark.parametrize(
    ("wish", "parts", "wanted"),
    [
        (DrainWish(), (withdrawn(), SERVING), ["host.drain"]),
        (DrainWish(), (withdrawn(3599), SERVING), ["host.drain"]),
        (DrainWish(), (withdrawn(3600), SERVING), []),
        (DrainWish(), (withdrawn(),), []),
        (DrainWish(0), (withdrawn(), SERVING), []),
        (DrainWish(60), (withdrawn(59), SERVING), ["host.drain"]),
        (DrainWish(60), (withdrawn(60), SERVING), []),
        (DrainWish(7200), (withdrawn(3600), SERVING), ["host.drain"]),
        (DrainWish(), (SERVING,), []),
        (DrainWish(60), (SERVING,), ["host.drain_begin", "host.drain"]),
        (DrainWish(60, wait=False), (SERVING,), ["host.drain_begin", "pause"]),
        (DrainWish(60), (), []),
        (DrainWish(wait=False), (withdrawn(), SERVING), ["pause"]),
        (DrainWish(wait=False), (withdrawn(3600), SERVING), []),
        (DrainWish(wait=False), (withdrawn(-30), SERVING), ["pause"]),
        (DrainWish(wait=False), (withdrawn(-86400), SERVING), ["host.drain_begin", "pause"]),
        (DrainWish(), (withdrawn(-86400), SERVING), ["host.drain_begin", "host.drain"]),
    ],
)
def test_next(wish: DrainWish, parts: tuple[t.Any, ...], wanted: list[str]) -> None:
    assert trace(Drain(wish, RemovalWish()), seen(*parts)) == wanted


def test_nobody_waits_for_a_key_that_stays() -> None:
    """Otherwise every run would begin to wait anew, since what was noted is forgotten at the end."""
    assert trace(Drain(DrainWish(60), RemovalWish("OTHER")), seen(SERVING)) == []


def test_the_pause_says_until_when() -> None:
    pause = Drain(DrainWish(wait=False), RemovalWish()).next(seen(withdrawn(600), SERVING))
    assert isinstance(pause, Pause)
    until = (NOW + dt.timedelta(seconds=3000)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert pause.result == {"draining_until": until} and until in pause.reason


class Waiting:
    """A world in which only time passes."""

    def __init__(self) -> None:
        self.waited = 0.0
        self.connected = True

    def now(self) -> float:
        return NOW.timestamp() + 1000.0 + self.waited

    def sleep(self, seconds: float) -> None:
        self.waited += seconds

    def disconnect(self) -> None:
        self.connected = False


def test_the_wait_is_by_the_hosts_clock() -> None:
    """The controller's is 1000 seconds ahead, and some of the time has passed since the look."""
    world = Waiting()
    world.waited = 500.0
    now: Seen = seen(withdrawn(600), SERVING, system(clock_ahead=-1000.0))
    step = Drain(DrainWish(), RemovalWish()).next(now)
    assert isinstance(step, Step)
    step.run(t.cast(t.Any, world))
    assert 3000.0 <= world.waited <= 3002.0 and not world.connected


@pytest.mark.parametrize(("text", "seconds"), [("ttl", None), (" TTL ", None), ("0", 0), ("600", 600)])
def test_the_option(text: str, seconds: int | None) -> None:
    assert drain_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "-1", "1.5", "an hour", str(LONGEST_DRAIN + 1), "٣"])
def test_an_option_that_is_none(text: str) -> None:
    with pytest.raises(Refusal, match="drain must be the word ttl or a number"):
        drain_seconds(text)
