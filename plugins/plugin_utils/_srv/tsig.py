# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TSIG keys (RFC 8945): checked when written, used to sign a message and to judge the signature of its answer.

A key is shared (TsigKey), or was negotiated by Kerberos (NegotiatedKey, RFC 3645); a message is signed in one way.

Internal to the collection activation.kms; not a public interface.

The one file of this package that reveals a secret. Messages are signed here rather than by dnspython's message class,
because that one reads the machine's clock, and because it compresses the key's name, which Samba 4.17 then rejects.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import struct
import typing as t

from .._errors import Refusal
from .._secret import Secret
from . import names
from .gss import NegotiatedKey

try:
    import dns.exception
    import dns.message
    import dns.name
    import dns.rcode
    import dns.rdataclass
    import dns.rdatatype
    import dns.rdtypes.ANY.TSIG
    import dns.tsig
except ImportError:
    pass  # library.need_dnspython says so before anything of this is used

FUDGE = 300  # seconds the two clocks may differ, RFC 8945 section 10

# RFC 8945 section 6. SHA-1 and MD5 are there for old servers and are used only when the user names them.
_WIRE_NAMES: t.Final[t.Mapping[str, str]] = {
    "hmac-sha256": "hmac-sha256.",
    "hmac-sha384": "hmac-sha384.",
    "hmac-sha512": "hmac-sha512.",
    "hmac-sha1": "hmac-sha1.",
    "hmac-md5": "HMAC-MD5.SIG-ALG.REG.INT.",
}
ALGORITHMS: t.Final[tuple[str, ...]] = tuple(_WIRE_NAMES)


@dataclasses.dataclass(frozen=True)
class TsigKey:
    """A key shared with the DNS server. Raises Refusal when made from something that is none.

    Attributes:
        name: the key's name as the server knows it; normalised.
        algorithm: one of ALGORITHMS.
        secret: base64, as in the server's key file.
    """

    name: str
    algorithm: str
    secret: Secret

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", names.key_name(self.name))
        object.__setattr__(self, "algorithm", str(self.algorithm).lower())
        if self.algorithm not in ALGORITHMS:
            raise Refusal(
                f"key_algorithm of key {self.name} must be one of {', '.join(ALGORITHMS)}",
                name="bad_key",
                advice="Write the algorithm that stands beside the key in the server's configuration.",
            )
        _decoded(self)

    @property
    def who(self) -> str:
        """As messages name it."""
        return f"TSIG key {self.name}"


