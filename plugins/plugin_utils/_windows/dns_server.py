# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft's DNS server as its WMI provider shows it: zones, scavenging, and the SRV records of one name.

Internal to the collection activation.kms; not a public interface.

Knows the classes MicrosoftDNS_Zone, _Server, _SRVType and _CNAMEType of root\\MicrosoftDNS (Microsoft Learn, "DNS WMI
Provider"), which every release from Server 2003 on brings with the DNS server. Reads typed properties only: the texts
RecordData and TextRepresentation differ between releases. Refuses to know what KMS is, and to change anything.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import typing as t

from .._errors import Problem, Refusal
from .._srv.members import Member
from .._wsman.client import Client, Fault, Instance, Row
from .._wsman.values import literal

NAMESPACE = "root/MicrosoftDNS"
SRV = "MicrosoftDNS_SRVType"
ACCESS_DENIED = "dns_access_denied"
"""The name of the error."""

PRIMARY = (0, 1)
"""ZoneType of what can be changed here: 1 as seen, 0 as Microsoft's page has it for zones of Active Directory."""

_KINDS = {2: "secondary zone", 3: "stub zone", 4: "conditional forwarder"}  # MS-DNSP, DNS_ZONE_TYPE
_UPDATES = {0: "none", 1: "nonsecure_and_secure", 2: "secure"}  # MS-DNSP 2.2.5.2.4.1, fAllowUpdate
_EPOCH = dt.datetime(1601, 1, 1, tzinfo=dt.timezone.utc)
_MOST_HOURS = 70_000_000  # the year 9586: what lies beyond is no moment
_ZONE_COLUMNS = (
    "AllowUpdate,Aging,AvailForScavengeTime,ContainerName,DnsServerName,NoRefreshInterval,Paused,RefreshInterval,"
    "Shutdown,ZoneType"
)
# What public programs write into the path of a record; Microsoft's page does not say which properties are the keys.
_USUAL_KEYS = ("ContainerName", "DnsServerName", "DomainName", "OwnerName", "RecordClass", "RecordData")


@dataclasses.dataclass(frozen=True)
class DnsZone:
    """A zone as the server holds it.

    Attributes:
        name: lower case.
        server: what the server calls itself.
        kind: its ZoneType.
        halted: it is paused, or was shut down because its data could not be loaded or have expired.
        aging: whether dynamic records age.
        no_refresh_hours, refresh_hours: how long a time stamp rests, and how long it may be renewed after that.
        scavenged_from: before this moment nothing is removed, whatever its time stamp; None: not said.
        updates: "none", "nonsecure_and_secure" or "secure"; "" for a number that nobody knows.
    """

    name: str
    server: str
    kind: int | None
    halted: bool
    aging: bool
    no_refresh_hours: int
    refresh_hours: int
    scavenged_from: dt.datetime | None
    updates: str

    @property
    def kind_text(self) -> str:
        """What kind of zone it is, for a sentence."""
        return _KINDS.get(-1 if self.kind is None else self.kind, f"zone of type {self.kind}")


@dataclasses.dataclass(frozen=True)
class SrvRecord:
    """One SRV record.

    Attributes:
        member: its data, the target spelled as the server spells it.
        stamp: when it was last refreshed, in whole hours; None for a static record, which is never removed.
        keys: what it is addressed by.
    """

    member: Member
    stamp: dt.datetime | None = None
    keys: t.Mapping[str, str] = dataclasses.field(default_factory=dict, compare=False, repr=False)


def find_zone(client: Client, name: str) -> DnsZone | None:
    """The zone of this server that holds `name`: the longest one that contains it; None where there is none.

    Raises:
        Refusal: this is no Microsoft DNS server, or the user may not ask it.
    """
    labels = name.split(".")
    wanted = [".".join(labels[at:]) for at in range(len(labels))]
    where = " OR ".join(f"ContainerName={literal(one)}" for one in wanted)
    zones = [_zone(row) for row in _rows(client, f"SELECT {_ZONE_COLUMNS} FROM MicrosoftDNS_Zone WHERE {where}")]
    return max((zone for zone in zones if zone.name in wanted), key=lambda zone: len(zone.name), default=None)


def scavenging_hours(client: Client) -> int | None:
    """How often the server removes what has aged, 0 for never; None when it does not say. Raises Refusal."""
    rows = _rows(client, "SELECT ScavengingInterval FROM MicrosoftDNS_Server")
    return _folded(rows[0]).integer("scavenginginterval") if rows else None


def read_records(client: Client, zone: DnsZone, owner: str) -> tuple[SrvRecord, ...]:
    """The SRV records of one name, with the keys they are addressed by."""
    wql = f"SELECT * FROM {SRV} WHERE {_at(zone, owner)}"
    try:
        found = client.instances(NAMESPACE, wql)
    except Fault as fault:
        if not (fault.class_missing or fault.value_refused):
            raise _asked_in_vain(client.world.host, fault) from None
        # That a query may bring keys has been seen on newer Windows only; and some provider may say so that there is
        # nothing at all, since the namespace has just answered.
        found = [Instance(row, {}) for row in client.query_or_none(NAMESPACE, wql) or []]
    return tuple(_record(one) for one in found if same_name(one.row.text("OwnerName") or owner, owner))


def read_alias(client: Client, zone: DnsZone, owner: str) -> str:
    """Where the name leads as a CNAME, "" where it is none."""
    wql = f"SELECT OwnerName,PrimaryName FROM MicrosoftDNS_CNAMEType WHERE {_at(zone, owner)}"
    rows = client.query_or_none(NAMESPACE, wql) or []
    found = [row for row in rows if same_name(row.text("OwnerName") or owner, owner)]
    return (found[0].text("PrimaryName") or "another name").rstrip(".") if found else ""


def same_name(one: str, other: str) -> bool:
    """Whether DNS sees one name in both."""
    return one.rstrip(".").lower() == other.rstrip(".").lower()


def access_denied(host: str, fault: Fault, kind: type[Problem]) -> Problem:
    """What to say where the user has no right to ask, or to change."""
    return kind(
        f"{host}: the user may not manage the DNS server by WMI; connect as a member of the Administrators group of "
        "the DNS server (on a domain controller, of the domain) who is also allowed to change the zone",
        name=ACCESS_DENIED,
        code=fault.code_text,
    )


def _rows(client: Client, wql: str) -> list[Row]:
    try:
        return client.query(NAMESPACE, wql)
    except Fault as fault:
        raise _asked_in_vain(client.world.host, fault) from None


def _asked_in_vain(host: str, fault: Fault) -> Problem:
    if fault.access_denied:
        return access_denied(host, fault, Refusal)
    if not fault.class_missing:
        return fault
    return Refusal(
        f"{host}: this is no Microsoft DNS server (there is no WMI namespace {NAMESPACE}); let the task run on the DNS "
        "server with delegate_to",
        name="no_dns_server",
        code=fault.code_text,
    )


def _at(zone: DnsZone, owner: str) -> str:
    """The condition for one name. Without the zone, the provider walks through all of them and the cache."""
    return f"ContainerName={literal(zone.name)} AND OwnerName={literal(owner)}"


def _zone(row: Row) -> DnsZone:
    values = _folded(row)
    return DnsZone(
        name=(values.text("containername") or "").rstrip(".").lower(),
        server=(values.text("dnsservername") or "").rstrip("."),
        kind=values.integer("zonetype"),
        halted=bool(values.boolean("paused") or values.boolean("shutdown")),
        aging=bool(values.boolean("aging")),
        no_refresh_hours=values.integer("norefreshinterval") or 0,
        refresh_hours=values.integer("refreshinterval") or 0,
        scavenged_from=_moment(values.integer("availforscavengetime")),
        updates=_UPDATES.get(-1 if (number := values.integer("allowupdate")) is None else number, ""),
    )


def _record(found: Instance) -> SrvRecord:
    values = _folded(found.row)
    target = values.text("srvdomainname") or ""
    return SrvRecord(
        Member(
            target if target == "." else target.rstrip("."),
            values.integer("port") or 0,
            values.integer("priority") or 0,
            values.integer("weight") or 0,
            values.integer("ttl"),
        ),
        _moment(values.integer("timestamp")),
        found.selectors or {name: values.text(name.lower()) or "" for name in _USUAL_KEYS},
    )


def _folded(row: Row) -> Row:
    """The row with names in lower case: Microsoft's pages and programs spell TimeStamp in more than one way."""
    return Row({name.lower(): row.raws(name) for name in row.names()})


def _moment(hours: int | None) -> dt.datetime | None:
    """Hours since 1601, as the DNS server counts them; 0 says that there is no such moment."""
    return _EPOCH + dt.timedelta(hours=hours) if hours and hours < _MOST_HOURS else None
