# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host as Microsoft DNS server: its WMI classes, dnscmd, and the dials of both."""

from __future__ import annotations

from typing import Any

import pytest
from corewire import Wire, cim_status, codes, content, values
from dnswire import DAY, NAMESPACE, OWNER, SERVER, ZONE, DnsWire, address, make_zone, records, send, update

from emulated_windows.core import Aging, EmulatedHost, HostOptions, VirtualClock, Zone, personas
from emulated_windows.dns_records import hour_of

SERVERS = sorted(name for name, persona in personas().items() if persona.server)
R2, S2019, S2003 = "server-2008-r2-sp1", "server-2019", "server-2003-sp2-x86"
ONE = "0 0 1688 kms1.corp.example."
DNSCMD = {"dnscmd": "present"}


@pytest.fixture
def server() -> DnsWire:
    """A DNS server of 2008 R2."""
    return DnsWire()


# -- looking ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("persona", SERVERS)
def test_every_server_may_be_one(persona: str) -> None:
    found = DnsWire(persona=persona)
    (zone,) = found.rows("SELECT * FROM MicrosoftDNS_Zone", NAMESPACE)
    assert (zone["Name"], zone["ContainerName"], zone["DnsServerName"]) == (ZONE, ZONE, SERVER)
    (self,) = found.rows("SELECT Name,ScavengingInterval FROM MicrosoftDNS_Server", NAMESPACE)
    assert self == {"Name": SERVER, "ScavengingInterval": "168"}
    assert found.rows("SELECT State FROM Win32_Service WHERE Name='DNS'") == [{"State": "Running"}]
    assert found.create().status == 200
    assert [row["RecordData"] for row in found.srv()] == [ONE]


@pytest.mark.parametrize("persona", ["windows-7-sp1", "windows-10"])
def test_a_client_is_none(persona: str) -> None:
    with pytest.raises(ValueError, match="a client is no DNS server"):
        Wire(persona=persona, dns_server=True)


def test_it_serves_zones_of_microsofts_only() -> None:
    zone = Zone(ZONE, "127.0.0.1")
    with pytest.raises(ValueError, match="zones of flavour microsoft only"):
        EmulatedHost(HostOptions("dc1", dns_server=True), VirtualClock(), Wire().authority, zones=[zone])


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"updates": "secure"}, ("1", "2", "true")),
        ({"updates": "nonsecure"}, ("1", "1", "false")),
        ({"updates": "none"}, ("1", "0", "false")),
        ({"kind": "secondary"}, ("2", "0", "false")),
        ({"kind": "stub"}, ("3", "0", "false")),
        ({"kind": "forwarder"}, ("4", "0", "false")),
    ],
)
def test_what_a_zone_is(settings: dict[str, Any], expected: tuple[str, str, str]) -> None:
    clock = VirtualClock()
    aging = Aging(enabled=True, no_refresh_hours=24, refresh_hours=48)
    found = DnsWire(clock=clock, zone=make_zone(clock, aging=aging, **settings))
    (row,) = found.rows(f"SELECT * FROM MicrosoftDNS_Zone WHERE ContainerName='{ZONE.upper()}'", NAMESPACE)
    assert (row["ZoneType"], row["AllowUpdate"], row["DsIntegrated"]) == expected
    assert (row["NoRefreshInterval"], row["RefreshInterval"], row["Paused"]) == ("24", "48", "false")
    primary = expected[0] == "1"
    assert row["Aging"] == ("true" if primary else "false")
    assert int(row["AvailForScavengeTime"]) == (hour_of(clock.now() + 48 * 3600) if primary else 0)


@pytest.mark.parametrize(("setting", "shown"), [("type_1", "1"), ("type_0", "0")])
def test_the_type_of_a_zone_in_the_directory(setting: str, shown: str) -> None:
    clock = VirtualClock()
    found = DnsWire(clock=clock, zone=make_zone(clock, updates="secure"), dials={"dns_integrated_zone": setting})
    assert found.rows("SELECT ZoneType FROM MicrosoftDNS_Zone", NAMESPACE) == [{"ZoneType": shown}]


