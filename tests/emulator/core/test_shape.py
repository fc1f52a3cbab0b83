# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers have the shape recorded from real machines: names, namespaces, order, nil, items a message.

The skeletons beside this file are made from recordings by tests/tools/make_skeletons.py and hold no value. Where the
recordings themselves are at hand (KMS_RECORDED, or ../shared/recorded beside the checkout), the skeletons are checked
against them, and their rows are asked for again, values and all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from corewire import CMD, ENUMERATION, TRANSFER, WMI, Wire, content, envelope, headers, local
from make_skeletons import skeleton

from emulated_windows.wmi.values import Moment, Row

MakeWire = Callable[..., Wire]
HERE = Path(__file__).parent
RECORDED = Path(os.environ.get("KMS_RECORDED") or Path(__file__).parents[4] / "shared" / "recorded")
SKELETONS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text()) for path in sorted((HERE / "skeletons").glob("*.json"))
}
MODELLED = (
    "Win32_OperatingSystem",
    "Win32_ComputerSystem",
    "Win32_Service",
    "Win32_Process",
    "Win32_NetworkAdapterConfiguration",
)
NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


def recordings(folder: str, ending: str) -> list[str]:
    """Names of the first messages of recorded enumerations."""
    return [name for name in SKELETONS[folder] if name.endswith(f"_{ending}_000")]


