# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a zone answers: records, that a name has none of a type, that there is no such name.

Knows the sections of an authoritative answer (RFC 1034 4.3.2, RFC 2308). Refuses to know messages.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from .dns_records import Records, target_of


@dataclass
class Answer:
    """The sections of an answer."""

    rcode: dns.rcode.Rcode
    answer: list[dns.rrset.RRset] = field(default_factory=list)
    authority: list[dns.rrset.RRset] = field(default_factory=list)
    additional: list[dns.rrset.RRset] = field(default_factory=list)


def look_up(records: Records, origin: dns.name.Name, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> Answer:
    """What a zone with these records says about `name`, which lies inside it."""
    node = records.node(name)
    found = [kind for kind in node if rdtype in (kind, dns.rdatatype.ANY)]
    if not found:
        rcode = dns.rcode.NOERROR if records.has(name) else dns.rcode.NXDOMAIN
        return Answer(rcode, authority=records.rrsets(origin, dns.rdatatype.SOA))
    answer = Answer(dns.rcode.NOERROR)
    for kind in found:
        answer.answer += records.rrsets(name, kind)
    for target in sorted({target_of(rdata) for kind in found for rdata in node[kind]}):
        answer.additional += records.rrsets(target, dns.rdatatype.A)
    return answer
