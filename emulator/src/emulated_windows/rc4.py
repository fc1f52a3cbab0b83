# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kerberos messages sealed by RC4 (RFC 4757 7.3) the way Windows seals them: without the octet of padding.

MIT's library adds one, as RFC 1964 asks for; Windows' own does not (pyspnego's buffers for SSPI have no room for any),
and WinRM clients take what they find for the message. Knows how to take it off an answer. Refuses to seal by itself:
keys and sequence numbers are the library's.
"""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers import Cipher

try:
    from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4
except ImportError:  # cryptography before 43
    from cryptography.hazmat.primitives.ciphers.algorithms import ARC4

_HEADER = slice(-32, -24)  # TOK_ID, SGN_ALG, SEAL_ALG and filler; before them only what GSS-API frames tokens with
_SEQUENCE = slice(-24, -16)
_CHECKSUM = slice(-16, -8)
_CONFOUNDER = slice(-8, None)
_WRAP_USAGE = (13).to_bytes(4, "little")
RC4_HMAC = 23


def without_padding(key: bytes, token: bytes, sealed: bytes) -> tuple[bytes, bytes]:
    """Token and sealed data anew. `token` ends where the data begin; `sealed` ends with the octet of padding."""
    sequence = _rc4(_sequence_key(key, token[_CHECKSUM]), token[_SEQUENCE])
    sealing = _hmac(_hmac(bytes(octet ^ 0xF0 for octet in key), bytes(4)), sequence[:4])
    plain = _rc4(sealing, token[_CONFOUNDER] + sealed)[:-1]
    digest = hashlib.md5(_WRAP_USAGE + token[_HEADER] + plain, usedforsecurity=False).digest()
    checksum = _hmac(_hmac(key, b"signaturekey\0"), digest)[:8]
    cipher = _rc4(sealing, plain)
    frame = _shorter(token[:-32]) + token[_HEADER]
    return frame + _rc4(_sequence_key(key, checksum), sequence) + checksum + cipher[:8], cipher[8:]


def _sequence_key(key: bytes, checksum: bytes) -> bytes:
    return _hmac(_hmac(key, bytes(4)), checksum)


def _shorter(frame: bytes) -> bytes:
    """The frame of RFC 2743 3.1, `60 LENGTH OID`, for a token that is one octet shorter."""
    octets = frame[1] & 0x7F if frame[1] & 0x80 else 0
    start = 1 if not octets else 2
    length = int.from_bytes(frame[start : start + max(octets, 1)], "big") - 1
    return frame[:1] + _der_length(length) + frame[start + max(octets, 1) :]


def _der_length(length: int) -> bytes:
    """A length in DER."""
    if length < 0x80:
        return bytes([length])
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, "md5").digest()


def _rc4(key: bytes, data: bytes) -> bytes:
    return Cipher(ARC4(key), mode=None).encryptor().update(data)
