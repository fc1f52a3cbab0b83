# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Win32_Process: what runs, starting and ending it. Columns as recorded on Server 2003."""

from __future__ import annotations

import ntpath

from ..cmd.spawn import spawn
from ..machine.machine import Machine
from ..machine.processes import Process
from .provider import Arguments, Found, Outcome, WmiClass, moment, returned, text_of
from .schema import Method, Parameter, Schema, methods, properties
from .values import Row
from .wql import Condition

INVALID_PARAMETER, PATH_NOT_FOUND = 21, 9

_PROCESS = properties("""
    Caption CommandLine CreationClassName CreationDate:d CSCreationClassName CSName Description ExecutablePath
    ExecutionState:n Handle HandleCount:n InstallDate:d KernelModeTime:n MaximumWorkingSetSize:n
    MinimumWorkingSetSize:n Name OSCreationClassName OSName OtherOperationCount:n OtherTransferCount:n PageFaults:n
    PageFileUsage:n ParentProcessId:n PeakPageFileUsage:n PeakVirtualSize:n PeakWorkingSetSize:n Priority:n
    PrivatePageCount:n ProcessId:n QuotaNonPagedPoolUsage:n QuotaPagedPoolUsage:n QuotaPeakNonPagedPoolUsage:n
    QuotaPeakPagedPoolUsage:n ReadOperationCount:n ReadTransferCount:n SessionId:n Status TerminationDate:d
    ThreadCount:n UserModeTime:n VirtualSize:n WindowsVersion WorkingSetSize:n WriteOperationCount:n
    WriteTransferCount:n""")
_COUNTERS = {item.name: 0 for item in _PROCESS if item.type == "number"}


class RunningProcess(WmiClass):
    """Win32_Process."""

    schema = Schema(
        "Win32_Process",
        source="recording",
        properties=_PROCESS,
        keys=("Handle",),
        methods=methods(
            Method(
                "Create",
                (
                    Parameter("CommandLine", "string"),
                    Parameter("CurrentDirectory", "string"),
                    Parameter("ProcessStartupInformation", "object"),
                ),
                (Parameter("ProcessId", "uint32"),),
                static=True,
            ),
            Method("Terminate", (Parameter("Reason", "uint32"),)),
            Method("GetOwner", outputs=(Parameter("Domain", "string"), Parameter("User", "string")), mutation=False),
        ),
    )

    def rows(self, machine: Machine, where: Condition | None) -> Found:
        """All processes."""
        return Found([self._row(machine, process) for process in machine.processes])

    @staticmethod
    def _row(machine: Machine, process: Process) -> Row:
        path = process.command_line.lstrip('"').split('"')[0].split(" ")[0] if process.command_line else None
        quiet = process.started is None
        return {
            **_COUNTERS,
            "Caption": process.name,
            "CommandLine": process.command_line,
            "CreationClassName": "Win32_Process",
            "CreationDate": moment(machine, process.started),
            "CSCreationClassName": "Win32_ComputerSystem",
            "CSName": machine.options.name.upper(),
            "Description": process.name,
            "ExecutablePath": path if path and ntpath.isabs(path) else None,
            "ExecutionState": None,
            "Handle": str(process.pid),
            "InstallDate": None,
            "KernelModeTime": 156_250,
            "MaximumWorkingSetSize": None if quiet else 1380,
            "MinimumWorkingSetSize": None if quiet else 200,
            "Name": process.name,
            "OSCreationClassName": "Win32_OperatingSystem",
            "OSName": machine.persona.release.full_name,
            "ParentProcessId": process.parent,
            "Priority": 8,
            "ProcessId": process.pid,
            "Status": None,
            "TerminationDate": None,
            "ThreadCount": 1,
            "WindowsVersion": machine.persona.release.version,
        }

    def invoke(self, machine: Machine, method: str, row: Row | None, arguments: Arguments) -> Outcome:
        """Create, Terminate, GetOwner."""
        if method == "Create":
            line = text_of(arguments, "CommandLine")
            if not line:
                return returned(INVALID_PARAMETER, ProcessId=None)
            process = spawn(machine, line)
            return returned(PATH_NOT_FOUND, ProcessId=None) if process is None else returned(0, ProcessId=process.pid)
        process = machine.processes.get(int(str(row["ProcessId"]))) if row else None
        if process is None:
            return returned(PATH_NOT_FOUND)
        if method == "GetOwner":
            return returned(0, Domain=machine.options.name.upper(), User=machine.options.user)
        if process.native:
            return returned(2)
        machine.processes.kill(process)
        return returned(0)
