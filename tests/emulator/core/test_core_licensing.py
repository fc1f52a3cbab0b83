# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The licensing service of a KMS host: keys, activation, settings, publishing."""

from __future__ import annotations

from typing import Any

import pytest
from corewire import KEY, KEYS, SERVER_2008_KEY, VISTA_KEY, WINDOWS_7_KEY, codes, content, values
from keywire import QUIET, MakeWire, host_with_key, hresult, restart_service

from emulated_windows.core import Authority, VirtualClock, confirmation_id

SL = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\SL"
SPP = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\SoftwareProtectionPlatform"
HRESULT_PLACES = ("nested_code", "outer_code", "text_token", "return_value", "extended_status")


@pytest.mark.parametrize(
    ("setting", "unlicensed", "reason", "minutes"),
    [
        ("2", "0xC004E003", 0x4004F00C, "43200"),
        ("0", "0xC004F034", 0xC004F034, "0"),
        ("0", "0xC004E003", 0xC004E003, "0"),
        ("5", "0xC004F034", 0xC004F009, "0"),
    ],
)
def test_the_status_of_a_key_that_waits_for_activation(
    wire: MakeWire, setting: str, unlicensed: str, reason: int, minutes: str
) -> None:
    host = host_with_key(wire, dials={"status_after_key": setting, "unlicensed_reason": unlicensed})
    row = host.product()
    assert (row["LicenseStatus"], row["GracePeriodRemaining"]) == (setting, minutes)
    assert row["LicenseStatusReason"] == str(reason)
    assert host.on_product("Activate").status == 200
    host.pass_time(60)
    assert host.product()["LicenseStatus"] == "1"


@pytest.mark.parametrize("setting", ["25", "5"])
def test_the_threshold_that_is_shown(wire: MakeWire, setting: str) -> None:
    host = host_with_key(wire, dials={"required_count": setting})
    [row] = host.rows("SELECT * FROM SoftwareLicensingService")
    assert row["RequiredClientCount"] == setting


# -- what is there ---------------------------------------------------------------------------------------------------


def test_the_classes_come_with_kms_1_0(wire: MakeWire) -> None:
    assert wire(start="bare").enumerate("SELECT * FROM SoftwareLicensingService").status == 500
    [row] = wire(start="kms_1_0").rows("SELECT * FROM SoftwareLicensingService")
    assert row["IsKeyManagementServiceMachine"] == "0"
    assert row["KeyManagementServiceCurrentCount"] == "4294967295"
    assert "KeyManagementServiceListeningPort" not in row  # Vista's schema


@pytest.mark.parametrize(("start", "groups"), [("kms_1_0", 1), ("kms_1_1", 4), ("kms_1_2", 8)])
def test_there_is_a_row_for_each_key_group(wire: MakeWire, start: str, groups: int) -> None:
    rows = wire(start=start).rows("SELECT * FROM SoftwareLicensingProduct")
    assert len(rows) == groups
    assert {row["PartialProductKey"] for row in rows} == {None}
    assert {row["LicenseStatus"] for row in rows} == {"0"}
    assert all("VOLUME_KMS" in row["Description"] and "KMSCLIENT" not in row["Description"] for row in rows)
    assert len({row["ID"] for row in rows}) == groups


def test_members_of_windows_7_by_dial(wire: MakeWire) -> None:
    host = host_with_key(wire, dials={"licensing_members": "windows_7"})
    [row] = host.rows("SELECT KeyManagementServiceListeningPort FROM SoftwareLicensingService")
    assert row == {"KeyManagementServiceListeningPort": "0"}
    assert host.product()["IsKeyManagementServiceMachine"] == "1"
    assert values(content(host.licensing("SetKeyManagementServiceListeningPort", PortNumber=1700))) == {
        "ReturnValue": "0"
    }
    restart_service(host)
    assert host.host.kms_port() == 1700


def test_a_method_of_windows_7_does_not_exist_on_vistas_class(wire: MakeWire) -> None:
    host = host_with_key(wire)
    assert codes(host.licensing("SetKeyManagementServiceListeningPort", PortNumber=1700)) == [2150858771]


def test_an_assumed_column_is_null_or_refused(wire: MakeWire) -> None:
    query = "SELECT ID,ProductKeyChannel FROM SoftwareLicensingProduct"
    assert wire(start="kms_1_0").rows(query)[0]["ProductKeyChannel"] is None
    assert wire(start="kms_1_0", dials={"assumed_columns": "refused"}).enumerate(query).status == 500


