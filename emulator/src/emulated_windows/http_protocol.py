# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP/1.1 on one TCP connection: requests in, answers out, one at a time, everything bounded.

Knows framing, keep-alive and limits. Refuses to know what the bodies mean, who is asking and what is answered:
a `Handler` (one a connection, because NTLM authenticates the connection) decides that, at once or later.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from functools import cached_property
from http import HTTPStatus
from typing import Protocol

MAX_HEAD = 16 * 1024
# Windows' own MaxEnvelopeSizekb is 150 up to Server 2008 and 500 later (MS-WSMV 3.1.4.1.40, winrm/config); refusing an
# envelope with the right fault is the machine's business, this bound only protects the process.
MAX_BODY = 640 * 1024
IDLE_SECONDS = 120.0  # the default connection time-out of HTTP.sys
SOAP = "application/soap+xml;charset=UTF-8"
_REQUEST_LINE = re.compile(r"([A-Z]{1,16}) (\S{1,4096}) HTTP/1\.([01])")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*")


@dataclass(frozen=True)
class Request:
    """One HTTP request; header names are in lower case, `wire_size` counts head and body in bytes."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    wire_size: int
    keep_alive: bool = True


@dataclass(frozen=True)
class Response:
    """One HTTP answer. A body without a Content-Type breaks pywinrm, so a body always has one."""

    status: int
    body: bytes = b""
    content_type: str = SOAP
    headers: tuple[tuple[str, str], ...] = ()
    close: bool = False

    @cached_property
    def wire(self) -> bytes:
        """The bytes of the answer, made once: the journal wants to know how many they are."""
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        if self.body:
            lines.append(f"Content-Type: {self.content_type}")
        lines += [f"{name}: {value}" for name, value in self.headers]
        lines += ["Server: Microsoft-HTTPAPI/2.0", f"Date: {formatdate(usegmt=True)}"]
        lines += ["Connection: close"] if self.close else []
        lines += [f"Content-Length: {len(self.body)}", "", ""]
        return "\r\n".join(lines).encode("latin-1") + self.body


class BadRequest(Exception):
    """A request that cannot be read; `status` is the answer before the connection is closed."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Handler(Protocol):
    """What happens on one connection."""

    def opened(self, connection: HttpConnection) -> bool:
        """False: too many connections, close it at once."""
        ...

    def request(self, connection: HttpConnection, request: Request) -> None:
        """A whole request has arrived; answer with `respond`, `drop` or `reset`, now or later."""
        ...

    def unreadable(self, connection: HttpConnection, response: Response, bytes_in: int) -> None:
        """A request could not be read; `response` is sent and the connection closed after this returns."""
        ...

    def lost(self, connection: HttpConnection) -> None:
        """The connection is gone."""
        ...


class HttpConnection(asyncio.Protocol):
    """The framing of one connection."""

    def __init__(self, handler: Handler, idle_seconds: float = IDLE_SECONDS) -> None:
        self._handler = handler
        self._idle_seconds = idle_seconds
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._busy = False  # a request waits for its answer
        self._advancing = False
        self._blocked = False  # the peer does not read its answers
        self._keep_alive = True
        self._continued = False  # "100 Continue" was sent for the request in the buffer
        self._active_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if not self._handler.opened(self):
            transport.abort()
            return
        self._touch()
        self._watch(self._idle_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._transport = None
        self._handler.lost(self)

    def data_received(self, data: bytes) -> None:
        self._touch()
        self._buffer += data
        if len(self._buffer) > MAX_HEAD + MAX_BODY and self._transport is not None:
            self._transport.pause_reading()
        self._advance()

    def pause_writing(self) -> None:
        self._blocked = True

    def resume_writing(self) -> None:
        self._blocked = False
        self._advance()

    def respond(self, encoded: bytes, *, close: bool = False) -> None:
        """Send the answer of the request that is waiting."""
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(encoded)
        self._touch()
        self._busy = False
        if close or not self._keep_alive:
            self._transport.close()
            return
        self._advance()

    def drop(self) -> None:
        """Close the connection in an orderly way, without answering what waits; what was written is still sent."""
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        """Cut the connection with a TCP reset."""
        if self._transport is None:
            return
        raw: socket.socket | None = self._transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def peer(self) -> str:
        """The address of the client."""
        name = self._transport.get_extra_info("peername") if self._transport is not None else None
        return str(name[0]) if name else ""

    def _advance(self) -> None:
        if self._advancing:
            return
        self._advancing = True
        try:
            while self._transport is not None and not (self._busy or self._blocked or self._transport.is_closing()):
                request = self._next_request()
                if request is None:
                    return
                self._transport.resume_reading()
                self._busy = True
                self._keep_alive = request.keep_alive
                self._handler.request(self, request)
        except BadRequest as error:
            answer = Response(error.status, close=True)
            self._handler.unreadable(self, answer, len(self._buffer))
            self._buffer.clear()
            self.respond(answer.wire, close=True)
        finally:
            self._advancing = False

    def _next_request(self) -> Request | None:
        end = self._buffer.find(b"\r\n\r\n", 0, MAX_HEAD)
        if end < 0:
            if len(self._buffer) >= MAX_HEAD:
                raise BadRequest(431)
            return None
        method, target, minor, headers = _parse_head(bytes(self._buffer[:end]))
        size = end + 4 + _body_length(headers)
        if len(self._buffer) < size:
            self._offer_continue(headers)
            return None
        body = bytes(self._buffer[end + 4 : size])
        del self._buffer[:size]
        self._continued = False
        wish = headers.get("connection", "").lower()
        keep_alive = "close" not in wish if minor == "1" else "keep-alive" in wish
        return Request(method, target, headers, body, size, keep_alive)

    def _offer_continue(self, headers: Mapping[str, str]) -> None:
        if headers.get("expect", "").lower() == "100-continue" and not self._continued and self._transport:
            self._continued = True
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _touch(self) -> None:
        self._active_at = asyncio.get_running_loop().time()

    def _watch(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._idle_check)

    def _idle_check(self) -> None:
        if self._transport is None:
            return
        left = self._active_at + self._idle_seconds - asyncio.get_running_loop().time()
        if self._blocked and left <= 0:
            self._transport.abort()
        elif self._busy or left > 0:
            self._watch(max(left, self._idle_seconds / 4))
        else:
            self._transport.close()


def _parse_head(head: bytes) -> tuple[str, str, str, dict[str, str]]:
    first, *rest = head.decode("latin-1").split("\r\n")
    line = _REQUEST_LINE.fullmatch(first)
    if line is None:
        raise BadRequest(400)
    headers: dict[str, str] = {}
    for text in rest:
        field = _HEADER.fullmatch(text)
        if field is None:
            raise BadRequest(400)
        name, value = field.group(1).lower(), field.group(2)
        if name == "content-length" and headers.get(name, value) != value:
            raise BadRequest(400)
        headers[name] = value
    return line.group(1), line.group(2), line.group(3), headers


def _body_length(headers: Mapping[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise BadRequest(411)  # no WS-Management client in use sends chunks
    text = headers.get("content-length", "0")
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise BadRequest(400)
    if int(text) > MAX_BODY:
        raise BadRequest(413)
    return int(text)