def test_a_row_of_a_record(server: DnsWire) -> None:
    send(server.zone, update(add="1 2 1700 KMS1.corp.example."))
    (row,) = server.srv()
    assert row == {
        "Caption": None,
        "ContainerName": ZONE,
        "Description": None,
        "DnsServerName": SERVER,
        "DomainName": "_tcp.corp.example",
        "InstallDate": None,
        "Name": None,
        "OwnerName": OWNER,
        "Port": "1700",
        "Priority": "1",
        "RecordClass": "1",
        "RecordData": "1 2 1700 KMS1.corp.example.",
        "SRVDomainName": "KMS1.corp.example.",
        "Status": None,
        "TextRepresentation": f"{OWNER} IN SRV 1 2 1700 KMS1.corp.example.",
        "Timestamp": str(hour_of(server.clock.now())),
        "TTL": "3600",
        "Weight": "2",
    }


def test_other_types(server: DnsWire) -> None:
    found = server.rows("SELECT OwnerName,IPAddress FROM MicrosoftDNS_AType", NAMESPACE)
    assert found == [{"IPAddress": "127.0.0.1", "OwnerName": "emulated-dns.corp.example"}]
    assert server.rows("SELECT * FROM MicrosoftDNS_CNAMEType", NAMESPACE) == []


def test_numbers_in_queries(server: DnsWire) -> None:
    server.create(SRVDomainName="static.corp.example")
    send(server.zone, update(add=ONE))
    assert [row["SRVDomainName"] for row in server.srv("Timestamp<>0")] == ["kms1.corp.example."]
    assert [row["SRVDomainName"] for row in server.srv("timestamp=0 AND Port=1688")] == ["static.corp.example."]


# -- changing --------------------------------------------------------------------------------------------------------


def test_a_record_is_created_beside_others(server: DnsWire) -> None:
    send(server.zone, update(add="0 0 1688 other.corp.example."))
    reply = server.create(Priority=1, Weight=2, Port=1700, TTL=60)
    assert values(content(reply)).keys() == {"RR"}
    assert address(reply) == {
        "ContainerName": ZONE,
        "DnsServerName": SERVER,
        "DomainName": "_tcp.corp.example",
        "OwnerName": OWNER,
        "RecordClass": "1",
        "RecordData": "1 2 1700 kms1.corp.example.",
    }
    found = records(server.zone)
    assert set(found) == {"0 0 1688 other.corp.example.", "1 2 1700 kms1.corp.example."}
    assert found["1 2 1700 kms1.corp.example."]["ttl"] == 60


def test_class_and_ttl_may_be_left_out(server: DnsWire) -> None:
    assert server.create(RecordClass=None, TTL=None).status == 200
    assert records(server.zone)[ONE]["ttl"] == 3600


def test_names_with_and_without_a_last_dot(server: DnsWire) -> None:
    assert server.create(OwnerName=f"{OWNER}.", SRVDomainName="kms1.corp.example.").status == 200
    assert set(records(server.zone)) == {ONE}


@pytest.mark.parametrize("name", [".", "localhost", "127.0.0.1", "dc1"])
def test_create_wants_the_full_name_of_the_server(server: DnsWire, name: str) -> None:
    assert server.create(DnsServerName=name).status == 500
    assert records(server.zone) == {}
    assert server.create(DnsServerName=SERVER.upper()).status == 200


def test_a_server_has_one_scavenging_interval() -> None:
    clock = VirtualClock()
    zones = [make_zone(clock), Zone("other.example", "127.0.0.1", flavour="microsoft", aging=Aging(scavenging_hours=1))]
    with pytest.raises(ValueError, match="one scavenging interval for all its zones"):
        DnsWire(clock=clock, zones=zones)


def test_modify_changes_what_it_is_told(server: DnsWire) -> None:
    server.create(TTL=60, Priority=1)
    reply = server.modify(server.srv()[0], Port=1700)
    assert reply.status == 200
    assert address(reply)["RecordData"] == "1 0 1700 kms1.corp.example."
    assert {data: one["ttl"] for data, one in records(server.zone).items()} == {"1 0 1700 kms1.corp.example.": 60}
    server.modify(server.srv()[0], TTL=120, SRVDomainName="kms2.corp.example", Priority=0, Weight=5)
    assert {data: one["ttl"] for data, one in records(server.zone).items()} == {"0 5 1700 kms2.corp.example.": 120}


def test_modify_into_another_record(server: DnsWire) -> None:
    server.create()
    server.create(Port=1700)
    row = next(row for row in server.srv() if row["Port"] == "1688")
    assert server.modify(row, Port=1700).status == 500
    assert len(records(server.zone)) == 2


@pytest.mark.parametrize("persona", [name for name in SERVERS if personas()[name].since >= (6, 2)])
def test_delete_takes_one_record(persona: str) -> None:
    found = DnsWire(persona=persona)
    found.create()
    found.create(SRVDomainName="kms2.corp.example")
    row = next(row for row in found.srv() if row["SRVDomainName"] == "kms1.corp.example.")
    reply = found.delete(row)
    assert (reply.status, reply.event.mutation) == (200, True)
    assert set(records(found.zone)) == {"0 0 1688 kms2.corp.example."}


