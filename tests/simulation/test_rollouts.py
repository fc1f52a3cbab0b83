# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seeded rollouts of every persona over its dials: lost answers, killed controllers, two of them at once, many hosts.

Judged by the machine itself: converged, one activation, nothing left and nothing else touched; or a clear failure, and
none. A failure prints its seed; `make simulate SEED=17` replays it.
"""

from __future__ import annotations

import json
import os
import pathlib
import typing as t

import pytest
from crowd import check_crowd
from ending import check_ending
from invariants import check_mode, check_nothing_touched, check_run, check_touched, touchable
from rollout import Run, restart, run
from scenario import Scenario
from simulated import DIALS_MET, ZONE, srv_members, srv_ports
from two_controllers import at_once
from whole import Whole, whole
from wishes import OTHER_ZONE, REFUSED

SEEDS = int(os.environ.get("KMS_SIMULATION_SEEDS", "500"))
FIRST = int(os.environ.get("KMS_SIMULATION_FIRST", "0"))
LONG = SEEDS != 500
"""Whether it is not `make test`, which has no time for check mode on every host."""
CROWD_ONE_IN = 25
"""So many seeds, one of which is about several hosts in one zone."""
_CLEAN_RUNS = 8
_COPIED = r"file\\c:\\windows\\temp\\activation\.kms.*"
"""What one of two controllers was copying when the other restarted the host, and then found nothing more to do."""
_LATER = 600.0  # seconds until somebody tries again; the slowest host has restarted by then
_NOT_KNOWN_YET = ("0xC004F050", "0xC004F015", "0xC004F069")
"""What refuses a key after an update that was installed by hand and left no sign of it; the advice is to restart."""
_SHELL_IDLE = 4 * 3600.0  # by then WinRM has removed the shells whose openings' answers were lost; check_run counts
_SLOW_LINE = (0.0, 0.0, 0.5, 3.0)


@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS), ids=lambda seed: f"seed_{seed}-")
def test_story(seed: int, packages_by_language: dict[str, pathlib.Path]) -> None:
    """One seed's story, whatever it is about."""
    if seed % CROWD_ONE_IN == CROWD_ONE_IN - 1:
        check_crowd(seed, packages_by_language["ENU"])
    else:
        check_rollout(seed, packages_by_language)


def check_rollout(seed: int, packages_by_language: dict[str, pathlib.Path]) -> None:
    """Check mode, runs with faults, then clean ones until nothing is left to do; then a look at the host itself."""
    scenario = Scenario(seed, packages_by_language)
    around = scenario.around
    stories = [f"{scenario.host} {scenario.activation} {scenario.mishap} {scenario.way}"]
    before, reached, everything = around.machine.show(), scenario.reaches(), whole(around)
    check_refused(scenario, stories)
    if LONG or seed % 2:
        check_mode(around, lambda: run(around, scenario.packages, scenario.options, check=True), stories[0])
    spendable = 1 + bad_runs(scenario, stories)
    if scenario.moves == "meanwhile":
        spendable += spent(scenario, around.machine.show()) > 0  # it may be spent and not show yet
        scenario.move()
    clean = clean_runs(scenario, stories)
    told = "\n".join(stories)
    around.machine.inject("clear", [])  # a mishap that was not met by then is none
    around.clock.advance(_SHELL_IDLE)
    if scenario.activation == "unmanaged":  # Windows may have activated by itself since
        clean = clean_runs(scenario, stories)
        told = "\n".join(stories)
    after = around.machine.show()
    check_nothing_else(scenario, everything, told)
    if scenario.fails_with:
        check_failure(scenario, clean, before, after, told)
        return
    check_licensing(scenario, spendable + interrupted(scenario), after, told)
    check_firewall(scenario, before, reached, after, told)
    if activated(scenario, after):
        assert clean.converged, told
        check_settings(scenario, before, after, told)
        check_publication(scenario, before, after, told)
        check_second_run(scenario, told)
        if scenario.moves == "afterwards":
            check_move(scenario, after, told)
        elif scenario.retires and scenario.moves == "never" and scenario.activation == "online":
            check_ending(scenario, told)
    for dial, setting in scenario.dials_met().items():
        DIALS_MET[dial].add(setting)


