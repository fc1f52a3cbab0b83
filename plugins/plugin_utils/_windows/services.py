# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting and stopping a Windows service by WMI.

Internal to the collection activation.kms; not a public interface.

Decides on states and process ids, not on the numbers the methods return: a service that is started by a trigger or on
demand (the licensing service since Windows 7) stops when it is idle and may run again before anybody has looked.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._errors import Failure
from .._world import World
from .._wsman.client import Client

# Win32_Service: 0 accepted; 5 not in its present state (stopped, stopping or starting already); 7 no answer in time.
_ON_ITS_WAY = (0, 5, 7)
_ALREADY = {"StopService": 6, "StartService": 10}  # not running; already running
_PATIENCE = 90.0  # seconds; the licensing service takes half a minute on old hardware
_STARTS = 2  # how often it is asked to start in that time: it may have stopped again, or not have been ready


@dataclasses.dataclass(frozen=True)
class ServiceState:
    """A service at one moment. `process` is 0 while it does not run, None where Windows does not tell."""

    name: str
    state: str
    process: int | None


def find_service(world: World, names: t.Sequence[str]) -> ServiceState | None:
    """The first of these services that the host has; one query."""
    where = " OR ".join(f"Name='{name}'" for name in names)
    rows = Client(world).query("root/cimv2", f"SELECT Name,ProcessId,State FROM Win32_Service WHERE {where}")
    found = {
        (row.text("Name") or "").lower(): ServiceState(
            row.text("Name") or "", row.text("State") or "", row.integer("ProcessId")
        )
        for row in rows
    }
    return next((found[name.lower()] for name in names if name.lower() in found), None)


def restart_service(world: World, service: ServiceState) -> None:
    """Stop and start a service and wait until it runs again. One that does not run is started. Raises Failure."""
    if service.state != "Stopped":
        _ask(world, service.name, "StopService")
        if not _wait(world, service.name, _PATIENCE, lambda now: now.state == "Stopped" or _another(service, now)):
            raise _stuck(world, service.name, "Stopped")
    for _attempt in range(_STARTS):
        _ask(world, service.name, "StartService")
        if _wait(world, service.name, _PATIENCE / _STARTS, lambda now: now.state == "Running"):
            return
    raise _stuck(world, service.name, "Running")


def _another(before: ServiceState, now: ServiceState) -> bool:
    """Whether it runs in another process by now, so that it was stopped in between."""
    return now.state == "Running" and bool(now.process) and bool(before.process) and now.process != before.process


def _ask(world: World, name: str, method: str) -> None:
    output = Client(world).invoke("root/cimv2", "Win32_Service", method, {}, selectors={"Name": name}, mutating=True)
    if output.return_value not in (*_ON_ITS_WAY, _ALREADY[method]):
        raise Failure(
            f"{world.host}: the service {name} could not be {'stopped' if method == 'StopService' else 'started'} "
            f"(Win32_Service.{method} returned {output.return_value}); look at it on the host, or restart the host, "
            "and run the play again",
            name="service_control",
            code=str(output.return_value),
        )


def _wait(world: World, name: str, patience: float, enough: t.Callable[[ServiceState], bool]) -> bool:
    """Look until it is enough; whether it was, within so many seconds."""
    until = world.now() + patience
    while True:
        now = find_service(world, (name,))
        if now is not None and enough(now):
            return True
        if world.now() >= until:
            return False
        world.sleep(2.0)


def _stuck(world: World, name: str, wanted: str) -> Failure:
    now = find_service(world, (name,))
    return Failure(
        f"{world.host}: the service {name} did not become {wanted} within {_PATIENCE:.0f} seconds (it is "
        f"{now.state if now else 'gone'}); look at it on the host, or restart the host, and run the play again",
        name="service_control",
    )