@pytest.mark.parametrize(
    ("dials", "query"),
    [
        ({"application_id": "other"}, "ApplicationID <> '55c92734-d682-4d71-983e-d6ec3f16059f'"),
        ({"description_form": "with_group"}, "Description LIKE '%VOLUME_KMS[_]R2[_]C channel'"),
        ({"service_version": "6.0"}, ""),
        ({"service_version": "5.2"}, ""),
    ],
)
def test_other_dials_of_rows(wire: MakeWire, dials: dict[str, str], query: str) -> None:
    host = wire(start="kms_1_2", dials=dials)
    if query:
        assert host.rows(f"SELECT ID FROM SoftwareLicensingProduct WHERE {query}")
    else:
        [row] = host.rows("SELECT Version FROM SoftwareLicensingService")
        assert row["Version"].startswith(dials["service_version"])


# -- keys ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "text", "accepted"),
    [
        ("kms_1_0", VISTA_KEY, True),
        ("kms_1_0", SERVER_2008_KEY, False),
        ("kms_1_0", KEY, False),
        ("kms_1_1", VISTA_KEY, True),
        ("kms_1_1", SERVER_2008_KEY, True),
        ("kms_1_1", WINDOWS_7_KEY, False),
        ("kms_1_2", VISTA_KEY, True),
        ("kms_1_2", SERVER_2008_KEY, True),
        ("kms_1_2", WINDOWS_7_KEY, True),
        ("kms_1_2", KEY, True),
        ("kms_1_2", "FFFFF-GGGGG-HHHHH-JJJJJ-KKKKK", False),
        ("kms_1_2", "no key", False),
        ("kms_1_2", KEY.replace("-", "\u2013"), False),
        ("kms_1_2", f" {KEY}", False),
        ("kms_1_2", f"{KEY}\n", False),
        ("kms_1_2", KEY.lower(), True),
    ],
)
def test_a_version_takes_the_keys_of_its_groups(wire: MakeWire, start: str, text: str, accepted: bool) -> None:
    host = wire(start=start)
    reply = host.licensing("InstallProductKey", ProductKey=text)
    if accepted:
        assert values(content(reply)) == {"ReturnValue": "0"}
        assert host.product()["PartialProductKey"] == text[-5:].upper()
    else:
        assert hresult(reply) == 0xC004F050
        assert all(product["partial_product_key"] is None for product in host.shown["products"])


def test_the_answer_names_no_key(wire: MakeWire) -> None:
    host = host_with_key(wire)
    everything = host.enumerate("SELECT * FROM SoftwareLicensingProduct").body
    everything += host.enumerate("SELECT * FROM SoftwareLicensingService").body
    assert KEY.encode() not in everything
    assert KEY not in str(host.shown)


def test_a_row_with_a_key(wire: MakeWire) -> None:
    row = host_with_key(wire).product()
    assert row["PartialProductKey"] == "67892"
    assert row["LicenseStatus"] == "2"
    assert row["LicenseStatusReason"] == str(0x4004F00C)
    assert len(row["OfflineInstallationId"]) == 54
    assert row["Name"] == "Windows(TM) Server 2003 KMS, KmsW2k3Prs edition"


@pytest.mark.parametrize(("setting", "count"), [("unknown", "4294967295"), ("zero", "0")])
def test_the_count_before_the_first_request(wire: MakeWire, setting: str, count: str) -> None:
    host = host_with_key(wire, dials={"count_after_new_key": setting})
    query = "SELECT KeyManagementServiceCurrentCount FROM SoftwareLicensingService"
    assert host.rows(query)[0]["KeyManagementServiceCurrentCount"] == count
    host.on_product("Activate")
    host.pass_time(10)
    assert host.product()["LicenseStatus"] == "1"
    assert host.rows(query)[0]["KeyManagementServiceCurrentCount"] == count


def test_another_key_replaces_the_first_and_resets_the_count(wire: MakeWire) -> None:
    host = wire(start="kms_1_2", host_key=VISTA_KEY, count=50)
    query = "SELECT KeyManagementServiceCurrentCount FROM SoftwareLicensingService"
    assert host.rows(query)[0]["KeyManagementServiceCurrentCount"] == "50"
    host.licensing("InstallProductKey", ProductKey=KEY)
    keyed = host.rows("SELECT * FROM SoftwareLicensingProduct WHERE PartialProductKey <> null")
    assert [row["PartialProductKey"] for row in keyed] == ["67892"]
    assert keyed[0]["LicenseStatus"] == "2"
    assert host.rows(query)[0]["KeyManagementServiceCurrentCount"] == "4294967295"


