# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands on the managed host: a small client of the Windows remote shell (WinRS).

Internal to the collection activation.kms; not a public interface.

Knows: the life of a shell and of a command in it, on WinRM 1.1 to 3.0 (MS-WSMV 3.1.4.5 and later). Refuses to know any
command, and to repeat one: a lost answer to a mutating command is OutcomeUnknown.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import dataclasses
import types
import typing as t
import xml.etree.ElementTree as ET

from .._errors import Failure, OutcomeUnknown, Problem, Unreachable
from .._secret import Secret
from . import envelope, names, tree
from .client import Client
from .faults import Fault

CHUNK: t.Final = 54000
"""Bytes of standard input a message: in base64 they stay under WinRM's 150 KB even where it counts UTF-16."""

_BUSY = 170  # ERROR_BUSY: the input before this one is still being taken; Ansible waits and tries again too
_BUSY_TRIES = 4
_BUSY_WAIT = 5.0  # seconds
_IDLE_WAIT = 1.0  # seconds between two answers that brought nothing, so that a hasty server is not flooded
_SHORTEST = 1.0  # seconds a message may take, however near the deadline
_REFUSED_WAIT = 60.0  # seconds a command gets to end after it refused its input: it has ended, or never will
_LOST_PATIENCE = 60.0  # seconds to look for a host that has gone silent while a command runs
_LOST_PAUSE = 2.0
_FAREWELL = 15.0  # seconds for messages that only tidy up
_FAREWELLS = 2  # a lost one may not have arrived, and a shell left idle counts against the user's quota for hours


@dataclasses.dataclass(frozen=True)
class Completed:
    """A command that ended.

    Attributes:
        exit_code: unsigned, as Windows counts them: 3010, or 0x80240017 for 2149842967.
        stdout, stderr: decoded by the shell's code page; what does not decode is replaced.
    """

    exit_code: int
    stdout: str
    stderr: str


@dataclasses.dataclass
class _Command:
    """A command that runs."""

    id: str
    deadline: float
    timeout: float
    mutating: bool
    streams: dict[str, list[bytes]] = dataclasses.field(default_factory=lambda: {"stdout": [], "stderr": []})
    exit_code: int | None = None
    fed: bool = True
    lost: Unreachable | None = None


