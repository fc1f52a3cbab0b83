# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine shows before it is restarted: log-on sessions, cluster, pending restarts, WinRM's start mode."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._windows.restart_care import (
    COMPONENTS,
    SESSION_MANAGER,
    WINDOWS_UPDATE,
    RestartCare,
    look_before_restart,
)
from ansible_collections.activation.kms.tests.unit.kms.hosts import system
from ansible_collections.activation.kms.tests.unit.windows.small_windows import Refused, SmallWindows

Rows = list[dict[str, t.Any]]

USERS: Rows = [
    {"LogonId": "1", "LogonType": 2, "AuthenticationPackage": "NTLM"},
    {"LogonId": "2", "LogonType": 10, "AuthenticationPackage": "Kerberos"},
]
WINDOW_MANAGER: Rows = [
    {"LogonId": "3", "LogonType": 2, "AuthenticationPackage": "Negotiate"},
    {"LogonId": "4", "LogonType": 2, "AuthenticationPackage": "Negotiate"},
]
WINRM = {"Name": "WinRM", "State": "Running", "StartMode": "Auto"}


def host(sessions: Rows | None = None, services: Rows | None = None) -> SmallWindows:
    world = SmallWindows()
    world.classes["Win32_Service"] = [WINRM] if services is None else services
    if sessions is not None:
        world.classes["Win32_LogonSession"] = sessions
    return world


def look(world: SmallWindows, version: str = "5.2.3790", **changes: t.Any) -> RestartCare:
    return look_before_restart(world, system(version=version, **changes))


@pytest.mark.parametrize(
    ("version", "sessions", "count"),
    [
        ("5.2.3790", [], 0),
        ("5.2.3790", USERS, 2),
        ("6.1.7601", USERS, 2),
        ("6.2.9200", WINDOW_MANAGER, 0),
        ("6.3.9600", USERS + WINDOW_MANAGER, 2),
        ("10.0.20348", USERS + WINDOW_MANAGER, 2),
        ("10.0.20348", None, None),
    ],
)
def test_log_on_sessions_of_people_are_counted(version: str, sessions: Rows | None, count: int | None) -> None:
    assert look(host(sessions), version).sessions == count


@pytest.mark.parametrize("code", [0x80041001, 0x80070005])
def test_sessions_that_cannot_be_read_end_no_run(code: int) -> None:
    world = host()

    def refuse() -> Rows:
        raise Refused(code)

    world.classes["Win32_LogonSession"] = refuse
    assert look(world).sessions is None
    assert any("log-on sessions" in line for line in world.logged)


@pytest.mark.parametrize(
    ("services", "mode", "cluster"),
    [
        ([WINRM], "Auto", False),
        ([{**WINRM, "StartMode": "Manual"}], "Manual", False),
        ([WINRM, {"Name": "ClusSvc", "State": "Running", "StartMode": "Auto"}], "Auto", True),
        ([WINRM, {"Name": "ClusSvc", "State": "Stopped", "StartMode": "Disabled"}], "Auto", False),
        ([], "Unknown", False),
    ],
)
def test_services(services: Rows, mode: str, cluster: bool) -> None:
    found = look(host([], services))
    assert (found.winrm_start_mode, found.cluster) == (mode, cluster)


@pytest.mark.parametrize("version", ["5.2.3790", "6.0.6002", "10.0.17763"])
def test_pending_restarts(version: str) -> None:
    world = host([])
    assert look(world, version).pending == ()
    world.set(SESSION_MANAGER, "PendingFileRenameOperations", "")
    assert look(world, version).pending == (), "an empty list means nothing"
    world.set(SESSION_MANAGER, "PendingFileRenameOperations", r"\??\C:\old.dll")
    world.registry[WINDOWS_UPDATE.lower()] = {}
    world.registry[COMPONENTS.lower()] = {}
    signs = " ".join(look(world, version).pending)
    assert "PendingFileRenameOperations" in signs and "WindowsUpdate" in signs
    assert ("Component" in signs) == (version != "5.2.3790"), "Server 2003 has no component servicing"


def test_a_look_changes_nothing_and_is_plain_data() -> None:
    world = host(USERS)
    found = look(world, domain_controller=True)
    assert found.read and found.domain_controller and world.deeds == []
    assert len(world.asked) == 4
    data = found.as_data()
    assert json.loads(json.dumps(data)) == data
    assert data["sessions"] == 2 and "LogonId" not in json.dumps(data)
