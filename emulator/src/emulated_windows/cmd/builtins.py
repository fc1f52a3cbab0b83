# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands built into cmd.exe: ver, echo, type, md, rd, del.

Knows their exit codes; their messages are in data/program_texts.yml. Refuses switches nobody here uses.
"""

from __future__ import annotations

from ..machine.disk import DiskFullError, InUseError
from .program import Call, Done, Program, Result, always, lines, never
from .texts import in_use, said


def _ver(call: Call) -> Result:
    build = f".{call.machine.ubr}" if call.machine.ubr else ""
    return Done(0, lines("", f"Microsoft Windows [Version {call.machine.persona.release.version}{build}]"))


def _echo(call: Call) -> Result:
    return Done(0, lines(call.line.tail[1:]) if call.line.tail else said(call.machine, "echo_on"))


def _type(call: Call) -> Result:
    if len(call.arguments) != 1:
        return Done(1, err=said(call.machine, "cmd_syntax"))
    file = call.machine.disk.file(call.path(call.arguments[0]))
    if file is None:
        return Done(1, err=said(call.machine, "not_found"))
    for chunk in file.chunks():
        call.write(chunk)
    return Done(0)


def _make(call: Call) -> Result:
    if len(call.arguments) != 1:
        return Done(1, err=said(call.machine, "cmd_syntax"))
    path = call.path(call.arguments[0])
    if call.machine.disk.full:
        return Done(1, err=said(call.machine, "disk_full"))
    if call.machine.disk.file(path) is not None or not call.machine.disk.make_folder(path):
        return Done(1, err=said(call.machine, "folder_exists", name=call.arguments[0]))
    return Done(0)


def _switches(call: Call) -> tuple[set[str], list[str]]:
    switches = {word.lower() for word in call.arguments if word.startswith("/")}
    return switches, [word for word in call.arguments if not word.startswith("/")]


def _remove_folder(call: Call) -> Result:
    switches, paths = _switches(call)
    if len(paths) != 1 or not switches <= {"/s", "/q"}:
        return Done(1, err=said(call.machine, "cmd_syntax"))
    path = call.path(paths[0])
    if not call.machine.disk.has_folder(path):
        return Done(2, err=said(call.machine, "not_found"))
    if "/s" not in switches and not call.machine.disk.is_empty(path):
        return Done(145, err=said(call.machine, "folder_not_empty"))
    if call.machine.disk.is_native(path):
        return Done(5, err=said(call.machine, "access_denied"))
    try:
        call.machine.disk.remove_folder(path)
    except InUseError as error:
        return Done(error.code, err=in_use(call.machine, error))
    return Done(0)


def _delete(call: Call) -> Result:
    switches, paths = _switches(call)
    if not paths or not switches <= {"/f", "/q"}:
        return Done(1, err=said(call.machine, "cmd_syntax"))
    for path in map(call.path, paths):  # whatever DEL says, it ends with 0
        try:
            if not call.machine.disk.delete(path):
                return Done(0, err=said(call.machine, "could_not_find", path=path))
        except InUseError as error:
            return Done(0, err=lines(path) + in_use(call.machine, error))
    return Done(0)


def write_text(call: Call, path: str, text: str) -> bool:
    """A small file an installation leaves. False where there is no room or no folder."""
    try:
        return call.machine.disk.write(path, text.encode(), call.machine.now(), native=True) is not None
    except DiskFullError:
        return False


PROGRAMS = {
    "ver": Program(_ver, never, builtin=True),
    "echo": Program(_echo, never, builtin=True),
    "type": Program(_type, never, builtin=True),
    "md": Program(_make, always, builtin=True),
    "mkdir": Program(_make, always, builtin=True),
    "rd": Program(_remove_folder, always, builtin=True),
    "rmdir": Program(_remove_folder, always, builtin=True),
    "del": Program(_delete, always, builtin=True),
    "erase": Program(_delete, always, builtin=True),
}