def test_administration_asks_no_rights_and_owns_what_it_makes() -> None:
    clock = VirtualClock()
    found = DnsWire(clock=clock, zone=make_zone(clock, updates="secure"))
    assert found.create().status == 200
    assert {one["owner"] for one in records(found.zone).values()} == {"Administrator"}
    assert send(found.zone, update(add="0 0 1688 kms2.corp.example."), "KMS02$") == "REFUSED"
    none = DnsWire(zone=make_zone(clock, updates="none"), clock=clock)
    assert none.create().status == 200


def test_without_its_service_it_says_nothing(server: DnsWire) -> None:
    server.host.inject("service-stopped", ["DNS"])
    reply = server.enumerate("SELECT * FROM MicrosoftDNS_Zone", NAMESPACE)
    assert codes(reply) == [2150858755, 0x800706BA]
    assert server.create().status == 500
    assert server.run(f"dnscmd /recorddelete {ZONE} _vlmcs._tcp SRV {ONE} /f").code == 1722


def test_what_it_shows(server: DnsWire) -> None:
    server.create()
    (zone,) = server.shown["dns_zones"]
    assert (zone["zone"], zone["updates"], zone["aging"]["enabled"]) == (ZONE, "nonsecure", True)
    assert [one["data"] for one in zone["records"] if one["type"] == "SRV"] == [ONE]
    assert Wire().shown["dns_zones"] is None


# -- dials -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("setting", "nested"), [("not_found", 2150858752), ("nested_invalid_namespace", 0x8004100E)])
def test_the_namespace_without_the_role(setting: str, nested: int) -> None:
    dials = {"dns_namespace_missing": setting}
    found = Wire(persona=R2, dials=dials)
    assert codes(found.enumerate("SELECT * FROM MicrosoftDNS_Zone", NAMESPACE)) == [2150858752, nested]
    assert codes(found.enumerate("SELECT * FROM X", "root/nothing")) == [2150858752, 2150858752]
    later = Wire(persona=S2019, dials=dials).enumerate("SELECT * FROM MicrosoftDNS_Zone", NAMESPACE)
    assert cim_status(later) == (None if setting == "not_found" else 3)


@pytest.mark.parametrize("setting", ["0x80041003", "0x80070005"])
@pytest.mark.parametrize("persona", [S2003, R2, S2019])
def test_an_administrator_without_rights_at_the_dns_server(persona: str, setting: str) -> None:
    found = DnsWire(persona=persona, dials={"dns_access": setting, **DNSCMD})
    send(found.zone, update(add=ONE))
    for name in ("MicrosoftDNS_Server", "MicrosoftDNS_Zone", "MicrosoftDNS_SRVType"):
        assert int(setting, 16) in codes(found.enumerate(f"SELECT * FROM {name}", NAMESPACE))
    assert int(setting, 16) in codes(found.create(SRVDomainName="kms2.corp.example"))
    assert found.run(f"dnscmd /recorddelete {ZONE} _vlmcs._tcp SRV {ONE} /f").code == 5
    assert set(records(found.zone)) == {ONE}


@pytest.mark.parametrize("last", ["RecordData", "TextRepresentation"])
def test_the_last_key(last: str) -> None:
    found = DnsWire(dials={"dns_last_key": last})
    assert set(address(found.create())) == {
        "ContainerName", "DnsServerName", "DomainName", "OwnerName", "RecordClass", last,
    }  # fmt: skip
    row = found.srv()[0]
    other = "RecordData" if last == "TextRepresentation" else "TextRepresentation"
    assert found.modify(row, other, TTL=5).status == 500
    assert found.modify(row, last, TTL=5).status == 200


@pytest.mark.parametrize("spelling", ["Timestamp", "TimeStamp"])
def test_the_spelling_of_the_time_stamp(spelling: str) -> None:
    found = DnsWire(dials={"dns_time_stamp": spelling})
    found.create()
    assert found.srv()[0][spelling] == "0"
    assert found.rows("SELECT timestamp FROM MicrosoftDNS_SRVType", NAMESPACE) == [{spelling: "0"}]