def check_refused(scenario: Scenario, stories: list[str]) -> None:
    """What is wished wrongly is refused by its name, before anything is changed."""
    if scenario.refused is None:
        return
    around, (name, changes) = scenario.around, REFUSED[scenario.refused]
    before = whole(around)
    refused = run(around, scenario.packages, {**scenario.options, **changes})
    stories.append(f"{scenario.refused}: {refused.story}")
    assert refused.name == name and refused.outcome is None, "\n".join(stories)
    check_run(around, refused, "\n".join(stories))
    check_nothing_touched(before, around, "\n".join(stories))


def bad_runs(scenario: Scenario, stories: list[str]) -> int:
    """Runs with faults, or of two controllers; how many activations these may have spent beyond the first."""
    around, draw = scenario.around, scenario.random
    if scenario.together:
        runs = together(scenario)
        stories += ["two at once", *(one.story for one in runs)]
        for one in runs:
            check_run(around, one, "\n".join(stories), alone=False)
        scenario.pass_time()
        return 1
    for _attempt in range(draw.randint(0, 3)):
        done = run(around, scenario.packages, scenario.options, scenario.faults())
        stories.append(done.story)
        check_run(around, done, "\n".join(stories))
        scenario.pass_time()
    return 0


def together(scenario: Scenario) -> list[Run]:
    """Two controllers at once, with faults."""

    def controller(doors: t.Any) -> Run:
        return run(scenario.around, scenario.packages, scenario.options, scenario.faults(), doors=doors)

    return at_once(scenario.around, [controller, controller], scenario.host.seed or 0, _SLOW_LINE, 30.0)


def check_nothing_else(scenario: Scenario, before: Whole, told: str) -> None:
    """Of the whole machine and the zones only what a rollout is about has been touched."""
    names = [f"kms03.{ZONE}"]
    allowed = touchable(scenario.wanted.key[-5:], [ZONE, OTHER_ZONE], *names, port=scenario.port)
    moved = (r"key\\.*", r"spent\\.*") if scenario.moves == "meanwhile" else ()
    stopped = (r"service\\.*",) if scenario.mishap and scenario.mishap[0] == "service-stopped" else ()
    left = (_COPIED,) if scenario.together else ()
    check_touched(before, whole(scenario.around), (*allowed, *moved, *stopped, *left), told, port=scenario.port)


def clean_runs(scenario: Scenario, stories: list[str]) -> Run:
    """The last of the runs without faults: the one that ends the story."""
    around = scenario.around
    for _attempt in range(_CLEAN_RUNS):
        clean = run(around, scenario.packages, scenario.options)
        stories.append(clean.story)
        check_run(around, clean, "\n".join(stories))
        awaited = clean.outcome.extra.get("installation_id") if clean.outcome is not None else None
        if clean.name in scenario.fails_with:
            return clean
        if clean.converged and scenario.options.get("publish_later"):
            check_later(scenario, "\n".join(stories))
        elif clean.converged and (scenario.activation != "unmanaged" or not clean.done):
            return clean  # Windows has had the time to activate by itself, if it ever will
        if clean.code in _NOT_KNOWN_YET:
            stories.append(restart(around).story)
        elif clean.name == "reactivation_needed" and scenario.moves == "meanwhile":
            scenario.options["reactivate"] = True
        elif clean.name == "licensing_service_stopped":
            start_licensing(scenario)
        elif clean.name == "installation_id_changed":
            del scenario.options["confirmation_id"]
        elif awaited is not None and not scenario.confirm(awaited):
            return clean
        around.clock.advance(_LATER)
    raise AssertionError("\n".join(stories))


def start_licensing(scenario: Scenario) -> None:
    """What the refusal asks for, where nothing that is wished starts the service anyway."""
    services = scenario.around.machine.machine.services
    assert scenario.mishap is not None and scenario.mishap[0] == "service-stopped"
    service = services.get(scenario.mishap[1])
    assert service is not None and services.start(service) == 0


def check_later(scenario: Scenario, told: str) -> None:
    """No client is sent to it by us; then somebody publishes it."""
    members, served = srv_members(scenario.around.zone), scenario.around.machine.show()["published_itself"]
    assert members == {f"foreign.{ZONE}"} | ({f"kms03.{ZONE}"} if served else set()), told
    scenario.publish_now()


