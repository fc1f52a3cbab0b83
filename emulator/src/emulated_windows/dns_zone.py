# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One DNS zone in memory: what it answers, how an RFC 2136 update changes it, and what goes by itself.

Knows SOA, NS, A and SRV, and the right a rollout key has: SRV records at `_vlmcs._tcp` of the zone and nothing else.
It is a zone of BIND 9.18 unless told to be one of Microsoft's, which ages its records and may know accounts. Refuses to
know signatures and sockets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import dns.exception
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.SOA
import dns.update

from .clock import Clock, WallClock
from .contract import PublishingError
from .dns_answer import Answer, look_up
from .dns_flavour import Aging, Flavour, Microsoft, flavour_of
from .dns_records import HOUR, TTL, Held, Records, RecordSet, hour_of, rdata_of
from .dns_rights import Rights
from .dns_update import Update, UpdateRefused

KINDS = ("primary", "secondary", "stub", "forwarder")
_COUNTERS = ("queries", "updates", "updates_refused", "changes", "signature_errors")
_SERVED = ("primary", "secondary")
# The number of an RCODE among the errors of Windows is 9000 more (winerror.h).
_SERVER_FAILURE, _NAME_ERROR, _REFUSED, _INVALID_NAME = 9002, 9003, 9005, 9560


