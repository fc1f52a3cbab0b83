# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host key that goes: with its marks and its hold, whatever is lost on the way, and nobody else's with it."""

from __future__ import annotations

import typing as t

import pytest
from keyed import FAMILIES, TURNS, again_until, faulty_requests, five, key_state, key_wish, ready, settled
from personas import PERSONAS
from rollout import key_run
from simulated import OFFICE_KEY, Surroundings

from ansible_collections.activation.kms.plugins.plugin_utils._kms.removal import RemovalWish, removed

ABSENT = {"state": "absent"}
OFFICE = OFFICE_KEY[-5:]
WITH_OFFICE = {"office_licences": ("office_2016",), "office_key": OFFICE_KEY}
OFFICE_FAMILIES = FAMILIES[3:]
"""KMS for Office 2016 runs from Server 2012 on."""
DIALS = tuple(
    {"key_after_uninstall": after, "own_key_after_host_key": own, "own_product": product}
    for after, own, product in (
        ("none", "gone", "kms_client"),
        ("own", "gone", "kms_client"),
        ("none", "stays", "retail"),
    )
)
Personas = pytest.mark.parametrize("persona", FAMILIES)


def dials(persona: str, turn: int) -> dict[str, str]:
    """Server 2003 runs under a key of its own that has nothing to do with KMS."""
    return {} if persona.startswith("server-2003") else DIALS[turn % len(DIALS)]


def activated(persona: str, **options: t.Any) -> Surroundings:
    around = ready(persona, **options)
    done = key_run(around, key_wish(persona))
    assert done.converged, done.story
    around.clock.advance(86400.0)
    around.exchanges.clear()
    return around


def gone(persona: str, spent: int = 1) -> dict[str, t.Any]:
    """No host key, no mark in either view, no hold, no note; what was spent stays spent."""
    return {**settled(persona), "keys": {}, "spent": {five(persona): spent}, "marks": set()}


def setup_keys(around: Surroundings) -> list[str]:
    """The products that have a client setup key."""
    keyed = [one for one in around.machine.show()["products"] if one["partial_product_key"]]
    return [one["description"] for one in keyed if "VOLUME_KMSCLIENT" in one["description"]]


@pytest.mark.parametrize("wish", [{}, {"product_key": "its own"}], ids=["any", "this_key"])
@Personas
def test_it_goes_and_comes_back(persona: str, wish: dict[str, str]) -> None:
    around = activated(persona)
    options = {**ABSENT, **({"product_key": PERSONAS[persona].key} if wish else {})}
    foreseen = key_run(around, options, check=True)
    assert foreseen.outcome is not None and [one.step.id for one in foreseen.outcome.plan] == ["host_key.remove"]
    assert not any(exchange.mutation for exchange in around.exchanges)
    done = key_run(around, options)
    assert done.converged and done.done == ["host_key.remove"], done.story
    assert done.outcome is not None
    told = removed(done.outcome, RemovalWish())["removed"]
    assert [one["partial_product_key"] for one in told] == [five(persona)]
    assert key_state(around) == gone(persona)
    around.exchanges.clear()
    again = key_run(around, options)
    assert again.converged and not again.done
    assert not any(exchange.mutation for exchange in around.exchanges)
    back = key_run(around, key_wish(persona))
    assert back.converged, back.story
    assert key_state(around) == {**settled(persona), "spent": {five(persona): 2}}


@pytest.mark.parametrize(("persona", "turn"), TURNS)
def test_a_fault_at_every_request(persona: str, turn: int) -> None:
    setup = not persona.startswith("server-2003")
    options = {**ABSENT, "install_setup_key": setup}
    clean = activated(persona, dials=dials(persona, turn))
    done = key_run(clean, options)
    assert done.converged, done.story
    retail = (
        dials(persona, turn).get("own_product") == "retail"
    )  # Windows keeps that key: there is nothing to put there
    assert len(setup_keys(clean)) == (setup and not retail)
    for number, kind in faulty_requests(clean.exchanges, turn):
        around = activated(persona, dials=dials(persona, turn))
        first = key_run(around, options, {number: kind})
        told = f"{kind} at {number}: {first.story}\n" + again_until(around, options, number)
        assert key_state(around) == gone(persona), told
        assert len(setup_keys(around)) == len(setup_keys(clean)), told
    back = key_run(around, key_wish(persona))
    assert back.converged, back.story
    assert key_state(around) == {**settled(persona), "spent": {five(persona): 2}}


@pytest.mark.parametrize(("persona", "turn"), [*zip(2 * OFFICE_FAMILIES, range(4), strict=True)])
def test_the_key_of_office_stays_with_the_mark_and_goes_by_its_id(persona: str, turn: int) -> None:
    clean = activated(persona, **WITH_OFFICE)
    assert set(key_state(clean)["keys"]) == {five(persona), OFFICE}
    assert key_run(clean, ABSENT).converged
    for number, kind in faulty_requests(clean.exchanges, turn):
        around = activated(persona, **WITH_OFFICE)
        told = f"{kind} at {number}: {key_run(around, ABSENT, {number: kind}).story}\n"
        told += again_until(around, ABSENT, number)
        state = key_state(around)
        assert state["keys"] == {OFFICE: 1}, told
        assert state["marks"] == settled(persona)["marks"], told
    products = around.machine.show()["products"]
    office = next(one["activation_id"] for one in products if one["partial_product_key"] == OFFICE)
    done = key_run(around, {**ABSENT, "activation_id": office})
    assert done.converged, done.story
    assert (key_state(around)["keys"], key_state(around)["marks"]) == ({}, set())


@Personas
def test_what_was_held_for_a_key_that_never_was_activated_is_given_back(persona: str) -> None:
    around = ready(persona)
    around.machine.inject("no-microsoft", [])
    assert key_run(around, key_wish(persona)).code == "0x80072EE7"
    assert key_state(around)["manual"] == 1
    done = key_run(around, ABSENT)
    assert done.converged, done.story
    assert key_state(around) == {**gone(persona), "spent": {}}


@Personas
def test_so_is_what_was_noted_for_an_offline_activation(persona: str) -> None:
    around = ready(persona)
    told = key_run(around, key_wish(persona, activation="offline"))
    assert told.outcome is not None and told.outcome.extra["awaiting_confirmation"], told.story
    assert "confirming" in str(key_state(around)["record"])
    assert key_run(around, ABSENT).converged
    assert key_state(around) == {**gone(persona), "spent": {}}


@Personas
def test_a_key_that_is_not_there_is_no_reason_to_touch_another(persona: str) -> None:
    around = activated(persona)
    other = next(row.key for row in PERSONAS.values() if row.key != PERSONAS[persona].key)
    done = key_run(around, {**ABSENT, "product_key": other})
    assert done.converged and not done.done, done.story
    assert key_state(around) == settled(persona)
