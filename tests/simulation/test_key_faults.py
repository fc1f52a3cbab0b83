# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host key costs one activation, whichever request or answer is lost, and wherever the controller dies.

With Windows activating by itself or not, and with an activation that ends within the time-out of its request or later.
"""

from __future__ import annotations

import random

import pytest
from keyed import FAMILIES, again_until, faulty_requests, key_state, key_wish, ready, settled
from rollout import key_run
from simulated import Surroundings

DIALS = tuple(
    {"auto_activation": auto, "activation_duration": duration}
    for auto in ("on", "off")
    for duration in ("short", "beyond_timeout")
)
Personas = pytest.mark.parametrize("persona", FAMILIES)
DialSettings = pytest.mark.parametrize("turn", range(len(DIALS)), ids=lambda turn: "-".join(DIALS[turn].values()))


def host(persona: str, turn: int) -> Surroundings:
    return ready(persona, dials=DIALS[turn])


@DialSettings
@Personas
def test_a_fault_at_every_request(persona: str, turn: int) -> None:
    clean = host(persona, turn)
    done = key_run(clean, key_wish(persona))
    assert done.converged, done.story
    assert key_state(clean) == settled(persona)
    for number, kind in faulty_requests(clean.exchanges, turn):
        around = host(persona, turn)
        first = key_run(around, key_wish(persona), {number: kind})
        told = f"{kind} at {number}: {first.story}\n" + again_until(around, key_wish(persona), number)
        assert key_state(around) == settled(persona), told
        assert around.authority.requests == 1, told


@pytest.mark.parametrize("seed", range(40), ids=lambda seed: f"seed_{seed}-")
def test_two_faults(seed: int) -> None:
    """In one run, or the second one in the run after it."""
    draw = random.Random(seed)
    persona, turn = FAMILIES[seed % len(FAMILIES)], draw.randrange(len(DIALS))
    around = ready(persona, dials=DIALS[turn], seed=seed)
    first = {draw.randint(1, 60): draw.choice(("lost", "drop")) for _ in range(2)}
    second = {draw.randint(1, 45): draw.choice(("lost", "drop", "kill", "kill_after"))}
    stories = []
    for faults in (first, second):
        stories.append(f"{faults}: {key_run(around, key_wish(persona), faults).story}")
        around.clock.advance(draw.choice((1.0, 60.0, 3600.0)))
    told = "\n".join([*stories, again_until(around, key_wish(persona), seed)])
    state = key_state(around)
    assert state["spent"] == settled(persona)["spent"], told
    assert (state["keys"], state["manual"], state["record"]) == (settled(persona)["keys"], None, {}), told
