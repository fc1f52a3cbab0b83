# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restarting a machine: what answers until when, and what is gone afterwards.

Knows the course of a restart: WinRM answers for a few seconds more, then nothing does, then the kernel starts
(LastBootUpTime), then WinRM, then the licensing service. Refuses to know what other parts do at their own boot: they
hang a hook on it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from .schedule import Schedule, Task

SHUTDOWN_IN_PROGRESS = 1115
KERNEL_SHARE = 0.3
"""Part of the silence that passes before the kernel of the next boot starts."""


@dataclass(frozen=True)
class Announced:
    """What whoever asked for a restart said about it."""

    comment: str
    reason: str
    """As it was written: `p:2:4` on a command line, a number in WMI."""
    seconds: float
    """The countdown that was asked for."""


class Power:
    """Up, about to go down, or down."""

    def __init__(self, schedule: Schedule, rng: random.Random, boot_seconds: float, booted: float) -> None:
        self._schedule = schedule
        self._rng = rng
        self._boot_seconds = boot_seconds
        self._countdown: Task | None = None
        self._silences: list[tuple[float, float]] = []
        self.boot_time = booted
        self.boot_count = 1
        self.state = "up"
        self.down_at: float | None = None
        self.slow_boot = 0.0
        self.flaps = 0
        self.announced: list[Announced] = []
        self.on_down: list[Callable[[], None]] = []
        self.on_up: list[Callable[[], None]] = []

    def silent(self, now: float) -> bool:
        """Does nothing answer at this moment?"""
        return self.state == "down" or any(start <= now < end for start, end in self._silences)

    def silence_after(self, now: float) -> float | None:
        """When the machine will next fall silent, as far as that is settled."""
        starts = [start for start, _ in self._silences if start > now]
        if self.down_at is not None:
            starts.append(self.down_at)
        return min(starts, default=None)

    def restart(self) -> int:
        """Begin a restart. Returns 0 or the Windows error of a refusal."""
        if self.state != "up":
            return SHUTDOWN_IN_PROGRESS
        self.abort()
        self.state = "closing"
        linger = min(5.0, self._boot_seconds * self._rng.uniform(0.02, 0.05))
        self.down_at = self._schedule.now() + linger
        self._schedule.at(self.down_at, self._down)
        return 0

    def restart_after(self, seconds: float, comment: str = "", reason: str = "") -> int:
        """Begin a restart later, as shutdown.exe /t does. Returns 0 or the Windows error of a refusal."""
        if self.state != "up" or self._countdown is not None:
            return SHUTDOWN_IN_PROGRESS
        self.announced.append(Announced(comment, reason, seconds))
        if seconds <= 0:
            return self.restart()
        self._countdown = self._schedule.after(seconds, self._countdown_over)
        return 0

    def _countdown_over(self) -> None:
        self._countdown = None
        self.restart()

    def abort(self) -> bool:
        """Call off a restart that has not begun. False if there is none."""
        if self._countdown is None:
            return False
        self._countdown.cancel()
        self._countdown = None
        return True

    def _down(self) -> None:
        now = self._schedule.now()
        self.state, self.down_at = "down", None
        for hook in self.on_down:
            hook()
        silence = self._boot_seconds + self.slow_boot
        self.slow_boot = 0.0
        self.boot_time = now + silence * KERNEL_SHARE
        self._schedule.at(now + silence, self._up)

    def _up(self) -> None:
        now = self._schedule.now()
        self.state = "up"
        self.boot_count += 1
        step = max(0.2, self._boot_seconds / 20)
        self._silences = [(now + step * (2 * flap + 1), now + step * (2 * flap + 2)) for flap in range(self.flaps)]
        for silence in self._silences:
            for edge in silence:
                self._schedule.at(edge, lambda: None)  # so that whoever waits for the next change looks again
        self.flaps = 0
        for hook in self.on_up:
            hook()
