# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What proves that an update is installed: Windows' list of hotfixes, the registry of Update.exe, a table of files.

Internal to the collection activation.kms; not a public interface.

On Server 2003 no single one of them is sure: the list of hotfixes is built from the registry and may lack rows, the
registry keys are cleaned away by administrators, files are put back by others. Any one of them proves an update; where
they disagree, that is said. Refuses to know restarts and clients.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._windows.registry import Registry
from .._windows.system import System
from .._wsman.client import Client
from .._wsman.values import literal
from .catalogue import Update

UPDATES_KEY = r"SOFTWARE\Microsoft\Updates"
_HOTFIXES = "Windows' list of hotfixes (Win32_QuickFixEngineering)"
_KEYS = rf"the registry (HKLM\{UPDATES_KEY})"


@dataclasses.dataclass(frozen=True)
class Testimony:
    """The ids of the updates that are proved, and one sentence for each disagreement."""

    installed: frozenset[str]
    disagreements: tuple[str, ...] = ()


def hotfixes(client: Client, numbers: t.Collection[str]) -> set[str]:
    """Which of these numbers Windows lists as hotfixes. One query; only exact numbers count.

    On Server 2003 the class may hold rows named "File 1"; from Vista on it holds the packages of Windows' component
    store (Win32_QuickFixEngineering documentation).
    """
    if not numbers:
        return set()
    where = " OR ".join(f"HotFixID='{number}'" for number in numbers)
    rows = client.query("root/cimv2", f"SELECT HotFixID FROM Win32_QuickFixEngineering WHERE {where}")
    return {row.text("HotFixID") or "" for row in rows} & set(numbers)


def question(client: Client, rows: t.Sequence[Update], system: System, listed: t.Collection[str]) -> Testimony:
    """Ask the registry and the files as well; Server 2003 only.

    Args:
        listed: the ids of the updates that Windows lists as hotfixes.
    """
    keys = _registry_keys(Registry(client), system)
    registered = {row.id for row in rows if row.hotfix and any(_names(row, key) for key in keys)}
    sizes = _sizes(client, rows, system)
    disagreements = [_differ(row, row.id in listed) for row in rows if (row.id in listed) != (row.id in registered)]
    installed = set(listed) | registered
    for row in rows:
        later = [other.id for other in rows if rows.index(other) >= rows.index(row) and other.id in installed]
        found, small = _compare(row, sizes[row.id])
        if later and small:
            disagreements.append(f"{row.hotfix} or a later update is registered, but {small}")
        elif found and not small and not later:
            installed.add(row.id)
            disagreements.append(
                f"{found}, as after {row.hotfix}, but neither {_HOTFIXES} nor {_KEYS} knows {row.hotfix}"
            )
    return Testimony(frozenset(installed), tuple(disagreements))


def _registry_keys(registry: Registry, system: System) -> set[str]:
    """The subkeys that Update.exe leaves, upper case. The service pack in their path is the one that would follow.

    On x64 the packages are those of Windows XP x64 as well, and may have left that name.
    """
    products = ["Windows Server 2003", *(["Windows XP Version 2003"] if system.architecture == "x64" else [])]
    found: set[str] = set()
    for product in products:
        for pack in ("SP3", "SP2"):
            found |= {name.upper() for name in registry.keys(rf"{UPDATES_KEY}\{product}\{pack}") or []}
    return found


def _names(row: Update, key: str) -> bool:
    """KB948003, and KB948003-v2 as well."""
    return key == row.hotfix or key.startswith(f"{row.hotfix}-V")


def _differ(row: Update, listed: bool) -> str:
    knows, does_not = (_HOTFIXES, _KEYS) if listed else (_KEYS, _HOTFIXES)
    return f"{knows} knows {row.hotfix}, but {does_not} does not"


def _sizes(client: Client, rows: t.Sequence[Update], system: System) -> dict[str, dict[str, tuple[int, int]]]:
    """By update and path: the size in bytes of each file of its table that is there, and the size it should have.

    Full names only: anything else makes CIM_DataFile search the whole disk. One query.
    """
    paths = {rf"{system.windows_directory}\{path}": path for row in rows for path in row.proof}
    if not paths:
        return {row.id: {} for row in rows}
    where = " OR ".join(f"Name={literal(path)}" for path in paths)
    answer = client.query("root/cimv2", f"SELECT FileSize,Name FROM CIM_DataFile WHERE {where}")
    sizes = {(one.text("Name") or "").lower(): one.integer("FileSize") or 0 for one in answer}
    there = {short: sizes[full.lower()] for full, short in paths.items() if full.lower() in sizes}
    return {row.id: {path: (there[path], size) for path, size in row.proof.items() if path in there} for row in rows}


def _compare(row: Update, sizes: t.Mapping[str, tuple[int, int]]) -> tuple[str, str]:
    """(which file speaks for the update, which against it), as words; "" where none does.

    The first file of the table must be there: the paths of the others are not sure. A size counts as "or later".
    """
    if next(iter(row.proof), None) not in sizes:
        return "", ""
    for path, (size, expected) in sizes.items():
        if size < expected:
            return "", f"{path} has {size} bytes, fewer than the {expected} of {row.hotfix}"
    path, (size, _expected) = next(iter(sizes.items()))
    return f"{path} has {size} bytes", ""
