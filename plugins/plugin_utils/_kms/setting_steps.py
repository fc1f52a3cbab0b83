# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changing the settings of the licensing service, in one step with one restart of the service.

Internal to the collection activation.kms; not a public interface.

Before a host key is installed by the registry, which works on every release; afterwards by the service's own methods
where the release has them, and by the registry where the service refuses. The service reads its settings when it
starts; slmgr.vbs asks for its restart after the port and after the intervals alike.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._errors import Failure
from .._plan import Seen, Step
from .._windows.licensing import (
    SETTINGS,
    WHOLE,
    Generation,
    Licensing,
    Root,
    Values,
    generation,
    set_by_method,
    write_in_registry,
)
from .._windows.services import find_service, restart_service
from .._windows.system import System, moment_text
from .._world import World
from . import setting_values as values
from .hold import held, put_on_hold
from .publication import Zones
from .record import Record, note


def apply(seen: Seen, change: Values, *, hold: bool, restart: bool) -> Step:
    """Write what has to be changed and restart the service once; with the hold before it where that is missing."""
    licensing, kind = seen[Licensing], generation(seen[System].version)
    roots = tuple(licensing.roots) or kind.roots

    def predict(before: Seen) -> Seen:
        now, record = before[Licensing], before[Record]
        after = dataclasses.replace(
            now,
            answers=now.answers or restart,
            shown=values.predicted(now, change),
            roots={name: _predicted(now.roots.get(name, Root()), change, hold) for name in roots},
        )
        if restart:
            noted = values.former(record, now, change) or None
            record = dataclasses.replace(record, service_restart=None, former_settings=noted)
        return before.having(after, held(record, now, roots) if hold else record)

    def run(world: World) -> None:
        if hold:
            put_on_hold(world, licensing, roots)
        if restart:
            _write_and_restart(world, seen, kind, roots, change)

    lines_before, lines_after = values.before(licensing, change), change.given()
    if hold:
        lines_before["automatic_activation"] = "as Windows decides"
        lines_after["automatic_activation"] = "held until the host key is activated"
    return Step(
        id="host_settings.hold" if hold else "host_settings.apply",
        summary=_summary(change, hold),
        predict=predict,
        run=run,
        touches=(*WHOLE, Record, *_zones(change)),
        settle=30.0,
        before=values.lines(lines_before),
        after=values.lines(lines_after),
    )


def _zones(change: Values) -> tuple[type, ...]:
    """Nobody has shown what Windows does about its record when its publishing ends: were it gone, we publish again."""
    return (Zones,) if change.self_publishing is False else ()


def _predicted(root: Root, change: Values, hold: bool) -> Root:
    return dataclasses.replace(root, values=root.values.having(change), manual=1 if hold else root.manual)


def _write_and_restart(world: World, seen: Seen, kind: Generation, roots: tuple[str, ...], change: Values) -> None:
    """Note what was there and that a restart is due, write, restart. A run that dies is taken up by the note."""
    licensing = seen[Licensing]
    noted = values.former(seen[Record], licensing, change)
    note(world, service_restart=moment_text(seen[System].boot_time), former_settings=noted or None)
    for name, value in change.given().items():
        setting = SETTINGS[name]
        by_method = name in kind.by_wmi and licensing.is_kms_host and licensing.answers
        if not (by_method and set_by_method(world, licensing.version, setting, value)):
            write_in_registry(world, roots, setting, value)
    service = find_service(world, kind.services)
    if service is None:
        raise Failure(
            f"{world.host}: the licensing service is not called {' or '.join(kind.services)}, so it could not be "
            "restarted to read its new settings; restart the host and run the play again",
            name="licensing_service_unknown",
        )
    restart_service(world, service)
    note(world, service_restart=None)


def forget() -> Step:
    """A restart of the host has made the service read its settings."""
    return Step(
        id="host_settings.forget",
        summary="forget that the licensing service was to be restarted, the host has been since",
        predict=lambda seen: seen.having(dataclasses.replace(seen[Record], service_restart=None)),
        run=lambda world: t.cast(None, note(world, service_restart=None)),
        touches=(Record,),
        upkeep=True,
    )


def _summary(change: Values, hold: bool) -> str:
    parts = values.words(change)
    if hold:
        quiet = change.self_publishing is False
        parts = values.words(dataclasses.replace(change, self_publishing=None) if quiet else change)
        subject = "self-publishing and automatic activation" if quiet else "automatic activation"
        parts.insert(0, f"hold {subject} until the host key is activated")
    return "; ".join(parts) or "restart the licensing service so that it reads its settings"
