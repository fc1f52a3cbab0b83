# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restart that is known to have happened and to be over.

Internal to the collection activation.kms; not a public interface.

Known by the boot time, read several times in a row: a host that is going down still answers for seconds, and one that
comes up may answer, go away and answer again. Never asked of a host whose WinRM does not start by itself.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import typing as t

from .._errors import Failure, OutcomeUnknown, Problem
from .._world import World
from .._wsman.client import Client
from .files import with_shell
from .system import BOOT_TOLERANCE, read_boot_time

_GOOD_READS = 3
_PRIVILEGE = ("0x80041062", "0x00000522")  # WBEM_E_PRIVILEGE_NOT_HELD, ERROR_PRIVILEGE_NOT_HELD
_RETURN_PRIVILEGE = (1314, 0x80041062)
_FORCED_REBOOT = 6  # Win32Shutdown flags: 2 reboot + 4 force
_HEAD_START = 5.0  # seconds Windows keeps answering after it was asked


@dataclasses.dataclass(frozen=True)
class RestartOptions:
    """How to restart. Times in seconds; `reason` goes into the host's event log.

    WMI's restart knows neither delay nor reason, so wishing for one of them means shutdown.exe.
    """

    timeout: float = 600.0
    delay: int | None = None
    reason: str | None = None
    poll: float = 3.0


def restart(
    world: World, booted: dt.datetime, options: RestartOptions, ready: t.Callable[[World], bool] = lambda world: True
) -> None:
    """Restart the host and wait until it is over.

    Args:
        booted: the boot time before.
        ready: what must also hold before the restart counts as over (the licensing service answers, for instance).

    Raises:
        Failure: refused, not happened, or not over within `options.timeout`.
    """
    _ask(world, options)
    world.sleep(min(_HEAD_START, options.poll))
    wait_for_restart(world, booted, options, ready)


def wait_for_restart(
    world: World, booted: dt.datetime, options: RestartOptions, ready: t.Callable[[World], bool]
) -> None:
    """Wait until another boot has been seen several times in a row and `ready` holds."""
    until = world.now() + options.timeout + (options.delay or 0)
    good, seen, last = 0, False, "it still shows the old boot time"
    while world.now() < until:
        try:
            if abs(read_boot_time(world) - booted) > BOOT_TOLERANCE:
                seen = True
                good += 1
                if good >= _GOOD_READS and ready(world):
                    return
                last = "it has restarted, but the licensing service does not answer yet"
            else:
                good = 0
        except Problem as problem:  # down, coming up, or not yet taking logins: all of it is "not yet"
            good, last = 0, problem.message
            world.disconnect()
        world.sleep(options.poll)
    raise _not_over(world.host, options.timeout, seen, last)


def _not_over(host: str, timeout: float, seen: bool, last: str) -> Failure:
    if seen:
        return Failure(
            f"{host} has restarted, but is not ready after {timeout:.0f} seconds ({last}); look at the host, raise "
            "reboot_timeout if it is only slow, and run the play again",
            name="restart_not_ready",
        )
    return Failure(
        f"{host} was asked to restart {timeout:.0f} seconds ago and has not come back restarted ({last}); look at its "
        "console, raise reboot_timeout if it is only slow, and run the play again",
        name="restart_not_seen",
    )


def _ask(world: World, options: RestartOptions) -> None:
    """Ask for the restart; by WMI, by shutdown.exe where WMI may not. A lost answer is as good as a yes."""
    try:
        if options.delay is None and options.reason is None and _ask_wmi(world):
            return
        seconds = max(2, options.delay or 0)  # time for the answer to get out
        reason = (options.reason or "activation.kms: KMS updates take effect").replace('"', "'")
        with with_shell(world) as shell:
            done = shell.run(
                f'shutdown.exe /r /f /t {seconds} /c "{reason}" /d p:4:2',
                timeout=world.operation_timeout,
                mutating=True,
            )
    except OutcomeUnknown:
        return
    if done.exit_code not in (0, 1115, 1190):  # 1115 shutdown in progress, 1190 already scheduled
        raise Failure(
            f"{world.host} refuses to restart (shutdown.exe exit code {done.exit_code}); restart it by hand and run "
            "the play again",
            name="restart_refused",
            code=str(done.exit_code),
        )


def _ask_wmi(world: World) -> bool:
    """Win32_OperatingSystem.Win32Shutdown(6), a forced reboot: Reboot() gives up where someone is logged on.

    Returns False where the WMI provider may not (privilege not held: reported for some releases).
    """
    client = Client(world)
    try:
        output = client.invoke(
            "root/cimv2", "Win32_OperatingSystem", "Win32Shutdown", {"Flags": _FORCED_REBOOT, "Reserved": 0}
        )
    except Failure as problem:
        if problem.code in _PRIVILEGE:
            return False
        raise
    if output.return_value in _RETURN_PRIVILEGE:
        return False
    if output.return_value not in (0, 1115):
        raise Failure(
            f"{world.host} refuses to restart (Win32Shutdown returned {output.return_value}); restart it by hand and "
            "run the play again",
            name="restart_refused",
            code=str(output.return_value),
        )
    return True
