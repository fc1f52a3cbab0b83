# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that publishes itself: its record is looked for in DNS, and where it is missing the host tells why."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from personas import PERSONAS, Wanted
from rollout import Options, Run, run, wish_of
from simulated import (
    FOREIGN,
    ZONE,
    SimulatedWorld,
    Surroundings,
    microsoft,
    publishes_itself,
    srv_members,
    surroundings,
)

from ansible_collections.activation.kms.plugins.plugin_utils._converge import converge
from ansible_collections.activation.kms.plugins.plugin_utils._kms.publication import (
    Publication,
    PublishWish,
    Zones,
    read_zones,
)
from ansible_collections.activation.kms.plugins.plugin_utils._kms.publishing_events import ERRORS
from ansible_collections.activation.kms.plugins.plugin_utils._kms.self_published import SelfPublication
from emulated_windows.clock import VirtualClock
from emulated_windows.core import EmulatedHost, HostOptions, dial_table
from emulated_windows.dns_server import Responder
from emulated_windows.dns_zone import Aging, Zone

NAMES = ("server-2003-sp2-x86", "server-2008-sp2", "server-2008-r2-sp1", "server-2022")
"""One of each generation of the licensing service."""
Generations = pytest.mark.parametrize("persona", NAMES)
HOST, RIVAL = f"kms03.{ZONE}", f"foreign.{ZONE}"
EVENTS = ["enumerate", "Win32_NTLogEvent"]
DAY = 86400.0
KEY_2022 = PERSONAS["server-2022"].key
DIALS = dial_table("server-2022")


def found(persona: str, **host: t.Any) -> tuple[Wanted, Surroundings]:
    return PERSONAS[persona], surroundings(HostOptions(name="kms03", persona=persona, **host))


def microsoft_zone(
    persona: str,
    owner: str | None = None,
    dials: t.Mapping[str, str] | None = None,
    host: t.Mapping[str, t.Any] | None = None,
    **zone: t.Any,
) -> tuple[Wanted, Surroundings]:
    """A host in a zone of Microsoft's; `owner`: the account of a rival that published itself before."""
    clock, authority = VirtualClock(1_795_000_000.0), microsoft()
    served = Zone(ZONE, "127.0.0.1", clock=clock, flavour="microsoft", **zone)
    if owner:
        served.publish(ZONE, RIVAL, 1688, account=owner)
    options = HostOptions(name="kms03", persona=persona, dials=dict(dials or {}), **(host or {}))
    machine = EmulatedHost(options, clock, authority, publish=served.publish)
    return PERSONAS[persona], Surroundings(clock, machine, served, Responder(served, None), authority)


def self_wish(wanted: Wanted, packages: pathlib.Path, **more: t.Any) -> Options:
    return wish_of(wanted, packages, publish=None, **{"self_publishing": True, **more})


def seen(done: Run) -> list[dict[str, t.Any]]:
    assert done.outcome is not None
    domains: list[dict[str, t.Any]] = done.outcome.observed[SelfPublication].as_data()["domains"]
    return domains


def told(done: Run) -> list[str]:
    """What the run warned of about publishing."""
    assert done.outcome is not None
    return [text for text in done.outcome.warnings if "kms03" in text and "publish" in text]


def asked_of_the_log(around: Surroundings) -> int:
    return [one.words[:2] for one in around.exchanges].count(EVENTS)


# -- a record that is there


@Generations
def test_a_rollout_ends_with_the_record_in_the_zone(persona: str, packages: pathlib.Path) -> None:
    wanted, around = found(persona)
    done = run(around, packages, self_wish(wanted, packages))
    assert done.converged, done.story
    assert srv_members(around.zone) == {RIVAL, HOST}
    (place,) = seen(done)
    assert (place["domain"], place["state"], place["others"], place["event"]) == (ZONE, "published", 1, None)
    assert [record["port"] for record in place["records"]] == [1688]
    assert (asked_of_the_log(around), told(done)) == (0, [])


@Generations
def test_in_spec_the_record_costs_one_question_to_dns_and_none_to_the_host(
    persona: str, packages: pathlib.Path
) -> None:
    wanted, around = found(persona)
    options = self_wish(wanted, packages)
    assert run(around, packages, options).converged
    without = _requests(around, packages, {**options, "verify_self_publishing": "skip"})
    around.exchanges.clear()
    before = around.clock.now()
    again = run(around, packages, options)
    assert again.converged and again.outcome is not None and not again.outcome.changed
    assert again.world.looked_up == [FOREIGN]
    assert [one.words for one in around.exchanges] == without
    assert around.clock.now() - before < 10, "nothing was waited for"


def _requests(around: Surroundings, packages: pathlib.Path, options: Options) -> list[list[str]]:
    around.exchanges.clear()
    assert run(around, packages, options).converged
    return [one.words for one in around.exchanges]


