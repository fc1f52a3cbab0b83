# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A zone of Microsoft's: time stamps, aging, scavenging, who owns a name. And that a zone of BIND's has none of it."""

from __future__ import annotations

import dns.name
import dns.rdatatype
import pytest
from dnswire import DAY, HOUR, OWNER, ZONE, make_zone, records, send, stamps, update

from emulated_windows.core import Aging, PublishingError, VirtualClock, Zone, Zones
from emulated_windows.dns_records import Held, hour_of, time_of
from emulated_windows.report import iso

START = 1_795_000_000.0
ONE, TWO = "0 0 1688 kms1.corp.example.", "0 0 1688 kms2.corp.example."
KMS1, KMS2 = "kms1.corp.example.", "kms2.corp.example."


def stamp(clock: VirtualClock) -> str:
    """The hour it is, as reports show it."""
    return iso(time_of(hour_of(clock.now())))


def test_hours_since_1601() -> None:
    """A published example: 3606130 is 2012-05-21, 10:00."""
    assert time_of(3606130) == 1_337_594_400
    assert hour_of(1_337_594_400 + 3599) == 3606130


# -- time stamps -----------------------------------------------------------------------------------------------------


def test_a_dynamic_record_is_stamped_with_its_hour() -> None:
    clock = VirtualClock(START)
    zone = make_zone(clock)
    assert send(zone, update(add=ONE)) == "NOERROR"
    assert stamps(zone) == {KMS1: stamp(clock)}


def test_an_identical_update_renews_it_only_after_the_no_refresh_interval() -> None:
    clock = VirtualClock(START)
    zone = make_zone(clock, aging=Aging(enabled=True, no_refresh_hours=48))
    send(zone, update(add=ONE))
    first, serial = stamp(clock), zone.serial
    clock.advance(47 * HOUR)
    assert send(zone, update(add=ONE)) == "NOERROR"
    assert stamps(zone) == {KMS1: first}
    clock.advance(HOUR)
    assert send(zone, update(add=ONE)) == "NOERROR"
    assert stamps(zone) == {KMS1: stamp(clock)}
    assert zone.serial == serial  # time stamps are nobody's business


def test_where_a_zone_does_not_age_no_stamp_is_renewed() -> None:
    clock = VirtualClock(START)
    zone = make_zone(clock, aging=Aging(enabled=False))
    send(zone, update(add=ONE))
    first = stamp(clock)
    clock.advance(90 * DAY)
    send(zone, update(add=ONE))
    assert stamps(zone) == {KMS1: first}


def test_a_prerequisite_renews_as_an_identical_record_does() -> None:
    clock = VirtualClock(START)
    zone = make_zone(clock)
    send(zone, update(add=ONE))
    clock.advance(8 * DAY)
    assert send(zone, update(need=ONE)) == "NOERROR"
    assert stamps(zone) == {KMS1: stamp(clock)}


def test_what_changes_is_stamped_at_once_and_alone() -> None:
    clock = VirtualClock(START)
    zone = make_zone(clock)
    send(zone, update(add=ONE))
    send(zone, update(add=TWO))
    first = stamp(clock)
    clock.advance(DAY)
    send(zone, update(add=ONE, ttl=60))
    assert stamps(zone) == {KMS1: stamp(clock), KMS2: first}
    assert {data: one["ttl"] for data, one in records(zone).items()} == {ONE: 60, TWO: 3600}


def test_each_record_keeps_its_ttl_in_answers() -> None:
    zone = make_zone(VirtualClock(START))
    send(zone, update(add=ONE, ttl=60))
    send(zone, update(add=TWO, ttl=120))
    answer = zone.lookup(dns.name.from_text(OWNER), dns.rdatatype.SRV)
    assert sorted((rrset.ttl, len(rrset)) for rrset in answer.answer) == [(60, 1), (120, 1)]


