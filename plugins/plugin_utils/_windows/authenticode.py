# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who signed a program, and whether it is still what was signed (Authenticode).

Internal to the collection activation.kms; not a public interface.

Knows Microsoft's "Windows Authenticode Portable Executable Signature Format": a PKCS #7 message behind the program
states the digest of everything else in the file, and further such messages may be nested in it. Judges only signatures
of programs; those of cabinets, and so of .msu files, are made otherwise. What a way to Microsoft is, and why no time is
looked at, is certificates.py's business. Time stamps are not read.

The libraries are asn1crypto, which is optional, and cryptography, which pywinrm brings.
"""

from __future__ import annotations

import dataclasses
import hashlib
import mmap
import struct
import typing as t

from .certificates import DIGESTS, MISSING, Trust, doubt, holder, verify
from .certificates import MICROSOFT as MICROSOFT_TRUST

algos: t.Any
cms: t.Any
core: t.Any
if not MISSING:
    from asn1crypto import algos, cms, core

MICROSOFT = "microsoft"
OTHER = "other"
UNSIGNED = "unsigned"
DAMAGED = "damaged"
NOT_CHECKED = "not_checked"

_BLOCK = 1 << 20
_LARGEST_TABLE = 4 << 20  # bytes; Microsoft's take five to fifty thousand
_ENTRY = struct.Struct("<IHH")  # WIN_CERTIFICATE: length with this head, revision, type
_PKCS_SIGNED_DATA = 2
_MOST_PADDING = 14  # bytes: once counted in the entry's length, once behind it
_STATEMENT = "1.3.6.1.4.1.311.2.1.4"  # SPC_INDIRECT_DATA_OBJID
_NESTED = "1.3.6.1.4.1.311.2.4.1"  # szOID_NESTED_SIGNATURE
_MOST_NESTED = 4


@dataclasses.dataclass(frozen=True)
class Signature:
    """Who signed a file.

    Attributes:
        state: MICROSOFT, OTHER, UNSIGNED, DAMAGED or NOT_CHECKED.
        signer: the name in the signer's certificate; "" if there is none. Anybody can write any name there, so it says
            something for MICROSOFT only.
        reason: why the state is no better, in words that end without a full stop; "" for MICROSOFT.
    """

    state: str
    signer: str = ""
    reason: str = ""

    def as_data(self) -> dict[str, str]:
        """Plain data for results."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class Places:
    """Where in a program lies what its signature does not cover, in bytes from its start.

    Attributes:
        checksum: four bytes of the optional header.
        entry: the eight bytes that say where the table of signatures is.
        table: that table, at the end of the file; 0 if there is none.
        size: the table's size.
    """

    checksum: int
    entry: int
    table: int
    size: int


NO_PROGRAM = Signature(NOT_CHECKED, reason="it is no Windows program")
CABINET = Signature(NOT_CHECKED, reason="signatures of cabinets cannot be checked yet")
_NONE = Signature(UNSIGNED, reason="nobody has signed it")


class _Damage(ValueError):
    """What is wrong with a signature, in words that end without a full stop."""


def check(data: bytes | mmap.mmap, places: Places, trust: Trust = MICROSOFT_TRUST) -> Signature:
    """Who signed this program. Several signatures: one of Microsoft's is enough, one that is damaged else too much."""
    if MISSING:
        return Signature(NOT_CHECKED, reason=f"library {MISSING} is not installed")
    if not places.table and not places.size:
        return _NONE
    try:
        found = [_judge(signed, data, places, trust) for signed in _messages(_message(data, places))]
    except _Damage as damage:
        return Signature(DAMAGED, reason=str(damage))
    except Exception:  # the libraries document no set of errors for bytes that somebody made up
        return Signature(DAMAGED, reason="its signature cannot be read")
    return min(found, key=lambda signature: (MICROSOFT, DAMAGED, OTHER).index(signature.state))


