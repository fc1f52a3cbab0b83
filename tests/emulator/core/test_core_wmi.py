# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WMI classes, queries, values, paging."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from corewire import ENUMERATION, TRANSFER, WMI, Wire, codes, content, envelope, headers, local, values

MakeWire = Callable[..., Wire]


def test_select_star_returns_every_column_of_the_class(wire: MakeWire) -> None:
    [row] = wire().rows("SELECT * FROM Win32_OperatingSystem")
    assert row["Version"] == "5.2.3790"
    assert row["ServicePackMajorVersion"] == "2"
    assert row["PlusProductID"] is None
    assert row["Description"] == ""
    assert "OSArchitecture" not in row  # came with Vista
    assert len(row) == 62


def test_column_list_returns_just_those_columns_sorted(wire: MakeWire) -> None:
    reply = wire().enumerate("select version, CSNAME from win32_operatingsystem")
    [row] = content(reply)[1]
    assert row.tag.endswith("}XmlFragment")
    assert [child.tag for child in row] == ["CSName", "Version"]


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ("Name='WinRM'", {"WinRM"}),
        ('Name="winrm"', {"WinRM"}),
        ("Name='WinRM' OR Name='Spooler'", {"WinRM", "Spooler"}),
        ("Name LIKE 'Win%' AND State='Running'", {"winmgmt", "WinRM"}),
        ("(Name='WinRM' OR Name='Spooler') AND NOT Name='Spooler'", {"WinRM"}),
        ("StartMode <> 'Auto' AND Started = TRUE", {"HTTPFilter", "Netman", "Nla", "TermService", "Wmi"}),
        ("StartMode != 'Auto' AND Started = TRUE AND Name >= 't'", {"TermService", "Wmi"}),
        ("ProcessId > 0 AND Name < 'c'", {"AeLookupSvc", "Browser"}),
        ("InstallDate IS NULL AND Name='Dfs'", {"Dfs"}),
        ("InstallDate = null AND Name='Dfs'", {"Dfs"}),
        ("InstallDate IS NOT NULL", set()),
        ("InstallDate <> null", set()),
        ("Name = 'no such service'", set()),
    ],
)
def test_where(wire: MakeWire, condition: str, names: set[str]) -> None:
    assert {row["Name"] for row in wire().rows(f"SELECT Name FROM Win32_Service WHERE {condition}")} == names


def test_dates_can_be_compared(wire: MakeWire) -> None:
    host = wire()
    query = "SELECT Version FROM Win32_OperatingSystem WHERE LastBootUpTime {} '20231114221320.000000+000'"
    assert host.rows(query.format("<"))
    assert not host.rows(query.format(">"))


def test_a_backslash_is_escaped_in_wql(wire: MakeWire) -> None:
    [row] = wire().rows(r"SELECT Name,FileSize,Version FROM CIM_DataFile WHERE Name='C:\\WINDOWS\\system32\\cmd.exe'")
    assert row == {
        "FileSize": "399872",
        "Name": r"c:\windows\system32\cmd.exe",
        "Version": "5.2.3790.3959 (srv03_sp2_rtm.070216-1710)",
    }


def test_a_file_query_without_a_full_name_walks_the_disk_beyond_any_time_out(wire: MakeWire) -> None:
    reply = wire().enumerate("SELECT Name FROM CIM_DataFile WHERE Extension='xrm'")
    assert reply.status == 500
    assert codes(reply) == [2150858793]
    assert reply.delay == 20.0


def test_a_folder_is_found_by_its_name(wire: MakeWire) -> None:
    host = wire()
    assert host.rows(r"SELECT Name FROM Win32_Directory WHERE Name='C:\\WINDOWS'") == [{"Name": r"c:\windows"}]
    assert host.rows(r"SELECT Name FROM Win32_Directory WHERE Name='C:\\nope'") == []


