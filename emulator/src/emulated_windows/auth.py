# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is asking: Basic and NTLM on one HTTP connection, and the sealing of messages that comes with NTLM.

Knows the one account of an estate, challenges, and the `multipart/encrypted` form (MS-WSMV 2.2.9.1). Refuses to know
what is inside a message and whether an unsealed one is acceptable: the machine decides that.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import spnego

Headers = tuple[tuple[str, str], ...]
_AUTHENTICATE = "WWW-Authenticate"
_SEALED_TYPE = re.compile(r'multipart/encrypted\s*;.*protocol="([^"]{1,100})".*boundary="([^"]{1,70})"', re.I)
_MAX_TOKEN = 12 * 1024


class SealError(Exception):
    """A sealed message that cannot be opened: foreign context, tampered with, or malformed. Answered with 400."""


@dataclass(frozen=True)
class Challenge:
    """Not logged on yet, or refused: answer 401 with these headers."""

    headers: Headers


@dataclass(frozen=True)
class Admitted:
    """Logged on; `headers` go with the next answer."""

    headers: Headers = ()


@dataclass(frozen=True)
class Opened:
    """A body as it was meant; `protocol` is the client's name of the sealing, None for a body in clear."""

    body: bytes
    protocol: str | None


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
            for domain in dict.fromkeys(["", ".", *(domain.upper() for domain in domains)]):
                lines.write(f"{domain}:{user}:{password}\n")
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

    challenge = Challenge(((_AUTHENTICATE, 'Basic realm="WSMAN"'),))

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
        if _SEALED_TYPE.match(content_type):
            raise SealError
        return Opened(body, None)

    def seal(self, body: bytes, protocol: str) -> tuple[str, bytes]:
        raise SealError

    def forget(self) -> None:
        """Basic has no session."""


class NtlmGate:
    """NTLM under the Negotiate scheme, raw (as pywinrm sends it) or inside SPNEGO: one context a connection."""

    challenge = Challenge(((_AUTHENTICATE, "Negotiate"),))

    def __init__(self, domains: Iterable[str]) -> None:
        self._domains = {domain.lower() for domain in domains} | {"", "."}
        self._context: spnego.ContextProxy | None = None
        self._admitted = False

    def admit(self, authorization: str | None) -> Challenge | Admitted:
        if authorization is None:
            return Admitted() if self._admitted else self.challenge
        scheme, _, value = authorization.partition(" ")
        token = _token(value) if scheme.lower() == "negotiate" else None
        if token is None:
            self.forget()
            return self.challenge
        try:
            return self._step(token)
        except Exception:  # whatever a foreign token does to the parser, the answer is the same 401
            self.forget()
            return self.challenge

    def _step(self, token: bytes) -> Challenge | Admitted:
        if self._context is None or self._context.complete:
            self._admitted = False
            self._context = _acceptor(token)
        answer = self._context.step(token)
        headers: Headers = ()
        if answer:
            headers = ((_AUTHENTICATE, "Negotiate " + base64.b64encode(answer).decode("ascii")),)
        if not self._context.complete:
            return Challenge(headers) if headers else self.challenge
        domain, _, _ = (self._context.client_principal or "").rpartition("\\")
        if domain.lower() not in self._domains:
            self.forget()
            return self.challenge
        self._admitted = True
        return Admitted(headers)

    def open(self, content_type: str, body: bytes) -> Opened:
        sealed = _SEALED_TYPE.match(content_type)
        if sealed is None:
            return Opened(body, None)
        if self._context is None or not self._admitted:
            raise SealError
        length, header, data = _split(body, sealed.group(2).encode("latin-1"))
        try:
            plain = self._context.unwrap_winrm(header, data)
        except (spnego.exceptions.SpnegoError, ValueError) as error:
            raise SealError from error
        if len(plain) != length:
            raise SealError
        return Opened(plain, sealed.group(1))

    def seal(self, body: bytes, protocol: str) -> tuple[str, bytes]:
        if self._context is None:
            raise SealError
        sealed = self._context.wrap_winrm(body)
        boundary = b"--Encrypted Boundary"
        head = (
            boundary + b"\r\n\tContent-Type: " + protocol.encode("latin-1") + b"\r\n"
            b"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=%d\r\n" % len(body)
        )
        head += boundary + b"\r\n\tContent-Type: application/octet-stream\r\n" + struct.pack("<I", len(sealed.header))
        content_type = f'multipart/encrypted;protocol="{protocol}";boundary="Encrypted Boundary"'
        return content_type, head + sealed.header + sealed.data + boundary + b"--\r\n"

    def forget(self) -> None:
        self._context = None
        self._admitted = False


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


def _split(body: bytes, boundary: bytes) -> tuple[int, bytes, bytes]:
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
