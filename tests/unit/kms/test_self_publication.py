# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's own publishing: what is looked for in DNS, what its events say, and what a person reads about it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import typing as t

import dns.rrset
import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Failure, Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._kms import self_publication
from ansible_collections.activation.kms.plugins.plugin_utils._kms.publishing_events import (
    ERRORS,
    PublishingEvent,
    publishing_events,
)
from ansible_collections.activation.kms.plugins.plugin_utils._kms.self_publication import (
    SelfPublicationCheck,
    read_self_publication,
    wanted_places,
)
from ansible_collections.activation.kms.plugins.plugin_utils._kms.self_published import (
    Place,
    SelfPublication,
    Wanted,
    complaints,
)
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Look, Observe, Seen
from ansible_collections.activation.kms.plugins.plugin_utils._srv.discovery import Offer
from ansible_collections.activation.kms.plugins.plugin_utils._windows.licensing import Licensing, Root, Values
from ansible_collections.activation.kms.tests.unit.kms.hosts import NOW, licensing, product, seen, system
from ansible_collections.activation.kms.tests.unit.windows.small_windows import Refused, SmallWindows

HOST, DOMAIN = "kms01.corp.example", "corp.example"
SLC, SPP = "Software Licensing Service", "Software Protection Platform Service"
SINCE = NOW - dt.timedelta(hours=1)
REFUSED = "0x8007232D"


def logged(code: int, *strings: str, minutes: int = 30, source: str = SPP, number: int = 1) -> dict[str, t.Any]:
    """An event `minutes` ago."""
    time = (NOW - dt.timedelta(minutes=minutes)).isoformat()
    return {
        "EventCode": code,
        "InsertionStrings": strings,
        "RecordNumber": number,
        "SourceName": source,
        "TimeGenerated": time,
    }


def host(*events: dict[str, t.Any]) -> SmallWindows:
    found = SmallWindows()
    found.clock = NOW.timestamp()
    found.classes["Win32_NTLogEvent"] = list(events)
    return found


# --- events


@pytest.mark.parametrize(
    "strings", [(REFUSED, DOMAIN), (DOMAIN, REFUSED.lower()), ("Info: " + REFUSED, "Corp.Example.")]
)
@pytest.mark.parametrize("source", [SLC, SPP, "Microsoft-Windows-Security-SPP"])
def test_a_failure_is_read_whatever_the_order_of_its_strings(strings: tuple[str, ...], source: str) -> None:
    found = publishing_events(host(logged(12293, *strings, source=source)), SINCE)
    assert found == {DOMAIN: PublishingEvent(12293, NOW - dt.timedelta(minutes=30), REFUSED)}
    assert found[DOMAIN].as_data() == {"code": 12293, "time": "2026-03-01T07:30:00Z", "hresult": REFUSED}


def test_the_newest_attempt_in_each_domain_counts() -> None:
    found = publishing_events(
        host(
            logged(12294, DOMAIN, minutes=50),
            logged(12293, REFUSED, DOMAIN, minutes=10),
            logged(12293, REFUSED, "branch.example", minutes=40, number=7),
            logged(12294, "branch.example", minutes=40, number=8),
        ),
        SINCE,
    )
    assert {domain: event.code for domain, event in found.items()} == {DOMAIN: 12293, "branch.example": 12294}


def test_events_of_others_with_the_same_number_are_none_of_ours() -> None:
    shadows = logged(12293, "0x80042318", "IVssSnapshotProvider", source="VSS")
    assert publishing_events(host(shadows, logged(12293, REFUSED)), SINCE) == {}


def test_one_narrow_question() -> None:
    windows = host()
    publishing_events(windows, SINCE)
    (query,) = windows.queries
    assert query.endswith(
        "FROM Win32_NTLogEvent WHERE Logfile='Application' AND (EventCode=12293 OR EventCode=12294) "
        "AND TimeGenerated>='20260301070000.000000+000'"
    )


# --- the table of reasons


