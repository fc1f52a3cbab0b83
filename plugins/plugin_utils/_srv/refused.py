# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A DNS server that does not carry out an update, in one sentence.

Internal to the collection activation.kms; not a public interface.

Knows what the codes of RFC 2136 mean on real servers, and the trap of secure zones. What else can go wrong between us
and a DNS server stands in `trouble`.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._errors import Failure, OutcomeUnknown
from .gss import GssKey
from .place import Place
from .trouble import who


@dataclasses.dataclass(frozen=True)
class Plight:
    """What the update met.

    Attributes:
        taken: the name had members when it was looked at.
        refreshing: the update was to renew members that are there, and would have changed nothing.
        verified: the signature of the answer was right, or there need not be one.
    """

    taken: bool
    refreshing: bool = False
    verified: bool = True


def update_refused(place: Place, code: str, plight: Plight) -> Failure:
    """The server's answer to an update, other than NOERROR."""
    name, sentence, advice = _UPDATE.get(code, ("dns_failed", "{peer} answered {code} to the update of {owner}", _LOG))
    if place.key is None and code in ("REFUSED", "NOTAUTH"):
        name = "update_refused"
        sentence = "{peer} refused the unsigned update of {owner}"
        advice = _UNSIGNED_TAKEN if plight.taken else _UNSIGNED
    if isinstance(place.key, GssKey) and code in _BY_PRINCIPAL:
        owned = _OWNED_TAKEN if plight.taken else _OWNED
        advice = owned + _BY_PRINCIPAL[code]
    known = {"peer": place.peer, "owner": place.owner, "zone": place.zone, "code": code, "who": who(place)}
    advice = advice.format(**known)
    told = f"{sentence.format(**known)} ({code}){_doubt(plight)}{_FADING if plight.refreshing else ''}"
    return Failure(f"{told}. {advice}", name=name, advice=advice, code=code)


def refresh_lost(place: Place, lost: OutcomeUnknown) -> Failure:
    """The members are there; whether their time stamp was renewed shows nowhere."""
    advice = "Run the play again; to refresh them twice does no harm."
    return Failure(
        f"whether the members at {place.owner} on {place.peer} were refreshed is not known, because the answer is "
        f"missing or cannot be verified. {advice}",
        name=lost.name,
        advice=advice,
    )


def _doubt(plight: Plight) -> str:
    if plight.verified:
        return ""
    looked = "" if plight.refreshing else "; reading back showed no change"
    return f" (the answer could not be verified{looked})"


_LOG = "Look at the server's log for the reason."
_NO_RIGHT = "{peer} refused to update {owner} in zone {zone}: {who} has no right to"
_FADING = ", so the members there were not refreshed, and disappear in time where the zone ages its records"
_UNSIGNED = (
    "Set auth: tsig with a key the server allows, or auth: gss_tsig for a secure zone of Active Directory, with an "
    "account that may change {owner}."
)
_UNSIGNED_TAKEN = (
    "Set auth: tsig with a key the server allows; or, in a secure zone of Active Directory, auth: gss_tsig with the "
    "account that made {owner} and so owns it, often the first KMS host that published itself, or with one that has "
    "got full control of it."
)
# A secure zone lets every account create a name, and nobody but the account that created it change it afterwards: the
# reason why a second KMS host cannot publish itself. Microsoft's advice is a group of all KMS hosts with full control
# of the record (Microsoft Learn, "Configuring DNS", ff793405). Windows answers REFUSED, Samba SERVFAIL; a name whose
# last member is gone still has its owner there (measured on Samba 4.17).
_REMEDY = (
    "and nobody else may change it: use the owner's account, or give {who}, or better a group of all that publish, "
    "full control of it, as Microsoft advises"
)
_OWNED_TAKEN = (
    "{owner} has members already, and in a secure zone the account that made the first of them owns it, often the "
    "first KMS host that published itself, " + _REMEDY
)
_OWNED = "In a secure zone the account that once made {owner} owns it, even when no member is left there, " + _REMEDY
_BY_PRINCIPAL: t.Final[t.Mapping[str, str]] = {
    "REFUSED": "; on BIND add: update-policy {{ grant PRINCIPAL name {owner} SRV; }}.",
    "SERVFAIL": "; where that is not it, the server's log knows the reason.",
}
_UPDATE: t.Final[t.Mapping[str, tuple[str, str, str]]] = {
    "REFUSED": (
        "update_refused",
        _NO_RIGHT,
        "On BIND add: update-policy {{ grant KEY name {owner} SRV; }}; on PowerDNS add the key to the zone's "
        "TSIG-ALLOW-DNSUPDATE.",
    ),
    # Knot 3.2 says so of a key it knows, when no access rule lets that key update.
    "BADKEY": (
        "update_refused",
        _NO_RIGHT,
        "On Knot let an acl of the zone allow action: update to this key, for update-type: SRV at {owner}.",
    ),
    "NOTAUTH": (
        "not_primary",
        "{peer} does not take updates of zone {zone}: it is not the primary server of the zone, or forbids {who}",
        "Give the primary server of the zone as server, and check its update rules.",
    ),
    "NOTZONE": (
        "not_in_zone",
        "{owner} does not lie in the zone that {peer} updates",
        "Check the option zone.",
    ),
    "SERVFAIL": (
        "update_failed",
        "{peer} could not carry out the update of {owner}",
        "Look at its log. Known reasons: a Samba domain controller says this when somebody else owns the record; BIND "
        "when it cannot write the zone's journal, or when the name would hold more than 100 records "
        "(max-records-per-type).",
    ),
    "NOTIMP": (
        "update_not_supported",
        "{peer} does not support dynamic updates",
        "Give the primary server of the zone as server, and switch on dynamic updates (RFC 2136) there.",
    ),
    "FORMERR": (
        "update_not_supported",
        "{peer} does not understand the update of {owner}",
        "Give the primary server of the zone as server, and switch on dynamic updates (RFC 2136) there.",
    ),
}
