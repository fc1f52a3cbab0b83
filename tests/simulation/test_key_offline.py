# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Offline activation in two phases, with days, restarts, dead controllers and moved machines between them.

`Authority.confirm` plays the person who takes the installation ID to Microsoft and comes back.
"""

from __future__ import annotations

import itertools
import typing as t

import pytest
from keyed import FAMILIES, TURNS, again_until, faulty_requests, five, key_state, key_wish, ready, settled
from personas import PERSONAS
from rollout import Run, key_run, restart
from simulated import Surroundings

from emulated_windows.core import confirmation_id

DAY = 86400.0
DIALS = tuple(
    {"auto_activation": auto, "installation_id_digits": digits, "installation_id_depends_on": depends}
    for auto, (digits, depends) in itertools.product(
        ("on", "off"), (("54", "also_each_installation"), ("63", "hardware_and_key"))
    )
)
FOREIGN = ("0xC004F031", "0xC004F04D", "0xC004F07E", "0xC004F07F")
CHANGED = ("3_0x4004F00D", "3_0xC004F00F", "5_0xC004F00F")
Personas = pytest.mark.parametrize("persona", FAMILIES)


def phase_one(persona: str, **changes: t.Any) -> dict[str, t.Any]:
    return key_wish(persona, activation="offline", **changes)


def awaits(run: Run) -> bool:
    """Whether the run ended well and has told an installation ID."""
    return run.outcome is not None and run.problem is None and "awaiting_confirmation" in run.outcome.extra


def told_by(run: Run, around: Surroundings) -> str:
    """The installation ID a run has told, in all its forms."""
    assert awaits(run) and run.outcome is not None, run.story
    extra = run.outcome.extra
    digits: str = extra["installation_id"]
    assert len(digits) == int(around.machine.dials["installation_id_digits"])
    assert extra["installation_id_grouped"].replace(" ", "") == digits
    assert len(extra["installation_id_grouped"].split()) == 9
    assert extra["offline_activation"]["partial_product_key"] == PERSONAS[around.machine.options.persona].key[-5:]
    assert digits in run.outcome.pauses[-1].reason.replace(" ", "")
    return digits


def told(around: Surroundings, persona: str, **changes: t.Any) -> str:
    """Phase one, once; the installation ID."""
    return told_by(key_run(around, phase_one(persona, **changes)), around)


def days_pass(around: Surroundings) -> None:
    """The host restarts meanwhile, and its licensing service with it: Windows would activate by itself now."""
    around.clock.advance(3 * DAY)
    assert restart(around).converged
    around.clock.advance(2 * DAY)


@pytest.mark.parametrize("turn", range(len(DIALS)))
@Personas
def test_two_phases(persona: str, turn: int) -> None:
    around = ready(persona, dials=DIALS[turn])
    first = key_run(around, phase_one(persona))
    installation = told_by(first, around)
    assert first.done == ["host_settings.hold", "host_key.install"]
    state = key_state(around)
    assert (state["manual"], state["spent"]) == (1, {})
    days_pass(around)
    again = key_run(around, phase_one(persona))
    assert again.done == [] and told_by(again, around) == installation
    assert key_state(around) == state
    confirmation = around.authority.confirm(installation)
    days_pass(around)
    second = key_run(around, phase_one(persona, confirmation_id=confirmation))
    assert second.converged and second.done == ["host_key.deposit"], second.story
    assert key_state(around) == settled(persona)
    for activation in ("offline", "online", "unmanaged"):
        days_pass(around)
        later = key_run(around, key_wish(persona, activation=activation))
        assert later.converged and not later.done and not awaits(later), later.story
    assert key_state(around) == settled(persona)
    assert around.authority.requests == 1


@pytest.mark.parametrize(("persona", "turn"), TURNS)
def test_a_fault_at_every_request_of_phase_one(persona: str, turn: int) -> None:
    clean = ready(persona, dials=DIALS[turn])
    told(clean, persona)
    for number, kind in faulty_requests(clean.exchanges, turn):
        around = ready(persona, dials=DIALS[turn])
        story = f"{kind} at {number}: {key_run(around, phase_one(persona), {number: kind}).story}\n"
        story += again_until(around, phase_one(persona), number, awaits)
        state = key_state(around)
        assert (state["manual"], state["spent"]) == (1, {}), story
        confirmation = around.authority.confirm(told(around, persona))
        second = key_run(around, phase_one(persona, confirmation_id=confirmation))
        assert second.converged, story + second.story
        assert key_state(around) == settled(persona), story


@pytest.mark.parametrize(("persona", "turn"), TURNS)
def test_a_fault_at_every_request_of_phase_two(persona: str, turn: int) -> None:
    clean = ready(persona, dials=DIALS[turn])
    confirmation = clean.authority.confirm(told(clean, persona))
    clean.exchanges.clear()
    assert key_run(clean, phase_one(persona, confirmation_id=confirmation)).converged
    for number, kind in faulty_requests(clean.exchanges, turn):
        around = ready(persona, dials=DIALS[turn])
        options = phase_one(persona, confirmation_id=around.authority.confirm(told(around, persona)))
        story = f"{kind} at {number}: {key_run(around, options, {number: kind}).story}\n"
        story += again_until(around, options, number)
        assert key_state(around) == settled(persona), story


@Personas
def test_a_machine_that_moves_before_anybody_asked_microsoft(persona: str) -> None:
    around = ready(persona)
    installation = told(around, persona)
    around.machine.inject("hardware-changed", [])
    anew = told(around, persona)
    assert anew != installation
    done = key_run(around, phase_one(persona, confirmation_id=around.authority.confirm(anew)))
    assert done.converged, done.story
    assert key_state(around) == settled(persona)


@Personas
def test_a_machine_that_moves_after_that(persona: str) -> None:
    """What Microsoft has counted then is lost; it is not tried in vain, and the new one is told."""
    around = ready(persona)
    stale = around.authority.confirm(told(around, persona))
    around.machine.inject("hardware-changed", [])
    before = key_state(around)
    for _attempt in range(2):
        around.exchanges.clear()
        refused = key_run(around, phase_one(persona, confirmation_id=stale))
        assert refused.name == "installation_id_changed", refused.story
        assert not any(exchange.mutation for exchange in around.exchanges)
    assert key_state(around) == before
    fresh = around.authority.confirm(told(around, persona))
    assert key_run(around, phase_one(persona, confirmation_id=fresh)).converged
    assert key_state(around)["keys"] == {five(persona): 1}
    assert key_state(around)["spent"] == {five(persona): 2}


@pytest.mark.parametrize("change", CHANGED)
@Personas
def test_a_machine_that_moves_once_it_is_activated(persona: str, change: str) -> None:
    around = ready(persona, dials={"after_hardware_change": change})
    used = around.authority.confirm(told(around, persona))
    assert key_run(around, phase_one(persona, confirmation_id=used)).converged
    around.machine.inject("hardware-changed", [])
    for options in (phase_one(persona), phase_one(persona, confirmation_id=used), key_wish(persona)):
        refused = key_run(around, options)
        assert refused.name == "reactivation_needed", refused.story
    assert key_state(around)["spent"] == {five(persona): 1}
    anew = told(around, persona, reactivate=True)
    stale = key_run(around, phase_one(persona, reactivate=True, confirmation_id=used))
    assert stale.code in FOREIGN and stale.done == [], stale.story
    options = phase_one(persona, reactivate=True, confirmation_id=around.authority.confirm(anew))
    assert key_run(around, options).converged
    assert key_state(around)["keys"] == {five(persona): 1}
    assert key_state(around)["spent"] == {five(persona): 2}


@pytest.mark.parametrize("code", FOREIGN)
@Personas
def test_the_confirmation_id_of_another_host(persona: str, code: str) -> None:
    around = ready(persona, dials={"foreign_confirmation_id": code})
    installation = told(around, persona)
    foreign = confirmation_id(installation[::-1])
    for _attempt in range(2):
        refused = key_run(around, phase_one(persona, confirmation_id=foreign))
        assert refused.code == code and refused.problem is not None, refused.story
        assert refused.problem.message.startswith("kms03: depositing"), refused.story
        assert refused.problem.advice and foreign not in refused.problem.message
        assert refused.done == []
        assert (key_state(around)["manual"], key_state(around)["spent"]) == (1, {})
    done = key_run(around, phase_one(persona, confirmation_id=around.authority.confirm(installation)))
    assert done.converged, done.story
    assert key_state(around) == settled(persona)


@Personas
def test_somebody_changes_their_mind(persona: str) -> None:
    """Online after phase one, where somebody says so, and offline where online failed: one activation each."""
    around = ready(persona)
    told(around, persona)
    refused = key_run(around, key_wish(persona))
    assert refused.name == "confirmation_awaited", refused.story
    assert around.authority.requests == 0
    online = key_run(around, key_wish(persona, reactivate=True))
    assert online.done == ["host_key.activate"], online.story
    assert key_state(around) == settled(persona)
    assert not key_run(around, phase_one(persona)).done

    around = ready(persona)
    around.machine.inject("no-microsoft", [])
    failed = key_run(around, key_wish(persona))
    assert failed.code == "0x80072EE7" and failed.problem is not None, failed.story
    assert "activation: offline" in failed.problem.message
    confirmation = around.authority.confirm(told(around, persona))
    assert key_run(around, phase_one(persona, confirmation_id=confirmation)).converged
    assert key_state(around) == settled(persona)
    assert not key_run(around, key_wish(persona)).done


@Personas
def test_a_confirmation_id_that_came_by_another_way(persona: str) -> None:
    """Somebody installed the key by hand and has the digits: one run does it, without phase one."""
    around = ready(persona, dials={"installation_id_depends_on": "hardware_and_key"})
    twin = ready(persona, dials={"installation_id_depends_on": "hardware_and_key"})
    digits = confirmation_id(told(twin, persona))
    done = key_run(around, phase_one(persona, confirmation_id=digits))
    assert done.converged, done.story
    assert key_state(around) == {**settled(persona), "spent": {}}
