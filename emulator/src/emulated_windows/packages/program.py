# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for an update.exe package: a valid, tiny Windows program that exits at once.

It has a version resource like that of an Update.exe package, and behind its sections the line that tells emulated
Windows what installing it would do. There is nothing of Microsoft's in it, its publisher field says so, and it is not
signed (whoever signs it, signs that line too). Formats: PE/COFF specification, VS_VERSIONINFO.
"""

from __future__ import annotations

import struct

from .description import LANGUAGES, NOTICE, PUBLISHER, Package

MACHINES = {"x86": 0x014C, "x64": 0x8664}
_FILE_ALIGNMENT, _PAGE = 0x200, 0x1000
_VERSION = (6, 3, 13, 0)
_UNICODE = 1200
_RETURN = b"\x31\xc0\xc3"  # xor eax, eax; ret


def build_program(package: Package) -> bytes:
    """The bytes of a stand-in."""
    code = _aligned(_RETURN, _FILE_ALIGNMENT)
    resources = _aligned(_resource_section(_version_info(package), LANGUAGES[package.language], 2 * _PAGE), 0x200)
    headers = _headers(package.architecture, len(code), len(resources))
    return headers + code + resources + package.marker()


def _aligned(data: bytes, boundary: int) -> bytes:
    return data + bytes(-len(data) % boundary)


def _headers(architecture: str, code_size: int, resource_size: int) -> bytes:
    stub = b"\r\n" + NOTICE.encode("ascii") + b"\r\n$"
    dos = struct.pack("<2s29HI", b"MZ", 0x90, 3, 0, 4, 0, 0xFFFF, 0, 0xB8, 0, 0, 0, 0x40, *[0] * 17, 0x80)
    signature = _aligned(dos + stub, 0x80)[:0x80]
    wide = architecture == "x64"
    characteristics = 0x0022 if wide else 0x0102  # executable; large addresses or 32-bit machine
    coff = struct.pack(
        "<4sHHIIIHH", b"PE\0\0", MACHINES[architecture], 2, 0, 0, 0, 0xF0 if wide else 0xE0, characteristics
    )
    sections = _section(b".text", code_size, _PAGE, _FILE_ALIGNMENT, 0x60000020)
    sections += _section(b".rsrc", resource_size, 2 * _PAGE, _FILE_ALIGNMENT + code_size, 0x40000040)
    optional = _optional_header(wide, code_size, resource_size)
    return _aligned(signature + coff + optional + sections, _FILE_ALIGNMENT)


def _optional_header(wide: bool, code_size: int, resource_size: int) -> bytes:
    standard = struct.pack("<HBBIIIII", 0x20B if wide else 0x10B, 9, 0, code_size, resource_size, 0, _PAGE, _PAGE)
    if not wide:
        standard += struct.pack("<I", 2 * _PAGE)  # base of data
    native = "Q" if wide else "I"
    image_size = 2 * _PAGE + len(_aligned(bytes(resource_size), _PAGE))
    windows = struct.pack(
        f"<{native}II6HIIIIHH4{native}II",
        0x400000, _PAGE, _FILE_ALIGNMENT,
        5, 2, 0, 0, 5, 2,  # operating system and subsystem version 5.2: Server 2003
        0, image_size, _FILE_ALIGNMENT, 0,
        2, 0,  # graphical subsystem
        0x100000, 0x1000, 0x100000, 0x1000,
        0, 16,
    )  # fmt: skip
    directories = bytearray(16 * 8)
    struct.pack_into("<II", directories, 2 * 8, 2 * _PAGE, resource_size)
    return standard + windows + bytes(directories)


def _section(name: bytes, size: int, address: int, offset: int, characteristics: int) -> bytes:
    return struct.pack("<8sIIIIIIHHI", name, size, address, size, offset, 0, 0, 0, 0, characteristics)


def _resource_section(version_info: bytes, language: int, address: int) -> bytes:
    """A resource tree with one leaf: type 16 (version), name 1, one language."""
    tree = b""
    for level, identifier in enumerate((16, 1, language)):
        target = (level + 1) * 24 | (0x80000000 if level < 2 else 0)
        tree += struct.pack("<IIHHHHII", 0, 0, 0, 0, 0, 1, identifier, target)
    return tree + struct.pack("<IIII", address + len(tree) + 16, len(version_info), _UNICODE, 0) + version_info


def _version_info(package: Package) -> bytes:
    known = package.engine == "update.exe"
    engine = "SFXCAB.EXE" if known else "STANDIN.EXE"
    version = ".".join(str(part) for part in _VERSION)
    strings = {
        "CompanyName": PUBLISHER,
        "FileDescription": "Self-Extracting Cabinet" if known else "Stand-in of an unknown installer",
        "FileVersion": version,
        "InternalName": engine,
        "LegalCopyright": NOTICE,
        "OriginalFilename": engine,
        "ProductName": "emulated Windows",
        "ProductVersion": version,
    }
    if package.kb:
        strings["KB Article Number"] = package.kb[2:]
    language = LANGUAGES[package.language]
    table = b"".join(_node(key, value.encode("utf-16-le") + b"\0\0", text=True) for key, value in strings.items())
    string_info = _node("StringFileInfo", b"", _node(f"{language:04X}{_UNICODE:04X}", b"", table, True), True)
    translation = _node("Translation", struct.pack("<HH", language, _UNICODE))
    high, low = _VERSION[0] << 16 | _VERSION[1], _VERSION[2] << 16 | _VERSION[3]
    fixed = struct.pack("<13I", 0xFEEF04BD, 0x10000, high, low, high, low, 0x3F, 0, 0x40004, 1, 0, 0, 0)
    return _node("VS_VERSION_INFO", fixed, string_info + _node("VarFileInfo", b"", translation, True))


def _node(key: str, value: bytes, children: bytes = b"", text: bool = False) -> bytes:
    """One node of a version resource, padded to 32 bits; lengths of text values count characters."""
    head = _aligned(bytes(6) + key.encode("utf-16-le") + b"\0\0", 4)
    body = _aligned(head + value, 4) + children if children else head + value
    length = len(value) // 2 if text else len(value)
    return _aligned(struct.pack("<HHH", len(body), length, int(text)) + body[6:], 4)
