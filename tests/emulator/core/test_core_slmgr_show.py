# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""slmgr.vbs /dli and /dlv: the same facts as in WMI, and only the lines a release has."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from corewire import KEY, Wire

from emulated_windows.core import Authority
from emulated_windows.machine.products import own_product

MakeWire = Callable[..., Wire]
OFFICE_KEY = "FFFFF-GGGGG-HHHHH-JJJJJ-KKKKK"
SLMGR = r"cscript //nologo C:\Windows\System32\slmgr.vbs"
GROUPS = {
    "server-2003-sp2-x86": "server_2008_r2_c",
    "server-2008-sp2": "server_2008_c",
    "server-2008-r2-sp1": "server_2008_r2_c",
    "server-2012-r2": "server_2012_r2",
    "server-2022": "server_2022",
}
COUNTED = 31
LABELS = {
    "ID": "Activation ID: ",
    "ApplicationID": "Application ID: ",
    "ProductKeyID": "Extended PID: ",
    "OfflineInstallationId": "Installation ID: ",
    "Name": "Name: ",
    "Description": "Description: ",
    "PartialProductKey": "Partial Product Key: ",
}


def host_on(wire: MakeWire, persona: str, **options: object) -> Wire:
    """A KMS host that has counted some clients."""
    start = {"start": "kms_1_2"} if persona.startswith("server-2003") else {}
    authority = Authority({KEY: GROUPS[persona], OFFICE_KEY: "office_2016"})
    given = {"host_key": KEY, "count": COUNTED, "authority": authority, **start, **options}
    return wire(persona=persona, **given)


def shown(host: Wire, arguments: str) -> list[str]:
    """The lines of slmgr.vbs."""
    ran = host.run(f"{SLMGR} {arguments}")
    assert (ran.code, ran.err, ran.mutation) == (0, "", False)
    return ran.out.splitlines()


@pytest.mark.parametrize("persona", GROUPS)
def test_dlv_says_what_wmi_says(wire: MakeWire, persona: str) -> None:
    host = host_on(wire, persona)
    product, lines = host.product(), shown(host, "/dlv")
    service = host.rows("SELECT * FROM SoftwareLicensingService")[0]
    assert lines[:2] == [f"Software licensing service version: {service['Version']}", ""]
    for column, label in LABELS.items():
        assert f"{label}{product[column]}" in lines
    assert "License Status: Licensed" in lines
    assert f"    Current count: {COUNTED}" in lines
    assert f"    Total requests received: {2 * COUNTED}" in lines
    assert lines[-2:] == ["    Requests with License Status Notification: 0", ""]


@pytest.mark.parametrize("persona", GROUPS)
def test_dli_is_dlv_with_lines_left_out(wire: MakeWire, persona: str) -> None:
    host = host_on(wire, persona)
    short, long = shown(host, "/dli"), shown(host, "/dlv")
    waiting = iter(long)
    assert all(line in waiting for line in short)  # in the same order
    assert not [line for line in short if line.startswith((LABELS["ID"], "Software licensing", "Remaining"))]


@pytest.mark.parametrize(
    ("label", "there"),
    [
        ("Product Key Channel: ", {"server-2012-r2", "server-2022"}),
        ("Processor Certificate URL: ", {"server-2003-sp2-x86", "server-2008-sp2", "server-2008-r2-sp1"}),
        ("Remaining Windows rearm count: ", {"server-2008-r2-sp1", "server-2012-r2", "server-2022"}),
        ("Remaining SKU rearm count: ", {"server-2012-r2", "server-2022"}),
        ("Trusted time: ", {"server-2008-r2-sp1", "server-2012-r2", "server-2022"}),
    ],
)
def test_lines_come_with_their_columns(wire: MakeWire, label: str, there: set[str]) -> None:
    found = {name for name in GROUPS if [line for line in shown(host_on(wire, name), "/dlv") if line.startswith(label)]}
    assert found == there


def test_the_members_of_the_classes_on_server_2003_are_a_dial(wire: MakeWire) -> None:
    host = host_on(wire, "server-2003-sp2-x86", dials={"licensing_members": "windows_7"})
    assert "Remaining Windows rearm count: 3" in shown(host, "/dlv")


@pytest.mark.parametrize("persona", GROUPS)
def test_settings_of_the_host(wire: MakeWire, persona: str) -> None:
    host = host_on(wire, persona, dials={"port_shown": "configured"})
    root = host.host.machine.licensing.root
    usual = shown(host, "/dlv")
    assert {"    Listening on Port: 1688", "    DNS publishing enabled", "    KMS priority: Normal"} <= set(usual)
    for name, kind, data in (
        ("KeyManagementServiceListeningPort", "REG_SZ", "1700"),
        ("DisableDnsPublishing", "REG_DWORD", "1"),
        ("EnableKmsLowPriority", "REG_DWORD", "1"),
    ):
        host.run(f'reg add "HKLM\\{root}" /v {name} /t {kind} /d {data} /f')
    service = host.host.machine.licensing.service_name
    host.run(f"net stop {service}")
    host.run(f"net start {service}")
    changed = set(shown(host, "/dlv"))
    assert {"    Listening on Port: 1700", "    DNS publishing disabled", "    KMS priority: Low"} <= changed


