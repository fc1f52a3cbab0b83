# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""expand: unpacking cabinets, .msu files among them.

Knows `-F:` and `-D` (Expand command-line options; KB928636), that the destination has to be a folder that exists, and
that a damaged cabinet gives no files. Refuses compressed cabinets as Microsoft makes them. That every failure
ends with 1 is assumed.
"""

from __future__ import annotations

import fnmatch

from ..machine.disk import DiskFullError
from ..packages.cabinet import CabinetError, read_cabinet
from .line import Line
from .program import Call, Done, Program, Result, lines, switch

FAILED = 1
SECONDS, SECONDS_A_MEGABYTE = 1.0, 0.1
_TITLE = ("Microsoft (R) File Expansion Utility", "")


def _switches(call: Call) -> tuple[dict[str, str], list[str]]:
    switches, paths = {}, []
    for argument in call.arguments:
        if argument[:1] in "-/":
            name, _, value = argument.partition(":")
            switches[switch(name)] = value
        else:
            paths.append(argument)
    return switches, paths


def _failed(text: str) -> Done:
    return Done(FAILED, lines(*_TITLE, text))


def _expand(call: Call) -> Result:
    switches, paths = _switches(call)
    if not set(switches) <= {"/f", "/d", "/r", "/i"} or not paths:
        return _failed("Expands one or more compressed files.")
    source = call.machine.disk.file(call.path(paths[0]))
    if source is None:
        return _failed(f"Can't open input file: {paths[0]}.")
    try:
        files = read_cabinet(source.read())
    except CabinetError:
        return _failed(f"{paths[0]} is not a cabinet that can be expanded.")
    wanted = {
        name: data for name, data in files.items() if fnmatch.fnmatch(name.lower(), switches.get("/f", "*").lower())
    }
    if "/d" in switches:
        return Done(0, lines(*_TITLE, *(f"{paths[0]}: {name}" for name in wanted), f"{len(wanted)} files total."))
    if len(paths) != 2 or ("/f" not in switches and len(files) > 1):
        return _failed("No destination specified for a cabinet of several files.")
    if not call.machine.disk.has_folder(call.path(paths[1])):
        return _failed(f"{paths[1]} is not a folder.")
    if not wanted:
        return _failed("No file of the cabinet has such a name.")
    return _unpacked(call, call.path(paths[1]), wanted)


def _unpacked(call: Call, folder: str, files: dict[str, bytes]) -> Result:
    machine = call.machine
    seconds = machine.pace(SECONDS + SECONDS_A_MEGABYTE * sum(map(len, files.values())) / 1e6)
    said = [f"Adding {folder}\\{name} to Extraction Queue" for name in files]
    try:
        for name, data in files.items():
            machine.disk.write(rf"{folder}\{name}", data, machine.now())
    except DiskFullError:
        return Done(FAILED, lines(*_TITLE, *said, "There is not enough space on the disk."), seconds=seconds)
    said += ["", "Expanding Files ....", "", "Expanding Files Complete ...", f"{len(files)} files total."]
    return Done(0, lines(*_TITLE, *said), seconds=seconds)


def _mutates(line: Line) -> bool:
    return not any(switch(word) == "/d" for word in line.words[1:])


PROGRAMS = {"expand": Program(_expand, _mutates)}
