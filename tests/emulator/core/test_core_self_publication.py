# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A KMS host publishes itself every day: into which zones, as whom, with which events, and for 30 days."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from corewire import KEY, KEYS, Wire, codes
from dnswire import DAY, ZONE, make_zone, records, send, update

from emulated_windows.core import Aging, Authority, EmulatedHost, HostOptions, VirtualClock, Zone, Zones

SPP = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\SoftwareProtectionPlatform"
SL = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\SL"
HOSTS = {"server-2003-sp2-x86": SL, "server-2008-sp2": SL, "server-2008-r2-sp1": SPP, "server-2019": SPP}
R2 = "server-2008-r2-sp1"
ONE = "0 0 1688 kms03.corp.example."


class Host(Wire):
    """A KMS host that publishes itself into zones."""

    def __init__(self, *zones: Zone, clock: VirtualClock, persona: str = R2, **options: Any) -> None:
        self.clock, self.waits = clock, True
        self.authority = Authority({KEY: "server_2019" if persona == "server-2019" else KEYS[KEY]})
        self.zones = Zones(zones)
        usual = {"name": "kms03", "persona": persona, "host_key": KEY}
        self.host = EmulatedHost(HostOptions(**{**usual, **options}), clock, self.authority, publish=self.zones.publish)
        self.root = HOSTS[persona]

    def events(self, code: int) -> list[dict[str, Any]]:
        """Events of the Application log, the newest first."""
        return self.rows(
            "SELECT EventCode,EventType,InsertionStrings,SourceName FROM Win32_NTLogEvent"
            f" WHERE Logfile='Application' AND EventCode={code}"
        )

    def restart_service(self) -> None:
        """Stop and start the licensing service."""
        service = self.host.machine.services.get(self.host.machine.licensing.service_name)
        assert service is not None
        self.host.machine.services.stopped(service)
        self.host.machine.services.started(service)

    def publish_list(self, *lines: str) -> None:
        """DnsDomainPublishList."""
        self.registry("SetMultiStringValue", self.root, sValueName="DnsDomainPublishList", sValue=list(lines))


def settled(clock: VirtualClock, zone: Zone | None = None, **options: Any) -> tuple[Host, Zone]:
    """A host and a zone that ages."""
    zone = zone or make_zone(clock, updates="secure")
    return Host(zone, clock=clock, **options), zone


# -- every day -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("persona", sorted(HOSTS))
def test_thirty_days_of_a_host_that_is_on(persona: str) -> None:
    """Its record is renewed and stays, beside one of a host that has gone."""
    clock = VirtualClock()
    zone = make_zone(clock, published=True, aging=Aging(enabled=True, scavenging_hours=24))
    host, _ = settled(clock, zone, persona=persona)
    assert set(records(zone)) == {"0 0 1688 KMS01.corp.example.", ONE}
    for _day in range(30):
        clock.advance(DAY)
    assert set(records(zone)) == {ONE}
    assert len(host.shown["published_itself"]) == 31
    assert len(host.events(12294)) == 31


def test_all_at_once_comes_to_the_same() -> None:
    """However far the clock is advanced in one step, everything happens in the order of its time."""
    clock = VirtualClock()
    host, zone = settled(clock, make_zone(clock, aging=Aging(enabled=True, scavenging_hours=24)))
    clock.advance(400 * DAY)
    assert set(records(zone)) == {ONE}
    assert len(host.shown["published_itself"]) == 401


def test_a_host_that_is_off_vanishes() -> None:
    clock = VirtualClock()
    host, zone = settled(clock, make_zone(clock, aging=Aging(enabled=True, scavenging_hours=24)))
    clock.advance(DAY)
    service = host.host.machine.licensing.service_name
    host.host.inject("service-stopped", [service])
    clock.advance(13 * DAY)
    assert set(records(zone)) == {ONE}
    clock.advance(3 * DAY)
    assert records(zone) == {}
    assert len(host.shown["published_itself"]) == 2


def test_a_restart_begins_the_day_anew() -> None:
    clock = VirtualClock()
    host, _ = settled(clock)
    clock.advance(DAY / 2)
    host.restart_service()
    clock.advance(DAY * 0.9)
    assert len(host.shown["published_itself"]) == 2
    clock.advance(DAY * 0.2)
    assert len(host.shown["published_itself"]) == 3


