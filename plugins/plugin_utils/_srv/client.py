# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading and updating the members of one name on one server.

Internal to the collection activation.kms; not a public interface.

The look is made over TCP, without recursion, signed with the key of the later update: so a wrong secret, an unknown
key, a clock that is off and a server that is not the zone's are found before anything is changed. Updates go to the
address that was looked at, one message each. Knows nothing of Windows.
"""

from __future__ import annotations

import struct
import typing as t
import zlib

from .._errors import Failure, OutcomeUnknown, Refusal
from .._world import NoAnswer, World
from . import exchange, members, refused, trouble
from .exchange import Garbled, Reply, addresses, question
from .library import need_dnspython
from .members import Change, Member, Wish, ZoneState
from .place import Place
from .signing import ask

try:
    import dns.message
    import dns.name
    import dns.rdata
    import dns.rdataclass
    import dns.rdatatype
    import dns.rdtypes.ANY.CNAME
    import dns.rdtypes.ANY.NS
    import dns.rdtypes.ANY.SOA
    import dns.rdtypes.IN.SRV
    import dns.rrset
    import dns.update
except ImportError:
    pass  # library.need_dnspython says so before anything of this is used

ATTEMPTS = 20  # at a guarded update; of fifty writers at once the unluckiest needed 19
_PAUSE = 0.05  # seconds, times the attempt, times a jitter
_LOST_RACE: t.Final = frozenset({"YXDOMAIN", "YXRRSET", "NXDOMAIN", "NXRRSET"})  # RFC 2136 section 2.2


class _Overtaken(Exception):
    """A guarded update came too late: the members are no longer those that were seen."""


def read(world: World, place: Place, address: str | None = None) -> ZoneState:
    """The members, the zone that holds them and its serial, from the server itself.

    Raises:
        Refusal: what was configured cannot work: key, clock, zone, server.
        Failure: no answer, or the server could not give one.
    """
    need_dnspython()
    lost: Failure = trouble.no_address(place, Failure)
    for candidate in [address] if address else addresses(world, place):
        try:
            return _read(world, place, candidate)
        except NoAnswer as silence:
            lost = trouble.no_answer(place, silence.reason)
        except Garbled as noise:
            lost = trouble.unusable(place, str(noise))
        world.log(f"{place.peer} at {candidate}: {lost.message}")
    raise lost


def apply(world: World, place: Place, wish: Wish, state: ZoneState) -> None:
    """Carry out what the wish needs, beginning with the state that was seen while planning.

    Raises:
        Failure: the server refused it, or others were faster time and again.
        OutcomeUnknown: the update was sent, and no answer that can be relied on came back.
    """
    for attempt in range(1, ATTEMPTS + 1):
        change = members.plan(state, wish)
        if change is None:
            return
        try:
            _update(world, place, wish, state, change)
            return
        except _Overtaken:
            world.sleep(_PAUSE * attempt * _jitter(wish, attempt, world.now()))
            state = read(world, place, state.address)
    raise trouble.overtaken(place, ATTEMPTS)


def refresh(world: World, place: Place, kept: tuple[Member, ...], state: ZoneState) -> None:
    """Add members that are there once more, as they are, which renews their time stamp where records age.

    To Microsoft DNS such an update is a refresh, which renews the time stamp once the no-refresh interval is over;
    other servers see nothing to do. It never shows, so that the answer alone counts.

    Raises:
        Failure: the server refused it, or no answer came that can be relied on.
    """
    try:
        reply = _sent(world, place, state, Change((), kept))
    except OutcomeUnknown as lost:
        raise refused.refresh_lost(place, lost) from lost
    if reply.code != "NOERROR":
        raise refused.update_refused(place, reply.code, _plight(state, reply, refreshing=True))
    if not reply.verdict.verified and place.verify_reply == "strict":
        raise refused.refresh_lost(place, trouble.answer_lost(place, reply.verdict.why))


def _read(world: World, place: Place, address: str) -> ZoneState:
    """Ask for the SRV records, and for the SOA where that answer does not carry it. Raises NoAnswer, Garbled too."""
    owner = dns.name.from_text(place.owner)
    reply = ask(world, place, address, question(owner, dns.rdatatype.SRV))
    _judge_look(world, place, address, reply)
    for record in reply.records(dns.rdatatype.CNAME):
        raise trouble.alias(place, t.cast("dns.rdtypes.ANY.CNAME.CNAME", record[0]).target.to_text(True))
    zone, serial, verified = _zone_in(reply, owner), None, reply.verdict.verified
    name = owner
    while zone is None and len(name) > 1:
        asked = ask(world, place, address, question(name, dns.rdatatype.SOA))
        _judge_look(world, place, address, asked)
        zone, verified = _zone_in(asked, owner), verified and asked.verdict.verified
        name = name.parent()
    if zone is None or zone.name == dns.name.root:
        raise trouble.not_served(place, "no SOA")
    serial = t.cast("dns.rdtypes.ANY.SOA.SOA", zone[0]).serial
    seen = [_member(record) for record in reply.records(dns.rdatatype.SRV) if record.name == owner]
    return ZoneState(
        zone=zone.name.to_text(True).lower(),
        owner=place.owner,
        server=place.server,
        address=address,
        serial=serial,
        members=members.ordered(seen),
        verified=verified,
    )


def _judge_look(world: World, place: Place, address: str, reply: Reply) -> None:
    """Whether this answer may be planned upon. Raises Refusal or Failure."""
    if reply.verdict.error:
        if reply.verdict.error == "BADKEY":
            _doubt_the_server(world, place, address)
        raise trouble.key_trouble(Refusal, place, reply.verdict.error, reply.verdict.skew)
    if reply.code in ("REFUSED", "NOTAUTH"):
        if not reply.verdict.verified and _answers_unsigned(world, place, address):
            raise trouble.key_not_said(place, reply.code)
        raise trouble.not_served(place, reply.code)
    if reply.code not in ("NOERROR", "NXDOMAIN"):
        raise trouble.read_failed(place, reply.code)
    if not reply.verdict.verified and place.verify_reply == "strict":
        raise trouble.unverified(place, reply.verdict.why)
    if not reply.authoritative:
        delegated = reply.records(dns.rdatatype.NS, 2) if not reply.records(dns.rdatatype.SOA, 2) else []
        below = [ns for ns in delegated if ns.name.is_subdomain(dns.name.from_text(place.zone))]
        raise trouble.not_authoritative(
            place, reply.code, sorted(t.cast("dns.rdtypes.ANY.NS.NS", ns[0]).target.to_text(True) for ns in below)
        )


def _answers_unsigned(world: World, place: Place, address: str) -> bool:
    """PowerDNS refuses a bad signature without a word about it: ask once more without one."""
    plain = _unsigned(world, place, address)
    return plain is not None and plain.authoritative


def _doubt_the_server(world: World, place: Place, address: str) -> None:
    """A resolver does not know the primary's keys either: then the key is not what is wrong. Raises Refusal."""
    plain = _unsigned(world, place, address)
    if plain is not None and not plain.authoritative:
        raise trouble.not_authoritative(place, plain.code, [])


