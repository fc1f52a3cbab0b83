# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A thousand runs after a rollout spend and change nothing: over months, restarts, wrong clocks and bad lines."""

from __future__ import annotations

import pathlib
import random
import typing as t

import pytest
from keyed import FAMILIES, five, key_wish
from personas import PERSONAS
from rollout import Run, key_run, restart, run, wish_of
from simulated import Surroundings, surroundings

from emulated_windows.core import HostOptions

RUNS = 1000 // len(FAMILIES)
_WAYS = (
    {},
    {"activation": "offline"},
    {"activation": "offline", "confirmation_id": "1" * 48},
    {"activation": "unmanaged"},
    {"max_activations": 0},
    {"reactivate": True, "replace": True},
)
"""How the key may be wished by somebody else: it is activated, so none of it matters."""
_EVENTS: t.Mapping[str, tuple[str, ...]] = {"flap": ("2",), "slow-boot": ("300",), "quota": ("5",)}


def _something_happens(around: Surroundings, draw: random.Random) -> str:
    """Time passes; now and then the host restarts, a line goes bad, or this controller's clock is another one's."""
    around.clock.advance(draw.choice((1.0, 60.0, 86400.0, 30 * 86400.0)))
    event = draw.randrange(40)
    if event == 0:
        kind = draw.choice(list(_EVENTS))
        around.machine.inject(kind, _EVENTS[kind])
        return kind
    if event == 1:
        around.ahead = draw.choice((0.0, 3600.0, -7200.0, 40 * 86400.0, -400 * 86400.0))
        return f"a controller whose clock is {around.ahead} s ahead"
    if event == 2:
        return f"restart: {restart(around).story}"
    return ""


def _again(around: Surroundings, persona: str, packages: pathlib.Path, draw: random.Random) -> Run:
    """The whole host, or its key alone; now and then an answer is lost."""
    faults = {draw.randint(1, 20): draw.choice(("lost", "drop", "kill_after"))} if draw.randrange(8) == 0 else {}
    if draw.random() < 0.3:
        return run(around, packages, wish_of(PERSONAS[persona], packages), faults)
    return key_run(around, key_wish(persona, **draw.choice(_WAYS)), faults)


@pytest.mark.parametrize("persona", FAMILIES)
def test_a_thousand_runs(persona: str, packages: pathlib.Path) -> None:
    draw = random.Random(persona)
    around = surroundings(HostOptions(name="kms03", persona=persona))
    rolled_out = run(around, packages, wish_of(PERSONAS[persona], packages))
    assert rolled_out.converged, rolled_out.story
    state, undisturbed = around.machine.show()["registry"], 0
    for number in range(RUNS):
        happened = _something_happens(around, draw)
        around.exchanges.clear()
        audited = len(around.audited)
        again = _again(around, persona, packages, draw)
        told = f"run {number}, {happened}: {again.story}"
        assert not any(exchange.mutation for exchange in around.exchanges), told
        assert len(around.audited) == audited, told
        assert again.outcome is None or not (again.outcome.changed or again.outcome.plan), told
        undisturbed += again.converged
    assert undisturbed > RUNS * 0.7
    assert around.machine.show()["activations_spent"] == {five(persona): 1}
    assert around.authority.requests == 1
    assert around.machine.show()["registry"] == state
