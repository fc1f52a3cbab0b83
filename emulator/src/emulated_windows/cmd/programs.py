# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The closed list of programs: which there are, on which machine, and which command lines could change it.

Knows where Windows looks for them. Refuses to know what they do.
"""

from __future__ import annotations

import ntpath

from ..machine.machine import Machine
from . import builtins, control, dnscmd, expand, filters, netsh, powershell, servicing, slmgr
from .launch import environment, unwrap
from .line import Line, LineError
from .program import Program

SYSTEM_FOLDERS = (r"c:\windows\system32", r"c:\windows")


def program_of(machine: Machine, line: Line, *, direct: bool = True) -> Program | None:
    """The program of the closed list a line starts, None if it is none of them. `direct`: without cmd.exe."""
    there = line.name in machine.persona.programs or (line.name == dnscmd.NAME and dnscmd.is_there(machine))
    program = PROGRAMS.get(line.name) if there else None
    if program is None or (direct and program.builtin):
        return None
    folder = ntpath.dirname(line.program).lower().rstrip("\\")
    return program if not folder or folder in SYSTEM_FOLDERS else None


def mutates(machine: Machine, text: str) -> bool:
    """Could this command line change the machine? For the journal; what nobody knows counts as harmful."""
    variables = environment(machine)
    try:
        line = unwrap(text, variables, direct=False).line
    except LineError:
        return False
    if line.target is not None and line.target.lower() != "nul":
        return True
    program = program_of(machine, line, direct=False)
    return program.mutates(line) if program is not None else "." in line.program or "\\" in line.program


_PROGRAMS: dict[str, Program] = {
    **builtins.PROGRAMS,
    **filters.PROGRAMS,
    **netsh.PROGRAMS,
    **control.PROGRAMS,
    **slmgr.PROGRAMS,
    **expand.PROGRAMS,
    **servicing.PROGRAMS,
    **dnscmd.PROGRAMS,
}
PROGRAMS: dict[str, Program] = {**_PROGRAMS, **powershell.programs(program_of, _PROGRAMS)}
