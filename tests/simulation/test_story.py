# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The story of the README on the default dials: plan, check mode, what is done and in which order."""

from __future__ import annotations

import pathlib

from rollout import run, wish
from simulated import PERSONA, ZONE, Surroundings, srv_members, surroundings

from emulated_windows.core import HostOptions

PLAN = [
    "host_update.kms_1_0",
    "host_update.kms_1_2",
    "host_reboot.restart",
    "host_settings.hold",
    "host_key.install",
    "host_key.activate",
    "host_firewall.open",
    "srv_record.publish",
]


def bare() -> Surroundings:
    """The bare host of the README."""
    return surroundings(HostOptions(name="kms03", persona=PERSONA))


def test_check_mode_foresees_the_whole_rollout_and_changes_nothing(packages: pathlib.Path) -> None:
    around = bare()
    serial, before = around.zone.serial, around.machine.show()
    foreseen = run(around, packages, wish(packages), check=True)
    assert foreseen.outcome is not None, foreseen.story
    assert [planned.step.id for planned in foreseen.outcome.plan] == PLAN
    assert [planned.after_restart for planned in foreseen.outcome.plan] == [False] * 3 + [True] * 5
    assert not any(exchange.mutation for exchange in around.exchanges)
    assert around.zone.serial == serial
    assert {**around.machine.show(), "clock": 0} == {**before, "clock": 0}


def test_a_run_does_what_was_foreseen(packages: pathlib.Path) -> None:
    around = bare()
    done = run(around, packages, wish(packages))
    assert done.converged, done.story
    assert done.outcome is not None
    assert [planned.step.id for planned in done.outcome.done] == PLAN
    assert srv_members(around.zone) == {f"foreign.{ZONE}", f"kms03.{ZONE}"}


def test_without_reboot_it_ends_well_before_the_restart(packages: pathlib.Path) -> None:
    around = bare()
    done = run(around, packages, wish(packages, reboot=False))
    assert done.outcome is not None
    assert done.outcome.problem is None
    assert done.outcome.extra == {"reboot_required": True}
    assert [planned.step.id for planned in done.outcome.done] == [*PLAN[:2], "host_firewall.open"]
    assert [planned.step.id for planned in done.outcome.remaining] == [*PLAN[3:6], "srv_record.publish"]
    assert not any(product["partial_product_key"] for product in around.machine.show()["products"])
    assert around.machine.show()["boot_count"] == 1


def test_without_microsoft_it_fails_clearly_and_a_later_run_asks_again(packages: pathlib.Path) -> None:
    around = bare()
    around.machine.inject("no-microsoft", [])
    failed = run(around, packages, wish(packages))
    assert failed.code == "0x80072EE7", failed.story
    assert failed.outcome is not None
    assert [planned.step.id for planned in failed.outcome.done] == PLAN[:5]
    assert [planned.step.id for planned in failed.outcome.remaining] == PLAN[5:]
    around.machine.inject("clear", [])
    assert run(around, packages, wish(packages)).converged
    assert around.machine.show()["activations_spent"] == {"67892": 1}


def test_a_host_that_publishes_itself_is_never_without_a_record(packages: pathlib.Path) -> None:
    around = bare()
    alone = run(around, packages, wish(packages, publish=None))
    assert alone.converged, alone.story
    assert around.machine.show()["self_publishing"] is True
    around.clock.advance(86400)
    done = run(around, packages, wish(packages))
    assert done.converged, done.story
    assert done.outcome is not None
    steps = [planned.step.id for planned in done.outcome.done]
    assert steps in (["srv_record.publish", "host_settings.apply"], ["host_settings.apply"]), steps
    assert around.machine.show()["self_publishing"] is False
    assert f"kms03.{ZONE}" in srv_members(around.zone)
