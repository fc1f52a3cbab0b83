# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wished of updates, and the packages at hand for it.

Internal to the collection activation.kms; not a public interface.

The collection ships no package: they are Microsoft's, and the user brings them. Refuses to judge them; that is done in
`package_check`.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._errors import Refusal
from .._plan import Look, Reader
from .._windows.packages import PackageFile, examine
from .._windows.system import System
from .._world import World
from .catalogue import STANDARD, Catalogue
from .serving import chain, wanted_clients
from .updates import Updates


@dataclasses.dataclass(frozen=True)
class UpdateWish:
    """What the user wants of updates.

    `packages` is a controller folder; paths in `package_files` are absolute; `key_group` is that of the host key, where
    the user says it. Times in seconds.
    """

    serve: frozenset[str]
    packages: str | None = None
    package_files: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    checksums: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    install_args: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    install_timeout: float = 1800.0
    reboot_timeout: float = 600.0
    known: Catalogue = STANDARD
    key_group: str | None = None

    @property
    def wanted(self) -> frozenset[str]:
        """The clients the host must know."""
        return wanted_clients(self.serve, self.key_group)


@dataclasses.dataclass(frozen=True)
class Packages:
    """The packages for this machine, by update id.

    `expected`: the name each has; `files`: those at hand of the updates that are going to be installed.
    """

    key: t.ClassVar[str] = "packages"

    expected: t.Mapping[str, str]
    files: t.Mapping[str, PackageFile]

    def as_data(self) -> dict[str, t.Any]:
        """Plain data for results."""
        return {name: package.as_data() for name, package in self.files.items()}


def read_packages(wish: UpdateWish) -> Reader:
    """A reader of the packages folder. Examines only what is going to be installed: a rollup is large."""

    def read(world: World, look: Look) -> Packages:
        system, updates = look[System], look[Updates]
        expected, paths = {}, {}
        names = _folder(world, wish.packages)
        for update in wish.known.for_release(system.release):
            platform = wish.known.hosts[system.release].platform
            name = update.file_name(system.architecture, system.language_code, platform)
            if name is None:
                continue
            expected[update.id] = name
            path = wish.package_files.get(update.id) or names.get(name.lower())
            if path is not None:
                paths[update.id] = path
        try:
            needed = chain(wish.known, system.release, wish.wanted, paths.keys(), updates.installed)
        except Refusal:  # said when the plan is made, after what else speaks against the wish
            needed = []
        return Packages(expected, {name: _examine(world, name, paths[name]) for name in needed if name in paths})

    return read


def _folder(world: World, folder: str | None) -> dict[str, str]:
    """Lower-case file name to path; Windows administrators do not mind the case of a name."""
    if folder is None:
        return {}
    try:
        return {name.lower(): f"{folder.rstrip('/')}/{name}" for name in world.list_folder(folder)}
    except OSError as error:
        raise Refusal(
            f"{world.host}: the packages folder {folder} cannot be read on the controller ({error.strerror}); correct "
            "`packages` or its permissions",
            name="packages_folder_missing",
        ) from None


def _examine(world: World, update: str, path: str) -> PackageFile:
    try:
        with world.open_file(path) as opened:
            return examine(path, opened)
    except OSError as error:
        raise Refusal(
            f"{world.host}: the package {path} for {update} cannot be read on the controller ({error.strerror}); "
            "correct `package_files` or its permissions",
            name="package_missing",
        ) from None
