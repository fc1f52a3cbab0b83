# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What kind of package a program is."""

from __future__ import annotations

import gc
import hashlib
import struct
import typing as t
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.activation.kms.plugins.plugin_utils._windows.packages import (
    UNKNOWN,
    UPDATE_EXE,
    PackageFile,
    examine,
)
from ansible_collections.activation.kms.tests.unit.windows.programs import SFX, program


def examined(folder: Path, content: bytes) -> PackageFile:
    path = folder / "package.exe"
    path.write_bytes(content)
    with path.open("rb") as opened:
        return examine(str(path), opened)


@pytest.mark.parametrize(
    ("content", "engine", "machine"),
    [
        (program(0x14C, SFX), UPDATE_EXE, "x86"),
        (program(0x8664, SFX), UPDATE_EXE, "x64"),
        (program(0x14C, {"OriginalFilename": "sfxcab.exe"}), UPDATE_EXE, "x86"),
        (program(0x14C, {"InternalName": "WEXTRACT.EXE"}), UNKNOWN, "x86"),
        (program(0x14C, {"FileDescription": "SFXCAB"}), UNKNOWN, "x86"),
        (program(0x200, {}), UNKNOWN, "ia64"),
        (program(0x1C0, {}), UNKNOWN, ""),
        (b"", UNKNOWN, ""),
        (b"MZ", UNKNOWN, ""),
        (b"<html>you are being redirected</html>", UNKNOWN, ""),
        (b"MZ" + bytes(200), UNKNOWN, ""),
        (b"PK\x03\x04" + bytes(100), UNKNOWN, ""),
    ],
)
def test_a_package_is_known_by_what_it_says_of_itself(
    tmp_path: Path, content: bytes, engine: str, machine: str
) -> None:
    found = examined(tmp_path, content)
    assert (found.engine, found.machine) == (engine, machine)
    assert (found.size, found.sha256) == (len(content), hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize("cut", [*range(0, 0x200, 23), *range(0x200, len(program(0x14C, SFX)), 17)])
def test_a_download_that_broke_off_is_no_accident(tmp_path: Path, cut: int) -> None:
    assert examined(tmp_path, program(0x14C, SFX)[:cut]).size == cut


@pytest.mark.parametrize(
    ("strings", "kb"),
    [
        (SFX, ""),
        ({**SFX, "KB Article Number": "948003"}, "KB948003"),
        ({**SFX, "KB Article Number": "KB968915"}, "KB968915"),
        ({**SFX, "KB Article Number": ""}, ""),
        ({**SFX, "KB Article Number": "see the Internet"}, ""),
    ],
)
def test_a_package_may_say_which_update_it_is(tmp_path: Path, strings: dict[str, str], kb: str) -> None:
    assert examined(tmp_path, program(0x14C, strings)).kb == kb


def test_the_result_says_who_signed_it(tmp_path: Path) -> None:
    data = examined(tmp_path, program(0x14C, SFX)).as_data()
    assert data["signature"] == {"state": "unsigned", "signer": "", "reason": "nobody has signed it"}
    assert data["engine"] == "update.exe"


# -- bytes that somebody made up


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Path]:
    gc.freeze()  # pefile collects garbage for each file that is no program: all of pytest's, again and again
    yield tmp_path_factory.mktemp("packages")
    gc.unfreeze()


WHOLE = program(0x14C, SFX)


@given(st.binary(max_size=600), st.binary(max_size=600))
def test_any_file_is_examined(folder: Path, content: bytes, headers: bytes) -> None:
    for made_up in (content, b"MZ" + content, b"MSCF" + content, WHOLE[:0x58] + headers, WHOLE[:0x200] + content):
        assert examined(folder, made_up).sha256 == hashlib.sha256(made_up).hexdigest()


@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 4), st.integers(0, 0xFFFFFFFF)), min_size=1, max_size=6))
def test_numbers_that_lie_do_no_harm(folder: Path, lies: list[tuple[int, int]]) -> None:
    """Sizes, counts and addresses in the headers and the resources that are anything at all."""
    changed = bytearray(WHOLE)
    for where, number in lies:
        struct.pack_into("<I", changed, where, number)
    assert examined(folder, bytes(changed)).size == len(WHOLE)
