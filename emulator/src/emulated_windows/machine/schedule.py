# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that happens by itself at its time: a boot that ends, an installer that finishes, an activation.

Knows an ordered list of (time, action). Refuses to know what the actions do.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

from ..clock import Clock


class Task:
    """One thing to come. Cancelling it leaves it in the list, where it is passed over."""

    __slots__ = ("action", "cancelled", "time")

    def __init__(self, time: float, action: Callable[[], None]) -> None:
        self.time = time
        self.action = action
        self.cancelled = False

    def cancel(self) -> None:
        """The action will not happen."""
        self.cancelled = True


class Schedule:
    """Runs due work in the order of its time, and says what time it is while it does."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, Task]] = []
        self._count = 0
        self._acting: float | None = None

    def now(self) -> float:
        """The time an action is due at while it runs, otherwise the clock's."""
        return self._clock.now() if self._acting is None else self._acting

    def at(self, time: float, action: Callable[[], None]) -> Task:
        """Do this at that time; a time already past means at the next look."""
        task = Task(max(time, self.now()), action)
        self._count += 1
        heapq.heappush(self._heap, (task.time, self._count, task))
        return task

    def after(self, seconds: float, action: Callable[[], None]) -> Task:
        """Do this so many seconds from now."""
        return self.at(self.now() + seconds, action)

    def settle(self) -> None:
        """Catch up: carry out everything whose time has come."""
        if self._acting is not None:
            return
        now = self._clock.now()
        while self._heap and self._heap[0][0] <= now:
            time, _, task = heapq.heappop(self._heap)
            if task.cancelled:
                continue
            self._acting = time
            try:
                task.action()
            finally:
                self._acting = None

    def next_time(self) -> float | None:
        """When something happens next, None if nothing is planned."""
        while self._heap and self._heap[0][2].cancelled:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None
