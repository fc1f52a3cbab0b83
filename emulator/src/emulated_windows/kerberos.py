# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins by Kerberos, under the schemes Negotiate (raw or inside SPNEGO) and Kerberos, and the sealing that follows.

Knows a realm by its keytab: which entries are a machine's own, and that Server 2003 reads no AES. The tickets are
judged by MIT's GSS-API with those entries only, so a ticket for another machine, one that is over or one that was seen
before is refused, and channel bindings must be right where a client sends them (`CbtHardeningLevel` Relaxed, the
default of Windows). A machine whose own clock is wrong takes no ticket at all. Refuses to know a KDC.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .auth import AUTHENTICATE, Admitted, Challenge, SessionGate, session_header
from .estate import KerberosSettings
from .rc4 import without_padding
from .sealing import KERBEROS, SPNEGO, SealError
from .section import EstateError

try:
    import gssapi
    import krb5

    _KERBEROS, _SPNEGO = gssapi.OID.from_int_seq("1.2.840.113554.1.2.2"), gssapi.OID.from_int_seq("1.3.6.1.5.5.2")
    _SESSION_KEY = gssapi.OID.from_int_seq("1.2.840.113554.1.2.2.5.5")
    MISSING = ""
except ImportError as error:  # an estate without Kerberos needs neither
    MISSING = error.name or "gssapi"

SERVICES = ("HTTP", "WSMAN", "HOST")
"""The service classes a Windows machine answers to by its own account, as far as WinRM clients ask for them."""
CLOCK_SKEW = 300.0
"""Seconds by which two clocks may differ: the default of the policy "Maximum tolerance for computer clock
synchronization", and of RFC 4120 8.2."""
OLD_ENCRYPTION = (23, 24, 3, 2, 1)
"""DES and RC4: all that Windows knew before 6.0 (MS-KILE 2.2.7, 3.1.5.2)."""


@dataclass(frozen=True)
class MachineKeys:
    """What a machine judges tickets with."""

    credentials: Any
    realm: str
    _keytab: Any
    """Holds the keys: they are gone with the last reference."""


class Realm:
    """The realm of an estate. Its krb5.conf holds for the whole process, so one process serves one estate."""

    def __init__(self, settings: KerberosSettings, replays: Path) -> None:
        """`replays`: a file for what was seen before. Raises EstateError."""
        if MISSING:
            raise EstateError(f"transport kerberos needs the Python package {MISSING}: pip install gssapi krb5.")
        if settings.config is not None:
            if not settings.config.is_file():
                raise EstateError(f"kerberos.config: there is no file {settings.config}.")
            os.environ["KRB5_CONFIG"] = str(settings.config)
        self._name = settings.realm
        self._replays = replays
        try:
            self._library = krb5.init_context()
        except krb5.Krb5Error as error:
            which = settings.config or "the krb5.conf of this system"
            raise EstateError(f"kerberos: {which} cannot be used: {error}.") from None
        try:
            self._entries = self._read(settings.keytab)
        except krb5.Krb5Error as error:
            raise EstateError(f"kerberos: {settings.keytab} cannot be used: {error}.") from None

    def _read(self, keytab: Path) -> dict[str, list[Any]]:
        """The entries of the file by their principal, in small letters."""
        if not keytab.is_file():
            raise EstateError(f"kerberos.keytab: there is no file {keytab}.")
        found: dict[str, list[Any]] = {}
        for entry in krb5.kt_resolve(self._library, f"FILE:{keytab}".encode()):
            found.setdefault(str(entry.principal).lower(), []).append(entry)
        return found

    def keys(self, name: str, fqdn: str, old_encryption_only: bool) -> MachineKeys:
        """The keys of one machine. Raises EstateError where there are none, or such as its Windows cannot have."""
        wanted = [f"{service}/{host}@{self._name}" for host in (fqdn, name) for service in SERVICES]
        entries = [entry for principal in wanted for entry in self._entries.get(principal.lower(), ())]
        if not entries:
            raise EstateError(f"{name}: the keytab has no key for {wanted[0]} (WSMAN/ or HOST/ would do as well).")
        if old_encryption_only and any(entry.key.enctype not in OLD_ENCRYPTION for entry in entries):
            raise EstateError(
                f"{name}: the keytab has AES keys for it, but Server 2003 knows RC4 and DES only; make its keys with"
                " ktadd -e rc4-hmac:normal."
            )
        own = f"MEMORY:emulated-windows-{fqdn}".encode()
        keytab = krb5.kt_resolve(self._library, own)
        for entry in entries:
            krb5.kt_add_entry(self._library, keytab, entry.principal, entry.kvno, entry.timestamp, entry.key)
        store: dict[bytes | str, bytes | str] = {b"keytab": own, b"rcache": f"file2:{self._replays}".encode()}
        found = gssapi.raw.acquire_cred_from(store, mechs=[_KERBEROS, _SPNEGO], usage="accept")
        credentials = gssapi.Credentials(base=found.creds)
        if old_encryption_only:  # neither session keys by AES nor an offer to change to it
            gssapi.raw.krb5_set_allowable_enctypes(credentials, OLD_ENCRYPTION)
        return MachineKeys(credentials, self._name, keytab)


