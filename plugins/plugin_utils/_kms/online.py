# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Activating a host key online, once.

Internal to the collection activation.kms; not a public interface.

Asked for only where this key is not yet activated on this host, noted on the host before it is asked for, and never
sent again after a lost answer: the status decides.
"""

from __future__ import annotations

import datetime as dt

from .._errors import Failure, Problem, Refusal
from .._plan import Seen, Step
from .._windows import licensing as windows
from .._windows.licensing import KEYS_ONLY, LICENSED, Licensing, Product
from .._windows.system import System, moment_text
from .._world import World
from . import errors
from .activation import licensed, refused
from .hold import noted
from .keys import KeyWish
from .record import Record, load_record, note, rewrite

_POLL, _POLL_MOST = 2.0, 15.0  # seconds between two looks at an activation under way, doubling
_CLOCK_REFUSED = 86400.0  # seconds; Microsoft's servers are asked by HTTPS, whose certificates and tickets have dates


def online(wish: KeyWish, seen: Seen, product: Product) -> Step:
    """Ask Microsoft, once. Raises Refusal where that is not allowed, or cannot work."""
    if wish.max_activations < 1:
        raise Refusal(
            f"the host key {wish.key} is not activated, and max_activations: 0 does not allow to activate it; "
            "set max_activations: 1, or activation: unmanaged where somebody else activates it",
            name="activation_not_allowed",
            advice="Set max_activations: 1.",
        )
    judge_clock(seen[System])
    return Step(
        id="host_key.activate",
        summary=f"activate the host key {wish.key} online (spends one activation)",
        predict=lambda before: licensed(before, product),
        run=lambda world: _activate(world, wish, product, seen),
        touches=(*KEYS_ONLY, Record),
        settle=wish.activation_timeout,
        once=True,
        before=f"host key {wish.key} not activated",
        after=f"host key {wish.key} activated",
    )


def judge_clock(system: System) -> None:
    """Raises Refusal where the host's clock is so wrong that Microsoft would be asked in vain."""
    if abs(system.clock_ahead) <= _CLOCK_REFUSED:
        return
    behind = "ahead of" if system.clock_ahead > 0 else "behind"
    raise Refusal(
        f"the clock of the host is {abs(system.clock_ahead) / 86400:.0f} days {behind} the controller's, and with a "
        "wrong clock an activation fails, and so do the clients of a KMS host (0xC004F06C); set whichever is wrong",
        name="clock_wrong",
        advice="Set the clock of the host (w32tm /resync), or the controller's.",
    )


def _activate(world: World, wish: KeyWish, product: Product, seen: Seen) -> None:
    """Wait for an activation asked for earlier; otherwise note it, then ask.

    The record is read once more: another controller may have noted an activation since this run looked, or ended one,
    and with it the hold that this run has seen.
    """
    record = load_record(world)
    asked = record.activation_asked(wish.key.last_five)
    if asked is not None and _licensed_within(world, wish, product, asked, seen[System]):
        return
    if noted(seen[Record]) and not noted(record) and _licensed(world, product, seen[System]):
        return
    at = moment_text(seen[System].time(world))
    rewrite(world, record, activating={"key": wish.key.last_five, "at": at})
    doing = f"activating the host key {wish.key}"
    try:
        errors.check_return(windows.activate(world, product.id, wish.activation_timeout), world.host, doing)
    except Failure as problem:
        failure = refused(problem, world.host, doing, seen)
        if failure.code == errors.ACTIVATION_IN_PROGRESS:
            return  # somebody asked before us: the engine looks until it is licensed or its patience ends
        _forget(world)
        raise failure from None
    windows.refresh(world, seen[Licensing].version)


def _forget(world: World) -> None:
    """Microsoft has answered, so nothing is under way. The answer must not be lost over a note that cannot be made."""
    try:
        note(world, activating=None)
    except Problem as problem:
        world.log(f"the note about the activation stays: {problem.message}")


def _licensed_within(world: World, wish: KeyWish, product: Product, asked: dt.datetime, system: System) -> bool:
    """Poll an activation that an interrupted run asked for, for as long as it may still be under way."""
    world.log(f"an activation was asked for at {moment_text(asked)} and its end never seen; waiting for it first")
    end, wait = asked + dt.timedelta(seconds=wish.activation_timeout), _POLL
    while True:
        if _licensed(world, product, system):
            return True
        if not asked - dt.timedelta(days=1) < system.time(world) < end:
            return False
        world.sleep(wait)
        wait = min(wait * 2, _POLL_MOST)


def _licensed(world: World, product: Product, system: System) -> bool:
    """Whether the key is activated by now."""
    rows = windows.read_products(world, system.version)
    return any(row.id == product.id and row.license_status == LICENSED for row in rows)
