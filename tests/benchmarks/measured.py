# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One play as it is measured, and what a single task of it cost: several equal tasks against one, so start-up cancels.

Knows an estate and its journal. Refuses to know which plays there are.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from estates import Estate
from plays import Task, play
from processes import Cost, cpu_of
from traffic import Traffic, count


@dataclass(frozen=True)
class Measured:
    """One play.

    Attributes:
        server_cpu: seconds of the emulated Windows meanwhile.
        traffic: what the hosts saw.
    """

    cost: Cost
    server_cpu: float
    traffic: Traffic

    @property
    def changed(self) -> bool:
        """Whether any host reported a change."""
        return re.search(r"changed=[1-9]", self.cost.output) is not None


def measured(estate: Estate, task: Task, hosts: list[str], times: int, forks: int) -> Measured:
    """Play the task so many times on each of these hosts. Raises processes.CommandFailed when one fails."""
    estate.journal.new()
    server = cpu_of(estate.pid)
    cost = estate.play(play(task, hosts, times), forks)
    return Measured(cost, cpu_of(estate.pid) - server, count(estate.journal.new(), hosts, times))


def cpu_of_one(pairs: Sequence[tuple[Measured, Measured]], more: int) -> tuple[list[float], float]:
    """Seconds of the controller for one task on one host, a figure a round, and of the emulated Windows, the median.

    `pairs` are a play and one with so many `more` tasks, all hosts taken together.
    """
    cpu = [(several.cost.cpu - one.cost.cpu) / more for one, several in pairs]
    return cpu, statistics.median((several.server_cpu - one.server_cpu) / more for one, several in pairs)


def any_changed(pairs: Iterable[tuple[Measured, Measured]]) -> bool:
    """Whether a host reported a change in any of these plays."""
    return any(one.changed for pair in pairs for one in pair)
