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
from ..machine.machine import Machine
from ..packages.cabinet import CabinetError, read_cabinet
from .line import Line
from .program import Call, Done, Program, Result, lines, switch
from .texts import said

FAILED = 1
SECONDS, SECONDS_A_MEGABYTE = 1.0, 0.1


def _switches(call: Call) -> tuple[dict[str, str], list[str]]:
    switches, paths = {}, []
    for argument in call.arguments:
        if argument[:1] in "-/":
            name, _, value = argument.partition(":")
            switches[switch(name)] = value
        else:
            paths.append(argument)
    return switches, paths


def _failed(machine: Machine, key: str, name: str = "") -> Done:
    return Done(FAILED, said(machine, "expand_title") + said(machine, key, name=name))


def _expand(call: Call) -> Result:
    switches, paths = _switches(call)
    if not set(switches) <= {"/f", "/d", "/r", "/i"} or not paths:
        return _failed(call.machine, "expand_usage")
    source = call.machine.disk.file(call.path(paths[0]))
    if source is None:
        return _failed(call.machine, "expand_no_file", paths[0])
    try:
        files = read_cabinet(source.read())
    except CabinetError:
        return _failed(call.machine, "expand_no_cabinet", paths[0])
    wanted = {
        name: data for name, data in files.items() if fnmatch.fnmatch(name.lower(), switches.get("/f", "*").lower())
    }
    if "/d" in switches:
        shown = lines(*(f"{paths[0]}: {name}" for name in wanted))
        total = said(call.machine, "expand_total", count=len(wanted))
        return Done(0, said(call.machine, "expand_title") + shown + total)
    if len(paths) != 2 or ("/f" not in switches and len(files) > 1):
        return _failed(call.machine, "expand_no_destination")
    if not call.machine.disk.has_folder(call.path(paths[1])):
        return _failed(call.machine, "expand_no_folder", paths[1])
    if not wanted:
        return _failed(call.machine, "expand_no_such_file")
    return _unpacked(call, call.path(paths[1]), wanted)


def _unpacked(call: Call, folder: str, files: dict[str, bytes]) -> Result:
    machine = call.machine
    seconds = machine.pace(SECONDS + SECONDS_A_MEGABYTE * sum(map(len, files.values())) / 1e6)
    shown = said(machine, "expand_title")
    shown += "".join(said(machine, "expand_queued", path=rf"{folder}\{name}") for name in files)
    try:
        for name, data in files.items():
            machine.disk.write(rf"{folder}\{name}", data, machine.now())
    except DiskFullError:
        return Done(FAILED, shown + said(machine, "disk_full"), seconds=seconds)
    shown += said(machine, "expand_done") + said(machine, "expand_total", count=len(files))
    return Done(0, shown, seconds=seconds)


def _mutates(line: Line) -> bool:
    return not any(switch(word) == "/d" for word in line.words[1:])


PROGRAMS = {"expand": Program(_expand, _mutates)}
