# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stand-in says about itself: the line by which emulated Windows knows the package.

Knows the fields of that line and how it is written and read. Refuses to know where in a file it stands.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

MARKER = b"EMULATED-PACKAGE:"
NOTICE = "Empty stand-in for emulated Windows. Not a Microsoft package."
PUBLISHER = "activation.kms contributors"
ARCHITECTURES = ("x86", "x64")
LANGUAGES = {  # the three letters in package names (LOCALE_SABBREVLANGNAME) and their language identifiers
    "ARA": 0x0401, "CHS": 0x0804, "CHT": 0x0404, "CSY": 0x0405, "DAN": 0x0406, "DEU": 0x0407, "ELL": 0x0408,
    "ENU": 0x0409, "ESN": 0x0C0A, "FIN": 0x040B, "FRA": 0x040C, "HEB": 0x040D, "HUN": 0x040E, "ITA": 0x0410,
    "JPN": 0x0411, "KOR": 0x0412, "NLD": 0x0413, "NOR": 0x0414, "PLK": 0x0415, "PTB": 0x0416, "PTG": 0x0816,
    "RUS": 0x0419, "SVE": 0x041D, "TRK": 0x041F,
}  # fmt: skip


@dataclass(frozen=True)
class Package:
    """One package."""

    update: str
    kb: str | None
    architecture: str
    language: str
    """Three letters, or neutral."""
    engine: str
    """update.exe, unknown (Server 2003) or cbs (.msu)."""
    min_service_pack: int
    windows: str = "5.2"
    """The first two numbers of the Windows version it is for."""
    needs: tuple[str, ...] = ()
    path: Path = Path()
    """File name below the packages folder; not in the marker."""

    def marker(self) -> bytes:
        """The marker line, ready to stand in a file."""
        fields = dataclasses.asdict(self)
        del fields["path"]
        return MARKER + json.dumps(fields).encode("ascii") + b"\n"


def read_marker(text: bytes) -> Package | None:
    """The package a line behind the marker describes; None if it makes no sense."""
    try:
        data = json.loads(text)
        return Package(
            update=data["update"],
            kb=data["kb"],
            architecture=data["architecture"],
            language=data["language"],
            engine=data["engine"],
            min_service_pack=int(data["min_service_pack"]),
            windows=data.get("windows", "5.2"),
            needs=tuple(data.get("needs", ())),
        )
    except (ValueError, KeyError, TypeError):
        return None
