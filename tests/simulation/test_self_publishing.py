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
from simulated import FOREIGN, ZONE, SimulatedWorld, Surroundings, srv_members, surroundings

from ansible_collections.activation.kms.plugins.plugin_utils._converge import converge
from ansible_collections.activation.kms.plugins.plugin_utils._kms.publication import (
    Publication,
    PublishWish,
    Zones,
    read_zones,
)
from ansible_collections.activation.kms.plugins.plugin_utils._kms.self_published import SelfPublication
from emulated_windows.core import HostOptions

NAMES = ("server-2003-sp2-x86", "server-2008-sp2", "server-2008-r2-sp1", "server-2022")
"""One of each generation of the licensing service."""
Generations = pytest.mark.parametrize("persona", NAMES)
HOST = f"kms03.{ZONE}"
EVENTS = ["enumerate", "Win32_NTLogEvent"]


def found(persona: str) -> tuple[Wanted, Surroundings]:
    wanted = PERSONAS[persona]
    return wanted, surroundings(HostOptions(name="kms03", persona=persona))


def self_wish(wanted: Wanted, packages: pathlib.Path, **more: t.Any) -> Options:
    return wish_of(wanted, packages, publish=None, **{"self_publishing": True, **more})


def seen(done: Run) -> dict[str, t.Any]:
    assert done.outcome is not None
    return done.outcome.observed[SelfPublication].as_data()


def warned(done: Run) -> str:
    """What the run warned of about publishing: one text."""
    assert done.outcome is not None
    (text,) = [text for text in done.outcome.warnings if HOST in text and "publish" in text]
    return text


def asked_of_the_log(around: Surroundings) -> int:
    return [one.words[:2] for one in around.exchanges].count(EVENTS)


@Generations
def test_a_rollout_ends_with_the_record_in_the_zone(persona: str, packages: pathlib.Path) -> None:
    wanted, around = found(persona)
    done = run(around, packages, self_wish(wanted, packages))
    assert done.converged, done.story
    assert srv_members(around.zone) == {f"foreign.{ZONE}", HOST}
    (place,) = seen(done)["domains"]
    assert (place["domain"], place["state"], place["others"], place["event"]) == (ZONE, "published", 1, None)
    assert [record["port"] for record in place["records"]] == [1688]
    assert asked_of_the_log(around) == 0
    assert done.outcome is not None and not [text for text in done.outcome.warnings if HOST in text]


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


def refuse(*_: t.Any) -> None:
    raise OSError("refused")


@Generations
@pytest.mark.parametrize("policy", ["warn", "fail"])
def test_a_zone_that_refuses_is_explained_by_the_hosts_own_event(
    persona: str, policy: str, packages: pathlib.Path
) -> None:
    wanted, around = found(persona)
    around.machine.machine.publish = refuse
    done = run(around, packages, self_wish(wanted, packages, verify_self_publishing=policy))
    assert srv_members(around.zone) == {f"foreign.{ZONE}"}
    (place,) = seen(done)["domains"]
    assert place["state"] == "missing" and place["event"]["code"] == 12293 and place["event"]["hresult"]
    assert asked_of_the_log(around) == 1
    if policy == "warn":
        assert done.converged
        text = warned(done)
    else:
        assert done.name == "not_self_published" and done.problem is not None
        text = done.problem.message
    assert f"has not published itself in {ZONE}" in text and place["event"]["hresult"] in text and "12293" in text


def withdraw(world: SimulatedWorld) -> None:
    """Somebody removes the host's record."""
    wish = PublishWish(ZONE, "127.0.0.1", HOST, state="absent")
    assert converge(world, [Publication(wish)], {Zones: read_zones([wish])}, check=False).changed


def test_a_record_that_somebody_removed_is_missed_and_the_hosts_word_is_told(packages: pathlib.Path) -> None:
    wanted, around = found("server-2022")
    options = self_wish(wanted, packages)
    assert run(around, packages, options).converged
    withdraw(run(around, packages, options).world)
    again = run(around, packages, options)
    assert again.converged and seen(again)["domains"][0]["event"]["code"] == 12294
    assert "it says that it did (event 12294 of " in warned(again)


def test_after_a_change_of_the_port_the_old_record_is_told(packages: pathlib.Path) -> None:
    wanted, around = found("server-2019")
    assert run(around, packages, self_wish(wanted, packages)).converged
    moved = run(around, packages, self_wish(wanted, packages, port=1700))
    assert moved.converged
    (place,) = seen(moved)["domains"]
    assert (place["state"], sorted(record["port"] for record in place["records"])) == ("stale", [1688, 1700])
    text = warned(moved)
    assert "a second time, with port 1688" in text and "state: absent" in text
    assert asked_of_the_log(around) == 0


def test_a_host_told_where_to_publish_and_not_to_publish_is_told_so(packages: pathlib.Path) -> None:
    wanted, around = found("server-2022")
    assert run(around, packages, self_wish(wanted, packages, self_publishing=False)).converged
    listed = self_wish(wanted, packages, self_publishing=None, self_publishing_domains=[ZONE, "other.example"])
    done = run(around, packages, listed)
    assert done.converged and "Set self_publishing: true" in warned(done)
    assert done.world.looked_up == []


def test_each_domain_is_told_by_itself(packages: pathlib.Path) -> None:
    """The zone's server does not serve the second domain, and Windows finds no zone for it either."""
    wanted, around = found("server-2022")
    done = run(around, packages, self_wish(wanted, packages, self_publishing_domains=[ZONE, "other.example"]))
    assert done.converged, done.story
    assert [(place["domain"], place["state"]) for place in seen(done)["domains"]] == [
        (ZONE, "published"),
        ("other.example", "unknown"),
    ]
    assert "could not be told" in warned(done) and "other.example" in warned(done)


def test_a_host_without_a_domain_has_nowhere_to_publish(packages: pathlib.Path) -> None:
    wanted = PERSONAS["server-2022"]
    around = surroundings(HostOptions(name="kms03", persona="server-2022", domain_member=False))
    done = run(around, packages, self_wish(wanted, packages))
    assert done.converged, done.story
    assert done.outcome is not None and done.world.looked_up == []
    assert [text for text in done.outcome.warnings if "kms03 has no primary DNS suffix" in text]
