# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bind packet byte by byte, and every answer to it, in both byte orders."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.activation.kms.plugins.plugin_utils._rpc import bind

LITTLE, BIG = "<", ">"


def packet(kind: int, body: bytes, order: str = LITTLE, call: int = 1) -> bytes:
    """A DCE/RPC packet, written from C706 chapter 12 rather than with the code under test."""
    representation = b"\x10\0\0\0" if order == LITTLE else b"\0\0\0\0"
    return struct.pack(order + "BBBB4sHHI", 5, 0, kind, 3, representation, 16 + len(body), 0, call) + body


def acknowledgement(
    result: int, reason: int, order: str = LITTLE, secondary: bytes = b"1688\0", count: int = 1
) -> bytes:
    head = struct.pack(order + "HHIH", 5840, 5840, 0x1234, len(secondary)) + secondary
    head += b"\0" * (-len(head) % 4)
    return packet(12, head + struct.pack(order + "BxxxHH", count, result, reason) + bytes(20), order)


def test_the_bind_is_the_one_windows_clients_send() -> None:
    assert bind.bind_packet() == bytes.fromhex(
        "05 00 0b 03 10 00 00 00 48 00 00 00 01 00 00 00"  # 5.0, bind, first and last, little endian, 72 bytes, call 1
        "d0 16 d0 16 00 00 00 00"  # fragments of 5840 bytes, new association
        "01 00 00 00 00 00 01 00"  # one context, number 0, one transfer syntax
        "75 21 c8 51 4e 84 50 47 b0 d8 ec 25 55 55 bc 06 01 00 00 00"  # 51c82175-844e-4750-b0d8-ec255555bc06 1.0
        "04 5d 88 8a eb 1c c9 11 9f e8 08 00 2b 10 48 60 02 00 00 00"  # NDR 2.0
    )


@pytest.mark.parametrize("order", [LITTLE, BIG])
@pytest.mark.parametrize("secondary", [b"1688\0", b"", b"\0", b"49152\0", b"12\0"])
def test_an_acknowledgement(order: str, secondary: bytes) -> None:
    answer = bind.read_answer(acknowledgement(0, 0, order, secondary))
    assert answer == bind.Answer(True, True, "the KMS RPC interface is registered")


@pytest.mark.parametrize("order", [LITTLE, BIG])
@pytest.mark.parametrize(("reason", "hint"), [(1, "not registered"), (2, "transfer syntax"), (99, "reason 99")])
def test_another_rpc_service(order: str, reason: int, hint: str) -> None:
    answer = bind.read_answer(acknowledgement(2, reason, order))
    assert (answer.accepted, answer.rpc) == (False, True)
    assert hint in answer.detail


@pytest.mark.parametrize("order", [LITTLE, BIG])
@pytest.mark.parametrize(
    ("reason", "hint"), [(0, "no reason"), (4, "version"), (8, "authentication"), (77, "reason 77")]
)
def test_a_refused_bind(order: str, reason: int, hint: str) -> None:
    answer = bind.read_answer(packet(13, struct.pack(order + "H", reason), order))
    assert (answer.accepted, answer.rpc) == (False, True)
    assert hint in answer.detail


@pytest.mark.parametrize(
    ("received", "rpc", "hint"),
    [
        (b"", False, "sent nothing"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", False, "SSH-2.0"),
        (b"HTTP/1.1 400 Bad Request\r\nServer: x", False, "HTTP/1.1 400"),
        (b"\x05", False, "sent '.'"),
        (b"\x1b]0;evil\x07 and on", False, ".]0;evil. and on"),
        (packet(3, bytes(8) + struct.pack("<I", 0x1C010003)), True, "0x1C010003"),
        (packet(2, bytes(8)), True, "packet type 2"),
        (packet(12, b""), True, "cut off"),
        (packet(13, b""), True, "cut off"),
        (packet(12, b"", call=7), True, "a call that was not made"),
        (acknowledgement(0, 0)[:40], True, "cut off"),
        (acknowledgement(0, 0, count=0), True, "without a result"),
    ],
)
def test_other_answers(received: bytes, rpc: bool, hint: str) -> None:
    answer = bind.read_answer(received)
    assert (answer.accepted, answer.rpc) == (False, rpc)
    assert hint in answer.detail


@given(st.binary(max_size=120), st.booleans())
def test_noise_is_understood_as_noise(noise: bytes, framed: bool) -> None:
    received = packet(12, noise) if framed else noise
    answer = bind.read_answer(received)
    assert answer.detail.isprintable()
    assert 0 <= bind.bytes_wanted(received) <= 65535


@given(st.sampled_from([acknowledgement(0, 0), acknowledgement(0, 0, BIG)]), st.lists(st.integers(1, 9)))
def test_an_answer_in_pieces_is_read_to_its_end_and_not_beyond(whole: bytes, pieces: list[int]) -> None:
    received = b""
    for size in [*pieces, *[len(whole)] * 3]:
        wanted = bind.bytes_wanted(received)
        received += whole[len(received) : len(received) + min(size, wanted)]
    assert bind.bytes_wanted(received) == 0
    assert received == whole


def test_a_foreign_greeting_is_not_waited_for() -> None:
    assert bind.bytes_wanted(b"S") == 0
