# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The KMS port as far as a reachability probe sees it: a DCE/RPC bind is acknowledged, and nothing more.

It answers no activation request: every PDU that is not a first, unauthenticated bind closes the connection, a request
PDU included, and no code here could read one. Formats: C706 chapter 12, MS-RPCE 2.2.2.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from uuid import UUID

KMS_INTERFACE = UUID("51c82175-844e-4750-b0d8-ec255555bc06")
NDR = UUID("8a885d04-1ceb-11c9-9fe8-08002b104860")
_BIND, _BIND_ACK, _BIND_NAK = 11, 12, 13
_HEADER_SIZE = 16
_MAX_PDU = 4096
_MAX_CONTEXTS = 16
_PROVIDER_REJECTION = 2
_ABSTRACT_SYNTAX, _TRANSFER_SYNTAXES = 1, 2
_NO_SYNTAX = bytes(20)
_NDR_SYNTAX = NDR.bytes_le + struct.pack("<I", 2)
_FIRST_AND_LAST = 0x03


class Malformed(Exception):
    """Bytes that are no bind this listener answers."""


def pdu_length(data: bytes) -> int | None:
    """Length of the PDU that begins `data`; None while its header is incomplete. Malformed where it is no bind."""
    if len(data) < _HEADER_SIZE:
        if data and data[0] != 5:
            raise Malformed
        return None
    version, minor, kind, flags = data[:4]
    length = int(struct.unpack_from(_order(data) + "H", data, 8)[0])
    if version != 5 or minor > 1 or kind != _BIND or flags & _FIRST_AND_LAST != _FIRST_AND_LAST:
        raise Malformed
    if not _HEADER_SIZE + 12 <= length <= _MAX_PDU:
        raise Malformed
    return length


def answer_bind(pdu: bytes, port: int) -> bytes:
    """The bind_ack (or bind_nak, for a bind that wants authentication) to a whole bind PDU received on `port`."""
    order = _order(pdu)
    authentication, call = struct.unpack_from(order + "HI", pdu, 10)
    if authentication:
        return _pdu(_BIND_NAK, call, struct.pack("<HBBBB", 8, 1, 5, 0, 0))  # 8: authentication type not recognized
    transmit, receive, group, count = struct.unpack_from(order + "HHIB", pdu, _HEADER_SIZE)
    if not 1 <= count <= _MAX_CONTEXTS:
        raise Malformed
    results = b"".join(_judge(*context) for context in _contexts(pdu, order, count))
    secondary = str(port).encode("ascii") + b"\0"
    body = struct.pack("<HHI", transmit, receive, group or 0x1688) + struct.pack("<H", len(secondary)) + secondary
    body += bytes(-len(body) % 4)
    return _pdu(_BIND_ACK, call, body + struct.pack("<BBH", count, 0, 0) + results)


def _order(pdu: bytes) -> str:
    return "<" if pdu[4] & 0x10 else ">"  # first byte of the data representation label


def _contexts(pdu: bytes, order: str, count: int) -> list[tuple[tuple[UUID, int], list[tuple[UUID, int]]]]:
    found = []
    offset = _HEADER_SIZE + 12
    try:
        for _ in range(count):
            syntaxes = pdu[offset + 2]
            offset += 4
            abstract = _syntax(pdu, order, offset)
            transfers = [_syntax(pdu, order, offset + 20 * (n + 1)) for n in range(syntaxes)]
            offset += 20 * (syntaxes + 1)
            found.append((abstract, transfers))
    except (struct.error, IndexError, ValueError) as error:
        raise Malformed from error
    return found


def _syntax(pdu: bytes, order: str, offset: int) -> tuple[UUID, int]:
    raw = pdu[offset : offset + 16]
    name = UUID(bytes_le=raw) if order == "<" else UUID(bytes=raw)
    return name, struct.unpack_from(order + "I", pdu, offset + 16)[0]


def _judge(abstract: tuple[UUID, int], transfers: list[tuple[UUID, int]]) -> bytes:
    if abstract != (KMS_INTERFACE, 1):
        return struct.pack("<HH", _PROVIDER_REJECTION, _ABSTRACT_SYNTAX) + _NO_SYNTAX
    if (NDR, 2) not in transfers:
        return struct.pack("<HH", _PROVIDER_REJECTION, _TRANSFER_SYNTAXES) + _NO_SYNTAX
    return struct.pack("<HH", 0, 0) + _NDR_SYNTAX


def _pdu(kind: int, call: int, body: bytes) -> bytes:
    return struct.pack("<BBBBIHHI", 5, 0, kind, 3, 0x10, _HEADER_SIZE + len(body), 0, call) + body


class RpcConnection(asyncio.Protocol):
    """One connection to the KMS port: one bind is answered, then the next byte or a silence closes it."""

    def __init__(self, port: int, take: Callable[[], bool], give: Callable[[], None], silence: float = 30.0) -> None:
        self._port = port
        self._take, self._give = take, give  # a bounded number of connections
        self._holds_slot = False
        self._silence = silence
        self._buffer = bytearray()
        self._bound = False
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._holds_slot = self._take()
        if not self._holds_slot:
            transport.abort()
            return
        self._timer = asyncio.get_running_loop().call_later(self._silence, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._holds_slot:
            self._give()

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        if self._bound:
            self._transport.close()
            return
        self._buffer += data
        try:
            length = pdu_length(bytes(self._buffer[:_HEADER_SIZE]))
            if length is None or len(self._buffer) < length:
                return
            self._transport.write(answer_bind(bytes(self._buffer[:length]), self._port))
        except Malformed:
            self._transport.close()
            return
        self._bound = True
        if len(self._buffer) > length:
            self._transport.close()
        self._buffer.clear()