SigningKey = TsigKey | NegotiatedKey


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What the signature of an answer says.

    Attributes:
        verified: the answer comes from who holds the key.
        error: the TSIG error the server put there: BADSIG, BADKEY, BADTIME, BADTRUNC ...; "" when none.
        why: why it could not be verified, a few words.
        skew: seconds the server's clock is ahead of ours, where it said so.
    """

    verified: bool
    error: str = ""
    why: str = ""
    skew: int | None = None


def sign(wire: bytes, key: SigningKey, now: float) -> tuple[bytes, bytes]:
    """The message with its TSIG record at the end, and the MAC its answer is verified with.

    Raises:
        Refusal: the algorithm cannot be computed here.
        KerberosTrouble: a negotiated key has ended.
    """
    ring = _ring(key)
    message_id, additional = struct.unpack("!H8xH", wire[:12])
    record_type: t.Any = dns.rdtypes.ANY.TSIG.TSIG  # untyped in dnspython, as are sign and validate
    library: t.Any = dns.tsig
    unsigned = record_type(
        dns.rdataclass.ANY, dns.rdatatype.TSIG, ring.algorithm, int(now), FUDGE, b"", message_id, 0, b""
    )
    try:
        signed = library.sign(wire, ring, unsigned, int(now), b"")[0]
    except ValueError as error:
        raise Refusal(
            f"this controller cannot compute {ring.algorithm.to_text(True)} (switched off in its cryptographic "
            f"library); make key {key.name} anew with hmac-sha256",
            name="bad_key",
        ) from error
    data: bytes = signed.to_digestable()
    head = struct.pack("!HHIH", dns.rdatatype.TSIG, dns.rdataclass.ANY, 0, len(data))
    record: bytes = ring.name.to_digestable() + head + data
    return wire[:10] + struct.pack("!H", additional + 1) + wire[12:] + record, bytes(signed.mac)


def verify(wire: bytes, answer: dns.message.Message, key: SigningKey, request_mac: bytes, now: float) -> Verdict:
    """Judge the signature of an answer that was parsed without looking at it. Never raises for a bad signature."""
    if answer.tsig is None:
        return Verdict(False, why="it is not signed")
    record = t.cast("dns.rdtypes.ANY.TSIG.TSIG", answer.tsig[0])
    if record.error:
        return Verdict(False, error=dns.rcode.to_text(record.error, True), why="TSIG error", skew=_skew(record, now))
    library: t.Any = dns.tsig
    try:
        library.validate(wire, _ring(key), answer.tsig.name, record, int(now), request_mac, _last_record(wire))
    except dns.tsig.BadTime:
        return Verdict(False, error="BADTIME", why="its time is off", skew=record.time_signed - int(now))
    except dns.tsig.BadSignature:
        return Verdict(False, why="its signature is wrong")
    except (dns.tsig.BadKey, dns.tsig.BadAlgorithm):
        return Verdict(False, why="it is signed with another key")
    except (dns.exception.DNSException, NotImplementedError, ValueError):
        return Verdict(False, why="its signature cannot be read")
    return Verdict(True)


def _ring(key: SigningKey) -> dns.tsig.Key:
    # This object shows the secret in its repr: it never leaves this file.
    if isinstance(key, NegotiatedKey):
        context: t.Any = key.context  # dnspython asks it for signatures where the algorithm is GSS_TSIG
        return dns.tsig.Key(dns.name.from_text(key.name), context, dns.tsig.GSS_TSIG)
    return dns.tsig.Key(dns.name.from_text(key.name), _decoded(key), dns.name.from_text(_WIRE_NAMES[key.algorithm]))


def _decoded(key: TsigKey) -> bytes:
    """The secret's bytes. base64.decodebytes would take `***` for an empty secret, hence the strictness."""
    text = key.secret.reveal().strip()
    trouble = ""
    if not text:
        trouble = "is empty"
    elif not text.strip("*"):
        trouble = "consists of asterisks: a masked value was handed over instead of the secret"
    elif any(character.isspace() for character in text):
        trouble = "holds white space inside"
    elif len(text) % 4:
        trouble = "is cut off, or lacks its padding (=): base64 comes in groups of four characters"
    if trouble:
        raise _bad_secret(key, trouble)
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        # "from None": the original exception could carry the value.
        raise _bad_secret(key, "is not base64") from None


def _bad_secret(key: TsigKey, trouble: str) -> Refusal:
    where = 'what stands between the quotes after "secret" in the server\'s key file'
    return Refusal(
        f"key_secret of key {key.name} {trouble}; copy {where}",
        name="bad_key",
        advice=f"Copy {where} (tsig-keygen prints it).",
    )


def _skew(record: dns.rdtypes.ANY.TSIG.TSIG, now: float) -> int | None:
    """A BADTIME answer carries the server's time in 48 bits, RFC 8945 section 5.2.3."""
    return int.from_bytes(record.other, "big") - int(now) if len(record.other) == 6 else None


def _last_record(wire: bytes) -> int:
    """Where the last record of a message begins: TSIG is always the last one (RFC 8945 section 5.1)."""
    questions, *others = struct.unpack_from("!HHHH", wire, 4)
    position = 12
    for _question in range(questions):
        position = _behind_name(wire, position) + 4
    begin = position
    for _record in range(sum(others)):
        begin, position = position, _behind_name(wire, position)
        position += 10 + int(struct.unpack_from("!H", wire, position + 8)[0])
    return begin


def _behind_name(wire: bytes, position: int) -> int:
    """A name ends with an empty label, or with a pointer of two bytes (RFC 1035 section 4.1.4)."""
    while 0 < wire[position] < 0xC0:
        position += wire[position] + 1
    return position + (1 if wire[position] == 0 else 2)
