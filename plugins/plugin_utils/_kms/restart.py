# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The restart that KMS updates need before they take effect.

Internal to the collection activation.kms; not a public interface.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import typing as t

from .._errors import Refusal
from .._plan import EVERYTHING, Pause, Resource, Seen, Step
from .._windows.licensing import Licensing, service_answers
from .._windows.restart import RestartOptions, restart
from .._windows.system import BOOT_TOLERANCE, System, moment_text
from .._world import World
from .record import Record, note
from .update_chain import UpdateChain
from .updates import Updates


class Restart(Resource):
    """No KMS update awaits a restart.

    Args:
        allowed: whether we may restart the host; otherwise the run ends well before it.
        always: restart once even when nothing is pending (host_reboot with `if_pending: false`). For that it remembers
            the boot it was first asked about, the only memory a resource of this collection has.
    """

    name = "restart"
    needs: tuple[type, ...] = (System, Record, Licensing, Updates)
    after: tuple[type[Resource], ...] = (UpdateChain,)

    def __init__(self, allowed: bool, options: RestartOptions, *, always: bool = False) -> None:
        self.allowed = allowed
        self.options = options
        self.always = always
        self._first_boot: dt.datetime | None = None

    def next(self, seen: Seen) -> Step | Pause | None:
        """The restart, if one is pending."""
        system, record = seen[System], seen[Record]
        if self._first_boot is None:
            self._first_boot = system.boot_time  # the boot that is running as the run begins
        again = self.always and not system.booted_since(self._first_boot)
        if not seen[Updates].restart_pending and not again:
            return _forget(system, record) if _outdated(system, record) else None
        if not self.allowed:
            return Pause(
                reason="a KMS update awaits the restart of the host, which `reboot: false` does not allow; restart it, "
                "or run again with reboot: true; no host key is installed before that (0xC004F050)",
                result={"reboot_required": True},
                predict=restarted,
                restart=True,
            )
        if system.winrm_start_mode != "Auto":
            raise Refusal(
                f"the host must be restarted, but its WinRM service does not start by itself (start mode "
                f"{system.winrm_start_mode}): it would be cut off; set the service WinRM to start automatically "
                "(sc config WinRM start= auto) and run the play again",
                name="winrm_not_automatic",
                advice="sc config WinRM start= auto",
            )
        return restart_step(system, self.options, licensing=bool(seen[Updates].installed))


def restart_step(system: System, options: RestartOptions, *, licensing: bool) -> Step:
    """The restart as a step. `licensing`: it is over only once the licensing service answers."""

    def run(world: World) -> None:
        restart(world, system.boot_time, options, service_answers if licensing else lambda world: True)
        note(world, awaiting_restart=None)

    return Step(
        id="host_reboot.restart",
        summary="restart the host and wait until it is ready",
        predict=restarted,
        run=run,
        touches=EVERYTHING,
        settle=30.0,
        once=True,
        before=f"running since {moment_text(system.boot_time)}",
        after="restarted",
    )


def restarted(seen: Seen) -> Seen:
    """What will be seen after a restart: a later boot, nothing pending, and, with KMS, the licensing service."""
    system, updates, licensing = seen[System], seen[Updates], seen[Licensing]
    clock = system.clock + dt.timedelta(minutes=5)
    return seen.having(
        dataclasses.replace(system, boot_time=clock, clock=clock),
        dataclasses.replace(updates, restart_pending=False, pending_signs=()),
        dataclasses.replace(seen[Record], awaiting_restart=None),
        dataclasses.replace(licensing, present=licensing.present or bool(updates.installed), answers=True),
    )


def _outdated(system: System, record: Record) -> bool:
    """Whether the record still speaks of an earlier boot."""
    return record.awaiting_restart is not None and not record.updates_of_boot(system.boot_time, BOOT_TOLERANCE)


def _forget(system: System, record: Record) -> Step:
    return Step(
        id="host_reboot.forget",
        summary="forget the restart that has happened",
        predict=lambda seen: seen.having(dataclasses.replace(seen[Record], awaiting_restart=None)),
        run=lambda world: t.cast(None, note(world, awaiting_restart=None)),
        touches=(Record,),
        upkeep=True,
    )
