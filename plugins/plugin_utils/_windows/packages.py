# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What kind of package a file is, judged from the file itself on the controller.

Internal to the collection activation.kms; not a public interface.

A program is recognised by its version resource, an .msu by the files in its cabinet; never by running or unpacking it
or by trusting its name. Only engines whose switches Microsoft documents are recognised; for any other the user says how
to install it silently (`install_args`), because `/quiet` means something else to every engine and a wrong guess
restarts a server or waits for a mouse. Who signed it is authenticode.py's business.
"""

from __future__ import annotations

import dataclasses
import hashlib
import mmap
import re
import typing as t

from .._errors import Refusal
from . import cabinet
from .authenticode import CABINET, NO_PROGRAM, Signature, check

pefile: t.Any
try:
    import pefile

    HAS_PEFILE = True
except ImportError:
    HAS_PEFILE = False

UPDATE_EXE = "update.exe"
"""Microsoft's Package Installer of the 2003 generation: a self-extracting cabinet around Update.exe (KB 262841)."""
MSU = "msu"
"""A package of Windows Vista and later: a cabinet around one .cab, which dism or pkgmgr can install (KB 934307)."""
UNKNOWN = "unknown"

_BLOCK = 1 << 20
_MACHINES = {0x14C: "x86", 0x8664: "x64", 0x200: "ia64", 0xAA64: "arm64"}
_PAYLOAD = re.compile(
    r"Windows[\w.-]{1,40}-(KB\d{5,8})(?:-v\d{1,2})?-(x86|x64|arm64|ia64)\.cab", re.ASCII | re.IGNORECASE
)
"""As Microsoft names them, Windows8-RT-KB2885698-v2-x86.cab for instance; nothing in such a name needs quoting."""
_WIM = b"MSWIM\0\0\0"


@dataclasses.dataclass(frozen=True)
class PackageFile:
    """A package on the controller.

    Attributes:
        path: where it lies, absolute.
        size: in bytes.
        sha256: 64 hexadecimal digits.
        engine: UPDATE_EXE, MSU or UNKNOWN.
        machine: what a program runs on, or what the payload of an .msu is named for: x86, x64, ia64, arm64; "" when
            it is neither.
        payload: the name of the .cab that an .msu carries; "" for other files.
        signature: who signed it.
        flaw: why a file that begins like an .msu is none that can be installed, from "it" on; "" for other files.
    """

    path: str
    size: int
    sha256: str
    engine: str
    machine: str
    payload: str = ""
    signature: Signature = NO_PROGRAM
    flaw: str = ""

    def as_data(self) -> dict[str, t.Any]:
        """Plain data for results."""
        return {
            "path": self.path,
            "size": self.size,
            "sha256": self.sha256,
            "engine": self.engine,
            "signature": self.signature.as_data(),
        }


def examine(path: str, opened: t.BinaryIO) -> PackageFile:
    """Digest, kind and signer of one file, read in blocks and mapped. Raises Refusal if a library is missing."""
    digest, size = hashlib.sha256(), 0
    while True:
        block = opened.read(_BLOCK)
        if not block:
            break
        digest.update(block)
        size += len(block)
    plain = PackageFile(path=path, size=size, sha256=digest.hexdigest(), engine=UNKNOWN, machine="")
    if not size:
        return plain
    with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        if mapped[: len(cabinet.SIGNATURE)] == cabinet.SIGNATURE:
            return _of_cabinet(plain, mapped)
        if mapped[: len(_WIM)] == _WIM:
            return dataclasses.replace(plain, flaw="it is an update image (WIM), which no release here unpacks")
        machine, engine = _of_program(mapped)
        signature = check(mapped) if machine else NO_PROGRAM
        return dataclasses.replace(plain, machine=machine, engine=engine, signature=signature)


def kb_of(payload: str) -> str:
    """The number of the update a payload is of: "KB3079821"; "" for a name Microsoft does not give."""
    match = _PAYLOAD.fullmatch(payload)
    return match[1].upper() if match else ""


def _of_cabinet(plain: PackageFile, data: mmap.mmap) -> PackageFile:
    """An .msu holds one payload, beside WSUSSCAN.cab, an .xml and a .txt; newer ones hold other things (.wim, .psf)."""
    plain = dataclasses.replace(plain, signature=CABINET)
    try:
        names = cabinet.list_cabinet(data)
    except cabinet.DamagedCabinet as damage:
        return dataclasses.replace(plain, flaw=str(damage))
    payloads = [match for match in map(_PAYLOAD.fullmatch, names) if match]
    if len(payloads) != 1:
        number = "several packages" if payloads else "no package"
        return dataclasses.replace(plain, flaw=f"it is a cabinet with {number} in it that Windows could be given")
    (found,) = payloads
    return dataclasses.replace(plain, engine=MSU, machine=found[2].lower(), payload=found[0])


def _of_program(data: mmap.mmap) -> tuple[str, str]:
    """(machine, engine) from the headers and the version resource of a program; ("", UNKNOWN) for what is none."""
    if not HAS_PEFILE:
        raise Refusal(
            "the Python library pefile is missing on the controller, so what kind of package a file is cannot be "
            "told; install it with: pip install pefile",
            name="library_missing",
            advice="pip install pefile",
        )
    try:
        program = pefile.PE(data=data, fast_load=True)
    except pefile.PEFormatError:
        return "", UNKNOWN
    program.parse_data_directories([pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_RESOURCE"]])
    machine = _MACHINES.get(program.FILE_HEADER.Machine, "")
    names = {value.lower() for key, value in _strings(program) if key in ("InternalName", "OriginalFilename")}
    return machine, UPDATE_EXE if any(name.startswith("sfxcab") for name in names) else UNKNOWN


def _strings(program: t.Any) -> t.Iterator[tuple[str, str]]:
    """The strings of the version resource."""
    for info in getattr(program, "FileInfo", []):
        for block in info:
            for table in getattr(block, "StringTable", []):
                for key, value in table.entries.items():
                    yield key.decode("utf-8", "replace"), value.decode("utf-8", "replace").strip()
