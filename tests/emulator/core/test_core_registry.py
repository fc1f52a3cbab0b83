# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""StdRegProv: reading, writing, return values, the one registry everybody looks at."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from corewire import HKLM, Wire, codes

MakeWire = Callable[..., Wire]
PATH = r"SOFTWARE\activation.kms"


@pytest.mark.parametrize(
    ("kind", "name", "value", "expected"),
    [
        ("String", "sValue", "text & more", "text & more"),
        ("String", "sValue", "", ""),
        ("ExpandedString", "sValue", r"%SystemRoot%\x", r"C:\WINDOWS\x"),
        ("DWORD", "uValue", 4294967295, "4294967295"),
        ("MultiString", "sValue", ["a.example", "b.example, 0, 0"], ["a.example", "b.example, 0, 0"]),
        ("MultiString", "sValue", ["alone"], "alone"),
        ("Binary", "uValue", [0, 127, 255], ["0", "127", "255"]),
    ],
)
def test_what_is_set_is_read_again(wire: MakeWire, kind: str, name: str, value: object, expected: object) -> None:
    host = wire()
    assert host.registry("CreateKey", PATH) == {"ReturnValue": "0"}
    assert host.registry(f"Set{kind}Value", PATH, sValueName="V", **{name: value}) == {"ReturnValue": "0"}
    assert host.registry(f"Get{kind}Value", PATH, sValueName="v") == {"ReturnValue": "0", name: expected}


def test_names_keep_their_spelling_and_are_found_in_any(wire: MakeWire) -> None:
    host = wire()
    host.registry("CreateKey", rf"{PATH}\Deep\Down")
    host.registry("SetStringValue", PATH.upper(), sValueName="MyValue", sValue="x")
    assert host.registry("EnumKey", PATH) == {"ReturnValue": "0", "sNames": "Deep"}
    assert host.registry("EnumValues", PATH.lower()) == {"ReturnValue": "0", "sNames": "MyValue", "Types": "1"}


def test_enumerating_two_values_gives_parallel_arrays(wire: MakeWire) -> None:
    host = wire()
    host.registry("CreateKey", PATH)
    host.registry("SetDWORDValue", PATH, sValueName="Manual", uValue=1)
    host.registry("SetMultiStringValue", PATH, sValueName="List", sValue=["a"])
    assert host.registry("EnumValues", PATH) == {"ReturnValue": "0", "sNames": ["Manual", "List"], "Types": ["4", "7"]}


def test_return_values_for_what_is_not_there(wire: MakeWire) -> None:
    host = wire()
    assert host.registry("GetStringValue", PATH, sValueName="V") == {"ReturnValue": "2", "sValue": None}
    assert host.registry("SetStringValue", PATH, sValueName="V", sValue="x") == {"ReturnValue": "2"}
    assert host.registry("DeleteKey", PATH) == {"ReturnValue": "2"}
    assert host.registry("EnumKey", PATH) == {"ReturnValue": "2", "sNames": None}
    host.registry("CreateKey", PATH)
    assert host.registry("DeleteValue", PATH, sValueName="V") == {"ReturnValue": "2"}
    assert host.registry("EnumKey", PATH) == {"ReturnValue": "0", "sNames": None}


def test_a_missing_value_is_1_or_2_by_dial(wire: MakeWire) -> None:
    for setting in ("1", "2"):
        host = wire(dials={"value_missing": setting})
        assert host.registry("GetDWORDValue", "SOFTWARE", sValueName="nope") == {"ReturnValue": setting, "uValue": None}


def test_a_null_array_may_be_left_out(wire: MakeWire) -> None:
    host = wire(dials={"null_array_output": "omitted"})
    assert host.registry("EnumKey", r"SOFTWARE\nope") == {"ReturnValue": "2"}
    assert host.registry("GetStringValue", r"SOFTWARE\nope", sValueName="x") == {"ReturnValue": "2", "sValue": None}


