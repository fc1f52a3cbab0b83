# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes of a machine.

Knows who runs since when and under which command line, and that a process can be killed. Refuses to know what a
process does: its program hangs a hook on its end.
"""

from __future__ import annotations

import ntpath
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

DETACHED_PARENT = 1912
"""The WMI provider host, which starts what Win32_Process.Create asks for."""


@dataclass
class Process:
    """One running process."""

    pid: int
    name: str
    command_line: str | None
    parent: int
    started: float | None
    native: bool = False
    on_kill: list[Callable[[], None]] = field(default_factory=list)


class Processes:
    """All processes of one machine."""

    def __init__(self, rows: Iterable[Iterable[Any]], boot_time: float) -> None:
        self._rows = [tuple(row) for row in rows]
        self._by_pid: dict[int, Process] = {}
        self._next_pid = 0
        self.reset(boot_time)

    def __iter__(self) -> Any:
        return iter(self._by_pid.values())

    def __len__(self) -> int:
        return len(self._by_pid)

    def reset(self, boot_time: float) -> None:
        """Only what Windows itself starts is running."""
        self._by_pid = {
            pid: Process(pid, name, line, parent, boot_time + 5 if pid > 4 else None, native=True)
            for name, pid, parent, line in self._rows
        }
        self._next_pid = 3000

    def get(self, pid: int) -> Process | None:
        """A process by its number."""
        return self._by_pid.get(pid)

    def start(self, command_line: str, now: float, parent: int, name: str | None = None) -> Process:
        """A new process."""
        self._next_pid += 4
        image = name or ntpath.basename(command_line.lstrip('"').split('"')[0].split(" ")[0])
        process = Process(self._next_pid, image, command_line, parent, now)
        self._by_pid[process.pid] = process
        return process

    def end(self, process: Process) -> None:
        """It has ended by itself."""
        self._by_pid.pop(process.pid, None)

    def kill(self, process: Process) -> None:
        """End it and everything it has started, from outside."""
        self._by_pid.pop(process.pid, None)
        for child in [other for other in self._by_pid.values() if other.parent == process.pid]:
            self.kill(child)
        for hook in process.on_kill:
            hook()

    def kill_foreign(self) -> None:
        """End everything Windows has not started itself."""
        for process in [process for process in self._by_pid.values() if not process.native]:
            self.kill(process)

    def named(self, name: str) -> list[Process]:
        """Everything running under this image name."""
        return [process for process in self._by_pid.values() if process.name.lower() == name.lower()]