def test_check_mode_and_skip_ask_nobody(packages: pathlib.Path) -> None:
    wanted, around = found("server-2022")
    options = self_wish(wanted, packages)
    assert run(around, packages, options, check=True).world.looked_up == []
    skipped = run(around, packages, {**options, "verify_self_publishing": "skip"})
    assert skipped.converged and skipped.world.looked_up == []
    assert run(around, packages, options, check=True).world.looked_up == []


@pytest.mark.parametrize("publish_list", DIALS["publish_list"])
@Generations
def test_priority_and_weight_of_the_list(persona: str, publish_list: str, packages: pathlib.Path) -> None:
    wanted, around = microsoft_zone(persona, dials={"publish_list": publish_list}, updates="nonsecure")
    done = run(around, packages, self_wish(wanted, packages, self_publishing_domains=[f"{ZONE}, 10, 20"]))
    assert done.converged, done.story
    (place,) = seen(done)
    old = PERSONAS[persona].persona in NAMES[:2]
    (record,) = place["records"]
    assert (record["priority"], record["weight"]) == ((0, 0) if old else (10, 20))
    assert (place["state"], told(done)) == ("published", [])


# -- a record that is not, or not as it should be


REFUSALS = [
    *(("server-2022", "FOREIGN$", hresult) for hresult in DIALS["publishing_refused"]),
    *((persona, "kms-rollout", "0x8007232D") for persona in NAMES),
]


@pytest.mark.parametrize(("persona", "owner", "hresult"), REFUSALS)
def test_a_name_that_another_account_owns_is_explained(
    persona: str, owner: str, hresult: str, packages: pathlib.Path
) -> None:
    """The first KMS host to publish itself owns the name, or the controller that published somebody."""
    dials = {"publishing_refused": hresult, "publishing_hresult": "lower"}
    wanted, around = microsoft_zone(persona, owner, dials, updates="secure")
    options = self_wish(wanted, packages)
    done = run(around, packages, options)
    assert done.converged, done.story
    assert srv_members(around.zone) == {RIVAL}
    (place,) = seen(done)
    assert (place["state"], place["event"]["code"], place["event"]["hresult"]) == ("missing", 12293, hresult)
    (text,) = told(done)
    assert f"has not published itself in {ZONE}" in text and f"{hresult}, {ERRORS[hresult]['name']}" in text
    assert asked_of_the_log(around) == 1
    failed = run(around, packages, {**options, "verify_self_publishing": "fail"})
    assert failed.name == "not_self_published" and failed.problem is not None
    assert failed.problem.message == text and not failed.done


@pytest.mark.parametrize("dial", ["publishing_failed_level", "licensing_event_source"])
@Generations
def test_the_event_is_found_whatever_nobody_has_documented(persona: str, dial: str, packages: pathlib.Path) -> None:
    for setting in dial_table(persona)[dial]:
        wanted, around = microsoft_zone(persona, "FOREIGN$", {dial: setting}, updates="secure")
        done = run(around, packages, self_wish(wanted, packages))
        assert done.converged and "(event 12293 of " in "".join(told(done)), f"{dial}: {setting}"


def test_a_zone_without_dynamic_updates(packages: pathlib.Path) -> None:
    wanted, around = microsoft_zone("server-2022", updates="none")
    done = run(around, packages, self_wish(wanted, packages))
    (text,) = told(done)
    assert done.converged and "12293" in text and "microsoft_wmi" in text


def withdraw(world: SimulatedWorld) -> None:
    """Somebody removes the host's record."""
    wish = PublishWish(ZONE, "127.0.0.1", HOST, state="absent")
    assert converge(world, [Publication(wish)], {Zones: read_zones([wish])}, check=False).changed


def test_a_record_that_somebody_removed_is_missed_and_the_hosts_word_is_told(packages: pathlib.Path) -> None:
    wanted, around = found("server-2022")
    options = self_wish(wanted, packages)
    withdraw(run(around, packages, options).world)
    again = run(around, packages, options)
    assert again.converged and seen(again)[0]["event"]["code"] == 12294
    assert "it says that it did (event 12294 of " in told(again)[0]
    around.clock.advance(DAY)
    assert seen(run(around, packages, options))[0]["state"] == "published", "it publishes itself every day"


@pytest.mark.parametrize("before", DIALS["published_before"])
def test_after_a_change_of_the_port_an_old_record_is_told(before: str, packages: pathlib.Path) -> None:
    wanted, around = found("server-2019", dials={"published_before": before})
    assert run(around, packages, self_wish(wanted, packages)).converged
    moved = run(around, packages, self_wish(wanted, packages, port=1700))
    assert moved.converged and asked_of_the_log(around) == 0
    (place,) = seen(moved)
    if before == "replaced":
        assert (place["state"], told(moved)) == ("published", [])
        return
    assert (place["state"], sorted(record["port"] for record in place["records"])) == ("stale", [1688, 1700])
    (text,) = told(moved)
    assert "more than once, with port 1688" in text and "state: absent" in text


