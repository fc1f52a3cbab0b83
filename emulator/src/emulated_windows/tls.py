# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates of machines that are served over HTTPS, and the private authority behind them, new at every start.

Knows what is in a certificate and what can be wrong with it, and the channel binding that follows from it. Refuses to
know old protocols: a real Server 2003 speaks TLS 1.0 at most, which current OpenSSL does not, so HTTPS is for personas
that could really be reached that way.
"""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import os
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_HOUR = datetime.timedelta(hours=1)
_MONTH = datetime.timedelta(days=30)


@dataclass(frozen=True)
class Identity:
    """What one machine shows on HTTPS.

    Attributes:
        context: for its listener.
        binding: the channel binding of its connections, `tls-server-end-point` (RFC 5929 4.1).
    """

    context: ssl.SSLContext
    binding: bytes


class CertificateAuthority:
    """A private authority; its key is never written anywhere."""

    def __init__(self, folder: Path) -> None:
        """`folder` is a private one, for keys on their way into OpenSSL, which reads files only."""
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("emulated Windows, private authority")
        now = datetime.datetime.now(datetime.timezone.utc)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        self._certificate = (
            _builder(self._name, self._name, self._key, now - _HOUR, now + _MONTH)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def pem(self) -> bytes:
        """What a client has to trust."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def identity(self, names: Iterable[str], addresses: Iterable[str], kind: str = "trusted") -> Identity:
        """A certificate for these names and addresses: `trusted`, `self_signed`, `expired`, or for `other_name`."""
        key = ec.generate_private_key(ec.SECP256R1())
        listed = ["other.example"] if kind == "other_name" else list(names)
        alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in listed]
        if kind != "other_name":
            alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        subject = _name(listed[0][:64])
        end = datetime.datetime.now(datetime.timezone.utc) + (-_HOUR if kind == "expired" else _MONTH)
        issuer, signer = (subject, key) if kind == "self_signed" else (self._name, self._key)
        certificate = (
            _builder(subject, issuer, key, end - _MONTH - _HOUR, end)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
            .sign(signer, hashes.SHA256())
        )
        digest = hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).digest()
        return Identity(self._context(key, certificate), b"tls-server-end-point:" + digest)

    def _context(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        file = self._folder / "server.pem"
        text = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ) + certificate.public_bytes(serialization.Encoding.PEM)
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(handle, "wb") as written:
                written.write(text)
            context.load_cert_chain(file)
        finally:
            file.unlink()
        return context


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    start: datetime.datetime,
    end: datetime.datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )
