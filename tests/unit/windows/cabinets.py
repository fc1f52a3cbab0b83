# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cabinets for tests, made by MS-CAB: one folder, stored, its data all zero. Their directory is what matters."""

from __future__ import annotations

import struct


def cabinet(
    *names: str | bytes,
    flags: int = 0,
    version: tuple[int, int] = (1, 3),
    data: bytes = bytes(64),
    reserve: bytes = b"",
) -> bytes:
    """A cabinet with files of these names; a name given as text that is not ASCII is stored as UTF-8.

    `reserve` is the application's room in the header, where a signed cabinet keeps the place of its signature.
    """
    room = struct.pack("<HBB", len(reserve), 0, 0) + reserve if reserve else b""
    others = b"other.cab\0disk\0" * ((flags & 1) + (flags >> 1 & 1))
    files = b"".join(_file(name, len(data)) for name in names)
    first = 36 + len(room) + len(others) + 8
    blocks = struct.pack("<IHH", 0, len(data), len(data)) + data
    size = first + len(files) + len(blocks)
    flags |= 4 if reserve else 0
    header = struct.pack("<4s5I2B5H", b"MSCF", 0, size, 0, first, 0, version[1], version[0], 1, len(names), flags, 1, 0)
    folder = struct.pack("<IHH", first + len(files), 1, 0)
    return header + room + others + folder + files + blocks


def _file(name: str | bytes, size: int) -> bytes:
    utf = isinstance(name, str) and not name.isascii()
    stored = name.encode() if isinstance(name, str) else name
    return struct.pack("<IIHHHH", size, 0, 0, 0x3A21, 0, 0xA0 if utf else 0x20) + stored + b"\0"


def msu(payload: str) -> bytes:
    """What Microsoft packs around a payload."""
    stem = payload.removesuffix(".cab")
    return cabinet("WSUSSCAN.cab", payload, f"{stem}.xml", f"{stem}-pkgProperties.txt")
