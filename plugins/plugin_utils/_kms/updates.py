# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""KMS update packages: which are there, which are missing, whether one awaits its restart.

Internal to the collection activation.kms; not a public interface.

Server 2003 only so far. KMS 1.0 has no number: its witness is the licensing class it brings; the others are registered
as hotfixes. An update that was installed in the boot that is still running has not taken effect: Microsoft's articles
say that a key is refused (0xC004F050) until the restart. Three signs are looked at: our own record, and the two shapes
in which Update.exe is reported to leave its mark.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._errors import Failure, Problem, Refusal
from .._plan import Look, Reader, Resource, Seen, Step
from .._windows import files
from .._windows.licensing import Licensing, Root
from .._windows.packages import UNKNOWN, UPDATE_EXE, PackageFile, examine
from .._windows.restart import RestartOptions, wait_for_restart
from .._windows.system import BOOT_TOLERANCE, System, moment_text
from .._world import World
from .._wsman.client import Client
from .._wsman.registry import Registry
from .._wsman.shell import Shell
from .catalogue import STANDARD, Catalogue, Update
from .record import Record, note

UPDATES_KEY = r"SOFTWARE\Microsoft\Updates"
_SUCCESS = (0, 3010)
_RESTART_STARTED = 1641


@dataclasses.dataclass(frozen=True)
class Updates:
    """The KMS updates of a host."""

    key: t.ClassVar[str] = "updates"

    installed: frozenset[str]
    kms_version: str | None
    restart_pending: bool
    pending_signs: tuple[str, ...] = ()
    serves: frozenset[str] = frozenset()

    def as_data(self) -> dict[str, t.Any]:
        """Plain data for results."""
        return {
            "installed": sorted(self.installed),
            "kms_version": self.kms_version,
            "restart_pending": self.restart_pending,
            "pending_signs": list(self.pending_signs),
            "serves": sorted(self.serves),
        }


def read_updates(known: Catalogue = STANDARD) -> Reader:
    """A reader of the installed KMS updates."""

    def read(world: World, look: Look) -> Updates:
        system, record = look[System], look[Record]
        rows = known.for_release(system.release)
        if not rows:
            return Updates(frozenset(), None, restart_pending=False)
        client = Client(world, world.operation_timeout)
        noted = record.updates_of_boot(system.boot_time, BOOT_TOLERANCE)
        installed = _registered(client, rows) | {name for name, state in noted.items() if state == "done"}
        if look[Licensing].present or installed:
            installed |= {update.id for update in rows if update.witness == "licensing_class"}
        signs = [f"record: {name} was installed in this boot" for name in noted if name in installed]
        signs += _volatile_signs(Registry(client))
        return _updates(system.release, frozenset(installed), tuple(signs), known)

    return read


def _registered(client: Client, rows: t.Sequence[Update]) -> set[str]:
    """The updates Windows has registered: first by Win32_QuickFixEngineering; where it shows none, by the registry.

    On Server 2003 the class is built from the registry and may hold rows named "File 1"; only an exact number counts.
    """
    numbers = {update.hotfix: update.id for update in rows if update.hotfix}
    where = " OR ".join(f"HotFixID='{number}'" for number in numbers)
    answer = client.query("root/cimv2", f"SELECT HotFixID FROM Win32_QuickFixEngineering WHERE {where}")
    found = {numbers[row.text("HotFixID") or ""] for row in answer if row.text("HotFixID") in numbers}
    if found:
        return found
    registry = Registry(client)
    for pack in ("SP3", "SP2"):
        keys = {name.upper() for name in registry.keys(rf"{UPDATES_KEY}\Windows Server 2003\{pack}") or []}
        found |= {name for number, name in numbers.items() if number in keys}
    return found


def _volatile_signs(registry: Registry) -> list[str]:
    """Update.exe's own mark until the next start, in the two shapes that are reported."""
    signs = []
    if registry.number(UPDATES_KEY, "UpdateExeVolatile"):
        signs.append("registry: UpdateExeVolatile")
    if registry.number(UPDATES_KEY + r"\UpdateExeVolatile", "Flags"):
        signs.append("registry: UpdateExeVolatile\\Flags")
    return signs


def _updates(release: str, installed: frozenset[str], signs: tuple[str, ...], known: Catalogue) -> Updates:
    versions = [update.kms_version for update in known.for_release(release) if update.id in installed]
    return Updates(installed, max(versions, default=None), bool(signs), signs, known.serves(release, installed))


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
        return {
            name: {"path": f.path, "size": f.size, "sha256": f.sha256, "engine": f.engine}
            for name, f in self.files.items()
        }


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


