# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every persona stands: it identifies itself, says what it is, and comes back from a restart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from corewire import Wire, codes

from emulated_windows.core import personas
from emulated_windows.key_groups import hosting

MakeWire = Callable[..., Wire]
CURRENT_VERSION = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion"
ALL = sorted(personas())
FROM_VISTA = [name for name in ALL if personas()[name].generation != "5.2"]
FROM_10 = [name for name in ALL if personas()[name].generation == "10.0"]
FROM_2012 = [name for name in ALL if personas()[name].since >= (6, 2)]
IDENTIFY = (
    b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header/><s:Body>'
    b'<i:Identify xmlns:i="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"/></s:Body></s:Envelope>'
)


def operating_system(host: Wire) -> dict[str, Any]:
    """The one row."""
    [row] = host.rows("SELECT * FROM Win32_OperatingSystem")
    return row


def value(host: Wire, name: str, kind: str = "String", out: str = "sValue") -> Any:
    """A value of CurrentVersion, None where it is missing."""
    return host.registry(f"Get{kind}Value", CURRENT_VERSION, sValueName=name)[out]


def test_there_are_fourteen() -> None:
    assert ALL == [
        "server-2003-r2",
        "server-2003-sp1-x86",
        "server-2003-sp2-x64",
        "server-2003-sp2-x86",
        "server-2008-r2-sp1",
        "server-2008-sp2",
        "server-2012",
        "server-2012-r2",
        "server-2016",
        "server-2019",
        "server-2022",
        "server-2025",
        "windows-10",
        "windows-7-sp1",
    ]


def test_every_release_is_one_that_key_groups_are_known_for() -> None:
    assert {persona.release.id for persona in personas().values()} == set(hosting())


@pytest.mark.parametrize("name", ALL)
def test_identify_names_the_stack(wire: MakeWire, name: str) -> None:
    reply = wire(persona=name).raw(IDENTIFY)
    style = personas()[name].wsman
    assert f"Stack: {style.stack}<".encode() in reply.body
    assert personas()[name].release.version.encode() in reply.body


@pytest.mark.parametrize("name", ALL)
def test_the_operating_system_and_the_registry_agree(wire: MakeWire, name: str) -> None:
    host, release = wire(persona=name), personas()[name].release
    row = operating_system(host)
    assert (row["Version"], row["BuildNumber"]) == (release.version, release.build)
    assert row["ServicePackMajorVersion"] == str(release.service_pack)
    assert (row["CSDVersion"] is None) == (release.service_pack == 0)
    assert value(host, "CurrentBuildNumber") == release.build
    assert row["WindowsDirectory"] == personas()[name].windows == value(host, "SystemRoot")
    assert (value(host, "EditionID") or "") == release.edition_id
    kinds = {"1": "WinNT", "2": "LanmanNT", "3": "ServerNT"}
    product_options = r"SYSTEM\CurrentControlSet\Control\ProductOptions"
    shown = host.registry("GetStringValue", product_options, sValueName="ProductType")["sValue"]
    assert shown == kinds[row["ProductType"]]


@pytest.mark.parametrize("name", FROM_VISTA)
def test_columns_that_came_with_vista(wire: MakeWire, name: str) -> None:
    row = operating_system(wire(persona=name))
    assert row["OSArchitecture"] == "64-bit"
    assert row["MUILanguages"] == "en-US"
    assert int(row["OperatingSystemSKU"]) in (4, 7, 8, 10)
    assert "QuantumLength" not in row
    assert ("PortableOperatingSystem" in row) == (name in FROM_2012)


@pytest.mark.parametrize("name", FROM_10)
def test_the_number_behind_the_build(wire: MakeWire, name: str) -> None:
    assert int(value(wire(persona=name), "UBR", "DWORD", "uValue")) == personas()[name].release.ubr > 0
    host = wire(persona=name, ubr=7)
    assert value(host, "UBR", "DWORD", "uValue") == "7"
    assert host.shown["os"]["ubr"] == 7
    assert value(host, "CurrentVersion") == "6.3"


@pytest.mark.parametrize("name", ALL)
def test_the_registry_provider_is_in_cimv2_from_vista_on(wire: MakeWire, name: str) -> None:
    arguments = {"hDefKey": 2147483650, "sSubKeyName": CURRENT_VERSION}
    reply = wire(persona=name).invoke("StdRegProv", "EnumKey", arguments)
    assert (reply.status == 200) is (name in FROM_VISTA)


