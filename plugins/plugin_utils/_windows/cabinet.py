# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory of a cabinet: which files are in it.

Internal to the collection activation.kms; not a public interface.

Knows the part of a cabinet that is never compressed, its header and its list of files (Microsoft's Open Specification
MS-CAB, 2.1 CFHEADER and 2.3 CFFILE), and the size the cabinet says it has. Refuses to know what the files contain:
unpacking is Windows' own work, on the host.
"""

from __future__ import annotations

import mmap
import struct

SIGNATURE = b"MSCF"

_HEADER = struct.Struct("<4s4xI4xI4xBBHHHHH")
_FILE = struct.Struct("<IIHHHH")
_VERSION = (1, 3)
_PREVIOUS, _NEXT = 0x1, 0x2  # cfhdrPREV_CABINET, cfhdrNEXT_CABINET
_LONGEST_NAME = 256  # bytes, without the zero that ends it
_NAME_IS_UTF = 0x80


class DamagedCabinet(ValueError):
    """It begins like a cabinet and cannot be read as one; the message says why and ends without a full stop."""


def list_cabinet(data: bytes | mmap.mmap) -> list[str]:
    """The names of the files in a cabinet that stands alone. At most 65535, for that is what its header can count.

    What follows the end of the cabinet is not looked at: a signature lies there.

    Raises:
        DamagedCabinet: cut off, written over, of a version nobody has seen, or one of several that belong together.
    """
    if len(data) < _HEADER.size or data[: len(SIGNATURE)] != SIGNATURE:
        raise DamagedCabinet("it ends within the header of a cabinet")
    _signature, size, first, minor, major, _folders, count, flags, _set, _index = _HEADER.unpack(data[: _HEADER.size])
    if (major, minor) != _VERSION:
        raise DamagedCabinet(f"it is a cabinet of version {major}.{minor}, not {_VERSION[0]}.{_VERSION[1]}")
    if flags & (_PREVIOUS | _NEXT):
        raise DamagedCabinet("it is one of several cabinets that belong together")
    if size > len(data):
        raise DamagedCabinet(
            f"it is a cabinet of {size} bytes of which {len(data)} are there, so perhaps half a download"
        )
    names = []
    for _number in range(count):
        name, first = _entry(data, first, size)
        names.append(name)
    return names


def _entry(data: bytes | mmap.mmap, start: int, size: int) -> tuple[str, int]:
    """The name of the file whose entry starts here, and where the next entry starts."""
    name = start + _FILE.size
    end = data.find(b"\0", name, min(size, name + _LONGEST_NAME + 1))
    if start < _HEADER.size or end <= name:
        raise DamagedCabinet("it is a cabinet whose list of files is damaged")
    attributes = _FILE.unpack(data[start:name])[-1]
    return data[name:end].decode("utf-8" if attributes & _NAME_IS_UTF else "latin-1", "replace"), end + 1
