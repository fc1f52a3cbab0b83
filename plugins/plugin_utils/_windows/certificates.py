# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a certificate that signed code is one of Microsoft's.

Internal to the collection activation.kms; not a public interface.

It is when signature by signature a way leads from it to one of the roots in data/microsoft_roots.yml, when it is made
for signing code, and when it names Microsoft as its holder: the roots also stand above the certificates of others.

Refuses to know the time. The certificates of the packages of Server 2003 have long expired, and whether a signature
was made while they were valid is something only its time stamp says, whose own certificates have expired too. So a
certificate that was stolen after it had expired would pass, as would one that was taken back, except for those that
Microsoft itself named in 2012; no list of revoked certificates is fetched. MD5 is not believed below a root: a forged
signature of Microsoft's was made by it.
"""

from __future__ import annotations

import base64
import dataclasses
import typing as t

from .. import _data

x509: t.Any
padding: t.Any
hashes: t.Any
try:
    from asn1crypto import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    MISSING = ""
except ImportError as error:
    MISSING = (error.name or "asn1crypto").partition(".")[0]
    """The library without which nothing can be checked; "" when all are there."""

DIGESTS = ("sha1", "sha256", "sha384", "sha512")
"""Those that are believed, by the names asn1crypto and hashlib give them."""

_MOST_CERTIFICATES = 32  # of a signature; Microsoft's bring along two to ten


@dataclasses.dataclass(frozen=True)
class Trust:
    """Whom to believe.

    Attributes:
        organization: what the signer's certificate must name as its holder.
        roots: the certificates (of asn1crypto) where a way may end.
        distrusted: SHA-1 thumbprints, lower case, of certificates over which no way may lead.
    """

    organization: str
    roots: tuple[t.Any, ...]
    distrusted: frozenset[str] = frozenset()


def _load_microsoft() -> Trust:
    data = _data.load(__file__, "data", "microsoft_roots.yml")
    return Trust(
        organization=data["organization"],
        roots=tuple(x509.Certificate.load(base64.b64decode(row["certificate"])) for row in data["roots"]),
        distrusted=frozenset(row["sha1"] for row in data["distrusted"]),
    )


MICROSOFT = Trust("Microsoft Corporation", ()) if MISSING else _load_microsoft()


def holder(certificate: t.Any) -> str:
    """The name of a certificate's holder, for people: one line of at most 100 letters, whatever stands there."""
    names = certificate.subject.native
    name = str(names.get("common_name") or names.get("organization_name") or "")
    return "".join(letter for letter in name if letter.isprintable())[:100]


def verify(certificate: t.Any, signature: bytes, signed: bytes, algorithm: str) -> bool:
    """Did the holder of this certificate sign that? RSA only: Microsoft signs code with nothing else.

    Args:
        algorithm: the digest; none but DIGESTS is believed.
    """
    if algorithm not in DIGESTS:
        return False
    key = load_der_public_key(certificate.public_key.dump())
    if not isinstance(key, rsa.RSAPublicKey):
        return False
    try:
        key.verify(signature, signed, padding.PKCS1v15(), getattr(hashes, algorithm.upper())())
    except (InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def doubt(signer: t.Any, others: t.Sequence[t.Any], trust: Trust) -> str:
    """What speaks against the signer being the one to trust, in words that end without a full stop; "" for nothing.

    Args:
        signer: the certificate that signed.
        others: the certificates that came with the signature, in any order.
    """
    if len(others) > _MOST_CERTIFICATES:
        return f"more than {_MOST_CERTIFICATES} certificates come with its signature"
    if signer.subject.native.get("organization_name") != trust.organization:
        return f"its signer's certificate does not name {trust.organization}"
    if signer.extended_key_usage_value is None or not _may_sign_code(signer):
        return "its signer's certificate is not made for signing code"
    reached = [signer]
    for certificate in reached:  # grows on the way; every certificate is gone through once
        if certificate.sha1.hex() in trust.distrusted:
            continue
        if any(_issued(root, certificate) for root in trust.roots):
            return ""
        reached += [
            other for other in others if other not in reached and _may_issue(other) and _issued(other, certificate)
        ]
    return f"its certificates do not lead to a root certificate of {trust.organization}"


def _may_sign_code(certificate: t.Any) -> bool:
    """Without a list of purposes a certificate is made for all."""
    purposes = certificate.extended_key_usage_value
    return purposes is None or "code_signing" in purposes.native


def _may_issue(certificate: t.Any) -> bool:
    return bool(certificate.ca) and _may_sign_code(certificate)


def _issued(issuer: t.Any, certificate: t.Any) -> bool:
    """Did the holder of one certificate sign the other?"""
    return certificate.issuer.dump() == issuer.subject.dump() and verify(
        issuer,
        certificate["signature_value"].native,
        certificate["tbs_certificate"].dump(),
        certificate.hash_algo,
    )
