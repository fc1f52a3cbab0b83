# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing is changed on a host that the audit log does not tell of, whatever happens on the way."""

from __future__ import annotations

import pathlib

import pytest
from rollout import run, wish
from simulated import PERSONA, Surroundings, surroundings
from test_story import PLAN

from emulated_windows.core import HostOptions

UPKEEP = {"host_settings.release", "host_key.mark"}
"""What is done on the way without being a change."""
FAULTS_AT = range(3, 240, 17)
"""Requests of the rollout, spread over all of it."""


def bare() -> Surroundings:
    return surroundings(HostOptions(name="kms03", persona=PERSONA))


def told(around: Surroundings) -> list[tuple[str, str]]:
    return [(entry["step"], entry["outcome"]) for _count, entry in around.audited]


def test_a_rollout_leaves_a_line_a_step(packages: pathlib.Path) -> None:
    around = bare()
    run(around, packages, wish(packages))
    assert [step for step, _outcome in told(around) if step in PLAN] == PLAN
    assert {step for step, _outcome in told(around)} - set(PLAN) == UPKEEP
    assert {outcome for _step, outcome in told(around)} == {"done"}
    assert around.unaudited() == []
    start = 0
    for end, entry in around.audited:
        changed = any(one.mutation for one in around.exchanges[start:end])
        assert changed is (entry["step"] != "srv_record.publish"), entry  # that one is sent to the DNS server
        start = end


def test_a_second_rollout_and_check_mode_leave_none(packages: pathlib.Path) -> None:
    around = bare()
    run(around, packages, wish(packages), check=True)
    assert around.audited == []
    run(around, packages, wish(packages))
    lines = list(around.audited)
    run(around, packages, wish(packages))
    assert lines and around.audited == lines


def test_an_activation_that_failed_is_told_with_its_number(packages: pathlib.Path) -> None:
    around = bare()
    around.machine.inject("no-microsoft", [])
    run(around, packages, wish(packages))
    _count, entry = around.audited[-1]
    assert (entry["step"], entry["outcome"]) == ("host_key.activate", "failed")
    assert (entry["code"], entry["error"]) == ("0x80072EE7", "WININET_E_NAME_NOT_RESOLVED")
    assert around.unaudited() == []


@pytest.mark.parametrize("fault", ["lost", "drop"])
@pytest.mark.parametrize("at", FAULTS_AT)
def test_no_change_escapes_it_when_answers_are_lost(packages: pathlib.Path, at: int, fault: str) -> None:
    around = bare()
    done = run(around, packages, wish(packages), {at: fault})
    assert around.unaudited() == [], done.story
    assert {outcome for _step, outcome in told(around)} <= {"done", "unknown", "failed"}
    assert done.outcome is not None or not around.audited


@pytest.mark.parametrize("at", FAULTS_AT)
def test_what_was_done_before_a_controller_died_is_told(packages: pathlib.Path, at: int) -> None:
    around = bare()
    killed = run(around, packages, wish(packages), {at: "kill_after"})
    steps = [step for step, outcome in told(around) if outcome == "done" and step in PLAN]
    assert killed.killed
    assert steps == PLAN[: len(steps)], killed.story
