# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One DNS zone in memory: what it answers and how an RFC 2136 update changes it.

Knows SOA, NS, A and SRV, and the right a rollout key has: SRV records at `_vlmcs._tcp` of the zone and nothing else.
Where RFC 2136 leaves a choice it does what BIND 9.18 does (measured). Refuses to know signatures and sockets.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import dns.exception
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.NS
import dns.rdtypes.ANY.SOA
import dns.rdtypes.IN.SRV
import dns.rrset
import dns.update

TTL = 3600
MAX_RECORDS = 100  # BIND's max-records-per-type since 9.18.28; one more is SERVFAIL
_HOST_LABEL = re.compile(rb"[a-z0-9]([a-z0-9-]*[a-z0-9])?", re.IGNORECASE)
_FIRST_META, _LAST_META = 128, 255


@dataclass(frozen=True)
class Entry:
    """The records of one name and type; equal where the letter case of a target differs."""

    ttl: int
    rdatas: frozenset[dns.rdata.Rdata]


Records = dict[dns.name.Name, dict[dns.rdatatype.RdataType, Entry]]


class UpdateRefused(Exception):
    """The update changes nothing; `rcode` is the answer."""

    def __init__(self, rcode: dns.rcode.Rcode) -> None:
        super().__init__(dns.rcode.to_text(rcode))
        self.rcode = rcode


@dataclass
class Answer:
    """The sections of an answer."""

    rcode: dns.rcode.Rcode
    answer: list[dns.rrset.RRset] = field(default_factory=list)
    authority: list[dns.rrset.RRset] = field(default_factory=list)
    additional: list[dns.rrset.RRset] = field(default_factory=list)