def _unsigned(world: World, place: Place, address: str) -> Reply | None:
    """The same question without a signature, if that is answered."""
    try:
        plain = exchange.send(world, place, address, question(dns.name.from_text(place.owner), dns.rdatatype.SOA))
    except (NoAnswer, Garbled):
        return None
    return plain if plain.code in ("NOERROR", "NXDOMAIN") else None


def _zone_in(reply: Reply, owner: dns.name.Name) -> dns.rrset.RRset | None:
    """The SOA of the zone that holds the owner. Its MNAME is not looked at: it may be made up, or each server's own."""
    found = reply.records(dns.rdatatype.SOA, 1) + reply.records(dns.rdatatype.SOA, 2)
    return next((record for record in found if owner.is_subdomain(record.name)), None)


def _member(record: dns.rrset.RRset) -> Member:
    srv = t.cast("dns.rdtypes.IN.SRV.SRV", record[0])
    return Member(srv.target.to_text(True), srv.port, srv.priority, srv.weight, record.ttl)


def _update(world: World, place: Place, wish: Wish, state: ZoneState, change: Change) -> None:
    """Send one update message, and judge its answer."""
    reply = _sent(world, place, state, change)
    verdict = reply.verdict
    if reply.code == "NOERROR":
        if not verdict.verified and place.verify_reply == "strict":
            raise trouble.answer_lost(place, verdict.why)
        return
    if reply.code in _LOST_RACE and change.guards:
        raise _Overtaken
    # A code without a valid signature is a hint only; the records themselves decide.
    if not verdict.verified and members.plan(read(world, place, state.address), wish) is None:
        return
    raise refused.update_refused(place, reply.code, _plight(state, reply))


def _sent(world: World, place: Place, state: ZoneState, change: Change) -> Reply:
    """The answer to one update message, unless it is about our key. Raises Failure, OutcomeUnknown."""
    try:
        reply = ask(world, place, state.address, _message(state, change))
    except NoAnswer as silence:
        if silence.sent:
            raise trouble.answer_lost(place, silence.reason) from silence
        raise trouble.no_answer(place, silence.reason) from silence
    except Garbled as noise:
        raise trouble.answer_lost(place, str(noise)) from noise
    verdict = reply.verdict
    if verdict.error and verdict.why == "TSIG error":
        if verdict.error == "BADKEY" and state.verified:  # the look was answered with this very key
            raise refused.update_refused(place, verdict.error, refused.Plight(bool(state.members)))
        raise trouble.key_trouble(Failure, place, verdict.error, verdict.skew)
    return reply


def _plight(state: ZoneState, reply: Reply, *, refreshing: bool = False) -> refused.Plight:
    return refused.Plight(bool(state.members), refreshing, reply.verdict.verified)


def _message(state: ZoneState, change: Change) -> dns.update.UpdateMessage:
    """Guards, then deletes, then adds; never a delete of a whole record set, which takes what it may."""
    message = dns.update.UpdateMessage(dns.name.from_text(state.zone))
    owner = dns.name.from_text(state.owner)
    for one in change.guards:
        message.present(owner, _rdata(one))
    for one in change.deletes:
        message.delete(owner, _rdata(one))
    for one in change.adds:
        message.add(owner, members.DEFAULT_TTL if one.ttl is None else one.ttl, _rdata(one))
    return message


def _rdata(one: Member) -> dns.rdata.Rdata:
    """The record's data, byte by byte.

    An SRV target must not be compressed (RFC 2782). dnspython 2.7 does it all the same, and as compression ignores
    letter case, a member would be deleted or added in somebody else's spelling.
    """
    target = b"".join(bytes([len(label)]) + label for label in dns.name.from_text(one.target).labels)
    numbers = struct.pack("!HHH", one.priority, one.weight, one.port)
    return dns.rdata.GenericRdata(dns.rdataclass.IN, dns.rdatatype.SRV, numbers + target)


def _jitter(wish: Wish, attempt: int, now: float) -> float:
    """Between 0.5 and 1.5, different for writers with different wishes; no source of randomness is needed for that."""
    return 0.5 + zlib.crc32(f"{wish.members[0].target} {attempt} {now}".encode()) / 2**32
