# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bind packet of DCE/RPC for the KMS interface, and what may be answered to it.

Internal to the collection activation.kms; not a public interface.

A bind asks one thing: is this interface registered here? An acknowledgement proves that the KMS service listens. It
does not prove that the host is activated, that it holds a key, or that it has reached its threshold. No request packet
exists here and none ever will: the collection asks no KMS host for an activation.

Formats: C706 (DCE 1.1 RPC) chapter 12, MS-RPCE 2.2.2. No sockets: bytes in, bytes out.
"""

from __future__ import annotations

import dataclasses
import struct
import typing as t
import uuid

KMS_INTERFACE: t.Final = uuid.UUID("51c82175-844e-4750-b0d8-ec255555bc06")  # version 1.0
NDR: t.Final = uuid.UUID("8a885d04-1ceb-11c9-9fe8-08002b104860")  # version 2.0, the transfer syntax

_HEADER = 16
_CALL_ID = 1
_FRAGMENT = 5840  # bytes, what Windows clients offer
_BIND, _BIND_ACK, _BIND_NAK, _FAULT = 11, 12, 13, 3
_FIRST_AND_LAST = 0x03

# MS-RPCE 2.2.2.5
_NAK_REASONS: t.Final[t.Mapping[int, str]] = {
    0: "no reason given",
    1: "temporary congestion",
    2: "local limit exceeded",
    4: "protocol version not supported",
    8: "authentication type not recognised",
    9: "invalid checksum",
}
# C706 12.6.3.1, p_provider_reason_t
_PROVIDER_REASONS: t.Final[t.Mapping[int, str]] = {
    0: "no reason given",
    1: "the KMS interface is not registered there",
    2: "the transfer syntax is not supported",
    3: "local limit exceeded",
}


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a peer answered to the bind.

    Attributes:
        accepted: the KMS interface is registered there.
        rpc: the peer speaks DCE/RPC at all.
        detail: a few words for a person.
    """

    accepted: bool
    rpc: bool
    detail: str


def bind_packet() -> bytes:
    """The bind: one presentation context, the KMS interface over NDR, no authentication."""
    syntaxes = KMS_INTERFACE.bytes_le + struct.pack("<HH", 1, 0) + NDR.bytes_le + struct.pack("<I", 2)
    context = struct.pack("<BxxxHBx", 1, 0, 1) + syntaxes
    body = struct.pack("<HHI", _FRAGMENT, _FRAGMENT, 0) + context
    header = struct.pack(
        "<BBBB4sHHI", 5, 0, _BIND, _FIRST_AND_LAST, b"\x10\x00\x00\x00", _HEADER + len(body), 0, _CALL_ID
    )
    return header + body


def bytes_wanted(received: bytes) -> int:
    """How many more bytes the answer needs; 0 when it is whole, or already known not to be DCE/RPC."""
    if received and received[0] != 5:
        return 0
    if len(received) < _HEADER:
        return _HEADER - len(received)
    return max(0, _unpack(received, "H", 8)[0] - len(received))


def read_answer(received: bytes) -> Answer:
    """Understand an answer, however short or strange. Never raises."""
    if len(received) < _HEADER or received[0] != 5:
        return Answer(False, False, f"it does not speak DCE/RPC: {_glimpse(received)}")
    kind = received[2]
    cut_off = Answer(False, True, "an RPC service answered with a packet that is cut off")
    if bytes_wanted(received):
        return cut_off
    try:
        if _unpack(received, "I", 12)[0] != _CALL_ID:
            return Answer(False, True, "an RPC service answered a call that was not made")
        if kind == _BIND_ACK:
            return _read_ack(received)
        if kind == _BIND_NAK:
            reason = _unpack(received, "H", _HEADER)[0]
            why = _NAK_REASONS.get(reason, f"reason {reason}")
            return Answer(False, True, f"an RPC service refused the bind: {why}")
        if kind == _FAULT:
            status = _unpack(received, "I", _HEADER + 8)[0]
            return Answer(False, True, f"an RPC service answered with fault 0x{status:08X}")
    except struct.error:
        return cut_off
    return Answer(False, True, f"an RPC service answered with packet type {kind}")


def _read_ack(received: bytes) -> Answer:
    """bind_ack: after the secondary address, padded to four bytes, stands one result for each context offered."""
    length = _unpack(received, "H", _HEADER + 8)[0]
    results = _HEADER + 10 + length
    results += -results % 4
    if _unpack(received, "B", results)[0] < 1:
        return Answer(False, True, "an RPC service acknowledged the bind without a result")
    result, reason = _unpack(received, "HH", results + 4)
    if result == 0:
        return Answer(True, True, "the KMS RPC interface is registered")
    why = _PROVIDER_REASONS.get(reason, f"reason {reason}")
    return Answer(False, True, f"an RPC service answers, but not for KMS: {why}")


def _unpack(data: bytes, layout: str, offset: int) -> tuple[int, ...]:
    """Integers in the byte order the packet declares. Raises struct.error when it is too short."""
    order = "<" if len(data) > 4 and data[4] & 0x10 else ">"
    return struct.unpack_from(order + layout, data, offset)


def _glimpse(received: bytes) -> str:
    """Enough of a foreign greeting to recognise SSH or HTTP, nothing a terminal could choke on."""
    if not received:
        return "it sent nothing"
    first = received[:24].decode("latin-1").split("\r")[0].split("\n")[0]
    printable = "".join(character if " " <= character <= "~" else "." for character in first)
    return f"it sent {printable!r}"