def test_a_host_nobody_has_asked_has_no_count(wire: MakeWire) -> None:
    host = host_on(wire, "server-2022", count=None, dials={"count_after_new_key": "unknown"})
    assert "    Current count: -1" in shown(host, "/dli")  # of an unsigned number: VBScript has only signed ones


@pytest.mark.parametrize(
    ("status", "lines"),
    [
        ("0", ["License Status: Unlicensed"]),
        ("2", ["License Status: Initial grace period", "Time remaining: 43200 minute(s) (30 day(s))"]),
        ("5", ["License Status: Notification", "Notification Reason: 0xC004F009 (grace time expired)."]),
    ],
)
def test_a_key_that_is_not_activated(wire: MakeWire, status: str, lines: list[str]) -> None:
    dials = {"auto_activation": "off", "status_after_key": status}
    host = wire(persona="server-2022", authority=Authority({KEY: "server_2022"}), dials=dials)
    host.run(f"{SLMGR} /ipk {KEY}")
    found = shown(host, "/dlv")
    place = found.index(lines[0])
    assert found[place : place + len(lines)] == lines


def test_an_expired_evaluation_says_why_and_when(wire: MakeWire) -> None:
    lines = shown(wire(persona="server-2022", evaluation="expired"), "/dlv")
    assert "License Status: Notification" in lines
    assert "Notification Reason: 0xC004FC07." in lines
    assert "Evaluation End Date: 11/13/2023 10:13:20 PM" in lines


def test_what_a_client_shows(wire: MakeWire) -> None:
    host = wire(persona="server-2022")
    lines = shown(host, "/dlv")
    assert "Volume activation expiration: 259200 minute(s) (180 day(s))" in lines
    cmid = host.rows("SELECT ClientMachineID FROM SoftwareLicensingService")[0]["ClientMachineID"]
    assert f"    Client Machine ID (CMID): {cmid}" in lines
    assert "Key Management Service is enabled on this machine" not in lines


def test_a_client_that_is_not_activated_shows_little(wire: MakeWire) -> None:
    host = wire(persona="server-2022")
    own = own_product("server_2022")
    assert own is not None
    host.licensing("InstallProductKey", ProductKey=own.key)
    lines = shown(host, "/dli")
    assert "License Status: Initial grace period" in lines
    assert not [line for line in lines if "CMID" in line]


@pytest.mark.parametrize("verb", ["/dli", "/dlv"])
def test_one_product_by_its_id_and_all_of_them(wire: MakeWire, verb: str) -> None:
    host = host_on(wire, "server-2022", office_licences=("office_2016",), office_key=OFFICE_KEY)
    rows = host.rows("SELECT ID, Name, Description FROM SoftwareLicensingProduct")
    office = next(row for row in rows if "Office" in row["Name"])
    assert [line for line in shown(host, f"{verb} {office['ID'].upper()}") if line.startswith("Name: ")] == [
        f"Name: {office['Name']}"
    ]
    assert not [line for line in shown(host, verb) if "Office" in line]  # what Windows is, unless asked for
    every = shown(host, f"{verb} all")
    assert [line for line in every if line.startswith("Name: ")] == [f"Name: {row['Name']}" for row in rows]
    assert "This license is not in use." in every
    assert len([line for line in every if line == "Key Management Service is enabled on this machine"]) == 2


def test_an_id_nobody_has(wire: MakeWire) -> None:
    assert shown(wire(persona="server-2022"), "/dli 00000000-0000-0000-0000-000000000000")[-1].startswith("Error: ")


def test_more_arguments_are_refused(wire: MakeWire) -> None:
    assert shown(wire(persona="server-2022"), "/dlv all more")[0].startswith("Usage: ")


@pytest.mark.parametrize(
    ("answer", "code", "out"),
    [
        ("fault", 0x80070426 - 0x100000000, "Error: 0x80070426\r\n"),
        ("no_rows", 0, "Error: no product key is installed.\r\n"),
    ],
)
def test_without_the_service_there_is_nothing_to_show(wire: MakeWire, answer: str, code: int, out: str) -> None:
    host = host_on(wire, "server-2008-sp2", dials={"licensing_stopped": answer})
    host.run("net stop slsvc")
    ran = host.run(f"{SLMGR} /dlv")
    assert (ran.code, ran.out) == (code, out)


@pytest.mark.parametrize(
    ("language", "status", "moment"),
    [
        ("DEU", "Lizenzstatus: Lizenziert", "Vertrauenswürdige Zeit: 14.11.2023 22:13:20"),
        ("JPN", "ライセンスの状態: ライセンスされています", "信頼された時刻: 2023/11/14 22:13:20"),
    ],
)
def test_other_languages(wire: MakeWire, language: str, status: str, moment: str) -> None:
    assert {status, moment} <= set(shown(host_on(wire, "server-2022", language=language), "/dlv"))