def host_keys(state: dict[str, t.Any]) -> list[tuple[str, int]]:
    """The key groups of the host keys of Windows that are installed, each with its status."""
    found = [(product["key_group"], product["license_status"]) for product in state["products"]]
    return [one for one in found if one[0] is not None and not one[0].startswith("office")]


def interrupted(scenario: Scenario) -> int:
    """How often the licensing service was restarted after the key: Windows asks again for what it had asked for."""
    methods = [one.method for one in scenario.around.exchanges]
    if scenario.activation != "unmanaged" or "InstallProductKey" not in methods:
        return 0
    return methods[methods.index("InstallProductKey") :].count("StopService")


def spent(scenario: Scenario, state: dict[str, t.Any]) -> int:
    """How many activations of the wished key Microsoft has counted for this host, whatever hardware it had."""
    return int(state["activations_spent"].get(scenario.wanted.key[-5:], 0))


def activated(scenario: Scenario, state: dict[str, t.Any]) -> bool:
    """Whether the wished key is."""
    return (scenario.wanted.key_group, 1) in host_keys(state)


def check_licensing(scenario: Scenario, spendable: int, state: dict[str, t.Any], told: str) -> None:
    """The wished updates work, one activation was spent, and nothing of ours is left. Never our own output.

    Only where Windows is to activate by itself, or Microsoft refuses to confirm, the key may be installed alone.
    """
    wanted = scenario.wanted
    if state["kms_version"] is None:
        assert set(wanted.updates) <= set(state["updates"]), told
    else:
        assert "kms_" + state["kms_version"].replace(".", "_") >= wanted.updates[-1], told
    assert [group for group, _status in host_keys(state)] == [wanted.key_group], told
    assert spent(scenario, state) <= spendable, told
    assert state["shells_open"] == 0, told
    assert scenario.together or state["files_left"] == [], told
    assert state["processes"] == [], told
    check_office(scenario, state, told)
    if activated(scenario, state):
        assert spent(scenario, state) >= 1, told
        assert state["manual_activation"] in (None, 0), told
        return
    assert scenario.activation == "unmanaged" or scenario.blocked, told
    assert state["manual_activation"] == (None if scenario.activation == "unmanaged" else 1), told
    assert spent(scenario, state) == 0 or scenario.moves == "meanwhile", told


def check_office(scenario: Scenario, state: dict[str, t.Any], told: str) -> None:
    """A host key of Office that was there is as it was; a machine that moved has lost it by itself."""
    office = [one for one in state["products"] if (one["key_group"] or "").startswith("office")]
    assert [one["key_group"] for one in office] == (["office_2016"] if scenario.host.office_key else []), told
    assert scenario.moves == "meanwhile" or all(one["license_status"] == 1 for one in office), told


def check_failure(scenario: Scenario, clean: Run, before: dict[str, t.Any], state: dict[str, t.Any], told: str) -> None:
    """It said why, nothing was spent, no client is sent there, and Windows does not activate behind our back."""
    assert clean.problem is not None and clean.problem.message and clean.problem.advice, told
    assert spent(scenario, state) == 0, told
    if scenario.published and not before["published_itself"]:
        assert srv_members(scenario.around.zone) == {f"foreign.{ZONE}"}, told
    check_office(scenario, state, told)
    if clean.refusal is not None:
        assert host_keys(state) == [], told
        assert state["manual_activation"] is None, told
    else:
        assert [group for group, _status in host_keys(state)] == [scenario.wanted.key_group], told
        assert state["manual_activation"] == 1, told


def check_move(scenario: Scenario, before: dict[str, t.Any], told: str) -> None:
    """A machine that moves is not activated once more by us unless somebody says so.

    Windows may do so by itself, for Activation\\Manual is again what it was before the rollout.
    """
    around, five = scenario.around, scenario.wanted.key[-5:]
    scenario.move()
    moved = around.machine.show()
    around.exchanges.clear()
    asked = run(around, scenario.packages, scenario.options)
    assert not any(exchange.mutation for exchange in around.exchanges), told
    assert around.machine.show()["activations_spent"] == moved["activations_spent"], told
    left_alone = scenario.activation == "unmanaged" or activated(scenario, moved)
    assert asked.name == (None if left_alone else "reactivation_needed"), told + asked.story
    if scenario.activation == "online" and moved["activations_spent"] == before["activations_spent"]:
        done = run(around, scenario.packages, {**scenario.options, "reactivate": True})
        assert done.converged, told + done.story
        assert around.machine.show()["activations_spent"][five] == before["activations_spent"][five] + 1, told


