# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is asking: Basic and NTLM on one HTTP connection, and what all logins have in common that seal messages.

Knows the one account of an estate and challenges. Refuses to know what is inside a message and whether an unsealed one
is acceptable: the machine decides that. Kerberos is next door.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import struct
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import spnego

from .md4 import md4
from .sealing import SPNEGO, Opened, SealError, join, sealed_type, split

Headers = tuple[tuple[str, str], ...]
AUTHENTICATE = "WWW-Authenticate"
_CHANNEL_BINDINGS = 10
_MAX_TOKEN = 12 * 1024


@dataclass(frozen=True)
class Challenge:
    """Not logged on yet, or refused: answer 401 with these headers."""

    headers: Headers


@dataclass(frozen=True)
class Admitted:
    """Logged on; `headers` go with the next answer."""

    headers: Headers = ()


class Gate(Protocol):
    """Authentication state of one connection."""

    @property
    def challenge(self) -> Challenge:
        """What a client is told that has not logged on."""
        ...

    def admit(self, authorization: str | None) -> Challenge | Admitted:
        """Judge the Authorization header of a request."""
        ...

    def open(self, content_type: str, body: bytes) -> Opened:
        """Unseal a body where it is sealed. Raises SealError."""
        ...

    def seal(self, body: bytes, protocol: str) -> tuple[str, bytes]:
        """Seal an answer: its Content-Type and its bytes."""
        ...

    def forget(self) -> None:
        """Lose the session, as Windows does with a connection it has given up on."""
        ...


class Accounts:
    """The account of the estate, and pyspnego's file of it, private to this process and removed by `close`.

    pyspnego finds the file by the environment variable NTLM_USER_FILE, so one process serves one estate.
    """

    def __init__(self, user: str, password: str, domains: Iterable[str], file: Path) -> None:
        self.user = user
        self._password = password
        self._file = file
        file.unlink(missing_ok=True)
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as lines:
            # The form of smbpasswd: with the password itself, pyspnego would hash it anew for every login, the LM hash
            # nobody uses included, which is dear. There is none here.
            nt_hash = md4(password.encode("utf-16-le")).hex()
            for domain in dict.fromkeys(["", ".", *(domain.upper() for domain in domains)]):
                account = f"{domain}\\{user}" if domain else user
                lines.write(f"{account}:1000:{'0' * 32}:{nt_hash}:[U]:LCT-0\n")
        os.environ["NTLM_USER_FILE"] = str(file)

    def basic(self, user: str, password: str, host: str) -> bool:
        """Is this the local account of `host`? Windows takes no domain account with Basic."""
        domain, _, name = user.rpartition("\\")
        right_user = name.lower() == self.user.lower() and domain.lower() in ("", ".", host.lower())
        return hmac.compare_digest(password.encode(), self._password.encode()) and right_user

    def close(self) -> None:
        """Remove the file."""
        self._file.unlink(missing_ok=True)
        os.environ.pop("NTLM_USER_FILE", None)


