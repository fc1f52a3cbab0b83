# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of DNS need beyond the small client: a zone of Microsoft's, updates of it, and its records through WMI.

Refuses to check anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dns.message
import dns.rcode
import dns.update
from corewire import TRANSFER, WMI, Wire, local, parse

from emulated_windows.core import Aging, Reply, VirtualClock, Zone
from emulated_windows.dns_flavour import Microsoft
from emulated_windows.report import zone_records

NAMESPACE = "root/MicrosoftDNS"
SRV = "MicrosoftDNS_SRVType"
SRV_URI = f"{WMI}{NAMESPACE}/{SRV}"
ZONE, OWNER = "corp.example", "_vlmcs._tcp.corp.example"
SERVER = "dc1.corp.example"
HOUR, DAY = 3600.0, 86_400.0
KEYS = ("ContainerName", "DnsServerName", "DomainName", "OwnerName", "RecordClass", "RecordData")


def make_zone(
    clock: VirtualClock,
    *,
    published: bool = False,
    aging: Aging | None = None,
    dials: Mapping[str, str] | None = None,
    **settings: Any,
) -> Zone:
    """A zone of Microsoft's that ages unless said otherwise; `published`: with one record another host has made."""
    flavour = Microsoft(aging or Aging(enabled=True), dials)
    zone = Zone(ZONE, "127.0.0.1", clock=clock, flavour=flavour, **{"updates": "nonsecure", **settings})
    if published:
        zone.publish(ZONE, "KMS01.corp.example", 1688, account="KMS01$")
    return zone


def update(*, add: str = "", delete: str = "", ttl: int = 3600, need: str = "") -> dns.update.UpdateMessage:
    """One update of the name of KMS hosts: records as `0 0 1688 target.`"""
    message = dns.update.UpdateMessage(f"{ZONE}.")
    if need:
        message.present(f"{OWNER}.", "SRV", need)
    if delete:
        message.delete(f"{OWNER}.", "SRV", delete)
    if add:
        message.add(f"{OWNER}.", ttl, "SRV", add)
    return dns.message.from_wire(message.to_wire())  # type: ignore[return-value]  # as it arrives


def send(zone: Zone, message: dns.update.UpdateMessage, account: str = "") -> str:
    """What a zone makes of an update."""
    return dns.rcode.to_text(zone.update(message, permitted=True, account=account))


def records(zone: Zone) -> dict[str, dict[str, Any]]:
    """The SRV records of a zone by their data."""
    return {one["data"]: one for one in zone_records(zone) if one["type"] == "SRV"}


def stamps(zone: Zone) -> dict[str, str | None]:
    """The time stamps of its SRV records by target."""
    return {data.rpartition(" ")[2]: one["time_stamp"] for data, one in records(zone).items()}


class DnsWire(Wire):
    """A host that is a DNS server."""

    def __init__(self, *, zone: Zone | None = None, clock: VirtualClock | None = None, **options: Any) -> None:
        clock = clock or VirtualClock()
        self.zone = zone or make_zone(clock)
        usual = {"name": "dc1", "dns_server": True, "zones": [self.zone], "persona": "server-2008-r2-sp1"}
        super().__init__(clock=clock, **{**usual, **options})

    def srv(self, where: str = f"ContainerName='{ZONE}' AND OwnerName='{OWNER}'") -> list[dict[str, Any]]:
        """The rows of SRV records."""
        return self.rows(f"SELECT * FROM {SRV} WHERE {where}", NAMESPACE)

    def create(self, **changes: Any) -> Reply:
        """Create a record; None leaves a parameter out."""
        given = {
            "DnsServerName": SERVER,
            "ContainerName": ZONE,
            "OwnerName": OWNER,
            "RecordClass": 1,
            "TTL": 600,
            "Priority": 0,
            "Weight": 0,
            "Port": 1688,
            "SRVDomainName": "kms1.corp.example",
            **changes,
        }
        wanted = {name: value for name, value in given.items() if value is not None}
        return self.invoke(SRV, "CreateInstanceFromPropertyData", wanted, namespace=NAMESPACE)

    def modify(self, row: Mapping[str, Any], last: str = "RecordData", **changes: Any) -> Reply:
        """Modify the record of a row."""
        return self.invoke(SRV, "Modify", changes, namespace=NAMESPACE, selectors=selectors(row, last))

    def delete(self, row: Mapping[str, Any]) -> Reply:
        """Delete the record of a row."""
        return self.send(SRV_URI, f"{TRANSFER}/Delete", "", selectors=selectors(row))


def selectors(row: Mapping[str, Any], last: str = "RecordData") -> dict[str, str]:
    """The address of the record of a row."""
    return {name: row[name] for name in (*KEYS[:-1], last)}


def address(reply: Reply) -> dict[str, str]:
    """The selectors of the address in an answer."""
    found = parse(reply.body).iter()
    return {one.get("Name", ""): one.text or "" for one in found if local(one.tag) == "Selector"}