@pytest.mark.parametrize("code", ERRORS)
def test_every_reason_makes_a_sentence_and_an_advice(code: str) -> None:
    assert re.fullmatch(r"0x8007[0-9A-F]{4}", code)
    event = PublishingEvent(12293, NOW, code)
    (text,) = complaints(publication(Place(Wanted(1688), "missing", event=event)))
    assert text.startswith(f"{HOST} has not published itself in {DOMAIN}: ")
    assert f"(event 12293 of 2026-03-01T08:00:00Z, {code}, {ERRORS[code]['name']}). " in text
    assert text.endswith(".") and text.count(". ") == 1 and not set("{}") & set(text)


def test_the_reasons_have_names_of_their_own() -> None:
    names = [row["name"] for row in ERRORS.values()]
    assert len(set(names)) == len(names)


# --- what is said


def offer(port: int = 1688, priority: int = 0, weight: int = 0, target: str = HOST) -> Offer:
    return Offer(DOMAIN, target, port, priority, weight, 3600, 1.0)


def publication(*places: Place, **more: t.Any) -> SelfPublication:
    domains = (DOMAIN, "branch.example")
    return SelfPublication(HOST, service="sppsvc", places=dict(zip(domains, places, strict=False)), since=SINCE, **more)


DONE = PublishingEvent(12294, NOW)
DNS = "DNS server 192.0.2.1"


@pytest.mark.parametrize(
    ("found", "words"),
    [
        pytest.param(publication(Place(Wanted(1688), "published", (offer(),))), None, id="published"),
        pytest.param(SelfPublication(), None, id="not looked"),
        pytest.param(
            publication(Place(Wanted(1688), "missing")),
            ["no event 12293 or 12294 about it since 2026-03-01T07:00:00Z", "(sppsvc) starts, and every 24 hours"],
            id="no event",
        ),
        pytest.param(
            publication(Place(Wanted(1688), "missing", peer=DNS, event=DONE)),
            ["it says that it did (event 12294 of 2026-03-01T08:00:00Z)", f"{DNS} does not show it", "in resolver"],
            id="published elsewhere",
        ),
        pytest.param(
            publication(Place(Wanted(1688), "missing", event=PublishingEvent(12293, NOW, "0x8007EEEE"))),
            ["Windows could not (event 12293 of 2026-03-01T08:00:00Z, 0x8007EEEE)", "Look the number up"],
            id="a number nobody knows",
        ),
        pytest.param(
            publication(Place(Wanted(1688), "missing", event=PublishingEvent(12293, NOW))),
            ["Windows could not (event 12293 of 2026-03-01T08:00:00Z)"],
            id="no number",
        ),
        pytest.param(
            publication(Place(Wanted(1688), "missing"), unread="kms01: access denied."),
            ["which would tell why, could not be read (kms01: access denied)"],
            id="events not read",
        ),
        pytest.param(
            publication(Place(Wanted(1700, 10, 20), "differs", (offer(),), peer=DNS, event=DONE)),
            ["with port 1688, priority 0, weight 0", "say port 1700, priority 10, weight 20", "state: absent"],
            id="other numbers",
        ),
        pytest.param(
            publication(Place(Wanted(1700), "differs", (offer(),), event=PublishingEvent(12293, NOW, REFUSED))),
            [
                "with port 1688",
                "say port 1700",
                "the DNS server refused it",
                REFUSED,
                "account that made _vlmcs._tcp.corp.example owns it",
            ],
            id="refused to change them",
        ),
        pytest.param(
            publication(Place(Wanted(1700), "stale", (offer(), offer(1700)))),
            [
                "a second time, with port 1688, priority 0, weight 0",
                "activation.kms.srv_record with zone: corp.example",
            ],
            id="an old record",
        ),
        pytest.param(
            publication(Place(Wanted(1688), "unknown", trouble="DNS server 192.0.2.1 is silent. Try.")),
            ["whether kms01.corp.example has published itself in corp.example could not be told: DNS server 1"],
            id="nobody could tell",
        ),
        pytest.param(publication(enabled=False), ["publishing is off", "self_publishing: true"], id="off"),
        pytest.param(publication(suffix=False), ["no primary DNS suffix", "Join it to a domain"], id="no suffix"),
    ],
)
def test_complaints(found: SelfPublication, words: list[str] | None) -> None:
    told = complaints(found)
    if words is None:
        assert told == []
        return
    (text,) = told
    assert all(word in text for word in words), text
    assert text.count(". ") <= 1 and text.endswith(".") and "{" not in text and "None" not in text


