# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A signed RFC 2136 server in memory, with the habits of real servers as switches, and a world that leads to it.

The switches are what BIND 9.18, Knot 3.2, PowerDNS 4.7, Samba 4.17 and (as documented) Windows DNS were seen to do. The
server is made of dnspython's own signing and checking, not of the code under test.
"""

from __future__ import annotations

import struct
import time
import typing as t

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TKEY
import dns.rrset
import dns.tsig
import dns.update

from ansible_collections.activation.kms.plugins.plugin_utils._secret import Secret
from ansible_collections.activation.kms.plugins.plugin_utils._world import GssContext, NoAnswer, Resolver, Stream
from ansible_collections.activation.kms.tests.unit.srv.fake_realm import FakeRealm, accepted

SECRET = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ="
OTHER_SECRET = "b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXItMTI="
KEY_NAME = "kms-rollout"

KNOT = frozenset({"ttl_ignored", "notauth_unsigned", "denial_is_badkey"})
POWERDNS = frozenset({"key_trouble_unsigned_refused", "case_sensitive_delete"})
SAMBA = frozenset({"wrong_signature", "subset_prerequisites", "ttl_per_record", "denial_is_servfail"})
WINDOWS = frozenset({"echoes_signature", "ttl_per_record"})

Record = tuple[int, dns.rdata.Rdata]


class FakeDns:
    """One server with one zone.

    Attributes:
        records: what stands at `_vlmcs._tcp`, as (TTL, data).
        updates: the update messages received, parsed.
        wires: every message received.
        tokens: those of negotiations.
        before_update: called, once each, before the next update is judged: somebody else being faster.
        habits: see the sets above, and: resolver, allows_nothing, loses_answers, drops_requests, garbles,
            wrong_question, unsigned_replies, refuses_zone, delegates, alias, broken, no_updates, outside_zone,
            no_soa_in_answers, wrong_signature_on_updates, no_gss, no_tkey, denies_tickets, stubborn.
    """

    def __init__(self, *records: str, habits: t.Iterable[str] = (), zone: str = "corp.example") -> None:
        self.zone = dns.name.from_text(zone)
        self.owner = dns.name.from_text("_vlmcs._tcp.corp.example")
        self.serial = 1
        self.records: list[Record] = [_parse(record) for record in records]
        self.habits = set(habits)
        self.keys = {dns.name.from_text(KEY_NAME): dns.tsig.Key(KEY_NAME, SECRET, "hmac-sha256")}
        self.clock_offset = 0
        self.needs_key = True
        self.questions = 0
        self.updates: list[dns.update.UpdateMessage] = []
        self.wires: list[bytes] = []
        self.tokens: list[bytes] = []
        self.before_update: list[t.Callable[[FakeDns], None]] = []

    def lines(self) -> list[str]:
        """`TTL priority weight port target`, sorted."""
        return sorted(f"{ttl} {data}" for ttl, data in self.records)

    def answer(self, wire: bytes) -> bytes | None:
        """Bytes in, bytes out; None: no answer comes."""
        self.wires.append(wire)
        if "garbles" in self.habits:
            return b"SSH-2.0-OpenSSH_9.2"
        try:
            request = dns.message.from_wire(wire, keyring=dict(self.keys))
        except (dns.tsig.BadSignature, dns.tsig.BadKey, dns.tsig.BadAlgorithm, dns.message.UnknownTSIGKey) as error:
            known = not isinstance(error, dns.message.UnknownTSIGKey)
            return self._key_trouble(wire, dns.rcode.BADSIG if known else dns.rcode.BADKEY)
        if request.had_tsig and self.clock_offset:
            return self._key_trouble(wire, dns.rcode.BADTIME)
        if request.opcode() == dns.opcode.UPDATE and self.habits >= {"denial_is_badkey", "allows_nothing"}:
            return self._key_trouble(wire, dns.rcode.BADKEY)
        response = dns.message.make_response(request)
        if request.opcode() == dns.opcode.UPDATE:
            self._update(t.cast(dns.update.UpdateMessage, request), response)
        else:
            self._query(request, response)
        if "wrong_question" in self.habits:
            response.id ^= 1
        return self._sealed(wire, request, response)

    def _sealed(self, wire: bytes, request: dns.message.Message, response: dns.message.Message) -> bytes | None:
        update = request.opcode() == dns.opcode.UPDATE
        if "loses_answers" in self.habits and update:
            return None
        plain = "unsigned_replies" in self.habits or (
            "notauth_unsigned" in self.habits and response.rcode() == dns.rcode.NOTAUTH
        )
        if not response.had_tsig or plain:
            response.tsig = None
            return response.to_wire()
        if "echoes_signature" in self.habits and request.had_tsig:
            response.tsig = None
            return append_tsig(response.to_wire(), request.keyname, request.tsig[0])
        raw = response.to_wire()
        if "wrong_signature" in self.habits or ("wrong_signature_on_updates" in self.habits and update):
            middle = len(raw) - 20  # inside the MAC: what follows it are six bytes
            return raw[:middle] + bytes([raw[middle] ^ 0xFF]) + raw[middle + 1 :]
        return raw

    def _key_trouble(self, wire: bytes, error: dns.rcode.Rcode) -> bytes:
        request = dns.message.from_wire(wire, keyring=False)
        sent, name = request.tsig[0], request.keyname
        request.tsig = None
        response = dns.message.make_response(request)
        if "key_trouble_unsigned_refused" in self.habits:
            response.set_rcode(dns.rcode.REFUSED)
            return response.to_wire()
        response.set_rcode(dns.rcode.NOTAUTH)
        other = b""
        if error == dns.rcode.BADTIME:
            other = (int(time.time()) + self.clock_offset).to_bytes(6, "big")
        refusal = sent.replace(mac=b"", error=error, other=other)
        return append_tsig(response.to_wire(), name, refusal)

    def _query(self, request: dns.message.Message, response: dns.message.Message) -> None:
        if request.question[0].rdtype == dns.rdatatype.TKEY:
            self._negotiate(request, response)
            return
        self.questions += 1
        if request.flags & dns.flags.RD:
            raise AssertionError("a resolver was asked for, where only the server's own knowledge counts")
        question = request.question[0]
        if "broken" in self.habits:
            response.set_rcode(dns.rcode.SERVFAIL)
            return
        if "refuses_zone" in self.habits or not question.name.is_subdomain(self.zone):
            response.set_rcode(dns.rcode.REFUSED)
            return
        if "delegates" in self.habits:
            response.authority.append(dns.rrset.from_text("_tcp.corp.example.", 3600, "IN", "NS", "ns9.corp.example."))
            return
        if "resolver" not in self.habits:
            response.flags |= dns.flags.AA
        soa = dns.rrset.from_text(
            self.zone, 3600, "IN", "SOA", f"a.misconfigured.server.invalid. hostmaster.invalid. {self.serial} 1 1 1 300"
        )
        if "alias" in self.habits and question.name == self.owner:
            response.answer.append(dns.rrset.from_text(self.owner, 60, "IN", "CNAME", "elsewhere.example."))
        elif question.rdtype == dns.rdatatype.SOA and question.name == self.zone:
            response.answer.append(soa)
        elif question.rdtype == dns.rdatatype.SRV and question.name == self.owner and self.records:
            for ttl, data in self.records:
                response.answer.append(dns.rrset.from_rdata(self.owner, ttl, data))
        else:
            if "no_soa_in_answers" not in self.habits:
                response.authority.append(soa)
            if question.name == self.owner and not self.records:
                response.set_rcode(dns.rcode.NXDOMAIN)

    def _negotiate(self, request: dns.message.Message, response: dns.message.Message) -> None:
        """The answer is signed with the new key (RFC 3645 section 4.1.3)."""
        if "no_gss" in self.habits:
            response.set_rcode(dns.rcode.REFUSED)
        if self.habits & {"no_gss", "no_tkey"}:
            return
        owner = request.question[0].name
        (offer,) = request.find_rrset(request.additional, owner, dns.rdataclass.ANY, dns.rdatatype.TKEY)
        if len(owner) != 2:
            raise AssertionError("Samba refuses what is signed by a key whose name shares a suffix with the zone")
        denied = "denies_tickets" in self.habits
        answer = offer.replace(key=b"" if denied else b"welcome", error=17 if denied else 0)
        response.answer.append(dns.rrset.from_rdata(owner, 0, answer))
        self.tokens.append(offer.key)
        if not denied and "stubborn" not in self.habits:
            key = dns.tsig.Key(owner, accepted(offer.key), dns.tsig.GSS_TSIG)
            self.keys[owner] = key
            response.use_tsig(key, algorithm=dns.tsig.GSS_TSIG)

    def _update(self, request: dns.update.UpdateMessage, response: dns.message.Message) -> None:
        self.updates.append(request)
        for deed in self.before_update[:1]:
            self.before_update.remove(deed)
            deed(self)
        response.set_rcode(self._judge(request))
        if response.rcode() == dns.rcode.NOERROR:
            before = list(self.records)
            for rrset in request.update:
                self._apply(rrset)
            self.serial += before != self.records

    def _judge(self, request: dns.update.UpdateMessage) -> dns.rcode.Rcode:
        if "no_updates" in self.habits:
            return dns.rcode.NOTIMP
        if "outside_zone" in self.habits:
            return dns.rcode.NOTZONE
        if request.zone[0].name != self.zone:
            return dns.rcode.NOTAUTH
        if (self.needs_key and not request.had_tsig) or "allows_nothing" in self.habits:
            return dns.rcode.SERVFAIL if "denial_is_servfail" in self.habits else dns.rcode.REFUSED
        required = [data for rrset in request.prerequisite for data in rrset]
        present = [data for _ttl, data in self.records]
        if required and not all(data in present for data in required):
            return dns.rcode.NXRRSET
        if required and len(required) != len(present) and "subset_prerequisites" not in self.habits:
            return dns.rcode.NXRRSET
        return dns.rcode.NOERROR

    def _apply(self, rrset: dns.rrset.RRset) -> None:
        if rrset.deleting == dns.rdataclass.ANY:
            raise AssertionError("a whole record set was to be deleted")
        data = dns.rdata.from_text("IN", "SRV", rrset[0].to_text())
        if rrset.deleting == dns.rdataclass.NONE:
            exact = "case_sensitive_delete" in self.habits
            same = [one for one in self.records if one[1] == data and (not exact or str(one[1]) == str(data))]
            self.records = [one for one in self.records if one not in same]
            return
        known = [one for one in self.records if one[1] == data]
        if known and "ttl_ignored" in self.habits:
            return
        self.records = [one for one in self.records if one not in known]
        if "ttl_per_record" not in self.habits:
            self.records = [(rrset.ttl, one) for _ttl, one in self.records]
        self.records.append((rrset.ttl, known[0][1] if known else data))


class FakeWorld:
    """The doors, as far as DNS uses them. Time passes only by sleeping.

    Attributes:
        servers: by (address, port); an address that is missing refuses connections.
        names: what the resolver knows.
        asked: the addresses DNS messages went to.
        realm: where its tickets come from.
    """

    host = "kms1"

    def __init__(self, *servers: FakeDns) -> None:
        self.servers: dict[tuple[str, int], FakeDns] = {
            (f"192.0.2.{number}", 53): server for number, server in enumerate(servers, 1)
        }
        self.names = {"dns1.corp.example": [address for address, _port in self.servers]}
        self.asked: list[str] = []
        self.realm = FakeRealm()
        self.logged: list[str] = []
        self.slept = 0.0
        self._began = time.time()

    def exchange(self, message: bytes, server: str, port: int, *, timeout: float) -> bytes:
        self.asked.append(server)
        peer = self.servers.get((server, port))
        if peer is None:
            raise NoAnswer("refused", sent=False)
        if "drops_requests" in peer.habits:
            raise NoAnswer("timed out")
        answer = peer.answer(message)
        if answer is None:
            raise NoAnswer("timed out")
        return answer

    def gss(self, host: str, principal: str, password: Secret | None, keytab: str) -> GssContext:
        return self.realm.begin(host, principal, password, keytab)

    def resolve(self, name: str) -> list[str]:
        return list(self.names.get(name, []))

    def now(self) -> float:
        return self._began + min(self.slept, 200)  # never so far that signatures expire

    def sleep(self, seconds: float) -> None:
        self.slept += seconds

    def log(self, text: str) -> None:
        self.logged.append(text)

    def send(self, message: bytes, *, timeout: float) -> tuple[int, bytes]:
        raise AssertionError("DNS needs no Windows connection")

    def disconnect(self) -> None:
        raise AssertionError("DNS needs no Windows connection")

    def dial(self, address: str, port: int, *, timeout: float) -> Stream:
        raise AssertionError("DNS goes through exchange")

    def open_file(self, path: str) -> t.BinaryIO:
        raise AssertionError("DNS needs no files")

    def list_folder(self, path: str) -> list[str]:
        raise AssertionError("DNS needs no files")

    def append(self, path: str, line: str) -> None:
        raise AssertionError("DNS needs no files")

    def resolver(self, servers: t.Sequence[str], port: int, timeout: float) -> Resolver:
        raise AssertionError("the server itself is asked, not somebody who may remember")


def append_tsig(wire: bytes, name: dns.name.Name | None, data: dns.rdata.Rdata) -> bytes:
    """A message with a TSIG record that nobody computed."""
    rdata = data.to_digestable()
    head = struct.pack("!HHIH", dns.rdatatype.TSIG, dns.rdataclass.ANY, 0, len(rdata))
    additional = struct.unpack("!H", wire[10:12])[0] + 1
    owner = name.to_wire() if name is not None else None
    return wire[:10] + struct.pack("!H", additional) + wire[12:] + (owner or b"\0") + head + rdata


def _parse(record: str) -> Record:
    ttl, rest = record.split(" ", 1)
    return int(ttl), dns.rdata.from_text("IN", "SRV", rest)
