# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The `_vlmcs._tcp` members of zones on a Microsoft DNS server, managed there by WMI: a part of the world.

Internal to the collection activation.kms; not a public interface.

Shows a zone as `publication.Zones` does, so that both ways of publishing are planned and told alike, and beside it what
only the server itself knows: whether records age, and when each was refreshed last. What is done about it is in
`microsoft_members`.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import typing as t

from .._errors import Refusal
from .._plan import Look, Reader
from .._srv import members, names
from .._srv.members import Member, ZoneState
from .._windows.dns_server import PRIMARY, DnsZone, SrvRecord, find_zone, read_alias, read_records, scavenging_hours
from .._windows.system import moment_text
from .._world import World
from .._wsman.client import Client

PROVIDER = "microsoft_wmi"


@dataclasses.dataclass(frozen=True)
class HeldZone:
    """What the server holds for one domain.

    Attributes:
        domain: the domain of the clients.
        zone: the zone that holds the name of its records.
        records: those at that name.
        scavenging_hours: how often the server removes what has aged; 0: never; None: it does not say.
        alias: where the name leads, if it is a CNAME.
    """

    domain: str
    zone: DnsZone
    records: tuple[SrvRecord, ...] = ()
    scavenging_hours: int | None = None
    alias: str = ""

    @property
    def owner(self) -> str:
        """The name of the records."""
        return names.owner_name(self.domain)

    @property
    def state(self) -> ZoneState:
        """The same, as whoever plans the members wants it. Who has read it was logged in, so it is verified."""
        found = members.ordered(one.member for one in self.records)
        return ZoneState(self.zone.name, self.owner, self.zone.server, "", None, found)

    def record(self, member: Member) -> SrvRecord:
        """The record of a member that was seen."""
        return next(one for one in self.records if one.member == member)

    def safe_until(self, record: SrvRecord) -> dt.datetime | None:
        """When a record that nobody refreshes may go at the earliest; None for a static one."""
        if record.stamp is None:
            return None
        end = record.stamp + dt.timedelta(hours=self.zone.no_refresh_hours + self.zone.refresh_hours)
        return max(end, self.zone.scavenged_from or end)

    def having(self, state: ZoneState) -> HeldZone:
        """The same with these members; new ones are taken to be static, as what is not made dynamically should be."""
        known = {one.member: one for one in self.records}
        return dataclasses.replace(self, records=tuple(known.get(one, SrvRecord(one)) for one in state.members))

    def as_data(self) -> dict[str, t.Any]:
        """As ZoneState does, with {provider, dynamic_updates, aging}, and a time stamp for each member."""
        state = self.state
        aging = {
            "enabled": self.zone.aging,
            "no_refresh_hours": self.zone.no_refresh_hours,
            "refresh_hours": self.zone.refresh_hours,
            "server_scavenging_hours": self.scavenging_hours,
        }
        stamps = [self.record(one).stamp for one in state.members]
        told = [
            {**one.as_data(), "timestamp": None if stamp is None else moment_text(stamp)}
            for one, stamp in zip(state.members, stamps, strict=True)
        ]
        return {
            **state.as_data(),
            "members": told,
            "provider": PROVIDER,
            "dynamic_updates": self.zone.updates or None,
            "aging": aging,
        }


@dataclasses.dataclass(frozen=True)
class HeldZones:
    """What was seen of each domain."""

    key: t.ClassVar[str] = "zones"

    zones: t.Mapping[str, HeldZone]

    def __getitem__(self, domain: str) -> HeldZone:
        return self.zones[domain]

    def having(self, held: HeldZone) -> HeldZones:
        """The same with another state of this domain."""
        return HeldZones({**self.zones, held.domain: held})

    def as_data(self) -> list[dict[str, t.Any]]:
        """One element a domain: what Zones tells, and what HeldZone tells beside it."""
        return [{"zone": domain, **held.as_data()} for domain, held in self.zones.items()]


def read_held_zones(domains: t.Sequence[str]) -> Reader:
    """A reader of HeldZones. It raises Refusal where this server cannot be the one that is changed."""

    def reader(world: World, look: Look) -> HeldZones:
        client = Client(world)
        found = {domain: _primary(client, domain) for domain in domains}
        hours = scavenging_hours(client)
        return HeldZones({domain: _held(client, domain, zone, hours) for domain, zone in found.items()})

    return reader


def read_held_zone(world: World, known: HeldZone) -> HeldZone:
    """The records of one domain once more."""
    return _held(Client(world), known.domain, known.zone, known.scavenging_hours)


def _held(client: Client, domain: str, zone: DnsZone, hours: int | None) -> HeldZone:
    owner = names.owner_name(domain)
    records = read_records(client, zone, owner)
    return HeldZone(domain, zone, records, hours, "" if records else read_alias(client, zone, owner))


def _primary(client: Client, domain: str) -> DnsZone:
    """The primary zone that holds the records of a domain. Raises Refusal."""
    zone = find_zone(client, names.owner_name(domain))
    host = client.world.host
    if zone is None:
        raise Refusal(
            f"{host}: this DNS server has no zone {domain} and none above it; correct zone, or delegate the task to a "
            "server that is primary for it",
            name="zone_not_served",
        )
    if zone.kind is not None and zone.kind not in PRIMARY:
        raise Refusal(
            f"{host}: {zone.name} is a {zone.kind_text} on this DNS server, which is not primary for it; delegate the "
            "task to its primary server",
            name="zone_not_primary",
        )
    return zone
