# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files for the host: what a package is, and how it travels."""

from __future__ import annotations

import base64
import hashlib
import io
import struct
import typing as t
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Failure
from ansible_collections.activation.kms.plugins.plugin_utils._windows import files
from ansible_collections.activation.kms.plugins.plugin_utils._windows.files import base64_lines
from ansible_collections.activation.kms.plugins.plugin_utils._windows.packages import (
    UNKNOWN,
    UPDATE_EXE,
    PackageFile,
    examine,
)
from ansible_collections.activation.kms.tests.unit.windows.small_windows import SmallWindows

# -- base64 for certutil


@given(st.binary(max_size=400))
def test_what_is_encoded_is_what_certutil_decodes(content: bytes) -> None:
    text = b"".join(base64_lines(io.BytesIO(content)))
    lines = text.split(b"\r\n")
    assert text.endswith(b"-----END CERTIFICATE-----\r\n"), "findstr waits for ever on a last line that is not ended"
    assert lines[0] == b"-----BEGIN CERTIFICATE-----" and lines[-2:] == [b"-----END CERTIFICATE-----", b""]
    assert base64.b64decode(b"".join(lines[1:-2])) == content
    assert all(len(line) == 76 for line in lines[1:-3])


class Endless(io.RawIOBase):
    """A file of many megabytes that counts what is taken of it at a time."""

    def __init__(self, size: int) -> None:
        self.left = size
        self.most = 0

    def read(self, size: int = -1) -> bytes:
        assert size > 0, "everything at once"
        self.most = max(self.most, size)
        piece = min(size, self.left)
        self.left -= piece
        return bytes(piece)


