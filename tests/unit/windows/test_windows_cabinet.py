# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory of a cabinet, and the .msu packages that are recognised by it."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.activation.kms.plugins.plugin_utils._windows.cabinet import DamagedCabinet, list_cabinet
from ansible_collections.activation.kms.plugins.plugin_utils._windows.packages import (
    MSU,
    UNKNOWN,
    PackageFile,
    examine,
    kb_of,
)
from ansible_collections.activation.kms.tests.unit.windows.cabinets import cabinet, msu

# -- the directory

NAMES = st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=60))


@given(NAMES, st.binary(max_size=40), st.binary(max_size=40))
def test_every_file_is_listed(names: list[str], reserve: bytes, signature: bytes) -> None:
    assert list_cabinet(cabinet(*names, reserve=reserve) + signature) == names


def test_the_code_page_of_an_old_name_does_not_matter() -> None:
    assert list_cabinet(cabinet(b"\x83e.cab", "b.cab")) == ["\x83e.cab", "b.cab"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"MSCF", "header"),
        (cabinet("a", version=(1, 4)), "version 1.4"),
        (cabinet("a", flags=1), "belong together"),
        (cabinet("a", flags=2), "belong together"),
        (cabinet("a", flags=3), "belong together"),
        (cabinet("a")[:-1], "half a download"),
        (cabinet("a", ""), "list of files is damaged"),
        (cabinet("n" * 257), "list of files is damaged"),
    ],
)
def test_what_is_no_whole_cabinet_says_why(content: bytes, reason: str) -> None:
    with pytest.raises(DamagedCabinet, match=reason):
        list_cabinet(content)


@given(st.integers(0, len(msu("Windows6.1-KB1234567-x64.cab")) - 1))
def test_a_cabinet_that_broke_off_is_damaged(cut: int) -> None:
    with pytest.raises(DamagedCabinet):
        list_cabinet(msu("Windows6.1-KB1234567-x64.cab")[:cut])


@given(st.binary(max_size=400), st.integers(0, 35), st.binary(min_size=1, max_size=8))
def test_any_bytes_are_listed_or_damaged(content: bytes, where: int, written_over: bytes) -> None:
    whole = cabinet("a.cab", "b.cab") + content
    for damaged in (content, b"MSCF" + content, whole[:where] + written_over + whole[where + len(written_over) :]):
        try:
            names = list_cabinet(damaged)
        except DamagedCabinet as damage:
            assert str(damage)
        else:
            assert 0 < sum(len(name) + 17 for name in names) <= len(damaged) or not names


def test_a_list_that_claims_to_be_endless_ends() -> None:
    """65535 entries that all lie at the same place would be read again and again; entries follow one another."""
    content = bytearray(cabinet("a", "b"))
    struct.pack_into("<H", content, 28, 0xFFFF)
    with pytest.raises(DamagedCabinet):
        list_cabinet(bytes(content))


# -- packages


def examined(folder: Path, content: bytes) -> PackageFile:
    path = folder / "package.msu"
    path.write_bytes(content)
    with path.open("rb") as opened:
        return examine(str(path), opened)


@pytest.mark.parametrize(
    ("payload", "machine", "kb"),
    [
        ("Windows6.0-KB968912-x86.cab", "x86", "KB968912"),
        ("Windows6.0-KB968912-ia64.cab", "ia64", "KB968912"),
        ("Windows6.1-KB3079821-x64.cab", "x64", "KB3079821"),
        ("windows6.1-kb2757817-X64.CAB", "x64", "KB2757817"),
        ("Windows6.1-KB2885698-v2-x86.cab", "x86", "KB2885698"),
        ("Windows8-RT-KB3172615-x64.cab", "x64", "KB3172615"),
        ("Windows8.1-KB3058168-x64.cab", "x64", "KB3058168"),
        ("Windows10.0-KB5034770-arm64.cab", "arm64", "KB5034770"),
    ],
)
def test_an_msu_is_known_by_its_payload(tmp_path: Path, payload: str, machine: str, kb: str) -> None:
    found = examined(tmp_path, msu(payload))
    assert (found.engine, found.machine, found.payload, found.flaw) == (MSU, machine, payload, "")
    assert kb_of(found.payload) == kb


@pytest.mark.parametrize(
    ("content", "flaw"),
    [
        (cabinet(), "no package"),
        (cabinet("WSUSSCAN.cab"), "no package"),
        (cabinet("WSUSSCAN.cab", "desktopdeployment.cab", "Windows11.0-KB5043080-x64.wim", "x.psf"), "no package"),
        (cabinet("Windows6.1-KB1234567-x64.cab", "Windows6.1-KB7654321-x64.cab"), "several packages"),
        (cabinet("Windows6.1-KB1234567-x64&calc.cab"), "no package"),
        (cabinet("..\\Windows6.1-KB1234567-x64.cab"), "no package"),
        (msu("Windows6.1-KB1234567-x64.cab")[:-10], "half a download"),
        (cabinet("Windows6.1-KB1234567-x64.cab", flags=2), "belong together"),
        (b"MSWIM\0\0\0" + bytes(200), "update image"),
    ],
)
def test_what_only_looks_like_an_msu_says_why(tmp_path: Path, content: bytes, flaw: str) -> None:
    found = examined(tmp_path, content)
    assert (found.engine, found.machine, found.payload) == (UNKNOWN, "", "")
    assert flaw in found.flaw


@pytest.mark.parametrize("name", ["", "WSUSSCAN.cab", "SSU-19041.3562-x64.cab", "Windows6.1-KB3079821-x64.msu"])
def test_other_names_are_of_no_update(name: str) -> None:
    assert kb_of(name) == ""


def test_a_servicing_stack_beside_the_payload_is_passed_over(tmp_path: Path) -> None:
    content = cabinet("SSU-19041.3562-x64.cab", "Windows10.0-KB5031356-x64.cab", "WSUSSCAN.cab")
    assert kb_of(examined(tmp_path, content).payload) == "KB5031356"