class Shell:
    """A remote shell, opened with its first command and closed at the end of the `with` block.

    Every process it started dies with it, so a command is waited for inside the block.
    """

    def __init__(self, client: Client, *, codepage: int = 65001) -> None:
        """`codepage`: 65001 is UTF-8; cmd.exe of Server 2003 runs no batch file under it, 437 does."""
        self._client = client
        self._world = client.world
        self._host = client.world.host
        self._codepage = codepage
        self._encoding = _encoding(codepage)
        self._shell_id = ""

    def __enter__(self) -> Shell:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        """Close the shell. What was done is done: that it could not be closed is told, and is no failure of it."""
        if not self._shell_id:
            return
        shell_id, self._shell_id = self._shell_id, ""
        for _attempt in range(_FAREWELLS):
            farewell = envelope.delete_shell(shell_id, timeout=self._short())
            if self._tidy(farewell, "the remote shell could not be closed"):
                return
            self._world.disconnect()

    def run(
        self,
        command: str | Secret,
        arguments: t.Sequence[str | Secret] = (),
        *,
        stdin: t.Iterable[bytes] | None = None,
        timeout: float,
        mutating: bool,
        skip_cmd_shell: bool = False,
    ) -> Completed:
        """Run one command to its end.

        Args:
            stdin: read lazily, in pieces of any size; only one message's worth is held at a time.
            timeout: seconds until it is terminated.
            mutating: it may change something, so a lost answer leaves its outcome unknown.
            skip_cmd_shell: start the program itself instead of cmd /c; then a missing one is a Fault.

        Raises:
            Failure: it took too long, or did not read its input. Fault: Windows refused to start it.
            OutcomeUnknown: it was started (or may have been) and how it ended is not known. Unreachable.
        """
        deadline = self._world.now() + timeout
        self._open()
        request = envelope.run_command(
            self._shell_id,
            command,
            arguments,
            piped=stdin is not None,
            skip_cmd_shell=skip_cmd_shell,
            timeout=self._client.operation_timeout,
        )
        body = self._client.ask(request, mutating=mutating)
        running = _Command(self._command_id(body, mutating), deadline, timeout, mutating)
        if stdin is not None:
            self._feed(running, stdin)
        self._wait(running)
        return self._completed(running)

    # -- the life of a command

    def _open(self) -> None:
        """Open the shell where that has not happened."""
        if self._shell_id:
            return
        body = self._client.ask(envelope.create_shell(self._codepage, timeout=self._client.operation_timeout))
        selectors = tree.descendants(body, "Selector")
        found = next((tree.text(item) for item in selectors if tree.attribute(item, "Name") == "ShellId"), "")
        if not found:
            raise self._failure("WinRM opened a remote shell without naming it; look at its event log", "no_shell_id")
        self._shell_id = found  # as it came: WinRM 1.1 writes "uuid:" before it and wants it back so

    def _command_id(self, body: ET.Element, mutating: bool) -> str:
        found = next((tree.text(item) for item in tree.descendants(body, "CommandId")), "")
        if found:
            return found
        sentence = f"{self._host}: WinRM started a command without naming it, so how it ended is not known"
        if mutating:
            raise OutcomeUnknown(sentence, name="outcome_unknown")
        raise Failure(sentence, name="no_command_id")

    def _feed(self, running: _Command, stdin: t.Iterable[bytes]) -> None:
        """Send the standard input, the last piece marked. A command that refuses it has a minute to end."""
        pieces = _pieces(stdin)
        piece: bytes | None = next(pieces, b"")
        while piece is not None:
            following = next(pieces, None)
            self._check_time(running)
            if not self._send(running, piece, last=following is None):
                running.fed = False
                running.deadline = min(running.deadline, self._world.now() + _REFUSED_WAIT)
                return
            piece = following

    def _send(self, running: _Command, piece: bytes, *, last: bool) -> bool:
        """Send one piece; whether it was taken. A command that ended early refuses, which its exit code explains."""
        for attempt in range(1, _BUSY_TRIES + 1):
            request = envelope.send_input(
                self._shell_id, running.id, piece, last=last, timeout=self._client.operation_timeout
            )
            try:
                self._ask(running, request)
                return True
            except Fault as fault:
                if fault.timed_out:
                    return True  # taken nevertheless, only late (so does Ansible's own winrm connection)
                if _BUSY not in fault.numbers.wsman or attempt == _BUSY_TRIES:
                    return False
            self._world.sleep(_BUSY_WAIT)
            self._check_time(running)
        return False

    def _wait(self, running: _Command) -> None:
        """Receive until the command is done."""
        while running.exit_code is None:
            self._check_time(running)
            left = max(running.deadline - self._world.now(), _SHORTEST)
            asked, brought = self._world.now(), False
            request = envelope.receive(self._shell_id, running.id, timeout=min(self._client.operation_timeout, left))
            try:
                brought = self._take(running, self._receive(running, request))
            except Fault as fault:
                if not fault.timed_out:
                    raise self._unknown(running, running.lost or fault) from None
                # No output within the time: it still runs.
            if not brought and self._world.now() - asked < _IDLE_WAIT:
                self._world.sleep(_IDLE_WAIT)
        self._free(running)

    def _receive(self, running: _Command, request: envelope.Request) -> ET.Element:
        """Ask for output. A lost connection is tried again for a while: asking changes nothing, leaving may."""
        until = self._world.now() + _LOST_PATIENCE
        while True:
            try:
                return self._client.ask(request)
            except Unreachable as problem:
                if self._world.now() >= until:
                    raise self._unknown(running, problem) from None
                running.lost = problem  # its answer may have held the end: then WinRM knows the command no more
                self._world.disconnect()
                self._world.sleep(_LOST_PAUSE)
            except Fault:
                raise
            except Problem as problem:
                raise self._unknown(running, problem) from None

    def _ask(self, running: _Command, request: envelope.Request) -> ET.Element:
        """Ask about a running command; a Fault passes, silence leaves a mutating one's outcome unknown."""
        try:
            return self._client.ask(request)
        except Fault:
            raise
        except Problem as problem:
            raise self._unknown(running, problem) from None

    def _take(self, running: _Command, body: ET.Element) -> bool:
        """Keep what an answer brought; whether it brought anything."""
        brought = False
        for stream in tree.descendants(body, "Stream"):
            pieces = running.streams.get((tree.attribute(stream, "Name") or "").lower())
            data = self._decoded(running, tree.text(stream))
            if pieces is not None and data:
                pieces.append(data)
                brought = True
        for state in tree.descendants(body, "CommandState"):
            if tree.attribute(state, "State") == names.STATE_DONE:
                running.exit_code = self._exit_code(running, tree.text(tree.child(state, "ExitCode")))
                brought = True
        return brought

    def _check_time(self, running: _Command) -> None:
        """Terminate the command when its time is over."""
        if self._world.now() < running.deadline:
            return
        self._free(running)
        if not running.fed:
            raise self._not_fed()
        raise self._failure(
            f"a command did not end within {running.timeout:.0f} seconds and was terminated; "
            "allow more time with the module's time-out option, or look at what it waits for on the host",
            "command_timeout",
        )

    def _completed(self, running: _Command) -> Completed:
        code = running.exit_code or 0
        stdout, stderr = (b"".join(pieces).decode(self._encoding, "replace") for pieces in running.streams.values())
        if not running.fed and code == 0:
            raise self._not_fed()
        return Completed(code, stdout, stderr)

    def _not_fed(self) -> Failure:
        return self._failure("a command did not take all of its input; look at the load of the host", "input_not_read")

    def _unknown(self, running: _Command, problem: Problem) -> Problem:
        """What becomes of a problem after the command was started."""
        if not running.mutating:
            return problem
        return OutcomeUnknown(
            f"{self._host}: a command was started and how it ended is not known; "
            "run the play again, it looks before it repeats anything",
            name="outcome_unknown",
            advice=problem.message,
            code=problem.code,
        )

    # -- tidying up

    def _free(self, running: _Command) -> None:
        """Give back what a command still holds; ends one that runs."""
        signal = envelope.terminate(self._shell_id, running.id, timeout=self._short())
        self._tidy(signal, "a command could not be released")

    def _tidy(self, request: envelope.Request, otherwise: str) -> bool:
        """Whether there is no more to say, of a message whose failure changes nothing: WinRM frees what is idle."""
        try:
            self._client.ask(request)
        except Problem as problem:
            self._world.log(f"{otherwise}: {problem.message}")
            return not isinstance(problem, Unreachable) or problem.name == "login_refused"
        return True

    def _short(self) -> float:
        return min(self._client.operation_timeout, _FAREWELL)

    def _decoded(self, running: _Command, text: str) -> bytes:
        try:
            return base64.b64decode(text)
        except (binascii.Error, ValueError):
            problem = self._failure("the output of a command cannot be decoded", "answer_unreadable")
            raise self._unknown(running, problem) from None

    def _exit_code(self, running: _Command, text: str) -> int:
        """An exit code as an unsigned number; some Windows write it signed."""
        try:
            return int(text) & 0xFFFFFFFF
        except ValueError:
            problem = self._failure("a command ended without an exit code; look whether it was killed", "no_exit_code")
            raise self._unknown(running, problem) from None

    def _failure(self, sentence: str, name: str) -> Failure:
        return Failure(f"{self._host}: {sentence}", name=name)


def _pieces(stdin: t.Iterable[bytes]) -> t.Iterator[bytes]:
    """The same bytes in pieces of CHUNK, the last one shorter."""
    held = bytearray()
    for data in stdin:
        view = memoryview(data)
        while view:
            room = CHUNK - len(held)
            held += view[:room]
            view = view[room:]
            if len(held) == CHUNK:
                yield bytes(held)
                held.clear()
    if held:
        yield bytes(held)


def _encoding(codepage: int) -> str:
    """Python's name for a Windows code page."""
    name = "utf-8" if codepage == 65001 else f"cp{codepage}"
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "latin-1"
