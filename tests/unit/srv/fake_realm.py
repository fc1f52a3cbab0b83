# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Kerberos realm in memory: contexts whose two ends sign with a secret of their own, and a door that gives them.

What is known of real ones is kept: a token is never the same twice, a context signs for as long as its ticket lasts,
and whose it is can be told of the credential at first and of the context at the end.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import typing as t

from ansible_collections.activation.kms.plugins.plugin_utils._secret import Secret
from ansible_collections.activation.kms.plugins.plugin_utils._world import KerberosTrouble

USER = "kmsadmin@CORP.EXAMPLE"


class End:
    """One end of a context."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self.expired = False

    def get_signature(self, data: bytes) -> bytes:
        if self.expired:
            raise KerberosTrouble("ticket_expired")
        return hmac.digest(self._secret, data, hashlib.sha256)

    def verify_signature(self, data: bytes, signature: bytes) -> None:
        if not hmac.compare_digest(hmac.digest(self._secret, data, hashlib.sha256), signature):
            raise ValueError("not signed by the other end")


class Begun(End):
    """Our end. `legs` messages are needed until both know each other."""

    def __init__(self, realm: FakeRealm, wished: str) -> None:
        self._token = secrets.token_bytes(16)
        super().__init__(self._token)
        self.wished = wished
        self._realm = realm
        self._left = realm.legs

    @property
    def complete(self) -> bool:
        return self._left == 0

    @property
    def initiator(self) -> str:
        return self._realm.signs_as if self.complete and self._realm.signs_as else self._realm.credential

    def step(self, token: bytes) -> bytes:
        if not token:
            return self._token
        if token != b"welcome":
            raise KerberosTrouble("failed", "no token of the other end")
        self._left -= 1
        return b"" if self.complete else self._token


class FakeRealm:
    """What the door leads to.

    Attributes:
        credential: whose ticket is given, whatever was asked for.
        signs_as: whose context it is in the end, where that differs.
        trouble: why there is no context, in the order of the attempts.
        asked: the arguments of each attempt.
        begun: the contexts given.
    """

    def __init__(self, *trouble: KerberosTrouble) -> None:
        self.credential = USER
        self.signs_as = ""
        self.legs = 1
        self.trouble = list(trouble)
        self.asked: list[tuple[str, str, str, str]] = []
        self.begun: list[Begun] = []

    def begin(self, host: str, principal: str, password: Secret | None, keytab: str) -> Begun:
        self.asked.append((host, principal, password.reveal() if password else "", keytab))
        if self.trouble:
            raise self.trouble.pop(0)
        wished = principal if "@" in principal or not principal else f"{principal}@CORP.EXAMPLE"
        self.begun.append(Begun(self, wished))
        return self.begun[-1]


def accepted(token: t.Any) -> End:
    """The server's end of the context whose token this is."""
    return End(bytes(token))