def test_another_type_is_a_mismatch(wire: MakeWire) -> None:
    host = wire()
    host.registry("CreateKey", PATH)
    host.registry("SetStringValue", PATH, sValueName="V", sValue="1")
    assert host.registry("GetDWORDValue", PATH, sValueName="V")["ReturnValue"] == str(0x80041005)


def test_a_key_with_keys_below_cannot_be_deleted(wire: MakeWire) -> None:
    host = wire()
    host.registry("CreateKey", rf"{PATH}\Deep")
    assert host.registry("DeleteKey", PATH) == {"ReturnValue": "5"}
    assert host.registry("DeleteKey", rf"{PATH}\Deep") == {"ReturnValue": "0"}
    assert host.registry("DeleteKey", PATH) == {"ReturnValue": "0"}


def test_an_unknown_hive_is_an_invalid_handle(wire: MakeWire) -> None:
    reply = wire().output("StdRegProv", "EnumKey", {"hDefKey": 7, "sSubKeyName": "SOFTWARE"}, namespace="root/default")
    assert reply["ReturnValue"] == "6"


def test_check_access(wire: MakeWire) -> None:
    host = wire()
    assert host.registry("CheckAccess", "SOFTWARE", uRequired=3) == {"ReturnValue": "0", "bGranted": "true"}


def test_what_came_with_vista_does_not_exist(wire: MakeWire) -> None:
    host = wire()
    arguments = {"hDefKey": HKLM, "sSubKeyName": "SOFTWARE", "sValueName": "x"}
    assert host.invoke("StdRegProv", "GetQWORDValue", arguments, namespace="root/default").status == 500
    assert codes(host.invoke("StdRegProv", "GetStringValue", arguments, namespace="root/cimv2"))[0] == 2150858752


def test_reading_is_no_mutation_and_writing_is(wire: MakeWire) -> None:
    host = wire()
    arguments = {"hDefKey": HKLM, "sSubKeyName": PATH}
    assert not host.invoke("StdRegProv", "EnumKey", arguments, namespace="root/default").event.mutation
    made = host.invoke("StdRegProv", "CreateKey", arguments, namespace="root/default")
    assert made.event.mutation
    assert (made.event.operation, made.event.resource, made.event.method) == ("invoke", "StdRegProv", "CreateKey")


def test_a_firewall_entry_made_by_netsh_stands_in_the_registry(wire: MakeWire) -> None:
    host = wire()
    ran = host.run(
        'netsh firewall set portopening protocol=TCP port=1688 name="KMS" mode=ENABLE scope=CUSTOM '
        "addresses=10.0.0.0/8,192.168.7.1 profile=ALL"
    )
    assert ran.code == 0
    for profile in ("DomainProfile", "StandardProfile"):
        path = (
            r"SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy"
            rf"\{profile}\GloballyOpenPorts\List"
        )
        assert host.registry("GetStringValue", path, sValueName="1688:TCP")["sValue"] == (
            "1688:TCP:10.0.0.0/255.0.0.0,192.168.7.1/255.255.255.255:Enabled:KMS"
        )


def test_values_in_the_answer_are_escaped(wire: MakeWire) -> None:
    host = wire()
    host.registry("CreateKey", PATH)
    host.host.machine.registry.write(PATH, "V", 1, "a<b>&\r\n\x01")
    assert host.registry("GetStringValue", PATH, sValueName="V")["sValue"] == "a<b>&\r\n?"


@pytest.mark.parametrize(("setting", "code"), [("none", "2"), ("unrelated", "0")])
def test_a_pending_rename_of_somebody_else_by_dial(wire: MakeWire, setting: str, code: str) -> None:
    host = wire(dials={"pending_renames": setting, "value_missing": "2"})
    path = r"SYSTEM\CurrentControlSet\Control\Session Manager"
    found = host.registry("GetMultiStringValue", path, sValueName="PendingFileRenameOperations")
    assert found["ReturnValue"] == code
