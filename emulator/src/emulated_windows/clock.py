# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What time it is for an emulated host: the wall's clock or one that only moves when told.

Knows seconds since the epoch (UTC) and nothing else. Refuses to know time zones and the skew of a host's own clock:
those belong to the machine.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol


class Clock(Protocol):
    """Anything that can say what time it is."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""


class WallClock:
    """The time of the computer this runs on."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        return time.time()


class Sleeper(Protocol):
    """Something that wakes up by itself: the schedule of a machine."""

    def next_time(self) -> float | None:
        """When it wants to be woken next, None for never."""

    def settle(self) -> None:
        """Do what is due."""


class VirtualClock:
    """A clock that stands still until somebody advances it, so that a simulation is fast and repeatable.

    On its way it stops wherever a sleeper wants to be woken: what several machines do by themselves happens in the
    order of its time, however far the clock is advanced at once.
    """

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._now = float(start)
        self._sleepers: list[Sleeper] = []

    def wakes(self, sleeper: Sleeper) -> None:
        """Wake this one from now on."""
        self._sleepers.append(sleeper)

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move forward. Time never runs backwards: a negative amount is a ValueError."""
        if seconds < 0:
            raise ValueError(f"a clock cannot be advanced by {seconds} seconds")
        end = self._now + seconds
        at_work: list[Sleeper] = []
        while (first := self._first(at_work)) is not None and first[0] <= end:
            when, sleeper = first
            self._now = max(self._now, when)
            sleeper.settle()
            after = sleeper.next_time()
            if after is not None and after <= when:  # it is in the middle of something that takes this time
                at_work.append(sleeper)
        self._now = max(self._now, end)

    def _first(self, at_work: Sequence[Sleeper]) -> tuple[float, Sleeper] | None:
        """Who wants to be woken first, and when."""
        times = ((sleeper.next_time(), sleeper) for sleeper in self._sleepers if sleeper not in at_work)
        known = [(time, sleeper) for time, sleeper in times if time is not None]
        return min(known, key=lambda one: one[0], default=None)