def test_a_domain_a_complaint() -> None:
    check = SelfPublicationCheck("warn", gate=lambda now: True)
    found = publication(Place(Wanted(1688), "missing"), Place(Wanted(1688), "missing", event=DONE))
    now = seen(found)
    item = check.next(seen())
    assert isinstance(item, Observe) and not item.fails
    first = item.judge(now)
    (second,) = check.warnings(now)
    assert first is not None and "in corp.example" in first and "in branch.example" in second


# --- when it is looked


def test_it_is_looked_at_once_when_it_is_time_and_not_in_foresight() -> None:
    check = SelfPublicationCheck("fail", gate=lambda now: now[Licensing].serves)
    assert check.needs == () and check.next(seen()) is None
    item = check.next(seen(licensing(product(1))))
    assert isinstance(item, Observe) and item.fails and item.name == "not_self_published"
    assert item.judge(seen(item.assume)) is None and check.warnings(seen(item.assume)) == []
    assert check.next(seen(licensing(product(1)), item.assume)) is None
    assert SelfPublicationCheck("skip", gate=lambda now: True).next(seen()) is None
    with pytest.raises(Refusal, match="warn, fail, skip"):
        SelfPublicationCheck(t.cast(t.Any, "maybe"), gate=lambda now: True)


# --- what is looked for


def settings(**values: t.Any) -> Licensing:
    return licensing(product(1), roots={"SPP": Root(values=Values(**values))})


@pytest.mark.parametrize(
    ("version", "listed", "wanted"),
    [
        ("6.1.7601", (), {DOMAIN: Wanted(1690)}),
        ("6.1.7601", ("other.example",), {DOMAIN: Wanted(1690), "other.example": Wanted(1690)}),
        (
            "10.0.20348",
            ("corp.example, 10, 20", "other.example, 0, 5"),
            {DOMAIN: Wanted(1690, 10, 20), "other.example": Wanted(1690, 0, 5)},
        ),
        ("10.0.20348", ("other.example, x, 5",), {DOMAIN: Wanted(1690), "other.example": Wanted(1690)}),
        ("6.0.6002", ("other.example, 0, 5",), {DOMAIN: Wanted(1690), "other.example": Wanted(1690)}),
        ("5.2.3790", (), {DOMAIN: Wanted(1690)}),
    ],
)
def test_what_windows_should_publish(version: str, listed: tuple[str, ...], wanted: dict[str, Wanted]) -> None:
    found = wanted_places(system(version=version), settings(port=1690, self_publishing_domains=listed))
    assert found == wanted


class Dns:
    """What resolvers tell, one after another; the last for ever. A text is a record, none no record."""

    def __init__(self, *told: t.Sequence[str] | Failure) -> None:
        self.told = list(told)
        self.made = 0

    def __call__(self, world: t.Any) -> Dns:
        self.made += 1
        return self

    peer = DNS

    def ask(self, name: str, rdtype: str) -> dns.rrset.RRset | None:
        assert (name, rdtype) == (f"_vlmcs._tcp.{DOMAIN}", "SRV")
        answer = self.told.pop(0) if len(self.told) > 1 else self.told[0]
        if isinstance(answer, Failure):
            raise answer
        return dns.rrset.from_text(f"{name}.", 3600, "IN", "SRV", *answer) if answer else None


OURS, OTHER, OLD = "0 0 1688 KMS01.corp.example.", "0 0 1688 kms7.corp.example.", "0 0 1690 kms01.corp.example."
SILENT = Failure("DNS server 192.0.2.1 did not answer. Check it.", name="dns_no_answer")