class UpdateChain(Resource):
    """The updates that serving the wished clients takes, one step each."""

    name = "updates"
    after: tuple[type[Resource], ...] = ()

    def __init__(self, wish: UpdateWish) -> None:
        self.wish = wish
        self.needs: tuple[type, ...] = (System, Record, Licensing, Updates, Packages)

    def next(self, seen: Seen) -> Step | None:
        """The oldest update that is missing; then what an earlier run left lying about."""
        system, updates, packages, record = seen[System], seen[Updates], seen[Packages], seen[Record]
        chain = self.wish.known.chain(system.release, self.wish.serve, list(packages.files), updates.installed)
        for name in chain:
            if name not in updates.installed:
                update = self.wish.known.updates[name]
                package = _judged(update, system, packages, self.wish)
                return self._step(update, package, system)
        if record.staging:
            return _tidy_folder(record.staging)
        return None

    def warnings(self, seen: Seen) -> list[str]:
        """The digest to pin for each package that is to be installed and was not pinned."""
        files, installed = seen[Packages].files, seen[Updates].installed
        chain = self.wish.known.chain(seen[System].release, self.wish.serve, list(files), installed)
        return [
            f"the package {files[name].path} for {name} is not pinned; compare it with a copy you trust and pin it with "
            f'package_checksums: {{{name}: "sha256:{files[name].sha256}"}}'
            for name in chain
            if name in files and name not in installed and name not in self.wish.checksums
        ]

    def _step(self, update: Update, package: PackageFile, system: System) -> Step:
        def predict(seen: Seen) -> Seen:
            before, licensing = seen[Updates], seen[Licensing]
            if not licensing.present:
                # Which registry root the service will use on Server 2003 is not confirmed: foresight needs any one.
                licensing = dataclasses.replace(licensing, present=True, roots=licensing.roots or {"SL": Root()})
            installed = before.installed | {update.id}
            signs = (*before.pending_signs, f"record: {update.id} was installed in this boot")
            after = _updates(
                system.release, installed, signs if update.restart else before.pending_signs, self.wish.known
            )
            return seen.having(after, licensing)

        def run(world: World) -> None:
            _install(world, update, package, system, self.wish)

        return Step(
            id=f"host_update.{update.id}",
            summary=f"install {update.title}",
            predict=predict,
            run=run,
            touches=(System, Updates, Licensing, Record),
            settle=30.0,
            before="",
            after=f"{update.id} installed",
        )


def _judged(update: Update, system: System, packages: Packages, wish: UpdateWish) -> PackageFile:
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


def _install(world: World, update: Update, package: PackageFile, system: System, wish: UpdateWish) -> None:
    """Copy, run, read the exit code, clean up."""
    folder = files.staging_folder(system.windows_directory)
    boot = moment_text(system.boot_time)
    record = note(world, staging=folder)
    noted = dict(record.updates_of_boot(system.boot_time, BOOT_TOLERANCE))
    # Written before the installer starts: a controller killed now leaves a host that is known to need its restart.
    note(world, awaiting_restart={"boot": boot, "updates": {**noted, update.id: "started"}})
    try:
        code = _copy_and_run(world, update, package, system, folder, wish)
    except Failure as problem:
        # Certain: nothing was installed. After a lost answer, or for an installer that was cut off, the note stays.
        if problem.name != "command_timeout":
            note(world, awaiting_restart={"boot": boot, "updates": noted} if noted else None)
        raise
    note(world, awaiting_restart={"boot": boot, "updates": {**noted, update.id: "done"}}, staging=None)
    if code == _RESTART_STARTED:
        wait_for_restart(world, system.boot_time, RestartOptions(timeout=wish.reboot_timeout), lambda world: True)


def _copy_and_run(
    world: World, update: Update, package: PackageFile, system: System, folder: str, wish: UpdateWish
) -> int:
    with files.with_shell(world) as shell:
        files.make_folder(shell, world, folder)
        try:
            remote = rf"{folder}\{update.id}.exe"
            files.upload(shell, world, package.path, remote, package.size)
            log = rf"{system.windows_directory}\{update.log}"
            return _run_installer(world, shell, update, remote, switches(package, update, log, wish), log, wish)
        finally:
            _clean_up(world, shell, folder)


def switches(package: PackageFile, update: Update, log: str, wish: UpdateWish) -> str:
    """The silent switches: the user's, or those of the recognised engine.

    Update.exe restarts the machine without a warning when /quiet comes without /norestart (Microsoft KB 824687).
    """
    given = wish.install_args.get(update.id)
    if given is not None:
        return given
    return f"/quiet /norestart /log:{log}" if package.engine == UPDATE_EXE else ""


def _run_installer(
    world: World, shell: Shell, update: Update, remote: str, args: str, log: str, wish: UpdateWish
) -> int:
    done = shell.run(f"{remote} {args}".strip(), timeout=wish.install_timeout, mutating=True)
    if done.exit_code in (*_SUCCESS, _RESTART_STARTED):
        return done.exit_code
    number = done.exit_code & 0xFFFFFFFF
    last = files.tail(shell, log)
    raise Failure(
        f"{world.host}: the installer of {update.title} ended with exit code {number} (0x{number:X}); look at {log} on "
        "the host" + (f", which ends: {last}" if last else ""),
        name="installer_failed",
        code=f"0x{number:X}",
        advice=f"Read {log} on the host, put right what it says and run the play again.",
    )


def _clean_up(world: World, shell: Shell, folder: str) -> None:
    """Remove our folder; a host that has gone away keeps it, and the record says so."""
    try:
        files.remove_folder(shell, folder)
    except Problem as problem:
        world.log(f"{folder} could not be removed now: {problem.message}")


def _tidy_folder(folder: str) -> Step:
    """Remove what an interrupted run left."""

    def run(world: World) -> None:
        with files.with_shell(world) as shell:
            files.remove_folder(shell, folder)
        note(world, staging=None)

    return Step(
        id="host_update.tidy",
        summary=f"remove {folder}, left by an interrupted run",
        predict=lambda seen: seen.having(dataclasses.replace(seen[Record], staging=None)),
        run=run,
        touches=(Record,),
        upkeep=True,
    )
