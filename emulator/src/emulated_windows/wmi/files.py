# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CIM_DataFile and Win32_Directory: files and folders by their full name.

Knows that names come back in lower case on Server 2003 and that a query without a full name walks the whole disk,
which takes longer than any time-out.
"""

from __future__ import annotations

import ntpath

from ..machine.disk import File, normal
from ..machine.machine import Machine
from .provider import Found, WmiClass, moment
from .schema import Schema, properties
from .values import Row
from .wql import Condition, pinned

SECONDS_TO_WALK_THE_DISK = 240.0
_LOGICAL_FILE = """
    AccessMask:n Archive:b Caption Compressed:b CompressionMethod CreationClassName CreationDate:d
    CSCreationClassName CSName Description Drive EightDotThreeFileName Encrypted:b EncryptionMethod Extension
    FileName FileSize:n FileType FSCreationClassName FSName Hidden:b InstallDate:d InUseCount:n LastAccessed:d
    LastModified:d Name Path Readable:b Status System:b Writeable:b"""


def _common(machine: Machine, path: str, size: int | None, created: float, modified: float) -> Row:
    name = normal(path)
    folder, _, leaf = name.rpartition("\\")
    stem, dot, extension = leaf.rpartition(".")
    return {
        "AccessMask": 18809343,
        "Archive": size is not None,
        "Caption": name,
        "Compressed": False,
        "CompressionMethod": None,
        "CreationDate": moment(machine, created),
        "CSCreationClassName": "Win32_ComputerSystem",
        "CSName": machine.options.name.upper(),
        "Description": name,
        "Drive": name[:2],
        "EightDotThreeFileName": name,
        "Encrypted": False,
        "EncryptionMethod": None,
        "Extension": extension if dot else "",
        "FileName": stem if dot else leaf,
        "FileSize": size,
        "FSCreationClassName": "Win32_FileSystem",
        "FSName": "NTFS",
        "Hidden": False,
        "InstallDate": moment(machine, created),
        "InUseCount": None,
        "LastAccessed": moment(machine, modified),
        "LastModified": moment(machine, modified),
        "Name": name,
        "Path": folder[2:] + "\\",
        "Readable": True,
        "Status": "OK",
        "System": False,
        "Writeable": True,
    }


class DataFile(WmiClass):
    """CIM_DataFile."""

    schema = Schema("CIM_DataFile", properties=properties(f"{_LOGICAL_FILE} Manufacturer Version"), keys=("Name",))

    def rows(self, machine: Machine, where: Condition | None) -> Found:
        """The files the condition names in full; anything else is a walk over the disk."""
        names = pinned(where, "Name")
        if names is not None:
            files = [machine.disk.file(name) for name in sorted(names)]
            return Found([self._row(machine, file) for file in files if file is not None])
        pins = [pinned(where, column) for column in ("Drive", "Path", "FileName")]
        seconds = 0.0 if all(pin is not None for pin in pins) else SECONDS_TO_WALK_THE_DISK
        return Found([self._row(machine, file) for file in machine.disk.files.values()], seconds)

    @staticmethod
    def _row(machine: Machine, file: File) -> Row:
        extension = ntpath.splitext(file.path)[1].lstrip(".").lower()
        row = _common(machine, file.path, file.size, file.created, file.modified)
        row.update(
            {
                "CreationClassName": "CIM_LogicalFile",
                "Version": file.version,
                "FileType": {"exe": "Application", "log": "Text Document"}.get(extension, f"{extension} File"),
                "Manufacturer": "Microsoft Corporation" if file.version else None,
            }
        )
        return row


class Directory(WmiClass):
    """Win32_Directory."""

    schema = Schema("Win32_Directory", properties=properties(_LOGICAL_FILE), keys=("Name",))

    def rows(self, machine: Machine, where: Condition | None) -> Found:
        """The folders the condition names in full; anything else is a walk over the disk."""
        names = pinned(where, "Name")
        wanted = machine.disk.folders if names is None else sorted({normal(name) for name in names})
        rows = []
        for key in wanted:
            if key in machine.disk.folders:
                row = _common(
                    machine, machine.disk.folders[key][0], None, machine.power.boot_time, machine.power.boot_time
                )
                rows.append({**row, "CreationClassName": "Win32_Directory", "FileType": "File Folder"})
        return Found(rows, SECONDS_TO_WALK_THE_DISK if names is None else 0.0)