@pytest.mark.parametrize(("setting", "ages"), [("stays_static", False), ("ages", True)])
def test_a_static_record_that_is_added_dynamically(setting: str, ages: bool) -> None:
    clock = VirtualClock(START)
    zone = make_zone(clock, dials={"static_readded": setting})
    send(zone, update(add=ONE))
    name, kind = dns.name.from_text(OWNER), dns.rdatatype.SRV
    still = {rdata: Held(held.ttl) for rdata, held in zone.at(name, kind).items()}
    zone.write(name, still, kind, "Administrator")
    assert stamps(zone) == {KMS1: None}
    send(zone, update(add=ONE))
    assert stamps(zone) == {KMS1: stamp(clock) if ages else None}


@pytest.mark.parametrize(
    ("setting", "within", "after"), [("refresh", False, True), ("nothing", False, False), ("update", True, True)]
)
def test_delete_and_add_of_the_same_in_one_message(setting: str, within: bool, after: bool) -> None:
    clock = VirtualClock(START)
    zone = make_zone(clock, dials={"delete_and_add": setting})
    for days, renewed in ((1, within), (8, after)):
        before = stamps(zone).get(KMS1) or ""
        if not before:
            send(zone, update(add=ONE))
            before = stamp(clock)
        clock.advance(days * DAY)
        send(zone, update(delete=ONE, add=ONE))
        assert stamps(zone) == {KMS1: stamp(clock) if renewed else before}


@pytest.mark.parametrize(("setting", "stamped"), [("written", True), ("none", False)])
def test_whether_a_zone_that_does_not_age_stamps(setting: str, stamped: bool) -> None:
    clock = VirtualClock(START)
    zone = make_zone(clock, aging=Aging(enabled=False), dials={"stamp_without_aging": setting})
    send(zone, update(add=ONE))
    assert stamps(zone) == {KMS1: stamp(clock) if stamped else None}
    send(zone, update(add=ONE, ttl=60))
    assert stamps(zone) == {KMS1: stamp(clock) if stamped else None}


@pytest.mark.parametrize("setting", ["refresh", "nothing", "update"])
def test_delete_and_add_with_another_ttl_is_a_change(setting: str) -> None:
    """Only deleting and adding the same comes to nothing."""
    clock = VirtualClock(START)
    zone = make_zone(clock, dials={"delete_and_add": setting})
    send(zone, update(add=ONE))
    clock.advance(DAY)
    send(zone, update(delete=ONE, add=ONE, ttl=60))
    assert stamps(zone) == {KMS1: stamp(clock)}


# -- scavenging ------------------------------------------------------------------------------------------------------


def test_thirty_days_of_scavenging() -> None:
    """What nobody renews goes at the first run after 14 days; what is renewed stays, and so does a static record."""
    clock = VirtualClock(START)
    zone = make_zone(clock, aging=Aging(enabled=True, scavenging_hours=24))
    name, kind = dns.name.from_text(OWNER), dns.rdatatype.SRV
    static = "0 0 1688 static.corp.example."
    for data in (ONE, TWO, static):
        send(zone, update(add=data))
    held = zone.at(name, kind)
    zone.write(name, {r: Held(h.ttl) if "static" in str(r) else h for r, h in held.items()}, kind, "Administrator")
    gone = None
    for day in range(1, 31):
        clock.advance(DAY)
        if day % 5 == 0:
            send(zone, update(add=TWO))
        if gone is None and ONE not in records(zone):
            gone = day
    assert gone == 15
    assert set(records(zone)) == {TWO, static}


