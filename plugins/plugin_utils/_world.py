# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The doors to everything outside: what the rest of the collection may ask of the world.

Internal to the collection activation.kms; not a public interface.

Protocols only. The real doors are made in `_ansible`; simulations and tests make their own. Nothing below `_ansible`
opens a socket, a file or a clock by itself, which is why one process can simulate thousands of rollouts.
"""

from __future__ import annotations

import typing as t

from ._secret import Secret


class NoAnswer(Exception):
    """A door's peer did not answer.

    Attributes:
        reason: a few words, "connection refused" for instance; never a secret.
        sent: False when it is certain that the request never reached the peer (refused, name not resolved).
        login_refused: the peer answered and refused the login.
        advice: what to do about just this, in the imperative; "" where the usual things are to be looked at.
    """

    def __init__(self, reason: str, *, sent: bool = True, login_refused: bool = False, advice: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent
        self.login_refused = login_refused
        self.advice = advice


class KerberosTrouble(Exception):
    """Kerberos gave no credential, no ticket or no signature.

    Attributes:
        reason: one of few words that code decides on: "missing", "realm_unknown", "kdc_unreachable",
            "principal_unknown", "secret_wrong", "password_expired", "revoked", "no_ticket", "ticket_expired",
            "keytab_missing", "service_unknown", "clock_skew", "enctype" (no kind of encryption in common),
            "configuration" (the library cannot read its own), "failed".
        detail: what the Kerberos library said, in its language; never a secret.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


class GssContext(t.Protocol):
    """A security context (RFC 2743) with the DNS service of one server, which signs once it is complete."""

    @property
    def wished(self) -> str:
        """The principal that was asked for, realm included; "" for whoever has the ticket."""

    @property
    def initiator(self) -> str:
        """The principal it speaks for: the credential's at first, the context's own when it is complete."""

    @property
    def complete(self) -> bool:
        """Whether both sides know each other."""

    def step(self, token: bytes) -> bytes:
        """Take the other side's token (b"" at first), return ours (b"": none). Raises KerberosTrouble."""

    def get_signature(self, data: bytes) -> bytes:
        """A message integrity code. Raises KerberosTrouble."""

    def verify_signature(self, data: bytes, signature: bytes) -> t.Any:
        """Raises an exception, whichever, when the code does not belong to the data."""


class Resolver(t.Protocol):
    """Somebody who can be asked about DNS as a client asks; what it was told it remembers.

    Attributes:
        peer: whom it asks, as messages name it.
    """

    peer: str

    def ask(self, name: str, rdtype: str) -> t.Any:
        """The records of an absolute name as dnspython has them, None when there are none. Raises Problem."""


class Stream(t.Protocol):
    """One TCP connection to a port that is not WinRM's."""

    def send(self, data: bytes) -> None:
        """Send all of it; raises NoAnswer."""

    def receive(self, size: int) -> bytes:
        """Up to `size` bytes; b"" at the end; raises NoAnswer on time-out or reset."""

    def close(self) -> None:
        """Close; never raises."""


class World(t.Protocol):
    """The doors.

    Attributes:
        host: the inventory name of the managed host, for messages.
        operation_timeout: seconds WinRM may take for one answer.
    """

    host: str
    operation_timeout: float

    def send(self, message: bytes, *, timeout: float) -> tuple[int, bytes]:
        """Post one WS-Management message to the managed host; (HTTP status, body). Raises NoAnswer.

        The session is mended inside (a stale encryption context is renewed and the message, never decrypted, sent
        again); an answer that never came is never asked for again.
        """

    def disconnect(self) -> None:
        """Forget the session with the managed host; the next `send` connects anew."""

    def exchange(self, message: bytes, server: str, port: int, *, timeout: float) -> bytes:
        """Send one DNS message over TCP from the controller and return the answer's bytes. Raises NoAnswer."""

    def gss(self, host: str, principal: str, password: Secret | None, keytab: str) -> GssContext:
        """Begin a security context with the DNS service of a host. Raises KerberosTrouble.

        The credential comes by the password or the keytab where one is given, otherwise it is the ticket at hand.
        Nothing of it is written to disk but what the user's own ticket cache takes.
        """

    def resolve(self, name: str) -> list[str]:
        """The addresses of a host name, as the controller sees them; [] when there are none."""

    def resolver(self, servers: t.Sequence[str], port: int, timeout: float) -> Resolver:
        """Somebody who asks these DNS servers, or without any those of the controller. Raises Refusal."""

    def dial(self, address: str, port: int, *, timeout: float) -> Stream:
        """Open a TCP connection from the controller. Raises NoAnswer (reason "refused", "timed out", ...)."""

    def open_file(self, path: str) -> t.BinaryIO:
        """Open a controller file for reading; raises OSError."""

    def list_folder(self, path: str) -> list[str]:
        """The names in a controller folder; raises OSError."""

    def append(self, path: str, line: str) -> None:
        """Append one line to a controller file (the audit log), whole or not at all; raises OSError.

        Lines of several processes do not mix. An empty one is not written: it finds out whether the file can be.
        """

    def now(self) -> float:
        """Seconds since the epoch on the controller's clock."""

    def sleep(self, seconds: float) -> None:
        """Wait."""

    def log(self, text: str) -> None:
        """Tell who watches at -vvv what is being done; scrubbed like everything else."""
