# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A seeded rollout's end: the host is retired by controllers that die and lose answers on the way.

Knows what must be gone then, and what must not. Refuses to know how the host came to serve.
"""

from __future__ import annotations

import typing as t

from invariants import check_mode, check_run, check_touched, touchable
from keyed import key_state
from rollout import Options, Run, run
from scenario import Scenario
from simulated import ZONE, all_zones, srv_members
from whole import whole
from wishes import OTHER_ZONE

_RUNS = 6
_LATER = 600.0


def check_ending(scenario: Scenario, told: str) -> None:
    """Check mode, up to two runs with faults, then clean ones until the host is retired; and a look at it."""
    around, five = scenario.around, scenario.wanted.key[-5:]
    options: Options = {**scenario.options, "state": "absent", "drain": scenario.random.choice(("ttl", "120", "0"))}
    before, spent = whole(around), around.machine.show()["activations_spent"]

    def retire(**how: t.Any) -> Run:
        return run(around, scenario.packages, options, **how)

    check_mode(around, lambda: retire(check=True), told)
    for number in range(scenario.random.randint(0, 2) + _RUNS):
        faults = scenario.faults() if number < 2 else None
        done = retire(faults=faults)
        told = f"{told}\nretired: {done.story}"
        check_run(around, done, told)
        if done.converged and faults is None:
            break
        around.clock.advance(_LATER)
    else:
        raise AssertionError(told)
    allowed = touchable(five, [ZONE, OTHER_ZONE], f"kms03.{ZONE}", port=scenario.port)
    check_touched(before, whole(around), (*allowed, r"key\\.*"), told, port=scenario.port)
    check_retired(scenario, told)
    assert around.machine.show()["activations_spent"] == spent, told
    again = retire()
    assert again.converged and not again.done, f"{told}\n{again.story}"


def check_retired(scenario: Scenario, told: str) -> None:
    """No client is sent there by us, its key is gone, the port is closed and nothing of ours is left."""
    around, five = scenario.around, scenario.wanted.key[-5:]
    state, keys = around.machine.show(), key_state(around)
    if scenario.published:
        assert all(srv_members(zone) == {f"foreign.{ZONE}"} for zone in all_zones(around)), told
    assert five not in keys["keys"], told
    office = bool(scenario.host.office_key)
    assert office or keys["record"] == {}, told
    assert keys["manual"] in (None, 0), told
    assert not [one for one in state["open_ports"] if one["port"] == scenario.port and one["enabled"]], told
    assert scenario.together or state["files_left"] == [], told
