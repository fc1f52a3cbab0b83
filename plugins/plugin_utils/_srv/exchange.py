# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One DNS message there and its answer back, signed where a key is handed in.

Internal to the collection activation.kms; not a public interface.

Done by hand, because the usual functions raise on a signature they dislike before the result code can be seen, and some
servers sign wrongly although they did what was asked (Samba; Windows DNS echoes the client's own signature).
"""

from __future__ import annotations

import dataclasses

from .._errors import Refusal
from .._world import World
from . import names, trouble, tsig
from .place import Place

try:
    import dns.exception
    import dns.flags
    import dns.message
    import dns.name
    import dns.rcode
    import dns.rdatatype
    import dns.rrset
except ImportError:
    pass  # library.need_dnspython says so before anything of this is used

TIMEOUT = 10.0  # seconds to wait for one answer


class Garbled(Exception):
    """What came back is no answer to what was sent; the text says why."""


@dataclasses.dataclass(frozen=True)
class Reply:
    """An answer that belongs to the question.

    Attributes:
        message: the parsed answer, one record a record set, so that each keeps its own TTL.
        code: its result code, "NOERROR" for instance.
        verdict: what its signature says; verified where no key was used.
        wire: its bytes.
    """

    message: dns.message.Message
    code: str
    verdict: tsig.Verdict
    wire: bytes

    @property
    def authoritative(self) -> bool:
        """Whether the server answers out of the zone itself rather than out of a cache."""
        return bool(self.message.flags & dns.flags.AA)

    def records(self, rdtype: dns.rdatatype.RdataType, section: int = 1) -> list[dns.rrset.RRset]:
        """The records of a type in a section (1 answer, 2 authority)."""
        return [rrset for rrset in self.message.sections[section] if rrset.rdtype == rdtype and len(rrset)]


def addresses(world: World, place: Place) -> list[str]:
    """Where the server may be asked, in the resolver's order. Raises Refusal."""
    if place.server_address or names.is_address(place.server):
        return [place.server_address or place.server]
    found = world.resolve(place.server)
    if not found:
        raise trouble.no_address(place, Refusal)
    return found


def question(name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> dns.message.QueryMessage:
    """A question without RD: what the server knows itself, not what it can find out."""
    return dns.message.make_query(name, rdtype, flags=0)


def send(
    world: World, place: Place, address: str, message: dns.message.Message, key: tsig.SigningKey | None = None
) -> Reply:
    """Send one message and judge its answer.

    Raises:
        NoAnswer: nothing came back.
        Garbled: what came back is no answer to this message.
        KerberosTrouble: the negotiated key has ended; nothing was sent.
    """
    wire, mac = message.to_wire(), b""
    if key is not None:
        wire, mac = tsig.sign(wire, key, world.now())
    raw = world.exchange(wire, address, place.port, timeout=TIMEOUT)
    try:
        answer = dns.message.from_wire(raw, keyring=False, one_rr_per_rrset=True)
    except (dns.exception.DNSException, ValueError) as error:
        raise Garbled(f"{len(raw)} bytes that cannot be read ({type(error).__name__})") from error
    if not message.is_response(answer):
        raise Garbled("the message answers another question")
    verdict = tsig.Verdict(True) if key is None else tsig.verify(raw, answer, key, mac, world.now())
    return Reply(answer, dns.rcode.to_text(answer.rcode()), verdict, raw)