def test_get_needs_no_selectors_for_the_operating_system(wire: MakeWire) -> None:
    reply = wire().send(f"{WMI}root/cimv2/Win32_OperatingSystem", f"{TRANSFER}/Get", "")
    assert values(content(reply))["Version"] == "5.2.3790"


def test_get_of_one_instance(wire: MakeWire) -> None:
    reply = wire().send(f"{WMI}root/cimv2/Win32_Service", f"{TRANSFER}/Get", "", selectors={"Name": "winrm"})
    assert values(content(reply))["DisplayName"] == "Windows Remote Management (WS-Management)"


def test_enumerate_a_class_without_a_filter(wire: MakeWire) -> None:
    body = "<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>100</w:MaxElements></n:Enumerate>"
    reply = wire().send(f"{WMI}root/cimv2/Win32_ComputerSystem", f"{ENUMERATION}/Enumerate", body)
    [row] = content(reply)[1]
    assert values(row)["Roles"] == ["LM_Workstation", "LM_Server", "NT", "Server_NT"]


def test_selector_filter(wire: MakeWire) -> None:
    body = (
        '<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>9</w:MaxElements><w:Filter Dialect="'
        'http://schemas.dmtf.org/wbem/wsman/1/wsman/SelectorFilter"><w:SelectorSet><w:Selector Name="State">Running'
        '</w:Selector><w:Selector Name="Name">Spooler</w:Selector></w:SelectorSet></w:Filter></n:Enumerate>'
    )
    reply = wire().send(f"{WMI}root/cimv2/Win32_Service", f"{ENUMERATION}/Enumerate", body)
    assert [values(row)["Name"] for row in content(reply)[1]] == ["Spooler"]


# -- paging ----------------------------------------------------------------------------------------------------------


def test_everything_at_once_as_recorded_on_2003(wire: MakeWire) -> None:
    body = content(wire().enumerate("SELECT Name FROM Win32_Service"))
    assert [local(child.tag) for child in body] == ["EnumerationContext", "Items", "EndOfSequence"]
    assert not body[0].text
    assert len(body[1]) == 59


def test_one_row_and_then_pull_as_recorded_on_2008_r2(wire: MakeWire) -> None:
    host = wire(dials={"paging": "one_then_pull"})
    body = content(host.enumerate("SELECT Name FROM Win32_Service"))
    assert body[0].text
    assert len(body[1]) == 1
    assert [local(child.tag) for child in body] == ["EnumerationContext", "Items"]
    assert len(host.rows("SELECT Name FROM Win32_Service")) == 59


def test_the_context_changes_with_every_pull_and_the_old_one_is_used_up(wire: MakeWire) -> None:
    host = wire(dials={"paging": "one_then_pull"})
    first = content(host.enumerate("SELECT Name FROM Win32_Service"))[0].text

    def pull(context: str | None) -> tuple[int, list[str | None]]:
        reply = host.send(
            f"{WMI}root/cimv2/*",
            f"{ENUMERATION}/Pull",
            f"<n:Pull><n:EnumerationContext>{context}</n:EnumerationContext><n:MaxElements>5</n:MaxElements></n:Pull>",
        )
        if reply.status != 200:
            return codes(reply)[0], []
        return 0, [child.text for child in content(reply)]

    code, answer = pull(first)
    assert code == 0
    assert answer[0] not in ("", first)
    assert pull(first)[0] == 2150858779
    assert pull(answer[0])[0] == 0


def test_an_enumeration_nobody_pulls_expires(wire: MakeWire) -> None:
    host = wire(dials={"paging": "one_then_pull"})
    context = content(host.enumerate("SELECT Name FROM Win32_Service"))[0].text
    host.pass_time(61)
    reply = host.send(
        f"{WMI}root/cimv2/*",
        f"{ENUMERATION}/Pull",
        f"<n:Pull><n:EnumerationContext>{context}</n:EnumerationContext></n:Pull>",
    )
    assert codes(reply) == [2150858779]


