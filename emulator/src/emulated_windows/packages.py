# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Empty stand-ins for the installers of the KMS updates for Server 2003, under their real file names.

A stand-in is a valid, tiny Windows program that exits at once, with a version resource like that of an Update.exe
package and one line that tells emulated Windows what installing it would do. There is nothing of Microsoft's in it,
its publisher field says so, and it is not signed. The same options give the same bytes. Formats: PE/COFF
specification, VS_VERSIONINFO.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

MARKER = b"EMULATED-PACKAGE:"
NOTICE = "Empty stand-in for emulated Windows. Not a Microsoft package."
MACHINES = {"x86": 0x014C, "x64": 0x8664}
LANGUAGES = {  # the three letters in package names (LOCALE_SABBREVLANGNAME) and their language identifiers
    "ARA": 0x0401, "CHS": 0x0804, "CHT": 0x0404, "CSY": 0x0405, "DAN": 0x0406, "DEU": 0x0407, "ELL": 0x0408,
    "ENU": 0x0409, "ESN": 0x0C0A, "FIN": 0x040B, "FRA": 0x040C, "HEB": 0x040D, "HUN": 0x040E, "ITA": 0x0410,
    "JPN": 0x0411, "KOR": 0x0412, "NLD": 0x0413, "NOR": 0x0414, "PLK": 0x0415, "PTB": 0x0416, "PTG": 0x0816,
    "RUS": 0x0419, "SVE": 0x041D, "TRK": 0x041F,
}  # fmt: skip
_FILE_ALIGNMENT, _PAGE = 0x200, 0x1000
_VERSION = (6, 3, 13, 0)
_UNICODE = 1200
_RETURN = b"\x31\xc0\xc3"  # xor eax, eax; ret


@dataclass(frozen=True)
class Package:
    """What a stand-in says about itself; the field names are those of its marker line."""

    update: str
    kb: str | None
    architecture: str
    language: str
    engine: str
    min_service_pack: int

    @property
    def path(self) -> Path:
        """File name below the packages folder. Kmsw2k3.exe has the same name on both architectures."""
        if self.kb is None:
            return Path("Kmsw2k3.exe") if self.architecture == "x86" else Path("x64", "Kmsw2k3.exe")
        # KB968915's names are documented; KB948003's follow the same scheme (its article shortens them).
        system = "WindowsServer2003" if self.architecture == "x86" else "WindowsServer2003.WindowsXP"
        return Path(f"{system}-{self.kb}-{self.architecture}-{self.language}.exe")

    def marker(self) -> bytes:
        """The line by which emulated Windows knows the package."""
        fields = {
            "update": self.update,
            "kb": self.kb,
            "architecture": self.architecture,
            "language": self.language,
            "engine": self.engine,
            "min_service_pack": self.min_service_pack,
        }
        return MARKER + json.dumps(fields).encode("ascii") + b"\n"


_UPDATES: tuple[tuple[str, str | None, int], ...] = (
    ("kms_1_0", None, 1),
    ("kms_1_1", "KB948003", 1),
    ("kms_1_2", "KB968915", 2),
)
UPDATES = tuple(update for update, _, _ in _UPDATES)


def catalogue(language: str, engine: str, updates: Sequence[str] = UPDATES) -> Iterator[Package]:
    """Every installer, for both architectures."""
    for update, kb, service_pack in _UPDATES:
        for architecture in MACHINES:
            if update in updates:
                yield Package(update, kb, architecture, language, engine, service_pack)


def write_packages(folder: Path, packages: Iterator[Package], padding: int) -> Iterator[tuple[Path, str]]:
    """Write the stand-ins, each followed by `padding` zero bytes; yields path below `folder` and SHA-256."""
    for package in packages:
        content = build(package)
        path = folder / package.path
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256(content)
        with path.open("wb") as file:
            file.write(content)
            for size in _chunks(padding):
                file.write(bytes(size))
                digest.update(bytes(size))
        yield package.path, digest.hexdigest()


def _chunks(total: int, size: int = 1 << 20) -> Iterator[int]:
    while total > 0:
        yield min(size, total)
        total -= size


def build(package: Package) -> bytes:
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
        "CompanyName": "activation.kms contributors",
        "FileDescription": "Self-Extracting Cabinet" if known else "Stand-in of an unknown installer",
        "FileVersion": version,
        "InternalName": engine,
        "LegalCopyright": NOTICE,
        "OriginalFilename": engine,
        "ProductName": "emulated Windows",
        "ProductVersion": version,
    }
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