def look(dns_told: Dns, world: SmallWindows, **changes: t.Any) -> SelfPublication:
    there = settings(self_publishing=changes.pop("enabled", True))
    now = Seen().having(system(version="6.1.7601", **changes), there)
    return t.cast(SelfPublication, read_self_publication(dns_told)(world, Look(world, {}, now)))


@pytest.mark.parametrize(
    ("told", "state", "others"),
    [([OURS, OTHER], "published", 1), ([OURS, OLD], "stale", 0), ([OURS.lower()], "published", 0)],
)
def test_a_record_that_is_there_is_seen_at_once_and_the_host_is_not_asked(
    told: list[str], state: str, others: int
) -> None:
    world, answers = host(), Dns(told)
    place = look(answers, world).places[DOMAIN]
    assert (place.state, place.others, place.event, place.peer) == (state, others, None, DNS)
    assert (world.asked, answers.made, world.clock) == ([], 1, NOW.timestamp())


def test_a_record_may_take_a_moment_and_who_said_no_is_not_asked_again() -> None:
    world, answers = host(), Dns([], [OTHER], [OURS])
    assert look(answers, world).places[DOMAIN].state == "published"
    assert (world.asked, answers.made) == ([], 3)


@pytest.mark.parametrize(("told", "state"), [([], "missing"), ([OTHER], "missing"), ([OLD], "differs")])
def test_a_record_that_stays_away_is_explained_by_the_host(told: list[str], state: str) -> None:
    world = host(logged(12293, REFUSED, DOMAIN))
    found = look(Dns(told), world)
    place = found.places[DOMAIN]
    assert (place.state, place.event and place.event.hresult) == (state, REFUSED)
    assert world.asked == ["query Win32_NTLogEvent"]
    waited = world.clock - NOW.timestamp()
    assert self_publication.PATIENCE - 3 <= waited <= self_publication.PATIENCE
    data = found.as_data()
    assert (data["target"], data["enabled"], [one["domain"] for one in data["domains"]]) == (HOST, True, [DOMAIN])


def test_events_of_this_boot_and_of_the_last_round_alone() -> None:
    for boot, since in ((NOW - dt.timedelta(hours=2), 2), (NOW - dt.timedelta(days=9), 25)):
        world = host()
        found = look(Dns([]), world, boot_time=boot)
        assert found.since is not None
        begin = found.since - dt.timedelta(seconds=world.clock - NOW.timestamp() if since == 25 else 0)
        assert NOW - begin == dt.timedelta(hours=since)


def test_dns_that_says_nothing_is_not_waited_for_and_no_reason_to_read_events() -> None:
    world, answers = host(), Dns(SILENT)
    place = look(answers, world).places[DOMAIN]
    assert (place.state, place.trouble) == ("unknown", SILENT.message)
    assert (world.asked, answers.made, world.clock) == ([], 1, NOW.timestamp())


def test_nobody_to_ask_is_told_and_not_raised() -> None:
    def none(world: t.Any) -> t.NoReturn:
        raise Refusal("the controller has no resolver configured; name one in server", name="bad_option")

    found = read_self_publication(none)(host(), Look(host(), {}, Seen().having(system(), settings())))
    assert found.places[DOMAIN].state == "unknown" and "no resolver configured" in complaints(found)[0]


def test_events_that_cannot_be_read_do_not_spoil_the_run() -> None:
    def deny() -> t.NoReturn:
        raise Refused(5)

    world = host()
    world.classes["Win32_NTLogEvent"] = deny
    found = look(Dns([]), world)
    assert found.places[DOMAIN].state == "missing" and found.unread and "could not be read" in complaints(found)[0]


@pytest.mark.parametrize(("changes", "word"), [({"enabled": False}, "off"), ({"dns_suffix": ""}, "no primary DNS")])
def test_where_nothing_can_be_published_nobody_is_asked(changes: dict[str, t.Any], word: str) -> None:
    world, answers = host(), Dns([OURS])
    found = look(answers, world, **changes)
    assert (found.places, answers.made, world.asked) == ({}, 0, []) and word in complaints(found)[0]


def test_the_part_is_a_value() -> None:
    assert dataclasses.replace(publication(), host="x") != publication() and SelfPublication.key == "self_publication"
