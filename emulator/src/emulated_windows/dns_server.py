# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded authoritative DNS server: UDP and TCP on loopback, TSIG, its zones, RFC 2136 updates.

Knows messages, signatures and which error belongs to which mistake (RFC 8945 5.2, as BIND answers). Refuses to know
what the records mean and who may change them: that is the zone's. It never asks another server.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Callable
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.update

from .dns_zone import Zone
from .dns_zones import Zones
from .estate_dns import Tsig
from .section import EstateError

MAX_UDP = 1232
MAX_CONNECTIONS = 256
IDLE_SECONDS = 30.0
_NOT_SERVED = (dns.rdatatype.AXFR, dns.rdatatype.IXFR, dns.rdatatype.MAILA, dns.rdatatype.MAILB)
_FUDGE = 300


def make_key(tsig: Tsig) -> dns.tsig.Key:
    """dnspython's form of the key."""
    algorithm = dns.tsig.HMAC_MD5 if tsig.algorithm == "hmac-md5" else dns.name.from_text(tsig.algorithm)
    return dns.tsig.Key(dns.name.from_text(tsig.name), tsig.secret, algorithm)


class Responder:
    """Bytes in, bytes out. Without a key everybody may update SRV records of KMS hosts in a zone of BIND's; in one of
    Microsoft's the name of the key is the account of whoever signs with it."""

    def __init__(self, zones: Zone | Zones, key: dns.tsig.Key | None) -> None:
        self._zones = zones if isinstance(zones, Zones) else Zones([zones])
        self._key = key

    def answer(self, wire: bytes, *, udp: bool) -> bytes | None:
        """The reply to a message; None for what deserves no reply."""
        if len(wire) < 12 or wire[2] & 0x80 or self._zones.fault == "silent":
            return None
        try:
            query = dns.message.from_wire(wire, keyring=self._keyring)
        except (dns.message.UnknownTSIGKey, dns.tsig.BadKey, dns.tsig.BadAlgorithm):
            return self._signature_error(wire, dns.rcode.BADKEY)
        except dns.tsig.BadSignature:
            return self._signature_error(wire, dns.rcode.BADSIG)
        except dns.tsig.BadTime:
            return self._signature_error(wire, dns.rcode.BADTIME)
        except Exception:  # a parser fed with anything at all: one answer, and the server lives on
            return _bare(wire, dns.rcode.FORMERR)
        response = self._respond(query)
        limit = 65535
        if udp:
            limit = min(max(query.payload, 512), MAX_UDP) if query.edns >= 0 else 512
        return response.to_wire(max_size=limit, prefer_truncation=True)

    def _keyring(self, message: dns.message.Message, name: dns.name.Name) -> dns.tsig.Key | None:
        return self._key if self._key is not None and name == self._key.name else None

    def _respond(self, query: dns.message.Message) -> dns.message.Message:
        response = dns.message.make_response(query, our_payload=MAX_UDP)
        if isinstance(query, dns.update.UpdateMessage):
            response.set_rcode(self._update(query))
        elif query.opcode() != dns.opcode.QUERY:
            response.set_rcode(dns.rcode.NOTIMP)
        else:
            self._look_up(query, response)
        return response

    def _update(self, query: dns.update.UpdateMessage) -> dns.rcode.Rcode:
        if self._zones.fault:
            return dns.rcode.REFUSED if self._zones.fault == "refuse" else dns.rcode.SERVFAIL
        named = query.zone[0].name if query.zone else None
        zone = next((zone for zone in self._zones if zone.origin == named), self._zones.first)
        if zone is None:
            return dns.rcode.NOTAUTH
        account = self._key.name.to_text(omit_final_dot=True) if self._key is not None and query.had_tsig else ""
        return zone.update(query, permitted=self._key is None or query.had_tsig, account=account)

    def _look_up(self, query: dns.message.Message, response: dns.message.Message) -> None:
        question = query.question[0] if query.question else None
        zone = self._zones.of(question.name) if question is not None else None
        counted = zone or self._zones.first
        if counted is not None:
            counted.counters["queries"] += 1
        if question is None or len(query.question) != 1:
            response.set_rcode(dns.rcode.FORMERR)
            return
        if zone is None or question.rdclass != dns.rdataclass.IN or question.rdtype in _NOT_SERVED:
            response.set_rcode(dns.rcode.REFUSED)
            return
        found = zone.lookup(question.name, question.rdtype)
        response.flags |= dns.flags.AA
        response.set_rcode(found.rcode)
        response.answer, response.authority = found.answer, found.authority
        response.additional = found.additional

    def _signature_error(self, wire: bytes, error: dns.rcode.Rcode) -> bytes | None:
        """NOTAUTH with a TSIG record that names the error: signed for BADTIME, without a MAC else (RFC 8945 5.2)."""
        if self._zones.first is not None:
            self._zones.first.counters["signature_errors"] += 1
        try:
            query = dns.message.from_wire(wire, keyring=False)
        except Exception:  # as above
            return _bare(wire, dns.rcode.FORMERR)
        response = dns.message.make_response(query)
        response.set_rcode(dns.rcode.NOTAUTH)
        assert query.tsig is not None
        signature = query.tsig[0]
        if error == dns.rcode.BADTIME and self._key is not None:
            now = struct.pack("!Q", int(time.time()))[2:]
            response.use_tsig(self._key, fudge=_FUDGE, tsig_error=error, other_data=now, algorithm=self._key.algorithm)
            response.request_mac = signature.mac
        else:
            record = signature.replace(mac=b"", fudge=_FUDGE, error=error, other=b"")
            response.tsig = dns.rrset.from_rdata(query.tsig.name, 0, record)
        return response.to_wire()


