# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sealed messages as they lie in HTTP: the `multipart/encrypted` form of MS-WSMV 2.2.9.1.

Knows the names of the sealings, which belong to the scheme of the login, and how signature and sealed data are packed.
Refuses to know keys: a gate seals and opens.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

SPNEGO = "application/HTTP-SPNEGO-session-encrypted"
"""What is sealed after a login under the scheme Negotiate."""
KERBEROS = "application/HTTP-Kerberos-session-encrypted"
"""What is sealed after a login under the scheme Kerberos."""
_SEALED_TYPE = re.compile(r'multipart/encrypted\s*;.*protocol="([^"]{1,100})".*boundary="([^"]{1,70})"', re.I)


class SealError(Exception):
    """A sealed message that cannot be opened: foreign context, tampered with, or malformed. Answered with 400."""


@dataclass(frozen=True)
class Opened:
    """A body as it was meant; `protocol` is the client's name of the sealing, None for a body in clear."""

    body: bytes
    protocol: str | None


def sealed_type(content_type: str) -> tuple[str, bytes] | None:
    """The name of the sealing and the boundary; None for a body in clear."""
    found = _SEALED_TYPE.match(content_type)
    return None if found is None else (found.group(1), found.group(2).encode("latin-1"))


def join(protocol: str, length: int, signature: bytes, data: bytes) -> tuple[str, bytes]:
    """Content-Type and body for sealed data whose plain text has `length` bytes."""
    boundary = b"--Encrypted Boundary"
    head = (
        boundary + b"\r\n\tContent-Type: " + protocol.encode("latin-1") + b"\r\n"
        b"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=%d\r\n" % length
    )
    head += boundary + b"\r\n\tContent-Type: application/octet-stream\r\n" + struct.pack("<I", len(signature))
    content_type = f'multipart/encrypted;protocol="{protocol}";boundary="Encrypted Boundary"'
    return content_type, head + signature + data + boundary + b"--\r\n"


def split(body: bytes, boundary: bytes) -> tuple[int, bytes, bytes]:
    """Plain length, signature and sealed data of a `multipart/encrypted` body."""
    mark = re.escape(b"--" + boundary)
    head = re.compile(
        mark
        + rb"\r\n[ \t]*Content-Type:[^\r\n]*\r\n[ \t]*OriginalContent:[^\r\n]*;[ ]*Length=(\d{1,9})\r\n"
        + mark
        + rb"\r\n[ \t]*Content-Type:[ ]*application/octet-stream\r\n",
        re.IGNORECASE,
    ).match(body)
    tail = b"--" + boundary + b"--"
    end = len(body.rstrip(b"\r\n")) - len(tail)
    if head is None or body[max(end, 0) : max(end, 0) + len(tail)] != tail or end < head.end() + 4:
        raise SealError
    signature = struct.unpack_from("<I", body, head.end())[0]
    start = head.end() + 4
    if start + signature > end:
        raise SealError
    return int(head.group(1)), body[start : start + signature], body[start + signature : end]