def items_of(shape: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a skeleton that describes rows."""
    found: dict[str, Any] = next(part[1] for part in shape["body"][0][1] if part[0].endswith("|Items"))
    return found


def rows_of(shape: Mapping[str, Any]) -> list[Row]:
    """Made-up rows of the same shape as those a skeleton was made from."""
    items = items_of(shape)
    shapes = [one["properties"].split() for one in items["shapes"]]
    always = set.intersection(*({name.partition("=")[0] for name in names} for names in shapes))
    rows = []
    for number, count in items["order"]:
        row: Row = {}
        for word in shapes[number]:
            name, _, kind = word.partition("=")
            value = None if kind == "nil" else Moment(1_366_043_318.376625) if kind else "text"
            repeated = shapes[number].count(word) > 1
            if repeated or name not in always:  # an array: a NULL one has no element at all
                row[name] = [value] * shapes[number].count(word)
            else:
                row[name] = value
        rows += [dict(row) for _ in range(count)]
    return rows


def recorded_rows(name: str, folder: str = "server-2003") -> list[Row]:
    """The real rows of a recording, values as text."""
    root = ElementTree.parse(RECORDED / folder / f"{name}.xml").getroot()
    items = next(part for part in root[1][0] if local(part.tag) == "Items")
    counts = [[local(child.tag) for child in row] for row in items]
    always = set.intersection(*(set(names) for names in counts))
    rows = []
    for row, names in zip(items, counts, strict=True):
        found: Row = {}
        for child in row:
            key = local(child.tag)
            value = None if child.get(NIL) == "true" else Moment(1.5) if len(child) else child.text or ""
            if names.count(key) > 1 or key not in always:
                before = found.get(key)
                found[key] = [*(before if isinstance(before, list) else []), value]
            else:
                found[key] = value
        rows.append(found)
    return rows


def query_for(name: str, rows: list[Row]) -> str:
    """The query a recording answers."""
    class_name = name.rsplit("_", 2)[0]
    columns = sorted({column for row in rows for column in row}, reverse=True)
    return f"SELECT {'*' if '_star_' in name else ','.join(columns)} FROM {class_name}"


def answered(host: Wire, name: str, rows: list[Row]) -> dict[str, Any]:
    """Load rows, ask for them, and take the skeleton of the answer."""
    host.host.load_class(name.rsplit("_", 2)[0], rows)
    uri = f"{WMI}root/cimv2/*"
    parts = headers(uri, f"{ENUMERATION}/Enumerate")
    parts["MaxEnvelopeSize"] = "<w:MaxEnvelopeSize>512000</w:MaxEnvelopeSize>"
    body = (
        f"<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>32000</w:MaxElements><w:Filter>"
        f"{query_for(name, rows)}</w:Filter></n:Enumerate>"
    )
    return skeleton(host.raw(envelope(parts, body)).body)


@pytest.mark.parametrize("name", recordings("server-2003", "star") + recordings("server-2003", "all"))
def test_enumerations_of_2003(wire: MakeWire, name: str) -> None:
    expected = SKELETONS["server-2003"][name]
    assert answered(wire(), name, rows_of(expected)) == expected


@pytest.mark.parametrize("name", recordings("server-2003", "star") + recordings("server-2003", "all"))
def test_enumerations_of_2003_with_their_values(wire: MakeWire, name: str) -> None:
    if not (RECORDED / "server-2003").is_dir():
        pytest.skip("the recordings are not at hand")
    assert answered(wire(), name, recorded_rows(name)) == SKELETONS["server-2003"][name]


@pytest.mark.parametrize("name", recordings("server-2008-r2", "star"))
def test_first_messages_of_2008_r2(wire: MakeWire, name: str) -> None:
    """2003's one message is a first row and a context here."""
    expected = SKELETONS["server-2008-r2"][name]
    rows = rows_of(expected)
    more = name.replace("_000", "_001") in SKELETONS["server-2008-r2"]
    made = answered(wire(persona="server-2008-r2-sp1"), name, rows * 2 if more else rows)
    assert made == expected


def test_pull_of_2008_r2(wire: MakeWire) -> None:
    name = "Win32_LogicalDisk_star_001"
    expected = SKELETONS["server-2008-r2"][name]
    host = wire(persona="server-2008-r2-sp1")
    rows = rows_of(expected)
    host.host.load_class("Win32_LogicalDisk", rows * 2)
    context = content(host.enumerate("SELECT * FROM Win32_LogicalDisk"))[0].text
    reply = host.send(
        f"{WMI}root/cimv2/*",
        f"{ENUMERATION}/Pull",
        f"<n:Pull><n:EnumerationContext>{context}</n:EnumerationContext><n:MaxElements>32000</n:MaxElements></n:Pull>",
    )
    made = skeleton(reply.body)
    assert made["body"] == expected["body"]
    assert made["headers"] == expected["headers"]


def names_in(class_name: str, *shapes: Mapping[str, Any]) -> list[str]:
    """The columns of the longest row of a class in some messages; rows of derived classes may stand between."""
    found = [one for shape in shapes for one in items_of(shape)["shapes"] if one["tag"].endswith(f"|{class_name}")]
    rows = [one["properties"].split() for one in found]
    return list(dict.fromkeys(word.partition("=")[0] for word in max(rows, key=len)))


@pytest.mark.parametrize("class_name", MODELLED)
def test_modelled_classes_have_the_recorded_columns_in_the_recorded_order(wire: MakeWire, class_name: str) -> None:
    made = skeleton(wire().enumerate(f"SELECT * FROM {class_name}").body)
    expected = SKELETONS["server-2003"][f"{class_name}_star_000"]
    assert names_in(class_name, made) == names_in(class_name, expected)
    assert {one["tag"] for one in items_of(made)["shapes"]} == {one["tag"] for one in items_of(expected)["shapes"]}
    assert made["namespaces"] == expected["namespaces"]


@pytest.mark.parametrize("class_name", MODELLED)
def test_modelled_classes_of_2008_r2_have_the_recorded_columns(wire: MakeWire, class_name: str) -> None:
    """Rows come one by one there, so the columns of all of them are compared."""
    host = wire(persona="server-2008-r2-sp1")
    expected = [shape for name, shape in SKELETONS["server-2008-r2"].items() if name.startswith(f"{class_name}_star")]
    made = max((list(row) for row in host.rows(f"SELECT * FROM {class_name}")), key=len)
    assert made == names_in(class_name, *expected)
    first = skeleton(host.enumerate(f"SELECT * FROM {class_name}").body)
    assert first["namespaces"] == expected[0]["namespaces"]
    assert [part[0] for part in first["body"][0][1]] == [part[0] for part in expected[0]["body"][0][1]]


@pytest.mark.parametrize("class_name", MODELLED)
def test_modelled_classes_are_nil_or_dated_where_recorded_ones_are(wire: MakeWire, class_name: str) -> None:
    """A column that was NULL in every recorded row may have a value here, but a date is a date in both."""

    def dates(shape: Mapping[str, Any]) -> set[str]:
        return {word for one in items_of(shape)["shapes"] for word in one["properties"].split() if "Datetime" in word}

    made = dates(skeleton(wire().enumerate(f"SELECT * FROM {class_name}").body))
    assert made <= dates(SKELETONS["server-2003"][f"{class_name}_star_000"])


# -- shells ----------------------------------------------------------------------------------------------------------


def shell_messages(host: Wire) -> dict[str, bytes]:
    """A conversation with a shell, by operation."""
    created = host.send(
        CMD,
        f"{TRANSFER}/Create",
        "<rsp:Shell><rsp:InputStreams>stdin</rsp:InputStreams>"
        "<rsp:OutputStreams>stdout stderr</rsp:OutputStreams></rsp:Shell>",
    )
    shell = host.open_shell()
    started = host.command(shell, r"type C:\hello.txt")
    command = content(started)[0].text or ""
    received = host.receive(shell, command)
    signalled = host.signal(shell, command)
    waiting = host.command_id(shell, 'findstr "^" > C:\\x.txt')
    sent = host.type_in(shell, waiting, b"x\n")
    return {
        "create": created.body,
        "command": started.body,
        "receive": received.body,
        "signal": signalled.body,
        "send": sent.body,
        "delete": host.close_shell(shell).body,
    }


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        ("create", "open_shell_v2"),
        ("command", "winrs_standard_01"),
        ("receive", "winrs_standard_02"),
        ("signal", "winrs_standard_03"),
        ("delete", "winrs_standard_04"),
        ("send", "winrs_send_02"),
    ],
)
def test_shell_messages(wire: MakeWire, operation: str, name: str) -> None:
    host = wire()
    host.host.machine.disk.write(r"C:\hello.txt", b"hi\r\n", host.clock.now())
    assert skeleton(shell_messages(host)[operation]) == SKELETONS["shell"][name]


