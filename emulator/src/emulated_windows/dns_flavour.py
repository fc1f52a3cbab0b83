# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where DNS servers differ: what an added record does to its set, which names it takes, and what makes a record old.

Knows BIND 9.18 (measured) and Microsoft's server: a TTL and a time stamp for each record, aging and scavenging
(MicrosoftDNS_Zone class page; Windows 2000 DNS white paper). What nobody has confirmed of it is a dial of the zone.
Refuses to know who may change what.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import dns.name
import dns.rdata

from .dns_records import STATIC, Held, Records, RecordSet

MAX_RECORDS = 100  # BIND's max-records-per-type since 9.18.28; one more is SERVFAIL
_HOST_LABEL = re.compile(rb"[a-z0-9]([a-z0-9-]*[a-z0-9])?", re.IGNORECASE)
FLAVOURS = ("bind", "microsoft")

ZONE_DIALS: Mapping[str, tuple[str, ...]] = {
    "static_readded": ("stays_static", "ages"),
    "delete_and_add": ("refresh", "nothing", "update"),
    "deleted_node": ("keeps_owner", "free"),
    "stamp_without_aging": ("written", "none"),
}
"""Open questions of a zone of Microsoft's; the first setting is the default."""
ZONE_MEANINGS: Mapping[str, str] = {
    "static_readded": "What a dynamic update makes of an identical record without a time stamp.",
    "delete_and_add": "What deleting and adding the same record in one message counts as; seen on 2012 R2: it does not"
    " move the time stamp within the no-refresh interval.",
    "deleted_node": "Whether a name without records still belongs to who made it, until its tombstone ends (14 days).",
    "stamp_without_aging": "Whether a dynamic update stamps a record where the zone does not age: said of zones in the"
    " directory, not of those in files.",
}

Touched = Collection[tuple[dns.name.Name, dns.rdata.Rdata]]


@dataclass(frozen=True)
class Aging:
    """How a zone of Microsoft's ages. The intervals are the server's defaults, by its class page."""

    enabled: bool = False
    no_refresh_hours: int = 168
    refresh_hours: int = 168
    scavenging_hours: int = 168
    """The server's ScavengingInterval, so the same in all its zones; 0 (its default by other pages): never."""


class Bind:
    """BIND 9.18."""

    name = "bind"
    aging = Aging()
    most: int | None = MAX_RECORDS

    def added(self, present: RecordSet, rdata: dns.rdata.Rdata, ttl: int) -> RecordSet:
        """A set with one more record, whose TTL becomes that of the whole set."""
        return dict.fromkeys({**present, rdata: None}, Held(ttl))

    def takes(self, target: dns.name.Name) -> bool:
        """Is it a host name (BIND's check-names)?"""
        return all(_HOST_LABEL.fullmatch(label) for label in target.labels if label)

    def stamped(self, before: Records, after: Records, added: Touched, deleted: Touched, hour: int) -> Records:
        """There are no time stamps."""
        return after


class Microsoft:
    """Microsoft's DNS server."""

    name = "microsoft"
    most: int | None = None

    def __init__(self, aging: Aging, dials: Mapping[str, str] | None = None) -> None:
        """`dials`: settings of ZONE_DIALS. ValueError, with a sentence, for one that does not exist."""
        self.aging = aging
        self.dials = {name: settings[0] for name, settings in ZONE_DIALS.items()}
        for name, setting in (dials or {}).items():
            if setting not in ZONE_DIALS.get(name, ()):
                raise ValueError(f"a zone has no dial {name} that can be {setting}")
            self.dials[name] = setting

    def added(self, present: RecordSet, rdata: dns.rdata.Rdata, ttl: int) -> RecordSet:
        """A set with one more record, which has its own TTL."""
        held = present.get(rdata)
        return {**present, rdata: Held(ttl, held.stamp if held else STATIC)}

    def takes(self, target: dns.name.Name) -> bool:
        """Any name: NameCheckFlag is Multibyte by default."""
        return True

    def stamped(self, before: Records, after: Records, added: Touched, deleted: Touched, hour: int) -> Records:
        """The records after a dynamic update, with the time stamps it leaves."""
        for name, rdata in added:
            present = after.at(name, rdata.rdtype)
            if rdata in present:
                old = before.at(name, rdata.rdtype).get(rdata)
                stamp = self._stamp(old, present[rdata], hour, again=(name, rdata) in deleted)
                after.put(name, rdata.rdtype, {**present, rdata: Held(present[rdata].ttl, stamp)})
        return after

    def _stamp(self, old: Held | None, new: Held, hour: int, *, again: bool) -> int:
        """A new record and one that changes get the hour, an unchanged one only after the no-refresh interval."""
        made = hour if self.aging.enabled or self.dials["stamp_without_aging"] == "written" else STATIC
        if old is None:
            return made
        if old.stamp == STATIC and self.dials["static_readded"] == "stays_static":
            return STATIC
        if old.ttl != new.ttl or old.stamp == STATIC:
            return made
        if again and self.dials["delete_and_add"] != "refresh":
            return old.stamp if self.dials["delete_and_add"] == "nothing" else made
        due = self.aging.enabled and hour >= old.stamp + self.aging.no_refresh_hours
        return hour if due else old.stamp

    def left(self, records: Records, hour: int) -> Records:
        """The records a scavenging run at this hour leaves."""
        kept = records.copy()
        life = self.aging.no_refresh_hours + self.aging.refresh_hours
        for name, rdata, held in records:
            if held.stamp != STATIC and hour > held.stamp + life:
                present = kept.at(name, rdata.rdtype)
                kept.put(name, rdata.rdtype, {each: one for each, one in present.items() if each != rdata})
        return kept


Flavour = Bind | Microsoft


def flavour_of(word: Flavour | str, aging: Aging | None = None) -> Flavour:
    """The flavour a word means, with its usual dials."""
    if not isinstance(word, str):
        return word
    if word not in FLAVOURS:
        raise ValueError(f"flavour can be {', '.join(FLAVOURS)}, not {word!r}")
    return Microsoft(aging or Aging()) if word == Microsoft.name else Bind()
