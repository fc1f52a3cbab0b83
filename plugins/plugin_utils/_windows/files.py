# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Getting a file onto a host that has neither PowerShell nor a reachable share: WinRS, stdin and certutil.

Internal to the collection activation.kms; not a public interface.

The content travels as base64 lines into the standard input of findstr, which writes them to a file, and `certutil
-decode` (part of Windows since Server 2003) turns them back. Read and sent in blocks, so memory stays constant however
large the file. Everything happens in one folder of our own, which is removed afterwards.
"""

from __future__ import annotations

import base64
import typing as t

from .._errors import Failure, Problem
from .._world import World
from .._wsman.client import Client
from .._wsman.shell import Completed, Shell
from .._wsman.values import literal
from .processes import command_lines

_LINE = 57  # bytes: 76 base64 characters, the line length certutil itself writes
_BLOCK = _LINE * 1024
_COMMAND_TIMEOUT = 300.0
_SHORT_FILE = 64 * 1024  # bytes: a text that is fetched whole
_ENCODED = ".b64"
_GONE = (0, 2, 3)
"""rmdir was successful, or met ERROR_FILE_NOT_FOUND or ERROR_PATH_NOT_FOUND (winerror.h)."""
_MOST_SAID = 200  # characters of a command's output in a message
_NO_ROOM = (112, 0x80070070)
"""ERROR_DISK_FULL and its HRESULT, winerror.h. Commands of cmd.exe itself end with 1 whatever went wrong."""


def staging_folder(windows_directory: str) -> str:
    """Our folder on the host."""
    return rf"{windows_directory}\Temp\activation.kms"


def base64_lines(source: t.BinaryIO) -> t.Iterator[bytes]:
    """The content as certutil wants it: a BEGIN line, base64 lines, an END line, each ended by CR LF.

    The last line is ended too: findstr of this generation waits forever on a last line that is not.
    """
    yield b"-----BEGIN CERTIFICATE-----\r\n"
    while True:
        block = source.read(_BLOCK)
        if not block:
            break
        lines = (base64.b64encode(block[at : at + _LINE]) for at in range(0, len(block), _LINE))
        yield b"".join(line + b"\r\n" for line in lines)
    yield b"-----END CERTIFICATE-----\r\n"


def make_folder(shell: Shell, world: World, folder: str) -> str:
    """An empty folder, which is this one or one in it; what an earlier run left is removed as far as it can be.

    The shell of a controller that was killed while it copied lives on until its idle time-out, for hours by default,
    and holds the half file open: beside that there is room. Raises Failure where a program still runs in the folder.
    """
    remove_folder(shell, folder)
    done = shell.run(f"mkdir {folder}", timeout=_COMMAND_TIMEOUT, mutating=True)
    made = folder
    if done.exit_code != 0 and _only_copied_to(world, folder):
        made = rf"{folder}\{round(world.now() * 1000):x}"
        done = shell.run(f"mkdir {made}", timeout=_COMMAND_TIMEOUT, mutating=True)
    if done.exit_code == 0:
        return made
    raise Failure(
        f"{world.host}: the folder {folder} could not be made anew ({told(done)}); look at free space and "
        "permissions on the system drive, wait for an installer of an interrupted run that may still be at work in "
        "the folder, and run the play again",
        name="folder_in_use",
        advice="Make room on the system drive; wait until an installer of an interrupted run has ended.",
        code=number(done.exit_code),
    )


def _only_copied_to(world: World, folder: str) -> bool:
    """Whether copying is all that goes on in the folder, as the command lines of the host's processes tell."""
    try:
        lines = command_lines(world, folder)
    except Problem:
        return False
    return bool(lines) and all(_ENCODED in line.lower() for line in lines)


def remove_folder(shell: Shell, folder: str) -> bool:
    """Remove the folder and all in it; whether it is gone, by the exit code of rmdir. Not being there is fine."""
    return shell.run(f"rmdir /s /q {folder}", timeout=_COMMAND_TIMEOUT, mutating=True).exit_code in _GONE


def upload(shell: Shell, world: World, local: str, remote: str, size: int) -> None:
    """Copy a controller file to the host and make sure that all of it arrived. Raises Failure."""
    encoded = remote + _ENCODED
    with world.open_file(local) as source:
        done = shell.run(f'findstr "^" > {encoded}', stdin=base64_lines(source), timeout=3600.0, mutating=True)
    _must(world, done, f"write {encoded}")
    _must(
        world,
        shell.run(f"certutil -f -decode {encoded} {remote}", timeout=_COMMAND_TIMEOUT, mutating=True),
        f"decode {remote}",
    )
    shell.run(f"del /f /q {encoded}", timeout=_COMMAND_TIMEOUT, mutating=True)
    arrived = file_size(world, remote)
    if arrived != size:
        raise Failure(
            f"{world.host}: {remote} has {arrived if arrived is not None else 'no'} bytes instead of {size} after "
            "copying; make room on its system drive, see that no virus scanner removes it, and run the play again",
            name="copy_incomplete",
        )


def file_size(world: World, path: str) -> int | None:
    """The size in bytes of one file named in full, None where it does not exist."""
    client = Client(world)
    rows = client.query("root/cimv2", f"SELECT FileSize FROM CIM_DataFile WHERE Name={literal(path)}")
    return rows[0].integer("FileSize") if rows else None


def tail(shell: Shell, path: str, size: int, lines: int = 6) -> str:
    """The last lines of a text file of this size in bytes, for a message; "" where they cannot be read.

    Of a long file only the end is sent: `more +n` leaves out the first n lines.
    """
    command = f"type {path}"
    if size > _SHORT_FILE:
        counted = shell.run(f'find /c /v "" < {path}', timeout=_COMMAND_TIMEOUT, mutating=False).stdout.strip()
        if not counted.isdecimal():
            return ""
        command = f"more +{max(int(counted) - lines, 0)} {path}"
    done = shell.run(command, timeout=_COMMAND_TIMEOUT, mutating=False)
    text = done.stdout.replace("\x00", "").strip() if done.exit_code == 0 else ""
    return " / ".join(line.strip() for line in text.splitlines()[-lines:])


def told(done: Completed) -> str:
    """How a command ended, in one line for a message: its exit code and the end of what it said."""
    lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    said = " / ".join(lines[-2:])
    return f"exit code {number(done.exit_code)}" + (f": {said[-_MOST_SAID:].rstrip('.。')}" if said else "")


def number(exit_code: int) -> str:
    """An exit code as Windows' own documentation writes it: an HRESULT in hexadecimal."""
    return str(exit_code) if exit_code <= 0xFFFF else f"0x{exit_code:X}"


def with_shell(world: World) -> Shell:
    """A shell on the host."""
    return Shell(Client(world))


def _must(world: World, done: Completed, what: str) -> None:
    if done.exit_code != 0:
        raise Failure(
            f"{world.host}: could not {what} ({told(done)}); look at free space and permissions on its system drive "
            "and run the play again",
            name="disk_full" if done.exit_code in _NO_ROOM else "copy_failed",
            advice="Make room on the system drive; see that the account may write there.",
            code=number(done.exit_code),
        )