@pytest.mark.parametrize(("setting", "there"), [("record_stays", True), ("record_goes", False)])
def test_what_becomes_of_the_record_when_publishing_ends(setting: str, there: bool) -> None:
    clock = VirtualClock()
    host, zone = settled(clock, dials={"publishing_ends": setting})
    host.registry("SetDWORDValue", SPP, sValueName="DisableDnsPublishing", uValue=1)
    assert set(records(zone)) == {ONE}
    clock.advance(DAY)
    assert (ONE in records(zone)) is there
    without, zone = settled(clock, dials={"publishing_ends": setting})
    assert without.on_product("UninstallProductKey").status == 200
    assert (ONE in records(zone)) is there
    clock.advance(2 * DAY)
    assert (without.host.wake_at(), len(without.shown["published_itself"])) == (None, 1)


# -- where, and with what --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("persona", sorted(HOSTS))
def test_priority_and_weight_count_from_2008_r2_on(persona: str) -> None:
    clock = VirtualClock()
    zones = [make_zone(clock), Zone("other.example", "127.0.0.1")]
    host = Host(*zones, clock=clock, persona=persona)
    host.publish_list("corp.example, 10, 20", "other.example,x,70000", " ")
    host.restart_service()
    numbers = "10 20" if HOSTS[persona] == SPP else "0 0"
    assert set(records(zones[0])) == {f"{numbers} 1688 kms03.corp.example."}
    assert set(records(zones[1])) == {ONE}
    assert host.shown["publish_list"] == ["corp.example", "other.example"]


@pytest.mark.parametrize(("setting", "there"), [("ignored", True), ("part_of_name", False)])
def test_numbers_in_the_list_of_a_release_that_does_not_know_them(setting: str, there: bool) -> None:
    clock = VirtualClock()
    host, zone = settled(clock, make_zone(clock), persona="server-2008-sp2", dials={"publish_list_numbers": setting})
    zone.publish(ZONE, "kms03.corp.example", 1688, withdrawn=True)
    host.publish_list("corp.example, 10, 20")
    host.restart_service()
    assert (ONE in records(zone)) is there
    if not there:
        assert host.events(12293)[0]["InsertionStrings"] == ["0x80072558", "corp.example, 10, 20"]


@pytest.mark.parametrize("setting", ["3600", "1200"])
def test_the_ttl_of_its_record(setting: str) -> None:
    """It is an update like any other: a record of the same data gets this TTL; in BIND's zones the whole set does."""
    clock = VirtualClock()
    zones = [make_zone(clock), Zone("other.example", "127.0.0.1")]
    for zone in zones:
        zone.publish(zone.name, "kms03.corp.example", 1688, ttl=60)
        zone.publish(zone.name, "kms01.corp.example", 1688, ttl=60)
    host = Host(*zones, clock=clock, dials={"published_ttl": setting})
    host.publish_list("corp.example", "other.example")
    host.restart_service()
    alone, together = ({data: one["ttl"] for data, one in records(zone).items()} for zone in zones)
    assert alone == {ONE: int(setting), "0 0 1688 kms01.corp.example.": 60}
    assert set(together.values()) == {int(setting)}


@pytest.mark.parametrize(("setting", "left"), [("replaced", set()), ("stays", {ONE})])
def test_another_port(setting: str, left: set[str]) -> None:
    clock = VirtualClock()
    host, zone = settled(clock, dials={"published_before": setting})
    host.registry("SetStringValue", SPP, sValueName="KeyManagementServiceListeningPort", sValue="1700")
    host.restart_service()
    assert set(records(zone)) == {"0 0 1700 kms03.corp.example.", *left}


def test_a_secure_zone_knows_the_machine_by_its_account() -> None:
    clock = VirtualClock()
    host, zone = settled(clock)
    assert {one["owner"] for one in records(zone).values()} == {"KMS03$"}
    assert send(zone, update(add="0 0 1688 kms1.corp.example."), "kms-rollout") == "REFUSED"
    assert host.events(12293) == []
    stranger, other = settled(clock, domain_member=False)
    assert records(other) == {}
    assert len(stranger.events(12293)) == 1