class Zone:
    """The records of one zone."""

    def __init__(
        self,
        origin: str,
        server_address: str,
        *,
        clock: Clock | None = None,
        flavour: Flavour | str = "bind",
        aging: Aging | None = None,
        updates: str = "secure",
        update_group: Iterable[str] = (),
        kind: str = "primary",
        paused: bool = False,
    ) -> None:
        """`flavour`: bind or microsoft, or an object that is one. All that follows is for Microsoft's: `aging`;
        `updates` by none, nonsecure or secure; `update_group`: accounts that may change every name of a secure zone;
        `kind` and `paused`: zones that take no updates. `clock`: what the time stamps and scavenging go by."""
        self.origin = dns.name.from_text(origin)
        self.name = self.origin.to_text(omit_final_dot=True)
        self.kms_owner = dns.name.from_text("_vlmcs._tcp", self.origin)
        self.counters: Counter[str] = Counter(
            dict.fromkeys((*_COUNTERS, "self_published", "self_publishing_failed"), 0)
        )
        self._clock = clock or WallClock()
        self.flavour = flavour_of(flavour, aging)
        outlives = not isinstance(self.flavour, Microsoft) or self.flavour.dials["deleted_node"] == "keeps_owner"
        self.rights = Rights(updates, update_group, tombstones=outlives)
        self.kind = kind
        self.paused = paused
        self.loaded = self._clock.now()
        self._scavenged = self.loaded
        self._records = Records()
        server = dns.name.from_text("emulated-dns", self.origin)
        soa = f"{server} hostmaster.{self.origin} 1 900 600 86400 {TTL}"
        self._place(self.origin, rdata_of(dns.rdatatype.SOA, soa))
        self._place(self.origin, rdata_of(dns.rdatatype.NS, str(server)))
        self._place(server, rdata_of(dns.rdatatype.A, server_address))

    def _place(self, name: dns.name.Name, rdata: dns.rdata.Rdata) -> None:
        """A record that is there from the beginning: static, and without a change of the serial."""
        self._records.put(name, rdata.rdtype, self.flavour.added(self._records.at(name, rdata.rdtype), rdata, TTL))

    @property
    def serial(self) -> int:
        """The serial number of the SOA record."""
        (soa,) = self._records.at(self.origin, dns.rdatatype.SOA)
        assert isinstance(soa, dns.rdtypes.ANY.SOA.SOA)
        return int(soa.serial)

    @property
    def microsoft(self) -> bool:
        """Is it a zone of Microsoft's server?"""
        return isinstance(self.flavour, Microsoft)

    @property
    def served(self) -> bool:
        """Does the server answer for it?"""
        return self.kind in _SERVED

    @property
    def scavengeable(self) -> float:
        """When the server may scavenge it at the earliest (AvailForScavengeTime)."""
        return self.loaded + self.flavour.aging.refresh_hours * HOUR

    def add_address(self, name: str, address: str) -> None:
        """Add an address record at the start; names outside the zone are somebody else's."""
        owner = dns.name.from_text(name)
        if owner.is_subdomain(self.origin):
            self._place(owner, rdata_of(dns.rdatatype.A, address))

    # -- what it says --------------------------------------------------------------------------------------------

    def lookup(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> Answer:
        """What the zone says about `name`, which lies inside it."""
        self.scavenge()
        if self.paused:
            return Answer(dns.rcode.SERVFAIL)
        return look_up(self._records, self.origin, name, rdtype)

    def to_text(self) -> str:
        """The zone as a zone file, sorted."""
        self.scavenge()
        lines = [
            (name, rdata.rdtype, f"{name} {held.ttl} IN {dns.rdatatype.to_text(rdata.rdtype)} {rdata}\n")
            for name, rdata, held in self._records
        ]
        return "".join(line for _name, _kind, line in sorted(lines))

    def records(self) -> Iterator[tuple[dns.name.Name, dns.rdata.Rdata, Held]]:
        """Every record with its TTL and its time stamp."""
        self.scavenge()
        return iter(self._records)

    def at(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> RecordSet:
        """The records of one name and type."""
        self.scavenge()
        return self._records.at(name, kind)

    # -- who changes it ------------------------------------------------------------------------------------------

    def update(self, message: dns.update.UpdateMessage, *, permitted: bool, account: str = "") -> dns.rcode.Rcode:
        """Carry out an update, all of it or nothing. `permitted`: does a zone of BIND's take it from its sender?
        `account`: who has signed it, for one of Microsoft's; "": nobody."""
        self.scavenge()
        self.counters["updates"] += 1
        try:
            self._update(message, permitted, account)
        except UpdateRefused as refusal:
            self.counters["updates_refused"] += 1
            return refusal.rcode
        return dns.rcode.NOERROR

    def _update(self, message: dns.update.UpdateMessage, permitted: bool, account: str) -> None:
        if len(message.zone) != 1 or message.zone[0].rdtype != dns.rdatatype.SOA:
            raise UpdateRefused(dns.rcode.FORMERR)
        wrong = message.zone[0].name != self.origin or message.zone[0].rdclass != dns.rdataclass.IN
        if wrong or self.kind != "primary":
            raise UpdateRefused(dns.rcode.NOTAUTH)
        if self.microsoft and (self.paused or self.rights.updates == "none"):
            raise UpdateRefused(dns.rcode.SERVFAIL if self.paused else dns.rcode.REFUSED)

        def may_change(name: dns.name.Name, kinds: list[dns.rdatatype.RdataType]) -> bool:
            right = self.rights.may(account, name, self._clock.now()) if self.microsoft else permitted
            return right and name == self.kms_owner and kinds == [dns.rdatatype.SRV]

        update = Update(self._records, self.origin, self.flavour, may_change)
        update.require(message.prerequisite)
        if self.microsoft and not self.rights.hears(account):
            raise UpdateRefused(dns.rcode.REFUSED)
        for rrset in message.update:
            update.prescan(rrset)
        for rrset in message.update:
            update.carry_out(rrset)
        self._take(update, account)

    def publish(
        self,
        zone: str,
        target: str,
        port: int,
        *,
        account: str = "",
        priority: int = 0,
        weight: int = 0,
        ttl: int = TTL,
        before: tuple[int, int, int] | None = None,
        withdrawn: bool = False,
    ) -> None:
        """The licensing service of a machine publishes itself, as its `account`. `before`: priority, weight and port
        of a record of its own that it takes back; `withdrawn`: it takes back this one too. PublishingError, which is
        an OSError, where it would not find its record in DNS."""
        self.scavenge()
        try:
            name, host = dns.name.from_text(zone), dns.name.from_text(target)
        except dns.exception.DNSException as error:
            raise self._unpublished(f"{zone} is not a DNS name", _INVALID_NAME) from error
        if any(char in zone for char in " ,"):
            raise self._unpublished(f"{zone} is not a DNS name", _INVALID_NAME)
        if name != self.origin or self.kind != "primary":
            raise self._unpublished(f"{zone} is not served here", _NAME_ERROR)
        if self.paused:
            raise self._unpublished(f"{zone} is paused", _SERVER_FAILURE)
        if self.microsoft and not self.rights.may(account, self.kms_owner, self._clock.now()):
            raise self._unpublished(f"{account or 'an unknown account'} may not change {self.kms_owner}", _REFUSED)
        update = Update(self._records, self.origin, self.flavour)
        record = _srv(priority, weight, port, host)
        update.delete(self.kms_owner, {_srv(*before, host)} if before is not None else set())
        try:
            if withdrawn:
                update.delete(self.kms_owner, {record})
            else:
                update.add(self.kms_owner, record, ttl)
        except UpdateRefused as refusal:
            raise self._unpublished(f"{self.name} is full", 9000 + int(refusal.rcode)) from None
        self.counters["self_published"] += 1
        self._take(update, account)

    def _unpublished(self, said: str, number: int) -> PublishingError:
        self.counters["self_publishing_failed"] += 1
        return PublishingError(said, number)

    def write(self, name: dns.name.Name, records: RecordSet, kind: dns.rdatatype.RdataType, account: str) -> None:
        """Let these be the records of one name and type, by the server's own administration. It may do that."""
        after = self._records.copy()
        after.put(name, kind, records)
        self._commit(after, [name], account)

    def _take(self, update: Update, account: str) -> None:
        hour = hour_of(self._clock.now())
        after = self.flavour.stamped(self._records, update.records, update.added, update.deleted, hour)
        self._commit(after, update.names, account)

    def _commit(
        self, records: Records, names: Iterable[dns.name.Name], account: str, when: float | None = None
    ) -> None:
        changed = not records.same_data(self._records)
        self._records = records
        when = self._clock.now() if when is None else when
        for name in names:
            self.rights.changed(account, name, when, exists=bool(records.node(name)))
        if changed:
            self.counters["changes"] += 1
            serial = self.serial + 1
            (soa,) = records.at(self.origin, dns.rdatatype.SOA)
            records.put(self.origin, dns.rdatatype.SOA, {soa.replace(serial=serial): Held(TTL)})

    # -- what goes by itself -------------------------------------------------------------------------------------

    def scavenge(self) -> None:
        """Catch up with the runs of scavenging that were due since the last look."""
        aging, now = self.flavour.aging, self._clock.now()
        every = aging.scavenging_hours * HOUR
        if not (isinstance(self.flavour, Microsoft) and aging.enabled and every and self.kind == "primary"):
            return
        last = self.loaded + (now - self.loaded) // every * every
        if last <= self._scavenged or last <= self.scavengeable or self.paused:
            return
        self._scavenged = last
        left = self.flavour.left(self._records, hour_of(last))
        gone = {name for name, _, _ in self._records} - {name for name, _, _ in left}
        self._commit(left, gone, "", last)


def _srv(priority: int, weight: int, port: int, host: dns.name.Name) -> dns.rdata.Rdata:
    return rdata_of(dns.rdatatype.SRV, f"{priority} {weight} {port} {host}")