class Zone:
    """The records of one zone."""

    def __init__(self, origin: str, server_address: str) -> None:
        self.origin = dns.name.from_text(origin)
        self.kms_owner = dns.name.from_text("_vlmcs._tcp", self.origin)
        self.counters: Counter[str] = Counter(
            queries=0,
            updates=0,
            updates_refused=0,
            changes=0,
            signature_errors=0,
            self_published=0,
            self_publishing_failed=0,
        )
        self._records: Records = {}
        server = dns.name.from_text("emulated-dns", self.origin)
        soa = f"{server} hostmaster.{self.origin} 1 900 600 86400 {TTL}"
        self._add(self._records, self.origin, _rdata(dns.rdatatype.SOA, soa), TTL)
        self._add(self._records, self.origin, _rdata(dns.rdatatype.NS, str(server)), TTL)
        self._add(self._records, server, _rdata(dns.rdatatype.A, server_address), TTL)

    @property
    def serial(self) -> int:
        """The serial number of the SOA record."""
        (soa,) = self._records[self.origin][dns.rdatatype.SOA].rdatas
        assert isinstance(soa, dns.rdtypes.ANY.SOA.SOA)
        return int(soa.serial)

    def add_address(self, name: str, address: str) -> None:
        """Add an address record at the start; names outside the zone are somebody else's."""
        owner = dns.name.from_text(name)
        if owner.is_subdomain(self.origin):
            self._add(self._records, owner, _rdata(dns.rdatatype.A, address), TTL)

    def publish(self, zone: str, target: str, port: int) -> None:
        """The licensing service of a machine publishes itself. OSError where it would not find its record in DNS."""
        try:
            name, host = dns.name.from_text(zone), dns.name.from_text(target)
        except dns.exception.DNSException as error:
            raise OSError(f"{zone} is not a DNS name") from error
        records = _copy(self._records)
        self._add(records, self.kms_owner, _rdata(dns.rdatatype.SRV, f"0 0 {port} {host}"), None)
        if name != self.origin or len(records[self.kms_owner][dns.rdatatype.SRV].rdatas) > MAX_RECORDS:
            self.counters["self_publishing_failed"] += 1
            raise OSError(f"{zone} is not served here, or full")
        self.counters["self_published"] += 1
        self._commit(records)

    def lookup(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> Answer:
        """What the zone says about `name`, which lies inside it."""
        node = self._records.get(name, {})
        found = [kind for kind in node if rdtype in (kind, dns.rdatatype.ANY)]
        if not found:
            exists = bool(node) or any(owner.is_subdomain(name) for owner in self._records)
            rcode = dns.rcode.NOERROR if exists else dns.rcode.NXDOMAIN
            return Answer(rcode, authority=self._rrsets(self.origin, dns.rdatatype.SOA))
        answer = Answer(dns.rcode.NOERROR)
        for kind in found:
            answer.answer += self._rrsets(name, kind)
        for target in sorted({_target(rdata) for kind in found for rdata in node[kind].rdatas}):
            answer.additional += self._rrsets(target, dns.rdatatype.A)
        return answer

    def _rrsets(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> list[dns.rrset.RRset]:
        entry = self._records.get(name, {}).get(kind)
        return [] if entry is None else [dns.rrset.from_rdata_list(name, entry.ttl, sorted(entry.rdatas))]

    def to_text(self) -> str:
        """The zone as a zone file, sorted."""
        lines = []
        for name in sorted(self._records):
            for kind in sorted(self._records[name]):
                entry = self._records[name][kind]
                head = f"{name} {entry.ttl} IN {dns.rdatatype.to_text(kind)}"
                lines += sorted(f"{head} {rdata}" for rdata in entry.rdatas)
        return "\n".join(lines) + "\n"

    def update(self, message: dns.update.UpdateMessage, *, permitted: bool) -> dns.rcode.Rcode:
        """Carry out an update, all of it or nothing. `permitted`: may its sender change SRV records of KMS hosts?"""
        self.counters["updates"] += 1
        try:
            records = self._updated(message, permitted)
        except UpdateRefused as refusal:
            self.counters["updates_refused"] += 1
            return refusal.rcode
        self._commit(records)
        return dns.rcode.NOERROR

    def _updated(self, message: dns.update.UpdateMessage, permitted: bool) -> Records:
        if len(message.zone) != 1 or message.zone[0].rdtype != dns.rdatatype.SOA:
            raise UpdateRefused(dns.rcode.FORMERR)
        if message.zone[0].name != self.origin or message.zone[0].rdclass != dns.rdataclass.IN:
            raise UpdateRefused(dns.rcode.NOTAUTH)
        self._require(message.prerequisite)
        for rrset in message.update:
            self._prescan(rrset)
        records = _copy(self._records)
        for rrset in message.update:
            self._judge_right(records, rrset, permitted)
            self._carry_out(records, rrset)
        return records

    def _require(self, prerequisites: Iterable[dns.rrset.RRset]) -> None:
        """RFC 2136 3.2."""
        wanted: dict[tuple[dns.name.Name, dns.rdatatype.RdataType], set[dns.rdata.Rdata]] = {}
        for rrset in prerequisites:
            if rrset.ttl != 0:
                raise UpdateRefused(dns.rcode.FORMERR)
            if not rrset.name.is_subdomain(self.origin):
                raise UpdateRefused(dns.rcode.NOTZONE)
            node = self._records.get(rrset.name, {})
            if rrset.deleting is None:
                wanted.setdefault((rrset.name, rrset.rdtype), set()).update(rrset)
            elif rrset.deleting == dns.rdataclass.ANY and rrset.rdtype == dns.rdatatype.ANY:
                _demand(bool(node), dns.rcode.NXDOMAIN)
            elif rrset.deleting == dns.rdataclass.ANY:
                _demand(rrset.rdtype in node, dns.rcode.NXRRSET)
            elif rrset.rdtype == dns.rdatatype.ANY:
                _demand(not node, dns.rcode.YXDOMAIN)
            else:
                _demand(rrset.rdtype not in node, dns.rcode.YXRRSET)
        for (name, kind), rdatas in wanted.items():
            entry = self._records.get(name, {}).get(kind)
            _demand(entry is not None and entry.rdatas == rdatas, dns.rcode.NXRRSET)

    def _prescan(self, rrset: dns.rrset.RRset) -> None:
        """RFC 2136 3.4.1."""
        if not rrset.name.is_subdomain(self.origin):
            raise UpdateRefused(dns.rcode.NOTZONE)
        meta = _FIRST_META <= rrset.rdtype <= _LAST_META
        if rrset.deleting == dns.rdataclass.ANY:
            meta = meta and rrset.rdtype != dns.rdatatype.ANY
        if meta or (rrset.deleting is not None and rrset.ttl != 0):
            raise UpdateRefused(dns.rcode.FORMERR)

    def _judge_right(self, records: Records, rrset: dns.rrset.RRset, permitted: bool) -> None:
        """Least privilege. Deleting what is not there is not judged, as in BIND."""
        if rrset.deleting is not None:
            kinds = [kind for kind in records.get(rrset.name, {}) if rrset.rdtype in (kind, dns.rdatatype.ANY)]
        else:
            kinds = [rrset.rdtype]
        if kinds and not (permitted and rrset.name == self.kms_owner and kinds == [dns.rdatatype.SRV]):
            raise UpdateRefused(dns.rcode.REFUSED)
        if rrset.deleting is None and not _is_host_name(_target(rrset[0])):
            raise UpdateRefused(dns.rcode.REFUSED)  # BIND's check-names

    def _carry_out(self, records: Records, rrset: dns.rrset.RRset) -> None:
        """RFC 2136 3.4.2 for what `_judge_right` lets through: SRV records at one name."""
        if rrset.deleting is None:
            self._add(records, rrset.name, rrset[0], rrset.ttl)
            if len(records[rrset.name][rrset.rdtype].rdatas) > MAX_RECORDS:
                raise UpdateRefused(dns.rcode.SERVFAIL)
            return
        node = records.get(rrset.name, {})
        present = node.get(dns.rdatatype.SRV)
        if present is None or rrset.rdtype not in (dns.rdatatype.SRV, dns.rdatatype.ANY):
            return
        left = present.rdatas - set(rrset) if rrset.deleting == dns.rdataclass.NONE else frozenset()
        if left:
            node[dns.rdatatype.SRV] = Entry(present.ttl, left)
        else:
            del records[rrset.name]

    @staticmethod
    def _add(records: Records, name: dns.name.Name, rdata: dns.rdata.Rdata, ttl: int | None) -> None:
        """Add a record; a `ttl` becomes that of the whole set, as in BIND, None keeps the set's own."""
        node = records.setdefault(name, {})
        present = node.get(rdata.rdtype, Entry(TTL, frozenset()))
        node[rdata.rdtype] = Entry(present.ttl if ttl is None else ttl, present.rdatas | {rdata})

    def _commit(self, records: Records) -> None:
        if records == self._records:
            return
        serial = self.serial + 1
        self._records = records
        self.counters["changes"] += 1
        node = records[self.origin]
        (soa,) = node[dns.rdatatype.SOA].rdatas
        node[dns.rdatatype.SOA] = Entry(TTL, frozenset({soa.replace(serial=serial)}))


def _demand(fulfilled: bool, rcode: dns.rcode.Rcode) -> None:
    if not fulfilled:
        raise UpdateRefused(rcode)


def _target(rdata: dns.rdata.Rdata) -> dns.name.Name:
    """The host a record names; the root where it names none."""
    if isinstance(rdata, (dns.rdtypes.IN.SRV.SRV, dns.rdtypes.ANY.NS.NS)):
        return rdata.target
    return dns.name.root


def _rdata(kind: dns.rdatatype.RdataType, text: str) -> dns.rdata.Rdata:
    return dns.rdata.from_text(dns.rdataclass.IN, kind, text)


def _is_host_name(name: dns.name.Name) -> bool:
    return all(_HOST_LABEL.fullmatch(label) for label in name.labels if label)


def _copy(records: Records) -> Records:
    return {name: dict(node) for name, node in records.items()}