def check_settings(scenario: Scenario, before: dict[str, t.Any], state: dict[str, t.Any], told: str) -> None:
    """The settings that were wished are those of the service, the others are as before, and it listens where it shall,
    if it listens yet. What is noted on the host is for whoever retires it, and of nothing that is under way."""
    shown = scenario.way.shown(before)
    assert scenario.way.shown(state) == {name: scenario.options.get(name, was) for name, was in shown.items()}, told
    assert all(name.startswith("former_") for name in noted(state)), told
    late = scenario.around.machine.dials.get("kms_listens") == "after_service_start"
    assert state["listening"] == [scenario.port] or (late and not state["listening"]), told
    if scenario.port != 1688:  # whoever forgets the port must not open and publish another one
        forgetful = {name: value for name, value in scenario.options.items() if name != "port"}
        assert run(scenario.around, scenario.packages, forgetful, check=True).name == "port_differs", told


def noted(state: dict[str, t.Any]) -> dict[str, t.Any]:
    """Our record on the host."""
    text = next((row["record"] for name, row in state["registry"].items() if "activation.kms" in name), "{}")
    return dict(json.loads(text))


def check_publication(scenario: Scenario, before: dict[str, t.Any], state: dict[str, t.Any], told: str) -> None:
    """The record of somebody else is there, and ours beside it; the host does not publish itself where we do."""
    around, name, foreign = scenario.around, f"kms03.{ZONE}", f"foreign.{ZONE}"
    (other,) = around.more_zones
    there, here = [(foreign, 1688)], [(foreign, 1688), (name, scenario.port)]
    assert srv_ports(other) == (here if OTHER_ZONE in scenario.way.zones else there), told
    if scenario.published:
        assert srv_ports(around.zone) == here, told
        assert state["self_publishing"] is False, told
        assert state["published_itself"] == [] or scenario.host.office_key, told  # it served before
    elif scenario.way.kind == "itself":
        assert state["self_publishing"] is True, told  # and does so once the service listens
        # What it has published at another port stays, for nobody else may touch it, or is replaced (published_before).
        before_us = {(name, one["port"]) for one in before["published_itself"]}
        found, needed = set(srv_ports(around.zone)), set(here if state["listening"] else there)
        assert needed <= found <= needed | before_us, told
    else:
        assert foreign in srv_members(around.zone), told


def check_firewall(
    scenario: Scenario,
    before: dict[str, t.Any],
    reached: tuple[bool, bool],
    after: dict[str, t.Any],
    told: str,
) -> None:
    """Clients get through and strangers do not; a firewall that does not filter, and other entries, are as before."""
    expected = reached if any(reached) else (not scenario.barred, False)
    assert scenario.reaches() == expected, told
    assert foreign_entries(after, scenario.port) == foreign_entries(before, scenario.port), told
    assert after["firewall"] == before["firewall"], told


def foreign_entries(state: dict[str, t.Any], port: int) -> list[t.Any]:
    """What is said of other ports."""
    return [entry for entry in state["open_ports"] if entry["port"] != port]


def check_second_run(scenario: Scenario, told: str) -> None:
    """Check mode foresees nothing; a run changes nothing and sends only reads, none of them twice."""
    around = scenario.around
    foreseen = run(around, scenario.packages, scenario.options, check=True)
    assert foreseen.outcome is not None, told
    assert foreseen.outcome.plan == [], told
    around.exchanges.clear()
    serial = around.zone.serial
    again = run(around, scenario.packages, scenario.options)
    check_run(around, again, told)
    assert again.converged, told
    assert again.outcome is not None
    assert not again.outcome.changed, told
    assert [exchange for exchange in around.exchanges if exchange.mutation] == [], told
    assert around.asked_twice() == [], told
    assert around.shells_made() <= scenario.wanted.shells, told
    assert around.zone.serial == serial
