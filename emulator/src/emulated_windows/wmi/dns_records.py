# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MicrosoftDNS_SRVType, MicrosoftDNS_AType and MicrosoftDNS_CNAMEType: the records of the zones, one row each.

Columns and the two methods of SRVType from the class pages; which columns are keys, how names are written and what a
time stamp becomes nobody has published: dials. The base class, other types and the methods of AType are not modelled.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import dns.rdatatype
import dns.rdtypes.IN.A
import dns.rdtypes.IN.SRV

from ..machine.dns_admin import RECORD_ALREADY_EXISTS, ZONE_DOES_NOT_EXIST, DnsError, DnsRole, Record, name_of, srv
from ..machine.errors import CimError, ProviderError
from ..machine.machine import Machine
from .dns_classes import LOGICAL_ELEMENT, NAMESPACE, failure, role_of
from .provider import Arguments, Found, Outcome, WmiClass, number_of, text_of
from .schema import Method, Parameter, Schema, changed, methods, properties
from .values import Row
from .wql import Condition, pinned

WBEM_E_NOT_FOUND, WBEM_E_INVALID_PARAMETER = 0x80041002, 0x80041008
NOT_CAPABLE = 7
IN = 1
_RECORD = properties(f"""
    {LOGICAL_ELEMENT} ContainerName DnsServerName DomainName OwnerName RecordClass:n RecordData TextRepresentation
    Timestamp:n TTL:n""")
_KEYS = ("ContainerName", "DnsServerName", "DomainName", "OwnerName", "RecordClass")
_DATA = (
    Parameter("TTL", "uint32"),
    Parameter("Priority", "uint16"),
    Parameter("Weight", "uint16"),
    Parameter("Port", "uint16"),
    Parameter("SRVDomainName", "string"),
)
_OUT = (Parameter("RR", "object"),)
_NEEDED = ("DnsServerName", "ContainerName", "OwnerName", "Priority", "Weight", "Port", "SRVDomainName")


class RecordClass(WmiClass):
    """One type of record."""

    kind: dns.rdatatype.RdataType

    def schema_for(self, machine: Machine) -> Schema:
        """Its members; the spelling of one column and the last key are dials."""
        dials = machine.dials
        schema = replace(self.schema, keys=(*_KEYS, dials["dns_last_key"]))
        if dials["dns_time_stamp"] == "TimeStamp":
            schema = replace(schema, properties=changed(schema.properties, "TimeStamp:n", "Timestamp"))
        return schema

    def records(self, machine: Machine, container: set[str] | None = None) -> Iterator[Record]:
        """Its records, in these zones only."""
        for zone in role_of(machine).zones:
            if zone.served and (container is None or zone.name.lower() in container):
                for name, rdata, held in zone.records():
                    if rdata.rdtype == self.kind:
                        yield Record(zone, name, rdata, held)

    def rows(self, machine: Machine, where: Condition | None) -> Found:
        """All records that may be meant. What a zone that does not exist gets is a dial."""
        named = pinned(where, "ContainerName")
        wanted = None if named is None else {name.lower() for name in named}
        unknown = bool(wanted) and not any(zone.name.lower() in (wanted or ()) for zone in role_of(machine).zones)
        if unknown and machine.dials["dns_no_such_zone"] == "0x80041002":
            raise ProviderError(WBEM_E_NOT_FOUND)
        return Found([self.row(machine, record) for record in self.records(machine, wanted)])

    def row(self, machine: Machine, record: Record) -> Row:
        """One record."""
        owner = _shown(machine, record.name.to_text(omit_final_dot=True))
        zone = record.zone.name
        parent = record.name.parent() if record.name != record.zone.origin else record.name
        domain = zone if machine.dials["dns_domain_name"] == "zone" else parent.to_text(omit_final_dot=True)
        own = self.own(machine, record)
        data = " ".join(str(value) for value in own.values())
        stamp = "TimeStamp" if machine.dials["dns_time_stamp"] == "TimeStamp" else "Timestamp"
        return {
            **{item.name: None for item in properties(LOGICAL_ELEMENT)},
            "ContainerName": zone,
            "DnsServerName": machine.options.fqdn,
            "DomainName": _shown(machine, domain),
            "OwnerName": owner,
            "RecordClass": IN,
            "RecordData": data,
            "TextRepresentation": f"{owner} IN {dns.rdatatype.to_text(self.kind)} {data}",
            stamp: record.held.stamp,
            "TTL": record.held.ttl,
            **own,
        }

    def own(self, machine: Machine, record: Record) -> Row:
        """The columns of this type, in the order of the record's data."""
        raise NotImplementedError


def _shown(machine: Machine, name: str) -> str:
    """A name as stored, or in lower case: a dial."""
    return name.lower() if machine.dials["dns_letter_case"] == "lower" else name