def _message(data: bytes | mmap.mmap, places: Places) -> bytes:
    """The PKCS #7 message in the table of signatures, with what follows it there."""
    end = places.table + places.size
    if end > len(data):
        raise _Damage("the file ends before its signature does, so it is perhaps half a download")
    if places.size > _LARGEST_TABLE or places.size < _ENTRY.size or places.table < places.entry + 8:
        raise _Damage("its signature is not where a signature can be")
    if end != len(data):
        raise _Damage("something was appended after it was signed")
    length, _revision, kind = _ENTRY.unpack(data[places.table : places.table + _ENTRY.size])
    if kind != _PKCS_SIGNED_DATA or not _ENTRY.size < length <= places.size:
        raise _Damage("its signature is of a kind that Windows does not make")
    return data[places.table + _ENTRY.size : end]


def _messages(message: bytes) -> list[t.Any]:
    """The signed data of the message and of those nested in it.

    Behind the message only zeros may follow, up to a multiple of eight: the table is not signed, so anything could be
    put there, which Windows does not mind (Microsoft Security Advisory 2915720).
    """
    behind = message[len(cms.ContentInfo.load(message).dump()) :]
    if len(behind) > _MOST_PADDING or any(behind):
        raise _Damage("something is hidden behind its signature")
    outer = _signed_data(message)
    nested = [
        value.dump()
        for attribute in _signer(outer)["unsigned_attrs"]
        if attribute["type"].dotted == _NESTED
        for value in attribute["values"]
    ]
    if len(nested) > _MOST_NESTED:
        raise _Damage("more signatures are nested in its signature than anybody makes")
    return [outer, *map(_signed_data, nested)]


def _signed_data(message: bytes) -> t.Any:
    info = cms.ContentInfo.load(message)
    if info["content_type"].native != "signed_data":
        raise _Damage("its signature cannot be read")
    return info["content"]


def _signer(signed: t.Any) -> t.Any:
    """The one signer that Authenticode knows."""
    if len(signed["signer_infos"]) != 1:
        raise _Damage("its signature has not one signer")
    return signed["signer_infos"][0]


def _judge(signed: t.Any, data: bytes | mmap.mmap, places: Places, trust: Trust) -> Signature:
    """Who made one signature, once it is known that he signed this very file."""
    info, inner = _signer(signed), signed["encap_content_info"]
    certificates = [certificate.chosen for certificate in signed["certificates"] if certificate.name == "certificate"]
    certificate = _certificate_of(info, certificates)
    name = holder(certificate)
    statement = inner["content"].parse(core.Sequence)
    stated = algos.DigestInfo.load(statement[1].dump())
    algorithm, of_file = (x["digest_algorithm"]["algorithm"].native for x in (info, stated))
    if algorithm not in DIGESTS or of_file not in DIGESTS:
        return Signature(OTHER, name, "its signature relies on a digest that has been forged")
    if inner["content_type"].dotted != _STATEMENT or _digest(data, places, of_file) != stated["digest"].native:
        return Signature(DAMAGED, name, "what it holds was changed, or damaged on its way")
    attributes = {attribute["type"].native: attribute["values"] for attribute in info["signed_attrs"]}
    summary = hashlib.new(algorithm, statement.contents).digest()
    covered = b"\x31" + info["signed_attrs"].dump()[1:]  # signed as a SET OF (RFC 2315, 9.3)
    agreed = attributes["content_type"].native == [_STATEMENT] and attributes["message_digest"].native == [summary]
    if not agreed or not verify(certificate, info["signature"].native, covered, algorithm):
        return Signature(DAMAGED, name, "its signature was not made with the certificate it names")
    reason = doubt(certificate, certificates, trust)
    return Signature(OTHER if reason else MICROSOFT, name, reason)


def _certificate_of(info: t.Any, certificates: t.Sequence[t.Any]) -> t.Any:
    """The certificate the signer says is his."""
    wanted = info["sid"].chosen
    for certificate in certificates:
        if (certificate.serial_number, certificate.issuer.dump()) == (
            wanted["serial_number"].native,
            wanted["issuer"].dump(),
        ):
            return certificate
    raise _Damage("its signature comes without the certificate of its signer")


def _digest(data: bytes | mmap.mmap, places: Places, algorithm: str) -> bytes:
    """The digest of everything but the checksum, the entry and the table, read in blocks."""
    digest, start = hashlib.new(algorithm), 0
    for end, skipped in ((places.checksum, 4), (places.entry, 8), (places.table, 0)):
        for at in range(start, end, _BLOCK):
            digest.update(data[at : min(at + _BLOCK, end)])
        start = end + skipped
    return digest.digest()
