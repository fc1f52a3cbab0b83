# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seeded rollouts of every persona over its dials, with lost answers and killed controllers.

Judged by the machine itself: converged, one activation, nothing left. A failure prints its seed;
`pytest tests/simulation -k "seed_17-"` replays it.
"""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from rollout import restart, run
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
    around, stories = scenario.around, [f"{scenario.host} {scenario.mishap}"]
    before, reached = around.machine.show(), scenario.reaches()
    for _attempt in range(scenario.random.randint(0, 3)):
        stories.append(run(around, scenario.packages, scenario.options, scenario.faults()).story)
        scenario.pass_time()
    for _attempt in range(_CLEAN_RUNS):
        clean = run(around, scenario.packages, scenario.options)
        stories.append(clean.story)
        if clean.converged:
            break
        if clean.code in _NOT_KNOWN_YET:
            stories.append(restart(around).story)
        around.clock.advance(_LATER)
    told = "\n".join(stories)
    assert clean.converged, told
    around.machine.inject("clear", [])  # a mishap that was not met by then is none
    around.clock.advance(_SHELL_IDLE)
    after = around.machine.show()
    check_licensing(scenario, after, told)
    check_publication(scenario, after, told)
    check_firewall(scenario, before, reached, after, told)
    check_second_run(scenario, told)
    for dial, setting in scenario.dials_met().items():
        DIALS_MET[dial].add(setting)


def check_licensing(scenario: Scenario, state: dict[str, t.Any], told: str) -> None:
    """The wished updates work, one activation was spent, and nothing of ours is left. Never our own output."""
    wanted = scenario.wanted
    if state["kms_version"] is None:
        assert set(wanted.updates) <= set(state["updates"]), told
    else:
        assert "kms_" + state["kms_version"].replace(".", "_") >= wanted.updates[-1], told
    hosting = [product for product in state["products"] if product["is_kms_host"]]
    assert [(one["key_group"], one["license_status"]) for one in hosting] == [(wanted.key_group, 1)], told
    assert state["activations_spent"] == {wanted.key[-5:]: 1}, told
    assert state["shells_open"] == 0, told
    assert state["files_left"] == [], told
    assert state["processes"] == [], told
    assert state["manual_activation"] in (None, 0), told


def check_publication(scenario: Scenario, state: dict[str, t.Any], told: str) -> None:
    """The record of somebody else is there, and ours beside it; the host does not publish itself where we do."""
    members = srv_members(scenario.around.zone)
    assert f"foreign.{ZONE}" in members, told
    if scenario.published:
        assert members == {f"foreign.{ZONE}", f"kms03.{ZONE}"}, told
        assert state["self_publishing"] is False, told
        assert state["published_itself"] == [], told


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
