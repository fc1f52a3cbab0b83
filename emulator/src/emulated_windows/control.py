# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How `show`, `fault` and `confirm` reach the process that serves an estate: a unix socket, one JSON line each way.

Knows where the socket of an ESTATE.yml lies: in a folder only its user can enter, named after the file's real path.
Refuses to know what the commands do.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import socket
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .section import EstateError

Command = Callable[[Mapping[str, Any]], object]
"""Takes the request, returns something JSON can say; ValueError becomes the caller's message."""

_MAX_LINE = 64 * 1024
_MAX_ANSWER = 64 * 1024 * 1024
_TIMEOUT = 30.0


def state_folder(estate: Path) -> Path:
    """The folder of one estate's running process. EMULATED_WINDOWS_STATE moves it away from /tmp.

    TMPDIR is not heeded on purpose: test runners set it for one command and not for the next.
    """
    digest = hashlib.sha256(str(estate.resolve()).encode()).hexdigest()[:16]
    root = os.environ.get("EMULATED_WINDOWS_STATE") or f"/tmp/emulated-windows-{os.getuid()}"
    return Path(root, digest)


def trusted_certificate(estate: Path) -> Path:
    """The certificate of the authority behind the machines of a running estate that are served over HTTPS."""
    return state_folder(estate) / "ca.pem"


class ControlServer:
    """The socket of a running estate."""

    def __init__(self, estate: Path, command: Command) -> None:
        self._path = state_folder(estate) / "control"
        self._estate = estate
        self._command = command
        self._server: asyncio.AbstractServer | None = None

    async def open(self) -> None:
        """Begin to listen. EstateError where the estate is running already or the folder is not ours."""
        if is_running(self._estate):
            raise EstateError(f"{self._estate} is being served already.")
        _private_folder(self._path.parent.parent)
        _private_folder(self._path.parent)
        self._path.unlink(missing_ok=True)
        try:
            self._server = await asyncio.start_unix_server(self._converse, str(self._path), limit=_MAX_LINE)
        except OSError as error:
            raise EstateError(f"the control socket {self._path} cannot be made: {error.strerror or error}.") from None

    def close(self) -> None:
        """Stop listening and remove the socket with its folder."""
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # somebody looks into it, or has put something there
                self._path.parent.rmdir()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await asyncio.wait_for(reader.readline(), _TIMEOUT)
            writer.write(json.dumps(self._answer(line)).encode() + b"\n")
            await asyncio.wait_for(writer.drain(), _TIMEOUT)
        except (asyncio.TimeoutError, ValueError, OSError):
            pass  # a client that does not speak this protocol, or has gone
        finally:
            writer.close()

    def _answer(self, line: bytes) -> dict[str, object]:
        try:
            return {"result": self._command(json.loads(line))}
        except (ValueError, KeyError) as error:
            return {"error": str(error.args[0] if error.args else error)}


def _private_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise EstateError(f"the state folder {folder} cannot be made: {error.strerror}.") from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise EstateError(f"the state folder {folder} belongs to somebody else; set EMULATED_WINDOWS_STATE.")


def is_running(estate: Path) -> bool:
    """Is there a process that serves this estate?"""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_TIMEOUT)
        try:
            connection.connect(str(state_folder(estate) / "control"))
        except OSError:
            return False
    return True


def ask(estate: Path, request: Mapping[str, object]) -> Any:
    """Send one command to the process that serves `estate`. EstateError with the sentence to show."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_TIMEOUT)
            connection.connect(str(state_folder(estate) / "control"))
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as answers:
                line = answers.readline(_MAX_ANSWER)
    except OSError:
        raise EstateError(f"nothing is serving {estate}; start it with: emulated-windows serve {estate}") from None
    if not line.endswith(b"\n"):
        raise EstateError(f"the process that serves {estate} gave no answer.")
    answer = json.loads(line)
    if "error" in answer:
        raise EstateError(str(answer["error"]))
    return answer["result"]
