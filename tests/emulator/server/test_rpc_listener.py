# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The KMS port acknowledges an RPC bind and does nothing more."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from served import Served

KMS = UUID("51c82175-844e-4750-b0d8-ec255555bc06")
NDR = UUID("8a885d04-1ceb-11c9-9fe8-08002b104860")
NDR64 = UUID("71710533-beba-4937-8319-b5dbef9ccc36")
OTHER = UUID("12345678-1234-abcd-ef00-0123456789ab")


def bind(
    interface: UUID = KMS, version: int = 1, syntax: tuple[UUID, int] = (NDR, 2), kind: int = 11, auth: int = 0
) -> bytes:
    """A bind PDU with one context, after C706 12.6.4.3."""
    context = struct.pack("<HBB", 0, 1, 0) + interface.bytes_le + struct.pack("<I", version)
    context += syntax[0].bytes_le + struct.pack("<I", syntax[1])
    body = struct.pack("<HHIBBH", 5840, 5840, 0, 1, 0, 0) + context
    return struct.pack("<BBBBIHHI", 5, 0, kind, 3, 0x10, 16 + len(body), auth, 7) + body


@pytest.fixture
def port(serve: Callable[..., Served]) -> Iterator[Callable[[], socket.socket]]:
    """Opens connections to the KMS port of a machine."""
    served = serve(transport="basic")
    served.machine.port = 1688
    served.call(served.server.sync)
    connections: list[socket.socket] = []

    def connect() -> socket.socket:
        connections.append(socket.create_connection((served.address, 1688), timeout=10))
        return connections[-1]

    yield connect
    for connection in connections:
        connection.close()


def results(answer: bytes) -> tuple[int, int, bytes]:
    """PDU type, result and transfer syntax of an answer with one result."""
    secondary = struct.unpack_from("<H", answer, 24)[0]
    assert answer[26 : 26 + secondary] == b"1688\0"
    offset = 26 + secondary + (-(26 + secondary) % 4)
    assert answer[offset] == 1
    result, _reason = struct.unpack_from("<HH", answer, offset + 4)
    assert len(answer) == struct.unpack_from("<H", answer, 8)[0] == offset + 28
    return answer[2], result, answer[offset + 8 :]


def test_the_kms_interface_is_acknowledged(port: Callable[[], socket.socket]) -> None:
    connection = port()
    connection.sendall(bind())
    kind, result, syntax = results(connection.recv(4096))
    assert (kind, result, syntax) == (12, 0, NDR.bytes_le + struct.pack("<I", 2))


@pytest.mark.parametrize("wrong", [bind(OTHER), bind(version=2), bind(syntax=(NDR64, 1))])
def test_everything_else_is_rejected_by_the_provider(port: Callable[[], socket.socket], wrong: bytes) -> None:
    connection = port()
    connection.sendall(wrong)
    kind, result, syntax = results(connection.recv(4096))
    assert (kind, result, syntax) == (12, 2, bytes(20))


def test_a_bind_in_pieces(port: Callable[[], socket.socket]) -> None:
    connection = port()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in bind():
        connection.sendall(bytes([byte]))
    assert results(connection.recv(4096))[1] == 0


def test_an_authenticated_bind_is_refused(port: Callable[[], socket.socket]) -> None:
    connection = port()
    connection.sendall(bind(auth=8))
    assert connection.recv(4096)[2] == 13


def test_a_request_pdu_closes_the_connection_unanswered(port: Callable[[], socket.socket]) -> None:
    connection = port()
    connection.sendall(bind())
    assert connection.recv(4096)[2] == 12
    connection.sendall(bind(kind=0))
    assert connection.recv(4096) == b""


@pytest.mark.parametrize("first", [bind(kind=0), b"GET / HTTP/1.0\r\n\r\n", bind()[:8] + b"\xff\xff" + bind()[10:]])
def test_whatever_is_no_bind_closes_the_connection(port: Callable[[], socket.socket], first: bytes) -> None:
    connection = port()
    connection.sendall(first)
    assert connection.recv(4096) == b""