class BasicGate:
    """Basic: every request carries the password; nothing is sealed."""

    challenge = Challenge(((AUTHENTICATE, 'Basic realm="WSMAN"'),))

    def __init__(self, accounts: Accounts, host: str) -> None:
        self._accounts = accounts
        self._host = host

    def admit(self, authorization: str | None) -> Challenge | Admitted:
        scheme, _, value = (authorization or "").partition(" ")
        if scheme.lower() != "basic":
            return self.challenge
        try:
            text = base64.b64decode(value.strip(), validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            return self.challenge
        user, _, password = text.partition(":")
        return Admitted() if self._accounts.basic(user, password, self._host) else self.challenge

    def open(self, content_type: str, body: bytes) -> Opened:
        if sealed_type(content_type) is not None:
            raise SealError
        return Opened(body, None)

    def seal(self, body: bytes, protocol: str) -> tuple[str, bytes]:
        raise SealError

    def forget(self) -> None:
        """Basic has no session."""


class SessionGate(ABC):
    """What logins have in common that happen once a connection: a context that seals what follows."""

    challenge: Challenge
    schemes: tuple[str, ...] = ("negotiate",)

    def __init__(self) -> None:
        self.admitted = False
        self.sealing = SPNEGO

    @abstractmethod
    def step(self, scheme: str, token: bytes) -> Challenge | Admitted:
        """One token of the login, under this scheme; whatever it raises, the client is refused."""

    @abstractmethod
    def unwrap(self, signature: bytes, data: bytes) -> bytes:
        """Open sealed data. Raises SealError."""

    @abstractmethod
    def wrap(self, body: bytes) -> tuple[bytes, bytes]:
        """Seal: signature and data."""

    @abstractmethod
    def forget(self) -> None:
        """Lose the session."""

    def admit(self, authorization: str | None) -> Challenge | Admitted:
        if authorization is None:
            return Admitted() if self.admitted else self.challenge
        scheme, _, value = authorization.partition(" ")
        token = _token(value) if scheme.lower() in self.schemes else None
        if token is None:
            self.forget()
            return self.challenge
        try:
            return self.step(scheme.lower(), token)
        except Exception:  # whatever a foreign token does to the parser, the answer is the same 401
            self.forget()
            return self.challenge

    def open(self, content_type: str, body: bytes) -> Opened:
        sealed = sealed_type(content_type)
        if sealed is None:
            return Opened(body, None)
        protocol, boundary = sealed
        if not self.admitted or protocol.lower() != self.sealing.lower():
            raise SealError
        length, signature, data = split(body, boundary)
        plain = self.unwrap(signature, data)
        if length not in (len(plain), len(data)):  # RC4 pads: pywinrm does not count that, pypsrp does
            raise SealError
        return Opened(plain, protocol)

    def seal(self, body: bytes, protocol: str) -> tuple[str, bytes]:
        if not self.admitted:
            raise SealError
        signature, data = self.wrap(body)
        return join(protocol, len(body), signature, data)


class NtlmGate(SessionGate):
    """NTLM under the Negotiate scheme, raw (as pywinrm sends it) or inside SPNEGO: one context a connection."""

    challenge = Challenge(((AUTHENTICATE, "Negotiate"),))

    def __init__(self, domains: Iterable[str], bindings: bytes | None = None) -> None:
        """`bindings`: the channel binding of the TLS connection. It must be right where a client sends one, as by
        CbtHardeningLevel Relaxed."""
        super().__init__()
        self._bound_to = None if bindings is None else _hash_of(bindings)
        self._domains = {domain.lower() for domain in domains} | {"", "."}
        self._context: spnego.ContextProxy | None = None

    def step(self, scheme: str, token: bytes) -> Challenge | Admitted:
        if self._context is None or self._context.complete:
            self.admitted = False
            self._context = _acceptor(token)
        answer = self._context.step(token)
        headers = () if answer is None else session_header("Negotiate", answer)
        if not self._context.complete:
            return Challenge(headers) if headers else self.challenge
        domain, _, _ = (self._context.client_principal or "").rpartition("\\")
        if domain.lower() not in self._domains or not self._right_channel(token):
            self.forget()
            return self.challenge
        self.admitted = True
        return Admitted(headers)

    def _right_channel(self, token: bytes) -> bool:
        """Is a login over TLS bound to this connection, or to none?"""
        bound_to = bound_channel(token)
        return self._bound_to is None or bound_to in (None, bytes(16), self._bound_to)

    def unwrap(self, signature: bytes, data: bytes) -> bytes:
        if self._context is None:
            raise SealError
        try:
            return self._context.unwrap_winrm(signature, data)
        except (spnego.exceptions.SpnegoError, ValueError) as error:
            raise SealError from error

    def wrap(self, body: bytes) -> tuple[bytes, bytes]:
        if self._context is None:
            raise SealError
        sealed = self._context.wrap_winrm(body)
        return sealed.header, sealed.data

    def forget(self) -> None:
        self._context = None
        self.admitted = False


def bound_channel(token: bytes) -> bytes | None:
    """The hash of the channel bindings in an AUTHENTICATE_MESSAGE, SPNEGO around it or not; None where there is none.

    MS-NLMP 2.2.1.3 (where the response lies), 2.2.2.8 and 2.2.2.7 (the pairs in it), 2.2.2.1 (MsvAvChannelBindings).
    """
    start = token.find(b"NTLMSSP\0\x03\0\0\0")
    if start < 0:
        return None
    length, _most, offset = struct.unpack_from("<HHI", token, start + 20)
    pairs = token[start + offset + 44 : start + offset + length]
    while len(pairs) >= 4:
        kind, size = struct.unpack_from("<HH", pairs)
        if kind == _CHANNEL_BINDINGS:
            return pairs[4 : 4 + size]
        pairs = pairs[4 + size :]
    return None


def _hash_of(bindings: bytes) -> bytes:
    """MD5 of the gss_channel_bindings_struct (RFC 2744 3.11) without addresses."""
    return hashlib.md5(bytes(16) + struct.pack("<I", len(bindings)) + bindings, usedforsecurity=False).digest()


def session_header(scheme: str, token: bytes) -> Headers:
    """A token on its way to the client."""
    return ((AUTHENTICATE, f"{scheme} {base64.b64encode(token).decode('ascii')}"),)


def _acceptor(token: bytes) -> spnego.ContextProxy:
    """pyspnego's own implementations, whatever GSS-API libraries are installed."""
    if token.startswith(b"NTLMSSP\0"):
        return spnego.server(protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm)
    return spnego.server(protocol="negotiate", options=spnego.NegotiateOptions.use_negotiate)


def _token(value: str) -> bytes | None:
    if not value or len(value) > _MAX_TOKEN:
        return None
    try:
        return base64.b64decode(value.strip(), validate=True)
    except binascii.Error:
        return None
