# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kerberos on an Ansible controller: security contexts made by the library gssapi.

Internal to the collection activation.kms; not a public interface.

Reveals a password to the library. Tickets that a password or a keytab brings live in a memory cache and end with the
process, which is one task's; no variable of the environment is read here or changed. Decides on the numbers MIT's
Kerberos gives (krb5_err.et), never on its texts.

Two traps, both measured. The mechanism of a credential must be that of the context, or the library silently takes the
identity of whatever ticket is at hand. And under SPNEGO it renumbers its errors, so that everything is tried by plain
Kerberos first, for the number of what fails, and done by SPNEGO (RFC 4178), the mechanism RFC 3645 asks for.
"""

from __future__ import annotations

import contextlib
import secrets
import typing as t

from .._secret import Secret
from .._world import KerberosTrouble

try:
    import gssapi
    from gssapi.raw.misc import GSSError

    HAVE_GSSAPI = True
except (ImportError, OSError):  # OSError: the package is there, the Kerberos library of the system is not
    HAVE_GSSAPI = False

_SPNEGO = "1.3.6.1.5.5.2"
_REASONS: t.Final[t.Mapping[int, str]] = {
    -1765328378: "principal_unknown",  # KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN
    -1765328377: "service_unknown",  # KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN
    -1765328370: "enctype",  # KRB5KDC_ERR_ETYPE_NOSUPP
    -1765328366: "revoked",  # KRB5KDC_ERR_CLIENT_REVOKED
    -1765328361: "password_expired",  # KRB5KDC_ERR_KEY_EXP
    -1765328360: "secret_wrong",  # KRB5KDC_ERR_PREAUTH_FAILED
    -1765328353: "secret_wrong",  # KRB5KRB_AP_ERR_BAD_INTEGRITY
    -1765328352: "ticket_expired",  # KRB5KRB_AP_ERR_TKT_EXPIRED
    -1765328351: "clock_skew",  # KRB5KRB_AP_ERR_TKT_NYV
    -1765328347: "clock_skew",  # KRB5KRB_AP_ERR_SKEW
    -1765328249: "configuration",  # KRB5_CONFIG_CANTOPEN
    -1765328248: "configuration",  # KRB5_CONFIG_BADFORMAT
    -1765328243: "no_ticket",  # KRB5_CC_NOTFOUND
    -1765328234: "enctype",  # KRB5_PROG_ETYPE_NOSUPP
    -1765328230: "realm_unknown",  # KRB5_REALM_UNKNOWN
    -1765328228: "kdc_unreachable",  # KRB5_KDC_UNREACH
    -1765328203: "no_ticket",  # KRB5_KT_NOTFOUND
    -1765328189: "no_ticket",  # KRB5_FCC_NOFILE
    -1765328167: "realm_unknown",  # KRB5_ERR_HOST_REALM_UNKNOWN
    -1765328164: "realm_unknown",  # KRB5_REALM_CANT_RESOLVE
    -1765328160: "realm_unknown",  # KRB5_CONFIG_NODEFREALM
    -1765328148: "enctype",  # KRB5_NOPERM_ETYPE
    -1765328147: "enctype",  # KRB5_CONFIG_ETYPE_NOSUPP
}
_KNOWN_BEST = frozenset({"configuration", "enctype", "failed", "realm_unknown", "service_unknown"})
_EXPIRED = 12 << 16  # GSS_S_CONTEXT_EXPIRED, RFC 2744 section 3.9.1


def begin(host: str, principal: str, password: Secret | None, keytab: str, cache: str) -> Context:
    """A context with the DNS service of a host; `cache` is a ticket cache other than the default. Raises Trouble."""
    if not HAVE_GSSAPI:
        raise KerberosTrouble("missing")
    with _explained():
        plain, spnego = gssapi.MechType.kerberos, gssapi.OID.from_int_seq(_SPNEGO)
        name = gssapi.Name(principal, gssapi.NameType.kerberos_principal) if principal else None
        service = _service("DNS", host)
        _context(service, _credentials(name, password, keytab, cache, plain), plain).step()
        credentials = _credentials(name, password, keytab, cache, spnego)
        wished = str(name.canonicalize(plain)) if name else ""
        return Context(wished, str(credentials.name), _context(service, credentials, spnego))


def try_login(service: str, host: str, principal: str, password: Secret | None) -> str:
    """Get a ticket for a service of a host, which is not spoken to; whose ticket it is. Raises KerberosTrouble.

    Without a password the ticket at hand is used.
    """
    if not HAVE_GSSAPI:
        raise KerberosTrouble("missing")
    with _explained():
        plain = gssapi.MechType.kerberos
        name = gssapi.Name(principal, gssapi.NameType.kerberos_principal) if principal else None
        credentials = _credentials(name, password, "", "", plain)
        _context(_service(service, host), credentials, plain).step()
        return str(credentials.name)


class Context:
    """A context of the library behind the `GssContext` protocol."""

    def __init__(self, wished: str, found: str, context: t.Any) -> None:
        self.wished = wished
        self._found = found
        self._context = context

    @property
    def initiator(self) -> str:
        """The library tells it of a context only when that is complete."""
        return str(self._context.initiator_name) if self.complete else self._found

    @property
    def complete(self) -> bool:
        """Whether both sides know each other."""
        return bool(self._context.complete)

    def step(self, token: bytes) -> bytes:
        """Take a token, return one."""
        with _explained():
            return self._context.step(token or None) or b""

    def get_signature(self, data: bytes) -> bytes:
        """A message integrity code."""
        with _explained():
            signature: bytes = self._context.get_signature(data)
            return signature

    def verify_signature(self, data: bytes, signature: bytes) -> None:
        """Raises what the library raises."""
        self._context.verify_signature(data, signature)


def _credentials(name: t.Any, password: Secret | None, keytab: str, cache: str, mechanism: t.Any) -> t.Any:
    """Those of one mechanism, by what was given."""
    if password is not None:
        secret = password.reveal().encode()
        found = gssapi.raw.acquire_cred_with_password(name, secret, usage="initiate", mechs=[mechanism])
        return gssapi.Credentials(base=found.creds)
    store: t.Any = {"ccache": cache} if cache else None
    if keytab:
        try:
            open(keytab, "rb").close()
        except OSError as error:
            raise KerberosTrouble("keytab_missing", error.strerror or "") from None
        store = {"ccache": f"MEMORY:{secrets.token_hex(16)}", "client_keytab": f"FILE:{keytab}"}
    return gssapi.Credentials(name=name, usage="initiate", mechs=[mechanism], store=store)


def _service(kind: str, host: str) -> t.Any:
    """The name of a service of a host; the library may look for the host's canonical name."""
    return gssapi.Name(f"{kind}@{host}", gssapi.NameType.hostbased_service)


def _context(service: t.Any, credentials: t.Any, mechanism: t.Any) -> t.Any:
    flags = gssapi.RequirementFlag
    wanted = flags.mutual_authentication | flags.integrity | flags.replay_detection
    return gssapi.SecurityContext(name=service, creds=credentials, usage="initiate", mech=mechanism, flags=wanted)


@contextlib.contextmanager
def _explained() -> t.Iterator[None]:
    """The library's errors as Trouble."""
    try:
        yield
    except GSSError as error:
        if error.maj_code & 0xFF0000 == _EXPIRED:
            raise KerberosTrouble("ticket_expired") from None
        # The number is signed in the tables and unsigned here.
        number = error.min_code - 2**32 if error.min_code >= 2**31 else error.min_code
        reason = _REASONS.get(number, "failed")
        told = _said(error) if reason in _KNOWN_BEST else ""
        raise KerberosTrouble(reason, told) from None


def _said(error: t.Any) -> str:
    """The library's own words about the number."""
    text = error.get_all_statuses(error.min_code, False)
    return "; ".join(str(one) for one in text)
