# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Win32_LogonSession: who is logged on, as numbers (LogonType 2 and 10 are people). Columns from the class page."""

from __future__ import annotations

from ..machine.machine import Machine
from .provider import Found, WmiClass, moment
from .schema import Schema, properties
from .wql import Condition


class LogonSession(WmiClass):
    """Win32_LogonSession."""

    schema = Schema(
        "Win32_LogonSession",
        keys=("LogonId",),
        properties=properties("""AuthenticationPackage Caption Description InstallDate:d LogonId LogonType:n Name
                              StartTime:d Status"""),
    )

    def rows(self, machine: Machine, where: Condition | None) -> Found:
        """All sessions, those of Windows itself too."""
        return Found(
            [
                {
                    "AuthenticationPackage": logon.package,
                    "Caption": None,
                    "Description": None,
                    "InstallDate": None,
                    "LogonId": str(logon.id),
                    "LogonType": logon.type,
                    "Name": None,
                    "StartTime": moment(machine, logon.started),
                    "Status": None,
                }
                for logon in machine.logons
            ]
        )