def _bare(wire: bytes, rcode: dns.rcode.Rcode) -> bytes:
    """A reply without sections, to a message that could not be read."""
    flags = struct.unpack_from("!H", wire, 2)[0]
    return wire[:2] + struct.pack("!HHHHH", 0x8000 | flags & 0x7900 | rcode, 0, 0, 0, 0)


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, responder: Responder) -> None:
        self._responder = responder
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not an instance of DatagramTransport before Python 3.12, though it has all its methods.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = self._responder.answer(data, udp=True)
        if reply is not None and self._transport is not None:
            self._transport.sendto(reply, addr)


class _Tcp(asyncio.Protocol):
    def __init__(self, responder: Responder, open_now: set[asyncio.Transport]) -> None:
        self._responder = responder
        self._open_now = open_now
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        if len(self._open_now) >= MAX_CONNECTIONS:
            transport.abort()
            return
        self._transport = transport
        self._open_now.add(transport)
        self._watch(transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._open_now.discard(self._transport)
        if self._timer is not None:
            self._timer.cancel()

    def _watch(self, close: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(IDLE_SECONDS, close)

    def pause_writing(self) -> None:
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        if self._transport is not None:
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        if self._transport is None:
            return
        self._watch(self._transport.close)
        self._buffer += data
        while len(self._buffer) >= 2:
            end = 2 + int.from_bytes(self._buffer[:2], "big")
            if len(self._buffer) < end:
                return
            reply = self._responder.answer(bytes(self._buffer[2:end]), udp=False)
            del self._buffer[:end]
            if reply is not None:
                self._transport.write(len(reply).to_bytes(2, "big") + reply)


class DnsServer:
    """The sockets of the embedded server."""

    def __init__(self, zones: Zone | Zones, tsig: Tsig | None, address: str, port: int) -> None:
        self._responder = Responder(zones, None if tsig is None else make_key(tsig))
        self._where = (address, port)
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.AbstractServer | None = None
        self._open_now: set[asyncio.Transport] = set()

    async def open(self) -> None:
        """Begin to listen. EstateError where the address cannot be had."""
        loop = asyncio.get_running_loop()
        address, port = self._where
        try:
            self._udp, _ = await loop.create_datagram_endpoint(lambda: _Udp(self._responder), local_addr=self._where)
            self._tcp = await loop.create_server(lambda: _Tcp(self._responder, self._open_now), address, port)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise EstateError(f"the DNS server cannot listen on {address}:{port}: {reason}.") from None

    def close(self) -> None:
        """Stop listening and drop connections."""
        if self._udp is not None:
            self._udp.close()
        if self._tcp is not None:
            self._tcp.close()
        for transport in list(self._open_now):
            transport.close()
