# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for an .msu file: a cabinet that holds a payload cabinet and what Windows Update wants to know of it.

Knows which files an .msu has (WSUSSCAN.cab, NAME.cab, NAME-pkgProperties.txt, NAME.xml; KB934307) and how cabinets
are read. The payload holds a manifest, and the marker of emulated Windows. Refuses to know compression: nothing in
here is worth it, and stored cabinets are the same wherever they are made.
"""

from __future__ import annotations

import datetime

from cabarchive import CabArchive, CabFile
from cabarchive.errors import CorruptionError, NotSupportedError

from .description import NOTICE, PUBLISHER, Package

SIGNATURE = b"MSCF"
_WHEN = datetime.datetime(2012, 1, 1)
_SIZE_AT = 8
"""Where a cabinet's header has its size; what follows the cabinet (a signature) does not belong to it."""
PRODUCTS = {"6.0": "Windows Vista", "6.1": "Windows 7.0", "6.2": "Windows 8", "6.3": "Windows 8.1"}
CPU = {"x86": "x86", "x64": "amd64"}
MARKER_FILE = "emulated-package.txt"


class CabinetError(Exception):
    """This is no cabinet, or a damaged one."""


def build_msu(package: Package, padding: int = 0) -> bytes:
    """The bytes of an .msu; `padding` bytes lie in its payload."""
    name = package.path.stem
    return _cabinet(
        {
            "WSUSSCAN.cab": _cabinet({"package.xml": _text(f"<notice>{NOTICE}</notice>")}),
            f"{name}.cab": _payload(package, padding),
            f"{name}-pkgProperties.txt": _text(*_properties(package)),
            f"{name}.xml": _text(*_unattend(package, name)),
        }
    )


def _payload(package: Package, padding: int) -> bytes:
    files = {"update.mum": _text(*_manifest(package)), MARKER_FILE: package.marker()}
    if padding:
        files["padding.bin"] = bytes(padding)
    return _cabinet(files)


def _cabinet(files: dict[str, bytes]) -> bytes:
    archive = CabArchive()
    for name, content in files.items():
        archive[name] = CabFile(content, mtime=_WHEN)
    return bytes(archive.save(compress=False, sort=False))


def _text(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def _identity(package: Package) -> str:
    return (
        f'<assemblyIdentity name="Package_for_{package.kb}" version="{package.windows}.1.0" language="neutral" '
        f'processorArchitecture="{CPU[package.architecture]}" publicKeyToken="0000000000000000"/>'
    )


def _properties(package: Package) -> list[str]:
    number = (package.kb or "").removeprefix("KB")
    product = PRODUCTS[package.windows]
    fields = {
        "ApplicabilityInfo": f"{product} Client;{product} Server;",
        "Applies to": product,
        "Build Date": f"{_WHEN:%Y/%m/%d}",
        "Company": PUBLISHER,
        "File Version": "1",
        "Installation Type": "FULL",
        "Installer Engine": "Component Based Servicing - WUSA.exe",
        "Installer Version": "6.0.0.0",
        "KB Article Number": number,
        "Language": "ALL",
        "Package Type": "Update",
        "Processor Architecture": CPU[package.architecture],
        "Product Name": product,
        "Support Link": f"https://support.microsoft.com/kb/{number}",
        "Notice": NOTICE,
    }
    return [f'{key}="{value}"' for key, value in fields.items()]


def _unattend(package: Package, name: str) -> list[str]:
    return [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<unattend xmlns="urn:schemas-microsoft-com:unattend">',
        "  <servicing>",
        '    <package action="install">',
        f"      {_identity(package)}",
        rf'      <source location="%configsetroot%\{name}.CAB"/>',
        "    </package>",
        "  </servicing>",
        "</unattend>",
    ]


def _manifest(package: Package) -> list[str]:
    return [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<assembly xmlns="urn:schemas-microsoft-com:asm.v3" manifestVersion="1.0" description="{NOTICE}"'
        f' displayName="{package.kb}" company="{PUBLISHER}">',
        f"  {_identity(package)}",
        f'  <package identifier="{package.kb}" releaseType="Update"/>',
        "</assembly>",
    ]


def read_cabinet(content: bytes) -> dict[str, bytes]:
    """The files of a cabinet by name. Raises CabinetError."""
    if not content.startswith(SIGNATURE):
        raise CabinetError("no cabinet")
    end = int.from_bytes(content[_SIZE_AT : _SIZE_AT + 4], "little")
    try:
        archive = CabArchive(content[:end] if 0 < end <= len(content) else content)
    except (CorruptionError, NotSupportedError, IndexError, ValueError) as error:
        raise CabinetError(str(error)) from error
    return {name: bytes(file.buf or b"") for name, file in archive.items()}
