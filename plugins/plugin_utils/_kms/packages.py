# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages at hand, and everything that speaks against one before it is installed.

Internal to the collection activation.kms; not a public interface.

Judged from the file and its name on the controller, before anything is changed on the host. The collection ships no
package: they are Microsoft's, and the user brings them.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._errors import Refusal
from .._plan import Look, Reader
from .._windows.packages import UNKNOWN, PackageFile, examine
from .._windows.system import System
from .._world import World
from .catalogue import STANDARD, Catalogue, Update
from .updates import Updates


@dataclasses.dataclass(frozen=True)
class UpdateWish:
    """What the user wants of updates. `packages` is a controller folder; paths in `package_files` are absolute."""

    serve: frozenset[str]
    packages: str | None = None
    package_files: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    checksums: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    install_args: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    install_timeout: float = 1800.0
    reboot_timeout: float = 600.0
    known: Catalogue = STANDARD


@dataclasses.dataclass(frozen=True)
class Packages:
    """The packages at hand for this machine, by update id; only those that may still be needed are examined."""

    key: t.ClassVar[str] = "packages"

    expected: t.Mapping[str, str]
    files: t.Mapping[str, PackageFile]

    def as_data(self) -> dict[str, t.Any]:
        """Plain data for results."""
        return {name: package.as_data() for name, package in self.files.items()}


def read_packages(wish: UpdateWish) -> Reader:
    """A reader of the packages folder."""

    def read(world: World, look: Look) -> Packages:
        system, updates = look[System], look[Updates]
        expected, found = {}, {}
        names = _folder(world, wish.packages)
        for update in wish.known.for_release(system.release):
            name = update.file_name(system.architecture, system.language_code)
            if name is None:
                continue
            expected[update.id] = name
            path = wish.package_files.get(update.id) or names.get(name.lower())
            if path is not None and update.id not in updates.installed and not wish.serve <= updates.serves:
                found[update.id] = _examine(world, update.id, path)
        return Packages(expected, found)

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


def judged(update: Update, system: System, packages: Packages, wish: UpdateWish) -> PackageFile:
    """The package for an update, with everything that speaks against it said before anything is changed."""
    if system.service_pack < update.min_service_pack:
        raise Refusal(
            f"{update.title} needs Service Pack {update.min_service_pack}, and the host has Service Pack "
            f"{system.service_pack}; install the service pack first, or, if you know that your package takes it, set "
            f"catalogue_overrides: {{{update.id}: {{min_service_pack: {system.service_pack}}}}}",
            name="service_pack_too_low",
            advice="Install the service pack.",
        )
    package = packages.files.get(update.id)
    if package is None:
        raise _missing(update, system, packages, wish)
    if not package.size:
        raise Refusal(f"the package {package.path} for {update.id} is empty; download it again", name="package_empty")
    pinned = wish.checksums.get(update.id)
    if pinned is not None and pinned.lower().removeprefix("sha256:") != package.sha256:
        raise Refusal(
            f"the package {package.path} for {update.id} has the SHA-256 {package.sha256}, not the pinned one; it is "
            "damaged or another file: get it again, or correct package_checksums if the new file is the right one",
            name="package_checksum",
            advice="Get the package again.",
        )
    if not package.machine:
        raise Refusal(
            f"the package {package.path} for {update.id} is no Windows program, but perhaps a web page or half a "
            "download; get it again",
            name="package_no_program",
            advice="Get the package again.",
        )
    if (package.machine, system.architecture) not in (
        ("x86", "x86"),
        ("x86", "x64"),
        ("x64", "x64"),
    ):
        raise Refusal(
            f"the package {package.path} for {update.id} is made for {package.machine}, but the host is "
            f"{system.architecture}; take the package for {system.architecture}",
            name="package_architecture",
        )
    _judge_name(update, system, package)
    if package.engine == UNKNOWN and update.id not in wish.install_args:
        raise Refusal(
            f"what kind of installer {package.path} for {update.id} is cannot be recognised, so its switches are "
            f'unknown; try them on a test machine and say them with install_args: {{{update.id}: "/q ..."}}',
            name="installer_unknown",
            advice="Say the silent switches with install_args.",
        )
    return package


def _missing(update: Update, system: System, packages: Packages, wish: UpdateWish) -> Refusal:
    name = packages.expected.get(update.id)
    if name is None:
        return Refusal(
            f"there is no package of {update.title} for {system.architecture} machines; take the clients it is for out "
            "of `serve`, or use another machine as the host",
            name="package_architecture",
        )
    where = f"in {wish.packages}" if wish.packages else "anywhere, since `packages` names no folder"
    return Refusal(
        f"{update.title} is missing: no file {name} {where}; get it from Microsoft and put it there, or name your file "
        f"with package_files: {{{update.id}: /path/to/file}}",
        name="package_missing",
        advice=f"Put {name} into the packages folder.",
    )


def _judge_name(update: Update, system: System, package: PackageFile) -> None:
    """Refuse a package whose own name says another architecture or language than the host's."""
    given = package.path.rsplit("/", 1)[-1].lower()
    if not update.localized or not given.startswith("windowsserver2003") or not given.endswith(".exe"):
        return
    parts = given[: -len(".exe")].split("-")
    if len(parts) < 4:
        return
    architecture, language = parts[-2], parts[-1].upper()
    if architecture in ("x86", "x64", "ia64") and architecture != system.architecture:
        raise Refusal(
            f"the package {package.path} for {update.id} is for {architecture}, but the host is {system.architecture}; "
            f"take the {system.architecture} package",
            name="package_architecture",
        )
    if system.language_code and len(language) == 3 and language != system.language_code:
        raise Refusal(
            f"the package {package.path} for {update.id} is the {language} one, but the host's Windows is "
            f"{system.language_code} (its installer would refuse it); take the {system.language_code} package",
            name="package_language",
        )
