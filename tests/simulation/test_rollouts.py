# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seeded rollouts over every dial, with lost answers and killed controllers: converged, one activation, nothing left.

A failure prints its seed; `pytest tests/simulation -k "seed_17-"` replays it.
"""

from __future__ import annotations

import os
import pathlib
import random

import pytest
from rollout import Options, restart, run, wish
from simulated import DIALS_MET, PERSONA, ZONE, Surroundings, srv_members, surroundings

from emulated_windows.core import HostOptions

SEEDS = int(os.environ.get("KMS_SIMULATION_SEEDS", "500"))
FIRST = int(os.environ.get("KMS_SIMULATION_FIRST", "0"))
FAULTS = ("drop", "lost", "kill", "kill_after")
_CLEAN_RUNS = 6
_SHELL_IDLE = 4 * 3600.0  # longer than any idle time-out after which WinRM removes a shell nobody uses


class Scenario:
    """What one seed stands for."""

    def __init__(self, seed: int, folder: pathlib.Path) -> None:
        self.random = random.Random(seed)
        draw = self.random
        start = draw.choice(["bare", "bare", "bare", "kms_1_0", "kms_1_1", "kms_1_2", "kms_1_2_unrestarted"])
        firewall = draw.choice(["on", "on", "off", "stopped"])
        self.host = HostOptions(
            name="kms03",
            persona=PERSONA,
            start=start,
            firewall=firewall,
            seed=seed,
            dials={"publishing_read": draw.choice(["at_each_publication", "at_service_start"])},
            boot_seconds=draw.choice([20.0, 120.0, 400.0]),
        )
        self.around: Surroundings = surroundings(self.host)
        changes: Options = {}
        if draw.random() < 0.2:
            changes["publish"] = None
        if draw.random() < 0.2:
            changes["port"] = None
        self.options = wish(folder, reboot_timeout=1800, **changes)

    def faults(self) -> dict[int, str]:
        """One to four faults somewhere among the requests of a run."""
        draw = self.random
        return {draw.randint(1, 160): draw.choice(FAULTS) for _ in range(draw.randint(1, 4))}

    def pass_time(self) -> None:
        """Somebody notices, some time later."""
        self.around.clock.advance(self.random.choice([1.0, 30.0, 600.0, 7200.0]))


@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS), ids=lambda seed: f"seed_{seed}-")
def test_rollout_converges(seed: int, packages: pathlib.Path) -> None:
    """Runs with faults, then clean ones until nothing is left to do; then a look at the host itself."""
    scenario = Scenario(seed, packages)
    around, told = scenario.around, []
    for _attempt in range(scenario.random.randint(0, 3)):
        told.append(run(around, packages, scenario.options, scenario.faults()).story)
        scenario.pass_time()
    for _attempt in range(_CLEAN_RUNS):
        clean = run(around, packages, scenario.options)
        told.append(clean.story)
        if clean.converged:
            break
        if clean.code == "0xC004F050":  # an update installed by hand that left no sign; the advice is to restart
            told.append(restart(around).story)
        scenario.pass_time()
    assert clean.converged, told
    check_host(scenario, told)
    check_second_run(scenario, packages)
    for dial, setting in around.machine.dials.items():
        DIALS_MET[dial].add(setting)


def check_host(scenario: Scenario, told: list[str]) -> None:
    """The machine's own state, never our own output."""
    around = scenario.around
    around.clock.advance(_SHELL_IDLE)
    state = around.machine.show()
    assert state["kms_version"] == "1.2", told
    assert [product["license_status"] for product in state["products"] if product["is_kms_host"]] == [1], told
    assert state["activations_spent"] == {"67892": 1}, told
    assert state["shells_open"] == 0, told
    assert state["files_left"] == [], told
    assert state["manual_activation"] in (None, 0), told
    published = "publish" in scenario.options
    assert f"foreign.{ZONE}" in srv_members(around.zone)
    if published:
        assert srv_members(around.zone) == {f"foreign.{ZONE}", f"kms03.{ZONE}"}, told
        assert state["self_publishing"] is False, told
        assert state["published_itself"] == [], told
    opened = {entry["profile"] for entry in state["open_ports"] if entry["port"] == 1688 and entry["enabled"]}
    assert opened == ({"DomainProfile", "StandardProfile"} if scenario.host.firewall == "on" else set()), told


def check_second_run(scenario: Scenario, packages: pathlib.Path) -> None:
    """Check mode foresees nothing; a run changes nothing and sends only reads, none of them twice."""
    around = scenario.around
    foreseen = run(around, packages, scenario.options, check=True)
    assert foreseen.outcome is not None
    assert foreseen.outcome.plan == []
    around.exchanges.clear()
    serial = around.zone.serial
    again = run(around, packages, scenario.options)
    assert again.converged
    assert again.outcome is not None
    assert not again.outcome.changed
    assert [exchange for exchange in around.exchanges if exchange.mutation] == []
    assert all(exchange.operation != "shell" for exchange in around.exchanges)
    assert around.zone.serial == serial
