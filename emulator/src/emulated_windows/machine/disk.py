# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disk of a machine: folders, files, and how full it is.

Knows paths (kept as written, compared without case), contents and times, and which files are in use: what a program
writes to, or runs from, nobody can delete or replace (ERROR_SHARING_VIOLATION, ERROR_ACCESS_DENIED). Contents beyond
64 KB live in temporary files, because an estate of hundreds of hosts receives installers of several megabytes each.
Refuses to know access rights and drives other than C:.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

SPOOL_ABOVE = 65_536
CHUNK = 65_536
ACCESS_DENIED, SHARING_VIOLATION = 5, 32


class DiskFullError(Exception):
    """There is no room for what should be written."""


class InUseError(Exception):
    """A file is in use by another process; `code` is what Windows says."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class File:
    """One file."""

    path: str
    """As it was written, with drive and backslashes."""
    content: IO[bytes]
    size: int
    created: float
    modified: float
    native: bool = False
    """Belonged to the machine at its start, or to an installation."""
    version: str | None = None
    uses: list[int] = field(default_factory=list)
    """For each use what whoever wants to delete it is told."""

    def chunks(self) -> Iterator[bytes]:
        """The contents, piece by piece."""
        self.content.seek(0)
        while chunk := self.content.read(CHUNK):
            yield chunk

    def read(self) -> bytes:
        """The whole contents. Only for files known to be small."""
        return b"".join(self.chunks())


def _spool() -> IO[bytes]:
    return tempfile.SpooledTemporaryFile(max_size=SPOOL_ABOVE)


def normal(path: str) -> str:
    """One spelling for each place: backslashes, no doubled or trailing ones, lower case."""
    drive, _, rest = path.replace("/", "\\").partition("\\")
    parts = [part for part in rest.split("\\") if part not in ("", ".")]
    return "\\".join([drive.lower(), *(part.lower() for part in parts)])


def folder_of(path: str) -> str:
    """The folder a file lies in, in normal spelling."""
    return normal(path).rpartition("\\")[0]


class Disk:
    """All folders and files of one machine."""

    def __init__(self) -> None:
        self.folders: dict[str, tuple[str, bool]] = {"c:": ("C:", True)}
        self.files: dict[str, File] = {}
        self._room: int | None = None
        self._last: File | None = None

    @property
    def full(self) -> bool:
        """Is there no room for another file?"""
        return self._room == 0

    def fill(self, room: int | None) -> None:
        """Leave room for so many files and folders, however large; for any number with None."""
        self._room, self._last = room, None

    def _take_room(self, file: File | None) -> None:
        if self._room:
            self._room -= 1
            self._last = file

    def make_folder(self, path: str, *, native: bool = False) -> bool:
        """Create a folder and those above it. False if it was there."""
        key = normal(path)
        if key in self.folders:
            return False
        above = key.rpartition("\\")[0]
        if above and above not in self.folders:
            self.make_folder(path.rstrip("\\").rpartition("\\")[0], native=native)
        self.folders[key] = (path.rstrip("\\"), native)
        if not native:
            self._take_room(None)
        return True

    def file(self, path: str) -> File | None:
        """The file at a path."""
        return self.files.get(normal(path))

    def has_folder(self, path: str) -> bool:
        """Is there a folder at a path?"""
        return normal(path) in self.folders

    def create(self, path: str, now: float, *, native: bool = False, version: str | None = None) -> File | None:
        """A new empty file, replacing one of that name. None where its folder does not exist. Raises InUseError."""
        if folder_of(path) not in self.folders:
            return None
        replaced = self.file(path)
        if replaced is not None and replaced.uses:
            raise InUseError(SHARING_VIOLATION)
        self.delete(path)
        file = File(path, _spool(), 0, now, now, native, version)
        self.files[normal(path)] = file
        if not native:
            self._take_room(file)
        return file

    @staticmethod
    def nowhere(now: float) -> File:
        """The NUL device: takes everything, stands in no folder."""
        return File("NUL", _spool(), 0, now, now, native=True)

    def append(self, file: File, data: bytes, now: float) -> None:
        """Write more. Raises DiskFullError when there is no room."""
        if not data:
            return
        if self.full and file is not self._last:
            raise DiskFullError(file.path)
        file.content.seek(0, 2)
        file.content.write(data)
        file.size += len(data)
        file.modified = now

    def write(self, path: str, data: bytes, now: float, *, native: bool = False) -> File | None:
        """A file with these contents. None where its folder is missing."""
        file = self.create(path, now, native=native)
        if file is not None:
            self.append(file, data, now)
        return file

    def plant(self, path: str, size: int, when: float, version: str | None = None) -> None:
        """A file of Windows or of an installation, whose contents nobody will ask for."""
        self.make_folder(path.rpartition("\\")[0], native=True)
        file = self.create(path, when, native=True, version=version)
        if file is not None:
            file.size = size

    def delete(self, path: str) -> bool:
        """Remove a file. False if it was not there. Raises InUseError."""
        file = self.file(path)
        if file is None:
            return False
        if file.uses:
            raise InUseError(file.uses[-1])
        del self.files[normal(path)]
        file.content.close()
        return True

    def is_native(self, path: str) -> bool:
        """Is this a folder of Windows or of an installation?"""
        return self.folders.get(normal(path), ("", False))[1]

    def remove_folder(self, path: str) -> None:
        """Remove a folder with everything in it. Raises InUseError once everything is gone but what is in use."""
        top = normal(path)
        kept: dict[str, int] = {}
        for name in [name for name in self.files if name.startswith(top + "\\")]:
            try:
                self.delete(name)
            except InUseError as error:
                kept[name] = error.code
        for name in [name for name in self.folders if name == top or name.startswith(top + "\\")]:
            if not any(file.startswith(name + "\\") for file in kept):
                del self.folders[name]
        if kept:
            raise InUseError(next(iter(kept.values())))

    def is_empty(self, path: str) -> bool:
        """Has this folder nothing in it?"""
        top = normal(path) + "\\"
        return not any(name.startswith(top) for name in (*self.files, *self.folders))

    def foreign(self) -> list[str]:
        """Files and folders somebody left here: neither Windows' own nor an installation's."""
        return sorted(
            [file.path for file in self.files.values() if not file.native]
            + [shown for shown, native in self.folders.values() if not native]
        )