def test_a_key_can_be_removed(wire: MakeWire) -> None:
    host = host_with_key(wire)
    chosen = host.product()["ID"]
    assert host.on_product("UninstallProductKey").status == 200
    assert not host.rows("SELECT ID FROM SoftwareLicensingProduct WHERE PartialProductKey <> null")
    reply = host.invoke("SoftwareLicensingProduct", "UninstallProductKey", selectors={"ID": chosen})
    assert hresult(reply) == 0xC004F014
    assert host.host.kms_port() is None


@pytest.mark.parametrize(
    ("dial", "start", "refused"),
    [
        ("refused_by_1_0", "kms_1_0", True),
        ("refused_by_1_0", "kms_1_2", False),
        ("refused", "kms_1_2", True),
        ("allowed", "kms_1_0", False),
    ],
)
def test_a_virtual_machine(wire: MakeWire, dial: str, start: str, refused: bool) -> None:
    host = wire(start=start, virtual=True, dials={"kms_in_vm": dial})
    reply = host.licensing("InstallProductKey", ProductKey=VISTA_KEY)
    assert (reply.status == 500 and hresult(reply) == 0xC004F06B) is refused


# -- activation ------------------------------------------------------------------------------------------------------


def test_activation_takes_seconds_and_spends_one(wire: MakeWire) -> None:
    host = host_with_key(wire)
    reply = host.on_product("Activate")
    assert reply.delay == pytest.approx(8.0)
    assert values(content(reply)) == {"ReturnValue": "0"}
    assert host.product()["LicenseStatus"] == "1"
    shown = host.shown
    assert shown["activations_spent"] == {"67892": 1}
    assert shown["activation_requests"] == 1
    assert [p["license_status"] for p in shown["products"] if p["partial_product_key"]] == [1]


def test_while_an_activation_runs_another_is_refused(wire: MakeWire) -> None:
    host = host_with_key(wire)
    host.waits = False
    assert host.on_product("Activate").status == 200
    assert hresult(host.on_product("Activate")) == 0xC004E028
    assert host.product()["LicenseStatus"] == "2"
    host.pass_time(9)
    assert host.product()["LicenseStatus"] == "1"
    assert host.shown["activations_spent"] == {"67892": 1}


def test_an_activation_beyond_the_time_out_is_carried_out_all_the_same(wire: MakeWire) -> None:
    host = host_with_key(wire, dials={"activation_duration": "beyond_timeout"})
    reply = host.on_product("Activate")
    assert (codes(reply), reply.delay) == ([2150858793], 20.0)
    assert host.product()["LicenseStatus"] == "2"
    host.pass_time(60)
    assert host.product()["LicenseStatus"] == "1"
    assert host.shown["activations_spent"] == {"67892": 1}


def test_a_host_has_ten_activations(wire: MakeWire) -> None:
    host = host_with_key(wire)
    for _ in range(10):
        assert host.on_product("Activate").status == 200
    assert hresult(host.on_product("Activate")) == 0xC004C008
    assert host.shown["activations_spent"] == {"67892": 10}


def test_a_key_has_six_hosts(wire: MakeWire) -> None:
    authority, clock = Authority(KEYS), VirtualClock()
    for number in range(7):
        host = host_with_key(wire, name=f"kms{number:02d}", authority=authority, clock=clock)
        reply = host.on_product("Activate")
        assert reply.status == (500 if number == 6 else 200)
    assert hresult(reply) == 0xC004C008
    assert host.product()["LicenseStatus"] == "2"


@pytest.mark.parametrize(("setting", "code"), [("name_not_resolved", 0x80072EE7), ("timed_out", 0x80072EE2)])
def test_microsoft_out_of_reach(wire: MakeWire, setting: str, code: int) -> None:
    host = host_with_key(wire, dials={"microsoft": setting})
    assert hresult(host.on_product("Activate")) == code
    assert host.shown["activation_requests"] == 0