@pytest.mark.parametrize(
    ("aging", "days", "there"),
    [
        (Aging(enabled=True), 20, True),
        (Aging(enabled=True), 21.5, False),
        (Aging(enabled=True, scavenging_hours=0), 90, True),
        (Aging(enabled=False), 90, True),
        (Aging(enabled=True, no_refresh_hours=1, refresh_hours=72, scavenging_hours=24), 2.5, True),
        (Aging(enabled=True, no_refresh_hours=1, refresh_hours=72, scavenging_hours=24), 4.5, False),
    ],
)
def test_when_a_record_really_goes(aging: Aging, days: float, there: bool) -> None:
    """At a run of the server only (every week by default), and in the zone only after a refresh interval."""
    clock = VirtualClock(START)
    zone = make_zone(clock, aging=aging)
    send(zone, update(add=ONE))
    clock.advance(days * DAY)
    assert (ONE in records(zone)) is there
    assert ("SRV" in zone.to_text()) is there


def test_a_paused_zone_is_not_scavenged_and_answers_nothing() -> None:
    clock = VirtualClock(START)
    zone = make_zone(clock)
    send(zone, update(add=ONE))
    zone.paused = True
    clock.advance(90 * DAY)
    assert ONE in records(zone)
    assert zone.lookup(zone.kms_owner, dns.rdatatype.SRV).rcode == 2
    assert send(zone, update(add=TWO)) == "SERVFAIL"


def test_a_zone_of_bind_does_not_age() -> None:
    clock = VirtualClock(START)
    zone = Zone(ZONE, "127.0.0.1", clock=clock)
    send(zone, update(add=ONE, ttl=60))
    send(zone, update(add=TWO, ttl=120))
    clock.advance(365 * DAY)
    assert stamps(zone) == {KMS1: None, KMS2: None}
    assert {one["ttl"] for one in records(zone).values()} == {120}


# -- who may change a name -------------------------------------------------------------------------------------------


def test_none_takes_no_update_from_anybody() -> None:
    zone = make_zone(VirtualClock(START), updates="none")
    assert send(zone, update(add=ONE), "Administrator") == "REFUSED"
    assert send(zone, update(delete=ONE), "Administrator") == "REFUSED"
    assert records(zone) == {}


def test_in_a_secure_zone_whoever_makes_a_name_owns_it() -> None:
    zone = make_zone(VirtualClock(START), updates="secure", update_group=["KMS09$"])
    assert send(zone, update(add=ONE)) == "REFUSED"
    assert send(zone, update(add=ONE), "kms-rollout") == "NOERROR"
    for account, answer in (("KMS02$", "REFUSED"), ("KMS-Rollout", "NOERROR"), ("kms09$", "NOERROR")):
        assert send(zone, update(add=TWO), account) == answer
    assert {one["owner"] for one in records(zone).values()} == {"kms-rollout"}


@pytest.mark.parametrize(("setting", "answer"), [("keeps_owner", "REFUSED"), ("free", "NOERROR")])
def test_a_name_without_records_may_still_be_somebodys(setting: str, answer: str) -> None:
    clock = VirtualClock(START)
    zone = make_zone(clock, updates="secure", dials={"deleted_node": setting})
    send(zone, update(add=ONE), "kms-rollout")
    send(zone, update(delete=ONE), "kms-rollout")
    assert send(zone, update(add=TWO), "KMS02$") == answer
    send(zone, update(delete=TWO), "KMS02$")
    clock.advance(14 * DAY)
    assert send(zone, update(add=TWO), "KMS02$") == "NOERROR"


def test_a_secure_zone_takes_nothing_unsigned_be_there_nothing_to_do() -> None:
    zone = make_zone(VirtualClock(START), updates="secure")
    assert send(zone, update(delete=ONE)) == "REFUSED"
    assert send(zone, update(delete=ONE), "kms-rollout") == "NOERROR"
    assert send(zone, update(need=ONE)) == "NXRRSET"  # prerequisites come first (RFC 2136, 3.2 and 3.3)
    send(zone, update(add=ONE), "kms-rollout")
    assert send(zone, update(need=ONE)) == "REFUSED"


