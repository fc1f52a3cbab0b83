# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting and stopping a Windows service by WMI.

Internal to the collection activation.kms; not a public interface.
"""

from __future__ import annotations

from .._errors import Failure
from .._world import World
from .._wsman.client import Client
from .system import read_services

_ALREADY = {"StopService": 6, "StartService": 10}  # not running; already running
_WANTED = {"StopService": "Stopped", "StartService": "Running"}
_PATIENCE = 90.0  # seconds; the licensing service takes half a minute on old hardware


def restart_service(world: World, name: str) -> None:
    """Stop and start a service and wait until it runs again. Raises Failure."""
    for method in ("StopService", "StartService"):
        _change(world, name, method)


def _change(world: World, name: str, method: str) -> None:
    client = Client(world)
    output = client.invoke("root/cimv2", "Win32_Service", method, {}, selectors={"Name": name}, mutating=True)
    # 5 is "not in its present state" (stopped or stopping already), 7 "did not answer in time": the state decides.
    if output.return_value not in (0, 5, 7, _ALREADY[method]):
        raise Failure(
            f"{world.host}: the service {name} could not be {'stopped' if method == 'StopService' else 'started'} "
            f"(Win32_Service.{method} returned {output.return_value}); look at it on the host and run the play again",
            name="service_control",
            code=str(output.return_value),
        )
    until = world.now() + _PATIENCE
    while True:
        service = read_services(client, (name,)).get(name.lower())
        if service is not None and service.state == _WANTED[method]:
            return
        if world.now() >= until:
            state = service.state if service else "gone"
            raise Failure(
                f"{world.host}: the service {name} did not become {_WANTED[method]} within {_PATIENCE:.0f} seconds "
                f"(it is {state}); look at it on the host and run the play again",
                name="service_control",
            )
        world.sleep(2.0)
