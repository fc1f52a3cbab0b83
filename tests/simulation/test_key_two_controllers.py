# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two controllers that activate one host at the same time: when that costs one activation, and when two.

There is no lock on the host, only a note that is read just before. These tests say how wide the gaps are that it
leaves, so that nobody widens them unseen.
"""

from __future__ import annotations

import random

import pytest
from keyed import FAMILIES, again_until, five, key_state, key_wish, ready, settled
from rollout import Run, key_run
from simulated import Exchange, Surroundings
from two_controllers import at_once

DURATIONS = ("short", "beyond_timeout")
INSTALL, ACTIVATE = "InstallProductKey", "Activate"
_SLOW_LINE = (0.0, 0.0, 0.5, 3.0)


def index(exchanges: list[Exchange], method: str) -> int:
    """The number of the request that calls this method."""
    return next(number for number, one in enumerate(exchanges, 1) if one.method == method)


def doubled(around: Surroundings, persona: str) -> bool:
    spent = key_state(around)["spent"][five(persona)]
    assert spent in (1, 2)
    return bool(spent == 2)


@pytest.mark.parametrize(("persona", "duration"), [(FAMILIES[0], DURATIONS[0]), (FAMILIES[-1], DURATIONS[1])])
def test_one_that_stalls_while_the_other_does_everything(persona: str, duration: str) -> None:
    """At each of its requests in turn the first one stalls, and the second one comes, does its work and goes.

    A second activation is spent only where the first one stalls between its last look and the request that follows:
    installing the key anew, which undoes the activation, or asking for the activation. The hold never stays. Where it
    looks for its hold, or its note, it fails: they are gone by then.
    """
    clean = ready(persona, dials={"activation_duration": duration})
    alone = key_run(clean, key_wish(persona))
    install, activate = index(clean.exchanges, INSTALL), index(clean.exchanges, ACTIVATE)
    spent_twice, failures = set(), set()
    for number in range(1, alone.world.requests + 1):
        around = ready(persona, dials={"activation_duration": duration})
        others: list[Run] = []

        def other(around: Surroundings = around, others: list[Run] = others) -> None:
            others.append(key_run(around, key_wish(persona)))

        first = key_run(around, key_wish(persona), {number: other})
        assert others[0].converged, f"{number}: {others[0].story}"
        failures |= set() if first.converged else {first.name}
        again = key_run(around, key_wish(persona))
        assert again.converged and not again.done, f"{number}: {first.story}\n{again.story}"
        state = key_state(around)
        spent_twice |= {number} if doubled(around, persona) else set()
        assert {**state, "spent": {}} == {**settled(persona), "spent": {}}, number
    assert spent_twice == {install, activate}
    assert "activation_not_noted" in failures
    assert failures <= {"activation_not_noted", "not_verified"}


@pytest.mark.parametrize("seed", range(25), ids=lambda seed: f"seed_{seed}-")
def test_two_on_a_good_line_spend_one(seed: int) -> None:
    persona = FAMILIES[seed % len(FAMILIES)]
    around = ready(persona, dials={"activation_duration": DURATIONS[seed % 2]})
    apart = random.Random(seed).choice((0.0, 1.0, 10.0))
    runs = at_once(around, [lambda doors: key_run(around, key_wish(persona), doors=doors)] * 2, seed, (0.0,), apart)
    told = "\n".join(run.story for run in runs)
    assert all(run.converged for run in runs), told
    assert {**key_state(around), "manual": None} == settled(persona), told


@pytest.mark.parametrize("seed", range(50), ids=lambda seed: f"seed_{seed}-")
def test_two_on_a_slow_line(seed: int) -> None:
    """Each comes to its end or says clearly why not; the next run puts it right, and what is there is not spent again.

    A second activation is only ever asked for by a controller that read the note before the first one was asked for, or
    that has installed the key once more since.
    """
    persona = FAMILIES[seed % len(FAMILIES)]
    around = ready(persona, seed=seed, dials={"wow6432_root": "present"} if "x86" not in persona else {})
    runs = at_once(around, [lambda doors: key_run(around, key_wish(persona), doors=doors)] * 2, seed, _SLOW_LINE, 10.0)
    told = "\n".join(run.story for run in runs)
    assert all(run.converged or (run.problem is not None and run.problem.message) for run in runs), told
    before = key_state(around)["spent"]
    told += again_until(around, key_wish(persona), seed)
    state = key_state(around)
    assert {**state, "spent": {}, "manual": None} == {**settled(persona), "spent": {}}, told
    assert state["spent"] == (before or {five(persona): 1}), told
    if doubled(around, persona):
        assert _could_not_know(around), told


def _could_not_know(around: Surroundings) -> bool:
    """Whether the controller that asked last had read the note before the other one asked, or has installed the key."""
    asked = [number for number, one in enumerate(around.exchanges) if one.method == ACTIVATE]
    first, last = asked[0], asked[-1]
    own = [number for number, one in enumerate(around.exchanges) if one.by == around.exchanges[last].by]
    reads = [n for n in own if n < last and around.exchanges[n].method == "GetStringValue"]
    installed = [n for n in own if first < n < last and around.exchanges[n].method == INSTALL]
    return reads[-1] < first or bool(installed)
