# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several controllers at work on one host at the same time: threads of which one runs at any moment.

Whoever waits least long goes on next, and the clock goes on to that moment; how long each request takes is drawn. So a
seed replays the same interleaving to the last request.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from rollout import Doors, Run
from simulated import SimulatedWorld, Surroundings

Controller = Callable[[Doors], Run]
"""What one controller runs, given its doors."""


class Baton:
    """Who may go on. A controller that waits hands it over."""

    def __init__(self, around: Surroundings, starts: Sequence[float]) -> None:
        """`starts`: in how many seconds each controller begins."""
        self._around = around
        self._changed = threading.Condition()
        now = around.clock.now()
        self._due = {who: now + start for who, start in enumerate(starts)}
        self._holder = min(self._due, key=self._due.__getitem__)

    def wait(self, who: int, seconds: float) -> None:
        """Let the others go on for so long."""
        with self._changed:
            self._due[who] = self._around.clock.now() + seconds
            self._hand_over()
            self._changed.wait_for(lambda: self._holder == who)

    def begin(self, who: int) -> None:
        """Wait for the moment in which this controller begins."""
        with self._changed:
            self._changed.wait_for(lambda: self._holder == who)

    def leave(self, who: int) -> None:
        """This controller has come to its end."""
        with self._changed:
            del self._due[who]
            if self._due:
                self._hand_over()

    def _hand_over(self) -> None:
        self._holder = min(self._due, key=self._due.__getitem__)
        self._around.clock.advance(max(0.0, self._due[self._holder] - self._around.clock.now()))
        self._changed.notify_all()


def _doors(baton: Baton, who: int, seed: str, delays: Sequence[float]) -> Doors:
    """Doors of a controller whose requests take as long as is drawn from `delays`."""
    draw = random.Random(seed)

    class Shared(SimulatedWorld):
        def sleep(self, seconds: float) -> None:
            baton.wait(who, seconds + draw.choice(delays))

    return Shared


def at_once(
    around: Surroundings, controllers: Sequence[Controller], seed: int, delays: Sequence[float], apart: float
) -> list[Run]:
    """Run all of them on one host; the runs in the same order.

    Args:
        delays: seconds; what is added to each of a controller's waits is drawn from them.
        apart: within how many seconds all of them begin.
    """
    draw = random.Random(seed)
    baton = Baton(around, [draw.uniform(0.0, apart) for _ in controllers])

    def work(who: int, controller: Controller) -> Run:
        baton.begin(who)
        try:
            return controller(_doors(baton, who, f"{seed} {who}", delays))
        finally:
            baton.leave(who)

    with ThreadPoolExecutor(len(controllers)) as pool:
        return [one.result() for one in [pool.submit(work, who, one) for who, one in enumerate(controllers)]]
