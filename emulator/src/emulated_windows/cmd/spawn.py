# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting a process that belongs to no shell, as Win32_Process.Create does. It has no output and no exit code."""

from __future__ import annotations

from ..machine.machine import Machine
from ..machine.processes import DETACHED_PARENT, Process
from .job import Job


def spawn(machine: Machine, command_line: str) -> Process | None:
    """Start it, or return None where there is no such program."""
    job = Job(machine, command_line, direct=True, parent=DETACHED_PARENT, folder=r"C:\WINDOWS\system32")
    return None if job.missing else job.process
