# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seeded rollouts of every persona over its dials, with lost answers and killed controllers.

Judged by the machine itself: converged, one activation, nothing left; or a clear failure, and none. A failure prints
its seed; `pytest tests/simulation -k "seed_17-"` replays it.
"""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from rollout import Run, restart, run
from scenario import Scenario
from simulated import DIALS_MET, ZONE, srv_members

SEEDS = int(os.environ.get("KMS_SIMULATION_SEEDS", "500"))
FIRST = int(os.environ.get("KMS_SIMULATION_FIRST", "0"))
_CLEAN_RUNS = 6
_LATER = 600.0  # seconds until somebody tries again; the slowest host has restarted by then
_NOT_KNOWN_YET = ("0xC004F050", "0xC004F015", "0xC004F069")
"""What refuses a key after an update that was installed by hand and left no sign of it; the advice is to restart."""
_SHELL_IDLE = 4 * 3600.0  # longer than any idle time-out after which WinRM removes a shell nobody uses


@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS), ids=lambda seed: f"seed_{seed}-")
def test_rollout_converges(seed: int, packages_by_language: dict[str, pathlib.Path]) -> None:
    """Runs with faults, then clean ones until nothing is left to do; then a look at the host itself."""
    scenario = Scenario(seed, packages_by_language)
    around, stories = scenario.around, [f"{scenario.host} {scenario.activation} {scenario.mishap}"]
    before, reached = around.machine.show(), scenario.reaches()
    for _attempt in range(scenario.random.randint(0, 3)):
        stories.append(run(around, scenario.packages, scenario.options, scenario.faults()).story)
        scenario.pass_time()
    spendable = 1
    if scenario.moves == "meanwhile":
        spendable += activated(scenario, around.machine.show())
        scenario.move()
    clean = clean_runs(scenario, stories)
    told = "\n".join(stories)
    around.machine.inject("clear", [])  # a mishap that was not met by then is none
    around.clock.advance(_SHELL_IDLE)
    after = around.machine.show()
    if scenario.fails_with:
        check_failure(scenario, clean, before, after, told)
        return
    check_licensing(scenario, spendable, after, told)
    check_firewall(scenario, before, reached, after, told)
    if activated(scenario, after):
        assert clean.converged, told
        check_publication(scenario, after, told)
        check_second_run(scenario, told)
        if scenario.moves == "afterwards":
            check_move(scenario, after, told)
    for dial, setting in scenario.dials_met().items():
        DIALS_MET[dial].add(setting)


def clean_runs(scenario: Scenario, stories: list[str]) -> Run:
    """The last of the runs without faults: the one that ends the story."""
    around = scenario.around
    for _attempt in range(_CLEAN_RUNS):
        clean = run(around, scenario.packages, scenario.options)
        stories.append(clean.story)
        awaited = clean.outcome.extra.get("installation_id") if clean.outcome is not None else None
        if clean.name in scenario.fails_with:
            return clean
        if clean.converged and (scenario.activation != "unmanaged" or not clean.done):
            return clean  # Windows has had the time to activate by itself, if it ever will
        if clean.code in _NOT_KNOWN_YET:
            stories.append(restart(around).story)
        elif clean.name == "reactivation_needed" and scenario.moves == "meanwhile":
            scenario.options["reactivate"] = True
        elif clean.name == "installation_id_changed":
            del scenario.options["confirmation_id"]
        elif awaited is not None and not scenario.confirm(awaited):
            return clean
        around.clock.advance(_LATER)
    raise AssertionError("\n".join(stories))


def host_keys(state: dict[str, t.Any]) -> list[tuple[str, int]]:
    """The key groups of the host keys of Windows that are installed, each with its status."""
    found = [(product["key_group"], product["license_status"]) for product in state["products"]]
    return [one for one in found if one[0] is not None and not one[0].startswith("office")]


def activated(scenario: Scenario, state: dict[str, t.Any]) -> bool:
    """Whether the wished key is."""
    return (scenario.wanted.key_group, 1) in host_keys(state)


def check_licensing(scenario: Scenario, spendable: int, state: dict[str, t.Any], told: str) -> None:
    """The wished updates work, one activation was spent, and nothing of ours is left. Never our own output.

    Only where Windows is to activate by itself, or Microsoft refuses to confirm, the key may be installed alone.
    """
    wanted, spent = scenario.wanted, state["activations_spent"].get(scenario.wanted.key[-5:], 0)
    if state["kms_version"] is None:
        assert set(wanted.updates) <= set(state["updates"]), told
    else:
        assert "kms_" + state["kms_version"].replace(".", "_") >= wanted.updates[-1], told
    assert [group for group, _status in host_keys(state)] == [wanted.key_group], told
    assert spent <= spendable, told
    assert state["shells_open"] == 0, told
    assert state["files_left"] == [], told
    assert state["processes"] == [], told
    check_office(scenario, state, told)
    if activated(scenario, state):
        assert spent >= 1, told
        assert state["manual_activation"] in (None, 0), told
        return
    assert scenario.activation == "unmanaged" or scenario.blocked, told
    assert state["manual_activation"] == (None if scenario.activation == "unmanaged" else 1), told
    assert spent == 0 or scenario.moves == "meanwhile", told


def check_office(scenario: Scenario, state: dict[str, t.Any], told: str) -> None:
    """A host key of Office that was there is as it was; a machine that moved has lost it by itself."""
    office = [one for one in state["products"] if (one["key_group"] or "").startswith("office")]
    assert [one["key_group"] for one in office] == (["office_2016"] if scenario.host.office_key else []), told
    assert scenario.moves == "meanwhile" or all(one["license_status"] == 1 for one in office), told


def check_failure(scenario: Scenario, clean: Run, before: dict[str, t.Any], state: dict[str, t.Any], told: str) -> None:
    """It said why, nothing was spent, no client is sent there, and Windows does not activate behind our back."""
    assert clean.problem is not None and clean.problem.message and clean.problem.advice, told
    assert state["activations_spent"].get(scenario.wanted.key[-5:], 0) == 0, told
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


def check_publication(scenario: Scenario, state: dict[str, t.Any], told: str) -> None:
    """The record of somebody else is there, and ours beside it; the host does not publish itself where we do."""
    members = srv_members(scenario.around.zone)
    assert f"foreign.{ZONE}" in members, told
    if scenario.published:
        assert members == {f"foreign.{ZONE}", f"kms03.{ZONE}"}, told
        assert state["self_publishing"] is False, told
        assert state["published_itself"] == [] or scenario.host.office_key, told  # it served before


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
    assert foreign_entries(after) == foreign_entries(before), told
    assert after["firewall"] == before["firewall"], told


def foreign_entries(state: dict[str, t.Any]) -> list[t.Any]:
    """What is said of other ports."""
    return [entry for entry in state["open_ports"] if entry["port"] != 1688]


def check_second_run(scenario: Scenario, told: str) -> None:
    """Check mode foresees nothing; a run changes nothing and sends only reads, none of them twice."""
    around = scenario.around
    foreseen = run(around, scenario.packages, scenario.options, check=True)
    assert foreseen.outcome is not None, told
    assert foreseen.outcome.plan == [], told
    around.exchanges.clear()
    serial = around.zone.serial
    again = run(around, scenario.packages, scenario.options)
    assert again.converged, told
    assert again.outcome is not None
    assert not again.outcome.changed, told
    assert [exchange for exchange in around.exchanges if exchange.mutation] == [], told
    assert around.asked_twice() == [], told
    assert around.shells_made() <= scenario.wanted.shells, told
    assert around.zone.serial == serial
