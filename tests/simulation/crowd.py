# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several hosts that are rolled out at the same time and publish into one zone: a controller each, one clock for all.

Knows how such a fleet is drawn from a seed and what must hold at its end. Refuses to know what one host is made of.
"""

from __future__ import annotations

import pathlib
import random
import typing as t

from invariants import check_run, check_touched, touchable
from personas import PERSONAS, Wanted
from rollout import Run, run, wish_of
from scenario import FAULTS
from simulated import ZONE, Surroundings, microsoft, neighbour, srv_ports, surroundings
from two_controllers import Controller, at_once
from whole import whole

from emulated_windows.core import HostOptions

_RUNS = 6
_LATER = 600.0
_SHELL_IDLE = 4 * 3600.0
_SLOW_LINE = (0.0, 0.0, 0.1, 0.5)


def check_crowd(seed: int, packages: pathlib.Path) -> None:
    """All at once with faults, then all at once without until nobody is left; all are published, each cost one."""
    draw = random.Random(f"crowd {seed}")
    wanted, fleet = _fleet(seed, draw)
    names, told = [one.machine.options.fqdn for one in fleet], str([one.machine.options for one in fleet])
    before = [whole(around) for around in fleet]
    doomed = draw.random() < 0.5
    for attempt in range(_RUNS):
        faults = [_faults(draw) if doomed and not attempt else {} for _ in fleet]
        controllers = [
            _controller(around, packages, row, fault) for around, row, fault in zip(fleet, wanted, faults, strict=True)
        ]
        runs = at_once(fleet[0], controllers, seed + attempt, _SLOW_LINE, draw.choice((0.0, 5.0, 60.0)))
        told += "".join(
            f"\n{around.machine.options.name}: {one.story}" for around, one in zip(fleet, runs, strict=True)
        )
        for around, one in zip(fleet, runs, strict=True):
            check_run(around, one, told)
        if all(one.converged for one in runs):
            break
        fleet[0].clock.advance(_LATER)
    else:
        raise AssertionError(told)
    fleet[0].clock.advance(_SHELL_IDLE)
    assert srv_ports(fleet[0].zone) == sorted((name, 1688) for name in [f"foreign.{ZONE}", *names]), told
    for around, row, was in zip(fleet, wanted, before, strict=True):
        state, five = around.machine.show(), row.key[-5:]
        assert state["activations_spent"] == {five: 1}, told
        assert (state["shells_open"], state["files_left"], state["processes"]) == (0, [], []), told
        check_touched(was, whole(around), touchable(five, [ZONE], *names), told)


def _fleet(seed: int, draw: random.Random) -> tuple[list[Wanted], list[Surroundings]]:
    """Two to four hosts, whatever they are, in one zone; dials of their own, and which go on."""
    wanted = [PERSONAS[draw.choice(sorted(PERSONAS))] for _ in range(draw.randint(2, 4))]
    options = [
        HostOptions(name=f"kms{number:02d}", persona=row.persona, seed=seed, boot_seconds=draw.choice((20.0, 120.0)))
        for number, row in enumerate(wanted, 1)
    ]
    first = surroundings(options[0], authority=microsoft())
    return wanted, [first, *(neighbour(first, one) for one in options[1:])]


def _faults(draw: random.Random) -> dict[int, t.Any]:
    """At a request, and at a DNS message."""
    return {draw.randint(1, 200): draw.choice(FAULTS), -draw.randint(1, 6): draw.choice(FAULTS)}


def _controller(around: Surroundings, packages: pathlib.Path, wanted: Wanted, faults: dict[int, t.Any]) -> Controller:
    def work(doors: t.Any) -> Run:
        return run(around, packages, wish_of(wanted, packages), faults, doors=doors)

    return work