def test_each_domain_is_told_by_itself(packages: pathlib.Path) -> None:
    """The server that is asked does not serve the second domain."""
    wanted, around = found("server-2022")
    done = run(around, packages, self_wish(wanted, packages, self_publishing_domains=[ZONE, "other.example"]))
    assert done.converged, done.story
    assert [(place["domain"], place["state"]) for place in seen(done)] == [
        (ZONE, "published"),
        ("other.example", "unknown"),
    ]
    (text,) = told(done)
    assert "could not be told" in text and "other.example" in text


def test_a_host_told_where_to_publish_and_not_to_publish_is_told_so(packages: pathlib.Path) -> None:
    wanted, around = found("server-2022")
    assert run(around, packages, self_wish(wanted, packages, self_publishing=False)).converged
    listed = self_wish(wanted, packages, self_publishing=None, self_publishing_domains=[ZONE, "other.example"])
    done = run(around, packages, listed)
    assert done.converged and "Set self_publishing: true" in told(done)[0]
    assert done.world.looked_up == []


def test_a_host_without_a_domain_has_nowhere_to_publish(packages: pathlib.Path) -> None:
    wanted, around = found("server-2022", domain_member=False)
    done = run(around, packages, self_wish(wanted, packages))
    assert done.converged, done.story
    assert done.world.looked_up == [] and "kms03 has no primary DNS suffix" in told(done)[0]


# -- thirty days in a zone that ages its records


def days(around: Surroundings, packages: pathlib.Path, options: Options, every: int) -> list[Run]:
    """Thirty days and a bit, with a run every so many of them."""
    done = [run(around, packages, options)]
    for _day in range(every, 31, every):
        around.clock.advance(every * DAY)
        done.append(run(around, packages, options))
    assert all(one.converged for one in done), [one.story for one in done]
    return done


def changes(done: list[Run]) -> list[bool]:
    return [one.outcome.changed for one in done if one.outcome is not None]


AGING = Aging(enabled=True, scavenging_hours=24)


@Generations
def test_a_host_that_publishes_itself_stays(persona: str, packages: pathlib.Path) -> None:
    wanted, around = microsoft_zone(persona, aging=AGING, updates="secure")
    done = days(around, packages, self_wish(wanted, packages), 10)
    assert srv_members(around.zone) == {HOST}
    assert changes(done) == [True, False, False, False] and not any(map(told, done))


def published(wanted: Wanted, packages: pathlib.Path, **more: t.Any) -> Options:
    return wish_of(wanted, packages, publish=[{"zone": ZONE, "server": "127.0.0.1", **more}])


@pytest.mark.parametrize("every", [1, 7])
def test_what_is_refreshed_stays(every: int, packages: pathlib.Path) -> None:
    wanted, around = microsoft_zone("server-2022", aging=AGING, updates="nonsecure")
    done = days(around, packages, published(wanted, packages, aging=True, refresh=True), every)
    assert srv_members(around.zone) == {HOST}
    assert changes(done) == [True, *(len(done) - 1) * [False]], "and was there at every run"


def test_a_host_that_serves_ends_its_own_publishing_once_the_controller_has_refreshed(packages: pathlib.Path) -> None:
    wanted, around = microsoft_zone("server-2022", aging=AGING, updates="nonsecure", host={"host_key": KEY_2022})
    assert srv_members(around.zone) == {HOST}
    options = published(wanted, packages, aging=True, refresh=True)
    foreseen = run(around, packages, options, check=True)
    assert foreseen.outcome is not None and "turn self-publishing off" in _summaries(foreseen)
    done = run(around, packages, options)
    assert done.converged and not publishes_itself(around), done.story
    assert _summaries(done) == _summaries(foreseen)
    assert changes(days(around, packages, options, 5)) == 7 * [False]
    assert srv_members(around.zone) == {HOST}


def test_a_host_whose_record_the_controller_cannot_refresh_goes_on_publishing_itself(packages: pathlib.Path) -> None:
    """Its account owns the name in a secure zone: without it the record would be gone in two weeks."""
    wanted, around = microsoft_zone("server-2022", aging=AGING, updates="secure", host={"host_key": KEY_2022})
    done = run(around, packages, published(wanted, packages, aging=True, refresh=True))
    assert done.name == "update_refused" and publishes_itself(around), done.story
    around.clock.advance(30 * DAY)
    assert srv_members(around.zone) == {HOST}


def _summaries(done: Run) -> str:
    assert done.outcome is not None
    return "; ".join(planned.step.summary for planned in done.outcome.plan)


def test_what_is_not_refreshed_is_gone_after_two_weeks(packages: pathlib.Path) -> None:
    wanted, around = microsoft_zone("server-2022", aging=AGING, updates="nonsecure")
    assert run(around, packages, published(wanted, packages)).converged
    around.clock.advance(13 * DAY)
    assert srv_members(around.zone) == {HOST}
    around.clock.advance(3 * DAY)
    assert srv_members(around.zone) == set()


def test_a_zone_that_ages_is_refused_before_anything_is_asked(packages: pathlib.Path) -> None:
    wanted, around = microsoft_zone("server-2022", aging=AGING, updates="nonsecure")
    done = run(around, packages, published(wanted, packages, aging=True))
    assert done.outcome is None and done.name == "zone_ages" and around.exchanges == []