def test_activation_without_a_key(wire: MakeWire) -> None:
    host = wire(start="kms_1_2")
    chosen = host.rows("SELECT ID FROM SoftwareLicensingProduct")[0]["ID"]
    assert hresult(host.invoke("SoftwareLicensingProduct", "Activate", selectors={"ID": chosen})) == 0xC004F014


@pytest.mark.parametrize("place", HRESULT_PLACES)
def test_where_an_hresult_stands(wire: MakeWire, place: str) -> None:
    host = wire(start="kms_1_2", dials={"hresult_place": place})
    reply = host.licensing("InstallProductKey", ProductKey="FFFFF-GGGGG-HHHHH-JJJJJ-KKKKK")
    number, text = str(0xC004F050), b"HRESULT 0xc004f050"
    if place == "return_value":
        assert values(content(reply)) == {"ReturnValue": number}
        return
    assert reply.status == 500
    assert codes(reply) == {"nested_code": [2150858755, 0xC004F050], "outer_code": [0xC004F050, 0xC004F050]}.get(
        place, [2150858755, 2150858755]
    )
    assert (text in reply.body) is (place != "extended_status")
    assert (f"<p:StatusCode>{number}</p:StatusCode>".encode() in reply.body) is (place == "extended_status")


# -- auto-activation -------------------------------------------------------------------------------------------------


def test_windows_activates_a_fresh_key_by_itself(wire: MakeWire) -> None:
    host = host_with_key(wire, dials={"auto_activation": "on"})
    assert host.host.wake_at() is not None
    host.pass_time(25)
    assert host.shown["activation_requests"] == 1
    host.pass_time(10)
    assert host.product()["LicenseStatus"] == "1"


def test_unless_manual_is_set(wire: MakeWire) -> None:
    host = wire(start="kms_1_2", dials={"auto_activation": "on"})
    host.registry("CreateKey", rf"{SL}\Activation")
    host.registry("SetDWORDValue", rf"{SL}\Activation", sValueName="Manual", uValue=1)
    host.licensing("InstallProductKey", ProductKey=KEY)
    host.pass_time(100)
    assert host.shown["activation_requests"] == 0
    assert host.shown["manual_activation"] == 1


def test_two_activations_can_cross(wire: MakeWire) -> None:
    host = host_with_key(wire, dials={"auto_activation": "on"})
    host.pass_time(25)
    assert hresult(host.on_product("Activate")) == 0xC004E028


# -- offline ---------------------------------------------------------------------------------------------------------


def test_activation_by_telephone(wire: MakeWire) -> None:
    host = host_with_key(wire)
    shown = host.product()["OfflineInstallationId"]
    reply = host.on_product("DepositOfflineConfirmationId", InstallationId=shown, ConfirmationId=confirmation_id(shown))
    assert values(content(reply)) == {"ReturnValue": "0"}
    assert host.product()["LicenseStatus"] == "1"
    assert host.shown["activation_requests"] == 0


def test_installation_ids_differ_by_machine_and_key_and_have_a_dialled_length(wire: MakeWire) -> None:
    found = [
        host_with_key(wire, text, name=name, dials={"installation_id_digits": "63"}).product()["OfflineInstallationId"]
        for text, name in ((KEY, "a"), (KEY, "b"), (VISTA_KEY, "a"), (KEY, "a"))
    ]
    assert {len(shown) for shown in found} == {63}
    assert len(set(found)) == 3
    assert found[0] == found[3]


# -- settings --------------------------------------------------------------------------------------------------------


def test_intervals(wire: MakeWire) -> None:
    host = host_with_key(wire)
    assert host.licensing("SetVLActivationInterval", ActivationInterval=240).status == 200
    assert host.licensing("SetVLRenewalInterval", RenewalInterval=5000).status == 200
    [row] = host.rows("SELECT * FROM SoftwareLicensingService")
    assert (row["VLActivationInterval"], row["VLRenewalInterval"]) == ("240", "5000")
    for minutes in (14, 43201):
        assert hresult(host.licensing("SetVLActivationInterval", ActivationInterval=minutes)) == 0x80070057


def test_intervals_need_a_kms_host(wire: MakeWire) -> None:
    host = wire(start="kms_1_2")
    assert host.licensing("SetVLActivationInterval", ActivationInterval=240).status == 500


