# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MicrosoftDNS_Server and MicrosoftDNS_Zone: the DNS server of the machine and its zones, to be looked at.

Columns with inherited ones from the class pages (MicrosoftDNS_Server : CIM_Service, MicrosoftDNS_Zone :
MicrosoftDNS_Domain : CIM_LogicalElement). Methods and Put are not modelled: nobody here changes a zone.
"""

from __future__ import annotations

from dataclasses import replace

from ..dns_records import hour_of
from ..dns_zone import Zone
from ..machine.dns_admin import ACCESS_DENIED, SERVICE, DnsError, DnsRole
from ..machine.errors import ProviderError
from ..machine.machine import Machine
from .provider import Found, WmiClass
from .schema import Schema, changed, properties
from .values import Row
from .wql import Condition

NAMESPACE = "root/MicrosoftDNS"
LOGICAL_ELEMENT = "Caption Description InstallDate:d Name Status"
_ZONE_TYPES = {"primary": 1, "secondary": 2, "stub": 3, "forwarder": 4}
_UPDATES = {"none": 0, "nonsecure": 1, "secure": 2}

_SERVER = properties(f"""
    {LOGICAL_ELEMENT} AddressAnswerLimit:n AllowUpdate:n AutoCacheUpdate:b AutoConfigFileZones:n BindSecondaries:b
    BootMethod:n CreationClassName DefaultAgingState:b DefaultNoRefreshInterval:n DefaultRefreshInterval:n
    DisableAutoReverseZones:b DisjointNets:b DsAvailable:b DsPollingInterval:n DsTombstoneInterval:n
    EDnsCacheTimeout:n EnableDirectoryPartitions:b EnableDnsSec:n EnableEDnsProbes:b EventLogLevel:n
    ForwardDelegations:n Forwarders:[] ForwardingTimeout:n IsSlave:b ListenAddresses:[] LocalNetPriority:b
    LogFileMaxSize:n LogFilePath LogIPFilterList:[] LogLevel:n LooseWildcarding:b MaxCacheTTL:n
    MaxNegativeCacheTTL:n NameCheckFlag:n NoRecursion:b RecursionRetry:n RecursionTimeout:n RoundRobin:b
    RpcProtocol:n ScavengingInterval:n SecureResponses:b SendPort:n ServerAddresses:[] Started:b StartMode
    StrictFileParsing:b SystemCreationClassName SystemName UpdateOptions:n Version:n WriteAuthorityNS:b
    XfrConnectTimeout:n""")
_SERVER_2003 = changed(_SERVER, "EnableDirectoryPartitionSupport:b", "EnableDirectoryPartitions")

_ZONE = properties(f"""
    {LOGICAL_ELEMENT} Aging:b AllowUpdate:n AutoCreated:b AvailForScavengeTime:n ContainerName DataFile
    DisableWINSRecordReplication:b DnsServerName DsIntegrated:b ForwarderSlave:b ForwarderTimeout:n
    LastSuccessfulSoaCheck:n LastSuccessfulXfr:n LocalMasterServers:[] MasterServers:[] NoRefreshInterval:n Notify:n
    NotifyServers:[] Paused:b RefreshInterval:n Reverse:b ScavengeServers:[] SecondaryServers:[] SecureSecondaries:n
    Shutdown:b UseNBStat:b UseWins:b ZoneType:n""")


def role_of(machine: Machine) -> DnsRole:
    """The DNS server the machine is, and it runs. Raises ProviderError."""
    role = machine.dns
    assert role is not None  # without the role the namespace does not exist
    try:
        role.ensure_reached()
    except DnsError as error:
        raise failure(machine, error) from None
    return role


def failure(machine: Machine, error: DnsError) -> ProviderError:
    """What the provider makes of an error of the service. Who is refused meets WMI's number or that of Windows."""
    if error.number == ACCESS_DENIED:
        return ProviderError(int(machine.dials["dns_access"], 16))
    return ProviderError(0x80070000 + error.number)


class DnsServerClass(WmiClass):
    """MicrosoftDNS_Server."""

    schema = Schema("MicrosoftDNS_Server", NAMESPACE, _SERVER, ("Name",))
    _older = replace(schema, properties=_SERVER_2003)

    def schema_for(self, machine: Machine) -> Schema:
        """One column has another name on Server 2003."""
        return self._older if machine.persona.since < (6, 0) else self.schema

    def rows(self, machine: Machine, where: Condition | None) -> Found:
        """The one server."""
        zones = list(role_of(machine).zones)
        major, minor = machine.persona.since
        service = machine.services.get(SERVICE)
        row: Row = {item.name: None for item in self.schema_for(machine).properties}
        row.update({item.name: False for item in self.schema_for(machine).properties if item.type == "boolean"})
        row.update(
            {
                "AllowUpdate": 0,
                "BootMethod": 3 if any(_integrated(zone) for zone in zones) else 1,
                "CreationClassName": "MicrosoftDNS_Server",
                "DefaultNoRefreshInterval": 168,
                "DefaultRefreshInterval": 168,
                "DsAvailable": machine.options.domain_controller,
                "DsTombstoneInterval": 1_209_600,
                "Name": machine.options.fqdn,
                "NameCheckFlag": 2,
                "ScavengingInterval": zones[0].flavour.aging.scavenging_hours if zones else 0,
                "Started": True,
                "StartMode": "Automatic" if service is not None and service.mode == "Auto" else "Manual",
                "Status": "OK",
                "SystemCreationClassName": "Win32_ComputerSystem",
                "SystemName": machine.options.name.upper(),
                "Version": int(machine.persona.release.build) << 16 | minor << 8 | major,
            }
        )
        return Found([row])


def _integrated(zone: Zone) -> bool:
    """Only a zone in the directory can take secure updates only."""
    return zone.kind == "primary" and zone.rights.updates == "secure"


class DnsZoneClass(WmiClass):
    """MicrosoftDNS_Zone."""

    schema = Schema("MicrosoftDNS_Zone", NAMESPACE, _ZONE, ("ContainerName", "DnsServerName", "Name"))

    def rows(self, machine: Machine, where: Condition | None) -> Found:
        """All zones."""
        return Found([self._row(machine, zone) for zone in role_of(machine).zones])

    def _row(self, machine: Machine, zone: Zone) -> Row:
        aging, primary, integrated = zone.flavour.aging, zone.kind == "primary", _integrated(zone)
        row: Row = {item.name: None for item in self.schema.properties}
        row.update({item.name: False for item in self.schema.properties if item.type == "boolean"})
        row.update(
            {
                "Aging": primary and aging.enabled,
                "AllowUpdate": _UPDATES[zone.rights.updates] if primary else 0,
                "AvailForScavengeTime": hour_of(zone.scavengeable) if primary and aging.enabled else 0,
                "ContainerName": zone.name,
                "DataFile": None if integrated else f"{zone.name}.dns",
                "DnsServerName": machine.options.fqdn,
                "DsIntegrated": integrated,
                "Name": zone.name,
                "NoRefreshInterval": aging.no_refresh_hours,
                "Notify": 0,
                "Paused": zone.paused,
                "RefreshInterval": aging.refresh_hours,
                "SecureSecondaries": 0,
                "ZoneType": self._type(machine, zone),
            }
        )
        return row

    @staticmethod
    def _type(machine: Machine, zone: Zone) -> int:
        """The page lists `DS integrated` as a type; in use such a zone is a primary one with DsIntegrated: a dial."""
        listed = _integrated(zone) and machine.dials["dns_integrated_zone"] == "type_0"
        return 0 if listed else _ZONE_TYPES[zone.kind]
