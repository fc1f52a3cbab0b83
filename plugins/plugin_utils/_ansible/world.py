# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real world: the doors of `_world` on an Ansible controller.

Internal to the collection activation.kms; not a public interface.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import struct
import time
import typing as t

from ansible.utils.display import Display

from .._secret import Scrubber, Secret
from .._world import GssContext, NoAnswer, Stream
from . import gss
from .addresses import addresses_of
from .door import Door
from .resolver import Resolver

_DISPLAY = Display()


class _TcpStream:
    """A connected socket behind the `Stream` protocol."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected

    def send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise NoAnswer(_reason(error)) from None

    def receive(self, size: int) -> bytes:
        try:
            return self._socket.recv(size)
        except OSError as error:
            raise NoAnswer(_reason(error)) from None

    def close(self) -> None:
        self._socket.close()


class ControllerWorld:
    """The doors as an action plugin has them.

    `door` is None for modules that never talk to Windows; `ticket_cache` is where Kerberos tickets are, "": where the
    environment of Ansible says.
    """

    def __init__(
        self,
        host: str,
        scrubber: Scrubber,
        door: Door | None = None,
        operation_timeout: float = 60.0,
        ticket_cache: str = "",
    ) -> None:
        self.host = host
        self.operation_timeout = operation_timeout
        self._scrubber = scrubber
        self._door = door
        self._ticket_cache = ticket_cache

    def send(self, message: bytes, *, timeout: float) -> tuple[int, bytes]:
        """Post one WS-Management message to the managed host."""
        if self._door is None:
            raise NoAnswer("this module has no connection to the host", sent=False)
        return self._door.send(message, timeout)

    @property
    def encrypted(self) -> bool:
        """Whether what is sent to the managed host travels encrypted."""
        return self._door is not None and self._door.encrypted()

    def disconnect(self) -> None:
        """Forget the session with the managed host."""
        if self._door is not None:
            self._door.disconnect()

    def exchange(self, message: bytes, server: str, port: int, *, timeout: float) -> bytes:
        """One DNS message over TCP (RFC 1035 4.2.2: a two-byte length before each message)."""
        stream = self.dial(server, port, timeout=timeout)
        try:
            stream.send(struct.pack("!H", len(message)) + message)
            (length,) = struct.unpack("!H", _exactly(stream, 2))
            return _exactly(stream, length)
        finally:
            stream.close()

    def gss(self, host: str, principal: str, password: Secret | None, keytab: str) -> GssContext:
        """A Kerberos context with the DNS service of a host."""
        return gss.begin(host, principal, password, keytab, self._ticket_cache)

    def resolve(self, name: str) -> list[str]:
        """The addresses the controller's resolver knows, IPv4 first."""
        return addresses_of(name)

    def resolver(self, servers: t.Sequence[str], port: int, timeout: float) -> Resolver:
        """A resolver of these servers, or the controller's own."""
        return Resolver(servers, port, timeout)

    def dial(self, address: str, port: int, *, timeout: float) -> Stream:
        """A TCP connection from the controller."""
        try:
            connected = socket.create_connection((address, port), timeout)
        except OSError as error:
            raise NoAnswer(_reason(error), sent=False) from None
        connected.settimeout(timeout)
        return _TcpStream(connected)

    def open_file(self, path: str) -> t.BinaryIO:
        """A controller file for reading."""
        return open(path, "rb")

    def list_folder(self, path: str) -> list[str]:
        """The names in a controller folder."""
        return sorted(os.listdir(path))

    def append(self, path: str, line: str) -> None:
        """One line at the end of a controller file that only its owner reads. The line has been scrubbed."""
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)  # forks wait for each other, so that one may take back its own
            if line:
                _append_whole(descriptor, f"{line}\n".encode())
        finally:
            os.close(descriptor)

    def now(self) -> float:
        """The controller's clock."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def hide(self, secret: Secret) -> None:
        """One more secret that must not be shown."""
        self._scrubber.add(secret)

    def log(self, text: str) -> None:
        """Shown at -vvv, scrubbed."""
        _DISPLAY.vvv(self._scrubber.text(text), host=self.host)


def _append_whole(descriptor: int, data: bytes) -> None:
    """In one write. What fits only in part is taken back: a torn line would spoil the next one too."""
    size = os.fstat(descriptor).st_size
    if os.write(descriptor, data) < len(data):
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, size)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _exactly(stream: Stream, size: int) -> bytes:
    """`size` bytes; the peer closing early is no answer."""
    data = b""
    while len(data) < size:
        piece = stream.receive(size - len(data))
        if not piece:
            raise NoAnswer("closed")
        data += piece
    return data


def _reason(error: OSError) -> str:
    """refused | timed out | reset | unreachable: one of few words that code decides on."""
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, (TimeoutError, socket.timeout)):
        return "timed out"
    if isinstance(error, (ConnectionResetError, BrokenPipeError)):
        return "reset"
    return "unreachable"
