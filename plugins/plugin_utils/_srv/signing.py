# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking with the key of a place: the one the user shares with the server, or one that is negotiated first.

Internal to the collection activation.kms; not a public interface.

The negotiation is RFC 3645: tokens travel in TKEY records (RFC 2930), unsigned, until both sides know each other; the
last answer is signed with the new key. A key is used for everything else the task asks this server; a server that has
forgotten it, because it was restarted while a host was, gets a new one.
"""

from __future__ import annotations

import hashlib
import typing as t

from .._errors import Refusal
from .._world import KerberosTrouble, World
from . import exchange, gss_trouble, trouble, tsig
from .exchange import Reply
from .gss import GssKey, NegotiatedKey
from .place import Place

try:
    import dns.message
    import dns.name
    import dns.rcode
    import dns.rdataclass
    import dns.rdatatype
    import dns.rdtypes.ANY.TKEY
    import dns.rrset
    import dns.tsig
except ImportError:
    pass  # library.need_dnspython says so before anything of this is used

LEGS = 6  # messages; Kerberos takes one
_BY_GSS = 3  # the TKEY mode, RFC 2930 section 2.5


def ask(world: World, place: Place, address: str, message: dns.message.Message) -> Reply:
    """Send one message, signed with the key of the place, and judge its answer.

    Raises:
        NoAnswer: nothing came back.
        Garbled: what came back is no answer to this message.
        Problem: no key could be negotiated.
    """
    if not isinstance(place.key, GssKey):
        return exchange.send(world, place, address, message, place.key)
    known = place.key.negotiated.get((address, place.port))
    if known is not None:
        try:
            reply = exchange.send(world, place, address, message, known)
        except KerberosTrouble:
            reply = None  # its ticket has expired
        # An answer of BADKEY says that nothing was done (RFC 8945 section 5.2.1), so it can be asked once more.
        if reply is not None and reply.verdict.error != "BADKEY":
            return reply
    key = place.key.negotiated[address, place.port] = negotiate(world, place, address, place.key)
    try:
        return exchange.send(world, place, address, message, key)
    except KerberosTrouble as error:
        raise gss_trouble.kerberos(place, place.key, error) from None


def negotiate(world: World, place: Place, address: str, key: GssKey) -> NegotiatedKey:
    """Agree upon a new key. Raises Refusal, Failure, NoAnswer and Garbled."""
    try:
        context = world.gss(place.server, key.principal, key.password, key.keytab)
        _check_identity(place, context.wished, context.initiator)
        token = context.step(b"")
        # A token is never the same twice, so the name needs no other source of randomness.
        new = NegotiatedKey(hashlib.sha256(token).hexdigest()[:32], context)
        for _leg in range(LEGS):
            reply = exchange.send(world, place, address, _offer(new.name, token, int(world.now())))
            answer = _accepted(place, key, reply)
            token = b"" if context.complete else context.step(answer)
            if context.complete and not token:
                break
        else:
            raise gss_trouble.not_accepted(place, key, "no end")
        _check_identity(place, context.wished, context.initiator)
    except KerberosTrouble as error:
        raise gss_trouble.kerberos(place, key, error) from None
    world.log(f"{place.peer} at {address}: agreed upon a key as {context.initiator}")
    verdict = tsig.verify(reply.wire, reply.message, new, b"", world.now())
    if not verdict.verified and place.verify_reply == "strict":
        raise trouble.unverified(place, verdict.why or verdict.error)
    return new


def _check_identity(place: Place, wished: str, found: str) -> None:
    """A library may well take another identity than was asked for, the one of a ticket at hand. Raises Refusal."""
    if wished and wished != found:
        raise gss_trouble.other_identity(place, wished, found)


def _offer(name: str, token: bytes, now: int) -> dns.message.Message:
    """The token in the additional section, where BIND and Windows look for it (RFC 3645 section 3.1.2)."""
    owner = dns.name.from_text(name)
    message = dns.message.make_query(owner, dns.rdatatype.TKEY, dns.rdataclass.ANY, flags=0)
    make: t.Any = dns.rdtypes.ANY.TKEY.TKEY  # untyped in dnspython
    data = make(dns.rdataclass.ANY, dns.rdatatype.TKEY, dns.tsig.GSS_TSIG, now, now, _BY_GSS, 0, token)
    message.additional.append(dns.rrset.from_rdata(owner, 0, data))
    return message


def _accepted(place: Place, key: GssKey, reply: Reply) -> bytes:
    """The server's token. Raises Refusal."""
    records = reply.records(dns.rdatatype.TKEY)
    record: t.Any = records[0][0] if records else None
    if reply.code != "NOERROR":
        raise _unwilling(place, key, reply.code)
    if record is None:
        raise _unwilling(place, key, "no TKEY")
    if record.error:
        raise _unwilling(place, key, dns.rcode.to_text(record.error, True))
    token: bytes = record.key
    return token


def _unwilling(place: Place, key: GssKey, code: str) -> Refusal:
    """BADSIG and BADKEY are about the token (RFC 2930 section 2.6); everything else is about the method."""
    if code in ("BADSIG", "BADKEY", "BADTIME"):
        return gss_trouble.not_accepted(place, key, code)
    return gss_trouble.not_taken(place, code)
