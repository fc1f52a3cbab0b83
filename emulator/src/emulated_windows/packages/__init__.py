# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins for the installers of all KMS updates: what there is, and writing it to a folder.

Knows the table of packages and their file names. Refuses to know the file formats (program, cabinet) and what
installing one does: the emulated machine reads that from the marker in the file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from ..packaged import read
from .cabinet import build_msu
from .description import ARCHITECTURES, LANGUAGES, MARKER, NOTICE, Package
from .program import build_program

__all__ = [
    "ARCHITECTURES",
    "LANGUAGES",
    "MARKER",
    "NOTICE",
    "UPDATES",
    "Package",
    "build",
    "catalogue",
    "write_packages",
]

_ROWS: list[dict[str, Any]] = read("packages/catalogue.yml")
UPDATES: tuple[str, ...] = tuple(dict.fromkeys(row["update"] for row in _ROWS))


def catalogue(
    language: str = "ENU",
    engine: str = "update.exe",
    updates: Collection[str] = UPDATES,
    architectures: Collection[str] = ARCHITECTURES,
) -> Iterator[Package]:
    """Every installer of these updates. `language` and `engine` are those of the packages for Server 2003."""
    for row in _ROWS:
        for architecture, name in row["files"].items():
            if row["update"] in updates and architecture in architectures:
                msu = name.endswith(".msu")
                yield Package(
                    update=row["update"],
                    kb=row["kb"],
                    windows=row["windows"],
                    architecture=architecture,
                    language="neutral" if msu else language,
                    engine="cbs" if msu else engine,
                    min_service_pack=row.get("service_pack", 0),
                    needs=tuple(row.get("needs", ())),
                    path=Path(name.format(language=language)),
                )


def build(package: Package, padding: int = 0) -> bytes:
    """The bytes of a stand-in, made larger by so many bytes. The same package gives the same bytes."""
    return build_msu(package, padding) if package.engine == "cbs" else build_program(package) + bytes(padding)


def write_packages(folder: Path, packages: Iterable[Package], padding: int) -> Iterator[tuple[Path, str]]:
    """Write the stand-ins; yields path below `folder` and SHA-256."""
    for package in packages:
        content = build(package, padding)
        path = folder / package.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        yield package.path, hashlib.sha256(content).hexdigest()