def test_release_ends_an_enumeration(wire: MakeWire) -> None:
    host = wire(dials={"paging": "one_then_pull"})
    context = content(host.enumerate("SELECT Name FROM Win32_Service"))[0].text
    body = f"<n:Release><n:EnumerationContext>{context}</n:EnumerationContext></n:Release>"
    assert host.send(f"{WMI}root/cimv2/*", f"{ENUMERATION}/Release", body).status == 200
    assert codes(host.send(f"{WMI}root/cimv2/*", f"{ENUMERATION}/Release", body)) == [2150858779]


def test_open_enumerations_count_against_the_quota_of_a_user(wire: MakeWire) -> None:
    host = wire(dials={"paging": "one_then_pull"})
    for _ in range(15):
        assert host.enumerate("SELECT Name FROM Win32_Service").status == 200
    assert codes(host.enumerate("SELECT Name FROM Win32_OperatingSystem")) == [2150859174]


def test_an_answer_does_not_grow_beyond_the_envelope_the_client_takes(wire: MakeWire) -> None:
    host = wire()
    parts = headers(f"{WMI}root/cimv2/*", f"{ENUMERATION}/Enumerate")
    parts["MaxEnvelopeSize"] = "<w:MaxEnvelopeSize>32768</w:MaxEnvelopeSize>"
    body = (
        "<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>32000</w:MaxElements><w:Filter>SELECT * FROM "
        "Win32_Service</w:Filter></n:Enumerate>"
    )
    reply = host.raw(envelope(parts, body))
    assert len(reply.body) <= 32768
    assert content(reply)[0].text
    assert 10 < len(content(reply)[1]) < 59


@pytest.mark.parametrize(
    ("setting", "shape"),
    [
        ("no_items", [["EnumerationContext", "EndOfSequence"]]),
        ("empty_items", [["EnumerationContext", "Items", "EndOfSequence"]]),
        ("context_then_pull", [["EnumerationContext"], ["Items", "EndOfSequence"]]),
    ],
)
def test_an_empty_enumeration(wire: MakeWire, setting: str, shape: list[list[str]]) -> None:
    host = wire(dials={"empty_enumeration": setting})
    query = "SELECT Name FROM Win32_Service WHERE Name='none'"
    body = content(host.enumerate(query))
    seen = [[local(child.tag) for child in body]]
    if body[0].text:
        reply = host.send(
            f"{WMI}root/cimv2/*",
            f"{ENUMERATION}/Pull",
            f"<n:Pull><n:EnumerationContext>{body[0].text}</n:EnumerationContext></n:Pull>",
        )
        seen.append([local(child.tag) for child in content(reply)])
    assert seen == shape
    assert host.rows(query) == []


# -- services and processes ------------------------------------------------------------------------------------------


def state(host: Wire, name: str) -> str:
    [row] = host.rows(f"SELECT State FROM Win32_Service WHERE Name='{name}'")
    return str(row["State"])


def test_a_service_stops_and_starts_in_its_time(wire: MakeWire) -> None:
    host = wire()
    chosen = {"selectors": {"Name": "Spooler"}}
    assert host.output("Win32_Service", "StopService", **chosen) == {"ReturnValue": "0"}
    assert state(host, "Spooler") == "Stop Pending"
    host.pass_time(2)
    assert state(host, "Spooler") == "Stopped"
    assert host.output("Win32_Service", "StopService", **chosen) == {"ReturnValue": "6"}
    assert host.output("Win32_Service", "StartService", **chosen) == {"ReturnValue": "0"}
    assert host.output("Win32_Service", "StartService", **chosen) == {"ReturnValue": "10"}
    host.pass_time(3)
    assert state(host, "Spooler") == "Running"


