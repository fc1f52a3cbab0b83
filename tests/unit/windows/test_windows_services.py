# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restarting a service: what counts is its state, and that it is never left stopped."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Failure
from ansible_collections.activation.kms.plugins.plugin_utils._windows.services import (
    ServiceState,
    find_service,
    restart_service,
)
from ansible_collections.activation.kms.tests.unit.windows.small_windows import SmallWindows, moving

RUNNING = ServiceState("sppsvc", "Running", 10)
STOP, START = "Win32_Service.StopService", "Win32_Service.StartService"


def service(*, stop: int = 0, start: int = 0, delay: float = 0.0, dead: bool = False) -> SmallWindows:
    """One service that takes `delay` seconds to change its state."""
    world = SmallWindows()
    changes: list[tuple[float, str]] = [(0.0, "Running")]

    def change(state: str, code: int) -> t.Callable[[t.Mapping[str, str]], int]:
        def do(given: t.Mapping[str, str]) -> int:
            assert given["Name"] == "sppsvc"
            if not dead:
                changes.append((world.clock + delay, state))
            return code

        return do

    world.methods[STOP] = change("Stopped", stop)
    world.methods[START] = change("Running", start)
    world.classes["Win32_Service"] = lambda: [
        {"Name": "sppsvc", "State": [state for at, state in changes if at <= world.clock][-1], "ProcessId": 10}
    ]
    return world


@pytest.mark.parametrize("stop", [0, 5, 6, 7])
@pytest.mark.parametrize("start", [0, 5, 7, 10])
@pytest.mark.parametrize("delay", [0.0, 30.0])
def test_a_service_is_stopped_and_started(stop: int, start: int, delay: float) -> None:
    world = service(stop=stop, start=start, delay=delay)
    restart_service(world, RUNNING)
    assert world.deeds == [STOP, START]
    assert 1000 + 2 * delay <= world.clock <= 1004 + 2 * delay


@pytest.mark.parametrize(
    ("codes", "word"), [({"stop": 2}, "stopped"), ({"start": 2}, "started"), ({"stop": 3}, "stopped")]
)
def test_a_service_that_refuses(codes: dict[str, int], word: str) -> None:
    with pytest.raises(Failure, match=f"could not be {word}.*or restart the host") as caught:
        restart_service(service(stop=codes.get("stop", 0), start=codes.get("start", 0)), RUNNING)
    assert (caught.value.name, caught.value.code) == ("service_control", str(max(codes.values())))


def test_a_service_that_hangs_is_not_waited_for_for_ever() -> None:
    world = service(stop=7, dead=True)
    with pytest.raises(Failure, match=r"did not become Stopped within 90 seconds \(it is Running"):
        restart_service(world, RUNNING)
    assert world.clock < 1100


def test_a_service_that_idles_is_only_started() -> None:
    world = service()
    restart_service(world, ServiceState("sppsvc", "Stopped", 0))
    assert world.deeds == [START]


def test_a_service_that_something_has_started_again_need_not_be_seen_stopped() -> None:
    world = SmallWindows()
    world.methods[STOP] = world.methods[START] = lambda given: 0
    world.classes["Win32_Service"] = [{"Name": "sppsvc", "State": "Running", "ProcessId": 11}]
    restart_service(world, RUNNING)
    assert world.deeds == [STOP, START] and world.clock == 1000


def test_a_service_that_does_not_start_at_once_is_asked_once_more() -> None:
    world = SmallWindows()
    state = ["Running"]
    world.classes["Win32_Service"] = lambda: [{"Name": "sppsvc", "State": state[-1], "ProcessId": None}]
    world.methods[STOP] = moving(state, "Stopped")
    asked = []

    def start(given: t.Mapping[str, str]) -> int:
        asked.append(world.clock)
        state.append("Running" if len(asked) > 1 else "Stopped")
        return 0

    world.methods[START] = start
    restart_service(world, RUNNING)
    assert len(asked) == 2 and world.clock < 1060


def test_the_first_name_the_host_has_counts() -> None:
    world = SmallWindows()
    world.classes["Win32_Service"] = [{"Name": "SLSVC", "State": "Running", "ProcessId": 4}]
    assert find_service(world, ("sppsvc", "slsvc")) == ServiceState("SLSVC", "Running", 4)
    assert find_service(world, ("sppsvc",)) is None
    assert world.queries[0].endswith("WHERE Name='sppsvc' OR Name='slsvc'")
