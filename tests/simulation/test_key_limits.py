# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Microsoft refuses: the seventh host of a key, its eleventh activation on a host, a blocked key, a MAK."""

from __future__ import annotations

import pathlib

import pytest
from keyed import FAMILIES, five, key_state, key_wish, ready, settled
from personas import PERSONAS
from rollout import Options, Run, key_run, run, wish_of
from simulated import MAK, ZONE, Surroundings, microsoft, srv_members

from emulated_windows.authority import ACTIVATIONS_PER_HOST, HOSTS_PER_KEY
from emulated_windows.core import Authority

EXHAUSTED, BLOCKED = "0xC004C008", "0xC004C003"
Personas = pytest.mark.parametrize("persona", FAMILIES)


def activated_on(hosts: int, persona: str) -> Authority:
    """A Microsoft that has activated the persona's key on so many other hosts."""
    authority = microsoft()
    for number in range(hosts):
        around = ready(persona, authority, name=f"kms{number:02}")
        done = key_run(around, key_wish(persona))
        assert done.converged, done.story
    return authority


def refused(around: Surroundings, options: Options, code: str) -> Run:
    """A run whose activation Microsoft refuses: asked once, told with number and advice, Windows held back."""
    before = around.authority.requests
    told = key_run(around, options)
    assert told.code == code, told.story
    assert told.problem is not None and told.outcome is not None
    assert around.authority.requests == before + 1, told.story
    assert code in told.problem.message and around.machine.options.name in told.problem.message
    assert [planned.step.id for planned in told.outcome.remaining] == ["host_key.activate"]
    state = key_state(around)
    assert state["manual"] == 1, told.story
    assert set(state["record"]) and "activating" not in str(state["record"]), state
    return told


@Personas
def test_the_seventh_host(persona: str) -> None:
    authority = activated_on(HOSTS_PER_KEY, persona)
    around = ready(persona, authority, name="kms07")
    told = refused(around, key_wish(persona), EXHAUSTED)
    assert told.problem is not None
    assert told.done == ["host_settings.hold", "host_key.install"]
    assert "10 on each of 6 machines" in told.problem.message, told.story
    assert "activation centre" in told.problem.advice
    assert refused(around, key_wish(persona), EXHAUSTED).done == []
    state = key_state(around)
    assert state["spent"] == {} and state["keys"][five(persona)] != 1

    around.machine.machine.authority = microsoft()  # Microsoft has granted more
    again = key_run(around, key_wish(persona))
    assert again.done == ["host_key.activate"], again.story
    assert key_state(around) == settled(persona)


@Personas
def test_the_eleventh_activation(persona: str) -> None:
    """A virtual machine that moves and moves; each time somebody says reactivate: true."""
    around = ready(persona)
    assert key_run(around, key_wish(persona)).converged
    for number in range(2, ACTIVATIONS_PER_HOST + 1):
        around.machine.inject("hardware-changed", [])
        before = around.authority.requests
        asked_for = key_run(around, key_wish(persona))
        assert asked_for.name == "reactivation_needed", asked_for.story
        assert around.authority.requests == before
        done = key_run(around, key_wish(persona, reactivate=True))
        assert done.converged, done.story
        assert key_state(around)["spent"] == {five(persona): number}
        assert not key_run(around, key_wish(persona, reactivate=True)).done
    around.machine.inject("hardware-changed", [])
    for _attempt in range(2):
        told = refused(around, key_wish(persona, reactivate=True), EXHAUSTED)
        assert key_state(around)["spent"] == {five(persona): ACTIVATIONS_PER_HOST}, told.story


@Personas
def test_a_blocked_key(persona: str) -> None:
    around = ready(persona, microsoft(PERSONAS[persona].key))
    for steps in (["host_settings.hold", "host_key.install"], []):
        assert refused(around, key_wish(persona), BLOCKED).done == steps
    assert key_state(around)["spent"] == {}


@Personas
def test_a_host_that_is_refused_is_not_published(persona: str, packages: pathlib.Path) -> None:
    authority = microsoft()
    for number in range(HOSTS_PER_KEY):
        authority.activate(PERSONAS[persona].key, f"kms{number:02}.{ZONE}")
    around = ready(persona, authority, name="kms07")
    told = run(around, packages, wish_of(PERSONAS[persona], packages))
    assert told.code == EXHAUSTED and told.outcome is not None, told.story
    assert "srv_record.publish" in [planned.step.id for planned in told.outcome.remaining]
    assert srv_members(around.zone) == {f"foreign.{ZONE}"}


@pytest.mark.parametrize("persona", [name for name in FAMILIES if not name.startswith("server-2003")])
def test_a_mak_installs_and_is_never_activated(persona: str) -> None:
    """Which key somebody has, only its installation tells."""
    around = ready(persona)
    told = key_run(around, {"product_key": MAK})
    assert told.name == "key_is_no_host_key", told.story
    assert around.authority.requests == 0
    assert key_state(around)["manual"] == 1
    assert key_run(around, {"product_key": MAK}).name == "key_is_no_host_key"
    assert around.authority.requests == 0