@pytest.mark.parametrize("name", ALL)
def test_a_restart(wire: MakeWire, name: str) -> None:
    host = wire(persona=name, sessions=("interactive",), dials={"reboot": "works"})
    before = operating_system(host)["LastBootUpTime"]
    assert host.output("Win32_OperatingSystem", "Reboot") == {"ReturnValue": "0"}
    host.pass_time(60)
    assert not host.host.reachable()
    host.pass_time(200)
    assert host.host.reachable()
    assert operating_system(host)["LastBootUpTime"] > before
    assert host.shown["boot_count"] == 2
    assert host.shown["logons"] == []


@pytest.mark.parametrize("name", ALL)
def test_a_shell(wire: MakeWire, name: str) -> None:
    host = wire(persona=name)
    assert host.run("hostname").out == "kms03\r\n"
    release = personas()[name].release
    shown = f"{release.version}.{release.ubr}" if release.ubr else release.version
    assert host.run("ver").out == f"\r\nMicrosoft Windows [Version {shown}]\r\n"
    assert host.open_shell().startswith("uuid:") is (personas()[name].wsman.stack == "1.1")


@pytest.mark.parametrize("name", ALL)
def test_services_that_matter(wire: MakeWire, name: str) -> None:
    rows = wire(persona=name).rows("SELECT Name,State,StartMode FROM Win32_Service")
    found = {row["Name"].lower(): (row["StartMode"], row["State"]) for row in rows}
    assert found["winrm"] == ("Auto", "Running")
    assert found["w32time"] == ("Auto", "Running")
    assert found["remoteaccess"] == ("Disabled", "Stopped")
    assert found["policyagent"][1] == "Running"
    assert "wuauserv" in found
    assert "clussvc" not in found
    firewall = personas()[name].firewall.service.lower()
    assert found[firewall][1] == ("Stopped" if name == "server-2003-r2" else "Running")
    licensing = {"5.2": None, "6.0": ("Auto", "Running")}.get(personas()[name].generation, ("Auto", "Stopped"))
    assert found.get("slsvc" if personas()[name].generation == "6.0" else "sppsvc") == licensing


# -- options ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("language", "lcid", "locale", "country"), [("DEU", "1031", "0407", "49"), ("JPN", "1041", "0411", "81")]
)
def test_languages(wire: MakeWire, name: str, language: str, lcid: str, locale: str, country: str) -> None:
    host = wire(persona=name, language=language)
    row = operating_system(host)
    assert (row["OSLanguage"], row["Locale"], row["CountryCode"]) == (lcid, locale, country)
    assert row["Caption"] != operating_system(wire(persona=name))["Caption"]
    [service] = host.rows("SELECT Name,State,DisplayName FROM Win32_Service WHERE Name='WinRM'")
    assert service["State"] == "Running"
    assert service["DisplayName"] != "Windows Remote Management (WS-Management)"
    assert host.shown["os"]["language"] == language


@pytest.mark.parametrize("name", ALL)
def test_people_who_are_logged_on(wire: MakeWire, name: str) -> None:
    host = wire(persona=name, sessions=("interactive", "remote", "remote"))
    rows = host.rows("SELECT LogonId,LogonType FROM Win32_LogonSession WHERE LogonType=2 OR LogonType=10")
    assert sorted(row["LogonType"] for row in rows) == ["10", "10", "2"]
    assert len({row["LogonId"] for row in rows}) == 3
    assert operating_system(host)["NumberOfUsers"] == "3"
    [user] = host.rows("SELECT UserName FROM Win32_ComputerSystem")
    assert user == {"UserName": r"KMS03\Administrator"}
    assert wire(persona=name).rows("SELECT UserName FROM Win32_ComputerSystem") == [{"UserName": None}]
    others = wire(persona=name).rows("SELECT LogonType FROM Win32_LogonSession")
    assert {row["LogonType"] for row in others} == {"0", "3", "5"}