def test_a_disabled_service_does_not_start(wire: MakeWire) -> None:
    host = wire()
    assert host.output("Win32_Service", "StartService", selectors={"Name": "TlntSvr"}) == {"ReturnValue": "14"}
    assert host.output(
        "Win32_Service", "ChangeStartMode", {"StartMode": "Automatic"}, selectors={"Name": "TlntSvr"}
    ) == {"ReturnValue": "0"}
    [row] = host.rows("SELECT StartMode FROM Win32_Service WHERE Name='TlntSvr'")
    assert row["StartMode"] == "Auto"
    assert host.output("Win32_Service", "ChangeStartMode", {"StartMode": "Auto"}, selectors={"Name": "TlntSvr"}) == {
        "ReturnValue": "21"
    }


def test_a_stopped_winrm_answers_no_more(wire: MakeWire) -> None:
    host = wire()
    assert host.output("Win32_Service", "StopService", selectors={"Name": "WinRM"}) == {"ReturnValue": "0"}
    host.pass_time(2)
    assert not host.host.reachable()
    assert host.enumerate("SELECT Name FROM Win32_Service").drop


def test_a_process_can_be_made_and_ended(wire: MakeWire) -> None:
    host = wire()
    made = host.output("Win32_Process", "Create", {"CommandLine": r'cmd /c findstr "^" > C:\x.txt'})
    assert made["ReturnValue"] == "0"
    query = f"SELECT Name,CommandLine FROM Win32_Process WHERE ProcessId={made['ProcessId']}"
    assert host.rows(query)[0]["Name"] == "cmd.exe"
    assert host.output("Win32_Process", "Terminate", {"Reason": 0}, selectors={"Handle": made["ProcessId"]}) == {
        "ReturnValue": "0"
    }
    assert host.rows(query) == []
    assert host.shown["processes"] == []


def test_a_program_that_does_not_exist_cannot_be_made_a_process(wire: MakeWire) -> None:
    made = wire().output("Win32_Process", "Create", {"CommandLine": r"C:\nope.exe"})
    assert made == {"ProcessId": None, "ReturnValue": "9"}


# -- hotfixes --------------------------------------------------------------------------------------------------------


def test_installed_updates_are_hotfixes(wire: MakeWire) -> None:
    query = "SELECT HotFixID FROM Win32_QuickFixEngineering WHERE HotFixID='KB968915' OR ServicePackInEffect='KB968915'"
    assert wire(start="bare").rows(query) == []
    assert wire(start="kms_1_2").rows(query) == [{"HotFixID": "KB968915"}]


def test_hotfix_rows_may_be_called_file_1(wire: MakeWire) -> None:
    rows = wire(start="kms_1_2", dials={"qfe_noise": "file_1_rows"}).rows(
        "SELECT HotFixID,ServicePackInEffect FROM Win32_QuickFixEngineering"
    )
    assert {"HotFixID": "File 1", "ServicePackInEffect": "KB968915"} in rows


# -- time ------------------------------------------------------------------------------------------------------------


def test_the_clock_of_a_host_may_be_ahead(wire: MakeWire) -> None:
    host = wire(dials={"clock_offset": "5400"})
    [row] = host.rows("SELECT LocalDateTime FROM Win32_OperatingSystem")
    assert row["LocalDateTime"] == "2023-11-14T23:43:20Z"  # the virtual clock says 22:13:20


def test_dates_may_carry_an_offset(wire: MakeWire) -> None:
    [row] = wire(dials={"time_zone": "offset"}).rows("SELECT LocalDateTime FROM Win32_OperatingSystem")
    assert row["LocalDateTime"] == "2023-11-15T00:13:20+02:00"


def test_files_come_in_the_order_of_their_names(wire: MakeWire) -> None:
    """Whatever order they are asked for in, so that a seed replays the same answers."""
    host = wire()
    names = [f"C:\\{letter}.txt" for letter in "echdafbg"]
    for name in names:
        host.host.machine.disk.write(name, b"x", 0.0)
    asked = " OR ".join(f"Name='{name}'" for name in names).replace("\\", "\\\\")
    rows = host.rows(f"SELECT Name FROM CIM_DataFile WHERE {asked}")
    assert [row["Name"] for row in rows] == sorted(name.lower() for name in names)
