# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How WinRM answers, generation by generation: MSFT_WmiError, ActivityId, ids, limits, the language of faults."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from corewire import CMD, TRANSFER, WMI, Wire, codes, local, parse, subcode

from emulated_windows.core import Reply, personas

MakeWire = Callable[..., Wire]
MI = [name for name, persona in sorted(personas().items()) if persona.wsman.mi]
CLASSIC = [name for name, persona in sorted(personas().items()) if not persona.wsman.mi]
CIM_SCHEMA = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/MSFT_WmiError"


def wmi_error(reply: Reply) -> Element | None:
    """MSFT_WmiError, if there is one."""
    return next((element for element in parse(reply.body).iter() if local(element.tag) == "MSFT_WmiError"), None)


def column(error: Element | None, name: str) -> str | None:
    """A column of it."""
    assert error is not None
    return next(child.text for child in error if local(child.tag) == name)


def test_the_mi_stack_came_with_2012() -> None:
    assert all((personas()[name].since >= (6, 2)) for name in MI)
    assert all((personas()[name].since < (6, 2)) for name in CLASSIC)


@pytest.mark.parametrize("name", MI)
@pytest.mark.parametrize(
    ("query", "status"), [("SELECT * FROM Win32_Nothing", "5"), ("SELECT Nothing FROM Win32_Service", "15")]
)
def test_errors_of_wmi_take_the_place_of_wsman_faults(wire: MakeWire, name: str, query: str, status: str) -> None:
    reply = wire(persona=name).enumerate(query)
    error = wmi_error(reply)
    assert reply.status == 500
    assert error is not None
    assert error.tag == f"{{{CIM_SCHEMA}}}MSFT_WmiError"
    assert column(error, "CIMStatusCode") == status
    assert b"WSManFault" not in reply.body
    told = wmi_error(wire(persona=name, dials={"error_detail": "wsman_fault"}).enumerate(query))
    assert told is None


@pytest.mark.parametrize("name", CLASSIC)
def test_before_2012_there_is_no_such_error(wire: MakeWire, name: str) -> None:
    reply = wire(persona=name).enumerate("SELECT * FROM Win32_Nothing")
    assert wmi_error(reply) is None
    assert codes(reply) == [2150858778, 2150858778]
    assert b"ActivityId" not in reply.body


@pytest.mark.parametrize(
    ("setting", "namespace"),
    [
        ("cim_schema", CIM_SCHEMA),
        ("own_namespace", f"{WMI}root/cimv2/MSFT_WmiError"),
        ("storage", f"{WMI}root/microsoft/windows/storage/MSFT_WmiError"),
    ],
)
def test_the_namespace_of_the_error_by_dial(wire: MakeWire, setting: str, namespace: str) -> None:
    error = wmi_error(
        wire(persona="server-2019", dials={"error_namespace": setting}).enumerate("SELECT * FROM Win32_Nothing")
    )
    assert error is not None
    assert error.tag == f"{{{namespace}}}MSFT_WmiError"


@pytest.mark.parametrize("name", MI)
def test_a_missing_instance_keeps_its_wsman_fault(wire: MakeWire, name: str) -> None:
    reply = wire(persona=name).send(f"{WMI}root/cimv2/Win32_Service", f"{TRANSFER}/Get", "", selectors={"Name": "x"})
    assert codes(reply)[0] == 2150858752
    assert wmi_error(reply) is None


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("nested_code", 0xC004F050),
        ("outer_code", 0xC004F050),
        ("extended_status", 0xC004F050),
        ("text_token", 2150858755),
    ],
)
@pytest.mark.parametrize("language", ["ENU", "DEU"])
def test_where_an_hresult_stands(wire: MakeWire, place: str, code: int, language: str) -> None:
    host = wire(persona="server-2016", language=language, dials={"hresult_place": place})
    reply = host.licensing("InstallProductKey", ProductKey="no key")
    error = wmi_error(reply)
    assert column(error, "error_Code") == str(code)
    assert column(error, "CIMStatusCode") == "1"
    assert ("HRESULT 0xc004f050" in (column(error, "Message") or "")) is (place != "extended_status")


@pytest.mark.parametrize("name", MI)
def test_too_many_shells(wire: MakeWire, name: str) -> None:
    host = wire(persona=name)
    for _ in range(personas()[name].wsman.shells_per_user):
        host.open_shell()
    reply = host.send(CMD, f"{TRANSFER}/Create", "<rsp:Shell/>")
    error = wmi_error(reply)
    assert (column(error, "CIMStatusCode"), column(error, "MessageID")) == ("27", "HRESULT 0x803381a5")
    assert subcode(reply) == "w:QuotaLimit"


@pytest.mark.parametrize("name", MI)
def test_faults_carry_an_activity_id(wire: MakeWire, name: str) -> None:
    host = wire(persona=name)
    tags = [local(child.tag) for child in parse(host.enumerate("SELECT * FROM Win32_Nothing").body)[0]]
    assert tags == ["Action", "MessageID", "ActivityId", "To", "RelatesTo"]


def test_winrm_1_1_names_no_machine(wire: MakeWire) -> None:
    root = parse(wire(persona="server-2003-sp1-x86").enumerate("SELECT * FROM Win32_Nothing").body)
    assert {element.get("Machine") for element in root.iter() if local(element.tag) == "WSManFault"} == {""}
    [provider] = [element.get("provider") for element in root.iter() if local(element.tag) == "ProviderFault"]
    assert provider == "WMIv1 plugin for Windows Remote Management "


def test_ids_of_winrm_1_1(wire: MakeWire) -> None:
    host = wire(persona="server-2003-sp1-x86")
    shell = host.open_shell()
    assert shell.startswith("uuid:")
    assert host.command_id(shell, "hostname").startswith("uuid:")
    assert host.run("hostname").code == 0


@pytest.mark.parametrize("name", sorted(personas()))
@pytest.mark.parametrize(("language", "tag"), [("DEU", "de-DE"), ("JPN", "ja-JP")])
def test_faults_speak_the_language_of_the_machine(wire: MakeWire, name: str, language: str, tag: str) -> None:
    query = "SELECT * FROM Win32_Nothing"
    reply, english = wire(persona=name, language=language).enumerate(query), wire(persona=name).enumerate(query)
    assert codes(reply) == codes(english)
    texts: list[Any] = [
        element.text for element in parse(reply.body).iter() if local(element.tag) in ("Text", "Message")
    ]
    assert f'xml:lang="{tag}"'.encode() in reply.body
    assert not any("filter" in (text or "") or "class" in (text or "") for text in texts)


@pytest.mark.parametrize(("name", "kilobytes"), [("server-2008-sp2", 150), ("server-2012", 500), ("server-2025", 500)])
def test_the_limit_of_an_envelope(wire: MakeWire, name: str, kilobytes: int) -> None:
    host = wire(persona=name)
    assert host.raw(b" " * (kilobytes * 1024 + 1)).status == 413
    assert host.raw(b" " * (kilobytes * 1024)).status == 400
