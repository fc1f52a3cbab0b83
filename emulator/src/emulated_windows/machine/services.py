# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The services of a machine: what they are, and starting and stopping them.

Knows states, start modes and the return values of Win32_Service's methods (class page of Win32_Service). Refuses to
know what a service does: whoever cares hangs a hook on its start and its stop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from .schedule import Schedule, Task

OK, NOT_SUPPORTED, CANNOT_ACCEPT, NOT_ACTIVE = 0, 1, 5, 6
ALREADY_RUNNING, DISABLED, INVALID_PARAMETER = 10, 14, 21

ACCOUNTS = {
    "LocalSystem": "LocalSystem",
    "LocalService": r"NT AUTHORITY\LocalService",
    "NetworkService": r"NT AUTHORITY\NetworkService",
}
MODES = {"automatic": "Auto", "manual": "Manual", "disabled": "Disabled", "boot": "Boot", "system": "System"}
SECONDS_TO_START = 2.0
SECONDS_TO_STOP = 1.0


@dataclass
class Service:
    """One service."""

    name: str
    display: str
    mode: str
    """Auto, Manual, Disabled, Boot, System: as WMI shows it."""
    state: str
    """Running, Stopped, Start Pending, Stop Pending. Never localized."""
    account: str
    program: str
    shared: bool
    accepts_stop: bool
    accepts_pause: bool
    pid: int = 0
    exit_code: int = 0
    at_boot: bool = False
    """Something starts it at boot although its start mode is Manual."""
    on_start: list[Callable[[], None]] = field(default_factory=list)
    on_stop: list[Callable[[], None]] = field(default_factory=list)
    task: Task | None = None

    @property
    def running(self) -> bool:
        """Is it at work now?"""
        return self.state == "Running"


def from_row(row: Iterable[Any], windows: str) -> Service:
    """A service as a persona lists it. `windows` is the Windows folder."""
    name, display, mode, state, account, program, kind, stop, pause = row
    path = program if "\\" in program else rf"{windows}\system32\svchost.exe -k {program}"
    return Service(
        name,
        display,
        mode,
        state,
        ACCOUNTS[account],
        path,
        kind == "share",
        stop,
        pause,
        exit_code=0 if state == "Running" else 1077,
        at_boot=mode == "Manual" and state == "Running",
    )


class Services:
    """All services of one machine."""

    def __init__(
        self, schedule: Schedule, pace: Callable[[float], float], rows: Iterable[Iterable[Any]], windows: str
    ) -> None:
        self._schedule = schedule
        self._pace = pace
        self._by_name = {service.name.lower(): service for service in (from_row(row, windows) for row in rows)}
        self._next_pid = 2400
        for service in self._by_name.values():
            self._number(service)

    def __iter__(self) -> Any:
        return iter(sorted(self._by_name.values(), key=lambda service: service.name.lower()))

    def get(self, name: str) -> Service | None:
        """A service by name, case ignored."""
        return self._by_name.get(name.lower())

    def add(self, service: Service) -> None:
        """A service some installer brings."""
        self._by_name[service.name.lower()] = service

    def running(self, name: str) -> bool:
        """Is there such a service, and does it run?"""
        service = self.get(name)
        return service is not None and service.running

    def _number(self, service: Service) -> None:
        if not service.running:
            service.pid = 0
        elif service.shared and "svchost" in service.program:
            service.pid = 864
        else:
            self._next_pid += 4
            service.pid = self._next_pid

    def start(self, service: Service) -> int:
        """Ask for a start. Returns what Win32_Service.StartService does."""
        if service.state in ("Running", "Start Pending"):
            return ALREADY_RUNNING
        if service.mode == "Disabled":
            return DISABLED
        if service.state != "Stopped":
            return CANNOT_ACCEPT
        service.state = "Start Pending"
        service.task = self._schedule.after(self._pace(SECONDS_TO_START), lambda: self.started(service))
        return OK

    def started(self, service: Service) -> None:
        """The start is over."""
        service.state, service.exit_code, service.task = "Running", 0, None
        self._number(service)
        for hook in service.on_start:
            hook()

    def stop(self, service: Service) -> int:
        """Ask for a stop. Returns what Win32_Service.StopService does."""
        if service.state == "Stopped":
            return NOT_ACTIVE
        if service.state != "Running" or not service.accepts_stop:
            return CANNOT_ACCEPT
        service.state = "Stop Pending"
        service.task = self._schedule.after(self._pace(SECONDS_TO_STOP), lambda: self.stopped(service))
        return OK

    def stopped(self, service: Service) -> None:
        """The stop is over."""
        if service.task is not None:
            service.task.cancel()
        was_active = service.state in ("Running", "Stop Pending")
        service.state, service.task = "Stopped", None
        self._number(service)
        if was_active:
            for hook in service.on_stop:
                hook()

    def change_mode(self, service: Service, mode: str | None) -> int:
        """Win32_Service.ChangeStartMode. The words going in differ from those coming out: Automatic becomes Auto."""
        wanted = MODES.get((mode or "").lower())
        if wanted is None:
            return INVALID_PARAMETER
        service.mode = wanted
        return OK

    def stop_all(self) -> None:
        """The machine goes down."""
        for service in self._by_name.values():
            self.stopped(service)

    def start_automatic(self, except_for: str) -> None:
        """The machine has come up. `except_for` starts later."""
        for service in self._by_name.values():
            wanted = service.mode == "Auto" or (service.mode == "Manual" and service.at_boot)
            if wanted and service.name.lower() != except_for.lower():
                self.started(service)
