# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signs programs for tests, with osslsigncode and certificates of our own that call themselves Microsoft's."""

from __future__ import annotations

import datetime
import subprocess
from dataclasses import dataclass
from pathlib import Path

from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

KEYS = {name: rsa.generate_private_key(65537, 2048) for name in ("root", "between", "signer", "stranger")}
MICROSOFT = "Microsoft Corporation"
CODE, SERVER = x509.ExtendedKeyUsageOID.CODE_SIGNING, x509.ExtendedKeyUsageOID.SERVER_AUTH


@dataclass(frozen=True)
class Holder:
    """Whom a certificate is for: the key of that name, and what is written in it."""

    key: str
    name: str
    organization: str = MICROSOFT
    authority: bool = False
    purposes: tuple[x509.ObjectIdentifier, ...] = ()


ROOT = Holder("root", "Root of Tests", authority=True)
BETWEEN = Holder("between", "Code Signing of Tests", authority=True)
SIGNER = Holder("signer", "Microsoft Corporation", purposes=(CODE,))


def certificate(holder: Holder, issuer: Holder, key: str = "", digest: str = "sha256") -> asn1.Certificate:
    """A certificate that expired long ago, issued under the name of `issuer`, by its key or the one named."""
    builder = x509.CertificateBuilder(
        _name(issuer), _name(holder), KEYS[holder.key].public_key(), x509.random_serial_number()
    )
    builder = builder.not_valid_before(datetime.datetime(2007, 8, 23)).not_valid_after(datetime.datetime(2009, 2, 23))
    builder = builder.add_extension(x509.BasicConstraints(holder.authority, None), True)
    if holder.purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(list(holder.purposes)), False)
    signing = KEYS[key or issuer.key]
    made = asn1.Certificate.load(builder.sign(signing, hashes.SHA256()).public_bytes(serialization.Encoding.DER))
    return made if digest == "sha256" else _signed_as_in_2007(made, signing, digest)


def _name(holder: Holder) -> x509.Name:
    names = {x509.NameOID.ORGANIZATION_NAME: holder.organization, x509.NameOID.COMMON_NAME: holder.name}
    return x509.Name([x509.NameAttribute(oid, name) for oid, name in names.items()])


def _signed_as_in_2007(made: asn1.Certificate, key: rsa.RSAPrivateKey, digest: str) -> asn1.Certificate:
    """The same certificate with a digest that cryptography makes no certificates with any more."""
    for field in (made["tbs_certificate"]["signature"], made["signature_algorithm"]):
        field["algorithm"] = f"{digest}_rsa"
    signed = made["tbs_certificate"].dump(force=True)
    made["signature_value"] = key.sign(signed, padding.PKCS1v15(), getattr(hashes, digest.upper())())
    return asn1.Certificate.load(made.dump(force=True))


def sign(
    folder: Path, content: bytes, *certificates: asn1.Certificate, digest: str = "sha1", nested: bool = False
) -> bytes:
    """The program with a signature made by the holder of the first certificate; the others come along."""
    plain, done, chain, key = (folder / name for name in ("plain.exe", "signed.exe", "chain.pem", "signer.key"))
    plain.write_bytes(content)
    done.unlink(missing_ok=True)
    chain.write_bytes(
        b"".join(
            x509.load_der_x509_certificate(each.dump()).public_bytes(serialization.Encoding.PEM)
            for each in certificates
        )
    )
    key.write_bytes(
        KEYS["signer"].private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    command = ["osslsigncode", "sign", "-h", digest, "-certs", str(chain), "-key", str(key)]
    command += ["-nest"] if nested else []
    command += ["-in", str(plain), "-out", str(done)]
    finished = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return done.read_bytes()
