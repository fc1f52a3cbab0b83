# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong between us and a DNS server, in one sentence each.

Internal to the collection activation.kms; not a public interface.

Knows what the codes of RFC 8945 mean on real servers; refused updates stand in `refused`. Decides nothing: the caller
says whether it was the planning look (Refusal: nothing has been changed) or an update (Failure). Never `Unreachable`:
that word belongs to the managed host.
"""

from __future__ import annotations

import typing as t

from .._errors import Failure, OutcomeUnknown, Problem, Refusal
from .place import Place
from .tsig import TsigKey

Kind = t.TypeVar("Kind", bound=Problem)


def key_trouble(kind: type[Kind], place: Place, error: str, skew: int | None = None) -> Kind:
    """The server does not accept our signature: BADSIG, BADKEY, BADTIME, BADTRUNC ..."""
    shared = place.key if isinstance(place.key, TsigKey) else None
    key, algorithm = (shared.name, shared.algorithm) if shared else ("", "")
    if shared and error == "BADSIG":
        name, what = "key_secret_wrong", f"the secret of TSIG key {key} is not the one {place.peer} has for it"
        advice = "Copy key_secret anew from the server's key file, and check that key_algorithm is the key's own."
    elif shared and error == "BADKEY":
        name, what = "key_unknown", f"{place.peer} does not know a TSIG key {key} with algorithm {algorithm}"
        advice = "Compare key_name and key_algorithm, letter by letter, with the key in the server's configuration."
    elif error == "BADTIME":
        where = "ahead" if skew and skew > 0 else "behind"
        by = f"by {abs(skew)} seconds (the server is {where})" if skew else "by more than 300 seconds"
        name, what = (
            "clock_skew",
            f"the clocks of the controller and {place.peer} differ {by}; {who(place)} is refused",
        )
        advice = "Synchronise both clocks; TSIG allows 300 seconds."
    else:
        name, what = "key_refused", f"{place.peer} refuses the signature of {who(place)} ({error})"
        advice = "Look at the server's log for the reason."
    return kind(f"{what}; zone {place.zone} was not changed. {advice}", name=name, advice=advice, code=error)


def key_not_said(place: Place, code: str) -> Refusal:
    """A signed question refused without a reason, while the same question unsigned is answered (PowerDNS does this)."""
    advice = "Compare key_name, key_algorithm and key_secret with the server's configuration, and the clocks."
    return Refusal(
        f"{place.peer} answers for {place.owner} without a signature but not with {who(place)}: the name, the "
        "algorithm or the secret of the key is wrong, or the clocks differ by more than 300 seconds; zone "
        f"{place.zone} was not changed. {advice}",
        name="key_refused",
        advice=advice,
        code=code,
    )


def not_served(place: Place, code: str) -> Refusal:
    """The server is not responsible for the domain."""
    advice = "Check the option zone, and give as server a DNS server that holds this zone (its primary)."
    return Refusal(
        f"{place.peer} does not serve zone {place.zone} ({code}). {advice}",
        name="zone_not_served",
        advice=advice,
        code=code,
    )


def not_authoritative(place: Place, code: str, elsewhere: t.Sequence[str]) -> Refusal:
    """Somebody answered who only knows from hearsay, or who delegates."""
    if elsewhere:
        who = f"{place.peer} delegates {place.owner} to {', '.join(elsewhere)}"
        advice = f"Give {elsewhere[0]} as server."
    else:
        who = (
            f"{place.peer} answers for zone {place.zone}, but not out of the zone itself: it is a resolver, or does "
            "not hold this zone"
        )
        advice = "Give as server the primary DNS server of the zone; an answer from a cache cannot be relied on."
    return Refusal(f"{who}. {advice}", name="server_not_authoritative", advice=advice, code=code)


def alias(place: Place, to: str) -> Refusal:
    """A CNAME stands at the name; RFC 2181 section 10.1 allows nothing beside it."""
    advice = "Remove the alias, or manage the records where it points."
    return Refusal(
        f"{place.owner} on {place.peer} is an alias (CNAME) of {to}, so no SRV record can stand there. {advice}",
        name="owner_is_alias",
        advice=advice,
        code="CNAME",
    )


def unverified(place: Place, why: str) -> Refusal:
    """verify_reply: strict, and a look whose answer cannot be verified."""
    advice = (
        "Check that nothing between the controller and the server changes DNS messages; for a server known to sign "
        "wrongly set verify_reply: readback."
    )
    return Refusal(
        f"the answer of {place.peer} for {place.owner} cannot be verified with {who(place)}: {why}; "
        f"zone {place.zone} was not changed. {advice}",
        name="reply_unverified",
        advice=advice,
    )


def unusable(place: Place, why: str) -> Failure:
    """Bytes that are no answer to what was asked."""
    advice = "Check server and server_port: does a DNS server listen there?"
    message = f"{place.peer} did not answer with a DNS message: {why}. {advice}"
    return Failure(message, name="dns_garbage", advice=advice)


def read_failed(place: Place, code: str) -> Failure:
    """SERVFAIL, FORMERR, NOTIMP ... to a question."""
    advice = "Look at the server's log; a zone that failed to load answers like this."
    return Failure(
        f"{place.peer} could not answer for {place.owner} ({code}). {advice}",
        name="dns_failed",
        advice=advice,
        code=code,
    )


def no_address(place: Place, kind: type[Kind]) -> Kind:
    """The server's name does not resolve."""
    advice = "Correct the option server, or write the server's address in server_address."
    return kind(
        f"the DNS server {place.server} has no address as seen from the controller. {advice}",
        name="dns_server_unknown",
        advice=advice,
    )


def no_answer(place: Place, reason: str) -> Failure:
    """Nobody answered; nothing was changed."""
    advice = (
        "Check server and server_port; DNS over TCP must be allowed from the controller (the execution node) to it."
    )
    return Failure(
        f"no answer from DNS server {place.peer} for zone {place.zone}: {_SILENCE.get(reason, reason)}. {advice}",
        name="dns_no_answer",
        advice=advice,
    )


def answer_lost(place: Place, reason: str) -> OutcomeUnknown:
    """The update was sent; whether it was done is not known."""
    why = _SILENCE.get(reason, reason)
    return OutcomeUnknown(
        f"the answer of {place.peer} to the update of {place.owner} is missing or cannot be verified ({why}); "
        "whether it was carried out shows when the records are read again",
        name="dns_answer_lost",
        advice="Run the play again: it looks before it changes anything.",
    )


def overtaken(place: Place, times: int) -> Failure:
    """Somebody changed the records between every look and update."""
    advice = "Run the play again when fewer writers are at work, or leave ttl out."
    return Failure(
        f"{place.owner} on {place.peer} was changed by others {times} times while its TTL was to be set. {advice}",
        name="dns_overtaken",
        advice=advice,
    )


def who(place: Place) -> str:
    return place.key.who if place.key else "an unsigned update"


_SILENCE: t.Final[t.Mapping[str, str]] = {
    "refused": "nothing listens there (connection refused)",
    "timed out": "it did not answer in time",
    "reset": "the connection was reset",
    "closed": "the connection was closed without an answer",
    "unreachable": "the network does not lead there",
}
