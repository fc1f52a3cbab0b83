# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Activating a host key online, once.

Internal to the collection activation.kms; not a public interface.

An activation is a quota (10 a host, 6 hosts a key): it is asked for only where this key is not yet activated on this
host, noted on the host before it is asked for, and never sent again after a lost answer: the status decides.
"""

from __future__ import annotations

import dataclasses
import datetime as dt

from .._errors import Failure, Refusal
from .._plan import Seen, Step
from .._windows import licensing as windows
from .._windows.licensing import LICENSED, Licensing, Product
from .._windows.system import System, moment_text, read_moment
from .._world import World
from . import errors
from .keys import KeyWish
from .record import Record, load_record, note

_POLL = 5.0  # seconds between two looks at an activation under way


def activation(wish: KeyWish, seen: Seen, product: Product) -> Step:
    """Ask Microsoft, once. Refuses a re-activation that nobody has asked for."""
    if product.hardware_changed and not wish.reactivate:
        raise Refusal(
            f"the host key {wish.key} was activated here, but the hardware has changed since (a moved virtual "
            "machine, for instance); activating it again spends one of its activations: say reactivate: true "
            "if you mean it",
            name="reactivation_needed",
            advice="Set reactivate: true.",
        )
    if wish.max_activations < 1:
        raise Refusal(
            f"the host key {wish.key} is not activated, and max_activations: 0 does not allow to activate it; "
            "set max_activations: 1, or activation: unmanaged where somebody else activates it",
            name="activation_not_allowed",
            advice="Set max_activations: 1.",
        )

    def predict(before: Seen) -> Seen:
        products = tuple(
            dataclasses.replace(p, license_status=LICENSED) if p.id == product.id else p
            for p in before[Licensing].products
        )
        return before.having(dataclasses.replace(before[Licensing], products=products, is_kms_host=True))

    return Step(
        id="host_key.activate",
        summary=f"activate the host key {wish.key} online (spends one activation)",
        predict=predict,
        run=lambda world: _activate(world, wish, product, seen),
        touches=(Licensing, Record),
        settle=wish.activation_timeout,
        once=True,
        before=f"host key {wish.key} not activated",
        after=f"host key {wish.key} activated",
    )


def _activate(world: World, wish: KeyWish, product: Product, seen: Seen) -> None:
    """Wait for an activation asked for earlier; otherwise note it, then ask.

    The note is read once more: another controller may have made it since this run looked.
    """
    asked = load_record(world).activation_asked(wish.key.last_five)
    if asked is not None and _licensed_within(world, wish, asked, seen[System].version):
        return
    note(world, activating={"key": wish.key.last_five, "at": moment_text(read_moment(world, "LocalDateTime"))})
    doing = f"activating the host key {wish.key}"
    try:
        errors.check_return(windows.activate(world, product.id, wish.activation_timeout), world.host, doing)
    except Failure as problem:
        refused = errors.explained(problem, world.host, doing)
        if refused.code == errors.ACTIVATION_IN_PROGRESS:
            return  # somebody asked before us: the engine looks until it is licensed or its patience ends
        note(world, activating=None)  # answered, so nothing is under way
        raise refused from None
    windows.refresh(world, seen[Licensing].version)


def _licensed_within(world: World, wish: KeyWish, asked: dt.datetime, windows_version: str) -> bool:
    """Poll an activation that an interrupted run asked for, for as long as it may still be under way."""
    world.log(f"an activation was asked for at {moment_text(asked)} and its end never seen; waiting for it first")
    end = asked + dt.timedelta(seconds=wish.activation_timeout)
    while True:
        rows = windows.read_products(world, windows_version)
        if any(p.license_status == LICENSED and p.partial_product_key.upper() == wish.key.last_five for p in rows):
            return True
        if not asked - dt.timedelta(days=1) < read_moment(world, "LocalDateTime") < end:
            return False
        world.sleep(_POLL)
