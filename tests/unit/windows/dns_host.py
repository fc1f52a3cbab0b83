# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small Microsoft DNS server: zones and SRV records in WMI, that does what it is told and can be looked into.

It keeps records as text and tells who is published by reading them in its own way.
"""

from __future__ import annotations

import re
import typing as t
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape

from ansible_collections.activation.kms.tests.unit.windows.small_windows import Refused, SmallWindows, Value

OWNER = "_vlmcs._tcp.corp.example"
EXISTS = 0x80041019
NO_OBJECT = 0x80041002
UNSUPPORTED = 2150858771

Row = dict[str, Value]


class DnsHost(SmallWindows):
    """The server.

    Attributes:
        zones: the properties of each zone.
        records: SRV records as rows of MicrosoftDNS_SRVType.
        aliases: CNAME records, where they lead by owner.
        version: of Windows; before 6.2 no instance is deleted by WS-Management.
        stamp_of_new: the time stamp of what is made by WMI.
        keeps_stamps: whether a record that is modified keeps its own.
        gives_keys: whether a query may ask for keys.
        has_dnscmd: whether the program is installed.
    """

    host = "dc1"

    def __init__(self, version: str = "6.3.9600", **zone: Value) -> None:
        super().__init__()
        self.version = version
        self.zones: dict[str, Row] = {}
        self.records: list[Row] = []
        self.aliases: dict[str, str] = {}
        self.stamp_of_new = 0
        self.keeps_stamps = False
        self.gives_keys = True
        self.has_dnscmd = True
        self.scavenging_hours = 168
        self.add_zone("corp.example", **zone)
        self.classes |= {
            "Win32_OperatingSystem": lambda: [{"Version": self.version}],
            "MicrosoftDNS_Zone": lambda: list(self.zones.values()),
            "MicrosoftDNS_Server": lambda: [{"Name": "dc1.corp.example", "ScavengingInterval": self.scavenging_hours}],
            "MicrosoftDNS_SRVType": lambda: self.records,
            "MicrosoftDNS_CNAMEType": lambda: [
                {"ContainerName": "corp.example", "OwnerName": owner, "PrimaryName": name}
                for owner, name in self.aliases.items()
            ],
        }
        self.methods["MicrosoftDNS_SRVType.CreateInstanceFromPropertyData"] = self._create
        self.methods["MicrosoftDNS_SRVType.Modify"] = self._modify
        self.programs.append(("^dnscmd ", self._dnscmd))

    def add_zone(self, name: str, **more: Value) -> None:
        """A primary zone that does not age."""
        usual: Row = {
            "ZoneType": 1,
            "AllowUpdate": 0,
            "Aging": "false",
            "NoRefreshInterval": 168,
            "RefreshInterval": 168,
            "AvailForScavengeTime": 0,
            "Paused": "false",
            "Shutdown": "false",
        }
        self.zones[name] = {**usual, "ContainerName": name, "DnsServerName": "dc1.corp.example", **more}

    def add(self, target: str, port: int = 1688, stamp: int = 0, **more: Value) -> None:
        """A record that is there."""
        zone, owner = str(more.pop("zone", "corp.example")), str(more.pop("owner", OWNER))
        row: Row = {
            "ContainerName": zone,
            "DnsServerName": "dc1.corp.example",
            "DomainName": owner.partition(".")[2],
            "OwnerName": owner,
            "RecordClass": 1,
            "TTL": 3600,
            "Timestamp": stamp,
            "Priority": 0,
            "Weight": 0,
            "Port": port,
            "SRVDomainName": target,
            **more,
        }
        row["RecordData"] = _data(row)
        self.records.append(row)

    def published(self) -> list[str]:
        """`priority weight port target ttl` of every record, static ones with a star."""
        return sorted(f"{_data(row)} {row['TTL']}{'' if row['Timestamp'] else ' *'}" for row in self.records)

    def changes(self) -> list[str]:
        """What was asked for and changes something."""
        return [deed.partition(".")[2] or deed for deed in self.deeds]

    # -- methods

    def _create(self, given: t.Mapping[str, str]) -> int:
        target = given["SRVDomainName"] + "."
        self._judge(given["ContainerName"], given["OwnerName"])
        if any(_data(row).lower() == _data({**given, "SRVDomainName": target}).lower() for row in self._of(given)):
            raise Refused(EXISTS)
        self.add(
            target,
            int(given["Port"]),
            self.stamp_of_new,
            zone=given["ContainerName"],
            owner=given["OwnerName"],
            TTL=int(given["TTL"]),
            Priority=int(given["Priority"]),
            Weight=int(given["Weight"]),
        )
        return 0

    def _modify(self, given: t.Mapping[str, str]) -> int:
        row = self._addressed(given)
        changed = {"TTL", "Priority", "Weight", "Port"}.intersection(given)
        row |= {name: int(given[name]) for name in changed}
        row["SRVDomainName"] = given["SRVDomainName"] + "."
        row["RecordData"] = _data(row)
        row["Timestamp"] = row["Timestamp"] if self.keeps_stamps else self.stamp_of_new
        return 0

    def _delete(self, keys: t.Mapping[str, str]) -> str:
        if tuple(map(int, self.version.split(".")[:2])) < (6, 2):
            raise Refused(UNSUPPORTED)
        self.records.remove(self._addressed(keys))
        return ""

    def _dnscmd(self, line: str) -> int:
        if not self.has_dnscmd:
            return 1
        found = re.fullmatch(r"dnscmd /RecordDelete (\S+) (\S+) SRV (\d+ \d+ \d+ \S+) /f", line)
        assert found is not None, line
        zone, node, data = found.groups()
        kept = [row for row in self.records if (row["OwnerName"], _data(row)) != (f"{node}.{zone}", data)]
        if len(kept) == len(self.records):
            return 9701
        self.records = kept
        return 0

    def _judge(self, zone: str, owner: str) -> None:
        if owner in self.aliases:
            raise Refused(0x80070000 + 9708)
        assert owner.endswith(f".{zone}")

    def _of(self, given: t.Mapping[str, t.Any]) -> list[Row]:
        return [row for row in self.records if row["OwnerName"] == given["OwnerName"]]

    def _addressed(self, keys: t.Mapping[str, str]) -> Row:
        names = ("ContainerName", "DnsServerName", "DomainName", "OwnerName", "RecordClass", "RecordData")
        for row in self.records:
            if all(str(row[name]) == keys[name] for name in names):
                return row
        raise Refused(NO_OBJECT)

    # -- the wire

    def _word(self, root: ET.Element, action: str, body: ET.Element) -> str:
        if action.endswith("/Delete") and "/wmi/" in self._header(root, "ResourceURI"):
            return "MicrosoftDNS_SRVType.Delete"
        return super()._word(root, action, body)

    def _answer(self, root: ET.Element, action: str, body: ET.Element) -> str:
        if self._word(root, action, body) == "MicrosoftDNS_SRVType.Delete":
            self.deeds.append("MicrosoftDNS_SRVType.Delete")
            return self._delete(
                {one.attrib["Name"]: one.text or "" for one in root.iter() if _local(one) == "Selector"}
            )
        if self._header(body, "EnumerationMode"):
            if not self.gives_keys:
                raise Refused(2150858778)
            return self._with_keys(self._header(root, "Filter"))
        return super()._answer(root, action, body)

    def _query(self, wql: str) -> str:
        found = self.classes.get(wql.partition("FROM ")[2].partition(" ")[0])
        if "MicrosoftDNS" not in wql or not callable(found):
            return super()._query(wql)
        self.queries.append(wql)
        rows = [row for row in found() if _meets(row, wql)]
        items = "".join(f"<w:XmlFragment>{_fields(row)}</w:XmlFragment>" for row in rows)
        return _enumerated(items)

    def _with_keys(self, wql: str) -> str:
        self.queries.append(wql)
        names = ("ContainerName", "DnsServerName", "DomainName", "OwnerName", "RecordClass", "RecordData")
        items = ""
        for row in (row for row in self.records if _meets(row, wql)):
            keys = "".join(f'<w:Selector Name="{name}">{escape(str(row[name]))}</w:Selector>' for name in names)
            place = f"<a:ReferenceParameters><w:SelectorSet>{keys}</w:SelectorSet></a:ReferenceParameters>"
            items += (
                f'<w:Item><p:MicrosoftDNS_SRVType xmlns:p="urn:p">{_fields(row)}</p:MicrosoftDNS_SRVType>'
                f"<a:EndpointReference>{place}</a:EndpointReference></w:Item>"
            )
        return _enumerated(items)


def _enumerated(items: str) -> str:
    return (
        f"<n:EnumerateResponse><n:EnumerationContext/><w:Items>{items}</w:Items><w:EndOfSequence/>"
        "</n:EnumerateResponse>"
    )


def _fields(row: Row) -> str:
    return "".join(f'<p:{name} xmlns:p="urn:p">{escape(str(value))}</p:{name}>' for name, value in row.items())


def _meets(row: Row, wql: str) -> bool:
    """The conditions of a query; WQL compares without letter case."""
    tests = re.findall(r"(\w+)='([^']*)'", wql)
    met = [str(row[name]).lower() == value.lower() for name, value in tests]
    return any(met) if " OR " in wql else all(met)


def _data(row: t.Mapping[str, t.Any]) -> str:
    return f"{row['Priority']} {row['Weight']} {row['Port']} {row['SRVDomainName']}"


def _local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]
