# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that speaks against a package before it is installed.

Internal to the collection activation.kms; not a public interface.

Judged from the file and its name on the controller, before anything is changed on the host.
"""

from __future__ import annotations

import re
import typing as t

from .._errors import Refusal
from .._windows.authenticode import DAMAGED
from .._windows.packages import MSU as MSU_FILE
from .._windows.packages import UNKNOWN, PackageFile
from .._windows.system import System
from .catalogue import MSU, Catalogue, Update
from .packages import Packages, UpdateWish

_RUNS_ON = {"x86": ("x86",), "x64": ("x86", "x64")}
"""By the host's architecture: what programs it runs. The packages of KMS 1.0 have the same name for both."""


def judged(update: Update, system: System, packages: Packages, wish: UpdateWish) -> PackageFile:
    """The package for an update, with everything that speaks against it said before anything is changed."""
    _judge_service_pack(update, system)
    package = packages.files[update.id]
    _judge_file(update, package, wish)
    if update.kind == MSU:
        _judge_msu(update, system, package, wish)
    else:
        _judge_program(update, system, package, wish)
    return package


def missing(
    updates: t.Sequence[Update], system: System, packages: Packages, wish: UpdateWish, signs: str = ""
) -> Refusal:
    """The refusal that names every package that is not at hand.

    Args:
        signs: what says that the host awaits a restart, where one of the updates may be there and show only after it.
    """
    for update in updates:
        if packages.expected.get(update.id) is None:
            return Refusal(
                f"there is no package of {update.title} for {system.architecture} machines; take the clients it is "
                "for out of `serve`, or use another machine as the host",
                name="package_architecture",
            )
    where = f"in {wish.packages}" if wish.packages else "anywhere, since `packages` names no folder"
    names = " and no file ".join(packages.expected[update.id] for update in updates)
    titles = " and ".join(update.title for update in updates)
    unsure = " (that name is not confirmed)" if any(update.files_unsure for update in updates) else ""
    mapped = ", ".join(f"{update.id}: /path/to/file" for update in updates)
    many = len(updates) > 1
    return Refusal(
        f"{titles} {'are' if many else 'is'} missing: no file {names} {where}{unsure}; get {'them' if many else 'it'} "
        f"from Microsoft and put {'them' if many else 'it'} there, or name your {'files' if many else 'file'} with "
        f"package_files: {{{mapped}}}"
        + (f"; if it was installed since the host was last started, restart the host first ({signs})" if signs else ""),
        name="package_missing",
        advice=f"Put {names.replace(' and no file ', ' and ')} into the packages folder.",
    )


def _judge_service_pack(update: Update, system: System) -> None:
    if system.service_pack < update.min_service_pack:
        raise Refusal(
            f"{update.title} needs Service Pack {update.min_service_pack}, and the host has Service Pack "
            f"{system.service_pack}; install the service pack first, or, if you know that your package takes it, set "
            f"catalogue_overrides: {{{update.id}: {{min_service_pack: {system.service_pack}}}}}",
            name="service_pack_too_low",
            advice="Install the service pack.",
        )


def _judge_file(update: Update, package: PackageFile, wish: UpdateWish) -> None:
    """What holds for a file of any kind."""
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
    if package.signature.state == DAMAGED:
        raise Refusal(
            f"the package {package.path} for {update.id} is not as its signer left it: {package.signature.reason}; "
            "get it again from Microsoft",
            name="package_damaged",
            advice="Get the package again from Microsoft.",
        )


def _judge_msu(update: Update, system: System, package: PackageFile, wish: UpdateWish) -> None:
    if package.engine != MSU_FILE:
        raise Refusal(
            f"the package {package.path} for {update.id} is no .msu package that Windows could be given: "
            f"{package.flaw or 'it does not begin like one'}; get it again",
            name="package_no_msu",
            advice="Get the package again.",
        )
    if package.kb != update.hotfix:
        raise _another(update, package, f"what it holds is named {package.payload}")
    if package.machine != system.architecture:
        raise _wrong_architecture(update, system, package, package.machine)
    if update.id in wish.install_args:
        raise Refusal(
            f"install_args names {update.id}, whose package is given to Windows with switches of our own; leave "
            f"{update.id} out of install_args",
            name="bad_option",
        )


def _judge_program(update: Update, system: System, package: PackageFile, wish: UpdateWish) -> None:
    if package.engine == MSU_FILE:
        raise Refusal(
            f"the package {package.path} for {update.id} is an .msu package of a later Windows ({package.payload}); "
            f"take the program for {update.title}",
            name="package_no_program",
            advice=f"Take the program for {update.title}.",
        )
    if not package.machine:
        raise Refusal(
            f"the package {package.path} for {update.id} is no Windows program, but perhaps a web page or half a "
            "download; get it again",
            name="package_no_program",
            advice="Get the package again.",
        )
    if package.machine not in _RUNS_ON.get(system.architecture, ()):
        raise _wrong_architecture(update, system, package, package.machine)
    _judge_name(update, system, package, wish.known)
    if package.engine == UNKNOWN and update.id not in wish.install_args:
        raise Refusal(
            f"what kind of installer {package.path} for {update.id} is cannot be recognised, so its switches are "
            f'unknown; try them on a test machine and say them with install_args: {{{update.id}: "/q ..."}}',
            name="installer_unknown",
            advice="Say the silent switches with install_args.",
        )


def _judge_name(update: Update, system: System, package: PackageFile, known: Catalogue) -> None:
    """Refuse a package that says itself, or by its name, another update, architecture or language than the host's."""
    given = package.path.rsplit("/", 1)[-1].lower()
    if update.hotfix and package.kb and package.kb != update.hotfix:
        raise _another(update, package, f"it says {package.kb} of itself")
    numbers = {number.upper() for number in re.findall(r"kb\d{5,8}", given)}
    if update.hotfix and numbers and update.hotfix not in numbers:
        raise _another(update, package, f"its name says {', '.join(sorted(numbers))}")
    of_others = {package.kb, *numbers} & ({other.hotfix for other in known.updates.values()} - {"", update.hotfix})
    if not update.hotfix and of_others:  # KMS 1.0 has no number of its own
        raise _another(update, package, f"it is the package of {', '.join(sorted(of_others))}")
    if not update.localized or not given.startswith("windowsserver2003") or not given.endswith(".exe"):
        return
    parts = given[: -len(".exe")].split("-")
    if len(parts) < 4:
        return
    architecture, language = parts[-2], parts[-1].upper()
    if architecture in ("x86", "x64", "ia64") and architecture != system.architecture:
        raise _wrong_architecture(update, system, package, architecture)
    if system.language_code and len(language) == 3 and language != system.language_code:
        raise Refusal(
            f"the package {package.path} for {update.id} is the {language} one, but the host's Windows is "
            f"{system.language_code} (its installer would refuse it); take the {system.language_code} package",
            name="package_language",
        )


def _another(update: Update, package: PackageFile, because: str) -> Refusal:
    right = update.hotfix or update.title
    return Refusal(
        f"the package {package.path} for {update.id} is another one than {right}: {because}; take the package of "
        f"{right}, or correct package_files",
        name="package_other",
        advice=f"Take the package of {right}.",
    )


def _wrong_architecture(update: Update, system: System, package: PackageFile, made_for: str) -> Refusal:
    return Refusal(
        f"the package {package.path} for {update.id} is made for {made_for}, but the host is {system.architecture}; "
        f"take the package for {system.architecture}",
        name="package_architecture",
    )
