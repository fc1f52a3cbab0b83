# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recordings of real Windows machines, read and replayed. Deselected where they are not at hand (see conftest)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from wsman_doors import RECORDED, Answer, FakeWorld, recorded

from ansible_collections.activation.kms.plugins.plugin_utils._wsman import tree
from ansible_collections.activation.kms.plugins.plugin_utils._wsman.client import Client
from ansible_collections.activation.kms.plugins.plugin_utils._wsman.faults import Fault, is_fault, read_fault
from ansible_collections.activation.kms.plugins.plugin_utils._wsman.shell import Completed, Shell
from ansible_collections.activation.kms.plugins.plugin_utils._wsman.values import Row

ENUMERATIONS = sorted(RECORDED.glob("server-*/*_000.xml"))
COLUMN_LISTS = [path for path in ENUMERATIONS if "_all_" in path.name]
FAULTS = sorted(RECORDED.glob("faults/*.xml"))
ABSENT = [RECORDED / "absent"]  # keeps the tests countable, so that they are seen to be deselected
CONVERSATIONS = sorted(RECORDED.glob("shell/winrs_*_00.xml"))


def name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def class_of(path: Path) -> str:
    return re.sub(r"_(all|star)_\d+$", "", path.stem)


def series(first: Path) -> list[Path]:
    """A recorded enumeration or conversation, in order."""
    return sorted(first.parent.glob(re.sub(r"\d+$", "*", first.stem) + ".xml"))


def replay(first: Path) -> tuple[list[Row], FakeWorld]:
    script: list[Answer] = [recorded(path) for path in series(first)]
    world = FakeWorld(*script)
    return Client(world).query("root/cimv2", f"SELECT * FROM {class_of(first)}"), world


@pytest.mark.parametrize("first", ENUMERATIONS or ABSENT, ids=name_of)
def test_an_enumeration_is_read_to_its_end(first: Path) -> None:
    rows, world = replay(first)
    assert world.script == [], "every recorded message was asked for"
    assert rows
    text = b"".join(path.read_bytes() for path in series(first)).decode()
    if "_all_" in first.name:
        assert len(rows) == len(re.findall("<w:XmlFragment[ >]", text))
        assert {row.class_name for row in rows} == {""}
    else:  # an instance says its real class, which may be derived from the one asked for
        assert [row.class_name for row in rows] == re.findall('xsi:type="p:([^"]+)_Type"', text)


@pytest.mark.parametrize("first", ENUMERATIONS or ABSENT, ids=name_of)
def test_each_pull_names_the_context_the_answer_before_it_gave(first: Path) -> None:
    _rows, world = replay(first)
    given = [re.search(r"<n:EnumerationContext>([^<]+)<", path.read_text("utf-8")) for path in series(first)]
    asked = [sent.header("EnumerationContext") for sent in world.sent[1:]]
    assert asked == [found.group(1) for found in given if found]


@pytest.mark.parametrize("first", COLUMN_LISTS or ABSENT, ids=name_of)
def test_a_column_list_brings_the_columns_asked_for(first: Path) -> None:
    rows, _world = replay(first)
    asked = (first.parent / f"{class_of(first)}.properties").read_text("utf-8").split()
    for row in rows:
        assert set(row.names()) <= set(asked)
    assert {name for row in rows for name in row.names()}


@pytest.mark.parametrize("first", COLUMN_LISTS or ABSENT, ids=name_of)
def test_instances_and_fragments_agree_on_their_properties(first: Path) -> None:
    whole = first.with_name(first.name.replace("_all_", "_star_"))
    fragments, instances = replay(first)[0], replay(whole)[0]
    columns = set(fragments[0].names())
    assert columns <= set(instances[0].names())
    assert "xsi" not in "".join(columns)


