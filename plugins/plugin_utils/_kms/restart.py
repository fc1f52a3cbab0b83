# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The restart that KMS updates need before they take effect, and what is said before it.

Internal to the collection activation.kms; not a public interface.

Whoever allows the restart is told what it meets (sessions, cluster, domain controller, what others left pending) and is
not stopped by it. Only a host that could not be reached afterwards is never restarted. What others left pending is no
reason for a restart of ours.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import typing as t

from .._errors import Problem, Refusal
from .._foresight import foresee
from .._plan import EVERYTHING, Look, Observe, Pause, Reader, Resource, Seen, Step
from .._windows.licensing import Licensing, service_answers
from .._windows.restart import RestartOptions, restart
from .._windows.restart_care import UPDATE_SIGN, RestartCare, look_before_restart
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
            the boot it was first asked about (UpdateChain has the only other memory a resource has here).
    """

    name = "restart"
    needs: tuple[type, ...] = (System, Record, Licensing, Updates, RestartCare)
    after: tuple[type[Resource], ...] = (UpdateChain,)

    def __init__(self, allowed: bool, options: RestartOptions, *, always: bool = False) -> None:
        self.allowed = allowed
        self.options = options
        self.always = always
        self._first_boot: dt.datetime | None = None

    def next(self, seen: Seen) -> Step | Pause | Observe | None:
        """The restart, if one is pending; first a look at what it meets, where nobody has looked yet."""
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
        care = seen[RestartCare]
        if not care.read:
            return _CAREFUL_LOOK
        if care.winrm_start_mode != "Auto":
            raise Refusal(
                f"the host must be restarted, but its WinRM service does not start by itself (start mode "
                f"{care.winrm_start_mode}): it would be cut off; set the service WinRM to start automatically "
                "(sc config WinRM start= auto) and run the play again",
                name="winrm_not_automatic",
                advice="sc config WinRM start= auto",
            )
        return restart_step(system, self.options, licensing=seen[Licensing].present or bool(seen[Updates].installed))

    def notices(self, seen: Seen) -> list[str]:
        """What the restart meets, where it is near."""
        care = seen[RestartCare]
        return _met(care) if care.read else []

    def near(self, before: t.Sequence[Resource]) -> t.Callable[[Look], bool]:
        """Whether a restart is pending, asked for, or foreseen by the resources that come before this one."""

        def judge(look: Look) -> bool:
            for resource in (*before, self):
                for part in resource.needs:
                    if part is not RestartCare:
                        look[part]
            seen = look.seen.having(RestartCare())
            try:
                if isinstance(self.next(seen), (Observe, Pause)):
                    return True
                ahead = foresee([*before, self], seen)
            except Problem:
                return False  # the same refusal ends the run before anything is changed
            steps = any(planned.step.touches == EVERYTHING for planned in ahead.plan)
            return steps or any(pause.restart for pause in ahead.pauses)

        return judge


_CAREFUL_LOOK = Observe(
    assume=RestartCare(read=True, winrm_start_mode="Auto"), judge=lambda seen: None, fails=False, name="restart_care"
)


def read_restart_care(wanted: t.Callable[[Look], bool]) -> Reader:
    """A reader of what a restart would meet, which looks only where `wanted`; otherwise it costs nothing."""

    def read(world: World, look: Look) -> RestartCare:
        if not wanted(look):
            return RestartCare()
        care = look_before_restart(world, look[System])
        return dataclasses.replace(care, pending=_of_others(care.pending, look[Updates]))

    return read


def _of_others(signs: t.Sequence[str], updates: Updates) -> tuple[str, ...]:
    """The signs that no KMS update explains. One that awaits its restart may have left most of them itself."""
    if updates.restart_pending:
        return tuple(sign for sign in signs if sign == UPDATE_SIGN)
    return tuple(dict.fromkeys([*updates.pending_signs, *signs]))


def _met(care: RestartCare) -> list[str]:
    """A sentence for each thing that the restart meets."""
    said = []
    if care.sessions is None:
        said.append("who is logged on to the host could not be read; the restart ends every session")
    elif care.sessions:
        said.append(
            f"the host has {care.sessions} interactive log-on session{'s' if care.sessions > 1 else ''}, which the "
            "restart ends without saving anything; reboot_delay and reboot_reason give the users time and a word"
        )
    if care.cluster:
        said.append(
            "the failover cluster service runs on the host, and the restart takes this node out of its cluster; move "
            "its roles to another node first where they must not fail over"
        )
    if care.domain_controller:
        said.append("the host is a domain controller; while it restarts, clients need another one")
    if care.pending:
        said.append(
            f"others left a restart pending on the host ({'; '.join(care.pending)}), and the restart completes that "
            "as well"
        )
    return said


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
