# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user should know before updates are installed; nothing of it forbids them.

Internal to the collection activation.kms; not a public interface.
"""

from __future__ import annotations

import typing as t

from .._plan import Seen
from .._windows.authenticode import OTHER, UNSIGNED
from .._windows.packages import PackageFile
from .._windows.system import System
from .catalogue import Update, Warn
from .packages import Packages, UpdateWish
from .updates import Updates


def notices(wish: UpdateWish, seen: Seen, needed: t.Sequence[Update]) -> list[str]:
    """Witnesses that disagree; then, of each update to be installed: what is known of it, its signature, its pin."""
    said = contradictions(seen[Updates])
    for update in needed:
        said += [
            f"before {update.id} is installed: {warning.text}"
            for warning in update.warnings
            if _concerns(warning, seen[System])
        ]
        package = seen[Packages].files.get(update.id)
        if package is not None:
            said += _of_package(update, package, pinned=update.id in wish.checksums)
    return said


def contradictions(updates: Updates) -> list[str]:
    """Each disagreement of the witnesses as a warning."""
    return [
        f"what shows that KMS updates are installed does not agree: {text}; the update is taken to be installed"
        for text in updates.disagreements
    ]


def _concerns(warning: Warn, system: System) -> bool:
    if warning.when == "virtual":
        return system.virtual
    return warning.when == "always" or system.edition not in warning.editions


def _of_package(update: Update, package: PackageFile, *, pinned: bool) -> list[str]:
    said = []
    if package.signature.state in (OTHER, UNSIGNED):
        said.append(
            f"the package {package.path} for {update.id} does not carry Microsoft's signature "
            f"({package.signature.reason}); compare it with a copy you trust"
        )
    if not pinned:
        said.append(
            f"the package {package.path} for {update.id} is not pinned; compare it with a copy you trust and pin it "
            f'with package_checksums: {{{update.id}: "sha256:{package.sha256}"}}'
        )
    return said
