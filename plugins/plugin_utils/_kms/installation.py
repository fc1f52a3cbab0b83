# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installing one update package on a host: copy, run, read the exit code, clean up.

Internal to the collection activation.kms; not a public interface.

A program around Update.exe is run as it is. An .msu is unpacked and its payload given to dism, or to Package Manager on
Vista and Server 2008: wusa.exe may not install from a remote shell (error 5, Microsoft KB 2773898). What exit codes
mean is the business of `installers`.
"""

from __future__ import annotations

from .._errors import Failure, Problem
from .._windows import files
from .._windows.packages import UPDATE_EXE, PackageFile
from .._windows.processes import end_processes
from .._windows.restart import RestartOptions, wait_for_restart
from .._windows.system import BOOT_TOLERANCE, System, moment_text
from .._world import World
from .._wsman.client import Client
from .._wsman.shell import Shell
from .catalogue import MSU, Update
from .installers import PRESENT, RESTARTING, failure, outcome, vouch
from .packages import UpdateWish
from .record import load_record, note
from .witnesses import hotfixes

_COMMAND_TIMEOUT = "command_timeout"  # what the shell calls a command that it had to end
_UNPACK_TIMEOUT = 900.0  # seconds


def install(world: World, update: Update, package: PackageFile, system: System, wish: UpdateWish) -> None:
    """Copy, run, read the exit code, clean up."""
    folder = files.staging_folder(system.windows_directory)
    boot = moment_text(system.boot_time)
    noted = dict(load_record(world).updates_of_boot(system.boot_time, BOOT_TOLERANCE))
    # Written before the installer starts: a controller killed now leaves a host that is known to need its restart.
    note(world, staging=folder, awaiting_restart={"boot": boot, "updates": {**noted, update.id: "started"}})
    try:
        came = _copy_and_run(world, update, package, system, folder, wish)
    except Failure as problem:
        # Certain: nothing was installed. After a lost answer, or for an installer that was cut off, the note stays.
        if problem.name != _COMMAND_TIMEOUT:
            note(world, awaiting_restart={"boot": boot, "updates": noted} if noted else None)
        raise
    if came == PRESENT and update.id not in noted:  # not by an earlier run of this boot either
        note(world, awaiting_restart={"boot": boot, "updates": noted} if noted else None)
        _judge_presence(world, update)
        return
    if came == RESTARTING:
        wait_for_restart(world, system.boot_time, RestartOptions(timeout=wish.reboot_timeout), lambda world: True)
    note(world, awaiting_restart={"boot": boot, "updates": {**noted, update.id: "done"}})


def _judge_presence(world: World, update: Update) -> None:
    """Whether an update that the installer found installed is registered on the host. Raises Failure."""
    if not update.hotfix or hotfixes(Client(world), [update.hotfix]):
        return
    raise Failure(
        f"{world.host}: the installer of {update.title} ended with exit code 2359302 (0x240006), which says that it is "
        f"installed already, but {update.hotfix} is not registered on the host; it may await a restart: restart the "
        f"host; if a later rollup holds it, {vouch(update)}, and run the play again",
        name="update_not_registered",
        advice=f"Look at the host's list of installed updates for {update.hotfix} or a later rollup.",
        code="0x240006",
    )


def _copy_and_run(
    world: World, update: Update, package: PackageFile, system: System, folder: str, wish: UpdateWish
) -> str:
    log = rf"{system.windows_directory}\{update.log}" if update.log else ""
    with files.with_shell(world) as shell:
        own = files.make_folder(shell, world, folder)
        try:
            remote = rf"{own}\{update.id}.{'msu' if update.kind == MSU else 'exe'}"
            files.upload(shell, world, package.path, remote, package.size)
            if update.kind == MSU:
                cabinet = _unpack(world, shell, update, package, remote, own)
                by_dism = wish.known.hosts[system.release].engine == "dism"
                command = dism(cabinet, log) if by_dism else package_manager(cabinet, log)
            else:
                command = f"{remote} {switches(package, update, log, wish)}".strip()
            came = _run(world, shell, update, command, log, own, wish)
        finally:
            _clean_up(world, shell, folder)
        return came


def switches(package: PackageFile, update: Update, log: str, wish: UpdateWish) -> str:
    """The silent switches of a program: the user's, or those of the recognised engine.

    Update.exe restarts the machine without a warning when /quiet comes without /norestart (Microsoft KB 824687).
    """
    given = wish.install_args.get(update.id)
    if given is not None:
        return given
    return f"/quiet /norestart{_told('/log:', log)}" if package.engine == UPDATE_EXE else ""


def dism(cabinet: str, log: str) -> str:
    """The command line that installs a package on Windows 7, Server 2008 R2 and later (dism documentation)."""
    return f"dism.exe /online /add-package /packagepath:{cabinet} /quiet /norestart{_told('/logpath:', log)}"


def package_manager(cabinet: str, log: str) -> str:
    """The command line that installs a package on Vista and Server 2008, which have no dism.

    pkgmgr is a program with a window of its own, for which cmd.exe waits only with start /w. Its switches are from its
    documentation (TechNet cc749465), which wants the folder of an unpacked package after /m; that it takes the .cab
    itself is what published scripts rely on, and was tried on no machine by this collection.
    """
    return f"start /w pkgmgr.exe /ip /m:{cabinet} /quiet /norestart{_told('/l:', log)}"


def _told(switch: str, log: str) -> str:
    """The switch that tells an installer where to write its log; nothing for an update without a log of ours."""
    return f" {switch}{log}" if log else ""


def _unpack(world: World, shell: Shell, update: Update, package: PackageFile, remote: str, folder: str) -> str:
    """Unpack an .msu on the host; the full path of its payload there. Raises Failure."""
    inside = rf"{folder}\{update.id}"
    for command in (f"mkdir {inside}", f"expand.exe -F:* {remote} {inside}"):
        done = shell.run(command, timeout=_UNPACK_TIMEOUT, mutating=True)
        if done.exit_code != 0:
            raise Failure(
                f"{world.host}: the package of {update.title} could not be unpacked on the host ({files.told(done)}); "
                f"make room on its system drive, see that the package {package.path} is whole, and run the play again",
                name="package_unpack",
                advice="Make room on the system drive; get the package again if it is damaged.",
                code=files.number(done.exit_code),
            )
    return rf"{inside}\{package.payload}"


def _run(world: World, shell: Shell, update: Update, command: str, log: str, folder: str, wish: UpdateWish) -> str:
    """Run the installer to its end; how it came out. Raises Failure."""
    try:
        done = shell.run(command, timeout=wish.install_timeout, mutating=True)
    except Failure as problem:
        raise (
            _endless(world, shell, update, log, folder, wish) if problem.name == _COMMAND_TIMEOUT else problem
        ) from None
    came = outcome(done.exit_code)
    if came is None:
        raise failure(world.host, update, done.exit_code, log, _tail(world, shell, log))
    return came


def _endless(world: World, shell: Shell, update: Update, log: str, folder: str, wish: UpdateWish) -> Failure:
    """An installer that does not end: what it left running is ended by its id, and its log is shown."""
    marks = [folder, *([log] if log else [])]  # Update.exe itself runs elsewhere, but is told our log
    ended = end_processes(world, marks)
    last = _tail(world, shell, log)
    where = f"look at {log} there" + (f" (it ends: {last})" if last else "") if log else "look at it there"
    return Failure(
        f"{world.host}: the installer of {update.title} did not end within {wish.install_timeout:.0f} seconds "
        f"(install_timeout) and was terminated{f' with {ended} processes of its own' if ended else ''}; it may have "
        f"waited for a click on the host: {where}, allow more time if it was only slow, and run the play again",
        name=_COMMAND_TIMEOUT,
        advice=f"Read {log or 'the logs of the host'}; raise install_timeout if the installer was only slow.",
    )


def _tail(world: World, shell: Shell, log: str) -> str:
    """The end of the installer's log; "" where it cannot be read, which must not hide what went wrong."""
    try:
        return files.tail(shell, log, files.file_size(world, log) or 0) if log else ""
    except Problem as problem:
        world.log(f"{log} could not be read: {problem.message}")
        return ""


def _clean_up(world: World, shell: Shell, folder: str) -> None:
    """Remove our folder; a host that has gone away keeps it, or what is in use of it, and the record says so."""
    try:
        if files.remove_folder(shell, folder):
            note(world, staging=None)
    except Problem as problem:
        world.log(f"{folder} could not be removed now: {problem.message}")
