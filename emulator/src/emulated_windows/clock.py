# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What time it is for an emulated host: the wall's clock or one that only moves when told.

Knows seconds since the epoch (UTC) and nothing else. Refuses to know time zones and the skew of a host's own clock:
those belong to the machine.
"""

from __future__ import annotations

import time
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


class VirtualClock:
    """A clock that stands still until somebody advances it, so that a simulation is fast and repeatable."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._now = float(start)

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move forward. Time never runs backwards: a negative amount is a ValueError."""
        if seconds < 0:
            raise ValueError(f"a clock cannot be advanced by {seconds} seconds")
        self._now += seconds