class SrvRecord(RecordClass):
    """MicrosoftDNS_SRVType."""

    kind = dns.rdatatype.SRV
    schema = Schema(
        "MicrosoftDNS_SRVType",
        NAMESPACE,
        changed(_RECORD, "Port:n Priority:n SRVDomainName Weight:n"),
        (*_KEYS, "RecordData"),
        methods(
            Method(
                "CreateInstanceFromPropertyData",
                (
                    Parameter("DnsServerName", "string"),
                    Parameter("ContainerName", "string"),
                    Parameter("OwnerName", "string"),
                    Parameter("RecordClass", "uint32"),
                    *_DATA,
                ),
                _OUT,
                static=True,
                void=True,
            ),
            Method("Modify", _DATA, _OUT, void=True),
        ),
    )
    writes = frozenset({"delete"})

    def own(self, machine: Machine, record: Record) -> Row:
        """Priority, weight, port and target; the last dot of the target is a dial."""
        rdata = record.rdata
        assert isinstance(rdata, dns.rdtypes.IN.SRV.SRV)
        plain = machine.dials["dns_target_dot"] == "without"
        target = rdata.target.to_text(omit_final_dot=plain)
        return {
            "Priority": rdata.priority,
            "Weight": rdata.weight,
            "Port": rdata.port,
            "SRVDomainName": _shown(machine, target),
        }

    def invoke(self, machine: Machine, method: str, row: Row | None, arguments: Arguments) -> Outcome:
        """Create or modify a record. Both are void (class page); whether a ReturnValue comes all the same is a dial."""
        role = role_of(machine)
        try:
            if row is None:
                made = self._create(machine, role, arguments)
            else:
                made = self._modify(machine, role, row, arguments)
        except DnsError as error:
            raise _refusal(machine, error) from None
        outputs: Row = {} if machine.dials["dns_return_value"] == "none" else {"ReturnValue": 0}
        return Outcome(outputs, references={"RR": (self.schema_for(machine), self.row(machine, made))})

    @staticmethod
    def _create(machine: Machine, role: DnsRole, arguments: Arguments) -> Record:
        if any(arguments.get(name) in (None, "") for name in _NEEDED):
            raise ProviderError(WBEM_E_INVALID_PARAMETER)
        server = text_of(arguments, "DnsServerName") or ""
        if number_of(arguments, "RecordClass", IN) != IN or not role.is_my_name(server):
            raise ProviderError(WBEM_E_INVALID_PARAMETER)
        zone = role.zone(text_of(arguments, "ContainerName") or "")
        name, target = (name_of(text_of(arguments, one) or "") for one in ("OwnerName", "SRVDomainName"))
        rdata = srv((number_of(arguments, one) for one in ("Priority", "Weight", "Port")), target)
        ttl = number_of(arguments, "TTL") if arguments.get("TTL") is not None else None
        try:
            return role.create(zone, name, rdata, ttl)
        except DnsError as error:
            if error.number != RECORD_ALREADY_EXISTS or machine.dials["dns_record_exists"] != "no_change":
                raise
            stored = next((one, held) for one, held in zone.at(name, rdata.rdtype).items() if one == rdata)
            return Record(zone, name, *stored)

    def _modify(self, machine: Machine, role: DnsRole, row: Row, arguments: Arguments) -> Record:
        old = self._addressed(machine, row)
        before = old.rdata
        assert isinstance(before, dns.rdtypes.IN.SRV.SRV)
        target = text_of(arguments, "SRVDomainName")
        numbers = (
            number_of(arguments, "Priority", before.priority),
            number_of(arguments, "Weight", before.weight),
            number_of(arguments, "Port", before.port),
        )
        rdata = srv(numbers, name_of(target) if target else before.target)
        return role.modify(old, rdata, number_of(arguments, "TTL", old.held.ttl))

    def _addressed(self, machine: Machine, row: Row) -> Record:
        """The record a row shows."""
        return next(record for record in self.records(machine) if self.row(machine, record) == row)

    def delete(self, machine: Machine, row: Row) -> None:
        """Take the record away. That Delete reaches this provider from 2012 on is written down, seen by nobody."""
        if machine.dials["dns_instance_delete"] == "not_capable":
            raise CimError(NOT_CAPABLE, "MicrosoftDNS_SRVType")
        record, role = self._addressed(machine, row), role_of(machine)
        try:
            role.delete(role.zone(record.zone.name), record.name, [record.rdata])
        except DnsError as error:
            raise _refusal(machine, error) from None


def _refusal(machine: Machine, error: DnsError) -> ProviderError:
    """The HRESULT of an error of the service. Two of them are dials: nobody has published what the provider says."""
    dial = {RECORD_ALREADY_EXISTS: "dns_record_exists", ZONE_DOES_NOT_EXIST: "dns_zone_unknown"}.get(error.number)
    return failure(machine, error) if dial is None else ProviderError(int(machine.dials[dial], 16))


class AddressRecord(RecordClass):
    """MicrosoftDNS_AType."""

    kind = dns.rdatatype.A
    schema = Schema("MicrosoftDNS_AType", NAMESPACE, changed(_RECORD, "IPAddress"), (*_KEYS, "RecordData"))

    def own(self, machine: Machine, record: Record) -> Row:
        """The address."""
        assert isinstance(record.rdata, dns.rdtypes.IN.A.A)
        return {"IPAddress": record.rdata.address}


class AliasRecord(RecordClass):
    """MicrosoftDNS_CNAMEType. There are none in these zones."""

    kind = dns.rdatatype.CNAME
    schema = Schema("MicrosoftDNS_CNAMEType", NAMESPACE, changed(_RECORD, "PrimaryName"), (*_KEYS, "RecordData"))
