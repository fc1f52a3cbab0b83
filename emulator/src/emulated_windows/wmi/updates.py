# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Win32_QuickFixEngineering and Win32_NTLogEvent: what was installed, what was written down.

On Server 2003 the first is made from the registry and may hold rows named `File 1` (class page; a dial). From Vista on
it lists what Component Based Servicing has installed, and nothing else (class page).
"""

from __future__ import annotations

from ..machine.hotfixes import Hotfix
from ..machine.machine import Machine
from .provider import Found, WmiClass, moment
from .schema import Schema, properties
from .values import Row
from .wql import Condition

_EVENT_TYPES = {1: "error", 2: "warning", 3: "information"}


class QuickFix(WmiClass):
    """Win32_QuickFixEngineering."""

    schema = Schema(
        "Win32_QuickFixEngineering",
        keys=("CSName", "HotFixID", "ServicePackInEffect"),
        properties=properties("""Caption CSName Description FixComments HotFixID InstallDate:d InstalledBy InstalledOn
                              Name ServicePackInEffect Status"""),
    )

    def rows(self, machine: Machine, where: Condition | None) -> Found:
        """All hotfixes."""
        if machine.persona.packages == "cbs":
            hides = machine.dials["qfe_before_restart"] == "hidden"
            fixes = [fix for fix in machine.updates.hotfixes if not (fix.waiting and hides)]
            return Found([self._serviced(machine, fix) for fix in fixes])
        rows = [self._row(machine, fix.id, fix.installed_on, fix.service_pack) for fix in machine.updates.hotfixes]
        if machine.dials["qfe_noise"] == "file_1_rows":
            rows += [self._row(machine, "File 1", "", fix.id) for fix in machine.updates.hotfixes]
        return Found(rows)

    @staticmethod
    def _serviced(machine: Machine, fix: Hotfix) -> Row:
        return {
            "Caption": f"http://support.microsoft.com/?kbid={fix.id.removeprefix('KB')}",
            "CSName": machine.options.name.upper(),
            "Description": "Update",
            "FixComments": "",
            "HotFixID": fix.id,
            "InstallDate": None,
            "InstalledBy": r"NT AUTHORITY\SYSTEM",
            "InstalledOn": fix.installed_on,
            "Name": None,
            "ServicePackInEffect": "",
            "Status": None,
        }

    @staticmethod
    def _row(machine: Machine, fix: str, installed_on: str, in_effect: str) -> Row:
        described = "" if fix == "File 1" else f"Update for Windows Server 2003 ({fix})"
        return {
            "Caption": None,
            "CSName": machine.options.name.upper(),
            "Description": described,
            "FixComments": "Update" if described else "",
            "HotFixID": fix,
            "InstallDate": None,
            "InstalledBy": machine.options.user if described else "",
            "InstalledOn": installed_on,
            "Name": None,
            "ServicePackInEffect": in_effect,
            "Status": None,
        }


class LogEvent(WmiClass):
    """Win32_NTLogEvent, for the Application log."""

    schema = Schema(
        "Win32_NTLogEvent",
        keys=("Logfile", "RecordNumber"),
        properties=properties("""Category:n CategoryString ComputerName Data:n[] EventCode:n EventIdentifier:n
                              EventType:n InsertionStrings:[] Logfile Message RecordNumber:n SourceName
                              TimeGenerated:d TimeWritten:d Type User"""),
    )

    def rows(self, machine: Machine, where: Condition | None) -> Found:
        """All events, the newest first."""
        rows: list[Row] = []
        for entry in reversed(machine.events.entries):
            rows.append(
                {
                    "Category": 0,
                    "CategoryString": None,
                    "ComputerName": machine.options.name.upper(),
                    "Data": None,
                    "EventCode": entry.code,
                    "EventIdentifier": 0x40000000 + entry.code,
                    "EventType": entry.type,
                    "InsertionStrings": list(entry.strings),
                    "Logfile": entry.logfile,
                    "Message": entry.message,
                    "RecordNumber": entry.record,
                    "SourceName": entry.source,
                    "TimeGenerated": moment(machine, float(int(entry.time))),
                    "TimeWritten": moment(machine, float(int(entry.time))),
                    "Type": _EVENT_TYPES[entry.type],
                    "User": None,
                }
            )
        return Found(rows)
