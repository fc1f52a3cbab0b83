# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of a zone as data: by name, by type, each record with its TTL and its time stamp.

Knows that records are equal where only the letter case of a target differs, and whole hours since 1601, in which
Microsoft's server counts (MS-DNSP 2.3.2.2). Refuses to know who may change what, and when.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.NS
import dns.rdtypes.IN.SRV
import dns.rrset

TTL = 3600
STATIC = 0
HOUR = 3600.0
_SECONDS_FROM_1601 = 11_644_473_600


@dataclass(frozen=True)
class Held:
    """What a zone remembers of one record beside its data.

    Equal are those that say the same to whoever asks: time stamps are nobody's business.
    """

    ttl: int
    stamp: int = field(default=STATIC, compare=False)
    """The hour it was made or last refreshed, since 1601; STATIC: it never ages."""


RecordSet = Mapping[dns.rdata.Rdata, Held]
"""The records of one name and type. Never changed in place."""
Node = Mapping[dns.rdatatype.RdataType, RecordSet]


def hour_of(when: float) -> int:
    """The hour a time lies in, since 1601."""
    return int((when + _SECONDS_FROM_1601) // HOUR)


def time_of(hour: int) -> float:
    """When an hour begins."""
    return hour * HOUR - _SECONDS_FROM_1601


def rdata_of(kind: dns.rdatatype.RdataType, text: str) -> dns.rdata.Rdata:
    """A record's data as a zone file has it."""
    return dns.rdata.from_text(dns.rdataclass.IN, kind, text)


def target_of(rdata: dns.rdata.Rdata) -> dns.name.Name:
    """The host a record names; the root where it names none."""
    if isinstance(rdata, (dns.rdtypes.IN.SRV.SRV, dns.rdtypes.ANY.NS.NS)):
        return rdata.target
    return dns.name.root


class Records:
    """The records of one zone."""

    def __init__(self, nodes: Mapping[dns.name.Name, Node] | None = None) -> None:
        self._nodes: dict[dns.name.Name, Node] = dict(nodes or {})

    def copy(self) -> Records:
        """The same records; changing them does not change these."""
        return Records(self._nodes)

    def node(self, name: dns.name.Name) -> Node:
        """What stands at a name, by type."""
        return self._nodes.get(name, {})

    def at(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> RecordSet:
        """The records of one name and type."""
        return self.node(name).get(kind, {})

    def has(self, name: dns.name.Name) -> bool:
        """Does the name exist, be it only because something stands below it?"""
        return name in self._nodes or any(owner.is_subdomain(name) for owner in self._nodes)

    def put(self, name: dns.name.Name, kind: dns.rdatatype.RdataType, records: RecordSet) -> None:
        """Let these be the records of one name and type; none of them: the type, and then the name, goes."""
        node = {**self.node(name), kind: records}
        kept = {each: found for each, found in node.items() if found}
        if kept:
            self._nodes[name] = kept
        else:
            self._nodes.pop(name, None)

    def __iter__(self) -> Iterator[tuple[dns.name.Name, dns.rdata.Rdata, Held]]:
        """Every record, sorted by name, type and data."""
        for name in sorted(self._nodes):
            for kind in sorted(self._nodes[name]):
                records = self._nodes[name][kind]
                for rdata in sorted(records):
                    yield name, rdata, records[rdata]

    def same_data(self, other: Records) -> bool:
        """Do both say the same to whoever asks?

        Dictionaries as they are: they remember the hashes of names and data, which are expensive to compute.
        """
        return self._nodes == other._nodes

    def rrsets(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> list[dns.rrset.RRset]:
        """The records of one name and type for an answer: as many sets as there are TTLs."""
        by_ttl: dict[int, list[dns.rdata.Rdata]] = {}
        records = self.at(name, kind)
        for rdata in sorted(records):
            by_ttl.setdefault(records[rdata].ttl, []).append(rdata)
        return [dns.rrset.from_rdata_list(name, ttl, rdatas) for ttl, rdatas in by_ttl.items()]