@pytest.mark.parametrize(
    ("persona", "name"),
    [
        ("server-2003-sp1-x86", "open_shell_v1"),
        ("server-2008-sp2", "open_shell_v2"),
        ("server-2008-r2-sp1", "open_shell_v2"),
        ("server-2012", "winrs_standard_00"),
        ("server-2022", "winrs_standard_00"),
    ],
)
def test_a_new_shell_by_the_generation_of_winrm(wire: MakeWire, persona: str, name: str) -> None:
    reply = wire(persona=persona).send(CMD, f"{TRANSFER}/Create", "<rsp:Shell/>")
    assert skeleton(reply.body) == SKELETONS["shell"][name]


# -- faults ----------------------------------------------------------------------------------------------------------


def faults(host: Wire) -> dict[str, bytes]:
    """The faults there are recordings of."""
    uri = f"{WMI}root/cimv2/*"
    late = headers(uri, f"{ENUMERATION}/Enumerate", timeout="PT-1S")
    shell = host.open_shell()
    hanging = host.command_id(shell, "pause")
    host.receive(shell, hanging)  # takes the text
    done = host.command_id(shell, "hostname")
    host.receive(shell, done)
    return {
        "soap_fault_v2": host.enumerate("SELECT * FROM Win32_Nothing").body,
        "psrp_is_alive_other_wsman_error_03_fault": host.raw(envelope(late, "<n:Enumerate/>")).body,
        "psrp_is_alive_invalid_selectors_04_fault": host.receive("C0FFEE", "x").body,
        "winrs_bad_cmd_id_02_fault": host.receive(shell, "C0FFEE").body,
        "winrs_operation_timeout_03_fault": host.receive(shell, hanging).body,
        "winrs_fail_poll_process_01_fault": host.receive(shell, done).body,
        "winrs_no_cmd_shell_01_fault": host.command(shell, "nothing.exe", direct=True).body,
    }


def test_faults(wire: MakeWire) -> None:
    made = faults(wire())
    assert {name: skeleton(data) for name, data in made.items()} == {name: SKELETONS["faults"][name] for name in made}


@pytest.mark.parametrize(
    ("persona", "name"),
    [
        ("server-2003-sp1-x86", "soap_fault_v1"),
        ("server-2008-sp2", "soap_fault_v2"),
        ("windows-7-sp1", "soap_fault_v2"),
    ],
)
def test_a_missing_class_by_the_generation_of_winrm(wire: MakeWire, persona: str, name: str) -> None:
    reply = wire(persona=persona).enumerate("SELECT * FROM Win32_Nothing")
    assert skeleton(reply.body) == SKELETONS["faults"][name]


# -- the skeletons themselves ----------------------------------------------------------------------------------------


def test_the_skeletons_are_those_of_the_recordings() -> None:
    if not RECORDED.is_dir():
        pytest.skip("the recordings are not at hand")
    for folder, shapes in SKELETONS.items():
        for name, shape in shapes.items():
            assert skeleton((RECORDED / folder / f"{name}.xml").read_bytes()) == shape, f"{folder}/{name}"


def test_there_is_something_to_compare() -> None:
    assert len(recordings("server-2003", "star")) == 13