def test_roles_of_a_server(wire: MakeWire) -> None:
    host = wire(persona="server-2019", domain_controller=True, cluster=True)
    assert operating_system(host)["ProductType"] == "2"
    [row] = host.rows("SELECT DomainRole FROM Win32_ComputerSystem")
    assert row == {"DomainRole": "5"}
    states = host.rows("SELECT Name,State FROM Win32_Service WHERE Name='ClusSvc' OR Name='kdc' OR Name='NTDS'")
    assert {row["State"] for row in states} == {"Running"}
    assert len(states) == 3


def test_the_role_of_a_client(wire: MakeWire) -> None:
    assert wire(persona="windows-10").rows("SELECT DomainRole FROM Win32_ComputerSystem") == [{"DomainRole": "1"}]
    alone = wire(persona="windows-7-sp1", domain_member=False)
    assert alone.rows("SELECT DomainRole FROM Win32_ComputerSystem") == [{"DomainRole": "0"}]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"language": "XXX"}, "no language is called 'XXX'"),
        ({"ubr": 7}, "ubr counts from Windows 10.0 on"),
        ({"sessions": ("asleep",)}, "a session can be interactive or remote"),
        ({"persona": "windows-10", "cluster": True}, "a client has no cluster service"),
        ({"persona": "windows-10", "domain_controller": True}, "only a server"),
        ({"domain_controller": True, "domain_member": False}, "only a server"),
        ({"persona": "server-2012", "start": "kms_1_0"}, "start is for Server 2003"),
    ],
)
def test_options_that_make_no_sense(wire: MakeWire, options: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        wire(**options)


@pytest.mark.parametrize("name", ALL)
def test_a_restart_with_a_reason(wire: MakeWire, name: str) -> None:
    """Win32ShutdownTracker does not exist on Server 2003."""
    host = wire(persona=name, dials={"reboot": "works"})
    said = {"Timeout": 30, "Comment": "KMS update", "ReasonCode": 0x80020011, "Flags": 6}
    reply = host.invoke("Win32_OperatingSystem", "Win32ShutdownTracker", said)
    if name not in FROM_VISTA:
        assert codes(reply) == [2150858771]
        return
    assert reply.status == 200
    assert host.shown["restarts_announced"] == [{"comment": "KMS update", "reason": str(0x80020011), "seconds": 30.0}]
    host.pass_time(20)
    assert host.host.reachable()
    host.pass_time(30)
    assert not host.host.reachable()


@pytest.mark.parametrize(("name", "longest"), [("server-2003-sp2-x64", 600), ("server-2022", 315_360_000)])
def test_shutdown_takes_a_comment_and_a_countdown(wire: MakeWire, name: str, longest: int) -> None:
    host = wire(persona=name)
    assert host.run(f"shutdown /r /t {longest + 1}").code == 1
    assert host.run(f'shutdown /r /f /t {longest} /c "KMS Update" /d p:2:17').code == 0
    assert host.shown["restarts_announced"] == [
        {"comment": "KMS Update", "reason": "p:2:17", "seconds": float(longest)}
    ]


CLASS_LABELS = {"recording": "captured", "dump": "captured", "document": "documented", "assumed": "assumed"}
LICENSING_CLASSES = ("SoftwareLicensingService", "SoftwareLicensingProduct")


@pytest.mark.parametrize("name", sorted(personas()))
def test_a_persona_claims_no_more_than_its_classes_know(wire: MakeWire, name: str) -> None:
    """What a persona says of the licensing classes is at most as sure as their schemas are."""
    surest = ["captured", "documented", "assumed"]
    sources = wire(persona=name).host.class_sources()
    known = max(surest.index(CLASS_LABELS[sources[class_name]]) for class_name in LICENSING_CLASSES)
    for behaviour in personas()[name].behaviours:
        if behaviour.what == "properties and methods of the licensing classes":
            assert surest.index(behaviour.label) >= known


def test_a_recording_is_of_its_own_generation_only(wire: MakeWire) -> None:
    found = {name: wire(persona=name).host.class_sources() for name in personas()}
    recorded = {name for name, sources in found.items() if sources["Win32_OperatingSystem"] == "recording"}
    assert recorded == {name for name, persona in personas().items() if persona.generation in ("5.2", "6.1")}
    assert found["server-2019"]["SoftwareLicensingService"] == "dump"
    assert found["server-2003-sp2-x86"]["SoftwareLicensingService"] == "assumed"
    assert found["server-2008-sp2"]["SoftwareLicensingService"] == "document"
