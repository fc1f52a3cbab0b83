# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one RFC 2136 update makes of a zone's records, all of it or nothing.

Knows prerequisites, the prescan and the update section, for SRV records at one name. Where RFC 2136 leaves a choice it
does what the zone's flavour does. Refuses to know whether the sender may do that: it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from .dns_flavour import Flavour
from .dns_records import Records, target_of

_FIRST_META, _LAST_META = 128, 255
MayChange = Callable[[dns.name.Name, list[dns.rdatatype.RdataType]], bool]
"""May the sender change records of these types at this name?"""


class UpdateRefused(Exception):
    """The update changes nothing; `rcode` is the answer."""

    def __init__(self, rcode: dns.rcode.Rcode) -> None:
        super().__init__(dns.rcode.to_text(rcode))
        self.rcode = rcode


class Update:
    """One update on its way: what it has made of the records so far, and which it has named."""

    def __init__(
        self,
        records: Records,
        origin: dns.name.Name,
        flavour: Flavour,
        may_change: MayChange = lambda name, kinds: True,
    ) -> None:
        self._before = records
        self._origin = origin
        self._flavour = flavour
        self._may_change = may_change
        self.records = records.copy()
        self.added: set[tuple[dns.name.Name, dns.rdata.Rdata]] = set()
        """Records it adds, or names in a prerequisite: that counts as asking for them too (white paper)."""
        self.deleted: set[tuple[dns.name.Name, dns.rdata.Rdata]] = set()
        self.names: set[dns.name.Name] = set()
        """Names it changes."""

    def require(self, prerequisites: Iterable[dns.rrset.RRset]) -> None:
        """RFC 2136 3.2."""
        wanted: dict[tuple[dns.name.Name, dns.rdatatype.RdataType], set[dns.rdata.Rdata]] = {}
        for rrset in prerequisites:
            if rrset.ttl != 0:
                raise UpdateRefused(dns.rcode.FORMERR)
            if not rrset.name.is_subdomain(self._origin):
                raise UpdateRefused(dns.rcode.NOTZONE)
            node = self._before.node(rrset.name)
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
            _demand(set(self._before.at(name, kind)) == rdatas, dns.rcode.NXRRSET)
            if self._may_change(name, [kind]):
                self.added.update((name, rdata) for rdata in rdatas)

    def prescan(self, rrset: dns.rrset.RRset) -> None:
        """RFC 2136 3.4.1."""
        if not rrset.name.is_subdomain(self._origin):
            raise UpdateRefused(dns.rcode.NOTZONE)
        meta = _FIRST_META <= rrset.rdtype <= _LAST_META
        if rrset.deleting == dns.rdataclass.ANY:
            meta = meta and rrset.rdtype != dns.rdatatype.ANY
        if meta or (rrset.deleting is not None and rrset.ttl != 0):
            raise UpdateRefused(dns.rcode.FORMERR)

    def carry_out(self, rrset: dns.rrset.RRset) -> None:
        """RFC 2136 3.4.2."""
        self._judge_right(rrset)
        if rrset.deleting is None:
            self.add(rrset.name, rrset[0], rrset.ttl)
        elif rrset.rdtype in (dns.rdatatype.SRV, dns.rdatatype.ANY):
            self.delete(rrset.name, set(rrset) if rrset.deleting == dns.rdataclass.NONE else None)

    def _judge_right(self, rrset: dns.rrset.RRset) -> None:
        """Deleting what is not there is not judged, as in BIND."""
        if rrset.deleting is not None:
            kinds = [kind for kind in self.records.node(rrset.name) if rrset.rdtype in (kind, dns.rdatatype.ANY)]
        else:
            kinds = [rrset.rdtype]
        if kinds and not self._may_change(rrset.name, kinds):
            raise UpdateRefused(dns.rcode.REFUSED)
        if rrset.deleting is None and not self._flavour.takes(target_of(rrset[0])):
            raise UpdateRefused(dns.rcode.REFUSED)

    def add(self, name: dns.name.Name, rdata: dns.rdata.Rdata, ttl: int) -> None:
        """One record more."""
        after = self._flavour.added(self.records.at(name, rdata.rdtype), rdata, ttl)
        if self._flavour.most is not None and len(after) > self._flavour.most:
            raise UpdateRefused(dns.rcode.SERVFAIL)
        self.records.put(name, rdata.rdtype, after)
        self.added.add((name, rdata))
        self.names.add(name)

    def delete(self, name: dns.name.Name, rdatas: set[dns.rdata.Rdata] | None) -> None:
        """Take away these SRV records, None for all."""
        left = dict(self.records.at(name, dns.rdatatype.SRV))
        gone = [rdata for rdata in (list(left) if rdatas is None else rdatas) if left.pop(rdata, None) is not None]
        if gone:
            self.records.put(name, dns.rdatatype.SRV, left)
            self.deleted.update((name, rdata) for rdata in gone)
            self.names.add(name)


def _demand(fulfilled: bool, rcode: dns.rcode.Rcode) -> None:
    if not fulfilled:
        raise UpdateRefused(rcode)
