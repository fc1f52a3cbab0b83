# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wire to a DNS server that can be listened to, and cut.

Carries DNS messages over TCP, one a connection, as srv_record sends them. Notes what kind each was, and may stop at the
first update: before the server has it, or after, when only the answer is missing.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import typing as t
from collections.abc import Iterator

from dns_server import DnsServer

UPDATE = 5  # the opcode, RFC 2136 section 1.3
_KINDS = {0: "query", UPDATE: "update"}


class Tap:
    """A port that leads to the server.

    Attributes:
        port: of the loopback.
        sent: what was sent so far: "query" or "update", one word a message.
        stops: "before" or "after" the first update: the connection is held open, and nothing comes of it.
        stopped: set when that has happened.
    """

    def __init__(self, server: DnsServer, stops: t.Literal["before", "after", ""] = "") -> None:
        self._server = server
        self._door = socket.create_server((server.address, 0), backlog=64)
        self.port: int = self._door.getsockname()[1]
        self.sent: list[str] = []
        self.stops = stops
        self.stopped = threading.Event()
        self._over = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Take no more connections, and drop those held."""
        self._over.set()
        self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()

    def news(self) -> list[str]:
        """What was sent since this was asked last."""
        new, self.sent = self.sent, []
        return new

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                connection = self._door.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._carry, args=[connection], daemon=True).start()

    def _carry(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            message = _message(connection)
            opcode = message[4] >> 3 & 0xF
            self.sent.append(_KINDS[opcode])
            stops = self.stops if opcode == UPDATE else ""
            if stops != "before":
                with socket.create_connection((self._server.address, self._server.port)) as onward:
                    onward.sendall(message)
                    answer = _message(onward)
            if stops:
                self.stopped.set()
                self._over.wait()
            else:
                connection.sendall(answer)


def _message(connection: socket.socket) -> bytes:
    """One message with the two bytes of its length before it."""
    data = b""
    while len(data) < 2 or len(data) < 2 + int.from_bytes(data[:2], "big"):
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError
        data += piece
    return data


@contextlib.contextmanager
def tapped(server: DnsServer, stops: t.Literal["before", "after", ""] = "") -> Iterator[Tap]:
    """A tap for a while."""
    tap = Tap(server, stops)
    try:
        yield tap
    finally:
        tap.close()
