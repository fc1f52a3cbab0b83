# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One command on its way: its processes, its output, its end.

Knows cmd.exe in front of a program, output redirection, waiting for input, ending later, being killed. Refuses to know
the shell protocol.
"""

from __future__ import annotations

import ntpath
from collections.abc import Mapping
from dataclasses import dataclass

from ..machine.disk import DiskFullError, File
from ..machine.machine import Machine
from ..machine.processes import Process
from ..machine.schedule import Task
from . import builtins, control, filters, installer, netsh, slmgr
from .line import Line, LineError, read
from .program import Call, Done, Hangs, Program, Reads, Result, lines

PROGRAMS: dict[str, Program] = {
    **builtins.PROGRAMS,
    **filters.PROGRAMS,
    **netsh.PROGRAMS,
    **control.PROGRAMS,
    **slmgr.PROGRAMS,
}
NOT_RECOGNIZED = 1
SYSTEM_FOLDERS = (r"c:\windows\system32", r"c:\windows")


def environment(machine: Machine, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables a command sees."""
    windows = machine.persona.windows
    return {
        "SystemRoot": windows,
        "windir": windows,
        "SystemDrive": "C:",
        "TEMP": rf"{windows}\Temp",
        "TMP": rf"{windows}\Temp",
        "ProgramFiles": r"C:\Program Files",
        "COMSPEC": rf"{windows}\system32\cmd.exe",
        "COMPUTERNAME": machine.options.name.upper(),
        "USERNAME": machine.options.user,
        **(more or {}),
    }


def _inner(tail: str) -> str:
    """What cmd /c makes of its argument: unless it is one quoted program, the outer quotes go (cmd /?)."""
    text = tail.strip()
    if not text.startswith('"') or text.count('"') < 2:
        return text
    if text.count('"') == 2 and text[1:].partition('"')[0].lower().endswith(".exe"):
        return text
    last = text.rfind('"')
    return text[1:last] + text[last + 1 :]


def unwrap(line: Line, variables: Mapping[str, str]) -> Line:
    """Look through cmd /c at the command inside."""
    while line.name == "cmd" and len(line.words) > 1 and line.words[1].lower() in ("/c", "/s"):
        tail = line.tail.strip()
        while tail[:2].lower() in ("/s", "/c"):
            is_command, tail = tail[:2].lower() == "/c", tail[2:].strip()
            if is_command:
                break
        inner = read(_inner(tail), variables)
        line = Line(
            inner.words,
            inner.tail,
            inner.target or line.target,
            inner.append or line.append,
            inner.errors_too or line.errors_too,
        )
    return line


def program_of(machine: Machine, line: Line, *, direct: bool) -> Program | None:
    """The program of the closed list a line starts, None if it is none of them."""
    program = PROGRAMS.get(line.name) if line.name in machine.persona.programs else None
    if program is None or (direct and program.builtin):
        return None
    folder = ntpath.dirname(line.program).lower().rstrip("\\")
    return program if not folder or folder in SYSTEM_FOLDERS else None


def mutates(machine: Machine, text: str) -> bool:
    """Could this command line change the machine? For the journal; what nobody knows counts as harmful."""
    variables = environment(machine)
    try:
        line = unwrap(read(text, variables), variables)
    except LineError:
        return False
    if line.target is not None and line.target.lower() != "nul":
        return True
    program = program_of(machine, line, direct=False)
    return program.mutates(line) if program is not None else "." in line.program or "\\" in line.program


@dataclass
class Ending:
    """How a command ends, or will."""

    time: float
    code: int
    out: bytes
    err: bytes


