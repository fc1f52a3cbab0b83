# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Win32_Service: the services, their methods and return values.

Columns as recorded on Server 2003 and 2008 R2; DelayedAutoStart came with 10.0 (class page).
"""

from __future__ import annotations

from dataclasses import replace

from ..machine.machine import Machine
from ..machine.services import NOT_SUPPORTED, Service
from .provider import Arguments, Found, Outcome, WmiClass, returned, text_of
from .schema import Method, Parameter, Schema, changed, methods, properties
from .values import Row
from .wql import Condition, pinned

_SERVICE = properties("""
    AcceptPause:b AcceptStop:b Caption CheckPoint:n CreationClassName Description DesktopInteract:b DisplayName
    ErrorControl ExitCode:n InstallDate:d Name PathName ProcessId:n ServiceSpecificExitCode:n ServiceType Started:b
    StartMode StartName State Status SystemCreationClassName SystemName TagId:n WaitHint:n""")


def _row(machine: Machine, service: Service) -> Row:
    display = machine.language.services.get(service.name.lower(), service.display)
    return {
        "AcceptPause": service.accepts_pause and service.running,
        "AcceptStop": service.accepts_stop and service.running,
        "Caption": display,
        "CheckPoint": 0,
        "CreationClassName": "Win32_Service",
        "DelayedAutoStart": service.mode == "Auto" and service.name in ("sppsvc", "BITS"),
        "Description": f"{display}.",
        "DesktopInteract": False,
        "DisplayName": display,
        "ErrorControl": "Normal",
        "ExitCode": service.exit_code,
        "InstallDate": None,
        "Name": service.name,
        "PathName": service.program,
        "ProcessId": service.pid,
        "ServiceSpecificExitCode": 0,
        "ServiceType": "Share Process" if service.shared else "Own Process",
        "Started": service.state in ("Running", "Start Pending"),
        "StartMode": service.mode,
        "StartName": service.account,
        "State": service.state,
        "Status": "OK",
        "SystemCreationClassName": "Win32_ComputerSystem",
        "SystemName": machine.options.name.upper(),
        "TagId": 0,
        "WaitHint": 0,
    }


class WindowsService(WmiClass):
    """Win32_Service."""

    schema = Schema(
        "Win32_Service",
        source="recording",
        properties=_SERVICE,
        keys=("Name",),
        methods=methods(
            Method("StartService"),
            Method("StopService"),
            Method("PauseService"),
            Method("ResumeService"),
            Method("InterrogateService", mutation=False),
            Method("UserControlService", (Parameter("ControlCode", "uint8"),)),
            Method("ChangeStartMode", (Parameter("StartMode", "string"),)),
            Method("Delete"),
        ),
    )

    _newer = replace(schema, properties=changed(_SERVICE, "DelayedAutoStart:b"), source="document")

    def schema_for(self, machine: Machine) -> Schema:
        """The columns of this release."""
        return self._newer if machine.persona.since >= (10, 0) else self.schema

    def rows(self, machine: Machine, where: Condition | None) -> Found:
        """All services, or the ones the condition names."""
        names = pinned(where, "Name")
        wanted = {name.lower() for name in names} if names is not None else None
        return Found(
            [_row(machine, service) for service in machine.services if wanted is None or service.name.lower() in wanted]
        )

    def invoke(self, machine: Machine, method: str, row: Row | None, arguments: Arguments) -> Outcome:
        """Start, stop, change the start mode; the others are not supported by these services."""
        service = machine.services.get(str(row["Name"])) if row else None
        if service is None:
            return returned(NOT_SUPPORTED)
        if method == "StartService":
            return returned(machine.services.start(service))
        if method == "StopService":
            return returned(machine.services.stop(service))
        if method == "ChangeStartMode":
            return returned(machine.services.change_mode(service, text_of(arguments, "StartMode")))
        return returned(0 if method == "InterrogateService" else NOT_SUPPORTED)
