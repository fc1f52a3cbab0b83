# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Activating a host key online, once.

Internal to the collection activation.kms; not a public interface.

Asked for only where this key is not yet activated on this host, noted on the host before it is asked for, and never
sent again after a lost answer: the status decides. The note is also the claim by which several controllers agree on one
that asks.
"""

from __future__ import annotations

import contextlib
import datetime as dt

from .._errors import Failure, OutcomeUnknown, Problem, Refusal
from .._plan import Seen, Step
from .._windows import licensing as windows
from .._windows.licensing import KEYS_ONLY, LICENSED, Licensing, Product
from .._windows.system import System, moment_text
from .._world import World
from . import errors
from .activation import licensed, refused
from .keys import KeyWish
from .record import Record, load_record, rewrite

_POLL, _POLL_MOST = 2.0, 15.0  # seconds between two looks at an activation under way, doubling
_AT_LEAST = 300.0  # seconds an activation may be under way, however short the patience of the run that asked
_CLAIM = 1.0  # seconds until a note is looked at again
_FRESH = 60.0  # seconds for which a claim that was seen to stand is acted upon
_TURNS = 3  # how often others may be first
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
    """Wait for an activation asked for earlier; otherwise claim it, look once more, then ask."""
    system = seen[System]
    for _turn in range(_TURNS):
        record = load_record(world)
        asked = record.activation_asked(wish.key.last_five)
        if asked is not None and _licensed_within(world, product, *asked, system):
            return
        since = world.now()
        if not _claimed(world, wish, system, record):
            continue
        if _is_licensed(world, product, system):
            return  # since this run looked, and the note about it is gone already
        if world.now() - since < _FRESH:
            _ask(world, wish, product, seen)
            return
    raise Failure(
        f"{world.host}: other runs ask for the activation of the host key {wish.key} at the same time, so this one has "
        "asked for none; run the play again once they are through",
        name="activation_contested",
        advice="Let one controller at a time manage the host.",
    )


def _claimed(world: World, wish: KeyWish, system: System, record: Record) -> bool:
    """Note that this run asks, and see whether the note is still its own a moment later.

    Two controllers that both found nothing write one after the other: the second note stands, and its writer asks. The
    pause is longer than the way from a look to the note after it. Raises Failure where the note does not stand.
    """
    five, now = wish.key.last_five, system.time(world)
    until = now + dt.timedelta(seconds=max(wish.activation_timeout, _AT_LEAST))
    mine = {"at": moment_text(now), "until": moment_text(until), "by": f"{world.now():.6f}"}
    with contextlib.suppress(OutcomeUnknown):  # what stands there is looked at anyway
        rewrite(world, record, activating={**(record.activating or {}), five: mine})
    world.sleep(_CLAIM)
    found = (load_record(world).activating or {}).get(five)
    if found is None:
        raise Failure(
            f"{world.host}: the note about the activation of the host key {wish.key} could not be made, and without it "
            "no activation is asked for; run the play again",
            name="activation_not_noted",
            advice="Nothing was spent. Run the play again.",
        )
    return found == mine


def _ask(world: World, wish: KeyWish, product: Product, seen: Seen) -> None:
    doing = f"activating the host key {wish.key}"
    try:
        errors.check_return(windows.activate(world, product.id, wish.activation_timeout), world.host, doing)
    except Failure as problem:
        failure = refused(problem, world.host, doing, seen)
        if failure.code == errors.ACTIVATION_IN_PROGRESS:
            return  # somebody asked before us: the engine looks until it is licensed or its patience ends
        if errors.is_settled(failure.code):
            _forget(world, wish)
        raise failure from None
    windows.refresh(world, seen[Licensing].version)


def _forget(world: World, wish: KeyWish) -> None:
    """Nothing is under way. The answer that says so must not be lost over a note that cannot be made."""
    try:
        record = load_record(world)
        others = {key: one for key, one in (record.activating or {}).items() if key != wish.key.last_five}
        rewrite(world, record, activating=others or None)
    except Problem as problem:
        world.log(f"the note about the activation stays: {problem.message}")


def _is_licensed(world: World, product: Product, system: System) -> bool:
    rows = windows.read_keys(world, system.version).products
    return any(row.id == product.id and row.license_status == LICENSED for row in rows)


def _licensed_within(world: World, product: Product, asked: dt.datetime, end: dt.datetime, system: System) -> bool:
    """Poll an activation that another run asked for, for as long as it may still be under way."""
    world.log(f"an activation was asked for at {moment_text(asked)} and its end never seen; waiting for it first")
    wait = _POLL
    while True:
        if _is_licensed(world, product, system):
            return True
        if not asked - dt.timedelta(days=1) < system.time(world) < end:
            return False
        world.sleep(wait)
        wait = min(wait * 2, _POLL_MOST)