@pytest.mark.parametrize("form", ["all", "star"])
@pytest.mark.parametrize(
    ("machine", "version", "build", "language"),
    [("server-2003", "5.2.3790", "3790", 1033), ("server-2008-r2", "6.1.7601", "7601", 1033)],
)
def test_the_operating_system(machine: str, version: str, build: str, language: int, form: str) -> None:
    (row,), _world = replay(RECORDED / machine / f"Win32_OperatingSystem_{form}_000.xml")
    assert row.text("Version") == version
    assert row.text("BuildNumber") == build
    assert row.integer("OSLanguage") == language
    assert row.integer("ProductType") == 3
    assert row.boolean("Primary") is True
    boot, clock = row.moment("LastBootUpTime"), row.moment("LocalDateTime")
    assert boot is not None
    assert clock is not None
    assert boot < clock
    assert row.text("PlusProductID") is None


@pytest.mark.parametrize("first", ENUMERATIONS or ABSENT, ids=name_of)
def test_every_date_is_a_moment(first: Path) -> None:
    rows, _world = replay(first)
    text = b"".join(path.read_bytes() for path in series(first)).decode()
    dated = set(re.findall(r"<(?:p:)?(\w+)><(?:cim:)?Datetime>", text))
    for row in rows:
        assert all(row.moment(name) is not None for name in dated if row.text(name))
    assert len(dated) <= 10


@pytest.mark.parametrize("path", FAULTS or ABSENT, ids=name_of)
def test_a_fault_is_known(path: Path) -> None:
    body = path.read_bytes()
    root = tree.parse(body)
    assert root is not None
    assert is_fault(root)
    found = read_fault("kms01", "reading X", 500, body, root, str)
    codes = [int(code) for code in re.findall(r"""Code=['"](\d+)""", body.decode())]
    assert list(found.numbers.wsman) == codes
    assert found.code == f"0x{codes[-1]:08X}"
    assert found.timed_out == (2150858793 in codes)
    assert found.class_missing == path.name.startswith("soap_fault_v")
    assert not found.access_denied
    assert not found.quota
    assert found.detail


@pytest.mark.parametrize("path", FAULTS or ABSENT, ids=name_of)
def test_a_fault_is_raised_whatever_the_status(path: Path) -> None:
    for status in (200, 500):
        with pytest.raises(Fault):
            Client(FakeWorld((status, recorded(path)))).query("root/cimv2", "SELECT * FROM X")


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_a_shell_of_each_generation_is_addressed_as_it_asks(generation: str) -> None:
    answer = recorded(RECORDED / "shell" / f"open_shell_{generation}.xml")
    (given,) = re.findall(r"""Name=['"]ShellId['"]>([^<]+)<""", answer.decode())
    world = FakeWorld(answer, (500, recorded(FAULTS[0])), recorded(RECORDED / "shell" / "winrs_send_06.xml"))
    with pytest.raises(Fault), Shell(Client(world)) as shell:
        shell.run("x", timeout=60, mutating=True)
    assert [sent.named("Selector")["ShellId"] for sent in world.sent[1:]] == [given] * 2
    assert given.startswith("uuid:") == (generation == "v1")


EXPECTED = {
    "winrs_standard": Completed(0, "hi\r\n", ""),
    "winrs_stderr_rc": Completed(1, "out \r\n", "err \r\n"),
    "winrs_unicode": Completed(0, "こんにちは\n", ""),
    "winrs_send": Completed(0, "output 1\noutput 2\n", ""),
    "winrs_no_cmd_shell": Completed(0, "hi\n", ""),
}


@pytest.mark.parametrize("first", CONVERSATIONS or ABSENT, ids=name_of)
def test_a_conversation_with_a_shell(first: Path) -> None:
    script: list[Answer] = [recorded(path) for path in series(first)]
    sends = sum(b"SendResponse" in answer for answer in script if isinstance(answer, bytes))
    world = FakeWorld(*script)
    stdin = [b"x" * 54000] * sends if sends else None
    with Shell(Client(world)) as shell:
        done = shell.run("x", timeout=600, mutating=True, stdin=stdin)
    assert world.script == []
    assert world.logged == []
    assert done == EXPECTED[first.stem[:-3]]
