# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installing one update package on a host: copy, run, read the exit code, clean up.

Internal to the collection activation.kms; not a public interface.

An installer that answers 0 or 3010 has installed the update, 1641 has also started the restart; anything else is a
failure (Microsoft KB 262841, KB 824687), shown with the end of its log.
"""

from __future__ import annotations

from .._errors import Failure, Problem
from .._windows import files
from .._windows.packages import UPDATE_EXE, PackageFile
from .._windows.restart import RestartOptions, wait_for_restart
from .._windows.system import BOOT_TOLERANCE, System, moment_text
from .._world import World
from .._wsman.shell import Shell
from .catalogue import Update
from .packages import UpdateWish
from .record import load_record, note

_SUCCESS = (0, 3010)
_RESTART_STARTED = 1641
_COMMAND_TIMEOUT = "command_timeout"  # what the shell calls a command that it had to end


def install(world: World, update: Update, package: PackageFile, system: System, wish: UpdateWish) -> None:
    """Copy, run, read the exit code, clean up."""
    folder = files.staging_folder(system.windows_directory)
    boot = moment_text(system.boot_time)
    noted = dict(load_record(world).updates_of_boot(system.boot_time, BOOT_TOLERANCE))
    # Written before the installer starts: a controller killed now leaves a host that is known to need its restart.
    note(world, staging=folder, awaiting_restart={"boot": boot, "updates": {**noted, update.id: "started"}})
    try:
        code = _copy_and_run(world, update, package, system, folder, wish)
    except Failure as problem:
        # Certain: nothing was installed. After a lost answer, or for an installer that was cut off, the note stays.
        if problem.name != _COMMAND_TIMEOUT:
            note(world, awaiting_restart={"boot": boot, "updates": noted} if noted else None)
        raise
    if code == _RESTART_STARTED:
        wait_for_restart(world, system.boot_time, RestartOptions(timeout=wish.reboot_timeout), lambda world: True)
    note(world, awaiting_restart={"boot": boot, "updates": {**noted, update.id: "done"}}, staging=None)


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
    try:
        done = shell.run(f"{remote} {args}".strip(), timeout=wish.install_timeout, mutating=True)
    except Failure as problem:
        raise _endless(world, update, log, wish) if problem.name == _COMMAND_TIMEOUT else problem from None
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


def _endless(world: World, update: Update, log: str, wish: UpdateWish) -> Failure:
    return Failure(
        f"{world.host}: the installer of {update.title} did not end within {wish.install_timeout:.0f} seconds "
        f"(install_timeout) and was terminated; it may have waited for a click on the host: look at {log} there, allow "
        "more time if it was only slow, and run the play again",
        name=_COMMAND_TIMEOUT,
        advice=f"Read {log} on the host; raise install_timeout if the installer was only slow.",
    )


def _clean_up(world: World, shell: Shell, folder: str) -> None:
    """Remove our folder; a host that has gone away keeps it, and the record says so."""
    try:
        files.remove_folder(shell, folder)
    except Problem as problem:
        world.log(f"{folder} could not be removed now: {problem.message}")