class Job:
    """One command of a shell, or a detached process."""

    def __init__(
        self,
        machine: Machine,
        text: str,
        *,
        direct: bool,
        parent: int,
        folder: str,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self._machine = machine
        self._variables = environment(machine, variables)
        self._folder = folder
        self._target: File | None = None
        self._errors_too = False
        self._feed: Reads | None = None
        self._task: Task | None = None
        self._processes: list[Process] = []
        self.out = bytearray()
        self.err = bytearray()
        self.ending: Ending | None = None
        self.missing = False
        """The program of a direct start does not exist."""
        self.mutates = mutates(machine, text)
        self._parent = parent
        self._start(text, direct)

    # -- starting ------------------------------------------------------------------------------------------------

    def _start(self, text: str, direct: bool) -> None:
        try:
            line = read(text, self._variables)
            inner = unwrap(line, self._variables)
        except LineError as error:
            self._end(Done(NOT_RECOGNIZED, err=lines(str(error))))
            return
        if direct and line is inner and line.target is not None:
            self.missing = True  # without cmd.exe nobody redirects
            return
        call = Call(self._machine, inner, self._variables, self._folder, self._write)
        program = program_of(self._machine, inner, direct=direct and line is inner)
        file = self._file(call, inner) if program is None else None
        if program is None and file is None:
            self._not_found(inner, direct and line is inner)
            return
        if inner.target is not None and not self._redirect(call, inner):
            return
        if not direct or line is not inner:
            self._process(f"cmd.exe /c {text}")
        image = ntpath.basename(file.path) if file is not None else f"{inner.name}.exe"
        self._process(inner.program + inner.tail, image)
        result = self._run(call, program, file)
        for extra in call.processes:
            self._process(extra)
        self._take(result)

    def _run(self, call: Call, program: Program | None, file: File | None) -> Result:
        try:
            if program is not None:
                return program.run(call)
            return installer.run(call, file) if file is not None else Done(NOT_RECOGNIZED)
        except DiskFullError:
            return Done(1, err=builtins.DISK_FULL)

    def _file(self, call: Call, line: Line) -> File | None:
        disk = self._machine.disk
        for suffix in ("", ".exe"):
            file = disk.file(call.path(line.program + suffix)) if line.program else None
            if file is not None and file.path.lower().endswith(".exe"):
                return file
        return None

    def _not_found(self, line: Line, direct: bool) -> None:
        self.missing = direct
        self._end(
            Done(
                NOT_RECOGNIZED,
                err=lines(
                    f"'{line.program}' is not recognized as an internal or external command,",
                    "operable program or batch file.",
                ),
            )
        )

    def _redirect(self, call: Call, line: Line) -> bool:
        self._errors_too = line.errors_too
        disk, path = self._machine.disk, call.path(line.target or "")
        if (line.target or "").lower() == "nul":
            self._target = disk.nowhere(self._machine.now())
            return True
        existing = disk.file(path) if line.append else None
        self._target = existing or disk.create(path, self._machine.now())
        if self._target is None:
            self._end(Done(1, err=lines("The system cannot find the path specified.")))
        return self._target is not None

    def _process(self, command_line: str, name: str | None = None) -> None:
        parent = self._processes[-1].pid if self._processes else self._parent
        process = self._machine.processes.start(command_line, self._machine.now(), parent, name)
        process.on_kill.append(self._killed)
        self._processes.append(process)

    @property
    def process(self) -> Process | None:
        """The first process, which stands for the command."""
        return self._processes[0] if self._processes else None

    # -- going on ------------------------------------------------------------------------------------------------

    def _write(self, data: bytes) -> None:
        if self._target is not None:
            self._machine.disk.append(self._target, data, self._machine.now())
        else:
            self.out += data

    def _take(self, result: Result) -> None:
        if isinstance(result, Done):
            self._end(result)
            return
        self._write(result.out.encode())
        if isinstance(result, Reads):
            self._feed = result
        elif isinstance(result, Hangs):
            self._feed = None

    def send(self, data: bytes, end: bool) -> bool:
        """Standard input. False if nobody reads it any more."""
        if self.ending is not None:
            return False
        if self._feed is not None:
            try:
                result = self._feed.feed(data, end)
            except DiskFullError:
                result = Done(1, err=builtins.DISK_FULL)
            if result is not None:
                self._end(result)
        return True

    def _end(self, done: Done) -> None:
        out = done.out.encode()
        err = done.err.encode()
        if self._target is not None:
            try:
                self._write(out + (err if self._errors_too else b""))
            except DiskFullError:
                done, err = Done(1), builtins.DISK_FULL.encode()
            out, err = b"", b"" if self._errors_too else err
        self._feed = None
        self.ending = Ending(self._machine.now() + done.seconds, done.code, out, err)
        if done.seconds > 0:
            self._task = self._machine.while_up(done.seconds, lambda: self._over(done))
        else:
            self._over(done)

    def _over(self, done: Done) -> None:
        for process in reversed(self._processes):
            self._machine.processes.end(process)
        if done.effect is not None:
            done.effect()

    def _killed(self) -> None:
        """Somebody has ended one of its processes: the rest goes with it."""
        if self._task is not None:
            self._task.cancel()
        now = self._machine.now()
        if self.ending is None or self.ending.time > now:
            self.ending = Ending(now, 1, b"", b"")
        for process in self._processes:
            process.on_kill.clear()
        for process in self._processes:
            self._machine.processes.kill(process)

    def kill(self) -> None:
        """End it, with everything it has started."""
        if self.ending is None or self.ending.time > self._machine.now():
            self._killed()