@pytest.mark.parametrize(("setting", "before", "after"), [("at_installation", "1", "1"), ("at_activation", "0", "1")])
def test_the_host_flag(wire: MakeWire, setting: str, before: str, after: str) -> None:
    host = host_with_key(wire, dials={"host_flag": setting})
    query = "SELECT IsKeyManagementServiceMachine FROM SoftwareLicensingService"
    assert host.rows(query)[0]["IsKeyManagementServiceMachine"] == before
    host.on_product("Activate")
    assert host.rows(query)[0]["IsKeyManagementServiceMachine"] == after


def test_the_port_is_read_at_the_start_of_the_service(wire: MakeWire) -> None:
    host = host_with_key(wire)
    host.registry("SetStringValue", SL, sValueName="KeyManagementServiceListeningPort", sValue="1700")
    assert host.host.kms_port() == 1688
    restart_service(host)
    assert host.host.kms_port() == 1700
    assert host.shown["listening"] == [1700]


@pytest.mark.parametrize(
    ("dial", "root", "exists"),
    [
        ("SL", SL, {SL}),
        ("SPP", SPP, {SPP}),
        ("both_SL_effective", SL, {SL, SPP}),
        ("both_SPP_effective", SPP, {SL, SPP}),
        ("SPP_made_at_first_start", SPP, set()),
    ],
)
def test_the_registry_key_by_dial(wire: MakeWire, dial: str, root: str, exists: set[str]) -> None:
    host = wire(start="bare", dials={"licensing_registry": dial, "kms10_restart": "required"})
    host.host.machine.updates.install("kms_1_0", None, host.clock.now())
    host.host.machine.licensing.install_service()
    assert {path for path in (SL, SPP) if host.registry("EnumKey", path)["ReturnValue"] == "0"} == exists
    host.host.machine.licensing.start_now()
    host.registry("SetStringValue", root, sValueName="KeyManagementServiceListeningPort", sValue="1700")
    restart_service(host)
    assert host.host.machine.licensing.settings.port == 1700


def test_the_service_by_dial(wire: MakeWire) -> None:
    host = wire(start="kms_1_0", dials={"licensing_service": "slsvc"})
    assert host.rows("SELECT State FROM Win32_Service WHERE Name='slsvc'") == [{"State": "Running"}]
    assert host.rows("SELECT State FROM Win32_Service WHERE Name='sppsvc'") == []


@pytest.mark.parametrize(
    ("setting", "status", "rows"), [("fault", 500, 0), ("starts_itself", 200, 1), ("no_rows", 200, 0)]
)
def test_a_stopped_service(wire: MakeWire, setting: str, status: int, rows: int) -> None:
    host = wire(start="kms_1_0", dials={"licensing_stopped": setting})
    host.host.inject("service-stopped", ["sppsvc"])
    reply = host.enumerate("SELECT * FROM SoftwareLicensingService")
    assert reply.status == status
    if status == 200:
        assert len(host.rows("SELECT * FROM SoftwareLicensingService")) == rows


def test_refresh_by_dial(wire: MakeWire) -> None:
    assert host_with_key(wire).licensing("RefreshLicenseStatus").status == 200
    assert (
        host_with_key(wire, dials={"refresh_license_status": "fault"}).licensing("RefreshLicenseStatus").status == 500
    )


# -- publishing ------------------------------------------------------------------------------------------------------


def test_a_key_makes_the_host_publish_itself(wire: MakeWire) -> None:
    host = host_with_key(wire)
    assert host.published == [("corp.example", "kms03.corp.example", 1688)]
    assert host.shown["self_publishing"]
    assert [record["zone"] for record in host.shown["published_itself"]] == ["corp.example"]
    events = host.rows("SELECT EventCode,InsertionStrings,Logfile FROM Win32_NTLogEvent WHERE EventCode=12294")
    assert events == [{"EventCode": "12294", "InsertionStrings": "corp.example", "Logfile": "Application"}]


def test_unless_publishing_is_disabled_before(wire: MakeWire) -> None:
    host = wire(start="kms_1_2", dials=QUIET)
    host.registry("SetDWORDValue", SL, sValueName="DisableDnsPublishing", uValue=1)
    host.licensing("InstallProductKey", ProductKey=KEY)
    restart_service(host)
    assert host.published == []
    assert not host.shown["self_publishing"]


def test_publishing_may_be_read_at_the_start_of_the_service_only(wire: MakeWire) -> None:
    host = wire(start="kms_1_2", dials={**QUIET, "publishing_read": "at_service_start"})
    host.registry("SetDWORDValue", SL, sValueName="DisableDnsPublishing", uValue=1)
    host.licensing("InstallProductKey", ProductKey=KEY)
    assert len(host.published) == 1
    restart_service(host)
    assert len(host.published) == 1


