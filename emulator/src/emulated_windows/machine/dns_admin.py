# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role of a Microsoft DNS server: what an administrator does to the records of its zones, by WMI or dnscmd.

Knows SRV records, errors of the DNS service (winerror.h), and that administration neither asks the rights of dynamic
updates nor, by default, makes records that age (white paper of Windows 2000 DNS). Refuses to know WMI and cmd.exe.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dns.exception
import dns.name
import dns.rdata
import dns.rdatatype

from ..dns_records import STATIC, TTL, Held, hour_of, rdata_of
from ..dns_zone import Zone
from ..dns_zones import Zones

if TYPE_CHECKING:
    from .machine import Machine

SERVICE = "DNS"
ACCESS_DENIED, RPC_UNAVAILABLE = 5, 1722
INVALID_PARAMETER = 87
ZONE_DOES_NOT_EXIST, INVALID_ZONE_OPERATION = 9601, 9603
RECORD_DOES_NOT_EXIST, NAME_NOT_IN_ZONE, RECORD_ALREADY_EXISTS = 9701, 9706, 9711
SRV = dns.rdatatype.SRV


class DnsError(Exception):
    """The DNS service refuses; `number` is an error of Windows."""

    def __init__(self, number: int) -> None:
        super().__init__(f"DNS error {number}")
        self.number = number


@dataclass(frozen=True)
class Record:
    """One record of a zone of this server."""

    zone: Zone
    name: dns.name.Name
    rdata: dns.rdata.Rdata
    held: Held


def srv(numbers: Iterable[int], target: dns.name.Name) -> dns.rdata.Rdata:
    """The data of an SRV record. `numbers`: priority, weight, port."""
    return rdata_of(SRV, f"{' '.join(map(str, numbers))} {target}")


def name_of(text: str) -> dns.name.Name:
    """A full name, with or without its last dot."""
    try:
        return dns.name.from_text(text)
    except dns.exception.DNSException:
        raise DnsError(INVALID_PARAMETER) from None


class DnsRole:
    """The DNS service of one machine."""

    def __init__(self, machine: Machine, zones: Zones) -> None:
        self._machine = machine
        self.zones = zones

    def ensure_reached(self) -> None:
        """Both ways talk to the service (RPC), which has to run and to know the caller."""
        if not self._machine.services.running(SERVICE):
            raise DnsError(RPC_UNAVAILABLE)
        if self._machine.dials["dns_access"] != "granted":
            raise DnsError(ACCESS_DENIED)

    def is_me(self, text: str) -> bool:
        """Does this text name the server itself, to a program that resolves it?"""
        options = self._machine.options
        return text.lower().rstrip(".") in ("", options.name.lower(), options.fqdn.lower(), "localhost", "127.0.0.1")

    def is_my_name(self, text: str) -> bool:
        """Is this the name of the server as its own rows have it (class page: a full name)?"""
        return text.lower() == self._machine.options.fqdn.lower()

    def zone(self, text: str) -> Zone:
        """A zone that can be changed here."""
        self.ensure_reached()
        found = self.zones.named(text)
        if found is None:
            raise DnsError(ZONE_DOES_NOT_EXIST)
        if found.kind != "primary":
            raise DnsError(INVALID_ZONE_OPERATION)
        return found

    def create(self, zone: Zone, name: dns.name.Name, rdata: dns.rdata.Rdata, ttl: int | None) -> Record:
        """One SRV record more. Whether it ages is a dial; by all that is written it does not."""
        if not name.is_subdomain(zone.origin):
            raise DnsError(NAME_NOT_IN_ZONE)
        present = zone.at(name, SRV)
        if rdata in present:
            raise DnsError(RECORD_ALREADY_EXISTS)
        ages = self._machine.dials["dns_wmi_record"] == "ages"
        held = Held(TTL if ttl is None else ttl, self._hour() if ages else STATIC)
        self._write(zone, name, {**present, rdata: held})
        return Record(zone, name, rdata, held)

    def modify(self, old: Record, rdata: dns.rdata.Rdata, ttl: int) -> Record:
        """Other data in the place of a record. What becomes of its time stamp is a dial."""
        zone, name = self.zone(old.zone.name), old.name
        present = {each: held for each, held in zone.at(name, SRV).items() if each != old.rdata}
        if rdata in present:
            raise DnsError(RECORD_ALREADY_EXISTS)
        stamps = {"static": STATIC, "kept": old.held.stamp, "new": self._hour() if old.held.stamp else STATIC}
        held = Held(ttl, stamps[self._machine.dials["dns_modified_record"]])
        self._write(zone, name, {**present, rdata: held})
        return Record(zone, name, rdata, held)

    def delete(self, zone: Zone, name: dns.name.Name, rdatas: Collection[dns.rdata.Rdata] | None) -> None:
        """Take away these SRV records of a name; None: all of them."""
        present = zone.at(name, SRV)
        gone = set(present) if rdatas is None else set(rdatas)
        if not present or not gone <= set(present):
            raise DnsError(RECORD_DOES_NOT_EXIST)
        self._write(zone, name, {each: held for each, held in present.items() if each not in gone})

    def _write(self, zone: Zone, name: dns.name.Name, records: dict[dns.rdata.Rdata, Held]) -> None:
        """The server makes the name on behalf of the administrator, whose it is then."""
        zone.write(name, records, SRV, self._machine.options.user)

    def _hour(self) -> int:
        return hour_of(self._machine.now())
