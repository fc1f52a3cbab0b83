# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins for installers: valid programs, recognisable, the same every time."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pefile
import pytest
from served import Command

from emulated_windows.packages import MARKER, Package, build, catalogue, write_packages

NAMES = {
    "Kmsw2k3.exe",
    "x64/Kmsw2k3.exe",
    "WindowsServer2003-KB948003-x86-ENU.exe",
    "WindowsServer2003.WindowsXP-KB948003-x64-ENU.exe",
    "WindowsServer2003-KB968915-x86-ENU.exe",
    "WindowsServer2003.WindowsXP-KB968915-x64-ENU.exe",
}


def marker(content: bytes) -> dict[str, object]:
    """What a stand-in says about itself."""
    assert content.count(MARKER) == 1
    line = content.partition(MARKER)[2].partition(b"\n")[0]
    found = json.loads(line)
    assert isinstance(found, dict)
    return found


def strings(program: pefile.PE) -> dict[str, str]:
    """The texts of the version resource."""
    (table,) = [table for info in program.FileInfo[0] if info.Key == b"StringFileInfo" for table in info.StringTable]
    return {key.decode(): value.decode() for key, value in table.entries.items()}


@pytest.mark.parametrize("package", list(catalogue("ENU", "update.exe")), ids=lambda package: str(package.path))
def test_pefile_reads_every_stand_in(package: Package) -> None:
    content = build(package)
    program = pefile.PE(data=content)
    assert program.FILE_HEADER.Machine == {"x86": 0x14C, "x64": 0x8664}[package.architecture]
    assert program.is_exe() and not program.is_dll()
    assert [section.Name.rstrip(b"\0") for section in program.sections] == [b".text", b".rsrc"]
    assert program.get_data(program.OPTIONAL_HEADER.AddressOfEntryPoint, 3) == b"\x31\xc0\xc3"
    fixed = program.VS_FIXEDFILEINFO[0]
    assert (fixed.FileVersionMS, fixed.FileVersionLS) == (6 << 16 | 3, 13 << 16)
    texts = strings(program)
    assert texts["FileDescription"] == "Self-Extracting Cabinet"
    assert texts["InternalName"] == texts["OriginalFilename"] == "SFXCAB.EXE"
    assert texts["FileVersion"] == "6.3.13.0"
    assert "Microsoft" not in texts["CompanyName"]
    assert content[program.get_overlay_data_start_offset() :].startswith(MARKER)


def test_markers_say_what_installing_would_do() -> None:
    found = {str(package.path): marker(build(package)) for package in catalogue("ENU", "update.exe")}
    assert set(found) == NAMES
    assert found["x64/Kmsw2k3.exe"] == {
        "update": "kms_1_0", "kb": None, "architecture": "x64", "language": "ENU", "engine": "update.exe",
        "min_service_pack": 1,
    }  # fmt: skip
    assert found["WindowsServer2003-KB968915-x86-ENU.exe"] == {
        "update": "kms_1_2", "kb": "KB968915", "architecture": "x86", "language": "ENU", "engine": "update.exe",
        "min_service_pack": 2,
    }  # fmt: skip


def test_unknown_engines_and_other_languages() -> None:
    (package, _) = catalogue("DEU", "unknown", ["kms_1_2"])
    assert str(package.path) == "WindowsServer2003-KB968915-x86-DEU.exe"
    program = pefile.PE(data=build(package))
    assert strings(program)["InternalName"] != "SFXCAB.EXE"
    assert program.FileInfo[0][0].StringTable[0].LangID == b"040704B0"
    assert marker(build(package))["engine"] == "unknown"


def test_padding_changes_nothing_but_the_size(tmp_path: Path) -> None:
    (package, _) = catalogue("ENU", "update.exe", ["kms_1_1"])
    ((path, digest),) = write_packages(tmp_path, iter([package]), 3 << 19)
    content = (tmp_path / path).read_bytes()
    assert content == build(package) + bytes(3 << 19)
    assert hashlib.sha256(content).hexdigest() == digest


def test_the_command_prints_names_and_digests(command: Command, tmp_path: Path) -> None:
    first = command.run("packages", tmp_path / "one")
    second = command.run("packages", tmp_path / "two")
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    notice, *lines = first.stdout.splitlines()
    assert "stand-in" in notice and "Not a Microsoft package" in notice
    listed = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    assert set(listed) == NAMES
    for name, digest in listed.items():
        assert hashlib.sha256((tmp_path / "one" / name).read_bytes()).hexdigest() == digest


def test_mistakes_on_the_command_line(command: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="ascii")
    for arguments in (["--language", "XXX"], ["--pad", "many"], ["--only", "kms_9"]):
        assert command.run("packages", tmp_path / "out", *arguments).returncode == 2
    done = command.run("packages", tmp_path / "file")
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