@pytest.mark.parametrize(
    ("dials", "column", "shown"),
    [
        ({"dns_letter_case": "as_stored"}, "SRVDomainName", "KMS1.Corp.example."),
        ({"dns_letter_case": "lower"}, "SRVDomainName", "kms1.corp.example."),
        ({"dns_letter_case": "lower"}, "RecordData", "0 0 1688 kms1.corp.example."),
        ({"dns_target_dot": "with"}, "RecordData", "0 0 1688 KMS1.Corp.example."),
        ({"dns_target_dot": "without"}, "RecordData", "0 0 1688 KMS1.Corp.example"),
        ({"dns_target_dot": "without"}, "SRVDomainName", "KMS1.Corp.example"),
        ({"dns_domain_name": "parent"}, "DomainName", "_tcp.corp.example"),
        ({"dns_domain_name": "zone"}, "DomainName", "corp.example"),
    ],
)
def test_how_names_are_shown(dials: dict[str, str], column: str, shown: str) -> None:
    found = DnsWire(dials=dials)
    found.create(SRVDomainName="KMS1.Corp.example")
    row = found.srv()[0]
    assert row[column] == shown
    assert found.modify(row, Port=1700).status == 200


@pytest.mark.parametrize(("setting", "status"), [("no_rows", 200), ("0x80041002", 500)])
def test_records_of_a_zone_that_is_not_here(setting: str, status: int) -> None:
    found = DnsWire(dials={"dns_no_such_zone": setting})
    text = "SELECT * FROM MicrosoftDNS_SRVType WHERE ContainerName='other.example'"
    reply = found.enumerate(text, NAMESPACE)
    assert reply.status == status
    assert status == 200 or codes(reply)[1] == 0x80041002


@pytest.mark.parametrize("setting", ["0x80072581", "0x80041001", "0x80041002"])
def test_a_record_in_a_zone_that_is_not_here(setting: str) -> None:
    found = DnsWire(dials={"dns_zone_unknown": setting})
    assert codes(found.create(ContainerName="other.example")) == [2150858755, int(setting, 16)]


@pytest.mark.parametrize("setting", ["0x800725EF", "0x80041001", "no_change"])
def test_a_record_that_exists(setting: str) -> None:
    found = DnsWire(dials={"dns_record_exists": setting})
    found.create()
    before = records(found.zone)
    reply = found.create(SRVDomainName="KMS1.corp.example", TTL=5)
    assert records(found.zone) == before
    if setting == "no_change":
        assert address(reply)["RecordData"] == ONE
    else:
        assert codes(reply) == [2150858755, int(setting, 16)]


@pytest.mark.parametrize(("setting", "outputs"), [("none", {"RR"}), ("0", {"RR", "ReturnValue"})])
def test_a_void_method_may_return_something(setting: str, outputs: set[str]) -> None:
    found = DnsWire(dials={"dns_return_value": setting, "hresult_place": "return_value"})
    assert set(values(content(found.create()))) == outputs
    assert found.create().status == 500  # nothing an error could stand in


@pytest.mark.parametrize("setting", ["static", "ages"])
def test_whether_a_record_made_through_wmi_ages(setting: str) -> None:
    found = DnsWire(dials={"dns_wmi_record": setting})
    found.create()
    found.clock.advance(60 * DAY)
    assert (ONE in records(found.zone)) is (setting == "static")


@pytest.mark.parametrize("setting", ["static", "kept", "new"])
def test_what_modify_makes_of_a_time_stamp(setting: str) -> None:
    found = DnsWire(dials={"dns_modified_record": setting})
    send(found.zone, update(add=ONE))
    first = hour_of(found.clock.now())
    found.clock.advance(DAY)
    found.modify(found.srv()[0], Port=1700)
    assert found.srv()[0]["Timestamp"] == {"static": "0", "kept": str(first), "new": str(first + 24)}[setting]
    found.create(SRVDomainName="static.corp.example")
    row = next(row for row in found.srv() if row["Timestamp"] == "0" and row["Port"] == "1688")
    found.modify(row, Port=1701)
    assert next(row for row in found.srv() if row["Port"] == "1701")["Timestamp"] == "0"


@pytest.mark.parametrize(("setting", "status"), [("works", 200), ("not_capable", 500)])
def test_whether_delete_reaches_the_provider(setting: str, status: int) -> None:
    found = DnsWire(persona=S2019, dials={"dns_instance_delete": setting})
    found.create()
    reply = found.delete(found.srv()[0])
    assert reply.status == status
    assert (ONE in records(found.zone)) is (status == 500)
    assert status == 200 or cim_status(reply) == 7