# -- events ----------------------------------------------------------------------------------------------------------


def refused(clock: VirtualClock, **options: Any) -> Host:
    """A host in a secure zone where another host owns the name."""
    return settled(clock, make_zone(clock, published=True, updates="secure"), **options)[0]


@pytest.mark.parametrize("setting", ["0x8007232D", "0x80072338", "0x80072339", "0x8007232A", "0x80070005"])
def test_the_event_of_the_second_host(setting: str) -> None:
    host = refused(VirtualClock(), dials={"publishing_refused": setting})
    (event,) = host.events(12293)
    assert event["InsertionStrings"] == [setting, ZONE]
    assert host.shown["events"][0]["strings"] == [setting, ZONE]
    assert host.events(12294) == []


def test_a_group_helps_the_second_host() -> None:
    clock = VirtualClock()
    host = refused(clock)
    zone = make_zone(clock, published=True, updates="secure", update_group=["KMS03$"])
    host.host.machine.publish = zone.publish
    clock.advance(DAY)
    assert set(records(zone)) == {"0 0 1688 KMS01.corp.example.", ONE}
    assert len(host.events(12294)) == 1


@pytest.mark.parametrize(
    ("fault", "line", "code"),
    [("servfail", ZONE, "0x8007232A"), ("silent", ZONE, "0x800705B4"), ("", "nowhere.example", "0x8007232B")],
)
def test_other_reasons(fault: str, line: str, code: str) -> None:
    clock = VirtualClock()
    host, _ = settled(clock)
    host.zones.fault = fault
    host.publish_list(line)
    host.restart_service()
    assert host.events(12293)[0]["InsertionStrings"] == [code, line]


@pytest.mark.parametrize(("setting", "code"), [("upper", "0x8007232D"), ("lower", "0x8007232d")])
def test_letter_case_of_the_number(setting: str, code: str) -> None:
    assert (
        refused(VirtualClock(), dials={"publishing_hresult": setting}).events(12293)[0]["InsertionStrings"][0] == code
    )


@pytest.mark.parametrize(("setting", "type_"), [("information", "3"), ("warning", "2"), ("error", "1")])
def test_the_level_of_the_event(setting: str, type_: str) -> None:
    assert refused(VirtualClock(), dials={"publishing_failed_level": setting}).events(12293)[0]["EventType"] == type_


@pytest.mark.parametrize(
    ("persona", "usual", "other"),
    [
        ("server-2003-sp2-x86", "Software Licensing Service", "Microsoft-Windows-Security-Licensing-SLC"),
        ("server-2008-sp2", "Microsoft-Windows-Security-Licensing-SLC", "Software Licensing Service"),
        ("server-2019", "Microsoft-Windows-Security-SPP", "Software Protection Platform Service"),
    ],
)
def test_the_source_of_the_event(persona: str, usual: str, other: str) -> None:
    for setting, name in (("usual", usual), ("other", other)):
        host, _ = settled(VirtualClock(), persona=persona, dials={"licensing_event_source": setting})
        assert host.events(12294)[0]["SourceName"] == name


def test_events_since_a_time() -> None:
    clock = VirtualClock()
    host, _ = settled(clock)
    clock.advance(3 * DAY)
    when = datetime.datetime.fromtimestamp(clock.now() - 1.5 * DAY, datetime.timezone.utc)
    query = (
        "SELECT InsertionStrings,TimeGenerated FROM Win32_NTLogEvent WHERE Logfile='Application' AND EventCode=12294"
    )
    found = host.rows(f"{query} AND TimeGenerated >= '{when:%Y%m%d%H%M%S}.000000+000'")
    assert len(found) == 2
    west = when - datetime.timedelta(hours=5)
    assert host.rows(f"{query} AND TimeGenerated >= '{west:%Y%m%d%H%M%S}.000000-300'") == found
    assert host.rows(f"{query} AND TimeGenerated < '{when:%Y%m%d%H%M%S}.000000+000'") != []
    assert host.rows(f"{query} AND TimeGenerated >= 'yesterday'") == []


def test_an_unknown_column_of_the_log() -> None:
    host, _ = settled(VirtualClock())
    assert codes(host.enumerate("SELECT Level FROM Win32_NTLogEvent"))[0] == 2150858778
