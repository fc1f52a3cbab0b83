# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs for tests: PE files that say something of themselves and do nothing."""

from __future__ import annotations

import struct

SFX = {"InternalName": "SFXCAB.EXE", "OriginalFilename": "SFXCAB.EXE"}


def program(machine: int = 0x14C, names: dict[str, str] | None = None) -> bytes:
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