# -- dnscmd ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("persona", [S2003, R2, S2019])
@pytest.mark.parametrize(
    "line",
    [
        f"dnscmd /RecordDelete {ZONE} _vlmcs._tcp SRV {ONE} /f",
        f"dnscmd . /recorddelete {ZONE} {OWNER}. srv 0 0 1688 KMS1.corp.example. /F",
        f"dnscmd dc1 /recorddelete {ZONE}. _vlmcs._tcp SRV {ONE} /f",
    ],
)
def test_dnscmd_takes_one_record(persona: str, line: str) -> None:
    found = DnsWire(persona=persona, dials=DNSCMD)
    found.create()
    found.create(SRVDomainName="kms2.corp.example")
    ran = found.run(line)
    assert (ran.code, ran.mutation) == (0, True)
    assert set(records(found.zone)) == {"0 0 1688 kms2.corp.example."}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (f"/recorddelete {ZONE} _vlmcs._tcp SRV 0 0 1689 kms1.corp.example. /f", 9701),
        (f"/recorddelete {ZONE} @ SRV {ONE} /f", 9701),
        (f"/recorddelete other.example _vlmcs._tcp SRV {ONE} /f", 9601),
        (f"/recorddelete {ZONE} _vlmcs._tcp SRV 0 0 1688 /f", 87),
        (f"/recorddelete {ZONE} _vlmcs._tcp SRV 0 0 x kms1.corp.example. /f", 87),
        (f"/recorddelete {ZONE} _vlmcs._tcp A 127.0.0.1 /f", 87),
        (f"dc2 /recorddelete {ZONE} _vlmcs._tcp SRV {ONE} /f", 1722),
        ("/zoneprint corp.example", 1),
        ("", 1),
    ],
)
def test_what_dnscmd_refuses(server: DnsWire, arguments: str, code: int) -> None:
    server.create()
    assert server.run(f"dnscmd {arguments}").code == code
    assert set(records(server.zone)) == {ONE}


def test_dnscmd_without_data_takes_them_all(server: DnsWire) -> None:
    server.create()
    server.create(SRVDomainName="kms2.corp.example")
    assert server.run(f"dnscmd /recorddelete {ZONE} _vlmcs._tcp SRV /f").code == 0
    assert records(server.zone) == {}


@pytest.mark.parametrize(("answer", "there"), [(b"y\r\n", False), (b"n\r\n", True)])
def test_dnscmd_asks_without_f(server: DnsWire, answer: bytes, there: bool) -> None:
    server.create()
    server.run(f"dnscmd /recorddelete {ZONE} _vlmcs._tcp SRV {ONE}", [answer])
    assert (ONE in records(server.zone)) is there
    with pytest.raises(AssertionError, match="does not end"):
        server.run(f"dnscmd /recorddelete {ZONE} _vlmcs._tcp SRV {ONE}", patience=3)


@pytest.mark.parametrize(("setting", "code"), [("status", 9701), ("zero", 0)])
def test_the_exit_code_of_dnscmd(setting: str, code: int) -> None:
    found = DnsWire(dials={"dnscmd_exit_code": setting})
    assert found.run(f"dnscmd /recorddelete {ZONE} _vlmcs._tcp SRV {ONE} /f").code == code


@pytest.mark.parametrize(("setting", "there"), [("relative", True), ("absolute", False)])
def test_a_target_without_a_last_dot(setting: str, there: bool) -> None:
    found = DnsWire(dials={"dnscmd_target": setting})
    found.create()
    found.run(f"dnscmd /recorddelete {ZONE} _vlmcs._tcp SRV 0 0 1688 kms1.corp.example /f")
    assert (ONE in records(found.zone)) is there


@pytest.mark.parametrize("dns_server", [True, False])
def test_where_there_is_no_dnscmd(dns_server: bool) -> None:
    line = f"dnscmd /recorddelete {ZONE} _vlmcs._tcp SRV {ONE} /f"
    found = DnsWire(dials={"dnscmd": "absent"}) if dns_server else Wire(persona=R2)
    ran = found.run(line)
    assert ran.code == 1 and "dnscmd" in ran.err
    assert DnsWire(persona=S2003).run(line).code == 1  # Support Tools have to be installed


@pytest.mark.parametrize("language", ["DEU", "JPN"])
def test_dnscmd_speaks_the_language_of_the_host(language: str) -> None:
    found = DnsWire(language=language)
    found.create()
    assert "completed" not in found.run(f"dnscmd /recorddelete {ZONE} _vlmcs._tcp SRV {ONE} /f").out
    assert records(found.zone) == {}
