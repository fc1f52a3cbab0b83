# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong on the way to a key that Kerberos negotiates, in one sentence each.

Internal to the collection activation.kms; not a public interface.

Decides on reasons and codes; the words of the Kerberos library are added where it knows more. Nothing was changed when
one of these is said, and none of them is about the managed host.
"""

from __future__ import annotations

import typing as t

from .._errors import Failure, Problem, Refusal
from .._world import KerberosTrouble
from .gss import GssKey
from .place import Place


def kerberos(place: Place, key: GssKey, error: KerberosTrouble) -> Problem:
    """No credential, no ticket, or an end of it."""
    name, what, advice = _reason(key, error.reason)
    known = {"who": key.who, "server": place.server, "keytab": key.keytab, "zone": place.zone}
    said = f" ({error.detail})" if error.detail else ""
    kind: type[Problem] = Failure if error.reason == "kdc_unreachable" else Refusal
    advice = advice.format(**known)
    return kind(f"{what.format(**known)}{said}; zone {place.zone} was not changed. {advice}", name=name, advice=advice)


def other_identity(place: Place, wished: str, found: str) -> Refusal:
    """The credential is somebody else's."""
    advice = "Write principal as the ticket, or the keytab, has it, letter case and realm included."
    return Refusal(
        f"Kerberos would speak to {place.peer} as {found or 'nobody'}, not as the principal {wished}; "
        f"zone {place.zone} was not changed. {advice}",
        name="kerberos_other_identity",
        advice=advice,
    )


def not_accepted(place: Place, key: GssKey, code: str) -> Refusal:
    """The server knows the method and does not accept the ticket."""
    advice = (
        f"Compare the keys of DNS/{place.server} in the server's keytab with those of the realm, and the clocks of "
        "the controller and the server, which may differ by 300 seconds."
    )
    return Refusal(
        f"{place.peer} does not accept the ticket of {key.who} ({code}); zone {place.zone} was not changed. {advice}",
        name="gss_not_accepted",
        advice=advice,
        code=code,
    )


def not_taken(place: Place, code: str) -> Refusal:
    """The server does not negotiate keys."""
    advice = (
        "Name the primary DNS server of the zone; if it is the primary, give it the keys of its service (BIND: "
        "tkey-gssapi-keytab), or use auth: tsig."
    )
    return Refusal(
        f"{place.peer} negotiates no key by Kerberos (GSS-TSIG, {code}); zone {place.zone} was not changed. {advice}",
        name="gss_not_taken",
        advice=advice,
        code=code,
    )


def _reason(key: GssKey, reason: str) -> tuple[str, str, str]:
    """The error's name, the sentence and the advice."""
    if reason == "secret_wrong" and key.keytab:
        reason = "keytab_stale"
    if reason == "no_ticket" and key.keytab:
        reason = "keytab_without"
    return _REASONS.get(reason, _REASONS["failed"])


_REALM = "Correct the realm of the principal (in capitals), or name its KDC in the controller's krb5.conf."
_REASONS: t.Final[t.Mapping[str, tuple[str, str, str]]] = {
    "missing": (
        "gssapi_missing",
        "auth: gss_tsig needs the Python library gssapi, which is missing or cannot be loaded on the controller",
        "Install it into the Python environment, or the execution environment, that runs Ansible: pip install gssapi.",
    ),
    "realm_unknown": ("kerberos_realm_unknown", "no KDC is known for the realm of {who}, or of {server}", _REALM),
    "kdc_unreachable": (
        "kerberos_no_kdc",
        "no KDC of the realm of {who} answers",
        "Check the KDC and the controller's krb5.conf; TCP and UDP port 88 must be allowed from the controller.",
    ),
    "principal_unknown": (
        "kerberos_principal_unknown",
        "the realm does not know {who}",
        "Correct the option principal; letter case counts, and the realm is written in capitals.",
    ),
    "secret_wrong": ("kerberos_password_wrong", "the password of {who} is wrong", "Correct the option password."),
    "keytab_stale": (
        "kerberos_keytab_stale",
        "the keys of {who} in the keytab {keytab} are not those of the realm",
        "Export the keytab anew; a change of the password makes an older one useless.",
    ),
    "keytab_missing": (
        "kerberos_keytab_missing",
        "the keytab {keytab} of {who} cannot be read on the controller",
        "Correct the option keytab, or the rights on the file.",
    ),
    "keytab_without": (
        "kerberos_keytab_without",
        "the keytab {keytab} has no key of {who}",
        "Look at it with klist -k, and write principal as it stands there.",
    ),
    "password_expired": (
        "kerberos_password_expired",
        "the password of {who} has expired",
        "Set a new one (kpasswd), and let the passwords of service accounts not expire.",
    ),
    "revoked": ("kerberos_revoked", "{who} is locked or disabled in the realm", "Unlock the account."),
    "no_ticket": (
        "kerberos_no_ticket",
        "there is no ticket of {who} on the controller",
        "Give principal and password, or principal and keytab, or run kinit before; the cache is the one KRB5CCNAME "
        "names in the environment of the task or of Ansible.",
    ),
    "ticket_expired": (
        "kerberos_ticket_expired",
        "the ticket of {who} has expired",
        "Run kinit again, or give principal and keytab, which get a new ticket for each task.",
    ),
    "service_unknown": (
        "kerberos_service_unknown",
        "the realm knows no service DNS/{server}",
        "Write server as the DNS server's own full name, and give its address in server_address where that name does "
        "not lead there; on other servers than domain controllers the principal has to be made first.",
    ),
    "clock_skew": (
        "clock_skew",
        "the clocks of the controller and the KDC differ too much for {who}",
        "Synchronise both clocks; Kerberos allows 300 seconds.",
    ),
    "failed": (
        "kerberos_failed",
        "Kerberos did not authenticate {who} to {server}",
        "Try the same with kinit and kvno DNS/{server} on the controller.",
    ),
}