def test_the_tombstone_of_a_scavenged_name_begins_with_its_scavenging() -> None:
    clock = VirtualClock(START)
    zone = make_zone(clock, updates="secure", aging=Aging(enabled=True, scavenging_hours=21 * 24))
    send(zone, update(add=ONE), "kms-rollout")
    clock.advance(36 * DAY)  # 15 after the run, and nobody has looked since
    assert send(zone, update(add=TWO), "KMS02$") == "NOERROR"


@pytest.mark.parametrize("kind", ["secondary", "stub", "forwarder"])
def test_only_a_primary_zone_is_changed(kind: str) -> None:
    zone = make_zone(VirtualClock(START), kind=kind)
    assert send(zone, update(add=ONE)) == "NOTAUTH"
    with pytest.raises(PublishingError) as caught:
        zone.publish(ZONE, "kms1.corp.example", 1688, account="KMS01$")
    assert caught.value.number == 9003


@pytest.mark.parametrize(
    ("settings", "zone", "account", "number"),
    [
        ({"updates": "secure"}, ZONE, "", 9005),
        ({"updates": "secure"}, ZONE, "KMS02$", 9005),
        ({"updates": "none"}, ZONE, "KMS01$", 9005),
        ({"paused": True}, ZONE, "KMS01$", 9002),
        ({}, "other.example", "KMS01$", 9003),
        ({}, "a..b", "KMS01$", 9560),
    ],
)
def test_why_a_machine_does_not_get_in(settings: dict[str, object], zone: str, account: str, number: int) -> None:
    found = make_zone(VirtualClock(START), **settings)  # type: ignore[arg-type]  # settings of a zone
    if settings.get("updates") == "secure":
        found.publish(ZONE, "kms01.corp.example", 1688, account="KMS01$")
    with pytest.raises(PublishingError) as caught:
        found.publish(zone, "kms02.corp.example", 1688, account=account)
    assert caught.value.number == number


def test_a_machine_takes_its_former_record_back() -> None:
    zone = make_zone(VirtualClock(START))
    zone.publish(ZONE, "kms1.corp.example", 1688, account="KMS1$")
    zone.publish(ZONE, "kms1.corp.example", 1700, account="KMS1$", priority=1, weight=2, before=(0, 0, 1688))
    assert set(records(zone)) == {"1 2 1700 kms1.corp.example."}
    zone.publish(ZONE, "kms1.corp.example", 1700, account="KMS1$", priority=1, weight=2, withdrawn=True)
    assert records(zone) == {}


# -- several zones ---------------------------------------------------------------------------------------------------


def test_the_zone_nearest_to_a_name_and_a_bad_day() -> None:
    clock = VirtualClock(START)
    outer, inner = Zone("example", "127.0.0.1"), Zone(ZONE, "127.0.0.1", clock=clock)
    zones = Zones([outer, inner])
    assert zones.of(dns.name.from_text(OWNER)) is inner
    assert zones.of(dns.name.from_text("a.example")) is outer
    assert zones.of(dns.name.from_text("a.test")) is None
    zones.publish(ZONE, "kms1.corp.example", 1688)
    for fault, number in (("refuse", 9005), ("servfail", 9002), ("silent", 1460)):
        zones.inject(fault, [])
        with pytest.raises(PublishingError) as caught:
            zones.publish(ZONE, "kms2.corp.example", 1688)
        assert caught.value.number == number
    zones.inject("clear", [])
    zones.publish(ZONE, "kms2.corp.example", 1688)
    assert len(records(inner)) == 2
    with pytest.raises(ValueError, match="knows the faults refuse, servfail, silent and clear"):
        zones.inject("explode", [])


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"flavour": "dnsmasq"}, "flavour can be bind, microsoft"),
        ({"updates": "sometimes"}, "updates can be none, nonsecure, secure"),
    ],
)
def test_zones_that_make_no_sense(options: dict[str, str], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        Zone(ZONE, "127.0.0.1", **options)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(ValueError, match="no dial deleted_node that can be x"):
        make_zone(VirtualClock(START), dials={"deleted_node": "x"})
