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
from .authenticode import CABINET, NO_PROGRAM, Places, Signature, check
from .certificates import MICROSOFT, Trust

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
_NUMBER = re.compile(r"\d{5,8}", re.ASCII)
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
        kb: the update it says it is, "KB3079821": in the name of the payload, or in the string "KB Article Number" that
            Microsoft's self-extracting packages have in their version resource; "" if it does not say.
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
    kb: str = ""

    def as_data(self) -> dict[str, t.Any]:
        """Plain data for results."""
        return {
            "path": self.path,
            "size": self.size,
            "sha256": self.sha256,
            "engine": self.engine,
            "signature": self.signature.as_data(),
        }


def examine(path: str, opened: t.BinaryIO, trust: Trust = MICROSOFT) -> PackageFile:
    """Digest, kind and signer of one file, read in blocks and mapped.

    Args:
        path: where it lies, for the result only.
        opened: a real file, at its start.
        trust: whom to believe to be Microsoft.

    Raises:
        Refusal: the library that reads programs is missing.
    """
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
        return _of_program(plain, mapped, trust)


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
    return dataclasses.replace(plain, engine=MSU, machine=found[2].lower(), payload=found[0], kb=kb_of(found[0]))


def _of_program(plain: PackageFile, data: mmap.mmap, trust: Trust) -> PackageFile:
    """A program by its headers and its version resource; any other file is returned as it came."""
    if not HAS_PEFILE:
        raise Refusal(
            "the Python library pefile is missing on the controller, so what kind of package a file is cannot be "
            "told; install it with: pip install pefile",
            name="library_missing",
            advice="pip install pefile",
        )
    try:
        program = pefile.PE(data=data, fast_load=True)
        program.parse_data_directories([pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_RESOURCE"]])
        strings = dict(_strings(program))
        places = _places(program)
    except Exception:  # pefile documents PEFormatError, and stumbles in other ways over bytes that somebody made up
        return plain
    machine = _MACHINES.get(program.FILE_HEADER.Machine, "")
    names = (strings.get("InternalName", ""), strings.get("OriginalFilename", ""))
    number = _NUMBER.search(strings.get("KB Article Number", ""))
    return dataclasses.replace(
        plain,
        engine=UPDATE_EXE if any(name.lower().startswith("sfxcab") for name in names) else UNKNOWN,
        machine=machine,
        kb=f"KB{number[0]}" if number else "",
        signature=check(data, places, trust) if machine else NO_PROGRAM,
    )


def _places(program: t.Any) -> Places:
    """Where the signature is. The checksum is the optional header's 64th byte in 32 and 64 bit alike."""
    directories = program.OPTIONAL_HEADER.DATA_DIRECTORY
    index = pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_SECURITY"]
    checksum = program.OPTIONAL_HEADER.get_file_offset() + 64
    if len(directories) <= index:
        return Places(checksum, checksum, 0, 0)
    entry = directories[index]
    return Places(checksum, entry.get_file_offset(), entry.VirtualAddress, entry.Size)


def _strings(program: t.Any) -> t.Iterator[tuple[str, str]]:
    """The strings of the version resource."""
    for info in getattr(program, "FileInfo", []):
        for block in info:
            for table in getattr(block, "StringTable", []):
                for key, value in table.entries.items():
                    yield key.decode("utf-8", "replace"), value.decode("utf-8", "replace").strip()