def test_other_zones_and_the_new_port(wire: MakeWire) -> None:
    host = host_with_key(wire)
    host.published.clear()
    host.registry(
        "SetMultiStringValue", SL, sValueName="DnsDomainPublishList", sValue=["corp.example", "other.example, 10, 20"]
    )
    host.registry("SetStringValue", SL, sValueName="KeyManagementServiceListeningPort", sValue="1700")
    restart_service(host)
    assert host.published == [(zone, "kms03.corp.example", 1700) for zone in ("corp.example", "other.example")]


def test_a_failed_publication_is_an_event(wire: MakeWire) -> None:
    host = wire(start="kms_1_2", dials=QUIET)

    def refuse(*args: Any, **how: Any) -> None:
        raise OSError("refused")

    host.host.machine.publish = refuse
    host.licensing("InstallProductKey", ProductKey=KEY)
    events = host.rows("SELECT EventCode,InsertionStrings FROM Win32_NTLogEvent WHERE EventCode=12293")
    assert events == [{"EventCode": "12293", "InsertionStrings": ["0x80072338", "corp.example"]}]
    assert host.shown["published_itself"] == []


# -- the port from outside -------------------------------------------------------------------------------------------


def test_the_port_behind_the_firewall(wire: MakeWire) -> None:
    host = host_with_key(wire)
    assert host.host.dial(1688, "10.1.2.3") == "filtered"
    host.run("netsh firewall add portopening TCP 1688 KMS ENABLE CUSTOM 10.0.0.0/8 ALL")
    assert host.host.dial(1688, "10.1.2.3") == "accepted"
    assert host.host.dial(1688, "192.168.1.1") == "filtered"
    assert host.host.dial(1689, "10.1.2.3") == "filtered"


@pytest.mark.parametrize("firewall", ["off", "stopped"])
def test_the_port_without_a_firewall(wire: MakeWire, firewall: str) -> None:
    host = wire(start="kms_1_2", firewall=firewall)
    assert host.host.dial(1688, "10.1.2.3") == "refused"
    host.licensing("InstallProductKey", ProductKey=KEY)
    assert host.host.dial(1688, "10.1.2.3") == "accepted"


def test_the_service_may_learn_of_its_key_at_its_next_start_only(wire: MakeWire) -> None:
    host = host_with_key(wire, firewall="off", dials={"kms_listens": "after_service_start"})
    host.on_product("Activate")
    host.pass_time(60)
    assert (host.product()["LicenseStatus"], host.host.dial(1688, "10.1.2.3")) == ("1", "refused")
    assert (host.published, host.shown["listening"]) == ([], [])
    restart_service(host)
    assert host.host.dial(1688, "10.1.2.3") == "accepted"
    assert host.published == [("corp.example", "kms03.corp.example", 1688)]
    host.licensing("InstallProductKey", ProductKey=VISTA_KEY)
    assert host.host.dial(1688, "10.1.2.3") == "accepted"


def test_it_learns_of_its_key_by_a_restart_of_the_machine_too(wire: MakeWire) -> None:
    host = host_with_key(wire, firewall="off", dials={"kms_listens": "after_service_start"})
    host.host.machine.power.restart()
    host.pass_time(400)
    assert host.host.dial(1688, "10.1.2.3") == "accepted"


@pytest.mark.parametrize(("setting", "after"), [("at_once", "refused"), ("at_service_start", "accepted")])
def test_when_it_stops_listening(wire: MakeWire, setting: str, after: str) -> None:
    host = host_with_key(wire, firewall="off", dials={"kms_ends": setting})
    assert host.host.dial(1688, "10.1.2.3") == "accepted"
    host.on_product("UninstallProductKey")
    assert host.host.dial(1688, "10.1.2.3") == after
    restart_service(host)
    assert host.host.dial(1688, "10.1.2.3") == "refused"


def test_the_port_may_be_open_without_a_key(wire: MakeWire) -> None:
    host = wire(start="kms_1_0", firewall="off", dials={"kms_listens": "always"})
    assert host.host.dial(1688, "10.1.2.3") == "accepted"
    host.host.inject("no-kms-answer", [])
    assert host.host.dial(1688, "10.1.2.3") == "filtered"
