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

from ..machine.disk import ACCESS_DENIED, SHARING_VIOLATION, DiskFullError, File, InUseError
from ..machine.machine import Machine
from ..machine.processes import Process
from ..machine.schedule import Task
from . import installer
from .launch import Launch, environment, unwrap
from .line import Line, LineError
from .program import Call, Done, Hangs, Program, Reads, Result, lines
from .programs import mutates, program_of
from .texts import in_use, said

NOT_RECOGNIZED, START_FAILED = 1, 9059


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
        codec: str | None = None,
    ) -> None:
        """`codec`: the code page of the console, as Python calls it; None for the OEM code page of the machine."""
        self._machine = machine
        self._variables = environment(machine, variables)
        self._folder = folder
        self._codec = codec or f"cp{machine.language.oem_code_page}"
        self._target: File | None = None
        self._image: File | None = None
        """The file it runs from, where it is none of Windows' own programs."""
        self._errors_too = False
        self._feed: Reads | None = None
        self._task: Task | None = None
        self._processes: list[Process] = []
        self._left: Job | None = None
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
            launch = unwrap(text, self._variables, direct=direct)
        except LineError as error:
            self._end(Done(NOT_RECOGNIZED, err=lines(str(error))))
            return
        line, through_cmd = launch.line, launch.through_cmd
        if not through_cmd and line.target is not None:
            self.missing = True  # without cmd.exe nobody redirects
            return
        call = Call(self._machine, line, self._variables, self._folder, self._write, self._process)
        program = program_of(self._machine, line, direct=not through_cmd)
        file = self._file(call, line) if program is None else None
        if program is None and file is None:
            self._not_found(line, launch)
            return
        if line.target is not None and not self._redirect(call, line):
            return
        if through_cmd:
            self._process(f"cmd.exe /c {text}")
        if not self._waits(launch, program):
            self._leave(line)
            return
        image = ntpath.basename(file.path) if file is not None else f"{line.name}.exe"
        self._process(line.program + line.tail, image)
        if file is not None:
            self._image = file
            file.uses.append(ACCESS_DENIED)
        self._take(self._run(call, program, file))

    def _waits(self, launch: Launch, program: Program | None) -> bool:
        """Does whoever starts it wait for the end of the program?"""
        if launch.waits is not None:
            return launch.waits
        windowed = program is not None and program.windowed and launch.through_cmd
        return not windowed or self._machine.dials.get("cmd_waits_for_windows") == "yes"

    def _leave(self, line: Line) -> None:
        """Start it, and be over at once; it runs on in the same shell."""
        program = f'"{line.program}"' if " " in line.program else line.program
        parent = self._processes[-1].pid
        text, folder = program + line.tail, self._folder
        self._left = Job(self._machine, text, direct=True, parent=parent, folder=folder, codec=self._codec)
        self._end(Done(0))

    def _run(self, call: Call, program: Program | None, file: File | None) -> Result:
        try:
            if program is not None:
                return program.run(call)
            return installer.run(call, file) if file is not None else Done(NOT_RECOGNIZED)
        except DiskFullError:
            return Done(1, err=said(self._machine, "disk_full"))
        except InUseError as error:
            return Done(1, err=in_use(self._machine, error))

    def _file(self, call: Call, line: Line) -> File | None:
        disk = self._machine.disk
        for suffix in ("", ".exe"):
            file = disk.file(call.path(line.program + suffix)) if line.program else None
            if file is not None and file.path.lower().endswith(".exe"):
                return file
        return None

    def _not_found(self, line: Line, launch: Launch) -> None:
        self.missing = not launch.through_cmd
        if launch.waits is not None:
            self._end(Done(START_FAILED, err=said(self._machine, "start_not_found", name=line.program)))
            return
        self._end(Done(NOT_RECOGNIZED, err=said(self._machine, "not_recognized", name=line.program)))

    def _redirect(self, call: Call, line: Line) -> bool:
        self._errors_too = line.errors_too
        try:
            target = self._file_for(call, line)
        except InUseError as error:
            self._end(Done(1, err=in_use(self._machine, error)))
            return False
        if target is None:
            self._end(Done(1, err=said(self._machine, "path_not_found")))
            return False
        target.uses.append(SHARING_VIOLATION)  # cmd.exe lets others read it, and no more
        self._target = target
        return True

    def _file_for(self, call: Call, line: Line) -> File | None:
        """The file behind > or >>. None where its folder does not exist. Raises InUseError."""
        disk, path, now = self._machine.disk, call.path(line.target or ""), self._machine.now()
        if (line.target or "").lower() == "nul":
            return disk.nowhere(now)
        existing = disk.file(path) if line.append else None
        if existing is not None and existing.uses:
            raise InUseError(SHARING_VIOLATION)
        return existing or disk.create(path, now)

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

    def _bytes(self, text: str) -> bytes:
        """What a program prints, in the code page of its console. What that does not have becomes a question mark."""
        return text.encode(self._codec, errors="replace")

    def _write(self, data: bytes) -> None:
        if self._target is not None:
            self._machine.disk.append(self._target, data, self._machine.now())
        else:
            self.out += data

    def _take(self, result: Result) -> None:
        if isinstance(result, Done):
            self._end(result)
            return
        self._write(self._bytes(result.out))
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
                result = Done(1, err=said(self._machine, "disk_full"))
            if result is not None:
                self._end(result)
        return True

    def _end(self, done: Done) -> None:
        out = self._bytes(done.out)
        err = self._bytes(done.err)
        if self._target is not None:
            try:
                self._write(out + (err if self._errors_too else b""))
            except DiskFullError:
                done, err = Done(1), self._bytes(said(self._machine, "disk_full"))
            out, err = b"", b"" if self._errors_too else err
        self._feed = None
        self.ending = Ending(self._machine.now() + done.seconds, done.code, out, err)
        if done.seconds > 0:
            self._task = self._machine.while_up(done.seconds, lambda: self._over(done))
        else:
            self._over(done)

    def _over(self, done: Done) -> None:
        self._let_go()
        for process in reversed(self._processes):
            self._machine.processes.end(process)
        if done.effect is not None:
            done.effect()

    def _let_go(self) -> None:
        """What it has used is free again."""
        if self._target is not None:
            self._target.uses.remove(SHARING_VIOLATION)
        if self._image is not None:
            self._image.uses.remove(ACCESS_DENIED)
        self._target = self._image = None

    def _killed(self) -> None:
        """Somebody has ended one of its processes: the rest goes with it."""
        self._let_go()
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
        if self._left is not None:
            self._left.kill()
        if self.ending is None or self.ending.time > self._machine.now():
            self._killed()
