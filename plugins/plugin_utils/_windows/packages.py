# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What kind of package a file is, judged from the file itself on the controller.

Internal to the collection activation.kms; not a public interface.

Recognised by the version resource of the PE file, never by running it or trusting its name. Only engines whose switches
Microsoft documents are recognised; for any other the user says how to install it silently (`install_args`), because
`/quiet` means something else to every engine and a wrong guess restarts a server or waits for a mouse.
"""

from __future__ import annotations

import dataclasses
import hashlib
import mmap
import typing as t

from .._errors import Refusal

pefile: t.Any
try:
    import pefile

    HAS_PEFILE = True
except ImportError:
    HAS_PEFILE = False

UPDATE_EXE = "update.exe"
"""Microsoft's Package Installer of the 2003 generation: a self-extracting cabinet around Update.exe (KB 262841)."""
UNKNOWN = "unknown"

_BLOCK = 1 << 20
_MACHINES = {0x14C: "x86", 0x8664: "x64", 0x200: "ia64"}


@dataclasses.dataclass(frozen=True)
class PackageFile:
    """A package on the controller. `machine` is what its first program runs on, "" when it is no PE file."""

    path: str
    size: int
    sha256: str
    engine: str
    machine: str


def examine(path: str, opened: t.BinaryIO) -> PackageFile:
    """Digest and kind of one file, read in blocks. Raises Refusal for a file that is no program."""
    digest, size = hashlib.sha256(), 0
    while True:
        block = opened.read(_BLOCK)
        if not block:
            break
        digest.update(block)
        size += len(block)
    machine, engine = _kind(opened) if size else ("", UNKNOWN)
    return PackageFile(path=path, size=size, sha256=digest.hexdigest(), engine=engine, machine=machine)


def _kind(opened: t.BinaryIO) -> tuple[str, str]:
    """(machine, engine) from the PE headers; the file is mapped, not read."""
    if not HAS_PEFILE:
        raise Refusal(
            "the Python library pefile is missing on the controller, so what kind of package a file is cannot be "
            "told; install it with: pip install pefile",
            name="library_missing",
            advice="pip install pefile",
        )
    mapped = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        program = pefile.PE(data=mapped, fast_load=True)
    except pefile.PEFormatError:
        mapped.close()
        return "", UNKNOWN
    try:
        program.parse_data_directories([pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_RESOURCE"]])
        machine = _MACHINES.get(program.FILE_HEADER.Machine, "")
        names = {value.lower() for key, value in _strings(program) if key in ("InternalName", "OriginalFilename")}
    finally:
        program.close()
    return machine, UPDATE_EXE if any(name.startswith("sfxcab") for name in names) else UNKNOWN


def _strings(program: t.Any) -> t.Iterator[tuple[str, str]]:
    """The strings of the version resource."""
    for info in getattr(program, "FileInfo", []):
        for block in info:
            for table in getattr(block, "StringTable", []):
                for key, value in table.entries.items():
                    yield key.decode("utf-8", "replace"), value.decode("utf-8", "replace").strip()