@pytest.mark.parametrize("size", [0, 56, 57, 58, 57 * 1024, 57 * 1024 + 1, 20_000_000])
def test_memory_stays_constant_however_large_the_file(size: int) -> None:
    source = Endless(size)
    lines = base64_lines(t.cast(t.BinaryIO, source))
    assert not isinstance(lines, (list, tuple))
    sizes = [len(piece) for piece in lines]
    assert max(sizes) < 100_000 and source.most < 100_000
    whole, rest = divmod(size, 57)
    assert sum(sizes) == 29 + 27 + whole * 78 + (-(-rest // 3) * 4 + 2 if rest else 0)


def test_a_file_arrives_whole() -> None:
    world = SmallWindows()
    world.files_here["/x.exe"] = content = bytes(range(256)) * 1000
    with files.with_shell(world) as shell:
        files.upload(shell, world, "/x.exe", r"C:\T\x.exe", len(content))
    assert world.files == {r"c:\t\x.exe": content}
    assert files.file_size(world, r"C:\T\x.exe") == len(content)
    assert files.file_size(world, r"C:\T\y.exe") is None


@pytest.mark.parametrize(
    ("command", "name"), [("^findstr", "copy_failed"), ("^certutil", "copy_failed"), ("^mkdir", "folder_in_use")]
)
def test_a_full_disk_is_said(command: str, name: str) -> None:
    world = SmallWindows()
    world.files_here["/x.exe"] = b"content"
    world.programs.append((command, lambda line: 112))
    with pytest.raises(Failure, match="exit code 112.*free space") as caught, files.with_shell(world) as shell:
        files.make_folder(shell, world, r"C:\T")
        files.upload(shell, world, "/x.exe", r"C:\T\x.exe", 7)
    assert caught.value.name == name


# -- kinds of packages


def pe(machine: int = 0x14C, names: dict[str, str] | None = None) -> bytes:
    """A program with nothing in it but a version resource (PE/COFF specification; VS_VERSIONINFO)."""
    resources = _resources(_version_info(names or {}), 0x1000)
    optional = 224 if machine == 0x14C else 240
    head = b"MZ" + bytes(58) + struct.pack("<I", 0x40)
    coff = b"PE\0\0" + struct.pack("<HHIIIHH", machine, 1, 0, 0, 0, optional, 0x102)
    if machine == 0x14C:
        standard = struct.pack("<HBBIIIIII", 0x10B, 9, 0, 0, 0, 0, 0, 0, 0)
        windows = struct.pack(
            "<IIIHHHHHHIIIIHHIIIIII", 0x400000, 0x1000, 0x200, 5, 0, 0, 0, 5, 0, 0, 0x2000, 0x200, 0, 2, 0, *[0] * 6
        )
        windows = windows[:-4] + struct.pack("<I", 16)
    else:
        standard = struct.pack("<HBBIIIII", 0x20B, 9, 0, 0, 0, 0, 0, 0)
        windows = struct.pack(
            "<QIIHHHHHHIIIIHHQQQQII", 0x400000, 0x1000, 0x200, 5, 0, 0, 0, 5, 0, 0, 0x2000, 0x200, 0, 2, 0, *[0] * 5, 16
        )
    directories = bytes(16) + struct.pack("<II", 0x1000, len(resources)) + bytes(8 * 13)
    section = struct.pack(
        "<8sIIIIIIHHI", b".rsrc", len(resources), 0x1000, len(resources), 0x200, 0, 0, 0, 0, 0x40000040
    )
    headers = head + coff + standard + windows + directories + section
    assert len(standard + windows + directories) == optional
    return headers + bytes(0x200 - len(headers)) + resources


def _resources(version: bytes, address: int) -> bytes:
    """The resource directory of one version resource: type 16, name 1, language 1033."""
    tables = b""
    for depth, number in enumerate((16, 1, 1033)):
        after = (depth + 1) * 24
        target = after | 0x80000000 if depth < 2 else after
        tables += struct.pack("<IIHHHH", 0, 0, 0, 0, 0, 1) + struct.pack("<II", number, target)
    return tables + struct.pack("<IIII", address + len(tables) + 16, len(version), 0, 0) + version


def _block(key: str, kind: int, value: bytes, count: int, *children: bytes) -> bytes:
    head = key.encode("utf-16-le") + b"\0\0"
    head += bytes(-(6 + len(head)) % 4)
    body = head + value
    for child in children:
        body += bytes(-(6 + len(body)) % 4) + child
    return struct.pack("<HHH", 6 + len(body), count, kind) + body


def _version_info(names: dict[str, str]) -> bytes:
    fixed = struct.pack("<13I", 0xFEEF04BD, 0x10000, *[0] * 11)
    strings = [_block(name, 1, text.encode("utf-16-le") + b"\0\0", len(text) + 1) for name, text in names.items()]
    table = _block("StringFileInfo", 1, b"", 0, _block("040904B0", 1, b"", 0, *strings))
    return _block("VS_VERSION_INFO", 0, fixed, len(fixed), table)


SFX = {"InternalName": "SFXCAB.EXE", "OriginalFilename": "SFXCAB.EXE"}


def examined(folder: Path, content: bytes) -> PackageFile:
    path = folder / "package.exe"
    path.write_bytes(content)
    with path.open("rb") as opened:
        return examine(str(path), opened)


@pytest.mark.parametrize(
    ("content", "engine", "machine"),
    [
        (pe(0x14C, SFX), UPDATE_EXE, "x86"),
        (pe(0x8664, SFX), UPDATE_EXE, "x64"),
        (pe(0x14C, {"OriginalFilename": "sfxcab.exe"}), UPDATE_EXE, "x86"),
        (pe(0x14C, {"InternalName": "WEXTRACT.EXE"}), UNKNOWN, "x86"),
        (pe(0x14C, {"FileDescription": "SFXCAB"}), UNKNOWN, "x86"),
        (pe(0x200, {}), UNKNOWN, "ia64"),
        (pe(0x1C0, {}), UNKNOWN, ""),
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


@pytest.mark.parametrize("cut", [*range(0, 0x200, 23), *range(0x200, len(pe(0x14C, SFX)), 17)])
def test_a_download_that_broke_off_is_no_accident(tmp_path: Path, cut: int) -> None:
    assert examined(tmp_path, pe(0x14C, SFX)[:cut]).size == cut