class KerberosGate(SessionGate):
    """Kerberos only: NTLM is turned off by policy here."""

    challenge = Challenge(((AUTHENTICATE, "Negotiate"), (AUTHENTICATE, "Kerberos")))
    schemes = ("negotiate", "kerberos")

    def __init__(
        self, keys: MachineKeys, administrator: str, bindings: bytes | None = None, clock_offset: float = 0.0
    ) -> None:
        """`bindings`: the channel binding of the TLS connection. `clock_offset`: by how much the machine's clock is
        ahead of the true time, in seconds."""
        super().__init__()
        self._clock_is_wrong = abs(clock_offset) > CLOCK_SKEW
        self._keys = keys
        self._administrator = f"{administrator}@{keys.realm}".lower()
        self._bindings = bindings
        self._context: Any = None

    def step(self, scheme: str, token: bytes) -> Challenge | Admitted:
        if self._clock_is_wrong:  # KRB_AP_ERR_SKEW
            return self.challenge
        if self._context is None or self._context.complete:
            self.admitted = False
            self._context = gssapi.SecurityContext(
                creds=self._keys.credentials, usage="accept", channel_bindings=_bindings(self._bindings)
            )
        answer = self._context.step(token)
        headers = () if answer is None else session_header(scheme.capitalize(), answer)
        if not self._context.complete:
            return Challenge(headers) if headers else self.challenge
        if str(self._context.initiator_name).lower() != self._administrator:
            self.forget()
            return self.challenge
        self.admitted = True
        self.sealing = KERBEROS if scheme == "kerberos" else SPNEGO
        return Admitted(headers)

    def unwrap(self, signature: bytes, data: bytes) -> bytes:
        try:  # both parts are one token, the padding of RC4 included
            opened = gssapi.raw.unwrap(self._context, signature + data)
        except gssapi.raw.GSSError as error:
            raise SealError from error
        if not opened.encrypted:
            raise SealError
        return bytes(opened.message)

    def wrap(self, body: bytes) -> tuple[bytes, bytes]:
        kind = gssapi.raw.IOVBufferType
        parts = gssapi.raw.IOV(kind.header, body, kind.padding, std_layout=False)
        gssapi.raw.wrap_iov(self._context, parts)
        signature, data, padding = (part.value or b"" for part in parts)
        if not padding:
            return signature, data
        key, _kind = gssapi.raw.inquire_sec_context_by_oid(self._context, _SESSION_KEY)
        return without_padding(key, signature, data + padding)  # only RC4 pads

    def forget(self) -> None:
        self._context = None
        self.admitted = False


def _bindings(data: bytes | None) -> Any:
    if data is None:
        return None
    return gssapi.raw.ChannelBindings(initiator_address_type=0, acceptor_address_type=0, application_data=data)
